use std::collections::BTreeSet;

use super::*;

#[test]
fn functions_are_sorted_unique_and_described() {
    let names: Vec<&str> = FUNCTIONS.iter().map(|spec| spec.name).collect();
    assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    for spec in FUNCTIONS {
        assert!(spec.doc.ends_with('.') && spec.discloses.ends_with('.'), "{}", spec.name);
        assert!(spec.example.contains(&format!("{}(", spec.name)), "{}", spec.name);
        assert!(!spec.columns.is_empty(), "{}", spec.name);
        let parameters: BTreeSet<&str> = spec.parameters.iter().map(|parameter| parameter.name).collect();
        assert_eq!(parameters.len(), spec.parameters.len(), "{}", spec.name);
        for parameter in spec.parameters {
            assert!(parameter.doc.ends_with('.'), "{} {}", spec.name, parameter.name);
            assert_eq!(parameter.name, parameter.name.to_lowercase());
        }
    }
}

#[test]
fn presets_fit_their_parameters() {
    for (spec, parameter) in FUNCTIONS.iter().flat_map(|spec| spec.parameters.iter().map(move |p| (spec, p)))
    {
        let fits = match (parameter.preset, parameter.kind) {
            (Preset::Number(x), Kind::Number { least, most } | Kind::NumberOr { least, most, .. }) => {
                (least..=most).contains(&x)
            }
            (Preset::Number(x), Kind::Whole { least, most }) => {
                x.fract() == 0.0 && (f64::from(least)..=f64::from(most)).contains(&x)
            }
            (Preset::Word(word), Kind::Word(words) | Kind::NumberOr { words, .. }) => words.contains(&word),
            (Preset::Truth(_), Kind::Truth)
            | (Preset::OtherColumns, Kind::Columns { .. })
            | (Preset::Required | Preset::Absent, _) => true,
            _ => false,
        };
        assert!(fits, "{} {}", spec.name, parameter.name);
        if let Kind::Categories { of } = parameter.kind {
            assert!(
                matches!(spec.parameter(of).map(|p| p.kind), Some(Kind::Columns { .. })),
                "{}",
                spec.name
            );
        }
    }
}

#[test]
fn names_are_found_in_any_case() {
    assert_eq!(find("lasso_Summary").map(|spec| spec.name), Some("LASSO_SUMMARY"));
    assert!(find("lass").is_none());
}

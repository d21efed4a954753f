//! Pictures against the numbers they are drawn of.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;

use super::*;

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<StringArray>())
}

fn doubles(values: &[Option<f64>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<Float64Array>())
}

fn result(columns: Vec<(&str, ArrayRef)>) -> ResultSet {
    RecordBatch::try_from_iter(columns).unwrap().into()
}

fn picture(columns: Vec<(&str, ArrayRef)>) -> Picture {
    Picture::of(&result(columns), &[]).unwrap()
}

fn survival() -> Picture {
    let time = doubles(&[10.0, 20.0, 40.0, 10.0, 20.0, 40.0].map(Some));
    let value = doubles(&[Some(0.9), Some(0.7), Some(0.4), Some(0.95), None, Some(0.8)]);
    let lower = doubles(&[Some(0.8), Some(0.6), Some(0.3), Some(0.9), None, Some(0.7)]);
    let upper = doubles(&[Some(0.95), Some(0.8), Some(0.5), Some(0.99), None, Some(0.9)]);
    let group = texts(&["a", "a", "a", "b", "b", "b"].map(Some));
    picture(vec![("group", group), ("time", time), ("survival", value), ("lower", lower), ("upper", upper)])
}

/// The points of every element of this name and attribute, in pixels.
fn points(svg: &str, element: &str) -> Vec<Vec<(f64, f64)>> {
    let of = |text: &str| {
        let list = text.split("points=\"").nth(1)?.split('"').next()?;
        let point = |pair: &str| {
            let (x, y) = pair.split_once(',')?;
            Some((x.parse().ok()?, y.parse().ok()?))
        };
        list.split_whitespace().map(point).collect::<Option<Vec<(f64, f64)>>>()
    };
    svg.split(&format!("<{element} ")).skip(1).filter_map(of).collect()
}

/// Whether the pixels are the numbers, shifted and stretched: by at most a pixel of difference.
fn assert_drawn(pixels: &[f64], numbers: &[f64]) {
    let ends = |values: &[f64]| {
        (
            values[0],
            *values.iter().max_by(|a, b| (*a - values[0]).abs().total_cmp(&(*b - values[0]).abs())).unwrap(),
        )
    };
    let ((p0, p1), (n0, n1)) = (ends(pixels), ends(numbers));
    assert_eq!(pixels.len(), numbers.len());
    for (pixel, number) in pixels.iter().zip(numbers) {
        let wanted = p0 + (p1 - p0) * (number - n0) / (n1 - n0);
        assert!((pixel - wanted).abs() <= 1.5, "{pixels:?} are not {numbers:?}");
    }
}

#[test]
fn survival_curves_step_through_the_numbers() {
    let svg = draw::svg(&survival().0).unwrap();
    let lines = points(&svg, "polyline");
    let curves: Vec<_> = lines.iter().filter(|line| line.len() >= 5).collect();
    let [first, second] = curves[..] else { panic!("{} curves", curves.len()) };
    let steps = [(0.0, 1.0), (10.0, 1.0), (10.0, 0.9), (20.0, 0.9), (20.0, 0.7), (40.0, 0.7), (40.0, 0.4)];
    // What is withheld is no step.
    let others = [(0.0, 1.0), (10.0, 1.0), (10.0, 0.95), (40.0, 0.95), (40.0, 0.8)];
    for (line, numbers) in [(first, &steps[..]), (second, &others[..])] {
        assert_drawn(
            &line.iter().map(|p| p.0).collect::<Vec<_>>(),
            &numbers.iter().map(|n| n.0).collect::<Vec<_>>(),
        );
        assert_drawn(
            &line.iter().map(|p| p.1).collect::<Vec<_>>(),
            &numbers.iter().map(|n| n.1).collect::<Vec<_>>(),
        );
    }
    // Both on the same axes: equal numbers at equal places.
    assert_eq!((first[0], first[1]), (second[0], second[1]));
    assert!(svg.contains("survival") && svg.contains("time"), "axes have titles");
    assert_eq!(points(&svg, "polygon").len(), 2, "each curve has its interval");
}

#[test]
fn coefficients_have_their_intervals() {
    let model = |ratio: bool| {
        let mut columns = vec![
            ("term", texts(&[Some("intercept"), Some("age"), Some("bmi"), Some("sex=m")])),
            ("coefficient", doubles(&[Some(9.0), Some(0.1), Some(-0.2), None])),
            ("lower", doubles(&[Some(8.0), Some(0.05), Some(-0.3), None])),
            ("upper", doubles(&[Some(10.0), Some(0.15), Some(-0.1), None])),
        ];
        if ratio {
            columns[2] = ("lower", doubles(&[Some(2981.0), Some(1.05), Some(0.74), None]));
            columns[3] = ("upper", doubles(&[Some(22026.0), Some(1.16), Some(0.90), None]));
            columns.push(("odds_ratio", doubles(&[Some(8103.0), Some(1.105), Some(0.819), None])));
        }
        picture(columns)
    };
    let svg = draw::svg(&model(false).0).unwrap();
    let circles: Vec<f64> = svg
        .split("<circle ")
        .skip(1)
        .map(|text| text.split("cx=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(circles.len(), 2, "the intercept and what is withheld are left out");
    // Ticks are shorter, axes are longer, and lines of the mesh stand upright.
    let is_interval = |line: &[(f64, f64)]| {
        line.len() == 2
            && (line[0].1 - line[1].1).abs() < 0.1
            && (20.0..400.0).contains(&(line[1].0 - line[0].0))
    };
    let intervals: Vec<[f64; 2]> = points(&svg, "polyline")
        .into_iter()
        .filter(|line| is_interval(line))
        .map(|line| [line[0].0, line[1].0])
        .collect();
    assert_eq!(intervals.len(), 2);
    let drawn = [circles[0], circles[1], intervals[0][0], intervals[0][1], intervals[1][0], intervals[1][1]];
    assert_drawn(&drawn, &[0.1, -0.2, 0.05, 0.15, -0.3, -0.1]);
    assert!(svg.contains("sex=m (withheld)"));
    let ratios = draw::svg(&model(true).0).unwrap();
    assert!(ratios.contains("odds ratio"), "intervals of ratios are on the axis of ratios");
}

#[test]
fn bars_are_as_long_as_their_numbers() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(10), Some(40), None]));
    let region = texts(&[Some("north"), Some("south"), None]);
    let picture =
        picture(vec![("region", region), ("n", numbers), ("mean", doubles(&[Some(1.5), None, Some(-2.0)]))]);
    let svg = draw::svg(&picture.0).unwrap();
    let attribute = |text: &str, name: &str| -> f64 {
        text.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
    };
    let bars: Vec<f64> = svg
        .split("<rect ")
        .skip(1)
        .filter(|text| text.contains("#0072B2") && attribute(text, "width") > 1.0)
        .map(|text| attribute(text, "width"))
        .collect();
    assert_eq!(bars.len(), 2);
    assert!((bars[1] / bars[0] - 4.0).abs() < 0.05, "{bars:?}");
    assert!(svg.contains("withheld") && svg.contains("NULL") && svg.contains("mean"));
    let text = picture.text(60);
    assert!(text.contains("north") && text.contains("withheld"), "{text}");
    let lengths: Vec<usize> = text.lines().map(|line| line.matches('█').count()).collect();
    assert!(lengths[2] >= 4 * lengths[1] && lengths[1] > 0, "{text}");
}

#[test]
fn paths_maps_and_histograms_are_recognised() {
    let alpha = doubles(&[0.01, 0.1, 1.0, 0.01, 0.1, 1.0].map(Some));
    let term = texts(&["age", "age", "age", "bmi", "bmi", "bmi"].map(Some));
    let coefficient = doubles(&[2.0, 1.5, 0.0, -1.0, -0.5, 0.0].map(Some));
    let path = picture(vec![("alpha", alpha), ("term", term), ("coefficient", coefficient)]);
    let lines: Vec<_> =
        points(&draw::svg(&path.0).unwrap(), "polyline").into_iter().filter(|l| l.len() == 3).collect();
    assert_eq!(lines.len(), 2);
    assert_drawn(&lines[0].iter().map(|p| p.0).collect::<Vec<_>>(), &[-2.0, -1.0, 0.0]);
    assert_drawn(&lines[1].iter().map(|p| p.1).collect::<Vec<_>>(), &[-1.0, -0.5, 0.0]);

    let names = texts(&["a", "a", "b", "b"].map(Some));
    let others = texts(&["a", "b", "a", "b"].map(Some));
    let map = picture(vec![
        ("row", names),
        ("column", others),
        ("value", doubles(&[1.0, -0.5, -0.5, 1.0].map(Some))),
    ]);
    let svg = draw::svg(&map.0).unwrap();
    assert_eq!(svg.matches("-0.50").count(), 2);
    assert!(map.text(80).contains("█1.00"), "{}", map.text(80));

    let lower = doubles(&[0.0, 10.0].map(Some));
    let upper = doubles(&[10.0, 20.0].map(Some));
    let n: ArrayRef = Arc::new(Int64Array::from(vec![30, 12]));
    let histogram = picture(vec![("lower", lower), ("upper", upper), ("n", n)]);
    assert!(histogram.text(60).contains("0 to 10 █"), "{}", histogram.text(60));
}

#[test]
fn what_fits_no_picture_is_refused() {
    for columns in [
        vec![("plan", texts(&[Some("x")]))],
        vec![("n", doubles(&[Some(1.0)]))],
        vec![("region", texts(&[Some("x")])), ("n", doubles(&[None]))],
    ] {
        assert_eq!(Picture::of(&result(columns), &[]).unwrap_err().class, planner::Class::Invalid);
    }
    assert!(Kind::of(Path::new("a.pdf")).is_err());
}

#[test]
fn files_are_of_their_kind() {
    let folder = tempfile::tempdir().unwrap();
    for (name, begin) in [("a.svg", &b"<svg"[..]), ("a.png", b"\x89PNG")] {
        let path = folder.path().join(name);
        survival().write(&path).unwrap();
        assert!(std::fs::read(&path).unwrap().starts_with(begin));
    }
    let text = survival().text(80);
    assert!(text.contains('▲') && text.contains("● a   ▲ b"), "{text}");
}

#[test]
fn axes_have_the_units_of_the_policies() {
    let titles = |units: &[&str]| -> Vec<Title> {
        let unit = |unit: &&str| (!unit.is_empty()).then(|| (*unit).to_owned());
        units.iter().map(|text| Title { name: None, unit: unit(text) }).collect()
    };
    let titled = |columns: Vec<(&str, ArrayRef)>, given: &[&str]| {
        let picture = Picture::of(&result(columns), &titles(given)).unwrap();
        (draw::svg(&picture.0).unwrap(), picture.text(80))
    };
    let numbers = || doubles(&[Some(1.0), Some(0.5)]);
    let terms = || texts(&[Some("age"), Some("bmi")]);
    for (columns, given, title) in [
        (vec![("region", terms()), ("Days", numbers())], vec!["", "days"], "Days (days)"),
        (vec![("age", numbers()), ("n", numbers())], vec!["years", ""], "age (years)"),
        (vec![("time", numbers()), ("survival", numbers())], vec!["months", ""], "time (months)"),
        (
            vec![("term", terms()), ("coefficient", numbers())],
            vec!["", "days per unit"],
            "coefficient (days per unit)",
        ),
        (
            vec![("alpha", numbers()), ("term", terms()), ("coefficient", numbers())],
            vec!["", "", "EUR per unit"],
            "coefficient (EUR per unit)",
        ),
        (
            vec![("lower", numbers()), ("upper", numbers()), ("n", numbers())],
            vec!["EUR", "EUR", ""],
            "value (EUR)",
        ),
    ] {
        let (svg, text) = titled(columns, &given);
        assert!(svg.contains(title), "{title}: {svg}");
        assert!(text.contains(title), "{title}: {text}");
    }
}

#[test]
fn what_a_result_stands_for_is_named() {
    let title = |name: &str| Title { name: (!name.is_empty()).then(|| name.to_owned()), unit: None };
    let groups = || texts(&[Some("f"), Some("m")]);
    let numbers = || doubles(&[Some(1.0), Some(0.5)]);
    let drawn = |columns: Vec<(&str, ArrayRef)>, names: &[&str]| {
        let titles: Vec<Title> = names.iter().map(|name| title(name)).collect();
        let picture = Picture::of(&result(columns), &titles).unwrap();
        draw::svg(&picture.0).unwrap() + &picture.text(80)
    };
    let columns = vec![("group", groups()), ("time", numbers()), ("survival", numbers())];
    let shown = drawn(columns, &["sex", "months", ""]);
    assert!(shown.contains("sex=f") && shown.contains("months"), "{shown}");
    let columns = vec![("row", groups()), ("column", groups()), ("n", numbers())];
    let shown = drawn(columns, &["sex", "region", ""]);
    assert!(shown.contains("n: sex (down) by region (across)"), "{shown}");
    let columns = vec![("group", groups()), ("lower", numbers()), ("upper", numbers()), ("n", numbers())];
    let shown = drawn(columns, &["sex", "age", "age", ""]);
    assert!(shown.contains("n, sex=f") && shown.contains(">\nage\n<"), "{shown}");
}

#[test]
fn more_curves_than_colours_are_dashed() {
    let names: Vec<String> = (0..9).map(|term| format!("x{term}")).collect();
    let cells: Vec<(f64, &str, f64)> = names
        .iter()
        .enumerate()
        .flat_map(|(term, name)| {
            [(0.01, name.as_str(), f64::from(u8::try_from(term).unwrap())), (1.0, name, 0.0)]
        })
        .collect();
    let alpha = doubles(&cells.iter().map(|cell| Some(cell.0)).collect::<Vec<_>>());
    let term = texts(&cells.iter().map(|cell| Some(cell.1)).collect::<Vec<_>>());
    let value = doubles(&cells.iter().map(|cell| Some(cell.2)).collect::<Vec<_>>());
    let path = picture(vec![("alpha", alpha), ("term", term), ("coefficient", value)]);
    let svg = draw::svg(&path.0).unwrap();
    let of_first_colour = svg.matches("stroke=\"#0072B2\"").count();
    assert!(of_first_colour > 10, "one line, its legend, and many dashes: {of_first_colour}");
    assert!(names.iter().all(|name| svg.contains(name.as_str())));
}

//! One column of a drafted policy: its line, and what was assumed.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use arrow::util::display::array_value_to_string;
use planner::catalog::SqlType;

use super::values::Found;
use super::{MIN_PEOPLE, round};

/// Texts with more different values are not listed.
const LISTED_TEXTS: usize = 20;
/// Whole numbers with more different values are a range.
const LISTED_NUMBERS: usize = 8;
/// No more decimals are looked for in floating point numbers.
const DECIMALS: u32 = 4;

/// A column of a drafted policy.
#[derive(Debug)]
pub(super) struct ColumnDraft {
    pub(super) name: String,
    /// The value of its key in `[table.x.column]`; none if it is left out.
    pub(super) declared: Option<String>,
    /// For people: type and domain, or why it is left out.
    pub(super) assumed: String,
}

impl ColumnDraft {
    pub(super) fn new(found: &Found, is_person: bool) -> Self {
        let name = found.name.clone();
        let leave = |why: String| ColumnDraft {
            name: name.clone(),
            declared: None,
            assumed: format!("left out: {why}"),
        };
        if let Some(odd) = odd_name(&name) {
            return leave(odd);
        }
        let Some((sql, values)) = &found.typed else {
            return leave("no value, or of a type that a federation has not".to_owned());
        };
        let (declared, assumed) = if is_person {
            ("allow = [\"join\"]".to_owned(), format!("{sql}, says who a person is"))
        } else {
            match domain(*sql, values) {
                Domain::Unknown(why) => return leave(why),
                Domain::Known { declared, assumed, allow } => {
                    let uses: Vec<String> = allow.iter().map(|word| format!("\"{word}\"")).collect();
                    let declared = format!("{declared}allow = [{}]", uses.join(", "));
                    (declared, format!("{sql}, {assumed}; {}", allow.join(", ")))
                }
            }
        };
        let nullable = if values.null_count() == 0 && !is_person { "nullable = false, " } else { "" };
        let declared = format!("{{ type = \"{sql}\", {nullable}{declared} }}");
        ColumnDraft { name, declared: Some(declared), assumed }
    }
}

/// Why a column of this name cannot be in a policy.
fn odd_name(name: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ');
    let why = if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        "its name must begin with a letter or `_`"
    } else if !name.chars().all(plain) {
        "its name may have letters, digits, `_`, `-` and spaces only"
    } else if name.ends_with(' ') {
        "its name ends with a space"
    } else if name.len() > 128 {
        "its name is longer than 128 bytes"
    } else {
        return None;
    };
    Some(why.to_owned())
}

enum Domain {
    Known {
        /// TOML up to `allow`.
        declared: String,
        assumed: String,
        allow: &'static [&'static str],
    },
    Unknown(String),
}

const MEASURE: &[&str] = &["filter", "aggregate", "model"];
const CATEGORY: &[&str] = &["filter", "group", "model"];
const GRADE: &[&str] = &["filter", "group", "aggregate", "model"];
const DATE: &[&str] = &["filter"];

fn domain(sql: SqlType, values: &ArrayRef) -> Domain {
    match sql {
        SqlType::Boolean => {
            Domain::Known { declared: String::new(), assumed: "true or false".to_owned(), allow: CATEGORY }
        }
        SqlType::Text => text(values),
        SqlType::SmallInt | SqlType::Integer | SqlType::BigInt => whole(values),
        SqlType::Decimal(_, scale) => decimal(values, u32::from(scale.unsigned_abs())),
        SqlType::Real | SqlType::Double => floating(values),
        SqlType::Date | SqlType::Timestamp => moments(sql, values),
    }
}

/// How often each value occurs, if there are at most `most` different ones.
fn counts(values: &ArrayRef, most: usize) -> Option<BTreeMap<String, usize>> {
    let mut counts = BTreeMap::new();
    for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
        *counts.entry(array_value_to_string(values, row).ok()?).or_default() += 1;
        if counts.len() > most {
            return None;
        }
    }
    Some(counts)
}

/// What texts seem to be that are no values of a type only because of how they are written.
fn odd_form(values: &ArrayRef) -> Option<&'static str> {
    let texts = cast(values, &DataType::Utf8).ok()?;
    let all =
        |is: &dyn Fn(&str) -> bool| texts.as_string::<i32>().iter().flatten().all(|text| is(text.trim()));
    if all(&is_day) {
        return Some("dates in another form: write them as 2020-01-31");
    }
    if all(&is_amount) {
        return Some("numbers with signs of a currency or of thousands: write them as 1234.50");
    }
    None
}

/// `31.1.2020`, `2020/01/31`, also before a time.
fn is_day(text: &str) -> bool {
    let day = text.split([' ', 'T']).next().unwrap_or_default();
    let parts: Vec<&str> = day.split(['.', '/', '-']).collect();
    let digits = |part: &&str| matches!(part.len(), 1 | 2 | 4) && part.chars().all(|c| c.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(digits)
}

/// `$1,234.50`, `1.234,50 EUR`.
fn is_amount(text: &str) -> bool {
    let number = text.trim_matches(|c: char| !c.is_ascii_digit());
    let around = text.chars().count() - number.chars().count();
    around <= 4
        && number.starts_with(|c: char| c.is_ascii_digit())
        && number.chars().all(|c| c.is_ascii_digit() || ",.' ".contains(c))
}

/// A closed domain only of values that many rows have: the list is public.
fn text(values: &ArrayRef) -> Domain {
    let Some(counts) = counts(values, LISTED_TEXTS) else {
        return Domain::Unknown(match odd_form(values) {
            Some(what) => what.to_owned(),
            None => format!("text with more than {LISTED_TEXTS} different values"),
        });
    };
    let rare = counts.values().filter(|count| **count < MIN_PEOPLE).count();
    if rare > 0 {
        let of = counts.len();
        return Domain::Unknown(format!(
            "{rare} of its {of} values stand in fewer than {MIN_PEOPLE} rows, and a list of values is public"
        ));
    }
    let listed: Vec<String> = counts.keys().map(|value| toml_string(value)).collect();
    let assumed = counts.keys().cloned().collect::<Vec<_>>().join(", ");
    Domain::Known { declared: format!("values = [{}], ", listed.join(", ")), assumed, allow: CATEGORY }
}

fn whole(values: &ArrayRef) -> Domain {
    let Ok(numbers) = cast(values, &DataType::Int64) else { return Domain::Unknown("no number".to_owned()) };
    if let Some(counts) = counts(values, LISTED_NUMBERS)
        && counts.values().all(|count| *count >= MIN_PEOPLE)
    {
        let mut listed: Vec<i64> = counts.keys().filter_map(|text| text.parse().ok()).collect();
        listed.sort_unstable();
        let listed = listed.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        return Domain::Known { declared: format!("values = [{listed}], "), assumed: listed, allow: GRADE };
    }
    let numbers = numbers.as_primitive::<Int64Type>();
    // A type's own range holds what was rounded beyond it.
    let limits = if *values.data_type() == DataType::Int16 {
        (i128::from(i16::MIN), i128::from(i16::MAX))
    } else if *values.data_type() == DataType::Int32 {
        (i128::from(i32::MIN), i128::from(i32::MAX))
    } else {
        (i128::from(i64::MIN), i128::from(i64::MAX))
    };
    range(numbers.iter().flatten().map(i128::from), 0, "", Some(limits))
}

fn decimal(values: &ArrayRef, scale: u32) -> Domain {
    let numbers = values.as_primitive::<Decimal128Type>();
    range(numbers.iter().flatten(), scale, "", None)
}

fn floating(values: &ArrayRef) -> Domain {
    let numbers: Vec<f64> = values.as_primitive::<Float64Type>().iter().flatten().collect();
    if numbers.iter().any(|value| !value.is_finite() || value.abs() > 1e15) {
        return Domain::Unknown("numbers that are infinite, or larger than 1e15".to_owned());
    }
    let step = (0..=DECIMALS).find(|decimals| numbers.iter().all(|value| is_on_step(*value, *decimals)));
    let decimals = step.unwrap_or(DECIMALS);
    let declared = match step {
        Some(0) => "step = 1, ".to_owned(),
        Some(decimals) => format!("step = {}, ", plain(1, decimals)),
        None => String::new(),
    };
    // Both ends of a rounded value: the range must hold it whatever its further digits are.
    let ends = numbers.iter().flat_map(|value| {
        let scaled = value * 10_f64.powi(decimals.cast_signed());
        [to_whole(scaled.floor()), to_whole(scaled.ceil())]
    });
    let ends: Vec<i128> = if step.is_some() {
        numbers.iter().map(|value| to_whole((value * 10_f64.powi(decimals.cast_signed())).round())).collect()
    } else {
        ends.collect()
    };
    range(ends.into_iter(), decimals, &declared, None)
}

/// Whether a number has at most this many decimals, but for the noise of binary fractions.
fn is_on_step(value: f64, decimals: u32) -> bool {
    let scaled = value * 10_f64.powi(decimals.cast_signed());
    (scaled - scaled.round()).abs() <= 1e-9 * scaled.abs().max(1.0)
}

#[expect(clippy::cast_possible_truncation, reason = "at most 1e15 with four decimals")]
fn to_whole(value: f64) -> i128 {
    value as i128
}

/// Bounds of numbers in units of ten to the minus `decimals`.
fn range(
    numbers: impl Iterator<Item = i128>,
    decimals: u32,
    declared: &str,
    limits: Option<(i128, i128)>,
) -> Domain {
    let found = numbers.fold(None, |ends: Option<(i128, i128)>, number| {
        let (lo, hi) = ends.unwrap_or((number, number));
        Some((lo.min(number), hi.max(number)))
    });
    let Some((lo, hi)) = found else { return Domain::Unknown("no value".to_owned()) };
    let (mut lo, mut hi) = round::outwards(lo, hi);
    if let Some((least, most)) = limits {
        (lo, hi) = (lo.max(least), hi.min(most));
    }
    let (lo, hi) = (plain(lo, decimals), plain(hi, decimals));
    Domain::Known {
        declared: format!("bounds = [{lo}, {hi}], {declared}"),
        assumed: format!("{lo} to {hi}"),
        allow: MEASURE,
    }
}

/// The decimal number `units / 10^decimals`, without trailing zeros.
fn plain(units: i128, decimals: u32) -> String {
    if decimals == 0 {
        return units.to_string();
    }
    let power = 10_u128.pow(decimals);
    let (whole, fraction) = (units.unsigned_abs() / power, units.unsigned_abs() % power);
    let sign = if units < 0 { "-" } else { "" };
    let fraction = format!("{fraction:0width$}", width = decimals as usize);
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        digits => format!("{sign}{whole}.{digits}"),
    }
}

/// Whole years.
fn moments(sql: SqlType, values: &ArrayRef) -> Domain {
    let year = |row: usize| array_value_to_string(values, row).ok()?.get(..4)?.parse::<u16>().ok();
    let years: Vec<Option<u16>> = (0..values.len()).filter(|row| values.is_valid(*row)).map(year).collect();
    let (Some(first), Some(last)) = (years.iter().min(), years.iter().max()) else {
        return Domain::Unknown("no value".to_owned());
    };
    let (Some(first), Some(last)) = (first, last) else {
        return Domain::Unknown("years that do not have four digits".to_owned());
    };
    let end = if sql == SqlType::Date { "" } else { "T23:59:59.999999Z" };
    let begin = if sql == SqlType::Date { "" } else { "T00:00:00Z" };
    Domain::Known {
        declared: format!("bounds = [\"{first:04}-01-01{begin}\", \"{last:04}-12-31{end}\"], "),
        assumed: format!("{first} to {last}"),
        allow: DATE,
    }
}

/// A string of a TOML file.
pub(super) fn toml_string(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, Float64Array, Int32Array, StringArray};

    use super::*;

    fn declared(sql: SqlType, values: ArrayRef) -> Result<String, String> {
        let draft = ColumnDraft::new(&Found { name: "x".to_owned(), typed: Some((sql, values)) }, false);
        draft.declared.ok_or(draft.assumed)
    }

    #[test]
    fn domains_are_rounded_or_listed() {
        let ages: Int32Array = (0..100).map(|row| Some(18 + row % 80)).collect();
        let text = declared(SqlType::Integer, Arc::new(ages)).unwrap();
        assert_eq!(
            text,
            r#"{ type = "INTEGER", nullable = false, bounds = [15, 100], allow = ["filter", "aggregate", "model"] }"#
        );
        let grades: Int32Array = (0..40).map(|row| (row % 4 > 0).then_some(row % 4)).collect();
        let text = declared(SqlType::Integer, Arc::new(grades)).unwrap();
        assert!(text.contains("values = [1, 2, 3], allow = [\"filter\", \"group\""), "{text}");
        let bmi: Float64Array = (0..50).map(|row| Some(18.0 + f64::from(row) * 0.3)).collect();
        let text = declared(SqlType::Double, Arc::new(bmi)).unwrap();
        assert!(text.contains("bounds = [15, 35], step = 0.1,"), "{text}");
        let odd: Float64Array = (1..50).map(|row| Some(1.0 / f64::from(row))).collect();
        let text = declared(SqlType::Double, Arc::new(odd)).unwrap();
        assert!(text.contains("bounds = [0, 1], allow"), "{text}");
        let days: Date32Array = vec![19_782, 20_200].into();
        let text = declared(SqlType::Date, Arc::new(days)).unwrap();
        assert!(text.contains(r#"bounds = ["2024-01-01", "2025-12-31"]"#), "{text}");
    }

    #[test]
    fn rare_values_are_not_published() {
        let of = |texts: &dyn Fn(usize) -> String| {
            let values: StringArray = (0..60).map(|row| Some(texts(row))).collect();
            declared(SqlType::Text, Arc::new(values))
        };
        assert!(of(&|row| ["n", "s"][row % 2].to_owned()).unwrap().contains(r#"values = ["n", "s"]"#));
        let rare = of(&|row| if row == 7 { "rare".to_owned() } else { "n".to_owned() }).unwrap_err();
        assert!(rare.contains("1 of its 2 values"), "{rare}");
        assert!(of(&|row| format!("note {row}")).unwrap_err().contains("different values"));
        assert!(odd_name("a.b").is_some() && odd_name("blood pressure").is_none());
    }

    #[test]
    fn decimals_are_written_plainly() {
        assert_eq!([plain(-1205, 2), plain(100, 2), plain(5, 3)], ["-12.05", "1", "0.005"]);
    }
}

//! A column of `policy.toml`: its type, its domain, what it may be used for.

use std::collections::BTreeSet;

use datafusion::scalar::ScalarValue;

use super::document::{Entry, Section};
use super::value;
use crate::catalog::{Column, Domain, SqlType, Use};
use crate::error::Result;
use crate::nearest::hint;
use crate::plan::Scale;

/// Keys of a column.
const KEYS: [&str; 10] = [
    "type",
    "allow",
    "bounds",
    "values",
    "step",
    "nullable",
    "unit",
    "label",
    "max_bytes",
    "max_rows_per_value",
];
/// `max_bytes` where nothing is declared.
const DEFAULT_MAX_BYTES: u32 = 64;
/// The step of DOUBLE and REAL columns without bounds and without step: about a millionth.
const UNBOUNDED_STEP: f64 = 1.0 / 1_048_576.0;
/// Whole steps beyond this are not exact in DOUBLE.
const MAX_STEPS: f64 = 9_007_199_254_740_992.0;

/// Reads one column.
pub(super) fn parse(entry: &Entry<'_>) -> Result<Column> {
    let section = entry.section()?;
    section.only(&KEYS)?;
    let type_entry = section.require("type")?;
    let sql_type = parse_type(type_entry)?;
    let domain = parse_domain(&section, sql_type)?;
    let scale = parse_scale(&section, sql_type, &domain)?;
    let text = |key: &str| section.get(key).map(|e| e.string().map(str::to_owned)).transpose();
    Ok(Column {
        name: entry.key.to_owned(),
        sql_type,
        domain,
        levels: parse_levels(&section, sql_type)?,
        scale,
        nullable: section.get("nullable").map_or(Ok(true), Entry::boolean)?,
        allow: section.get("allow").map_or(Ok(BTreeSet::new()), parse_allow)?,
        unit: text("unit")?,
        label: text("label")?,
        max_bytes: parse_max_bytes(&section, sql_type)?,
    })
}

/// How many rows of a table of `max_rows` may have the same value of a column, if its policy says so.
pub(super) fn rows_per_value(entry: &Entry<'_>, max_rows: u64) -> Result<Option<u64>> {
    let section = entry.section()?;
    section.get("max_rows_per_value").map(|limit| limit.integer(1, max_rows)).transpose()
}

/// `DECIMAL(10,2)`, in any case.
fn parse_type(entry: &Entry<'_>) -> Result<SqlType> {
    let text = entry.text()?;
    let upper = text.trim().to_uppercase();
    let plain = match upper.as_str() {
        "BOOLEAN" => Some(SqlType::Boolean),
        "SMALLINT" => Some(SqlType::SmallInt),
        "INTEGER" => Some(SqlType::Integer),
        "BIGINT" => Some(SqlType::BigInt),
        "REAL" => Some(SqlType::Real),
        "DOUBLE" => Some(SqlType::Double),
        "DATE" => Some(SqlType::Date),
        "TIMESTAMP" => Some(SqlType::Timestamp),
        "TEXT" => Some(SqlType::Text),
        other => decimal_type(other),
    };
    plain.ok_or_else(|| unknown_type(entry, text, &upper))
}

fn decimal_type(upper: &str) -> Option<SqlType> {
    let inner = upper.strip_prefix("DECIMAL")?.trim_start().strip_prefix('(')?.strip_suffix(')')?;
    let (precision, scale) = inner.split_once(',')?;
    let precision: u8 = precision.trim().parse().ok()?;
    let scale: u8 = scale.trim().parse().ok()?;
    if !(1..=38).contains(&precision) || scale > precision {
        return None;
    }
    Some(SqlType::Decimal(precision, i8::try_from(scale).ok()?))
}

fn unknown_type(entry: &Entry<'_>, text: &str, upper: &str) -> crate::Error {
    let error = entry.error(&format!("unknown type `{text}`"));
    let word = upper.split(['(', ' ']).next().unwrap_or(upper);
    let meant = match word {
        "INT" | "INT4" | "INT32" => "did you mean `INTEGER`?",
        "INT2" | "INT16" | "TINYINT" => "did you mean `SMALLINT`?",
        "INT8" | "INT64" | "LONG" => "did you mean `BIGINT`?",
        "BOOL" => "did you mean `BOOLEAN`?",
        "FLOAT" | "FLOAT8" | "FLOAT64" => "did you mean `DOUBLE`?",
        "FLOAT4" | "FLOAT32" => "did you mean `REAL`?",
        "STRING" | "VARCHAR" | "CHAR" | "UTF8" => "did you mean `TEXT`?",
        "DATETIME" => "did you mean `TIMESTAMP`?",
        "DECIMAL" | "NUMERIC" => "write `DECIMAL(p,s)` with 1 <= p <= 38 and 0 <= s <= p",
        _ => {
            let known = [
                "BOOLEAN",
                "SMALLINT",
                "INTEGER",
                "BIGINT",
                "DECIMAL(p,s)",
                "REAL",
                "DOUBLE",
                "DATE",
                "TIMESTAMP",
                "TEXT",
            ];
            return error.with_hint(hint(text, known, "types"));
        }
    };
    error.with_hint(meant.to_owned())
}

fn parse_domain(section: &Section<'_>, sql_type: SqlType) -> Result<Domain> {
    match (section.get("bounds"), section.get("values")) {
        (Some(bounds), Some(_)) => Err(bounds.error("declare either `bounds` or `values`, not both")),
        (Some(bounds), None) => parse_bounds(bounds, sql_type),
        (None, Some(values)) => parse_values(values, sql_type),
        (None, None) if sql_type == SqlType::Boolean => {
            Ok(Domain::Values(vec![ScalarValue::Boolean(Some(false)), ScalarValue::Boolean(Some(true))]))
        }
        (None, None) => Ok(Domain::Type),
    }
}

fn parse_bounds(entry: &Entry<'_>, sql_type: SqlType) -> Result<Domain> {
    if matches!(sql_type, SqlType::Text | SqlType::Boolean) {
        return Err(entry
            .error(&format!("a {sql_type} column has no bounds"))
            .with_hint("declare `values` instead".to_owned()));
    }
    let list = entry.list()?;
    let [lo, hi] = list.as_slice() else {
        return Err(entry.error(&format!("expected [lowest, highest], found {} elements", list.len())));
    };
    let (lo, hi) = (value::parse(lo, sql_type)?, value::parse(hi, sql_type)?);
    if lo > hi {
        return Err(entry.error("the lowest value is greater than the highest"));
    }
    Ok(Domain::Bounds(lo, hi))
}

/// The closed domain as written.
fn parse_levels(section: &Section<'_>, sql_type: SqlType) -> Result<Vec<ScalarValue>> {
    let Some(entry) = section.get("values") else { return Ok(Vec::new()) };
    entry.list()?.iter().map(|item| value::parse(item, sql_type)).collect()
}

fn parse_values(entry: &Entry<'_>, sql_type: SqlType) -> Result<Domain> {
    let list = entry.list()?;
    if list.is_empty() {
        return Err(entry.error("a closed domain needs at least one value"));
    }
    let mut values: Vec<(ScalarValue, &Entry<'_>)> =
        list.iter().map(|item| Ok((value::parse(item, sql_type)?, item))).collect::<Result<_>>()?;
    values.sort_by(|(a, _), (b, _)| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    if let Some(pair) = values.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(pair[1].1.error(&format!("the value {} occurs twice", pair[0].0)));
    }
    Ok(Domain::Values(values.into_iter().map(|(value, _)| value).collect()))
}

fn parse_scale(section: &Section<'_>, sql_type: SqlType, domain: &Domain) -> Result<Scale> {
    let step = section.get("step");
    match sql_type {
        SqlType::Real | SqlType::Double => {
            let largest = magnitude(domain);
            let Some(entry) = step else { return Ok(Scale::Step(default_step(domain))) };
            match value::double(entry)? {
                Some(step) if step > 0.0 && largest / step <= MAX_STEPS => Ok(Scale::Step(step)),
                Some(step) if step > 0.0 => Err(entry.error("too fine: the domain has more than 2^53 steps")),
                _ => Err(entry.error("must be a number greater than 0")),
            }
        }
        _ if step.is_some() => {
            Err(section.error(&format!("`step` is for DOUBLE and REAL columns, not for {sql_type}")))
        }
        SqlType::Decimal(_, scale) => Ok(Scale::Decimal(scale)),
        SqlType::Boolean
        | SqlType::SmallInt
        | SqlType::Integer
        | SqlType::BigInt
        | SqlType::Date
        | SqlType::Timestamp
        | SqlType::Text => Ok(Scale::Unit),
    }
}

/// The largest power of two that is at most a millionth of the domain's range.
fn default_step(domain: &Domain) -> f64 {
    let Some((lo, hi)) = ends(domain) else { return UNBOUNDED_STEP };
    let largest = lo.abs().max(hi.abs());
    let range = if hi > lo { hi - lo } else { largest.max(1.0) };
    let step = (range * 1e-6).log2().floor().exp2();
    // A narrow range far from 0: as fine as whole steps stay exact.
    if largest / step > MAX_STEPS { (largest / MAX_STEPS).log2().ceil().exp2() } else { step }
}

fn magnitude(domain: &Domain) -> f64 {
    ends(domain).map_or(0.0, |(lo, hi)| lo.abs().max(hi.abs()))
}

/// The ends of a domain of floating point numbers; infinite ranges count as none.
fn ends(domain: &Domain) -> Option<(f64, f64)> {
    let (lo, hi) = match domain {
        Domain::Type => return None,
        Domain::Bounds(lo, hi) => (lo, hi),
        Domain::Values(values) => (values.first()?, values.last()?),
    };
    Some((float(lo)?, float(hi)?)).filter(|(lo, hi)| (hi - lo).is_finite())
}

fn float(value: &ScalarValue) -> Option<f64> {
    if let ScalarValue::Float64(value) = value {
        *value
    } else if let ScalarValue::Float32(value) = value {
        value.map(f64::from)
    } else {
        None
    }
}

fn parse_allow(entry: &Entry<'_>) -> Result<BTreeSet<Use>> {
    let mut allow = BTreeSet::new();
    for item in entry.list()? {
        let word = item.string()?;
        let found = Use::ALL.into_iter().find(|what| what.name() == word.to_lowercase());
        let what = found.ok_or_else(|| {
            item.error(&format!("unknown use `{word}`")).with_hint(hint(
                word,
                Use::ALL.map(Use::name),
                "uses",
            ))
        })?;
        if !allow.insert(what) {
            return Err(item.error(&format!("`{word}` occurs twice")));
        }
    }
    Ok(allow)
}

fn parse_max_bytes(section: &Section<'_>, sql_type: SqlType) -> Result<u32> {
    let Some(entry) = section.get("max_bytes") else { return Ok(DEFAULT_MAX_BYTES) };
    if sql_type != SqlType::Text {
        return Err(entry.error(&format!("is for TEXT columns, not for {sql_type}")));
    }
    Ok(u32::try_from(entry.integer(1, 65_536)?).unwrap_or(DEFAULT_MAX_BYTES))
}

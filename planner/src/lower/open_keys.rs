//! GROUP BY keys of open domains: as planes that are sorted, and as numbers that are read from each group.

use datafusion::logical_expr::{Aggregate, Expr};

use super::emit::name;
use super::facts::{Facts, is_text};
use super::failure;
use super::figure::Sums;
use super::infer::show;
use super::key::Key;
use super::rowset::RowSet;
use super::value::Number;
use super::wants::Want;
use crate::Result;
use crate::plan::{ColumnDef, Encoding, Measure, Range, Reg, RingSize, Scale, width_of};

/// Columns of the rows by which they are grouped.
pub(super) struct OpenKeys {
    /// As planes, the most significant first.
    planes: Vec<usize>,
    /// The bit that a row counts, or would but for a partner that it may not have: the persons of that partner are counted
    /// in its group.
    valid: usize,
    /// What is known of each key, its integers, and the bit that it is NULL.
    keys: Vec<(Facts, usize, Option<usize>)>,
}

impl OpenKeys {
    /// The columns of all keys.
    ///
    /// # Errors
    /// Invalid ("not built") for texts without a closed domain; refused for numbers without bounds.
    pub(super) fn new(aggregate: &Aggregate, rows: &mut RowSet<'_>) -> Result<OpenKeys> {
        let (mut planes, mut keys) = (Vec::new(), Vec::new());
        for key in &aggregate.group_expr {
            let exprs = rows.expressions(key, aggregate.input.schema())?;
            let facts = rows.facts(&exprs)?;
            keys.push(open_key(key, &exprs, facts, rows, &mut planes)?);
        }
        let valid = rows.column(&vec![Want::Candidate; rows.branches().len()], bit("valid".to_owned()))?;
        Ok(OpenKeys { planes, valid, keys })
    }

    /// The keys over groups: measures of the groups.
    pub(super) fn over_groups(&self, sums: &mut Sums<'_>) -> Vec<Key> {
        let mut of = |(facts, value, null): &(Facts, usize, Option<usize>)| {
            let range = facts.range.unwrap_or(Range { lo: 0, hi: 0 }).with_zero();
            let encoding = Encoding::Arithmetic(range.ring().unwrap_or(RingSize::Z128));
            let def = ColumnDef { name: "key".to_owned(), encoding, range };
            let reg = sums.measure(Measure::Same { column: *value }, def);
            let null =
                null.map(|column| sums.measure(Measure::Same { column }, bit("key is NULL".to_owned())));
            let known = null.map(|null| sums.program.not(null));
            let scale = if is_text(&facts.data_type) { Scale::Unit } else { facts.scale };
            Key::shared(facts.clone(), Number { reg, known, scale })
        };
        self.keys.iter().map(&mut of).collect()
    }

    /// The bit that there is such a group, perhaps of rows that do not count.
    pub(super) fn exists(sums: &mut Sums<'_>) -> Reg {
        sums.measure(Measure::Exists, bit("group".to_owned()))
    }

    /// Where the columns came to be: keys, and the bit that a row counts.
    pub(super) fn placed(&self, at: &dyn Fn(usize) -> Result<usize>) -> Result<(Vec<usize>, usize)> {
        let planes = self.planes.iter().map(|column| at(*column)).collect::<Result<_>>()?;
        Ok((planes, at(self.valid)?))
    }
}

fn bit(name: String) -> ColumnDef {
    ColumnDef { name, encoding: Encoding::Bit, range: Range { lo: 0, hi: 1 } }
}

fn open_key(
    key: &Expr,
    exprs: &[Expr],
    facts: Facts,
    rows: &mut RowSet<'_>,
    planes: &mut Vec<usize>,
) -> Result<(Facts, usize, Option<usize>)> {
    let text = is_text(&facts.data_type);
    let dictionary = facts.closed.clone().filter(|_| text);
    if text && dictionary.is_none() {
        return Err(failure::not_built(format!(
            "GROUP BY {}, a text without a closed domain (`values`)",
            show(key)
        )));
    }
    let range = facts.range.ok_or_else(|| failure::bounds(show(key)))?;
    let scale = if text { Scale::Unit } else { facts.scale };
    let width = width_of(range);
    let ring = range.with_zero().ring().filter(|_| width <= 62).ok_or_else(|| failure::bounds(show(key)))?;
    let null = if facts.nullable {
        let wants: Vec<Want> = exprs.iter().cloned().map(Want::IsNull).collect();
        let column = rows.column(&wants, bit(format!("{} is NULL", name(key))))?;
        planes.push(column);
        Some(column)
    } else {
        None
    };
    let in_planes = |offset: i128, width: u32| {
        let want = |expr: &Expr| Want::Planes {
            expr: expr.clone(),
            scale,
            offset,
            planes: width,
            dictionary: dictionary.clone(),
        };
        exprs.iter().map(want).collect::<Vec<Want>>()
    };
    let def = ColumnDef {
        name: name(key),
        encoding: Encoding::Planes(width),
        range: Range { lo: 0, hi: (1 << width) - 1 },
    };
    planes.push(rows.column(&in_planes(range.lo, width), def)?);
    let plain = |expr: &Expr| Want::Plain { expr: expr.clone(), scale, ring, dictionary: dictionary.clone() };
    let wants: Vec<Want> = exprs.iter().map(plain).collect();
    let def = ColumnDef { name: name(key), encoding: Encoding::Arithmetic(ring), range: range.with_zero() };
    let value = rows.column(&wants, def)?;
    Ok((facts, value, null))
}

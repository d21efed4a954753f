//! GROUP BY keys of open domains: as planes that are sorted, and as numbers that are read from each group.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Aggregate, Expr, lit};

use super::emit::name;
use super::facts::{Facts, is_text};
use super::failure;
use super::figure::Sums;
use super::infer::show;
use super::key::Key;
use super::most_groups::most_groups;
use super::rowset::RowSet;
use super::value::Number;
use super::want::Want;
use crate::Result;
use crate::function::text_bytes::{PART_BYTES, text_part};
use crate::plan::{ColumnDef, Encoding, Measure, Range, Reg, RingSize, Scale, width_of};

/// The longest texts that are keys.
const MAX_TEXT_BYTES: u32 = 256;

/// Columns of the rows by which they are grouped.
pub(super) struct OpenKeys {
    /// As planes, the most significant first.
    planes: Vec<usize>,
    /// The bit that a row counts, or would but for a partner that it may not have: the persons of that partner are counted
    /// in its group.
    valid: usize,
    keys: Vec<OpenKey>,
    /// No more groups than these.
    pub(super) most: usize,
}

/// A key.
struct OpenKey {
    facts: Facts,
    /// Its integers; those of all parts of an open text.
    values: Vec<usize>,
    /// The bit that it is NULL.
    null: Option<usize>,
    /// Of each value.
    range: Range,
}

impl OpenKeys {
    /// The columns of all keys.
    ///
    /// # Errors
    /// Invalid ("not built") for texts of unknown or great length; refused for numbers without bounds.
    pub(super) fn new(aggregate: &Aggregate, rows: &mut RowSet<'_>) -> Result<OpenKeys> {
        let (mut planes, mut keys) = (Vec::new(), Vec::new());
        for key in &aggregate.group_expr {
            let exprs = rows.expressions(key, aggregate.input.schema())?;
            let facts = rows.facts(&exprs)?;
            keys.push(open_key(key, &exprs, facts, rows, &mut planes)?);
        }
        let valid = rows.column(&vec![Want::Candidate; rows.branches().len()], bit("valid".to_owned()))?;
        Ok(OpenKeys { planes, valid, keys, most: most_groups(aggregate, rows)? })
    }

    /// The keys over groups: measures of the groups.
    pub(super) fn over_groups(&self, sums: &mut Sums<'_>) -> Vec<Key> {
        let mut of = |key: &OpenKey| {
            let range = key.range.with_zero();
            let encoding = Encoding::Arithmetic(range.ring().unwrap_or(RingSize::Z128));
            let mut same = |column: &usize| {
                let def = ColumnDef { name: "key".to_owned(), encoding, range };
                sums.measure(Measure::Same { column: *column }, def)
            };
            let regs: Vec<Reg> = key.values.iter().map(&mut same).collect();
            let null =
                key.null.map(|column| sums.measure(Measure::Same { column }, bit("key is NULL".to_owned())));
            let known = null.map(|null| sums.program.not(null));
            let facts = key.facts.clone();
            let scale = if is_text(&facts.data_type) { Scale::Unit } else { facts.scale };
            Key::shared(facts, regs.into_iter().map(|reg| Number { reg, known, scale }).collect())
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
) -> Result<OpenKey> {
    let null = if facts.nullable {
        let wants: Vec<Want> = exprs.iter().cloned().map(Want::IsNull).collect();
        let column = rows.column(&wants, bit(format!("{} is NULL", name(key))))?;
        planes.push(column);
        Some(column)
    } else {
        None
    };
    if is_text(&facts.data_type) && facts.closed.is_none() {
        return open_text(key, exprs, facts, null, rows, planes);
    }
    let dictionary = facts.closed.clone().filter(|_| is_text(&facts.data_type));
    let range = facts.range.ok_or_else(|| failure::bounds(show(key)))?;
    let scale = if dictionary.is_some() { Scale::Unit } else { facts.scale };
    let mut columns = Columns { rows, name: name(key), range, scale, dictionary };
    let width = width_of(range);
    if width > 62 {
        return Err(failure::bounds(show(key)));
    }
    planes.push(columns.planes(exprs, width)?);
    let values = vec![columns.values(exprs).map_err(|_| failure::bounds(show(key)))?];
    Ok(OpenKey { facts, values, null, range })
}

/// A text of an open domain: the numbers of all its parts. Where one table gives all texts, the place of each among them
/// stands for it in the sort, which is far narrower.
fn open_text(
    key: &Expr,
    exprs: &[Expr],
    facts: Facts,
    null: Option<usize>,
    rows: &mut RowSet<'_>,
    planes: &mut Vec<usize>,
) -> Result<OpenKey> {
    let most = facts.max_bytes.filter(|most| *most <= MAX_TEXT_BYTES);
    let most = most.ok_or_else(|| {
        failure::not_built(format!(
            "GROUP BY {}, a text that may have more than {MAX_TEXT_BYTES} bytes (`max_bytes`)",
            show(key)
        ))
    })?;
    let ranked = rows.ranked(exprs);
    if let Some(most) = ranked {
        let width = (u64::BITS - most.leading_zeros()).max(1);
        let range = Range { lo: 0, hi: i128::from(most) };
        let encoding = Encoding::Planes(width);
        let def = ColumnDef { name: format!("rank of {}", name(key)), encoding, range };
        let wants: Vec<Want> = exprs.iter().map(|expr| Want::Rank(expr.clone(), encoding, most)).collect();
        planes.push(rows.column(&wants, def)?);
    }
    let width = 8 * PART_BYTES;
    let range = Range { lo: 0, hi: (1 << width) - 1 };
    let mut values = Vec::new();
    for part in 0..most.div_ceil(PART_BYTES).max(1) {
        let exprs: Vec<Expr> =
            exprs.iter().map(|expr| text_part().call(vec![expr.clone(), lit(i64::from(part))])).collect();
        let name = format!("{} (part {})", name(key), part + 1);
        let mut columns = Columns { rows, name, range, scale: Scale::Unit, dictionary: None };
        if ranked.is_none() {
            planes.push(columns.planes(&exprs, width)?);
        }
        values.push(columns.values(&exprs)?);
    }
    Ok(OpenKey { facts, values, null, range })
}

/// Columns of a key: its integers are in this range.
struct Columns<'c, 'a> {
    rows: &'c mut RowSet<'a>,
    name: String,
    range: Range,
    scale: Scale,
    dictionary: Option<Vec<ScalarValue>>,
}

impl Columns<'_, '_> {
    /// As planes, counted from the smallest.
    fn planes(&mut self, exprs: &[Expr], width: u32) -> Result<usize> {
        let want = |expr: &Expr| Want::Planes {
            expr: expr.clone(),
            scale: self.scale,
            offset: self.range.lo,
            planes: width,
            dictionary: self.dictionary.clone(),
        };
        let wants: Vec<Want> = exprs.iter().map(want).collect();
        let range = Range { lo: 0, hi: (1 << width) - 1 };
        let def = ColumnDef { name: self.name.clone(), encoding: Encoding::Planes(width), range };
        self.rows.column(&wants, def)
    }

    /// As numbers.
    fn values(&mut self, exprs: &[Expr]) -> Result<usize> {
        let range = self.range.with_zero();
        let ring = range.ring().ok_or_else(|| failure::internal("a key without a ring"))?;
        let plain = |expr: &Expr| Want::Plain {
            expr: expr.clone(),
            scale: self.scale,
            ring,
            dictionary: self.dictionary.clone(),
        };
        let wants: Vec<Want> = exprs.iter().map(plain).collect();
        let def = ColumnDef { name: self.name.clone(), encoding: Encoding::Arithmetic(ring), range };
        self.rows.column(&wants, def)
    }
}

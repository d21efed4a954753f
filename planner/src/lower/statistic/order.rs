//! `QUANTILES` and `DESCRIBE_STATS`: order statistics without sorting.
//!
//! On a grid of values the i-th smallest is the first value with more than i values up to and including it, so a running
//! sum and one comparison for every value of the grid replace a sort. Quantiles are interpolated linearly between two
//! order statistics (the seventh definition of Hyndman and Fan, The American Statistician 1996, numpy's default).

use datafusion::logical_expr::{LogicalPlan, lit};
use datafusion::scalar::ScalarValue;

use super::cells::{Cells, beside};
use super::rows::{Key, Rows};
use super::{Job, Leaving, released};
use crate::Result;
use crate::catalog::Use;
use crate::function::Variable;
use crate::lower::failure;
use crate::lower::rank::Share;
use crate::plan::{How, Node, Range, RingSize, Rounding};

/// Digits of a quantile's order: 0.1, 0.25, 0.999999.
const DIGITS: usize = 6;

/// A quantile's order as a fraction of whole numbers.
#[derive(Clone, Copy)]
pub(super) struct Order {
    top: i128,
    bottom: i128,
}

impl Order {
    /// From a number of few decimal places.
    pub(super) fn new(q: f64) -> Result<Order> {
        let text = format!("{q}");
        let digits = text.split_once('.').map_or(0, |(_, digits)| digits.len());
        if digits > DIGITS {
            return Err(failure::invalid(format!("`q`: {q} has more than {DIGITS} decimal places")));
        }
        let bottom = 10_i128.pow(u32::try_from(digits).unwrap_or(0));
        let top = text.replace('.', "").parse().map_err(|_| failure::internal("a quantile's order"))?;
        Ok(Order { top, bottom })
    }
}

/// Quantiles of every group: a row for each group and order, with the column `value` and the bit `some`.
///
/// `counts`: per group (if any) and value, `n`. The unit of the result is the grid's over `bottom`, which all orders share.
pub(super) fn quantiles(
    counts: &Cells,
    grid: &Key,
    orders: &[Order],
    bound: i128,
    nodes: &mut Vec<Node>,
) -> Result<(Cells, f64)> {
    let last = counts.shape.len() - 1;
    let groups: usize = counts.shape.iter().take(last).product();
    let (unit, integers) = grid.whole_numbers()?;
    let bottom = orders.iter().map(|order| order.bottom).max().unwrap_or(1);
    let limit = [("n", Range { lo: 0, hi: bound })];
    let counts = counts.ungated().only("n", nodes)?.reshaped(vec![groups, grid.values.len()]);
    let below = counts.fold(1, How::FromStart, &limit, nodes)?;
    let totals = counts.fold(1, How::Sum, &limit, nodes)?;
    // Per group and order: the place (n - 1) q as a whole number and a rest.
    let tops: Vec<i128> = orders.iter().map(|order| order.top * (bottom / order.bottom)).collect();
    let places = beside(&[(totals.spread(1, orders.len()), "")], vec![("top", tops.repeat(groups))], nodes)?;
    let mut registers = places.registers();
    let (n, top) = (registers.get("n")?, registers.get("top")?);
    let last_place = registers.fewer(n, 1, bound)?;
    let scaled = registers.program.multiply(last_place, top)?;
    registers.within(scaled, 0, bound * bottom);
    let place = registers.program.divide_by(scaled, bottom, Rounding::Truncate)?;
    let whole = registers.program.scale(place, bottom)?;
    let rest = registers.program.subtract(scaled, whole)?;
    registers.within(rest, 0, bottom);
    let places = registers.keep(&[(place, "place"), (rest, "rest"), (n, "total")], nodes);
    // Per group, order and value: whether it is below the order statistic at that place, and at the next.
    let mut steps: Vec<i128> = integers.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps.push(0);
    let start = integers.first().copied().unwrap_or_default();
    let end = integers.last().copied().unwrap_or_default();
    let parts = [(below.spread(1, orders.len()), ""), (places.spread(2, grid.values.len()), "")];
    let cells = beside(&parts, vec![("step", steps.repeat(groups * orders.len()))], nodes)?;
    let mut registers = cells.registers();
    let (up_to, place, step) = (registers.get("n")?, registers.get("place")?, registers.get("step")?);
    let mut kept = Vec::new();
    for (name, more) in [("lower", 0), ("upper", 1)] {
        // C <= place: the order statistic lies further on.
        let left = registers.program.subtract(place, up_to)?;
        let left = registers.program.offset(left, more)?;
        let reached = registers.program.negative(left);
        let further = registers.program.not(reached);
        let further = registers.program.arithmetic(further, RingSize::Z64)?;
        kept.push((registers.program.multiply(further, step)?, name));
    }
    let moved = registers.keep(&kept, nodes);
    let reach = Range { lo: 0, hi: end - start };
    let sums = moved.fold(2, How::Sum, &[("lower", reach), ("upper", reach)], nodes)?;
    let both = beside(&[(sums.whole(), ""), (places.whole(), "")], Vec::new(), nodes)?;
    let mut registers = both.registers();
    let (lower, upper, rest) = (registers.get("lower")?, registers.get("upper")?, registers.get("rest")?);
    let apart = registers.program.subtract(upper, lower)?;
    registers.within(apart, 0, end - start);
    let part = registers.program.multiply(apart, rest)?;
    let whole = registers.program.offset(lower, start)?;
    let whole = registers.program.scale(whole, bottom)?;
    let value = registers.program.add(whole, part)?;
    let n = registers.get("total")?;
    let some = registers.at_least(n, 1)?;
    let kept = registers.keep(&[(value, "value"), (some, "some")], nodes);
    #[expect(clippy::cast_precision_loss, reason = "a small power of ten")]
    let bottom = bottom as f64;
    Ok((kept, unit / bottom))
}

/// The smallest and the largest value are shown where owners allow `minmax`.
fn extremes_allowed(job: &Job<'_>, rows: &Rows<'_>, value: &Variable, orders: &[f64]) -> Result<()> {
    if orders.iter().all(|q| *q > 0.0 && *q < 1.0) || rows.allows(value, Use::MinMax)? {
        return Ok(());
    }
    Err(failure::refused(format!(
        "{}: the quantiles 0 and 1 of `{}` are its MIN and MAX, which its owners do not allow (`minmax`)",
        job.function.spec.name, value.name
    )))
}

/// `QUANTILES`: group, q, value.
pub(super) fn lower(job: &mut Job<'_>) -> Result<LogicalPlan> {
    let mut rows = Rows::new(job.function, job.relation, job.federation)?;
    let arguments = &job.function.arguments;
    let (value, by) = (arguments.column("value")?, arguments.optional_column("by"));
    let q = arguments.numbers("q");
    extremes_allowed(job, &rows, value, &q)?;
    let orders = q.iter().map(|q| Order::new(*q)).collect::<Result<Vec<_>>>()?;
    let grid = rows.grid(value, "value")?;
    let counting = rows.known(&[Some(value), by].into_iter().flatten().collect::<Vec<_>>())?;
    let by = by.map(|by| rows.key(by)).transpose()?;
    let keys: Vec<&Key> = by.iter().chain([&grid]).collect();
    rows.count("n", &counting)?;
    rows.table(&keys, &[])?;
    let mut gates = rows.gates(&counting, "persons")?;
    if !rows.allows(value, Use::MinMax)? {
        // The result has its groups for all orders or for none.
        let nearest = q.iter().copied().min_by(|x, y| x.min(1.0 - x).total_cmp(&y.min(1.0 - y)));
        if let Some(share) = nearest.and_then(Share::of) {
            gates = share.with_people_beyond(gates);
        }
    }
    rows.count("n", &counting)?;
    let groups: Vec<&Key> = by.iter().collect();
    rows.table(&groups, &gates)?;
    let bound = rows.bound();
    let tables = rows.finish(job.nodes)?;
    let [counts, persons] = tables.as_slice() else { return Err(failure::internal("two tables of counts")) };
    let (values, unit) = quantiles(counts, &grid, &orders, bound, job.nodes)?;
    let groups = by.as_ref().map_or(1, |by| by.values.len());
    let persons = persons.reshaped(vec![groups]);
    let parts = [(values.whole(), ""), (persons.spread(1, orders.len()), " of group")];
    let cells = beside(&parts, Vec::new(), job.nodes)?;
    let mut registers = cells.registers();
    let outputs = [(registers.get("value")?, "value"), (registers.get("some")?, "some")];
    let kept = registers.keep(&outputs, job.nodes);
    let points = Key::of_numbers("q", &q);
    let group = if by.is_some() { released("group") } else { lit(ScalarValue::Utf8(None)) };
    let exprs = [group, released("q"), released("value")];
    let keys: Vec<(&str, &Key)> = by.iter().map(|by| ("group", by)).chain([("q", &points)]).collect();
    job.release_cells(&kept, &keys, Some("some"), &[Leaving::double("value", unit)], &exprs)
}

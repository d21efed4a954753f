//! `HISTOGRAM`: counts in bins of equal width over the declared domain.
//!
//! The edges are public: those of `numpy.histogram` with the declared bounds as its range, the last bin closed.

use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::lit;
use datafusion::scalar::ScalarValue;

use super::rows::{Key, Rows};
use super::{Job, Leaving, double, number, released};
use crate::Result;
use crate::lower::failure;

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "at most 1000 bins")]
pub(super) fn lower(job: &mut Job<'_>) -> Result<LogicalPlan> {
    let mut rows = Rows::new(job.function, job.relation, job.federation)?;
    let arguments = &job.function.arguments;
    let (value, by) = (arguments.column("value")?, arguments.optional_column("by"));
    let bins = arguments.number("bins")? as i64;
    let (lo, hi) = rows.interval(value)?;
    if lo >= hi {
        return Err(failure::invalid(format!("`value`: `{}` has one value only", value.name)));
    }
    let width = (hi - lo) / bins as f64;
    let edges: Vec<f64> = (1..bins).map(|bin| lo + width * bin as f64).collect();
    let bin = rows.bins(value, &edges)?;
    let by = by.map(|by| rows.key(by)).transpose()?;
    let used: Vec<_> = [Some(value), arguments.optional_column("by")].into_iter().flatten().collect();
    let counting = rows.known(&used)?;
    let gates = rows.gates(&counting, "in a bin")?;
    rows.count("n", &counting)?;
    let keys: Vec<&Key> = by.iter().chain([&bin]).collect();
    rows.table(&keys, &gates)?;
    let multiple = rows.multiple();
    let tables = rows.finish(job.nodes)?;
    let table = tables.first().ok_or_else(|| failure::internal("no table of counts"))?;
    job.notice_rounding(multiple);
    let mut registers = table.registers();
    let n = registers.get("n")?;
    let n = registers.rounded(n, multiple)?;
    let kept = registers.keep(&[(n, "n")], job.nodes);
    let place = double("bin");
    let group = if by.is_some() { released("group") } else { lit(ScalarValue::Utf8(None)) };
    let exprs = [
        group,
        number(lo) + number(width) * place.clone(),
        number(lo) + number(width) * (place + number(1.0)),
        released("n"),
    ];
    let keys: Vec<(&str, &Key)> = by.iter().map(|by| ("group", by)).chain([("bin", &bin)]).collect();
    job.release_cells(&kept, &keys, None, &[Leaving::whole("n")], &exprs)
}

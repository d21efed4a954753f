//! `STANDARDIZED_RATE`: the share of events, directly standardised to a population.
//!
//! `rate = sum_k w_k d_k / n_k` and `variance = sum_k w_k^2 p_k (1 - p_k) / n_k` with the population's shares `w_k` of the
//! strata, `p_k = d_k / n_k`; the interval is `rate +- z sqrt(variance)`. Breslow and Day, Statistical Methods in Cancer
//! Research, volume II, 1987, chapter 2. The shares of the strata stay inside.

use datafusion::arrow::datatypes::DataType;
use datafusion::functions::math::expr_fn::sqrt;
use datafusion::logical_expr::{Expr, LogicalPlan, cast, lit};
use datafusion::scalar::ScalarValue;

use super::cells::{Cells, beside};
use super::rows::{Key, Rows};
use super::{Fixed, Job, Leaving, bits_of, number, released, when};
use crate::Result;
use crate::function::table::distribution::Distribution;
use crate::lower::failure;
use crate::nearest::same_name;
use crate::plan::{How, Node, Range, RingSize};

/// Fraction bits of the weights of strata.
const WEIGHT: u32 = 40;

pub(super) fn lower(job: &mut Job<'_>) -> Result<LogicalPlan> {
    let mut rows = Rows::new(job.function, job.relation, job.federation)?;
    let arguments = &job.function.arguments;
    let (event, strata) = (arguments.column("event")?, arguments.column("strata")?);
    let by = arguments.optional_column("by");
    let happened = rows.event(event)?;
    let counting = rows.known(&[Some(event), Some(strata), by].into_iter().flatten().collect::<Vec<_>>())?;
    let strata = rows.key(strata)?;
    let weights = weights(job, &strata)?;
    let by = by.map(|by| rows.key(by)).transpose()?;
    let keys: Vec<&Key> = by.iter().chain([&strata]).collect();
    let gates = rows.gates(&counting, "of a stratum")?;
    rows.count("n", &counting)?;
    rows.table(&keys, &gates)?;
    rows.count_events("events", &counting, &happened)?;
    rows.table(&keys, &[])?;
    // A rate of few events, or of all but few, tells who these were.
    let both = [rows.event_gates(&counting, &happened)?, rows.event_gates(&counting, &not(&happened))?];
    rows.count_events("in all", &counting, &happened)?;
    rows.table(&by.iter().collect::<Vec<_>>(), &both.concat())?;
    let bound = rows.bound();
    let tables = rows.finish(job.nodes)?;
    let [persons, events, both] = tables.as_slice() else {
        return Err(failure::internal("three tables of counts"));
    };
    let groups = by.as_ref().map_or(1, |by| by.values.len());
    let (sums, [rate_unit, variance_unit]) = weighted(persons, events, &weights, bound, job.nodes)?;
    let shape = sums.shape.clone();
    let mut sides = vec![(sums.whole(), "")];
    if !persons.gates.is_empty() {
        let of_stratum = |stratum| (0..groups).map(|group| group * strata.values.len() + stratum).collect();
        sides.extend(
            (0..strata.values.len())
                .map(|stratum| (persons.at(of_stratum(stratum), shape.clone()), " of a stratum")),
        );
    }
    if !both.gates.is_empty() {
        sides.push((both.at((0..groups).collect(), shape), ""));
    }
    let all = beside(&sides, Vec::new(), job.nodes)?;
    let mut registers = all.registers();
    let empty = registers.get("empty")?;
    let known = registers.program.zero(empty);
    let outputs =
        [(registers.get("rate")?, "rate"), (registers.get("variance")?, "variance"), (known, "known")];
    let kept = registers.keep(&outputs, job.nodes);
    let leaving = [
        Leaving::double("rate", rate_unit).where_known("known"),
        Leaving::double("variance", variance_unit).where_known("known"),
    ];
    let bounds = interval(arguments.number("level")?);
    match &by {
        None => {
            let exprs: Vec<_> = std::iter::once(lit(ScalarValue::Utf8(None))).chain(bounds).collect();
            job.release_row(&kept, &leaving, &exprs)
        }
        Some(by) => {
            let exprs: Vec<_> = std::iter::once(released("group")).chain(bounds).collect();
            job.release_cells(&kept, &[("group", by)], None, &leaving, &exprs)
        }
    }
}

/// The rate and its interval.
fn interval(level: f64) -> [Expr; 3] {
    let z = Distribution::NormalQuantile.call(vec![number(f64::midpoint(1.0, level))]);
    let variance = when(released("variance").lt(number(0.0)), number(0.0), released("variance"));
    let reach = z * sqrt(variance);
    let rate = released("rate");
    [rate.clone(), rate.clone() - reach.clone(), rate + reach]
}

/// Events that did not happen.
fn not(happened: &[Expr]) -> Vec<Expr> {
    happened.iter().map(|event| lit(1_i64) - cast(event.clone(), DataType::Int64)).collect()
}

/// Per group, the sums over strata of weighted shares and their variances, with their units, and of empty strata.
fn weighted(
    persons: &Cells,
    events: &Cells,
    weights: &[i128],
    bound: i128,
    nodes: &mut Vec<Node>,
) -> Result<(Cells, [f64; 2])> {
    let last = persons.shape.len() - 1;
    let groups: usize = persons.shape.iter().take(last).product();
    let persons = persons.ungated();
    let squares: Vec<i128> = weights.iter().map(|weight| (weight * weight) >> WEIGHT).collect();
    let public = vec![("weight", weights.repeat(groups)), ("weight squared", squares.repeat(groups))];
    let cells = beside(&[(persons.whole(), ""), (events.whole(), "")], public, nodes)?;
    let fraction = 58 - bits_of(bound);
    let ones = 1_i128 << fraction;
    let mut registers = cells.registers();
    let (n, d) = (registers.get("n")?, registers.get("events")?);
    let size = Fixed { reg: n, unit: 1.0 };
    let p = registers.ratio(Fixed { reg: d, unit: 1.0 }, size, fraction, Some(1))?;
    registers.within(p.reg, 0, ones);
    let minus = registers.program.scale(p.reg, -1)?;
    let rest = registers.program.offset(minus, ones)?;
    registers.within(rest, 0, ones);
    let both = registers.program.multiply(p.reg, rest)?;
    let both = Fixed { reg: both, unit: p.unit * p.unit };
    let spread = registers.ratio(both, size, 0, Some(ones * ones / 4))?;
    let (weight, square) = (registers.get("weight")?, registers.get("weight squared")?);
    let rate = registers.program.multiply(p.reg, weight)?;
    let coarse = registers.coarser(spread.reg, fraction)?;
    let variance = registers.program.multiply(coarse, square)?;
    let none = registers.program.zero(n);
    let none = registers.program.arithmetic(none, RingSize::Z64)?;
    let (rate, variance) = (registers.wide(rate), registers.wide(variance));
    let terms = registers.keep(&[(rate, "rate"), (variance, "variance"), (none, "empty")], nodes);
    let limit = [("rate", Range { lo: 0, hi: (ones << WEIGHT) * 2 })];
    let sums = terms.fold(last, How::Sum, &limit, nodes)?;
    let weight_unit = 0.5_f64.powi(WEIGHT.cast_signed());
    let variance_unit = spread.unit * 2_f64.powi(fraction.cast_signed()) * weight_unit;
    Ok((sums, [p.unit * weight_unit, variance_unit]))
}

/// The population's share of every stratum in fixed point, from `population => 'young=1200,old=800'`.
#[expect(clippy::cast_possible_truncation, reason = "shares are at most 1")]
fn weights(job: &Job<'_>, strata: &Key) -> Result<Vec<i128>> {
    let text = job.function.arguments.text("population")?;
    let wrong = |message: String| {
        let mut error = failure::invalid(format!("`population`: {message}"));
        let example: Vec<String> = strata.values.iter().map(|value| format!("{value}=1000")).collect();
        error.hint = Some(format!("population => '{}'", example.join(",")));
        error
    };
    let mut found: Vec<Option<f64>> = vec![None; strata.values.len()];
    for entry in text.split(',') {
        let (name, size) =
            entry.rsplit_once('=').ok_or_else(|| wrong(format!("`{}` is no value=size", entry.trim())))?;
        let place = strata.values.iter().position(|value| same_name(&value.to_string(), name.trim()));
        let place =
            place.ok_or_else(|| wrong(format!("`{}` has no value `{}`", strata.name, name.trim())))?;
        let size = size.trim().parse::<f64>().ok().filter(|size| size.is_finite() && *size > 0.0);
        let size = size.ok_or_else(|| wrong(format!("`{}` needs a size greater than 0", name.trim())))?;
        if found[place].replace(size).is_some() {
            return Err(wrong(format!("`{}` is given twice", name.trim())));
        }
    }
    let sizes: Option<Vec<f64>> = found.into_iter().collect();
    let sizes = sizes.ok_or_else(|| wrong(format!("every value of `{}` needs a size", strata.name)))?;
    let total: f64 = sizes.iter().sum();
    Ok(sizes.iter().map(|size| (size / total * 2_f64.powi(WEIGHT.cast_signed())).round() as i128).collect())
}

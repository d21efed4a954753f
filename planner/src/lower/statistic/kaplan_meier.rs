//! `KAPLAN_MEIER`, `MEDIAN_SURVIVAL`, `SURVIVAL_AT`: the survival function on a public time grid.
//!
//! S(t) = product over times up to t of (1 - d / n), with d events and n persons at risk: running sums from the end give
//! n, running products give S. The variance is Greenwood's, the interval the exponential one (log-log scale).
//! Kaplan and Meier, Journal of the American Statistical Association 1958; Greenwood, 1926; Kalbfleisch and Prentice,
//! The Statistical Analysis of Failure Time Data, 2nd edition, section 1.4.
//!
//! Two values of a curve tell d / n of the time between them, and two variances d / (n (n - d)): together the number of
//! events, whatever else is withheld. So where people are withheld, a time is shown only if enough persons of every owner
//! had the event since the last time shown ([`How::Pool`]), and the times between are one step: D / N with the events D
//! since the last time shown and the persons N at risk just after it. That is the estimator on a coarser grid: all that the
//! rows of a result are made of is D and N, which they show; of products over the times between, n and d of each could be
//! solved for, for they are whole numbers. Where each time has enough events of its own, or nobody withholds, nothing changes.
//! See [`merged`](super::merged) for the steps.

use datafusion::functions::math::expr_fn::{exp, ln, round, sqrt};
use datafusion::logical_expr::{Expr, LogicalPlan, lit};
use datafusion::scalar::ScalarValue;

use super::cells::{Cells, Demand, beside};
use super::merged::Steps;
use super::rows::{Key, Rows};
use super::{Fixed, Job, Leaving, bits_of, number, released, when};
use crate::Result;
use crate::catalog::Use;
use crate::function::Variable;
use crate::function::table::distribution::Distribution;
use crate::lower::failure;
use crate::plan::{How, Node, Range, RingSize};

/// Bits of a number of events or persons in fixed point: what a quotient of few rounds takes.
const BITS: u32 = 60;

/// A curve for every group.
pub(super) struct Curves {
    /// `by`, if there is one.
    pub(super) by: Option<Key>,
    /// The times.
    pub(super) grid: Key,
    /// Per group and time: `survival`, `variance` (of log S), and `at_risk`, `events` of the step that ends there; where times
    /// are merged, whether one ends there (`shown`). The gates count those at risk.
    pub(super) cells: Cells,
    /// Persons of every group, and of them those with events, as gates.
    groups: Cells,
    /// Whether some times may be one step.
    merged: bool,
    fraction: u32,
    variance_unit: f64,
    multiple: i128,
    withholds: bool,
}

/// The times, the groups and the counts of events and of persons leaving at every time.
pub(super) struct Exposure {
    pub(super) strata: Option<Key>,
    pub(super) by: Option<Key>,
    pub(super) grid: Key,
    /// Per stratum, group and time, as far as these are asked for: `at_risk` and `events`; where persons with events are
    /// counted at times, those who leave there too (`at_risk leaving`).
    pub(super) cells: Cells,
    /// Persons of every group, as gates; at times, of them those with events too.
    pub(super) groups: Cells,
    /// Persons with events, as gates; only where times have none.
    pub(super) all: Option<Cells>,
    /// The most rows.
    pub(super) bound: i128,
    event_gates: Vec<Demand>,
    multiple: i128,
    withholds: bool,
}

/// Counts events and persons at risk. `at_times`: gates count those at risk at every time, else there are none.
pub(super) fn exposure(job: &mut Job<'_>, at_times: bool) -> Result<Exposure> {
    let mut rows = Rows::new(job.function, job.relation, job.federation)?;
    let arguments = &job.function.arguments;
    let (time, event) = (arguments.column("time")?, arguments.column("event")?);
    let by = arguments.optional_column("by");
    let strata = arguments.optional_column("strata");
    let used: Vec<&Variable> = [Some(time), Some(event), by, strata].into_iter().flatten().collect();
    let happened = rows.event(event)?;
    let counting = rows.known(&used)?;
    let grid = times(&mut rows, time, arguments.optional_number("grid"))?;
    let strata = strata.map(|strata| rows.key(strata)).transpose()?;
    let by = by.map(|by| rows.key(by)).transpose()?;
    let keys: Vec<&Key> = strata.iter().chain(by.iter()).chain([&grid]).collect();
    let gates = if at_times { rows.gates(&counting, "at risk")? } else { Vec::new() };
    if !gates.is_empty() && !rows.one_row_per_person()? {
        return Err(failure::not_built(format!(
            "{} of tables with several rows per person, whose persons at risk cannot be added up",
            job.function.spec.name
        )));
    }
    rows.count("at_risk", &counting)?;
    rows.table(&keys, &gates)?;
    let gates = if at_times { rows.event_gates(&counting, &happened)? } else { Vec::new() };
    rows.count_events("events", &counting, &happened)?;
    rows.table(&keys, &gates)?;
    let groups: Vec<&Key> = by.iter().collect();
    let mut gates = rows.gates(&counting, "persons")?;
    if at_times {
        gates.extend(rows.event_gates(&counting, &happened)?);
    }
    rows.count("n", &counting)?;
    rows.table(&groups, &gates)?;
    if !at_times {
        let gates = rows.event_gates(&counting, &happened)?;
        rows.count_events("events", &counting, &happened)?;
        rows.table(&[], &gates)?;
    }
    let (bound, multiple, withholds) = (rows.bound(), rows.multiple(), rows.withholds());
    let tables = rows.finish(job.nodes)?;
    let [leaving, events, groups, all @ ..] = tables.as_slice() else {
        return Err(failure::internal("three tables of counts"));
    };
    let (cells, event_gates) = at_risk(leaving, events, bound, job.nodes)?;
    let (groups, all) = (groups.clone(), all.first().cloned());
    Ok(Exposure { strata, by, grid, cells, groups, all, bound, event_gates, multiple, withholds })
}

/// Persons at risk from those who leave, beside events; and what counts persons with events, with those who leave then.
fn at_risk(
    leaving: &Cells,
    events: &Cells,
    bound: i128,
    nodes: &mut Vec<Node>,
) -> Result<(Cells, Vec<Demand>)> {
    let last = leaving.shape.len() - 1;
    let mut limits = vec![("at_risk", Range { lo: 0, hi: bound })];
    let names: Vec<String> = leaving
        .gates
        .iter()
        .filter_map(|gate| leaving.defs.get(gate.column))
        .map(|d| d.name.clone())
        .collect();
    limits.extend(names.iter().map(|name| (name.as_str(), Range { lo: 0, hi: bound })));
    let at_risk = leaving.fold(last, How::FromEnd, &limits, nodes)?;
    let moved = |gate: &Demand| Demand { column: at_risk.defs.len() + gate.column, ..gate.clone() };
    let event_gates: Vec<Demand> = events.gates.iter().map(moved).collect();
    let events = events.ungated();
    let mut parts = vec![(at_risk.whole(), ""), (events.whole(), "")];
    let left = match event_gates.as_slice() {
        [] => None,
        _ => Some(leaving.ungated().only("at_risk", nodes)?),
    };
    parts.extend(left.iter().map(|left| (left.whole(), " leaving")));
    Ok((beside(&parts, Vec::new(), nodes)?, event_gates))
}

/// Every value of the declared domain, or steps of a width.
fn times(rows: &mut Rows<'_>, time: &Variable, width: Option<f64>) -> Result<Key> {
    match width {
        None => rows.grid(time, "time"),
        Some(width) => rows.coarse_grid(time, width),
    }
}

/// Which times may be one step of a curve, where people are withheld.
enum Merging {
    /// None: nothing of the curve is shown but where it is.
    Nothing,
    /// Any.
    Anywhere,
    /// Any between these places of the grid.
    Between(Vec<usize>),
}

/// Survival and its variance from events and persons at risk.
fn curves(job: &mut Job<'_>, merging: impl FnOnce(&Key) -> Result<Merging>) -> Result<Curves> {
    let Exposure { by, grid, mut cells, groups, bound, event_gates, multiple, withholds, .. } =
        exposure(job, true)?;
    let last = cells.shape.len() - 1;
    let steps = Steps { cells: &cells, demands: &event_gates, bound };
    let merged = match merging(&grid)? {
        Merging::Anywhere if !event_gates.is_empty() => Some(steps.merged(None, job.nodes)?),
        Merging::Between(places) if !event_gates.is_empty() => Some(steps.merged(Some(&places), job.nodes)?),
        Merging::Nothing | Merging::Anywhere | Merging::Between(_) => None,
    };
    let is_merged = merged.is_some();
    if let Some(merged) = merged {
        cells = merged;
    }
    let fraction = BITS - bits_of(bound) - 1;
    let mut registers = cells.registers();
    let (n, d) = (registers.get("at_risk")?, registers.get("events")?);
    let unit = |reg| Fixed { reg, unit: 1.0 };
    let hazard = registers.ratio(unit(d), unit(n), fraction, Some(1))?;
    let ones = 1_i128 << fraction;
    registers.within(hazard.reg, 0, ones);
    // d / (n (n - d)) is the hazard over n - d; 0 where nobody is left, as the reference has it.
    let left = registers.program.subtract(n, d)?;
    registers.within(left, 0, bound);
    let term = registers.ratio(hazard, unit(left), bits_of(bound) - 2, Some(ones))?;
    let minus = registers.program.scale(hazard.reg, -1)?;
    let factor = registers.program.offset(minus, ones)?;
    registers.within(factor, 0, ones);
    let (factor, wide) = (registers.wide(factor), registers.wide(term.reg));
    let steps = registers.keep(&[(factor, "survival"), (wide, "variance")], job.nodes).ungated();
    let survival = steps.only("survival", job.nodes)?;
    let survival = survival.fold(last, How::Product { fraction }, &[], job.nodes)?;
    let variance = steps.only("variance", job.nodes)?.fold(last, How::FromStart, &[], job.nodes)?;
    let parts = [(cells.whole(), ""), (survival.whole(), ""), (variance.whole(), "")];
    let cells = beside(&parts, Vec::new(), job.nodes)?;
    let variance_unit = term.unit;
    Ok(Curves { by, grid, cells, groups, merged: is_merged, fraction, variance_unit, multiple, withholds })
}

/// The curve, from the first time to the last at which enough persons are at risk.
pub(super) fn lower(job: &mut Job<'_>) -> Result<LogicalPlan> {
    let curves = curves(job, |_| Ok(Merging::Anywhere))?;
    let counts = allows_counts(job)?;
    let mut registers = curves.cells.registers();
    let (n, d) = (registers.get("at_risk")?, registers.get("events")?);
    let present = if curves.merged { registers.get("shown")? } else { registers.at_least(n, 1)? };
    let mut kept = vec![
        (registers.get("survival")?, "survival"),
        (registers.get("variance")?, "variance"),
        (present, "present"),
    ];
    let mut leaving = vec![
        Leaving::double("survival", 0.5_f64.powi(curves.fraction.cast_signed())),
        Leaving::double("variance", curves.variance_unit),
    ];
    if counts {
        job.notice_rounding(curves.multiple);
        kept.push((registers.rounded(n, curves.multiple)?, "at_risk"));
        kept.push((registers.rounded(d, curves.multiple)?, "events"));
        leaving.push(Leaving::whole("at_risk"));
        leaving.push(Leaving::whole("events"));
    }
    let cells = registers.keep(&kept, job.nodes);
    let count = |name: &str| if counts { released(name) } else { lit(ScalarValue::Int64(None)) };
    let [survival, lower, upper] = interval(job.function.arguments.number("level")?);
    let exprs = [group(&curves), released("time"), survival, lower, upper, count("at_risk"), count("events")];
    let keys = keys(&curves, ("time", &curves.grid));
    job.release_cells(&cells, &keys, Some("present"), &leaving, &exprs)
}

/// Whether the owners of time and event let counts leave.
fn allows_counts(job: &Job<'_>) -> Result<bool> {
    let rows = Rows::new(job.function, job.relation, job.federation)?;
    let arguments = &job.function.arguments;
    Ok(rows.allows(arguments.column("time")?, Use::Aggregate)?
        && rows.allows(arguments.column("event")?, Use::Aggregate)?)
}

/// The keys of the released table.
fn keys<'c>(curves: &'c Curves, time: (&'static str, &'c Key)) -> Vec<(&'static str, &'c Key)> {
    curves.by.iter().map(|by| ("group", by)).chain([time]).collect()
}

/// The group of a row; NULL where there are none.
fn group(curves: &Curves) -> Expr {
    if curves.by.is_some() { released("group") } else { lit(ScalarValue::Utf8(None)) }
}

/// Survival, cleaned of the last digits of its fixed point, and its exponential Greenwood interval.
fn interval(level: f64) -> [Expr; 3] {
    let survival = round(vec![released("survival"), lit(10_i64)]);
    let survival = when(survival.clone().lt(number(0.0)), number(0.0), survival);
    let z = Distribution::NormalQuantile.call(vec![number(f64::midpoint(1.0, level))]);
    let hazard = -ln(survival.clone());
    let reach = z * sqrt(released("variance")) / hazard.clone();
    let bound = |reach: Expr| {
        let inner = exp(-exp(ln(hazard.clone()) + reach));
        let low = when(survival.clone().lt_eq(number(0.0)), number(0.0), inner);
        when(survival.clone().gt_eq(number(1.0)), number(1.0), low)
    };
    let (lower, upper) = (bound(reach.clone()), bound(-reach));
    [survival, lower, upper]
}

/// The first time at which at most half survive: the number of times at which more do, put on the grid.
pub(super) fn lower_median(job: &mut Job<'_>) -> Result<LogicalPlan> {
    let curves = curves(job, |_| Ok(Merging::Nothing))?;
    let last = curves.cells.shape.len() - 1;
    let groups: usize = curves.cells.shape.iter().take(last).product();
    let (unit, integers) = curves.grid.whole_numbers()?;
    // From each time to the next; the last leads nowhere.
    let mut steps: Vec<i128> = integers.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps.push(0);
    let start = integers.first().copied().unwrap_or_default();
    let end = integers.last().copied().unwrap_or_default();
    let cells = beside(&[(curves.cells.whole(), "")], vec![("step", steps.repeat(groups))], job.nodes)?;
    let mut registers = cells.registers();
    let survival = registers.get("survival")?;
    // What rounding may add to one half is far below what a person changes.
    let half = (1_i128 << (curves.fraction - 1)) + (1 << (curves.fraction - 30));
    let below = registers.program.offset(survival, -half)?;
    let below = registers.program.negative(below);
    let above = registers.program.not(below);
    let above = registers.program.arithmetic(above, RingSize::Z64)?;
    let step = registers.get("step")?;
    let moved = registers.program.multiply(above, step)?;
    let n = registers.get("at_risk")?;
    let mut counted = registers.at_least(n, 1)?;
    for gate in &curves.cells.gates {
        let persons = registers.column(gate.column);
        let met = registers.at_least(persons, i128::from(gate.at_least))?;
        counted = registers.program.and(counted, met);
    }
    let counted = registers.program.arithmetic(counted, RingSize::Z64)?;
    let outputs = [(above, "above"), (moved, "moved"), (counted, "counted")];
    let times = registers.keep(&outputs, job.nodes).ungated();
    let limits = [("moved", Range { lo: 0, hi: end - start })];
    let sums = times.fold(last, How::Sum, &limits, job.nodes)?;
    let both = beside(&[(sums.whole(), ""), (curves.groups.whole(), " of group")], Vec::new(), job.nodes)?;
    let mut registers = both.registers();
    let (above, counted) = (registers.get("above")?, registers.get("counted")?);
    let before = registers.program.subtract(above, counted)?;
    let reached = registers.program.negative(before);
    let moved = registers.get("moved")?;
    let median = registers.program.offset(moved, start)?;
    let n = registers.get("n of group")?;
    let present = registers.at_least(n, 1)?;
    let outputs = [(median, "median"), (reached, "reached"), (present, "present")];
    let kept = registers.keep(&outputs, job.nodes);
    let leaving = [Leaving::double("median", unit).where_known("reached")];
    let exprs = [group(&curves), released("median")];
    match &curves.by {
        None => job.release_row(&kept, &leaving, &exprs),
        Some(by) => job.release_cells(&kept, &[("group", by)], Some("present"), &leaving, &exprs),
    }
}

/// Survival at some times.
pub(super) fn lower_at(job: &mut Job<'_>) -> Result<LogicalPlan> {
    let times = job.function.arguments.numbers("times");
    let mut places = Vec::new();
    let curves = curves(job, |grid| {
        places = places_of(&times, grid)?;
        Ok(Merging::Between(places.iter().map(|(lived, _)| *lived).collect()))
    })?;
    let (lived, at_risk): (Vec<usize>, Vec<usize>) = places.into_iter().unzip();
    let survival = curves.cells.ungated();
    let parts = [(survival.at_times(&lived), ""), (curves.cells.at_times(&at_risk), " then")];
    let cells = beside(&parts, Vec::new(), job.nodes)?;
    let mut registers = cells.registers();
    // Where nothing is withheld, the curve goes on after its last time.
    let n = registers.get("at_risk then")?;
    let mut present = registers.at_least(n, i128::from(curves.withholds))?;
    if curves.merged {
        let shown = registers.get("shown")?;
        present = registers.program.and(present, shown);
    }
    let outputs = [
        (registers.get("survival")?, "survival"),
        (registers.get("variance")?, "variance"),
        (present, "present"),
    ];
    let kept = registers.keep(&outputs, job.nodes);
    let leaving = [
        Leaving::double("survival", 0.5_f64.powi(curves.fraction.cast_signed())),
        Leaving::double("variance", curves.variance_unit),
    ];
    let points = Key::of_numbers("time", &times);
    let [survival, lower, upper] = interval(job.function.arguments.number("level")?);
    let exprs = [group(&curves), released("time"), survival, lower, upper];
    job.release_cells(&kept, &keys(&curves, ("time", &points)), Some("present"), &leaving, &exprs)
}

/// For each time the last place of the grid that is not after it, and the first that is not before it.
fn places_of(times: &[f64], grid: &Key) -> Result<Vec<(usize, usize)>> {
    let place = |time: &f64| {
        let before = grid.numbers.iter().rposition(|point| point <= time);
        let after = grid.numbers.iter().position(|point| point >= time);
        before.zip(after).ok_or_else(|| {
            failure::invalid(format!(
                "`times`: {time} is not among the times that `{}` may have by its declared domain",
                grid.name
            ))
        })
    };
    times.iter().map(place).collect()
}

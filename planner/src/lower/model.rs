//! Table functions as nodes: the rows of complete cases, what the gate counts, the fit.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, LogicalPlan, lit};

use super::failure;
use super::figure::{Gate, Sums};
use super::grid::{every_value, steps_of};
use super::leaf::Persons;
use super::model_release::{Summary, Terms, coefficients, output_columns};
use super::penalty::Penalty;
use super::picked::moved;
use super::program::Program;
use super::regression::{cox_ring, regression_ring};
use super::rows::{Branch, Presence, Relation, symbol};
use super::rowset::RowSet;
use super::scale::{decode, worth};
use super::term::{Term, ring, target, terms};
use super::want::{Counting, Want};
use crate::Result;
use crate::catalog::Federation;
use crate::function::TableFunction;
use crate::function::factorial::ln_factorial;
use crate::function::fold::in_fold;
use crate::function::table::{Part, limits};
use crate::plan::{
    Aggregate, ColumnDef, Encoding, Family, Lasso, LassoOutput, LassoTerm, Node, NodeId, Op, Range, Reg,
    RingSize, Scale, Threshold,
};

/// Lowers a model; returns its release and the clear plan of its result.
///
/// # Errors
/// Invalid for a bound with fewer rows than features and for what is not built; refused for variables without bounds.
pub(crate) fn lower_model(
    function: &TableFunction,
    (family, part): (Family, Part),
    (relation, federation): (&Relation, &Federation),
    release: usize,
    nodes: &mut Vec<Node>,
) -> Result<(NodeId, LogicalPlan)> {
    let rows = RowSet::new(relation, federation)?;
    let arguments = &function.arguments;
    let mut features = Vec::new();
    for variable in arguments.columns("features") {
        features.extend(terms(&rows, variable, function)?);
    }
    let outcome = if family == Family::Cox { "event" } else { "target" };
    let target = target(&rows, arguments.column(outcome)?, function)?;
    let bound = rows.bound();
    let needed = features.len() as u64 + 2;
    if bound < needed {
        let message = format!(
            "{} of {} features needs at least {needed} rows; the tables declare at most {bound}",
            function.spec.name,
            features.len()
        );
        return Err(failure::invalid(message));
    }
    let penalty = Penalty::of(function, family, &features, &target)?;
    penalty.check_size(features.len())?;
    let by_sum = family == Family::Linear && penalty.folds > 0;
    // Many ridges side by side take the solver of elastic nets.
    let family = if by_sum { Family::Lasso } else { family };
    let standardized = arguments.truth("standardize").unwrap_or(false);
    let ring = match family {
        Family::Lasso => ring(&features, &target, bound)?,
        Family::Linear | Family::Logistic | Family::Poisson => {
            let in_squares = !standardized && penalty.l1_ratio == 0.0;
            regression_ring(family, penalty.first(), in_squares, &features, &target, bound)?
        }
        Family::Cox => cox_ring(&features, &target, bound)?,
    };
    let complete = complete_cases(&rows, function, ring)?;
    let sums = Sums::new(rows, false);
    let errors = family != Family::Lasso && penalty.first() == 0.0;
    let mut model = Model { family, penalty, by_sum, errors, sums, complete, features, target, ring };
    let columns = model.columns()?;
    let times = if family == Family::Cox { model.times(function)? } else { Vec::new() };
    let folds = model.folds()?;
    let offset = model.offset(function)?;
    let whole = family == Family::Poisson && part == Part::Summary;
    let factorials = if whole { Some(model.factorials()?) } else { None };
    let gates = model.gates(has_intercept(function)?)?;
    let dropped = match part {
        Part::Coefficients => None,
        Part::Summary => Some(model.dropped()?),
    };
    let multiple = model.sums.count_multiple();
    if multiple > 1 && errors {
        return Err(failure::not_built(
            "standard errors where an owner rounds counts, which they would tell",
        ));
    }
    let parts = Parts { columns, times, folds, offset, factorials, gates, dropped, multiple };
    model.emit(function, part, release, parts, nodes)
}

/// The most rows times times of proportional hazards: what their one-hot codes may take.
const MAX_CELLS: u64 = 10_000_000;

/// Whether the model has an intercept: proportional hazards have none.
pub(super) fn has_intercept(function: &TableFunction) -> Result<bool> {
    if function.spec.parameter("intercept").is_none() {
        return Ok(false);
    }
    function.arguments.truth("intercept")
}

/// The rows of each branch in which no variable is NULL.
fn complete_cases(rows: &RowSet<'_>, function: &TableFunction, ring: RingSize) -> Result<Vec<Counting>> {
    let mut known = Vec::new();
    for variable in function.variables() {
        let exprs = rows.expressions(&variable.expr, function.input.schema())?;
        known.push((rows.facts(&exprs)?.nullable, exprs));
    }
    let of_branch = |branch: usize| {
        let nullable = known.iter().filter(|(nullable, _)| *nullable);
        let known = nullable.filter_map(|(_, exprs)| exprs.get(branch).cloned()).collect();
        Counting { known, nonzero: None, ring }
    };
    Ok((0..rows.branches().len()).map(of_branch).collect())
}

/// What the nodes are made of.
struct Parts {
    /// Features, target, counts, among the columns of the rows.
    columns: (Vec<usize>, usize, usize),
    /// One-hot times, among the columns of the rows.
    times: Vec<usize>,
    /// Of all folds but the last.
    folds: Vec<usize>,
    /// What is added to the linear predictor, and its column.
    offset: Option<(Term, usize)>,
    /// The logarithms of the targets' factorials.
    factorials: Option<usize>,
    gates: Vec<Gate>,
    dropped: Option<(Reg, Vec<Gate>)>,
    multiple: i128,
}

struct Model<'a> {
    family: Family,
    penalty: Penalty,
    /// Whether squared coefficients weigh beside the sum of squares.
    by_sum: bool,
    /// Whether there are standard errors.
    errors: bool,
    pub(super) sums: Sums<'a>,
    complete: Vec<Counting>,
    features: Vec<Term>,
    target: Term,
    ring: RingSize,
}

impl Model<'_> {
    /// The columns of the features, of the target, and of which rows count.
    fn columns(&mut self) -> Result<(Vec<usize>, usize, usize)> {
        let features = std::mem::take(&mut self.features);
        let columns: Result<Vec<usize>> = features.iter().map(|term| self.masked(term)).collect();
        self.features = features;
        let columns = columns?;
        let target = self.masked(&self.target.clone())?;
        let wants: Vec<Want> = self.complete.iter().cloned().map(Want::Count).collect();
        let range = Range { lo: 0, hi: 1 };
        let def = ColumnDef { name: "complete".into(), encoding: Encoding::Arithmetic(self.ring), range };
        let valid = self.sums.rows.column(&wants, def)?;
        Ok((columns, target, valid))
    }

    /// One-hot columns of the times of the grid.
    fn times(&mut self, function: &TableFunction) -> Result<Vec<usize>> {
        let rows = &mut self.sums.rows;
        let time = function.arguments.column("time")?;
        let grid = match function.arguments.optional_number("grid") {
            None => every_value(rows, function, time, "time")?,
            Some(width) => steps_of(rows, function, time, width)?,
        };
        let cells = rows.bound().saturating_mul(grid.values.len() as u64);
        if cells > MAX_CELLS {
            let (bound, times) = (rows.bound(), grid.values.len());
            let mut error = failure::not_built(format!(
                "{} over {bound} rows and {times} times, whose product is beyond {MAX_CELLS}",
                function.spec.name
            ));
            error.hint = Some("give the width of the steps of time: grid => 7".to_owned());
            return Err(error);
        }
        let ring = self.ring;
        let column = |value: &ScalarValue| {
            let cell = |expr: &Expr| Want::Cell { expr: expr.clone(), value: value.clone(), ring };
            let wants: Vec<Want> = grid.exprs.iter().map(cell).collect();
            let range = Range { lo: 0, hi: 1 };
            let name = format!("{} = {value}", time.name);
            rows.column(&wants, ColumnDef { name, encoding: Encoding::Arithmetic(ring), range })
        };
        grid.values.iter().map(column).collect()
    }

    /// The offset and its column.
    fn offset(&mut self, function: &TableFunction) -> Result<Option<(Term, usize)>> {
        let Some(variable) = function.arguments.optional_column("offset") else { return Ok(None) };
        let term = terms(&self.sums.rows, variable, function)?.pop();
        let term = term.ok_or_else(|| failure::internal("an offset without a term"))?;
        let ends = [term.range.lo, term.range.hi].map(|end| decode(end, term.scale).abs());
        if ends.iter().any(|&end| end > limits::MAX_OFFSET) {
            let message = format!(
                "the offset `{}` must be declared within {} of 0: it is a logarithm",
                term.name,
                limits::MAX_OFFSET
            );
            return Err(failure::invalid(message));
        }
        let column = self.masked(&term)?;
        Ok(Some((term, column)))
    }

    /// The column of the logarithms of the targets' factorials.
    fn factorials(&mut self) -> Result<usize> {
        let exprs: Vec<Expr> = self.target.exprs.iter().cloned().map(ln_factorial).collect();
        let facts = self.sums.rows.facts(&exprs)?;
        let range = facts.range.ok_or_else(|| failure::internal("a factorial without a range"))?;
        let scale = facts.scale;
        let wants = exprs.iter().zip(&self.complete).map(|(expr, counting)| {
            let counting = counting.clone();
            Want::Masked { expr: expr.clone(), scale, offset: 0, counting }
        });
        let name = format!("factorials of {}", self.target.name);
        let encoding = Encoding::Arithmetic(self.ring);
        let def = ColumnDef { name, encoding, range: range.with_zero() };
        self.sums.rows.column(&wants.collect::<Vec<_>>(), def)
    }

    /// The column of a variable about its middle, 0 in rows that do not count.
    fn masked(&mut self, term: &Term) -> Result<usize> {
        let middle = term.middle();
        let wants: Vec<Want> = term
            .exprs
            .iter()
            .zip(&self.complete)
            .map(|(expr, counting)| Want::Masked {
                expr: expr.clone(),
                scale: term.scale,
                offset: middle,
                counting: counting.clone(),
            })
            .collect();
        let range = Range { lo: term.range.lo - middle, hi: term.range.hi - middle }.with_zero();
        let def = ColumnDef { name: term.name.clone(), encoding: Encoding::Arithmetic(self.ring), range };
        self.sums.rows.column(&wants, def)
    }

    /// A column for each fold but the last: 1 where the row counts and its person is in the fold.
    fn folds(&mut self) -> Result<Vec<usize>> {
        let folds = i64::from(self.penalty.folds);
        if folds == 0 {
            return Ok(Vec::new());
        }
        let persons: Vec<Expr> = self.sums.rows.branches().iter().map(person).collect::<Result<_>>()?;
        let column = |fold: i64| {
            let wants = persons.iter().zip(&self.complete).map(|(person, counting)| {
                let inside = in_fold(person.clone(), folds, fold);
                let when_then_expr = vec![(Box::new(inside), Box::new(lit(1_i64)))];
                let case = Case { expr: None, when_then_expr, else_expr: Some(Box::new(lit(0_i64))) };
                let counting = counting.clone();
                Want::Masked { expr: Expr::Case(case), scale: Scale::Unit, offset: 0, counting }
            });
            let encoding = Encoding::Arithmetic(self.ring);
            let def = ColumnDef { name: format!("fold {fold}"), encoding, range: Range { lo: 0, hi: 1 } };
            self.sums.rows.column(&wants.collect::<Vec<_>>(), def)
        };
        (0..folds - 1).map(column).collect()
    }

    /// Enough persons for the number of parameters, and for each value of two-valued variables.
    fn gates(&mut self, intercept: bool) -> Result<Vec<Gate>> {
        let parameters = self.features.len() as u64 + u64::from(intercept);
        let complete: Vec<Counting> = self
            .complete
            .iter()
            .map(|counting| Counting { ring: RingSize::Z64, ..counting.clone() })
            .collect();
        let mut gates = self.sums.gates(&complete, "complete rows")?;
        let degrees = match self.family {
            Family::Lasso => 0,
            Family::Linear | Family::Logistic | Family::Poisson | Family::Cox => {
                parameters + limits::RESIDUAL_DEGREES
            }
        };
        for gate in &mut gates {
            gate.at_least = gate.at_least.max(limits::ROWS_PER_PARAMETER * parameters).max(degrees);
        }
        if gates.is_empty() {
            // Nobody withholds, but fewer rows determine no model.
            let persons = self.sums.count(&complete, "complete rows")?;
            let at_least = self.features.len() as u64 + 2;
            gates.push(Gate { persons, at_least, reason: "too few valid rows".into() });
        }
        let known: Vec<Vec<Expr>> = complete.iter().map(|counting| counting.known.clone()).collect();
        for term in self.features.iter().chain([&self.target]).filter(|term| !term.two_valued) {
            let demands = self.sums.demands(&term.exprs)?;
            gates.extend(self.sums.gates_of_demands(&demands, &known, &term.name)?);
        }
        let terms = self.features.iter().chain([&self.target]);
        let halves: Vec<(String, Vec<Expr>, u64)> = terms
            .filter_map(|term| term.halves.as_ref().map(|halves| (term.name.clone(), halves)))
            .flat_map(|(name, halves)| {
                let half =
                    move |(what, half): (&str, &Vec<Expr>)| (format!("{name} is {what}"), half.clone(), 0);
                ["1", "0"].into_iter().zip(halves).map(half)
            })
            .chain(self.events(parameters))
            .collect();
        for (what, exprs, least) in halves {
            let counting: Vec<Counting> = complete
                .iter()
                .zip(exprs)
                .map(|(counting, expr)| Counting { nonzero: Some(expr), ..counting.clone() })
                .collect();
            let own = self.sums.gates(&counting, &what)?;
            gates.extend(own.into_iter().map(|gate| Gate { at_least: gate.at_least.max(least), ..gate }));
        }
        Ok(gates)
    }

    /// Of proportional hazards: how many events there must be.
    fn events(&self, parameters: u64) -> Option<(String, Vec<Expr>, u64)> {
        let least = limits::ROWS_PER_PARAMETER * parameters;
        let what = format!("{} happened", self.target.name);
        (self.family == Family::Cox).then(|| (what, self.target.exprs.clone(), least))
    }

    /// The number of rows with a NULL in a variable, and its gates.
    fn dropped(&mut self) -> Result<(Reg, Vec<Gate>)> {
        let counting: Vec<Counting> = self
            .complete
            .iter()
            .map(|complete| {
                let missing = complete.known.iter().map(|expr| expr.clone().is_null()).reduce(Expr::or);
                let missing = missing.unwrap_or_else(|| lit(false));
                let when_then_expr = vec![(Box::new(missing), Box::new(lit(1_i64)))];
                let case = Case { expr: None, when_then_expr, else_expr: Some(Box::new(lit(0_i64))) };
                Counting { known: Vec::new(), nonzero: Some(Expr::Case(case)), ring: RingSize::Z64 }
            })
            .collect();
        let gates = self.sums.gates(&counting, "dropped rows")?;
        Ok((self.sums.count(&counting, "dropped rows")?, gates))
    }

    /// Adds the nodes.
    fn emit(
        self,
        function: &TableFunction,
        part: Part,
        release: usize,
        parts: Parts,
        nodes: &mut Vec<Node>,
    ) -> Result<(NodeId, LogicalPlan)> {
        let bound = i128::from(self.sums.rows.bound());
        let Sums { rows, measures, columns: counted, program, .. } = self.sums;
        let (input, places) = rows.finish(nodes)?;
        let at = |column: usize| {
            places.get(column).copied().ok_or_else(|| failure::internal("a column of no row"))
        };
        let measures = measures.into_iter().map(|measure| moved(measure, &at)).collect::<Result<_>>()?;
        let columns = counted.clone();
        nodes.push(Node::Aggregate(Aggregate { input, keys: Vec::new(), measures, columns }));
        let counts = NodeId(nodes.len() - 1);
        let term = |term: &Term, column: usize| at(column).map(|column| variable(term, column));
        let (features, target, valid) = &parts.columns;
        let features = self.features.iter().zip(features).map(|(feature, column)| term(feature, *column));
        let features = features.collect::<Result<Vec<_>>>()?;
        let names: Vec<String> = features.iter().map(|feature| feature.name.clone()).collect();
        let output = output_of(part);
        let places = if parts.folds.is_empty() { 0 } else { self.penalty.alphas.len() };
        let mut columns = output_columns(self.family, output, self.errors, bound, places);
        let accepted = columns.len() - 1;
        columns.extend(counted);
        nodes.push(Node::Lasso(Lasso {
            family: self.family,
            input,
            features,
            target: term(&self.target, *target)?,
            times: parts.times.iter().map(|time| at(*time)).collect::<Result<_>>()?,
            valid: at(*valid)?,
            alphas: self.penalty.alphas.clone(),
            l1_ratio: self.penalty.l1_ratio,
            by_sum: self.by_sum,
            offset: parts.offset.as_ref().map(|(offset, column)| term(offset, *column)).transpose()?,
            factorials: parts.factorials.map(at).transpose()?,
            folds: parts.folds.iter().map(|fold| at(*fold)).collect::<Result<_>>()?,
            standardize: function.arguments.truth("standardize").unwrap_or(false),
            intercept: has_intercept(function)?,
            counts: Some(counts),
            output,
            columns: columns.clone(),
        }));
        let gate = thresholds(&program, accepted, &parts.gates)?;
        match parts.dropped {
            None => {
                let alphas = self.penalty.path(function);
                let terms = Terms { names, accepted, gate: &gate, errors: self.errors, alphas };
                coefficients(function, self.family, release, terms, nodes)
            }
            Some((dropped, gates)) => {
                let summary = Summary {
                    family: self.family,
                    terms: names.len(),
                    candidates: if places > 0 { self.penalty.alphas } else { Vec::new() },
                    accepted,
                    dropped: count_column(&program, accepted, dropped)?,
                    gate,
                    dropped_gate: thresholds(&program, accepted, &gates)?,
                    multiple: parts.multiple,
                };
                summary.emit(function, release, &columns, nodes)
            }
        }
    }
}

/// A variable of the node, in this column of its rows.
fn variable(term: &Term, column: usize) -> LassoTerm {
    let (step, middle) = (worth(term.scale), decode(term.middle(), term.scale));
    LassoTerm { name: term.name.clone(), column, step, middle, bits: term.bits() }
}

/// The person of a row of a branch: of the first table that is always there and names one.
fn person(branch: &Branch) -> Result<Expr> {
    let named = branch.leaves.iter().enumerate().find_map(|(leaf, source)| match source.persons {
        Persons::Column { column, .. } if branch.presence.get(leaf) == Some(&Presence::Always) => {
            source.names.get(column).map(|name| symbol(leaf, column, name))
        }
        Persons::Column { .. }
        | Persons::Either { .. }
        | Persons::Rows
        | Persons::Gated
        | Persons::Lost(_) => None,
    });
    named.ok_or_else(|| failure::not_built("folds of rows whose policy names no `person`"))
}

/// The column of a fit in which a number of the counts is: a column of a program that computes nothing yet.
fn count_column(program: &Program, accepted: usize, reg: Reg) -> Result<usize> {
    match program.ops.get(reg.0) {
        Some(Op::Column(column)) => Ok(accepted + 1 + column),
        _ => Err(failure::internal("a count that is computed")),
    }
}

fn thresholds(program: &Program, accepted: usize, gates: &[Gate]) -> Result<Vec<Threshold>> {
    let threshold = |gate: &Gate| {
        let persons = count_column(program, accepted, gate.persons)?;
        Ok(Threshold { persons, at_least: gate.at_least, reason: gate.reason.clone() })
    };
    gates.iter().map(threshold).collect()
}

fn output_of(part: Part) -> LassoOutput {
    match part {
        Part::Coefficients => LassoOutput::Coefficients,
        Part::Summary => LassoOutput::Summary,
    }
}

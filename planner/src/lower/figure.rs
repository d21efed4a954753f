//! Aggregates as sums over rows and arithmetic on these sums.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is no person"
)]

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, Case};
use datafusion::logical_expr::{Expr, lit};

use super::condition::{Demand, demands};
use super::emit::name;
use super::facts::{Facts, is_text};
use super::failure;
use super::infer::{Scope, show};
use super::leaf::Persons;
use super::neutral::is_always_neutral;
use super::program::{Kind, Program};
use super::rank::Share;
use super::rows::{leaves_of, place};
use super::rowset::RowSet;
use super::sites::Sites;
use super::truths::where_it_is;
use super::value::Number;
use super::want::{Counting, Want};
use crate::Result;
use crate::plan::{ColumnDef, Encoding, Measure, PartyId, Range, Rank, Reg, RingSize, Rounding, Scale};

/// A number of persons that must be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gate {
    /// The number of persons.
    pub(crate) persons: Reg,
    /// How many are needed.
    pub(crate) at_least: u64,
    /// Who asks.
    pub(crate) reason: String,
}

/// An aggregate per group.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// Its value; the square of a standard deviation.
    pub(crate) number: Number,
    /// Whether the value is the square root of `number`.
    pub(crate) root: bool,
    /// Where the value is an index into these.
    pub(crate) texts: Option<Vec<ScalarValue>>,
    /// What must be reached before it leaves.
    pub(crate) gates: Vec<Gate>,
}

impl Figure {
    /// A number that is released as it is.
    pub(crate) fn of(number: Number, gates: Vec<Gate>) -> Figure {
        Figure { number, root: false, texts: None, gates }
    }
}

/// Sums over rows, and what is computed from them.
pub(crate) struct Sums<'a> {
    /// The rows.
    pub(crate) rows: RowSet<'a>,
    /// The multiple to which a count was rounded, if one was.
    pub(crate) rounded: Option<i128>,
    /// What is summed.
    pub(crate) measures: Vec<Measure>,
    /// The columns of the sums.
    pub(crate) columns: Vec<ColumnDef>,
    /// What is computed per group.
    pub(crate) program: Program,
    /// Whether every group that is shown has a row.
    pub(crate) grouped: bool,
    /// Whether groups are those of open keys.
    pub(crate) open: bool,
    /// What tells groups of different owners apart.
    pub(super) sites: Sites,
}

/// An aggregate's argument in every branch, NULL where its FILTER is not true.
#[derive(Clone)]
pub(super) struct Argument {
    pub(super) exprs: Vec<Expr>,
    pub(super) facts: Facts,
    pub(super) conditional: bool,
    /// What else must have enough persons behind it: addends that hold conditions, and outcomes of these.
    pub(super) demands: Vec<InBranches>,
}

/// A demand in the branches that have it.
#[derive(Clone, Debug)]
pub(super) struct InBranches(pub(super) Vec<Option<Demand>>);

impl InBranches {
    /// Which branches have it.
    pub(super) fn places(&self) -> Vec<bool> {
        self.0.iter().map(Option::is_some).collect()
    }
}

impl<'a> Sums<'a> {
    /// No sums yet. `grouped`: every group that is shown has a row.
    pub(crate) fn new(rows: RowSet<'a>, grouped: bool) -> Sums<'a> {
        let (measures, columns, program) = (Vec::new(), Vec::new(), Program::default());
        Sums {
            rows,
            rounded: None,
            measures,
            columns,
            program,
            grouped,
            open: false,
            sites: Sites::default(),
        }
    }

    /// The largest multiple to which an owner wants counts rounded; 1 for none.
    pub(crate) fn count_multiple(&self) -> i128 {
        let federation = self.rows.federation();
        let owners = self.rows.owners();
        let parties = owners.iter().filter_map(|(owner, _)| federation.parties.get(owner.0));
        i128::from(parties.map(|party| party.release.round_counts).max().unwrap_or(0)).max(1)
    }

    pub(super) fn measure(&mut self, measure: Measure, def: ColumnDef) -> Reg {
        let kind = match def.encoding {
            Encoding::Arithmetic(ring) => Kind::Number(ring, def.range),
            Encoding::Bit => Kind::Bit,
            Encoding::Planes(width) => Kind::Planes(width, def.range),
        };
        let wanted = format!("{measure:?}");
        let before = self.measures.iter().position(|other| format!("{other:?}") == wanted);
        let index = before.unwrap_or(self.measures.len());
        if before.is_none() {
            self.measures.push(measure);
            self.columns.push(def);
        }
        self.program.column(index, kind)
    }

    pub(super) fn count_def(&self, name: String) -> ColumnDef {
        let range = Range { lo: 0, hi: i128::from(self.rows.bound()) };
        ColumnDef { name, encoding: Encoding::Arithmetic(RingSize::Z64), range }
    }

    /// The number of rows that count.
    pub(crate) fn count(&mut self, counting: &[Counting], what: &str) -> Result<Reg> {
        let wants: Vec<Want> = counting.iter().cloned().map(Want::Count).collect();
        let def = ColumnDef {
            name: format!("counts {what}"),
            encoding: Encoding::Arithmetic(RingSize::Z64),
            range: Range { lo: 0, hi: 1 },
        };
        let value = self.rows.column(&wants, def)?;
        let def = self.count_def(format!("rows {what}"));
        Ok(self.measure(Measure::Sum { value }, def))
    }

    /// An aggregate over the rows, whose columns are those of `schema`.
    pub(crate) fn figure(&mut self, expr: &Expr, schema: &DFSchema, data_type: &DataType) -> Result<Figure> {
        let inner = expr.clone().unalias();
        let Expr::AggregateFunction(function) = &inner else {
            return Err(failure::internal("an aggregate that is none"));
        };
        let function_name = function.func.name().to_ascii_lowercase();
        let params = &function.params;
        let ordered = !params.order_by.is_empty() && !function_name.starts_with("percentile_");
        if ordered || params.null_treatment.is_some() {
            return Err(failure::not_built(format!("ORDER BY or IGNORE NULLS in {}", show(expr))));
        }
        let what = name(expr);
        if let ("covar_samp" | "covar" | "covar_pop" | "corr", false) =
            (function_name.as_str(), params.distinct)
        {
            let pair = self.pair(function, schema)?;
            return match function_name.as_str() {
                "corr" => self.correlation(expr, &pair, &what),
                other => self.covariance(expr, &pair, &what, other != "covar_pop"),
            };
        }
        if let "percentile_cont" | "percentile_disc" = function_name.as_str() {
            return self.percentile(expr, function, schema, &what);
        }
        if let ("sum" | "avg", true, [x, digest]) =
            (function_name.as_str(), params.distinct, params.args.as_slice())
        {
            let pair = [x, digest].map(|argument| self.argument_of(argument, function, schema));
            let [x, digest] = pair;
            return self.over_different_rows(
                expr,
                (&x?, &digest?),
                &what,
                (function_name == "avg", data_type),
            );
        }
        let argument = self.argument(function, schema)?;
        if let Some(once) = self.rows.once().cloned() {
            return self.figure_once(expr, &argument, once, (function_name.as_str(), params.distinct));
        }
        let same_without = ["min", "max", "bool_and", "bool_or"].contains(&function_name.as_str());
        let distinct = params.distinct && !same_without;
        match function_name.as_str() {
            "count" if distinct => self.count_distinct(expr, &argument, &what),
            "count" => self.count_rows(&argument, &what),
            "sum" if distinct => self.sum_distinct(expr, &argument, &what, data_type),
            "avg" | "mean" if distinct => self.average_distinct(expr, &argument, &what, data_type),
            "var" | "var_samp" | "var_sample" | "stddev" | "stddev_samp" | "var_pop" | "var_population"
            | "stddev_pop" => self.spread(expr, &argument, &what, (&function_name, distinct)),
            _ if distinct => Err(failure::not_built(format!("DISTINCT in {}", show(expr)))),
            "min" => self.at_rank(expr, &argument, &what, Rank::FIRST),
            "max" => self.at_rank(expr, &argument, &what, Rank::LAST),
            "median" => self.between_ranks(expr, &argument, &what, Share::HALF),
            "bool_and" => self.every(&argument, &what),
            "bool_or" => self.some(&argument, &what),
            "sum" => self.sum(expr, &argument, &what, data_type),
            "avg" | "mean" => self.average(expr, &argument, &what, data_type),
            _ => Err(failure::not_built(format!("the aggregate {}", show(expr)))),
        }
    }

    /// A variance or its root, of a sample or of all.
    fn spread(
        &mut self,
        expr: &Expr,
        argument: &Argument,
        what: &str,
        (function, distinct): (&str, bool),
    ) -> Result<Figure> {
        let (sample, root) = (!function.contains("pop"), function.starts_with("std"));
        if distinct {
            self.variance_distinct(expr, argument, what, (sample, root))
        } else {
            self.variance(expr, argument, what, sample, root)
        }
    }

    /// An aggregate over rows that may be there several times, each of which is to count once.
    fn figure_once(
        &mut self,
        expr: &Expr,
        argument: &Argument,
        once: Expr,
        (function, distinct): (&str, bool),
    ) -> Result<Figure> {
        let what = name(expr);
        match function {
            "count" if distinct => self.count_distinct(expr, argument, &what),
            "count" if !argument.facts.nullable => {
                let exprs = vec![once];
                let facts = self.rows.facts(&exprs)?;
                let rows = Argument { exprs, facts, conditional: false, demands: Vec::new() };
                self.count_distinct(expr, &rows, &what)
            }
            "min" => self.at_rank(expr, argument, &what, Rank::FIRST),
            "max" => self.at_rank(expr, argument, &what, Rank::LAST),
            _ => Err(failure::once()),
        }
    }

    /// The argument of an aggregate.
    pub(super) fn summed(&self, expr: &Expr, schema: &DFSchema) -> Result<Argument> {
        match expr {
            Expr::AggregateFunction(function) => self.argument(function, schema),
            _ => Err(failure::internal("an aggregate that is none")),
        }
    }

    fn argument(&self, function: &AggregateFunction, schema: &DFSchema) -> Result<Argument> {
        let [argument] = function.params.args.as_slice() else {
            return Err(failure::not_built(format!("{} of several arguments", function.func.name())));
        };
        self.argument_of(argument, function, schema)
    }

    /// Both arguments of an aggregate of pairs.
    fn pair(&self, function: &AggregateFunction, schema: &DFSchema) -> Result<[Argument; 2]> {
        let [x, y] = function.params.args.as_slice() else {
            return Err(failure::not_built(format!("{} of other than two arguments", function.func.name())));
        };
        Ok([self.argument_of(x, function, schema)?, self.argument_of(y, function, schema)?])
    }

    pub(super) fn argument_of(
        &self,
        argument: &Expr,
        function: &AggregateFunction,
        schema: &DFSchema,
    ) -> Result<Argument> {
        let originals = self.rows.expressions(argument, schema)?;
        let conditional = self.rows.is_conditional(&originals)?;
        let demands = self.demands(&originals)?;
        let exprs = match &function.params.filter {
            None => originals,
            Some(filter) => {
                let filters = self.rows.expressions(filter, schema)?;
                let case = |(when, then): (Expr, Expr)| {
                    let when_then_expr = vec![(Box::new(when), Box::new(then))];
                    Expr::Case(Case { expr: None, when_then_expr, else_expr: None })
                };
                filters.into_iter().zip(originals).map(case).collect()
            }
        };
        let facts = self.rows.facts(&exprs)?;
        Ok(Argument { exprs, facts, conditional, demands })
    }

    /// What an argument demands beside persons behind it as a whole. Conditions that are the same over the same declared
    /// columns are one demand on all branches that have them.
    pub(super) fn demands(&self, originals: &[Expr]) -> Result<Vec<InBranches>> {
        if self.rows.hides_outcomes(originals) {
            return Err(failure::hidden_condition(&show(originals.first().unwrap_or(&lit(0)))));
        }
        let mut all: Vec<(String, InBranches)> = Vec::new();
        let none = vec![None; originals.len()];
        let neutral = originals.iter().map(is_always_neutral).collect::<Result<Vec<_>>>()?;
        for (index, (expr, scope)) in originals.iter().zip(self.rows.scopes()).enumerate() {
            if neutral.get(index) == Some(&true) {
                continue;
            }
            for demand in demands(expr, scope)? {
                let key = format!(
                    "{:?} {:?}",
                    self.rows.of_declared(index, &demand.nonzero)?,
                    demand.taken.as_ref().map(|taken| self.rows.of_declared(index, taken)).transpose()?
                );
                let known = all.iter().position(|(other, _)| *other == key);
                let place = known.unwrap_or_else(|| {
                    all.push((key, InBranches(none.clone())));
                    all.len() - 1
                });
                if let Some(slot) = all.get_mut(place).and_then(|(_, found)| found.0.get_mut(index)) {
                    *slot = Some(demand);
                }
            }
        }
        // Where it is the whole argument in every branch with anything behind it, it is counted anyway.
        let whole = |found: &InBranches| {
            let mut pairs = found.0.iter().zip(originals).zip(&neutral);
            pairs.all(|((demand, expr), neutral)| match demand {
                None => *neutral,
                Some(demand) => demand.taken.is_none() && demand.nonzero == *expr,
            })
        };
        Ok(all.into_iter().map(|(_, found)| found).filter(|found| !whole(found)).collect())
    }

    /// The gates of a number: enough persons with a row behind it, and behind each addend that holds a condition and each
    /// outcome of it.
    pub(super) fn gates_behind(&mut self, argument: &Argument, what: &str) -> Result<Vec<Gate>> {
        let mut gates = self.gates(&Self::behind(argument), what)?;
        let known: Vec<Vec<Expr>> = argument.exprs.iter().map(|expr| vec![expr.clone()]).collect();
        gates.extend(self.gates_of_demands(&argument.demands, &known, what)?);
        Ok(gates)
    }

    /// The gates of the conditions in a number, over rows in which these are known.
    pub(super) fn condition_gates(
        &mut self,
        exprs: &[Expr],
        known: &[Vec<Expr>],
        what: &str,
    ) -> Result<Vec<Gate>> {
        let argument = Argument {
            exprs: exprs.to_vec(),
            facts: self.rows.facts(exprs)?,
            conditional: self.rows.is_conditional(exprs)?,
            demands: self.demands(exprs)?,
        };
        self.gates_of_conditions(&argument, known, what)
    }

    /// The gates of the conditions in an argument but for its FILTER, over rows in which these are known.
    pub(super) fn gates_of_conditions(
        &mut self,
        argument: &Argument,
        known: &[Vec<Expr>],
        what: &str,
    ) -> Result<Vec<Gate>> {
        let mut gates = Vec::new();
        if argument.conditional {
            let nonzero = |(known, whole): (&Vec<Expr>, &Expr)| Counting {
                known: known.clone(),
                nonzero: Some(whole.clone()),
                ring: RingSize::Z64,
            };
            let counting: Vec<Counting> = known.iter().zip(&argument.exprs).map(nonzero).collect();
            gates.extend(self.gates(&counting, &format!("{what} not 0"))?);
        }
        gates.extend(self.gates_of_demands(&argument.demands, known, what)?);
        Ok(gates)
    }

    /// The gates of what an argument demands, over rows in which these are known.
    pub(super) fn gates_of_demands(
        &mut self,
        demands: &[InBranches],
        known: &[Vec<Expr>],
        what: &str,
    ) -> Result<Vec<Gate>> {
        let mut gates = Vec::new();
        for (index, found) in demands.iter().enumerate() {
            let counting: Vec<Counting> = known
                .iter()
                .zip(&found.0)
                .map(|(known, demand)| {
                    let mut known = known.clone();
                    let demand = demand.clone();
                    let (nonzero, taken) =
                        demand.map_or((None, None), |demand| (Some(demand.nonzero), demand.taken));
                    known.extend(taken.map(|taken| where_it_is(&taken, true)));
                    Counting { known, nonzero, ring: RingSize::Z64 }
                })
                .collect();
            let what = format!("{what}, condition {}", index + 1);
            let own = self.gates_in(&counting, &found.places(), &what)?;
            let reason = |reason: &str| format!("{reason} behind every outcome of a condition in it");
            gates.extend(own.into_iter().map(|gate| Gate { reason: reason(&gate.reason), ..gate }));
        }
        Ok(gates)
    }

    /// The rows whose argument is not NULL.
    pub(super) fn not_null(argument: &Argument) -> Vec<Counting> {
        let open_text = is_text(&argument.facts.data_type) && argument.facts.closed.is_none();
        let counting = |expr: &Expr| {
            let known = match argument.facts.nullable {
                // Texts of an open domain are known to their owner alone, whose column cannot hold others' conditions.
                true if open_text && leaves_of(expr).len() > 1 => known_parts(expr),
                true => vec![expr.clone()],
                false => Vec::new(),
            };
            Counting { known, nonzero: None, ring: RingSize::Z64 }
        };
        argument.exprs.iter().map(counting).collect()
    }

    /// The rows behind a sum: the argument is not NULL, and not 0 where it holds a condition.
    pub(super) fn behind(argument: &Argument) -> Vec<Counting> {
        if !argument.conditional {
            return Self::not_null(argument);
        }
        let counting =
            |expr: &Expr| Counting { known: Vec::new(), nonzero: Some(expr.clone()), ring: RingSize::Z64 };
        argument.exprs.iter().map(counting).collect()
    }

    fn count_rows(&mut self, argument: &Argument, what: &str) -> Result<Figure> {
        let counting = Self::not_null(argument);
        let gates = self.gates(&counting, what)?;
        let count = self.count(&counting, what)?;
        self.rounded_count(count, gates)
    }

    /// Counts are rounded to the largest multiple that an owner asks for.
    fn rounded_count(&mut self, count: Reg, gates: Vec<Gate>) -> Result<Figure> {
        let multiple = self.count_multiple();
        let mut reg = count;
        if multiple > 1 {
            reg = self.program.divide_by(count, multiple, Rounding::Nearest)?;
            reg = self.program.scale(reg, multiple)?;
            self.rounded = Some(multiple);
        }
        Ok(Figure::of(Number { reg, known: None, scale: Scale::Unit }, gates))
    }

    fn count_distinct(&mut self, expr: &Expr, argument: &Argument, what: &str) -> Result<Figure> {
        let Some((owner, places)) = self.persons_of(argument) else {
            let gates = self.gates_behind(argument, what)?;
            let count = self.count_values(expr, argument, what)?;
            return self.rounded_count(count, gates);
        };
        let counting = Self::not_null(argument);
        let gates = self.gates(&counting, what)?;
        let count = self.persons(owner, &places, &counting, (what, false))?;
        self.rounded_count(count, gates)
    }

    /// The owner whose persons an argument names in every branch, and the leaves whose persons they are.
    fn persons_of(&self, argument: &Argument) -> Option<(PartyId, Vec<(usize, usize)>)> {
        let mut places = Vec::new();
        let mut owner = None;
        for (index, (branch, expr)) in self.rows.branches().iter().zip(&argument.exprs).enumerate() {
            let person = match only_where(expr) {
                Expr::Literal(value, _) if value.is_null() => continue,
                Expr::Column(column) => place(column),
                _ => None,
            };
            let (leaf, column) = person?;
            let source = branch.leaves.get(leaf)?;
            let is_person = matches!(source.persons, Persons::Column { column: own, .. } if own == column);
            if !is_person || owner.is_some_and(|owner| owner != source.owner) {
                return None;
            }
            owner = Some(source.owner);
            places.push((index, leaf));
        }
        owner.map(|owner| (owner, places))
    }
}

/// What is known exactly where an expression is: the conditions of a FILTER or a CASE, and the value under them.
fn known_parts(expr: &Expr) -> Vec<Expr> {
    match expr {
        Expr::Case(Case { expr: None, when_then_expr, else_expr: None }) => match when_then_expr.as_slice() {
            [(when, then)] => std::iter::once(where_it_is(when, true)).chain(known_parts(then)).collect(),
            _ => vec![expr.clone()],
        },
        plain => vec![plain.clone()],
    }
}

/// What an expression is where it is not NULL, without the conditions of a FILTER, a CASE or an outer join.
pub(super) fn only_where(expr: &Expr) -> &Expr {
    match expr {
        Expr::Case(Case { expr: None, when_then_expr, else_expr: None }) => match when_then_expr.as_slice() {
            [(_, then)] => only_where(then),
            _ => expr,
        },
        plain => plain,
    }
}

/// The scope of expressions over groups: only names and types.
pub(crate) fn group_scope(schema: &DFSchema) -> Scope {
    let facts = schema.fields().iter().map(|field| Facts::open(field.data_type().clone(), true)).collect();
    Scope { schema: schema.clone(), facts }
}

/// 1 where the row counts, nothing asked.
pub(crate) fn all_rows(branches: usize) -> Vec<Counting> {
    vec![Counting { known: Vec::new(), nonzero: None, ring: RingSize::Z64 }; branches]
}

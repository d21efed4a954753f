//! The rows of a statistic: sums of them per cell, the persons that must be behind these.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{Expr, ExprSchemable, Operator, cast, lit};

use super::super::facts::{Facts, is_float, is_text};
use super::super::failure;
use super::super::figure::{Gate, Sums};
use super::super::grid::{Grid, every_value, steps_of};
use super::super::persons::PersonRows;
use super::super::picked::moved;
use super::super::program::{Kind, Program};
use super::super::resolution::check;
use super::super::rows::Relation;
use super::super::rowset::RowSet;
use super::super::scale::{decode, worth};
use super::super::want::{Counting, Want};
use super::cells::{Cells, Demand};
use crate::Result;
use crate::catalog::{Federation, Use};
use crate::function::{TableFunction, Variable};
use crate::plan::{Aggregate, ColumnDef, Encoding, Measure, Node, NodeId, Op, Range, Reg, RingSize, Scale};

/// The most cells of a table.
pub(super) const MAX_CELLS: usize = 100_000;

/// A variable that makes cells, one for each of its values.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// As the input names it.
    pub(super) name: String,
    /// Its values in SQL order, NULL not among them.
    pub(super) values: Vec<ScalarValue>,
    /// What the values are worth where they are numbers; the places of the values where they are not.
    pub(super) numbers: Vec<f64>,
    one_hot: Vec<usize>,
}

impl Key {
    /// Public numbers that label rows.
    pub(super) fn of_numbers(name: &str, numbers: &[f64]) -> Key {
        let values = numbers.iter().map(|number| ScalarValue::Float64(Some(*number))).collect();
        Key { name: name.to_owned(), values, numbers: numbers.to_vec(), one_hot: Vec::new() }
    }

    /// Its numbers as whole multiples of a unit.
    #[expect(clippy::cast_possible_truncation, reason = "grids are small numbers")]
    pub(super) fn whole_numbers(&self) -> Result<(f64, Vec<i128>)> {
        let gaps = self.numbers.windows(2).map(|pair| pair[1] - pair[0]);
        let least = gaps.fold(f64::INFINITY, f64::min);
        for divisor in [1.0, 2.0, 10.0, 100.0, 1000.0] {
            let unit = if least.is_finite() { least / divisor } else { 1.0 };
            let multiples: Vec<f64> = self.numbers.iter().map(|number| number / unit).collect();
            if multiples.iter().all(|x| (x - x.round()).abs() < 1e-6 && x.abs() < 1e15) {
                return Ok((unit, multiples.iter().map(|x| x.round() as i128).collect()));
            }
        }
        Err(failure::not_built(format!("times `{}` that are no multiples of a step", self.name)))
    }
}

/// A variable whose values are summed: integers around the middle of its domain.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    /// What one integer is worth.
    pub(super) step: f64,
    /// The integer, in units of `step`, that 0 stands for.
    pub(super) middle: i128,
    /// Its integers.
    pub(super) range: Range,
    exprs: Vec<Expr>,
    scale: Scale,
    nullable: bool,
}

/// Sums over rows, table by table.
pub(super) struct Rows<'a> {
    function: &'a TableFunction,
    pub(super) sums: Sums<'a>,
    tables: Vec<Table>,
    /// Those of conditions in what the next table sums.
    conditions: Vec<Gate>,
    /// Numbers whose values are counted, and whose conditions any gate demands too.
    valued: Vec<(String, Vec<Expr>)>,
}

struct Table {
    keys: Vec<Key>,
    measures: Vec<Measure>,
    columns: Vec<ColumnDef>,
    gates: Vec<Demand>,
}

impl<'a> Rows<'a> {
    /// No sums yet.
    pub(super) fn new(
        function: &'a TableFunction,
        relation: &'a Relation,
        federation: &'a Federation,
    ) -> Result<Rows<'a>> {
        let sums = Sums::new(RowSet::new(relation, federation)?, false);
        Ok(Rows { function, sums, tables: Vec::new(), conditions: Vec::new(), valued: Vec::new() })
    }

    /// The most rows.
    pub(super) fn bound(&self) -> i128 {
        i128::from(self.sums.rows.bound())
    }

    /// The multiple to which counts that leave are rounded.
    pub(super) fn multiple(&self) -> i128 {
        self.sums.count_multiple()
    }

    /// Whether any owner withholds numbers of few persons.
    pub(super) fn withholds(&self) -> bool {
        let parties = &self.sums.rows.federation().parties;
        let owners = self.sums.rows.owners();
        owners.iter().any(|(owner, _)| parties.get(owner.0).is_some_and(|party| party.release.min_people > 1))
    }

    /// An expression of the input in every branch.
    fn branches(&self, variable: &Variable) -> Result<(Vec<Expr>, Facts)> {
        let exprs = self.sums.rows.expressions(&variable.expr, self.function.input.schema())?;
        let facts = self.sums.rows.facts(&exprs)?;
        Ok((exprs, facts))
    }

    /// The cells of a variable with a closed domain, or of few integers or dates.
    pub(super) fn key(&mut self, variable: &Variable) -> Result<Key> {
        let (exprs, facts) = self.branches(variable)?;
        let values = facts.enumerate().ok_or_else(|| {
            failure::invalid(format!(
                "{}: `{}` has no closed domain (`values`) whose groups could be told apart",
                self.function.spec.name, variable.name
            ))
        })?;
        let values = self.kept(&exprs, values);
        self.one_hot(variable, &exprs, &facts, values)
    }

    /// The values that the conditions on the rows leave, as far as they are conditions on this variable alone.
    fn kept(&self, exprs: &[Expr], values: Vec<ScalarValue>) -> Vec<ScalarValue> {
        let mut kept = Vec::new();
        for value in values {
            let mut possible = false;
            for ((expr, branch), scope) in
                exprs.iter().zip(self.sums.rows.branches()).zip(self.sums.rows.scopes())
            {
                let of_it = |filter: &&Expr| {
                    let columns = expr.column_refs();
                    !columns.is_empty() && filter.column_refs() == columns
                };
                let mut conditions = branch.filters.iter().filter(of_it).cloned();
                let excluded = conditions.any(|filter| {
                    let both = filter.and(expr.clone().eq(lit(value.clone())));
                    let facts = super::super::enumerate::enumerate(&both, scope);
                    let truth = ScalarValue::Boolean(Some(true));
                    matches!(facts, Some(Ok(facts)) if facts.closed.as_ref().is_some_and(|all| !all.contains(&truth)))
                });
                possible |= !excluded;
            }
            if possible {
                kept.push(value);
            }
        }
        kept
    }

    /// The cells of every value that a number or date may have, up to [`MAX_GRID`](super::super::grid::MAX_GRID).
    pub(super) fn grid(&mut self, variable: &Variable, parameter: &str) -> Result<Key> {
        let (exprs, facts) = self.branches(variable)?;
        // Persons at risk are counted at every time.
        if parameter != "time" && facts.data_type.is_numeric() {
            self.valued.push((variable.name.clone(), exprs));
        }
        if facts.closed.is_some() && !is_float(&facts.data_type) {
            return self.key(variable);
        }
        let grid = every_value(&self.sums.rows, self.function, variable, parameter)?;
        self.of_grid(variable, grid)
    }

    fn of_grid(&mut self, variable: &Variable, grid: Grid) -> Result<Key> {
        let facts = self.sums.rows.facts(&grid.exprs)?;
        let mut key = self.one_hot(variable, &grid.exprs, &facts, grid.values)?;
        if let Some(numbers) = grid.numbers {
            key.values = numbers.iter().map(|number| ScalarValue::Float64(Some(*number))).collect();
            key.numbers = numbers;
        }
        Ok(key)
    }

    /// The smallest and the largest value of its declared domain.
    pub(super) fn interval(&self, variable: &Variable) -> Result<(f64, f64)> {
        let (_, facts) = self.branches(variable)?;
        facts
            .interval()
            .filter(|_| !is_text(&facts.data_type))
            .ok_or_else(|| failure::bounds(format!("`{}`", variable.name)))
    }

    /// The cells between edges: values below the first, from each to the next, and from the last on.
    pub(super) fn bins(&mut self, variable: &Variable, edges: &[f64]) -> Result<Key> {
        let (exprs, _) = self.branches(variable)?;
        let bin = |expr: &Expr| {
            let value = cast(expr.clone(), DataType::Float64);
            let when =
                |(edge, bin): (&f64, i64)| (Box::new(value.clone().lt(lit(*edge))), Box::new(lit(bin)));
            let mut when_then_expr: Vec<_> = edges.iter().zip(0..).map(when).collect();
            let last = i64::try_from(edges.len()).unwrap_or_default();
            when_then_expr.push((Box::new(value.clone().is_not_null()), Box::new(lit(last))));
            Expr::Case(Case { expr: None, when_then_expr, else_expr: None })
        };
        let exprs: Vec<Expr> = exprs.iter().map(bin).collect();
        let facts = self.sums.rows.facts(&exprs)?;
        let values = (0..=edges.len()).map(|bin| ScalarValue::Int64(i64::try_from(bin).ok())).collect();
        self.one_hot(variable, &exprs, &facts, values)
    }

    /// The cells of steps of a width: a time counts at the end of its step.
    pub(super) fn coarse_grid(&mut self, variable: &Variable, width: f64) -> Result<Key> {
        let grid = steps_of(&self.sums.rows, self.function, variable, width)?;
        self.of_grid(variable, grid)
    }

    fn one_hot(
        &mut self,
        variable: &Variable,
        exprs: &[Expr],
        facts: &Facts,
        values: Vec<ScalarValue>,
    ) -> Result<Key> {
        if values.is_empty() {
            return Err(failure::invalid(format!(
                "{}: no value of `{}` is left",
                self.function.spec.name, variable.name
            )));
        }
        let mut one_hot = Vec::new();
        for value in &values {
            let wants: Vec<Want> = exprs.iter().map(|expr| one_value(expr, value)).collect();
            let def = ColumnDef {
                name: format!("{} = {value}", variable.name),
                encoding: Encoding::Arithmetic(RingSize::Z64),
                range: Range { lo: 0, hi: 1 },
            };
            one_hot.push(self.sums.rows.column(&wants, def)?);
        }
        let number = |(place, value): (usize, &ScalarValue)| {
            let integer =
                super::super::scale::encode(value, facts.scale).filter(|_| !is_text(&facts.data_type));
            #[expect(clippy::cast_precision_loss, reason = "places of values are small")]
            integer.map_or(place as f64, |integer| decode(integer, facts.scale))
        };
        let numbers = values.iter().enumerate().map(number).collect();
        Ok(Key { name: variable.name.clone(), values, numbers, one_hot })
    }

    /// A number that is summed.
    pub(super) fn measured(&self, variable: &Variable) -> Result<Measured> {
        let (exprs, facts) = self.branches(variable)?;
        let range = facts
            .range
            .filter(|_| !is_text(&facts.data_type))
            .ok_or_else(|| failure::bounds(format!("`{}`", variable.name)))?;
        check(&exprs, self.sums.rows.scopes(), &facts)?;
        let middle = if range.lo == 0 && range.hi == 1 { 0 } else { range.lo.midpoint(range.hi) };
        let (nullable, scale) = (facts.nullable, facts.scale);
        let range = Range { lo: range.lo - middle, hi: range.hi - middle }.with_zero();
        Ok(Measured { step: worth(scale), middle, range, exprs, scale, nullable })
    }

    /// The difference of two numbers of the same row.
    pub(super) fn difference(&self, left: &Variable, right: &Variable) -> Result<Measured> {
        let engine = |error| failure::engine(&error);
        let schema = self.function.input.schema();
        let (x, y) =
            (left.expr.get_type(schema).map_err(engine)?, right.expr.get_type(schema).map_err(engine)?);
        let common = BinaryTypeCoercer::new(&x, &Operator::Minus, &y).get_input_types().map_err(engine)?;
        let of_type = |expr: &Expr, from: &DataType, to: DataType| {
            if *from == to { expr.clone() } else { cast(expr.clone(), to) }
        };
        let expr = of_type(&left.expr, &x, common.0) - of_type(&right.expr, &y, common.1);
        self.measured(&Variable { name: format!("{} - {}", left.name, right.name), expr, categorical: false })
    }

    /// An event: BOOLEAN, or 0 and 1.
    pub(super) fn event(&self, variable: &Variable) -> Result<Vec<Expr>> {
        let (exprs, facts) = self.branches(variable)?;
        let within = facts.range.is_some_and(|range| range.lo >= 0 && range.hi <= 1);
        if !within || facts.scale != Scale::Unit {
            return Err(failure::invalid(format!(
                "{}: `{}` is no event: it must be BOOLEAN, or 0 and 1 by its declared domain",
                self.function.spec.name, variable.name
            )));
        }
        let truth = facts.data_type == DataType::Boolean;
        let number = |expr: Expr| {
            if !truth {
                return expr;
            }
            let when_then_expr = vec![
                (Box::new(expr.clone()), Box::new(lit(1_i64))),
                (Box::new(Expr::Not(Box::new(expr))), Box::new(lit(0_i64))),
            ];
            Expr::Case(Case { expr: None, when_then_expr, else_expr: None })
        };
        Ok(exprs.into_iter().map(number).collect())
    }

    /// The rows in which these are all known.
    pub(super) fn known(&self, variables: &[&Variable]) -> Result<Vec<Counting>> {
        let mut counting = super::super::figure::all_rows(self.sums.rows.branches().len());
        for variable in variables {
            let (exprs, facts) = self.branches(variable)?;
            if facts.nullable {
                for (counting, expr) in counting.iter_mut().zip(exprs) {
                    counting.known.push(expr);
                }
            }
        }
        Ok(counting)
    }

    /// The rows in which a variable is NULL.
    pub(super) fn missing(&self, variable: &Variable) -> Result<Vec<Counting>> {
        let (exprs, facts) = self.branches(variable)?;
        let missing = |expr: Expr| {
            let when = if facts.nullable { expr.is_null() } else { lit(false) };
            let when_then_expr = vec![(Box::new(when), Box::new(lit(1_i64)))];
            let case = Case { expr: None, when_then_expr, else_expr: Some(Box::new(lit(0_i64))) };
            Counting { known: Vec::new(), nonzero: Some(Expr::Case(case)), ring: RingSize::Z64 }
        };
        Ok(exprs.into_iter().map(missing).collect())
    }

    /// The number of rows that count, under this name.
    pub(super) fn count(&mut self, name: &str, counting: &[Counting]) -> Result<()> {
        let reg = self.sums.count(counting, name)?;
        self.rename(reg, name)
    }

    /// The number of rows that count and in which an event happened.
    pub(super) fn count_events(&mut self, name: &str, counting: &[Counting], event: &[Expr]) -> Result<()> {
        let counting: Vec<Counting> = counting
            .iter()
            .zip(event)
            .map(|(counting, event)| Counting { nonzero: Some(event.clone()), ..counting.clone() })
            .collect();
        self.count(name, &counting)
    }

    /// What the owners demand of a number of events.
    pub(super) fn event_gates(&mut self, counting: &[Counting], event: &[Expr]) -> Result<Vec<Gate>> {
        let counting: Vec<Counting> = counting
            .iter()
            .zip(event)
            .map(|(counting, event)| Counting { nonzero: Some(event.clone()), ..counting.clone() })
            .collect();
        self.gates(&counting, "with events")
    }

    /// Whether no owner's person has several rows, so that persons of different cells are different.
    pub(super) fn one_row_per_person(&mut self) -> Result<bool> {
        for (owner, places) in self.sums.rows.owners() {
            let party = self.sums.rows.federation().parties.get(owner.0);
            if party.is_none_or(|party| party.release.min_people < 2) {
                continue;
            }
            for place in places {
                let persons = self.sums.rows.persons(place)?;
                if !matches!(persons.rows, PersonRows::Single) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Whether every column that a variable is made of allows a use.
    pub(super) fn allows(&self, variable: &Variable, wanted: Use) -> Result<bool> {
        let (exprs, _) = self.branches(variable)?;
        Ok(self.sums.rows.allow(&exprs, wanted))
    }

    /// The sum of a variable over the rows that count, and, with `squares`, of its square.
    pub(super) fn total(
        &mut self,
        name: &str,
        counting: &[Counting],
        measured: &Measured,
        squares: Option<&str>,
    ) -> Result<()> {
        let wide = || failure::bounds(format!("sums of {name}"));
        let bound = self.sums.rows.bound();
        let most = i128::try_from(measured.range.magnitude()).map_err(|_| wide())?;
        let square = Range { lo: 0, hi: most.checked_mul(most).ok_or_else(wide)? };
        let squared = square.sum(bound).ok_or_else(wide)?;
        let sum = measured.range.sum(bound).ok_or_else(wide)?;
        let ring = if squares.is_some() { squared.ring() } else { sum.ring() }.ok_or_else(wide)?;
        let known: Vec<Vec<Expr>> = counting.iter().map(|counting| counting.known.clone()).collect();
        let gates = self.sums.condition_gates(&measured.exprs, &known, name)?;
        self.conditions.extend(gates);
        let wants: Vec<Want> = measured
            .exprs
            .iter()
            .zip(counting)
            .map(|(expr, counting)| {
                let mut counting = Counting { ring, ..counting.clone() };
                if measured.nullable && !counting.known.contains(expr) {
                    counting.known.push(expr.clone());
                }
                Want::Masked { expr: expr.clone(), scale: measured.scale, offset: measured.middle, counting }
            })
            .collect();
        let encoding = Encoding::Arithmetic(ring);
        let def = ColumnDef { name: format!("values {name}"), encoding, range: measured.range };
        let value = self.sums.rows.column(&wants, def)?;
        let def = ColumnDef { name: name.to_owned(), encoding, range: sum };
        self.sums.measure(Measure::Sum { value }, def);
        if let Some(squares) = squares {
            let def = ColumnDef { name: squares.to_owned(), encoding, range: squared };
            self.sums.measure(Measure::SumOfProducts { left: value, right: value }, def);
        }
        Ok(())
    }

    /// What the owners demand of a number that these rows are behind, in every cell of the table.
    pub(super) fn gates(&mut self, counting: &[Counting], what: &str) -> Result<Vec<Gate>> {
        let mut gates = self.sums.gates(counting, what)?;
        let known: Vec<Vec<Expr>> = counting.iter().map(|counting| counting.known.clone()).collect();
        for (name, exprs) in self.valued.clone() {
            gates.extend(self.sums.condition_gates(&exprs, &known, &name)?);
        }
        Ok(gates)
    }

    fn rename(&mut self, reg: Reg, name: &str) -> Result<()> {
        let place = column_of(&self.sums.program, reg)?;
        if let Some(def) = self.sums.columns.get_mut(place) {
            name.clone_into(&mut def.name);
        }
        Ok(())
    }

    /// A table of what was summed since the last one, per cell of these keys, under these gates.
    pub(super) fn table(&mut self, keys: &[&Key], gates: &[Gate]) -> Result<usize> {
        let cells: usize = keys.iter().map(|key| key.values.len()).product();
        if cells > MAX_CELLS {
            return Err(failure::not_built(format!(
                "{} over {cells} cells; {MAX_CELLS} are the most",
                self.function.spec.name
            )));
        }
        let program = std::mem::take(&mut self.sums.program);
        let mut demands = Vec::new();
        let conditions = std::mem::take(&mut self.conditions);
        for gate in gates.iter().chain(&conditions) {
            let column = column_of(&program, gate.persons)?;
            let demand = Demand { column, at_least: gate.at_least, reason: gate.reason.clone() };
            if !demands.contains(&demand) {
                demands.push(demand);
            }
        }
        self.tables.push(Table {
            keys: keys.iter().map(|key| (*key).clone()).collect(),
            measures: std::mem::take(&mut self.sums.measures),
            columns: std::mem::take(&mut self.sums.columns),
            gates: demands,
        });
        Ok(self.tables.len() - 1)
    }

    /// Adds the nodes; the tables in order.
    pub(super) fn finish(self, nodes: &mut Vec<Node>) -> Result<Vec<Cells>> {
        let (input, places) = self.sums.rows.finish(nodes)?;
        let at = |column: usize| {
            places.get(column).copied().ok_or_else(|| failure::internal("a column of no row"))
        };
        let mut cells = Vec::new();
        for Table { keys, measures, columns, gates } in self.tables {
            let shape = keys.iter().map(|key| key.values.len()).collect();
            let keys = keys
                .iter()
                .map(|key| key.one_hot.iter().map(|column| at(*column)).collect())
                .collect::<Result<_>>()?;
            let measures = measures.into_iter().map(|measure| moved(measure, &at)).collect::<Result<_>>()?;
            nodes.push(Node::Aggregate(Aggregate { input, keys, measures, columns: columns.clone() }));
            cells.push(Cells::new(NodeId(nodes.len() - 1), shape, columns, gates));
        }
        Ok(cells)
    }
}

/// Whether an expression has a value, as a number.
fn one_value(expr: &Expr, value: &ScalarValue) -> Want {
    Want::Cell { expr: expr.clone(), value: value.clone(), ring: RingSize::Z64 }
}

/// The column of the sums that a register is.
fn column_of(program: &Program, reg: Reg) -> Result<usize> {
    match (program.ops.get(reg.0), program.kind(reg)) {
        (Some(Op::Column(column)), Kind::Number(..)) => Ok(*column),
        _ => Err(failure::internal("a sum that is computed")),
    }
}

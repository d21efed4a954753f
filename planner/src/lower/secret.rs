//! Scalar subqueries as secret values: what one row of an aggregate says, known to nobody, given to all rows or groups.
//!
//! | the subquery reads | its value is |
//! |---|---|
//! | one owner's tables | aggregated and gated at that owner in the clear, shared as one row |
//! | several owners' tables | aggregated on shares; the gate is decided where the value is given to the rows |
//!
//! An expression names value `i` of its rows as `#value."i:name"`, which no owner can compute alone.
#![expect(clippy::wildcard_enum_match_arm, reason = "only plain columns and subqueries are looked for")]

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, ScalarValue, TableReference};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Projection, Subquery};

use super::chain::{Chain, chain};
use super::enumerate::constant;
use super::facts::{Facts, is_float, is_text};
use super::figure::{Gate, Sums, all_rows};
use super::group::{By, Groups};
use super::infer::{Scope, infer};
use super::inline::joined_subqueries;
use super::leaf::{describe, owners};
use super::program::{Kind, Program};
use super::rows::{Relation, normalise, replace};
use super::rowset::RowSet;
use super::scale::worth;
use super::truth::masked;
use super::value::{Number, Truth, same_text};
use super::{failure, within};
use crate::Result;
use crate::catalog::Federation;
use crate::plan::{
    Broadcast, ColumnDef, Encoding, Input, Node, NodeId, Op, Order, Range, Rounding, Scale, SecretValue,
    SharedColumn, Source, Threshold,
};

const VALUE: &str = "#value";

/// Bits of a double that is compared with rows: nearly as many as it has.
const DOUBLE_BITS: u32 = 50;

/// From here on the columns of a program are those of secret values: two each, behind all columns of its table.
const PLACES: usize = 1 << 32;

/// A value of one row, with the nodes that give it, counted from 0.
#[derive(Clone, Debug)]
pub(crate) struct Secret {
    /// What is known of it.
    pub(crate) facts: Facts,
    nodes: Vec<Node>,
    /// Of the last node.
    value: usize,
    known: Option<usize>,
    gate: Vec<Threshold>,
    def: ColumnDef,
}

/// Value `index` of the rows, as expressions name it.
pub(crate) fn secret(index: usize) -> Expr {
    Expr::Column(Column::new(Some(TableReference::bare(VALUE)), format!("{index}:subquery")))
}

/// The value that a column is.
pub(crate) fn secret_of(column: &Column) -> Option<usize> {
    let is_value = column.relation.as_ref().is_some_and(|relation| relation.table() == VALUE);
    if is_value { column.name.split(':').next()?.parse().ok() } else { None }
}

/// Whether an expression names a secret value.
pub(crate) fn names_secret(expr: &Expr) -> bool {
    expr.column_refs().into_iter().any(|column| secret_of(column).is_some())
}

impl Secret {
    /// The value of a scalar subquery that depends on nothing around it.
    ///
    /// # Errors
    /// Invalid ("not built") for a correlated subquery, or one that may give several rows; refused where the persons behind
    /// its aggregate cannot be counted.
    pub(crate) fn of(subquery: &Subquery, federation: &Federation) -> Result<Secret> {
        if !subquery.outer_ref_columns.is_empty() {
            return Err(failure::open_lookup());
        }
        Secret::of_plan(&subquery.subquery, federation)
    }

    /// The value of an aggregate without keys.
    ///
    /// # Errors
    /// As [`Secret::of`].
    pub(crate) fn of_plan(plan: &LogicalPlan, federation: &Federation) -> Result<Secret> {
        let owners = owners(plan)?;
        if owners.is_empty() || !chain(plan)?.is_some_and(|(aggregate, _)| aggregate.group_expr.is_empty()) {
            return Err(failure::not_built("a scalar subquery other than an aggregate without GROUP BY"));
        }
        if owners.len() > 1 {
            return across(plan, federation);
        }
        // What an owner cannot compute or count alone may be done on shares.
        at_owner(plan, federation).or_else(|error| across(plan, federation).map_err(|_| error))
    }

    /// Its number over rows that it is given to as value `index`.
    pub(crate) fn number(&self, program: &mut Program, index: usize) -> Number {
        let Encoding::Arithmetic(ring) = self.def.encoding else {
            return Number { reg: program.bit(false), known: None, scale: Scale::Unit };
        };
        let reg = program.column(PLACES + 2 * index, Kind::Number(ring, self.def.range));
        let known = self.facts.nullable.then(|| program.column(PLACES + 2 * index + 1, Kind::Bit));
        let scale = if is_text(&self.facts.data_type) { Scale::Unit } else { self.facts.scale };
        Number { reg, known, scale }
    }

    /// The same; a text as an index into a dictionary that holds its values.
    pub(crate) fn in_texts(
        &self,
        program: &mut Program,
        index: usize,
        dictionary: Option<&[ScalarValue]>,
    ) -> Result<Number> {
        let number = self.number(program, index);
        let Some(dictionary) = dictionary else { return Ok(number) };
        let mut reg = program.constant(0)?;
        for (own, text) in self.facts.closed.iter().flatten().enumerate() {
            let place = dictionary.iter().position(|entry| same_text(entry, text));
            let place = place.and_then(|place| i128::try_from(place).ok());
            let place =
                program.constant(place.ok_or_else(|| failure::internal("a text of no dictionary"))?)?;
            let other = program.offset(number.reg, -i128::try_from(own).unwrap_or(0))?;
            let is_it = program.zero(other);
            reg = program.select(is_it, place, reg)?;
        }
        Ok(Number { reg, ..number })
    }

    /// Its truth, if it is a truth value.
    pub(crate) fn truth(&self, program: &mut Program, index: usize) -> Truth {
        let number = self.number(program, index);
        let no = program.zero(number.reg);
        let yes = program.not(no);
        masked(program, yes, number.known)
    }

    /// Adds its nodes.
    fn emit(&self, nodes: &mut Vec<Node>) -> SecretValue {
        let start = nodes.len();
        nodes.extend(self.nodes.iter().map(|node| node.counted_from(start)));
        let from = NodeId(nodes.len() - 1);
        SecretValue { from, value: self.value, known: self.known, gate: self.gate.clone() }
    }
}

/// Gives those values to the rows of the last node that a program reads, whose columns it then names where they are.
pub(crate) fn give(secrets: &[Secret], ops: &mut [Op], input: NodeId, nodes: &mut Vec<Node>) -> NodeId {
    let mut wanted: Vec<usize> = Vec::new();
    for op in ops.iter() {
        if let Op::Column(column) = op
            && let Some(place) = column.checked_sub(PLACES)
            && !wanted.contains(&(place / 2))
        {
            wanted.push(place / 2);
        }
    }
    if wanted.is_empty() {
        return input;
    }
    let mut columns: Vec<ColumnDef> =
        nodes.get(input.0).map(Node::columns).unwrap_or_default().into_iter().cloned().collect();
    let width = columns.len();
    let mut values = Vec::new();
    for secret in wanted.iter().filter_map(|index| secrets.get(*index)) {
        values.push(secret.emit(nodes));
        columns.push(secret.def.clone());
        let name = format!("known {}", secret.def.name);
        columns.push(ColumnDef { name, encoding: Encoding::Bit, range: Range { lo: 0, hi: 1 } });
    }
    for op in ops.iter_mut() {
        if let Op::Column(column) = op
            && let Some(place) = column.checked_sub(PLACES)
            && let Some(at) = wanted.iter().position(|index| *index == place / 2)
        {
            *column = width + 2 * at + place % 2;
        }
    }
    nodes.push(Node::Broadcast(Broadcast { input, values, columns }));
    NodeId(nodes.len() - 1)
}

/// Adds secret values to what expressions may name.
pub(crate) fn extend(scope: &mut Scope, secrets: &[Secret]) -> Result<()> {
    let mut fields = Vec::new();
    for (index, one) in secrets.iter().enumerate() {
        let Expr::Column(column) = secret(index) else { continue };
        fields.push(Field::new(column.name, one.facts.data_type.clone(), true));
        scope.facts.push(one.facts.clone());
    }
    let qualifiers = vec![Some(TableReference::bare(VALUE)); fields.len()];
    let values = DFSchema::from_field_specific_qualified_schema(qualifiers, &Arc::new(Schema::new(fields)));
    let both = values.and_then(|values| scope.schema.join(&values));
    scope.schema = both.map_err(|error| failure::engine(&error))?;
    Ok(())
}

/// An expression with a secret value in place of each scalar subquery; the values are added to `secrets`.
pub(crate) fn with_secrets(expr: Expr, secrets: &mut Vec<Secret>, federation: &Federation) -> Result<Expr> {
    let mut failed = None;
    let replaced = expr.transform_up(|part| {
        let Expr::ScalarSubquery(subquery) = &part else { return Ok(Transformed::no(part)) };
        match value_of(subquery, secrets, federation) {
            Ok(value) => Ok(Transformed::yes(value)),
            Err(error) => {
                failed.get_or_insert(error);
                Ok(Transformed::no(part))
            }
        }
    });
    match failed {
        Some(error) => Err(error),
        None => replaced.map(|replaced| replaced.data).map_err(|error| failure::engine(&error)),
    }
}

/// What stands for a scalar subquery: a constant if it reads no table, else a value that is added to `secrets`.
///
/// # Errors
/// As [`Secret::of`].
pub(crate) fn value_of(
    subquery: &Subquery,
    secrets: &mut Vec<Secret>,
    federation: &Federation,
) -> Result<Expr> {
    if let Some(constant) = constant_of(&subquery.subquery)? {
        return Ok(Expr::Literal(constant, None));
    }
    secrets.push(Secret::of(subquery, federation)?);
    Ok(secret(secrets.len() - 1))
}

/// The one value of a plan that reads no table: of an aggregate without keys over no rows, or of constants.
fn constant_of(plan: &LogicalPlan) -> Result<Option<ScalarValue>> {
    let Some(exprs) = constants(plan)? else { return Ok(None) };
    Ok(exprs.first().and_then(constant))
}

fn constants(plan: &LogicalPlan) -> Result<Option<Vec<Expr>>> {
    match plan {
        LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => Ok(Some(Vec::new())),
        LogicalPlan::SubqueryAlias(alias) => constants(&alias.input),
        LogicalPlan::Projection(projection) => {
            let Some(below) = constants(&projection.input)? else { return Ok(None) };
            let schema = projection.input.schema();
            let over = |expr: &Expr| {
                replace(expr, &|column| below.get(schema.index_of_column(column).ok()?).cloned())
            };
            projection.expr.iter().map(over).collect::<Result<Vec<_>>>().map(Some)
        }
        LogicalPlan::Aggregate(aggregate)
            if aggregate.group_expr.is_empty() && has_no_rows(&aggregate.input) =>
        {
            let of_nothing = |(measure, field): (&Expr, &Arc<Field>)| {
                let count = matches!(measure.clone().unalias(), Expr::AggregateFunction(function)
                    if function.func.name().eq_ignore_ascii_case("count"));
                let value = if count {
                    ScalarValue::new_zero(field.data_type())
                } else {
                    ScalarValue::try_from(field.data_type())
                };
                value.map(|value| Expr::Literal(value, None)).map_err(|error| failure::engine(&error))
            };
            let measures = aggregate.aggr_expr.iter().zip(aggregate.schema.fields());
            measures.map(of_nothing).collect::<Result<Vec<_>>>().map(Some)
        }
        _ => Ok(None),
    }
}

fn has_no_rows(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::EmptyRelation(empty) => !empty.produce_one_row,
        LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => {
            plan.inputs().first().is_some_and(|input| has_no_rows(input))
        }
        _ => false,
    }
}

/// The value of one owner's aggregate, which it computes and gates at home.
fn at_owner(plan: &LogicalPlan, federation: &Federation) -> Result<Secret> {
    let owner = owners(plan)?.into_iter().next().ok_or_else(|| failure::internal("no owner"))?;
    let party = federation.parties.get(owner.0).ok_or_else(|| failure::internal("an owner"))?;
    let gated = within::gated(&joined_subqueries(plan)?, party, federation)?;
    let leaf = describe(&gated, federation)?;
    let facts = leaf.scope.facts.first().cloned().ok_or_else(|| failure::internal("no column"))?;
    let facts = finer(facts.with_null(true));
    let name = leaf.names.first().cloned().unwrap_or_default();
    let range = facts.range.ok_or_else(|| failure::bounds(&name))?;
    let ring = range.ring().ok_or_else(|| failure::bounds(&name))?;
    let column = gated.schema().columns().into_iter().next();
    let column = Expr::Column(column.ok_or_else(|| failure::internal("no column"))?);
    infer(&column, &leaf.scope)?;
    let value = Projection::try_new(vec![column.alias("c0")], Arc::new(gated));
    let dictionary = facts.closed.clone().filter(|_| is_text(&facts.data_type));
    let scale = if dictionary.is_some() { Scale::Unit } else { facts.scale };
    let def =
        ColumnDef { name: name.clone(), encoding: Encoding::Arithmetic(ring), range: range.with_zero() };
    let source = Source::Value { column: 0, scale, dictionary, offset: 0 };
    let bit = Range { lo: 0, hi: 1 };
    let known = ColumnDef { name: format!("known {name}"), encoding: Encoding::Bit, range: bit };
    let input = Input {
        owner,
        plan: LogicalPlan::Projection(value.map_err(|error| failure::engine(&error))?),
        tables: leaf.tables,
        bound: 1,
        valid: None,
        order: Order::Local,
        columns: vec![
            SharedColumn { def: def.clone(), source },
            SharedColumn { def: known, source: Source::Known(vec![0]) },
        ],
        taken: Vec::new(),
    };
    Ok(Secret { facts, nodes: vec![Node::Input(input)], value: 0, known: Some(1), gate: Vec::new(), def })
}

/// A double in steps as fine as its digits: what lies between two values of rows stays there.
pub(crate) fn finer(facts: Facts) -> Facts {
    let Some(range) = facts.range.filter(|_| is_float(&facts.data_type) && facts.closed.is_none()) else {
        return facts;
    };
    let more = DOUBLE_BITS.saturating_sub(range.bits());
    let range = Range { lo: range.lo << more, hi: range.hi << more };
    let step = worth(facts.scale) / 2_f64.powi(more.cast_signed());
    Facts { scale: Scale::Step(step), range: Some(range), ..facts }
}

/// The value of an aggregate over several owners' rows.
fn across(plan: &LogicalPlan, federation: &Federation) -> Result<Secret> {
    let Some((aggregate, chain)) = chain(plan)? else {
        return Err(failure::not_built("a scalar subquery other than an aggregate without GROUP BY"));
    };
    let relation = normalise(&aggregate.input, federation)?;
    match (of_rows((aggregate, &chain), &relation, federation), relation.once.is_empty()) {
        (Err(_), false) => of_rows((aggregate, &chain), &relation.settled(), federation),
        (value, _) => value,
    }
}

/// The value of an aggregate over these rows.
fn of_rows(
    (aggregate, chain): (&Aggregate, &Chain<'_>),
    relation: &Relation,
    federation: &Federation,
) -> Result<Secret> {
    let rows = RowSet::repeated(relation, federation)?;
    let mut groups = Groups::without_keys(aggregate, Sums::new(rows, false));
    let (chain, secrets) = in_chain(chain, federation)?;
    groups.add_secrets(secrets)?;
    let expr = chain.columns.first().ok_or_else(|| failure::internal("a subquery without a column"))?;
    let data_type = chain.schema.field(0).data_type().clone();
    let (number, closed, gates) = groups.value(expr, &data_type)?;
    let mut present = None;
    let mut all_gates: Vec<Gate> = gates;
    if !chain.filters.is_empty() {
        let (condition, own) = groups.presence(&chain)?;
        present = condition;
        all_gates.extend(own);
    }
    let number = groups.shortened(number)?;
    let known = groups.sums.program.both(number.known, present);
    let Encoded { def, facts } = encoded(&groups.sums.program, &number, chain.schema.field(0), closed)?;
    if groups.sums.measures.is_empty() {
        let counting = all_rows(groups.sums.rows.branches().len());
        groups.sums.count(&counting, "rows")?;
    }
    let mut nodes = Vec::new();
    let mut picked = groups.table(&By::Cells(Vec::new()), &mut nodes)?;
    let value = picked.pick(number.reg, &def.name);
    let known = known.map(|known| picked.pick(known, &format!("known {}", def.name)));
    let mut gate: Vec<Threshold> = Vec::new();
    for Gate { persons, at_least, reason } in all_gates {
        let threshold = Threshold { persons: picked.pick(persons, &reason), at_least, reason };
        if !gate.contains(&threshold) {
            gate.push(threshold);
        }
    }
    let (_, columns) = picked.finish(&mut nodes);
    let at = |index: usize| columns.get(index).copied().unwrap_or(index);
    let gate = gate.into_iter().map(|gate| Threshold { persons: at(gate.persons), ..gate }).collect();
    Ok(Secret { facts, nodes, value: at(value), known: known.map(at), gate, def })
}

/// A value's column and what is known of it.
struct Encoded {
    def: ColumnDef,
    facts: Facts,
}

fn encoded(
    program: &Program,
    number: &Number,
    field: &Field,
    closed: Option<Vec<ScalarValue>>,
) -> Result<Encoded> {
    let Kind::Number(ring, range) = program.kind(number.reg) else {
        return Err(failure::internal("a value that is no number"));
    };
    let data_type = field.data_type().clone();
    let facts = match closed {
        Some(texts) => Facts::closed(data_type, true, texts, Scale::Unit),
        None if data_type == DataType::Boolean => Facts::truth(true),
        None => Facts::number(data_type, true, number.scale, range),
    };
    let def = ColumnDef { name: field.name().clone(), encoding: Encoding::Arithmetic(ring), range };
    Ok(Encoded { def, facts })
}

/// What stands above an aggregate, with secret values in place of scalar subqueries.
pub(super) fn in_chain<'c>(chain: &Chain<'c>, federation: &Federation) -> Result<(Chain<'c>, Vec<Secret>)> {
    let mut secrets = Vec::new();
    let mut all = |exprs: &[Expr]| -> Result<Vec<Expr>> {
        exprs.iter().map(|expr| with_secrets(expr.clone(), &mut secrets, federation)).collect()
    };
    let (columns, filters) = (all(&chain.columns)?, all(&chain.filters)?);
    Ok((Chain { schema: chain.schema, columns, filters }, secrets))
}

impl Groups<'_> {
    /// Values of subqueries that expressions over the groups name.
    pub(super) fn add_secrets(&mut self, secrets: Vec<Secret>) -> Result<()> {
        extend(&mut self.scope, &secrets)?;
        self.secrets = secrets;
        Ok(())
    }

    /// A double in no more steps than it has digits, in the small ring.
    fn shortened(&mut self, number: Number) -> Result<Number> {
        let program = &mut self.sums.program;
        let Scale::Step(step) = number.scale else { return Ok(number) };
        let bits = program.range(number.reg).bits();
        let Some(fewer) = bits.checked_sub(DOUBLE_BITS).filter(|fewer| *fewer > 0) else { return Ok(number) };
        let reg = program.divide_by(number.reg, 1_i128 << fewer, Rounding::Nearest)?;
        let within = program.range(reg);
        let reg = match within.ring() {
            Some(ring) => program.fitted(reg, ring, within),
            None => reg,
        };
        Ok(Number { reg, scale: Scale::Step(step * 2_f64.powi(fewer.cast_signed())), ..number })
    }
}

//! A query's aggregate as nodes: sums per group, what is computed from them, the gate.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest needs nothing"
)]

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Operator};

use super::chain::Chain;
use super::clear::Released;
use super::cut::Cut;
use super::eager::OfSums;
use super::emit::name;
use super::failure;
use super::figure::{Figure, Gate, Sums, all_rows, group_scope};
use super::fixed::rescaled;
use super::infer::Scope;
use super::key::Key;
use super::open_keys::OpenKeys;
use super::outgoing::{Leaving, Outgoing};
use super::picked::{Picked, moved};
use super::rows::{Branch, Relation, place};
use super::rowset::RowSet;
use super::scale::type_scale;
use super::secret::{Secret, give, in_chain};
use super::sets::flat_keys;
use super::sites::Sites;
use super::sizes::refuse_sizes;
use super::subquery;
use super::top::Top;
use super::truth::truth;
use super::value::{Number, Truth, number};
use super::want::Want;
use crate::Result;
use crate::catalog::{Federation, Use};
use crate::plan::{
    ColumnDef, Encoding, KeyDomain, Node, NodeId, Output, Range, Reg, Release, RingSize, Rows, Scale,
    Threshold,
};

/// The most cells of a GROUP BY.
const MAX_CELLS: usize = 10_000;

/// The columns of an aggregate's result on their way out.
pub(super) struct Groups<'a> {
    pub(super) aggregate: &'a Aggregate,
    /// What its aggregates are made of, where rows are sums; else nothing.
    made_of: &'a [OfSums],
    pub(super) sums: Sums<'a>,
    pub(super) scope: Scope,
    pub(super) keys: Vec<Key>,
    figures: Vec<Option<Figure>>,
    /// Whether NULL stands for withheld (HAVING), so that gates are decided before the condition.
    pub(super) gated: bool,
    /// The gates of the figures used since this was last emptied.
    pub(super) used: Vec<Gate>,
    /// Values of scalar subqueries, the same for all groups.
    pub(super) secrets: Vec<Secret>,
}

/// Lowers an aggregate over rows with what is above it up to the released table; returns the clear plan of the result.
/// `made_of`: where rows are sums, what its aggregates are made of.
///
/// # Errors
/// Invalid for what is not built, refused where a range does not fit.
pub(crate) fn lower_groups(
    aggregate: &Aggregate,
    made_of: &[OfSums],
    (chain, top): (&Chain<'_>, Option<&Top>),
    relation: &Relation,
    cut: &mut Cut<'_>,
) -> Result<(NodeId, LogicalPlan)> {
    let mut rows = RowSet::repeated(relation, cut.federation)?;
    let closed = if cut.sorts { None } else { key_columns(aggregate, &mut rows)? };
    let grouped = !aggregate.group_expr.is_empty();
    let (by, sums, keys, domains) = if let Some((columns, keys, domains)) = closed {
        (By::Cells(columns), Sums::new(rows, grouped), keys, domains)
    } else {
        let open = OpenKeys::new(aggregate, &mut rows)?;
        let mut sums = Sums { open: true, ..Sums::new(rows, grouped) };
        let keys = open.over_groups(&mut sums);
        (By::Open(open), sums, keys, Vec::new())
    };
    let sums = Sums { sites: Sites::new(aggregate, &sums.rows)?, ..sums };
    refuse_sizes(aggregate, &sums)?;
    let all = Top::default();
    let top = if sums.open { Some(top.unwrap_or(&all)) } else { top };
    let mut scope = group_scope(&aggregate.schema);
    for (facts, key) in scope.facts.iter_mut().zip(&keys) {
        *facts = key.facts.clone();
    }
    let figures = vec![None; aggregate.aggr_expr.len()];
    let (gated, used) = (false, Vec::new());
    let mut groups =
        Groups { aggregate, made_of, sums, scope, keys, figures, gated, used, secrets: Vec::new() };
    let (chain, shown) = subquery::shown(chain, top, cut)?;
    let (chain, secrets) = in_chain(&chain, cut.federation)?;
    let chain = &chain;
    groups.add_secrets(secrets)?;
    let inside: Vec<usize> = top.iter().flat_map(|top| &top.order).map(|key| key.column).collect();
    let Outgoing { mut leaving, mut exprs, places } = groups.outputs(chain, &inside)?;
    for (place, subquery) in shown {
        if let Some(expr) = exprs.get_mut(place) {
            *expr = subquery;
        }
    }
    let (present, row_gates) = groups.presence(chain)?;
    if let Some(multiple) = groups.sums.rounded {
        let notice = format!("counts are rounded to the nearest multiple of {multiple}");
        if !cut.notices.contains(&notice) {
            cut.notices.push(notice);
        }
    }
    let grouped = grouped || present.is_some();
    let chosen = top.filter(|_| grouped).map(|top| top.chosen(&places, &groups.widths_of_keys()));
    let (labels, rows) = match chosen {
        Some(chosen) => {
            leaving.splice(0..0, groups.leaving_keys()?);
            (Vec::new(), Rows::Chosen(chosen?))
        }
        None if grouped => {
            let labels = domains.iter().map(|domain| domain.field.clone()).collect();
            (labels, Rows::Groups(domains))
        }
        None => (Vec::new(), Rows::One),
    };
    let outputs = leaving.iter().map(|output| Field::new(&output.name, output.data_type.clone(), true));
    let exprs = if let Rows::Chosen(_) = rows { groups.decoded(&exprs)? } else { exprs };
    let fields = labels.into_iter().chain(outputs).collect();
    let clear = Released::new(cut.releases.len(), fields).project(chain.schema, &exprs)?;
    let node = groups.finish(&by, rows, present, &row_gates, leaving, &mut cut.nodes)?;
    Ok((node, clear))
}

/// One-hot columns of all keys, what is known of them, and their domains.
type Keys = (Vec<Vec<usize>>, Vec<Key>, Vec<KeyDomain>);

/// What rows are grouped by.
pub(super) enum By {
    /// The one-hot columns of closed keys.
    Cells(Vec<Vec<usize>>),
    /// The planes of open keys.
    Open(OpenKeys),
}

/// The keys of a GROUP BY whose groups can be listed; `None` if they cannot, or are too many.
fn key_columns(aggregate: &Aggregate, rows: &mut RowSet<'_>) -> Result<Option<Keys>> {
    let mut enumerated = Vec::new();
    let mut combinations = 1_usize;
    for key in &aggregate.group_expr {
        let exprs = rows.expressions(key, aggregate.input.schema())?;
        let facts = rows.facts(&exprs)?;
        let Some(values) = facts.enumerate() else { return Ok(None) };
        combinations = combinations.saturating_mul(values.len() + usize::from(facts.nullable));
        enumerated.push((key, exprs, facts, values));
    }
    if combinations > MAX_CELLS {
        return Ok(None);
    }
    let mut columns = Vec::new();
    let mut keys = Vec::new();
    let mut domains = Vec::new();
    for (index, (key, exprs, facts, mut values)) in enumerated.into_iter().enumerate() {
        if facts.nullable {
            values.push(ScalarValue::try_from(&facts.data_type).map_err(|error| failure::engine(&error))?);
        }
        let mut one_hot = Vec::new();
        for value in &values {
            let wants: Vec<Want> = exprs
                .iter()
                .map(|expr| Want::Cell { expr: expr.clone(), value: value.clone(), ring: RingSize::Z64 })
                .collect();
            let encoding = Encoding::Arithmetic(RingSize::Z64);
            let def = ColumnDef {
                name: format!("{} = {value}", name(key)),
                encoding,
                range: Range { lo: 0, hi: 1 },
            };
            one_hot.push(rows.column(&wants, def)?);
        }
        columns.push(one_hot);
        keys.push(Key::new(&facts, values.clone()));
        let field = aggregate.schema.field(index);
        let field = Field::new(field.name(), field.data_type().clone(), true);
        domains.push(KeyDomain { field, values });
    }
    unique_names(&mut domains);
    Key::place(&mut keys);
    Ok(Some((columns, keys, domains)))
}

fn unique_names(domains: &mut [KeyDomain]) {
    for index in 0..domains.len() {
        let (before, after) = domains.split_at_mut(index);
        if let Some(domain) = after.first_mut()
            && before.iter().any(|other| other.field.name() == domain.field.name())
        {
            domain.field = domain.field.clone().with_name(format!("{} ({index})", domain.field.name()));
        }
    }
}

impl<'a> Groups<'a> {
    /// The one row of an aggregate without keys.
    pub(super) fn without_keys(aggregate: &'a Aggregate, sums: Sums<'a>) -> Groups<'a> {
        let (scope, figures) = (group_scope(&aggregate.schema), vec![None; aggregate.aggr_expr.len()]);
        let (keys, used, secrets) = (Vec::new(), Vec::new(), Vec::new());
        Groups { aggregate, made_of: &[], sums, scope, keys, figures, gated: false, used, secrets }
    }

    /// An expression over the one row, with the texts that its number is an index into, and its gates.
    pub(super) fn value(&mut self, expr: &Expr, data_type: &DataType) -> Result<Valued> {
        if let Expr::Column(column) = expr
            && let Ok(index) = self.aggregate.schema.index_of_column(column)
        {
            let figure = self.figure(index)?;
            if !figure.root {
                let number = self.typed(&figure.number, data_type)?;
                return Ok((number, figure.texts, figure.gates));
            }
        }
        self.used.clear();
        let number = self.number_of(expr)?;
        let number = self.typed(&number, data_type)?;
        Ok((number, None, std::mem::take(&mut self.used)))
    }
}

/// A number, the texts that it is an index into, and its gates.
type Valued = (Number, Option<Vec<ScalarValue>>, Vec<Gate>);

impl Groups<'_> {
    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn figure(&mut self, index: usize) -> Result<Figure> {
        if let Some(Some(figure)) = self.figures.get(index) {
            return Ok(figure.clone());
        }
        let expr =
            self.aggregate.aggr_expr.get(index).ok_or_else(|| failure::internal("an unknown aggregate"))?;
        let data_type = self.aggregate.schema.field(self.keys() + index).data_type().clone();
        let schema = self.aggregate.input.schema();
        let figure = match self.made_of.get(index) {
            None | Some(OfSums::Sum) => self.sums.figure(expr, schema, &data_type)?,
            Some(OfSums::Count) => {
                let mut figure = self.sums.figure(expr, schema, &data_type)?;
                figure.number.known = None;
                figure
            }
            Some(OfSums::Mean { rows, facts }) => {
                self.sums.mean_of_sums((expr, rows), schema, facts, &data_type)?
            }
        };
        if let Some(slot) = self.figures.get_mut(index) {
            *slot = Some(figure.clone());
        }
        Ok(figure)
    }

    /// The columns of the aggregate that an expression uses.
    pub(super) fn used_columns(&self, expr: &Expr) -> Vec<usize> {
        let index = |column| self.aggregate.schema.index_of_column(column).ok();
        let mut used: Vec<usize> = expr.column_refs().into_iter().filter_map(index).collect();
        used.sort_unstable();
        used
    }

    pub(super) fn key_name(&self, index: usize) -> String {
        let own = self.aggregate.schema.field(index).name().clone();
        let before = (0..index).any(|other| *self.aggregate.schema.field(other).name() == own);
        if before { format!("{own} ({index})") } else { own }
    }

    /// A number in the scale that its SQL type has.
    pub(super) fn typed(&mut self, number: &Number, data_type: &DataType) -> Result<Number> {
        match type_scale(data_type) {
            Scale::Decimal(digits) if number.scale != Scale::Decimal(digits) => {
                let scale = Scale::Decimal(digits);
                Ok(Number { reg: rescaled(&mut self.sums.program, number, scale)?, scale, ..*number })
            }
            _ => Ok(*number),
        }
    }

    pub(super) fn number_of(&mut self, expr: &Expr) -> Result<Number> {
        let mut program = std::mem::take(&mut self.sums.program);
        let result = number(self, &mut program, expr);
        self.sums.program = program;
        result
    }

    pub(super) fn truth_of(&mut self, expr: &Expr) -> Result<Truth> {
        let mut program = std::mem::take(&mut self.sums.program);
        let result = truth(self, &mut program, expr);
        self.sums.program = program;
        result
    }

    /// The bit that a group's row exists, and the persons that it must have.
    pub(super) fn presence(&mut self, chain: &Chain<'_>) -> Result<(Option<Reg>, Vec<Gate>)> {
        let mut present = self.sums.open.then(|| OpenKeys::exists(&mut self.sums));
        let mut gates = Vec::new();
        // Whether the one row of an aggregate without keys shows up says what HAVING says: it is gated as a group is.
        if self.keys() > 0 || !chain.filters.is_empty() {
            let counting = all_rows(self.sums.rows.branches().len());
            gates = self.sums.gates(&counting, "rows")?;
            let perhaps_empty = if self.sums.open { self.sums.rows.has_absences() } else { gates.is_empty() };
            if self.keys() > 0 && perhaps_empty {
                let count = self.sums.count(&counting, "rows")?;
                let none = self.sums.program.zero(count);
                let some = self.sums.program.not(none);
                present = self.sums.program.both(present, Some(some));
            }
        }
        self.gated = true;
        for condition in &chain.filters {
            let yes = self.truth_of(condition)?.yes;
            present = self.sums.program.both(present, Some(yes));
        }
        self.gated = false;
        Ok((present, gates))
    }

    /// Adds the nodes of the sums of each group, and of secret values given to all; returns what is computed of them.
    pub(super) fn table(mut self, by: &By, nodes: &mut Vec<Node>) -> Result<Picked> {
        if self.sums.measures.is_empty() {
            let counting = all_rows(self.sums.rows.branches().len());
            self.sums.count(&counting, "rows")?;
        }
        let Sums { rows: row_set, measures, columns, mut program, .. } = self.sums;
        let (input, places) = row_set.finish(nodes)?;
        let at = |column: usize| {
            places.get(column).copied().ok_or_else(|| failure::internal("a column of no row"))
        };
        let measures = measures.into_iter().map(|measure| moved(measure, &at)).collect::<Result<_>>()?;
        nodes.push(match by {
            By::Cells(keys) => {
                let keys = keys.iter().map(|key| key.iter().map(|column| at(*column)).collect());
                let keys = keys.collect::<Result<_>>()?;
                Node::Aggregate(crate::plan::Aggregate { input, keys, measures, columns })
            }
            By::Open(open) => {
                let (keys, valid) = open.placed(&at)?;
                Node::Group(crate::plan::Group { input, keys, valid, bound: open.most, measures, columns })
            }
        });
        let node = NodeId(nodes.len() - 1);
        give(&self.secrets, &mut program.ops, node, nodes);
        Ok(Picked { program, outputs: Vec::new() })
    }

    /// Adds the nodes.
    fn finish(
        self,
        by: &By,
        rows: Rows,
        present: Option<Reg>,
        row_gates: &[Gate],
        leaving: Vec<Leaving>,
        nodes: &mut Vec<Node>,
    ) -> Result<NodeId> {
        let mut picked = self.table(by, nodes)?;
        let present = present.map(|reg| picked.pick(reg, "present"));
        let gate = |picked: &mut Picked, gates: &[Gate]| -> Vec<Threshold> {
            let threshold = |gate: &Gate| Threshold {
                persons: picked.pick(gate.persons, &gate.reason),
                at_least: gate.at_least,
                reason: gate.reason.clone(),
            };
            gates.iter().map(threshold).collect()
        };
        let row_gate = gate(&mut picked, row_gates);
        let mut outputs = Vec::new();
        for Leaving { name, data_type, number, gates } in leaving {
            let own: Vec<Gate> = gates.into_iter().filter(|gate| !row_gates.contains(gate)).collect();
            outputs.push(Output {
                value: picked.pick(number.reg, &name),
                scale: number.scale,
                known: number.known.map(|known| picked.pick(known, &format!("known {name}"))),
                gate: gate(&mut picked, &own),
                field: Field::new(name, data_type, true),
            });
        }
        let (input, columns) = picked.finish(nodes);
        let place = |index: usize| columns.get(index).copied().unwrap_or(index);
        for output in &mut outputs {
            output.value = place(output.value);
            output.known = output.known.map(place);
            output.gate.iter_mut().for_each(|threshold| threshold.persons = place(threshold.persons));
        }
        let gate =
            row_gate.into_iter().map(|gate| Threshold { persons: place(gate.persons), ..gate }).collect();
        nodes.push(Node::Release(Release { input, rows, present: present.map(place), gate, outputs }));
        Ok(NodeId(nodes.len() - 1))
    }
}

/// Whether the groups of an aggregate are those that a query releases, given the rows it reads: no key hands on values of
/// columns that do not allow `group`, or of persons, and all have closed domains or are made of such columns alone.
pub(crate) fn may_be_released(aggregate: &Aggregate, relation: &Relation, federation: &Federation) -> bool {
    let released = || -> Result<bool> {
        let rows = RowSet::new(relation, federation)?;
        for key in flat_keys(aggregate) {
            let exprs = rows.expressions(&key, aggregate.input.schema())?;
            let grouped = || {
                let branches = relation.branches.iter().zip(&exprs);
                branches.into_iter().all(|(branch, expr)| may_group(branch, expr, federation))
            };
            let forbidden = relation.branches.iter().zip(&exprs).any(|(branch, expr)| {
                handed_on(expr).iter().any(|column| allows_group(branch, column, federation) == Some(false))
            });
            if forbidden || (rows.facts(&exprs)?.enumerate().is_none() && !grouped()) {
                return Ok(false);
            }
        }
        Ok(true)
    };
    released().unwrap_or(false)
}

/// The columns whose values an expression hands on: those that decide only, in a comparison or the condition of a CASE, are
/// none.
fn handed_on(expr: &Expr) -> Vec<Column> {
    let mut found = Vec::new();
    let walked = expr.apply(|part| {
        let decides = match part {
            Expr::Column(column) => {
                found.push(column.clone());
                false
            }
            Expr::Case(case) => {
                let results = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
                results.for_each(|result| found.extend(handed_on(result)));
                true
            }
            Expr::BinaryExpr(binary) => {
                binary.op.supports_propagation() || matches!(binary.op, Operator::And | Operator::Or)
            }
            Expr::Not(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNotFalse(_)
            | Expr::IsNotUnknown(_)
            | Expr::Between(_)
            | Expr::Like(_)
            | Expr::InList(_) => true,
            _ => false,
        };
        Ok(if decides { TreeNodeRecursion::Jump } else { TreeNodeRecursion::Continue })
    });
    if walked.is_ok() { found } else { expr.column_refs().into_iter().cloned().collect() }
}

/// Whether all columns of an expression are declared ones that allow `group`.
fn may_group(branch: &Branch, expr: &Expr, federation: &Federation) -> bool {
    let allowed = |column: &Column| allows_group(branch, column, federation).unwrap_or(false);
    expr.column_refs().into_iter().all(allowed)
}

/// Whether a column is no person and allows `group`; `None` for what is no declared column.
fn allows_group(branch: &Branch, column: &Column, federation: &Federation) -> Option<bool> {
    let (leaf, index) = place(column)?;
    let leaf = branch.leaves.get(leaf)?;
    let origin = leaf.origins.get(index).copied()??;
    let table = federation.parties.get(leaf.owner.0)?.tables.get(origin.table)?;
    let column = table.columns.get(origin.column)?;
    if table.person.as_ref() == Some(&column.name) {
        return Some(false);
    }
    let allow = &column.allow;
    Some(allow.contains(&Use::Group) || allow.contains(&Use::Public))
}

//! A query's aggregate as nodes: sums per group, what is computed from them, the gate.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is no plain column"
)]

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};

use super::chain::Chain;
use super::clear::{Released, square_root, text_of};
use super::emit::name;
use super::facts::is_text;
use super::failure;
use super::figure::{Figure, Gate, Sums, all_rows, group_scope};
use super::fixed::rescaled;
use super::infer::{Scope, infer, show};
use super::key::Key;
use super::picked::{Picked, moved};
use super::rows::{Relation, replace};
use super::rowset::RowSet;
use super::scale::type_scale;
use super::subquery::has_subquery;
use super::truth::truth;
use super::value::{Number, Truth, number};
use super::wants::Want;
use crate::Result;
use crate::catalog::Federation;
use crate::plan::{
    ColumnDef, Encoding, KeyDomain, Node, NodeId, Output, Range, Reg, Release, RingSize, Rows, Scale,
    Threshold,
};

/// The most cells of a GROUP BY.
const MAX_CELLS: usize = 10_000;

/// The columns of an aggregate's result on their way out.
pub(super) struct Groups<'a> {
    pub(super) aggregate: &'a Aggregate,
    pub(super) sums: Sums<'a>,
    pub(super) scope: Scope,
    pub(super) keys: Vec<Key>,
    figures: Vec<Option<Figure>>,
    /// Whether NULL stands for withheld (HAVING), so that gates are decided before the condition.
    pub(super) gated: bool,
    /// The gates of the figures used since this was last emptied.
    pub(super) used: Vec<Gate>,
}

/// A column that leaves.
struct Leaving {
    name: String,
    /// Of the released column.
    data_type: DataType,
    number: Number,
    gates: Vec<Gate>,
}

/// Lowers an aggregate over rows with what is above it up to the released table; returns the clear plan of the result.
///
/// # Errors
/// Invalid for what is not built, refused where a range does not fit.
pub(crate) fn lower_groups(
    aggregate: &Aggregate,
    chain: &Chain<'_>,
    relation: &Relation,
    federation: &Federation,
    release: usize,
    nodes: &mut Vec<Node>,
    notices: &mut Vec<String>,
) -> Result<(NodeId, LogicalPlan)> {
    let mut rows = RowSet::new(relation, federation)?;
    let (columns, keys, domains) = key_columns(aggregate, &mut rows)?;
    let grouped = !aggregate.group_expr.is_empty();
    let sums = Sums::new(rows, grouped);
    let mut scope = group_scope(&aggregate.schema);
    for (facts, key) in scope.facts.iter_mut().zip(&keys) {
        *facts = key.facts.clone();
    }
    let figures = vec![None; aggregate.aggr_expr.len()];
    let mut groups = Groups { aggregate, sums, scope, keys, figures, gated: false, used: Vec::new() };
    let (leaving, exprs) = groups.outputs(chain)?;
    let (present, row_gates) = groups.presence(chain)?;
    if let Some(multiple) = groups.sums.rounded {
        let notice = format!("counts are rounded to the nearest multiple of {multiple}");
        if !notices.contains(&notice) {
            notices.push(notice);
        }
    }
    let labels = domains.iter().map(|domain| domain.field.clone());
    let fields =
        labels.chain(leaving.iter().map(|output| Field::new(&output.name, output.data_type.clone(), true)));
    let clear = Released::new(release, fields.collect()).project(chain.schema, &exprs)?;
    let rows = if grouped || present.is_some() { Rows::Groups(domains) } else { Rows::One };
    let node = groups.finish(&columns, rows, present, &row_gates, leaving, nodes)?;
    Ok((node, clear))
}

/// One-hot columns of all keys, what is known of them, and their domains.
type Keys = (Vec<Vec<usize>>, Vec<Key>, Vec<KeyDomain>);

fn key_columns(aggregate: &Aggregate, rows: &mut RowSet<'_>) -> Result<Keys> {
    let mut columns = Vec::new();
    let mut keys = Vec::new();
    let mut domains = Vec::new();
    let mut cells = 1_usize;
    for (index, key) in aggregate.group_expr.iter().enumerate() {
        let exprs = rows.expressions(key, aggregate.input.schema())?;
        let facts = rows.facts(&exprs)?;
        let mut values = facts.enumerate().ok_or_else(|| {
            failure::not_built(format!("GROUP BY {}, which has no closed domain (`values`)", show(key)))
        })?;
        if facts.nullable {
            values.push(ScalarValue::try_from(&facts.data_type).map_err(|error| failure::engine(&error))?);
        }
        cells = cells.saturating_mul(values.len());
        if cells > MAX_CELLS {
            return Err(failure::not_built(format!("GROUP BY with more than {MAX_CELLS} possible groups")));
        }
        let mut one_hot = Vec::new();
        for value in &values {
            let wants: Vec<Want> =
                exprs.iter().map(|expr| Want::Cell { expr: expr.clone(), value: value.clone() }).collect();
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
    Ok((columns, keys, domains))
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
        let figure = self.sums.figure(expr, self.aggregate.input.schema(), &data_type)?;
        if let Some(slot) = self.figures.get_mut(index) {
            *slot = Some(figure.clone());
        }
        Ok(figure)
    }

    /// The columns of the aggregate that an expression uses.
    fn used_columns(&self, expr: &Expr) -> Vec<usize> {
        let index = |column| self.aggregate.schema.index_of_column(column).ok();
        let mut used: Vec<usize> = expr.column_refs().into_iter().filter_map(index).collect();
        used.sort_unstable();
        used
    }

    /// What leaves, and the result's columns over the released table (whose columns are named as here).
    fn outputs(&mut self, chain: &Chain<'_>) -> Result<(Vec<Leaving>, Vec<Expr>)> {
        let keys = self.keys();
        let plain: Vec<Option<usize>> = chain
            .columns
            .iter()
            .map(|expr| match expr {
                Expr::Column(column) => self.aggregate.schema.index_of_column(column).ok(),
                _ => None,
            })
            .collect();
        let bare: Vec<usize> = plain.iter().copied().flatten().filter(|index| *index >= keys).collect();
        let mut leaving: Vec<Leaving> = Vec::new();
        // For each column of the aggregate, the expression over the released table.
        let mut known: Vec<Option<Expr>> = Vec::new();
        let key_names: Vec<String> = (0..keys).map(|index| self.key_name(index)).collect();
        known.extend(key_names.iter().map(|key| Some(Expr::Column(key.as_str().into()))));
        known.resize(keys + self.aggregate.aggr_expr.len(), None);
        for index in bare {
            if known.get(index).is_some_and(Option::is_some) {
                continue;
            }
            let place = plain.iter().position(|column| *column == Some(index)).unwrap_or(0);
            let unique = unique(chain.schema.field(place).name(), &key_names, &leaving);
            let (left, released) = self.bare(index, unique)?;
            leaving.push(left);
            if let Some(slot) = known.get_mut(index) {
                *slot = Some(released);
            }
        }
        let mut exprs = Vec::new();
        for (place, expr) in chain.columns.iter().enumerate() {
            if has_subquery(expr)? {
                return Err(failure::not_built("a subquery beside aggregates"));
            }
            let used = self.used_columns(expr);
            if used.iter().all(|index| known.get(*index).is_some_and(Option::is_some)) {
                let schema = &self.aggregate.schema;
                exprs.push(replace(expr, &|column| {
                    known.get(schema.index_of_column(column).ok()?).cloned().flatten()
                })?);
                continue;
            }
            let unique = unique(chain.schema.field(place).name(), &key_names, &leaving);
            let data_type = chain.schema.field(place).data_type().clone();
            let texts = if is_text(&data_type) { infer(expr, &self.scope)?.closed } else { None };
            self.used.clear();
            let number = self.number_of(expr)?;
            let number = self.typed(&number, &data_type)?;
            let gates = std::mem::take(&mut self.used);
            let released = Expr::Column(Column::new_unqualified(&unique));
            let (data_type, released) = match texts {
                Some(texts) => (DataType::Int64, text_of(released, &texts)),
                None => (data_type, released),
            };
            exprs.push(released);
            leaving.push(Leaving { name: unique, data_type, number, gates });
        }
        Ok((leaving, exprs))
    }

    /// A column of the aggregate that leaves as it is, under this name, and its value over the released table.
    fn bare(&mut self, index: usize, name: String) -> Result<(Leaving, Expr)> {
        let figure = self.figure(index - self.keys())?;
        let data_type = self.aggregate.schema.field(index).data_type().clone();
        let released = Expr::Column(Column::new_unqualified(&name));
        let (data_type, released) = match &figure.texts {
            Some(texts) => (DataType::Int64, text_of(released, texts)),
            None => (data_type, released),
        };
        // A square root of a released number says as much as the number; it is taken at the analyst.
        let released = if figure.root { square_root(released) } else { released };
        let number = self.typed(&figure.number, &data_type)?;
        Ok((Leaving { name, data_type, number, gates: figure.gates }, released))
    }

    fn key_name(&self, index: usize) -> String {
        let own = self.aggregate.schema.field(index).name().clone();
        let before = (0..index).any(|other| *self.aggregate.schema.field(other).name() == own);
        if before { format!("{own} ({index})") } else { own }
    }

    /// A number in the scale that its SQL type has.
    fn typed(&mut self, number: &Number, data_type: &DataType) -> Result<Number> {
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
    fn presence(&mut self, chain: &Chain<'_>) -> Result<(Option<Reg>, Vec<Gate>)> {
        let mut present = None;
        let mut gates = Vec::new();
        // Whether the one row of an aggregate without keys shows up says what HAVING says: it is gated as a group is.
        if self.keys() > 0 || !chain.filters.is_empty() {
            let counting = all_rows(self.sums.rows.branches().len());
            gates = self.sums.gates(&counting, "rows")?;
            if gates.is_empty() && self.keys() > 0 {
                let count = self.sums.count(&counting, "rows")?;
                let none = self.sums.program.zero(count);
                present = Some(self.sums.program.not(none));
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

    /// Adds the nodes.
    fn finish(
        mut self,
        keys: &[Vec<usize>],
        rows: Rows,
        present: Option<Reg>,
        row_gates: &[Gate],
        leaving: Vec<Leaving>,
        nodes: &mut Vec<Node>,
    ) -> Result<NodeId> {
        if self.sums.measures.is_empty() {
            let counting = all_rows(self.sums.rows.branches().len());
            self.sums.count(&counting, "rows")?;
        }
        let Sums { rows: row_set, measures, columns, program, .. } = self.sums;
        let (input, places) = row_set.finish(nodes)?;
        let at = |column: usize| {
            places.get(column).copied().ok_or_else(|| failure::internal("a column of no row"))
        };
        let keys =
            keys.iter().map(|key| key.iter().map(|column| at(*column)).collect()).collect::<Result<_>>()?;
        let measures = measures.into_iter().map(|measure| moved(measure, &at)).collect::<Result<_>>()?;
        nodes.push(Node::Aggregate(crate::plan::Aggregate { input, keys, measures, columns }));
        let mut picked = Picked { program, outputs: Vec::new() };
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

/// A name that no key and no other output has.
fn unique(wanted: &str, keys: &[String], leaving: &[Leaving]) -> String {
    let taken =
        |name: &str| keys.iter().any(|key| key == name) || leaving.iter().any(|other| other.name == name);
    if !taken(wanted) {
        return wanted.to_owned();
    }
    let numbered = (2..).map(|number| format!("{wanted} ({number})"));
    numbered.into_iter().find(|name| !taken(name)).unwrap_or_else(|| wanted.to_owned())
}

/// Whether all keys of an aggregate have closed domains, given the rows it reads.
pub(crate) fn has_closed_keys(aggregate: &Aggregate, relation: &Relation, federation: &Federation) -> bool {
    let closed = || -> Result<bool> {
        let rows = RowSet::new(relation, federation)?;
        for key in &aggregate.group_expr {
            let exprs = rows.expressions(key, aggregate.input.schema())?;
            if rows.facts(&exprs)?.enumerate().is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    };
    closed().unwrap_or(false)
}

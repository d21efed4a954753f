//! GROUP BY, DISTINCT and windows: where rows become groups that may leave.
#![expect(clippy::wildcard_enum_match_arm, reason = "the engine's enums have dozens of variants")]

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, GroupingSet, LogicalPlan, Window};

use crate::catalog::Use;
use crate::error::{Class, Error, Result};
use crate::plan::PartyId;
use crate::sql_text::readable;

use super::Checker;
use super::expression::Scope;
use super::lineage::{Base, Kind, Lineage, Reason, Relation, Role};
use super::position;

/// What an aggregate function does with its rows.
enum Gives {
    /// A number over many rows, under this use.
    Number(Use),
    /// One or all of the values themselves.
    Values,
}

impl Checker<'_> {
    pub(super) fn aggregate(&mut self, aggregate: &Aggregate, outer: Option<&Scope<'_>>) -> Result<Relation> {
        let input = self.relation(&aggregate.input, outer)?;
        let scope = Scope::new(aggregate.input.schema(), &input, outer);
        let keys = group_expressions(&aggregate.group_expr);
        if input.kind != Kind::Rows {
            let mut columns = Vec::new();
            for expr in keys.iter().chain(&aggregate.aggr_expr) {
                let lineage = self.free_call(expr, &scope)?;
                columns.push(Lineage { key: false, plain: false, ..lineage });
            }
            if grouping_sets(aggregate) {
                columns.insert(keys.len(), Lineage::released(BTreeSet::new()));
            }
            require_width(&columns, aggregate)?;
            return Ok(Relation { having: Vec::new(), ..input.with_columns(columns) });
        }
        self.require_linked(&input)?;
        let lineages = keys.iter().map(|key| self.lineage(key, &scope)).collect::<Result<Vec<_>>>()?;
        let distinct = aggregate.aggr_expr.is_empty();
        let reason = self.refuses_release(&keys, &lineages, distinct);
        let mut columns = self.key_columns(&keys, lineages, reason.is_none())?;
        if grouping_sets(aggregate) {
            columns.push(Lineage::released(BTreeSet::new()));
        }
        let kept = in_every_set(aggregate, &keys);
        let mut kept = columns.iter().zip(kept).filter(|(_, kept)| *kept);
        let per_person = kept.any(|(column, _)| self.is_person_key(column));
        for expr in &aggregate.aggr_expr {
            columns.push(self.aggregate_column(expr, &scope, reason.is_none(), per_person)?);
        }
        require_width(&columns, aggregate)?;
        Ok(grouped(input, columns, reason))
    }

    /// Why groups of these keys may not leave, if they may not.
    fn refuses_release(&self, keys: &[Expr], lineages: &[Lineage], distinct: bool) -> Option<Reason> {
        keys.iter().zip(lineages).find_map(|(key, lineage)| {
            let public = lineage.uses.iter().all(|(base, _)| self.allows(*base, Use::Public));
            if lineage.across.is_empty() && (public || !lineage.row) {
                return None;
            }
            let lacks_group = lineage.values().find(|base| !self.allows(*base, Use::Group));
            let person = lineage.values().any(|base| self.is_person(base));
            let open = distinct && !lineage.closed;
            let refused = lacks_group.is_some() || person || open || !lineage.across.is_empty();
            refused.then(|| Reason::Key { name: bare(key), lacks_group, distinct })
        })
    }

    /// Output columns of keys, and what is demanded of them.
    fn key_columns(&mut self, keys: &[Expr], lineages: Vec<Lineage>, released: bool) -> Result<Vec<Lineage>> {
        let mut columns = Vec::new();
        for (key, lineage) in keys.iter().zip(lineages) {
            if released {
                self.require(&lineage, Use::Group, key)?;
                let behind = lineage.bases();
                let (closed, outer) = (lineage.closed, lineage.outer);
                columns.push(Lineage { key: true, closed, outer, row: outer, ..Lineage::released(behind) });
                continue;
            }
            for base in lineage.values() {
                let inner =
                    [Use::Group, Use::Join, Use::Aggregate].iter().any(|wanted| self.allows(base, *wanted));
                if !inner && !self.is_person(base) {
                    self.require_base(base, Use::Group, key)?;
                }
            }
            self.require(&Lineage { uses: spent(&lineage), ..Lineage::default() }, Use::Group, key)?;
            columns.push(lineage);
        }
        Ok(columns)
    }

    fn aggregate_column(
        &mut self,
        expr: &Expr,
        scope: &Scope<'_>,
        released: bool,
        per_person: bool,
    ) -> Result<Lineage> {
        let Expr::AggregateFunction(call) = unaliased(expr) else {
            return Err(internal(format!("`{expr}` is not an aggregate")));
        };
        let args = call.params.args.iter().map(|arg| self.lineage(arg, scope)).collect::<Result<Vec<_>>>()?;
        let name = call.func.name().to_ascii_lowercase();
        if name == "grouping" {
            return Ok(Lineage::released(BTreeSet::new()));
        }
        if let Some(filter) = &call.params.filter {
            let condition = self.lineage(filter, scope)?.condition();
            self.require(&condition, Use::Filter, expr)?;
        }
        for sort in &call.params.order_by {
            let key = self.lineage(&sort.expr, scope)?;
            self.require(&key.condition_or_self(name.starts_with("percentile_")), Use::Quantile, expr)?;
        }
        let persons = call.params.distinct && args.iter().all(|arg| arg.plain && self.is_person_key(arg));
        let mut whole = Lineage::merge(args);
        if name == "count" {
            // Which value it is does not matter.
            whole.picks.clear();
        }
        if !(name == "count" && persons) {
            match gives(&name) {
                Gives::Number(wanted) => {
                    self.require(&whole, extreme(&name, call).unwrap_or(wanted), expr)?;
                }
                Gives::Values if per_person => {}
                Gives::Values => return Err(self.hands_out(call, expr)),
            }
        }
        if released {
            return Ok(Lineage { outer: whole.outer, row: whole.outer, ..Lineage::released(whole.bases()) });
        }
        Ok(Lineage { plain: false, closed: false, row: true, key: false, ..whole })
    }

    /// `array_agg` and its like.
    fn hands_out(&self, call: &AggregateFunction, at: &Expr) -> Error {
        let name = call.func.name();
        let column = call.params.args.first().map_or_else(|| name.to_owned(), bare);
        Error {
            class: Class::Refused,
            message: format!(
                "only aggregates leave the federation: column {column} is row-level; try COUNT, SUM or AVG instead of \
                 {name}, which hands out values of rows"
            ),
            hint: Some(format!(
                "COUNT({column}) or COUNT(DISTINCT {column}) count the values without showing them."
            )),
            position: position::of(at, self.sql),
        }
    }

    pub(super) fn distinct(&mut self, distinct: &Distinct, outer: Option<&Scope<'_>>) -> Result<Relation> {
        let input = self.relation(distinct.input(), outer)?;
        let schema = distinct.input().schema();
        match distinct {
            Distinct::On(on) => {
                let scope = Scope::new(schema, &input, outer);
                let first = on.on_expr.first().or(on.select_expr.first());
                if let (Kind::Rows, Some(first)) = (input.kind, first) {
                    return Err(self.row_level(first));
                }
                let columns =
                    on.select_expr.iter().map(|e| self.free_call(e, &scope)).collect::<Result<Vec<_>>>()?;
                Ok(input.with_columns(columns))
            }
            Distinct::All(_) if input.kind != Kind::Rows => Ok(input),
            Distinct::All(_) => {
                self.require_linked(&input)?;
                let keys: Vec<_> = schema.columns().into_iter().map(Expr::Column).collect();
                let reason = self.refuses_release(&keys, &input.columns, true);
                let columns = self.key_columns(&keys, input.columns.clone(), reason.is_none())?;
                Ok(grouped(input, columns, reason))
            }
        }
    }

    /// Windows over released rows are free; over rows each may only see its own person's, unless their owners withhold
    /// nothing: then what is picked of other rows is used as MIN and MAX are, and no key.
    pub(super) fn window(&mut self, window: &Window, outer: Option<&Scope<'_>>) -> Result<Relation> {
        let input = self.relation(&window.input, outer)?;
        let scope = Scope::new(window.input.schema(), &input, outer);
        let mut columns = input.columns.clone();
        for expr in &window.window_expr {
            let whole = self.free_call(expr, &scope)?;
            if input.kind == Kind::Rows {
                let Expr::WindowFunction(call) = unaliased(expr) else { return Err(self.row_level(expr)) };
                let mut per_person = false;
                for key in &call.params.partition_by {
                    let lineage = self.lineage(key, &scope)?;
                    per_person |= lineage.plain && self.is_person_key(&lineage);
                }
                let owners = self.owners_of(&window.input);
                let withholds = |owner: &PartyId| self.federation.parties[owner.0].release.min_people > 1;
                if !per_person && (owners.len() > 1 || owners.iter().any(withholds)) {
                    return Err(self.window_over_rows(expr));
                }
                for sort in &call.params.order_by {
                    let key = self.lineage(&sort.expr, &scope)?.condition();
                    self.require(&key, Use::Filter, expr)?;
                }
                let whole = Lineage { row: true, closed: false, plain: false, ..whole };
                columns.push(if per_person { whole } else { mixing(whole, call.fun.name(), owners) });
            } else {
                columns.push(Lineage { key: false, plain: false, ..whole });
            }
        }
        Ok(input.with_columns(columns))
    }

    fn window_over_rows(&self, at: &Expr) -> Error {
        let name = match unaliased(at) {
            Expr::WindowFunction(call) => call.fun.name().to_owned(),
            _ => at.to_string(),
        };
        Error {
            class: Class::Refused,
            message: format!(
                "only aggregates leave the federation: column {name} is row-level; try an aggregate with GROUP BY: the \
                 window function `{name}` gives a value for every row"
            ),
            hint: Some(
                "PARTITION BY the person, so that every row sees its own person's rows alone; ORDER BY ... LIMIT n in a \
                 derived table keeps the first rows of all; or over released rows: SELECT ... OVER (...) FROM (SELECT key, \
                 COUNT(*) AS n FROM ... GROUP BY key)"
                    .to_owned(),
            ),
            position: position::of_name(&name, self.sql).or_else(|| position::of(at, self.sql)),
        }
    }

    /// A call over what may leave already, or the operands of one over rows.
    fn free_call(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Lineage> {
        let lineage = match unaliased(expr) {
            Expr::AggregateFunction(call) => {
                let operands = call.params.args.iter().chain(call.params.filter.iter().map(AsRef::as_ref));
                let operands = operands.chain(call.params.order_by.iter().map(|sort| &sort.expr));
                let parts =
                    operands.map(|operand| self.lineage(operand, scope)).collect::<Result<Vec<_>>>()?;
                Lineage { closed: false, ..Lineage::merge(parts) }
            }
            Expr::WindowFunction(call) => {
                let args = call
                    .params
                    .args
                    .iter()
                    .map(|arg| self.lineage(arg, scope))
                    .collect::<Result<Vec<_>>>()?;
                let by =
                    call.params.partition_by.iter().chain(call.params.order_by.iter().map(|sort| &sort.expr));
                let by = by.map(|key| self.lineage(key, scope)).collect::<Result<Vec<_>>>()?;
                // What partitions and sorts decides which value a row gets; its owner is asked where that is done.
                let by = Lineage { uses: BTreeSet::new(), ..Lineage::merge(by) };
                Lineage { closed: false, ..Lineage::merge([Lineage::merge(args), by]) }
            }
            other => self.lineage(other, scope)?,
        };
        if scope.kind != Kind::Rows {
            self.require_free(&lineage, expr)?;
        }
        Ok(lineage)
    }

    /// HAVING decides what is revealed: it may use keys, and aggregates that are output columns.
    pub(super) fn having(
        &mut self,
        predicate: &Expr,
        mut relation: Relation,
        scope: &Scope<'_>,
    ) -> Result<Relation> {
        let lineage = self.lineage(predicate, scope)?;
        self.require_free(&lineage, predicate)?;
        for base in lineage.behind {
            let counted_person = self.is_person(base);
            if !counted_person {
                self.require_base(base, Use::Filter, predicate)?;
            }
        }
        relation.having = vec![predicate.clone()];
        Ok(relation)
    }

    /// The aggregates of HAVING must be output columns, alone or in an expression that HAVING repeats as it is.
    pub(super) fn require_having_output(
        &self,
        having: &[Expr],
        output: &[Expr],
        input: &LogicalPlan,
        lineages: &[Lineage],
    ) -> Result<()> {
        let schema = input.schema();
        let mut used = BTreeSet::new();
        let bare = |expr: &Expr| expr.clone().unalias_nested().data;
        let shown: Vec<Expr> = output.iter().map(bare).collect();
        for predicate in having.iter().map(bare) {
            let walked = predicate.apply(|part| {
                if shown.contains(part) {
                    return Ok(TreeNodeRecursion::Jump);
                }
                if let Expr::Column(column) = part {
                    used.extend(schema.maybe_index_of_column(column));
                }
                Ok(TreeNodeRecursion::Continue)
            });
            walked.map_err(|error| internal(format!("HAVING cannot be read: {error}")))?;
        }
        let used: Vec<usize> =
            used.into_iter().filter(|index| lineages.get(*index).is_none_or(|column| !column.key)).collect();
        self.require_output(&used, output, input, "HAVING")
    }

    /// The aggregates of HAVING, or of ORDER BY, that a SELECT list leaves out.
    pub(super) fn require_output(
        &self,
        used: &[usize],
        output: &[Expr],
        input: &LogicalPlan,
        clause: &str,
    ) -> Result<()> {
        let schema = input.schema();
        let shown: BTreeSet<_> = output
            .iter()
            .filter_map(|expr| match unaliased(expr) {
                Expr::Column(column) => schema.maybe_index_of_column(column),
                _ => None,
            })
            .collect();
        let Some(missing) = used.iter().find(|index| !shown.contains(index)) else { return Ok(()) };
        let name = readable(schema.field(*missing).name());
        Err(Error {
            class: Class::Refused,
            message: format!(
                "{clause} may use only keys and aggregates that are output columns: {name} is not in the SELECT list"
            ),
            hint: Some(format!("Add {name} to the SELECT list.")),
            position: position::of_name(clause.split(' ').next().unwrap_or(clause), self.sql),
        })
    }
}

/// What a window gives each row of an owner's that it takes from rows of several persons: no key, and, if it is a value of
/// one of them, used as MIN and MAX are.
fn mixing(mut whole: Lineage, function: &str, owners: BTreeSet<PartyId>) -> Lineage {
    let computed = [
        "count",
        "sum",
        "avg",
        "mean",
        "row_number",
        "rank",
        "dense_rank",
        "ntile",
        "percent_rank",
        "cume_dist",
    ];
    let computed = computed.contains(&function) || matches!(gives(function), Gives::Number(Use::Aggregate));
    if !computed {
        let values: Vec<Base> = whole.values().collect();
        whole.uses.extend(values.into_iter().map(|base| (base, Role::Spent(Use::MinMax))));
    }
    whole.across.extend(owners);
    whole
}

/// For each key of a GROUP BY, whether it is in all of its sets.
fn in_every_set(aggregate: &Aggregate, keys: &[Expr]) -> Vec<bool> {
    let inside = |key: &Expr| {
        aggregate.group_expr.iter().any(|part| match part {
            Expr::GroupingSet(GroupingSet::GroupingSets(sets)) => sets.iter().all(|set| set.contains(key)),
            Expr::GroupingSet(_) => false,
            plain => plain == key,
        })
    };
    keys.iter().map(inside).collect()
}

impl Lineage {
    fn condition_or_self(self, keep: bool) -> Lineage {
        if keep { self } else { self.condition() }
    }
}

/// What comes out of grouping rows.
fn grouped(input: Relation, columns: Vec<Lineage>, reason: Option<Reason>) -> Relation {
    match reason {
        None => Relation {
            correlated: input.correlated,
            correlated_by_join: input.correlated_by_join,
            linked: Vec::new(),
            ..Relation::new(Kind::Released, columns)
        },
        Some(reason) => Relation { reason, columns, order: Vec::new(), ..input },
    }
}

fn gives(function: &str) -> Gives {
    match function {
        "count" | "sum" | "avg" | "mean" | "approx_distinct" => Gives::Number(Use::Aggregate),
        "median" | "approx_median" | "percentile_cont" | "quantile_cont" | "percentile_disc" => {
            Gives::Number(Use::Quantile)
        }
        "min" | "max" | "bool_and" | "bool_or" | "bit_and" | "bit_or" | "bit_xor" => {
            Gives::Number(Use::MinMax)
        }
        other if other.starts_with("approx_percentile") => Gives::Number(Use::Quantile),
        other => {
            let moments = ["var", "stddev", "covar", "corr", "regr_"];
            let number = moments.iter().any(|prefix| other.starts_with(prefix));
            if number { Gives::Number(Use::Aggregate) } else { Gives::Values }
        }
    }
}

/// The percentiles 0 and 1 are MIN and MAX.
fn extreme(name: &str, call: &AggregateFunction) -> Option<Use> {
    let share =
        call.params.args.get(1).filter(|_| name.contains("percentile") || name.contains("quantile"))?;
    let Expr::Literal(share, _) = without_casts(share) else { return None };
    let share = share.cast_to(&DataType::Float64).ok()?;
    matches!(share, ScalarValue::Float64(Some(share)) if share <= 0.0 || share >= 1.0).then_some(Use::MinMax)
}

fn without_casts(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => without_casts(&alias.expr),
        Expr::Cast(cast) => without_casts(&cast.expr),
        other => other,
    }
}

/// The keys of a GROUP BY, in the order of the aggregate's output.
fn group_expressions(keys: &[Expr]) -> Vec<Expr> {
    let mut flat: Vec<Expr> = Vec::new();
    for key in keys {
        match key {
            Expr::GroupingSet(set) => {
                for expr in set.distinct_expr() {
                    flat.push(expr.clone());
                }
            }
            other => flat.push(other.clone()),
        }
    }
    flat
}

fn spent(lineage: &Lineage) -> BTreeSet<(Base, Role)> {
    lineage.uses.iter().filter(|(_, role)| *role != Role::Value).copied().collect()
}

/// Grouping sets have one more output column: which set a row is of.
fn grouping_sets(aggregate: &Aggregate) -> bool {
    aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_)))
}

fn require_width(columns: &[Lineage], aggregate: &Aggregate) -> Result<()> {
    let fields = aggregate.schema.fields().len();
    if columns.len() == fields {
        Ok(())
    } else {
        Err(internal(format!("an aggregate of {fields} columns has {} lineages", columns.len())))
    }
}

fn internal(message: String) -> Error {
    Error { class: Class::Internal, message, hint: None, position: None }
}

pub(super) fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        other => other,
    }
}

/// An expression as its writer would name it: a column without its table.
pub(super) fn bare(expr: &Expr) -> String {
    match unaliased(expr) {
        Expr::Column(column) => column.name.clone(),
        Expr::Cast(cast) => bare(&cast.expr),
        other => other.to_string(),
    }
}

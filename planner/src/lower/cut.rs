//! Where the plan is cut: below, rows; above, what the analyst does with released tables.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is refused"
)]

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};

use super::chain::{Chain, chain};
use super::clear::stacked;
use super::counted::counted;
use super::group::{lower_groups, may_be_released};
use super::leaf::owners;
use super::orders::orders;
use super::rows::{Relation, normalise};
use super::sets::grouping_sets;
use super::sites::sites;
use super::statistic::lower_statistic;
use super::subquery::has_subquery;
use super::top::{Top, shown, top_groups};
use super::ways::{Rows, cheapest, ways_to_join};
use super::{failure, model};
use crate::bind::lineage::declared;
use crate::catalog::{Federation, Use};
use crate::cost::LinkSpeed;
use crate::function::TableFunction;
use crate::function::table::{Boundary, Lowering};
use crate::plan::{Choice, Node, NodeId, SecurePlan, Way};
use crate::{Error, Result};

/// Cells times rows from which on it is asked whether sorting the rows is faster than one-hot codes: below, it never is
/// by much, and planning takes its time too.
const MANY_CELLS: usize = 1 << 21;

/// The nodes of all releases so far.
#[derive(Clone)]
pub(crate) struct Cut<'a> {
    /// The federation.
    pub(crate) federation: &'a Federation,
    /// The link that costs are compared for.
    pub(crate) link: LinkSpeed,
    /// Whether rows are sorted by the keys even if their groups can be listed.
    pub(crate) sorts: bool,
    /// All nodes.
    pub(crate) nodes: Vec<Node>,
    /// The releases.
    pub(crate) releases: Vec<NodeId>,
    /// Notices.
    pub(crate) notices: Vec<String>,
    /// How many LIMITs are decided inside.
    pub(crate) limits: usize,
    /// What was chosen by cost.
    pub(crate) choices: Vec<Choice>,
}

impl Cut<'_> {
    /// The clear plan in place of a plan; adds the nodes of its releases.
    ///
    /// # Errors
    /// Refused if rows would leave; invalid for what is not built.
    pub(crate) fn cut(&mut self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        if owners(plan)?.is_empty() {
            return Ok(plan.clone());
        }
        if let Some(boundary) = Boundary::of(plan) {
            return self.cut(&boundary.input);
        }
        if let Some(function) = table_function(plan) {
            if let Lowering::Expansion(_) = function.spec.lowering {
                return Err(failure::internal("a table function that was not expanded"));
            }
            let relation = normalise(&function.input, self.federation)?.settled();
            let ordered = orders(&relation, self.federation).into_iter();
            let ways: Vec<(String, Relation)> = ordered.map(|way| (way.name, way.relation)).collect();
            return cheapest(self, "joins", (&ways, 0), |cut, relation| cut.function(function, relation));
        }
        if let Some(sets) = grouping_sets(plan)? {
            return self.cut_all(&sets, plan);
        }
        if let Some((top, below)) = top_groups(plan)?
            && let Some((aggregate, chain)) = chain(below)?
            && !self.is_released(&aggregate.input)?
            && grouping_sets(below)?.is_none()
        {
            self.limits += 1;
            if aggregate.group_expr.is_empty() {
                // One row, or none after HAVING: what a LIMIT leaves of it is public.
                return self.above(plan);
            }
            let clear = self.groups(aggregate, &chain, Some(&top))?;
            return shown(plan, clear);
        }
        if let Some((aggregate, chain)) = chain(plan)?
            && !self.is_released(&aggregate.input)?
        {
            return match sites(plan)? {
                Some(parts) => self.cut_all(&parts, plan),
                None => self.groups(aggregate, &chain, None),
            };
        }
        if !self.is_released(plan)? {
            return Err(self.no_release(plan)?);
        }
        refuse_above(plan)?;
        self.above(plan)
    }

    /// Parts of a plan on top of each other.
    fn cut_all(&mut self, parts: &[LogicalPlan], whole: &LogicalPlan) -> Result<LogicalPlan> {
        let parts = parts.iter().map(|part| self.cut(part)).collect::<Result<Vec<_>>>()?;
        stacked(parts, whole.schema())
    }

    /// A step of the analyst's over what is cut below.
    fn above(&mut self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        let inputs = plan.inputs().into_iter().map(|input| self.cut(input)).collect::<Result<Vec<_>>>()?;
        plan.with_new_exprs(plan.expressions(), inputs).map_err(|error| failure::engine(&error))
    }

    /// A table function over rows.
    fn function(&mut self, function: &TableFunction, relation: &Relation) -> Result<LogicalPlan> {
        let number = self.releases.len();
        let Cut { federation, nodes, notices, .. } = self;
        let (release, clear) = match function.spec.lowering {
            Lowering::Expansion(_) => {
                return Err(failure::internal("a table function that was not expanded"));
            }
            Lowering::Model(family, part) => {
                model::lower_model(function, (family, part), (relation, federation), number, nodes)?
            }
            Lowering::Statistic(which) => {
                lower_statistic((function, which), relation, federation, number, nodes, notices)?
            }
        };
        self.releases.push(release);
        Ok(clear)
    }

    /// Groups by the order of joins, with sums before it or not, that is expected to be fastest; then as cells, or as runs of
    /// sorted rows where the cells are many.
    fn groups(&mut self, aggregate: &Aggregate, chain: &Chain<'_>, top: Option<&Top>) -> Result<LogicalPlan> {
        let over_rows = counted(aggregate, self.federation)?;
        let aggregate = over_rows.as_ref().unwrap_or(aggregate);
        let relation = normalise(&aggregate.input, self.federation)?;
        let (ways, plain) = ways_to_join(aggregate, &relation, self)?;
        let lower = |cut: &mut Cut<'_>, rows: &_| cut.grouped(aggregate, chain, top, rows);
        let mut sorted = Cut { sorts: true, ..self.clone() };
        let start = self.nodes.len();
        let clear = cheapest(self, "joins", (&ways, plain), lower)?;
        if !self.has_many_cells() {
            return Ok(clear);
        }
        let cells = self.way("cells, by one-hot codes of their keys".to_owned(), start);
        // Not all that is built on cells is built on sorted rows.
        let other = cheapest(&mut sorted, "joins", (&ways, plain), lower);
        let name = "runs of rows sorted by their keys".to_owned();
        let Ok(other) = other else {
            self.note("groups", vec![cells, Way { name, cost: None }], 0);
            return Ok(clear);
        };
        let ways = vec![cells, sorted.way(name, start)];
        if self.takes(&ways[1]) < self.takes(&ways[0]) {
            *self = Cut { sorts: self.sorts, ..sorted };
            self.note("groups", ways, 1);
            return Ok(other);
        }
        self.note("groups", ways, 0);
        Ok(clear)
    }

    /// Whether the newest groups are cells, and they times the rows many.
    fn has_many_cells(&self) -> bool {
        let plan = self.so_far();
        let rows = plan.rows();
        let newest = plan.nodes.iter().rev().find_map(|node| match node {
            Node::Aggregate(aggregate) => {
                let cells = aggregate.cells();
                Some(cells.saturating_mul(rows.get(aggregate.input.0).copied().unwrap_or_default()))
            }
            Node::Group(_) => Some(0),
            _ => None,
        });
        newest.is_some_and(|work| work > MANY_CELLS)
    }

    /// All nodes as a plan whose result is not known yet.
    pub(super) fn so_far(&self) -> SecurePlan {
        SecurePlan {
            nodes: self.nodes.clone(),
            releases: self.releases.clone(),
            clear: LogicalPlan::default(),
            notices: Vec::new(),
            choices: Vec::new(),
        }
    }

    fn grouped(
        &mut self,
        aggregate: &Aggregate,
        chain: &Chain<'_>,
        top: Option<&Top>,
        rows: &Rows,
    ) -> Result<LogicalPlan> {
        let (release, clear) = match rows {
            Rows::Joined(relation) => lower_groups(aggregate, &[], (chain, top), relation, self)?,
            Rows::Summed(summed) => {
                lower_groups(&summed.aggregate, &summed.sums, (chain, top), &summed.relation, self)?
            }
        };
        self.releases.push(release);
        Ok(clear)
    }

    /// Why a plan reads what is not released: what is wrong with the rows of an aggregate below, if that is it.
    fn no_release(&self, plan: &LogicalPlan) -> Result<Error> {
        let mut reason = failure::refused("only aggregates leave the federation: rows cannot be output");
        let walked = plan.apply(|node| {
            let LogicalPlan::Aggregate(aggregate) = node else { return Ok(TreeNodeRecursion::Continue) };
            let Err(error) = normalise(&aggregate.input, self.federation) else {
                return Ok(TreeNodeRecursion::Continue);
            };
            reason = error;
            Ok(TreeNodeRecursion::Stop)
        });
        walked.map(|_| reason).map_err(|error| failure::engine(&error))
    }

    /// Whether a plan reads released tables only, once it is cut below.
    fn is_released(&self, plan: &LogicalPlan) -> Result<bool> {
        if owners(plan)?.is_empty() || table_function(plan).is_some() || Boundary::of(plan).is_some() {
            return Ok(true);
        }
        match plan {
            LogicalPlan::TableScan(_) => Ok(false),
            LogicalPlan::Aggregate(aggregate) => {
                if self.is_released(&aggregate.input)? {
                    return Ok(true);
                }
                let relation = normalise(&aggregate.input, self.federation).map(Relation::settled);
                Ok(relation.is_ok_and(|relation| may_be_released(aggregate, &relation, self.federation)))
            }
            other => {
                for input in other.inputs() {
                    if !self.is_released(input)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}

fn table_function(plan: &LogicalPlan) -> Option<&TableFunction> {
    match plan {
        LogicalPlan::Extension(extension) => extension.node.as_any().downcast_ref::<TableFunction>(),
        _ => None,
    }
}

/// What the analyst may not do with released rows, or cannot.
fn refuse_above(plan: &LogicalPlan) -> Result<()> {
    if let LogicalPlan::Projection(projection) = plan {
        hidden_order(&projection.expr, &projection.input)?;
    }
    if let LogicalPlan::Aggregate(aggregate) = plan {
        distinct_over_groups(aggregate)?;
    }
    for expr in plan.expressions() {
        if has_subquery(&expr)? {
            return Err(failure::not_built("a subquery in an expression over released rows"));
        }
    }
    Ok(())
}

/// ORDER BY may not release what is no output column: its order would tell about it.
fn hidden_order(outputs: &[Expr], input: &LogicalPlan) -> Result<()> {
    let sort = match input {
        LogicalPlan::Limit(limit) => limit.input.as_ref(),
        other => other,
    };
    let LogicalPlan::Sort(sort) = sort else { return Ok(()) };
    let Some((aggregate, chain)) = chain(&sort.input)? else { return Ok(()) };
    let keys = aggregate.group_expr.len();
    for (index, expr) in chain.columns.iter().enumerate() {
        let used = outputs.iter().any(|output| {
            output
                .column_refs()
                .iter()
                .any(|column| sort.input.schema().index_of_column(column).ok() == Some(index))
        });
        let of_keys = expr
            .column_refs()
            .iter()
            .all(|column| aggregate.schema.index_of_column(column).is_ok_and(|index| index < keys));
        if !used && !of_keys {
            return Err(failure::not_built("ORDER BY an aggregate that is no output column"));
        }
    }
    Ok(())
}

/// DISTINCT over groups decides what is revealed; it changes nothing where all keys are outputs.
fn distinct_over_groups(outer: &Aggregate) -> Result<()> {
    if !outer.aggr_expr.is_empty() {
        return Ok(());
    }
    let Some((aggregate, chain)) = chain(&outer.input)? else { return Ok(()) };
    let keys = aggregate.group_expr.len();
    let kept: Vec<usize> = outer
        .group_expr
        .iter()
        .filter_map(|expr| match expr {
            Expr::Column(column) => chain.columns.get(outer.input.schema().index_of_column(column).ok()?),
            _ => None,
        })
        .filter_map(|expr| match expr {
            Expr::Column(column) => aggregate.schema.index_of_column(column).ok(),
            _ => None,
        })
        .collect();
    if (0..keys).all(|key| kept.contains(&key)) {
        return Ok(());
    }
    Err(failure::not_built("DISTINCT over the results of groups"))
}

/// LIMIT directly over groups decides what is revealed: all but `inside` of them are not built. Over released rows it is
/// the analyst's, over groups that stay inside an owner's.
pub(crate) fn refuse_limits(raw: &LogicalPlan, inside: usize, federation: &Federation) -> Result<()> {
    let mut found = 0;
    raw.apply(|node| {
        if let LogicalPlan::Limit(limit) = node {
            let groups = owners(&limit.input).is_ok_and(|owners| !owners.is_empty())
                && over_groups(&limit.input)
                && !stay_inside(&limit.input, federation);
            found += usize::from(groups);
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map_err(|error| failure::engine(&error))?;
    if found > inside {
        let mut error = failure::not_built("this LIMIT over groups, which would decide what is revealed");
        error.hint = Some(
            "put the query into a derived table, SELECT * FROM (...) ORDER BY ... LIMIT ..., \
                           which releases all groups"
                .into(),
        );
        return Err(error);
    }
    Ok(())
}

/// Whether groups have a key that its owner does not allow to `group`.
fn stay_inside(plan: &LogicalPlan, federation: &Federation) -> bool {
    let lacks_group = |input: &LogicalPlan, index: usize| {
        let declared = declared(input, index, federation);
        declared
            .is_some_and(|column| !column.allow.contains(&Use::Group) && !column.allow.contains(&Use::Public))
    };
    match plan {
        LogicalPlan::Aggregate(aggregate) => {
            let (input, schema) = (&aggregate.input, aggregate.input.schema());
            aggregate.group_expr.iter().any(|key| match key {
                Expr::Column(column) => {
                    schema.maybe_index_of_column(column).is_some_and(|index| lacks_group(input, index))
                }
                _ => false,
            })
        }
        LogicalPlan::Distinct(distinct) => {
            let input = distinct.input();
            (0..input.schema().fields().len()).any(|index| lacks_group(input, index))
        }
        LogicalPlan::Sort(_) | LogicalPlan::Filter(_) | LogicalPlan::Projection(_) => {
            plan.inputs().first().is_some_and(|input| stay_inside(input, federation))
        }
        _ => false,
    }
}

fn over_groups(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_) => true,
        LogicalPlan::Sort(sort) => over_groups(&sort.input),
        LogicalPlan::Filter(filter) => over_groups(&filter.input),
        LogicalPlan::Projection(projection) => match projection.input.as_ref() {
            LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Extension(_) => false,
            other => over_groups(other),
        },
        _ => false,
    }
}

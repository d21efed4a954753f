//! ORDER BY and LIMIT directly over groups: which groups are revealed is decided inside.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest decides nothing"
)]

use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr, FetchType, LogicalPlan, Projection, SkipType, Sort};

use super::chain::chain;
use super::failure;
use super::outgoing::Place;
use crate::Result;
use crate::plan::{Chosen, SortKey};

/// A column by which groups are ordered.
pub(crate) struct TopKey {
    /// Index of a column below the sort.
    pub(crate) column: usize,
    descending: bool,
    nulls_first: bool,
}

/// The first groups of an order; by default all of them, as they are.
#[derive(Default)]
pub(crate) struct Top {
    /// The most significant first.
    pub(crate) order: Vec<TopKey>,
    skip: usize,
    fetch: Option<usize>,
}

impl Top {
    /// The order over what leaves: keys first, each so many columns, then other outputs.
    pub(super) fn chosen(&self, places: &[Option<Place>], widths: &[usize]) -> Result<Chosen> {
        let before = |key: usize| widths.iter().take(key).sum::<usize>();
        let mut order = Vec::new();
        for key in &self.order {
            let outputs = match places.get(key.column).copied().flatten() {
                Some(Place::Key(index)) => before(index)..before(index + 1),
                Some(Place::Output(index)) => {
                    let output = before(widths.len()) + index;
                    output..output + 1
                }
                None => return Err(failure::internal("groups are ordered by what does not leave")),
            };
            let TopKey { descending, nulls_first, .. } = *key;
            order.extend(outputs.map(|output| SortKey { output, descending, nulls_first }));
        }
        Ok(Chosen { order, skip: self.skip, fetch: self.fetch })
    }
}

/// What is above the groups of a LIMIT, over the released ones, which are in their order already.
pub(crate) fn shown(plan: &LogicalPlan, clear: LogicalPlan) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Limit(limit) => shown(&limit.input, clear),
        LogicalPlan::Projection(projection) if chain(plan)?.is_none() => {
            let above = Projection::try_new(projection.expr.clone(), std::sync::Arc::new(clear));
            above.map(LogicalPlan::Projection).map_err(|error| failure::engine(&error))
        }
        _ => Ok(clear),
    }
}

/// A LIMIT over groups, perhaps ordered, and the groups below.
pub(crate) fn top_groups(plan: &LogicalPlan) -> Result<Option<(Top, &LogicalPlan)>> {
    let LogicalPlan::Limit(limit) = plan else { return Ok(None) };
    let skip = limit.get_skip_type().map_err(|error| failure::engine(&error))?;
    let fetch = limit.get_fetch_type().map_err(|error| failure::engine(&error))?;
    let (SkipType::Literal(skip), FetchType::Literal(fetch)) = (skip, fetch) else { return Ok(None) };
    let (sort, below) = match limit.input.as_ref() {
        LogicalPlan::Sort(sort) => (Some(sort), sort.input.as_ref()),
        LogicalPlan::Projection(projection) => match projection.input.as_ref() {
            LogicalPlan::Sort(sort) => (Some(sort), sort.input.as_ref()),
            _ => (None, limit.input.as_ref()),
        },
        other => (None, other),
    };
    if chain(below)?.is_none() {
        return Ok(None);
    }
    let order = match sort {
        None => Vec::new(),
        Some(sort) => match order_of(sort, below.schema()) {
            Some(order) => order,
            None => return Ok(None),
        },
    };
    Ok(Some((Top { order, skip, fetch }, below)))
}

/// The columns of an ORDER BY; `None` if it has expressions of them.
fn order_of(sort: &Sort, schema: &DFSchema) -> Option<Vec<TopKey>> {
    let key = |key: &datafusion::logical_expr::SortExpr| {
        let Expr::Column(column) = &key.expr else { return None };
        let column = schema.index_of_column(column).ok()?;
        Some(TopKey { column, descending: !key.asc, nulls_first: key.nulls_first })
    };
    if sort.fetch.is_some() {
        return None;
    }
    sort.expr.iter().map(key).collect()
}

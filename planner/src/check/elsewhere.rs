//! What is 0 in every group that an owner can have a row in: rows of other owners' parts of a union, where keys that are
//! constants tell the parts apart.
#![expect(clippy::wildcard_enum_match_arm, reason = "whatever is not looked for is not known to be constant")]

use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::scalar::ScalarValue;

use super::release::owners_below;
use crate::catalog::Federation;
use crate::plan::{Measure, Node, NodeId, Op, PartyId, Reg, SecurePlan, Source};

/// Whether column `column` of the group table `node` is a sum over rows of which none shares a group with a row of `owner`.
pub(super) fn without(
    plan: &SecurePlan,
    federation: &Federation,
    owner: PartyId,
    (node, column): (NodeId, usize),
) -> bool {
    let (rows, measure, keys) = match plan.nodes.get(node.0) {
        Some(Node::Aggregate(aggregate)) => {
            (aggregate.input, aggregate.measures.get(column), Keys::Cells(&aggregate.keys))
        }
        Some(Node::Group(group)) => (group.input, group.measures.get(column), Keys::Open(&group.keys)),
        _ => return false,
    };
    let (Some(Node::Union(union)), Some(Measure::Sum { value })) = (plan.nodes.get(rows.0), measure) else {
        return false;
    };
    let (own, others): (Vec<NodeId>, Vec<NodeId>) =
        union.inputs.iter().partition(|input| owners_below(plan, federation, **input).contains(&owner));
    own.iter().all(|own| is_zero(plan, (*own, *value)))
        && others
            .iter()
            .filter(|other| !is_zero(plan, (**other, *value)))
            .all(|other| own.iter().all(|own| keys.tell_apart(plan, *own, *other)))
}

/// The keys of a group table.
enum Keys<'p> {
    /// One-hot columns of each.
    Cells(&'p [Vec<usize>]),
    /// Planes and bits.
    Open(&'p [usize]),
}

impl Keys<'_> {
    /// Whether no row of one table is in a group with a row of the other.
    fn tell_apart(&self, plan: &SecurePlan, one: NodeId, other: NodeId) -> bool {
        match self {
            Keys::Cells(keys) => keys.iter().any(|cells| {
                cells.iter().all(|cell| is_zero(plan, (one, *cell)) || is_zero(plan, (other, *cell)))
            }),
            Keys::Open(keys) => {
                keys.iter().any(|key| match (constant(plan, (one, *key)), constant(plan, (other, *key))) {
                    (Some(one), Some(other)) => differ(&one, &other),
                    _ => false,
                })
            }
        }
    }
}

/// Whether two values of one type are different keys. Of floating point, where 0 has two forms, nobody says so.
pub(crate) fn differ(one: &ScalarValue, other: &ScalarValue) -> bool {
    let data_type = one.data_type();
    data_type == other.data_type()
        && !data_type.is_floating()
        && !one.is_null()
        && !other.is_null()
        && one != other
}

/// Whether a column is 0 in all rows.
fn is_zero(plan: &SecurePlan, at: (NodeId, usize)) -> bool {
    match origin(plan, at) {
        Some(Origin::Shared(local, Source::Equals { column, value })) => {
            literal(local, *column).is_some_and(|given| differ(&given, value))
        }
        Some(Origin::Shared(local, Source::True(column))) => {
            literal(local, *column) == Some(ScalarValue::Boolean(Some(false)))
        }
        Some(Origin::Public(value)) => value == 0,
        Some(Origin::Shared(..)) | None => false,
    }
}

/// The value that a column has in all rows.
fn constant(plan: &SecurePlan, at: (NodeId, usize)) -> Option<ScalarValue> {
    let number = |value: i128| ScalarValue::Decimal128(Some(value), 38, 0);
    match origin(plan, at)? {
        Origin::Shared(local, Source::Value { column, dictionary, .. }) => {
            let value = literal(local, *column)?;
            match dictionary {
                None => Some(value),
                Some(texts) => {
                    let place = texts.iter().position(|text| *text == value)?;
                    Some(number(i128::try_from(place).ok()?))
                }
            }
        }
        Origin::Shared(..) => None,
        Origin::Public(value) => Some(number(value)),
    }
}

/// What a column of rows is, if it is passed on as it is.
enum Origin<'p> {
    /// What an owner shares of its local plan.
    Shared(&'p LogicalPlan, &'p Source),
    /// A public number, or a bit.
    Public(i128),
}

fn origin(plan: &SecurePlan, (node, column): (NodeId, usize)) -> Option<Origin<'_>> {
    let width = |id: NodeId| plan.nodes.get(id.0).map_or(0, |node| node.columns().len());
    match plan.nodes.get(node.0)? {
        Node::Input(input) => Some(Origin::Shared(&input.plan, &input.columns.get(column)?.source)),
        Node::HashedJoin(join) => {
            let (stay, moved) = (width(join.stay), width(join.moved));
            if column < stay {
                origin(plan, (join.stay, column))
            } else if column < stay + moved {
                origin(plan, (join.moved, column - stay))
            } else {
                None
            }
        }
        Node::Broadcast(broadcast) if column < width(broadcast.input) => {
            origin(plan, (broadcast.input, column))
        }
        Node::Compute(compute) => {
            let mut reg = compute.outputs.get(column)?.0;
            loop {
                match compute.ops.get(reg.0)? {
                    Op::Column(column) => return origin(plan, (compute.input, *column)),
                    Op::Constant { value, .. } => return Some(Origin::Public(*value)),
                    Op::ConstantBit(value) => return Some(Origin::Public(i128::from(*value))),
                    Op::ToPlanes { x: Reg(of), .. } | Op::BitToArithmetic { bit: Reg(of), .. }
                        if *of < reg.0 =>
                    {
                        reg = Reg(*of);
                    }
                    _ => return None,
                }
            }
        }
        _ => None,
    }
}

/// The value that a local plan gives a column in all rows.
fn literal(plan: &LogicalPlan, column: usize) -> Option<ScalarValue> {
    let LogicalPlan::Projection(projection) = plan else { return None };
    match projection.expr.get(column)?.clone().unalias() {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

//! Joins around one leaf that stays in place: which one, who compares pseudonyms, in which order rows are shared.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is no plain column"
)]

use datafusion::logical_expr::Expr;

use super::failure;
use super::leaf::{Leaf, Persons};
use super::rows::{Branch, KeySide, place, symbol};
use crate::catalog::Federation;
use crate::function::hashed::hashed;
use crate::plan::{
    ColumnDef, Encoding, HashedJoin, JoinKey, Multiplicity, Node, NodeId, Order, PartyId, Range, RingSize,
};
use crate::{Class, Error, Result};

/// The leaf that stays in place: part of all joins, and every other side has at most one row per identifier. Of two that
/// could, the one with fewer rows.
pub(crate) fn hub(branch: &Branch, federation: &Federation) -> Result<usize> {
    if branch.joins.is_empty() {
        return Ok(0);
    }
    let fits = |leaf: &usize| {
        branch.joins.iter().all(|join| {
            let other = if join.left.leaf == *leaf {
                &join.right
            } else if join.right.leaf == *leaf {
                &join.left
            } else {
                return false;
            };
            branch.leaves.get(other.leaf).is_some_and(|leaf| rows_per_key(leaf) == 1)
        })
    };
    let candidates = (0..branch.leaves.len()).filter(fits);
    let best = candidates.min_by_key(|leaf| branch.leaves.get(*leaf).map_or(u64::MAX, |leaf| leaf.bound));
    best.ok_or_else(|| no_hub(branch, federation))
}

/// How many rows of a leaf may have one identifier.
pub(crate) fn rows_per_key(leaf: &Leaf) -> u64 {
    leaf.whole.unwrap_or(leaf.bound)
}

fn no_hub(branch: &Branch, federation: &Federation) -> Error {
    let many: Vec<String> = branch
        .leaves
        .iter()
        .filter(|leaf| rows_per_key(leaf) > 1)
        .map(|leaf| table_names(leaf, federation))
        .collect();
    if many.len() < 2 {
        return failure::not_built("joins of three or more owners that do not all meet in one table");
    }
    Error {
        class: Class::Refused,
        message: format!(
            "{} may each have several rows per identifier (`max_rows_per_person`)",
            many.join(" and ")
        ),
        hint: Some(
            "aggregate one side per identifier first: JOIN (SELECT id, SUM(x) AS x FROM t GROUP BY id)"
                .into(),
        ),
        position: None,
    }
}

fn table_names(leaf: &Leaf, federation: &Federation) -> String {
    let party = federation.parties.get(leaf.owner.0).map_or("?", |party| party.name.as_str());
    leaf.tables.iter().map(|table| format!("{party}.{table}")).collect::<Vec<_>>().join(", ")
}

/// How the persons of a leaf are counted in the rows of its branch.
#[derive(Clone, Debug)]
pub(crate) enum PersonRows {
    /// Every row is a person.
    Single,
    /// Rows equal in these expressions of the staying leaf are one person's; at most so many.
    Runs(Vec<Expr>, u64),
}

/// How the persons of a leaf are counted, and the expression that must not be NULL.
///
/// # Errors
/// Invalid ("not built") where these rows do not tell persons apart.
pub(crate) fn persons(branch: &Branch, hub: usize, leaf: usize) -> Result<(PersonRows, Option<Expr>)> {
    let source = branch.leaves.get(leaf).ok_or_else(|| failure::internal("an unknown leaf"))?;
    let not_countable =
        |why: &str| failure::not_built(format!("counting the persons behind a number where {why}"));
    let (column, max_rows) = match &source.persons {
        Persons::Rows => (None, 1),
        Persons::Column { column, max_rows } => (Some(*column), *max_rows),
        Persons::Lost(why) => return Err(not_countable(why)),
    };
    let person = column.and_then(|column| source.names.get(column).map(|name| symbol(leaf, column, name)));
    // Where the person is the identifier of a join, rows without one have no partner.
    let joined = |side: &KeySide| {
        side.leaf == leaf && person.as_ref().is_some_and(|person| side.parts.contains(person))
    };
    let implied = branch.joins.iter().any(|join| joined(&join.left) || joined(&join.right));
    let nullable =
        column.and_then(|column| source.scope.facts.get(column)).is_some_and(|facts| facts.nullable);
    let known = person.clone().filter(|_| nullable && !implied);
    if leaf == hub {
        return Ok(match person {
            Some(person) if max_rows > 1 => (PersonRows::Runs(vec![person], max_rows), known),
            _ => (PersonRows::Single, known),
        });
    }
    if max_rows > 1 {
        return Err(not_countable("a joined table has several rows per person"));
    }
    let join = branch.joins.iter().find(|join| join.left.leaf == leaf || join.right.leaf == leaf);
    let join = join.ok_or_else(|| failure::internal("a leaf that is not joined"))?;
    let side = if join.left.leaf == leaf { &join.right } else { &join.left };
    let stays = branch.leaves.get(hub).map_or(1, rows_per_key);
    if stays == 1 {
        return Ok((PersonRows::Single, known));
    }
    let identifier = identifier(side, join.normalised);
    Ok((PersonRows::Runs(identifier, stays), known))
}

/// Expressions whose equality is that of identifiers.
fn identifier(side: &KeySide, normalised: bool) -> Vec<Expr> {
    if normalised { vec![hashed().call(side.parts.clone())] } else { side.parts.clone() }
}

/// The expressions of the staying leaf by which its rows are put together: those of all runs.
pub(crate) fn order(branch: &Branch, hub: usize, runs: &[Vec<Expr>]) -> Result<Vec<Expr>> {
    match runs {
        [] => Ok(Vec::new()),
        [one] => Ok(one.clone()),
        [a, b] => {
            // A person has one identifier, so that the runs of persons are within those of identifiers.
            let person = |run: &Vec<Expr>| match branch.leaves.get(hub).map(|leaf| &leaf.persons) {
                Some(Persons::Column { column, .. }) => match run.as_slice() {
                    [Expr::Column(other)] => place(other) == Some((hub, *column)),
                    _ => false,
                },
                _ => false,
            };
            let (person_run, other) = if person(a) { (a, b) } else { (b, a) };
            let of_person = match (person_run.as_slice(), other.as_slice()) {
                ([person_expr], [Expr::ScalarFunction(function)]) => {
                    person(person_run) && function.args.as_slice() == std::slice::from_ref(person_expr)
                }
                _ => false,
            };
            if !of_person {
                return Err(failure::not_built(
                    "counting persons of two owners in a join on something else than a person",
                ));
            }
            Ok(other.iter().chain(person_run).cloned().collect())
        }
        _ => Err(failure::not_built(
            "counting persons of three owners where a table has several rows per person",
        )),
    }
}

/// The order of a leaf's rows.
pub(crate) fn order_of(branch: &Branch, hub: usize, leaf: usize, adjacent: &[usize]) -> Order {
    let adjacent = if leaf == hub { adjacent.to_vec() } else { Vec::new() };
    match (branch.joins.is_empty(), adjacent.is_empty()) {
        (false, _) => Order::Shuffled { adjacent },
        (true, false) => Order::Adjacent(adjacent),
        (true, true) => Order::Local,
    }
}

/// The seat that compares pseudonyms of two owners: one that owns neither table, if possible of a party without tables.
fn matcher(federation: &Federation, owners: [PartyId; 2]) -> Result<usize> {
    let mut seats: Vec<(bool, usize)> = federation
        .parties
        .iter()
        .enumerate()
        .filter(|(index, _)| !owners.contains(&PartyId(*index)))
        .filter_map(|(_, party)| party.seat.map(|seat| (!party.tables.is_empty(), seat)))
        .collect();
    seats.sort_unstable();
    seats.first().map(|(_, seat)| *seat).ok_or_else(|| Error {
        class: Class::Refused,
        message: "no seat is neutral: every seat owns one of the joined tables".into(),
        hint: None,
        position: None,
    })
}

/// The joins of a branch on their way to nodes.
pub(crate) struct Joins<'a> {
    branch: &'a Branch,
    federation: &'a Federation,
    hub: usize,
    /// For each join the local columns of the identifier on the staying and on the moved side.
    pub(crate) keys: Vec<(Vec<usize>, Vec<usize>)>,
}

/// A joined table.
pub(crate) struct Joined {
    /// Its node.
    pub(crate) node: NodeId,
    /// Where the columns of each leaf start.
    pub(crate) starts: Vec<usize>,
    /// Where the match bit of each join is; the same as a number follows it.
    pub(crate) matches: Vec<usize>,
    /// How many columns there are.
    pub(crate) width: usize,
}

/// A leaf and the parts of its identifier.
type Side = (usize, Vec<Expr>);

impl<'a> Joins<'a> {
    /// The joins around `hub`.
    pub(crate) fn new(branch: &'a Branch, federation: &'a Federation, hub: usize) -> Joins<'a> {
        Joins { branch, federation, hub, keys: Vec::new() }
    }

    /// The staying and the moved side of a join.
    pub(crate) fn sides(&self, join: usize) -> Result<(Side, Side)> {
        let join = self.branch.joins.get(join).ok_or_else(|| failure::internal("an unknown join"))?;
        let side = |side: &KeySide| (side.leaf, side.parts.clone());
        Ok(if join.left.leaf == self.hub {
            (side(&join.left), side(&join.right))
        } else {
            (side(&join.right), side(&join.left))
        })
    }

    /// Adds the join nodes over the inputs of all leaves, which have these columns.
    pub(crate) fn emit(
        &self,
        inputs: &[NodeId],
        shared: &[Vec<ColumnDef>],
        nodes: &mut Vec<Node>,
    ) -> Result<Joined> {
        let missing = || failure::internal("a join of no leaf");
        let mut node = *inputs.get(self.hub).ok_or_else(missing)?;
        let mut columns = shared.get(self.hub).cloned().ok_or_else(missing)?;
        let mut starts = vec![0; inputs.len()];
        let mut matches = Vec::new();
        for (index, join) in self.branch.joins.iter().enumerate() {
            let ((stay, stay_parts), (moved, moved_parts)) = self.sides(index)?;
            let (stay_leaf, moved_leaf) = (
                self.branch.leaves.get(stay).ok_or_else(missing)?,
                self.branch.leaves.get(moved).ok_or_else(missing)?,
            );
            let (stay_columns, moved_columns) = self.keys.get(index).cloned().ok_or_else(missing)?;
            let key = |leaf: usize, source: &Leaf, columns, parts: &[Expr]| -> Result<JoinKey> {
                Ok(JoinKey {
                    input: *inputs.get(leaf).ok_or_else(missing)?,
                    columns,
                    name: self.key_name(source, parts),
                    max_rows: usize::try_from(rows_per_key(source)).map_err(|_| missing())?,
                })
            };
            if let Some(start) = starts.get_mut(moved) {
                *start = columns.len();
            }
            columns.extend(shared.get(moved).cloned().ok_or_else(missing)?);
            matches.push(columns.len());
            let range = Range { lo: 0, hi: 1 };
            columns.push(ColumnDef { name: "match".into(), encoding: Encoding::Bit, range });
            let encoding = Encoding::Arithmetic(RingSize::Z64);
            columns.push(ColumnDef { name: "match".into(), encoding, range });
            let one = rows_per_key(stay_leaf) == 1;
            nodes.push(Node::HashedJoin(HashedJoin {
                stay: node,
                stay_key: key(stay, stay_leaf, stay_columns, &stay_parts)?,
                moved_key: key(moved, moved_leaf, moved_columns, &moved_parts)?,
                matcher: matcher(self.federation, [stay_leaf.owner, moved_leaf.owner])?,
                multiplicity: if one { Multiplicity::OneToOne } else { Multiplicity::ManyToOne },
                normalised: join.normalised,
                columns: columns.clone(),
            }));
            node = NodeId(nodes.len() - 1);
        }
        Ok(Joined { node, starts, matches, width: columns.len() })
    }

    fn key_name(&self, leaf: &Leaf, parts: &[Expr]) -> String {
        let party = self.federation.parties.get(leaf.owner.0);
        let named = |part: &Expr| {
            let origin = match part {
                Expr::Column(column) => {
                    place(column).and_then(|(_, column)| leaf.origins.get(column).copied().flatten())
                }
                _ => None,
            };
            let declared = origin.zip(party).and_then(|(origin, party)| {
                let table = party.tables.get(origin.table)?;
                let column = table.columns.get(origin.column)?;
                Some(format!("{}.{}.{}", party.name, table.name, column.name))
            });
            declared.unwrap_or_else(|| super::emit::name(part))
        };
        parts.iter().map(named).collect::<Vec<_>>().join(", ")
    }
}

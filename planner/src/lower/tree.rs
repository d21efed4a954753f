//! The joins of a branch as a tree: which leaf stays in place, and the order in which the others are moved beside it.
//!
//! Every leaf but the root has at most one row for the identifier by which it is joined to the leaf above it, so that the
//! rows of the branch are those of the root. A leaf with leaves below it is joined with these first, and then moved with
//! their columns.
#![expect(clippy::wildcard_enum_match_arm, reason = "only plain columns and calls are looked for")]

use datafusion::logical_expr::Expr;

use super::failure;
use super::leaf::{Leaf, Persons};
use super::rows::{Branch, KeyJoin, KeySide, Link, known_rows, place};
use crate::catalog::Federation;
use crate::cost::{JoinedTables, LinkSpeed};
use crate::plan::{
    ColumnDef, Encoding, HashedJoin, JoinKey, Matching, Multiplicity, Node, NodeId, Order, PartyId, Range,
    RingSize,
};
use crate::{Class, Error, Result};

/// A way from the root to all leaves.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    /// The leaf whose rows stay in place.
    pub(crate) root: usize,
    /// For each leaf but the root, the join and the leaf above it.
    pub(crate) above: Vec<Option<(usize, usize)>>,
}

/// How many rows of a leaf may have one identifier if it is moved: what is declared of the identifier or follows from
/// what is. Of an identifier of which nothing is, in a table with one row a person, one row is taken for granted, and checked at
/// the owner; where a person may have several rows, nothing is.
pub(crate) fn rows_per_key(leaf: &Leaf, side: &KeySide) -> u64 {
    known_rows(side, leaf)
        .or(leaf.whole.filter(|rows| *rows == 1 && !side.inside))
        .unwrap_or(leaf.bound)
        .min(leaf.bound)
}

/// How many rows of a leaf that stays may have one identifier: nothing is taken for granted.
pub(crate) fn staying_rows(join: &KeyJoin, leaf: usize, source: &Leaf) -> u64 {
    known_rows(side_of(join, leaf), source).unwrap_or(source.bound).min(source.bound)
}

/// The tree of a branch. Of several leaves that could be the root, the one that takes least for granted (that identifiers
/// other than a person's or a group's are unique), then the one with fewest rows.
///
/// # Errors
/// Refused where two leaves may each have several rows per identifier.
pub(crate) fn tree(branch: &Branch, federation: &Federation) -> Result<Tree> {
    if let Some(root) = branch.root {
        return rooted(branch, root).ok_or_else(|| no_root(branch, federation));
    }
    let trees = (0..branch.leaves.len()).filter_map(|root| rooted(branch, root));
    let cost = |tree: &Tree| {
        (assumed(branch, tree), branch.leaves.get(tree.root).map_or(u64::MAX, |leaf| leaf.bound))
    };
    trees.min_by_key(cost).ok_or_else(|| no_root(branch, federation))
}

/// The tree with this root, if every other leaf is unique below the leaf above it.
pub(crate) fn rooted(branch: &Branch, root: usize) -> Option<Tree> {
    let mut above = vec![None; branch.leaves.len()];
    let mut reached = vec![root];
    let mut next = 0;
    while let Some(&from) = reached.get(next) {
        next += 1;
        for (index, join) in branch.joins.iter().enumerate() {
            let Some(to) = other_side(join, from).map(|side| side.leaf) else { continue };
            if reached.contains(&to) {
                continue;
            }
            let moves = join.link != Link::Optional || to == join.right.leaf;
            let moved = branch.leaves.get(to)?;
            if !moves || rows_per_key(moved, side_of(join, to)) != 1 {
                return None;
            }
            *above.get_mut(to)? = Some((index, from));
            reached.push(to);
        }
    }
    (reached.len() == branch.leaves.len()).then_some(Tree { root, above })
}

/// The side of a join that is not of this leaf; `None` if neither is.
pub(super) fn other_side(join: &KeyJoin, leaf: usize) -> Option<&KeySide> {
    match (join.left.leaf == leaf, join.right.leaf == leaf) {
        (true, _) => Some(&join.right),
        (_, true) => Some(&join.left),
        _ => None,
    }
}

/// The side of a join of this leaf.
pub(super) fn side_of(join: &KeyJoin, leaf: usize) -> &KeySide {
    if join.left.leaf == leaf { &join.left } else { &join.right }
}

/// How many leaves' identifiers are unique only because their tables have one row a person.
pub(crate) fn assumed(branch: &Branch, tree: &Tree) -> usize {
    (0..branch.leaves.len()).filter(|leaf| is_assumed(branch, tree, *leaf)).count()
}

/// Whether nothing is taken for granted: all identifiers that must be unique are known to be.
pub(crate) fn is_known(branch: &Branch, tree: &Tree) -> bool {
    assumed(branch, tree) == 0
}

/// Whether nothing says that the identifiers of a leaf are unique but that its table has one row a person.
fn is_assumed(branch: &Branch, tree: &Tree, leaf: usize) -> bool {
    let Some((join, _)) = tree.above.get(leaf).copied().flatten() else { return false };
    let (Some(join), Some(source)) = (branch.joins.get(join), branch.leaves.get(leaf)) else { return true };
    known_rows(side_of(join, leaf), source) != Some(1)
}

fn no_root(branch: &Branch, federation: &Federation) -> Error {
    let repeats = |(index, leaf): &(usize, &Leaf)| {
        let mut sides = branch.joins.iter().flat_map(|join| [&join.left, &join.right]);
        sides.any(|side| side.leaf == *index && rows_per_key(leaf, side) > 1)
    };
    let many: Vec<String> = branch
        .leaves
        .iter()
        .enumerate()
        .filter(repeats)
        .map(|(_, leaf)| table_names(leaf, federation))
        .collect();
    if many.len() < 2 {
        return failure::not_built(
            "a join whose tables do not all belong to the rows of one of them, one row each",
        );
    }
    Error {
        class: Class::Refused,
        message: format!(
            "{} may each have several rows per identifier (`max_rows_per_person`, `max_rows_per_value`)",
            many.join(" and ")
        ),
        hint: Some(
            "aggregate one side per identifier first: JOIN (SELECT id, SUM(x) AS x FROM t GROUP BY id); or ask an owner to declare \
             how many rows an identifier has, where it is no person's: `max_rows_per_value` or `unique`"
                .into(),
        ),
        position: None,
    }
}

pub(crate) fn table_names(leaf: &Leaf, federation: &Federation) -> String {
    let party = federation.parties.get(leaf.owner.0).map_or("?", |party| party.name.as_str());
    leaf.tables.iter().map(|table| format!("{party}.{table}")).collect::<Vec<_>>().join(", ")
}

/// How often the joins on the way to a leaf repeat its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// Never.
    Once,
    /// Up to so many rows of the root have the same row of the leaf: those with equal values of these expressions.
    Together(Vec<Expr>, u64),
    /// Often, in rows that nothing of the root tells.
    Scattered,
}

impl Tree {
    /// The leaf's place, or the leaves above it, from the root on, each with its join.
    fn way(&self, leaf: usize) -> Vec<(usize, usize)> {
        let mut way = Vec::new();
        let mut at = leaf;
        while let Some((join, above)) = self.above.get(at).copied().flatten() {
            way.push((join, above));
            at = above;
        }
        way.reverse();
        way
    }

    /// How often rows of the branch have the same row of a leaf.
    pub(crate) fn repeated(&self, branch: &Branch, leaf: usize) -> Repeated {
        let mut found = Repeated::Once;
        for (depth, (join, above)) in self.way(leaf).into_iter().enumerate() {
            let (Some(join), Some(source)) = (branch.joins.get(join), branch.leaves.get(above)) else {
                return Repeated::Scattered;
            };
            let rows = staying_rows(join, above, source);
            if rows == 1 {
                continue;
            }
            found = if depth == 0 {
                Repeated::Together(join.identifier(side_of(join, above)), rows)
            } else {
                Repeated::Scattered
            };
        }
        found
    }

    /// The order of a leaf's rows.
    pub(crate) fn order_of(&self, branch: &Branch, leaf: usize, adjacent: &[usize]) -> Order {
        let adjacent = if leaf == self.root { adjacent.to_vec() } else { Vec::new() };
        // Only hashes of whole tables are shown to a matcher, in the order of their rows.
        let shown =
            !branch.joins.is_empty() && branch.leaves.get(leaf).is_some_and(|leaf| leaf.whole.is_some());
        match (!shown, adjacent.is_empty()) {
            (false, _) => Order::Shuffled { adjacent },
            (true, false) => Order::Adjacent(adjacent),
            (true, true) => Order::Local,
        }
    }
}

/// The expressions of the root by which its rows are put together: those of all runs. `None` where one order does not
/// serve all.
pub(crate) fn order(branch: &Branch, root: usize, runs: &[Vec<Expr>]) -> Option<Vec<Expr>> {
    match runs {
        [] => Some(Vec::new()),
        [one] => Some(one.clone()),
        [a, b] => {
            // A person has one identifier, so that the runs of persons are within those of identifiers.
            let person = |run: &Vec<Expr>| match branch.leaves.get(root).map(|leaf| &leaf.persons) {
                Some(Persons::Column { column, .. }) => match run.as_slice() {
                    [Expr::Column(other)] => place(other) == Some((root, *column)),
                    _ => false,
                },
                Some(Persons::Either { .. } | Persons::Rows | Persons::Gated | Persons::Lost(_)) | None => {
                    false
                }
            };
            let (person_run, other) = if person(a) { (a, b) } else { (b, a) };
            let of_person = match (person_run.as_slice(), other.as_slice()) {
                ([person_expr], [Expr::ScalarFunction(function)]) => {
                    person(person_run) && function.args.as_slice() == std::slice::from_ref(person_expr)
                }
                _ => false,
            };
            of_person.then(|| other.iter().chain(person_run).cloned().collect())
        }
        _ => None,
    }
}

/// The seat that compares pseudonyms of two owners: one that owns neither table, if possible of a party without tables.
fn matcher(federation: &Federation, owners: [PartyId; 2]) -> Option<usize> {
    let mut seats: Vec<(bool, usize)> = federation
        .parties
        .iter()
        .enumerate()
        .filter(|(index, _)| !owners.contains(&PartyId(*index)))
        .filter_map(|(_, party)| party.seat.map(|seat| (!party.tables.is_empty(), seat)))
        .collect();
    seats.sort_unstable();
    seats.first().map(|(_, seat)| *seat)
}

/// The ways to compare identifiers of two owners' tables: obliviously always, by pseudonyms where a seat is neutral and
/// no policy of these tables forbids it.
pub(crate) fn matchings(
    federation: &Federation,
    owners: [PartyId; 2],
    tables: [&Vec<String>; 2],
    bounds: [usize; 2],
) -> Vec<Matching> {
    let mut possible = vec![Matching::oblivious(bounds[0], bounds[1])];
    let allowed = owners.iter().zip(tables).all(|(owner, names)| {
        let declared = federation.parties.get(owner.0).into_iter().flat_map(|party| &party.tables);
        declared.filter(|table| names.contains(&table.name)).all(|table| table.pseudonyms)
    });
    if allowed {
        possible.extend(matcher(federation, owners).map(|matcher| Matching::Pseudonyms { matcher }));
    }
    possible
}

/// What a leaf brings into the joins.
pub(crate) struct Piece {
    /// Its input.
    pub(crate) input: NodeId,
    /// What the input shares.
    pub(crate) shared: Vec<ColumnDef>,
}

/// The joins of a branch on their way to nodes.
pub(crate) struct Joins<'a> {
    /// The rows.
    pub(crate) branch: &'a Branch,
    /// The federation.
    pub(crate) federation: &'a Federation,
    /// The order of the joins.
    pub(crate) tree: &'a Tree,
    /// The leaves.
    pub(crate) pieces: Vec<Piece>,
    /// For each join the local columns of the identifier on its left and on its right side.
    pub(crate) keys: Vec<[Vec<usize>; 2]>,
}

/// A joined table.
pub(crate) struct Joined {
    /// Its node.
    pub(crate) node: NodeId,
    /// Its columns.
    columns: Vec<ColumnDef>,
    /// Where the columns of each leaf start.
    pub(crate) starts: Vec<Option<usize>>,
    /// Where the match bit of each join is; the same as a number follows it.
    pub(crate) matches: Vec<Option<usize>>,
}

impl Joined {
    /// How many columns there are.
    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }
}

impl Joins<'_> {
    /// Adds the join nodes over the inputs of all leaves.
    pub(crate) fn emit(&self, nodes: &mut Vec<Node>) -> Result<Joined> {
        self.below(self.tree.root, nodes)
    }

    /// A leaf with all leaves below it.
    fn below(&self, leaf: usize, nodes: &mut Vec<Node>) -> Result<Joined> {
        let piece = self.pieces.get(leaf).ok_or_else(missing)?;
        let mut starts = vec![None; self.branch.leaves.len()];
        *starts.get_mut(leaf).ok_or_else(missing)? = Some(0);
        let matches = vec![None; self.branch.joins.len()];
        let mut joined = Joined { node: piece.input, columns: piece.shared.clone(), starts, matches };
        for (index, join) in self.branch.joins.iter().enumerate() {
            let Some(other) = other_side(join, leaf).map(|side| side.leaf) else { continue };
            if self.tree.above.get(other).copied().flatten() == Some((index, leaf)) {
                let moved = self.below(other, nodes)?;
                self.beside(&mut joined, moved, (index, leaf, other), nodes)?;
            }
        }
        Ok(joined)
    }

    /// Moves a table beside another by one join.
    fn beside(
        &self,
        joined: &mut Joined,
        moved: Joined,
        (index, stay, other): (usize, usize, usize),
        nodes: &mut Vec<Node>,
    ) -> Result<()> {
        let join = self.branch.joins.get(index).ok_or_else(missing)?;
        let offset = joined.columns.len();
        for (start, below) in joined.starts.iter_mut().zip(&moved.starts) {
            *start = start.or(below.map(|column| column + offset));
        }
        for (place, below) in joined.matches.iter_mut().zip(&moved.matches) {
            *place = place.or(below.map(|column| column + offset));
        }
        let encodings: Vec<Encoding> = moved.columns.iter().map(|def| def.encoding).collect();
        joined.columns.extend(moved.columns);
        *joined.matches.get_mut(index).ok_or_else(missing)? = Some(joined.columns.len());
        let range = Range { lo: 0, hi: 1 };
        for encoding in [Encoding::Bit, Encoding::Arithmetic(RingSize::Z64)] {
            joined.columns.push(ColumnDef { name: "match".into(), encoding, range });
        }
        let rows = staying_rows(join, stay, self.branch.leaves.get(stay).ok_or_else(missing)?);
        let multiplicity = if rows == 1 { Multiplicity::OneToOne } else { Multiplicity::ManyToOne };
        nodes.push(Node::HashedJoin(HashedJoin {
            stay: joined.node,
            stay_key: self.key(index, stay, rows)?,
            moved: moved.node,
            moved_key: self.key(index, other, 1)?,
            matching: self.matching((stay, other), join.left.inside, multiplicity, &encodings)?,
            multiplicity,
            normalised: join.normalised,
            columns: joined.columns.clone(),
        }));
        joined.node = NodeId(nodes.len() - 1);
        Ok(())
    }

    /// The cheaper of the ways to compare identifiers that both owners allow.
    fn matching(
        &self,
        (stay, moved): (usize, usize),
        inside: bool,
        multiplicity: Multiplicity,
        encodings: &[Encoding],
    ) -> Result<Matching> {
        let leaf = |index: usize| self.branch.leaves.get(index).ok_or_else(missing);
        let both = [leaf(stay)?, leaf(moved)?];
        let parties = both.map(|leaf| self.federation.parties.get(leaf.owner.0));
        let bounds = both.map(|leaf| usize::try_from(leaf.bound).unwrap_or(usize::MAX));
        let tables = JoinedTables {
            rows: both.map(|leaf| leaf.bound),
            seats: parties.map(|party| party.and_then(|party| party.seat)),
            encodings: encodings.to_vec(),
        };
        let mut possible =
            matchings(self.federation, both.map(|leaf| leaf.owner), both.map(|leaf| &leaf.tables), bounds);
        // How many rows a derived table has, and of whom, is nobody's business.
        if inside || both.iter().any(|leaf| leaf.whole.is_none()) {
            possible.retain(|matching| matches!(matching, Matching::Oblivious { .. }));
        }
        let seconds =
            |matching: &Matching| LinkSpeed::default().seconds(&tables.cost(*matching, multiplicity));
        possible.into_iter().min_by(|a, b| seconds(a).total_cmp(&seconds(b))).ok_or_else(missing)
    }

    fn key(&self, join: usize, leaf: usize, rows: u64) -> Result<JoinKey> {
        let source = self.branch.leaves.get(leaf).ok_or_else(missing)?;
        let of = self.branch.joins.get(join).ok_or_else(missing)?;
        let [left, right] = self.keys.get(join).ok_or_else(missing)?;
        let columns = if of.left.leaf == leaf { left } else { right };
        Ok(JoinKey {
            input: self.pieces.get(leaf).map(|piece| piece.input).ok_or_else(missing)?,
            columns: columns.clone(),
            name: self.key_name(source, &side_of(of, leaf).parts),
            max_rows: usize::try_from(rows).map_err(|_| missing())?,
        })
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

fn missing() -> Error {
    failure::internal("a join of no leaf")
}

//! The orders in which the tables of a join can be put together: which table stays in place, and by which equalities the
//! others are moved beside it. All give the same rows; which of them is cheapest is for whoever knows what is computed.
//!
//! Where `a.id = b.id` and `b.id = c.id`, the third equality holds too, so that any tree over the three will do: `c` may be
//! moved into the order of `b` and both into that of `a`, or each by itself.

use std::collections::BTreeSet;

use super::guard::match_of;
use super::rows::{Branch, KeyJoin, KeySide, Link, Presence, Relation};
use super::tree::{Tree, assumed, rooted, table_names, tree};
use crate::catalog::Federation;

/// No more orders of one join are compared: those of five tables in a chain of equal identifiers are more than 600.
const MOST: usize = 12;

/// Rows in one of the orders of their join.
pub(crate) struct Ordered {
    /// The rows.
    pub(crate) relation: Relation,
    /// The order in words.
    pub(crate) name: String,
}

/// The orders of the join of some rows, the one with the smallest table in place first. Orders that take more for granted
/// of identifiers than need be are left out. Rows of several branches, or that no order serves, are as they are.
pub(crate) fn orders(relation: &Relation, federation: &Federation) -> Vec<Ordered> {
    let as_it_is = || vec![Ordered { relation: relation.clone(), name: "as written".to_owned() }];
    let [branch] = relation.branches.as_slice() else { return as_it_is() };
    let Ok(first) = tree(branch, federation) else { return as_it_is() };
    if branch.leaves.len() < 2 || branch.once.is_some() {
        return as_it_is();
    }
    let least = assumed(branch, &first);
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let mut add = |branch: &Branch, tree: &Tree| {
        let above: Vec<Option<usize>> = tree.above.iter().map(|above| above.map(|(_, leaf)| leaf)).collect();
        if found.len() < MOST && seen.insert((tree.root, above)) {
            let name = describe(branch, tree, federation);
            let branch = Branch { root: Some(tree.root), ..branch.clone() };
            found.push(Ordered { relation: vec![branch].into(), name });
        }
    };
    add(branch, &first);
    for other in equivalent(branch) {
        for tree in (0..other.leaves.len()).filter_map(|root| rooted(&other, root)) {
            if assumed(&other, &tree) <= least {
                add(&other, &tree);
            }
        }
    }
    found
}

/// The branch, and the same with the equalities of three or more tables' identifiers told by each of them in turn.
fn equivalent(branch: &Branch) -> Vec<Branch> {
    let mut all = vec![branch.clone()];
    for class in classes(branch) {
        let before = all.clone();
        for centre in &class.sides {
            let others = class.sides.iter().filter(|side| side.leaf != centre.leaf);
            let pairs: Vec<(usize, &KeySide)> = class.joins.iter().copied().zip(others).collect();
            let owner = |side: &KeySide| branch.leaves.get(side.leaf).map(|leaf| leaf.owner);
            if pairs.iter().any(|(_, side)| owner(side) == owner(centre)) {
                continue;
            }
            for known in &before {
                let mut other = known.clone();
                for (join, side) in &pairs {
                    if let Some(join) = other.joins.get_mut(*join) {
                        join.left = centre.clone();
                        join.right = (*side).clone();
                    }
                }
                all.push(other);
            }
        }
    }
    all
}

/// Identifiers of three or more tables that inner joins make equal.
struct Class {
    /// One of each table.
    sides: Vec<KeySide>,
    /// The joins that say so: one fewer.
    joins: Vec<usize>,
    normalised: bool,
}

fn classes(branch: &Branch) -> Vec<Class> {
    let same = |a: &KeySide, b: &KeySide| a.leaf == b.leaf && a.parts == b.parts;
    let named = matches_named(branch);
    let inner = |(index, join): &(usize, &KeyJoin)| join.link == Link::Required && !named.contains(index);
    let mut classes: Vec<Class> = Vec::new();
    for (index, join) in branch.joins.iter().enumerate().filter(inner) {
        let sides = [join.left.clone(), join.right.clone()];
        let mut merged = Class { sides: sides.to_vec(), joins: vec![index], normalised: join.normalised };
        let mut rest = Vec::new();
        for class in classes {
            let meets = class.normalised == join.normalised
                && class.sides.iter().any(|known| sides.iter().any(|side| same(known, side)));
            if !meets {
                rest.push(class);
                continue;
            }
            for side in class.sides {
                if !merged.sides.iter().any(|known| same(known, &side)) {
                    merged.sides.push(side);
                }
            }
            merged.joins.extend(class.joins);
        }
        rest.push(merged);
        classes = rest;
    }
    // A table with two of the identifiers compares them itself.
    let plain = |class: &Class| {
        let leaves: BTreeSet<usize> = class.sides.iter().map(|side| side.leaf).collect();
        leaves.len() == class.sides.len() && class.joins.len() + 1 == leaves.len() && leaves.len() > 2
    };
    classes.retain(plain);
    for class in &mut classes {
        class.joins.sort_unstable();
        class.sides.sort_by_key(|side| side.leaf);
    }
    classes
}

/// The joins whose matches are named by conditions or columns.
fn matches_named(branch: &Branch) -> BTreeSet<usize> {
    let guards = branch.presence.iter().filter_map(|presence| match presence {
        Presence::Where(guard) => Some(guard),
        Presence::Absent { found, .. } => Some(found),
        Presence::Always | Presence::Nowhere => None,
    });
    let all = branch.columns.iter().chain(&branch.filters).chain(&branch.absences).chain(guards);
    all.flat_map(|expr| expr.column_refs().into_iter().filter_map(match_of).collect::<Vec<_>>()).collect()
}

/// `a.t stays, with b.u and (c.v with d.w) beside it`.
fn describe(branch: &Branch, tree: &Tree, federation: &Federation) -> String {
    fn below(branch: &Branch, tree: &Tree, federation: &Federation, leaf: usize) -> (String, Vec<String>) {
        let own = branch.leaves.get(leaf).map_or_else(String::new, |leaf| table_names(leaf, federation));
        let is_below =
            |other: &usize| tree.above.get(*other).copied().flatten().is_some_and(|(_, above)| above == leaf);
        let moved = (0..branch.leaves.len()).filter(is_below).map(|other| {
            match below(branch, tree, federation, other) {
                (name, with) if with.is_empty() => name,
                (name, with) => format!("({name} with {})", with.join(" and ")),
            }
        });
        (own, moved.collect())
    }
    let (stays, moved) = below(branch, tree, federation, tree.root);
    format!("{stays} stays, {} beside it", moved.join(" and "))
}

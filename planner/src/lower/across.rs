//! Two tables of several owners side by side: the identifiers by which they are joined, and the conditions beside.
#![expect(clippy::wildcard_enum_match_arm, reason = "only two shapes of expressions are keys")]

use std::ops::Range;

use datafusion::common::DFSchema;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, Join, Operator, binary_expr};

use super::failure;
use super::guard::{match_of, matched, parts as guard_parts};
use super::pad::pad;
use super::rows::{Branch, KeyJoin, KeySide, Link, Presence, leaves_of, place, replace, symbol};
use super::secret::{secret, secret_of};
use crate::Result;
use crate::catalog::{Federation, Use};
use crate::function::hashed::HASHED;

/// The condition of a join, between a first and a second side: left and right, or right and left.
#[derive(Clone, Debug)]
pub(crate) struct On {
    pairs: Vec<(Expr, Expr)>,
    conditions: Vec<Expr>,
    first: DFSchema,
    second: DFSchema,
    /// Of the left and right side.
    both: DFSchema,
    flipped: bool,
}

impl On {
    /// The condition of a join, with its left side first.
    pub(crate) fn of(join: &Join) -> Result<On> {
        let (first, second) = (join.left.schema().as_ref().clone(), join.right.schema().as_ref().clone());
        let both = first.join(&second).map_err(|error| failure::engine(&error))?;
        let conditions = join.filter.iter().flat_map(split_conjunction).cloned().collect();
        Ok(On { pairs: join.on.clone(), conditions, first, second, both, flipped: false })
    }

    /// The same condition with the right side first.
    pub(crate) fn flipped(&self) -> On {
        On {
            pairs: self.pairs.iter().map(|(a, b)| (b.clone(), a.clone())).collect(),
            first: self.second.clone(),
            second: self.first.clone(),
            flipped: !self.flipped,
            ..self.clone()
        }
    }

    /// What must be equal, over the columns of two branches, each by itself.
    pub(crate) fn equalities(&self, first: &Branch, second: &Branch) -> Result<Vec<(Expr, Expr)>> {
        self.over(&first.columns, &second.columns)
    }

    fn over(&self, first: &[Expr], second: &[Expr]) -> Result<Vec<Equal>> {
        let mut pairs = Vec::new();
        for (a, b) in &self.pairs {
            let a = replace(a, &|column| first.get(self.first.index_of_column(column).ok()?).cloned())?;
            let b = replace(b, &|column| second.get(self.second.index_of_column(column).ok()?).cloned())?;
            pairs.push((a, b));
        }
        Ok(pairs)
    }

    /// The conditions beside, over the columns of both sides.
    pub(crate) fn others(&self, first: &[Expr], second: &[Expr]) -> Result<Vec<Expr>> {
        let (left, right) = if self.flipped { (second, first) } else { (first, second) };
        let over = |condition: &Expr| {
            replace(condition, &|column| {
                let index = self.both.index_of_column(column).ok()?;
                index.checked_sub(left.len()).map_or(left.get(index), |index| right.get(index)).cloned()
            })
        };
        self.conditions.iter().map(over).collect()
    }

    /// The columns of the second side.
    pub(crate) fn second(&self) -> &DFSchema {
        &self.second
    }
}

/// Two branches put into one, with what the join asks of their rows still apart.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    /// All leaves, joins and columns, the first side's first; filters and absences are those of the first side.
    pub(crate) branch: Branch,
    /// How many columns the first side has.
    pub(crate) width: usize,
    /// The leaves of the second side.
    pub(crate) leaves: Range<usize>,
    /// The joins inside the second side.
    pub(crate) joins: Range<usize>,
    /// The join of the two.
    pub(crate) key: usize,
    /// What rows of the second side must meet.
    pub(crate) filters: Vec<Expr>,
    /// What a pair of rows must meet, beside equal identifiers.
    pub(crate) conditions: Vec<Expr>,
}

/// Puts two branches side by side, joined on identifiers.
///
/// # Errors
/// Invalid ("not built") for a condition without an identifier of two owners; internal for our bugs.
pub(crate) fn pair(first: &Branch, second: &Branch, on: &On, federation: &Federation) -> Result<Pair> {
    let mut branch = first.clone();
    let (width, leaf_shift, join_shift) = (branch.columns.len(), branch.leaves.len(), branch.joins.len());
    let second = shifted(second, (leaf_shift, join_shift, branch.secrets.len()))?;
    if second.once.is_some() || branch.once.is_some() {
        return Err(failure::once());
    }
    if !second.absences.is_empty() && !branch.absences.is_empty() {
        return Err(failure::not_built("a join across owners of two tables with NOT IN or NOT EXISTS each"));
    }
    branch.leaves.extend(second.leaves);
    branch.joins.extend(second.joins);
    branch.presence.extend(second.presence);
    branch.absences.extend(second.absences);
    branch.secrets.extend(second.secrets);
    let mut conditions = Vec::new();
    let pairs = on.over(&first.columns, &second.columns)?.into_iter();
    let pairs: Vec<Equal> =
        pairs.map(|(a, b)| (unguarded(a, &mut conditions), unguarded(b, &mut conditions))).collect();
    conditions.extend(on.others(&first.columns, &second.columns)?);
    branch.columns.extend(second.columns);
    let (key, rest) = identifiers(&branch, pairs, leaf_shift, federation)?;
    conditions.extend(rest.into_iter().map(|(a, b)| binary_expr(a, Operator::Eq, b)));
    let mut filters = second.filters;
    let found = pad(&mut branch, &key.left, federation)?;
    branch.filters.extend(found);
    filters.extend(pad(&mut branch, &key.right, federation)?);
    branch.joins.push(key);
    let (leaves, joins) = (leaf_shift..branch.leaves.len(), join_shift..branch.joins.len() - 1);
    let key = branch.joins.len() - 1;
    Ok(Pair { branch, width, leaves, joins, key, filters, conditions })
}

/// A branch whose leaves, joins, absences and secret values are counted from elsewhere on.
fn shifted(branch: &Branch, (leaves, joins, secrets): (usize, usize, usize)) -> Result<Branch> {
    let moved = |expr: &Expr| {
        replace(expr, &|column| {
            if let Some(join) = match_of(column) {
                return Some(matched(join + joins));
            }
            if let Some(index) = secret_of(column) {
                return Some(secret(index + secrets));
            }
            let (leaf, index) = place(column)?;
            let (_, name) = column.name.split_once(':')?;
            Some(symbol(leaf + leaves, index, name))
        })
    };
    let all = |exprs: &[Expr]| exprs.iter().map(moved).collect::<Result<Vec<_>>>();
    let side = |side: &KeySide| -> Result<KeySide> {
        Ok(KeySide { leaf: side.leaf + leaves, parts: all(&side.parts)?, inside: side.inside })
    };
    let join = |join: &KeyJoin| -> Result<KeyJoin> {
        Ok(KeyJoin { left: side(&join.left)?, right: side(&join.right)?, ..join.clone() })
    };
    let presence = |presence: &Presence| {
        Ok(match presence {
            Presence::Where(guard) => Presence::Where(moved(guard)?),
            Presence::Absent { number, found } => Presence::Absent { number: *number, found: moved(found)? },
            Presence::Always | Presence::Nowhere => presence.clone(),
        })
    };
    Ok(Branch {
        leaves: branch.leaves.clone(),
        joins: branch.joins.iter().map(join).collect::<Result<_>>()?,
        columns: all(&branch.columns)?,
        filters: all(&branch.filters)?,
        absences: all(&branch.absences)?,
        presence: branch.presence.iter().map(presence).collect::<Result<_>>()?,
        once: branch.once.as_ref().map(moved).transpose()?,
        root: None,
        secrets: branch.secrets.clone(),
    })
}

/// The plain column of a guarded one, whose guard becomes a condition: NULL is equal to nothing. An identifier with a part
/// that is NULL is NULL.
fn unguarded(expr: Expr, conditions: &mut Vec<Expr>) -> Expr {
    if parts(&expr).is_some()
        && let Expr::ScalarFunction(mut function) = expr
    {
        let all = function.args.into_iter();
        function.args = all.map(|part| unguarded(part, conditions)).collect();
        return Expr::ScalarFunction(function);
    }
    match guard_parts(&expr) {
        Some((guard, column)) => {
            conditions.push(guard.clone());
            column.clone()
        }
        None => expr,
    }
}

/// Equal expressions.
type Equal = (Expr, Expr);

/// Chooses the identifier of a join; the other equalities are left as conditions.
/// Leaves from `second` on are the second side's.
fn identifiers(
    branch: &Branch,
    pairs: Vec<Equal>,
    second: usize,
    federation: &Federation,
) -> Result<(KeyJoin, Vec<Equal>)> {
    let of_one_owner = |a: usize, b: usize| {
        let owner = |leaf: usize| branch.leaves.get(leaf).map(|leaf| leaf.owner);
        owner(a) == owner(b)
    };
    let (mut key, rest) = hashed_identifier(branch, pairs, second)?;
    if let Some(key) = key {
        return Ok((key, rest));
    }
    let (mut others, mut of_one) = (Vec::new(), Vec::new());
    for (l, r) in rest {
        let Some((a, b)) = of_two(&l, &r, second)
            .filter(|_| may_join(branch, &l, federation) && may_join(branch, &r, federation))
        else {
            others.push((l, r));
            continue;
        };
        if of_one_owner(a, b) {
            of_one.push((l, r));
            continue;
        }
        match &mut key {
            None => {
                let (left, right) = (KeySide::of(a, vec![l]), KeySide::of(b, vec![r]));
                key = Some(KeyJoin { left, right, normalised: false, link: Link::Required });
            }
            Some(key) if key.left.leaf == a && key.right.leaf == b => {
                key.left.parts.push(l);
                key.right.parts.push(r);
            }
            Some(_) => others.push((l, r)),
        }
    }
    for (l, r) in of_one {
        let sides = leaves_of(&l)
            .first()
            .zip(leaves_of(&r).first())
            .map(|(a, b)| (KeySide::of(*a, vec![l.clone()]), KeySide::of(*b, vec![r.clone()])));
        match (sides.and_then(|sides| apart(branch, sides, false)), &key) {
            (Some((left, right)), None) => {
                key = Some(KeyJoin { left, right, normalised: false, link: Link::Required });
            }
            _ => others.push((l, r)),
        }
    }
    if let Some(key) = key {
        return Ok((key, others));
    }
    compared_inside(branch, others, second, federation)
}

/// Values of two owners that are no identifiers, compared inside, as in a condition.
fn compared_inside(
    branch: &Branch,
    pairs: Vec<Equal>,
    second: usize,
    federation: &Federation,
) -> Result<(KeyJoin, Vec<Equal>)> {
    let sides = |(l, r): &Equal| {
        let (a, b) = of_two(l, r, second)?;
        let owner = |leaf: usize| branch.leaves.get(leaf).map(|leaf| leaf.owner);
        let of_columns = |expr: &Expr| {
            expr.column_refs()
                .into_iter()
                .all(|column| may(branch, &Expr::Column(column.clone()), federation, Use::Filter))
        };
        let asked = of_columns(l) && of_columns(r);
        (asked && owner(a) != owner(b)).then_some((a, b))
    };
    let leaves = pairs.iter().find_map(sides).ok_or_else(not_joined)?;
    let (same, rest): (Vec<Equal>, Vec<Equal>) =
        pairs.into_iter().partition(|pair| sides(pair) == Some(leaves));
    let (left, right): (Vec<Expr>, Vec<Expr>) = same.into_iter().unzip();
    let key = KeyJoin {
        left: KeySide { leaf: leaves.0, parts: left, inside: true },
        right: KeySide { leaf: leaves.1, parts: right, inside: true },
        normalised: false,
        link: Link::Required,
    };
    Ok((key, rest))
}

/// The leaves of an equality of one leaf of each side.
fn of_two(l: &Expr, r: &Expr, second: usize) -> Option<(usize, usize)> {
    let (a, b) = (leaves_of(l), leaves_of(r));
    let (Some(&a), Some(&b), 1, 1) = (a.first(), b.first(), a.len(), b.len()) else { return None };
    (a < second && b >= second).then_some((a, b))
}

/// The identifier that is `HASHED`, if one is, and the other equalities.
fn hashed_identifier(
    branch: &Branch,
    pairs: Vec<Equal>,
    second: usize,
) -> Result<(Option<KeyJoin>, Vec<Equal>)> {
    let mut key: Option<KeyJoin> = None;
    let mut rest = Vec::new();
    for (l, r) in pairs {
        let hashed = (parts(&l), parts(&r));
        match (of_two(&l, &r, second), hashed, &mut key) {
            (Some((a, b)), (Some(x), Some(y)), None) => {
                if x.len() != y.len() {
                    return Err(failure::invalid("HASHED has as many parts on both sides of an equality"));
                }
                let (left, right) = (KeySide::of(a, x), KeySide::of(b, y));
                let (left, right) = apart(branch, (left, right), true).ok_or_else(not_joined)?;
                key = Some(KeyJoin { left, right, normalised: true, link: Link::Required });
            }
            (_, (Some(_), _) | (_, Some(_)), _) => {
                return Err(failure::not_built(
                    "several HASHED conditions in one join, or HASHED of one owner's rows",
                ));
            }
            _ => rest.push((l, r)),
        }
    }
    Ok((key, rest))
}

fn not_joined() -> crate::Error {
    failure::not_built(
        "a join across owners without an equality of identifiers (HASHED(a) = HASHED(b), or columns that allow `join`)",
    )
}

/// Sides of a join of two owners: the given ones, or, where these are of one owner, one of them and another owner's
/// identifier to which the other is equal in all rows that count.
fn apart(branch: &Branch, (left, right): (KeySide, KeySide), normalised: bool) -> Option<(KeySide, KeySide)> {
    let owner = |side: &KeySide| branch.leaves.get(side.leaf).map(|leaf| leaf.owner);
    if owner(&left) != owner(&right) {
        return Some((left, right));
    }
    let equal = |to: &KeySide| {
        let joins =
            branch.joins.iter().filter(|join| join.link == Link::Required && join.normalised == normalised);
        let mut sides = joins.flat_map(|join| [(&join.left, &join.right), (&join.right, &join.left)]);
        let same = |side: &KeySide| side.leaf == to.leaf && side.parts == to.parts;
        sides.find(|(here, there)| same(here) && owner(there) != owner(to)).map(|(_, there)| there.clone())
    };
    if let Some(other) = equal(&right) {
        return Some((left, other));
    }
    equal(&left).map(|other| (other, right))
}

/// The arguments of HASHED.
fn parts(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::ScalarFunction(function) if function.name().eq_ignore_ascii_case(HASHED) => {
            Some(function.args.clone())
        }
        _ => None,
    }
}

/// Whether an expression is a column that allows `join`.
fn may_join(branch: &Branch, expr: &Expr, federation: &Federation) -> bool {
    may(branch, expr, federation, Use::Join)
}

/// Whether an expression is a column that allows a use.
fn may(branch: &Branch, expr: &Expr, federation: &Federation, wanted: Use) -> bool {
    let inner = match expr {
        Expr::Cast(cast) => cast.expr.as_ref(),
        other => other,
    };
    let Expr::Column(column) = inner else { return false };
    let allowed = || {
        let (leaf, index) = place(column)?;
        let leaf = branch.leaves.get(leaf)?;
        let origin = leaf.origins.get(index).copied()??;
        let table = federation.parties.get(leaf.owner.0)?.tables.get(origin.table)?;
        let allow = &table.columns.get(origin.column)?.allow;
        Some(allow.contains(&wanted) || allow.contains(&Use::Public))
    };
    allowed().unwrap_or(false)
}

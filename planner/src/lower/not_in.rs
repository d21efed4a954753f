//! NOT IN across owners, with SQL's NULLs.

use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, Join, LogicalPlan, LogicalPlanBuilder, lit};

use super::beside::found_at_owner;
use super::failure;
use super::infer::infer;
use super::leaf::owners;
use super::outer::Sides;
use super::rows::Branch;
use super::secret::{Secret, secret};
use crate::Result;
use crate::plan::PartyId;

impl Sides<'_> {
    /// NOT IN, which is NULL beside a NULL: the rows without a partner, if the right side has no NULL, and without a NULL of
    /// their own, unless the right side is empty.
    ///
    /// Whether the right side has a NULL, or a row at all, are values that nobody learns. Where its owners withhold numbers
    /// of few people, one NULL must not decide, and an answer with nobody of the right side behind it is withheld anyway.
    pub(super) fn not_in(&self, first: &[Branch], second: &[Branch], join: &Join) -> Result<Vec<Branch>> {
        let mut branches = Vec::new();
        for f in first {
            let nulls = self.nulls_of(f, second)?;
            let mut all = self.anti(std::slice::from_ref(f), second)?;
            if nulls.left.is_some() || nulls.right {
                self.settle(f, second, &nulls, join, &mut all)?;
            }
            branches.extend(all);
        }
        Ok(branches)
    }

    /// The rows that NOT IN keeps where a NULL may stand on either side.
    fn settle(
        &self,
        first: &Branch,
        second: &[Branch],
        nulls: &Nulls,
        join: &Join,
        branches: &mut [Branch],
    ) -> Result<()> {
        let ([(_, y)], None) = (join.on.as_slice(), &join.filter) else {
            return Err(failure::not_built(
                "NOT IN across owners on columns that may be NULL, with a condition over both sides",
            ));
        };
        let party = |owner: &PartyId| self.federation.parties.get(owner.0);
        let withholds =
            owners(&join.right)?.iter().filter_map(party).any(|party| party.release.min_people > 1);
        if withholds {
            let mut at_owner = false;
            for s in second {
                at_owner |= found_at_owner(first, s, self.on)?.is_some();
            }
            if nulls.right || at_owner {
                return Err(one_null());
            }
        }
        let count = |rows: LogicalPlanBuilder| {
            let counted = rows.aggregate(Vec::<Expr>::new(), vec![count(lit(1_i64)).alias("rows")]);
            counted.and_then(LogicalPlanBuilder::build).map_err(|error| failure::engine(&error))
        };
        let right = || LogicalPlanBuilder::from(join.right.as_ref().clone());
        for branch in branches {
            let mut none = |plan: &LogicalPlan| -> Result<Expr> {
                branch.secrets.push(Secret::of_plan(plan, self.federation)?);
                Ok(secret(branch.secrets.len() - 1).eq(lit(0_i64)))
            };
            let mut conditions = Vec::new();
            if nulls.right {
                let of_nulls =
                    right().filter(y.clone().is_null()).map_err(|error| failure::engine(&error))?;
                conditions.push(none(&count(of_nulls)?)?);
            }
            if let Some(x) = &nulls.left {
                let known = x.clone().is_not_null();
                conditions.push(if withholds { known } else { known.or(none(&count(right())?)?) });
            }
            branch.filters.extend(conditions);
        }
        Ok(())
    }

    /// Where a NULL may stand beside NOT IN: conditions `IS NOT NULL` on the right side keep it away.
    fn nulls_of(&self, first: &Branch, second: &[Branch]) -> Result<Nulls> {
        let mut nulls = Nulls { left: None, right: false };
        for s in second {
            for (x, y) in self.on.equalities(first, s)? {
                let known = |branch: &Branch, expr: &Expr| {
                    let is_known =
                        |filter: &Expr| matches!(filter, Expr::IsNotNull(inner) if **inner == *expr);
                    Ok::<_, crate::Error>(
                        !infer(expr, &branch.scope()?)?.nullable || branch.filters.iter().any(is_known),
                    )
                };
                nulls.right |= !known(s, &y)?;
                if !known(first, &x)? {
                    nulls.left = Some(x);
                }
            }
        }
        Ok(nulls)
    }
}

/// Where a NULL may stand beside NOT IN.
struct Nulls {
    /// The expression on the left that may be NULL.
    left: Option<Expr>,
    /// Whether one on the right may be.
    right: bool,
}

fn one_null() -> crate::Error {
    let mut error = failure::refused(
        "NOT IN over a column that may be NULL is decided by a single row: one NULL among the other owner's rows makes every \
         answer NULL, which tells about one person",
    );
    error.hint = Some(
        "WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.id = a.id), or NOT IN (SELECT id FROM b WHERE id IS NOT NULL) where the \
         column allows `filter`"
            .into(),
    );
    error
}

//! What may leave, and what each column may be used for: decided on the query alone, before any data is read.
//!
//! The check walks the logical plan as it was written (before any optimiser rule) from the tables up, and carries for
//! every column where its values come from (`lineage.rs`):
//!
//! - rows of a table are `Kind::Rows`; a GROUP BY over keys that their owners allow to `group`, and a
//!   table function, turn rows into a released relation; SQL over that is free. Whatever is still rows at the outermost
//!   query is refused (`verdict.rs`);
//! - where a column is used up (an aggregate, a condition, a join, a key, a model) its owner must allow that use
//!   (`uses.rs`). What a derived table computes and nobody reads is not a use;
//! - what would carry one person's values past the count of people is refused as row-level too: a row in place of a
//!   value (scalar subqueries, windows), the mere presence of a row (EXISTS without a link), one row repeated beside
//!   others (tables of one owner without an equality between them), an inner aggregate inside an outer one.
//!
//! The check knows nothing of what is built: what is allowed but cannot run is for the lowering to say.

mod aggregate;
mod expression;
mod function;
mod join;
mod lineage;
mod position;
mod relation;
mod subquery;
#[cfg(test)]
mod tests;
mod uses;
mod verdict;

use std::collections::BTreeSet;

use datafusion::logical_expr::LogicalPlan;

use crate::catalog::Federation;
use crate::error::{Class, Error, Result};
use crate::plan::PartyId;
use crate::session::Session;

use lineage::Base;

/// Checks a query's logical plan, unoptimised, against the policies of all owners that it reads.
///
/// `sql` is the statement's text; positions of errors are looked up in it.
///
/// # Errors
/// [`Class::Refused`]: something row-level would leave, a use is not allowed, or the analyst is no recipient.
/// [`Class::Internal`]: the plan does not fit the federation.
pub fn check(federation: &Federation, session: &Session, sql: &str, raw: &LogicalPlan) -> Result<()> {
    let mut checker = Checker { federation, session, sql, scans: 0, used: BTreeSet::new(), sought: 0 };
    let root = checker.relation(raw, None)?;
    checker.verdict(&root, raw)
}

/// The state of one check.
struct Checker<'a> {
    federation: &'a Federation,
    session: &'a Session,
    sql: &'a str,
    /// Scans met so far.
    scans: usize,
    /// Base columns that some use was demanded of.
    used: BTreeSet<Base>,
    /// How many IN and EXISTS are around: what is sought in there is not put out, and HAVING may use any aggregate.
    sought: usize,
}

impl Checker<'_> {
    /// The session's analyst must be one to whom an owner releases results.
    fn require_recipient(&self, owner: PartyId) -> Result<()> {
        let party = &self.federation.parties[owner.0];
        match recipient_refusal(party, &self.session.analyst) {
            None => Ok(()),
            Some(message) => Err(Error {
                class: Class::Refused,
                message,
                hint: Some(format!("Ask {} to add the analyst to `recipients` of its policy.", party.name)),
                position: position::of_name(&party.name, self.sql),
            }),
        }
    }
}

/// Why a party's results may not go to an analyst, if they may not.
pub(crate) fn recipient_refusal(party: &crate::catalog::Party, analyst: &str) -> Option<String> {
    let recipients = &party.release.recipients;
    if recipients.iter().any(|name| name == "*" || name == analyst) {
        return None;
    }
    let listed = if recipients.is_empty() { "nobody".to_owned() } else { recipients.join(", ") };
    Some(format!("{} releases no results to analyst {analyst}: its recipients are {listed}", party.name))
}

//! The place where products are checked before anything is opened.
//!
//! Every product of a query is made by one relation, `bilinear` of [`super::product`] over a ring or its twin on planes.
//! An opening consumes a [`Verified`] token, and only [`verify`] makes one. In the semi-honest suite the check is
//! free. A malicious suite will record the relations in the context, check them here in one batch (Boneh, Boyle,
//! Corrigan-Gibbs, Gilboa and Ishai, CRYPTO 2019), and abort instead of returning the token.

use crate::{Context, Result};

/// Says that all products made so far in this query are right. Spent by an opening.
#[derive(Debug)]
#[must_use]
pub struct Verified(());

/// Checks all products made so far.
///
/// Cost: none, in the semi-honest suite.
///
/// # Errors
/// [`crate::Error::Abort`] in a suite that checks.
pub async fn verify(_ctx: &Context) -> Result<Verified> {
    Ok(Verified(()))
}

//! `conjoin flight` and `--flight`: the Flight SQL endpoint.

use super::not_built;
use crate::cli::Flight;
use crate::error::Failure;

pub(super) fn run(_command: &Flight) -> Failure {
    refused()
}

/// The refusal of `--flight` as well.
pub(super) fn refused() -> Failure {
    not_built("the Flight SQL endpoint").with_hint("use `conjoin run` or `conjoin shell`")
}

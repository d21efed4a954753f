//! The errors of this stage.

use crate::{Class, Error};

/// A construct that later versions may have.
pub(crate) fn not_built(what: impl std::fmt::Display) -> Error {
    Error { class: Class::Invalid, message: format!("not built yet: {what}"), hint: None, position: None }
}

/// Rows that IN or EXISTS finds several partners for, used for more than counting them once.
pub(crate) fn once() -> Error {
    not_built(
        "IN or EXISTS over rows of several owners, of which several may have the same identifier, for more than COUNT(*), \
         COUNT(DISTINCT x), MIN and MAX",
    )
}

/// A correlated scalar subquery that is neither written out for each value nor joined.
pub(crate) fn open_lookup() -> Error {
    Error {
        hint: Some(
            "aggregate one owner's table, WHERE a column of it = a column around it (both allow `filter`); or compare with a \
             column that declares `values`; or join an aggregate per identifier: JOIN (SELECT id, AVG(x) AS x FROM t GROUP BY id)"
                .into(),
        ),
        ..not_built(
            "a scalar subquery over several owners' rows, or with other conditions than equalities, that depends on columns \
             around it whose domains are not closed",
        )
    }
}

/// The query does not make sense.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error { class: Class::Invalid, message: message.into(), hint: None, position: None }
}

/// Numbers whose range is not known to fit.
pub(crate) fn bounds(what: impl std::fmt::Display) -> Error {
    Error {
        class: Class::Refused,
        message: format!("the range of {what} cannot be proved to fit"),
        hint: Some("declare bounds: narrower `bounds`, or `values`, for the columns in it".into()),
        position: None,
    }
}

/// Numbers of so different sizes that no step tells the small ones from 0.
pub(crate) fn resolution(what: impl std::fmt::Display) -> Error {
    Error {
        class: Class::Refused,
        message: format!(
            "the values of {what} may be of too different sizes: in steps that leave room for the largest, the smallest \
             would be 0"
        ),
        hint: Some(
            "declare narrower `bounds` for the columns in it, or take a root or the logarithm of it".into(),
        ),
        position: None,
    }
}

/// Something that would hand out rows.
pub(crate) fn refused(message: impl Into<String>) -> Error {
    Error { class: Class::Refused, message: message.into(), hint: None, position: None }
}

/// A condition whose persons cannot be counted, because its owner computes it inside a query of its own.
pub(crate) fn hidden_condition(what: &str) -> Error {
    Error {
        class: Class::Refused,
        message: format!(
            "{what} holds a condition inside a derived table whose branches would each need enough people, who cannot be \
             counted there"
        ),
        hint: Some(
            "let all branches but one give 0 or NULL (CASE WHEN ... THEN x ELSE 0 END), or put the condition around the \
             aggregate or into WHERE"
                .into(),
        ),
        position: None,
    }
}

/// An aggregate over several persons that decides something, whose persons cannot be counted there.
pub(crate) fn uncounted(why: &str) -> Error {
    Error {
        class: Class::Refused,
        message: format!(
            "only aggregates of enough people leave the federation: a condition depends on an aggregate in a subquery, and \
             its people cannot be counted: {why}"
        ),
        hint: Some("ask for the inner aggregate first, and write its value into the condition".into()),
        position: None,
    }
}

/// A window that holds what rows of several persons say.
pub(crate) fn mixing_window(what: &str) -> Error {
    Error {
        class: Class::Refused,
        message: format!(
            "only aggregates leave the federation: the window function {what} gives rows values of other people's rows"
        ),
        hint: Some("PARTITION BY the column that says whose record a row is".into()),
        position: None,
    }
}

/// Rows of a derived table that do not say whose records they are made of; why.
pub(crate) fn persons_lost(why: &str) -> Error {
    Error {
        class: Class::Refused,
        message: format!(
            "only aggregates of enough people leave the federation: the people behind a number cannot be counted where {why}"
        ),
        hint: Some(
            "keep the column that says whose record a row is: SELECT it in the derived table, GROUP BY it there, in every one \
             of several grouping sets, and join an owner's tables on it"
                .into(),
        ),
        position: None,
    }
}

/// Our bug.
pub(crate) fn internal(message: impl Into<String>) -> Error {
    Error { class: Class::Internal, message: message.into(), hint: None, position: None }
}

/// DataFusion refused something that it had accepted before.
pub(crate) fn engine(error: &datafusion::error::DataFusionError) -> Error {
    internal(format!("the engine refused a plan: {}", error.strip_backtrace()))
}

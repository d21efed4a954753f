//! Table functions: a table of results from the rows of a query.
//!
//! ```text
//! SELECT * FROM LASSO(cohort, target => 'days', alpha => 0.1)
//!    call.rs           names and constants against the function's [`Spec`]; defaults filled in
//!    bind/relation     columns found in the planned rows, their types checked: a [`TableFunction`] node
//!    release_check     every column allows what its parameter uses it for (`model`, `group`, ...)
//!    expansion.rs      (i) functions that are SQL: the node becomes aggregates and a clear stage
//!    lower/model       (ii), (iii) models: a node of the secure plan
//! ```
//!
//! # How to add a function
//! One file here (a family may share one) with a `pub(super) const NAME: Spec`, one line in [`FUNCTIONS`]. The rest follows from
//! the [`Spec`]: argument names, types, defaults and the errors about them, uses that policies must allow, the
//! result's columns, `SHOW FUNCTIONS`, `DESCRIBE FUNCTION`. The tests here demand of every function that its texts are
//! complete and that its example plans; those of the shell run the examples on the demo's data.
//!
//! How a function is computed is its [`Lowering`]:
//!
//! 1. [`Lowering::Expansion`]: a plan over the function's input. Below a [`Boundary`] it is made of aggregates over the rows (as
//!    SQL would plan them, release gate and persons included); what is below the boundary is released *as it stands*, and
//!    what is above runs at the analyst. So below it there may be only what the documented outputs determine: a
//!    variance that a t statistic, its degrees of freedom and two means determine may be released, the number of
//!    events behind a p-value alone may not. `crosstab.rs` is an example.
//!    p-values and intervals come from the scalar functions of [`distribution`], which run above the boundary only.
//! 2. [`Lowering::Model`]: a node of the secure plan on sufficient statistics of the rows, or on the rows themselves,
//!    see `lower/model.rs`. What it reveals is its outputs, each of them under the gate of models.
//! 3. [`Lowering::Statistic`]: sums per cell of closed keys and grids and arithmetic on these cells, see
//!    `lower/statistic`. What it reveals are numbers that the documented outputs determine.
//!
//! # Defaults
//! Arguments that nobody has to write, with their defaults, stand in each [`Spec`] (`DESCRIBE FUNCTION` shows them). The limits of
//! the gate of models are in [`limits`].

mod arguments;
mod boundary;
mod comparison;
mod correlation;
mod cox;
mod crosstab;
mod description;
pub mod distribution;
mod expansion;
mod independence;
mod join_size;
pub mod limits;
mod node;
mod rank_test;
mod regression;
mod spec;
mod standardized_rate;
mod survival;
#[cfg(test)]
mod tests;

pub use arguments::{Arguments, Number, Value, Variable};
pub use boundary::Boundary;
pub(crate) use expansion::{expand, rows_of};
pub use node::TableFunction;
pub use spec::{ColumnType, Holds, Kind, Lowering, Parameter, Part, Preset, Spec, Statistic};

use crate::nearest::same_name;

/// All table functions, sorted by name.
pub const FUNCTIONS: &[&Spec] = &[
    &comparison::ANOVA,
    &independence::CHI2_TEST,
    &correlation::CORRELATION,
    &correlation::COVARIANCE,
    &cox::COX,
    &cox::COX_SUMMARY,
    &crosstab::CROSSTAB,
    &description::DESCRIBE_STATS,
    &regression::ELASTIC_NET,
    &regression::ELASTIC_NET_SUMMARY,
    &independence::FISHER_TEST,
    &description::HISTOGRAM,
    &join_size::JOIN_SIZE,
    &survival::KAPLAN_MEIER,
    &rank_test::KRUSKAL,
    &regression::LASSO,
    &regression::LASSO_PATH,
    &regression::LASSO_SUMMARY,
    &regression::LINEAR_REGRESSION,
    &regression::LINEAR_REGRESSION_SUMMARY,
    &regression::LOGISTIC_REGRESSION,
    &regression::LOGISTIC_REGRESSION_SUMMARY,
    &survival::LOGRANK,
    &rank_test::MANN_WHITNEY,
    &comparison::MEAN_DIFFERENCE,
    &survival::MEDIAN_SURVIVAL,
    &regression::POISSON_REGRESSION,
    &regression::POISSON_REGRESSION_SUMMARY,
    &description::QUANTILES,
    &regression::RIDGE,
    &regression::RIDGE_SUMMARY,
    &standardized_rate::STANDARDIZED_RATE,
    &survival::SURVIVAL_AT,
    &comparison::T_TEST,
];

/// The function of this name.
pub fn find(name: &str) -> Option<&'static Spec> {
    FUNCTIONS.iter().copied().find(|spec| same_name(spec.name, name))
}

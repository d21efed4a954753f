//! `COX`: proportional hazards.

use super::regression::{CATEGORICAL, FEATURES, LEVEL};
use super::survival::{EVENT, GRID, TIME};
use super::{ColumnType, Lowering, Parameter, Part, Spec};
use crate::plan::Family;

const PARAMETERS: &[Parameter] = &[TIME, EVENT, FEATURES, CATEGORICAL, GRID, LEVEL];

/// The gate, for what the functions disclose.
const GATED: &str = "The numbers shown, if rows, events, rows without one and both values of every two-valued feature \
                     pass the gate of models.";

/// `lifelines.CoxPHFitter`.
pub(super) const COX: Spec = Spec {
    name: "COX",
    doc: "Cox's proportional hazards, ties as Efron has them: coefficients with standard errors, z tests, hazard ratios; \
          intervals of coefficients.",
    parameters: PARAMETERS,
    columns: &[
        ("term", ColumnType::Text),
        ("coefficient", ColumnType::Double),
        ("hazard_ratio", ColumnType::Double),
        ("std_error", ColumnType::Double),
        ("z", ColumnType::Double),
        ("p", ColumnType::Double),
        ("lower", ColumnType::Double),
        ("upper", ColumnType::Double),
    ],
    example: "SELECT * FROM COX(cohort, time => 'months', event => 'died', features => 'age,bmi,diabetes')",
    discloses: GATED,
    lowering: Lowering::Model(Family::Cox, Part::Coefficients),
};

/// How well a model of proportional hazards fits.
pub(super) const COX_SUMMARY: Spec = Spec {
    name: "COX_SUMMARY",
    doc: "How well a model of proportional hazards fits: one row.",
    parameters: PARAMETERS,
    columns: &[
        ("n", ColumnType::BigInt),
        ("n_dropped", ColumnType::BigInt),
        ("events", ColumnType::BigInt),
        ("log_likelihood", ColumnType::Double),
        ("lr_chi2", ColumnType::Double),
    ],
    example: "SELECT * FROM COX_SUMMARY(cohort, time => 'months', event => 'died', features => 'age,bmi,diabetes')",
    discloses: GATED,
    lowering: Lowering::Model(Family::Cox, Part::Summary),
};

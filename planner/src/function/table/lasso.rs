//! `LASSO` and `LASSO_SUMMARY`.

use super::spec::{Kind, Preset};
use super::{ColumnType, Family, Holds, Lowering, Parameter, Part, Spec};
use crate::catalog::Use;

const TARGET: Parameter =
    Parameter::column("target", Holds::Number, Use::Model, "The number that is explained.");

const FEATURES: Parameter =
    Parameter::columns("features", Holds::Feature, Use::Model, "What explains it.").or_other_columns();

const CATEGORICAL: Parameter = Parameter {
    name: "categorical",
    kind: Kind::Categories { of: "features" },
    preset: Preset::Absent,
    doc: "Numeric features with declared values that become one term a level; TEXT and BOOLEAN always do.",
};

const STANDARDIZE: Parameter = Parameter::truth(
    "standardize",
    false,
    "Whether the penalty acts on features divided by their standard deviations.",
);

const INTERCEPT: Parameter =
    Parameter::truth("intercept", true, "Whether there is an intercept, unpenalised.");

const ALPHA: Parameter = Parameter::number("alpha", 0.0, f64::INFINITY, 1.0, "The weight of the penalty.");

const PARAMETERS: &[Parameter] = &[TARGET, FEATURES, CATEGORICAL, ALPHA, STANDARDIZE, INTERCEPT];

const COEFFICIENTS: &[(&str, ColumnType)] =
    &[("term", ColumnType::Text), ("coefficient", ColumnType::Double)];

const SUMMARY: &[(&str, ColumnType)] = &[
    ("n", ColumnType::BigInt),
    ("n_dropped", ColumnType::BigInt),
    ("r2", ColumnType::Double),
    ("mse", ColumnType::Double),
    ("iterations", ColumnType::BigInt),
    ("alpha", ColumnType::Double),
    ("nonzero", ColumnType::BigInt),
    ("kkt", ColumnType::Double),
];

/// Coefficients of a LASSO.
pub(super) const LASSO: Spec = Spec {
    name: "LASSO",
    doc: "Coefficients of a LASSO: term, coefficient.",
    parameters: PARAMETERS,
    columns: COEFFICIENTS,
    example: "SELECT * FROM LASSO(cohort, target => 'days', features => 'age,exercise,kidney', alpha => 0.1)",
    discloses: "The coefficients, if the rows and both values of every two-valued variable pass the gate of models.",
    lowering: Lowering::Model(Family::Lasso, Part::Coefficients),
};

/// How well a LASSO fits.
pub(super) const LASSO_SUMMARY: Spec = Spec {
    name: "LASSO_SUMMARY",
    doc: "How well a LASSO fits: one row.",
    parameters: PARAMETERS,
    columns: SUMMARY,
    example: "SELECT * FROM LASSO_SUMMARY(cohort, target => 'days', features => 'age,exercise,kidney', alpha => 0.1)",
    discloses: "The numbers of the row, under the gate of models; the number of dropped rows under one of its own.",
    lowering: Lowering::Model(Family::Lasso, Part::Summary),
};

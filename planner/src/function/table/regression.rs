//! Regressions: least squares with and without penalties, logistic, Poisson.

use super::spec::{Kind, Preset};
use super::{ColumnType, Holds, Lowering, Parameter, Part, Spec};
use crate::catalog::Use;
use crate::plan::Family;

const TARGET: Parameter =
    Parameter::column("target", Holds::Number, Use::Model, "The number that is explained.");

pub(super) const FEATURES: Parameter =
    Parameter::columns("features", Holds::Feature, Use::Model, "What explains it.").or_other_columns();

pub(super) const CATEGORICAL: Parameter = Parameter {
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

const ALPHA_OR_CV: Parameter = Parameter {
    name: "alpha",
    kind: Kind::NumberOr { least: 0.0, most: f64::INFINITY, words: &["cv"] },
    preset: Preset::Number(1.0),
    doc: "The weight of the penalty; 'cv' for the best of `alphas` in a cross-validation.",
};

const CANDIDATES: Parameter = Parameter {
    name: "alphas",
    kind: Kind::Numbers { least: 0.0, most: f64::INFINITY },
    preset: Preset::Absent,
    doc: "What `alpha => 'cv'` chooses from; default: 16 of 1 and 3 times powers of ten below a bound that follows from \
          declared domains.",
};

const RIDGE_CANDIDATES: Parameter =
    Parameter { doc: "What `alpha => 'cv'` chooses from; default: 0.1, 1 and 10.", ..CANDIDATES };

const FOLDS: Parameter = Parameter {
    name: "folds",
    kind: Kind::Whole { least: 2, most: 10 },
    preset: Preset::Number(5.0),
    doc: "How many parts of the persons a cross-validation leaves out in turn; a person's part follows from the identifier.",
};

const PARAMETERS: &[Parameter] =
    &[TARGET, FEATURES, CATEGORICAL, ALPHA_OR_CV, CANDIDATES, FOLDS, STANDARDIZE, INTERCEPT];

const COEFFICIENTS: &[(&str, ColumnType)] =
    &[("term", ColumnType::Text), ("coefficient", ColumnType::Double)];

const SUMMARY: &[(&str, ColumnType); 8] = &[
    ("n", ColumnType::BigInt),
    ("n_dropped", ColumnType::BigInt),
    ("r2", ColumnType::Double),
    ("mse", ColumnType::Double),
    ("iterations", ColumnType::BigInt),
    ("alpha", ColumnType::Double),
    ("nonzero", ColumnType::BigInt),
    ("kkt", ColumnType::Double),
];

/// That of a ridge regression: all but `kkt`.
const RIDGE_SUMMARY_COLUMNS: &[(&str, ColumnType)] = SUMMARY.split_at(7).0;

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

const L1_RATIO: Parameter = Parameter::number(
    "l1_ratio",
    0.0,
    1.0,
    0.5,
    "The part of the penalty on absolute coefficients; the rest, halved, is on their squares.",
);

const NET_PARAMETERS: &[Parameter] =
    &[TARGET, FEATURES, CATEGORICAL, ALPHA_OR_CV, CANDIDATES, FOLDS, L1_RATIO, STANDARDIZE, INTERCEPT];

/// Coefficients of an elastic net.
pub(super) const ELASTIC_NET: Spec = Spec {
    name: "ELASTIC_NET",
    doc: "Coefficients of an elastic net: term, coefficient.",
    parameters: NET_PARAMETERS,
    columns: COEFFICIENTS,
    example: "SELECT * FROM ELASTIC_NET(cohort, target => 'days', features => 'age,exercise,kidney', alpha => 0.1)",
    discloses: GATED,
    lowering: Lowering::Model(Family::Lasso, Part::Coefficients),
};

/// How well an elastic net fits.
pub(super) const ELASTIC_NET_SUMMARY: Spec = Spec {
    name: "ELASTIC_NET_SUMMARY",
    doc: "How well an elastic net fits: one row.",
    parameters: NET_PARAMETERS,
    columns: SUMMARY,
    example: "SELECT * FROM ELASTIC_NET_SUMMARY(cohort, target => 'days', features => 'age,exercise', alpha => 0.1)",
    discloses: GATED,
    lowering: Lowering::Model(Family::Lasso, Part::Summary),
};

const ALPHAS: Parameter = Parameter {
    name: "alphas",
    kind: Kind::Numbers { least: 0.0, most: f64::INFINITY },
    preset: Preset::Required,
    doc: "The weights of the penalty.",
};

/// Coefficients of a LASSO for each of several penalties.
pub(super) const LASSO_PATH: Spec = Spec {
    name: "LASSO_PATH",
    doc: "Coefficients of a LASSO for each penalty, from the largest: alpha, term, coefficient.",
    parameters: &[TARGET, FEATURES, CATEGORICAL, ALPHAS, STANDARDIZE, INTERCEPT],
    columns: &[
        ("alpha", ColumnType::Double),
        ("term", ColumnType::Text),
        ("coefficient", ColumnType::Double),
    ],
    example: "SELECT * FROM LASSO_PATH(cohort, target => 'days', features => 'age,exercise,kidney', alphas => '0.1,1')",
    discloses: "The coefficients of all penalties, under the gate of models.",
    lowering: Lowering::Model(Family::Lasso, Part::Coefficients),
};

const RIDGE_PARAMETERS: &[Parameter] =
    &[TARGET, FEATURES, CATEGORICAL, ALPHA_OR_CV, RIDGE_CANDIDATES, FOLDS, STANDARDIZE, INTERCEPT];

/// The gate, for what a function discloses.
const GATED: &str =
    "The numbers shown, if the rows and both values of every two-valued variable pass the gate of models.";

/// Coefficients of a ridge regression.
pub(super) const RIDGE: Spec = Spec {
    name: "RIDGE",
    doc: "Coefficients of a ridge regression: term, coefficient.",
    parameters: RIDGE_PARAMETERS,
    columns: COEFFICIENTS,
    example: "SELECT * FROM RIDGE(cohort, target => 'days', features => 'age,exercise,kidney', alpha => 10)",
    discloses: GATED,
    lowering: Lowering::Model(Family::Linear, Part::Coefficients),
};

/// How well a ridge regression fits.
pub(super) const RIDGE_SUMMARY: Spec = Spec {
    name: "RIDGE_SUMMARY",
    doc: "How well a ridge regression fits: one row.",
    parameters: RIDGE_PARAMETERS,
    columns: RIDGE_SUMMARY_COLUMNS,
    example: "SELECT * FROM RIDGE_SUMMARY(cohort, target => 'days', features => 'age,exercise,kidney', alpha => 10)",
    discloses: GATED,
    lowering: Lowering::Model(Family::Linear, Part::Summary),
};

pub(super) const LEVEL: Parameter =
    Parameter::number("level", 0.5, 0.9999, 0.95, "The confidence of the intervals.");

const LINEAR_PARAMETERS: &[Parameter] = &[TARGET, FEATURES, CATEGORICAL, INTERCEPT, LEVEL];

/// Coefficients of least squares, with standard errors.
pub(super) const LINEAR_REGRESSION: Spec = Spec {
    name: "LINEAR_REGRESSION",
    doc: "Least squares: coefficients with standard errors, t tests and intervals.",
    parameters: LINEAR_PARAMETERS,
    columns: &[
        ("term", ColumnType::Text),
        ("coefficient", ColumnType::Double),
        ("std_error", ColumnType::Double),
        ("t", ColumnType::Double),
        ("p", ColumnType::Double),
        ("lower", ColumnType::Double),
        ("upper", ColumnType::Double),
    ],
    example: "SELECT * FROM LINEAR_REGRESSION(cohort, target => 'days', features => 'age,exercise,kidney')",
    discloses: GATED,
    lowering: Lowering::Model(Family::Linear, Part::Coefficients),
};

/// How well least squares fit.
pub(super) const LINEAR_REGRESSION_SUMMARY: Spec = Spec {
    name: "LINEAR_REGRESSION_SUMMARY",
    doc: "How well least squares fit: one row.",
    parameters: LINEAR_PARAMETERS,
    columns: &[
        ("n", ColumnType::BigInt),
        ("n_dropped", ColumnType::BigInt),
        ("df", ColumnType::BigInt),
        ("r2", ColumnType::Double),
        ("adjusted_r2", ColumnType::Double),
        ("f", ColumnType::Double),
        ("f_p", ColumnType::Double),
    ],
    example: "SELECT * FROM LINEAR_REGRESSION_SUMMARY(cohort, target => 'days', features => 'age,exercise,kidney')",
    discloses: GATED,
    lowering: Lowering::Model(Family::Linear, Part::Summary),
};

const EVENT: Parameter =
    Parameter::column("target", Holds::Event, Use::Model, "What happened or not: BOOLEAN, or 0 and 1.");

const PENALTY: Parameter = Parameter::word(
    "penalty",
    &["none", "l1", "l2"],
    "none",
    "'l1' for alpha times the sum of absolute coefficients, 'l2' for half of alpha times that of their squares; standard errors \
     are NULL then.",
);

const LOGISTIC_PARAMETERS: &[Parameter] = &[EVENT, FEATURES, CATEGORICAL, PENALTY, ALPHA, INTERCEPT, LEVEL];

/// Coefficients with z tests, intervals, and a ratio of this name.
const fn with_ratio(ratio: &'static str) -> [(&'static str, ColumnType); 8] {
    [
        ("term", ColumnType::Text),
        ("coefficient", ColumnType::Double),
        ("std_error", ColumnType::Double),
        ("z", ColumnType::Double),
        ("p", ColumnType::Double),
        (ratio, ColumnType::Double),
        ("lower", ColumnType::Double),
        ("upper", ColumnType::Double),
    ]
}

/// Coefficients of a logistic regression, with standard errors.
pub(super) const LOGISTIC_REGRESSION: Spec = Spec {
    name: "LOGISTIC_REGRESSION",
    doc: "Logistic regression: coefficients with standard errors, z tests, odds ratios; intervals of coefficients.",
    parameters: LOGISTIC_PARAMETERS,
    columns: &with_ratio("odds_ratio"),
    example: "SELECT * FROM LOGISTIC_REGRESSION(cohort, target => 'kidney', features => 'age,bmi,diabetes')",
    discloses: GATED,
    lowering: Lowering::Model(Family::Logistic, Part::Coefficients),
};

const LIKELIHOOD_COLUMNS: &[(&str, ColumnType)] = &[
    ("n", ColumnType::BigInt),
    ("n_dropped", ColumnType::BigInt),
    ("log_likelihood", ColumnType::Double),
    ("pseudo_r2", ColumnType::Double),
];

/// How well a logistic regression fits.
pub(super) const LOGISTIC_REGRESSION_SUMMARY: Spec = Spec {
    name: "LOGISTIC_REGRESSION_SUMMARY",
    doc: "How well a logistic regression fits: one row.",
    parameters: LOGISTIC_PARAMETERS,
    columns: LIKELIHOOD_COLUMNS,
    example: "SELECT * FROM LOGISTIC_REGRESSION_SUMMARY(cohort, target => 'kidney', features => 'age,bmi,diabetes')",
    discloses: GATED,
    lowering: Lowering::Model(Family::Logistic, Part::Summary),
};

const POISSON_PARAMETERS: &[Parameter] = &[
    Parameter::column(
        "target",
        Holds::Number,
        Use::Model,
        "A count: an integer declared with bounds of at least 0.",
    ),
    FEATURES,
    CATEGORICAL,
    Parameter::column(
        "offset",
        Holds::Number,
        Use::Model,
        "Added to the linear predictor: the logarithm of the exposure.",
    )
    .optional(),
    INTERCEPT,
    LEVEL,
];

/// Coefficients of a Poisson regression, with standard errors.
pub(super) const POISSON_REGRESSION: Spec = Spec {
    name: "POISSON_REGRESSION",
    doc: "Poisson regression: coefficients with standard errors, z tests, rate ratios; intervals of coefficients.",
    parameters: POISSON_PARAMETERS,
    columns: &with_ratio("rate_ratio"),
    example: "SELECT * FROM POISSON_REGRESSION(cohort, target => 'gp_visits', features => 'age,kidney')",
    discloses: GATED,
    lowering: Lowering::Model(Family::Poisson, Part::Coefficients),
};

/// How well a Poisson regression fits.
pub(super) const POISSON_REGRESSION_SUMMARY: Spec = Spec {
    name: "POISSON_REGRESSION_SUMMARY",
    doc: "How well a Poisson regression fits: one row.",
    parameters: POISSON_PARAMETERS,
    columns: LIKELIHOOD_COLUMNS,
    example: "SELECT * FROM POISSON_REGRESSION_SUMMARY(cohort, target => 'gp_visits', features => 'age,kidney')",
    discloses: GATED,
    lowering: Lowering::Model(Family::Poisson, Part::Summary),
};

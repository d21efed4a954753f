//! `KRUSKAL` and `MANN_WHITNEY`: ranks of groups compared.

use super::comparison::ALTERNATIVE;
use super::{ColumnType, Holds, Lowering, Parameter, Spec, Statistic};
use crate::catalog::Use;

const VALUE: Parameter = Parameter::column(
    "value",
    Holds::Number,
    Use::Aggregate,
    "The value that is ranked; its domain has at most 10,000 values.",
);

const COLUMNS: &[(&str, ColumnType)] =
    &[("statistic", ColumnType::Double), ("df", ColumnType::Double), ("p", ColumnType::Double)];

/// `scipy.stats.kruskal`.
pub(super) const KRUSKAL: Spec = Spec {
    name: "KRUSKAL",
    doc: "Kruskal-Wallis test of equal distributions, with the correction for ties: statistic (H), df, p.",
    parameters: &[VALUE, Parameter::column("by", Holds::Group, Use::Group, "The groups.")],
    columns: COLUMNS,
    example: "SELECT * FROM KRUSKAL(cohort, value => 'days', by => 'region')",
    discloses: "The statistic and its degrees of freedom, if each group has at least min_people persons.",
    lowering: Lowering::Statistic(Statistic::Kruskal),
};

/// `scipy.stats.mannwhitneyu` with `method='asymptotic'`.
pub(super) const MANN_WHITNEY: Spec = Spec {
    name: "MANN_WHITNEY",
    doc: "Mann-Whitney test of two distributions, normal approximation with corrections: statistic (U), df, p.",
    parameters: &[
        VALUE,
        Parameter::column("by", Holds::Group, Use::Group, "The two groups, in the order of their values."),
        ALTERNATIVE,
    ],
    columns: COLUMNS,
    example: "SELECT * FROM MANN_WHITNEY(cohort, value => 'days', by => 'sex')",
    discloses: "U and its standardised value, if each group has at least min_people persons.",
    lowering: Lowering::Statistic(Statistic::MannWhitney),
};

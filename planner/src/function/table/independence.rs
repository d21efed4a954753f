//! `CHI2_TEST` and `FISHER_TEST`: whether two categories are independent.

use super::comparison::ALTERNATIVE;
use super::{ColumnType, Holds, Lowering, Parameter, Spec, Statistic};
use crate::catalog::Use;

/// `scipy.stats.chi2_contingency`.
pub(super) const CHI2_TEST: Spec = Spec {
    name: "CHI2_TEST",
    doc: "Pearson's chi-squared test of independence of two categories: statistic, df, p.",
    parameters: &[
        Parameter::column("row", Holds::Group, Use::Group, "One category."),
        Parameter::column("column", Holds::Group, Use::Group, "The other."),
        Parameter::truth("correction", false, "Whether a table of two by two gets Yates' correction."),
    ],
    columns: &[("statistic", ColumnType::Double), ("df", ColumnType::BigInt), ("p", ColumnType::Double)],
    example: "SELECT * FROM CHI2_TEST(cohort, row => 'sex', column => 'smoking')",
    discloses: "The statistic and its degrees of freedom, if each level of both has at least min_people persons; \
                never the table.",
    lowering: Lowering::Statistic(Statistic::Chi2),
};

/// `scipy.stats.fisher_exact`.
pub(super) const FISHER_TEST: Spec = Spec {
    name: "FISHER_TEST",
    doc: "Fisher's exact test of a table of two by two: odds_ratio, p.",
    parameters: &[
        Parameter::column("row", Holds::Group, Use::Group, "One category of two values."),
        Parameter::column("column", Holds::Group, Use::Group, "The other."),
        ALTERNATIVE,
    ],
    columns: &[("odds_ratio", ColumnType::Double), ("p", ColumnType::Double)],
    example: "SELECT * FROM FISHER_TEST(cohort, row => 'sex', column => 'diabetes')",
    discloses: "The four counts, which odds ratio and p determine, if each is of at least min_people persons.",
    lowering: Lowering::Statistic(Statistic::Fisher),
};

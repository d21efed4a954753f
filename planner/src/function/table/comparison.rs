//! `T_TEST`, `MEAN_DIFFERENCE`, `ANOVA`: means of groups compared.

use super::{ColumnType, Holds, Kind, Lowering, Parameter, Preset, Spec, Statistic};
use crate::catalog::Use;

const BY: Parameter = Parameter::column("by", Holds::Group, Use::Group, "The groups.");

/// The confidence level of intervals.
pub(super) const LEVEL: Parameter =
    Parameter::number("level", 0.5, 0.9999, 0.95, "The confidence level of the interval.");

/// On which side a test looks.
pub(super) const ALTERNATIVE: Parameter = Parameter::word(
    "alternative",
    &["two-sided", "less", "greater"],
    "two-sided",
    "Whether the first group is different, less, or greater.",
);

/// `scipy.stats.ttest_ind`, or `ttest_rel` where paired.
pub(super) const T_TEST: Spec = Spec {
    name: "T_TEST",
    doc: "Student's or Welch's t-test of two means: statistic, df, p, mean_1, mean_2, n_1, n_2.",
    parameters: &[
        Parameter {
            name: "value",
            kind: Kind::Columns { holds: Holds::Number, used: Use::Aggregate },
            preset: Preset::Required,
            doc: "The value whose mean is compared; two values where paired.",
        },
        Parameter::column("by", Holds::Group, Use::Group, "The two groups, in the order of their values.")
            .optional(),
        Parameter::truth(
            "equal_var",
            true,
            "Whether the groups share one variance (Student) or not (Welch).",
        ),
        Parameter::truth("paired", false, "Whether two values of the same row are compared."),
        ALTERNATIVE,
    ],
    columns: &[
        ("statistic", ColumnType::Double),
        ("df", ColumnType::Double),
        ("p", ColumnType::Double),
        ("mean_1", ColumnType::Double),
        ("mean_2", ColumnType::Double),
        ("n_1", ColumnType::BigInt),
        ("n_2", ColumnType::BigInt),
    ],
    example: "SELECT * FROM T_TEST(cohort, value => 'days', by => 'sex')",
    discloses: "Size and mean of both groups and the pooled variance (Welch: both variances), if each group has \
                at least min_people persons.",
    lowering: Lowering::Statistic(Statistic::TTest),
};

/// The interval of Welch's test, and the standardised difference.
pub(super) const MEAN_DIFFERENCE: Spec = Spec {
    name: "MEAN_DIFFERENCE",
    doc: "Difference of two means with Welch's interval: difference, lower, upper, smd, p.",
    parameters: &[
        Parameter::columns("value", Holds::Number, Use::Aggregate, "The value whose mean is compared."),
        BY,
        LEVEL,
    ],
    columns: &[
        ("difference", ColumnType::Double),
        ("lower", ColumnType::Double),
        ("upper", ColumnType::Double),
        ("smd", ColumnType::Double),
        ("p", ColumnType::Double),
    ],
    example: "SELECT * FROM MEAN_DIFFERENCE(cohort, value => 'days', by => 'sex')",
    discloses: "The difference, its standard error and degrees of freedom, and the mean of both variances, if each \
                group has at least min_people persons.",
    lowering: Lowering::Statistic(Statistic::MeanDifference),
};

/// `scipy.stats.f_oneway`.
pub(super) const ANOVA: Spec = Spec {
    name: "ANOVA",
    doc: "One-way analysis of variance: statistic (F), df between, df_residual, p.",
    parameters: &[
        Parameter::column("value", Holds::Number, Use::Aggregate, "The value whose means are compared."),
        BY,
    ],
    columns: &[
        ("statistic", ColumnType::Double),
        ("df", ColumnType::Double),
        ("df_residual", ColumnType::Double),
        ("p", ColumnType::Double),
    ],
    example: "SELECT * FROM ANOVA(cohort, value => 'days', by => 'region')",
    discloses: "The share of the variance that lies between the groups and both degrees of freedom, if each group \
                has at least min_people persons.",
    lowering: Lowering::Statistic(Statistic::Anova),
};

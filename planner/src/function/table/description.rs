//! `DESCRIBE_STATS`, `HISTOGRAM` and `QUANTILES`: how values are distributed.

use super::{ColumnType, Holds, Kind, Lowering, Parameter, Preset, Spec, Statistic};
use crate::catalog::Use;

const BY: Parameter = Parameter::column("by", Holds::Group, Use::Group, "The groups.").optional();

/// `numpy.histogram` over the declared domain.
pub(super) const HISTOGRAM: Spec = Spec {
    name: "HISTOGRAM",
    doc: "Counts in bins of equal width over the declared domain: group, lower, upper, n.",
    parameters: &[
        Parameter::column("value", Holds::Number, Use::Aggregate, "The value; its owners declare bounds."),
        Parameter {
            name: "bins",
            kind: Kind::Whole { least: 1, most: 1000 },
            preset: Preset::Number(10.0),
            doc: "How many bins.",
        },
        BY,
    ],
    columns: &[
        ("group", ColumnType::Of("by")),
        ("lower", ColumnType::Double),
        ("upper", ColumnType::Double),
        ("n", ColumnType::BigInt),
    ],
    example: "SELECT * FROM HISTOGRAM(cohort, value => 'days', bins => 12)",
    discloses: "The bins with at least min_people persons, and how many rows each has.",
    lowering: Lowering::Statistic(Statistic::Histogram),
};

/// `numpy.quantile`.
pub(super) const QUANTILES: Spec = Spec {
    name: "QUANTILES",
    doc: "Quantiles, interpolated linearly: group, q, value.",
    parameters: &[
        Parameter::column(
            "value",
            Holds::Number,
            Use::Quantile,
            "The value; its domain has at most 10,000 values.",
        ),
        Parameter {
            name: "q",
            kind: Kind::Numbers { least: 0.0, most: 1.0 },
            preset: Preset::Required,
            doc: "Their orders, from 0 to 1: '0.25,0.5,0.75'. 0 and 1 need `minmax`.",
        },
        BY,
    ],
    columns: &[("group", ColumnType::Of("by")), ("q", ColumnType::Double), ("value", ColumnType::Double)],
    example: "SELECT * FROM QUANTILES(cohort, value => 'months', q => '0.25,0.5,0.75', by => 'sex')",
    discloses: "These quantiles of every group with at least min_people persons.",
    lowering: Lowering::Statistic(Statistic::Quantiles),
};

/// `pandas.DataFrame.describe`, turned, with the number of NULLs.
pub(super) const DESCRIBE_STATS: Spec = Spec {
    name: "DESCRIBE_STATS",
    doc: "Size, moments and quartiles of columns: column, n, nulls, mean, std, min, q25, median, q75, max.",
    parameters: &[Parameter::columns(
        "columns",
        Holds::Number,
        Use::Aggregate,
        "Numeric columns; default: all.",
    )
    .or_other_columns()],
    columns: &[
        ("column", ColumnType::Text),
        ("n", ColumnType::BigInt),
        ("nulls", ColumnType::BigInt),
        ("mean", ColumnType::Double),
        ("std", ColumnType::Double),
        ("min", ColumnType::Double),
        ("q25", ColumnType::Double),
        ("median", ColumnType::Double),
        ("q75", ColumnType::Double),
        ("max", ColumnType::Double),
    ],
    example: "SELECT * FROM DESCRIBE_STATS(cohort, columns => 'age,bmi,days')",
    discloses: "Size, mean and variance of each column with at least min_people persons; quartiles where the owner \
                allows `quantile`, the extremes where it allows `minmax`.",
    lowering: Lowering::Statistic(Statistic::Describe),
};

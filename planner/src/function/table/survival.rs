//! `KAPLAN_MEIER`, `MEDIAN_SURVIVAL`, `SURVIVAL_AT`, `LOGRANK`: times to an event.

use super::comparison::LEVEL;
use super::{ColumnType, Holds, Kind, Lowering, Parameter, Preset, Spec, Statistic};
use crate::catalog::Use;

pub(super) const TIME: Parameter = Parameter::column(
    "time",
    Holds::Number,
    Use::Survival,
    "How long a person was watched, until the event or not.",
);

pub(super) const EVENT: Parameter = Parameter::column(
    "event",
    Holds::Event,
    Use::Survival,
    "Whether the event happened: BOOLEAN, or 0 and 1.",
);

const BY: Parameter = Parameter::column("by", Holds::Group, Use::Group, "The groups.");

pub(super) const GRID: Parameter = Parameter {
    name: "grid",
    kind: Kind::Number { least: 1e-9, most: 1e15 },
    preset: Preset::Absent,
    doc: "The width of the steps of the time grid; a time counts at the end of its step. Default: every value of the \
          declared domain, at most 10,000.",
};

/// `lifelines.KaplanMeierFitter`.
pub(super) const KAPLAN_MEIER: Spec = Spec {
    name: "KAPLAN_MEIER",
    doc: "Survival at the times of a public grid, with its interval: group, time, survival, lower, upper, at_risk, events.",
    parameters: &[TIME, EVENT, BY.optional(), GRID, LEVEL],
    columns: &[
        ("group", ColumnType::Of("by")),
        ("time", ColumnType::Of("time")),
        ("survival", ColumnType::Double),
        ("lower", ColumnType::Double),
        ("upper", ColumnType::Double),
        ("at_risk", ColumnType::BigInt),
        ("events", ColumnType::BigInt),
    ],
    example: "SELECT * FROM KAPLAN_MEIER(cohort, time => 'months', event => 'died', by => 'sex', grid => 6)",
    discloses: "Survival and its variance at every time at which at least min_people persons are at risk and as many have had \
                the event since the row before, all times since that row taken as one; these two numbers, where time and event \
                allow `aggregate`.",
    lowering: Lowering::Statistic(Statistic::KaplanMeier),
};

/// `median_survival_time_` of lifelines.
pub(super) const MEDIAN_SURVIVAL: Spec = Spec {
    name: "MEDIAN_SURVIVAL",
    doc: "The first time at which at most half survive, NULL where it is not reached: group, median.",
    parameters: &[TIME, EVENT, BY.optional(), GRID],
    columns: &[("group", ColumnType::Of("by")), ("median", ColumnType::Double)],
    example: "SELECT * FROM MEDIAN_SURVIVAL(cohort, time => 'months', event => 'died', by => 'sex')",
    discloses: "The median of every group of at least min_people persons with events, if so many are still at risk then.",
    lowering: Lowering::Statistic(Statistic::MedianSurvival),
};

/// `survival_function_at_times` of lifelines.
pub(super) const SURVIVAL_AT: Spec = Spec {
    name: "SURVIVAL_AT",
    doc: "Survival at some times, with its interval: group, time, survival, lower, upper.",
    parameters: &[
        TIME,
        EVENT,
        Parameter {
            name: "times",
            kind: Kind::Numbers { least: -1e15, most: 1e15 },
            preset: Preset::Required,
            doc: "The times.",
        },
        BY.optional(),
        GRID,
        LEVEL,
    ],
    columns: &[
        ("group", ColumnType::Of("by")),
        ("time", ColumnType::Double),
        ("survival", ColumnType::Double),
        ("lower", ColumnType::Double),
        ("upper", ColumnType::Double),
    ],
    example: "SELECT * FROM SURVIVAL_AT(cohort, time => 'months', event => 'died', times => '12,24', by => 'sex')",
    discloses: "Survival and its variance at these times, where at least min_people persons are at risk and as many have had the \
                event since the time shown before.",
    lowering: Lowering::Statistic(Statistic::SurvivalAt),
};

/// `lifelines.statistics.multivariate_logrank_test`.
pub(super) const LOGRANK: Spec = Spec {
    name: "LOGRANK",
    doc: "Log-rank test of equal survival, over strata where asked for: chi2, df, p.",
    parameters: &[
        TIME,
        EVENT,
        BY,
        Parameter::column(
            "strata",
            Holds::Group,
            Use::Group,
            "Groups that are compared within each stratum only.",
        )
        .optional(),
        GRID,
    ],
    columns: &[("chi2", ColumnType::Double), ("df", ColumnType::BigInt), ("p", ColumnType::Double)],
    example: "SELECT * FROM LOGRANK(cohort, time => 'months', event => 'died', by => 'smoking')",
    discloses: "The statistic, if each group has at least min_people persons and as many had the event in all.",
    lowering: Lowering::Statistic(Statistic::LogRank),
};

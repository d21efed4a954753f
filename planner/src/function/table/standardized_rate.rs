//! `STANDARDIZED_RATE`: how often an event happens, in a standard population.

use super::comparison::LEVEL;
use super::{ColumnType, Holds, Kind, Lowering, Parameter, Preset, Spec, Statistic};
use crate::catalog::Use;

/// Direct standardisation over strata.
pub(super) const STANDARDIZED_RATE: Spec = Spec {
    name: "STANDARDIZED_RATE",
    doc: "Share of events, directly standardised to a population, with its interval: group, rate, lower, upper.",
    parameters: &[
        Parameter::column("event", Holds::Event, Use::Aggregate, "The event: BOOLEAN, or 0 and 1."),
        Parameter::column("strata", Holds::Group, Use::Group, "What is standardised: an age group, a sex."),
        Parameter {
            name: "population",
            kind: Kind::Text,
            preset: Preset::Required,
            doc: "The size of every stratum in the standard population: 'young=1200,old=800'.",
        },
        Parameter::column("by", Holds::Group, Use::Group, "The groups.").optional(),
        LEVEL,
    ],
    columns: &[
        ("group", ColumnType::Of("by")),
        ("rate", ColumnType::Double),
        ("lower", ColumnType::Double),
        ("upper", ColumnType::Double),
    ],
    example: "SELECT * FROM STANDARDIZED_RATE((SELECT CASE WHEN diabetes THEN 1 ELSE 0 END AS ill, sex, smoking FROM cohort), \
              event => 'ill', strata => 'sex', population => 'f=510,m=490', by => 'smoking')",
    discloses: "The standardised rate and its variance of every group with at least min_people persons in each stratum, with the \
                event, and without it.",
    lowering: Lowering::Statistic(Statistic::StandardizedRate),
};

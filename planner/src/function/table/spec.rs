//! What there is to know about a table function before any query.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::LogicalPlan;

use super::TableFunction;
use crate::catalog::Use;
use crate::error::Result;
use crate::plan::Family;

/// A table function: its name, what it takes, gives and discloses, and how it is computed.
#[derive(Debug)]
pub struct Spec {
    /// Its name in SQL.
    pub name: &'static str,
    /// What it does, in one line.
    pub doc: &'static str,
    /// Its named arguments, in the order in which they are shown.
    pub parameters: &'static [Parameter],
    /// The columns it returns, all nullable.
    pub columns: &'static [(&'static str, ColumnType)],
    /// A statement that runs on the demo's data.
    pub example: &'static str,
    /// What the analyst learns, in one sentence.
    pub discloses: &'static str,
    /// How it is computed.
    pub lowering: Lowering,
}

impl Spec {
    /// The parameter of this name.
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        let parameters: &'static [Parameter] = self.parameters;
        parameters.iter().find(|parameter| crate::nearest::same_name(parameter.name, name))
    }
}

/// A named argument.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it is where nobody gives it.
    pub preset: Preset,
    /// What it means, in one line.
    pub doc: &'static str,
}

/// What an argument takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// The name of a column of the rows.
    Column {
        /// What the column must hold.
        holds: Holds,
        /// What its owners must allow.
        used: Use,
    },
    /// Names of columns, separated by commas.
    Columns {
        /// What each column must hold.
        holds: Holds,
        /// What its owners must allow.
        used: Use,
    },
    /// Names of columns among those of the parameter `of`, which become categorical.
    Categories {
        /// A parameter of kind [`Kind::Columns`].
        of: &'static str,
    },
    /// A finite number in `[least, most]`.
    Number {
        /// The smallest.
        least: f64,
        /// The largest.
        most: f64,
    },
    /// Such a number, or one of these words.
    NumberOr {
        /// The smallest.
        least: f64,
        /// The largest.
        most: f64,
        /// In lower case.
        words: &'static [&'static str],
    },
    /// A whole number in `[least, most]`.
    Whole {
        /// The smallest.
        least: i32,
        /// The largest.
        most: i32,
    },
    /// Finite numbers in `[least, most]`, at least one, as a text with commas; a single one may stand as it is.
    Numbers {
        /// The smallest.
        least: f64,
        /// The largest.
        most: f64,
    },
    /// true or false.
    Truth,
    /// A text.
    Text,
    /// One of these words, in lower case.
    Word(&'static [&'static str]),
}

/// What a column that an argument names must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Numbers.
    Number,
    /// Numbers, or categories: TEXT and BOOLEAN, and what `categorical` lists.
    Feature,
    /// Something that happened or not: BOOLEAN, or integers of which 0 is no.
    Event,
    /// Anything that can be grouped.
    Group,
}

/// What an argument is where nobody gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Preset {
    /// It must be given.
    Required,
    /// Nothing.
    Absent,
    /// A number.
    Number(f64),
    /// A truth value.
    Truth(bool),
    /// A word.
    Word(&'static str),
    /// All columns that no other argument names, hold what is asked for, and whose owners allow the use.
    OtherColumns,
}

/// The type of a column of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// TEXT.
    Text,
    /// BIGINT.
    BigInt,
    /// DOUBLE.
    Double,
    /// That of the column that this parameter names; TEXT where it is absent.
    Of(&'static str),
}

impl ColumnType {
    /// The Arrow type; `of` gives that of a parameter's column.
    pub fn data_type(self, of: &dyn Fn(&str) -> Option<DataType>) -> DataType {
        match self {
            ColumnType::Text => DataType::Utf8,
            ColumnType::BigInt => DataType::Int64,
            ColumnType::Double => DataType::Float64,
            ColumnType::Of(parameter) => of(parameter).unwrap_or(DataType::Utf8),
        }
    }

    /// As `DESCRIBE FUNCTION` shows it.
    pub fn shown(self) -> String {
        match self {
            ColumnType::Text => "TEXT".to_owned(),
            ColumnType::BigInt => "BIGINT".to_owned(),
            ColumnType::Double => "DOUBLE".to_owned(),
            ColumnType::Of(parameter) => format!("the type of `{parameter}`"),
        }
    }
}

/// How a function is computed.
#[derive(Clone, Copy, Debug)]
pub enum Lowering {
    /// As a plan over its input, with a [`Boundary`](super::Boundary) between aggregates and clear stage. Its columns
    /// are those of the function, in order; names and types are set by the caller.
    Expansion(fn(&TableFunction) -> Result<LogicalPlan>),
    /// As a node of the secure plan.
    Model(Family, Part),
    /// As arithmetic on tables of cells.
    Statistic(Statistic),
}

/// Which statistic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Statistic {
    /// `ANOVA`.
    Anova,
    /// `CHI2_TEST`.
    Chi2,
    /// `DESCRIBE_STATS`.
    Describe,
    /// `FISHER_TEST`.
    Fisher,
    /// `HISTOGRAM`.
    Histogram,
    /// `KAPLAN_MEIER`.
    KaplanMeier,
    /// `KRUSKAL`.
    Kruskal,
    /// `LOGRANK`.
    LogRank,
    /// `MANN_WHITNEY`.
    MannWhitney,
    /// `MEAN_DIFFERENCE`.
    MeanDifference,
    /// `MEDIAN_SURVIVAL`.
    MedianSurvival,
    /// `QUANTILES`.
    Quantiles,
    /// `STANDARDIZED_RATE`.
    StandardizedRate,
    /// `SURVIVAL_AT`.
    SurvivalAt,
    /// `T_TEST`.
    TTest,
}

/// What is shown of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// A row for each term.
    Coefficients,
    /// One row.
    Summary,
}

impl Parameter {
    /// A column that must be named.
    pub const fn column(name: &'static str, holds: Holds, used: Use, doc: &'static str) -> Parameter {
        Parameter { name, kind: Kind::Column { holds, used }, preset: Preset::Required, doc }
    }

    /// Columns that must be named.
    pub const fn columns(name: &'static str, holds: Holds, used: Use, doc: &'static str) -> Parameter {
        Parameter { name, kind: Kind::Columns { holds, used }, preset: Preset::Required, doc }
    }

    /// A number from `least` to `most`.
    pub const fn number(
        name: &'static str,
        least: f64,
        most: f64,
        preset: f64,
        doc: &'static str,
    ) -> Parameter {
        Parameter { name, kind: Kind::Number { least, most }, preset: Preset::Number(preset), doc }
    }

    /// True or false.
    pub const fn truth(name: &'static str, preset: bool, doc: &'static str) -> Parameter {
        Parameter { name, kind: Kind::Truth, preset: Preset::Truth(preset), doc }
    }

    /// One of some words.
    pub const fn word(
        name: &'static str,
        words: &'static [&'static str],
        preset: &'static str,
        doc: &'static str,
    ) -> Parameter {
        Parameter { name, kind: Kind::Word(words), preset: Preset::Word(preset), doc }
    }

    /// The same, but nothing where nobody gives it.
    #[must_use]
    pub const fn optional(self) -> Parameter {
        Parameter { preset: Preset::Absent, ..self }
    }

    /// The same, but all other columns where nobody gives it.
    #[must_use]
    pub const fn or_other_columns(self) -> Parameter {
        Parameter { preset: Preset::OtherColumns, ..self }
    }
}

impl Kind {
    /// As `DESCRIBE FUNCTION` shows it.
    pub fn shown(self) -> String {
        let range = |least: f64, most: f64| match (least.is_finite(), most.is_finite()) {
            (true, true) => format!("number from {least} to {most}"),
            (true, false) => format!("number of at least {least}"),
            _ => "number".to_owned(),
        };
        match self {
            Kind::Column { .. } => "column".to_owned(),
            Kind::Columns { .. } | Kind::Categories { .. } => "columns".to_owned(),
            Kind::Number { least, most } => range(least, most),
            Kind::NumberOr { least, most, words } => {
                format!("{} or '{}'", range(least, most), words.join("', '"))
            }
            Kind::Whole { least, most } => format!("whole number from {least} to {most}"),
            Kind::Numbers { least, most } => format!("list, each a {}", range(least, most)),
            Kind::Truth => "true or false".to_owned(),
            Kind::Text => "text".to_owned(),
            Kind::Word(words) => format!("one of '{}'", words.join("', '")),
        }
    }
}

impl Preset {
    /// As `DESCRIBE FUNCTION` shows it.
    pub fn shown(self) -> Option<String> {
        match self {
            Preset::Required => Some("required".to_owned()),
            Preset::Absent => None,
            Preset::Number(number) => Some(number.to_string()),
            Preset::Truth(truth) => Some(truth.to_string()),
            Preset::Word(word) => Some(format!("'{word}'")),
            Preset::OtherColumns => Some("all others that allow it".to_owned()),
        }
    }
}

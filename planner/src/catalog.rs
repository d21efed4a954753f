//! The federation: parties, seats, tables, columns and what their owners allow.
//!
//! Everything here is public and agreed: parsed from `federation.toml` and the owners' `policy.toml` by
//! [`policy`](crate::policy). Lookups match names without regard to case; the declared spelling is kept.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;

use crate::plan::{PartyId, Scale};

/// A federation and its policies, validated.
#[derive(Clone, Debug)]
pub struct Federation {
    /// Its name.
    pub name: String,
    /// All parties, in the order of the file.
    pub parties: Vec<Party>,
    /// Analysts known to the federation; empty in local and demo, where any name is an analyst.
    pub analysts: Vec<Analyst>,
    /// Virtual tables shared by everyone, in the order of the file.
    pub views: Vec<View>,
    /// SHA-256 over the text of all files that it was read from.
    pub hash: [u8; 32],
}

/// An organisation.
#[derive(Clone, Debug)]
pub struct Party {
    /// Its name: the schema of its tables in SQL.
    pub name: String,
    /// 0, 1 or 2 if it computes.
    pub seat: Option<usize>,
    /// Where its server listens, `host:port`.
    pub address: Option<String>,
    /// Its public key.
    pub key: Option<PublicKey>,
    /// Its release rules; the defaults if it has no policy.
    pub release: ReleaseRules,
    /// Its tables; empty for a party without policy.
    pub tables: Vec<Table>,
}

/// An Ed25519 public key, as in `ed25519:BASE64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

/// Someone who may ask.
#[derive(Clone, Debug)]
pub struct Analyst {
    /// Its name.
    pub name: String,
    /// Its public key.
    pub key: Option<PublicKey>,
}

/// A virtual table of the federation.
#[derive(Clone, Debug)]
pub struct View {
    /// Its name.
    pub name: String,
    /// Its query.
    pub sql: String,
}

/// What an owner demands of every released number.
#[derive(Clone, Debug)]
pub struct ReleaseRules {
    /// Distinct persons behind a number. 1 withholds nothing.
    pub min_people: u64,
    /// Counts are rounded to the nearest multiple of this; 0: not rounded.
    pub round_counts: u64,
    /// Analysts who may receive results; `*` means all.
    pub recipients: Vec<String>,
}

/// A table of an owner.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its owner.
    pub owner: PartyId,
    /// Its name, without the owner's.
    pub name: String,
    /// The column that says whose record a row is; without it every row is a person.
    pub person: Option<String>,
    /// Public upper bound on the number of rows.
    pub max_rows: u64,
    /// Public upper bound on the rows of one person.
    pub max_rows_per_person: u64,
    /// Its columns, in the order of the file.
    pub columns: Vec<Column>,
}

/// A declared column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its SQL type.
    pub sql_type: SqlType,
    /// Its values.
    pub domain: Domain,
    /// How its integers stand for values when it is shared.
    pub scale: Scale,
    /// Whether NULL may occur.
    pub nullable: bool,
    /// What it may be used for.
    pub allow: BTreeSet<Use>,
    /// For people: the unit.
    pub unit: Option<String>,
    /// For people: what it is.
    pub label: Option<String>,
    /// For open text that is grouped: the longest value.
    pub max_bytes: u32,
}

/// A type of the policy file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SqlType {
    /// BOOLEAN.
    Boolean,
    /// SMALLINT, 16 bits.
    SmallInt,
    /// INTEGER, 32 bits.
    Integer,
    /// BIGINT, 64 bits.
    BigInt,
    /// DECIMAL(precision, scale).
    Decimal(u8, i8),
    /// REAL, 32 bits.
    Real,
    /// DOUBLE, 64 bits.
    Double,
    /// DATE, days.
    Date,
    /// TIMESTAMP, microseconds, UTC.
    Timestamp,
    /// TEXT, UTF-8.
    Text,
}

impl SqlType {
    /// The Arrow type of columns of this type.
    pub fn arrow(self) -> DataType {
        use datafusion::arrow::datatypes::TimeUnit;
        match self {
            SqlType::Boolean => DataType::Boolean,
            SqlType::SmallInt => DataType::Int16,
            SqlType::Integer => DataType::Int32,
            SqlType::BigInt => DataType::Int64,
            SqlType::Decimal(precision, scale) => DataType::Decimal128(precision, scale),
            SqlType::Real => DataType::Float32,
            SqlType::Double => DataType::Float64,
            SqlType::Date => DataType::Date32,
            SqlType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            SqlType::Text => DataType::Utf8,
        }
    }
}

/// The values that may occur, NULL aside.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// Any value of the type.
    Type,
    /// Between two values, both included.
    Bounds(ScalarValue, ScalarValue),
    /// One of these, sorted as SQL sorts them: a closed domain.
    Values(Vec<ScalarValue>),
}

/// A use that a policy may allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// WHERE, CASE, FILTER, HAVING, non-equi ON.
    Filter,
    /// COUNT, SUM, AVG, VAR, STDDEV, COVAR, CORR.
    Aggregate,
    /// MEDIAN, PERCENTILE.
    Quantile,
    /// MIN, MAX.
    MinMax,
    /// GROUP BY, `by`, `row`, `column`.
    Group,
    /// Target and features.
    Model,
    /// Time and event.
    Survival,
    /// Joins.
    Join,
    /// All of these, and output as it is.
    Public,
}

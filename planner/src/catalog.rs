//! The federation: parties, seats, tables, columns and what their owners allow.
//!
//! Everything here is public and agreed: parsed from `federation.toml` and the owners' `policy.toml` by
//! [`policy`](crate::policy). Lookups match names without regard to case; the declared spelling is kept.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::scalar::ScalarValue;

use crate::nearest::same_name;
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
    /// Whether keyed hashes of its identifiers may be shown to a neutral seat that compares them. If not, its joins are
    /// oblivious: nobody learns anything.
    pub pseudonyms: bool,
    /// Its columns, in the order of the file.
    pub columns: Vec<Column>,
    /// How many rows are equal in some of its columns, at most.
    pub keys: Vec<TableKey>,
}

/// A public bound on the rows of a table with the same values in some columns: `max_rows_per_value` of a column, or
/// `unique` of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableKey {
    /// Indices into [`Table::columns`]. Rows with a NULL in one of them are equal to no other.
    pub columns: Vec<usize>,
    /// No more rows are equal in all of these columns.
    pub max_rows: u64,
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
    /// The values of a closed domain in the order of the policy: the first is a model's reference level. Empty for
    /// other domains.
    pub levels: Vec<ScalarValue>,
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

impl Federation {
    /// What stands in a party's place before the name of a virtual table, for tools in which every table has a schema.
    pub const VIRTUAL: &str = "virtual";

    /// Whether a schema is that of the virtual tables: a party of this name comes first.
    pub fn is_virtual_schema(&self, schema: &str) -> bool {
        same_name(schema, Self::VIRTUAL) && self.party(schema).is_none()
    }

    /// The party of this name.
    pub fn party(&self, name: &str) -> Option<(PartyId, &Party)> {
        let index = self.parties.iter().position(|party| same_name(&party.name, name))?;
        Some((PartyId(index), &self.parties[index]))
    }

    /// The party at a compute seat (0, 1 or 2).
    pub fn at_seat(&self, seat: usize) -> Option<(PartyId, &Party)> {
        let index = self.parties.iter().position(|party| party.seat == Some(seat))?;
        Some((PartyId(index), &self.parties[index]))
    }

    /// The table `party.table`: its owner, its index in [`Party::tables`], and itself.
    pub fn table(&self, party: &str, table: &str) -> Option<(PartyId, usize, &Table)> {
        let (id, party) = self.party(party)?;
        let index = party.tables.iter().position(|t| same_name(&t.name, table))?;
        Some((id, index, &party.tables[index]))
    }

    /// The virtual table of the federation of this name.
    pub fn view(&self, name: &str) -> Option<&View> {
        self.views.iter().find(|view| same_name(&view.name, name))
    }

    /// The analyst of this name.
    pub fn analyst(&self, name: &str) -> Option<&Analyst> {
        self.analysts.iter().find(|analyst| same_name(&analyst.name, name))
    }

    /// All tables with their owners, in the order of the files.
    pub fn tables(&self) -> impl Iterator<Item = (&Party, &Table)> {
        self.parties.iter().flat_map(|party| party.tables.iter().map(move |table| (party, table)))
    }
}

impl Table {
    /// The column of this name: its index and itself.
    pub fn column(&self, name: &str) -> Option<(usize, &Column)> {
        self.columns.iter().enumerate().find(|(_, column)| same_name(&column.name, name))
    }

    /// The Arrow schema of its rows, columns in the order of the policy.
    pub fn schema(&self) -> SchemaRef {
        let field = |c: &Column| Field::new(&c.name, c.sql_type.arrow(), c.nullable);
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }
}

impl Column {
    /// Whether the policy allows this use of it (`public` allows all).
    pub fn allows(&self, what: Use) -> bool {
        self.allow.contains(&what) || self.allow.contains(&Use::Public)
    }
}

impl Domain {
    /// Whether the domain is a declared list of values.
    pub fn is_closed(&self) -> bool {
        matches!(self, Domain::Values(_))
    }
}

impl Use {
    /// All uses, in the order of the documentation.
    pub const ALL: [Use; 9] = [
        Use::Filter,
        Use::Aggregate,
        Use::Quantile,
        Use::MinMax,
        Use::Group,
        Use::Model,
        Use::Survival,
        Use::Join,
        Use::Public,
    ];

    /// The word in policy files.
    pub const fn name(self) -> &'static str {
        match self {
            Use::Filter => "filter",
            Use::Aggregate => "aggregate",
            Use::Quantile => "quantile",
            Use::MinMax => "minmax",
            Use::Group => "group",
            Use::Model => "model",
            Use::Survival => "survival",
            Use::Join => "join",
            Use::Public => "public",
        }
    }
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SqlType::Boolean => f.write_str("BOOLEAN"),
            SqlType::SmallInt => f.write_str("SMALLINT"),
            SqlType::Integer => f.write_str("INTEGER"),
            SqlType::BigInt => f.write_str("BIGINT"),
            SqlType::Decimal(precision, scale) => write!(f, "DECIMAL({precision},{scale})"),
            SqlType::Real => f.write_str("REAL"),
            SqlType::Double => f.write_str("DOUBLE"),
            SqlType::Date => f.write_str("DATE"),
            SqlType::Timestamp => f.write_str("TIMESTAMP"),
            SqlType::Text => f.write_str("TEXT"),
        }
    }
}

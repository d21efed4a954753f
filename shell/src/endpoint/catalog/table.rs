//! The tables of PostgreSQL's catalogs, filled with what a session sees.

#![expect(clippy::wildcard_enum_match_arm, reason = "Arrow has dozens of types; the rest is shown as text")]

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float32Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use connectors::endpoint::{Result, Table, TableKind};

/// The version that is shown.
pub(super) const VERSION: &str = "9.6.0";

/// The number of the first schema, and of the first table.
const SCHEMAS: i64 = 2200;
const TABLES: i64 = 16_384;
/// Schemas of every database.
const CATALOGS: [(i64, &str); 2] = [(11, "pg_catalog"), (13_000, "information_schema")];
/// The number of the only user.
const USER: i64 = 10;

/// A type of PostgreSQL.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    number: i64,
    /// As `pg_type` lists it.
    short: &'static str,
    /// As SQL spells it.
    long: &'static str,
    bytes: i64,
}

const KINDS: [Kind; 11] = [
    Kind { number: 16, short: "bool", long: "boolean", bytes: 1 },
    Kind { number: 21, short: "int2", long: "smallint", bytes: 2 },
    Kind { number: 23, short: "int4", long: "integer", bytes: 4 },
    Kind { number: 20, short: "int8", long: "bigint", bytes: 8 },
    Kind { number: 700, short: "float4", long: "real", bytes: 4 },
    Kind { number: 701, short: "float8", long: "double precision", bytes: 8 },
    Kind { number: 1700, short: "numeric", long: "numeric", bytes: -1 },
    Kind { number: 1082, short: "date", long: "date", bytes: 4 },
    Kind { number: 1114, short: "timestamp", long: "timestamp without time zone", bytes: 8 },
    Kind { number: 25, short: "text", long: "text", bytes: -1 },
    Kind { number: 19, short: "name", long: "name", bytes: 64 },
];

impl Kind {
    fn of(data_type: &DataType) -> Self {
        let name = match data_type {
            DataType::Boolean => "bool",
            DataType::Int8 | DataType::Int16 => "int2",
            DataType::Int32 => "int4",
            DataType::Int64 | DataType::UInt32 => "int8",
            DataType::Float32 => "float4",
            DataType::Float64 => "float8",
            DataType::Decimal128(..) | DataType::Decimal256(..) | DataType::UInt64 => "numeric",
            DataType::Date32 | DataType::Date64 => "date",
            DataType::Timestamp(..) => "timestamp",
            _ => "text",
        };
        KINDS.into_iter().find(|kind| kind.short == name).unwrap_or(KINDS[9])
    }

    /// How a type is spelled with its modifier.
    pub(super) fn named(number: i64, modifier: i64) -> String {
        let Some(kind) = KINDS.into_iter().find(|kind| kind.number == number) else {
            return "???".to_owned();
        };
        if kind.short == "numeric" && modifier >= 4 {
            let (precision, scale) = ((modifier - 4) >> 16, (modifier - 4) & 0xffff);
            return format!("numeric({precision},{scale})");
        }
        kind.long.to_owned()
    }
}

fn modifier(data_type: &DataType) -> i64 {
    match data_type {
        DataType::Decimal128(precision, scale) => ((i64::from(*precision) << 16) | i64::from(*scale)) + 4,
        _ => -1,
    }
}

/// A table in the making: every column has `rows` values.
struct Sheet {
    rows: usize,
    columns: Vec<(&'static str, ArrayRef)>,
}

impl Sheet {
    fn new(rows: usize) -> Self {
        Self { rows, columns: Vec::new() }
    }

    fn column(mut self, name: &'static str, column: ArrayRef) -> Self {
        self.columns.push((name, column));
        self
    }

    fn texts<T: AsRef<str>>(self, name: &'static str, values: impl IntoIterator<Item = T>) -> Self {
        let values: StringArray = values.into_iter().map(Some).collect();
        self.column(name, Arc::new(values))
    }

    fn numbers(self, name: &'static str, values: impl IntoIterator<Item = i64>) -> Self {
        let values: Int64Array = values.into_iter().map(Some).collect();
        self.column(name, Arc::new(values))
    }

    fn truths(self, name: &'static str, values: impl IntoIterator<Item = bool>) -> Self {
        let values: BooleanArray = values.into_iter().map(Some).collect();
        self.column(name, Arc::new(values))
    }

    /// Columns with the same text in every row.
    fn text(self, names: &[&'static str], value: &str) -> Self {
        names.iter().fold(self, |sheet, name| {
            let rows = sheet.rows;
            sheet.texts(name, std::iter::repeat_n(value, rows))
        })
    }

    /// Columns with the same number in every row.
    fn number(self, names: &[&'static str], value: i64) -> Self {
        names.iter().fold(self, |sheet, name| {
            let rows = sheet.rows;
            sheet.numbers(name, std::iter::repeat_n(value, rows))
        })
    }

    /// Columns with the same truth in every row.
    fn truth(self, names: &[&'static str], value: bool) -> Self {
        names.iter().fold(self, |sheet, name| {
            let rows = sheet.rows;
            sheet.truths(name, std::iter::repeat_n(value, rows))
        })
    }

    /// Columns of text without a value.
    fn nothing(self, names: &[&'static str]) -> Self {
        names.iter().fold(self, |sheet, name| {
            let nulls: ArrayRef = Arc::new(StringArray::new_null(sheet.rows));
            sheet.column(name, nulls)
        })
    }

    fn build(self) -> Result<RecordBatch, ArrowError> {
        let fields =
            self.columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        RecordBatch::try_new(schema, self.columns.into_iter().map(|(_, array)| array).collect())
    }
}

/// A catalog's name and its rows.
type Named = (&'static str, RecordBatch);

/// The names of schemas, each once.
fn schemas(tables: &[Table]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for table in tables {
        if !names.contains(&table.schema.as_str()) {
            names.push(&table.schema);
        }
    }
    names
}

/// The number of what stands at a place of a list.
fn numbered(first: i64, place: usize) -> i64 {
    first + i64::try_from(place).unwrap_or(i64::MAX - first)
}

/// `pg_catalog`.
pub(super) fn catalog(federation: &str, user: &str, tables: &[Table]) -> Result<Vec<Named>, ArrowError> {
    let schemas = schemas(tables);
    let own = (0..schemas.len()).map(|place| numbered(SCHEMAS, place));
    let namespace = Sheet::new(schemas.len() + CATALOGS.len())
        .numbers("oid", own.chain(CATALOGS.map(|(number, _)| number)))
        .texts("nspname", schemas.iter().copied().chain(CATALOGS.map(|(_, name)| name)))
        .number(&["nspowner"], USER)
        .nothing(&["nspacl"]);
    let database = Sheet::new(1)
        .number(&["oid"], 1)
        .text(&["datname"], federation)
        .number(&["datdba"], USER)
        .number(&["encoding"], 6)
        .text(&["datcollate", "datctype"], "C")
        .truth(&["datistemplate"], false)
        .truth(&["datallowconn"], true)
        .number(&["datconnlimit"], -1)
        .number(&["dattablespace"], 0)
        .nothing(&["datacl"]);
    let role = || {
        Sheet::new(1)
            .number(&["oid", "usesysid"], USER)
            .text(&["rolname", "usename"], user)
            .truth(&["rolsuper", "rolcreaterole", "rolcreatedb", "usesuper", "usecreatedb"], false)
            .truth(&["rolinherit", "rolcanlogin"], true)
    };
    let owned = tables.iter().filter(|table| table.kind == TableKind::Owned);
    let named = tables.iter().filter(|table| table.kind == TableKind::Virtual);
    let listed = |rows: &mut dyn Iterator<Item = &Table>, name: &'static str, owner: &'static str| {
        let rows: Vec<&Table> = rows.collect();
        Sheet::new(rows.len())
            .texts("schemaname", rows.iter().map(|table| &table.schema))
            .texts(name, rows.iter().map(|table| &table.name))
            .text(&[owner], user)
    };
    Ok(vec![
        ("pg_namespace", namespace.build()?),
        ("pg_database", database.build()?),
        ("pg_roles", role().build()?),
        ("pg_user", role().build()?),
        ("pg_class", classes(&schemas, tables).build()?),
        ("pg_attribute", attributes(tables).build()?),
        ("pg_type", types().build()?),
        ("pg_tables", listed(&mut owned.clone(), "tablename", "tableowner").build()?),
        ("pg_views", listed(&mut named.clone(), "viewname", "viewowner").build()?),
        ("pg_am", Sheet::new(0).number(&["oid"], 0).text(&["amname"], "").build()?),
        ("pg_description", descriptions().build()?),
        ("pg_settings", settings().build()?),
    ])
}

fn classes(schemas: &[&str], tables: &[Table]) -> Sheet {
    let schema = |table: &Table| schemas.iter().position(|name| *name == table.schema).unwrap_or(0);
    let kind = |table: &Table| if table.kind == TableKind::Owned { "r" } else { "v" };
    let count = |table: &Table| numbered(0, table.columns.fields().len());
    let unknown: ArrayRef = Arc::new(Float32Array::from(vec![-1.0; tables.len()]));
    Sheet::new(tables.len())
        .numbers("oid", (0..tables.len()).map(|place| numbered(TABLES, place)))
        .texts("relname", tables.iter().map(|table| &table.name))
        .numbers("relnamespace", tables.iter().map(|table| numbered(SCHEMAS, schema(table))))
        .texts("relkind", tables.iter().map(kind))
        .numbers("relnatts", tables.iter().map(count))
        .column("reltuples", unknown)
        .number(&["reltype", "reloftype", "relam", "relfilenode", "reltablespace", "relpages"], 0)
        .number(&["reltoastrelid", "relchecks"], 0)
        .number(&["relowner"], USER)
        .text(&["relpersistence"], "p")
        .text(&["relreplident"], "n")
        .truth(&["relhasindex", "relisshared", "relhasoids", "relhasrules", "relhastriggers"], false)
        .truth(&["relhassubclass", "relrowsecurity", "relforcerowsecurity", "relispartition"], false)
        .truth(&["relispopulated"], true)
        .nothing(&["reloptions", "relacl", "relpartbound"])
}

fn attributes(tables: &[Table]) -> Sheet {
    let all = tables.iter().enumerate().flat_map(|(place, table)| {
        let columns = table.columns.fields().iter().enumerate();
        columns.map(move |(index, field)| (numbered(TABLES, place), numbered(1, index), field))
    });
    let all: Vec<_> = all.collect();
    Sheet::new(all.len())
        .numbers("attrelid", all.iter().map(|(table, _, _)| *table))
        .numbers("attnum", all.iter().map(|(_, number, _)| *number))
        .texts("attname", all.iter().map(|(_, _, field)| field.name()))
        .numbers("atttypid", all.iter().map(|(_, _, field)| Kind::of(field.data_type()).number))
        .numbers("atttypmod", all.iter().map(|(_, _, field)| modifier(field.data_type())))
        .numbers("attlen", all.iter().map(|(_, _, field)| Kind::of(field.data_type()).bytes))
        .truths("attnotnull", all.iter().map(|(_, _, field)| !field.is_nullable()))
        .number(&["attstattarget", "attndims", "attcollation", "attinhcount"], 0)
        .text(&["attidentity", "attgenerated"], "")
        .text(&["attstorage"], "p")
        .truth(&["atthasdef", "attisdropped"], false)
        .truth(&["attislocal"], true)
        .nothing(&["attacl", "attoptions", "attfdwoptions"])
}

fn types() -> Sheet {
    Sheet::new(KINDS.len())
        .numbers("oid", KINDS.iter().map(|kind| kind.number))
        .texts("typname", KINDS.iter().map(|kind| kind.short))
        .numbers("typlen", KINDS.iter().map(|kind| kind.bytes))
        .number(&["typnamespace"], 11)
        .number(&["typowner"], USER)
        .number(&["typbasetype", "typrelid", "typelem", "typarray", "typcollation"], 0)
        .number(&["typinput", "typoutput", "typreceive", "typsend"], 0)
        .number(&["typtypmod"], -1)
        .text(&["typtype"], "b")
        .text(&["typcategory"], "U")
        .text(&["typdelim"], ",")
        .truth(&["typnotnull"], false)
        .nothing(&["typdefault"])
}

fn descriptions() -> Sheet {
    Sheet::new(0).number(&["objoid", "classoid", "objsubid"], 0).text(&["description"], "")
}

fn settings() -> Sheet {
    let known = [
        ("server_version", VERSION),
        ("standard_conforming_strings", "on"),
        ("TimeZone", "UTC"),
        ("max_index_keys", "32"),
        ("max_identifier_length", "63"),
    ];
    Sheet::new(known.len())
        .texts("name", known.map(|(name, _)| name))
        .texts("setting", known.map(|(_, value)| value))
        .nothing(&["unit", "category", "short_desc", "vartype", "boot_val", "reset_val"])
}

/// `information_schema`.
pub(super) fn standard(federation: &str, tables: &[Table]) -> Result<Vec<Named>, ArrowError> {
    let schemas = schemas(tables);
    let kind = |table: &Table| if table.kind == TableKind::Owned { "BASE TABLE" } else { "VIEW" };
    let schemata = Sheet::new(schemas.len())
        .text(&["catalog_name"], federation)
        .texts("schema_name", &schemas)
        .nothing(&["schema_owner"]);
    let listed = Sheet::new(tables.len())
        .text(&["table_catalog"], federation)
        .texts("table_schema", tables.iter().map(|table| &table.schema))
        .texts("table_name", tables.iter().map(|table| &table.name))
        .texts("table_type", tables.iter().map(kind));
    let all = tables.iter().flat_map(|table| {
        let columns = table.columns.fields().iter().enumerate();
        columns.map(move |(index, field)| (table, numbered(1, index), field))
    });
    let all: Vec<_> = all.collect();
    let columns = Sheet::new(all.len())
        .text(&["table_catalog"], federation)
        .texts("table_schema", all.iter().map(|(table, _, _)| &table.schema))
        .texts("table_name", all.iter().map(|(table, _, _)| &table.name))
        .texts("column_name", all.iter().map(|(_, _, field)| field.name()))
        .numbers("ordinal_position", all.iter().map(|(_, number, _)| *number))
        .texts("is_nullable", all.iter().map(|(_, _, field)| if field.is_nullable() { "YES" } else { "NO" }))
        .texts("data_type", all.iter().map(|(_, _, field)| Kind::of(field.data_type()).long))
        .texts("udt_name", all.iter().map(|(_, _, field)| Kind::of(field.data_type()).short))
        .nothing(&["column_default", "character_maximum_length", "numeric_precision", "numeric_scale"]);
    Ok(vec![("schemata", schemata.build()?), ("tables", listed.build()?), ("columns", columns.build()?)])
}

//! Questions about the federation: pure functions from a command to its schema and its rows.
//!
//! [`schema`] is what clients are told first, [`rows`] what they fetch then; both come from the same builders.

#![expect(clippy::wildcard_enum_match_arm, reason = "of all commands these ask about the federation")]

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use arrow_flight::sql::{Command, CommandGetDbSchemas, CommandGetTables};

use super::info;
use crate::endpoint::{Error, Result, Table, TableKind, wire};

/// What a session sees.
#[derive(Clone, Debug)]
pub(super) struct Catalog {
    /// The federation.
    pub(super) name: String,
    /// The program's version.
    pub(super) version: String,
    /// Its tables; empty if [`needs_tables`] says that the command does not look at them.
    pub(super) tables: Vec<Table>,
}

/// Whether the rows of a command come from the list of tables.
pub(super) fn needs_tables(command: &Command) -> bool {
    matches!(command, Command::CommandGetTables(_) | Command::CommandGetDbSchemas(_))
}

/// The schema of a command's rows; `None` if it does not ask about the federation.
pub(super) fn schema(command: &Command) -> Option<SchemaRef> {
    match command {
        Command::CommandGetCatalogs(command) => Some(command.into_builder().schema()),
        Command::CommandGetDbSchemas(command) => Some(command.clone().into_builder().schema()),
        Command::CommandGetTables(command) => Some(command.clone().into_builder().schema()),
        Command::CommandGetTableTypes(command) => Some(command.into_builder().schema()),
        Command::CommandGetSqlInfo(_) => Some(info::sql_schema()),
        Command::CommandGetXdbcTypeInfo(_) => info::types().ok().map(|types| types.schema()),
        Command::CommandGetPrimaryKeys(_) => Some(primary_keys()),
        Command::CommandGetExportedKeys(_)
        | Command::CommandGetImportedKeys(_)
        | Command::CommandGetCrossReference(_) => Some(foreign_keys()),
        _ => None,
    }
}

/// The rows of a command.
///
/// # Errors
/// Unsupported: it does not ask about the federation.
pub(super) fn rows(command: Command, catalog: &Catalog) -> Result<RecordBatch> {
    let rows = match command {
        Command::CommandGetCatalogs(command) => {
            let mut builder = command.into_builder();
            builder.append(&catalog.name);
            builder.build()
        }
        Command::CommandGetDbSchemas(command) => schemas(command, catalog),
        Command::CommandGetTables(command) => tables(command, catalog),
        Command::CommandGetTableTypes(command) => {
            let mut builder = command.into_builder();
            builder.append(TableKind::Owned.name());
            builder.append(TableKind::Virtual.name());
            builder.build()
        }
        Command::CommandGetSqlInfo(command) => {
            info::sql(&catalog.version).and_then(|info| command.into_builder(&info).build())
        }
        Command::CommandGetXdbcTypeInfo(command) => {
            info::types().and_then(|types| command.into_builder(&types).build())
        }
        // Owners declare no keys.
        Command::CommandGetPrimaryKeys(_) => Ok(RecordBatch::new_empty(primary_keys())),
        Command::CommandGetExportedKeys(_)
        | Command::CommandGetImportedKeys(_)
        | Command::CommandGetCrossReference(_) => Ok(RecordBatch::new_empty(foreign_keys())),
        other => return Err(Error::unsupported(format!("`{}` is not supported", other.type_url()))),
    };
    rows.map_err(|error| Error::internal(format!("the catalog cannot be listed: {error}")))
}

fn schemas(command: CommandGetDbSchemas, catalog: &Catalog) -> arrow_flight::error::Result<RecordBatch> {
    let mut builder = command.into_builder();
    let mut names: Vec<&str> = catalog.tables.iter().map(|table| table.schema.as_str()).collect();
    names.push(Table::VIRTUAL);
    names.sort_unstable();
    names.dedup();
    for name in names {
        builder.append(&catalog.name, name);
    }
    builder.build()
}

fn tables(mut command: CommandGetTables, catalog: &Catalog) -> arrow_flight::error::Result<RecordBatch> {
    for kind in &mut command.table_types {
        *kind = kind.to_uppercase();
        match kind.as_str() {
            "BASE TABLE" => TableKind::Owned.name().clone_into(kind),
            "VIRTUAL TABLE" => TableKind::Virtual.name().clone_into(kind),
            _ => {}
        }
    }
    let mut builder = command.into_builder();
    for table in &catalog.tables {
        let columns = wire::schema(&table.columns);
        builder.append(&catalog.name, &table.schema, &table.name, table.kind.name(), &columns)?;
    }
    builder.build()
}

fn primary_keys() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, true),
        Field::new("table_name", DataType::Utf8, false),
        Field::new("column_name", DataType::Utf8, false),
        Field::new("key_name", DataType::Utf8, true),
        Field::new("key_sequence", DataType::Int32, false),
    ]))
}

fn foreign_keys() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("pk_catalog_name", DataType::Utf8, true),
        Field::new("pk_db_schema_name", DataType::Utf8, true),
        Field::new("pk_table_name", DataType::Utf8, false),
        Field::new("pk_column_name", DataType::Utf8, false),
        Field::new("fk_catalog_name", DataType::Utf8, true),
        Field::new("fk_db_schema_name", DataType::Utf8, true),
        Field::new("fk_table_name", DataType::Utf8, false),
        Field::new("fk_column_name", DataType::Utf8, false),
        Field::new("key_sequence", DataType::Int32, false),
        Field::new("fk_key_name", DataType::Utf8, true),
        Field::new("pk_key_name", DataType::Utf8, true),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ]))
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray as _;
    use arrow_flight::sql::{
        CommandGetCatalogs, CommandGetCrossReference, CommandGetExportedKeys, CommandGetImportedKeys,
        CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes, CommandGetXdbcTypeInfo,
        CommandStatementQuery,
    };

    use super::*;

    fn catalog() -> Catalog {
        let columns = Arc::new(Schema::new(vec![Field::new("age", DataType::Int32, true)]));
        let table = |schema: &str, name: &str, kind| Table {
            schema: schema.to_owned(),
            name: name.to_owned(),
            kind,
            columns: Arc::clone(&columns),
        };
        Catalog {
            name: "heart".to_owned(),
            version: "1.0".to_owned(),
            tables: vec![
                table("hospital", "lifestyle", TableKind::Owned),
                table(Table::VIRTUAL, "cohort", TableKind::Virtual),
            ],
        }
    }

    fn tables(command: CommandGetTables) -> Vec<String> {
        let batch = rows(Command::CommandGetTables(command), &catalog()).unwrap();
        batch.column(2).as_string::<i32>().iter().flatten().map(str::to_owned).collect()
    }

    #[test]
    fn what_is_told_is_what_is_fetched() {
        let all = [
            Command::CommandGetCatalogs(CommandGetCatalogs {}),
            Command::CommandGetDbSchemas(CommandGetDbSchemas::default()),
            Command::CommandGetTables(CommandGetTables::default()),
            Command::CommandGetTables(CommandGetTables { include_schema: true, ..Default::default() }),
            Command::CommandGetTableTypes(CommandGetTableTypes {}),
            Command::CommandGetSqlInfo(CommandGetSqlInfo::default()),
            Command::CommandGetXdbcTypeInfo(CommandGetXdbcTypeInfo::default()),
            Command::CommandGetPrimaryKeys(CommandGetPrimaryKeys::default()),
            Command::CommandGetExportedKeys(CommandGetExportedKeys::default()),
            Command::CommandGetImportedKeys(CommandGetImportedKeys::default()),
            Command::CommandGetCrossReference(CommandGetCrossReference::default()),
        ];
        for command in all {
            let told = schema(&command).unwrap();
            assert_eq!(rows(command.clone(), &catalog()).unwrap().schema(), told, "{command:?}");
        }
        let other = Command::CommandStatementQuery(CommandStatementQuery::default());
        assert!(schema(&other).is_none() && rows(other, &catalog()).is_err());
    }

    #[test]
    fn tables_are_found_by_catalog_pattern_and_type() {
        let all = ["lifestyle", "cohort"];
        assert_eq!(tables(CommandGetTables::default()), all);
        let of = |catalog: Option<&str>, schema: Option<&str>, name: Option<&str>, types: &[&str]| {
            tables(CommandGetTables {
                catalog: catalog.map(str::to_owned),
                db_schema_filter_pattern: schema.map(str::to_owned),
                table_name_filter_pattern: name.map(str::to_owned),
                table_types: types.iter().map(|kind| (*kind).to_owned()).collect(),
                include_schema: false,
            })
        };
        assert_eq!(of(Some("heart"), Some("%"), Some("%"), &[]), all);
        assert!(of(Some(""), None, None, &[]).is_empty());
        assert_eq!(of(None, Some("hosp%"), None, &[]), ["lifestyle"]);
        assert_eq!(of(None, None, Some("c_hort"), &[]), ["cohort"]);
        for kind in ["table", "BASE TABLE", "Table"] {
            assert_eq!(of(None, None, None, &[kind]), ["lifestyle"], "{kind}");
        }
        assert_eq!(of(None, None, None, &["view", "SYSTEM TABLE"]), ["cohort"]);
    }
}

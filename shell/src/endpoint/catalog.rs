//! Questions about the catalogs of PostgreSQL, as psql's `\d` and BI tools ask them: SQL over small tables that say what
//! the federation has. They hold names and types only, so nothing that is asked here can reach a row of an owner.

mod function;
mod rewrite;
mod table;

use connectors::endpoint::{Error, Result, Rows, Table};
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider as _};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::{SessionConfig, SessionContext};
use std::sync::Arc;

/// Names that only questions about catalogs use.
const WORDS: [&str; 21] = [
    "pg_catalog.",
    "information_schema.",
    "pg_class",
    "pg_namespace",
    "pg_type",
    "pg_attribute",
    "pg_database",
    "pg_settings",
    "pg_roles",
    "pg_user",
    "pg_tables",
    "pg_views",
    "pg_description",
    "pg_backend_pid",
    "pg_is_in_recovery",
    "current_schema",
    "current_database",
    "current_user",
    "session_user",
    "current_setting",
    "version()",
];

/// Whether a statement asks about catalogs.
pub(super) fn is_question(sql: &str) -> bool {
    let text = sql.trim_start().to_lowercase();
    (text.starts_with("select") || text.starts_with("with")) && WORDS.iter().any(|word| text.contains(word))
}

/// Answers a question about catalogs.
pub(super) async fn answer(sql: &str, federation: &str, user: &str, tables: &[Table]) -> Result<Rows> {
    let sql = rewrite::rewrite(sql);
    if rewrite::asks_for_nothing(&sql) {
        return Ok(table::nothing());
    }
    let context = context(federation, user, tables).map_err(|error| unsupported(&error))?;
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let frame = context.sql_with_options(&sql, options).await.map_err(|error| unsupported(&error))?;
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let batches = frame.collect().await.map_err(|error| unsupported(&error))?;
    Ok(Rows { schema, batches })
}

fn unsupported(error: &DataFusionError) -> Error {
    let reason = error.strip_backtrace();
    let reason = reason.lines().next().unwrap_or_default();
    Error::unsupported(format!("this question about PostgreSQL's catalogs is not supported: {reason}"))
        .with_hint("SHOW TABLES and DESCRIBE list what the federation has")
}

fn context(federation: &str, user: &str, tables: &[Table]) -> Result<SessionContext, DataFusionError> {
    let config = SessionConfig::new()
        .with_target_partitions(1)
        .with_default_catalog_and_schema(federation, "pg_catalog");
    let context = SessionContext::new_with_config(config);
    let schema = tables.first().map_or(Table::VIRTUAL, |table| &table.schema);
    for function in function::all(federation, schema, user) {
        context.register_udf(function);
    }
    for (name, rows) in table::catalog(federation, user, tables)? {
        context.register_batch(name, rows)?;
    }
    let standard = MemorySchemaProvider::new();
    for (name, rows) in table::standard(federation, tables)? {
        let rows = datafusion::datasource::MemTable::try_new(rows.schema(), vec![vec![rows]])?;
        standard.register_table(name.to_owned(), Arc::new(rows))?;
    }
    if let Some(catalog) = context.catalog(federation) {
        catalog.register_schema("information_schema", Arc::new(standard))?;
    }
    Ok(context)
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field, Schema};
    use arrow::util::display::{ArrayFormatter, FormatOptions};
    use connectors::endpoint::TableKind;

    use super::*;

    async fn ask(sql: &str) -> Vec<String> {
        let columns = Arc::new(Schema::new(vec![
            Field::new("age", DataType::Int32, true),
            Field::new("cost", DataType::Decimal128(10, 2), false),
        ]));
        let table = |schema: &str, name: &str, kind| Table {
            schema: schema.to_owned(),
            name: name.to_owned(),
            kind,
            columns: Arc::clone(&columns),
        };
        let tables = [
            table("hospital", "lifestyle", TableKind::Owned),
            table("virtual", "cohort", TableKind::Virtual),
        ];
        assert!(is_question(sql), "{sql}");
        let rows =
            answer(sql, "heart", "ann", &tables).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let options = FormatOptions::default();
        let mut lines = Vec::new();
        for batch in &rows.batches {
            for row in 0..batch.num_rows() {
                let cells = batch
                    .columns()
                    .iter()
                    .map(|column| ArrayFormatter::try_new(column, &options).unwrap().value(row).to_string());
                lines.push(cells.collect::<Vec<_>>().join("|"));
            }
        }
        lines
    }

    #[tokio::test]
    async fn tables_and_columns_as_psql_asks() {
        let tables = r#"SELECT n.nspname as "Schema", c.relname as "Name",
            CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'p' THEN 'partitioned table' END as "Type",
            pg_catalog.pg_get_userbyid(c.relowner) as "Owner"
            FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r','p','v','') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast'
            AND n.nspname <> 'information_schema' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1,2;"#;
        assert_eq!(ask(tables).await, ["hospital|lifestyle|table|ann", "virtual|cohort|view|ann"]);
        let one = "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c \
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
            WHERE c.relname OPERATOR(pg_catalog.~) '^(lifestyle)$' COLLATE pg_catalog.default ORDER BY 2, 3;";
        let found = ask(one).await;
        let oid = found[0].split('|').next().unwrap();
        let columns = format!(
            "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), \
            (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) FROM pg_catalog.pg_attrdef d \
            WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef), a.attnotnull, \
            (SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type t WHERE c.oid = a.attcollation \
            AND t.oid = a.atttypid AND a.attcollation <> t.typcollation) AS attcollation, ''::pg_catalog.char AS attidentity \
            FROM pg_catalog.pg_attribute a WHERE a.attrelid = '{oid}' AND a.attnum > 0 AND NOT a.attisdropped \
            ORDER BY a.attnum;"
        );
        assert_eq!(ask(&columns).await, ["age|integer||false||", "cost|numeric(10,2)||true||"]);
        let parents = "SELECT c.oid::pg_catalog.regclass FROM pg_catalog.pg_class c, pg_catalog.pg_inherits i \
            WHERE c.oid=i.inhparent AND i.inhrelid = '1' ORDER BY inhseqno;";
        assert!(ask(parents).await.is_empty());
    }

    #[tokio::test]
    async fn questions_of_other_tools() {
        assert_eq!(
            ask("SELECT current_schema(), current_database(), session_user").await,
            ["hospital|heart|ann"]
        );
        assert!(ask("SELECT version()").await[0].starts_with("PostgreSQL 9.6"));
        let sql = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'cohort' ORDER BY ordinal_position";
        assert_eq!(ask(sql).await, ["age|integer", "cost|numeric"]);
        let sql = "select quote_ident(table_name) as \"table\" from information_schema.tables where table_schema not in ('pg_catalog')";
        assert_eq!(ask(sql).await.len(), 2);
        assert_eq!(ask("SELECT datname FROM pg_database").await, ["heart"]);
    }

    #[tokio::test]
    async fn nothing_but_catalogs_can_be_read() {
        for sql in [
            "SELECT * FROM pg_class, hospital.lifestyle",
            "SELECT * FROM pg_class, '/etc/passwd'",
            "WITH x AS (SELECT 1) SELECT pg_class.relname FROM nothing",
        ] {
            let error = answer(sql, "heart", "ann", &[]).await.unwrap_err();
            assert_eq!(error.class, connectors::endpoint::Class::Unsupported, "{sql}");
        }
        for sql in [
            "SELECT COUNT(*) FROM cohort",
            "EXPLAIN SELECT * FROM pg_class",
            "CREATE VIEW x AS SELECT * FROM pg_class",
        ] {
            assert!(!is_question(sql), "{sql}");
        }
    }
}

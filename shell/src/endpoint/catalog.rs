//! Questions about the catalogs of PostgreSQL, as psql's `\d` and BI tools ask them: SQL over small tables that say what
//! the federation has. They hold names and types only, so nothing that is asked here can reach a row of an owner.

mod function;
mod nothing;
mod rewrite;
mod table;

use connectors::endpoint::{Class, Error, Result, Rows, Table};
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider as _};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::Tokenizer;
use std::sync::Arc;
use std::time::Duration;

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

/// No question of a driver is longer, in tokens with the spaces between them.
const MOST_TOKENS: usize = 4_000;
/// The engine plans by recursion: the longest question fits, in debug builds too.
const STACK_BYTES: usize = 512 << 20;
/// Questions over small tables take milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// What one question may hold.
const MEMORY_BYTES: usize = 256 << 20;

/// Answers a question about catalogs, on a thread of its own: whatever a client asks, the server goes on.
///
/// # Errors
/// Unsupported: not a question that the tables here can answer. Resource: too long, too large, or not done in time.
pub(super) async fn answer(sql: &str, federation: &str, user: &str, tables: &[Table]) -> Result<Rows> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize().map_or(0, |tokens| tokens.len());
    if tokens > MOST_TOKENS {
        let message = format!("a question about catalogs has at most {MOST_TOKENS} words and signs");
        return Err(Error::new(Class::Resource, message));
    }
    let (sql, federation, user) = (sql.to_owned(), federation.to_owned(), user.to_owned());
    let (tables, (tell, told)) = (tables.to_vec(), tokio::sync::oneshot::channel());
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let outcome = runtime.map_err(|_| Error::internal("no runtime for a question")).and_then(|runtime| {
            let answered = async {
                let rows = Box::pin(answered(&sql, &federation, &user, &tables));
                tokio::time::timeout(PATIENCE, rows).await
            };
            runtime.block_on(answered).unwrap_or_else(|_| Err(too_long()))
        });
        // A client that has gone does not need to know.
        let _gone = tell.send(outcome);
    };
    let thread = std::thread::Builder::new().name("catalog".to_owned()).stack_size(STACK_BYTES);
    thread.spawn(work).map_err(|_| Error::internal("no thread for a question"))?;
    // Planning does not look at the clock: who waits is told in time all the same.
    match tokio::time::timeout(PATIENCE, told).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Error::internal("the question has ended without an answer")),
        Err(_) => Err(too_long()),
    }
}

fn too_long() -> Error {
    Error::new(Class::Resource, format!("the question took longer than {} s", PATIENCE.as_secs()))
}

async fn answered(sql: &str, federation: &str, user: &str, tables: &[Table]) -> Result<Rows> {
    let sql =
        rewrite::rewrite(sql).map_err(|error| unsupported(&DataFusionError::Plan(error.to_string())))?;
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
    let runtime = RuntimeEnvBuilder::new().with_memory_limit(MEMORY_BYTES, 1.0).build_arc()?;
    let context = SessionContext::new_with_config_rt(config, runtime);
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
            assert_eq!(error.class, Class::Unsupported, "{sql}");
        }
        for sql in [
            "SELECT COUNT(*) FROM cohort",
            "EXPLAIN SELECT * FROM pg_class",
            "CREATE VIEW x AS SELECT * FROM pg_class",
        ] {
            assert!(!is_question(sql), "{sql}");
        }
    }

    /// The questions of the JDBC driver for PostgreSQL, which `DBeaver`, Metabase and others ask through it.
    #[tokio::test]
    async fn jdbc_lists_schemas_tables_and_columns() {
        let schemas = "SELECT nspname AS TABLE_SCHEM, NULL AS TABLE_CATALOG FROM pg_catalog.pg_namespace \
            WHERE nspname <> 'pg_toast' AND (nspname !~ '^pg_temp_' OR nspname = (pg_catalog.current_schemas(true))[1]) \
            AND (nspname !~ '^pg_toast_temp_' OR nspname = replace((pg_catalog.current_schemas(true))[1], \
            'pg_temp_', 'pg_toast_temp_')) ORDER BY TABLE_SCHEM";
        assert_eq!(ask(schemas).await, ["hospital|", "information_schema|", "pg_catalog|", "virtual|"]);
        let tables = "SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM, c.relname AS TABLE_NAME, \
            CASE n.nspname ~ '^pg_' OR n.nspname = 'information_schema' \
            WHEN true THEN CASE c.relkind WHEN 'r' THEN 'SYSTEM TABLE' ELSE NULL END \
            WHEN false THEN CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'v' THEN 'VIEW' ELSE NULL END \
            ELSE NULL END AS TABLE_TYPE, d.description AS REMARKS \
            FROM pg_catalog.pg_namespace n, pg_catalog.pg_class c \
            LEFT JOIN pg_catalog.pg_description d ON (c.oid = d.objoid AND d.objsubid = 0 \
            and d.classoid = 'pg_class'::regclass) WHERE c.relnamespace = n.oid AND c.relname LIKE '%' \
            AND (false OR ( c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ) \
            OR ( c.relkind = 'v' AND n.nspname <> 'pg_catalog' )) ORDER BY TABLE_TYPE,TABLE_SCHEM,TABLE_NAME ";
        assert_eq!(ask(tables).await, ["|hospital|lifestyle|TABLE|", "|virtual|cohort|VIEW|"]);
        let columns = "SELECT * FROM (SELECT n.nspname,c.relname,a.attname,a.atttypid,a.attnotnull OR \
            (t.typtype = 'd' AND t.typnotnull) AS attnotnull,a.atttypmod,a.attlen,t.typtypmod,\
            row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS attnum, null as attidentity,\
            null as attgenerated,pg_catalog.pg_get_expr(def.adbin, def.adrelid) AS adsrc,dsc.description,\
            t.typbasetype,t.typtype FROM pg_catalog.pg_namespace n \
            JOIN pg_catalog.pg_class c ON (c.relnamespace = n.oid) \
            JOIN pg_catalog.pg_attribute a ON (a.attrelid=c.oid) \
            JOIN pg_catalog.pg_type t ON (a.atttypid = t.oid) \
            LEFT JOIN pg_catalog.pg_attrdef def ON (a.attrelid=def.adrelid AND a.attnum = def.adnum) \
            LEFT JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid) \
            LEFT JOIN pg_catalog.pg_class dc ON (dc.oid=dsc.classoid AND dc.relname='pg_class') \
            LEFT JOIN pg_catalog.pg_namespace dn ON (dc.relnamespace=dn.oid AND dn.nspname='pg_catalog') \
            WHERE c.relkind in ('r','p','v','f','m') and a.attnum > 0 AND NOT a.attisdropped \
            AND n.nspname LIKE 'hospital' AND c.relname LIKE 'lifestyle') c WHERE true \
            AND attname LIKE '%' ORDER BY nspname,c.relname,attnum";
        let rows = ask(columns).await;
        assert!(rows[0].starts_with("hospital|lifestyle|age|23|false|-1|4|"), "{rows:?}");
        assert!(rows[1].starts_with("hospital|lifestyle|cost|1700|true|"), "{rows:?}");
        let keys = "SELECT result.TABLE_CAT, result.COLUMN_NAME, result.KEY_SEQ FROM (SELECT NULL AS TABLE_CAT, \
            a.attname AS COLUMN_NAME, (information_schema._pg_expandarray(i.indkey)).n AS KEY_SEQ, \
            information_schema._pg_expandarray(i.indkey) AS KEYS, a.attnum AS A_ATTNUM FROM pg_catalog.pg_class ct \
            JOIN pg_catalog.pg_attribute a ON (ct.oid = a.attrelid) JOIN pg_catalog.pg_index i ON \
            (a.attrelid = i.indrelid) WHERE i.indisprimary) result where result.A_ATTNUM = (result.KEYS).x \
            ORDER BY result.table_name, result.key_seq";
        assert!(ask(keys).await.is_empty());
        let types = "SELECT t.typname,t.oid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON \
            (t.typnamespace = n.oid) WHERE n.nspname != 'pg_toast' AND (t.typrelid = 0 OR \
            (SELECT c.relkind = 'c' FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid))";
        assert!(ask(types).await.contains(&"numeric|1700".to_owned()));
        let one = "SELECT typinput='pg_catalog.array_in'::regproc as is_array, typtype, typname, pg_type.oid \
            FROM pg_catalog.pg_type LEFT JOIN (select ns.oid as nspoid, ns.nspname, r.r from pg_namespace as ns join \
            (select s.r, (current_schemas(false))[s.r] as nspname from generate_series(1, \
            array_upper(current_schemas(false), 1)) as s(r)) as r using (nspname)) as sp \
            ON sp.nspoid = typnamespace WHERE pg_type.oid = 23 ORDER BY sp.r, pg_type.oid DESC";
        assert_eq!(ask(one).await, ["false|b|int4|23"]);
    }

    /// Those of `SQLAlchemy`'s inspection, and of Npgsql's types, which Power BI asks through it.
    #[tokio::test]
    async fn sqlalchemy_and_npgsql_find_tables_and_types() {
        let schemas = "SELECT pg_catalog.pg_namespace.nspname FROM pg_catalog.pg_namespace WHERE \
            (pg_catalog.pg_namespace.nspname NOT LIKE 'pg/_'::VARCHAR || '%' ESCAPE '/') \
            ORDER BY pg_catalog.pg_namespace.nspname";
        assert_eq!(ask(schemas).await, ["hospital", "information_schema", "virtual"]);
        let tables = "SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace \
            ON pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace WHERE pg_catalog.pg_class.relkind \
            = ANY (ARRAY['r'::VARCHAR, 'p'::VARCHAR]) AND pg_catalog.pg_class.relpersistence != 't'::VARCHAR \
            AND pg_catalog.pg_namespace.nspname = 'hospital'::VARCHAR";
        assert_eq!(ask(tables).await, ["lifestyle"]);
        let columns = "SELECT pg_catalog.pg_attribute.attname AS name, CASE WHEN pg_catalog.pg_attribute.atthasdef \
            THEN (SELECT pg_catalog.pg_get_expr(pg_catalog.pg_attrdef.adbin, pg_catalog.pg_attrdef.adrelid) AS e \
            FROM pg_catalog.pg_attrdef WHERE pg_catalog.pg_attrdef.adnum = pg_catalog.pg_attribute.attnum) ELSE NULL \
            END AS \"default\", (SELECT json_build_object('always', pg_catalog.pg_sequence.seqcycle) FROM \
            pg_catalog.pg_sequence) AS identity_options FROM pg_catalog.pg_class LEFT OUTER JOIN \
            pg_catalog.pg_attribute ON pg_catalog.pg_class.oid = pg_catalog.pg_attribute.attrelid LEFT OUTER JOIN \
            pg_catalog.pg_description ON pg_catalog.pg_description.objsubid = pg_catalog.pg_attribute.attnum \
            WHERE pg_catalog.pg_class.relkind = ANY (ARRAY['r', 'v']) AND pg_catalog.pg_class.relname IN ('lifestyle') \
            ORDER BY pg_catalog.pg_attribute.attnum";
        assert_eq!(ask(columns).await, ["age||", "cost||"]);
        let types = "SELECT ns.nspname, t.oid, t.typname, t.typtype FROM (SELECT typ.oid, typ.typnamespace, \
            typ.typname, typ.typtype, typ.relkind, elemtyp.oid AS elemtypoid, CASE WHEN elemproc.proname=\
            'array_recv' THEN 'a' ELSE elemtyp.typtype END AS elemtyptype FROM (SELECT typ.oid, typnamespace, \
            typname, typrelid, relkind, CASE WHEN proc.proname='array_recv' THEN 'a' ELSE typ.typtype END AS \
            typtype, CASE WHEN proc.proname='array_recv' THEN typ.typelem WHEN typ.typtype='r' THEN rngsubtype \
            WHEN typ.typtype='d' THEN typ.typbasetype END AS elemtypoid FROM pg_type AS typ LEFT JOIN pg_class \
            AS cls ON (cls.oid = typ.typrelid) LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive LEFT JOIN \
            pg_range ON (pg_range.rngtypid = typ.oid)) AS typ LEFT JOIN pg_type AS elemtyp ON elemtyp.oid = \
            elemtypoid LEFT JOIN pg_proc AS elemproc ON elemproc.oid = elemtyp.typreceive) AS t JOIN \
            pg_namespace AS ns ON (ns.oid = typnamespace) WHERE typtype IN ('b', 'r', 'm', 'e', 'd') ORDER BY t.oid";
        assert_eq!(ask(types).await[0], "pg_catalog|16|bool|b");
        assert_eq!(ask("SELECT '\"hospital\".\"lifestyle\"'::regclass = c.oid FROM pg_class c WHERE c.relname = 'lifestyle'").await, ["true"]);
    }

    /// What was broken: an expression of thousands of terms overflowed the stack of a server's thread and ended the server,
    /// for everybody. Now it is answered, or refused as too long.
    #[tokio::test]
    async fn no_question_ends_the_server() {
        let sum = |terms: usize| format!("SELECT version() AS v WHERE 1 < {}", vec!["1"; terms].join("+"));
        assert_eq!(ask(&sum(400)).await.len(), 1);
        let any = |terms: usize| {
            let conditions = vec!["relname='lifestyle'"; terms].join(" OR ");
            format!("SELECT relname FROM pg_class WHERE {conditions}")
        };
        assert_eq!(ask(&any(200)).await, ["lifestyle"]);
        for sql in [sum(30_000), any(20_000), vec!["SELECT version()"; 3_000].join(" UNION ALL ")] {
            assert_eq!(answer(&sql, "heart", "ann", &[]).await.unwrap_err().class, Class::Resource);
        }
        for sql in [
            format!("SELECT version(), {}1{}", "(".repeat(1_500), ")".repeat(1_500)),
            format!("SELECT version() WHERE {} true", "NOT ".repeat(1_500)),
        ] {
            assert_eq!(answer(&sql, "heart", "ann", &[]).await.unwrap_err().class, Class::Unsupported);
        }
    }
}

use proptest::prelude::*;

use super::*;
use crate::error::{Class, Error};

fn texts(sql: &str) -> Vec<String> {
    statements(sql).unwrap().into_iter().map(|statement| statement.sql).collect()
}

fn error(sql: &str) -> Error {
    parse(sql).expect_err(sql)
}

#[test]
fn semicolons_end_statements() {
    assert_eq!(texts("SELECT 1; SELECT 2"), ["SELECT 1", "SELECT 2"]);
    assert_eq!(texts(" ;; SELECT 1 ;\n;"), ["SELECT 1"]);
    assert_eq!(
        texts("SELECT ';' AS \"a;b\"; -- no; \n /* ; */ SELECT 2 -- end"),
        ["SELECT ';' AS \"a;b\"", "SELECT 2 -- end"]
    );
    assert_eq!(texts("  -- nothing\n"), Vec::<String>::new());
    assert_eq!(texts("SELECT 'ä;ö'; SELECT 'ü'"), ["SELECT 'ä;ö'", "SELECT 'ü'"]);
}

#[test]
fn statements_know_where_they_begin() {
    let all = statements("SELECT 1;\n\n  SELECT\n2;").unwrap();
    let places: Vec<(u64, u64)> = all.iter().map(|s| (s.position.line, s.position.column)).collect();
    assert_eq!(places, [(1, 1), (3, 3)]);
}

#[test]
fn open_strings_have_a_place() {
    let error = statements("SELECT 1;\nSELECT 'abc").unwrap_err();
    assert_eq!((error.class, error.position.map(|at| at.line)), (Class::Invalid, Some(2)));
    assert!(statements("SELECT \"abc").is_err());
    assert!(statements("/* abc").is_err());
}

#[test]
fn kinds() {
    assert!(matches!(parse("select 1;").unwrap(), Kind::Query(_)));
    assert!(matches!(parse("(SELECT 1) UNION ALL (SELECT 2)").unwrap(), Kind::Query(_)));
    let Kind::Create { name, or_replace, sql, .. } =
        parse("create or replace virtual table \"My T\" as\n SELECT 1 -- x\n").unwrap()
    else {
        panic!()
    };
    assert_eq!((name.as_str(), or_replace, sql.as_str()), ("My T", true, "SELECT 1 -- x"));
    assert!(matches!(parse("CREATE VIEW v AS SELECT 1").unwrap(), Kind::Create { or_replace: false, .. }));
    assert!(matches!(parse("DROP VIEW IF EXISTS v").unwrap(), Kind::Drop { if_exists: true, .. }));
    assert!(matches!(parse("DROP VIRTUAL TABLE v").unwrap(), Kind::Drop { if_exists: false, .. }));
    let Kind::Set { name, value } = parse("SET timeout = '30s'").unwrap() else { panic!() };
    assert_eq!((name.as_str(), value.as_str()), ("timeout", "30s"));
    assert!(matches!(parse("SET timeout TO 30").unwrap(), Kind::Set { .. }));
    assert!(matches!(parse("show tables").unwrap(), Kind::ShowTables));
    assert!(matches!(parse("SHOW FUNCTIONS").unwrap(), Kind::ShowFunctions));
    assert!(matches!(parse("SHOW timeout").unwrap(), Kind::ShowSettings(Some(_))));
    assert!(matches!(parse("DESC hospital.lifestyle").unwrap(), Kind::Describe(name) if name.len() == 2));
    assert!(matches!(parse("SHOW COLUMNS FROM t").unwrap(), Kind::Describe(_)));
    assert!(
        matches!(parse("PREPARE p AS SELECT $1").unwrap(), Kind::Prepare { sql, .. } if sql == "SELECT $1")
    );
    assert!(
        matches!(parse("EXECUTE p(1, 'x', -2)").unwrap(), Kind::Execute { arguments, .. } if arguments.len() == 3)
    );
    assert!(matches!(parse("EXECUTE p").unwrap(), Kind::Execute { .. }));
    assert!(matches!(parse("DEALLOCATE PREPARE p").unwrap(), Kind::Deallocate(_)));
    let Kind::Copy { path, .. } = parse("COPY (SELECT (1)) TO 'a.csv'").unwrap() else { panic!() };
    assert_eq!(path, "a.csv");
}

#[test]
fn explains() {
    let what = |sql: &str| match parse(sql).unwrap() {
        Kind::Explain { what, .. } => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(what("EXPLAIN SELECT 1"), Explain::Tree { verbose: false });
    assert_eq!(what("EXPLAIN VERBOSE SELECT 1"), Explain::Tree { verbose: true });
    assert_eq!(what("EXPLAIN DISCLOSURE SELECT 1"), Explain::Disclosure);
    assert_eq!(what("EXPLAIN ANALYZE SELECT 1"), Explain::Analyze);
    assert_eq!(what("EXPLAIN (FORMAT JSON) SELECT 1"), Explain::Json);
    assert_eq!(what("EXPLAIN (format json) (SELECT 1)"), Explain::Json);
    assert_eq!(what("EXPLAIN (SELECT 1)"), Explain::Tree { verbose: false });
    assert_eq!(what("EXPLAIN EXECUTE p(1)"), Explain::Tree { verbose: false });
}

#[test]
fn refused_by_name() {
    for sql in [
        "INSERT INTO t VALUES (1)",
        "update t set a = 1",
        "DELETE FROM t",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'x'",
        "COPY t FROM 'x.csv'",
        "COPY t (a, b) FROM 'x.csv'",
        "TRUNCATE t",
    ] {
        assert_eq!(error(sql).class, Class::Refused, "{sql}");
    }
}

#[test]
fn faults_have_places_and_hints() {
    use std::fmt::Write as _;
    let mut all = String::new();
    for sql in [
        "",
        "SELCT 1",
        "SELECT",
        "SELECT 1 FROM",
        "SELECT (1",
        "SELECT 1 1",
        "SELECT 1; SELECT 2",
        "CREATE TABLE t (a INT)",
        "CREATE VIRTUAL TABLE AS SELECT 1",
        "CREATE VIRTUAL TABLE a.b AS SELECT 1",
        "CREATE VIRTUAL TABLE v SELECT 1",
        "DROP DATABASE d",
        "SET timeout",
        "SHOW",
        "SHOW TABLES LIKE",
        "DESCRIBE",
        "PREPARE p(INT) AS SELECT 1",
        "EXECUTE p(1",
        "EXPLAIN",
        "EXPLAIN EXPLAIN SELECT 1",
        "EXPLAIN SHOW TABLES",
        "EXPLAIN (FORMAT XML) SELECT 1",
        "COPY (SELECT 1) TO",
        "COPY (SELECT 1) TO STDOUT",
        "COPY (SELECT 1) TO PROGRAM 'x'",
        "COPY (SELECT 1 TO 'x'",
        "COPY t TO 'x'",
        "42",
        "SELECT 1 @ 2",
        "FROM t",
    ] {
        let Error { class, message, hint, position } = error(sql);
        let place = position.map_or_else(|| "-".to_owned(), |at| format!("{}:{}", at.line, at.column));
        writeln!(all, "{sql}\n    {} {place} {message} | {}", class.name(), hint.unwrap_or_default())
            .unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn long_and_deep_statements_end_in_an_error() {
    let long = format!("SELECT {}", "1 + ".repeat(100_000));
    assert_eq!(error(&long).class, Class::Resource);
    let chain = format!("SELECT {}1", "1 + ".repeat(1_000));
    assert_eq!(error(&chain).class, Class::Resource);
    let (open, close) = ("(".repeat(30), " + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1)".repeat(30));
    assert_eq!(error(&format!("SELECT {open}1{close}")).class, Class::Resource);
    let unions = "SELECT 1 AS a UNION ALL ".repeat(60);
    assert_eq!(error(&format!("{unions}SELECT 1")).class, Class::Resource);
    parse(&format!("SELECT {}", vec!["SUM(a + 1) * 2"; 500].join(", "))).unwrap();
    parse(&format!("SELECT 1 WHERE a IN ({})", vec!["'x'"; 5_000].join(", "))).unwrap();
    let deep = format!("SELECT {}1{}", "(".repeat(2_000), ")".repeat(2_000));
    assert_eq!(error(&deep).class, Class::Invalid);
}

/// Parsers that try one reading and then another can take exponential time on nested parentheses.
#[test]
fn nested_parentheses_are_read_in_time() {
    for (before, inside, after) in [
        ("SELECT 1 FROM ", ("(", "t", ")"), ""),
        ("SELECT ", ("(", "1", ")"), ""),
        ("", ("(", "SELECT 1", ")"), ""),
        ("SELECT ", ("abs(", "1", ")"), ""),
        ("SELECT 1 FROM ", ("(SELECT * FROM ", "t", ") x"), ""),
        ("SELECT 1 WHERE ", ("(", "a", ", 1) IN ((1, 2))"), ""),
        ("SELECT 1 WHERE ", ("(NOT (", "a", "))"), ""),
        ("SELECT ", ("CASE WHEN ", "a", " THEN 1 END"), ""),
        ("SELECT 1 FROM ", ("(t JOIN ", "t", ")"), ""),
        ("SELECT * FROM ", ("LASSO((SELECT * FROM ", "t", "), target => 'x')"), ""),
    ] {
        for depth in [8, 24, 45] {
            let (open, middle, close) = inside;
            let sql = format!("{before}{}{middle}{}{after}", open.repeat(depth), close.repeat(depth));
            let _ = crate::stack::on_own_stack(|| parse(&sql).map(|_| ()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        if let Ok(all) = statements(&text) {
            for statement in all {
                prop_assert!(!statement.sql.is_empty());
                let _ = parse(&statement.sql);
            }
        }
    }
}

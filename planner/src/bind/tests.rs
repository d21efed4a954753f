//! Names, plans and refusals over a small federation with odd spellings.

use datafusion::logical_expr::{Expr as PlanExpr, Extension, LogicalPlan};
use proptest::prelude::*;

use super::*;
use crate::error::Class;
use crate::function::TableFunction;
use crate::session::VirtualTable;

const FEDERATION: &str = r#"
version = 1
name = "test"
party = [
  { name = "hospital", seat = 0 },
  { name = "Insurer", seat = 1 },
  { name = "helper", seat = 2 },
]
[[view]]
name = "Cohort"
sql = "SELECT h.*, c.days, c.region FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.pid) = HASHED(c.pid)"
[[view]]
name = "elders"
sql = "SELECT * FROM cohort WHERE AGE > 60"
[[view]]
name = "loop_a"
sql = "SELECT * FROM loop_b"
[[view]]
name = "loop_b"
sql = "SELECT * FROM loop_a"
[[view]]
name = "broken"
sql = "SELECT agee FROM hospital.lifestyle"
"#;

const HOSPITAL: &str = r#"
version = 1
[table.lifestyle]
person = "pid"
max_rows = 100
[table.lifestyle.column]
pid = { type = "TEXT", allow = ["join"] }
age = { type = "INTEGER", bounds = [0, 120], allow = ["filter", "aggregate", "model"] }
horTh = { type = "BOOLEAN", allow = ["filter", "group", "model"] }
bmi = { type = "DOUBLE", bounds = [10, 80], allow = ["aggregate", "model"] }
since = { type = "DATE", bounds = ["2000-01-01", "2030-01-01"], allow = ["filter"] }
"#;

const INSURER: &str = r#"
version = 1
[table.Claims]
person = "pid"
max_rows = 100
[table.Claims.column]
pid = { type = "TEXT", allow = ["join"] }
days = { type = "BIGINT", bounds = [0, 366], allow = ["aggregate", "model"] }
cost = { type = "DECIMAL(10,2)", bounds = [0, 1000], allow = ["aggregate"] }
region = { type = "TEXT", values = ["north", "south"], allow = ["group", "filter", "model"] }
Age = { type = "INTEGER", bounds = [0, 120], allow = ["filter"] }
"#;

fn federation() -> Federation {
    let policies = [("hospital", HOSPITAL), ("insurer", INSURER)];
    crate::policy::parse(FEDERATION, &policies.map(|(name, text)| (name.to_owned(), text.to_owned())))
        .unwrap()
}

fn session() -> Session {
    let table = VirtualTable {
        name: "Young".to_owned(),
        sql: "SELECT * FROM hospital.lifestyle WHERE age < 40".to_owned(),
    };
    Session { virtual_tables: vec![table], submitted_us: 1_700_000_000_000_000, ..Session::default() }
}

fn bound(sql: &str) -> Bound {
    bind(&federation(), &session(), sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"))
}

fn columns(sql: &str) -> Vec<String> {
    bound(sql).raw.schema().fields().iter().map(|field| field.name().clone()).collect()
}

fn error(sql: &str) -> Error {
    match bind(&federation(), &session(), sql) {
        Ok(bound) => panic!("{sql}: no error\n{}", bound.raw.display_indent()),
        Err(error) => error,
    }
}

/// `class line:column message | hint`
fn shown(sql: &str) -> String {
    let Error { class, message, hint, position } = error(sql);
    let place = position.map_or_else(|| "-".to_owned(), |at| format!("{}:{}", at.line, at.column));
    format!("{} {place} {message} | {}", class.name(), hint.unwrap_or_default())
}

/// The optimised plan, one line a node.
fn optimised(sql: &str) -> String {
    bound(sql).optimised.display_indent().to_string()
}

fn table_function(plan: &LogicalPlan) -> TableFunction {
    if let LogicalPlan::Extension(Extension { node }) = plan {
        return node.as_any().downcast_ref::<TableFunction>().unwrap().clone();
    }
    table_function(plan.inputs().first().unwrap())
}

#[test]
fn columns_carry_the_declared_spelling() {
    assert_eq!(
        columns("SELECT HORTH, \"AGE\", H.bmi AS Bmi FROM HOSPITAL.Lifestyle h"),
        ["horTh", "age", "Bmi"]
    );
    assert_eq!(columns("SELECT LifeStyle.AGE FROM hospital.lifestyle"), ["age"]);
    assert_eq!(columns("SELECT hospital.lifestyle.Age FROM hospital.lifestyle"), ["age"]);
    assert_eq!(columns("SELECT * FROM insurer.claims"), ["pid", "days", "cost", "region", "Age"]);
    assert_eq!(columns("SELECT C.* FROM insurer.claims c"), ["pid", "days", "cost", "region", "Age"]);
    assert_eq!(columns("SELECT * EXCLUDE (PID, cost) FROM insurer.claims"), ["days", "region", "Age"]);
    assert_eq!(
        columns("SELECT h.age, c.AGE AS other FROM hospital.lifestyle h, insurer.claims c"),
        ["age", "other"]
    );
    assert_eq!(columns("SELECT DAYS FROM cohort WHERE Cohort.AGE > 3"), ["days"]);
    assert_eq!(columns("SELECT x.N FROM (SELECT COUNT(*) AS n FROM young) X"), ["n"]);
    assert_eq!(columns("WITH Q AS (SELECT age AS A FROM young) SELECT a, Q.a AS b FROM q"), ["A", "b"]);
    assert_eq!(columns("SELECT B FROM (SELECT age, bmi FROM young) t(a, b)"), ["b"]);
    assert_eq!(
        columns("SELECT COUNT(*) AS N FROM young GROUP BY HorTh HAVING count(*) > 2 ORDER BY n"),
        ["N"]
    );
    assert_eq!(columns("TABLE hospital.lifestyle").len(), 5);
    assert_eq!(
        columns("SELECT age FROM young UNION ALL SELECT Age FROM insurer.claims ORDER BY AGE"),
        ["age"]
    );
    assert_eq!(columns("SELECT AVG(h.HORTH::int) FROM hospital.lifestyle h"), ["avg(h.horTh)"]);
}

#[test]
fn tools_write_the_federation_and_a_schema_before_every_name() {
    for sql in [
        "SELECT \"test\".\"hospital\".\"lifestyle\".\"age\" FROM \"test\".\"hospital\".\"lifestyle\"",
        "SELECT lifestyle.age FROM TEST.hospital.lifestyle",
        "SELECT hospital.lifestyle.age FROM test.Hospital.Lifestyle",
        "SELECT test.virtual.cohort.age FROM test.virtual.cohort",
        "SELECT Virtual.Cohort.AGE FROM cohort",
        "SELECT cohort.age FROM virtual.COHORT",
        "SELECT young.age FROM \"virtual\".young",
        "SELECT c.age FROM test.virtual.cohort AS c",
        "SELECT cohort.age FROM hospital.lifestyle AS cohort",
    ] {
        assert_eq!(columns(sql), ["age"], "{sql}");
    }
    assert_eq!(columns("SELECT test.virtual.young.* FROM test.virtual.young").len(), 5);
    assert_eq!(columns("SELECT test.hospital.lifestyle.* FROM test.hospital.lifestyle").len(), 5);
    let call = "SELECT term FROM LASSO(test.virtual.cohort, target => 'days', features => 'age')";
    assert_eq!(columns(call), ["term"]);
    // A common table expression hides a virtual table only where it is named alone.
    let hidden = "WITH cohort AS (SELECT 1 AS one) SELECT cohort.one, v.age FROM cohort, virtual.cohort v";
    assert_eq!(columns(hidden), ["one", "age"]);
    for (sql, expected) in [
        ("SELECT 1 FROM other.hospital.lifestyle", "unknown table `other.hospital.lifestyle`"),
        ("SELECT 1 FROM virtual.lifestyle", "unknown table `lifestyle`"),
        ("SELECT 1 FROM test.hospital.nothing", "unknown table `hospital.nothing`"),
        (
            "SELECT other.hospital.lifestyle.age FROM hospital.lifestyle",
            "no relation `other.hospital.lifestyle`",
        ),
        ("SELECT virtual.c.age FROM cohort c", "no relation `virtual.c`"),
    ] {
        assert!(shown(sql).contains(expected), "{sql}: {}", shown(sql));
    }
}

#[test]
fn a_column_hides_an_alias_in_group_by_and_the_other_way_round_in_order_by() {
    let plan = optimised("SELECT Age AS BMI, COUNT(*) FROM hospital.lifestyle GROUP BY age ORDER BY bmi");
    assert!(plan.starts_with("Sort: BMI"), "{plan}");
    assert_eq!(
        columns("SELECT age > 40 AS Old, COUNT(*) FROM young GROUP BY OLD ORDER BY old"),
        ["Old", "count(*)"]
    );
}

#[test]
fn hashed_stays_an_equi_join_key() {
    insta::assert_snapshot!(optimised("SELECT AVG(days) FROM elders"));
    let plan = optimised(
        "SELECT COUNT(*) FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.pid, h.age) = HASHED(c.pid, c.age)",
    );
    assert!(plan.contains("Inner Join: hashed(h.pid, h.age) = hashed(c.pid, c.Age)"), "{plan}");
    let plan = optimised(
        "SELECT COUNT(*) FROM hospital.lifestyle h, insurer.claims c WHERE HASHED(c.pid) = hashed(h.pid) AND h.age > 1",
    );
    assert!(plan.contains("Inner Join: hashed(h.pid) = hashed(c.pid)"), "{plan}");
}

#[test]
fn rows_of_tables_are_not_counted_as_a_whole() {
    for sql in [
        "SELECT COUNT(*) FROM (SELECT age FROM hospital.lifestyle INTERSECT ALL SELECT MAX(age) FROM hospital.lifestyle)",
        "SELECT COUNT(*) FROM (SELECT horTh FROM hospital.lifestyle EXCEPT ALL SELECT FALSE)",
        "SELECT age FROM hospital.lifestyle INTERSECT ALL SELECT 30",
    ] {
        let error = error(sql);
        assert_eq!(error.class, Class::Refused, "{sql}: {error}");
        assert!(error.hint.is_some() && error.position.is_some(), "{sql}: {error}");
    }
    assert!(bind(&federation(), &session(), "SELECT 1 INTERSECT ALL SELECT 1").is_ok());
}

#[test]
fn tests_for_distinctness_end_before_and() {
    let with =
        |condition: &str| optimised(&format!("SELECT COUNT(*) FROM hospital.lifestyle WHERE {condition}"));
    for (plain, meant) in [
        ("horTh IS NOT DISTINCT FROM FALSE OR age > 50", "(horTh IS NOT DISTINCT FROM FALSE) OR age > 50"),
        (
            "age > 50 AND horTh IS DISTINCT FROM TRUE OR age < 30",
            "(age > 50 AND (horTh IS DISTINCT FROM TRUE)) OR age < 30",
        ),
        ("NOT horTh IS DISTINCT FROM TRUE AND age < 30", "(NOT (horTh IS DISTINCT FROM TRUE)) AND age < 30"),
        ("age IS DISTINCT FROM 3 + 4 * 5", "age IS DISTINCT FROM (3 + (4 * 5))"),
    ] {
        assert_eq!(with(plain), with(meant), "{plain}");
    }
}

#[test]
fn table_functions() {
    for rows in
        ["cohort", "TABLE cohort", "TABLE(cohort)", "(SELECT * FROM COHORT)", "TABLE((SELECT * FROM cohort))"]
    {
        let bound = bound(&format!(
            "SELECT * FROM LASSO({rows}, target => 'DAYS', alpha => .5) WHERE coefficient <> 0"
        ));
        let node = table_function(&bound.optimised);
        assert_eq!(node.arguments.column("target").unwrap().name, "days");
        let features: Vec<&str> =
            node.arguments.columns("features").iter().map(|f| f.name.as_str()).collect();
        assert_eq!(features, ["age", "horTh", "bmi", "region"]);
        let categorical: Vec<bool> =
            node.arguments.columns("features").iter().map(|f| f.categorical).collect();
        assert_eq!(categorical, [false, true, false, true]);
        assert!((node.arguments.number("alpha").unwrap() - 0.5).abs() < 1e-12);
        assert!(node.arguments.truth("intercept").unwrap());
        for variable in node.variables() {
            let PlanExpr::Column(column) = &variable.expr else { panic!() };
            assert!(node.input.schema().has_column(column));
        }
        assert_eq!(
            bound.notices,
            ["LASSO: left out of the features, because they do not allow `model`: pid, since"]
        );
        assert_eq!(bound.optimised.schema().field_names(), ["term", "coefficient"]);
    }
    let bound = bound(
        "SELECT l.N FROM lasso_summary((SELECT days AS Y, age * 2 AS x, bmi FROM cohort), TARGET => 'y', features => ' X , bmi', categorical => 'x', standardize => true, intercept => FALSE, alpha => 0) l",
    );
    let node = table_function(&bound.optimised);
    assert_eq!(node.spec.name, "LASSO_SUMMARY");
    let (target, features) = (node.arguments.column("target").unwrap(), node.arguments.columns("features"));
    assert_eq!((target.name.as_str(), features[0].name.as_str()), ("Y", "x"));
    let truth = |name| node.arguments.truth(name).unwrap();
    assert!(truth("standardize") && !truth("intercept") && features[0].categorical);
    assert!(bound.notices.is_empty());
}

#[test]
fn divisions_never_fail() {
    let plan = optimised("SELECT SUM(age / days), SUM(age % 3), SUM(bmi / 0), SUM(bmi / -2.5) FROM cohort");
    assert!(plan.contains("/ nonzero(Cohort.days)"), "{plan}");
    assert!(plan.contains("% Int64(3)"), "{plan}");
    assert!(plan.contains("Float64(NULL)"), "{plan}");
    assert!(!plan.contains("nonzero(Float64"), "{plan}");
    let names = columns("SELECT SUM(age / days) FROM cohort");
    assert_eq!(names, ["sum(Cohort.age / Cohort.days)"]);
}

#[test]
fn now_is_the_time_of_submission() {
    let plan = optimised("SELECT COUNT(*) FROM hospital.lifestyle WHERE since < current_date");
    assert!(plan.contains("Date32(\"2023-11-14\")"), "{plan}");
    assert_eq!(optimised("SELECT now() AS t"), optimised("SELECT now() AS t"));
}

#[test]
fn which_queries_read_tables() {
    assert!(!bound("SELECT 1").reads_tables());
    assert!(!bound("SELECT upper('x') AS y FROM (VALUES (1), (2)) t(a) WHERE a > 1").reads_tables());
    assert!(bound("SELECT (SELECT COUNT(*) FROM young)").reads_tables());
    assert!(bound("SELECT 1 FROM young WHERE 1 = 0").reads_tables());
    assert!(!reads_tables(&bound("SELECT 1 FROM young WHERE 1 = 0").optimised));
    assert_eq!(bound("SELECT COUNT(*) FROM YOUNG").virtual_tables, ["Young"]);
}

#[test]
fn parameters_are_replaced() {
    let query = || {
        crate::statement::parse_query_text("SELECT COUNT(*) FROM young WHERE age > $1 AND age < ?").unwrap()
    };
    let value = |text: &str| {
        Expr::Value(datafusion::sql::sqlparser::ast::Value::Number(text.to_owned(), false).into())
    };
    let bound = bind_query(&federation(), &session(), query(), &[value("3")]).unwrap();
    assert!(bound.raw.display_indent().to_string().contains("> Int64(3)"));
    let error = bind_query(&federation(), &session(), query(), &[]).unwrap_err();
    assert_eq!((error.class, error.position.map(|at| at.column)), (Class::Invalid, Some(40)));
    check_names(&federation(), &session(), query()).unwrap();
}

#[test]
fn virtual_tables_must_not_read_themselves() {
    let check = |name: &str, sql: &str| {
        let query = crate::statement::parse_query_text(sql).unwrap();
        check_virtual_table(&federation(), &session(), name, query)
    };
    check("v", "SELECT * FROM young").unwrap();
    assert!(check("young", "SELECT * FROM Young").unwrap_err().message.contains("refers to itself"));
    assert!(check("COHORT", "SELECT * FROM elders").unwrap_err().message.contains("refers to itself"));
    assert!(check("v", "SELECT nope FROM young").is_err());
}

#[test]
fn views_of_the_federation_are_validated() {
    let error = validate_views(&federation()).unwrap_err();
    assert!(error.message.starts_with("federation.toml: view `loop_a` (line 1 of its SQL): "), "{error}");
    let mut federation = federation();
    federation.views.retain(|view| !view.name.starts_with("loop"));
    let error = validate_views(&federation).unwrap_err();
    assert_eq!(error.message, "federation.toml: view `broken` (line 1 of its SQL): unknown column `agee`");
    assert_eq!(error.hint.as_deref(), Some("did you mean `age`?"));
    federation.views.pop();
    validate_views(&federation).unwrap();
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list of statements")]
fn faults_have_classes_places_and_hints() {
    use std::fmt::Write as _;
    let lasso = |arguments: &str| format!("SELECT * FROM LASSO(cohort, {arguments})");
    let mut all = String::new();
    for sql in [
        "SELECT agee FROM hospital.lifestyle".to_owned(),
        "SELECT\n  h.agee FROM hospital.lifestyle h".to_owned(),
        "SELECT x.age FROM hospital.lifestyle h".to_owned(),
        "SELECT lifestyle.age FROM hospital.lifestyle h".to_owned(),
        "SELECT age FROM hospital.lifestyle, insurer.claims".to_owned(),
        "SELECT pid FROM hospital.lifestyle, insurer.claims".to_owned(),
        "SELECT \"north\" FROM insurer.claims".to_owned(),
        "SELECT 1 FROM lifestyle".to_owned(),
        "SELECT 1 FROM hospital.lifestile".to_owned(),
        "SELECT 1 FROM a.b.c".to_owned(),
        "SELECT 1 FROM cohrt".to_owned(),
        "SELECT 1 FROM loop_a".to_owned(),
        "SELECT 1 FROM broken".to_owned(),
        "SELECT 1 FROM 'x.csv'".to_owned(),
        "SELECT 1 FROM read_csv('x.csv')".to_owned(),
        "SELECT 1 FROM laso(cohort)".to_owned(),
        "SELECT averge(age) FROM young".to_owned(),
        "SELECT random() FROM young".to_owned(),
        "SELECT LASSO(age) FROM young".to_owned(),
        "SELECT COUNT(*) FROM young TABLESAMPLE (10)".to_owned(),
        "SELECT COUNT(*) FROM young GROUP BY HASHED(pid)".to_owned(),
        "SELECT 1 FROM young y JOIN cohort c ON HASHED(y.pid) = c.pid".to_owned(),
        "SELECT 1 FROM young y JOIN cohort c ON HASHED(y.pid) = HASHED(c.pid, c.age)".to_owned(),
        "SELECT 1 FROM young y JOIN cohort c ON HASHED(y.pid) < HASHED(c.pid)".to_owned(),
        "SELECT 1 FROM young NATURAL JOIN cohort".to_owned(),
        "SELECT 1 FROM hospital.lifestyle JOIN insurer.claims USING (age)".to_owned(),
        "SELECT 1 FROM young JOIN cohort USING (nope)".to_owned(),
        "SELECT COUNT(*), age FROM young".to_owned(),
        "SELECT SUM(pid) FROM young".to_owned(),
        "SELECT age + pid FROM young WHERE since".to_owned(),
        "SELECT SUM(age, bmi) FROM young".to_owned(),
        "SELECT COUNT(*), COUNT(*) FROM young".to_owned(),
        "SELECT $1".to_owned(),
        "SELECT COUNT(*) FROM young LIMIT age".to_owned(),
        "SELECT age FROM young UNION ALL SELECT age, bmi FROM young".to_owned(),
        "SELECT * FROM young FETCH FIRST 3 ROWS ONLY".to_owned(),
        "WITH RECURSIVE r AS (SELECT 1) SELECT * FROM r".to_owned(),
        "SELECT DATE 'yesterday'".to_owned(),
        "SELECT CAST('x' AS INTEGER)".to_owned(),
        "SELECT COUNT(*) FROM insurer.claims WHERE region > 3".to_owned(),
        "SELECT COUNT(*) FROM insurer.claims WHERE region ~ '('".to_owned(),
        "SELECT SUM(CAST(age AS INT)), SUM(CAST(age AS SMALLINT)) FROM young".to_owned(),
        "SELECT @x".to_owned(),
        lasso("alpha => 0.1"),
        lasso("target => 'day'"),
        lasso("target => 3"),
        lasso("target => days"),
        lasso("target => 'days', alpha => -0.1"),
        lasso("target => 'days', alpha => 1e999"),
        lasso("target => 'days', alpha => 'x'"),
        lasso("target => 'days', alfa => 1"),
        lasso("target => 'days', target => 'age'"),
        lasso("target => 'days', features => 'age,bmj'"),
        lasso("target => 'days', features => 'age,days'"),
        lasso("target => 'days', features => 'age,AGE'"),
        lasso("target => 'days', features => 'age,,bmi'"),
        lasso("target => 'days', features => 'age', categorical => 'bmi'"),
        lasso("target => 'days', standardize => 'yes'"),
        lasso("target => 'days', features => 'since'"),
        lasso("target => 'region'"),
        lasso("'days'"),
        "SELECT * FROM LASSO(target => 'days')".to_owned(),
        "SELECT * FROM LASSO((SELECT cost, pid FROM insurer.claims), target => 'cost')".to_owned(),
        "SELECT * FROM LASSO((SELECT SUM(days) FROM insurer.claims GROUP BY region), target => 'days')"
            .to_owned(),
    ] {
        writeln!(all, "{sql}\n    {}", shown(&sql)).unwrap();
    }
    insta::assert_snapshot!(all);
}

/// The deepest statements that are let through fit on the planner's stack, without optimisation.
#[test]
fn the_deepest_statements_fit_on_the_stack() {
    let plan =
        |sql: &str| crate::plan(&federation(), &session(), sql).map(|_| ()).map_err(|error| error.message);
    let deepest = |make: &dyn Fn(usize) -> String| {
        let mut count = 1;
        let parses =
            |sql: String| on_own_stack(move || crate::statement::parse_query_text(&sql).map(|_| ())).is_ok();
        while count < 300 && parses(make(count)) {
            count += 1;
        }
        let _ = plan(&make(count - 1));
        assert!(plan(&make(count)).is_err());
    };
    for (first, more) in [("age", " + age"), ("age > 3", " OR age = 5"), ("NOT horTh", " AND NOT (age > 3)")]
    {
        deepest(&|count| {
            format!("SELECT COUNT(*) FROM young WHERE ({first}{}) IS NOT NULL", more.repeat(count))
        });
    }
    deepest(&|count| format!("SELECT SUM(age{}) FROM young", " - age / 3".repeat(count)));
    deepest(&|count| format!("SELECT SUM({}age{}) FROM young", "(1 + ".repeat(count), ")".repeat(count)));
    let unions = "SELECT age FROM young UNION ALL ".repeat(50);
    let _ = plan(&format!("SELECT SUM(age) FROM ({unions}SELECT age FROM young)"));
    let joins: Vec<String> = (0..50).map(|i| format!(" JOIN young y{i} ON y{i}.age = y.age")).collect();
    let joins = joins.concat();
    let _ = plan(&format!("SELECT COUNT(*) FROM young y{joins}"));
    let tables: Vec<String> = (0..100).map(|i| format!(", young y{i}")).collect();
    let tables = tables.concat();
    assert!(plan(&format!("SELECT 1 FROM young{tables}")).unwrap_err().contains("relations in one FROM"));
}

/// Views over views nest as deep as queries may.
#[test]
fn the_deepest_views_fit_on_the_stack() {
    let mut federation = federation();
    federation.views.clear();
    let view = |i: usize, sql: String| crate::catalog::View { name: format!("v{i}"), sql };
    federation.views.push(view(0, "SELECT age FROM hospital.lifestyle".to_owned()));
    for i in 1..60 {
        federation.views.push(view(i, format!("SELECT age + 1 AS age FROM (SELECT age FROM v{})", i - 1)));
    }
    let plan = |i: usize| crate::plan(&federation, &session(), &format!("SELECT SUM(age) FROM v{i}"));
    assert!(plan(18).is_ok());
    assert!(plan(59).unwrap_err().message.contains("nested more than 40 deep"));
}

#[test]
fn views_over_views_do_not_explode() {
    let mut federation = federation();
    federation.views.clear();
    let view = |name: String, sql: String| crate::catalog::View { name, sql };
    federation.views.push(view("v0".to_owned(), "SELECT age FROM hospital.lifestyle".to_owned()));
    for i in 1..30 {
        let sql = format!("SELECT a.age FROM v{0} a, v{0} b", i - 1);
        federation.views.push(view(format!("v{i}"), sql));
    }
    let error = bind(&federation, &Session::default(), "SELECT COUNT(*) FROM v29").unwrap_err();
    assert!(error.message.contains("more than 100 virtual tables"), "{error}");
}

#[test]
fn common_table_expressions_do_not_explode() {
    let doubled = |levels: usize| {
        let twice = |i: usize| format!(", c{i} AS (SELECT a.age FROM c{0} a, c{0} b)", i - 1);
        let more: String = (1..=levels).map(twice).collect();
        format!("WITH c0 AS (SELECT age FROM hospital.lifestyle){more} SELECT COUNT(*) FROM c{levels}")
    };
    assert!(bind(&federation(), &session(), &doubled(5)).is_ok());
    let error = error(&doubled(60));
    assert_eq!(error.class, Class::Resource);
    assert!(error.message.contains("reads more than 500 tables"), "{error}");
    assert!(error.position.is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_words_make_it_panic(words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 1..14)) {
        let sql = format!("SELECT {}", words.join(" "));
        let _ = crate::plan(&federation(), &session(), &sql);
        let _ = crate::plan(&federation(), &session(), &words.join(" "));
    }
}

const WORDS: [&str; 48] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "HAVING",
    "ORDER BY",
    "LIMIT",
    "JOIN",
    "ON",
    "USING",
    "UNION ALL",
    "(",
    ")",
    ",",
    "*",
    "=",
    "/",
    "+",
    "-",
    "<",
    "AND",
    "NOT",
    "NULL",
    "1",
    "0.5",
    "'days'",
    "hospital.lifestyle",
    "insurer.claims",
    "cohort",
    "young",
    "age",
    "h",
    "h.age",
    "days",
    "AS",
    "HASHED(h.pid)",
    "COUNT(*)",
    "SUM(age)",
    "AVG(",
    "LASSO(",
    "target =>",
    "alpha =>",
    "TABLE",
    "CASE WHEN",
    "THEN",
    "END",
    "EXPLAIN",
    "$1",
];

#[test]
fn results_keep_the_units_of_what_they_are_computed_from() {
    let insurer = INSURER.replace("bounds = [0, 366],", "bounds = [0, 366], unit = \"days\",");
    let insurer = insurer.replace("bounds = [0, 1000],", "bounds = [0, 1000], unit = \"EUR\",");
    let hospital = HOSPITAL.replace("bounds = [0, 120],", "bounds = [0, 120], unit = \"years\",");
    let policies = [("hospital".to_owned(), hospital), ("insurer".to_owned(), insurer)];
    let federation = crate::policy::parse(FEDERATION, &policies).unwrap();
    let shown = |sql: &str| -> Vec<String> {
        titles(&federation, &session(), sql).into_iter().map(|title| title.unit.unwrap_or_default()).collect()
    };
    assert_eq!(
        shown(
            "SELECT region, COUNT(*), AVG(days), SUM(DAYS) AS s, MAX(cost), VAR(days), AVG(days) / 7, \
             MEDIAN(cost) - MIN(cost), CORR(days, cost), ROUND(AVG(age)), MAX(days) + MAX(cost) \
             FROM insurer.claims GROUP BY region"
        ),
        ["", "", "days", "days", "EUR", "", "", "EUR", "", "", ""]
    );
    assert_eq!(shown("SELECT age, AVG(days) AS d FROM cohort GROUP BY age ORDER BY d"), ["years", "days"]);
    let total = "SELECT SUM(t) AS t FROM (SELECT SUM(cost) AS t FROM insurer.claims GROUP BY pid) x";
    assert_eq!(shown(total), ["EUR"]);
    assert_eq!(
        shown("SELECT * FROM LASSO(cohort, target => 'days', features => 'age')"),
        ["", "days per unit"]
    );
    assert_eq!(shown("SELECT * FROM HISTOGRAM(insurer.claims, value => 'days')"), ["", "days", "days", ""]);
    assert_eq!(shown("SELECT nonsense"), Vec::<String>::new());
    let named = |sql: &str| -> Vec<String> {
        titles(&federation, &session(), sql).into_iter().map(|title| title.name.unwrap_or_default()).collect()
    };
    let histogram = "HISTOGRAM(insurer.claims, value => 'days', by => 'region')";
    assert_eq!(named(&format!("SELECT * FROM {histogram}")), ["region", "days", "days", ""]);
    assert_eq!(named(&format!("SELECT n, lower AS l, upper + 1 FROM {histogram} AS h")), ["", "", ""]);
    assert_eq!(named("SELECT region, COUNT(*) FROM insurer.claims GROUP BY region"), ["", ""]);
}

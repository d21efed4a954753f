//! Texts that nobody in good faith would write: deep, long, odd, ill-typed.

use std::sync::OnceLock;

use planner::Planned;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{federation, session};

/// Texts that once ended in an error of ours.
pub(super) const FOUND: &[&str] = &[
    "SELECT COUNT(*) FROM insurer.claims WHERE days > factorial(30)",
    "SELECT factorial(30)",
    "SELECT exercise, COUNT(*) FROM hospital.lifestyle GROUP BY exercise, exercise + 1, exercise + 1",
    "SELECT COUNT(*) FROM hospital.lifestyle h WHERE log(h.sex) IS NOT NULL",
    "SELECT sex, COUNT(*) FROM hospital.lifestyle GROUP BY sex, ROLLUP (sex, smoker), ROLLUP (sex, smoker), ROLLUP (sex, smoker), ROLLUP (sex, smoker), ROLLUP (sex, smoker)",
    "SELECT sex, COUNT(*) FROM hospital.lifestyle GROUP BY sex, ROLLUP (sex, smoker)",
];

const COLUMNS: &[&str] = &[
    "h.age",
    "h.sex",
    "h.bmi",
    "h.smoker",
    "h.exercise",
    "h.weight",
    "h.admitted",
    "h.patient_id",
    "c.days",
    "c.cost",
    "c.region",
    "c.chronic",
    "c.since",
    "*",
    "h.*",
    "age",
    "\"AGE\"",
    "h.\"Age\"",
    "x.y.z",
    "patient_id",
];

const LITERALS: &[&str] = &[
    "0",
    "1",
    "-1",
    "NULL",
    "TRUE",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "170141183460469231731687303715884105727",
    "99999999999999999999999999999999999999999999999999",
    "1e308",
    "1e309",
    "1e-400",
    "0.1",
    "0.0000000000000000000000000000000000000001",
    "''",
    "'north'",
    "'f'",
    "'\u{0}'",
    "'\u{202e}\u{1f469}\u{200d}\u{1f52c}'",
    "'e\u{301}'",
    "DATE '2020-01-01'",
    "DATE '0000-00-00'",
    "DATE '99999-12-31'",
    "TIMESTAMP '2020-02-30 25:61:61'",
    "INTERVAL '1' YEAR",
    "INTERVAL '99999999999' DAY",
    "INTERVAL '1 month 2 days'",
    "INTERVAL ''",
    "x'ff'",
    "$1",
    "?",
    ":a",
    "ARRAY[1,2]",
    "{'a': 1}",
    "(1, 2)",
    "(SELECT 1)",
    "(SELECT days FROM insurer.claims)",
    "(SELECT COUNT(*) FROM insurer.claims)",
    "'NaN'::double",
    "'inf'::double",
    "CAST('x' AS INTEGER)",
    "current_date",
    "now()",
];

const TYPES: &[&str] = &[
    "BOOLEAN",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "DECIMAL(38,38)",
    "DECIMAL(76,0)",
    "DECIMAL(0,0)",
    "DECIMAL(5,-3)",
    "REAL",
    "DOUBLE",
    "DATE",
    "TIMESTAMP",
    "TEXT",
    "BYTEA",
    "INTERVAL",
    "INTEGER[]",
    "STRUCT",
    "nothing",
];

const OPERATORS: &[&str] = &[
    "+",
    "-",
    "*",
    "/",
    "%",
    "||",
    "=",
    "<>",
    "<",
    ">=",
    "AND",
    "OR",
    "XOR",
    "LIKE",
    "NOT LIKE",
    "ILIKE",
    "~",
    "!~*",
    "IS DISTINCT FROM",
    "&",
    "|",
    "^",
    "<<",
    ">>",
    "->",
    "->>",
    "@>",
    "SIMILAR TO",
];

const TABLES: &[&str] = &[
    "hospital.lifestyle h",
    "insurer.claims c",
    "cohort",
    "clinic.labs",
    "insurer.visits v",
    "nowhere.t",
    "\"hospital\".\"lifestyle\"",
    "hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id)",
    "hospital.lifestyle h LEFT JOIN insurer.claims c ON h.patient_id = c.patient_id AND h.age > c.days",
    "hospital.lifestyle h, insurer.claims c",
    "hospital.lifestyle h NATURAL JOIN insurer.claims c",
    "hospital.lifestyle h CROSS JOIN LATERAL (SELECT h.age) c(days)",
    "(VALUES (1, 'a'), (2, NULL)) h(age, sex)",
    "(TABLE cohort) h",
    "(SELECT * FROM cohort UNION ALL SELECT * FROM cohort) h",
    "(SELECT age, age FROM hospital.lifestyle) h",
    "hospital.lifestyle h TABLESAMPLE BERNOULLI (10)",
    "unnest(ARRAY[1]) h",
    "generate_series(1, 10) h",
    "information_schema.tables h",
    "hospital.lifestyle h FULL JOIN hospital.lifestyle c USING (patient_id)",
];

const HARM: &[&str] = &[
    "(",
    ")",
    ",",
    ";",
    "--",
    "/*",
    "*/",
    "'",
    "\"",
    "``",
    "\\",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "\u{3000}",
    "\u{1f9ea}",
    "NULL",
    "DISTINCT",
    "ALL",
    "NOT",
    "CASE",
    "END",
    "OVER ()",
    "OVER (PARTITION BY age ORDER BY age)",
    "FILTER (WHERE false)",
    "WITHIN GROUP (ORDER BY age)",
    "ORDER BY 1",
    "ORDER BY 99",
    "LIMIT -1",
    "LIMIT 99999999999999999999",
    "LIMIT 1",
    "OFFSET 5",
    "FETCH FIRST 1 ROW ONLY",
    "FOR UPDATE",
    "GROUPING SETS ((), (sex))",
    "CUBE (sex, smoker)",
    "ROLLUP (sex)",
    "UNION",
    "INTERSECT",
    "EXCEPT ALL",
    "HAVING false",
    "WHERE NULL",
    "WINDOW w AS ()",
    "QUALIFY 1 = 1",
    "WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT * FROM t)",
    "ON true",
    "USING ()",
    "LATERAL",
    "AS \"\"",
    "AS \"a\"\"b\"",
    "::nothing",
    "COLLATE \"x\"",
    "AT TIME ZONE 'Nowhere/None'",
    "ESCAPE 'ab'",
    "BETWEEN SYMMETRIC",
    "[1]",
    ".x",
    "=> 1",
    "EXPLAIN",
    "ANALYZE",
    "COPY",
    "INTO t",
    "PIVOT",
    "SETTINGS x = 1",
    "EXTRACT(nothing FROM 1)",
    "POSITION('a' IN 'b')",
    "SUBSTRING('abc' FROM -1 FOR 9999999999)",
    "TRIM(BOTH FROM '')",
    "OVERLAY('a' PLACING 'b' FROM 0)",
    "GROUPING(age)",
];

/// A token that means harm.
pub(super) fn token() -> impl Strategy<Value = String> {
    prop_oneof![
        select(HARM).prop_map(str::to_owned),
        select(LITERALS).prop_map(str::to_owned),
        select(OPERATORS).prop_map(str::to_owned),
        select(TABLES).prop_map(str::to_owned),
        select(COLUMNS).prop_map(str::to_owned),
        select(functions()).prop_map(|function| format!("{function}(")),
    ]
}

/// The names of all functions, as SHOW FUNCTIONS lists them, and some that do not exist.
fn functions() -> &'static [String] {
    static FUNCTIONS: OnceLock<Vec<String>> = OnceLock::new();
    FUNCTIONS.get_or_init(|| {
        let shown = planner::plan(federation(), &session(), "SHOW FUNCTIONS").expect("SHOW FUNCTIONS");
        let Planned::Rows(batch) = shown else { panic!("SHOW FUNCTIONS has rows") };
        let names = conjoin_tests::rows::texts(&[batch]).into_iter().map(|row| row[0].clone());
        let others =
            ["read_csv", "random", "uuid", "nothing", "row_number", "lag", "ntile", "array_agg", "pg_sleep"];
        names.chain(others.map(str::to_owned)).collect()
    })
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => select(COLUMNS).prop_map(str::to_owned),
        2 => select(LITERALS).prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_map(|number| format!("{number:e}")),
        1 => "\\PC{0,8}".prop_map(|text| format!("'{}'", text.replace('\'', "''"))),
        1 => "\\PC{1,8}".prop_map(|text| format!("\"{}\"", text.replace('"', "\"\""))),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let list = vec(inner.clone(), 0..4).prop_map(|all| all.join(", "));
        prop_oneof![
            4 => (inner.clone(), select(OPERATORS), inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            6 => (select(functions()), list.clone()).prop_map(|(name, list)| format!("{name}({list})")),
            1 => (select(functions()), list.clone(), inner.clone())
                .prop_map(|(name, list, order)| format!("{name}(DISTINCT {list} ORDER BY {order})")),
            1 => (select(functions()), list.clone(), inner.clone())
                .prop_map(|(name, list, is)| format!("{name}({list}) FILTER (WHERE {is})")),
            1 => (select(functions()), inner.clone(), inner.clone())
                .prop_map(|(name, a, b)| format!("{name}({a}) WITHIN GROUP (ORDER BY {b})")),
            1 => (select(functions()), list.clone(), inner.clone())
                .prop_map(|(name, list, by)| format!("{name}({list}) OVER (PARTITION BY {by})")),
            1 => (inner.clone(), select(TYPES)).prop_map(|(a, to)| format!("CAST({a} AS {to})")),
            1 => (inner.clone(), select(TYPES)).prop_map(|(a, to)| format!("TRY_CAST({a} AS {to})")),
            1 => (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("CASE WHEN {a} THEN {b} ELSE {c} END")),
            1 => (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("CASE {a} WHEN {b} THEN {c} END")),
            1 => (inner.clone(), list.clone()).prop_map(|(a, list)| format!("{a} NOT IN ({list})")),
            1 => (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("{a} BETWEEN {b} AND {c}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| {
                format!("{a} IN (SELECT {b} FROM insurer.claims c)")
            }),
            1 => inner.clone().prop_map(|a| format!("EXISTS (SELECT 1 FROM insurer.claims c WHERE {a})")),
            1 => inner.clone().prop_map(|a| format!("(SELECT MAX({a}) FROM insurer.claims c)")),
            1 => inner.clone().prop_map(|a| format!("-{a}")),
            1 => inner.clone().prop_map(|a| format!("NOT {a} IS NOT NULL")),
        ]
    })
}

/// An argument of a table function.
fn argument() -> impl Strategy<Value = String> {
    let names = [
        "target",
        "features",
        "categorical",
        "alpha",
        "l1_ratio",
        "alphas",
        "folds",
        "standardize",
        "time",
        "event",
        "by",
        "strata",
        "grid",
        "times",
        "value",
        "row",
        "column",
        "columns",
        "q",
        "bins",
        "offset",
        "level",
        "correction",
        "alternative",
        "population",
        "nothing",
    ];
    let values = prop_oneof![
        select(LITERALS).prop_map(str::to_owned),
        select(
            &[
                "'days'",
                "'age,bmi'",
                "'age,age'",
                "','",
                "'*'",
                "'0,1,2'",
                "'1e9'",
                "'north'",
                "days",
                "'sex'",
                "'region'"
            ][..]
        )
        .prop_map(str::to_owned),
    ];
    (select(names.to_vec()), values).prop_map(|(name, value)| format!("{name} => {value}"))
}

fn table_function() -> impl Strategy<Value = String> {
    let table = select(vec![
        "cohort",
        "(SELECT * FROM cohort)",
        "TABLE(cohort)",
        "hospital.lifestyle",
        "(SELECT 1)",
        "(SELECT age FROM cohort LIMIT 1)",
        "(SELECT region, COUNT(*) AS n FROM cohort GROUP BY region)",
        "nowhere",
        "1",
        "NULL",
    ]);
    (select(functions()), table, vec(argument(), 0..5)).prop_map(|(name, table, arguments)| {
        format!("SELECT * FROM {name}({table}, {})", arguments.join(", "))
    })
}

/// What comes before; what opens, many times; the kernel; what closes, as often; what comes after.
const NESTED: &[(&str, &str, &str, &str, &str)] = &[
    ("SELECT ", "(", "1", ")", ""),
    ("SELECT COUNT(*) FROM hospital.lifestyle WHERE ", "NOT ", "smoker", "", ""),
    ("SELECT COUNT(*) FROM hospital.lifestyle WHERE ", "(NOT (", "smoker", "))", ""),
    ("SELECT SUM(", "- ", "age", "", ") FROM hospital.lifestyle"),
    ("SELECT SUM(", "abs(", "age", ")", ") FROM hospital.lifestyle"),
    ("SELECT SUM(", "CASE WHEN age > 3 THEN ", "1", " END", ") FROM hospital.lifestyle"),
    ("SELECT SUM(", "", "age", " * age", ") FROM hospital.lifestyle"),
    ("SELECT COUNT(*) FROM hospital.lifestyle WHERE age > 3", " AND age > 3", "", "", ""),
    ("SELECT COUNT(*) FROM hospital.lifestyle WHERE age > 3", " OR age = 7 AND bmi > 3", "", "", ""),
    ("SELECT COUNT(*) FROM ", "(SELECT * FROM ", "hospital.lifestyle", ") t", ""),
    (
        "SELECT COUNT(*) FROM hospital.lifestyle h WHERE ",
        "EXISTS (SELECT 1 FROM insurer.claims c WHERE ",
        "true",
        ")",
        "",
    ),
    (
        "SELECT COUNT(*) FROM hospital.lifestyle",
        " UNION ALL SELECT COUNT(*) FROM hospital.lifestyle",
        "",
        "",
        "",
    ),
    ("SELECT COUNT(*) FROM hospital.lifestyle", ", hospital.lifestyle", "", "", ""),
    ("SELECT COUNT(*) FROM hospital.lifestyle", " JOIN insurer.claims ON true", "", "", ""),
    (
        "SELECT COUNT(*) FROM hospital.lifestyle NATURAL JOIN insurer.claims",
        " NATURAL JOIN insurer.claims",
        "",
        "",
        "",
    ),
    ("SELECT COUNT(*) FROM hospital.lifestyle WHERE age IN (1", ", 2", "", "", ")"),
    ("SELECT COUNT(*) FROM hospital.lifestyle WHERE sex NOT IN ('f'", ", 'm\u{fc}'", "", "", ")"),
    ("SELECT COUNT(*) FROM insurer.claims WHERE region = 'a'", " || 'bcd'", "", "", ""),
    ("SELECT sex, COUNT(*) FROM hospital.lifestyle GROUP BY CUBE (sex", ", smoker", "", "", ")"),
    ("SELECT sex, COUNT(*) FROM hospital.lifestyle GROUP BY sex", ", ROLLUP (sex, smoker)", "", "", ""),
    ("SELECT exercise, COUNT(*) FROM hospital.lifestyle GROUP BY exercise", ", exercise + 1", "", "", ""),
    ("SELECT COUNT(*)", ", SUM(age)", "", "", " FROM hospital.lifestyle"),
    ("SELECT COUNT(*)", ", COUNT(DISTINCT age + 1)", "", "", " FROM hospital.lifestyle"),
    ("SELECT MEDIAN(age)", ", MEDIAN(age + 1)", "", "", " FROM hospital.lifestyle"),
    ("SELECT COUNT(*) AS n", ", COUNT(*) AS n", "", "", " FROM hospital.lifestyle"),
    ("WITH a AS (SELECT 1 AS x)", ", b AS (SELECT * FROM a)", "", "", " SELECT * FROM a"),
    ("SELECT * FROM ", "LASSO((SELECT * FROM ", "cohort", "), target => 'days')", ""),
    ("SELECT /* ", "/* ", "", " */", " */ 1"),
    ("SELECT ", "\u{1f9ea}", "", "", ""),
    ("SELECT '", "''", "", "", "'"),
    ("SELECT 1 AS \"", "\"\"", "", "", "\""),
    ("SELECT 1", "0", "", "", ""),
    ("SELECT 0.", "0", "1", "", ""),
    ("SELECT repeat(", "repeat(", "'x'", ", 99)", ", 99)"),
    ("SELECT COUNT(*) FROM insurer.claims WHERE days > ", "days + (", "1", ")", ""),
    (
        "SELECT COUNT(*) FROM insurer.claims WHERE days > ",
        "(SELECT MAX(days) FROM insurer.claims WHERE days > ",
        "1",
        ")",
        "",
    ),
    (
        "SELECT AVG(n) FROM ",
        "(SELECT patient_id, COUNT(*) AS n FROM ",
        "insurer.visits",
        " GROUP BY patient_id) t",
        "",
    ),
    ("", "EXPLAIN ", "SELECT 1", "", ""),
    ("SELECT COUNT(*) FROM hospital.lifestyle; ", "SELECT 1; ", "", "", ""),
];

/// A text around a kernel, many times over.
fn bomb() -> impl Strategy<Value = String> {
    let depth = prop_oneof![3 => 0_usize..12, 2 => 12_usize..80, 1 => 80_usize..600, 1 => 600_usize..12_000];
    (select(NESTED), depth).prop_map(|((before, open, kernel, close, after), depth)| {
        format!("{before}{}{kernel}{}{after}", open.repeat(depth), close.repeat(depth))
    })
}

/// A query of the usual clauses, each filled with anything.
fn select_query() -> impl Strategy<Value = String> {
    let maybe = || prop_oneof![1 => Just(None), 1 => expression().prop_map(Some)];
    (
        vec(expression(), 1..4),
        select(TABLES),
        maybe(),
        maybe(),
        maybe(),
        maybe(),
        prop_oneof![4 => Just(""), 1 => select(HARM)],
    )
        .prop_map(|(columns, table, filter, group, having, order, end)| {
            let clause = |word: &str, expr: Option<String>| {
                expr.map_or_else(String::new, |expr| format!(" {word} {expr}"))
            };
            format!(
                "SELECT {} FROM {table}{}{}{}{} {end}",
                columns.join(", "),
                clause("WHERE", filter),
                clause("GROUP BY", group),
                clause("HAVING", having),
                clause("ORDER BY", order),
            )
        })
}

/// A query that passes its checks more often: one function inside an aggregate or a condition of a known table.
fn function_query() -> impl Strategy<Value = String> {
    let list = vec(prop_oneof![select(COLUMNS), select(LITERALS)], 0..4).prop_map(|all| all.join(", "));
    let frame = select(vec![
        ("SELECT COUNT(*) FROM hospital.lifestyle h WHERE ", " IS NOT NULL"),
        ("SELECT SUM(", ") FROM insurer.claims c"),
        ("SELECT ", " FROM insurer.claims c"),
        ("SELECT ", ""),
        (
            "SELECT COUNT(*) FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id) WHERE 1 < ",
            "",
        ),
        ("SELECT COUNT(*) FROM insurer.claims c GROUP BY ", ""),
    ]);
    (frame, select(functions()), list)
        .prop_map(|((before, after), name, list)| format!("{before}{name}({list}){after}"))
}

pub(super) fn query() -> impl Strategy<Value = String> {
    let explained = select(vec![
        "",
        "",
        "",
        "",
        "EXPLAIN ",
        "CREATE VIRTUAL TABLE v AS ",
        "PREPARE p AS ",
        "WITH t AS (SELECT 1) ",
    ]);
    let any_text = prop_oneof![
        4 => select_query(),
        6 => function_query(),
        3 => table_function(),
        3 => bomb(),
        1 => vec(token(), 0..30).prop_map(|tokens| tokens.join(" ")),
        1 => any::<String>(),
    ];
    (explained, any_text).prop_map(|(before, text)| format!("{before}{text}"))
}

//! Models of a federation against reference tools on the same rows: `tests/reference`.

use super::*;

const RULES: &str = r"version = 1
[release]
min_people = 10
";

fn reference(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// The columns of a CSV text at these places.
fn part(csv: &str, columns: &[usize]) -> String {
    let line = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        columns.iter().map(|column| cells[*column]).collect::<Vec<_>>().join(",") + "\n"
    };
    csv.lines().map(line).collect()
}

/// The columns of the reference data and their bounds.
const BOUNDS: [(&str, &str); 7] = [
    ("a", "[-500, 500]"),
    ("b", "[-700, 700]"),
    ("c", "[0, 1]"),
    ("d", "[-5000, 5000]"),
    ("line", "[-6000, 6000]"),
    ("happened", "[0, 1]"),
    ("count", "[0, 20]"),
];

/// A table with these columns, as a part of a policy.
fn table(name: &str, columns: &[usize]) -> String {
    let column = |&index: &usize| {
        let (name, bounds) = BOUNDS[index];
        format!("{name} = {{ type = \"INTEGER\", bounds = {bounds}, allow = [\"filter\", \"model\"] }}\n")
    };
    let columns: String = columns.iter().map(column).collect();
    format!(
        "[table.{name}]\nperson = \"id\"\nmax_rows = 450\n[table.{name}.column]\n\
         id = {{ type = \"TEXT\", allow = [\"join\"] }}\n{columns}"
    )
}

/// A federation of tables (owner, name, columns, text), and the query of the view `rows`.
fn federation(tables: &[(&str, &str, &[usize], String)], rows: &str) -> Federation {
    let parties = FEDERATION.split("[[view]]").next().unwrap();
    let view = format!("[[view]]\nname = \"rows\"\nsql = \"{rows}\"\n");
    let federation = Federation(tempfile::tempdir().unwrap());
    federation.write("federation.toml", &format!("{parties}{view}"));
    for owner in ["hospital", "insurer"] {
        let own = tables.iter().filter(|(of, ..)| *of == owner);
        let policy: String = own.map(|(_, name, columns, _)| table(name, columns)).collect();
        federation.write(&format!("parties/{owner}/policy.toml"), &format!("{RULES}{policy}"));
    }
    for (owner, name, columns, text) in tables {
        let places: Vec<usize> = std::iter::once(0).chain(columns.iter().map(|column| column + 1)).collect();
        federation.write(&format!("parties/{owner}/data/{name}.csv"), &part(text, &places));
    }
    federation
}

const EVERY: &[usize] = &[0, 1, 2, 3, 4, 5, 6];

const JOINED: &str = "SELECT l.a, l.b, l.c, r.d, r.line, r.happened, r.count \
                      FROM hospital.left l JOIN insurer.right r ON HASHED(l.id) = HASHED(r.id)";

/// Features a, b, c at one owner, d and the targets at the other.
fn vertical(csv: &str) -> Federation {
    let text = || csv.to_owned();
    federation(
        &[("hospital", "left", &[0, 1, 2], text()), ("insurer", "right", &[3, 4, 5, 6], text())],
        JOINED,
    )
}

/// The header and some of the rows.
fn lines(csv: &str, rows: std::ops::Range<usize>) -> String {
    let kept = csv.lines().take(1).chain(csv.lines().skip(1 + rows.start).take(rows.len()));
    kept.map(|line| line.to_owned() + "\n").collect()
}

/// All columns at both owners, of some people each.
fn horizontal(csv: &str) -> Federation {
    let tables = [
        ("hospital", "left", EVERY, lines(csv, 0..180)),
        ("insurer", "right", EVERY, lines(csv, 180..usize::MAX)),
    ];
    federation(&tables, "SELECT * FROM hospital.left UNION ALL SELECT * FROM insurer.right")
}

/// The columns of some people at two owners, all columns of the others at one.
fn mixed(csv: &str) -> Federation {
    let tables = [
        ("hospital", "left", &[0, 1, 2][..], lines(csv, 0..250)),
        ("insurer", "right", &[3, 4, 5, 6], lines(csv, 0..250)),
        ("insurer", "whole", EVERY, lines(csv, 250..usize::MAX)),
    ];
    let whole = "SELECT a, b, c, d, line, happened, count FROM insurer.whole";
    federation(&tables, &format!("{JOINED} UNION ALL {whole}"))
}

/// The reference data and 28 people of whom a feature is not known, among the first rows and the last.
fn with_nulls(csv: &str) -> String {
    let (header, rows) = csv.split_once('\n').unwrap();
    let some = |from: usize| -> String {
        let line = |row: usize| {
            let mut cells = ["7", "-3", "1", "250", "90", "1", "4"];
            cells[row % 4] = "";
            format!("q{row},{}\n", cells.join(","))
        };
        (from..from + 14).map(line).collect()
    };
    format!("{header}\n{}{rows}{}", some(0), some(14))
}

/// Compares what the reference has: numbers to 1e-3 relative or 1e-6 absolute, as all models promise.
fn compare(name: &str, found: &Value, expected: &Value) {
    let (found, expected) = (found.as_array().unwrap(), expected.as_array().unwrap());
    assert_eq!(found.len(), expected.len(), "{name}");
    for (found, expected) in found.iter().zip(expected) {
        for (column, wanted) in expected.as_object().unwrap() {
            let value = &found[column];
            match (value.as_f64(), wanted.as_f64()) {
                (Some(value), Some(wanted)) => {
                    let room = (1e-3 * wanted.abs()).max(1e-6);
                    assert!((value - wanted).abs() <= room, "{name} {column}: {value}, not {wanted}");
                }
                _ => assert_eq!(value, wanted, "{name} {column}"),
            }
        }
    }
}

const OFFSET: &str = ", features => 'a,b,d', offset => 'c'";

/// A penalty chosen by cross-validation.
const CHOSEN: &str =
    ", alpha => 'cv', alphas => '1,0.3,0.1,0.05,0.03,0.01,0.003', folds => 4, standardize => true";

const NET_CHOSEN: &str = ", alpha => 'cv', alphas => '1,0.3,0.1,0.05,0.03,0.01,0.003', folds => 4, l1_ratio => 0.3, standardize => true";
const RIDGE_CHOSEN: &str = ", alpha => 'cv', alphas => '100,10,3,1,0.3,0.1', folds => 4";
const RIDGE_STANDARDISED: &str =
    ", alpha => 'cv', alphas => '100,10,3,1,0.3,0.1', folds => 4, standardize => true";
/// The candidates that are documented.
const AUTOMATIC: &str = ", alpha => 'cv', folds => 4, standardize => true";
const NET_AUTOMATIC: &str = ", alpha => 'cv', folds => 4, l1_ratio => 0.3";

/// Results of the reference: function and case, target, other arguments.
const CALLS: &[(&str, &str, &str)] = &[
    ("LINEAR_REGRESSION", "line", ""),
    ("LINEAR_REGRESSION_SUMMARY", "line", ""),
    ("LOGISTIC_REGRESSION", "happened", ""),
    ("LOGISTIC_REGRESSION_SUMMARY", "happened", ""),
    ("LOGISTIC_REGRESSION penalised", "happened", ", penalty => 'l2', alpha => 3"),
    ("LOGISTIC_REGRESSION sparse", "happened", ", penalty => 'l1', alpha => 400"),
    ("POISSON_REGRESSION", "count", ""),
    ("POISSON_REGRESSION_SUMMARY", "count", ""),
    ("POISSON_REGRESSION offset", "count", OFFSET),
    ("POISSON_REGRESSION_SUMMARY offset", "count", OFFSET),
    ("RIDGE", "line", ", alpha => 1000"),
    ("RIDGE_SUMMARY", "line", ", alpha => 1000"),
    ("RIDGE standardised", "line", ", alpha => 1000, standardize => true"),
    ("LASSO", "line", ", alpha => 20"),
    ("LASSO chosen", "count", CHOSEN),
    ("LASSO_SUMMARY chosen", "count", CHOSEN),
    ("LASSO automatic", "count", AUTOMATIC),
    ("LASSO_SUMMARY automatic", "count", AUTOMATIC),
    ("ELASTIC_NET automatic", "count", NET_AUTOMATIC),
    ("ELASTIC_NET_SUMMARY automatic", "count", NET_AUTOMATIC),
    ("ELASTIC_NET chosen", "count", NET_CHOSEN),
    ("ELASTIC_NET_SUMMARY chosen", "count", NET_CHOSEN),
    ("RIDGE chosen", "line", RIDGE_CHOSEN),
    ("RIDGE_SUMMARY chosen", "line", RIDGE_CHOSEN),
    ("RIDGE standardised chosen", "line", RIDGE_STANDARDISED),
    ("RIDGE_SUMMARY standardised chosen", "line", RIDGE_STANDARDISED),
    ("RIDGE automatic", "count", AUTOMATIC),
    ("RIDGE_SUMMARY automatic", "count", AUTOMATIC),
    ("LASSO_PATH", "line", ", alphas => '100,5,1000'"),
    ("ELASTIC_NET", "line", ", alpha => 20, l1_ratio => 0.3"),
    ("ELASTIC_NET_SUMMARY", "line", ", alpha => 20, l1_ratio => 0.3"),
    ("ELASTIC_NET standardised", "line", ", alpha => 2, l1_ratio => 0.3, standardize => true"),
];

fn query((name, target, more): &(&str, &str, &str)) -> String {
    let function = name.split(' ').next().unwrap();
    let features = if more.contains("features") { "" } else { ", features => 'a,b,c,d'" };
    format!("SELECT * FROM {function}(rows, target => '{target}'{features}{more})")
}

/// The same models come out of the rows of the reference, however they are spread over the owners.
fn equal_the_reference(federation: &Federation, calls: &[(&str, &str, &str)]) {
    let expected: Value = serde_json::from_str(&reference("regression.json")).unwrap();
    let sql: Vec<String> = calls.iter().map(query).collect();
    let run = federation.json(&sql.join(";\n")).expect(0);
    for ((name, ..), found) in calls.iter().zip(run.sets()) {
        compare(name, &found, &expected[name]);
    }
}

#[test]
fn regressions_equal_statsmodels_and_scikit_learn() {
    equal_the_reference(&vertical(&reference("regression.csv")), CALLS);
}

#[test]
fn regressions_of_stacked_rows_equal_the_reference() {
    equal_the_reference(&horizontal(&reference("regression.csv")), CALLS);
}

#[test]
fn regressions_of_joined_and_stacked_rows_with_nulls_equal_the_reference() {
    let federation = mixed(&with_nulls(&reference("regression.csv")));
    equal_the_reference(&federation, CALLS);
    let sql = "SELECT n, n_dropped FROM LASSO_SUMMARY(rows, target => 'line', features => 'a,b,c,d')";
    let run = federation.json(sql).expect(0);
    let row = &run.sets()[0][0];
    assert_eq!((&row["n"], &row["n_dropped"]), (&400.into(), &28.into()), "{}", run.out);
}

#[test]
fn categorical_features_are_a_term_a_level() {
    let expected: Value = serde_json::from_str(&reference("regression.json")).unwrap();
    let federation = horizontal(&reference("regression.csv"));
    let rows = "(SELECT a, b, CASE WHEN c = 1 THEN 'yes' ELSE 'no' END AS c, d, line, happened FROM rows)";
    for (function, target) in [("LINEAR_REGRESSION", "line"), ("LOGISTIC_REGRESSION", "happened")] {
        let sql = format!("SELECT * FROM {function}({rows}, target => '{target}', features => 'a,b,c,d')");
        let run = federation.json(&sql).expect(0);
        let mut found = run.sets()[0].clone();
        assert_eq!(found[3]["term"], "c=yes", "{}", run.out);
        found[3]["term"] = "c".into();
        compare(function, &found, &expected[function]);
    }
}

#[test]
fn regressions_of_no_use_are_refused_or_withheld() {
    let federation = vertical(&reference("regression.csv"));
    let fault = |sql: &str, code: i32| {
        let run = federation.json(sql).expect(code);
        run.error()["message"].as_str().unwrap().to_owned()
    };
    let message = fault("SELECT * FROM LOGISTIC_REGRESSION(rows, target => 'count', features => 'a')", 2);
    assert!(message.contains("bounds = [0, 1]"), "{message}");
    let message = fault("SELECT * FROM LOGISTIC_REGRESSION(rows, target => 'happened', penalty => 'l3')", 2);
    assert!(message.contains("`penalty` cannot be 'l3'"), "{message}");
    let message =
        fault("SELECT * FROM POISSON_REGRESSION(rows, target => 'count', features => 'c', offset => 'd')", 2);
    assert!(message.contains("within 32 of 0"), "{message}");
    let ridge =
        "SELECT * FROM ELASTIC_NET(rows, target => 'line', features => 'a', alpha => 'cv', l1_ratio => 0)";
    let message = fault(ridge, 2);
    assert!(message.contains("needs `alphas`"), "{message}");
    let message = fault("SELECT * FROM LASSO(rows, target => 'line', features => 'a', alphas => '1,2')", 2);
    assert!(message.contains("`alpha => 'cv'` chooses from"), "{message}");
    let message = fault("SELECT * FROM CROSSTAB(rows, row => 'c', column => 'happened')", 3);
    assert!(message.contains("does not allow `group`"), "{message}");
    // A feature twice is no model, and nothing tells why.
    let twice = "(SELECT line, a, a AS again FROM rows)";
    let sql = format!("SELECT coefficient, std_error FROM LINEAR_REGRESSION({twice}, target => 'line')");
    let run = federation.json(&sql).expect(0);
    for row in run.sets()[0].as_array().unwrap() {
        assert!(row["coefficient"].is_null() && row["std_error"].is_null(), "{}", run.out);
    }
}

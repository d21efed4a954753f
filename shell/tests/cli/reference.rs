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

/// Features a, b, c at one owner, d and the targets at the other.
fn vertical(csv: &str) -> Federation {
    let column = |name: &str, bounds: &str| {
        format!(
            "{name} = {{ type = \"INTEGER\", bounds = {bounds}, nullable = false, allow = [\"model\"] }}\n"
        )
    };
    let table = |name: &str, columns: String| {
        format!(
            "{RULES}[table.{name}]\nperson = \"id\"\nmax_rows = 450\n[table.{name}.column]\n\
             id = {{ type = \"TEXT\", allow = [\"join\"] }}\n{columns}"
        )
    };
    let left = [column("a", "[-500, 500]"), column("b", "[-700, 700]"), column("c", "[0, 1]")].concat();
    let right = [
        column("d", "[-5000, 5000]"),
        column("line", "[-6000, 6000]"),
        column("happened", "[0, 1]"),
        column("count", "[0, 20]"),
    ]
    .concat();
    let views = "[[view]]\nname = \"rows\"\nsql = \"SELECT l.a, l.b, l.c, r.d, r.line, r.happened, r.count \
                 FROM hospital.left l JOIN insurer.right r ON HASHED(l.id) = HASHED(r.id)\"\n";
    let parties = FEDERATION.split("[[view]]").next().unwrap();
    let federation = Federation(tempfile::tempdir().unwrap());
    federation
        .write("federation.toml", &format!("{parties}{views}"))
        .write("parties/hospital/policy.toml", &table("left", left))
        .write("parties/insurer/policy.toml", &table("right", right))
        .write("parties/hospital/data/left.csv", &part(csv, &[0, 1, 2, 3]))
        .write("parties/insurer/data/right.csv", &part(csv, &[0, 4, 5, 6, 7]));
    federation
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

#[test]
fn regressions_equal_statsmodels_and_scikit_learn() {
    let expected: Value = serde_json::from_str(&reference("regression.json")).unwrap();
    let federation = vertical(&reference("regression.csv"));
    let calls = [
        ("LINEAR_REGRESSION", "line", ""),
        ("LINEAR_REGRESSION_SUMMARY", "line", ""),
        ("LOGISTIC_REGRESSION", "happened", ""),
        ("LOGISTIC_REGRESSION_SUMMARY", "happened", ""),
        ("LOGISTIC_REGRESSION penalised", "happened", ", penalty => 'l2', alpha => 3"),
        ("POISSON_REGRESSION", "count", ""),
        ("RIDGE", "line", ", alpha => 1000"),
        ("RIDGE_SUMMARY", "line", ", alpha => 1000"),
        ("LASSO", "line", ", alpha => 20"),
    ];
    let query = |(name, target, more): &(&str, &str, &str)| {
        let function = name.split(' ').next().unwrap();
        format!("SELECT * FROM {function}(rows, target => '{target}', features => 'a,b,c,d'{more})")
    };
    let sql: Vec<String> = calls.iter().map(query).collect();
    let run = federation.json(&sql.join(";\n")).expect(0);
    for ((name, ..), found) in calls.iter().zip(run.sets()) {
        compare(name, &found, &expected[name]);
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
    let message = fault("SELECT * FROM LOGISTIC_REGRESSION(rows, target => 'happened', penalty => 'l1')", 2);
    assert!(message.contains("`penalty` cannot be 'l1'"), "{message}");
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

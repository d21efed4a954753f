//! `init federation`: from files of one's own to a first answer.
#![expect(clippy::format_collect, clippy::cast_precision_loss, reason = "small files, written out")]

use super::*;

/// Forty people at a hospital, thirty of them at an insurer.
fn files(folder: &Path) -> [String; 2] {
    let lifestyle: String = (0..40)
        .map(|i| {
            format!(
                "P{i},{},{},{:.1},2024-0{}-11,note {i}\n",
                21 + i,
                ["f", "m"][i % 2],
                20.0 + 0.3 * i as f64,
                1 + i % 9
            )
        })
        .collect();
    let claims: String =
        (10..40).map(|i| format!("p{i} ,{},{}.50,{}\n", i % 15, 10 * i, i % 3 + 1)).collect();
    let write = |name: &str, header: &str, rows: &str| {
        let path = folder.join(name);
        std::fs::write(&path, format!("{header}\n{rows}")).unwrap();
        path.display().to_string()
    };
    [
        write("lifestyle.csv", "patient_id,age,sex,bmi,seen,note", &lifestyle),
        write("claims.csv", "patient_id,days,cost,grade", &claims),
    ]
}

#[test]
fn a_draft_is_answered_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let [lifestyle, claims] = files(folder.path());
    let dir = folder.path().join("study");
    let dir = dir.to_str().unwrap();
    let owners = [format!("hospital={lifestyle}"), format!("insurer={claims}")];
    let arguments = ["init", "federation", dir, "--owner", &owners[0], "--owner", &owners[1]];
    let said = conjoin(arguments).expect(0).out;
    for line in [
        "one row for each `patient_id`",
        "age         INTEGER, 20 to 60",
        "note        left out",
        "DECIMAL(12,2)",
        "INTEGER, 1, 2, 3",
        "at least 10 people",
    ] {
        assert!(said.contains(line), "{line} is missing:\n{said}");
    }
    conjoin(["check", dir]).expect(0);
    let sql = "SELECT COUNT(*) AS n, AVG(age) AS age, SUM(cost) AS cost FROM cohort";
    let run = conjoin(["local", dir, "-e", sql, "--format", "json"]).expect(0);
    // Persons 10 to 39 are at both; their ages are 31 to 60, their costs 100.50 to 390.50.
    assert_eq!(run.sets(), [serde_json::json!([{"n": 30, "age": 45.5, "cost": 7365.00}])]);
    assert!(conjoin(arguments).expect(2).err.contains("not empty"));
}

#[test]
fn the_person_can_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let [_, claims] = files(folder.path());
    let dir = folder.path().join("study");
    let dir = dir.to_str().unwrap();
    let owner = format!("insurer={claims}");
    let with = |person: &str| conjoin(["init", "federation", dir, "--owner", &owner, "--person", person]);
    assert!(with("insurer.claim=-").expect(2).err.contains("did you mean"), "tables are checked first");
    assert!(with("insurer.claims=nobody").expect(2).err.contains("no column `nobody`"));
    let said = with("insurer.claims=-").expect(0).out;
    assert!(said.contains("every row is a person of its own"), "{said}");
    let run = conjoin(["init", "federation", dir, "--owner", "insurer"]).expect(2);
    assert!(run.err.contains("NAME=FILE"), "{}", run.err);
    conjoin(["init", "federation", dir, "--owner", "insurer=/nowhere.csv"]).expect(4);
}

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

#[test]
fn odd_files_are_told_what_is_odd() {
    let folder = tempfile::tempdir().unwrap();
    let good: String = (0..40).map(|i| format!("P{i},{i}\n")).collect();
    std::fs::write(folder.path().join("good.csv"), format!("id,age\n{good}")).unwrap();
    let draft = |name: &str, content: &[u8]| {
        let file = folder.path().join(format!("{name}.csv"));
        std::fs::write(&file, content).unwrap();
        let dir = folder.path().join(format!("study-{name}"));
        let owner = |party: &str, file: &Path| format!("{party}={}", file.display());
        let owners = [owner("hospital", &file), owner("insurer", &folder.path().join("good.csv"))];
        conjoin(["init", "federation", dir.to_str().unwrap(), "--owner", &owners[0], "--owner", &owners[1]])
    };
    for (name, content, says, code) in [
        ("empty", &b"id,age\n"[..], "it has no values to draft a policy from", 2),
        ("nothing", b"", "there is no header line", 4),
        ("semicolons", b"id;age\nP1;2\n", "separated by `;`, not by commas", 4),
        ("latin", b"id,city\n1,K\xf6ln\n", "save it as UTF-8", 4),
        ("ragged", b"id,age\nP1,2,3\n", "incorrect number of fields for line 2", 4),
        ("twice", b"id,age,age\nP1,2,3\n", "columns 2 and 3 have the same name", 4),
        ("names", b"a=x,b?\n1,2\n", "its name may have letters", 2),
    ] {
        let run = draft(name, content).expect(code);
        assert!(run.err.contains(says), "{name}: {}", run.err);
    }
    let day = |i: usize| {
        format!("P{i},{:02}.{:02}.2020,\"${i},{:03}.50\",9{i:018},,note {i}\n", 1 + i % 28, 1 + i % 12, i)
    };
    let rows: String = (0..40).map(day).collect();
    let said =
        draft("forms", format!("id,when,amount,huge,none,\"a note\"\n{rows}").as_bytes()).expect(0).out;
    for says in [
        "left out: dates in another form: write them as 2020-01-31",
        "left out: numbers with signs of a currency or of thousands",
        "left out: no value",
        "left out: text with more than 20 different values",
    ] {
        assert!(said.contains(says), "{says}: {said}");
    }
    let dir = folder.path().join("study-forms");
    conjoin(["check", dir.to_str().unwrap()]).expect(0);
}

#[test]
fn keywords_and_spaces_are_names_as_others() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..40).map(|i| format!("P{i},{},{i}.5,{i}\n", i % 3)).collect();
    let file = folder.path().join("visits.csv");
    std::fs::write(&file, format!("id,select,\"blood sugar\",order\n{rows}")).unwrap();
    let dir = folder.path().join("study");
    let dir = dir.to_str().unwrap();
    let owners = ["hospital", "insurer"].map(|party| format!("{party}={}", file.display()));
    conjoin(["init", "federation", dir, "--owner", &owners[0], "--owner", &owners[1]]).expect(0);
    let sql = "SELECT \"select\", COUNT(*) AS n, AVG(\"blood sugar\") AS mean, SUM(\"order\") AS s \
               FROM hospital.visits GROUP BY \"select\" ORDER BY \"select\"";
    let run = conjoin(["local", dir, "-e", sql]).expect(0);
    assert_eq!(run.out, "select,n,mean,s\n0,14,20.0,273\n1,13,19.5,247\n2,13,20.5,260\n");
    let run = conjoin(["local", dir, "-e", "SELECT \"blood sugar\" FROM hospital.visits"]).expect(3);
    assert!(run.err.contains("hint: SELECT AVG(\"blood sugar\") FROM hospital.visits"), "{}", run.err);
}

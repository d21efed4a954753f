//! Data that break their policy: class 4, details for the owner alone.

use super::*;

const SQL: &str = "SELECT AVG(days) AS d FROM insurer.claims";

/// The error of a query over claims that are this text, and what the owner reads.
fn broken(claims: &str) -> (Value, String) {
    let federation = Federation::new();
    federation.write("parties/insurer/data/claims.csv", claims);
    let run = federation.json(SQL).expect(4);
    assert_eq!(run.out, "");
    let owner = run.err.lines().find(|line| line.starts_with("[insurer] "));
    let owner = owner.unwrap_or_else(|| panic!("no message for the owner: {}", run.err));
    (run.error(), owner.to_owned())
}

#[test]
fn the_owner_reads_details_and_the_analyst_the_table() {
    let cases = [
        ("id,days,cost\na,367,1\nb,-1,1\n", "column `days`: 2 rows outside bounds [0, 366]"),
        ("id,days,cost\na,x,1\n", "column `days`: 1 row with a text that is no BIGINT"),
        ("id,days,cost\na,1,1.005\n", "column `cost`: 1 row with a text that is no DECIMAL(10,2)"),
        ("id,cost\na,1\n", "column `days` is missing"),
        ("id,days,cost\na,1,1\na,2,1\n", "column `id`: 1 row more than max_rows_per_person = 1 allows"),
        ("id,days,cost\na,1\n", "claims.csv is not a valid CSV file"),
        ("", "claims.csv"),
    ];
    for (claims, expected) in cases {
        let (error, owner) = broken(claims);
        assert!(owner.contains(expected), "{owner}");
        assert_eq!(error["class"], "source");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("insurer.claims") && !message.contains("days"), "{message}");
    }
    let many: Vec<String> = (0..11).map(|i| format!("p{i},1,1\n")).collect();
    assert!(broken(&format!("id,days,cost\n{}", many.concat())).1.contains("1 row more than max_rows = 10"));
}

#[test]
fn folders_of_folders_are_read_and_pipes_are_not() {
    let federation = Federation::new();
    std::fs::remove_file(federation.file("parties/insurer/data/claims.csv")).unwrap();
    federation
        .write("parties/insurer/data/claims.csv/1.csv", "id,days,cost\na,1,1\nb,3,1\n")
        .write("parties/insurer/data/claims.csv/more/2.csv", "id,days,cost\nc,5,1\n");
    assert_eq!(federation.json(SQL).expect(0).out, "[{\"d\":3.0}]\n");
    std::fs::remove_dir_all(federation.file("parties/insurer/data/claims.csv")).unwrap();
    let pipe = federation.file("parties/insurer/data/claims.csv");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let run = conjoin(["check", federation.path().to_str().unwrap()]).expect(4);
    assert!(run.err.contains("claims.csv is not a regular file"), "{}", run.err);
}

#[test]
fn a_missing_file_is_the_source_s_fault_and_other_tables_still_answer() {
    let federation = Federation::new();
    std::fs::remove_file(federation.file("parties/insurer/data/claims.csv")).unwrap();
    let run = federation.json(&format!("SELECT COUNT(*) AS n FROM hospital.lifestyle; {SQL}")).expect(4);
    assert_eq!(run.out, "[{\"n\":5}]\n");
    assert!(run.err.contains("[insurer] "), "{}", run.err);
    assert_eq!(run.error()["class"], "source");
}

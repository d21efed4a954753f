//! The release gate: which numbers are withheld, decided over distinct persons.

use conjoin_tests::heart::Heart;
use conjoin_tests::rows::texts;
use executor::cluster::ClusterOptions;

/// What the analyst sees with this `min_people`.
async fn answers(min_people: u32, queries: &[&str]) -> Vec<(Vec<Vec<String>>, Vec<String>)> {
    let heart = Heart::new(min_people);
    let cluster = heart.start(ClusterOptions::default()).await;
    let mut connection = cluster.connection("analyst");
    let mut all = Vec::new();
    for sql in queries {
        let outcome = connection.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        all.push((texts(&outcome.rows.expect("rows").batches), outcome.notices));
    }
    cluster.shutdown().await;
    all
}

fn withheld(notices: &[String]) -> bool {
    notices.iter().any(|notice| notice.contains("withheld"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_of_few_people_are_null_and_their_groups_are_absent() {
    let queries = [
        // 80 patients, none older than 100: both numbers have a public shape, the second has nobody behind it.
        "SELECT COUNT(*), COUNT(*) FILTER (WHERE age > 99) FROM hospital.lifestyle",
        "SELECT region, COUNT(*) FROM insurer.claims GROUP BY region",
        "SELECT COUNT(*) FROM hospital.lifestyle WHERE age = 99",
        // Many visits of few people.
        "SELECT doctor, COUNT(*) FROM insurer.visits WHERE minutes > 85 GROUP BY doctor",
        "SELECT SUM(CASE WHEN age = 97 THEN exercise ELSE 0 END), SUM(exercise * CAST(age = 97 AS INT)) FROM hospital.lifestyle",
    ];
    let open = answers(1, &queries).await;
    let strict = answers(20, &queries).await;
    assert_eq!(open[0].0, [["80", "0"]]);
    assert_eq!(strict[0].0, [["80", "NULL"]]);
    assert!(withheld(&strict[0].1) && !withheld(&open[0].1));
    assert!(open[1].0.len() > strict[1].0.len(), "{:?} {:?}", open[1], strict[1]);
    let large: Vec<&Vec<String>> =
        open[1].0.iter().filter(|row| row[1].parse::<u64>().is_ok_and(|n| n >= 20)).collect();
    assert_eq!(strict[1].0.iter().collect::<Vec<_>>(), large);
    assert_eq!(strict[2].0, [["NULL"]]);
    assert!(!open[3].0.is_empty() && strict[3].0.is_empty(), "{:?}", strict[3]);
    assert_eq!(strict[4].0, [["NULL", "NULL"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn persons_are_counted_not_rows() {
    // Every person has several visits: rows suffice, persons do not.
    let people = "SELECT COUNT(*), COUNT(DISTINCT patient_id) FROM insurer.visits";
    let joined = "SELECT COUNT(*), COUNT(DISTINCT v.patient_id), AVG(h.age) FROM hospital.lifestyle h JOIN insurer.visits v ON HASHED(h.patient_id) = HASHED(v.patient_id)";
    let open = answers(1, &[people, joined]).await;
    for (rows, _) in &open {
        let (rows, persons): (u32, u32) =
            (rows[0][0].parse().expect("rows"), rows[0][1].parse().expect("persons"));
        assert!(rows > persons, "{rows} {persons}");
    }
    let persons: u32 = open[1].0[0][1].parse().expect("persons");
    assert_ne!(answers(persons, &[joined]).await[0].0[0], ["NULL"; 3]);
    let without = answers(persons + 1, &[joined]).await;
    assert_eq!(without[0].0[0], ["NULL"; 3]);
}

/// With as many people demanded as there are, the numbers come; with one more, none does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn persons_are_counted_exactly_in_joins_of_all_types() {
    let on = |a: &str, b: &str| format!("HASHED({a}.patient_id) = HASHED({b}.patient_id)");
    let distinct = |a: &str, b: &str| {
        format!("COUNT(*), COUNT(DISTINCT {a}.patient_id), COUNT(DISTINCT {b}.patient_id)")
    };
    let queries = [
        // Persons of the optional side are those with a partner.
        format!(
            "SELECT {} FROM hospital.lifestyle h LEFT JOIN insurer.claims c ON {}",
            distinct("h", "c"),
            on("h", "c")
        ),
        format!(
            "SELECT {} FROM hospital.labs l LEFT JOIN insurer.claims c ON {}",
            distinct("l", "c"),
            on("l", "c")
        ),
        // Rows on both sides of one person, in parts of a union.
        format!(
            "SELECT {} FROM hospital.labs l JOIN insurer.visits v ON {}",
            distinct("l", "v"),
            on("l", "v")
        ),
        format!(
            "SELECT {} FROM hospital.lifestyle h LEFT JOIN insurer.visits v ON {}",
            distinct("h", "v"),
            on("h", "v")
        ),
        // The first and the last of a chain.
        format!(
            "SELECT {} FROM insurer.visits v JOIN hospital.lifestyle h ON {} JOIN insurer.claims c ON {}",
            distinct("v", "h"),
            on("v", "h"),
            on("h", "c")
        ),
    ];
    for sql in &queries {
        let open = answers(1, &[sql]).await;
        let numbers: Vec<u32> = open[0].0[0].iter().map(|text| text.parse().expect("a number")).collect();
        let people = numbers[1].min(numbers[2]);
        assert!(people < numbers[0] && people > 0, "{sql}: {numbers:?}");
        assert_ne!(answers(people, &[sql]).await[0].0[0][0], "NULL", "{sql}: {numbers:?}");
        assert_eq!(answers(people + 1, &[sql]).await[0].0[0][0], "NULL", "{sql}: {numbers:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_of_few_rows_is_withheld() {
    let lasso = "SELECT * FROM LASSO(cohort, target => 'days', features => 'age,exercise', alpha => 0.5)";
    let few = "SELECT * FROM LASSO((SELECT days, age, exercise FROM cohort WHERE age > 90), target => 'days', alpha => 0.5)";
    let got = answers(10, &[lasso, few]).await;
    assert_eq!(got[0].0.len(), 3);
    assert!(got[0].0.iter().all(|row| row[1] != "NULL"), "{:?}", got[0].0);
    assert_eq!(
        got[1].0.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(),
        ["intercept", "age", "exercise"]
    );
    assert!(got[1].0.iter().all(|row| row[1] == "NULL") && withheld(&got[1].1), "{:?}", got[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_declared_level_is_the_reference() {
    let got = answers(
        1,
        &["SELECT term FROM LASSO(cohort, target => 'days', features => 'region,chronic', alpha => 0.1)"],
    )
    .await;
    let terms: Vec<&str> = got[0].0.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(terms, ["intercept", "region=south", "region=east", "region=west", "chronic=true"]);
}

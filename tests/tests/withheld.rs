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

/// Two patients of the hospital are 94: none of these numbers says anything about them, or about who is not in a branch.
const OF_TWO_PEOPLE: [&str; 35] = [
    // Branches: with COUNT(*), which is released, each would give the sum of the two.
    "SUM(CASE WHEN age = 94 THEN exercise ELSE 1 END)",
    "SUM(CASE WHEN age <> 94 THEN 1 ELSE exercise END)",
    "AVG(CASE WHEN age = 94 THEN exercise ELSE 1 END)",
    "VAR_POP(CASE WHEN age = 94 THEN exercise ELSE 1 END)",
    "CORR(CASE WHEN age = 94 THEN 5 ELSE 1 END, exercise)",
    "MAX(CASE WHEN age = 94 THEN age + 100 ELSE 1 END)",
    "MAX(CASE WHEN age = 94 THEN sex ELSE 'f' END)",
    "MEDIAN(CASE WHEN age = 94 THEN 94 ELSE age END)",
    "COUNT(DISTINCT CASE WHEN age = 94 THEN exercise ELSE -1 END)",
    "COUNT(DISTINCT age = 94)",
    "BOOL_OR(age = 94)",
    "SUM(CASE age WHEN 94 THEN exercise ELSE 1 END)",
    "SUM(CASE WHEN age < 50 THEN 1 WHEN age < 94 THEN 2 ELSE exercise END)",
    "SUM(CASE WHEN sex = 'f' THEN CASE WHEN age = 94 THEN 5 ELSE 1 END ELSE 0 END)",
    "SUM(exercise * CASE WHEN age = 94 THEN 2 ELSE 1 END)",
    "SUM(exercise + CASE WHEN age = 94 THEN exercise ELSE 0 END)",
    // What may take the place of NULL.
    "SUM(COALESCE(CASE WHEN age = 94 THEN exercise END, 7))",
    "SUM(COALESCE(CASE WHEN age <> 94 THEN 7 END, exercise))",
    "SUM(COALESCE(NULLIF(age, 94), 7))",
    // The larger and the smaller, sizes and signs.
    "SUM(GREATEST(age, 93))",
    "SUM(LEAST(age, 93))",
    "SUM(ABS(age - 93))",
    "SUM(SIGNUM(age - 93.5))",
    // Truth values as numbers, alone and in products.
    "SUM(CAST(age = 94 AS INT))",
    "SUM((CAST(age = 94 AS INT) + 1) * exercise)",
    "SUM((2 - CAST(age <> 94 AS INT)) * exercise)",
    "SUM(exercise * CAST(age > 93 AS INT))",
    // Quotients and remainders, and what has two values.
    "SUM(age / 94)",
    "SUM((age + 93) / 94)",
    "SUM(age % 94)",
    "SUM(FLOOR(age / 93.5) + 1)",
    "SUM(CAST(weight / ((age - 94) * (age - 94) * 5000 + 1) AS INT))",
    "SUM(CAST(weight / ((age - 94) * (age - 94) * 5000 + 1) AS DECIMAL(12, 0)))",
    "SUM(ROUND(age / 187.5) + 1)",
    "SUM((age - 94) * CASE WHEN age < 94 THEN 0 ELSE 1 END + exercise * CAST(age = 94 AS INT))",
];

/// Conditions with enough people on every side.
const OF_MANY_PEOPLE: [&str; 13] = [
    "SUM(CASE WHEN sex = 'f' THEN exercise ELSE 1 END)",
    "SUM(CASE WHEN age < 40 THEN 1 WHEN age < 60 THEN 2 ELSE 3 END)",
    "AVG(CASE sex WHEN 'f' THEN 1 ELSE 2 END)",
    "SUM(COALESCE(bmi, 0))",
    "AVG(ABS(age - 50))",
    "SUM(GREATEST(age, 50))",
    "SUM(age % 10)",
    "SUM(age / 10)",
    "SUM(age * exercise)",
    "SUM(weight * bmi)",
    "SUM(SQRT(exercise))",
    "AVG(EXTRACT(year FROM admitted))",
    "MAX(CASE WHEN age < 50 THEN sex ELSE 'f' END)",
];

/// Every outcome of a condition is counted, however it is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditions_single_nobody_out() {
    let query = |of: &str| format!("SELECT COUNT(*), {of} FROM hospital.lifestyle");
    let few: Vec<String> = OF_TWO_PEOPLE.iter().map(|of| query(of)).collect();
    let many: Vec<String> = OF_MANY_PEOPLE.iter().map(|of| query(of)).collect();
    let texts: Vec<&str> = few.iter().chain(&many).map(String::as_str).collect();
    let strict = answers(10, &texts).await;
    for (sql, (rows, _)) in texts.iter().zip(&strict) {
        assert_eq!(rows[0][0], "80", "{sql}");
        assert_eq!(rows[0][1] == "NULL", few.iter().any(|few| few == sql), "{sql}: {rows:?}");
    }
    let open = answers(1, &texts).await;
    for (sql, (rows, _)) in texts.iter().zip(&open) {
        assert_ne!(rows[0][1], "NULL", "{sql}");
    }
}

/// The same over several owners, and inside table functions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditions_across_owners_single_nobody_out() {
    let joined =
        "FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id)";
    let stacked = "FROM (SELECT patient_id, CASE WHEN age = 94 THEN exercise ELSE 1 END AS v FROM hospital.lifestyle \
                   UNION ALL SELECT patient_id, exercise FROM clinic.lifestyle)";
    let rows = "(SELECT exercise, sex, age, CASE WHEN age = 94 THEN 40 WHEN age < 50 THEN 2 ELSE 1 END AS v FROM hospital.lifestyle)";
    let withheld = [
        format!("SELECT SUM(CASE WHEN h.age = 94 THEN c.days ELSE 1 END) {joined}"),
        format!("SELECT SUM(CASE WHEN h.age = 94 AND c.days >= 0 THEN c.days ELSE 1 END) {joined}"),
        format!("SELECT SUM(COALESCE(CASE WHEN h.age = 94 THEN c.days END, 1)) {joined}"),
        format!("SELECT SUM((CAST(h.age = 94 AS INT) + 1) * c.days) {joined}"),
        format!("SELECT SUM(v) {stacked}"),
        format!("SELECT * FROM T_TEST({rows}, value => 'v', by => 'sex')"),
        format!("SELECT value FROM QUANTILES({rows}, value => 'v', q => '0.5')"),
        format!(
            "SELECT coefficient FROM LINEAR_REGRESSION({rows}, target => 'exercise', features => 'v,age') LIMIT 1"
        ),
    ];
    let released = [
        format!("SELECT SUM(CASE WHEN h.age > c.days THEN 2 ELSE 1 END) {joined}"),
        format!("SELECT SUM(CASE WHEN h.sex = 'f' THEN c.days ELSE 1 END) {joined}"),
        "SELECT SUM(CASE WHEN age < 50 THEN exercise ELSE 1 END) FROM (SELECT patient_id, age, exercise FROM \
         hospital.lifestyle UNION ALL SELECT patient_id, age, exercise FROM clinic.lifestyle)"
            .to_owned(),
    ];
    let all: Vec<&str> = withheld.iter().chain(&released).map(String::as_str).collect();
    let strict = answers(10, &all).await;
    for (index, (sql, (rows, _))) in all.iter().zip(&strict).enumerate() {
        let nothing = rows.iter().flatten().all(|cell| cell == "NULL");
        assert_eq!(nothing, index < withheld.len(), "{sql}: {rows:?}");
    }
}

/// A condition inside an owner's own query is one outside of it too, whatever is computed from its column.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditions_of_inner_queries_single_nobody_out() {
    let query = |outer: &str, inner: &str| {
        format!(
            "SELECT {outer} FROM (SELECT patient_id, {inner} AS n FROM hospital.lifestyle GROUP BY patient_id) AS z"
        )
    };
    let joined = |inner: &str| {
        format!(
            "{} JOIN insurer.claims c ON HASHED(z.patient_id) = HASHED(c.patient_id)",
            query("SUM(n + c.days)", inner)
        )
    };
    let inner = |condition: &str| {
        [
            format!("SUM(CASE WHEN {condition} THEN exercise ELSE 0 END)"),
            format!("AVG(CASE WHEN {condition} THEN exercise ELSE 0 END)"),
            format!("COUNT(*) FILTER (WHERE {condition})"),
            format!("SUM(exercise) + COUNT(*) FILTER (WHERE {condition})"),
            format!("COUNT(DISTINCT CASE WHEN {condition} THEN exercise END)"),
        ]
    };
    let all = |condition: &str| -> Vec<String> {
        let inner = inner(condition);
        let outer = ["SUM(n + 1)", "AVG(n + 1)", "SUM(2 * (n + 3))", "SUM((n + 1) * 2)"];
        let pairs = inner.iter().flat_map(|inner| outer.iter().map(move |outer| query(outer, inner)));
        pairs.chain(inner.iter().map(|inner| joined(inner))).collect()
    };
    let (few, many) = (all("age = 94"), all("age < 50"));
    let texts: Vec<&str> = few.iter().chain(&many).map(String::as_str).collect();
    for (index, (rows, _)) in answers(10, &texts).await.iter().enumerate() {
        assert_eq!(rows[0][0] == "NULL", index < few.len(), "{}: {rows:?}", texts[index]);
    }
}

/// Where an owner's own query hides a condition, so that nobody can count its outcomes, the query is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hidden_conditions_are_refused() {
    let case = "CASE WHEN age = 94 THEN exercise ELSE 1 END";
    let queries = [
        format!(
            "SELECT SUM(s) FROM (SELECT patient_id, SUM({case}) AS s FROM hospital.lifestyle GROUP BY patient_id)"
        ),
        format!("SELECT SUM(v) FROM (SELECT DISTINCT patient_id, {case} AS v FROM hospital.lifestyle)"),
        "SELECT SUM(s) FROM (SELECT patient_id, SUM(exercise + CASE WHEN age = 94 THEN 1 ELSE 0 END) AS s FROM \
         hospital.lifestyle GROUP BY patient_id)"
            .to_owned(),
        format!(
            "SELECT SUM(v) FROM (SELECT patient_id, {case} AS v FROM hospital.lifestyle UNION ALL SELECT patient_id, exercise \
             FROM hospital.lifestyle)"
        ),
    ];
    for (min_people, refused) in [(10, true), (1, false)] {
        let heart = Heart::new(min_people);
        let directory = heart.directory();
        for sql in &queries {
            let session = planner::Session { analyst: "analyst".to_owned(), ..planner::Session::default() };
            let planned = planner::plan(&directory.federation, &session, sql);
            let class = planned.as_ref().err().map(|error| error.class);
            assert_eq!(class, refused.then_some(planner::Class::Refused), "{sql}: {class:?}");
            let hint = planned.err().and_then(|error| error.hint);
            assert_eq!(hint.is_some(), refused, "{sql}");
        }
    }
}

/// What the text alone decides is withheld as what the data decides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_behind_rows_that_cannot_be() {
    let queries = [
        "SELECT COUNT(*) FILTER (WHERE age > 3), COUNT(*) FROM hospital.lifestyle WHERE exercise IS NULL",
        "SELECT COUNT(*), SUM(age) FROM hospital.lifestyle WHERE 1 = 0",
        "SELECT COUNT(*) IS NULL, COALESCE(COUNT(*), 5) FROM hospital.lifestyle WHERE age = 94",
        "SELECT COUNT(*), COUNT(age) FROM (SELECT * FROM hospital.lifestyle LIMIT 0)",
        "SELECT sex, COUNT(*) FROM hospital.lifestyle WHERE exercise IS NULL GROUP BY sex",
    ];
    let strict: Vec<_> = answers(10, &queries).await.into_iter().map(|(rows, _)| rows).collect();
    for rows in &strict[..4] {
        assert_eq!(rows, &[["NULL", "NULL"]]);
    }
    assert!(strict[4].is_empty());
    let open: Vec<_> = answers(1, &queries).await.into_iter().map(|(rows, _)| rows).collect();
    assert_eq!(open[0], [["0", "0"]]);
    assert_eq!(open[1], [["0", "NULL"]]);
    assert_eq!(open[2], [["false", "2"]]);
    assert_eq!(open[3], [["0", "0"]]);
}

/// Sets of several owners' rows: each owner's persons are counted where its rows are, and nowhere else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sets_of_several_owners_count_each_owners_persons() {
    let both = |of: &str, other: &str| {
        format!(
            "SELECT COUNT(*) FROM (SELECT patient_id FROM hospital.lifestyle {of} patient_id FROM {other})"
        )
    };
    let queries = [
        // A group holds the rows of one owner, as its text says.
        "SELECT site, COUNT(*) FROM (SELECT 'a' AS site, age FROM hospital.lifestyle UNION ALL SELECT 'b', age FROM clinic.lifestyle) GROUP BY site ORDER BY site".to_owned(),
        "SELECT site, COUNT(*) FROM (SELECT 'a' AS site, age FROM hospital.lifestyle WHERE age = 94 UNION ALL SELECT 'b', age FROM clinic.lifestyle) GROUP BY site".to_owned(),
        both("UNION SELECT", "clinic.lifestyle"),
        // One person among many of the other owner.
        both("WHERE age = 94 UNION SELECT", "clinic.lifestyle"),
        both("UNION SELECT", "clinic.lifestyle WHERE age = 90 AND sex = 'f'"),
        both("WHERE patient_id IS NOT NULL INTERSECT SELECT", "insurer.claims WHERE days = 40"),
        both("WHERE patient_id IS NOT NULL EXCEPT SELECT", "insurer.claims WHERE days = 40"),
        both("WHERE patient_id IS NOT NULL INTERSECT SELECT", "insurer.claims"),
        "SELECT COUNT(DISTINCT patient_id) FROM (SELECT patient_id FROM hospital.lifestyle WHERE age = 94 UNION ALL SELECT patient_id FROM clinic.lifestyle)".to_owned(),
        // What few have must not show beside what many have.
        "SELECT COUNT(DISTINCT x) FROM (SELECT CASE WHEN age = 94 THEN town ELSE 'x' END AS x FROM hospital.lifestyle UNION ALL SELECT 'x' FROM clinic.lifestyle)".to_owned(),
        "SELECT COUNT(*) FROM (SELECT patient_id, CASE WHEN age = 94 THEN exercise ELSE 1 END FROM hospital.lifestyle UNION SELECT patient_id, 1 FROM clinic.lifestyle)".to_owned(),
    ];
    let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
    let open: Vec<_> = answers(1, &queries).await.into_iter().map(|(rows, _)| rows).collect();
    let strict: Vec<_> = answers(20, &queries).await.into_iter().map(|(rows, _)| rows).collect();
    assert_eq!(open[0], [["a", "80"], ["b", "40"]]);
    assert_eq!(strict[0], open[0]);
    assert_eq!(strict[1], [["b", "40"]]);
    assert_eq!(strict[2], open[2]);
    assert_eq!(strict[7], open[7]);
    for index in [3, 4, 5, 6, 8, 9, 10] {
        assert_ne!(open[index], [["NULL"]], "{}", queries[index]);
        assert_eq!(strict[index], [["NULL"]], "{}", queries[index]);
    }
}

/// Medians in groups of an open domain: small groups do not show up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranks_of_small_open_groups_are_withheld() {
    let queries = [
        "SELECT town, COUNT(*), MEDIAN(age) FROM hospital.lifestyle GROUP BY town",
        "SELECT town, COUNT(age), MEDIAN(age) FILTER (WHERE age = 94) FROM hospital.lifestyle GROUP BY town",
    ];
    let open = answers(1, &queries).await;
    let strict = answers(8, &queries).await;
    let large = |row: &&Vec<String>| row[1].parse::<u32>().is_ok_and(|n| n >= 8);
    let kept: Vec<&Vec<String>> = open[0].0.iter().filter(large).collect();
    assert!(!kept.is_empty() && kept.len() < open[0].0.len(), "{kept:?}");
    assert_eq!(
        strict[0].0.iter().map(|row| &row[..2]).collect::<Vec<_>>(),
        kept.iter().map(|row| &row[..2]).collect::<Vec<_>>()
    );
    assert!(strict[1].0.iter().all(|row| row[2] == "NULL"), "{:?}", strict[1]);
    assert!(open[1].0.iter().any(|row| row[2] == "94"), "{:?}", open[1]);
}

/// A LIMIT over groups of stacked parts gives the first of those that would be shown without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_over_parts_asks_each_owner_where_it_has_rows() {
    let stacked =
        "FROM (SELECT 'a' AS site, * FROM hospital.lifestyle UNION ALL SELECT 'b', * FROM clinic.lifestyle)";
    let queries = [
        format!("SELECT site, COUNT(*) AS n, AVG(age) {stacked} GROUP BY site ORDER BY n DESC"),
        // Open and closed keys beside the part; a number of few in a group of many.
        format!("SELECT site, sex, COUNT(*) AS n, MAX(age) {stacked} GROUP BY site, sex ORDER BY site, sex"),
        "SELECT site, k, COUNT(*), SUM(x) FROM (SELECT 'a' AS site, town AS k, age AS x FROM hospital.lifestyle UNION ALL SELECT 'b', doctor, minutes FROM insurer.visits) GROUP BY site, k ORDER BY k, site".to_owned(),
        format!(
            "SELECT site, COUNT(*), SUM(age) FILTER (WHERE age = 94) {stacked} GROUP BY site ORDER BY site DESC"
        ),
    ];
    let limited: Vec<String> = queries.iter().map(|sql| format!("{sql} LIMIT 60")).collect();
    let all: Vec<&str> = queries.iter().chain(&limited).map(String::as_str).collect();
    for min_people in [1, 3, 20] {
        let rows: Vec<_> = answers(min_people, &all).await.into_iter().map(|(rows, _)| rows).collect();
        let (whole, first) = rows.split_at(queries.len());
        assert_eq!(whole, first, "{min_people}");
        assert_eq!(whole[0].len(), 2);
        assert!(!whole[2].is_empty() || min_people == 20, "{:?}", whole[2]);
        assert_eq!(whole[3].iter().all(|row| row[2] == "NULL"), min_people > 1, "{:?}", whole[3]);
    }
}

/// A FILTER says which rows count; that what it leaves is 0 in all of them tells no more of few than any number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_is_no_condition_in_a_pair() {
    let queries = [
        "SELECT COVAR_POP(exercise, age) FILTER (WHERE exercise = 0), COUNT(DISTINCT patient_id) FILTER (WHERE exercise = 0) FROM hospital.lifestyle",
        "SELECT COVAR_POP(CASE WHEN age = 94 THEN exercise ELSE 0 END, age) FILTER (WHERE age > 20) FROM hospital.lifestyle",
    ];
    let open: Vec<_> = answers(1, &queries).await.into_iter().map(|(rows, _)| rows).collect();
    let people: u32 = open[0][0][1].parse().expect("a number");
    assert!(people > 2, "{people}");
    let strict: Vec<_> = answers(people, &queries).await.into_iter().map(|(rows, _)| rows).collect();
    assert_eq!(strict[0], open[0]);
    assert_ne!(open[1], [["NULL"]]);
    assert_eq!(strict[1], [["NULL"]]);
    assert_eq!(answers(people + 1, &queries[..1]).await[0].0, [["NULL", "NULL"]]);
}

/// What a query asks of rows that no data can make is withheld like what no data makes, totals too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn totals_of_impossible_rows_are_withheld() {
    let queries = [
        "SELECT smoker, GROUPING(smoker), COUNT(*) FROM hospital.lifestyle WHERE 1 = 0 GROUP BY ROLLUP(smoker)",
        "SELECT COUNT(DISTINCT patient_id), SUM(exercise + exercise), AVG(age) FROM (SELECT * FROM hospital.lifestyle UNION ALL SELECT * FROM clinic.lifestyle) WHERE 1 = 0",
        // What is withheld meets no condition.
        "SELECT smoker, COUNT(*) FROM hospital.lifestyle WHERE 1 = 0 GROUP BY ROLLUP(smoker) HAVING COUNT(*) < 4 ORDER BY smoker LIMIT 3",
        "SELECT COUNT(*) FROM hospital.lifestyle WHERE 1 = 0 HAVING COUNT(*) < 4",
    ];
    let strict: Vec<_> = answers(2, &queries).await.into_iter().map(|(rows, _)| rows).collect();
    assert_eq!(strict[0], [["NULL", "1", "NULL"]]);
    assert_eq!(strict[1], [["NULL", "NULL", "NULL"]]);
    assert!(strict[2].is_empty() && strict[3].is_empty(), "{strict:?}");
    let open: Vec<_> = answers(1, &queries).await.into_iter().map(|(rows, _)| rows).collect();
    assert_eq!(open[0], [["NULL", "1", "0"]]);
    assert_eq!(open[1], [["0", "NULL", "NULL"]]);
    assert_eq!(open[2], [["NULL", "0"]]);
    assert_eq!(open[3], [["0"]]);
}

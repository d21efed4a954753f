//! Whole queries on two inputs of equal public size and different content: the same messages of the same lengths at
//! every party. Reused by everything that comes later: add a query to [`QUERIES`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use conjoin_tests::heart::Heart;
use executor::cluster::ClusterOptions;
use executor::network::{Direction, Passed};
use executor::party::QueryReport;
use planner::plan::PartyId;

const QUERIES: &[&str] = &[
    "SELECT COUNT(*), SUM(days), AVG(cost), STDDEV(days) FROM insurer.claims WHERE chronic",
    "SELECT region, COUNT(*), AVG(days) FROM insurer.claims GROUP BY region HAVING COUNT(*) > 20",
    "SELECT COUNT(*), AVG(h.bmi) FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id) WHERE h.age > c.days OR h.smoker",
    "SELECT h.sex, c.region, COUNT(*), VAR(c.cost) FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id) GROUP BY h.sex, c.region",
    "SELECT v.doctor, COUNT(DISTINCT v.patient_id), SUM(v.fee) / SUM(v.minutes) FROM hospital.lifestyle h JOIN insurer.visits v ON HASHED(h.patient_id) = HASHED(v.patient_id) GROUP BY v.doctor",
    "SELECT AVG(t.total) FROM hospital.lifestyle h JOIN (SELECT patient_id, SUM(minutes) AS total FROM insurer.visits WHERE doctor = 'gp' GROUP BY patient_id) t ON HASHED(h.patient_id) = HASHED(t.patient_id)",
    "SELECT COUNT(*), SUM(exercise) FROM (SELECT age, exercise FROM hospital.lifestyle UNION ALL SELECT age, exercise FROM clinic.lifestyle) WHERE age > 40",
    "SELECT h.sex, c.region, COUNT(*), SUM(COALESCE(c.days, 0)) FROM hospital.lifestyle h LEFT JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id) AND c.days > h.exercise GROUP BY h.sex, c.region",
    "SELECT COUNT(*), SUM(v.minutes) FROM hospital.lifestyle h FULL JOIN insurer.visits v ON HASHED(h.patient_id) = HASHED(v.patient_id)",
    "SELECT COUNT(*), AVG(h.age) FROM hospital.lifestyle h WHERE NOT EXISTS (SELECT 1 FROM insurer.visits v WHERE HASHED(h.patient_id) = HASHED(v.patient_id) AND v.minutes > 30)",
    "SELECT l.kind, COUNT(*), AVG(x.bmi) FROM hospital.labs l JOIN insurer.claims c ON HASHED(l.patient_id) = HASHED(c.patient_id) JOIN clinic.lifestyle x ON HASHED(c.patient_id) = HASHED(x.patient_id) GROUP BY l.kind",
    "SELECT COUNT(*), SUM(v.minutes) FROM hospital.labs l JOIN insurer.visits v ON HASHED(l.patient_id) = HASHED(v.patient_id)",
    "SELECT region, MEDIAN(days), MAX(cost), CORR(days, cost), COUNT(DISTINCT days) FROM insurer.claims GROUP BY region",
    "SELECT region, COUNT(*) AS n, MIN(days) FROM insurer.claims GROUP BY region ORDER BY n DESC LIMIT 2",
    "SELECT v.fee, COUNT(*), AVG(h.age) FROM hospital.lifestyle h JOIN insurer.visits v ON HASHED(h.patient_id) = HASHED(v.patient_id) GROUP BY v.fee",
    "SELECT v.fee, COUNT(*), COUNT(DISTINCT l.patient_id) FROM hospital.labs l JOIN insurer.visits v ON HASHED(l.patient_id) = HASHED(v.patient_id) GROUP BY v.fee",
    "SELECT h.town, v.town, COUNT(*) FROM hospital.lifestyle h LEFT JOIN insurer.visits v ON HASHED(h.patient_id) = HASHED(v.patient_id) AND v.minutes > 30 GROUP BY h.town, v.town ORDER BY 3 DESC LIMIT 5",
    "SELECT h.sex, COUNT(DISTINCT v.fee), COUNT(DISTINCT v.town) FROM hospital.lifestyle h JOIN insurer.visits v ON HASHED(h.patient_id) = HASHED(v.patient_id) WHERE h.age IS DISTINCT FROM v.minutes GROUP BY h.sex",
    "SELECT town, MIN(age), MAX(admitted), COUNT(*) FROM hospital.lifestyle GROUP BY town",
    "SELECT COUNT(*), AVG(h.bmi) FROM hospital.lifestyle h WHERE h.age > (SELECT AVG(c.days) FROM insurer.claims c)",
    "SELECT COUNT(*), SUM(c.days) FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id) WHERE c.days > (SELECT AVG(k.days) FROM insurer.claims k JOIN clinic.lifestyle x ON HASHED(k.patient_id) = HASHED(x.patient_id))",
    "SELECT COUNT(*) FROM hospital.lifestyle h WHERE h.age > (SELECT AVG(x.age) FROM clinic.lifestyle x WHERE x.sex = h.sex)",
    "SELECT region, AVG(days) FROM insurer.claims GROUP BY region HAVING AVG(days) > (SELECT AVG(days) FROM insurer.claims)",
    "SELECT AVG(x.s), SUM(v.minutes) FROM (SELECT h.patient_id, SUM(c.days) AS s FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id) GROUP BY h.patient_id) x JOIN insurer.visits v ON HASHED(x.patient_id) = HASHED(v.patient_id)",
    "SELECT * FROM LASSO(cohort, target => 'days', features => 'age,bmi,exercise,chronic', alpha => 0.5)",
    "SELECT * FROM LASSO_SUMMARY(cohort, target => 'days', features => 'age,bmi', alpha => 0.1, standardize => true)",
];

/// Other data of the same public sizes: fewer rows, other people, other values, many NULLs.
fn change(heart: &Heart) {
    for table in [
        "hospital/data/lifestyle",
        "hospital/data/labs",
        "insurer/data/claims",
        "insurer/data/visits",
        "clinic/data/lifestyle",
    ] {
        let file = format!("parties/{table}.csv");
        let text = heart.read(&file);
        let mut lines = text.lines();
        let header = lines.next().expect("a header").to_owned();
        let rows = lines.step_by(2).enumerate().map(|(index, line)| {
            let mut fields: Vec<&str> = line.split(',').collect();
            let other = format!("Q{}", fields[0]);
            // `exercise` and `chronic` may not be NULL.
            for (field, value) in fields.iter_mut().enumerate().take(4).skip(1) {
                *value = if index % 3 == field % 3 { "" } else { value };
            }
            fields[0] = if index % 2 == 0 { &other } else { fields[0] };
            fields.join(",")
        });
        let changed: Vec<String> = std::iter::once(header).chain(rows).collect();
        heart.write(&file, &(changed.join("\n") + "\n"));
    }
}

/// The lengths of all messages that every party sent to every other one and to the analyst, sorted: concurrent steps may
/// overtake each other, and channel names are fresh in every query.
type Transcript = Vec<(PartyId, Vec<(PartyId, Vec<usize>)>, Vec<usize>)>;

fn lengths(passed: &[Passed]) -> Vec<usize> {
    let mut all: Vec<usize> = passed.iter().map(|message| message.bytes).collect();
    all.sort_unstable();
    all
}

fn transcript(mut reports: Vec<QueryReport>) -> Transcript {
    reports.sort_by_key(|report| report.party);
    let of = |report: QueryReport| {
        let mut links: Vec<_> =
            report.traffic.iter().map(|(other, traffic)| (*other, lengths(&traffic.sent))).collect();
        links.sort_by_key(|(other, _)| *other);
        let total: u64 = report.traffic.iter().map(|(_, traffic)| traffic.bytes(Direction::Sent)).sum();
        assert_eq!(total, links.iter().flat_map(|(_, sent)| sent).map(|&bytes| bytes as u64).sum::<u64>());
        (report.party, links, lengths(&report.analyst.sent))
    };
    reports.into_iter().map(of).collect()
}

/// The reports of all parties, once they are there.
async fn reported(reports: &Mutex<Vec<QueryReport>>, parties: usize) -> Vec<QueryReport> {
    loop {
        {
            let mut got = reports.lock().unwrap_or_else(PoisonError::into_inner);
            if got.len() == parties {
                return std::mem::take(&mut *got);
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn transcripts(heart: &Heart) -> Vec<Transcript> {
    let reports: Arc<Mutex<Vec<QueryReport>>> = Arc::default();
    let sink = Arc::clone(&reports);
    let options = ClusterOptions {
        reports: Some(Arc::new(move |report| {
            sink.lock().unwrap_or_else(PoisonError::into_inner).push(report);
        })),
        ..ClusterOptions::default()
    };
    let cluster = heart.start(options).await;
    let parties = cluster.federation().parties.len();
    let mut connection = cluster.connection("analyst");
    let mut all = Vec::new();
    for sql in QUERIES {
        connection.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        all.push(transcript(reported(&reports, parties).await));
    }
    cluster.shutdown().await;
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lengths_of_messages_do_not_depend_on_data() {
    let (one, other) = (Heart::new(10), Heart::new(10));
    change(&other);
    let (one, other) = (transcripts(&one).await, transcripts(&other).await);
    for (sql, (one, other)) in QUERIES.iter().zip(one.iter().zip(&other)) {
        for ((party, links, result), (_, other_links, other_result)) in one.iter().zip(other) {
            assert!(links == other_links, "{sql}: messages of party {} to parties differ", party.0);
            assert_eq!(result, other_result, "{sql}: messages of party {} to the analyst", party.0);
        }
        assert!(
            one.iter().any(|(_, links, _)| links.iter().any(|(_, sent)| !sent.is_empty())),
            "{sql}: no message"
        );
    }
}

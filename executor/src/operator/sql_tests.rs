//! SQL, planned by the planner at every party, run in memory, beside the same SQL in the clear.

use std::sync::Arc;

use datafusion::arrow::array::{Array, BooleanArray, Decimal128Array, Float64Array, Int64Array, StringArray};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::catalog::{MemTable, MemorySchemaProvider, SchemaProvider};
use datafusion::prelude::{SessionConfig, SessionContext};
use planner::catalog::Federation;
use planner::plan::Node;
use planner::{Class, Session};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::asked::{answer, clear_stage, planned, run};
use crate::Result;
use crate::reveal::ReleasedShares;
use crate::world::{Message, World};

const FEDERATION: &str = r#"
version = 1
name = "test"
[[party]]
name = "hospital"
seat = 0
[[party]]
name = "insurer"
[[party]]
name = "helper"
seat = 1
[[party]]
name = "court"
seat = 2
"#;

const HOSPITAL: &str = r#"
version = 1
[release]
min_people = 1
[table.visits]
person = "id"
max_rows = 60
max_rows_per_person = 3
[table.visits.column]
id     = { type = "TEXT", allow = ["join"] }
age    = { type = "BIGINT", bounds = [0, 120], allow = ["filter", "aggregate", "minmax", "quantile"] }
bmi    = { type = "DOUBLE", bounds = [10, 80], step = 0.1, allow = ["filter", "aggregate", "group"] }
sex    = { type = "TEXT", values = ["f", "m"], allow = ["group", "filter", "aggregate", "join"] }
"#;

const INSURER: &str = r#"
version = 1
[release]
min_people = 1
[table.claims]
person = "id"
max_rows = 40
[table.claims.column]
id     = { type = "TEXT", allow = ["join"] }
cost   = { type = "DECIMAL(10,2)", bounds = [0, 2500], allow = ["filter", "aggregate", "minmax", "quantile", "group"] }
region = { type = "TEXT", values = ["east", "m", "north"], allow = ["group", "filter", "join"] }
old    = { type = "BOOLEAN", allow = ["group", "filter", "minmax"] }
"#;

fn federation() -> Federation {
    let policies = [("hospital", HOSPITAL), ("insurer", INSURER)]
        .map(|(party, text)| (party.to_owned(), text.to_owned()));
    planner::policy::parse(FEDERATION, &policies).unwrap()
}

fn some<T>(rng: &mut StdRng, value: T) -> Option<T> {
    (rng.random_range(0..8) > 0).then_some(value)
}

fn visits(rng: &mut StdRng) -> RecordBatch {
    let rows = 50;
    let ids: Vec<Option<String>> = (0..rows).map(|row| some(rng, format!("p{}", row % 20))).collect();
    let ages: Vec<Option<i64>> = (0..rows)
        .map(|_| {
            let age = rng.random_range(18..99);
            some(rng, age)
        })
        .collect();
    let bmis: Vec<Option<f64>> = (0..rows)
        .map(|_| {
            let bmi = f64::from(rng.random_range(150..400)) / 10.0;
            some(rng, bmi)
        })
        .collect();
    let sexes: Vec<Option<&str>> = (0..rows).map(|row| some(rng, ["f", "m"][row % 2])).collect();
    let schema = Schema::new(vec![
        Field::new("id", DataType::Utf8, true),
        Field::new("age", DataType::Int64, true),
        Field::new("bmi", DataType::Float64, true),
        Field::new("sex", DataType::Utf8, true),
    ]);
    let columns: Vec<Arc<dyn Array>> = vec![
        Arc::new(StringArray::from(ids)),
        Arc::new(Int64Array::from(ages)),
        Arc::new(Float64Array::from(bmis)),
        Arc::new(StringArray::from(sexes)),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

fn claims(rng: &mut StdRng) -> RecordBatch {
    let rows = 25;
    let ids: Vec<Option<String>> = (0..rows).map(|row| some(rng, format!("p{row}"))).collect();
    let costs: Vec<Option<i128>> = (0..rows)
        .map(|_| {
            let cost = rng.random_range(0..250_000);
            some(rng, cost)
        })
        .collect();
    let regions: Vec<Option<&str>> =
        (0..rows).map(|row| some(rng, ["east", "m", "north"][row % 3])).collect();
    let old: Vec<Option<bool>> = (0..rows).map(|row| some(rng, row % 2 == 0)).collect();
    let schema = Schema::new(vec![
        Field::new("id", DataType::Utf8, true),
        Field::new("cost", DataType::Decimal128(10, 2), true),
        Field::new("region", DataType::Utf8, true),
        Field::new("old", DataType::Boolean, true),
    ]);
    let columns: Vec<Arc<dyn Array>> = vec![
        Arc::new(StringArray::from(ids)),
        Arc::new(Decimal128Array::from(costs).with_precision_and_scale(10, 2).unwrap()),
        Arc::new(StringArray::from(regions)),
        Arc::new(BooleanArray::from(old)),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

const QUERIES: [&str; 28] = [
    "SELECT COUNT(*), COUNT(age), SUM(age), AVG(age) FROM hospital.visits",
    "SELECT COUNT(DISTINCT id) AS n FROM hospital.visits WHERE age > 50",
    "SELECT sex, COUNT(*) AS n, SUM(age) AS s FROM hospital.visits GROUP BY sex",
    "SELECT COUNT(*) AS n FROM hospital.visits h JOIN insurer.claims c ON HASHED(h.id) = HASHED(c.id)",
    "SELECT COUNT(*) AS n, SUM(cost) AS s, AVG(age) AS a FROM hospital.visits h JOIN insurer.claims c ON HASHED(h.id) = HASHED(c.id)",
    "SELECT region, sex, COUNT(*) AS n, SUM(cost) AS s FROM hospital.visits h JOIN insurer.claims c ON h.id = c.id WHERE age > 40 GROUP BY region, sex",
    "SELECT SUM(h.age * c.cost) AS s FROM hospital.visits h JOIN insurer.claims c ON HASHED(h.id) = HASHED(c.id) WHERE c.old OR h.age < 60",
    "SELECT VAR_SAMP(age) AS v, STDDEV_POP(bmi) AS d, AVG(bmi) AS a FROM hospital.visits WHERE sex = 'f'",
    "SELECT bmi, COUNT(*) AS n, SUM(age) AS s FROM hospital.visits GROUP BY bmi",
    "SELECT cost, COUNT(DISTINCT h.id) AS p, AVG(age) AS a FROM hospital.visits h JOIN insurer.claims c ON HASHED(h.id) = HASHED(c.id) GROUP BY cost",
    "SELECT region, COUNT(*) AS n, SUM(cost) AS s FROM insurer.claims GROUP BY region ORDER BY n DESC, region LIMIT 2",
    "SELECT bmi, VAR_POP(age) AS v, COUNT(*) AS n FROM hospital.visits GROUP BY bmi ORDER BY bmi LIMIT 5 OFFSET 2",
    "SELECT sex, region, COUNT(*) AS n FROM hospital.visits h JOIN insurer.claims c ON h.id = c.id GROUP BY ROLLUP(sex, region)",
    "SELECT MIN(age) AS a, MAX(age) AS b, SUM(age) AS s FROM hospital.visits",
    "SELECT sex, MAX(cost) AS m, MIN(age) AS a FROM hospital.visits h JOIN insurer.claims c ON HASHED(h.id) = HASHED(c.id) GROUP BY sex",
    "SELECT region, old, PERCENTILE_CONT(0.3) WITHIN GROUP (ORDER BY cost) AS p FROM insurer.claims GROUP BY region, old",
    "SELECT CORR(age, cost) AS r, COVAR_POP(age, cost) AS c, STDDEV(age) / AVG(age) AS d, COUNT(DISTINCT sex) AS n, BOOL_OR(old) AS o FROM hospital.visits h JOIN insurer.claims c ON HASHED(h.id) = HASHED(c.id)",
    "SELECT region, AVG(cost) AS a, COUNT(*) AS n FROM insurer.claims GROUP BY region HAVING COUNT(*) > 7 ORDER BY a DESC",
    "SELECT COUNT(*) AS n, SUM(cost) AS s, SUM(COALESCE(cost, 1)) AS t FROM hospital.visits h LEFT JOIN insurer.claims c ON HASHED(h.id) = HASHED(c.id) AND c.old",
    "SELECT COUNT(*) AS n FROM hospital.visits h WHERE NOT EXISTS (SELECT 1 FROM insurer.claims c WHERE HASHED(h.id) = HASHED(c.id) AND cost > 500)",
    // Two owners' persons, for whom no one order of rows puts each person's together.
    "SELECT COUNT(DISTINCT h.id) AS p, COUNT(DISTINCT c.id) AS q FROM hospital.visits h JOIN insurer.claims c ON HASHED(h.id, h.sex) = HASHED(c.id, c.region)",
    "SELECT cost, COUNT(DISTINCT h.id) AS p, COUNT(DISTINCT c.id) AS q FROM hospital.visits h JOIN insurer.claims c ON HASHED(h.id, h.sex) = HASHED(c.id, c.region) GROUP BY cost",
    "SELECT cost, MIN(age) AS a, MAX(age) AS b FROM hospital.visits h JOIN insurer.claims c ON HASHED(h.id) = HASHED(c.id) GROUP BY cost",
    // Values that nobody learns: of one owner, of several, for each value of a column, of groups, beside NOT IN.
    "SELECT COUNT(*) AS n, SUM(age) AS s FROM hospital.visits WHERE age > (SELECT MIN(cost) FROM insurer.claims)",
    "SELECT COUNT(*) AS n FROM hospital.visits WHERE age > (SELECT COUNT(*) FROM hospital.visits h JOIN insurer.claims c ON HASHED(h.id) = HASHED(c.id))",
    "SELECT COUNT(*) AS n FROM insurer.claims c WHERE c.cost > (SELECT SUM(v.age) FROM hospital.visits v WHERE v.sex = c.region)",
    "SELECT region, COUNT(*) AS n FROM insurer.claims GROUP BY region HAVING COUNT(*) > (SELECT MIN(age) FROM hospital.visits) - 12",
    "SELECT COUNT(*) AS n FROM hospital.visits WHERE id NOT IN (SELECT id FROM insurer.claims WHERE cost > 1000)",
];

/// Table functions that are SQL, and the SQL that they are.
const EXPANSIONS: [[&str; 2]; 3] = [[
    "SELECT * FROM CROSSTAB(insurer.claims, row => 'region', column => 'old')",
    "SELECT region, old, COUNT(*) AS n FROM insurer.claims WHERE region IS NOT NULL AND old IS NOT NULL GROUP BY region, old",
    ],
    [
        "SELECT * FROM CORRELATION((SELECT age, bmi FROM hospital.visits WHERE sex = 'f'))",
        "WITH v AS (SELECT age, bmi FROM hospital.visits WHERE sex = 'f')
         SELECT 'age' AS a, 'age' AS b, CORR(age, age) FROM v UNION ALL SELECT 'age', 'bmi', CORR(age, bmi) FROM v
         UNION ALL SELECT 'bmi', 'age', CORR(age, bmi) FROM v UNION ALL SELECT 'bmi', 'bmi', CORR(bmi, bmi) FROM v",
    ],
    [
        "SELECT \"column\", value FROM COVARIANCE((SELECT age, cost FROM hospital.visits h JOIN insurer.claims c ON HASHED(h.id) = HASHED(c.id)), columns => 'cost, age') WHERE row = 'cost'",
        "WITH v AS (SELECT age, CAST(cost AS DOUBLE) AS cost FROM hospital.visits h JOIN insurer.claims c ON HASHED(h.id) = HASHED(c.id))
         SELECT 'cost' AS b, COVAR_SAMP(cost, cost) FROM v UNION ALL SELECT 'age', COVAR_SAMP(age, cost) FROM v",
]];

/// All cells as text; doubles rounded, so that the last digits do not matter.
fn cells(batch: &RecordBatch) -> Vec<Vec<String>> {
    let cell = |column: usize, row: usize| {
        let array = batch.column(column);
        if array.is_null(row) {
            return "NULL".to_owned();
        }
        let text = array_value_to_string(array, row).unwrap();
        if *array.data_type() == DataType::Float64 {
            format!("{:.6}", text.parse::<f64>().unwrap())
        } else {
            text
        }
    };
    let mut rows: Vec<Vec<String>> = (0..batch.num_rows())
        .map(|row| (0..batch.num_columns()).map(|column| cell(column, row)).collect())
        .collect();
    rows.sort();
    rows
}

async fn in_the_clear(sql: &str, visits: &RecordBatch, claims: &RecordBatch) -> RecordBatch {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    context.register_udf(planner::function::hashed::hashed().as_ref().clone());
    for (schema, table, batch) in [("hospital", "visits", visits), ("insurer", "claims", claims)] {
        let provider = Arc::new(MemorySchemaProvider::new());
        let rows = MemTable::try_new(batch.schema(), vec![vec![batch.clone()]]).unwrap();
        provider.register_table(table.to_owned(), Arc::new(rows)).unwrap();
        context.catalog("datafusion").unwrap().register_schema(schema, provider).unwrap();
    }
    let frame = context.sql(sql).await.unwrap();
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let batches = frame.collect().await.unwrap();
    concat_batches(&schema, &batches).unwrap()
}

const SEATS: [usize; 3] = [0, 2, 3];

fn world(seed: u64, visits: &RecordBatch, claims: &RecordBatch) -> World {
    World::new(seed, &["hospital", "insurer", "helper", "court"], SEATS)
        .with_table(0, "visits", visits.clone())
        .with_table(1, "claims", claims.clone())
}

#[tokio::test]
async fn sql_equals_the_clear() {
    let federation = federation();
    let mut rng = StdRng::seed_from_u64(11);
    let (visits, claims) = (visits(&mut rng), claims(&mut rng));
    let world = world(1, &visits, &claims);
    for sql in QUERIES {
        let got = answer(&world, &federation, SEATS, sql).await;
        let expected = in_the_clear(sql, &visits, &claims).await;
        for (got, expected) in got.columns().iter().zip(expected.columns()) {
            assert_eq!(got.data_type(), expected.data_type(), "{sql}");
        }
        assert_eq!(cells(&got), cells(&expected), "{sql}");
    }
}

#[tokio::test]
async fn table_functions_that_are_sql_equal_it() {
    let federation = federation();
    let mut rng = StdRng::seed_from_u64(15);
    let (visits, claims) = (visits(&mut rng), claims(&mut rng));
    let world = world(1, &visits, &claims);
    for [function, sql] in EXPANSIONS {
        let got = answer(&world, &federation, SEATS, function).await;
        let expected = in_the_clear(sql, &visits, &claims).await;
        assert_eq!(cells(&got), cells(&expected), "{function}");
    }
}

#[tokio::test]
async fn messages_of_sql_do_not_depend_on_data() {
    let federation = federation();
    let mut rng = StdRng::seed_from_u64(12);
    let full = world(1, &visits(&mut rng), &claims(&mut rng));
    let empty = world(2, &visits(&mut rng).slice(0, 2), &claims(&mut rng).slice(0, 0));
    for sql in QUERIES.into_iter().chain(EXPANSIONS.map(|[function, _]| function)) {
        let (_, full) = run(&full, &federation, sql).await;
        let (_, empty) = run(&empty, &federation, sql).await;
        assert_eq!(full.transcript, empty.transcript, "{sql}");
    }
}

#[tokio::test]
async fn a_permit_for_another_plan_is_refused_before_anything_is_sent() {
    let federation = federation();
    let mut rng = StdRng::seed_from_u64(13);
    let world = world(1, &visits(&mut rng), &claims(&mut rng));
    let plan = planned(&federation, QUERIES[0]).plan;
    let permits = (0..4).map(|_| planned(&federation, QUERIES[1]).permit).collect();
    let outcome = world.run(&plan, permits).await;
    // Who stops first breaks the links of those that are still agreeing on seeds.
    let class = |result: &Result<_>| result.as_ref().err().map(crate::Error::class);
    let classes: Vec<_> = outcome.results.iter().map(class).collect();
    assert!(classes.contains(&Some(Class::Abort)), "{classes:?}");
    assert!(classes.iter().all(|class| matches!(class, Some(Class::Abort | Class::Peer))), "{classes:?}");
    let query = |message: &Message| {
        ["input", "join", "core/node"].iter().any(|name| message.channel.starts_with(name))
    };
    assert!(!outcome.transcript.iter().any(query), "{:?}", outcome.transcript);
}

#[tokio::test]
async fn seats_send_what_the_plan_says() {
    let federation = federation();
    let mut rng = StdRng::seed_from_u64(14);
    let world = world(1, &visits(&mut rng), &claims(&mut rng));
    // Each kind of node; division has tests of its own.
    for sql in [
        QUERIES[1],
        QUERIES[2],
        QUERIES[4],
        QUERIES[5],
        QUERIES[8],
        QUERIES[9],
        QUERIES[15],
        QUERIES[10],
        QUERIES[13],
        QUERIES[14],
        QUERIES[20],
        QUERIES[21],
        QUERIES[22],
        QUERIES[23],
        QUERIES[24],
        QUERIES[25],
        QUERIES[26],
        QUERIES[27],
    ] {
        let (plan, outcome) = run(&world, &federation, sql).await;
        let sent = SEATS.map(|party| {
            let of_party =
                |message: &&Message| message.from == party && message.channel.starts_with("core/node/");
            outcome.transcript.iter().filter(of_party).map(|message| message.bytes as u64).sum::<u64>()
        });
        let cost = planner::cost::cost(&plan, &federation).total;
        assert_eq!(sent, cost.seat_bytes, "{sql}");
        let results = SEATS.map(|party| outcome.results[party].as_ref().unwrap());
        let result_bytes = results.map(|shares| shares.iter().map(ReleasedShares::len).sum::<usize>() as u64);
        assert_eq!(result_bytes, [cost.result_bytes; 3], "{sql}");
    }
}

/// Values behind gates: what is sent is what the plan says, whatever the data are.
#[tokio::test]
async fn secret_values_behind_gates() {
    let strict = |text: &str| text.replace("min_people = 1", "min_people = 5");
    let policies = [("hospital", strict(HOSPITAL)), ("insurer", strict(INSURER))]
        .map(|(party, text)| (party.to_owned(), text));
    let federation = planner::policy::parse(FEDERATION, &policies).unwrap();
    let mut rng = StdRng::seed_from_u64(17);
    let full = world(1, &visits(&mut rng), &claims(&mut rng));
    let few = world(2, &visits(&mut rng).slice(0, 2), &claims(&mut rng).slice(0, 1));
    for sql in [QUERIES[23], QUERIES[24], QUERIES[25], QUERIES[26]] {
        let (plan, outcome) = run(&full, &federation, sql).await;
        assert!(plan.nodes.iter().any(|node| matches!(node, Node::Broadcast(_))), "{sql}");
        let sent = SEATS.map(|party| {
            let of_party =
                |message: &&Message| message.from == party && message.channel.starts_with("core/node/");
            outcome.transcript.iter().filter(of_party).map(|message| message.bytes as u64).sum::<u64>()
        });
        assert_eq!(sent, planner::cost::cost(&plan, &federation).total.seat_bytes, "{sql}");
        let (_, few) = run(&few, &federation, sql).await;
        assert_eq!(outcome.transcript, few.transcript, "{sql}");
    }
}

/// Where a policy forbids pseudonyms, joins are oblivious: the same answers, at the stated cost, with nothing learned.
#[tokio::test]
async fn joins_without_pseudonyms() {
    let hospital = HOSPITAL.replace("max_rows_per_person", "pseudonyms = false\nmax_rows_per_person");
    let policies = [("hospital", hospital.as_str()), ("insurer", INSURER)]
        .map(|(party, text)| (party.to_owned(), text.to_owned()));
    let federation = planner::policy::parse(FEDERATION, &policies).unwrap();
    let mut rng = StdRng::seed_from_u64(16);
    let (visits, claims) = (visits(&mut rng), claims(&mut rng));
    let (full, other) = (world(1, &visits, &claims), world(2, &visits.slice(0, 3), &claims.slice(5, 0)));
    let joins = QUERIES.into_iter().filter(|sql| sql.contains("JOIN")).collect::<Vec<_>>();
    assert!(joins.len() >= 3, "{joins:?}");
    for sql in joins {
        let (plan, outcome) = run(&full, &federation, sql).await;
        let tree =
            planner::explain::tree(&plan, &federation, planner::cost::LinkSpeed::default(), true, None);
        let tree = tree.join("\n");
        assert!(tree.contains("ObliviousJoin") && !tree.contains("compared by"), "{tree}");
        let session = Session { analyst: "analyst".to_owned(), ..Session::default() };
        let told = planner::disclosures(&plan, &federation, &session);
        // Each owner's own check of its identifiers aside, which its policy does not promise to be unique.
        let of_pairs = |told: &&planner::Disclosure| !told.what.starts_with("whether every identifier");
        assert!(!told.iter().filter(of_pairs).any(|told| told.step.contains("Join")), "{told:?}");
        let costs = planner::cost::cost(&plan, &federation).nodes;
        let joins = plan.nodes.iter().zip(costs).enumerate();
        for (index, (_, cost)) in joins.filter(|(_, (node, _))| matches!(node, Node::HashedJoin(_))) {
            let step = format!("core/node/{index}/");
            let sent = SEATS.map(|party| {
                let own = |message: &&Message| message.from == party && message.channel.starts_with(&step);
                outcome.transcript.iter().filter(own).map(|message| message.bytes as u64).sum::<u64>()
            });
            assert_eq!(sent, cost.seat_bytes, "{sql}");
        }
        let (_, fewer) = run(&other, &federation, sql).await;
        assert_eq!(outcome.transcript, fewer.transcript, "{sql}");
        let released =
            World::released(&plan, SEATS, outcome).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let got = clear_stage(&plan, released).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(cells(&got), cells(&in_the_clear(sql, &visits, &claims).await), "{sql}");
    }
}

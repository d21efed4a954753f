//! Whole plans, all parties in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, Float64Array, Int64Array, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::{col, lit};
use datafusion::scalar::ScalarValue;
use futures::FutureExt;
use planner::Class;
use planner::plan::{
    Aggregate, ColumnDef, Compute, Encoding, JoinKey, KeyDomain, Lasso, LassoOutput, LassoTerm, Matching,
    Measure, Multiplicity, Op, Order, Output, PartyId, Range, Reg, Release, RingSize, Rows, Scale,
    SharedColumn, Source, Threshold, Union,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::reveal::{Released, combine, message};
use crate::world::{Fate, Message, Outcome, World};

const NAMES: [&str; 5] = ["hospital", "insurer", "helper", "court", "lab"];
const Z64: Encoding = Encoding::Arithmetic(RingSize::Z64);

/// Seatings of five parties: both owners seated, one of them, none.
const SEATINGS: [[usize; 3]; 4] = [[0, 1, 2], [2, 3, 4], [0, 3, 4], [3, 2, 1]];

/// The first seat that neither the hospital nor the insurer has.
fn neutral(seats: [usize; 3]) -> usize {
    seats.iter().position(|&party| party > 1).unwrap()
}

fn def(name: &str, encoding: Encoding, lo: i128, hi: i128) -> ColumnDef {
    ColumnDef { name: name.to_owned(), encoding, range: Range { lo, hi } }
}

fn shared(name: &str, encoding: Encoding, hi: i128, source: Source) -> SharedColumn {
    SharedColumn { def: def(name, encoding, -hi, hi), source }
}

fn value(column: usize) -> Source {
    Source::Value { column, scale: Scale::Unit, dictionary: None, offset: 0 }
}

/// A table with a two-part identifier, a nullable number and a filter.
#[derive(Clone, Debug)]
struct People {
    ids: Vec<(Option<String>, String)>,
    numbers: Vec<Option<i64>>,
    passes: Vec<bool>,
}

impl People {
    fn schema() -> Arc<Schema> {
        Arc::new(Schema::new(vec![
            Field::new("a", DataType::Utf8, true),
            Field::new("b", DataType::Utf8, true),
            Field::new("x", DataType::Int64, true),
            Field::new("passes", DataType::Boolean, true),
        ]))
    }

    fn batch(&self) -> RecordBatch {
        let a: StringArray = self.ids.iter().map(|(a, _)| a.as_deref()).collect();
        let b = StringArray::from_iter_values(self.ids.iter().map(|(_, b)| b));
        let columns: Vec<Arc<dyn Array>> = vec![
            Arc::new(a),
            Arc::new(b),
            Arc::new(Int64Array::from(self.numbers.clone())),
            Arc::new(BooleanArray::from(self.passes.clone())),
        ];
        RecordBatch::try_new(People::schema(), columns).unwrap()
    }

    /// `rows` people of a population of 30; with at most `each` rows a person.
    fn random(rng: &mut StdRng, rows: usize, each: usize) -> People {
        let mut left: Vec<usize> = (0..30).flat_map(|person| vec![person; each]).collect();
        let mut people = People { ids: Vec::new(), numbers: Vec::new(), passes: Vec::new() };
        for _ in 0..rows {
            let person = left.swap_remove(rng.random_range(0..left.len()));
            let spelling = [format!("p{}", person % 5), format!(" P{} ", person % 5)];
            let known = rng.random_range(0..8) > 0;
            let a = known.then(|| spelling[rng.random_range(0..2)].clone());
            people.ids.push((a, (person / 5).to_string()));
            people.numbers.push((rng.random_range(0..6) > 0).then(|| rng.random_range(-1000..=1000)));
            people.passes.push(rng.random_range(0..3) > 0);
        }
        people
    }

    fn normal(&self, row: usize) -> Option<(String, String)> {
        let (a, b) = &self.ids[row];
        a.as_ref().map(|a| (a.trim().to_uppercase(), b.clone()))
    }
}

/// The local plan of a table: all its columns.
fn local_plan(table: &str, schema: Arc<Schema>) -> LogicalPlan {
    let source = provider_as_source(Arc::new(MemTable::try_new(schema, vec![vec![]]).unwrap()));
    LogicalPlanBuilder::scan(table, source, None).unwrap().build().unwrap()
}

fn people_input(owner: usize, table: &str, bound: usize, columns: Vec<SharedColumn>) -> Node {
    Node::Input(Input {
        owner: PartyId(owner),
        plan: local_plan(table, People::schema()),
        tables: vec![table.rsplit('.').next().unwrap_or(table).to_owned()],
        bound,
        valid: Some(3),
        order: Order::Shuffled { adjacent: vec![0, 1] },
        columns,
    })
}

fn key(input: usize, table: &str, max_rows: usize) -> JoinKey {
    JoinKey { input: NodeId(input), columns: vec![0, 1], name: format!("{table}.(a, b)"), max_rows }
}

fn empty_clear() -> LogicalPlan {
    LogicalPlanBuilder::empty(false).build().unwrap()
}

fn output(name: &str, value: usize, known: Option<usize>) -> Output {
    Output { field: Field::new(name, DataType::Int64, true), value, scale: Scale::Unit, known, gate: vec![] }
}

fn by(matcher: usize) -> Matching {
    Matching::Pseudonyms { matcher }
}

/// Number of matches that pass both filters, SUM(h.x), SUM(i.x), SUM(h.x * i.x) over them.
fn join_plan(bounds: [usize; 2], multiplicity: Multiplicity, matching: Matching) -> SecurePlan {
    let columns = || vec![shared("x", Z64, 1000, value(2)), shared("valid", Z64, 1, Source::Known(vec![]))];
    let each = if multiplicity == Multiplicity::ManyToOne { 3 } else { 1 };
    let join = HashedJoin {
        stay: NodeId(0),
        stay_key: key(0, "hospital.visits", each),
        moved: NodeId(1),
        moved_key: key(1, "insurer.claims", 1),
        matching,
        multiplicity,
        normalised: true,
        columns: Vec::new(),
    };
    // Columns of the join: h.x, h.valid, i.x, i.valid, match bit, match number.
    let ops = vec![
        Op::Column(0),
        Op::Column(1),
        Op::Column(2),
        Op::Column(3),
        Op::Column(5),
        Op::Multiply(Reg(1), Reg(3)),
        Op::Multiply(Reg(5), Reg(4)),
        Op::Multiply(Reg(0), Reg(6)),
        Op::Multiply(Reg(2), Reg(6)),
        Op::Multiply(Reg(7), Reg(2)),
    ];
    let outputs = [6, 7, 8, 9].map(|reg| (Reg(reg), def("c", Z64, 0, 1 << 40))).to_vec();
    let sums = Aggregate {
        input: NodeId(3),
        keys: vec![],
        measures: (0..4).map(|value| Measure::Sum { value }).collect(),
        columns: vec![def("sum", Z64, 0, 1 << 40); 4],
    };
    let release = Release {
        input: NodeId(4),
        rows: Rows::One,
        present: None,
        gate: vec![],
        outputs: ["n", "h", "i", "hi"]
            .iter()
            .enumerate()
            .map(|(index, name)| output(name, index, None))
            .collect(),
    };
    SecurePlan {
        nodes: vec![
            people_input(0, "hospital.visits", bounds[0], columns()),
            people_input(1, "insurer.claims", bounds[1], columns()),
            Node::HashedJoin(join),
            Node::Compute(Compute { input: NodeId(2), ops, outputs }),
            Node::Aggregate(sums),
            Node::Release(release),
        ],
        releases: vec![NodeId(5)],
        clear: empty_clear(),
        notices: vec![],
    }
}

fn joined(hospital: &People, insurer: &People) -> Vec<i64> {
    let of_insurer: BTreeMap<_, _> =
        (0..insurer.ids.len()).filter_map(|row| insurer.normal(row).map(|id| (id, row))).collect();
    let mut sums = vec![0; 4];
    for row in 0..hospital.ids.len() {
        let Some(&other) = hospital.normal(row).and_then(|id| of_insurer.get(&id)) else { continue };
        if hospital.passes[row] && insurer.passes[other] {
            let (h, i) = (hospital.numbers[row].unwrap_or(0), insurer.numbers[other].unwrap_or(0));
            [1, h, i, h * i].iter().zip(&mut sums).for_each(|(value, sum)| *sum += value);
        }
    }
    sums
}

fn world(seed: u64, seats: [usize; 3], hospital: &People, insurer: &People) -> World {
    World::new(seed, &NAMES, seats).with_table(0, "visits", hospital.batch()).with_table(
        1,
        "claims",
        insurer.batch(),
    )
}

type Ran = Outcome<Vec<Vec<u8>>>;

/// Runs a plan up to the messages for the analyst.
async fn run(world: &World, plan: &SecurePlan) -> Ran {
    world
        .everywhere(|party| {
            async move {
                let gated = run_nodes(&party, plan).await?;
                let Some(ctx) = party.context() else { return Ok(Vec::new()) };
                let verified = verify(ctx).await?;
                let shares = gated.into_iter().enumerate();
                shares
                    .map(|(index, gated)| Ok(message(plan, index, gated, &verified)?.into_bytes()))
                    .collect()
            }
            .boxed()
        })
        .await
}

fn messages(ran: &Ran, seats: [usize; 3], release: usize) -> [Vec<u8>; 3] {
    seats.map(|party| ran.results[party].as_ref().unwrap()[release].clone())
}

fn opened(plan: &SecurePlan, ran: &Ran, seats: [usize; 3]) -> Released {
    for (party, result) in ran.results.iter().enumerate() {
        assert!(result.is_ok(), "{}: {result:?}", NAMES[party]);
    }
    let [a, b, c] = messages(ran, seats, 0);
    combine(plan, 0, [&a, &b, &c]).unwrap()
}

fn row(released: &Released) -> Vec<i64> {
    released.batch.columns().iter().map(|column| column.as_primitive::<Int64Type>().value(0)).collect()
}

#[tokio::test]
async fn joins_equal_the_clear_at_every_seating() {
    for (seed, seats) in SEATINGS.into_iter().enumerate() {
        for (multiplicity, each) in [(Multiplicity::OneToOne, 1), (Multiplicity::ManyToOne, 3)] {
            let mut rng = StdRng::seed_from_u64(seed as u64);
            for (rows, bounds) in
                [([20, 25], [24, 30]), ([25, 12], [30, 12]), ([0, 3], [2, 4]), ([1, 1], [1, 1])]
            {
                let hospital = People::random(&mut rng, rows[0], each);
                let insurer = People::random(&mut rng, rows[1], 1);
                for matching in [by(neutral(seats)), Matching::oblivious(bounds[0], bounds[1])] {
                    let plan = join_plan(bounds, multiplicity, matching);
                    let ran = run(&world(seed as u64, seats, &hospital, &insurer), &plan).await;
                    let released = opened(&plan, &ran, seats);
                    assert_eq!(
                        row(&released),
                        joined(&hospital, &insurer),
                        "seed {seed}, {multiplicity:?}, {rows:?}, {matching:?}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn messages_depend_on_public_sizes_alone() {
    for seats in SEATINGS {
        for (multiplicity, matching) in [
            (Multiplicity::OneToOne, by(neutral(seats))),
            (Multiplicity::ManyToOne, by(neutral(seats))),
            (Multiplicity::OneToOne, Matching::oblivious(20, 20)),
            (Multiplicity::ManyToOne, Matching::oblivious(20, 20)),
        ] {
            let plan = join_plan([20, 20], multiplicity, matching);
            let mut rng = StdRng::seed_from_u64(8);
            let mut people = |rows| People::random(&mut rng, rows, 1);
            let full = world(1, seats, &people(20), &people(20));
            let empty = world(2, seats, &people(0), &people(3));
            let (full, empty) = (run(&full, &plan).await, run(&empty, &plan).await);
            assert!(full.transcript.iter().any(|message| message.bytes > 0));
            assert_eq!(full.transcript, empty.transcript);
            let lengths = |ran: &Ran| messages(ran, seats, 0).map(|message| message.len());
            assert_eq!(lengths(&full), lengths(&empty));
        }
    }
}

/// Between owners the halves of a key; from owners to seats shares; between seats what protocols say. Nobody gets
/// hashes, and the identifiers of the unique side must not repeat.
#[tokio::test]
async fn nobody_compares_the_hashes_of_an_oblivious_join() {
    let seats = [2, 3, 4];
    let plan = join_plan([20, 20], Multiplicity::OneToOne, Matching::oblivious(20, 20));
    let Matching::Oblivious { bits } = Matching::oblivious(20, 20) else { panic!() };
    let mut rng = StdRng::seed_from_u64(3);
    let (hospital, insurer) = (People::random(&mut rng, 9, 1), People::random(&mut rng, 9, 1));
    let ran = run(&world(1, seats, &hospital, &insurer), &plan).await;
    for message in ran.transcript.iter().filter(|message| message.channel.starts_with("join/")) {
        let share = 3 * bits as usize + 16;
        let expected = if message.channel.contains("/key/") {
            (message.to < 2, 32)
        } else {
            (message.to > 1, if message.to == 2 { 32 } else { share })
        };
        assert_eq!((message.from < 2, expected.0, message.bytes), (true, true, expected.1), "{message:?}");
    }
    let twice = People::random(&mut rng, 30, 3);
    let ran = run(
        &world(1, seats, &hospital, &twice),
        &join_plan([20, 30], Multiplicity::OneToOne, Matching::oblivious(20, 30)),
    )
    .await;
    let error = ran.results[1].as_ref().unwrap_err();
    assert_eq!(error.class(), Class::Source, "{error}");
    assert!(error.to_string().contains("duplicate identifiers"), "{error}");
}

#[tokio::test]
async fn pseudonyms_and_shares_go_where_they_may() {
    let seats = [2, 3, 4];
    let plan = join_plan([20, 20], Multiplicity::OneToOne, by(0));
    let mut rng = StdRng::seed_from_u64(3);
    let ran =
        run(&world(1, seats, &People::random(&mut rng, 9, 1), &People::random(&mut rng, 9, 1)), &plan).await;
    for message in &ran.transcript {
        let owners = message.from < 2 && message.to < 2;
        let to_matcher = message.to == 2 && message.bytes == 20 * 16;
        match message.channel.split('/').next().unwrap() {
            "join" if message.channel.contains("/key/") => {
                assert!(owners && message.bytes == 32, "{message:?}");
            }
            "join" => assert!(message.from < 2 && to_matcher, "{message:?}"),
            "input" => assert!(message.from < 2 && message.to > 1, "{message:?}"),
            _ => assert!(message.from > 1 && message.to > 1, "{message:?}"),
        }
    }
}

#[tokio::test]
async fn parts_of_identifiers_do_not_run_together() {
    let one = |a: &str, b: &str| People {
        ids: vec![(Some(a.to_owned()), b.to_owned())],
        numbers: vec![Some(5)],
        passes: vec![true],
    };
    let plan = join_plan([2, 2], Multiplicity::OneToOne, by(2));
    let seats = [0, 1, 2];
    for (hospital, insurer, expected) in [
        (one("ab", "c"), one("a", "bc"), 0),
        (one("ab", "c"), one(" AB", "C "), 1),
        (one("", ""), one("", ""), 1),
    ] {
        let ran = run(&world(4, seats, &hospital, &insurer), &plan).await;
        assert_eq!(row(&opened(&plan, &ran, seats))[0], expected);
    }
    let mut missing = one("ab", "c");
    missing.ids[0].0 = None;
    let ran = run(&world(4, seats, &missing, &missing), &plan).await;
    assert_eq!(row(&opened(&plan, &ran, seats))[0], 0, "NULL matches nothing");
}

#[tokio::test]
async fn duplicates_end_the_query_and_only_their_owner_reads_more() {
    let person = (Some("ab".to_owned()), "c".to_owned());
    let twice =
        People { ids: vec![person.clone(), person], numbers: vec![None; 2], passes: vec![true, false] };
    let mut rng = StdRng::seed_from_u64(5);
    let once = People::random(&mut rng, 5, 1);
    let plan = join_plan([8, 8], Multiplicity::OneToOne, by(2));
    let ran = run(&world(6, [0, 1, 2], &once, &twice), &plan).await;
    let error = ran.results[1].as_ref().unwrap_err();
    assert_eq!(error.class(), Class::Source);
    let text = error.to_string();
    for part in [
        "insurer.claims",
        "(a, b)",
        "duplicate identifiers",
        "1 identifier occurs in more than 1 row ",
        "max_rows_per_person",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(
        error.for_analyst("insurer"),
        "the data of insurer.claims cannot be used; its owner can see why",
        "others learn the table alone"
    );
    for other in [0, 2] {
        assert_eq!(ran.results[other].as_ref().unwrap_err().class(), Class::Peer);
    }
    assert!(
        !ran.transcript.iter().any(|message| message.from == 1 && message.channel.contains("pseudonyms"))
    );
}

#[tokio::test]
async fn data_that_break_their_policy_never_leave() {
    let mut rng = StdRng::seed_from_u64(5);
    let fine = People::random(&mut rng, 5, 1);
    let plan = join_plan([6, 6], Multiplicity::OneToOne, by(2));
    let many = People::random(&mut rng, 7, 1);
    let mut outside = fine.clone();
    outside.numbers[2] = Some(1001);
    outside.passes[2] = true;
    for (insurer, rule) in
        [(many, "7 rows, but `max_rows` allows 6"), (outside, "column `x`: 1 row holds a value")]
    {
        let ran = run(&world(6, [0, 2, 3], &fine, &insurer), &plan).await;
        let error = ran.results[1].as_ref().unwrap_err();
        assert_eq!(error.class(), Class::Source);
        assert!(error.to_string().contains(rule), "{error}");
        assert!(
            !ran.transcript.iter().any(|message| message.from == 1 && message.channel.starts_with("input"))
        );
    }
}

#[tokio::test]
async fn a_changed_share_aborts() {
    let seats = [0, 1, 2];
    let mut rng = StdRng::seed_from_u64(5);
    let (hospital, insurer) = (People::random(&mut rng, 5, 1), People::random(&mut rng, 5, 1));
    let plan = join_plan([6, 6], Multiplicity::OneToOne, by(2));
    let ran = run(&world(6, seats, &hospital, &insurer), &plan).await;
    for seat in 0..3 {
        for byte in [0, 17, 63] {
            let mut changed = messages(&ran, seats, 0);
            changed[seat][byte] ^= 1;
            let [a, b, c] = &changed;
            assert_eq!(
                combine(&plan, 0, [a, b, c]).unwrap_err().class(),
                Class::Abort,
                "seat {seat}, byte {byte}"
            );
        }
        let mut short = messages(&ran, seats, 0);
        short[seat].pop();
        let [a, b, c] = &short;
        assert_eq!(combine(&plan, 0, [a, b, c]).unwrap_err().class(), Class::Abort);
    }
}

#[tokio::test]
async fn a_message_of_another_length_aborts() {
    let mut rng = StdRng::seed_from_u64(5);
    let (hospital, insurer) = (People::random(&mut rng, 5, 1), People::random(&mut rng, 5, 1));
    let plan = join_plan([6, 6], Multiplicity::OneToOne, by(2));
    for channel in ["join/2/pseudonyms/moved", "input/1"] {
        let shorter = move |message: &Message, payload: &mut Vec<u8>| {
            if message.channel == channel {
                payload.pop();
            }
            Fate::Deliver
        };
        let ran = run(&world(6, [3, 4, 2], &hospital, &insurer).with_hook(shorter), &plan).await;
        assert!(
            ran.results
                .iter()
                .any(|result| result.as_ref().is_err_and(|error| error.class() == Class::Abort))
        );
    }
}

#[tokio::test]
async fn when_a_party_fails_all_others_end() {
    let mut rng = StdRng::seed_from_u64(5);
    let (hospital, insurer) = (People::random(&mut rng, 5, 1), People::random(&mut rng, 5, 1));
    let plan = join_plan([6, 6], Multiplicity::OneToOne, by(2));
    let fail = |message: &Message, _: &mut Vec<u8>| {
        if message.from == 0 && message.channel.starts_with("core/node/3") {
            Fate::Fail
        } else {
            Fate::Deliver
        }
    };
    let ran = run(&world(6, [0, 1, 2], &hospital, &insurer).with_hook(fail), &plan).await;
    for seat in 0..3 {
        assert_eq!(ran.results[seat].as_ref().unwrap_err().class(), Class::Peer);
    }
}

/// Two hospitals' tables on top of each other, grouped by a region that may be NULL, with a threshold.
fn union_plan(bound: usize, at_least: u64) -> SecurePlan {
    let schema = regions().schema();
    let cells: Vec<ScalarValue> = vec!["east".into(), "north".into(), ScalarValue::Utf8(None)];
    let input = |owner: usize, table: &str| {
        let codes = cells
            .iter()
            .map(|cell| shared("region", Z64, 1, Source::Equals { column: 0, value: cell.clone() }));
        let number = Source::Value { column: 1, scale: Scale::Step(0.1), dictionary: None, offset: 0 };
        let others = [shared("x", Z64, 1000, number), shared("valid", Z64, 1, Source::Known(vec![1]))];
        Node::Input(Input {
            owner: PartyId(owner),
            plan: LogicalPlanBuilder::from(local_plan(table, Arc::clone(&schema)))
                .filter(col("keep").eq(lit(true)))
                .unwrap()
                .build()
                .unwrap(),
            tables: vec![table.to_owned()],
            bound,
            valid: None,
            order: Order::Local,
            columns: codes.chain(others).collect(),
        })
    };
    let aggregate = Aggregate {
        input: NodeId(2),
        keys: vec![vec![0, 1, 2]],
        measures: vec![Measure::Sum { value: 3 }, Measure::Sum { value: 4 }],
        columns: vec![def("sum", Z64, -100_000, 100_000), def("n", Z64, 0, 2 * bound as i128)],
    };
    let sum = Output {
        field: Field::new("sum", DataType::Float64, false),
        value: 0,
        scale: Scale::Step(0.1),
        known: None,
        gate: vec![],
    };
    let gate = vec![Threshold { persons: 1, at_least, reason: "min_people of hospital".to_owned() }];
    let region = KeyDomain { field: Field::new("region", DataType::Utf8, false), values: cells.clone() };
    SecurePlan {
        nodes: vec![
            input(0, "hospital.regions"),
            input(1, "insurer.regions"),
            Node::Union(Union { inputs: vec![NodeId(0), NodeId(1)], columns: vec![] }),
            Node::Aggregate(aggregate),
            Node::Release(Release {
                input: NodeId(3),
                rows: Rows::Groups(vec![region]),
                present: None,
                gate,
                outputs: vec![sum, output("n", 1, None)],
            }),
        ],
        releases: vec![NodeId(4)],
        clear: empty_clear(),
        notices: vec![],
    }
}

fn regions() -> RecordBatch {
    let fields = [("region", DataType::Utf8), ("x", DataType::Float64), ("keep", DataType::Boolean)];
    let schema = Schema::new(fields.map(|(name, kind)| Field::new(name, kind, true)).to_vec());
    let columns: Vec<Arc<dyn Array>> = vec![
        Arc::new(StringArray::from(vec![
            Some("north"),
            None,
            Some("north"),
            Some("east"),
            None,
            Some("north"),
        ])),
        Arc::new(Float64Array::from(vec![Some(1.25), Some(2.0), None, Some(0.25), Some(-0.5), Some(100.0)])),
        Arc::new(BooleanArray::from(vec![Some(true), Some(true), Some(true), Some(true), Some(true), None])),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

#[tokio::test]
async fn groups_over_a_union_with_null_keys_and_a_gate() {
    let seats = [2, 0, 3];
    let world =
        World::new(1, &NAMES, seats).with_table(0, "regions", regions()).with_table(1, "regions", regions());
    // Per owner: east 0.25 -> 2 steps (half to even), north 1.25 -> 12 (the double is exactly a half) and a NULL.
    for (at_least, expected) in [(1, "east 0.4 2\nnorth 2.4 2\nNULL 3 4\n"), (3, "NULL 3 4\n"), (5, "")] {
        let plan = union_plan(10, at_least);
        let ran = run(&world, &plan).await;
        let released = opened(&plan, &ran, seats);
        let batch = &released.batch;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            let region = batch.column(0).as_string::<i32>();
            let region = if region.is_null(row) { "NULL" } else { region.value(row) };
            let sum = batch.column(1).as_primitive::<Float64Type>().value(row);
            let n = batch.column(2).as_primitive::<Int64Type>().value(row);
            text.extend([region, " ", &sum.to_string(), " ", &n.to_string(), "\n"]);
        }
        assert_eq!(text, expected);
        assert!(batch.schema().fields().iter().all(|field| field.is_nullable()));
        let notice = released.notice;
        assert_eq!(notice.is_some(), at_least > 1);
        assert!(notice.is_none_or(|notice| notice.contains("min_people of hospital")));
    }
}

/// A LASSO of `y` on two features over one owner's rows, with the number of rows as its gate.
fn lasso_plan(bound: usize, at_least: u64, kind: LassoOutput) -> SecurePlan {
    let number = |column| {
        let source = Source::Value { column, scale: Scale::Step(0.5), dictionary: None, offset: 20 };
        shared("x", Z64, 100, source)
    };
    let valid = shared("valid", Z64, 1, Source::Known(vec![0, 1, 2]));
    let input = Input {
        owner: PartyId(1),
        plan: local_plan("insurer.measurements", measurements(&[]).schema()),
        tables: vec!["insurer.measurements".to_owned()],
        bound,
        valid: Some(3),
        order: Order::Local,
        columns: (0..3).map(number).chain([valid]).collect(),
    };
    let term =
        |column: usize| LassoTerm { name: format!("x{column}"), column, step: 0.5, middle: 10.0, bits: 6 };
    let count = def("n", Z64, 0, 50);
    let numbers = if kind == LassoOutput::Coefficients { 1 } else { 6 };
    let z128 = Encoding::Arithmetic(RingSize::Z128);
    let columns = vec![def("number", z128, 0, 1 << 100); numbers].into_iter();
    let lasso = Lasso {
        family: planner::plan::Family::Lasso,
        by_sum: false,
        input: NodeId(0),
        features: vec![term(0), term(1)],
        target: term(2),
        times: Vec::new(),
        valid: 3,
        alphas: vec![0.3],
        l1_ratio: 1.0,
        folds: vec![],
        offset: None,
        factorials: None,
        standardize: false,
        intercept: true,
        counts: Some(NodeId(1)),
        output: kind,
        columns: columns.chain([def("accepted", Encoding::Bit, 0, 1), count.clone()]).collect(),
    };
    let measures = vec![Measure::Sum { value: 3 }];
    let counts = Aggregate { input: NodeId(0), keys: vec![], measures, columns: vec![count] };
    let release = Node::Release(lasso_release(at_least, kind, numbers));
    SecurePlan {
        nodes: vec![Node::Input(input), Node::Aggregate(counts), Node::Lasso(lasso), release],
        releases: vec![NodeId(3)],
        clear: empty_clear(),
        notices: vec![],
    }
}

/// The release of a model with `numbers` columns before the bit `accepted` and the count.
fn lasso_release(at_least: u64, kind: LassoOutput, numbers: usize) -> Release {
    let known = Some(numbers);
    let double = |name: &str, value| Output {
        field: Field::new(name, DataType::Float64, true),
        ..output(name, value, known)
    };
    let (rows, outputs) = match kind {
        LassoOutput::Coefficients => {
            (Rows::Terms(["intercept", "x0", "x1"].map(str::to_owned).into()), vec![double("coefficient", 0)])
        }
        LassoOutput::Summary => {
            let doubles = [double("r2", 1), double("mse", 2), double("kkt", 5)];
            let integers = [("n", 0), ("iterations", 3), ("nonzero", 4)];
            let integers = integers.map(|(name, value)| output(name, value, known));
            (Rows::One, doubles.into_iter().chain(integers).collect())
        }
    };
    let gate = vec![Threshold { persons: numbers + 1, at_least, reason: "rows of a model".to_owned() }];
    Release { input: NodeId(2), rows, present: None, gate, outputs }
}

/// y = 2 x0 - 5 exactly; x1 is noise; the last rows are NULL or filtered out.
fn measurements(features: &[(f64, f64)]) -> RecordBatch {
    let fields = [("x0", DataType::Float64), ("x1", DataType::Float64), ("y", DataType::Float64)];
    let mut fields = fields.map(|(name, kind)| Field::new(name, kind, true)).to_vec();
    fields.push(Field::new("keep", DataType::Boolean, true));
    let column = |value: &dyn Fn(f64, f64) -> f64, odd: Option<f64>| -> Arc<dyn Array> {
        let values = features.iter().map(|&(a, b)| Some(value(a, b))).chain([odd, Some(17.0)]);
        Arc::new(values.collect::<Float64Array>())
    };
    let keep = features.iter().map(|_| true).chain([false, false]);
    let columns: Vec<Arc<dyn Array>> = vec![
        column(&|a, _| a, None),
        column(&|_, b| b, Some(3.0)),
        column(&|a, _| 2.0 * a - 5.0, Some(3.0)),
        Arc::new(keep.map(Some).collect::<BooleanArray>()),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

#[tokio::test]
async fn a_lasso_is_fitted_gated_and_decoded() {
    let seats = [0, 2, 3];
    let mut rng = StdRng::seed_from_u64(4);
    let mut steps = || f64::from(rng.random_range(6..=24)) * 0.5;
    let features: Vec<(f64, f64)> = (0..40).map(|_| (steps(), steps())).collect();
    let world = World::new(2, &NAMES, seats).with_table(1, "measurements", measurements(&features));
    let plan = lasso_plan(50, 40, LassoOutput::Coefficients);
    let ran = run(&world, &plan).await;
    let released = opened(&plan, &ran, seats);
    let coefficients = released.batch.column(1).as_primitive::<Float64Type>().values().to_vec();
    // One feature that explains y exactly: w = 2 - alpha / var(x0), up to what x1 takes, which is 0 here.
    let mean = features.iter().map(|(a, _)| a).sum::<f64>() / 40.0;
    let variance = features.iter().map(|(a, _)| (a - mean).powi(2)).sum::<f64>() / 40.0;
    let w = 2.0 - 0.3 / variance;
    let expected = [2.0 * mean - 5.0 - w * mean, w, 0.0];
    for (got, expected) in coefficients.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-3, "{coefficients:?} {expected}");
    }
    let terms = released.batch.column(0).as_string::<i32>();
    assert_eq!((terms.value(0), terms.value(2), released.notice), ("intercept", "x1", None));

    let plan = lasso_plan(50, 40, LassoOutput::Summary);
    let released = opened(&plan, &run(&world, &plan).await, seats);
    let number = |column: usize| released.batch.column(column).as_primitive::<Float64Type>().value(0);
    let integer = |column: usize| released.batch.column(column).as_primitive::<Int64Type>().value(0);
    assert!(number(0) > 0.99 && number(1) < 0.1 && number(2) < 1e-3);
    assert_eq!((integer(3), integer(4), integer(5)), (40, 40, 1));

    let plan = lasso_plan(50, 41, LassoOutput::Coefficients);
    let released = opened(&plan, &run(&world, &plan).await, seats);
    assert_eq!(released.batch.column(1).null_count(), 3, "withheld");
    assert!(released.notice.is_some());
}

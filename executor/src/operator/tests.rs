//! Whole plans, all parties in memory.

mod faults;
mod groups;
mod joins;
mod models;

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
        taken: Vec::new(),
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
        choices: vec![],
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

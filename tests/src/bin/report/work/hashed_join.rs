//! Hashed join of two tables of equal size, from plaintext columns at their owners to shares.
//!
//! The owners sit on seats 0 and 1, the matcher on seat 2. The plan is that of a query with such a join, up to the node
//! of the join; five payload columns a side.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::logical_expr::LogicalPlanBuilder;
use executor::network::channel;
use executor::operator::run_to_shares;
use executor::run::{OwnTable, Run};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use mpc::{Channel, Column, Context, Network as _, Part, Seat};
use planner::bind::DeclaredTable;
use planner::plan::{
    ColumnDef, Encoding, HashedJoin, Input, JoinKey, Matching, Multiplicity, Node, NodeId, Order, PartyId,
    Range, RingSize, Scale, SecurePlan, SharedColumn, Source,
};
use rand::rngs::StdRng;

use super::data::words;
use super::{Kind, Work};
use crate::Failure;
use crate::peers::Peers;

pub(super) const HASHED_JOIN: Work = Work { name: "hashed_join", rows: 2_000_000, kind: Kind::HashedJoin };

/// Payload columns of a table.
const PAYLOAD: i64 = 5;

/// Persons of the second owner that the first one does not have.
const STRANGERS: usize = 4;

/// What one party knows before the join.
pub(crate) struct HashedJoinRun {
    plan: SecurePlan,
    tables: BTreeMap<String, OwnTable>,
}

impl HashedJoinRun {
    /// `rows` of both tables together.
    pub(crate) fn new(rows: usize, seat: Seat) -> Result<Self, Failure> {
        let each = rows / 2;
        let mut tables = BTreeMap::new();
        if seat != Seat::P2 {
            let batch = table(each, seat.index())?;
            tables.insert("persons".to_owned(), OwnTable { schema: schema(), batches: vec![batch] });
        }
        Ok(HashedJoinRun { plan: plan(each)?, tables })
    }

    /// Runs the join at this party.
    pub(crate) async fn run(
        &self,
        ctx: &Context,
        peers: &Arc<Peers>,
        index: usize,
    ) -> Result<Vec<Column>, Failure> {
        let run = PeerRun {
            peers: Arc::clone(peers),
            context: ctx.clone(),
            tables: self.tables.clone(),
            query_id: [u8::try_from(index)?; 32],
            names: ["first", "second", "helper"].map(str::to_owned),
        };
        let table = run_to_shares(&run, &self.plan).await?.ok_or("a seat without shares")?;
        Ok(table.columns().to_vec())
    }
}

fn schema() -> SchemaRef {
    let payload = (0..PAYLOAD).map(|column| Field::new(format!("x{column}"), DataType::Int64, false));
    let id = Field::new("id", DataType::Utf8, false);
    Arc::new(Schema::new([id].into_iter().chain(payload).collect::<Vec<_>>()))
}

/// The number of the person in a row; one in four of the second owner's is unknown to the first.
fn person(row: usize, owner: usize, rows: usize) -> usize {
    if owner == 1 && row.is_multiple_of(STRANGERS) { rows + row } else { row }
}

/// What a payload column says of a person, whoever the owner is.
fn payload(person: i64, column: i64) -> i64 {
    person * PAYLOAD + column
}

fn table(rows: usize, owner: usize) -> Result<RecordBatch, Failure> {
    // Any order will do that is not the same at both.
    let places = (0..rows).map(|row| if owner == 0 { row } else { rows - 1 - row });
    let persons: Vec<usize> = places.map(|row| person(row, owner, rows)).collect();
    let numbers: Vec<i64> = persons.iter().map(|&person| i64::try_from(person)).collect::<Result<_, _>>()?;
    let id: ArrayRef = Arc::new(StringArray::from_iter_values(persons.iter().map(|p| format!("P-{p:08}"))));
    let column = |column| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(numbers.iter().map(|&person| payload(person, column))))
    };
    Ok(RecordBatch::try_new(schema(), [id].into_iter().chain((0..PAYLOAD).map(column)).collect())?)
}

/// Two inputs and their join.
fn plan(rows: usize) -> Result<SecurePlan, Failure> {
    let defs = |owner: &str| -> Vec<ColumnDef> {
        let name = |column| format!("{owner}.x{column}");
        let range = Range { lo: 0, hi: 1 << 40 };
        let encoding = Encoding::Arithmetic(RingSize::Z64);
        (0..PAYLOAD).map(|column| ColumnDef { name: name(column), encoding, range }).collect()
    };
    let input = |owner: usize| -> Result<Input, Failure> {
        let source = DeclaredTable { party: PartyId(owner), table: 0, schema: schema() };
        let scan = LogicalPlanBuilder::scan("persons", Arc::new(source), None)?.build()?;
        let value = |column| Source::Value { column, scale: Scale::Unit, dictionary: None, offset: 0 };
        let columns = defs(if owner == 0 { "first" } else { "second" }).into_iter().zip(1..);
        Ok(Input {
            owner: PartyId(owner),
            plan: scan,
            tables: vec!["persons".to_owned()],
            bound: rows,
            valid: None,
            order: Order::Shuffled { adjacent: Vec::new() },
            columns: columns.map(|(def, column)| SharedColumn { def, source: value(column) }).collect(),
            taken: Vec::new(),
        })
    };
    let key = |input| JoinKey { input: NodeId(input), columns: vec![0], name: "id".to_owned(), max_rows: 1 };
    let bit = |encoding| ColumnDef { name: "match".to_owned(), encoding, range: Range { lo: 0, hi: 1 } };
    let matched = [bit(Encoding::Bit), bit(Encoding::Arithmetic(RingSize::Z64))];
    let join = HashedJoin {
        stay: NodeId(0),
        stay_key: key(0),
        moved: NodeId(1),
        moved_key: key(1),
        matching: Matching::Pseudonyms { matcher: 2 },
        multiplicity: Multiplicity::OneToOne,
        normalised: true,
        columns: defs("first").into_iter().chain(defs("second")).chain(matched).collect(),
    };
    Ok(SecurePlan {
        nodes: vec![Node::Input(input(0)?), Node::Input(input(1)?), Node::HashedJoin(join)],
        releases: Vec::new(),
        clear: LogicalPlanBuilder::empty(false).build()?,
        notices: Vec::new(),
        choices: Vec::new(),
    })
}

/// Every row with a partner holds the same person twice, and all that both owners have are found.
pub(super) fn check(rows: usize, outputs: &[Part]) -> Result<(), String> {
    let each = rows / 2;
    let columns: Vec<Vec<u64>> = outputs.iter().map(words).collect();
    let payload = usize::try_from(PAYLOAD).unwrap_or(0);
    let (tables, matched) = columns.split_at(2 * payload);
    let known = (0..each).filter(|&row| person(row, 1, each) == row).count();
    if matched[0] != matched[1] || matched[0].iter().sum::<u64>() != known as u64 {
        return Err("the wrong rows have a partner".to_owned());
    }
    for (row, _) in matched[0].iter().enumerate().filter(|(_, bit)| **bit == 1) {
        let persons = (0..payload).all(|column| {
            let (stay, moved) = (tables[column][row], tables[payload + column][row]);
            stay == moved && stay == tables[0][row] + column as u64
        });
        if !persons {
            return Err(format!("row {row} holds two persons"));
        }
    }
    Ok(())
}

/// A party of a plan, over the links of its seat.
struct PeerRun {
    peers: Arc<Peers>,
    context: Context,
    tables: BTreeMap<String, OwnTable>,
    query_id: [u8; 32],
    names: [String; 3],
}

impl PeerRun {
    /// Names are used once in every run.
    fn channel(&self, name: &str) -> Channel {
        Channel(channel(&format!("{name} of run {}", self.query_id[0])))
    }
}

impl Run for PeerRun {
    fn party(&self) -> PartyId {
        PartyId(self.peers.seat().index())
    }

    fn seats(&self) -> [PartyId; 3] {
        [0, 1, 2].map(PartyId)
    }

    fn names(&self) -> &[String] {
        &self.names
    }

    fn context(&self) -> Option<&Context> {
        Some(&self.context)
    }

    fn query_id(&self) -> &[u8; 32] {
        &self.query_id
    }

    fn tables(&self) -> &BTreeMap<String, OwnTable> {
        &self.tables
    }

    fn rng(&self) -> executor::Result<StdRng> {
        Ok(rand::make_rng())
    }

    fn local_memory_bytes(&self) -> usize {
        4 << 30
    }

    fn send<'a>(
        &'a self,
        to: PartyId,
        name: &'a str,
        payload: Vec<u8>,
    ) -> BoxFuture<'a, executor::Result<()>> {
        let channel = self.channel(name);
        async move { Ok(self.peers.send(Seat::from_index(to.0), channel, payload).await?) }.boxed()
    }

    fn recv<'a>(&'a self, from: PartyId, name: &'a str) -> BoxFuture<'a, executor::Result<Vec<u8>>> {
        let channel = self.channel(name);
        async move { Ok(self.peers.recv(Seat::from_index(from.0), channel).await?) }.boxed()
    }
}

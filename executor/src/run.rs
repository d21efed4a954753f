//! What the execution of a plan needs from the life of a query: who I am, links, data, randomness.
//!
//! The operators are written against [`Run`], so that the same code runs over TLS at a party and in memory in
//! tests (`world`).

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use futures::future::BoxFuture;
use planner::plan::PartyId;
use rand::rngs::StdRng;

use crate::Result;

/// One party's side of one query.
///
/// Every method may be called by concurrent steps of the same plan. When the query is cancelled or another party fails,
/// pending and later calls of [`Run::send`] and [`Run::recv`] end with an error of class peer, and the
/// protocols above end with them.
pub trait Run: Send + Sync {
    /// This party.
    fn party(&self) -> PartyId;

    /// Which party sits on seat 0, 1, 2.
    fn seats(&self) -> [PartyId; 3];

    /// The names of all parties, in the federation's order.
    fn names(&self) -> &[String];

    /// The secure core's context, if this party has a seat in the query.
    fn context(&self) -> Option<&mpc::Context>;

    /// The agreed id of the query.
    fn query_id(&self) -> &[u8; 32];

    /// This party's own tables, by declared name, admitted against its policy.
    fn tables(&self) -> &BTreeMap<String, OwnTable>;

    /// A fresh cryptographic generator, seeded by the operating system (in tests: from the test's seed).
    ///
    /// # Errors
    /// Class internal if the operating system gives no randomness.
    fn rng(&self) -> Result<StdRng>;

    /// How much memory the local stage of one input may take.
    fn local_memory_bytes(&self) -> usize;

    /// Is told that a seat begins a node of the secure stage, for whoever watches the query run. Does nothing by
    /// default.
    fn reached(&self, _node: usize) {}

    /// Queues a message for another party on the link between the two, under a name that is used once per
    /// query and direction. Resolves when the link has taken it.
    ///
    /// # Errors
    /// Class peer if the link is closed or the query has ended.
    fn send<'a>(&'a self, to: PartyId, channel: &'a str, payload: Vec<u8>) -> BoxFuture<'a, Result<()>>;

    /// Waits for the message of that name from another party.
    ///
    /// # Errors
    /// Class peer if the link is closed, the deadline has passed or the query has ended.
    fn recv<'a>(&'a self, from: PartyId, channel: &'a str) -> BoxFuture<'a, Result<Vec<u8>>>;
}

/// The rows of one of this party's tables.
#[derive(Clone, Debug)]
pub struct OwnTable {
    /// Its columns, as declared.
    pub schema: SchemaRef,
    /// Its rows; every batch has this schema.
    pub batches: Vec<RecordBatch>,
}

//! What is measured: one work a file, [`WORKS`] lists them.

mod compare;
mod data;
mod group;
mod hashed_join;
mod lasso;
mod multiply;
mod oblivious_join;
mod sort;

use futures::future::BoxFuture;
use mpc::protocol::open::{open, open_bits};
use mpc::{Column, Context, Part, Seat};

use crate::Failure;

pub(crate) use hashed_join::HashedJoinRun;

/// Every work, in the order of the report.
pub(crate) const WORKS: &[Work] = &[
    multiply::MUL64,
    compare::LT64,
    compare::LT8,
    sort::SORT64,
    sort::SORT8,
    group::GROUPBY16,
    group::GROUPBY_OPEN,
    hashed_join::HASHED_JOIN,
    oblivious_join::OBLIVIOUS_JOIN_GROUPBY,
    lasso::LASSO_10K_10,
    lasso::LASSO_1M_50,
];

/// A protocol on shared columns.
pub(crate) type Protocol = for<'a> fn(&'a Context, &'a [Column]) -> BoxFuture<'a, mpc::Result<Vec<Column>>>;

/// Compares opened results with the same computation on the inputs; says what differs.
type Check = fn(inputs: &[Part], outputs: &[Part]) -> Result<(), String>;

/// One line of the report.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    /// Its name.
    pub(crate) name: &'static str,
    /// All input rows.
    pub(crate) rows: usize,
    kind: Kind,
}

/// What a work starts from.
#[derive(Clone, Copy)]
enum Kind {
    /// Shares of the columns that `clear` gives for a number of rows.
    Shared { clear: fn(usize) -> Vec<Part>, protocol: Protocol, check: Check },
    /// Plaintext at two owners.
    HashedJoin,
}

/// What a party has before a run.
pub(crate) enum Inputs {
    /// Its part of shared columns, and what is done with them.
    Shared(Protocol, Vec<Column>),
    /// Its own table.
    Plain(Box<HashedJoinRun>),
}

impl Work {
    /// What the party on a seat starts from.
    pub(crate) fn inputs(&self, rows: usize, seat: Seat) -> Result<Inputs, Failure> {
        match self.kind {
            Kind::Shared { clear, protocol, .. } => {
                Ok(Inputs::Shared(protocol, data::share(&clear(rows), seat)?))
            }
            Kind::HashedJoin => Ok(Inputs::Plain(Box::new(HashedJoinRun::new(rows, seat)?))),
        }
    }

    /// Opens the result and compares it with the clear.
    pub(crate) async fn check(
        &self,
        ctx: &Context,
        rows: usize,
        output: &[Column],
    ) -> Result<Result<(), String>, Failure> {
        let mut opened = Vec::with_capacity(output.len());
        for (index, column) in output.iter().enumerate() {
            opened.push(open_column(&ctx.nth(index), column).await?);
        }
        Ok(match self.kind {
            Kind::Shared { clear, check, .. } => check(&clear(rows), &opened),
            Kind::HashedJoin => hashed_join::check(rows, &opened),
        })
    }
}

async fn open_column(ctx: &Context, column: &Column) -> mpc::Result<Part> {
    ctx.declare("result", column.len());
    Ok(match column {
        Column::U32(x) => Part::U32(open(ctx, "result", x).await?),
        Column::U64(x) => Part::U64(open(ctx, "result", x).await?),
        Column::U128(x) => Part::U128(open(ctx, "result", x).await?),
        Column::Bits(x) => Part::Bits(open_bits(ctx, "result", x).await?),
    })
}

//! Exact rounds: the same protocol once more, with all three seats in this process.

use mpc::Seat;
use mpc::world::World;

use crate::Failure;
use crate::work::{Inputs, Work};

/// The rounds of a work that runs on shares; `None` for one that starts from plaintext.
pub(crate) fn of(work: &Work, rows: usize) -> Result<Option<u64>, Failure> {
    let mut seats = Vec::new();
    for seat in Seat::ALL {
        seats.push(match work.inputs(rows, seat)? {
            Inputs::Shared(protocol, columns) => (protocol, columns),
            Inputs::Plain(_) => return Ok(None),
        });
    }
    let run = World::new(1).run(|ctx| {
        let (protocol, columns) = &seats[ctx.seat().index()];
        async move { protocol(&ctx, columns).await.map(drop) }
    });
    let rounds = run.cost().rounds as u64;
    run.outputs()?;
    Ok(Some(rounds))
}

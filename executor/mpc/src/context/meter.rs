//! What a query sent and how often it waited, per step.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::Step;
use crate::Seat;

/// Bytes and messages of one step to one neighbour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Payload bytes.
    pub bytes: u64,
    /// Messages; chunks of one column are counted separately.
    pub messages: u64,
}

/// What one step took at this seat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Sent to seats 0, 1, 2.
    pub to: [Traffic; 3],
    /// How often this seat had sent something, here or elsewhere, and then waited here. Where steps run side by side,
    /// the one that waits first has the round that they share.
    pub rounds: u64,
}

impl Taken {
    /// Payload bytes sent to both neighbours.
    pub fn bytes(&self) -> u64 {
        self.to.iter().map(|traffic| traffic.bytes).sum()
    }
}

/// What every step of a query took at this seat.
#[derive(Clone, Default)]
pub struct Meter {
    /// By identifier; paths are written out only when somebody asks.
    steps: BTreeMap<[u8; 16], (Arc<Step>, Taken)>,
    /// Whether something was sent since the last wait.
    sent: bool,
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Meter({} steps)", self.steps.len())
    }
}

impl Meter {
    pub(super) fn send(&mut self, step: &Arc<Step>, to: Seat, bytes: usize) {
        self.sent = true;
        let traffic = &mut self.at(step).to[to.index()];
        traffic.bytes += bytes as u64;
        traffic.messages += 1;
    }

    pub(super) fn wait(&mut self, step: &Arc<Step>) {
        if std::mem::take(&mut self.sent) {
            self.at(step).rounds += 1;
        }
    }

    fn at(&mut self, step: &Arc<Step>) -> &mut Taken {
        &mut self.steps.entry(step.id).or_insert_with(|| (Arc::clone(step), Taken::default())).1
    }

    /// Every step that sent or waited, with its path, in the order of paths.
    pub fn by_step(&self) -> Vec<(String, Taken)> {
        let mut steps: Vec<_> = self.steps.values().map(|(step, taken)| (step.to_string(), *taken)).collect();
        steps.sort_by(|a, b| a.0.cmp(&b.0));
        steps
    }

    /// The sum over all steps.
    pub fn total(&self) -> Taken {
        self.steps.values().fold(Taken::default(), |mut sum, (_, taken)| {
            sum.add(taken);
            sum
        })
    }
}

impl Taken {
    /// Adds what another step took.
    pub fn add(&mut self, other: &Taken) {
        for (sum, traffic) in self.to.iter_mut().zip(other.to) {
            sum.bytes += traffic.bytes;
            sum.messages += traffic.messages;
        }
        self.rounds += other.rounds;
    }
}

#[cfg(test)]
mod tests {
    use crate::world::World;
    use crate::{Seat, protocol};

    #[test]
    fn steps_have_their_own_bytes_and_rounds() {
        let world = World::new(3);
        let x = world.share(&[1u64; 10]);
        let run = world.run(|ctx| {
            let x = x[ctx.seat().index()].clone();
            async move {
                let y = protocol::product::mul(&ctx.step("once"), &x, &x).await?;
                protocol::product::mul(&ctx.step("twice").nth(0), &y, &x).await?;
                protocol::product::mul(&ctx.step("twice").nth(1), &y, &y).await?;
                Ok(ctx.meter())
            }
        });
        for (seat, meter) in Seat::ALL.into_iter().zip(run.outputs().unwrap()) {
            let steps = meter.by_step();
            let paths: Vec<&str> = steps.iter().map(|(path, _)| path.trim_matches('/')).collect();
            assert_eq!(paths, ["once", "twice/0", "twice/1"]);
            for (_, taken) in &steps {
                assert_eq!((taken.rounds, taken.bytes()), (1, 80));
                assert_eq!(taken.to[seat.previous().index()].messages, 1);
            }
            assert_eq!((meter.total().rounds, meter.total().bytes()), (3, 240));
        }
    }
}

//! Seconds from rounds and bytes, for a link of known speed.

use super::Cost;

/// Bytes that a seat sends in the time that computing them takes it. Measured of sorts and open groups of 2^20 rows on
/// two cores that the three seats share; comparisons and products take a third, divisions twice as long.
const COMPUTED_BYTES_PER_SECOND: u64 = 350_000_000;

/// How fast the links between parties are taken to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkSpeed {
    /// There and back, microseconds.
    pub rtt_us: u64,
    /// Bytes a second that a party can send.
    pub bytes_per_second: u64,
}

impl Default for LinkSpeed {
    /// Parties on one machine, as measured over mutual TLS on loopback on two cores: a round takes 35 microseconds, and
    /// a seat sends 400 MB a second while it computes.
    fn default() -> Self {
        LinkSpeed { rtt_us: 70, bytes_per_second: 400_000_000 }
    }
}

impl LinkSpeed {
    /// About how long a step takes: its messages, and computing what is in them at the seat that sends most. The owners'
    /// own work in the clear is not in it.
    pub fn seconds(&self, cost: &Cost) -> f64 {
        self.messages(cost) + as_ratio(cost.bytes(), COMPUTED_BYTES_PER_SECOND)
    }

    /// How long the messages of a step take alone: half a round trip for each round, and the bytes of whoever sends most.
    pub fn messages(&self, cost: &Cost) -> f64 {
        let sent = cost.bytes().max(cost.owner_bytes).saturating_add(cost.result_bytes);
        let microseconds = cost.rounds.saturating_mul(self.rtt_us) / 2;
        as_seconds(microseconds) + as_ratio(sent, self.bytes_per_second)
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate for people")]
fn as_seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "an estimate for people")]
fn as_ratio(bytes: u64, per_second: u64) -> f64 {
    bytes as f64 / per_second.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_decide_far_away_and_bytes_between_neighbours() {
        let cost = Cost { rounds: 200, seat_bytes: [1_000_000, 8_000_000, 3], ..Cost::default() };
        let far = LinkSpeed { rtt_us: 20_000, bytes_per_second: 12_500_000 };
        assert!((far.messages(&cost) - 2.64).abs() < 1e-9);
        assert!((LinkSpeed::default().messages(&cost) - 0.027).abs() < 1e-9);
        let computed = 8.0 / 350.0;
        assert!((far.seconds(&cost) - 2.64 - computed).abs() < 1e-9);
    }
}

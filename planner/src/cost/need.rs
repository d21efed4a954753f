//! What a plan needs, against what it may take.

use super::{LinkSpeed, cost};
use crate::catalog::Federation;
use crate::error::{Class, Error, Result};
use crate::plan::SecurePlan;

/// What a plan needs, from public quantities.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Need {
    /// Memory of a seat.
    pub memory_bytes: u64,
    /// Messages alone, over the link that the session names: what no computer is too fast for.
    pub seconds: f64,
}

impl Need {
    /// What a plan needs over a link.
    pub fn of(plan: &SecurePlan, federation: &Federation, link: LinkSpeed) -> Self {
        let cost = cost(plan, federation);
        Need { memory_bytes: cost.memory_bytes, seconds: link.messages(&cost.total) }
    }

    /// Refuses a plan that needs more than it may take, before it starts.
    ///
    /// # Errors
    /// [`Class::Resource`].
    pub fn within(&self, memory_bytes: u64, time_ms: u64) -> Result<()> {
        let over = |what: &str, need: String, limit: String, hint: &str| {
            let message =
                format!("by the plan, the query needs about {need} {what}, and the limit is {limit}");
            Error::new(Class::Resource, message).with_hint(hint.to_owned())
        };
        if self.memory_bytes > memory_bytes {
            let (need, limit) = (megabytes(self.memory_bytes), megabytes(memory_bytes));
            let hint = "fewer columns or cells, tighter `max_rows`, or a higher limit: SET memory, `[limits]` of the configurations";
            return Err(over("of memory at each computing party", need, limit, hint));
        }
        let limit = std::time::Duration::from_millis(time_ms).as_secs_f64();
        if self.seconds > limit {
            let hint = "EXPLAIN says where the time goes; SET timeout raises the limit, SET rtt and SET bandwidth say what the link is";
            return Err(over(
                "for its messages",
                format!("{:.1} s", self.seconds),
                format!("{limit} s"),
                hint,
            ));
        }
        Ok(())
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_limit_is_refused() {
        let need = Need { memory_bytes: 5_000_000, seconds: 3.0 };
        assert!(need.within(5_000_000, 3_000).is_ok());
        let memory = need.within(4_900_000, 3_000).unwrap_err();
        assert_eq!(memory.class, Class::Resource);
        assert!(memory.message.contains("needs about 5.0 MB of memory"), "{memory}");
        let time = need.within(u64::MAX, 2_900).unwrap_err();
        assert!(time.message.contains("about 3.0 s for its messages, and the limit is 2.9 s"), "{time}");
        let short = need.within(u64::MAX, 1).unwrap_err();
        assert!(short.message.ends_with("the limit is 0.001 s"), "{short}");
    }
}

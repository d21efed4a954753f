//! The levels of quantiles, over one denominator.

use super::Pick;
use crate::{Context, Result};

/// The public levels of a call, over one denominator.
pub(super) struct Levels {
    pub(super) list: Vec<(u64, Rank)>,
    pub(super) denominator: u64,
    /// Whether the ends of the order are picked.
    pub(super) smallest: bool,
    pub(super) largest: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    Interpolated,
    Discrete,
}

/// Where a pick is found: among the flags of the ends, or among those of the levels.
pub(super) enum Place {
    Smallest,
    Largest,
    Level,
}

impl Pick {
    /// A level of 0 or 1 is an end of the order, whichever way it is meant.
    pub(super) fn place(self) -> Place {
        match self {
            Pick::Smallest => Place::Smallest,
            Pick::Largest => Place::Largest,
            Pick::Interpolated(level) | Pick::Discrete(level) => {
                if level.numerator == 0 {
                    Place::Smallest
                } else if level.numerator == level.denominator {
                    Place::Largest
                } else {
                    Place::Level
                }
            }
        }
    }
}

impl Levels {
    pub(super) fn new(ctx: &Context, picks: &[Pick]) -> Result<Levels> {
        let mut levels = Levels { list: Vec::new(), denominator: 1, smallest: false, largest: false };
        let mut list = Vec::new();
        for pick in picks {
            match (pick.place(), pick) {
                (Place::Smallest, _) => levels.smallest = true,
                (Place::Largest, _) => levels.largest = true,
                (Place::Level, Pick::Interpolated(level)) => list.push((*level, Rank::Interpolated)),
                (Place::Level, Pick::Discrete(level)) => list.push((*level, Rank::Discrete)),
                (Place::Level, Pick::Smallest | Pick::Largest) => {}
            }
        }
        for (level, _) in &list {
            if level.numerator > level.denominator {
                return Err(ctx.internal("a level of a quantile is above 1"));
            }
            levels.denominator = least_common_multiple(levels.denominator, u64::from(level.denominator));
            if levels.denominator >> 29 != 0 {
                return Err(ctx.internal("the levels of quantiles have too many digits"));
            }
        }
        for (level, rank) in list {
            let times = levels.denominator / u64::from(level.denominator);
            levels.list.push((u64::from(level.numerator) * times, rank));
        }
        Ok(levels)
    }
}

fn least_common_multiple(a: u64, b: u64) -> u64 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x.max(1) * b
}

//! The three computing positions.

use std::fmt;

/// One of the three computing positions of a session.
///
/// Seat `Pi` holds the components `x_i` and `x_{i+1}` of every shared value (indices modulo 3), so its *next*
/// neighbour holds the second of them too, and its *previous* neighbour the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Seat {
    /// Seat 0.
    P0,
    /// Seat 1.
    P1,
    /// Seat 2.
    P2,
}

impl Seat {
    /// All seats in order.
    pub const ALL: [Seat; 3] = [Seat::P0, Seat::P1, Seat::P2];

    /// The position as a number, 0 to 2.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The seat at `index` modulo 3.
    pub const fn from_index(index: usize) -> Seat {
        match index % 3 {
            0 => Seat::P0,
            1 => Seat::P1,
            _ => Seat::P2,
        }
    }

    /// The neighbour `P(i+1)`.
    #[must_use]
    pub const fn next(self) -> Seat {
        Seat::from_index(self.index() + 1)
    }

    /// The neighbour `P(i-1)`.
    #[must_use]
    pub const fn previous(self) -> Seat {
        Seat::from_index(self.index() + 2)
    }
}

impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{}", self.index())
    }
}

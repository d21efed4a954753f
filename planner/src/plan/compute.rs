//! Columns computed from columns, row by row: predicates over two owners, products, divisions, comparisons.

use super::{ColumnDef, NodeId, RingSize};

/// A register: the index of the [`Op`] that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reg(pub usize);

/// A straight-line program over the columns of `input`, row by row. Output columns: one for each of `outputs`.
#[derive(Clone, Debug)]
pub struct Compute {
    /// Where the columns come from.
    pub input: NodeId,
    /// The program; an op reads earlier registers only.
    pub ops: Vec<Op>,
    /// The registers that are kept, with their columns.
    pub outputs: Vec<(Reg, ColumnDef)>,
}

/// One operation. Arithmetic registers carry their ring; operands of an arithmetic op are in the same ring. The planner
/// has proved from ranges that no op wraps.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// A column of the input.
    Column(usize),
    /// A public number.
    Constant {
        /// The number.
        value: i128,
        /// Its ring.
        ring: RingSize,
    },
    /// A public bit.
    ConstantBit(bool),
    /// x + y.
    Add(Reg, Reg),
    /// x - y.
    Subtract(Reg, Reg),
    /// x times a public number.
    Scale(Reg, i128),
    /// x plus a public number.
    Offset(Reg, i128),
    /// x * y. One round.
    Multiply(Reg, Reg),
    /// `Z_2^64` to `Z_2^128`, signed; |x| < 2^62.
    Widen(Reg),
    /// `Z_2^128` to `Z_2^64`; the value fits.
    Narrow(Reg),
    /// The bit `x < 0`; x lies in [-2^(bits-1), 2^(bits-1)).
    Negative {
        /// An arithmetic register.
        x: Reg,
        /// Its declared width, sign included.
        bits: u32,
    },
    /// The bit `x = 0`; x lies in [-2^(bits-1), 2^(bits-1)).
    Zero {
        /// An arithmetic register.
        x: Reg,
        /// Its declared width, sign included.
        bits: u32,
    },
    /// Bits.
    And(Reg, Reg),
    /// Bits.
    Or(Reg, Reg),
    /// Bits.
    Xor(Reg, Reg),
    /// Bits.
    Not(Reg),
    /// A bit as 0 or 1 in a ring.
    BitToArithmetic {
        /// A bit register.
        bit: Reg,
        /// The ring of the result.
        ring: RingSize,
    },
    /// `then` where the bit is 1, else `otherwise`; arithmetic operands.
    Select {
        /// A bit register.
        bit: Reg,
        /// Where it is 1.
        then: Reg,
        /// Where it is 0.
        otherwise: Reg,
    },
    /// numerator / denominator, truncated towards zero. 0 where the denominator is 0 (the planner's known bit says so).
    /// Both operands are signed; `|quotient| < 2^quotient_bits`.
    Divide {
        /// Signed.
        numerator: Reg,
        /// Signed.
        denominator: Reg,
        /// `|numerator| < 2^numerator_bits`.
        numerator_bits: u32,
        /// `|denominator| < 2^denominator_bits`.
        denominator_bits: u32,
    },
    /// x divided by a public number greater than 0.
    DivideByConstant {
        /// Signed.
        x: Reg,
        /// The divisor.
        divisor: i128,
        /// How the quotient is rounded.
        rounding: Rounding,
        /// |x| < 2^bits.
        bits: u32,
    },
    /// x / sqrt(y) times 2^fraction, within one unit and 2^-48 of the quotient. 0, or one unit below, where y is 0.
    /// Both are in `Z_2^128`.
    DivideByRoot {
        /// Signed; |x| <= 2^`quotient_bits` sqrt(y).
        x: Reg,
        /// 0 <= y < 4^levels.
        y: Reg,
        /// Half of the bits of y; with the bits of the quotient at most 68.
        levels: u32,
        /// Bits of the quotient before its fraction.
        quotient_bits: u32,
        /// Bits of the quotient's fraction.
        fraction: u32,
    },
    /// A public number for every row: what is known of a cell because its key is.
    Public {
        /// One for each row of the input.
        values: Vec<i128>,
        /// Their ring.
        ring: RingSize,
    },
    /// A public bit for every row.
    PublicBit(Vec<bool>),
    /// The low bits of the number as planes, least significant first: the number itself where 0 <= x < 2^bits.
    ToPlanes {
        /// An arithmetic register.
        x: Reg,
        /// How many planes.
        bits: u32,
    },
}

impl Op {
    /// The registers that it reads, in order.
    pub fn operands(&self) -> Vec<Reg> {
        match self {
            Op::Column(_)
            | Op::Constant { .. }
            | Op::ConstantBit(_)
            | Op::Public { .. }
            | Op::PublicBit(_) => Vec::new(),
            Op::Add(x, y)
            | Op::Subtract(x, y)
            | Op::Multiply(x, y)
            | Op::And(x, y)
            | Op::Or(x, y)
            | Op::Xor(x, y)
            | Op::Divide { numerator: x, denominator: y, .. }
            | Op::DivideByRoot { x, y, .. } => vec![*x, *y],
            Op::Scale(x, _)
            | Op::Offset(x, _)
            | Op::Widen(x)
            | Op::Narrow(x)
            | Op::Negative { x, .. }
            | Op::Zero { x, .. }
            | Op::Not(x)
            | Op::BitToArithmetic { bit: x, .. }
            | Op::DivideByConstant { x, .. }
            | Op::ToPlanes { x, .. } => vec![*x],
            Op::Select { bit, then, otherwise } => vec![*bit, *then, *otherwise],
        }
    }
}

/// How a quotient is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// Towards zero, as SQL's integer division does.
    Truncate,
    /// To the nearest, halves away from zero.
    Nearest,
}

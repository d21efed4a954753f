//! Straight-line programs with ranges: every operation is proved not to wrap, rings are widened where needed.

use super::failure;
use super::infer::quotient;
use crate::Result;
use crate::plan::{Op, Range, Reg, RingSize, Rounding};

/// What a register holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A bit.
    Bit,
    /// A number.
    Number(RingSize, Range),
    /// Bit planes of numbers that are not negative.
    Planes(u32, Range),
}

/// Half the bits of a radicand, and the bits of a quotient by its root, together.
pub(crate) const ROOT_BITS: u32 = 68;

/// A program under construction. Equal operations share a register.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    /// The operations.
    pub(crate) ops: Vec<Op>,
    kinds: Vec<Kind>,
}

impl Program {
    /// A register for an operation.
    fn push(&mut self, op: Op, kind: Kind) -> Reg {
        if let Some(before) = self.ops.iter().position(|before| *before == op) {
            return Reg(before);
        }
        self.ops.push(op);
        self.kinds.push(kind);
        Reg(self.ops.len() - 1)
    }

    fn op(&self, reg: Reg) -> Option<&Op> {
        self.ops.get(reg.0)
    }

    /// What a register holds.
    pub(crate) fn kind(&self, reg: Reg) -> Kind {
        self.kinds.get(reg.0).copied().unwrap_or(Kind::Bit)
    }

    /// The range of a number (a bit's is 0 to 1).
    pub(crate) fn range(&self, reg: Reg) -> Range {
        match self.kind(reg) {
            Kind::Bit => Range { lo: 0, hi: 1 },
            Kind::Number(_, range) | Kind::Planes(_, range) => range,
        }
    }

    /// The ring of a number.
    pub(crate) fn ring(&self, reg: Reg) -> RingSize {
        match self.kind(reg) {
            Kind::Bit | Kind::Planes(..) => RingSize::Z64,
            Kind::Number(ring, _) => ring,
        }
    }

    /// States what is known of a number besides its program.
    pub(crate) fn assume(&mut self, reg: Reg, within: Range) {
        if let Some(Kind::Number(_, range)) = self.kinds.get_mut(reg.0) {
            *range = Range { lo: range.lo.max(within.lo), hi: range.hi.min(within.hi) };
        }
    }

    /// Column `index` of the input.
    pub(crate) fn column(&mut self, index: usize, kind: Kind) -> Reg {
        self.push(Op::Column(index), kind)
    }

    /// A public number.
    pub(crate) fn constant(&mut self, value: i128) -> Result<Reg> {
        let range = Range { lo: value, hi: value };
        let ring = range.ring().ok_or_else(|| failure::bounds(value))?;
        Ok(self.push(Op::Constant { value, ring }, Kind::Number(ring, range)))
    }

    /// A public bit.
    pub(crate) fn bit(&mut self, value: bool) -> Reg {
        self.push(Op::ConstantBit(value), Kind::Bit)
    }

    /// A public number for every row.
    pub(crate) fn public(&mut self, values: Vec<i128>) -> Result<Reg> {
        let (lo, hi) = (values.iter().min(), values.iter().max());
        let (Some(&lo), Some(&hi)) = (lo, hi) else { return Err(failure::internal("no rows at all")) };
        if lo == hi {
            return self.constant(lo);
        }
        let range = Range { lo, hi };
        let ring = range.ring().ok_or_else(wide)?;
        Ok(self.push(Op::Public { values, ring }, Kind::Number(ring, range)))
    }

    /// A public bit for every row.
    pub(crate) fn public_bit(&mut self, values: Vec<bool>) -> Reg {
        match values.first() {
            Some(&first) if values.iter().any(|value| *value != first) => {
                self.push(Op::PublicBit(values), Kind::Bit)
            }
            first => {
                let first = first.copied().unwrap_or(false);
                self.bit(first)
            }
        }
    }

    /// A number that is not negative, as bit planes.
    pub(crate) fn planes(&mut self, x: Reg, bits: u32) -> Reg {
        let range = self.range(x);
        self.push(Op::ToPlanes { x, bits }, Kind::Planes(bits, range))
    }

    fn as_constant(&self, reg: Reg) -> Option<i128> {
        match self.op(reg) {
            Some(Op::Constant { value, .. }) => Some(*value),
            _ => None,
        }
    }

    /// The public bit that a register holds.
    pub(crate) fn as_bit(&self, reg: Reg) -> Option<bool> {
        match self.op(reg) {
            Some(Op::ConstantBit(value)) => Some(*value),
            _ => None,
        }
    }

    /// The same number in a ring at least as large.
    pub(crate) fn widened(&mut self, reg: Reg, ring: RingSize) -> Reg {
        if self.ring(reg) == ring || ring == RingSize::Z64 {
            return reg;
        }
        let range = self.range(reg);
        match self.op(reg) {
            Some(&Op::Constant { value, .. }) => {
                self.push(Op::Constant { value, ring }, Kind::Number(ring, range))
            }
            Some(&Op::BitToArithmetic { bit, .. }) => {
                self.push(Op::BitToArithmetic { bit, ring }, Kind::Number(ring, range))
            }
            _ => self.push(Op::Widen(reg), Kind::Number(ring, range)),
        }
    }

    /// The same number in a ring, given a range that it is known to be in wherever it is used.
    pub(crate) fn fitted(&mut self, reg: Reg, ring: RingSize, within: Range) -> Reg {
        if self.ring(reg) > ring {
            return self.push(Op::Narrow(reg), Kind::Number(ring, within));
        }
        self.widened(reg, ring)
    }

    /// The ring that two operands and their result need.
    fn meet(&self, x: Reg, y: Reg, range: Option<Range>) -> Result<(RingSize, Range)> {
        let range = range.ok_or_else(wide)?;
        let ring = range.ring().ok_or_else(wide)?;
        Ok((ring.max(self.ring(x)).max(self.ring(y)), range))
    }

    /// x + y.
    pub(crate) fn add(&mut self, x: Reg, y: Reg) -> Result<Reg> {
        if let Some(value) = self.as_constant(y) {
            return self.offset(x, value);
        }
        if let Some(value) = self.as_constant(x) {
            return self.offset(y, value);
        }
        let (ring, range) = self.meet(x, y, self.range(x).add(self.range(y)))?;
        let (x, y) = (self.widened(x, ring), self.widened(y, ring));
        Ok(self.push(Op::Add(x, y), Kind::Number(ring, range)))
    }

    /// x - y.
    pub(crate) fn subtract(&mut self, x: Reg, y: Reg) -> Result<Reg> {
        if let Some(value) = self.as_constant(y) {
            return self.offset(x, -value);
        }
        let negated = self.range(y).negate().ok_or_else(wide)?;
        let (ring, range) = self.meet(x, y, self.range(x).add(negated))?;
        let (x, y) = (self.widened(x, ring), self.widened(y, ring));
        Ok(self.push(Op::Subtract(x, y), Kind::Number(ring, range)))
    }

    /// x times a public number.
    pub(crate) fn scale(&mut self, x: Reg, factor: i128) -> Result<Reg> {
        if factor == 1 {
            return Ok(x);
        }
        let range = self.range(x).multiply(Range { lo: factor, hi: factor });
        if let Some(value) = self.as_constant(x) {
            return self.constant(value.checked_mul(factor).ok_or_else(wide)?);
        }
        let (ring, range) = self.meet(x, x, range)?;
        let x = self.widened(x, ring);
        Ok(self.push(Op::Scale(x, factor), Kind::Number(ring, range)))
    }

    /// x plus a public number.
    pub(crate) fn offset(&mut self, x: Reg, by: i128) -> Result<Reg> {
        if by == 0 {
            return Ok(x);
        }
        if let Some(value) = self.as_constant(x) {
            return self.constant(value.checked_add(by).ok_or_else(wide)?);
        }
        let (ring, range) = self.meet(x, x, self.range(x).add(Range { lo: by, hi: by }))?;
        let x = self.widened(x, ring);
        Ok(self.push(Op::Offset(x, by), Kind::Number(ring, range)))
    }

    /// x * y.
    pub(crate) fn multiply(&mut self, x: Reg, y: Reg) -> Result<Reg> {
        if let Some(value) = self.as_constant(y) {
            return self.scale(x, value);
        }
        if let Some(value) = self.as_constant(x) {
            return self.scale(y, value);
        }
        let range = if x == y {
            let most = i128::try_from(self.range(x).magnitude()).map_err(|_| wide())?;
            most.checked_mul(most).map(|hi| Range { lo: 0, hi })
        } else {
            self.range(x).multiply(self.range(y))
        };
        let (ring, range) = self.meet(x, y, range)?;
        let (x, y) = (self.widened(x, ring), self.widened(y, ring));
        Ok(self.push(Op::Multiply(x, y), Kind::Number(ring, range)))
    }

    /// The bit x < 0.
    pub(crate) fn negative(&mut self, x: Reg) -> Reg {
        let range = self.range(x);
        if range.lo >= 0 || range.hi < 0 {
            return self.bit(range.hi < 0);
        }
        let bits = range.bits() + 1;
        self.push(Op::Negative { x, bits }, Kind::Bit)
    }

    /// The bit x = 0.
    pub(crate) fn zero(&mut self, x: Reg) -> Reg {
        let range = self.range(x);
        if range.lo > 0 || range.hi < 0 || (range.lo == 0 && range.hi == 0) {
            return self.bit(range.lo == 0 && range.hi == 0);
        }
        let bits = range.bits() + 1;
        self.push(Op::Zero { x, bits }, Kind::Bit)
    }

    /// x and y.
    pub(crate) fn and(&mut self, x: Reg, y: Reg) -> Reg {
        match (self.as_bit(x), self.as_bit(y)) {
            (Some(true), _) => y,
            (_, Some(true)) => x,
            (Some(false), _) | (_, Some(false)) => self.bit(false),
            _ if x == y => x,
            _ => self.push(Op::And(x, y), Kind::Bit),
        }
    }

    /// x or y.
    pub(crate) fn or(&mut self, x: Reg, y: Reg) -> Reg {
        match (self.as_bit(x), self.as_bit(y)) {
            (Some(false), _) => y,
            (_, Some(false)) => x,
            (Some(true), _) | (_, Some(true)) => self.bit(true),
            _ if x == y => x,
            _ => self.push(Op::Or(x, y), Kind::Bit),
        }
    }

    /// not x.
    pub(crate) fn not(&mut self, x: Reg) -> Reg {
        match self.op(x) {
            Some(&Op::ConstantBit(value)) => self.bit(!value),
            Some(&Op::Not(inner)) => inner,
            _ => self.push(Op::Not(x), Kind::Bit),
        }
    }

    /// `then` where the bit is 1, else `otherwise`; all bits.
    pub(crate) fn choose(&mut self, bit: Reg, then: Reg, otherwise: Reg) -> Reg {
        if then == otherwise {
            return then;
        }
        let yes = self.and(bit, then);
        let no = self.not(bit);
        let no = self.and(no, otherwise);
        // Both are never 1 together, so that XOR, which is free, is OR.
        match (self.as_bit(yes), self.as_bit(no)) {
            (None, None) => self.push(Op::Xor(yes, no), Kind::Bit),
            _ => self.or(yes, no),
        }
    }

    /// All known bits together.
    pub(crate) fn both(&mut self, x: Option<Reg>, y: Option<Reg>) -> Option<Reg> {
        match (x, y) {
            (Some(x), Some(y)) => Some(self.and(x, y)),
            (one, other) => one.or(other),
        }
    }

    /// A bit as a number.
    pub(crate) fn arithmetic(&mut self, bit: Reg, ring: RingSize) -> Result<Reg> {
        if let Some(value) = self.as_bit(bit) {
            let constant = self.constant(i128::from(value))?;
            return Ok(self.widened(constant, ring));
        }
        Ok(self.push(Op::BitToArithmetic { bit, ring }, Kind::Number(ring, Range { lo: 0, hi: 1 })))
    }

    /// `then` where the bit is 1, else `otherwise`; numbers.
    pub(crate) fn select(&mut self, bit: Reg, then: Reg, otherwise: Reg) -> Result<Reg> {
        match self.as_bit(bit) {
            Some(true) => return Ok(then),
            Some(false) => return Ok(otherwise),
            None if then == otherwise => return Ok(then),
            None => {}
        }
        // A ring with room for the difference, which a protocol may take.
        let range = self.range(then).hull(self.range(otherwise));
        let negated = self.range(otherwise).negate().ok_or_else(wide)?;
        let (ring, _) = self.meet(then, otherwise, self.range(then).add(negated))?;
        let (then, otherwise) = (self.widened(then, ring), self.widened(otherwise, ring));
        Ok(self.push(Op::Select { bit, then, otherwise }, Kind::Number(ring, range)))
    }

    /// The quotient, truncated; 0 where the denominator is 0. `within`: what is known of it besides.
    pub(crate) fn divide(&mut self, numerator: Reg, denominator: Reg, within: Option<Range>) -> Result<Reg> {
        let mut range = quotient(self.range(numerator), self.range(denominator)).with_zero();
        if let Some(within) = within {
            range = Range { lo: range.lo.max(within.lo), hi: range.hi.min(within.hi) }.with_zero();
        }
        if let Some(divisor) = self.as_constant(denominator).filter(|divisor| *divisor > 0) {
            return self.divide_by(numerator, divisor, Rounding::Truncate);
        }
        let longest = self.range(numerator).bits().max(self.range(denominator).bits());
        let ring = self.ring(numerator).max(self.ring(denominator)).max(roomy(longest, 2)?);
        let (numerator, denominator) = (self.widened(numerator, ring), self.widened(denominator, ring));
        let numerator_bits = self.range(numerator).bits();
        let denominator_bits = self.range(denominator).bits();
        let op = Op::Divide { numerator, denominator, numerator_bits, denominator_bits };
        Ok(self.push(op, Kind::Number(ring, range)))
    }

    /// x divided by a public number greater than 0.
    pub(crate) fn divide_by(&mut self, x: Reg, divisor: i128, rounding: Rounding) -> Result<Reg> {
        if divisor == 1 {
            return Ok(x);
        }
        let range = self.range(x);
        let up = i128::from(rounding == Rounding::Nearest);
        let range = Range { lo: range.lo / divisor - up, hi: range.hi / divisor + up };
        let bits = self.range(x).bits();
        let divisor_bits = u128::BITS - divisor.unsigned_abs().leading_zeros();
        let (ring, range) = self.meet(x, x, Some(range))?;
        let ring = ring.max(roomy(bits, 5)?).max(roomy(divisor_bits, 7)?);
        let x = self.widened(x, ring);
        Ok(self.push(Op::DivideByConstant { x, divisor, rounding, bits }, Kind::Number(ring, range)))
    }

    /// x / sqrt(y) times 2^fraction, where |x| <= 2^`quotient_bits` sqrt(y) and y is not negative.
    pub(crate) fn divide_by_root(
        &mut self,
        x: Reg,
        y: Reg,
        quotient_bits: u32,
        fraction: u32,
    ) -> Result<Reg> {
        let levels = self.range(y).bits().div_ceil(2).max(1);
        if levels + quotient_bits > ROOT_BITS {
            return Err(wide());
        }
        let (x, y) = (self.widened(x, RingSize::Z128), self.widened(y, RingSize::Z128));
        let most = (1_i128 << (quotient_bits + fraction)) + (1 << fraction) + 1;
        let op = Op::DivideByRoot { x, y, levels, quotient_bits, fraction };
        Ok(self.push(op, Kind::Number(RingSize::Z128, Range { lo: -most, hi: most })))
    }

    /// The quotient to the nearest integer, halves away from zero; 0 where the denominator, which is not negative,
    /// is 0. `within`: what is known of it besides.
    pub(crate) fn divide_nearest(
        &mut self,
        numerator: Reg,
        denominator: Reg,
        within: Option<Range>,
    ) -> Result<Reg> {
        let doubled = self.scale(numerator, 2)?;
        let negative = self.negative(numerator);
        let below = self.scale(denominator, -1)?;
        let half = self.select(negative, below, denominator)?;
        let top = self.add(doubled, half)?;
        let bottom = self.scale(denominator, 2)?;
        self.divide(top, bottom, within)
    }
}

/// The smallest ring with so many bits to spare, as division needs.
fn roomy(bits: u32, spare: u32) -> Result<RingSize> {
    match bits + spare {
        0..=64 => Ok(RingSize::Z64),
        65..=128 => Ok(RingSize::Z128),
        _ => Err(wide()),
    }
}

fn wide() -> crate::Error {
    failure::bounds("an expression computed on shares")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(program: &mut Program, index: usize, lo: i128, hi: i128) -> Reg {
        let range = Range { lo, hi };
        program.column(index, Kind::Number(range.ring().unwrap(), range))
    }

    #[test]
    fn rings_widen_where_a_result_needs_it() {
        let mut program = Program::default();
        let x = column(&mut program, 0, 0, 1 << 40);
        let small = program.add(x, x).unwrap();
        assert_eq!(program.ring(small), RingSize::Z64);
        let square = program.multiply(x, x).unwrap();
        assert_eq!(program.ring(square), RingSize::Z128);
        assert_eq!(program.range(square), Range { lo: 0, hi: 1 << 80 });
        assert!(program.multiply(square, x).is_ok());
        assert!(program.multiply(square, square).is_err());
    }

    #[test]
    fn constants_are_folded() {
        let mut program = Program::default();
        let x = column(&mut program, 0, -5, 5);
        let three = program.constant(3).unwrap();
        let y = program.multiply(x, three).unwrap();
        assert_eq!(program.ops[y.0], Op::Scale(x, 3));
        let yes = program.bit(true);
        let negative = program.negative(x);
        assert_eq!(program.and(negative, yes), negative);
        let shifted = program.offset(x, 10).unwrap();
        let never = program.negative(shifted);
        assert_eq!(program.as_bit(never), Some(false));
    }
}

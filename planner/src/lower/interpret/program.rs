//! Programs on columns.

use super::*;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Ring {
    Bit,
    Planes(u32),
    Number(RingSize),
}

pub(super) fn run_program(compute: &Compute, input: &Table, defs: &[&ColumnDef]) -> Table {
    let ring_of = |def: &ColumnDef| match def.encoding {
        Encoding::Arithmetic(ring) => Ring::Number(ring),
        Encoding::Planes(width) => Ring::Planes(width),
        Encoding::Bit => Ring::Bit,
    };
    let mut rings: Vec<Ring> = Vec::new();
    let mut all: Vec<Vec<i128>> = Vec::new();
    for op in &compute.ops {
        let ring = match op {
            Op::Column(column) => ring_of(defs[*column]),
            Op::Constant { ring, .. } | Op::BitToArithmetic { ring, .. } | Op::Public { ring, .. } => {
                Ring::Number(*ring)
            }
            Op::DivideByRoot { x, y, .. } => {
                assert_eq!((rings[x.0], rings[y.0]), (Ring::Number(RingSize::Z128), rings[x.0]), "{op:?}");
                rings[x.0]
            }
            Op::PublicBit(_) => Ring::Bit,
            Op::ToPlanes { bits, .. } => Ring::Planes(*bits),
            Op::ConstantBit(_) | Op::And(..) | Op::Or(..) | Op::Xor(..) | Op::Not(_) => Ring::Bit,
            Op::Negative { .. } | Op::Zero { .. } => Ring::Bit,
            Op::Widen(_) => Ring::Number(RingSize::Z128),
            Op::Narrow(_) => Ring::Number(RingSize::Z64),
            Op::Add(x, y)
            | Op::Subtract(x, y)
            | Op::Multiply(x, y)
            | Op::Select { then: x, otherwise: y, .. } => {
                assert_eq!(rings[x.0], rings[y.0], "{op:?}");
                rings[x.0]
            }
            Op::Divide { numerator: x, denominator: y, .. } => {
                assert_eq!(rings[x.0], rings[y.0], "{op:?}");
                rings[x.0]
            }
            Op::Scale(x, _) | Op::Offset(x, _) | Op::DivideByConstant { x, .. } => rings[x.0],
        };
        let cells: Vec<i128> = (0..input.rows).map(|row| step(op, row, input, &all)).collect();
        let limit = match ring {
            Ring::Bit => 1,
            Ring::Planes(bits) => (1_i128 << bits) - 1,
            Ring::Number(RingSize::Z64) => 1_i128 << 62,
            Ring::Number(RingSize::Z128) => 1_i128 << 126,
        };
        assert!(cells.iter().all(|cell| cell.abs() <= limit), "{op:?} overflows");
        rings.push(ring);
        all.push(cells);
    }
    for (reg, def) in &compute.outputs {
        assert_eq!(rings[reg.0], ring_of(def), "{}", def.name);
    }
    Table { columns: compute.outputs.iter().map(|(reg, _)| all[reg.0].clone()).collect(), rows: input.rows }
}

fn step(op: &Op, row: usize, input: &Table, all: &[Vec<i128>]) -> i128 {
    let at = |reg: &crate::plan::Reg| all[reg.0][row];
    let within = |x: i128, bits: u32| {
        assert!(-(1_i128 << (bits - 1)) <= x && x < 1_i128 << (bits - 1), "{op:?} of {x}");
    };
    match op {
        Op::Column(column) => input.columns[*column][row],
        Op::Constant { value, .. } => *value,
        Op::ConstantBit(value) => i128::from(*value),
        Op::Public { values, .. } => values[row],
        Op::PublicBit(values) => i128::from(values[row]),
        Op::ToPlanes { x, bits } => at(x).rem_euclid(1_i128 << bits),
        Op::DivideByRoot { x, y, levels, quotient_bits, fraction } => {
            assert!((0..1_i128 << (2 * levels)).contains(&at(y)), "{op:?} by {}", at(y));
            if at(y) == 0 {
                return 0;
            }
            let quotient = at(x) as f64 / (at(y) as f64).sqrt();
            assert!(
                quotient.abs() <= 2_f64.powi(quotient_bits.cast_signed()) * 1.000_001,
                "{op:?} is {quotient}"
            );
            // A double has fewer digits than the result.
            let most = 1_i128 << (quotient_bits + fraction);
            ((quotient * 2_f64.powi(fraction.cast_signed())).round() as i128).clamp(-most, most)
        }
        Op::Add(x, y) => at(x) + at(y),
        Op::Subtract(x, y) => at(x) - at(y),
        Op::Scale(x, factor) => at(x).checked_mul(*factor).unwrap(),
        Op::Offset(x, by) => at(x) + by,
        Op::Multiply(x, y) => at(x).checked_mul(at(y)).unwrap(),
        Op::Widen(x) | Op::Narrow(x) => at(x),
        Op::Negative { x, bits } => {
            within(at(x), *bits);
            i128::from(at(x) < 0)
        }
        Op::Zero { x, bits } => {
            within(at(x), *bits);
            i128::from(at(x) == 0)
        }
        Op::And(x, y) => at(x) & at(y),
        Op::Or(x, y) => at(x) | at(y),
        Op::Xor(x, y) => at(x) ^ at(y),
        Op::Not(x) => 1 - at(x),
        Op::BitToArithmetic { bit, .. } => at(bit),
        Op::Select { bit, then, otherwise } => {
            if at(bit) == 1 {
                at(then)
            } else {
                at(otherwise)
            }
        }
        Op::Divide { numerator, denominator, numerator_bits, denominator_bits } => {
            assert!(at(numerator).unsigned_abs() < 1 << numerator_bits, "{op:?}");
            assert!(at(denominator).unsigned_abs() < 1 << denominator_bits, "{op:?}");
            if at(denominator) == 0 { 0 } else { at(numerator) / at(denominator) }
        }
        Op::DivideByConstant { x, divisor, rounding, bits } => {
            assert!(at(x).unsigned_abs() < 1 << bits, "{op:?} of {}", at(x));
            match rounding {
                Rounding::Truncate => at(x) / divisor,
                Rounding::Nearest => (2 * at(x).abs() + divisor) / (2 * divisor) * at(x).signum(),
            }
        }
    }
}

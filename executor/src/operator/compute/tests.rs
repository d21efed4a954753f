use planner::plan::{ColumnDef, Encoding, NodeId, Range};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::operator::clear::{self, Clear, Ran};

/// What is known of a register in a random program.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A number of a ring, below 2^bits in magnitude.
    Number(RingSize, u32),
    Bit,
}

/// The program in the clear, one row.
fn in_the_clear(ops: &[Op], row: &[i128]) -> Vec<i128> {
    let mut registers: Vec<i128> = Vec::new();
    for op in ops {
        let of = |Reg(index): &Reg| registers[*index];
        registers.push(match op {
            Op::Column(index) => row[*index],
            Op::Constant { value, .. } => *value,
            Op::ConstantBit(bit) => i128::from(*bit),
            Op::Public { .. } | Op::PublicBit(_) | Op::DivideByRoot { .. } | Op::ToPlanes { .. } => {
                unreachable!("not in random programs")
            }
            Op::Add(x, y) => of(x) + of(y),
            Op::Subtract(x, y) => of(x) - of(y),
            Op::Scale(x, factor) => of(x) * factor,
            Op::Offset(x, term) => of(x) + term,
            Op::Multiply(x, y) => of(x) * of(y),
            Op::Widen(x) | Op::Narrow(x) | Op::BitToArithmetic { bit: x, .. } => of(x),
            Op::Negative { x, .. } => i128::from(of(x) < 0),
            Op::Zero { x, .. } => i128::from(of(x) == 0),
            Op::And(x, y) => of(x) & of(y),
            Op::Or(x, y) => of(x) | of(y),
            Op::Xor(x, y) => of(x) ^ of(y),
            Op::Not(x) => 1 - of(x),
            Op::Select { bit, then, otherwise } => {
                if of(bit) == 1 {
                    of(then)
                } else {
                    of(otherwise)
                }
            }
            Op::Divide { numerator, denominator, .. } => {
                of(numerator).checked_div(of(denominator)).unwrap_or(0)
            }
            Op::DivideByConstant { x, divisor, rounding: Rounding::Truncate, .. } => of(x) / divisor,
            Op::DivideByConstant { x, divisor, rounding: Rounding::Nearest, .. } => {
                of(x).signum() * ((2 * of(x).abs() + divisor) / (2 * divisor))
            }
        });
    }
    registers
}

fn node(ops: Vec<Op>) -> Compute {
    let range = Range { lo: 0, hi: 0 };
    let def = ColumnDef { name: String::new(), encoding: Encoding::Bit, range };
    let outputs = (0..ops.len()).map(|reg| (Reg(reg), def.clone())).collect();
    Compute { input: NodeId(0), ops, outputs }
}

fn run(seed: u64, columns: &[Clear], ops: &[Op]) -> Ran {
    let node = node(ops.to_vec());
    clear::run(seed, columns, |ctx, table| {
        let node = node.clone();
        async move { super::run(&ctx, &node, &table).await }
    })
}

fn rows(columns: &[Clear]) -> Vec<Vec<i128>> {
    let len = match &columns[0] {
        Clear::Z64(x) | Clear::Z128(x) | Clear::Planes(x, _) => x.len(),
        Clear::Bit(x) => x.len(),
    };
    let cell = |column: &Clear, row: usize| match column {
        Clear::Z64(x) | Clear::Z128(x) | Clear::Planes(x, _) => x[row],
        Clear::Bit(x) => i128::from(x[row]),
    };
    (0..len).map(|row| columns.iter().map(|column| cell(column, row)).collect()).collect()
}

fn assert_equal(seed: u64, columns: &[Clear], ops: &[Op]) -> Ran {
    let ran = run(seed, columns, ops);
    for (row, cells) in rows(columns).iter().enumerate() {
        let expected = in_the_clear(ops, cells);
        for (reg, expected) in expected.iter().enumerate() {
            assert_eq!(
                ran.columns[reg][row], *expected,
                "seed {seed}, row {row}, register {reg}: {:?}",
                ops[reg]
            );
        }
    }
    ran
}

fn columns(rng: &mut StdRng, rows: usize) -> Vec<Clear> {
    let mut number = |bits: u32| -> i128 {
        let limit = (1i128 << bits) - 1;
        // Extremes and zero are as likely as everything else.
        match rng.random_range(0..4) {
            0 => [limit, -limit, 0, 1][rng.random_range(0..4)],
            _ => rng.random_range(-limit..=limit),
        }
    };
    let wide = (0..rows).map(|_| number(40)).collect();
    let narrow = (0..rows).map(|_| number(8)).collect();
    let huge = (0..rows).map(|_| number(90)).collect();
    let bits = (0..rows).map(|_| number(1) > 0).collect();
    vec![Clear::Z64(wide), Clear::Z64(narrow), Clear::Z128(huge), Clear::Bit(bits)]
}

/// A random program without overflow over [`columns`].
#[expect(clippy::too_many_lines, clippy::many_single_char_names, reason = "one case an op")]
fn program(rng: &mut StdRng, length: usize) -> Vec<Op> {
    let (z64, z128) = (RingSize::Z64, RingSize::Z128);
    let mut ops = vec![Op::Column(0), Op::Column(1), Op::Column(2), Op::Column(3)];
    let mut kinds = vec![Kind::Number(z64, 40), Kind::Number(z64, 8), Kind::Number(z128, 90), Kind::Bit];
    while ops.len() < length {
        let (a, b, c) =
            (rng.random_range(0..ops.len()), rng.random_range(0..ops.len()), rng.random_range(0..ops.len()));
        let (x, y) = (Reg(a), Reg(b));
        let room = |ring| if ring == z64 { 50 } else { 110 };
        let made = match (rng.random_range(0..16), kinds[a], kinds[b]) {
            (0, Kind::Number(r, p), Kind::Number(s, q)) if r == s && p.max(q) < room(r) => {
                Some((Op::Add(x, y), Kind::Number(r, p.max(q) + 1)))
            }
            (1, Kind::Number(r, p), Kind::Number(s, q)) if r == s && p.max(q) < room(r) => {
                Some((Op::Subtract(x, y), Kind::Number(r, p.max(q) + 1)))
            }
            (2, Kind::Number(r, p), Kind::Number(s, q)) if r == s && p + q < room(r) => {
                Some((Op::Multiply(x, y), Kind::Number(r, p + q)))
            }
            (3, Kind::Number(r, p), _) if p + 4 < room(r) => {
                Some((Op::Scale(x, rng.random_range(-15..=15)), Kind::Number(r, p + 4)))
            }
            (4, Kind::Number(r, p), _) if p < room(r) && p > 4 => {
                Some((Op::Offset(x, rng.random_range(-15..=15)), Kind::Number(r, p + 1)))
            }
            (5, Kind::Number(r, p), _) if r == z64 => Some((Op::Widen(x), Kind::Number(z128, p))),
            (6, Kind::Number(r, p), _) if r == z128 && p < 60 => Some((Op::Narrow(x), Kind::Number(z64, p))),
            (7, Kind::Number(_, p), _) => Some((Op::Negative { x, bits: p + 1 }, Kind::Bit)),
            (8, Kind::Number(_, p), _) => Some((Op::Zero { x, bits: p + 1 }, Kind::Bit)),
            (9, Kind::Bit, Kind::Bit) => Some((
                [Op::And(x, y), Op::Or(x, y), Op::Xor(x, y)][rng.random_range(0..3)].clone(),
                Kind::Bit,
            )),
            (10, Kind::Bit, _) => Some((Op::Not(x), Kind::Bit)),
            (11, Kind::Bit, _) => {
                let ring = [z64, z128][rng.random_range(0..2)];
                Some((Op::BitToArithmetic { bit: x, ring }, Kind::Number(ring, 1)))
            }
            (12, Kind::Number(r, p), Kind::Number(s, q)) if r == s && kinds[c] == Kind::Bit => {
                Some((Op::Select { bit: Reg(c), then: x, otherwise: y }, Kind::Number(r, p.max(q))))
            }
            (13, Kind::Number(r, p), Kind::Number(s, q)) if r == s && p <= 10 && q <= 50 => {
                let divide =
                    Op::Divide { numerator: x, denominator: y, numerator_bits: p, denominator_bits: q };
                Some((divide, Kind::Number(r, p)))
            }
            (14, Kind::Number(r, p), _) if p <= room(r) => {
                let rounding = [Rounding::Truncate, Rounding::Nearest][rng.random_range(0..2)];
                let divisor = [1, 2, 3, 7, 10, 1000][rng.random_range(0..6)];
                Some((Op::DivideByConstant { x, divisor, rounding, bits: p }, Kind::Number(r, p)))
            }
            (15, ..) => {
                let value = rng.random_range(-100..=100);
                Some((Op::Constant { value, ring: z64 }, Kind::Number(z64, 7)))
            }
            _ => None,
        };
        if let Some((op, kind)) = made {
            ops.push(op);
            kinds.push(kind);
        }
    }
    ops
}

#[test]
fn random_programs_equal_the_clear() {
    for seed in 0..12 {
        let mut rng = StdRng::seed_from_u64(seed);
        let rows = [0, 1, 2, 65][usize::try_from(seed).unwrap() % 4];
        let columns = columns(&mut rng, rows);
        let ops = program(&mut rng, 24);
        assert_equal(seed, &columns, &ops);
    }
}

#[test]
fn division_by_zero_is_zero_and_signs_are_right() {
    let numerators = vec![7, -7, 7, -7, 5, 0, 1023, -1023];
    let denominators = vec![2, 2, -2, -2, 0, 0, 1, -1];
    let columns = [Clear::Z64(numerators), Clear::Z64(denominators)];
    let divide =
        Op::Divide { numerator: Reg(0), denominator: Reg(1), numerator_bits: 10, denominator_bits: 10 };
    let ran = assert_equal(1, &columns, &[Op::Column(0), Op::Column(1), divide]);
    assert_eq!(ran.columns[2], [3, -3, -3, 3, 0, 0, 1023, 1023]);
}

#[test]
fn halves_are_rounded_away_from_zero() {
    let columns = [Clear::Z128(vec![5, -5, 4, -4, 15, -15, 14, 0])];
    let round = Op::DivideByConstant { x: Reg(0), divisor: 10, rounding: Rounding::Nearest, bits: 5 };
    let ran = assert_equal(2, &columns, &[Op::Column(0), round]);
    assert_eq!(ran.columns[1], [1, -1, 0, 0, 2, -2, 1, 0]);
}

#[test]
fn independent_ops_share_rounds() {
    let columns = [Clear::Z64(vec![1, 2, 3]), Clear::Z64(vec![4, 5, 6])];
    let product = Op::Multiply(Reg(0), Reg(1));
    let two = [Op::Column(0), Op::Column(1), product.clone(), product.clone()];
    assert_eq!(assert_equal(3, &columns, &two).cost.rounds, 1);
    // A comparison of 8 bits takes 4 rounds; the chain of four products beside it takes as many.
    let chain = [
        Op::Column(0),
        Op::Column(1),
        Op::Negative { x: Reg(0), bits: 8 },
        Op::Multiply(Reg(0), Reg(1)),
        Op::Multiply(Reg(3), Reg(1)),
        Op::Multiply(Reg(4), Reg(1)),
        Op::Multiply(Reg(5), Reg(1)),
    ];
    assert_eq!(assert_equal(4, &columns, &chain).cost.rounds, 4);
}

#[test]
fn messages_do_not_depend_on_data() {
    let mut rng = StdRng::seed_from_u64(77);
    let ops = program(&mut rng, 40);
    let first = run(5, &columns(&mut rng, 33), &ops);
    let second = run(6, &columns(&mut rng, 33), &ops);
    assert_eq!(first.transcript, second.transcript);
}

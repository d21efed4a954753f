//! Compute: a straight-line program over columns.
//!
//! Every op starts as soon as its operands are there, so that ops that do not depend on each other share rounds: the
//! rounds of a program are those of its longest path. A register is dropped after its last use.

use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};
use mpc::protocol::quotient::Widths;
use mpc::protocol::{bits, compare, convert, divide, fixed, product, select, truncate};
use mpc::{Column, Context, Planes, Ring, Seat, Shared, SharedBits};
use planner::plan::{Compute, Op, Reg, RingSize, Rounding};

use crate::table::Table;
use crate::{Error, Result};

/// Runs the program of `node` over `input`.
///
/// Output: one column for each of the program's outputs, of the input's length.
pub(crate) async fn run(ctx: &Context, node: &Compute, input: &Table) -> Result<Table> {
    let mut registers = Registers::new(node)?;
    let mut running = FuturesUnordered::new();
    loop {
        for (index, operands) in registers.ready(node) {
            let (ctx, op) = (ctx.nth(index), &node.ops[index]);
            running.push(async move { (index, Box::pin(evaluate(&ctx, op, &operands, input)).await) });
        }
        let Some((index, value)) = running.next().await else { break };
        registers.set(index, value?);
    }
    let columns = node.outputs.iter().map(|(reg, _)| {
        let value =
            registers.take(*reg).ok_or_else(|| Error::internal("compute", "an output was not computed"))?;
        Ok(Arc::unwrap_or_clone(value))
    });
    Table::new(columns.collect::<Result<_>>()?, input.rows())
}

/// The state of a program: values that are there and still needed.
struct Registers {
    values: Vec<Option<Arc<Column>>>,
    /// For each op, how many of its operands are missing.
    missing: Vec<usize>,
    /// For each register, the ops (or outputs) that still need it.
    uses: Vec<usize>,
    /// For each register, the ops that read it; an op that reads it twice is there twice.
    readers: Vec<Vec<usize>>,
    /// Ops whose operands are all there.
    next: Vec<usize>,
}

impl Registers {
    fn new(node: &Compute) -> Result<Self> {
        let count = node.ops.len();
        let mut readers = vec![Vec::new(); count];
        let mut missing = vec![0; count];
        for (index, op) in node.ops.iter().enumerate() {
            for Reg(operand) in op.operands() {
                if operand >= index {
                    return Err(Error::internal("compute", "an op reads a later register"));
                }
                readers[operand].push(index);
                missing[index] += 1;
            }
        }
        let mut uses: Vec<usize> = readers.iter().map(Vec::len).collect();
        for (Reg(output), _) in &node.outputs {
            *uses
                .get_mut(*output)
                .ok_or_else(|| Error::internal("compute", "an output of no register"))? += 1;
        }
        let next = (0..count).filter(|&index| missing[index] == 0).collect();
        Ok(Registers { values: vec![None; count], missing, uses, readers, next })
    }

    /// The ops that can start now, with their operands.
    fn ready(&mut self, node: &Compute) -> Vec<(usize, Vec<Arc<Column>>)> {
        std::mem::take(&mut self.next)
            .into_iter()
            .map(|index| {
                (index, node.ops[index].operands().into_iter().filter_map(|reg| self.take(reg)).collect())
            })
            .collect()
    }

    /// The value of a register for one of its readers; the last one takes it away.
    fn take(&mut self, Reg(index): Reg) -> Option<Arc<Column>> {
        self.uses[index] -= 1;
        if self.uses[index] == 0 { self.values[index].take() } else { self.values[index].clone() }
    }

    fn set(&mut self, index: usize, value: Column) {
        if self.uses[index] > 0 {
            self.values[index] = Some(Arc::new(value));
        }
        for &reader in &self.readers[index] {
            self.missing[reader] -= 1;
            if self.missing[reader] == 0 {
                self.next.push(reader);
            }
        }
    }
}

async fn evaluate(ctx: &Context, op: &Op, operands: &[Arc<Column>], input: &Table) -> Result<Column> {
    let rows = input.rows();
    let operand = |index: usize| operands.get(index).map(Arc::as_ref).ok_or_else(wrong_kind);
    match op {
        Op::Column(index) => Ok(input.column(*index)?.clone()),
        Op::Constant { value, ring } => Ok(constant(ctx.seat(), *value, *ring, rows)),
        Op::ConstantBit(bit) => Ok(SharedBits::from_constant(ctx.seat(), rows, 1, u64::from(*bit)).into()),
        Op::Public { values, ring } => Ok(public(ctx.seat(), values, *ring)),
        Op::PublicBit(values) => Ok(SharedBits::from_public(ctx.seat(), &Planes::from_bools(values)).into()),
        Op::DivideByRoot { levels, fraction, .. } => match (operand(0)?, operand(1)?) {
            (Column::U128(x), Column::U128(y)) => {
                Ok(fixed::divide_by_root(ctx, x, y, *levels as usize, *fraction).await?.into())
            }
            (Column::U32(_) | Column::U64(_) | Column::U128(_) | Column::Bits(_), _) => Err(wrong_kind()),
        },
        Op::Add(..) | Op::Subtract(..) | Op::Multiply(..) => match (operand(0)?, operand(1)?) {
            (Column::U64(x), Column::U64(y)) => Ok(arithmetic(ctx, op, x, y).await?.into()),
            (Column::U128(x), Column::U128(y)) => Ok(arithmetic(ctx, op, x, y).await?.into()),
            (Column::U32(_) | Column::U64(_) | Column::U128(_) | Column::Bits(_), _) => Err(wrong_kind()),
        },
        Op::Scale(..)
        | Op::Offset(..)
        | Op::Negative { .. }
        | Op::Zero { .. }
        | Op::DivideByConstant { .. }
        | Op::ToPlanes { .. }
        | Op::Widen(_)
        | Op::Narrow(_) => match operand(0)? {
            Column::U64(x) => of_one(ctx, op, x).await,
            Column::U128(x) => of_one(ctx, op, x).await,
            Column::U32(_) | Column::Bits(_) => Err(wrong_kind()),
        },
        Op::And(..) => Ok(bits::and(ctx, bit(operand(0)?)?, bit(operand(1)?)?).await?.into()),
        Op::Or(..) => Ok(bits::or(ctx, bit(operand(0)?)?, bit(operand(1)?)?).await?.into()),
        Op::Xor(..) => Ok(bit(operand(0)?)?.xor(bit(operand(1)?)?).into()),
        Op::Not(_) => Ok(bit(operand(0)?)?.not(ctx.seat()).into()),
        Op::BitToArithmetic { ring: RingSize::Z64, .. } => {
            Ok(convert::one_bit_to_arithmetic::<u64>(ctx, bit(operand(0)?)?).await?.into())
        }
        Op::BitToArithmetic { ring: RingSize::Z128, .. } => {
            Ok(convert::one_bit_to_arithmetic::<u128>(ctx, bit(operand(0)?)?).await?.into())
        }
        Op::Select { .. } => match (operand(1)?, operand(2)?) {
            (Column::U64(x), Column::U64(y)) => {
                Ok(select::select(ctx, bit(operand(0)?)?, x, y).await?.into())
            }
            (Column::U128(x), Column::U128(y)) => {
                Ok(select::select(ctx, bit(operand(0)?)?, x, y).await?.into())
            }
            (Column::U32(_) | Column::U64(_) | Column::U128(_) | Column::Bits(_), _) => Err(wrong_kind()),
        },
        Op::Divide { numerator_bits, denominator_bits, .. } => {
            divide(ctx, operand(0)?, operand(1)?, *numerator_bits, *denominator_bits).await
        }
    }
}

async fn divide(
    ctx: &Context,
    x: &Column,
    y: &Column,
    numerator_bits: u32,
    denominator_bits: u32,
) -> Result<Column> {
    match (x, y) {
        (Column::U64(x), Column::U64(y)) => {
            Ok(divide_signed(ctx, x, y, numerator_bits, denominator_bits).await?.into())
        }
        (Column::U128(x), Column::U128(y)) => {
            Ok(divide_signed(ctx, x, y, numerator_bits, denominator_bits).await?.into())
        }
        (Column::U32(_) | Column::U64(_) | Column::U128(_) | Column::Bits(_), _) => Err(wrong_kind()),
    }
}

fn wrong_kind() -> Error {
    Error::internal("compute", "an operand has another kind than its op")
}

fn bit(column: &Column) -> Result<&SharedBits> {
    match column {
        Column::Bits(bits) if bits.width() == 1 => Ok(bits),
        Column::U32(_) | Column::U64(_) | Column::U128(_) | Column::Bits(_) => Err(wrong_kind()),
    }
}

fn constant(seat: Seat, value: i128, ring: RingSize, rows: usize) -> Column {
    match ring {
        RingSize::Z64 => Shared::<u64>::zeros(rows).add_constant(seat, u64::from_i128(value)).into(),
        RingSize::Z128 => Shared::<u128>::zeros(rows).add_constant(seat, u128::from_i128(value)).into(),
    }
}

fn public(seat: Seat, values: &[i128], ring: RingSize) -> Column {
    fn shared<R: Ring>(seat: Seat, values: &[i128]) -> Shared<R> {
        Shared::from_public(seat, &values.iter().map(|&value| R::from_i128(value)).collect::<Vec<_>>())
    }
    match ring {
        RingSize::Z64 => shared::<u64>(seat, values).into(),
        RingSize::Z128 => shared::<u128>(seat, values).into(),
    }
}

async fn arithmetic<R: Ring>(ctx: &Context, op: &Op, x: &Shared<R>, y: &Shared<R>) -> Result<Shared<R>> {
    if let Op::Add(..) = op {
        Ok(x.add(y))
    } else if let Op::Subtract(..) = op {
        Ok(x.sub(y))
    } else {
        Ok(product::mul(ctx, x, y).await?)
    }
}

/// Ops of one number.
#[expect(clippy::wildcard_enum_match_arm, reason = "the caller passes these ops alone")]
async fn of_one<R: Ring>(ctx: &Context, op: &Op, x: &Shared<R>) -> Result<Column>
where
    Column: From<Shared<R>>,
{
    match op {
        Op::Scale(_, factor) => Ok(x.scale(R::from_i128(*factor)).into()),
        Op::Offset(_, term) => Ok(x.clone().add_constant(ctx.seat(), R::from_i128(*term)).into()),
        Op::Negative { bits, .. } => Ok(compare::is_negative(ctx, x, (*bits).min(R::BITS)).await?.into()),
        Op::Zero { bits, .. } => {
            Ok(compare::equal(ctx, x, &Shared::zeros(x.len()), (*bits).min(R::BITS)).await?.into())
        }
        Op::DivideByConstant { divisor, rounding, bits, .. } => {
            Ok(divide_by_constant(ctx, x, *divisor, *rounding, *bits).await?.into())
        }
        Op::ToPlanes { bits, .. } => Ok(convert::bits_of(ctx, x, (*bits).min(R::BITS)).await?.into()),
        Op::Widen(_) => Ok(convert_widen(ctx, x).await?.into()),
        Op::Narrow(_) => Ok(x.narrow::<u64>().into()),
        _ => Err(wrong_kind()),
    }
}

async fn convert_widen<R: Ring>(ctx: &Context, x: &Shared<R>) -> Result<Shared<u128>> {
    Ok(truncate::widen::<R, u128>(ctx, x).await?)
}

/// x / divisor, for |x| < 2^bits.
async fn divide_by_constant<R: Ring>(
    ctx: &Context,
    x: &Shared<R>,
    divisor: i128,
    rounding: Rounding,
    bits: u32,
) -> Result<Shared<R>> {
    // Halves away from zero: the quotient of 2|x| + d by 2d, with the sign of x.
    let doubled = i32::from(rounding == Rounding::Nearest);
    let fits = divisor > 0 && divisor.leading_zeros() > 128 - R::BITS + 6 && bits + 5 <= R::BITS;
    if !fits {
        return Err(Error::internal("compute", "a division by a constant is out of its domain"));
    }
    let (magnitude, negative) = select::abs(&ctx.step("sign"), x, bits + 1).await?;
    let magnitude = match rounding {
        Rounding::Truncate => magnitude,
        Rounding::Nearest => {
            magnitude.scale(R::ONE.plus(R::ONE)).add_constant(ctx.seat(), R::from_i128(divisor))
        }
    };
    let quotient =
        divide::divide_by_public(&ctx.step("quotient"), &magnitude, R::from_i128(divisor << doubled)).await?;
    signed(&ctx.step("apply"), &quotient, &negative).await
}

/// The magnitude with its sign; `negative` is 0 or 1.
async fn signed<R: Ring>(ctx: &Context, magnitude: &Shared<R>, negative: &Shared<R>) -> Result<Shared<R>> {
    let sign = negative.scale(R::from_i128(-2)).add_constant(ctx.seat(), R::ONE);
    Ok(product::mul(ctx, magnitude, &sign).await?)
}

/// Numerator / denominator, truncated towards zero; 0 where the denominator is 0.
async fn divide_signed<R: Ring>(
    ctx: &Context,
    numerator: &Shared<R>,
    denominator: &Shared<R>,
    numerator_bits: u32,
    denominator_bits: u32,
) -> Result<Shared<R>> {
    let quotient = async {
        let (magnitude, negative) = select::abs(&ctx.step("sign"), denominator, denominator_bits + 1).await?;
        let step = ctx.step("quotient");
        let widths = Widths { numerator: numerator_bits, divisor: denominator_bits };
        let quotient = divide::divide(&step, numerator, &magnitude, widths).await?;
        signed(&ctx.step("apply"), &quotient, &negative).await
    };
    let defined = async {
        let none = Shared::zeros(denominator.len());
        let zero = compare::equal(&ctx.step("zero"), denominator, &none, denominator_bits + 1).await?;
        Ok::<_, Error>(zero.not(ctx.seat()))
    };
    let (quotient, defined) = futures::try_join!(quotient, defined)?;
    Ok(select::mul_by_bit(&ctx.step("defined"), &defined, &quotient).await?)
}

#[cfg(test)]
mod tests;

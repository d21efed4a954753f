//! Programs without operations that no output needs.

use crate::plan::{Op, Reg};

/// The operations that `roots` need, renumbered, and the new registers of the roots.
pub(crate) fn prune(ops: &[Op], roots: &[Reg]) -> (Vec<Op>, Vec<Reg>) {
    let mut needed = vec![false; ops.len()];
    for root in roots {
        if let Some(flag) = needed.get_mut(root.0) {
            *flag = true;
        }
    }
    for index in (0..ops.len()).rev() {
        if needed.get(index) == Some(&true)
            && let Some(op) = ops.get(index)
        {
            for reg in op.operands() {
                if let Some(flag) = needed.get_mut(reg.0) {
                    *flag = true;
                }
            }
        }
    }
    let mut renumbered = vec![Reg(0); ops.len()];
    let mut kept = Vec::new();
    for (index, (op, needed)) in ops.iter().zip(&needed).enumerate() {
        if *needed {
            if let Some(slot) = renumbered.get_mut(index) {
                *slot = Reg(kept.len());
            }
            kept.push(map(op, &|reg| renumbered.get(reg.0).copied().unwrap_or(reg)));
        }
    }
    let roots = roots.iter().map(|reg| renumbered.get(reg.0).copied().unwrap_or(*reg)).collect();
    (kept, roots)
}

fn map(op: &Op, to: &dyn Fn(Reg) -> Reg) -> Op {
    match *op {
        Op::Column(_) | Op::Constant { .. } | Op::ConstantBit(_) | Op::Public { .. } | Op::PublicBit(_) => {
            op.clone()
        }
        Op::Add(x, y) => Op::Add(to(x), to(y)),
        Op::Subtract(x, y) => Op::Subtract(to(x), to(y)),
        Op::Multiply(x, y) => Op::Multiply(to(x), to(y)),
        Op::And(x, y) => Op::And(to(x), to(y)),
        Op::Or(x, y) => Op::Or(to(x), to(y)),
        Op::Xor(x, y) => Op::Xor(to(x), to(y)),
        Op::Scale(x, factor) => Op::Scale(to(x), factor),
        Op::Offset(x, by) => Op::Offset(to(x), by),
        Op::Widen(x) => Op::Widen(to(x)),
        Op::Narrow(x) => Op::Narrow(to(x)),
        Op::Not(x) => Op::Not(to(x)),
        Op::Negative { x, bits } => Op::Negative { x: to(x), bits },
        Op::Zero { x, bits } => Op::Zero { x: to(x), bits },
        Op::DivideByConstant { x, divisor, rounding, bits } => {
            Op::DivideByConstant { x: to(x), divisor, rounding, bits }
        }
        Op::DivideByRoot { x, y, levels, quotient_bits, fraction } => {
            Op::DivideByRoot { x: to(x), y: to(y), levels, quotient_bits, fraction }
        }
        Op::ToPlanes { x, bits } => Op::ToPlanes { x: to(x), bits },
        Op::BitToArithmetic { bit, ring } => Op::BitToArithmetic { bit: to(bit), ring },
        Op::Select { bit, then, otherwise } => {
            Op::Select { bit: to(bit), then: to(then), otherwise: to(otherwise) }
        }
        Op::Divide { numerator, denominator, numerator_bits, denominator_bits } => Op::Divide {
            numerator: to(numerator),
            denominator: to(denominator),
            numerator_bits,
            denominator_bits,
        },
    }
}

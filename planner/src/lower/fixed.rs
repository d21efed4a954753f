//! Numbers of different scales together, quotients and roundings of doubles in fixed point.

use super::failure;
use super::program::Program;
use super::scale::{common_scale, factor, worth};
use super::value::Number;
use crate::Result;
use crate::plan::{Range, Reg, Rounding, Scale};

/// Two numbers in one scale.
pub(crate) fn align(program: &mut Program, a: &Number, b: &Number) -> Result<(Reg, Reg, Scale)> {
    let scale = common_scale(a.scale, b.scale);
    Ok((rescaled(program, a, scale)?, rescaled(program, b, scale)?, scale))
}

/// The integers of a number in another scale: exactly in a finer one, to the nearest otherwise (doubles only).
#[expect(clippy::cast_possible_truncation, reason = "below 2^33")]
pub(crate) fn rescaled(program: &mut Program, number: &Number, scale: Scale) -> Result<Reg> {
    if let Some(factor) = factor(number.scale, scale) {
        return program.scale(number.reg, factor);
    }
    let Scale::Step(step) = scale else { return Err(failure::bounds("a value in a coarser unit")) };
    // ratio = top / 2^shift with 31 significant bits.
    let ratio = worth(number.scale) / step;
    let shift = 31 - ratio.log2().floor() as i64;
    if !(0..=100).contains(&shift) {
        return Err(failure::bounds("a value in another unit"));
    }
    let top = (ratio * 2_f64.powi(i32::try_from(shift).unwrap_or(0))).round() as i128;
    let reg = program.scale(number.reg, top)?;
    program.divide_by(reg, 1 << shift, Rounding::Nearest)
}

/// A quotient of doubles in fixed point, to the nearest.
///
/// `fraction`: how many bits below the unit, as far as `Z_2^128` has room; `most`: a bound on the magnitude of the quotient in units.
pub(crate) fn quotient(
    program: &mut Program,
    a: &Number,
    b: &Number,
    fraction: u32,
    most: Option<i128>,
) -> Result<(Reg, Scale)> {
    if program.range(b.reg).lo < 0 {
        let negative = program.negative(b.reg);
        let (minus_a, minus_b) = (program.scale(a.reg, -1)?, program.scale(b.reg, -1)?);
        let top = program.select(negative, minus_a, a.reg)?;
        let bottom = program.select(negative, minus_b, b.reg)?;
        return fixed(program, Number { reg: top, ..*a }, Number { reg: bottom, ..*b }, fraction, most);
    }
    fixed(program, *a, *b, fraction, most)
}

fn fixed(
    program: &mut Program,
    a: Number,
    b: Number,
    fraction: u32,
    most: Option<i128>,
) -> Result<(Reg, Scale)> {
    let (top, bottom) = (program.range(a.reg).bits(), program.range(b.reg).bits());
    let room = 122_u32.saturating_sub(top.max(bottom));
    let fraction = fraction.min(room);
    let grown = program.scale(a.reg, 1_i128 << fraction)?;
    let within = most.and_then(|most| most.checked_add(1)?.checked_mul(1 << fraction));
    let reg = program.divide_nearest(grown, b.reg, within.map(|most| Range { lo: -most, hi: most }))?;
    let unit = worth(a.scale) / worth(b.scale) / 2_f64.powi(i32::try_from(fraction).unwrap_or(0));
    Ok((reg, Scale::Step(unit)))
}

/// A double to so many decimal places, halves away from zero.
#[expect(clippy::cast_possible_truncation, reason = "checked to be below 2^90")]
pub(crate) fn rounded(program: &mut Program, value: &Number, places: i32) -> Result<Number> {
    let step = 10_f64.powi(-places);
    let ratio = step / worth(value.scale);
    let whole = ratio.round();
    // A unit that is no divisor of the step is divided finer first, so that the quotient is off by 2^-20 of it at most.
    let finer = if (ratio - whole).abs() <= whole * 1e-12 && whole >= 1.0 { 0 } else { 20 };
    let divisor = (ratio * 2_f64.powi(finer)).round();
    if !(1.0..2_f64.powi(90)).contains(&divisor) {
        return Err(failure::not_built("round() to finer steps than the value has"));
    }
    let reg = program.scale(value.reg, 1 << finer)?;
    let reg = program.divide_by(reg, divisor as i128, Rounding::Nearest)?;
    Ok(Number { reg, known: value.known, scale: Scale::Step(step) })
}

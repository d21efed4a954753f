//! What regressions other than the LASSO demand of their variables: ranges that the secure core can hold.

use super::failure;
use super::term::Term;
use crate::Result;
use crate::plan::{Family, Range, RingSize, Scale};

/// Bits of a variable about zero and of the number of rows, together: what the standard errors have room for.
const REGRESSION_BITS: u32 = 44;
/// Bits of a feature about zero, half those of the number of rows, and those of the number of parameters: what the
/// standard error of the intercept has room for.
const MEANS_BITS: u32 = 37;
/// Bits of a feature about its middle and half those of the number of rows: what hazard ratios have room for.
const HAZARD_BITS: u32 = 32;
/// The most rows of a model that reads rows, in bits.
const ROW_BITS: u32 = 20;
/// The most values of standardised rows.
const MAX_VALUES: u64 = 1 << 24;
/// A penalty of a logistic model is below this, by the step of each feature.
const LARGEST_WEIGHT: f64 = 1_099_511_627_776.0;
/// A penalty has at least this many binary digits in squared steps of a feature; at most so many are added for it.
const PENALTY_BITS: i32 = 20;
const MOST_DIGITS: i32 = 14;

/// The ring of the columns of a regression, whose penalty may be added to the squares of the features, and whose target must be what the family takes.
///
/// # Errors
/// Invalid: a target of another kind, too many rows for what is built. Refused: domains that are too wide.
pub(super) fn regression_ring(
    family: Family,
    penalty: f64,
    in_squares: bool,
    features: &[Term],
    target: &Term,
    bound: u64,
) -> Result<RingSize> {
    check_target(family, target)?;
    let steps = features.iter().map(|term| super::scale::worth(term.scale));
    if family == Family::Logistic && steps.into_iter().any(|step| penalty / step >= LARGEST_WEIGHT) {
        return Err(failure::invalid(format!("a penalty of {penalty} is too large for these features")));
    }
    let row_bits = u64::BITS - bound.leading_zeros();
    // The penalty of standardised features, or of absolute coefficients, is no part of the squares.
    let added = if in_squares { penalty } else { 0.0 };
    let (digits, squares) = penalty_bits(family, added, features);
    let mut widest = 0;
    let parameters = usize::BITS - features.len().leading_zeros();
    let means = row_bits.div_ceil(2) + parameters + 1;
    for term in features {
        if penalty == 0.0 && about_zero(term) + means > MEANS_BITS {
            return Err(failure::bounds(format!("the intercept's standard error with `{}`", term.name)));
        }
    }
    for term in features.iter().chain([target]) {
        let bits = about_zero(term) + digits + u32::from(added > 0.0);
        if bits + row_bits > REGRESSION_BITS {
            return Err(failure::bounds(format!("the regression on `{}` over {bound} rows", term.name)));
        }
        widest = widest.max(term.bits());
    }
    if squares + row_bits > REGRESSION_BITS {
        return Err(failure::invalid(format!("a penalty of {penalty} is too large for these features")));
    }
    if family == Family::Linear {
        return Ok(if 2 * widest + row_bits > 62 { RingSize::Z128 } else { RingSize::Z64 });
    }
    let values = bound.saturating_mul(features.len() as u64 + 1);
    if row_bits > ROW_BITS || values > MAX_VALUES {
        return Err(failure::not_built(format!(
            "a logistic or Poisson regression of {} terms over {bound} rows",
            features.len()
        )));
    }
    Ok(RingSize::Z128)
}

/// The ring of the columns of proportional hazards.
///
/// # Errors
/// As [`regression_ring`].
pub(super) fn cox_ring(features: &[Term], event: &Term, bound: u64) -> Result<RingSize> {
    check_target(Family::Cox, event)?;
    let row_bits = u64::BITS - bound.leading_zeros();
    for term in features {
        if term.bits() + row_bits.div_ceil(2) > HAZARD_BITS {
            return Err(failure::bounds(format!("the hazard ratio of `{}` over {bound} rows", term.name)));
        }
    }
    let values = bound.saturating_mul(features.len() as u64 + 1);
    if row_bits > ROW_BITS || values > MAX_VALUES {
        return Err(failure::not_built(format!(
            "proportional hazards of {} terms over {bound} rows",
            features.len()
        )));
    }
    Ok(RingSize::Z128)
}

fn check_target(family: Family, target: &Term) -> Result<()> {
    let fits = match family {
        Family::Lasso | Family::Linear => true,
        Family::Logistic | Family::Cox => {
            target.scale == Scale::Unit && target.range == (Range { lo: 0, hi: 1 })
        }
        Family::Poisson => target.scale == Scale::Unit && target.range.lo >= 0,
    };
    if fits {
        return Ok(());
    }
    let wanted = match family {
        Family::Logistic | Family::Cox => "BOOLEAN, or an integer declared with bounds = [0, 1]",
        Family::Lasso | Family::Linear | Family::Poisson => "an integer declared with bounds of at least 0",
    };
    let what = if family == Family::Cox { "event" } else { "target" };
    Err(failure::invalid(format!("the {what} `{}` must be {wanted}", target.name)))
}

/// Bits of the integers of a variable about zero.
fn about_zero(term: &Term) -> u32 {
    let middle = term.middle().unsigned_abs();
    let far = u128::BITS - middle.leading_zeros();
    if middle == 0 { term.bits() } else { term.bits().max(far) + 1 }
}

/// How many binary digits a penalty adds to all integers, and half the bits of its largest weight in squared steps.
fn penalty_bits(family: Family, penalty: f64, features: &[Term]) -> (u32, u32) {
    if penalty <= 0.0 {
        return (0, 0);
    }
    let weight = if family == Family::Linear { 1.0 } else { 4.0 };
    let squares = features.iter().map(|term| {
        let step = super::scale::worth(term.scale);
        (weight * penalty / step / step).log2()
    });
    let (least, most) = squares
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), bits| (least.min(bits), most.max(bits)));
    #[expect(clippy::cast_possible_truncation, reason = "within bounds")]
    let digits = (((f64::from(PENALTY_BITS) - least) / 2.0).ceil().clamp(0.0, f64::from(MOST_DIGITS))) as i32;
    #[expect(clippy::cast_possible_truncation, reason = "within bounds")]
    let half = ((most / 2.0).ceil().clamp(0.0, 1000.0)) as i32 + digits + 3;
    (digits.unsigned_abs(), half.unsigned_abs())
}

//! Public real parameters as exact binary numbers.

/// A public number `mantissa * 2^exponent >= 0`, the mantissa in `[2^63, 2^64)` or zero.
///
/// Steps and penalties arrive as `f64`. They meet shares as integers only, and every party must derive the same
/// integer, so they are taken apart once, here, and all further arithmetic on them is on integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    mantissa: u64,
    exponent: i32,
}

impl Scale {
    /// Zero.
    pub const ZERO: Scale = Scale { mantissa: 0, exponent: 0 };

    /// The exact value of `value`; none if it is negative or not finite.
    pub fn from_f64(value: f64) -> Option<Scale> {
        let bits = value.to_bits();
        let (fraction, biased) = (bits & ((1 << 52) - 1), bits >> 52);
        if value.is_nan() || biased == 0x7ff || (value.is_sign_negative() && bits << 1 != 0) {
            return None;
        }
        let biased = i32::try_from(biased & 0x7ff).ok()?;
        let (mantissa, exponent) =
            if biased == 0 { (fraction, -1074) } else { (fraction | 1 << 52, biased - 1075) };
        Some(Scale::normal(u128::from(mantissa), exponent))
    }

    /// The product, rounded down to 64 bits.
    #[must_use]
    pub fn times(self, other: Scale) -> Scale {
        Scale::normal(u128::from(self.mantissa) * u128::from(other.mantissa), self.exponent + other.exponent)
    }

    /// The quotient, rounded down to at least 63 bits; none if `divisor` is zero.
    pub fn over(self, divisor: Scale) -> Option<Scale> {
        let quotient = (u128::from(self.mantissa) << 64).checked_div(u128::from(divisor.mantissa))?;
        Some(Scale::normal(quotient, self.exponent - divisor.exponent - 64))
    }

    /// The floor of `self * 2^shift`, or `cap` if that is smaller.
    pub fn to_fixed(self, shift: i32, cap: u128) -> u128 {
        let (mantissa, shift) = (u128::from(self.mantissa), self.exponent + shift);
        if mantissa == 0 || shift <= -64 {
            0
        } else if shift <= 0 {
            (mantissa >> shift.unsigned_abs()).min(cap)
        } else if shift < 64 {
            (mantissa << shift).min(cap)
        } else {
            cap
        }
    }

    fn normal(mantissa: u128, exponent: i32) -> Scale {
        if mantissa == 0 {
            return Scale::ZERO;
        }
        let top = 127 - mantissa.leading_zeros().cast_signed();
        let word = if top >= 63 { mantissa >> (top - 63) } else { mantissa << (63 - top) };
        Scale { mantissa: u64::try_from(word).unwrap_or(u64::MAX), exponent: exponent + top - 63 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(value: f64) -> Scale {
        Scale::from_f64(value).unwrap()
    }

    #[test]
    fn doubles_are_exact() {
        assert_eq!(scale(1.0).to_fixed(0, u128::MAX), 1);
        assert_eq!(scale(0.75).to_fixed(2, u128::MAX), 3);
        assert_eq!(scale(1e6).to_fixed(0, u128::MAX), 1_000_000);
        assert_eq!(scale(0.0), Scale::ZERO);
        assert_eq!(scale(-0.0), Scale::ZERO);
        assert_eq!(scale(f64::from_bits(1)).to_fixed(1074, u128::MAX), 1);
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Scale::from_f64(bad), None);
        }
    }

    #[test]
    fn arithmetic_rounds_down() {
        assert_eq!(scale(6.0).over(scale(3.0)).unwrap(), scale(2.0));
        assert_eq!(scale(1.0).over(scale(3.0)).unwrap().to_fixed(10, u128::MAX), 341);
        assert_eq!(scale(1.0).over(Scale::ZERO), None);
        assert_eq!(scale(0.5).times(scale(10.0)), scale(5.0));
    }

    #[test]
    fn large_values_are_capped() {
        assert_eq!(scale(1e300).to_fixed(0, 7), 7);
        assert_eq!(scale(3.0).to_fixed(126, 1 << 100), 1 << 100);
        assert_eq!(scale(1e-300).to_fixed(100, 7), 0);
    }
}

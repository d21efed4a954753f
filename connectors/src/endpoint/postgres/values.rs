//! Values of parameters, as the protocol carries them, as SQL constants.

use pgwire::api::Type;
use pgwire::api::portal::Format;
use pgwire::api::results::FieldFormat;
use prost::bytes::{Buf as _, Bytes};

use crate::endpoint::literal::quoted;
use crate::endpoint::{Error, Result};

/// The constants of all parameters. `kinds` are their types as far as anybody has said.
pub(super) fn constants(values: &[Option<Bytes>], format: &Format, kinds: &[Type]) -> Result<Vec<String>> {
    let one = |(index, value): (usize, &Option<Bytes>)| {
        let kind = kinds.get(index).unwrap_or(&Type::UNKNOWN);
        match value {
            None => Ok("NULL".to_owned()),
            Some(bytes) if format.format_for(index) == FieldFormat::Binary => binary(bytes, kind),
            Some(bytes) => {
                let text = std::str::from_utf8(bytes).map_err(|_| wrong(index, "UTF-8"))?;
                self::text(text, kind).ok_or_else(|| wrong(index, kind.name()))
            }
        }
    };
    values.iter().enumerate().map(one).collect()
}

fn wrong(index: usize, kind: &str) -> Error {
    Error::invalid(format!("the value of ${} is no {kind}", index + 1))
}

/// A value in text.
fn text(text: &str, kind: &Type) -> Option<String> {
    let number = || text.trim().parse::<f64>().is_ok_and(f64::is_finite).then(|| text.trim().to_owned());
    match *kind {
        Type::BOOL => match text.trim().to_lowercase().as_str() {
            "t" | "true" | "1" | "on" | "yes" => Some("TRUE".to_owned()),
            "f" | "false" | "0" | "off" | "no" => Some("FALSE".to_owned()),
            _ => None,
        },
        Type::INT2 | Type::INT4 | Type::INT8 => {
            text.trim().parse::<i64>().ok().map(|value| value.to_string())
        }
        Type::FLOAT4 | Type::FLOAT8 => number().map(|text| exponent(&text)),
        Type::NUMERIC => number(),
        Type::DATE => Some(format!("DATE {}", quoted(text))),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => Some(format!("TIMESTAMP {}", quoted(text))),
        _ => Some(quoted(text)),
    }
}

/// A number that is a DOUBLE in SQL.
fn exponent(number: &str) -> String {
    if number.contains(['e', 'E']) { number.to_owned() } else { format!("{number}e0") }
}

/// A value in the binary form of its type.
fn binary(mut bytes: &[u8], kind: &Type) -> Result<String> {
    let length = |_| Error::invalid(format!("a binary {} has another length", kind.name()));
    let constant = match *kind {
        Type::BOOL => if bytes.try_get_u8().map_err(length)? == 0 { "FALSE" } else { "TRUE" }.to_owned(),
        Type::INT2 => bytes.try_get_i16().map_err(length)?.to_string(),
        Type::INT4 => bytes.try_get_i32().map_err(length)?.to_string(),
        Type::INT8 => bytes.try_get_i64().map_err(length)?.to_string(),
        Type::FLOAT4 => finite(bytes.try_get_f32().map_err(length)?.into())?,
        Type::FLOAT8 => finite(bytes.try_get_f64().map_err(length)?)?,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
            let text = std::str::from_utf8(bytes).map_err(|_| Error::invalid("a text is not UTF-8"))?;
            return Ok(quoted(text));
        }
        _ => {
            let message = format!("binary values of type {} are not supported", kind.name());
            return Err(Error::unsupported(message).with_hint("send them as text"));
        }
    };
    if bytes.is_empty() {
        Ok(constant)
    } else {
        Err(Error::invalid(format!("a binary {} is too long", kind.name())))
    }
}

fn finite(value: f64) -> Result<String> {
    if value.is_finite() {
        Ok(format!("{value:e}"))
    } else {
        Err(Error::invalid(format!("{value} cannot be a parameter")))
    }
}

#[cfg(test)]
#[expect(clippy::big_endian_bytes, reason = "the protocol's order of bytes")]
mod tests {
    use super::*;

    #[test]
    fn texts_become_constants_of_their_type_and_nothing_else() {
        let of = |value: &str, kind: Type| text(value, &kind);
        assert_eq!(of("42", Type::INT4).unwrap(), "42");
        assert_eq!(of("42; DROP", Type::INT4), None);
        assert_eq!(of("0.5", Type::FLOAT8).unwrap(), "0.5e0");
        assert_eq!(of("1) OR (1", Type::NUMERIC), None);
        assert_eq!(of("t", Type::BOOL).unwrap(), "TRUE");
        assert_eq!(of("x'y", Type::UNKNOWN).unwrap(), "'x''y'");
        assert_eq!(of("2020-01-01", Type::DATE).unwrap(), "DATE '2020-01-01'");
    }

    #[test]
    fn binary_values_are_read_by_their_type() {
        assert_eq!(binary(&7_i32.to_be_bytes(), &Type::INT4).unwrap(), "7");
        assert_eq!(binary(&0.1_f64.to_be_bytes(), &Type::FLOAT8).unwrap(), "1e-1");
        assert_eq!(binary(b"it's", &Type::TEXT).unwrap(), "'it''s'");
        assert!(binary(&[1], &Type::INT4).is_err());
        assert!(binary(&[0; 8], &Type::NUMERIC).unwrap_err().message.contains("numeric"));
        let values = [None, Some(Bytes::from_static(b"5"))];
        let constants = constants(&values, &Format::UnifiedText, &[Type::INT4, Type::INT8]).unwrap();
        assert_eq!(constants, ["NULL", "5"]);
    }
}

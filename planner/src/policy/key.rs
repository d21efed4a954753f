//! Public keys as text: `ed25519:` and the base64 of 32 bytes.

use core::fmt;

use crate::catalog::PublicKey;

const PREFIX: &str = "ed25519:";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        for chunk in self.0.chunks(3) {
            let mut word = 0_u32;
            for i in 0..3 {
                word = word << 8 | u32::from(chunk.get(i).copied().unwrap_or(0));
            }
            for i in 0..4 {
                let symbol = ALPHABET[(word >> (18 - 6 * i) & 63) as usize];
                let shown = if i <= chunk.len() { char::from(symbol) } else { '=' };
                write!(f, "{shown}")?;
            }
        }
        Ok(())
    }
}

/// The key of a text, or what is wrong with it.
pub(super) fn parse(text: &str) -> Result<PublicKey, String> {
    let Some(body) = text.strip_prefix(PREFIX) else {
        return Err(format!("a key begins with `{PREFIX}`"));
    };
    decode(body)
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .map(PublicKey)
        .ok_or_else(|| "a key is the base64 of 32 bytes".to_owned())
}

/// Standard base64; padding may be left out, bits that say nothing must be 0.
fn decode(text: &str) -> Option<Vec<u8>> {
    let body = text.trim_end_matches('=');
    if text.len() - body.len() > 2 {
        return None;
    }
    let (mut bytes, mut word, mut bits) = (Vec::new(), 0_u32, 0_u32);
    for symbol in body.bytes() {
        let value = ALPHABET.iter().position(|s| *s == symbol)?;
        word = (word << 6 | u32::try_from(value).ok()?) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(word >> bits & 0xff).ok()?);
        }
    }
    (bits < 6 && word & ((1 << bits) - 1) == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_and_back(bytes: [u8; 32]) {
            let key = PublicKey(bytes);
            prop_assert_eq!(parse(&key.to_string()), Ok(key));
            prop_assert_eq!(parse(key.to_string().trim_end_matches('=')), Ok(key));
        }
    }

    #[test]
    fn known_text() {
        let text = "ed25519:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let key = parse(text).unwrap();
        assert_eq!(key.0[31], 31);
        assert_eq!(key.to_string(), text);
    }

    #[test]
    fn refuses_other_texts() {
        for bad in [
            "",
            "rsa:AAAA",
            "ed25519:",
            "ed25519:AAAA",
            "ed25519:A!==",
            "ed25519:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}

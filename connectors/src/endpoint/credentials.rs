//! Users, passwords and tokens.

use std::collections::BTreeMap;

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use rand::TryRng as _;

use super::error::{Error, Result};

/// Who may log in, with Argon2 hashes of their passwords.
#[derive(Clone, Default)]
pub struct Users(BTreeMap<String, String>);

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Verified for names that nobody has, so that these take as long as others.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Y29uam9pbi1ub2JvZHk$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl Users {
    /// Users by name, with hashes as [`hash_password`] writes them.
    ///
    /// # Errors
    /// Invalid: a name twice, or a text that is no such hash.
    pub fn new(users: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let mut all = BTreeMap::new();
        for (name, hash) in users {
            if PasswordHash::new(&hash).is_err() {
                return Err(Error::invalid(format!("the password_hash of user `{name}` is none"))
                    .with_hint("`conjoin flight --hash-password` writes one"));
            }
            if all.insert(name.clone(), hash).is_some() {
                return Err(Error::invalid(format!("user `{name}` is listed twice")));
            }
        }
        Ok(Self(all))
    }

    /// Whether nobody can log in: the server asks for no login.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is this user's password. Takes long on purpose.
    pub(super) fn verify(&self, name: &str, password: &str) -> bool {
        let hash = self.0.get(name);
        let parsed = PasswordHash::new(hash.map_or(NOBODY, String::as_str));
        let right =
            parsed.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        right && hash.is_some()
    }
}

/// The Argon2id hash of a password, for `password_hash` in `analyst.toml`.
///
/// # Errors
/// Invalid: an empty password. Internal: the system gives no randomness.
pub fn hash_password(password: &str) -> Result<String> {
    if password.is_empty() {
        return Err(Error::invalid("the password is empty"));
    }
    let failed = |_| Error::internal("the password cannot be hashed");
    let salt = SaltString::encode_b64(&random::<16>()?).map_err(failed)?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(failed)?;
    Ok(hash.to_string())
}

/// A text that nobody can guess: 64 hexadecimal digits.
pub(super) fn token() -> Result<String> {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    Ok(random::<32>()?.into_iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::rngs::SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|_| Error::internal("the operating system gives no randomness"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_verified_against_their_hash() {
        let hash = hash_password("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert_ne!(hash, hash_password("correct horse").unwrap());
        let users = Users::new([("ann".to_owned(), hash.clone())]).unwrap();
        assert!(users.verify("ann", "correct horse"));
        assert!(!users.verify("ann", "correct house"));
        assert!(!users.verify("bob", "correct horse"));
        assert!(!format!("{users:?}").contains("argon2"));
        assert!(Users::new([("ann".to_owned(), "secret".to_owned())]).is_err());
        assert!(Users::new([(); 2].map(|()| ("ann".to_owned(), hash.clone()))).is_err());
        assert!(hash_password("").is_err());
    }

    #[test]
    fn the_hash_of_nobody_can_be_read() {
        assert!(PasswordHash::new(NOBODY).is_ok_and(|hash| hash.hash.is_some()));
    }
}

//! Who a request comes from: headers, handshakes, connections.

use std::sync::Arc;

use arrow_flight::{BasicAuth, HandshakeRequest};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost::Message as _;
use tonic::Request;
use tonic::metadata::MetadataMap;

use crate::endpoint::session::Session;
use crate::endpoint::{Class, Desk, Error, Result};

/// Go clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    Token(String),
    Password(String, String),
}

/// Reads the `authorization` header.
///
/// # Errors
/// Unauthenticated: it says something that nobody can read.
pub(super) fn shown(headers: &MetadataMap) -> Result<Shown> {
    let Some(header) = headers.get("authorization") else { return Ok(Shown::Nothing) };
    let unreadable = || Error::new(Class::Unauthenticated, "the `authorization` header cannot be read");
    let header = header.to_str().map_err(|_| unreadable())?;
    let (scheme, value) = header.trim().split_once(' ').ok_or_else(unreadable)?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Ok(Shown::Token(value.trim().to_owned())),
        "basic" => basic(value.trim()).ok_or_else(unreadable),
        _ => Err(unreadable().with_hint("Basic and Bearer are known")),
    }
}

/// `user:password` in base 64. A password may hold colons.
fn basic(value: &str) -> Option<Shown> {
    let text = String::from_utf8(BASE64.decode(value).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(Shown::Password(user.to_owned(), password.to_owned()))
}

/// The name and password of a handshake: in its header, or, from older clients, in its payload.
///
/// # Errors
/// Unauthenticated: there are none.
pub(super) fn handshake(headers: &MetadataMap, first: Option<&HandshakeRequest>) -> Result<(String, String)> {
    if let Shown::Password(user, password) = shown(headers)? {
        return Ok((user, password));
    }
    let payload = first.map(|first| first.payload.clone()).unwrap_or_default();
    match BasicAuth::decode(payload) {
        Ok(auth) if !auth.username.is_empty() => Ok((auth.username, auth.password)),
        _ => Err(no_login()),
    }
}

/// The session that a request belongs to.
///
/// # Errors
/// Unauthenticated: a login is needed, the token is unknown or has ended, or the password is wrong.
pub(super) async fn session<T>(desk: &Arc<Desk>, request: &Request<T>) -> Result<Arc<Session>> {
    let connection = request.remote_addr().map_or_else(|| "local".to_owned(), |address| address.to_string());
    match shown(request.metadata())? {
        Shown::Token(token) => match desk.of_token(&token) {
            Some(session) => Ok(session),
            None if desk.needs_login() => {
                Err(Error::new(Class::Unauthenticated, "the token is unknown, or its session has ended")
                    .with_hint("log in again"))
            }
            None => desk.of_connection(&connection, None),
        },
        Shown::Password(user, password) => {
            let user = desk.login(&user, &password).await?;
            desk.of_connection(&connection, Some(&user))
        }
        Shown::Nothing if desk.needs_login() => Err(no_login()),
        Shown::Nothing => desk.of_connection(&connection, None),
    }
}

fn no_login() -> Error {
    Error::new(Class::Unauthenticated, "a login is needed").with_hint("give user name and password")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &str) -> Result<Shown> {
        let mut headers = MetadataMap::new();
        headers.insert("authorization", value.parse().unwrap());
        shown(&headers)
    }

    fn password(user: &str, password: &str) -> Shown {
        Shown::Password(user.to_owned(), password.to_owned())
    }

    #[test]
    fn headers_are_read_with_and_without_padding() {
        assert_eq!(header("Basic YW5uOnB3").unwrap(), password("ann", "pw"));
        assert_eq!(header("basic YW5uOnB3OjE=").unwrap(), password("ann", "pw:1"));
        assert_eq!(header("Basic YW5uOnB3OjE").unwrap(), password("ann", "pw:1"));
        assert_eq!(header("Bearer  abc").unwrap(), Shown::Token("abc".to_owned()));
        assert_eq!(shown(&MetadataMap::new()).unwrap(), Shown::Nothing);
        for wrong in ["Basic", "Basic %%%", "Basic YW5u", "Digest abc"] {
            assert_eq!(header(wrong).unwrap_err().class, Class::Unauthenticated, "{wrong}");
        }
    }

    #[test]
    fn a_handshake_may_carry_the_login_in_its_payload() {
        let auth = BasicAuth { username: "ann".to_owned(), password: "pw".to_owned() };
        let first = HandshakeRequest { protocol_version: 0, payload: auth.encode_to_vec().into() };
        let found = handshake(&MetadataMap::new(), Some(&first)).unwrap();
        assert_eq!(found, ("ann".to_owned(), "pw".to_owned()));
        assert!(handshake(&MetadataMap::new(), None).is_err());
    }
}

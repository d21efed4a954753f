//! `federation.toml`: parties, seats, analysts, shared virtual tables.

use super::document::{Entry, File, Section};
use super::key;
use super::names::{self, Named};
use crate::catalog::{Analyst, Party, PublicKey, ReleaseRules, View};
use crate::error::Result;
use crate::nearest::same_name;

/// Names of parties that SQL needs for itself.
const RESERVED: [&str; 2] = ["released", "information_schema"];

/// What `federation.toml` says, before policies.
pub(super) struct Agreed {
    pub(super) name: String,
    pub(super) parties: Vec<Party>,
    pub(super) analysts: Vec<Analyst>,
    pub(super) views: Vec<View>,
}

/// Reads the file.
pub(super) fn parse(file: File<'_>) -> Result<Agreed> {
    let root = file.parse()?;
    let top = Section::top(file, &root);
    top.only(&["version", "name", "party", "analyst", "view"])?;
    super::version(&top)?;
    let name = top.require("name")?.text()?.to_owned();
    let mut parties: Vec<Party> = Vec::new();
    for item in top.require("party")?.list()? {
        parties.push(parse_party(&item, &parties)?);
    }
    for seat in 0..3 {
        if !parties.iter().any(|party| party.seat == Some(seat)) {
            return Err(top
                .error(&format!("no party has seat {seat}"))
                .with_hint("exactly three parties compute, with `seat = 0`, `1` and `2`".to_owned()));
        }
    }
    let mut analysts: Vec<Analyst> = Vec::new();
    for item in list(&top, "analyst")? {
        analysts.push(parse_analyst(&item, &analysts)?);
    }
    let mut views: Vec<View> = Vec::new();
    for item in list(&top, "view")? {
        views.push(parse_view(&item, &views)?);
    }
    Ok(Agreed { name, parties, analysts, views })
}

fn list<'d>(top: &Section<'d>, key: &str) -> Result<Vec<Entry<'d>>> {
    top.get(key).map_or(Ok(Vec::new()), Entry::list)
}

fn parse_party(item: &Entry<'_>, earlier: &[Party]) -> Result<Party> {
    let section = item.section()?;
    section.only(&["name", "seat", "address", "key"])?;
    let entry = section.require("name")?;
    let name = entry.text()?;
    names::check(entry, name, Named::Party)?;
    names::unique(entry, name, earlier.iter().map(|p| p.name.as_str()))?;
    if RESERVED.iter().any(|reserved| same_name(reserved, name)) {
        return Err(entry.error(&format!("`{name}` is reserved")));
    }
    let seat = section.get("seat").map(|e| parse_seat(e, earlier)).transpose()?;
    let address = section.get("address").map(|e| parse_address(e, earlier)).transpose()?;
    let taken = earlier.iter().filter_map(|p| Some((p.name.as_str(), p.key?)));
    let key = section.get("key").map(|e| parse_key(e, taken)).transpose()?;
    Ok(Party {
        name: name.to_owned(),
        seat,
        address,
        key,
        release: ReleaseRules::default(),
        tables: Vec::new(),
    })
}

fn parse_seat(entry: &Entry<'_>, earlier: &[Party]) -> Result<usize> {
    let seat = usize::try_from(entry.integer(0, 2)?).unwrap_or(0);
    match earlier.iter().find(|party| party.seat == Some(seat)) {
        None => Ok(seat),
        Some(other) => Err(entry.error(&format!("seat {seat} is taken by `{}`", other.name))),
    }
}

/// `host:port`; an IPv6 address stands in brackets.
fn parse_address(entry: &Entry<'_>, earlier: &[Party]) -> Result<String> {
    let text = entry.text()?;
    let valid = text.rsplit_once(':').is_some_and(|(host, port)| {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host_valid = match bare {
            Some(v6) => v6.parse::<core::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '.'),
        };
        host_valid && port.parse::<u16>().is_ok_and(|p| p > 0) && port.chars().all(|c| c.is_ascii_digit())
    });
    if !valid {
        return Err(entry.error(&format!("`{text}` is not an address `host:port`")));
    }
    match earlier.iter().find(|party| party.address.as_deref() == Some(text)) {
        None => Ok(text.to_owned()),
        Some(other) => Err(entry.error(&format!("`{text}` is the address of `{}` too", other.name))),
    }
}

fn parse_key<'a>(
    entry: &Entry<'_>,
    taken: impl IntoIterator<Item = (&'a str, PublicKey)>,
) -> Result<PublicKey> {
    let key = key::parse(entry.text()?).map_err(|fault| entry.error(&fault))?;
    match taken.into_iter().find(|(_, other)| *other == key) {
        None => Ok(key),
        Some((other, _)) => Err(entry.error(&format!("is the key of `{other}` too"))),
    }
}

fn parse_analyst(item: &Entry<'_>, earlier: &[Analyst]) -> Result<Analyst> {
    let section = item.section()?;
    section.only(&["name", "key"])?;
    let entry = section.require("name")?;
    let name = entry.text()?;
    names::check(entry, name, Named::Party)?;
    names::unique(entry, name, earlier.iter().map(|a| a.name.as_str()))?;
    // Several may share a key: that of an endpoint which asks for all of them, each with a login of its own.
    let key = section.get("key").map(|e| parse_key(e, [])).transpose()?;
    Ok(Analyst { name: name.to_owned(), key })
}

fn parse_view(item: &Entry<'_>, earlier: &[View]) -> Result<View> {
    let section = item.section()?;
    section.only(&["name", "sql"])?;
    let entry = section.require("name")?;
    let name = entry.text()?;
    names::check(entry, name, Named::Table)?;
    names::unique(entry, name, earlier.iter().map(|v| v.name.as_str()))?;
    let sql = section.require("sql")?.text()?;
    Ok(View { name: name.to_owned(), sql: sql.to_owned() })
}

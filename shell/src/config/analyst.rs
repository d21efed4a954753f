//! `analyst.toml`: an analyst's configuration.

use std::path::{Path, PathBuf};

use connectors::endpoint::flight::Tls;

use super::document::{Document, Section};
use super::limits::LimitsFile;
use crate::error::{Failure, Result};

/// What `analyst.toml` says. Paths are resolved against its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnalystFile {
    /// The analyst's name in the federation.
    pub name: String,
    /// The federation's directory.
    pub federation: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// What a query may take.
    pub limits: LimitsFile,
    /// How its endpoints serve.
    pub flight: FlightFile,
}

/// The `[flight]` part of `analyst.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlightFile {
    /// Certificate and private key, PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Only clients with a certificate of this authority may connect.
    pub tls_client_ca: Option<PathBuf>,
    /// How many queries run at a time.
    pub max_queries: usize,
    /// Names of users, and hashes of their passwords.
    pub users: Vec<(String, String)>,
}

impl AnalystFile {
    /// Reads the file.
    ///
    /// # Errors
    /// Class invalid: missing file, broken TOML, unknown or missing key.
    pub fn read(path: &Path) -> Result<Self> {
        let document = Document::read(path)?;
        if let Some(key) = ["state", "listen", "source"].iter().find(|key| document.has(key)) {
            let message =
                format!("{}: `{key}` is for parties: this looks like a party's file", path.display());
            return Err(
                Failure::invalid(message).with_hint("an analyst's configuration is needed, analyst.toml")
            );
        }
        let top = document.top(&["name", "federation", "key", "limits", "flight"])?;
        let flight = top.table("flight", &FlightFile::KEYS)?;
        Ok(Self {
            name: top.text("name")?.to_owned(),
            federation: top.path("federation")?,
            key: top.path("key")?,
            limits: LimitsFile::of(&top)?,
            flight: flight.map_or_else(|| Ok(FlightFile::default()), |section| FlightFile::of(&section))?,
        })
    }
}

impl Default for FlightFile {
    fn default() -> Self {
        Self { tls: None, tls_client_ca: None, max_queries: Self::MAX_QUERIES, users: Vec::new() }
    }
}

impl FlightFile {
    /// How many queries run at a time where the file does not say.
    pub const MAX_QUERIES: usize = 4;

    const KEYS: [&str; 5] = ["tls_cert", "tls_key", "tls_client_ca", "max_queries", "user"];

    fn of(section: &Section<'_>) -> Result<Self> {
        let tls = match (section.optional_path("tls_cert")?, section.optional_path("tls_key")?) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => return Err(section.error("`tls_cert` needs `tls_key`")),
            (None, Some(_)) => return Err(section.error("`tls_key` needs `tls_cert`")),
        };
        let tls_client_ca = section.optional_path("tls_client_ca")?;
        if tls_client_ca.is_some() && tls.is_none() {
            return Err(section.error("`tls_client_ca` needs `tls_cert` and `tls_key`"));
        }
        let mut users = Vec::new();
        for user in section.array("user", &["name", "password_hash"])? {
            users.push((user.text("name")?.to_owned(), user.text("password_hash")?.to_owned()));
        }
        let max_queries = section.optional_count("max_queries")?.unwrap_or(Self::MAX_QUERIES);
        Ok(Self { tls, tls_client_ca, max_queries, users })
    }

    /// Reads certificate and key, if the file names them.
    ///
    /// # Errors
    /// Class invalid: a file cannot be read.
    pub fn tls(&self) -> Result<Option<Tls>> {
        let read = |path: &PathBuf| {
            let failed = |error| Failure::invalid(format!("cannot read {}: {error}", path.display()));
            std::fs::read(path).map_err(failed)
        };
        let Some((certificate, key)) = &self.tls else { return Ok(None) };
        let client_authority = self.tls_client_ca.as_ref().map(read).transpose()?;
        Ok(Some(Tls { certificate: read(certificate)?, key: read(key)?, client_authority }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flight_part_is_checked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("analyst.toml");
        let base = "name = 'alice'\nfederation = '.'\nkey = 'key.pem'\n";
        std::fs::write(
            &path,
            format!("{base}[flight]\nmax_queries = 2\n[[flight.user]]\nname = 'a'\npassword_hash = 'b'\n"),
        )
        .unwrap();
        let file = AnalystFile::read(&path).unwrap();
        assert_eq!((file.name.as_str(), file.key), ("alice", folder.path().join("key.pem")));
        assert_eq!((file.flight.max_queries, file.flight.users), (2, vec![("a".to_owned(), "b".to_owned())]));
        std::fs::write(&path, format!("{base}[flight]\ntls_cert = 'c.pem'\n")).unwrap();
        assert!(AnalystFile::read(&path).unwrap_err().message.contains("`tls_cert` needs `tls_key`"));
        std::fs::write(&path, format!("{base}state = 's'\n")).unwrap();
        assert!(AnalystFile::read(&path).unwrap_err().message.contains("looks like a party's file"));
        std::fs::write(&path, format!("{base}[flight]\ntls_crt = 'x'\n")).unwrap();
        let error = AnalystFile::read(&path).unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("did you mean `tls_cert`?"));
    }
}

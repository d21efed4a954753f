//! `analyst.toml`: an analyst's configuration.

use std::path::{Path, PathBuf};

use super::document::Document;
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
}

impl AnalystFile {
    /// Reads the file. The `[flight]` part is checked for its keys and left to the Flight SQL endpoint.
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
        let top = document.top(&["name", "federation", "key", "flight"])?;
        if let Some(flight) = top.table("flight", &["tls_cert", "tls_key", "max_queries", "user"])? {
            flight.optional_path("tls_cert")?;
            flight.optional_path("tls_key")?;
            flight.optional_count("max_queries")?;
            for user in flight.array("user", &["name", "password_hash"])? {
                user.text("name")?;
                user.text("password_hash")?;
            }
        }
        Ok(Self {
            name: top.text("name")?.to_owned(),
            federation: top.path("federation")?,
            key: top.path("key")?,
        })
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
        std::fs::write(&path, format!("{base}state = 's'\n")).unwrap();
        assert!(AnalystFile::read(&path).unwrap_err().message.contains("looks like a party's file"));
        std::fs::write(&path, format!("{base}[flight]\ntls_crt = 'x'\n")).unwrap();
        let error = AnalystFile::read(&path).unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("did you mean `tls_cert`?"));
    }
}

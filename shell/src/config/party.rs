//! `party.toml`: one party's private configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::document::Document;
use super::limits::LimitsFile;
use crate::error::{Failure, Result};

/// What `party.toml` says. Paths are resolved against its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyFile {
    /// The party's name in the federation.
    pub name: String,
    /// The federation's directory.
    pub federation: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// Where to listen, `host:port`; the federation's address if left out.
    pub listen: Option<String>,
    /// Where the party keeps what must survive a restart: used nonces, audit records.
    pub state: PathBuf,
    /// What a query may take here.
    pub limits: LimitsFile,
    /// Files of tables, by name; a table that is not named is looked for in the federation's directory.
    pub sources: BTreeMap<String, PathBuf>,
}

impl PartyFile {
    /// Reads the file.
    ///
    /// # Errors
    /// Class invalid: missing file, broken TOML, unknown or missing key.
    pub fn read(path: &Path) -> Result<Self> {
        let document = Document::read(path)?;
        let party = ["state", "listen", "source"].iter().any(|key| document.has(key));
        if !party && ["name", "federation", "key"].iter().all(|key| document.has(key)) {
            let message =
                format!("{}: `state` is missing: this looks like an analyst's file", path.display());
            return Err(Failure::invalid(message).with_hint("a party's configuration is needed, party.toml"));
        }
        let top = document.top(&["name", "federation", "key", "listen", "state", "limits", "source"])?;
        let limits = LimitsFile::of(&top)?;
        let mut sources = BTreeMap::new();
        for (table, section) in top.tables("source", &["path"])? {
            sources.insert(table.to_owned(), section.path("path")?);
        }
        let listen = top.optional_text("listen")?;
        if !listen.is_none_or(is_address) {
            return Err(top.error("`listen` must be host:port, such as \"0.0.0.0:7100\""));
        }
        Ok(Self {
            name: top.text("name")?.to_owned(),
            federation: top.path("federation")?,
            key: top.path("key")?,
            listen: listen.map(str::to_owned),
            state: top.path("state")?,
            limits,
            sources,
        })
    }
}

/// Whether a text has the form `host:port`.
fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PartyFile> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("party.toml");
        std::fs::write(&path, text).unwrap();
        let file = PartyFile::read(&path)?;
        let federation = file.federation.strip_prefix(folder.path()).map(Path::to_path_buf);
        Ok(PartyFile { federation: federation.unwrap_or(file.federation), ..file })
    }

    const GOOD: &str = "name = 'hospital'\nfederation = '..'\nkey = 'key.pem'\nstate = '/var/lib/conjoin'\n";

    #[test]
    fn paths_start_at_the_file() {
        let file = read(&format!("{GOOD}[source.claims]\npath = '/data/claims.csv'\n")).unwrap();
        assert_eq!(file.federation, Path::new(".."));
        assert_eq!(file.state, Path::new("/var/lib/conjoin"));
        assert_eq!(file.sources["claims"], Path::new("/data/claims.csv"));
        assert_eq!(file.listen, None);
    }

    #[test]
    fn limits_have_units() {
        let file = read(&format!("{GOOD}[limits]\nmemory = '4 GB'\ntime = '30s'\n")).unwrap();
        assert_eq!(file.limits.memory_bytes, Some(4_000_000_000));
        assert_eq!(file.limits.time, Some(std::time::Duration::from_secs(30)));
        let error = read(&format!("{GOOD}[limits]\nmemory = 'much'\n")).unwrap_err();
        assert!(error.message.contains("[limits]: `memory` must be a number of bytes"), "{error}");
    }

    #[test]
    fn mistakes_are_named() {
        let error = read(&format!("listn = 'x'\n{GOOD}")).unwrap_err();
        assert!(error.message.ends_with("party.toml, line 1, column 1: unknown key `listn`"), "{error}");
        assert_eq!(error.hint.as_deref(), Some("did you mean `listen`?"));
        let error = read(&format!("{GOOD}[source.claims]\nfile = 'x'\n")).unwrap_err();
        assert!(error.message.contains("line 6, column 1: [source.claims]: unknown key `file`"), "{error}");
        let error = read(&format!("listen = 'nonsense'\n{GOOD}")).unwrap_err();
        assert!(error.message.contains("party.toml: `listen` must be host:port"), "{error}");
        let error = read("name = 'a'\nfederation = '.'\nkey = 'k'\n[flight]\n").unwrap_err();
        assert!(error.message.contains("looks like an analyst's file"), "{error}");
        let error = read("name = 'hospital'").unwrap_err();
        assert!(error.message.contains("`federation` is missing"), "{error}");
        let error = read("name = ").unwrap_err();
        assert!(error.message.contains("party.toml, line 1, column 8: invalid TOML: "), "{error}");
        assert_eq!(error.class, planner::Class::Invalid);
    }
}

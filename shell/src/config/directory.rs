//! A federation's directory: `federation.toml`, `parties/<party>/policy.toml`, `parties/<party>/data/`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use planner::catalog::Federation;

use super::document::read;
use crate::error::{Failure, Result};

/// A federation read from its directory.
#[derive(Clone, Debug)]
pub struct Directory {
    root: PathBuf,
    /// The federation and its policies, validated.
    pub federation: Arc<Federation>,
}

impl Directory {
    /// Reads and validates `federation.toml` and all policies. `path` is the directory, or the file in it.
    ///
    /// # Errors
    /// Class invalid: missing or broken file, with its name and the place.
    pub fn load(path: &Path) -> Result<Self> {
        let root = if path.is_file() { path.parent().unwrap_or(Path::new("")) } else { path };
        let file = root.join("federation.toml");
        if !file.is_file() {
            return Err(Failure::invalid(format!("{} is not a federation directory", path.display()))
                .with_hint(format!("{} is missing", file.display())));
        }
        let policies = policies(root)?;
        let federation =
            planner::policy::parse(&read(&file)?, &policies).map_err(|error| named(root, error))?;
        Ok(Self { root: root.into(), federation: Arc::new(federation) })
    }

    /// All that is wrong with the files of a directory that cannot be loaded: `first`, and the faults of policies
    /// that it hides.
    pub fn faults(path: &Path, first: Failure) -> Vec<Failure> {
        let root = if path.is_file() { path.parent().unwrap_or(Path::new("")) } else { path };
        let mut faults = vec![first];
        if let (Ok(agreed), Ok(policies)) = (read(&root.join("federation.toml")), policies(root)) {
            for policy in policies {
                if let Err(error) = planner::policy::parse(&agreed, &[policy]) {
                    let fault = named(root, error);
                    if !faults.contains(&fault) {
                        faults.push(fault);
                    }
                }
            }
        }
        faults
    }

    /// Every virtual table of the federation must be a query over its tables.
    ///
    /// # Errors
    /// Class invalid, with the first that is not.
    pub fn validate_views(&self) -> Result<()> {
        planner::bind::validate_views(&self.federation).map_err(|error| self.without_policy(error))
    }

    /// The error of a virtual table, and whether that is for want of a policy.
    pub fn without_policy(&self, error: planner::Error) -> Failure {
        let text = error.message.to_lowercase();
        let missing = self.federation.parties.iter().find(|party| {
            party.tables.is_empty()
                && text.contains(&format!("{}.", party.name.to_lowercase()))
                && !self.party_folder(&party.name).join("policy.toml").exists()
        });
        let failure = Failure::from(error);
        match missing {
            Some(party) => failure.with_hint(format!("parties/{}/policy.toml is missing", party.name)),
            None => failure,
        }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder with a party's own files.
    pub fn party_folder(&self, party: &str) -> PathBuf {
        let folders = party_folders(&self.root).unwrap_or_default();
        let same = |(name, _): &(String, PathBuf)| name.to_lowercase() == party.to_lowercase();
        let found = folders.into_iter().find(same).map(|(_, folder)| folder);
        found.unwrap_or_else(|| self.root.join("parties").join(party))
    }

    /// The folder with a party's tables.
    pub fn data_folder(&self, party: &str) -> PathBuf {
        self.party_folder(party).join("data")
    }
}

/// The error, with the directory before the name of the file.
fn named(root: &Path, error: planner::Error) -> Failure {
    let failure = Failure::from(error);
    Failure { message: format!("{}/{}", root.display(), failure.message), ..failure }
}

/// The folders below `parties`, by name.
fn party_folders(root: &Path) -> Result<Vec<(String, PathBuf)>> {
    let parties = root.join("parties");
    if !parties.is_dir() {
        return Ok(Vec::new());
    }
    let failed = |error| Failure::invalid(format!("cannot read {}: {error}", parties.display()));
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(&parties).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let (true, Some(name)) = (path.is_dir(), path.file_name()) {
            folders.push((name.to_string_lossy().into_owned(), path));
        }
    }
    folders.sort();
    Ok(folders)
}

/// Every policy, with its party's name.
fn policies(root: &Path) -> Result<Vec<(String, String)>> {
    let mut policies = Vec::new();
    for (party, folder) in party_folders(root)? {
        let file = folder.join("policy.toml");
        if file.exists() {
            policies.push((party, read(&file)?));
        }
    }
    Ok(policies)
}

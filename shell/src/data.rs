//! An owner's files, read and checked against its policy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arrow::record_batch::RecordBatch;
use connectors::source::{self, Source};
use executor::Error;
use executor::admit::{Admission, Types};
use executor::party::Tables;
use executor::run::OwnTable;
use futures::future::BoxFuture;
use planner::catalog::{Federation, Party, Table};
use planner::plan::PartyId;

/// Where a party's tables are.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Files that its configuration names, by table.
    pub named: BTreeMap<String, PathBuf>,
    /// The folder of all others.
    pub folder: PathBuf,
}

impl Sources {
    /// The file or folder of a table.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn path(&self, table: &str) -> source::Result<PathBuf> {
        let same = |name: &&String| name.to_lowercase() == table.to_lowercase();
        match self.named.keys().find(same).and_then(|name| self.named.get(name)) {
            Some(path) => Ok(path.clone()),
            None => source::find(&self.folder, table),
        }
    }
}

/// Reads a table and admits it.
///
/// # Errors
/// Class source, with the owner's message: the file and what is wrong with it, or column, rule and number of rows.
pub fn load(party: &Party, table: &Table, sources: &Sources) -> Result<OwnTable, Error> {
    let name = format!("{}.{}", party.name, table.name);
    let path = sources.path(&table.name).map_err(|error| failed(&name, &error))?;
    let source = source::open(&path).map_err(|error| failed(&name, &error))?;
    admit(&name, table, source.as_ref(), &path)
}

/// The owner's message begins with the table, as those of broken rules do.
fn failed(table: &str, error: &dyn std::fmt::Display) -> Error {
    Error::source(table, format!("{table}: {error}"))
}

fn admit(name: &str, table: &Table, source: &dyn Source, path: &Path) -> Result<OwnTable, Error> {
    let types = if source.typed() { Types::Stored } else { Types::Text };
    let mut admission = Admission::new(name, table, &source.schema(), types)?;
    for batch in source.scan(admission.source_columns()).map_err(|error| failed(name, &error))? {
        let batch = batch.map_err(|error| failed(name, &error))?;
        admission.add(&batch).map_err(|error| failed(name, &format!("{}: {error}", path.display())))?;
    }
    Ok(OwnTable { schema: table.schema(), batches: admission.finish()? })
}

/// A party's tables in files: each is read and admitted when a query first needs it, and again when its files change.
#[derive(Clone)]
pub struct FileTables(Arc<Inner>);

struct Inner {
    federation: Arc<Federation>,
    party: PartyId,
    sources: Sources,
    loaded: Mutex<BTreeMap<String, Loaded>>,
}

/// A table, and how its files looked before they were read.
struct Loaded {
    files: Vec<FileState>,
    batches: Vec<RecordBatch>,
}

/// How a file looked when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FileState {
    path: PathBuf,
    length_bytes: u64,
    modified: Option<SystemTime>,
}

impl FileTables {
    /// The tables of a party; no file is read yet.
    pub fn new(federation: Arc<Federation>, party: PartyId, sources: Sources) -> Self {
        Self(Arc::new(Inner { federation, party, sources, loaded: Mutex::default() }))
    }
}

impl Inner {
    fn read(&self, name: &str) -> Result<Vec<RecordBatch>, Error> {
        let PartyId(index) = self.party;
        let party = self.federation.parties.get(index);
        let table = party.and_then(|party| party.tables.iter().find(|table| table.name == name));
        let (Some(party), Some(table)) = (party, table) else {
            return Err(Error::internal("tables", format!("`{name}` is not declared")));
        };
        // Taken first: a file that changes while it is read is read again next time.
        let files = self.sources.path(name).map(|path| states(&path)).unwrap_or_default();
        if let Some(loaded) = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(name)
            && loaded.files == files
            && !files.is_empty()
        {
            return Ok(loaded.batches.clone());
        }
        let batches = load(party, table, &self.sources)?.batches;
        let loaded = Loaded { files, batches: batches.clone() };
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), loaded);
        Ok(batches)
    }
}

/// The state of a file, or of all files of a folder.
fn states(path: &Path) -> Vec<FileState> {
    let state = |path: PathBuf| {
        let metadata = std::fs::metadata(&path).ok()?;
        Some(FileState { path, length_bytes: metadata.len(), modified: metadata.modified().ok() })
    };
    source::files(path).unwrap_or_default().into_iter().filter_map(state).collect()
}

impl Tables for FileTables {
    fn load<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<RecordBatch>, Error>> {
        let (tables, name) = (Arc::clone(&self.0), table.to_owned());
        let work = tokio::task::spawn_blocking(move || tables.read(&name));
        Box::pin(async move { work.await.map_err(|_| Error::internal("tables", "reading was aborted"))? })
    }
}

//! The federation of `tests/federations/heart`, in a folder of its own for every test.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use executor::cluster::{Cluster, ClusterOptions};
use executor::party::Tables;
use planner::plan::PartyId;
use shell::config::Directory;
use shell::data::{FileTables, Sources};
use tempfile::TempDir;

/// A copy of the federation that a test may change.
#[derive(Debug)]
pub struct Heart {
    folder: TempDir,
}

impl Heart {
    /// The federation, with this `min_people` at every owner.
    ///
    /// # Panics
    /// If a file cannot be copied.
    pub fn new(min_people: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/federations/heart")), folder.path());
        let heart = Heart { folder };
        for party in ["hospital", "insurer", "clinic"] {
            let threshold = format!("min_people = {min_people}");
            heart.edit(&format!("parties/{party}/policy.toml"), "min_people = 1", &threshold);
        }
        heart
    }

    /// Another federation, in a folder that is removed with it.
    pub fn at(folder: TempDir) -> Self {
        Heart { folder }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces text in one of its files.
    ///
    /// # Panics
    /// If the file does not contain `from`.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{file} does not contain {from:?}");
        self.write(file, &text.replace(from, to));
    }

    /// The text of one of its files.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).expect("a file of the federation")
    }

    /// Writes one of its files.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.path().join(file), text).expect("a file of the federation");
    }

    /// The federation, parsed.
    ///
    /// # Panics
    /// If it is broken.
    pub fn directory(&self) -> Directory {
        Directory::load(self.path()).unwrap_or_else(|failure| panic!("{failure:?}"))
    }

    /// All its parties, over loopback sockets.
    ///
    /// # Panics
    /// If they do not start.
    pub async fn start(&self, options: ClusterOptions) -> Cluster {
        let directory = self.directory();
        let federation = Arc::clone(&directory.federation);
        let tables = federation.parties.iter().enumerate().map(|(index, party)| {
            let sources = Sources { folder: directory.data_folder(&party.name), ..Sources::default() };
            Arc::new(FileTables::new(Arc::clone(&federation), PartyId(index), sources)) as Arc<dyn Tables>
        });
        Cluster::start(Arc::clone(&federation), tables.collect(), options).await.expect("the parties start")
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder of the federation") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}

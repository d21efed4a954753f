//! Files that configure a run: the federation's directory, `party.toml`, `analyst.toml`.

mod analyst;
mod directory;
mod document;
mod party;

pub use analyst::{AnalystFile, FlightFile};
pub use directory::Directory;
pub use party::PartyFile;

//! Files that configure a run: the federation's directory, `party.toml`, `analyst.toml`.

mod analyst;
mod directory;
mod document;
mod limits;
mod party;

pub use analyst::{AnalystFile, FlightFile};
pub use directory::Directory;
pub use limits::LimitsFile;
pub use party::PartyFile;

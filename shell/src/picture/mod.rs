//! Pictures of results: in files as SVG or PNG, in the terminal as text.
//!
//! What fits a result is recognised by the names of its columns, which are those of the table functions' outputs:
//!
//! | columns | picture |
//! |---|---|
//! | `time, survival` (`group, lower, upper`) | survival curves with steps and intervals |
//! | `alpha, term, coefficient` | the path of each coefficient over the penalty |
//! | `term, coefficient` (`lower, upper`, a ratio) | coefficients with intervals |
//! | `lower, upper, n` (`group`) | a histogram |
//! | `row, column, value` or `n` | a heat map |
//! | keys, then numbers | bars, a panel for each number |
//!
//! What is withheld is left out of curves, and marked in bars and maps. Nothing is guessed or smoothed.

mod columns;
mod draw;
mod model;
mod png;
mod text;

use std::path::Path;

use planner::bind::Title;

use crate::error::{Failure, Result};
use crate::format::ResultSet;
use crate::visible::visible;
use model::Model;

/// A picture of a result.
#[derive(Debug)]
pub struct Picture(Model);

/// A format of picture files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Lines and text, for any size.
    Svg,
    /// Pixels.
    Png,
}

impl Kind {
    /// What the extension says.
    ///
    /// # Errors
    /// Class invalid for another extension, or none.
    pub fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            Some("svg") => Ok(Kind::Svg),
            Some("png") => Ok(Kind::Png),
            _ => Err(Failure::invalid(format!("{}: the extension says no kind of picture", path.display()))
                .with_hint("use .svg or .png")),
        }
    }
}

impl Picture {
    /// The picture that fits a result. `titles` are those of its columns, for the axes; nothing where none are known.
    ///
    /// # Errors
    /// Class invalid if none does.
    pub fn of(result: &ResultSet, titles: &[Title]) -> Result<Self> {
        Model::of(result, titles).map(Picture)
    }

    /// Writes it to a new file, in place of one that is there.
    ///
    /// # Errors
    /// Class invalid if the file cannot be written or its extension says no kind of picture.
    pub fn write(&self, path: &Path) -> Result<()> {
        let bytes = match Kind::of(path)? {
            Kind::Svg => draw::svg(&self.0)?.into_bytes(),
            Kind::Png => draw::png(&self.0)?,
        };
        std::fs::write(path, bytes)
            .map_err(|error| Failure::invalid(format!("cannot write {}: {error}", path.display())))
    }

    /// As text for a terminal of this many columns.
    pub fn text(&self, width: usize) -> String {
        visible(&text::render(&self.0, width))
    }
}

#[cfg(test)]
mod tests;

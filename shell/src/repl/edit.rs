//! `\e`: the user's editor.

use std::path::PathBuf;
use std::process::Command;

use crate::error::{Failure, Result};

/// What the user has saved: of the file, or of a new one that begins with `text`.
pub(super) fn edited(path: Option<PathBuf>, text: &str) -> Result<String> {
    let failed = |error: &dyn std::fmt::Display| Failure::invalid(format!("cannot edit: {error}"));
    let temporary = tempfile::Builder::new().prefix("conjoin-").suffix(".sql").tempfile();
    let temporary = temporary.map_err(|error| failed(&error))?;
    let file = path.unwrap_or_else(|| {
        // An editor that finds nothing begins with nothing.
        let _ = std::fs::write(temporary.path(), text);
        temporary.path().to_owned()
    });
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let editor = ["VISUAL", "EDITOR"].into_iter().find_map(set);
    let editor = editor.map_or_else(|| "vi".to_owned(), |name| name.to_string_lossy().into_owned());
    let mut words = editor.split_whitespace();
    let status = Command::new(words.next().unwrap_or("vi")).args(words).arg(&file).status();
    let status = status.map_err(|error| {
        Failure::invalid(format!("cannot start the editor `{editor}`: {error}")).with_hint("set EDITOR")
    })?;
    if !status.success() {
        return Err(Failure::invalid(format!("the editor `{editor}` has failed; nothing was run")));
    }
    std::fs::read_to_string(&file).map_err(|error| failed(&error))
}

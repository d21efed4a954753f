//! The synthetic federation of `conjoin demo`: a hospital, an insurer, and a helper without tables.

mod clear;
mod compare;
mod generate;
mod guide;
mod lasso;
mod policy;
mod tour;

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use parquet::arrow::ArrowWriter;

pub use guide::{check, tour};
pub use tour::{Expectation, Stop, TOUR};

/// Writes the federation directory: `federation.toml`, the owners' policies, and their data as Parquet.
///
/// The same `rows` and `seed` give the same bytes of data. `rows` is the number of patients of each owner; about 80% of
/// them are patients of both.
///
/// # Errors
/// If a folder or file cannot be written.
pub fn write(dir: &Path, rows: usize, seed: u64) -> anyhow::Result<()> {
    let patients = generate::patients(rows, seed);
    let tables = [
        ("hospital", "lifestyle", policy::hospital(rows), generate::lifestyle(&patients)?),
        ("insurer", "claims", policy::insurer(rows), generate::claims(&patients)?),
    ];
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    write_text(&dir.join("federation.toml"), policy::FEDERATION)?;
    for (party, table, policy, batch) in tables {
        let party_dir = dir.join("parties").join(party);
        let data = party_dir.join("data");
        fs::create_dir_all(&data).with_context(|| format!("cannot create {}", data.display()))?;
        write_text(&party_dir.join("policy.toml"), &policy)?;
        let path = data.join(format!("{table}.parquet"));
        let file = fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None)?;
        writer.write(&batch)?;
        writer.close()?;
    }
    Ok(())
}

/// Whether `dir` holds a federation that [`write()`] wrote, which may be written again.
pub fn is_demo(dir: &Path) -> bool {
    fs::read_to_string(dir.join("federation.toml")).is_ok_and(|text| text == policy::FEDERATION)
}

fn write_text(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_writes_the_same_files() {
        let (first, second, other) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(first.path(), 50, 7).unwrap();
        write(second.path(), 50, 7).unwrap();
        write(other.path(), 50, 8).unwrap();
        let read = |dir: &Path| fs::read(dir.join("parties/hospital/data/lifestyle.parquet")).unwrap();
        assert_eq!(read(first.path()), read(second.path()));
        assert_ne!(read(first.path()), read(other.path()));
    }
}

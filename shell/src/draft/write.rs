//! The files of a drafted federation.

use std::fs;
use std::path::Path;

use super::column::toml_string;
use super::{Draft, MIN_PEOPLE, Owner};
use crate::error::{Failure, Result};

/// How many parties compute.
const SEATS: usize = 3;

pub(super) fn directory(draft: &Draft, dir: &Path) -> Result<()> {
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(
            Failure::invalid(format!("{} is not empty", dir.display())).with_hint("choose a new directory")
        );
    }
    federation_file(draft, dir)?;
    for owner in &draft.owners {
        let folder = dir.join("parties").join(&owner.name);
        text(&folder.join("policy.toml"), &policy(owner))?;
        for table in &owner.tables {
            let extension =
                table.file.extension().map_or_else(|| "csv".into(), |e| e.to_string_lossy().to_lowercase());
            let copy = folder.join("data").join(format!("{}.{extension}", table.name));
            parent(&copy)?;
            fs::copy(&table.file, &copy).map_err(|error| failed(&copy, &error))?;
        }
    }
    Ok(())
}

pub(super) fn federation_file(draft: &Draft, dir: &Path) -> Result<()> {
    text(&dir.join("federation.toml"), &federation(draft))
}

fn text(path: &Path, text: &str) -> Result<()> {
    parent(path)?;
    fs::write(path, text).map_err(|error| failed(path, &error))
}

fn parent(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::invalid(format!("cannot write {}: {error}", path.display()))
}

/// `federation.toml`: the owners, and helpers for the seats that are left.
fn federation(draft: &Draft) -> String {
    let mut text = String::from(
        "# What all parties of this federation agree on. A draft: read it, change it, give everyone the same copy.\n\
         version = 1\nname = \"draft\"\n",
    );
    let owners = draft.owners.iter().map(|owner| owner.name.clone());
    let missing = SEATS.saturating_sub(draft.owners.len());
    let helpers =
        (1..).map(|number| if number == 1 { "helper".to_owned() } else { format!("helper{number}") });
    let free = helpers.filter(|name| !draft.owners.iter().any(|owner| owner.name.eq_ignore_ascii_case(name)));
    for (number, name) in owners.chain(free.take(missing)).enumerate() {
        text.extend([format!("\n[[party]]\nname = {}\n", toml_string(&name))]);
        if number < SEATS {
            text.extend([format!("seat = {number}                      # computes\n")]);
        }
    }
    if let Some(sql) = &draft.cohort {
        text.extend([format!(
            "\n# The people that all owners have. Everyone can query it.\n[[view]]\nname = \"cohort\"\nsql = '''\n{sql}\n'''\n"
        )]);
    }
    text
}

fn policy(owner: &Owner) -> String {
    let mut text = format!(
        "# What {}'s tables look like and what may be done with them. A draft, made by looking at the data: everything here is\n\
         # public, so read it before you give it to others. A column that is not here does not exist for them.\n\
         version = 1\n\n\
         [release]\n\
         min_people = {MIN_PEOPLE}               # distinct persons behind every released number\n\
         recipients = [\"*\"]            # analysts who may receive results\n",
        owner.name
    );
    for table in &owner.tables {
        text.push_str(&table.policy());
    }
    text
}

//! `conjoin init`: keys and commented configuration files; drafts of federations.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use connectors::endpoint::hash_password;
use executor::identity::Identity;

use crate::cli::{Init, InitFederation, InitMember, InitUser};
use crate::config::Directory;
use crate::draft::Draft;
use crate::error::{Failure, Result};
use crate::printer::Printer;

const PARTY: &str = r#"# Private configuration of party NAME. Relative paths start at this file's folder.
name = "NAME"
federation = "FEDERATION"     # the folder with federation.toml and parties/*/policy.toml, the same at every party
key = "NAME.key.pem"          # private; its public half is in federation.toml
listen = "0.0.0.0:7100"       # others reach it at the address that federation.toml gives
state = "NAME.state"          # audit records

# Where the tables are: a .parquet, .csv or .arrow file, or a folder of them. A table that is not named here is looked for
# in parties/NAME/data of the federation's folder.
# [source.lifestyle]
# path = "/data/lifestyle.parquet"
"#;

const ANALYST: &str = r#"# Configuration of analyst NAME. Relative paths start at this file's folder.
name = "NAME"
federation = "FEDERATION"     # the folder with federation.toml and parties/*/policy.toml, the same as at the parties
key = "NAME.key.pem"          # private; its public half is in federation.toml

# For `conjoin flight` and `conjoin serve-pg`. A user asks as the analyst of that name, which federation.toml lists with
# this key; `conjoin init user NAME` writes a user's section.
# [flight]
# tls_cert = "tls.pem"
# tls_key = "tls.key"
# max_queries = 4
"#;

pub(super) fn run(command: &Init, printer: Printer) -> Result<()> {
    match command {
        Init::Party(member) => write(member, PARTY, "party.toml", "[[party]]", printer),
        Init::Analyst(member) => write(member, ANALYST, "analyst.toml", "[[analyst]]", printer),
        Init::User(user) => print_user(user, printer),
        Init::Federation(command) => federation(command, printer),
    }
}

/// Drafts a federation, says what was assumed, and checks the draft against the data.
fn federation(command: &InitFederation, printer: Printer) -> Result<()> {
    let named = |table: &str| {
        let same = |(name, _): &&(String, String)| name.to_lowercase() == table.to_lowercase();
        command.person.iter().find(same).map(|(_, column)| column.clone())
    };
    let mut tables = Vec::new();
    let mut draft = Draft::new(&command.owner, &mut |table, columns, guess| {
        tables.push(table.to_owned());
        match named(table) {
            Some(column) => Ok(Some(column).filter(|column| column != "-")),
            None => ask(table, columns, guess, printer),
        }
    })?;
    if let Some((table, _)) = command.person.iter().find(|(table, _)| !tables.contains(table)) {
        let names = tables.iter().map(String::as_str);
        return Err(Failure::invalid(format!("--person {table}: there is no such table"))
            .with_optional_hint(planner::nearest_hint(table, names, "tables")));
    }
    draft.write(&command.dir)?;
    if Directory::load(&command.dir)?.validate_views().is_err() {
        draft.drop_cohort();
        draft.rewrite(&command.dir)?;
    }
    printer.out(&draft.assumptions())?;
    let directory = Directory::load(&command.dir)?;
    super::check::data(&directory)?;
    let dir = command.dir.display();
    printer.out(&format!(
        "every released number has at least {} people behind it (min_people)\n\
         \nThe draft is in {dir}. Read and change the files that are public:\n  {dir}/federation.toml\n",
        crate::draft::MIN_PEOPLE
    ))?;
    for party in directory.federation.parties.iter().filter(|party| !party.tables.is_empty()) {
        printer.out(&format!("  {}\n", directory.party_folder(&party.name).join("policy.toml").display()))?;
    }
    printer.out(&format!("Then: conjoin local {dir}\n"))
}

/// Asks which column says who a person is, if there is somebody to ask; else takes the guess.
fn ask(table: &str, columns: &[String], guess: Option<&str>, printer: Printer) -> Result<Option<String>> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || !std::io::stderr().is_terminal() || printer.is_quiet() {
        return Ok(guess.map(str::to_owned));
    }
    loop {
        let default = guess.unwrap_or("-");
        printer.prompt(&format!(
            "{table}: which column says whose record a row is? (`-`: every row is a person) [{default}] "
        ));
        let mut answer = String::new();
        let read = stdin.lock().read_line(&mut answer);
        read.map_err(|error| Failure::invalid(format!("cannot read from the terminal: {error}")))?;
        let answer = answer.trim();
        let answer = if answer.is_empty() { default } else { answer };
        if answer == "-" {
            return Ok(None);
        }
        if let Some(column) = columns.iter().find(|column| column.to_lowercase() == answer.to_lowercase()) {
            return Ok(Some(column.clone()));
        }
        printer.status(&format!("columns: {}", columns.join(", ")));
    }
}

/// Writes key and configuration, and prints what belongs into federation.toml.
fn write(member: &InitMember, template: &str, file: &str, section: &str, printer: Printer) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if member.name.is_empty() || !member.name.chars().all(plain) {
        return Err(Failure::invalid(format!("`{}` is no name", member.name))
            .with_hint("letters, digits, `_` and `-`"));
    }
    std::fs::create_dir_all(&member.dir)
        .map_err(|error| Failure::invalid(format!("cannot create {}: {error}", member.dir.display())))?;
    let (config, key) = (member.dir.join(file), member.dir.join(format!("{}.key.pem", member.name)));
    if config.exists() {
        return Err(Failure::invalid(format!("{} exists already", config.display())));
    }
    let federation = absolute(&member.federation)?;
    let identity = Identity::generate()?;
    identity.save(&key)?;
    let quoted = toml::Value::from(federation.display().to_string()).to_string();
    let text = template.replace("\"FEDERATION\"", &quoted).replace("NAME", &member.name);
    std::fs::write(&config, text)
        .map_err(|error| Failure::invalid(format!("cannot write {}: {error}", config.display())))?;
    printer.status(&format!("wrote {} and {}", config.display(), key.display()));
    printer.status("for federation.toml:");
    printer.out(&format!("{section}\nname = \"{}\"\nkey = \"{}\"\n", member.name, identity.public_key()))
}

/// Prints a user's section for `analyst.toml`, with the hash of the password on standard input.
fn print_user(user: &InitUser, printer: Printer) -> Result<()> {
    let mut password = String::new();
    std::io::stdin()
        .read_to_string(&mut password)
        .map_err(|error| Failure::invalid(format!("cannot read standard input: {error}")))?;
    let hash = hash_password(password.trim_end_matches(['\r', '\n']))?;
    let name = toml::Value::from(user.name.as_str());
    printer.out(&format!("[[flight.user]]\nname = {name}\npassword_hash = \"{hash}\"\n"))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Failure::invalid(format!("{}: {error}", path.display())))
}

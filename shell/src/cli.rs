//! What can be typed. Parsing only: no file is read here.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::draft::OwnedFile;
use crate::format::Format;

/// SQL over the joined tables of organisations that may not show each other a row.
#[derive(Debug, Parser)]
#[command(name = "conjoin", version, after_help = EXAMPLES, max_term_width = 120, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  conjoin demo                                          a synthetic federation, a guided tour, then a shell
  conjoin demo -e \"SELECT region, COUNT(*) FROM insurer.claims GROUP BY region\"
  conjoin local study -f analysis.sql --format json     your federation, all parties in this process
  conjoin check study                                   files, policies and data against each other
  conjoin run --config analyst.toml -f analysis.sql     against servers of the parties

Results go to standard output, everything else to standard error.
Exit codes: 0 ok, 2 invalid, 3 refused, 4 data source, 5 peer or network, 6 a security check failed,
            7 resource limit, 70 a bug of ours.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a synthetic hospital / insurer / helper federation, start it, and look around
    Demo(Demo),
    /// Start all parties of a federation directory in this process, and run SQL
    Local(Local),
    /// Run one party's server
    Serve(Serve),
    /// Interactive shell
    Shell(ShellCommand),
    /// Run statements
    Run(Run),
    /// Say what a query would do and who would learn what; runs nothing
    Explain(Explain),
    /// Serve Flight SQL
    Flight(Flight),
    /// Serve the wire protocol of PostgreSQL
    ServePg(ServePg),
    /// Make keys and configuration files
    #[command(subcommand)]
    Init(Init),
    /// Check federation, policies, views, configurations and data against each other; starts nothing
    Check(Check),
    /// Print completions for a shell
    Completions(Completions),
}

/// Options of every command that runs SQL.
#[derive(Clone, Debug, Default, Args)]
pub struct Output {
    /// Format of results [default: table on a terminal, else csv]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Write results to this file instead: .parquet, .arrow, .csv, .json
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Draw the last result into this file: .svg, .png
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// No notices and no progress
    #[arg(long, short)]
    pub quiet: bool,
    /// Longest time for a statement, such as 500ms, 30s, 5m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
}

/// Statements from the command line or a file.
#[derive(Clone, Debug, Default, Args)]
pub struct Statements {
    /// Run these statements, separated by `;`
    #[arg(long = "execute", short = 'e', value_name = "SQL", conflicts_with = "file")]
    pub execute: Option<String>,
    /// Run the statements of this file (`-`: standard input)
    #[arg(long, short, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// A variable: `$name` in a statement stands for the value, `${name}` for its text
    #[arg(long = "variable", short = 'v', value_name = "NAME=VALUE", value_parser = variable)]
    pub variables: Vec<(String, String)>,
}

/// `conjoin demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conjoin demo
  conjoin demo --rows 2000 --seed 7 -e \"SELECT AVG(days) FROM cohort\" --format json
  conjoin demo --dir study          keep the files, then: conjoin local study
  conjoin demo --check              every query of the tour also in the clear, compared")]
pub struct Demo {
    /// Number of patients of each owner
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    pub rows: u32,
    /// Same seed, same data
    #[arg(long, value_name = "S", default_value_t = 42)]
    pub seed: u64,
    /// Write the federation here and keep it [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Run the tour's queries also in the clear, and compare
    #[arg(long, conflicts_with_all = ["execute", "file", "flight"])]
    pub check: bool,
    /// Serve Flight SQL on this loopback address
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["execute", "file"])]
    pub flight: Option<String>,
    /// Ask as this analyst
    #[arg(long = "as", value_name = "ANALYST", default_value = "analyst")]
    pub analyst: String,
    /// Statements.
    #[command(flatten)]
    pub statements: Statements,
    /// Output.
    #[command(flatten)]
    pub output: Output,
}

/// `conjoin local`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conjoin local study
  conjoin local study -e \"SHOW TABLES\"
  conjoin local study --format json < analysis.sql")]
pub struct Local {
    /// The federation: federation.toml, parties/PARTY/policy.toml, parties/PARTY/data/TABLE.parquet (.csv, .arrow)
    pub dir: PathBuf,
    /// Serve Flight SQL on this loopback address
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["execute", "file"])]
    pub flight: Option<String>,
    /// Ask as this analyst
    #[arg(long = "as", value_name = "ANALYST", default_value = "analyst")]
    pub analyst: String,
    /// Statements.
    #[command(flatten)]
    pub statements: Statements,
    /// Output.
    #[command(flatten)]
    pub output: Output,
}

/// `conjoin serve`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  conjoin serve --config party.toml")]
pub struct Serve {
    /// The party's configuration
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// Which federation: servers of the parties, or a directory of this machine.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Target {
    /// The analyst's configuration
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A federation directory; all parties run in this process
    #[arg(long, value_name = "DIR")]
    pub local: Option<PathBuf>,
}

/// `conjoin shell`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  conjoin shell --config analyst.toml")]
pub struct ShellCommand {
    /// Target.
    #[command(flatten)]
    pub target: Target,
    /// Ask as this analyst (with --local)
    #[arg(long = "as", value_name = "ANALYST", default_value = "analyst", conflicts_with = "config")]
    pub analyst: String,
    /// Output.
    #[command(flatten)]
    pub output: Output,
}

/// What files of results can be: their extensions.
const FILE_FORMATS: [&str; 5] = ["csv", "json", "jsonl", "parquet", "arrow"];

/// `conjoin run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conjoin run --config analyst.toml -f analysis.sql --output result.parquet
  conjoin run --local study --keep-going -f questions.sql --format json
  conjoin run --local study -f report.sql -v year=2024 --output-dir results --report run.json
  conjoin run --local study -f report.sql --output-dir results --file-format parquet
  conjoin run --local study -f report.sql --dry-run")]
pub struct Run {
    /// Target.
    #[command(flatten)]
    pub target: Target,
    /// Go on after a statement that fails; the exit code is that of the worst failure
    #[arg(long)]
    pub keep_going: bool,
    /// Plan every statement and check it against policy; run none
    #[arg(long, conflicts_with_all = ["output", "output_dir", "report", "plot"])]
    pub dry_run: bool,
    /// Write each result to a file of its own: 01.csv, 02.csv, ...
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    pub output_dir: Option<PathBuf>,
    /// What the files of --output-dir are; default: what --format says, else csv
    #[arg(long, value_name = "FORMAT", requires = "output_dir", value_parser = FILE_FORMATS)]
    pub file_format: Option<String>,
    /// Write what every statement did to this file, as JSON: status, class, seconds, rounds, bytes, rows
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Ask as this analyst (with --local)
    #[arg(long = "as", value_name = "ANALYST", default_value = "analyst", conflicts_with = "config")]
    pub analyst: String,
    /// Statements.
    #[command(flatten)]
    pub statements: Statements,
    /// Output.
    #[command(flatten)]
    pub output: Output,
}

/// `conjoin explain`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conjoin explain --local study -e \"SELECT AVG(days) FROM cohort\"
  conjoin explain --local study --disclosure -f analysis.sql")]
pub struct Explain {
    /// Target.
    #[command(flatten)]
    pub target: Target,
    /// Who learns what, instead of the plan
    #[arg(long)]
    pub disclosure: bool,
    /// Ask as this analyst (with --local)
    #[arg(long = "as", value_name = "ANALYST", default_value = "analyst", conflicts_with = "config")]
    pub analyst: String,
    /// Statements.
    #[command(flatten)]
    pub statements: Statements,
    /// Output.
    #[command(flatten)]
    pub output: Output,
}

/// `conjoin flight`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conjoin flight --local study --listen 127.0.0.1:8815           your own programs, without login
  conjoin flight --config analyst.toml --listen 0.0.0.0:8815     TLS and logins, as [flight] of the file says")]
pub struct Flight {
    /// Where to listen, host:port
    #[arg(long, value_name = "ADDR")]
    pub listen: String,
    /// Target.
    #[command(flatten)]
    pub target: Target,
    /// Ask as this analyst (with --local)
    #[arg(long = "as", value_name = "ANALYST", default_value = "analyst", conflicts_with = "config")]
    pub analyst: String,
}

/// `conjoin serve-pg`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conjoin serve-pg --local study --listen 127.0.0.1:5433        then: psql -h 127.0.0.1 -p 5433
  conjoin serve-pg --config analyst.toml --listen 0.0.0.0:5433  TLS and logins, as [flight] of the file says")]
pub struct ServePg {
    /// Where to listen, host:port
    #[arg(long, value_name = "ADDR")]
    pub listen: String,
    /// Target.
    #[command(flatten)]
    pub target: Target,
    /// Ask as this analyst (with --local)
    #[arg(long = "as", value_name = "ANALYST", default_value = "analyst", conflicts_with = "config")]
    pub analyst: String,
}

/// `conjoin init`.
#[derive(Debug, Subcommand)]
pub enum Init {
    /// A party's key and commented configuration
    #[command(after_help = "Example:\n  conjoin init party hospital --dir /etc/conjoin --federation study")]
    Party(InitMember),
    /// An analyst's key and commented configuration
    #[command(after_help = "Example:\n  conjoin init analyst alice --dir ~/.conjoin --federation study")]
    Analyst(InitMember),
    /// A user of the Flight SQL endpoint: reads the password from standard input, prints what belongs into analyst.toml
    #[command(after_help = "Example:\n  conjoin init user ann < password.txt >> analyst.toml")]
    User(InitUser),
    /// Draft a whole federation directory from CSV, Parquet or Arrow files
    #[command(after_help = "\
Types, bounds (rounded outwards), values and the column that says who a person is are guessed and printed; on a terminal you
are asked for the latter. Data files are copied.

Examples:
  conjoin init federation study --owner hospital=lifestyle.parquet --owner insurer=claims.csv
  conjoin init federation study --owner hospital=visits.csv --person hospital.visits=patient_nr")]
    Federation(InitFederation),
}

/// `conjoin init party`, `conjoin init analyst`.
#[derive(Debug, Args)]
pub struct InitMember {
    /// Its name in federation.toml
    pub name: String,
    /// Where to write
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// The federation directory, for the configuration
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub federation: PathBuf,
}

/// `conjoin init user`.
#[derive(Debug, Args)]
pub struct InitUser {
    /// The user's name: the analyst that the user asks as
    pub name: String,
}

/// `conjoin init federation`.
#[derive(Debug, Args)]
pub struct InitFederation {
    /// The directory to write
    pub dir: PathBuf,
    /// An owner and a file of its data; the file's name is the table's
    #[arg(long, value_name = "NAME=FILE", required = true)]
    pub owner: Vec<OwnedFile>,
    /// The column that says whose record a row of a table is; `-`: every row is a person
    #[arg(long, value_name = "OWNER.TABLE=COLUMN", value_parser = person)]
    pub person: Vec<(String, String)>,
}

/// `conjoin check`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  conjoin check study")]
pub struct Check {
    /// The federation directory
    pub dir: PathBuf,
    /// Format of errors: json for one JSON object at the end of standard error
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
}

/// `conjoin completions`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  conjoin completions bash > ~/.local/share/bash-completion/completions/conjoin"
)]
pub struct Completions {
    /// Which shell
    pub shell: Shell,
}

impl Command {
    /// Whether it is a server, which ends in its own way when it is told to.
    pub fn serves(&self) -> bool {
        match self {
            Command::Serve(_) | Command::Flight(_) | Command::ServePg(_) => true,
            Command::Demo(demo) => demo.flight.is_some(),
            Command::Local(local) => local.flight.is_some(),
            Command::Shell(_)
            | Command::Run(_)
            | Command::Explain(_)
            | Command::Init(_)
            | Command::Check(_)
            | Command::Completions(_) => false,
        }
    }

    /// The output options of commands that run SQL.
    pub fn output(&self) -> Output {
        match self {
            Command::Demo(demo) => demo.output.clone(),
            Command::Local(local) => local.output.clone(),
            Command::Shell(shell) => shell.output.clone(),
            Command::Run(run) => run.output.clone(),
            Command::Explain(explain) => explain.output.clone(),
            Command::Check(check) => Output { format: check.format, ..Output::default() },
            Command::Serve(_)
            | Command::Flight(_)
            | Command::ServePg(_)
            | Command::Init(_)
            | Command::Completions(_) => Output::default(),
        }
    }
}

/// `year=2024`.
fn variable(text: &str) -> Result<(String, String), String> {
    let split = text.split_once('=').filter(|(name, _)| !name.is_empty());
    split
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "write NAME=VALUE".to_owned())
}

/// `hospital.visits=patient_nr`.
fn person(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((table, column)) if table.contains('.') && !column.is_empty() => {
            Ok((table.to_owned(), column.to_owned()))
        }
        _ => Err("write OWNER.TABLE=COLUMN, such as hospital.visits=patient_nr".to_owned()),
    }
}

/// `500ms`, `30s`, `5m`, `1h`, or seconds without a unit; more than nothing.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err("the unit must be ms, s, m or h".to_owned()),
    };
    let number: f64 = digits.parse().map_err(|_| "not a number with a unit, such as 30s".to_owned())?;
    let duration =
        Duration::try_from_secs_f64(number * unit).map_err(|_| "not a length of time".to_owned())?;
    if duration.is_zero() { Err("it must be more than 0".to_owned()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("7"), Ok(Duration::from_secs(7)));
        for wrong in ["", "s", "0s", "-1s", "1 day", "nan", "1e400s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}

//! The program as its users meet it: arguments, standard streams, exit codes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step is a failed test")]

mod batch;
mod benchmark;
mod data;
mod draft;
mod endpoints;
mod files;
mod functions;
mod output;
mod readme;
mod reference;
mod servers;
mod shell_commands;
mod statements;
mod terminal;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What a run of the program gave.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The object of the last line of standard error.
    fn error(&self) -> Value {
        let line = self.err.lines().last().unwrap_or_default();
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON error: {}", self.err));
        value["error"].clone()
    }

    /// The result sets of standard output.
    fn sets(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conjoin"));
    command.env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

fn conjoin<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Run {
    Run::of(program().args(arguments).output().unwrap())
}

fn conjoin_with_input(arguments: &[&str], input: &str) -> Run {
    let mut child = program()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Run::of(child.wait_with_output().unwrap())
}

const FEDERATION: &str = r#"version = 1
name = "study"
[[party]]
name = "hospital"
seat = 0
[[party]]
name = "insurer"
seat = 1
[[party]]
name = "helper"
seat = 2
[[view]]
name = "cohort"
sql = "SELECT h.age, h.sex, c.days, c.cost FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.id) = HASHED(c.id)"
"#;

const HOSPITAL: &str = r#"version = 1
[release]
min_people = 1
[table.lifestyle]
person = "id"
max_rows = 10
[table.lifestyle.column]
id = { type = "TEXT", allow = ["join"] }
age = { type = "INTEGER", bounds = [18, 99], allow = ["filter", "aggregate", "model"] }
sex = { type = "TEXT", values = ["f", "m"], allow = ["group", "filter"] }
"#;

const INSURER: &str = r#"version = 1
[release]
min_people = 2
[table.claims]
person = "id"
max_rows = 10
[table.claims.column]
id = { type = "TEXT", allow = ["join"] }
days = { type = "BIGINT", bounds = [0, 366], allow = ["filter", "aggregate", "model"] }
cost = { type = "DECIMAL(10,2)", bounds = [0, 1000], allow = ["aggregate"] }
"#;

const LIFESTYLE: &str = "id,age,sex\nA1,30,f\nA2,40,m\na3 ,50,f\n,60,m\nA5,,\n";
const CLAIMS: &str = "id,days,cost\na1,3,10.50\nA2 ,4,20.25\nA3,,0.25\nB9,7,1\n";

/// A small federation directory of its own, which goes away with the value.
struct Federation(tempfile::TempDir);

impl Federation {
    fn new() -> Self {
        let federation = Self(tempfile::tempdir().unwrap());
        federation
            .write("federation.toml", FEDERATION)
            .write("parties/hospital/policy.toml", HOSPITAL)
            .write("parties/insurer/policy.toml", INSURER)
            .write("parties/hospital/data/lifestyle.csv", LIFESTYLE)
            .write("parties/insurer/data/claims.csv", CLAIMS);
        federation
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// `conjoin local` with these statements and further arguments.
    fn local(&self, sql: &str, more: &[&str]) -> Run {
        let path = self.path().to_str().unwrap();
        conjoin([&["local", path, "-e", sql], more].concat())
    }

    /// As [`local`](Self::local), with results and errors as JSON.
    fn json(&self, sql: &str) -> Run {
        self.local(sql, &["--format", "json"])
    }
}

//! Hostile SQL at the planner: every text is planned or refused, with a class, a reason and, where it has one, a place;
//! never a panic, an overflow of the stack, an endless loop, or an error that calls itself our bug.
//!
//! `CONJOIN_FUZZ_CASES=200000 cargo test --workspace fuzz -- --nocapture` is the long run. The seed of a run is printed;
//! `CONJOIN_SEED` repeats it, and `CONJOIN_FUZZ_TRACE=1` prints every text before it is planned, for the case that the
//! process itself dies, and how long it took.

#![expect(clippy::print_stdout, reason = "a seed repeats a run, and a long run says what it found")]

mod corpus;
mod hostile;
mod splice;

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use conjoin_tests::heart::Heart;
use executor::analyst::Connection;
use executor::directory::Directory;
use executor::identity::Identity;
use executor::network::LinkSettings;
use planner::catalog::Federation;
use planner::{Class, Error, Planned, Session, plan};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use tokio::runtime::{Builder, Runtime};

/// A text that is planned longer than this hangs. Plans of an unoptimised build take milliseconds, rarely a second.
const HANGS_AFTER: Duration = Duration::from_mins(2);

/// Of a long script only these are planned.
const MOST_STATEMENTS: usize = 4;

fn federation() -> &'static Arc<Federation> {
    static FEDERATION: OnceLock<Arc<Federation>> = OnceLock::new();
    FEDERATION.get_or_init(|| Arc::clone(&Heart::new(1).directory().federation))
}

fn session() -> Session {
    Session { analyst: "analyst".to_owned(), submitted_us: 1_700_000_000_000_000, ..Session::default() }
}

/// What became of a text.
#[derive(Debug)]
enum Fate {
    Planned,
    Refused { class: Class, shape: String, placed: bool },
}

/// Plans a text as every party does, and everything that is said of a plan.
fn fate(sql: &str) -> Result<Fate, String> {
    let Ok(statements) = planner::statements(sql) else {
        return judge(plan(federation(), &session(), sql).err());
    };
    let mut fate = Ok(Fate::Planned);
    for statement in statements.into_iter().take(MOST_STATEMENTS) {
        let sql = &statement.sql;
        let _ = planner::open_query(federation(), &session(), sql).map_err(|error| reasonable(&error));
        let planned = plan(federation(), &session(), sql);
        if let Ok(Planned::Clear(_)) = planned {
            run_at_the_analyst(sql)?;
        }
        let error = planned.err();
        if error.is_none() && !matches!(sql.get(..7).map(str::to_uppercase).as_deref(), Some("EXPLAIN")) {
            for explain in ["", "VERBOSE", "DISCLOSURE", "(FORMAT JSON)"] {
                let explained = plan(federation(), &session(), &format!("EXPLAIN {explain} {sql}"));
                if let Some(error) = explained.err().filter(|error| error.class == Class::Internal) {
                    return Err(format!("EXPLAIN {explain}: {error}"));
                }
            }
        }
        fate = Ok(judge(error)?);
    }
    fate
}

/// Runs a query that no party is asked for.
fn run_at_the_analyst(sql: &str) -> Result<(), String> {
    static ANALYST: OnceLock<(Runtime, Connection)> = OnceLock::new();
    let (runtime, connection) = ANALYST.get_or_init(|| {
        let nobody = Directory { parties: Vec::new(), analysts: Vec::new() };
        let key = Arc::new(Identity::generate().expect("a key"));
        let federation = Arc::clone(federation());
        let mut connection = Connection::new(federation, nobody, key, "analyst", LinkSettings::default());
        connection.set_timeout(Duration::from_secs(20));
        (Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime"), connection)
    });
    let query = connection.prepare(sql).map_err(|error| error.to_string())?;
    match runtime.block_on(connection.run(query)) {
        Err(error) if error.class() == Class::Internal => Err(format!("at the analyst: {error}")),
        _ => Ok(()),
    }
}

fn judge(error: Option<Error>) -> Result<Fate, String> {
    let Some(error) = error else { return Ok(Fate::Planned) };
    reasonable(&error)?;
    // Names and numbers apart, messages of one reason are one message.
    let words = error.message.split('`').step_by(2).collect::<Vec<_>>().join("..");
    let shape: String = words.chars().filter(|c| !c.is_ascii_digit()).take(60).collect();
    Ok(Fate::Refused { class: error.class, shape, placed: error.position.is_some() })
}

/// A refusal that its reader can use: a class that is not ours to mend, a reason in one line, a place inside the text.
fn reasonable(error: &Error) -> Result<(), String> {
    let told = format!("{}: {}", error.class.name(), error.message);
    if !matches!(error.class, Class::Invalid | Class::Refused | Class::Resource) {
        return Err(told);
    }
    if error.message.trim().is_empty() || error.message.len() > 1_000 {
        return Err(format!("no readable reason: {told}"));
    }
    if ["DataFusion", "panicked", "backtrace"].iter().any(|word| error.message.contains(word)) {
        return Err(format!("words of the engine: {told}"));
    }
    Ok(())
}

/// Plans texts on a thread of its own, so that one that hangs is found.
struct Watch {
    texts: Sender<(String, Sender<Result<Fate, String>>)>,
}

impl Watch {
    fn new() -> Self {
        let (texts, todo) = channel::<(String, Sender<Result<Fate, String>>)>();
        thread::spawn(move || {
            for (sql, done) in todo {
                let _ = done.send(fate(&sql));
            }
        });
        Watch { texts }
    }

    fn fate(&self, sql: &str) -> Result<Fate, String> {
        let trace = std::env::var_os("CONJOIN_FUZZ_TRACE").is_some();
        if trace {
            println!("-- next\n{sql}");
        }
        let (done, answer) = channel();
        let start = Instant::now();
        self.texts.send((sql.to_owned(), done)).map_err(|_| "the planner's caller died".to_owned())?;
        let answer = answer.recv_timeout(HANGS_AFTER);
        if trace {
            println!("-- took {} ms", start.elapsed().as_millis());
        }
        match answer {
            Ok(fate) => fate,
            Err(RecvTimeoutError::Timeout) => Err("planning does not end".to_owned()),
            Err(RecvTimeoutError::Disconnected) => Err("planning panicked outside its own stack".to_owned()),
        }
    }
}

/// An environment variable that is a number.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs `cases` texts of a strategy; prints the seed, and how many of which kind were refused why.
fn run<S: Strategy<Value = T>, T: std::fmt::Debug>(cases: u32, texts: &S, sql: impl Fn(&T) -> String) {
    // The short run says the same of a tree on every machine; a run whose length is given asks anew.
    let long = std::env::var_os("CONJOIN_FUZZ_CASES").is_some();
    let seed = number("CONJOIN_SEED").unwrap_or_else(|| if long { rand::random() } else { 1 });
    println!("CONJOIN_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let cases = number("CONJOIN_FUZZ_CASES").map_or(cases, |n| u32::try_from(n).expect("a number of cases"));
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let watch = Watch::new();
    let tally = std::cell::RefCell::new((0_usize, BTreeMap::<String, (usize, usize)>::new()));
    let result = runner.run(texts, |text| {
        let sql = sql(&text);
        let fate = watch.fate(&sql).map_err(|error| TestCaseError::fail(format!("{sql}\n{error}")))?;
        let mut tally = tally.borrow_mut();
        match fate {
            Fate::Planned => tally.0 += 1,
            Fate::Refused { class, shape, placed } => {
                let (count, places) = tally.1.entry(format!("{} {shape}", class.name())).or_default();
                *count += 1;
                *places += usize::from(placed);
            }
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("CONJOIN_SEED={seed}: {error}");
    }
    let (planned, refused) = tally.into_inner();
    println!("{planned} planned; refused, and how many with a place: {refused:#?}");
}

#[test]
fn spliced_and_mutated_queries_are_planned_or_refused() {
    run(120, &splice::mutation(), |mutation| mutation.sql(corpus::texts()));
}

#[test]
fn hostile_queries_are_planned_or_refused() {
    run(120, &hostile::query(), Clone::clone);
}

/// What was found by these runs, and by hand.
#[test]
fn what_once_failed_is_refused() {
    let watch = Watch::new();
    for sql in hostile::FOUND {
        watch.fate(sql).unwrap_or_else(|error| panic!("{sql}\n{error}"));
    }
}

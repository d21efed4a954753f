//! The interactive shell and other questions, on a pseudo-terminal.
#![expect(clippy::format_collect, reason = "small files, written out")]

use rexpect::session::{Options, PtySession, spawn_with_options};

use super::*;

/// Patience with machines that do other work as well.
const TIMEOUT_MS: u64 = 120_000;

/// A prompt that waits: what is typed before it may be lost when the terminal changes its mode.
pub(super) const PROMPT: &str = "\n\rconjoin> \r";

const TAB: &str = "\t";
pub(super) const UP: &str = "\u{1b}[A";

/// The program on a terminal of its own, without colours.
fn on_terminal(arguments: &[&str], history: &Path) -> PtySession {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conjoin"));
    command.args(arguments);
    started(command, history)
}

/// The program on a terminal of so many columns, with more variables of the environment.
pub(super) fn on_narrow_terminal(
    columns: u16,
    arguments: &[&str],
    history: &Path,
    environment: &[(&str, &str)],
) -> PtySession {
    let mut command = Command::new("bash");
    let resized = format!("stty cols {columns} rows 50 && exec \"$@\"");
    command.args(["-c", &resized, "bash", env!("CARGO_BIN_EXE_conjoin")]).args(arguments);
    command.envs(environment.iter().copied());
    started(command, history)
}

fn started(mut command: Command, history: &Path) -> PtySession {
    command.env("NO_COLOR", "1").env("TERM", "xterm").env("CONJOIN_HISTORY", history);
    let options = Options::new().timeout_ms(Some(TIMEOUT_MS)).strip_ansi_escape_codes(true);
    spawn_with_options(command, options).unwrap()
}

pub(super) fn shell(federation: &Federation) -> PtySession {
    let dir = federation.path().to_str().unwrap();
    let mut terminal = on_terminal(&["local", dir], &federation.file("history"));
    terminal.exp_string(PROMPT).unwrap();
    terminal
}

pub(super) fn typed(terminal: &mut PtySession, keys: &str) {
    terminal.send(keys).unwrap();
    terminal.flush().unwrap();
}

/// Types a line and gives what is printed up to the next prompt.
pub(super) fn answer(terminal: &mut PtySession, line: &str) -> String {
    typed(terminal, &format!("{line}\r"));
    terminal.exp_string(PROMPT).unwrap()
}

pub(super) fn leave(mut terminal: PtySession) {
    typed(&mut terminal, "\\q\r");
    terminal.exp_eof().unwrap();
}

#[test]
fn statements_span_lines_and_names_are_completed() {
    let federation = Federation::new();
    let mut terminal = shell(&federation);
    typed(&mut terminal, &format!("SELECT COU{TAB}*) AS n\r"));
    typed(&mut terminal, &format!("FROM hospital.l{TAB}\r"));
    let printed = answer(&mut terminal, &format!("WHERE ag{TAB} > 35;"));
    assert!(printed.contains(" n\r\n---\r\n 3\r\n"), "{printed:?}");
    // What was dropped by Ctrl-C is not run.
    typed(&mut terminal, "SELECT 1,\r");
    typed(&mut terminal, "\u{3}");
    terminal.exp_string(PROMPT).unwrap();
    let printed = answer(&mut terminal, "SELECT 2 AS two;");
    assert!(printed.contains(" two\r\n-----\r\n   2\r\n"), "{printed:?}");
    leave(terminal);
}

#[test]
fn history_is_kept_between_sessions() {
    let federation = Federation::new();
    let mut first = shell(&federation);
    answer(&mut first, "SELECT 41 + 1 AS answer;");
    leave(first);
    let mut second = shell(&federation);
    typed(&mut second, UP);
    typed(&mut second, UP);
    let printed = answer(&mut second, "");
    assert!(printed.contains("     42\r\n"), "{printed:?}");
    leave(second);
}

#[test]
fn backslash_commands_look_around() {
    let federation = Federation::new();
    let file = federation.write("q.sql", "\\x on\nSELECT 1 AS a, 'b' AS c;\n\\x off\n").file("q.sql");
    let out = federation.file("out.csv");
    let mut terminal = shell(&federation);
    let printed = answer(&mut terminal, "\\dt");
    assert!(printed.contains("hospital.lifestyle") && printed.contains("cohort"), "{printed}");
    let printed = answer(&mut terminal, "\\dp hospital.lifestyle");
    assert!(printed.contains("GROUP BY"), "{printed}");
    let printed = answer(&mut terminal, &format!("\\i {}", file.display()));
    assert!(printed.contains("a | 1\r\nc | b\r\n"), "{printed:?}");
    let printed = answer(&mut terminal, "\\explain SELECT COUNT(*) FROM cohort");
    assert!(printed.contains("hospital.lifestyle"), "{printed}");
    let printed = answer(&mut terminal, "\\disclosure SELECT COUNT(*) FROM cohort");
    assert!(printed.contains("analyst analyst"), "{printed}");
    answer(&mut terminal, "SELECT sex, COUNT(*) AS n FROM hospital.lifestyle GROUP BY sex;");
    let drawn = answer(&mut terminal, "\\plot");
    assert!(drawn.contains(" sex n\r\n") && drawn.contains(" 2\r\n   m"), "{drawn}");
    answer(&mut terminal, "\\set age 45");
    assert!(answer(&mut terminal, "SELECT $age AS age;").contains("45\r\n(1 row)"));
    answer(&mut terminal, &format!("\\o {}", out.display()));
    answer(&mut terminal, "SELECT 7 AS seven;");
    assert!(answer(&mut terminal, "\\nothing").contains("unknown command"));
    leave(terminal);
    assert_eq!(std::fs::read_to_string(out).unwrap(), "seven\n7\n");
}

#[test]
fn errors_point_at_the_place() {
    let federation = Federation::new();
    let mut terminal = shell(&federation);
    let printed = answer(&mut terminal, "SELECT AVG(agee) FROM hospital.lifestyle;");
    assert!(printed.contains("|            ^\r\n"), "{printed:?}");
    leave(terminal);
}

#[test]
fn a_running_query_shows_its_stages_and_is_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("study");
    let dir = dir.to_str().unwrap();
    conjoin(["demo", "--rows", "60000", "--dir", dir, "-e", "SELECT 1"]).expect(0);
    let mut terminal = on_terminal(&["local", dir], &folder.path().join("history"));
    terminal.exp_string(PROMPT).unwrap();
    let slow =
        "SELECT * FROM LASSO(cohort, target => 'days', features => 'age,bmi,exercise,sleep,cholesterol');";
    typed(&mut terminal, &format!("{slow}\r"));
    terminal.exp_string("local at insurer").unwrap();
    terminal.exp_string("rounds").unwrap();
    terminal.send_control('c').unwrap();
    terminal.exp_string("the query was cancelled").unwrap();
    terminal.exp_string(PROMPT).unwrap();
    // The session goes on, and the parties answer.
    let printed = answer(&mut terminal, "SELECT COUNT(*) AS n FROM hospital.lifestyle;");
    assert!(printed.contains("60000"), "{printed}");
    cancelled_in_the_join(&mut terminal);
    leave(terminal);
    a_narrow_terminal_has_a_bar(dir, folder.path());
    // Where nobody looks there is nothing, however long it takes.
    let run = conjoin(["local", dir, "-e", slow]).expect(0);
    assert_eq!(run.err, "");
}

/// A machine may be done with the join before the key is heard: then once more.
fn cancelled_in_the_join(terminal: &mut PtySession) {
    for _ in 0..20 {
        typed(terminal, "SELECT COUNT(*) AS n, SUM(days) AS days FROM cohort;\r");
        terminal.exp_string("> hashed join").unwrap();
        terminal.send_control('c').unwrap();
        let printed = terminal.exp_string(PROMPT).unwrap();
        if printed.contains("the query was cancelled") {
            let printed = answer(terminal, "SELECT COUNT(*) > 0 AS some FROM cohort;");
            assert!(printed.contains("true"), "{printed}");
            return;
        }
        assert!(printed.contains("(1 row)"), "{printed}");
    }
    panic!("the join was over twenty times");
}

fn a_narrow_terminal_has_a_bar(dir: &str, folder: &Path) {
    let mut terminal = on_narrow_terminal(50, &["local", dir], &folder.join("narrow"), &[]);
    terminal.exp_string(PROMPT).unwrap();
    let printed = answer(&mut terminal, "SELECT COUNT(*) AS n, SUM(days) AS days FROM cohort;");
    assert!(printed.contains("[##") && printed.contains("] hashed join"), "{printed}");
    assert!(!printed.contains("rounds") && printed.contains("(1 row)"), "{printed}");
    leave(terminal);
}

#[test]
fn a_draft_asks_for_the_person() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("visits.csv");
    let rows: String = (0..30).map(|i| format!("{i},K{},{}\n", i / 2, 20 + i)).collect();
    std::fs::write(&file, format!("visit,card_id,age\n{rows}")).unwrap();
    let dir = folder.path().join("study");
    let owner = format!("hospital={}", file.display());
    let arguments = ["init", "federation", dir.to_str().unwrap(), "--owner", &owner];
    let mut terminal = on_terminal(&arguments, &folder.path().join("history"));
    terminal.exp_string("hospital.visits: which column").unwrap();
    terminal.send_line("nobody").unwrap();
    terminal.exp_string("columns: visit, card_id, age").unwrap();
    terminal.send_line("CARD_ID").unwrap();
    terminal.exp_string("up to 2 rows for each `card_id`").unwrap();
    terminal.exp_eof().unwrap();
    let policy = std::fs::read_to_string(dir.join("parties/hospital/policy.toml")).unwrap();
    assert!(policy.contains("max_rows_per_person = 2"), "{policy}");
}

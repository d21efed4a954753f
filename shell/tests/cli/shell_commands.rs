//! What is typed in the interactive shell, on a pseudo-terminal: the pager, the editor, repetition, history, the end.

use std::os::unix::fs::PermissionsExt as _;

use super::terminal::{PROMPT, UP, answer, leave, on_narrow_terminal, shell, typed};
use super::*;

#[test]
fn wide_and_long_results_go_through_the_pager() {
    let federation = Federation::new();
    let dir = federation.path().to_str().unwrap();
    let pager = [("PAGER", "sed s/^/paged:/")];
    let mut terminal = on_narrow_terminal(60, &["local", dir], &federation.file("history"), &pager);
    terminal.exp_string(PROMPT).unwrap();
    let narrow = answer(&mut terminal, "SELECT 1 AS a;");
    assert!(narrow.contains(" a\r\n---\r\n 1\r\n") && !narrow.contains("paged:"), "{narrow:?}");
    let wide = format!("SELECT '{}' AS first, 'end' AS last;", "x".repeat(70));
    let printed = answer(&mut terminal, &wide);
    assert!(printed.contains("paged: first") && printed.contains("| end\r\n"), "{printed:?}");
    assert!(printed.contains("paged:(1 row)"), "{printed:?}");
    let rows = (0..60).map(|row| format!("({row})")).collect::<Vec<_>>().join(", ");
    let printed = answer(&mut terminal, &format!("VALUES {rows};"));
    assert!(printed.contains("paged:      59") && printed.contains("paged:(60 rows)"), "{printed:?}");
    // What programs read is not paged.
    answer(&mut terminal, "\\format csv");
    let printed = answer(&mut terminal, &wide);
    assert!(printed.contains("xxx,end\r\n") && !printed.contains("paged:"), "{printed:?}");
    leave(terminal);
}

#[test]
fn a_pager_that_is_not_there_is_no_loss() {
    let federation = Federation::new();
    let dir = federation.path().to_str().unwrap();
    let pager = [("PAGER", "/nowhere/at/all")];
    let mut terminal = on_narrow_terminal(20, &["local", dir], &federation.file("history"), &pager);
    terminal.exp_string(PROMPT).unwrap();
    let printed = answer(&mut terminal, "SELECT 'a text that is longer than a line' AS t;");
    assert!(printed.contains("longer than a line\r\n(1 row)"), "{printed:?}");
    leave(terminal);
}

#[test]
fn the_last_statement_is_edited_and_run() {
    let federation = Federation::new();
    let dir = federation.path().to_str().unwrap();
    let editor = federation.write("edit.sh", "#!/bin/sh\nsed -i s/40/41/ \"$1\"\n").file("edit.sh");
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    let environment = [("EDITOR", editor.to_str().unwrap()), ("VISUAL", "")];
    let mut terminal = on_narrow_terminal(100, &["local", dir], &federation.file("history"), &environment);
    terminal.exp_string(PROMPT).unwrap();
    answer(&mut terminal, "SELECT 40 + 1 AS n;");
    let printed = answer(&mut terminal, "\\e");
    assert!(printed.contains("SELECT 41 + 1 AS n;\r\n") && printed.contains(" 42\r\n(1 row)"), "{printed:?}");
    let file = federation.write("own.sql", "SELECT 40 AS own;\n").file("own.sql");
    let printed = answer(&mut terminal, &format!("\\e {}", file.display()));
    assert!(printed.contains(" 41\r\n(1 row)"), "{printed:?}");
    leave(terminal);
    let environment = [("EDITOR", "false"), ("VISUAL", "")];
    let mut terminal = on_narrow_terminal(100, &["local", dir], &federation.file("history"), &environment);
    terminal.exp_string(PROMPT).unwrap();
    let printed = answer(&mut terminal, "\\e");
    assert!(printed.contains("the editor `false` has failed; nothing was run"), "{printed:?}");
    leave(terminal);
}

#[test]
fn a_statement_is_repeated_until_ctrl_c() {
    let federation = Federation::new();
    let mut terminal = shell(&federation);
    assert!(answer(&mut terminal, "\\watch").contains("there is no statement to repeat"));
    answer(&mut terminal, "SELECT COUNT(*) AS n FROM hospital.lifestyle;");
    // Between statements, as one ends and while one runs.
    for answers in 1..6 {
        typed(&mut terminal, "\\watch 0.001\r");
        for _ in 0..answers {
            terminal.exp_string("(1 row)").unwrap();
        }
        terminal.send_control('c').unwrap();
        terminal.exp_string(PROMPT).unwrap();
    }
    assert!(answer(&mut terminal, "\\watch soon").contains("unknown command \\watch soon"));
    leave(terminal);
}

#[test]
fn statements_of_several_lines_come_back_whole_and_are_edited() {
    let federation = Federation::new();
    let mut terminal = shell(&federation);
    typed(&mut terminal, "SELECT\r");
    let printed = answer(&mut terminal, "20 + 1 AS n;");
    assert!(printed.contains(" 21\r\n"), "{printed:?}");
    // Up: the whole statement, the cursor at its end. Six to the left, then the 1 becomes a 2.
    typed(&mut terminal, UP);
    typed(&mut terminal, &"\u{1b}[D".repeat(6));
    let printed = answer(&mut terminal, "\u{7f}2");
    assert!(printed.contains(" 22\r\n"), "{printed:?}");
    leave(terminal);
}

#[test]
fn layouts_files_and_failures_of_commands() {
    let federation = Federation::new();
    let mut terminal = shell(&federation);
    assert!(answer(&mut terminal, "\\x").contains("a line for each column"));
    assert!(answer(&mut terminal, "SELECT 1 AS a, 2 AS b;").contains("-[ row 1 ]-\r\na | 1\r\nb | 2\r\n"));
    assert!(answer(&mut terminal, "\\x").contains("a line for each row"));
    let file = federation.file("kept.json");
    answer(&mut terminal, &format!("\\o {}", file.display()));
    assert!(!answer(&mut terminal, "SELECT 7 AS seven;").contains("7\r\n("));
    answer(&mut terminal, "\\o");
    assert!(answer(&mut terminal, "SELECT 8 AS eight;").contains("8\r\n(1 row)"));
    assert_eq!(std::fs::read_to_string(file).unwrap(), "[{\"seven\":7}]\n");
    assert!(answer(&mut terminal, "\\o x.xls").contains("the extension says no format"));
    assert!(answer(&mut terminal, "\\i /nowhere.sql").contains("cannot read /nowhere.sql"));
    assert!(answer(&mut terminal, "\\plto").contains("did you mean plot"));
    assert!(answer(&mut terminal, "\\timing").contains("timing is off"));
    assert!(!answer(&mut terminal, "SELECT 1 AS a;").contains(" s\r\n"));
    leave(terminal);
}

#[test]
fn ctrl_d_leaves() {
    let federation = Federation::new();
    let mut terminal = shell(&federation);
    answer(&mut terminal, "SELECT 1 AS a;");
    terminal.send_control('d').unwrap();
    terminal.exp_eof().unwrap();
}

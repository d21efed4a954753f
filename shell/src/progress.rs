//! What is shown on a terminal while a query runs: a line for each stage, from public quantities alone.
//!
//! The lines stand below everything else and go away when the query has ended. On a narrow terminal they are one bar; where
//! standard error is no terminal there is nothing.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use console::Term;
use executor::analyst::{At, Progress, ProgressHook};
use unicode_width::UnicodeWidthStr as _;

/// Shorter work is not shown.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often the lines are drawn.
const TICK: Duration = Duration::from_millis(100);
/// Narrower terminals get a bar.
const NARROW: usize = 60;

/// Lines about work under way. Dropping it clears them.
#[derive(Debug)]
pub struct Live {
    /// `None` ends the lines, whoever still holds a hook.
    events: Option<Sender<Option<Progress>>>,
    drawer: Option<JoinHandle<()>>,
}

impl Live {
    /// Shows `what` and the time, and the stages of a query once it tells of them.
    pub fn start(what: &str) -> Self {
        let (events, told) = channel::<Option<Progress>>();
        let what = what.to_owned();
        let draw = move || {
            let (term, start, mut drawn) = (Term::stderr(), Instant::now(), 0);
            let mut newest: Option<Progress> = None;
            let mut due = start + TICK;
            loop {
                match told.recv_timeout(due.saturating_duration_since(Instant::now())) {
                    // A new stage is shown at once, however short it is; all else when it is due.
                    Ok(Some(progress)) => {
                        let is_new = newest.as_ref().is_none_or(|old| stage(old) != stage(&progress));
                        newest = Some(progress);
                        if !is_new && Instant::now() < due {
                            continue;
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(None) | Err(RecvTimeoutError::Disconnected) => break,
                }
                due = Instant::now() + TICK;
                if start.elapsed() >= PATIENCE {
                    let width = usize::from(term.size().1);
                    let lines = lines(&what, newest.as_ref(), start.elapsed(), width);
                    drawn = redraw(&term, drawn, &lines);
                }
            }
            redraw(&term, drawn, &[]);
        };
        let drawer = std::thread::Builder::new().name("progress".to_owned()).spawn(draw).ok();
        Self { events: Some(events), drawer }
    }

    /// Nothing.
    pub fn none() -> Self {
        Self { events: None, drawer: None }
    }

    /// What a connection tells how far a query has come; none where nothing is shown.
    pub fn hook(&self) -> Option<ProgressHook> {
        let events = self.events.clone()?;
        // When the lines have gone, nobody needs to know.
        Some(std::sync::Arc::new(move |progress| drop(events.send(Some(progress.clone())))))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(events) = self.events.take() {
            let _gone = events.send(None);
        }
        if let Some(drawer) = self.drawer.take() {
            // Its thread clears the lines before anything else is printed.
            let _ended = drawer.join();
        }
    }
}

/// Draws the lines over the old ones, and gives their number. A terminal that is gone shows nothing.
fn redraw(term: &Term, old: usize, lines: &[String]) -> usize {
    let _ = term.clear_last_lines(old);
    for line in lines {
        let _ = term.write_line(line);
    }
    lines.len()
}

/// The number of the stage under way, if it is one of the seats'.
fn stage(progress: &Progress) -> Option<usize> {
    match progress.at {
        At::Stage { stage, .. } => Some(stage),
        At::Sharing | At::Answered => None,
    }
}

/// The lines for a terminal of this width.
fn lines(what: &str, progress: Option<&Progress>, elapsed: Duration, width: usize) -> Vec<String> {
    let seconds = format!("{:.1} s", elapsed.as_secs_f64());
    let Some(progress) = progress.filter(|progress| !progress.stages.is_empty()) else {
        return vec![cut(&format!("{what}  {seconds}"), width)];
    };
    if width < NARROW {
        return vec![cut(&bar(progress, &seconds), width)];
    }
    let mut lines: Vec<String> = (0..progress.stages.len()).map(|stage| line(progress, stage)).collect();
    lines.push(total(progress, &seconds));
    lines.iter().map(|line| cut(line, width)).collect()
}

/// `[####......] group by  1.2 s`
fn bar(progress: &Progress, seconds: &str) -> String {
    const CELLS: u8 = 10;
    let fraction = progress.fraction();
    let done = (1..=CELLS).filter(|cell| f64::from(*cell) <= fraction * f64::from(CELLS)).count();
    let bar = "#".repeat(done) + &".".repeat(usize::from(CELLS) - done);
    format!("[{bar}] {}  {seconds}", progress.stage_name())
}

/// What a stage is doing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Done,
    Now,
    Later,
}

fn doing(progress: &Progress, stage: usize) -> Doing {
    let is_first = |stage: usize| {
        let name = progress.stages.get(stage).map_or("", |stage| &stage.name);
        name == "sharing" || name.starts_with("local at ")
    };
    match progress.at {
        At::Answered => Doing::Done,
        At::Sharing if is_first(stage) => Doing::Now,
        At::Stage { stage: now, .. } if stage < now => Doing::Done,
        At::Stage { stage: now, .. } if stage == now => Doing::Now,
        At::Sharing | At::Stage { .. } => Doing::Later,
    }
}

/// One stage, with what is planned for it.
fn line(progress: &Progress, number: usize) -> String {
    let Some(stage) = progress.stages.get(number) else { return String::new() };
    let doing = doing(progress, number);
    let (mark, name) = match (doing, progress.at) {
        (Doing::Now, At::Stage { .. }) => ('>', progress.stage_name()),
        (Doing::Now, At::Sharing | At::Answered) => ('>', stage.name.clone()),
        (Doing::Done, _) => ('+', stage.name.clone()),
        (Doing::Later, _) => (' ', stage.name.clone()),
    };
    let mut facts = Vec::new();
    if let Some(rows) = stage.rows {
        facts.push(format!("up to {} {}", grouped(rows), if rows == 1 { "row" } else { "rows" }));
    }
    if stage.rounds > 0 {
        facts.push(format!(
            "{} {}",
            grouped(stage.rounds),
            if stage.rounds == 1 { "round" } else { "rounds" }
        ));
    }
    if stage.bytes > 0 {
        facts.push(bytes(stage.bytes));
    }
    format!(" {mark} {name:32} {}", facts.join(", ")).trim_end().to_owned()
}

/// What has been taken, and what is left.
fn total(progress: &Progress, seconds: &str) -> String {
    let figures = progress.figures;
    let left = match progress.remaining {
        Some(left) if progress.at != At::Answered => {
            format!(", about {:.0} s left", left.as_secs_f64().ceil())
        }
        _ => String::new(),
    };
    format!(
        "   {seconds}{left}; {} rounds, {} sent by a seat",
        grouped(figures.rounds),
        bytes(figures.sent_bytes)
    )
}

/// `12,345`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes with a unit.
fn bytes(count: u64) -> String {
    for (size, unit) in [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")] {
        if count >= size {
            let tenths = count / (size / 10);
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{count} B")
}

/// At most `width` columns, so that a line stays one.
fn cut(line: &str, width: usize) -> String {
    let mut text = String::new();
    for c in line.chars() {
        text.push(c);
        if text.width() > width.saturating_sub(1) {
            text.pop();
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use executor::figures::Figures;
    use planner::explain::Stage;

    use super::*;

    fn progress(at: At) -> Progress {
        let stage = |name: &str, rows, rounds, bytes| Stage { name: name.to_owned(), rows, rounds, bytes };
        let stages = vec![
            stage("local at hospital", Some(10_500), 0, 0),
            stage("local at insurer", Some(10_500), 0, 0),
            stage("sharing", None, 1, 2_150_000),
            stage("LASSO", Some(11), 999, 1_600_000),
            stage("release", Some(11), 1, 500),
        ];
        let figures = Figures { rounds: 400, sent_bytes: 2_900_000 };
        let remaining = Some(Duration::from_millis(3_400));
        Progress { stages: stages.into(), at, figures, elapsed: Duration::ZERO, remaining }
    }

    #[test]
    fn every_stage_has_a_line() {
        let at = At::Stage { stage: 3, iteration: Some((40, 120)) };
        let text = lines("asking", Some(&progress(at)), Duration::from_millis(2_340), 100).join("\n");
        assert_eq!(
            text,
            " + local at hospital                up to 10,500 rows\n \
             + local at insurer                 up to 10,500 rows\n \
             + sharing                          1 round, 2.1 MB\n \
             > LASSO iteration 40 of 120        up to 11 rows, 999 rounds, 1.6 MB\n   \
             release                          up to 11 rows, 1 round, 500 B\n   \
             2.3 s, about 4 s left; 400 rounds, 2.9 MB sent by a seat"
        );
        let begun = lines("asking", Some(&progress(At::Sharing)), Duration::ZERO, 100);
        assert!(begun[..3].iter().all(|line| line.starts_with(" > ")), "owners work at once: {begun:?}");
        assert!(begun[3].starts_with("   LASSO"), "{begun:?}");
    }

    #[test]
    fn lines_end_although_a_hook_is_left() {
        let live = Live::start("asking");
        let hook = live.hook().unwrap();
        hook(&progress(At::Sharing));
        drop(live);
        hook(&progress(At::Answered));
        assert!(Live::none().hook().is_none());
    }

    #[test]
    fn narrow_terminals_get_a_bar_and_no_line_is_too_long() {
        let at = At::Stage { stage: 3, iteration: Some((40, 120)) };
        let narrow = lines("asking", Some(&progress(at)), Duration::from_secs(2), 50);
        assert_eq!(narrow, ["[####......] LASSO iteration 40 of 120  2.0 s"]);
        let short = lines("asking", Some(&progress(at)), Duration::from_secs(2), 20);
        assert_eq!(short[0].chars().count(), 19);
        assert_eq!(lines("asking", None, Duration::from_secs(2), 80), ["asking  2.0 s"]);
    }
}

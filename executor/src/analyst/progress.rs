//! How far a query has come, from public quantities alone.
//!
//! What the local stages are doing is not told: how long an owner takes at home is its own. They all end in the moment in
//! which the first step on shares begins.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use planner::catalog::Federation;
use planner::explain::{Stage, Stages, stages};
use planner::plan::SecurePlan;

use crate::figures::{Figures, Mark};

/// Is told how far a query has come.
pub type ProgressHook = Arc<dyn Fn(&Progress) + Send + Sync>;

/// How far a query has come.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// All stages, in the order in which they run. Those of owners and sharing run at once.
    pub stages: Arc<[Stage]>,
    /// Where it is.
    pub at: At,
    /// What the first seat has taken so far.
    pub figures: Figures,
    /// Since the query was submitted.
    pub elapsed: Duration,
    /// How much longer it will take, if that can be guessed.
    pub remaining: Option<Duration>,
}

/// A point in the life of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum At {
    /// The parties agree on the plan, owners compute at home and share.
    #[default]
    Sharing,
    /// This stage of the secure part has begun.
    Stage {
        /// Its number.
        stage: usize,
        /// The iteration that has begun, counted from 1, and how many there are.
        iteration: Option<(u64, u64)>,
    },
    /// All seats have given their shares.
    Answered,
}

impl Progress {
    /// The name of the stage that runs: `sharing`, `group by`, `LASSO iteration 40 of 120`.
    pub fn stage_name(&self) -> String {
        match self.at {
            At::Sharing => "sharing".to_owned(),
            At::Answered => "answered".to_owned(),
            At::Stage { stage, iteration } => {
                let name = self.stages.get(stage).map_or("?", |stage| &stage.name);
                match iteration {
                    None => name.to_owned(),
                    Some((number, of)) => format!("{name} iteration {number} of {of}"),
                }
            }
        }
    }

    /// The part of the query's planned messages that is done, from 0 to 1.
    pub fn fraction(&self) -> f64 {
        if self.at == At::Answered {
            return 1.0;
        }
        let sum = |figure: fn(&Stage) -> u64| self.stages.iter().map(figure).sum::<u64>();
        let planned = weight(sum(|stage| stage.rounds), sum(|stage| stage.bytes));
        let done = weight(self.figures.rounds, self.figures.sent_bytes);
        if planned > 0.0 { (done / planned).min(0.99) } else { 0.0 }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {:.1} s", self.stage_name(), self.elapsed.as_secs_f64())
    }
}

/// How long messages take, roughly, in bytes: a round costs as much as this many.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn weight(rounds: u64, bytes: u64) -> f64 {
    const ROUND_BYTES: f64 = 50_000.0;
    rounds as f64 * ROUND_BYTES + bytes as f64
}

/// Follows one query and tells a hook.
pub(crate) struct Watch {
    hook: Option<ProgressHook>,
    of_node: Vec<usize>,
    start: Instant,
    state: Mutex<State>,
}

struct State {
    progress: Progress,
    /// When the first step on shares began.
    secure: Option<Instant>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("start", &self.start).finish_non_exhaustive()
    }
}

impl Watch {
    /// Begins with the submission, which is told.
    pub(crate) fn new(plan: &SecurePlan, federation: &Federation, hook: Option<ProgressHook>) -> Self {
        let Stages { list, of_node } =
            if hook.is_some() { stages(plan, federation) } else { Stages::default() };
        let progress = Progress { stages: list.into(), ..Progress::default() };
        let watch = Watch {
            hook,
            of_node,
            start: Instant::now(),
            state: Mutex::new(State { progress, secure: None }),
        };
        watch.tell(|_| {});
        watch
    }

    /// For the life of a query without a plan.
    #[cfg(test)]
    pub(crate) fn nobody() -> Self {
        let state = State { progress: Progress::default(), secure: None };
        Watch { hook: None, of_node: Vec::new(), start: Instant::now(), state: Mutex::new(state) }
    }

    /// Seat 0 has reached a point; one that the plan has not is left out.
    pub(crate) fn mark(&self, mark: Mark) {
        let node = usize::try_from(mark.node).unwrap_or(usize::MAX);
        let Some(&stage) = self.of_node.get(node) else { return };
        let iteration = mark.iteration.map(|(number, of)| (number.saturating_add(1), of));
        self.tell(|state| {
            let secure = *state.secure.get_or_insert_with(Instant::now);
            state.progress.at = At::Stage { stage, iteration };
            state.progress.figures = mark.figures;
            state.progress.remaining = remaining(state.progress.fraction(), secure.elapsed());
        });
    }

    /// All shares are there.
    pub(crate) fn answered(&self) {
        self.tell(|state| {
            state.progress.at = At::Answered;
            state.progress.remaining = Some(Duration::ZERO);
        });
    }

    fn tell(&self, change: impl FnOnce(&mut State)) {
        let Some(hook) = &self.hook else { return };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        state.progress.elapsed = self.start.elapsed();
        hook(&state.progress);
    }
}

/// What is left, if enough is done to tell.
fn remaining(fraction: f64, taken: Duration) -> Option<Duration> {
    const ENOUGH: f64 = 0.05;
    (fraction > ENOUGH).then(|| taken.mul_f64((1.0 - fraction) / fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str, rounds: u64) -> Stage {
        Stage { name: name.to_owned(), rows: None, rounds, bytes: 0 }
    }

    #[test]
    fn marks_move_through_the_stages() {
        let told: Arc<Mutex<Vec<Progress>>> = Arc::default();
        let sink = Arc::clone(&told);
        let hook: ProgressHook = Arc::new(move |progress| sink.lock().unwrap().push(progress.clone()));
        let stages = vec![stage("local at hospital", 0), stage("sharing", 1), stage("LASSO", 99)];
        let progress = Progress { stages: stages.into(), ..Progress::default() };
        let state = Mutex::new(State { progress, secure: None });
        let watch = Watch { hook: Some(hook), of_node: vec![0, 2], start: Instant::now(), state };
        let figures = |rounds| Figures { rounds, sent_bytes: 0 };
        watch.mark(Mark { node: 1, iteration: None, figures: figures(1) });
        watch.mark(Mark { node: 1, iteration: Some((39, 120)), figures: figures(50) });
        watch.mark(Mark { node: 7, iteration: None, figures: figures(50) });
        watch.answered();
        let told = told.lock().unwrap();
        let names: Vec<String> = told.iter().map(Progress::stage_name).collect();
        assert_eq!(names, ["LASSO", "LASSO iteration 40 of 120", "answered"]);
        let fractions: Vec<f64> = told.iter().map(Progress::fraction).collect();
        assert_eq!(fractions, [0.01, 0.5, 1.0]);
        assert_eq!((told[0].remaining, told[2].remaining), (None, Some(Duration::ZERO)));
        assert!(told[1].remaining.is_some());
    }
}

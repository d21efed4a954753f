//! What batch runs have and the interactive shell shares: variables, a report, a dry run.

mod dry_run;
mod report;
mod variables;

pub use dry_run::dry_run;
pub use report::{Entry, RunReport};
pub use variables::{Expanded, Variables};

use planner::Class;

/// Which of two classes is worse: the more so, the less the user can do about it.
pub fn severity(class: Class) -> u8 {
    match class {
        Class::Invalid => 0,
        Class::Refused => 1,
        Class::Resource => 2,
        Class::Peer => 3,
        Class::Source => 4,
        Class::Abort => 5,
        Class::Internal => 6,
    }
}

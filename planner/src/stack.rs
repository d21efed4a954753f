//! A stack of known size for planning.
//!
//! The SQL front end and its rules recurse over the query. How much stack that takes depends on the query and on how
//! the program was compiled, not on data; how much there is must not depend on who calls. So planning runs on a stack
//! of its own, and the limits on a query's depth (operators, nesting, joins) are chosen to fit it without
//! optimisation. This is no parallelism: the caller waits.

use std::thread;

use crate::error::{Class, Error, Result};

/// Enough for the deepest query that is let through, twice over.
const STACK_BYTES: usize = 64 << 20;

/// Runs `work` on a stack of its own.
///
/// # Errors
/// Those of `work`; [`Class::Resource`] if there is no memory for the stack; [`Class::Internal`] if the engine panics.
pub(crate) fn on_own_stack<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("planner".to_owned()).stack_size(STACK_BYTES);
        let running = thread
            .spawn_scoped(scope, work)
            .map_err(|_| Error::new(Class::Resource, "no memory for planning the statement"))?;
        running.join().unwrap_or_else(|_| Err(Error::internal("planning the statement failed")))
    })
}

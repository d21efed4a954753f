//! SIGINT and SIGTERM.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

/// Whether Ctrl-C belongs to the interactive shell at the moment.
static IN_SHELL: AtomicBool = AtomicBool::new(false);

/// While this value lives, Ctrl-C is the interactive shell's and does not end the program.
#[derive(Debug)]
pub struct ShellOwnsInterrupt(());

impl ShellOwnsInterrupt {
    /// Takes Ctrl-C over.
    pub fn take() -> Self {
        IN_SHELL.store(true, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for ShellOwnsInterrupt {
    fn drop(&mut self) {
        IN_SHELL.store(false, Ordering::Relaxed);
    }
}

/// Resolves when the program is to end, with the exit code that shells expect: 128 and the signal's number. Never, if
/// signals cannot be caught: then they end the program by themselves.
pub async fn ended() -> u8 {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    loop {
        tokio::select! {
            _ = interrupt.recv() => if !IN_SHELL.load(Ordering::Relaxed) { return 130 },
            _ = terminate.recv() => return 143,
        }
    }
}

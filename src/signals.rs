//! The ready-made unit that stops a group on INT, TERM and QUIT. Like anybody's unit it uses the
//! public vocabulary alone; only how the second signal prints and ends the process is the library's.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::{self, Handle};

use crate::context::RunContext;
use crate::failure::BoxError;
use crate::snapshot::Snapshot;
use crate::stop::StopReason;
use crate::sync::Mutex;
use crate::terminal;
use crate::unit::{PreRunner, Unit};

const STOPPING: [i32; 3] = [SIGINT, SIGTERM, SIGQUIT];

/// How long the last words of a process may take: which units still run.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// There is one set of signal handlers in a process, so one group has it at a time.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Stops its group on SIGINT, SIGTERM and SIGQUIT.
///
/// The first signal stops the group gracefully, in the pre-run phase, too. A second one, received
/// after the first was taken, ends the process at once with the exit code 128 + its number, after it
/// was written to stderr which units still run, which may take 100 ms at most. That is the one case
/// in which the library ends the process.
///
/// Register it first: it is then there for everybody else's pre-run, and the last to leave. A group
/// without it touches no signal, and one group of a process can have it at a time: the pre-run of a
/// second one fails. When the run is over the signals do again what they do by default.
///
/// # Limitations
///
/// Handlers that were installed by others before are called as well, as `signal-hook` does it. Two
/// signals in such quick succession that the second is there before the first was taken are one.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, Signals, StopReason, service_fn};
/// use signal_hook::consts::SIGTERM;
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(Signals::new());
/// group.register(service_fn("server", |ctx| {
///     signal_hook::low_level::raise(SIGTERM)?; // somebody says kill
///     ctx.stopped().wait();
///     Ok(())
/// }));
/// let report = group.run().unwrap();
/// assert_eq!(report.reason(), &StopReason::Signal(SIGTERM));
/// ```
#[derive(Default)]
pub struct Signals {
    /// Ends the wait for signals.
    handle: Mutex<Option<Handle>>,
}

impl Signals {
    /// The unit is named `signals`.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, Signals};
    ///
    /// let mut group = Group::new("demo");
    /// group.register(Signals::new());
    /// assert_eq!(group.list_units(), "Group: demo [cli]\n- prerun: signals");
    /// ```
    pub fn new() -> Self {
        Self::default()
    }
}

impl Unit for Signals {
    fn name(&self) -> &'static str {
        "signals"
    }

    fn as_pre_runner(&self) -> Option<&dyn PreRunner> {
        Some(self)
    }

    fn root_only(&self) -> bool {
        true
    }
}

impl PreRunner for Signals {
    fn pre_run(&self, ctx: &RunContext) -> Result<(), BoxError> {
        // SeqCst, here and below: once a run, and nobody should have to think about it.
        if TAKEN.swap(true, Ordering::SeqCst) {
            return Err("the signals are taken by another group of this process".into());
        }
        let result = self.listen(ctx);
        if result.is_err() {
            TAKEN.store(false, Ordering::SeqCst);
        }
        result
    }

    fn post_run(&self) -> Result<(), BoxError> {
        // In this order no signal is lost: first it kills again, then nobody listens any more.
        default_action()?.store(true, Ordering::SeqCst);
        if let Some(handle) = self.handle.lock().take() {
            handle.close();
        }
        TAKEN.store(false, Ordering::SeqCst);
        Ok(())
    }
}

impl Signals {
    fn listen(&self, ctx: &RunContext) -> Result<(), BoxError> {
        let default = default_action()?;
        let mut signals = iterator::Signals::new(STOPPING)?;
        let handle = signals.handle();
        let group = ctx.clone();
        ctx.spawn_helper("listen", move || {
            let Some(first) = next_signal(&mut signals) else { return };
            group.handle().stop(StopReason::Signal(first));
            if let Some(second) = next_signal(&mut signals) {
                end_process(&group, second);
            }
        })?;
        default.store(false, Ordering::SeqCst);
        *self.handle.lock() = Some(handle);
        Ok(())
    }
}

/// Waits for a signal; `None` at the end of the run. Those that come at once are one: a second is one
/// that was received after the stop of the first was taken, and not beside it.
fn next_signal(signals: &mut iterator::Signals) -> Option<i32> {
    loop {
        // All of them, and not just the next: what is not looked at stays for the next call.
        let received: Vec<i32> = signals.wait().collect();
        if let Some(&first) = received.first() {
            return Some(first);
        }
        if signals.is_closed() {
            return None;
        }
    }
}

/// Whether the signals do what they do by default. `signal-hook` cannot take its handlers out again;
/// this one, installed once in the life of the process and before ours, stands in for the default
/// whenever no group listens.
fn default_action() -> Result<Arc<AtomicBool>, std::io::Error> {
    static DEFAULT: OnceLock<Arc<AtomicBool>> = OnceLock::new();

    if let Some(default) = DEFAULT.get() {
        return Ok(default.clone());
    }
    let default = Arc::new(AtomicBool::new(true));
    for signal in STOPPING {
        signal_hook::flag::register_conditional_default(signal, default.clone())?;
    }
    Ok(DEFAULT.get_or_init(|| default).clone())
}

/// The second signal. Whatever is stuck, stderr included, the process ends.
fn end_process(ctx: &RunContext, signal: i32) -> ! {
    let (done, written) = crossbeam_channel::bounded::<()>(0);
    let group = ctx.handle().clone();
    let last_words = ctx.spawn_helper("last-words", move || {
        let reason = StopReason::Signal(signal);
        let Snapshot { calling, units } = group.snapshot();
        let mut text = format!("{}: {reason} again, ending at once", group.name());
        if let Some((unit, phase)) = calling {
            let _ = write!(text, "\n  unit '{unit}' is still in {phase}");
        }
        for unit in units.iter().filter(|unit| !unit.state.is_terminal() && !unit.group) {
            let _ = write!(text, "\n  unit '{}' is still {}", unit.path, unit.state);
            for thread in &unit.threads {
                let _ = write!(text, ": {thread}");
            }
        }
        text.push('\n');
        terminal::err(&text);
        drop(done);
    });
    if last_words.is_ok() {
        let _ = written.recv_timeout(LAST_WORDS);
    }
    terminal::end_process(128 + signal)
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use signal_hook::consts::{SIGURG, SIGWINCH};
    use signal_hook::low_level::raise;

    use super::{iterator, next_signal};

    /// The two do nothing by default, so that they harm no other test.
    #[test]
    fn o1_signals_that_come_at_once_are_one() {
        let mut signals = iterator::Signals::new([SIGURG, SIGWINCH]).unwrap();
        raise(SIGURG).unwrap();
        raise(SIGWINCH).unwrap();
        assert!(next_signal(&mut signals).is_some());
        raise(SIGWINCH).unwrap();
        assert_eq!(next_signal(&mut signals), Some(SIGWINCH));
        signals.handle().close();
        assert_eq!(next_signal(&mut signals), None);
    }
}

//! The one place that spawns threads, and what is known of them from outside: to whom they belong,
//! and, on Linux, where they wait.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{Builder, JoinHandle};

/// Which run a thread works for, and for which of its units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The thread that called `run`: it executes the config, pre-run and post-run callbacks.
    Caller { run: u64 },
    /// A thread of a unit's incarnation.
    Unit { run: u64, unit: usize },
    /// In a call that stops a unit, whose end may be waited for there; but not that of a group above it.
    Call { run: u64, unit: usize },
    /// A thread that calls what stops units, writes the log, or helps a pre-runner.
    Helper { run: u64 },
    /// Inside a reload, on whatever thread asked for it.
    Reload { run: u64 },
}

impl Place {
    pub(crate) fn run(self) -> u64 {
        match self {
            Place::Caller { run }
            | Place::Unit { run, .. }
            | Place::Call { run, .. }
            | Place::Helper { run }
            | Place::Reload { run } => run,
        }
    }
}

thread_local! {
    /// The outermost place. Most threads have no other, and it has no memory to be freed with them.
    static OUTERMOST: Cell<Option<Place>> = const { Cell::new(None) };
    /// The places within that, the innermost last: a service may run a group of its own.
    static WITHIN: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

/// Whether this thread is at a place for which `found` holds.
pub(crate) fn is_at(found: impl Fn(Place) -> bool) -> bool {
    let within = |places: &RefCell<Vec<Place>>| places.borrow().iter().any(|&place| found(place));
    OUTERMOST.get().is_some_and(|place| found(place) || WITHIN.try_with(within).unwrap_or(false))
}

/// Marks this thread as working for `place` until the guard is dropped. Guards go in the reverse order.
pub(crate) fn enter(place: Place) -> Entered {
    let is_outermost = OUTERMOST.get().is_none();
    if is_outermost {
        OUTERMOST.set(Some(place));
    } else {
        WITHIN.with(|places| places.borrow_mut().push(place));
    }
    Entered { is_outermost }
}

/// See [`enter`].
pub(crate) struct Entered {
    is_outermost: bool,
}

impl Drop for Entered {
    fn drop(&mut self) {
        if self.is_outermost {
            debug_assert!(
                WITHIN.try_with(|it| it.borrow().is_empty()).unwrap_or(true),
                "out of order"
            );
            OUTERMOST.set(None);
        } else {
            let _ = WITHIN.try_with(|places| places.borrow_mut().pop());
        }
    }
}

/// What identifies a thread to a person: its name in full, and the system's number for it, which is
/// known once the thread runs.
#[derive(Debug)]
pub(crate) struct Identity {
    name: Arc<str>,
    os_id: AtomicU32,
}

impl Identity {
    pub(crate) fn new(name: Arc<str>) -> Self {
        Self { name, os_id: AtomicU32::new(0) }
    }

    /// Called by the thread itself.
    pub(crate) fn note_os_id(&self) {
        // Relaxed: a number for people, nothing is published by it.
        self.os_id.store(os_id().unwrap_or(0), Ordering::Relaxed);
    }

    /// What can be seen of the thread right now.
    pub(crate) fn status(&self) -> ThreadStatus {
        let id = match self.os_id.load(Ordering::Relaxed) {
            0 => None,
            id => Some(id),
        };
        let (state, waits_in) = id.map_or((None, None), |id| (state(id), wait_channel(id)));
        ThreadStatus { name: self.name.to_string(), id, state, waits_in }
    }
}

/// Spawns a named thread that works for no run: the one on which a test has a group run.
pub(crate) fn spawn_apart(
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    #[allow(clippy::disallowed_methods)] // this is the place that the lint points to
    builder(name)?.spawn(body)
}

/// Spawns a named thread. The name is kept in full; the system shows its first 15 bytes.
pub(crate) fn spawn(
    name: &str,
    stack_size: Option<usize>,
    place: Place,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let mut builder = builder(name)?;
    if let Some(size) = stack_size {
        builder = builder.stack_size(size);
    }
    #[allow(clippy::disallowed_methods)] // this is the place that the lint points to
    builder.spawn(move || {
        let _entered = enter(place);
        body();
    })
}

/// Still the system's error, by its kind, for whoever asks.
pub(crate) fn cannot_spawn(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot spawn thread '{name}': {error}"))
}

/// Lets those run first that could. It waits for nobody: where there are none it goes on at once.
pub(crate) fn give_way() {
    std::thread::yield_now();
}

fn builder(name: &str) -> io::Result<Builder> {
    if name.contains('\0') {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a thread's name contains NUL"));
    }
    let mut owned = String::with_capacity(name.len() + 1); // std appends a NUL
    owned.push_str(name);
    Ok(Builder::new().name(owned))
}

/// A thread as it was seen at one moment.
///
/// Its `Display` is for people: `thread 'store' (id 4711, sleeping in futex_do_wait)`.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, service_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("status", |ctx| {
///     let thread = &ctx.handle().snapshot().units[0].threads[0];
///     assert_eq!(thread.name, "status");
///     assert!(thread.to_string().starts_with("thread 'status'"));
///     Ok(())
/// }));
/// group.run()?;
/// # Ok::<(), rungroup::RunError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadStatus {
    /// The name in full.
    pub name: String,
    /// The system's number of the thread, where it is known.
    pub id: Option<u32>,
    /// Linux: what `/proc` says of its state, in words, such as `running` or `sleeping`.
    pub state: Option<&'static str>,
    /// Linux: the kernel function that it waits in, where it waits and `/proc` tells.
    pub waits_in: Option<String>,
}

impl fmt::Display for ThreadStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thread '{}'", self.name)?;
        let Some(id) = self.id else { return Ok(()) };
        write!(f, " (id {id}")?;
        if let Some(state) = self.state {
            write!(f, ", {state}")?;
            if let Some(function) = &self.waits_in {
                write!(f, " in {function}")?;
            }
        }
        f.write_str(")")
    }
}

#[cfg(all(target_os = "linux", feature = "net"))]
#[allow(clippy::unnecessary_wraps)] // the other one may not know
fn os_id() -> Option<u32> {
    Some(rustix::thread::gettid().as_raw_pid().unsigned_abs())
}

#[cfg(not(all(target_os = "linux", feature = "net")))]
fn os_id() -> Option<u32> {
    // `/proc/thread-self` is a link to `PID/task/TID`; without Linux there is none.
    std::fs::read_link("/proc/thread-self").ok()?.file_name()?.to_str()?.parse().ok()
}

fn state(id: u32) -> Option<&'static str> {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{id}/stat")).ok()?;
    // `id (name) S …`; the name may hold anything, a closing parenthesis too.
    let (_, rest) = stat.rsplit_once(')')?;
    Some(match rest.trim_start().chars().next()? {
        'R' => "running",
        'S' => "sleeping",
        'D' => "in uninterruptible sleep",
        'T' | 't' => "halted",
        'Z' | 'X' => "ending",
        _ => return None,
    })
}

fn wait_channel(id: u32) -> Option<String> {
    let function = std::fs::read_to_string(format!("/proc/self/task/{id}/wchan")).ok()?;
    let function = function.trim();
    (!function.is_empty() && function != "0").then(|| function.to_owned())
}

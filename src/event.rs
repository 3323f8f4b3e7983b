//! What happens to a group, as one ordered stream of values, and the subscriptions to it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError};

use crate::error::Error;
use crate::failure::{Failure, Outcome, Phase};
use crate::stop::StopReason;
use crate::sync::Mutex;
use crate::thread::ThreadStatus;

/// One thing that happened. Units are named by their path.
///
/// # Examples
///
/// ```
/// use rungroup::{Event, Group, service_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("short", |_ctx| Ok(())));
/// let events = group.handle().events(64);
/// group.run().unwrap();
/// let seen: Vec<String> = events.iter().map(|event| event.to_string()).collect();
/// assert!(seen.contains(&"unit 'short' starting".to_owned()));
/// assert!(seen.contains(&"stopping: unit 'short' stopped".to_owned()));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A unit's threads are being spawned, for the `attempt`-th time, counted from 1.
    Starting {
        /// The unit.
        unit: Arc<str>,
        /// Which incarnation.
        attempt: u32,
    },
    /// A unit is ready.
    Ready {
        /// The unit.
        unit: Arc<str>,
    },
    /// All units are ready.
    GroupReady,
    /// The group's end has begun.
    Stopping {
        /// Why.
        reason: StopReason,
    },
    /// A unit is told to stop, or, with `StopReason::Ended`, what is left of it.
    StopAsked {
        /// The unit.
        unit: Arc<str>,
        /// Why.
        reason: StopReason,
    },
    /// A unit's `serve` has returned. Threads of its own may still run.
    Ended {
        /// The unit.
        unit: Arc<str>,
        /// What it came back with.
        outcome: Outcome,
    },
    /// The last thread of a unit that has ended by itself has ended, and it is to start again.
    Restarting {
        /// The unit.
        unit: Arc<str>,
        /// Which incarnation comes next.
        attempt: u32,
        /// After how long.
        pause: Duration,
    },
    /// A unit would have been started again, but that is at its end.
    GaveUp {
        /// The unit.
        unit: Arc<str>,
        /// Why: `more than 5 restarts in 60s`.
        why: Arc<str>,
    },
    /// A unit was not ready within its start timeout, and is told to stop.
    NotReady {
        /// Which, and within what.
        failure: Failure,
    },
    /// A unit that has to be [heard of](crate::Registration::heartbeat) was not in time.
    Unresponsive {
        /// The unit.
        unit: Arc<str>,
        /// How long it has been silent.
        silent: Duration,
    },
    /// A unit that was unresponsive has been heard of again.
    Responsive {
        /// The unit.
        unit: Arc<str>,
    },
    /// A unit that is told to stop has got more time for it.
    StopExtended {
        /// The unit.
        unit: Arc<str>,
        /// How much, from now.
        by: Duration,
    },
    /// The last thread of a unit has ended, or it will not be started any more.
    Stopped {
        /// The unit.
        unit: Arc<str>,
        /// Whether its incarnation failed.
        failed: bool,
    },
    /// A callback other than `serve` failed, or a helper thread panicked.
    CallbackFailed {
        /// Which, and how.
        failure: Failure,
    },
    /// A unit is past its deadline: the others no longer wait for it.
    Late {
        /// The unit.
        unit: Arc<str>,
    },
    /// The run is over, and this was left behind.
    LeftBehind {
        /// The unit, if the thread is one of a unit.
        unit: Option<Arc<str>>,
        /// The thread.
        thread: ThreadStatus,
    },
    /// Something that the user should know though nothing is wrong: a deprecated flag, for one.
    Warning {
        /// What it is.
        text: String,
    },
    /// The settings were read again, and are in effect.
    Reloaded {
        /// The live flags that have another value now.
        changed: Arc<[String]>,
    },
    /// The settings were read again, and are not in effect: everything is as it was.
    ReloadRefused {
        /// All that is wrong with them.
        error: Error,
    },
    /// All pre-runs are done; these roles are in the group.
    Serving {
        /// Sorted, each once.
        roles: Arc<[String]>,
    },
    /// Every service has stopped or been left behind.
    ServicesStopped {
        /// How long that took since the end began.
        took: Duration,
    },
}

impl Event {
    /// The unit that it happened to, where it is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Event, Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("short", |_ctx| Ok(())));
    /// let events = group.handle().events(64);
    /// group.run()?;
    /// let starting = events.iter().find(|event| matches!(event, Event::Starting { .. }));
    /// assert_eq!(starting.as_ref().and_then(Event::unit), Some("short"));
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn unit(&self) -> Option<&str> {
        match self {
            Event::Starting { unit, .. }
            | Event::Ready { unit }
            | Event::StopAsked { unit, .. }
            | Event::Ended { unit, .. }
            | Event::Restarting { unit, .. }
            | Event::GaveUp { unit, .. }
            | Event::Unresponsive { unit, .. }
            | Event::Responsive { unit }
            | Event::StopExtended { unit, .. }
            | Event::Stopped { unit, .. }
            | Event::Late { unit } => Some(unit),
            Event::LeftBehind { unit, .. } => unit.as_deref(),
            Event::CallbackFailed { failure } | Event::NotReady { failure } => Some(failure.unit()),
            Event::GroupReady
            | Event::Warning { .. }
            | Event::Reloaded { .. }
            | Event::ReloadRefused { .. }
            | Event::Stopping { .. }
            | Event::Serving { .. }
            | Event::ServicesStopped { .. } => None,
        }
    }

    /// How serious it is, as a level of the `log` crate.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("fragile", |_ctx| Err("out of cheese".into())));
    /// let events = group.handle().events(64);
    /// assert!(group.run().is_err());
    /// let serious = events.iter().find(|event| event.level() == log::Level::Error).unwrap();
    /// assert_eq!(serious.to_string(), "unit 'fragile': serve failed: out of cheese");
    /// ```
    pub fn level(&self) -> log::Level {
        match self {
            Event::Ended { unit, outcome: Outcome::Failed(failure) }
                if failure.unit() == &**unit =>
            {
                log::Level::Error
            }
            // It ends the run there and then, whose result says it: once is enough.
            Event::CallbackFailed { failure } if failure.phase() == Phase::PreRun => {
                log::Level::Debug
            }
            Event::CallbackFailed { .. }
            | Event::LeftBehind { .. }
            | Event::GaveUp { .. }
            | Event::NotReady { .. }
            | Event::Unresponsive { .. }
            | Event::ReloadRefused { .. } => log::Level::Error,
            Event::Late { .. }
            | Event::Warning { .. }
            | Event::Restarting { .. }
            | Event::Responsive { .. } => log::Level::Warn,
            Event::GroupReady
            | Event::Stopping { .. }
            | Event::Reloaded { .. }
            | Event::ServicesStopped { .. } => log::Level::Info,
            Event::Serving { roles } if !roles.is_empty() => log::Level::Info,
            _ => log::Level::Debug,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Starting { unit, attempt: 1 } => write!(f, "unit '{unit}' starting"),
            Event::Starting { unit, attempt } => {
                write!(f, "unit '{unit}' starting, attempt {attempt}")
            }
            Event::Ready { unit } => write!(f, "unit '{unit}' ready"),
            Event::GroupReady => f.write_str("all units ready"),
            Event::Stopping { reason } => write!(f, "stopping: {reason}"),
            Event::StopAsked { unit, reason } => write!(f, "unit '{unit}' told to stop: {reason}"),
            Event::Ended { unit, outcome: Outcome::Ok } => write!(f, "unit '{unit}' ended: ok"),
            Event::Ended { unit, outcome: Outcome::Failed(failure) }
                if failure.unit() != &**unit =>
            {
                write!(f, "unit '{unit}' ended: {failure}")
            }
            Event::Ended { outcome: Outcome::Failed(failure), .. }
            | Event::NotReady { failure }
            | Event::CallbackFailed { failure } => failure.fmt(f),
            Event::Restarting { unit, attempt, pause: Duration::ZERO } => {
                write!(f, "unit '{unit}' starts again at once, attempt {attempt}")
            }
            Event::Restarting { unit, attempt, pause } => {
                write!(f, "unit '{unit}' starts again in {pause:.1?}, attempt {attempt}")
            }
            Event::GaveUp { unit, why } => write!(f, "unit '{unit}' is given up: {why}"),
            Event::Unresponsive { unit, silent } => {
                write!(f, "unit '{unit}' does not respond, silent for {silent:.1?}")
            }
            Event::Responsive { unit } => write!(f, "unit '{unit}' responds again"),
            Event::StopExtended { unit, by } => {
                write!(f, "unit '{unit}' has {by:.1?} more to stop")
            }
            Event::Stopped { unit, failed: false } => write!(f, "unit '{unit}' stopped"),
            Event::Stopped { unit, failed: true } => write!(f, "unit '{unit}' failed"),
            Event::Late { unit } => write!(f, "unit '{unit}' is past its deadline"),
            Event::LeftBehind { unit: Some(unit), thread } => {
                write!(f, "unit '{unit}' did not stop: {thread} is left behind")
            }
            Event::LeftBehind { unit: None, thread } => write!(f, "{thread} is left behind"),
            Event::Warning { text } => f.write_str(text),
            Event::Reloaded { changed } => match &changed[..] {
                [] => f.write_str("reloaded, no live setting has changed"),
                changed => write!(f, "reloaded, changed: {}", changed.join(", ")),
            },
            Event::ReloadRefused { error } => {
                write!(f, "not reloaded, all stays as it was: {error}")
            }
            Event::Serving { roles } => match &roles[..] {
                [] => f.write_str("serving"),
                roles => write!(f, "serving, roles: {}", roles.join(", ")),
            },
            Event::ServicesStopped { took } => write!(f, "all services stopped in {took:.1?}"),
        }
    }
}

/// A bounded subscription to a group's events; see `GroupHandle::events`. It ends when the run is
/// over and what is still in it has been read. A subscriber that is slow misses events, the newest
/// ones, and delays nobody.
///
/// # Examples
///
/// ```
/// use rungroup::{Event, Group, service_fn};
/// use std::thread;
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("short", |_ctx| Ok(())));
/// let events = group.handle().events(64);
/// let watcher = thread::spawn(move || {
///     let ended = |event: &Event| matches!(event, Event::Ended { .. });
///     events.iter().filter(ended).count()
/// });
/// group.run()?;
/// assert_eq!(watcher.join().unwrap(), 1);
/// # Ok::<(), rungroup::RunError>(())
/// ```
#[derive(Debug)]
pub struct Events {
    receiver: Receiver<Event>,
    missed: Arc<AtomicU64>,
}

impl Events {
    /// Blocks for the next event; `None` when the run is over and all have been read.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("short", |_ctx| Ok(())));
    /// let events = group.handle().events(64);
    /// group.run()?;
    /// assert_eq!(events.next_event().unwrap().to_string(), "serving");
    /// while let Some(event) = events.next_event() {
    ///     assert_ne!(event.level(), log::Level::Error);
    /// }
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn next_event(&self) -> Option<Event> {
        self.receiver.recv().ok()
    }

    /// The events as they come, until the run is over.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("short", |_ctx| Ok(())));
    /// let events = group.handle().events(64);
    /// group.run()?;
    /// let of_unit = events.iter().filter(|event| event.unit() == Some("short"));
    /// let story: Vec<String> = of_unit.map(|event| event.to_string()).collect();
    /// assert_eq!(story[0], "unit 'short' starting");
    /// assert_eq!(story[1], "unit 'short' ready");
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        self.receiver.iter()
    }

    /// How many events found the subscription full and were dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("short", |_ctx| Ok(())));
    /// let events = group.handle().events(1); // nobody reads them meanwhile
    /// group.run()?;
    /// assert_eq!(events.iter().count(), 1);
    /// assert!(events.missed() > 0);
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed) // a number, nothing is published by it
    }

    /// For crossbeam's `select!`.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::{never, select};
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("short", |_ctx| Ok(())));
    /// let events = group.handle().events(64);
    /// group.run()?;
    /// let commands = never::<String>();
    /// select! {
    ///     recv(events.receiver()) -> event => assert_eq!(event?.to_string(), "serving"),
    ///     recv(commands) -> command => unreachable!("{command:?}"),
    /// }
    /// # Ok::<(), rungroup::BoxError>(())
    /// ```
    pub fn receiver(&self) -> &Receiver<Event> {
        &self.receiver
    }
}

/// Where events are published. Closed at the end of the run, which ends the subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    subscribers: Mutex<Subscribers>,
    /// Relaxed is enough: whoever subscribes before something happens has an order with it by other means,
    /// as the board's lock.
    had_any: AtomicBool,
}

#[derive(Debug, Default)]
struct Subscribers {
    closed: bool,
    list: Vec<Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    sender: Sender<Event>,
    missed: Arc<AtomicU64>,
}

impl Hub {
    /// At least one event is held, whatever `capacity` says.
    pub(crate) fn subscribe(&self, capacity: usize) -> Events {
        let (sender, receiver) = crossbeam_channel::bounded(capacity.max(1));
        let missed = Arc::new(AtomicU64::new(0));
        let mut subscribers = self.subscribers.lock();
        if !subscribers.closed {
            subscribers.list.push(Subscriber { sender, missed: missed.clone() });
            self.had_any.store(true, Ordering::Relaxed);
        }
        Events { receiver, missed }
    }

    /// Never blocks on a subscriber.
    pub(crate) fn publish(&self, event: &Event) {
        self.subscribers.lock().list.retain(|subscriber| {
            match subscriber.sender.try_send(event.clone()) {
                Ok(()) => true,
                Err(TrySendError::Full(_)) => {
                    subscriber.missed.fetch_add(1, Ordering::Relaxed);
                    true
                }
                Err(TrySendError::Disconnected(_)) => false,
            }
        });
    }

    /// Whether there is a subscriber, or was. Never blocks.
    pub(crate) fn may_be_heard(&self) -> bool {
        self.had_any.load(Ordering::Relaxed)
    }

    /// The subscribers of `other` are this one's from now on.
    pub(crate) fn take_over(&self, other: &Hub) {
        let theirs = std::mem::take(&mut other.subscribers.lock().list);
        let mut subscribers = self.subscribers.lock();
        if !subscribers.closed {
            self.had_any.fetch_or(!theirs.is_empty(), Ordering::Relaxed);
            subscribers.list.extend(theirs);
        }
    }

    pub(crate) fn close(&self) {
        let mut subscribers = self.subscribers.lock();
        subscribers.closed = true;
        subscribers.list.clear();
    }
}

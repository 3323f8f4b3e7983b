//! Publishes the events of a run to its subscribers, and to the log by one subscriber of its own: on
//! a thread, so that a stuck log cannot hold a stop, and only when there is a logger. It may be a
//! pre-run that sets one up: what happens before is kept for it.

use std::sync::Arc;
use std::time::Duration;

use super::crew::{Crew, RUN_IS_OVER};
use crate::clock;
use crate::event::{Event, Events, Hub};
use crate::sync::Mutex;
use crate::thread::{Place, ThreadStatus};

/// How many events may wait for the logger.
const ROOM: usize = 4096;

/// How long the run waits at its end for the logger to write what is left.
const DRAIN: Duration = Duration::from_secs(1);

/// See the module. The lock of the logger is taken before that of the hub.
#[derive(Debug)]
pub(crate) struct Publisher {
    run: u64,
    hub: Hub,
    logger: Mutex<Logger>,
}

/// The thread that writes the log.
#[derive(Debug)]
enum Logger {
    /// Nothing was to be logged yet, and a pre-run may still set up the program's logger.
    Early(Kept),
    /// Nothing was to be logged yet.
    Due,
    Started(Arc<Crew>),
    /// The events are over: a thread that started now would be nobody's to join.
    Closed,
}

/// What nobody would have logged when it happened, in that order.
#[derive(Debug, Default)]
struct Kept {
    events: Vec<Event>,
    missed: u64,
}

impl Kept {
    fn keep(&mut self, event: &Event) {
        if self.events.len() < ROOM {
            self.events.push(event.clone());
        } else {
            self.missed += 1;
        }
    }

    /// Whether the program's logger, if there is one by now, wants any of it.
    fn is_wanted(&self) -> bool {
        let level = log::max_level();
        self.events.iter().any(|event| level >= event.level())
    }
}

impl Publisher {
    pub(crate) fn new(run: u64) -> Self {
        let logger = Mutex::new(Logger::Early(Kept::default()));
        Self { run, hub: Hub::default(), logger }
    }

    pub(crate) fn subscribe(&self, capacity: usize) -> Events {
        self.hub.subscribe(capacity)
    }

    /// The subscribers of a group that is registered with this one's.
    pub(crate) fn take_over(&self, other: &Publisher) {
        self.hub.take_over(&other.hub);
    }

    /// Whether somebody may hear of what happens while the group serves: a subscriber, or a logger. Never
    /// blocks.
    pub(super) fn may_be_heard(&self) -> bool {
        log::max_level() > log::LevelFilter::Off || self.hub.may_be_heard()
    }

    pub(crate) fn publish(&self, event: &Event) {
        let mut left = None;
        let mut logger = self.logger.lock();
        if log::max_level() >= event.level() {
            left = self.start(&mut logger);
        } else if let Logger::Early(kept) = &mut *logger {
            kept.keep(event);
        }
        // Under the lock: the logger gets an event as one that was kept, or as a subscriber, and a
        // thread that started in between would get it as both.
        self.hub.publish(event);
        drop(logger);
        drop(left);
    }

    /// A pre-run is done: if there is a logger by now it is given what was kept for it.
    pub(crate) fn catch_up(&self) {
        let mut logger = self.logger.lock();
        let is_wanted = matches!(&*logger, Logger::Early(kept) if kept.is_wanted());
        let left = if is_wanted { self.start(&mut logger) } else { None };
        drop(logger);
        drop(left);
    }

    /// No pre-run is to come: nothing is kept any longer.
    pub(crate) fn pre_runs_are_over(&self) {
        self.catch_up();
        let mut logger = self.logger.lock();
        if matches!(*logger, Logger::Early(_)) {
            let unwanted = std::mem::replace(&mut *logger, Logger::Due);
            drop(logger); // the drop of an error in it is the program's code
            drop(unwanted);
        }
    }

    /// Gives the logger a thread, and that what was kept. If there is none, it is left in what is handed
    /// back, which is to be dropped without the lock: the drop of an error in it is the program's code.
    fn start(&self, logger: &mut Logger) -> Option<Arc<Mutex<Kept>>> {
        let kept = match logger {
            Logger::Early(kept) => std::mem::take(kept),
            Logger::Due => Kept::default(),
            Logger::Started(_) | Logger::Closed => return None,
        };
        let crew = Arc::new(Crew::new(RUN_IS_OVER));
        let events = self.hub.subscribe(ROOM);
        let kept = Arc::new(Mutex::new(kept));
        let handed_over = kept.clone();
        let body = move |_: &Arc<Crew>| {
            let kept = std::mem::take(&mut *handed_over.lock());
            write_log(kept, &events);
        };
        let place = Place::Helper { run: self.run };
        // Without a thread there is no log; the run goes on, and its result says what happened.
        let _ = Crew::spawn(&crew, &"rungroup-log".into(), None, place, body, Crew::tell_nobody);
        *logger = Logger::Started(crew);
        Some(kept)
    }

    /// Ends all subscriptions and joins the logger; if it is stuck, it is returned.
    pub(crate) fn close(&self) -> Vec<ThreadStatus> {
        self.pre_runs_are_over();
        self.hub.close();
        let logger = std::mem::replace(&mut *self.logger.lock(), Logger::Closed);
        let Logger::Started(crew) = logger else { return Vec::new() };
        crew.owner_leaves(|_last| {});
        crew.wait_for_at_most(0, clock::after(DRAIN));
        crew.abandon()
    }
}

fn write_log(kept: Kept, events: &Events) {
    // A logger that panics ends the logging, not the run.
    let _ = crate::panic::catch(|| {
        kept.events.into_iter().for_each(|event| write(&event));
        events.iter().for_each(|event| write(&event));
        let missed = kept.missed + events.missed();
        if missed > 0 {
            log::warn!(target: "rungroup", "{missed} events were too fast for the log");
        }
    });
}

fn write(event: &Event) {
    let unit = event.unit().unwrap_or_default();
    log::log!(target: "rungroup", event.level(), unit = unit; "{event}");
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use super::{Event, Logger, Publisher};

    /// The log's level is the process's: a test that needs one has it while it holds this.
    pub(in crate::supervisor) fn log_level(level: log::LevelFilter) -> MutexGuard<'static, ()> {
        static LEVEL: Mutex<()> = Mutex::new(());
        let guard = LEVEL.lock().unwrap_or_else(PoisonError::into_inner);
        log::set_max_level(level);
        guard
    }

    /// A helper that was left behind may fail after the run.
    #[test]
    fn l11_an_event_after_the_end_starts_no_thread() {
        let _level = log_level(log::LevelFilter::Trace);
        let publisher = Publisher::new(0);
        assert!(publisher.close().is_empty());
        publisher.publish(&Event::GroupReady);
        assert!(matches!(*publisher.logger.lock(), Logger::Closed));
    }
}

//! Publishes the events of a run to its subscribers, and to the log by one subscriber of its own: on
//! a thread, so that a stuck log cannot hold a stop, and only when there is a logger.

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

/// See the module.
#[derive(Debug)]
pub(crate) struct Publisher {
    run: u64,
    hub: Hub,
    logger: Mutex<Logger>,
}

/// The thread that writes the log.
#[derive(Debug, Default)]
enum Logger {
    /// Nothing was to be logged yet.
    #[default]
    Due,
    Started(Arc<Crew>),
    /// The events are over: a thread that started now would be nobody's to join.
    Closed,
}

impl Publisher {
    pub(crate) fn new(run: u64) -> Self {
        Self { run, hub: Hub::default(), logger: Mutex::default() }
    }

    pub(crate) fn subscribe(&self, capacity: usize) -> Events {
        self.hub.subscribe(capacity)
    }

    /// The subscribers of a group that is registered with this one's.
    pub(crate) fn take_over(&self, other: &Publisher) {
        self.hub.take_over(&other.hub);
    }

    pub(crate) fn publish(&self, event: &Event) {
        if log::max_level() >= event.level() {
            self.start_logger();
        }
        self.hub.publish(event);
    }

    fn start_logger(&self) {
        let mut logger = self.logger.lock();
        if !matches!(*logger, Logger::Due) {
            return;
        }
        let crew = Arc::new(Crew::new(RUN_IS_OVER));
        let events = self.hub.subscribe(ROOM);
        let body = move || write_log(&events);
        let place = Place::Helper { run: self.run };
        // Without a thread there is no log; the run goes on, and its result says what happened.
        let _ = crew.spawn(&"rungroup-log".into(), None, place, body, |(), _last| {});
        *logger = Logger::Started(crew);
    }

    /// Ends all subscriptions and joins the logger; if it is stuck, it is returned.
    pub(crate) fn close(&self) -> Vec<ThreadStatus> {
        self.hub.close();
        let logger = std::mem::replace(&mut *self.logger.lock(), Logger::Closed);
        let Logger::Started(crew) = logger else { return Vec::new() };
        crew.owner_leaves(|_last| {});
        crew.wait_for_at_most(0, clock::after(DRAIN));
        crew.abandon()
    }
}

fn write_log(events: &Events) {
    // A logger that panics ends the logging, not the run.
    let _ = crate::panic::catch(|| {
        for event in events.iter() {
            let unit = event.unit().unwrap_or_default();
            log::log!(target: "rungroup", event.level(), unit = unit; "{event}");
        }
        if events.missed() > 0 {
            log::warn!(target: "rungroup", "{} events were too fast for the log", events.missed());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::{Event, Logger, Publisher};

    /// A helper that was left behind may fail after the run.
    #[test]
    fn l11_an_event_after_the_end_starts_no_thread() {
        log::set_max_level(log::LevelFilter::Trace);
        let publisher = Publisher::new(0);
        assert!(publisher.close().is_empty());
        publisher.publish(&Event::GroupReady);
        assert!(matches!(*publisher.logger.lock(), Logger::Closed));
    }
}

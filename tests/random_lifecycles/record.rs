//! What happened in a lifecycle, as the units themselves wrote it down, one note after the other. The
//! library's own report is not asked here.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use rungroup::{ErrorKind, NotReady, StopReason};

use crate::plan::How;

/// What a unit does, or what is done to it.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    PreRunIn,
    PreRunOut(How),
    PostRunIn,
    PostRunOut(How),
    Enter {
        attempt: u32,
        instance: u32,
    },
    /// It is about to say so.
    Ready {
        attempt: u32,
    },
    /// It has seen its token.
    Told {
        reason: StopReason,
    },
    /// With what its token said when it left.
    Leave {
        attempt: u32,
        instance: u32,
        how: How,
        told: Option<StopReason>,
    },
    HelperIn {
        attempt: u32,
    },
    HelperOut {
        attempt: u32,
        how: How,
    },
    OnStopIn {
        attempt: u32,
    },
    OnStopOut {
        attempt: u32,
        how: How,
    },
    GracefulIn,
    GracefulOut(How),
    /// It has said that it is alive, and was about to at this time.
    Beat {
        attempt: u32,
        instance: u32,
        from: Instant,
    },
    /// From here on it does not.
    SilentIn {
        attempt: u32,
    },
    SilentOut {
        attempt: u32,
        why: Heard,
    },
    /// Its beats were noticed again.
    HeardAgain {
        attempt: u32,
    },
}

/// Why a unit is silent no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An event said that it is unresponsive.
    Noticed,
    /// It was unresponsive before.
    Already,
    Told,
}

/// What the events say of a unit that has to be heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Starting,
    Ready,
    Unresponsive {
        silent: Duration,
    },
    Responsive,
    /// It is told to stop, or that it has ended by itself.
    Over,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    Of(usize, What),
    /// Somebody is about to ask the group to stop.
    StopAsked,
    /// Was this the first to ask?
    StopSaid {
        why: String,
        first: bool,
    },
    DeregisterAsked(usize),
    DeregisterSaid(usize, Result<(), ErrorKind>),
    /// The notification of a unit that was taken out has come.
    DeregisterEnded(usize),
    /// Somebody is about to register one of those that join.
    JoinAsked(usize),
    JoinSaid(usize, Result<(), ErrorKind>),
    Waited(Result<(), NotReady>),
    /// Somebody has read this event.
    Event(usize, Said),
    /// `run` has returned.
    Returned,
    /// Something was not as it should be there and then.
    Broken(String),
}

#[derive(Clone, Debug)]
pub struct Note {
    pub at: Instant,
    pub thread: ThreadId,
    pub entry: Entry,
}

/// The notes. Their order is that of a lock, so whatever happens before something else, by whatever way
/// the library orders it, is noted before it.
#[derive(Default)]
pub struct Record {
    notes: Mutex<Vec<Note>>,
    more: Condvar,
}

impl Record {
    pub fn note(&self, entry: Entry) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(Note { at: Instant::now(), thread: thread::current().id(), entry });
        drop(notes);
        self.more.notify_all();
    }

    pub fn of(&self, unit: usize, what: What) {
        self.note(Entry::Of(unit, what));
    }

    pub fn expect(&self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.note(Entry::Broken(otherwise()));
        }
    }

    pub fn notes(&self) -> Vec<Note> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until `enough` holds of the notes, for `limit` at most, and says whether it does.
    pub fn wait(&self, limit: Duration, enough: impl Fn(&[Note]) -> bool) -> bool {
        let deadline = Instant::now() + limit;
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        while !enough(&notes) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.more.wait_timeout(notes, left);
            notes = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// How many threads of a unit are under way after these notes.
pub fn threads(notes: &[Note], unit: usize) -> usize {
    notes.iter().fold(0, |count, note| match &note.entry {
        Entry::Of(other, What::Enter { .. } | What::HelperIn { .. }) if *other == unit => count + 1,
        Entry::Of(other, What::Leave { .. } | What::HelperOut { .. }) if *other == unit => {
            count - 1
        }
        _ => count,
    })
}

/// How many threads and callbacks of a unit are under way after these notes.
pub fn under_way(notes: &[Note], unit: usize) -> usize {
    let of_unit = notes.iter().filter_map(|note| match &note.entry {
        Entry::Of(other, what) if *other == unit => Some(what),
        _ => None,
    });
    of_unit.fold(0, |count, what| match what {
        What::Enter { .. } | What::HelperIn { .. } | What::OnStopIn { .. } | What::GracefulIn => {
            count + 1
        }
        What::Leave { .. }
        | What::HelperOut { .. }
        | What::OnStopOut { .. }
        | What::GracefulOut(_) => count - 1,
        _ => count,
    })
}

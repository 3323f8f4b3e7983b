//! What was called, in order, as the units of a test write it down; and waiting for what is to come.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, after, bounded, select};

use super::{LIMIT, Script};
use crate::sync::Mutex;

/// What happened to the units of a test, in order. Cheap to clone; all clones are the one list.
///
/// A [`Script`] writes down, each after its name:
///
/// | entry | when |
/// |---|---|
/// | `store flag_set`, `validate`, `pre_run`, `graceful_stop`, `post_run` | it is called |
/// | `store serve` | `serve` is entered, by each instance and at each attempt |
/// | `store ready` | it has said so ([`Script::ready`]) |
/// | `store told` | it has seen its stop token ([`Script::until_told`], [`Script::until`]) |
/// | `store left` | `serve` is left, by whatever way |
///
/// # Examples
///
/// ```
/// use rungroup::Group;
/// use rungroup::testing::{Journal, Tester};
///
/// let journal = Journal::new();
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(journal.script("store"));
/// Tester::start(group).stop().unwrap();
/// assert_eq!(journal.units("serve"), ["store"]);
/// assert_eq!(journal.count("store graceful_stop"), 1);
/// journal.assert_order(["store serve", "store told", "store left"]);
/// ```
#[derive(Clone, Default)]
pub struct Journal(Arc<Mutex<Notes>>);

#[derive(Default)]
struct Notes {
    entries: Vec<String>,
    /// Those who wait for what is not there yet. The next entry drops them, which wakes them to look
    /// again.
    waiting: Vec<Sender<()>>,
}

impl Journal {
    /// An empty one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(rungroup::testing::Journal::new().entries().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// A [`Script`] that writes into this journal: [`Script::new`] has one of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    /// use rungroup::testing::Journal;
    ///
    /// let journal = Journal::new();
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(journal.script("first").fail("no disk"));
    /// group.run().unwrap_err();
    /// assert_eq!(journal.entries()[0], "first serve");
    /// ```
    pub fn script(&self, name: impl Into<String>) -> Script {
        Script::writing(name.into(), self.clone())
    }

    /// Writes something down.
    ///
    /// # Examples
    ///
    /// ```
    /// let journal = rungroup::testing::Journal::new();
    /// journal.note("the client is connected");
    /// assert!(journal.has("the client is connected"));
    /// ```
    pub fn note(&self, entry: impl Into<String>) {
        let woken = {
            let mut notes = self.0.lock();
            notes.entries.push(entry.into());
            mem::take(&mut notes.waiting)
        };
        drop(woken); // outside the lock that they need next
    }

    /// Everything, in order.
    ///
    /// # Examples
    ///
    /// ```
    /// let journal = rungroup::testing::Journal::new();
    /// journal.note("one");
    /// journal.note("two");
    /// assert_eq!(journal.entries(), ["one", "two"]);
    /// ```
    pub fn entries(&self) -> Vec<String> {
        self.0.lock().entries.clone()
    }

    /// Whether this entry is there.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!rungroup::testing::Journal::new().has("store serve"));
    /// ```
    pub fn has(&self, entry: &str) -> bool {
        self.count(entry) > 0
    }

    /// How often this entry is there.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(rungroup::testing::Journal::new().count("store serve"), 0);
    /// ```
    pub fn count(&self, entry: &str) -> usize {
        self.0.lock().count(entry)
    }

    /// To whom this happened, in order: the entries that end in it, without it.
    ///
    /// # Examples
    ///
    /// ```
    /// let journal = rungroup::testing::Journal::new();
    /// for entry in ["server pre_run", "store pre_run", "server serve"] {
    ///     journal.note(entry);
    /// }
    /// assert_eq!(journal.units("pre_run"), ["server", "store"]);
    /// ```
    pub fn units(&self, what: &str) -> Vec<String> {
        let ending = format!(" {what}");
        let notes = self.0.lock();
        notes
            .entries
            .iter()
            .filter_map(|entry| entry.strip_suffix(&ending))
            .map(str::to_owned)
            .collect()
    }

    /// Blocks until this entry is there, for 20 s at most.
    ///
    /// # Panics
    ///
    /// If it is not there in time; the message has what is.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    /// use rungroup::testing::{Journal, Tester};
    ///
    /// let journal = Journal::new();
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(journal.script("store"));
    /// let run = Tester::spawn(group);
    /// journal.wait_for("store serve");
    /// run.stop().unwrap();
    /// ```
    #[track_caller]
    pub fn wait_for(&self, entry: &str) {
        self.wait_for_count(entry, 1);
    }

    /// Blocks until this entry is there so often, for 20 s at most: what is started again enters
    /// `serve` more than once, and so do [instances](crate::Registration::instances).
    ///
    /// # Panics
    ///
    /// If it is not there in time; the message has what is.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    /// use rungroup::testing::{Journal, Tester};
    ///
    /// let journal = Journal::new();
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(journal.script("pool")).instances(3);
    /// let run = Tester::spawn(group);
    /// journal.wait_for_count("pool serve", 3);
    /// run.stop().unwrap();
    /// ```
    #[track_caller]
    pub fn wait_for_count(&self, entry: &str, count: usize) {
        if !self.wait(LIMIT, |notes| notes.count(entry) >= count) {
            let seen = self.count(entry);
            panic!("'{entry}' is there {seen} of {count} times after {LIMIT:?}: {self:?}");
        }
    }

    /// Blocks until this entry is there, for `limit` at most, and says whether it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let journal = rungroup::testing::Journal::new();
    /// assert!(!journal.wait_for_timeout("store serve", Duration::from_millis(1)));
    /// ```
    pub fn wait_for_timeout(&self, entry: &str, limit: Duration) -> bool {
        self.wait(limit, |notes| notes.count(entry) > 0)
    }

    /// Checks that these entries are there, in this order, whatever is between them.
    ///
    /// # Panics
    ///
    /// If one of them is not, or not behind the one before; the message has what is there.
    ///
    /// # Examples
    ///
    /// ```
    /// let journal = rungroup::testing::Journal::new();
    /// for entry in ["server told", "server left", "store told"] {
    ///     journal.note(entry);
    /// }
    /// journal.assert_order(["server told", "store told"]);
    /// ```
    #[track_caller]
    pub fn assert_order<'e>(&self, entries: impl IntoIterator<Item = &'e str>) {
        let all = self.entries();
        let mut rest = all.iter();
        for entry in entries {
            let found = rest.any(|other| other == entry);
            assert!(found, "'{entry}' is not there, or too early: {all:?}");
        }
    }

    fn wait(&self, limit: Duration, there: impl Fn(&Notes) -> bool) -> bool {
        let over = after(limit);
        loop {
            let woken: Receiver<()> = {
                let mut notes = self.0.lock();
                if there(&notes) {
                    return true;
                }
                let (waiting, woken) = bounded(0);
                notes.waiting.push(waiting);
                woken
            };
            select! {
                recv(woken) -> _ => {}
                recv(over) -> _ => return there(&self.0.lock()),
            }
        }
    }
}

impl Notes {
    fn count(&self, entry: &str) -> usize {
        self.entries.iter().filter(|other| *other == entry).count()
    }
}

/// The entries.
impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries().fmt(f)
    }
}

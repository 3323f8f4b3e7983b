//! For the tests of programs: units that do what a test tells them, a group on a thread of its own,
//! and what a restart policy does over days, at once. Like anybody's it uses the public vocabulary.
//!
//! | to be tested | use |
//! |---|---|
//! | what the program does when a part of it fails, panics, hangs, is slow, ends early | [`Script`] |
//! | what was called, in which order | [`Journal`] |
//! | that something happens only when the test says so | [`Gate`] |
//! | a group while it runs, and what comes of it | [`Tester`] |
//! | whether a [`Restart`](crate::Restart) policy means what it should | [`Rehearsal`] |
//!
//! Nothing in here polls or sleeps, and neither need the tests: they wait for a journal's entry or a
//! group's event. Each wait has a limit, 20 s if nothing else is said, and a panic that says what there
//! was instead. The limit ends tests that have failed; nothing waits for it otherwise.
//!
//! A group reads the command line of its process, which in a test is that of the test runner. So give it
//! one: `Group::new("demo").args(["demo"])`.
//!
//! # Examples
//!
//! A server must not start before its store has replayed its log, and must stop before it:
//!
//! ```
//! use rungroup::Group;
//! use rungroup::testing::{Gate, Journal, Tester};
//!
//! let (journal, replayed) = (Journal::new(), Gate::new());
//! let mut group = Group::new("demo").args(["demo"]);
//! let store = group.register(journal.script("store").until(&replayed).ready()).id();
//! group.register(journal.script("server")).after(store);
//!
//! let run = Tester::spawn(group);
//! journal.wait_for("store serve");
//! assert!(!journal.has("server serve"));
//! replayed.open();
//! let run = run.ready();
//! run.stop().unwrap();
//! journal.assert_order(["store ready", "server serve", "server left", "store told"]);
//! ```
//!
//! A feed fails once, and is started again:
//!
//! ```
//! use rungroup::testing::{Script, Tester};
//! use rungroup::{Backoff, Event, Group, Restart};
//!
//! let mut group = Group::new("demo").args(["demo"]);
//! group
//!     .register(Script::new("feed").fail("connection lost").times(1))
//!     .restart(Restart::on_failure().backoff(Backoff::none()));
//! let run = Tester::start(group);
//! run.wait_for(|event| matches!(event, Event::Starting { attempt: 2, .. }));
//! assert_eq!(run.stop().unwrap().units()[0].restarts, 1);
//! ```
//!
//! # A program of one's own
//!
//! Let a function put the group together, of parts that it is given, and let `main` add what is for a
//! whole process: [`Signals`](crate::Signals) and `Logging`. A test then hands it one real unit, and
//! scripts for the others:
//!
//! ```
//! use rungroup::testing::{Journal, Tester};
//! use rungroup::{BoxError, Group, Register, Restart, ServeContext, Service, Unit};
//!
//! /// The real one, which is to be tested.
//! struct Server;
//!
//! impl Unit for Server {
//!     fn name(&self) -> &str { "server" }
//!     fn as_service(&self) -> Option<&dyn Service> { Some(self) }
//! }
//!
//! impl Service for Server {
//!     fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
//!         ctx.stopped().wait(); // … accepts, answers …
//!         Ok(())
//!     }
//! }
//!
//! /// How the program is wired: the same for `main` and for the tests.
//! fn wire(group: &mut Group, store: impl Register, feed: impl Register, server: impl Register) {
//!     let store = group.register(store).id();
//!     group.register(feed).after(store).restart(Restart::on_failure());
//!     group.register(server).after(store);
//! }
//!
//! // #[test]
//! fn the_server_serves_on_while_the_feed_starts_again_and_stops_before_the_store() {
//!     let journal = Journal::new();
//!     let feed = journal.script("feed").fail("connection lost").times(1);
//!     let mut group = Group::new("kvd").args(["kvd"]);
//!     wire(&mut group, journal.script("store"), feed, Server);
//!     let run = Tester::start(group);
//!     run.wait_for(|event| event.to_string() == "unit 'feed' starting, attempt 2");
//!     assert!(run.handle().snapshot().units.iter().any(|it| &*it.path == "server" && it.ready));
//!     let report = run.stop().unwrap();
//!     let [store, _, server] = report.units() else { unreachable!() };
//!     assert!(server.stopped.is_some() && server.stopped <= store.told);
//! }
//! # the_server_serves_on_while_the_feed_starts_again_and_stops_before_the_store();
//! ```

mod gate;
mod journal;
mod script;
mod steps;
mod tester;

use std::time::Duration;

pub use crate::restart::{Decision, Rehearsal};
pub use gate::{Gate, Pass};
pub use journal::Journal;
pub use script::Script;
pub use tester::Tester;

/// How long a wait is, if nothing else is said: long, as it is there to end a test that has failed.
const LIMIT: Duration = Duration::from_secs(20);

//! The roles of a group (L17), in the contexts and in the log. The logger is global: the process of
//! this file has one that keeps what is said.

mod common;

use std::sync::{Mutex, Once, PoisonError};

use common::{SOON, within};
use rungroup::testing::{Journal, Script};
use rungroup::{BoxError, Group, PreRunner, Role, RunContext, Unit, pre_run_fn, service_fn};

/// One line of the log: level, target, text.
type Line = (log::Level, String, String);

struct Capture(Mutex<Vec<Line>>);

static LOG: Capture = Capture(Mutex::new(Vec::new()));

impl log::Log for Capture {
    fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = (record.level(), record.target().to_owned(), record.args().to_string());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn flush(&self) {}
}

/// The lines of the log so far. The tests of this file run side by side, so each has words of its
/// own to look for.
fn lines_with(words: &str) -> Vec<Line> {
    let lines = LOG.0.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().filter(|(.., text)| text.contains(words)).cloned().collect()
}

fn capture_log() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        log::set_logger(&LOG).expect("no other logger in this process");
        log::set_max_level(log::LevelFilter::Debug);
    });
}

#[test]
fn l17_the_distinct_sorted_roles_of_all_units_are_in_the_context() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let log = journal.clone();
        let look = move |ctx: &RunContext| {
            log.note(ctx.roles().join(" "));
            Ok(())
        };
        group.register(Script::new("a").without_service().role("query").pre_run(look));
        group.register(journal.script("b").without_service().role("data"));
        group.register(journal.script("c").without_service().role("query"));
        group.register(journal.script("d").without_service().role("liaison"));
        group.run().unwrap();
        assert_eq!(journal.entries(), ["data liaison query"], "also those registered after it");
    });
}

#[test]
fn l17_without_roles_there_are_none_and_a_unit_that_was_taken_out_has_none() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        group.register(pre_run_fn("look", |ctx| {
            assert_eq!(ctx.roles(), [""; 0]);
            Ok(())
        }));
        let gone = group.register(Script::new("gone").without_service().role("data")).id();
        group.deregister(gone).unwrap();
        group.run().unwrap();
    });
}

#[test]
fn l17_the_roles_are_logged_when_the_group_starts() {
    within(SOON, || {
        capture_log();
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("a").without_service().role("role-two"));
        group.register(journal.script("b").without_service().role("role-one"));
        group.register(service_fn("short", |_| Ok(())));
        group.run().unwrap();
        let line = "serving, roles: role-one, role-two".to_owned();
        assert_eq!(
            lines_with("role-one"),
            [(log::Level::Info, "rungroup".to_owned(), line)],
            "once, and written when the run has returned"
        );
    });
}

#[test]
fn l17_a_run_that_fails_before_it_serves_does_not_say_that_it_serves() {
    within(SOON, || {
        capture_log();
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let unit = journal.script("never").without_service().role("never-played");
        group.register(unit.pre_run(|_| Err("the stage is dark".into())));
        group.run().unwrap_err();
        assert_eq!(lines_with("never-played"), []);
        let failures = lines_with("the stage is dark");
        assert_eq!(failures.len(), 1);
        assert_eq!(failures[0].0, log::Level::Debug, "the run's result says it");
    });
}

#[test]
fn l17_a_role_that_panics_is_an_error_that_names_its_unit() {
    within(SOON, || {
        struct Fragile;
        impl Unit for Fragile {
            fn name(&self) -> &'static str {
                "fragile"
            }
            fn as_role(&self) -> Option<&dyn Role> {
                Some(self)
            }
            fn as_pre_runner(&self) -> Option<&dyn PreRunner> {
                Some(self)
            }
        }
        impl Role for Fragile {
            fn role(&self) -> &str {
                panic!("lost the script")
            }
        }
        impl PreRunner for Fragile {
            fn pre_run(&self, _ctx: &RunContext) -> Result<(), BoxError> {
                unreachable!("the run has failed")
            }
        }
        let mut group = Group::new("demo").args(["demo"]);
        group.register(Fragile);
        let error = group.run().unwrap_err();
        let cause = error.cause().unwrap();
        assert_eq!(cause.unit(), "fragile");
        assert_eq!(cause.as_panic().unwrap().message(), "lost the script");
    });
}

//! What is registered, when, and what is wrong with it (L2, L3). Taking it out again is in
//! `deregister`.

mod common;

use std::sync::Arc;

use common::{SOON, within};
use rungroup::testing::{Journal, Script};
use rungroup::{
    BoxError, Bytes, Config, ConfigError, Configured, ErrorKind, Flag, FlagSet, Group, PreRunner,
    Registration, Restart, Role, RunContext, ServeContext, Service, StopReason, Unit, service_fn,
};

// ---- taking part, and shared units ----

#[test]
fn l3_register_says_whether_the_unit_takes_part_in_any_phase() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        assert!(!group.register(journal.script("idle").without_service()).takes_part());
        assert!(
            group
                .register(journal.script("config").without_service().validate(|| Ok(())))
                .takes_part()
        );
        assert!(
            group
                .register(journal.script("pre-run").without_service().pre_run(|_| Ok(())))
                .takes_part()
        );
        assert!(group.register(journal.script("serve").finish()).takes_part());
        assert!(group.register(journal.script("role").without_service().role("data")).takes_part());
        group.run().unwrap();
        assert!(journal.entries().iter().all(|entry| !entry.starts_with("idle")));
    });
}

#[test]
fn a_unit_that_takes_part_in_no_phase_is_said_to() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        group.register(Script::new("idle").without_service());
        let events = group.handle().events(16);
        group.run().unwrap();
        let said: Vec<String> = events.iter().map(|event| event.to_string()).collect();
        let warning = "unit 'idle' takes part in no phase: does it lack `as_service`?";
        assert!(said.iter().any(|text| text == warning), "{said:?}");
    });
}

/// The problems that `run` comes back with.
#[track_caller]
fn problems(mut group: Group) -> Vec<String> {
    let error = group.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Definition, "{error}");
    error.problems().iter().map(ToString::to_string).collect()
}

#[test]
fn l3_coming_after_a_unit_that_takes_part_in_no_phase_is_an_error_that_names_it() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let idle = group.register(journal.script("idle").without_service()).id();
        let role = group.register(journal.script("role").without_service().role("data")).id();
        group.register(journal.script("server").all_phases()).after(idle).after(role);
        let expected = "unit 'server': is to come after 'idle', which takes part in no phase\n  \
                        tip: does it lack `as_service`?";
        assert_eq!(problems(group), [expected]);
        assert_eq!(journal.entries(), ["server flag_set"]);
    });
}

#[test]
#[allow(clippy::redundant_closure_for_method_calls)] // a method is generic over its life time otherwise
fn l3_what_only_a_service_has_is_refused_of_a_unit_that_does_not_serve() {
    within(SOON, || {
        type Say = fn(Registration<'_>) -> Registration<'_>;
        let options: [(&str, Say); 8] = [
            ("stop_timeout", |unit| unit.stop_timeout(SOON)),
            ("start_timeout", |unit| unit.start_timeout(SOON)),
            ("heartbeat", |unit| unit.heartbeat(SOON)),
            ("restart", |unit| unit.restart(Restart::never())),
            ("task", |unit| unit.task()),
            ("background", |unit| unit.background()),
            ("instances", |unit| unit.instances(1)),
            ("stack_size", |unit| unit.stack_size(Bytes::mib(1))),
        ];
        for (option, say) in options {
            let journal = Journal::new();
            let mut group = Group::new("demo").args(["demo"]);
            say(group.register(journal.script("idle").without_service()));
            say(group.register(journal.script("early").without_service().pre_run(|_| Ok(()))));
            let why = format!("does not serve: '{option}' is for units that do\n  tip: ");
            let expected = [
                format!("unit 'idle': {why}it takes part in no phase: does it lack `as_service`?"),
                format!("unit 'early': {why}does it lack `as_service`?"),
            ];
            assert_eq!(problems(group), expected);
            assert_eq!(journal.entries(), [""; 0]);

            // Of one that does it may be said; whether it then makes sense is another matter.
            let mut group = Group::new("demo").args(["demo"]);
            say(group.register(journal.script("server").declares_ready().ready().finish()));
            group.run().unwrap();
        }
    });
}

/// A unit that says yes to everything. Each method of [`Unit`] must be here: one that is added to
/// the trait later is to be added here, and forwarded by `Arc` and `Box`.
struct Everything;

impl Unit for Everything {
    fn name(&self) -> &'static str {
        "everything"
    }

    fn as_config(&self) -> Option<&dyn Config> {
        Some(self)
    }

    fn as_pre_runner(&self) -> Option<&dyn PreRunner> {
        Some(self)
    }

    fn as_service(&self) -> Option<&dyn Service> {
        Some(self)
    }

    fn as_role(&self) -> Option<&dyn Role> {
        Some(self)
    }

    fn root_only(&self) -> bool {
        true
    }
}

impl Config for Everything {
    fn flag_set(&self) -> FlagSet {
        FlagSet::new("Everything")
    }
}

impl PreRunner for Everything {
    fn pre_run(&self, _ctx: &RunContext) -> Result<(), BoxError> {
        Ok(())
    }
}

impl Service for Everything {
    fn serve(&self, _ctx: &ServeContext) -> Result<(), BoxError> {
        Ok(())
    }
}

impl Role for Everything {
    fn role(&self) -> &'static str {
        "all"
    }
}

fn assert_forwards_all(unit: &impl Unit, what: &str) {
    assert_eq!(unit.name(), "everything", "{what}");
    assert!(unit.as_config().is_some(), "{what} forgets as_config");
    assert!(unit.as_pre_runner().is_some(), "{what} forgets as_pre_runner");
    assert!(unit.as_service().is_some(), "{what} forgets as_service");
    assert_eq!(unit.as_role().map(Role::role), Some("all"), "{what} forgets as_role");
    assert!(unit.root_only(), "{what} forgets root_only");
}

#[test]
fn a_shared_unit_forwards_every_phase() {
    within(SOON, || {
        assert_forwards_all(&Arc::new(Everything), "Arc<U>");
        assert_forwards_all(&Box::new(Everything), "Box<U>");
        let shared: Arc<dyn Unit> = Arc::new(Everything);
        assert_forwards_all(&shared, "Arc<dyn Unit>");
        let boxed: Box<dyn Unit> = Box::new(Everything);
        assert_forwards_all(&boxed, "Box<dyn Unit>");
        assert_forwards_all(&Arc::new(boxed), "Arc<Box<dyn Unit>>");
    });
}

/// The trait as it is written in the source: a method that is added to it and that the test above
/// does not know would be forgotten by it as well.
#[test]
fn the_test_of_forwarding_knows_every_method_of_the_trait() {
    within(SOON, || {
        let source = include_str!("../src/unit.rs");
        let (_, rest) = source.split_once("pub trait Unit").expect("the trait");
        let (body, _) = rest.split_once("\n}\n").expect("the end of the trait");
        let methods: Vec<&str> = body
            .lines()
            .filter_map(|line| line.trim().strip_prefix("fn ")?.split_once('(').map(|it| it.0))
            .collect();
        assert_eq!(
            methods,
            ["name", "as_config", "as_pre_runner", "as_service", "as_role", "root_only"]
        );
    });
}

#[test]
fn a_shared_unit_runs_in_all_its_phases_and_stays_the_programs() {
    within(SOON, || {
        let journal = Journal::new();
        let arc = Arc::new(journal.script("arc").all_phases());
        let dynamic: Arc<dyn Unit> = Arc::new(journal.script("dyn").all_phases());
        let mut group = Group::new("demo").args(["demo"]);
        group.register(arc.clone());
        group.register(dynamic.clone());
        group.register(Box::new(journal.script("box").all_phases()));
        group.register(service_fn("end", |ctx| Ok(ctx.handle().wait_till_ready()?)));
        group.run().unwrap();
        for phase in ["flag_set", "validate", "pre_run", "serve", "graceful_stop", "post_run"] {
            let mut units = journal.units(phase);
            units.sort();
            assert_eq!(units, ["arc", "box", "dyn"], "{phase}");
        }
        drop(group);
        assert_eq!(Arc::strong_count(&arc), 1, "the group's share went with the group");
        assert_eq!(dynamic.name(), "dyn");
    });
}

// ---- L2 ----

#[test]
fn l2_after_run_config_the_run_skips_the_config_phase() {
    within(SOON, || {
        let journal = Journal::new();
        let size = Flag::new("size", 1, "s");
        let mut group = Group::new("demo").args(["demo", "--size=5"]);
        group.register(journal.script("store").without_service().flag(&size).pre_run(|_| Ok(())));
        assert_eq!(group.run_config().unwrap(), Configured::Continue);
        assert_eq!(*size.get(), 5, "it can be looked at between the two");
        assert_eq!(journal.entries(), ["store flag_set", "store validate"]);
        group.run().unwrap();
        let rest = ["store pre_run", "store post_run"];
        assert_eq!(journal.entries()[2..], rest);
    });
}

#[test]
fn l2_run_config_can_be_called_once() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("store").without_service().validate(|| Ok(())));
        assert_eq!(group.run_config().unwrap(), Configured::Continue);
        assert_eq!(group.run_config().unwrap_err().kind(), ErrorKind::AlreadyRan);
        group.run().unwrap();
        assert_eq!(group.run_config().unwrap_err().kind(), ErrorKind::AlreadyRan);
        assert_eq!(journal.count("store validate"), 1);
    });
}

#[test]
fn l2_a_failed_config_phase_is_the_result_of_the_run_and_is_not_repeated() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("picky").without_service().validate(|| {
            let why: ConfigError = "does not like it".into();
            Err(why.into())
        }));
        let first = group.run_config().unwrap_err();
        assert_eq!(first.kind(), ErrorKind::Config);
        let run = group.run().unwrap_err();
        assert_eq!(run.kind(), ErrorKind::Config);
        assert_eq!(run.problems(), first.problems());
        assert_eq!(journal.count("picky validate"), 1);
        assert_eq!(group.run_config().unwrap_err().kind(), ErrorKind::AlreadyRan);
        assert_eq!(journal.count("picky validate"), 1);
    });
}

#[test]
fn l2_a_unit_with_flags_after_run_config_is_refused_and_nothing_runs() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("early").all_phases());
        assert_eq!(group.run_config().unwrap(), Configured::Continue);
        assert!(!group.register(journal.script("late").all_phases()).takes_part());
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition);
        assert_eq!(
            error.to_string(),
            "unit 'late': has flags but was registered after the config phase"
        );
        assert_eq!(journal.entries(), ["early flag_set", "early validate"]);
    });
}

#[test]
fn l2_a_unit_with_flags_after_register_flags_is_refused_too() {
    within(SOON, || {
        let journal = Journal::new();
        let (early, late) = (Flag::new("early", 1, "e"), Flag::new("late", 1, "l"));
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("early").without_service().flag(&early));
        let set = group.register_flags().unwrap();
        assert!(set.flags().any(|flag| flag.name() == "early"));
        assert!(!group.register(journal.script("late").without_service().flag(&late)).takes_part());
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition);
        assert!(error.to_string().contains("unit 'late'"), "{error}");
    });
}

#[test]
fn l2_a_unit_without_flags_may_come_between_config_and_run() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("early").without_service().validate(|| Ok(())));
        assert_eq!(group.run_config().unwrap(), Configured::Continue);
        assert!(
            group
                .register(journal.script("late").without_service().pre_run(|_| Ok(())))
                .takes_part()
        );
        group.run().unwrap();
        assert!(journal.has("late pre_run"));
    });
}

#[test]
fn l2_what_is_wrong_with_a_unit_between_config_and_run_is_an_error_of_the_run() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("twin").without_service().pre_run(|_| Ok(())));
        assert_eq!(group.run_config().unwrap(), Configured::Continue);
        group.register(journal.script("twin").without_service().pre_run(|_| Ok(())));
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition);
        assert_eq!(error.to_string(), "two units are named 'twin'");
        assert_eq!(journal.entries(), [""; 0]);
    });
}

// ---- L3: definition errors ----

#[test]
fn l3_all_definition_errors_come_together_before_any_validate() {
    within(SOON, || {
        let journal = Journal::new();
        let mut other = Group::new("other").args(["other"]);
        let foreign = other.register(service_fn("foreign", |_| Ok(()))).id();
        let (one, two) = (Flag::new("size", 1, "s"), Flag::new("size", 2, "s"));

        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("twin").all_phases());
        group.register(journal.script("twin").all_phases());
        group.register(journal.script("").all_phases());
        group.register(journal.script("sla/sh").all_phases());
        group.register(journal.script("n\0l").all_phases());
        group.register(journal.script("lost").all_phases()).after(foreign);
        let gone = group.register(journal.script("gone").all_phases()).id();
        group.deregister(gone).unwrap();
        group.register(journal.script("late").all_phases()).after(gone);
        let round = group.register(journal.script("round").all_phases());
        let itself = round.id();
        round.after(itself);
        group.register(journal.script("none").all_phases()).instances(0);
        group.register(journal.script("clash-1").without_service().flag(&one));
        group.register(journal.script("clash-2").without_service().flag(&two));

        let error = group.run_config().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition);
        let said = error.to_string();
        let lines: Vec<&str> = said.lines().collect();
        for line in [
            "two units are named 'twin'",
            "the unit registered as number 3 has no name",
            "unit 'sla/sh': a name must not contain '/' or NUL",
            "unit 'n\\0l': a name must not contain '/' or NUL",
            "unit 'lost': is to come after a unit of another group",
            "unit 'late': is to come after a unit that is not, or no longer, registered",
            "units come after each other in a circle: 'round'",
            "unit 'none': needs at least one instance",
        ] {
            assert!(lines.contains(&line), "{line:?} is missing in:\n{said}");
        }
        let names_both = |line: &&&str| line.contains("clash-1") && line.contains("clash-2");
        assert!(lines.iter().any(|line| names_both(&line)), "{said}");
        assert_eq!(error.problems().len(), 9, "{said}");
        // To know the flags the sets have to be asked for; nothing else was.
        assert!(
            journal.entries().iter().all(|it| it.ends_with("flag_set")),
            "{:?}",
            journal.entries()
        );
    });
}

#[test]
fn l3_a_stop_timeout_that_no_flag_set_has_is_a_definition_error() {
    let limit = |name: &'static str| Flag::new(name, SOON, "how long");
    let mut group = Group::new("demo").args(["demo"]).stop_timeout(limit("drain"));
    group.register(service_fn("server", |_| Ok(()))).stop_timeout(limit("grace"));
    let known = limit("known");
    let flags = FlagSet::new("Other").add(&known);
    group.register(service_fn("other", |_| Ok(())).flags(flags)).stop_timeout(&known);
    let error = group.run_config().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Definition);
    assert_eq!(
        error.to_string(),
        "the stop timeout is '--drain', which no unit has among its flags\n\
         unit 'server': the stop timeout is '--grace', which no unit has among its flags"
    );
}

#[test]
fn l3_one_unit_registered_twice_is_a_definition_error() {
    within(SOON, || {
        let unit = Arc::new(service_fn("shared", |_| Ok(())));
        let mut group = Group::new("demo").args(["demo"]);
        group.register(unit.clone());
        group.register(unit);
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition);
        assert!(error.to_string().contains("'shared'"), "{error}");
    });
}

#[test]
fn settings_of_a_registration_can_be_chained() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        let first = group.register(service_fn("first", |_| Ok(()))).task().id();
        let second = group.register(service_fn("second", |ctx| {
            ctx.stopped().wait();
            Ok(())
        }));
        let second = second.background().stack_size(Bytes::kib(256)).id();
        assert_ne!(first, second);
        assert_eq!(group.run().unwrap().reason(), &StopReason::TasksDone);
    });
}

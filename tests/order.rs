//! The order of the phases (L1), and the clean-up behind a pre-run that failed and behind a run
//! (L13).

mod common;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{SOON, within};
use rungroup::testing::Journal;
use rungroup::{ErrorKind, Flag, Group, Phase, StopReason, service_fn};

// ---- L1 ----

#[test]
fn l1_each_phase_is_over_for_all_units_before_the_next_begins() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        for name in ["a", "b", "c"] {
            group.register(journal.script(name).all_phases());
        }
        group.register(service_fn("end", |ctx| {
            ctx.handle().wait_till_ready()?; // all serve
            Ok(())
        }));
        group.run().unwrap();

        let entries = journal.entries();
        let config_and_pre_run = [
            "a flag_set",
            "b flag_set",
            "c flag_set",
            "a validate",
            "b validate",
            "c validate",
            "a pre_run",
            "b pre_run",
            "c pre_run",
        ];
        assert_eq!(entries[..9], config_and_pre_run);
        // Services start and stop side by side: their order among each other is nobody's promise,
        // and a `graceful_stop` may overtake the first line of a `serve` that was just entered.
        let mut serving = entries[9..21].to_vec();
        serving.sort();
        let served = ["a", "b", "c"].map(|unit| {
            ["graceful_stop", "left", "serve", "told"].map(|it| format!("{unit} {it}"))
        });
        assert_eq!(serving, served.concat());
        assert_eq!(entries[21..], ["c post_run", "b post_run", "a post_run"]);
    });
}

#[test]
fn l1_all_flags_are_parsed_before_the_first_validate() {
    within(SOON, || {
        let journal = Journal::new();
        let last = Flag::new("last", 1, "of the last unit");
        let seen = last.clone();
        let mut group = Group::new("demo").args(["demo", "--last=7"]);
        let log = journal.clone();
        group.register(journal.script("first").without_service().validate(move || {
            log.note(format!("last is {}", seen.get()));
            Ok(())
        }));
        group.register(journal.script("second").without_service().flag(&last));
        group.run().unwrap();
        assert!(journal.has("last is 7"), "{:?}", journal.entries());
    });
}

#[test]
fn l1_all_problems_of_the_config_phase_come_together_each_with_unit_and_flag() {
    within(SOON, || {
        let journal = Journal::new();
        let (port, size) = (Flag::new("port", 1_u32, "p"), Flag::new("size", 2_u32, "s"));
        let mut group = Group::new("demo").args(["demo", "--port=many", "--size=9", "--typo"]);
        group.register(journal.script("net").without_service().flag(&port).pre_run(|_| Ok(())));
        let refused = size.clone();
        group.register(
            journal
                .script("store")
                .without_service()
                .flag(&size)
                .validate(move || Err(refused.invalid("is too large").into())),
        );
        group.register(
            journal
                .script("last")
                .without_service()
                .validate(|| panic!("no validate should panic")),
        );

        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let said = error.to_string();
        let found = |unit: &str, flag: Option<&str>| {
            error.problems().iter().any(|it| it.unit() == Some(unit) && it.flag() == flag)
        };
        assert!(found("net", Some("port")), "{said}");
        assert!(found("store", Some("size")), "{said}");
        assert!(found("last", None), "{said}");
        assert!(error.problems().iter().any(|it| it.why().contains("--typo")), "{said}");
        assert_eq!(error.problems().len(), 4, "{said}");
        assert_eq!(journal.units("pre_run"), [""; 0]);
        assert!(!journal.has("net validate"), "its value could not be read");
    });
}

#[test]
fn l1_a_unit_is_pre_run_after_those_that_it_comes_after() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let first =
            group.register(journal.script("first").without_service().pre_run(|_| Ok(()))).id();
        let second =
            group.register(journal.script("second").without_service().pre_run(|_| Ok(()))).id();
        group
            .register(journal.script("third").without_service().pre_run(|_| Ok(())))
            .after(second)
            .after(first);
        group.run().unwrap();
        assert_eq!(journal.units("pre_run"), ["first", "second", "third"]);
    });
}

// ---- L13 ----

#[test]
fn l13_a_failed_pre_run_cleans_up_those_before_it_in_reverse_and_serves_nothing() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("a").all_phases());
        group.register(journal.script("b").all_phases());
        group.register(
            journal
                .script("c")
                .all_phases()
                .pre_run(|_| Err(io::Error::from(io::ErrorKind::AddrInUse).into())),
        );
        group.register(journal.script("d").all_phases());

        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PreRun);
        let cause = error.cause().unwrap();
        assert_eq!((cause.unit(), cause.phase()), ("c", Phase::PreRun));
        assert_eq!(
            error.downcast_ref::<io::Error>().map(io::Error::kind),
            Some(io::ErrorKind::AddrInUse)
        );
        assert_eq!(error.report().unwrap().reason(), &StopReason::RunFailed);
        assert_eq!(journal.units("pre_run"), ["a", "b", "c"]);
        assert_eq!(journal.units("post_run"), ["b", "a"]);
        assert_eq!(journal.units("serve"), [""; 0]);
    });
}

#[test]
fn l13_a_pre_run_that_panics_is_cleaned_up_behind_as_well() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("a").all_phases());
        group.register(journal.script("b").all_phases().pre_run(|_| panic!("at the second")));
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PreRun);
        assert_eq!(error.cause().unwrap().as_panic().unwrap().message(), "at the second");
        assert_eq!(journal.units("post_run"), ["a"]);
        assert_eq!(journal.units("serve"), [""; 0]);
    });
}

#[test]
fn l13_failed_clean_ups_are_attached_and_the_pre_run_stays_the_cause() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(
            journal.script("a").without_service().post_run(|| Err("a is not clean".into())),
        );
        group.register(journal.script("b").without_service().post_run(|| panic!("b is not clean")));
        group.register(journal.script("c").without_service().post_run(|| Ok(())));
        group.register(
            journal.script("d").without_service().pre_run(|_| Err("d does not start".into())),
        );

        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PreRun);
        assert_eq!(
            error.cause().unwrap().to_string(),
            "unit 'd': pre_run failed: d does not start"
        );
        let failed: Vec<_> = error.failures().iter().map(|it| (it.unit(), it.phase())).collect();
        assert_eq!(failed, [("d", Phase::PreRun), ("b", Phase::PostRun), ("a", Phase::PostRun)]);
        assert_eq!(
            journal.units("post_run"),
            ["c", "b", "a"],
            "one failure keeps no other from it"
        );
        let said = error.to_string();
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[0], "unit 'd': pre_run failed: d does not start");
        assert!(lines[1].starts_with("unit 'b': post_run panicked: b is not clean ("), "{said}");
        assert_eq!(lines[2..], ["unit 'a': post_run failed: a is not clean"]);
    });
}

#[test]
fn l13_a_failed_clean_up_makes_an_end_that_was_asked_for_an_error() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("a").without_service().post_run(|| Ok(())));
        group.register(
            journal.script("b").without_service().post_run(|| Err("b is not clean".into())),
        );
        group.register(service_fn("asks", |ctx| {
            ctx.handle().stop("enough");
            Ok(())
        }));
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PostRun);
        assert_eq!(error.cause().unwrap().unit(), "b");
        assert_eq!(error.report().unwrap().reason(), &StopReason::from("enough"));
        assert_eq!(journal.units("post_run"), ["b", "a"]);
    });
}

#[test]
fn l13_a_failed_service_stays_the_cause_whatever_the_clean_up_says() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(
            journal.script("store").without_service().post_run(|| Err("not clean".into())),
        );
        group.register(service_fn("server", |_| Err("no route to host".into())));
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert_eq!(error.cause().unwrap().unit(), "server");
        assert_eq!(error.failures().len(), 2);
    });
}

#[test]
fn l13_clean_up_comes_after_the_end_of_the_last_thread() {
    within(SOON, || {
        let alive = Arc::new(AtomicUsize::new(0));
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let (log, left) = (journal.clone(), alive.clone());
        group.register(journal.script("last").without_service().post_run(move || {
            log.note(format!("{} alive", left.load(Ordering::SeqCst)));
            Ok(())
        }));
        for name in ["x", "y"] {
            let alive = alive.clone();
            group.register(service_fn(name, move |ctx| {
                alive.fetch_add(1, Ordering::SeqCst);
                let counted = alive.clone();
                counted.fetch_add(1, Ordering::SeqCst);
                ctx.spawn("second", move |ctx| {
                    ctx.stopped().wait();
                    counted.fetch_sub(1, Ordering::SeqCst);
                })?;
                ctx.handle().wait_till_ready()?;
                ctx.handle().stop("both serve");
                ctx.stopped().wait();
                alive.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            }));
        }
        group.run().unwrap();
        assert!(journal.has("0 alive"), "{:?}", journal.entries());
    });
}

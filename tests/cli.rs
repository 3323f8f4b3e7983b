//! Programs without services, the list of units (L15), and those that were only asked for their help
//! (through `run`, `run_config` and `main`).

mod common;

use common::child::{is_child, run_child, stderr, stdout};
use common::{SOON, within};
use rungroup::testing::Journal;
use rungroup::{Configured, Exit, Flag, Group, StopReason, pre_run_fn, service_fn};

// ---- list_units ----

#[test]
fn l15_list_units_has_a_line_for_each_phase_with_its_units_in_order() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("kvd");
        assert_eq!(group.list_units(), "Group: kvd [cli]");
        group.register(journal.script("store").all_phases());
        group.register(journal.script("flags-only").without_service().validate(|| Ok(())));
        group.register(journal.script("migrate").without_service().pre_run(|_| Ok(())));
        group.register(journal.script("ticker"));
        group.register(journal.script("role-only").without_service().role("data"));
        group.register(journal.script("idle").without_service());
        let list = "\
Group: kvd [svc]
- config: store flags-only
- prerun: store migrate
- serve : store ticker";
        assert_eq!(group.list_units(), list);
    });
}

#[test]
fn l15_without_services_it_is_a_cli_and_phases_without_units_are_left_out() {
    within(SOON, || {
        let mut group = Group::new("kvd");
        group.register(pre_run_fn("migrate", |_| Ok(())));
        let serves = group.register(service_fn("serves", |_| Ok(()))).id();
        assert_eq!(group.list_units(), "Group: kvd [svc]\n- prerun: migrate\n- serve : serves");
        group.deregister(serves).unwrap();
        assert_eq!(group.list_units(), "Group: kvd [cli]\n- prerun: migrate");
    });
}

#[test]
fn l15_the_list_can_be_asked_for_on_the_command_line_and_has_the_name_that_was_given() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("kvd").args(["kvd", "--name=other", "--show-rungroup-units"]);
        group.register(journal.script("store").all_phases());
        let Configured::Exit(exit) = group.run_config().unwrap() else {
            panic!("nothing is to be run")
        };
        let list = "Group: kvd [svc]\n- config: store\n- prerun: store\n- serve : store\n";
        assert_eq!((exit.code, &*exit.stdout, &*exit.stderr), (0, list, ""));
        assert_eq!(journal.entries(), ["store flag_set"]);
    });
}

// ---- without services ----

#[test]
fn l15_a_group_without_services_runs_config_pre_run_and_post_run_and_is_ready() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        for name in ["a", "b"] {
            group.register(
                journal.script(name).without_service().validate(|| Ok(())).pre_run(|_| Ok(())),
            );
        }
        let report = group.run().unwrap();
        assert_eq!(report.reason(), &StopReason::TasksDone);
        assert!(report.units().is_empty() && report.exit().is_none());
        let phases = ["flag_set", "validate", "pre_run"];
        let mut expected: Vec<String> =
            phases.iter().flat_map(|phase| ["a", "b"].map(|it| format!("{it} {phase}"))).collect();
        expected.extend(["b post_run", "a post_run"].map(str::to_owned));
        assert_eq!(journal.entries(), expected);
        assert_eq!(group.handle().wait_till_ready(), Ok(()));
    });
}

#[test]
fn l15_an_empty_group_runs_and_returns() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        assert_eq!(group.run().unwrap().reason(), &StopReason::TasksDone);
    });
}

#[test]
fn l15_a_group_whose_last_service_was_taken_out_in_the_pre_run_is_a_cli() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let server = group.register(journal.script("server").all_phases()).id();
        group.register(pre_run_fn("once", move |ctx| {
            ctx.handle().deregister(server)?;
            Ok(())
        }));
        assert_eq!(group.run().unwrap().reason(), &StopReason::TasksDone);
        assert_eq!(journal.units("serve"), [""; 0]);
        assert_eq!(journal.units("post_run"), ["server"]);
    });
}

#[test]
fn l15_helpers_of_pre_runs_end_before_the_run_returns() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let log = journal.clone();
        group.register(pre_run_fn("watcher", move |ctx| {
            let (stopped, log) = (ctx.stopped().clone(), log.clone());
            Ok(ctx.spawn_helper("watch", move || {
                stopped.wait();
                log.note("watch ended");
            })?)
        }));
        group.run().unwrap();
        assert!(journal.has("watch ended"));
    });
}

// ---- help and version ----

fn asked(argument: &str, journal: &Journal) -> Group {
    let mut group = Group::new("kvd").version("1.2.0").about("A store.").args(["kvd", argument]);
    let size = Flag::new("size", 1, "How large it may grow.");
    group.register(journal.script("store").all_phases().flag(&size));
    group
}

fn assert_help(exit: &Exit) {
    assert_eq!((exit.code, &*exit.stderr), (0, ""));
    for part in ["A store.", "--size", "How large it may grow.", "--version"] {
        assert!(exit.stdout.contains(part), "{part:?} is missing in:\n{}", exit.stdout);
    }
}

#[test]
fn help_and_version_come_out_of_run_config_and_nothing_is_validated() {
    within(SOON, || {
        for argument in ["--help", "-h"] {
            let journal = Journal::new();
            match asked(argument, &journal).run_config().unwrap() {
                Configured::Exit(exit) => assert_help(&exit),
                Configured::Continue => panic!("help was asked for"),
            }
            assert_eq!(journal.entries(), ["store flag_set"]);
        }
        for argument in ["--version", "-V"] {
            let journal = Journal::new();
            let exit = Exit { code: 0, stdout: "kvd 1.2.0\n".to_owned(), stderr: String::new() };
            assert_eq!(asked(argument, &journal).run_config().unwrap(), Configured::Exit(exit));
        }
    });
}

#[test]
fn help_and_version_come_out_of_run_and_nothing_runs() {
    within(SOON, || {
        for argument in ["--help", "--version"] {
            let journal = Journal::new();
            let mut group = asked(argument, &journal);
            let report = group.run().unwrap();
            let exit = report.exit().expect("something to print");
            if argument == "--help" {
                assert_help(exit);
            } else {
                assert_eq!(exit.stdout, "kvd 1.2.0\n");
            }
            assert_eq!(journal.entries(), ["store flag_set"]);
            assert!(group.run().is_err(), "it has run");
        }
    });
}

#[test]
fn help_that_was_asked_for_in_run_config_is_not_run_over() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = asked("--help", &journal);
        let _ = group.run_config().unwrap();
        assert_help(group.run().unwrap().exit().expect("still only the help"));
        assert_eq!(journal.entries(), ["store flag_set"]);
    });
}

#[test]
fn main_prints_help_on_stdout_and_errors_on_stderr() {
    const NAME: &str = "main_prints_help_on_stdout_and_errors_on_stderr";
    if is_child(NAME) {
        let journal = Journal::new();
        assert_eq!(asked("--help", &journal).main(), std::process::ExitCode::SUCCESS);
        assert_eq!(asked("--nonsense", &journal).main(), std::process::ExitCode::from(2));
        return;
    }
    within(SOON, || {
        let output = run_child(NAME);
        let (out, err) = (stdout(&output), stderr(&output));
        assert!(output.status.success(), "{out}\n{err}");
        assert!(out.contains("How large it may grow."), "{out}");
        assert!(!err.contains("How large it may grow."), "{err}");
        assert!(err.contains("error: unknown flag '--nonsense'"), "{err}");
        assert!(!out.contains("--nonsense"), "{out}");
    });
}

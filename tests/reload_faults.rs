//! F10, L12: reloads in which the program's own code panics, gets stuck, or holds on to the group.

#![cfg(feature = "config-file")]
// Tests may spawn threads.
#![allow(clippy::disallowed_methods)]

mod common;

use std::ffi::{OsStr, OsString};
use std::sync::{Arc, mpsc};
use std::thread;

use common::file::File;
use common::{SOON, tasks, within};
use rungroup::{
    BoxError, Config, ConfigError, ConfigErrors, Configured, ErrorKind, Flag, FlagSet, FlagValue,
    Group, Live, Reload, ServeContext, Service, Unit, pre_run_fn,
};

const NO_ENV: [(&str, &str); 0] = [];

fn group(set: FlagSet) -> Group {
    let mut group = Group::new("demo");
    group.register(pre_run_fn("unit", |_ctx| Ok(())).flags(set));
    group
}

// ---- stuck ----

/// A unit whose say in a reload takes until the test lets it go on.
struct Slow {
    size: Live<u32>,
    asked: mpsc::Sender<()>,
    go_on: crossbeam_channel::Receiver<()>,
}

impl Unit for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }
    fn as_config(&self) -> Option<&dyn Config> {
        Some(self)
    }
    fn as_service(&self) -> Option<&dyn Service> {
        Some(self)
    }
}

impl Config for Slow {
    fn flag_set(&self) -> FlagSet {
        FlagSet::new("Slow").add(&self.size)
    }
    fn validate_reload(&self, _new: &Reload) -> Result<(), ConfigErrors> {
        self.asked.send(()).unwrap();
        let _ = self.go_on.recv();
        Ok(())
    }
}

impl Service for Slow {
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        ctx.stopped().wait();
        Ok(())
    }
}

/// Else a service that reloads could not stop before the callback of another unit returns.
#[test]
fn f10_a_reload_that_waits_for_its_turn_ends_when_the_group_is_told_to_stop() {
    const WAITS: &str = "waits-its-turn";
    within(SOON, || {
        let (asked, is_asked) = mpsc::channel();
        let (let_go, go_on) = crossbeam_channel::bounded::<()>(0);
        let size = Flag::new("size", 1_u32, "").live();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(Slow { size, asked, go_on });
        let handle = group.handle();
        thread::scope(|scope| {
            let run = scope.spawn(move || group.run());
            handle.wait_till_ready().unwrap();
            let first = scope.spawn(|| handle.reload());
            is_asked.recv().unwrap();
            let second = thread::Builder::new().name(WAITS.to_owned());
            let second = second.spawn_scoped(scope, || handle.reload()).unwrap();
            tasks::wait_till_asleep(WAITS);
            handle.stop("enough");
            let error = second.join().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Stopped, "{error}");
            drop(let_go);
            // It was there first; what comes of it is not the subject.
            let _ = first.join().unwrap();
            run.join().unwrap().unwrap();
        });
    });
}

// ---- types that panic ----

/// A value that cannot be dropped without a panic if it is 13.
#[derive(Debug)]
struct Sticky(u32);

impl FlagValue for Sticky {
    fn from_arg(arg: &OsStr) -> Result<Self, ConfigError> {
        u32::from_arg(arg).map(Self)
    }
    fn to_arg(&self) -> OsString {
        self.0.to_string().into()
    }
}

impl Drop for Sticky {
    fn drop(&mut self) {
        assert!(self.0 != 13 || thread::panicking(), "sticks");
    }
}

#[test]
fn l12_a_value_that_panics_when_it_is_dropped_stops_no_other_flag_from_changing() {
    within(SOON, || {
        let file = File::new("before = 1\nsticky = 13\nbehind = 1");
        let [before, behind] =
            ["before", "behind"].map(|name| Flag::<u32>::new(name, 0, "").live());
        let sticky = Flag::new("sticky", Sticky(0), "").live();
        let mut group = group(FlagSet::new("S").add(&before).add(&sticky).add(&behind));
        let _ = group.run_config_from(file.args(), NO_ENV).unwrap();
        let values = || (*before.get(), sticky.get().0, *behind.get());
        assert_eq!(values(), (1, 13, 1));
        file.write("before = 2\nsticky = 2\nbehind = 2");
        let error = group.handle().reload().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed, "{error}");
        assert!(error.to_string().contains("'--sticky'"), "{error}");
        assert_eq!(values(), (2, 2, 2));
        // And the next one finds nothing left over.
        file.write("before = 3\nsticky = 2\nbehind = 3");
        assert_eq!(group.handle().reload().unwrap().changed(), ["before", "behind"]);
        assert_eq!(values(), (3, 2, 3));
    });
}

/// A type that reads 13 and cannot write it.
#[derive(Debug)]
struct Unlucky(u32);

impl FlagValue for Unlucky {
    fn from_arg(arg: &OsStr) -> Result<Self, ConfigError> {
        u32::from_arg(arg).map(Self)
    }
    fn to_arg(&self) -> OsString {
        assert_ne!(self.0, 13, "unlucky");
        self.0.to_string().into()
    }
}

/// The same, of several values.
#[derive(Debug)]
struct UnluckyOnes(Vec<Unlucky>);

impl FlagValue for UnluckyOnes {
    fn arity() -> rungroup::Arity {
        rungroup::Arity::Many
    }
    fn from_arg(arg: &OsStr) -> Result<Self, ConfigError> {
        Ok(Self(vec![Unlucky::from_arg(arg)?]))
    }
    fn to_arg(&self) -> OsString {
        self.to_args().join(",".as_ref())
    }
    fn from_args(args: &[OsString]) -> Result<Self, ConfigError> {
        args.iter().map(|arg| Unlucky::from_arg(arg)).collect::<Result<_, _>>().map(Self)
    }
    fn to_args(&self) -> Vec<OsString> {
        self.0.iter().map(Unlucky::to_arg).collect()
    }
}

#[test]
fn l12_a_type_that_panics_as_its_value_is_written_is_an_error_of_the_reload() {
    within(SOON, || {
        let one = Flag::new("one", Unlucky(0), "").live();
        let many = Flag::new("many", UnluckyOnes(Vec::new()), "").live();
        let fixed = Flag::new("fixed", Unlucky(0), "");
        let other = Flag::<u32>::new("other", 0, "").live();
        let file = File::new("other = 1");
        let mut group = group(FlagSet::new("S").add(&one).add(&many).add(&fixed).add(&other));
        let _ = group.run_config_from(file.args(), NO_ENV).unwrap();
        for (flag, line) in [("one", "one = 13"), ("many", "many = [13]"), ("fixed", "fixed = 13")]
        {
            file.write(&format!("other = 2\n{line}"));
            let error = group.handle().reload().unwrap_err().to_string();
            assert!(error.contains(&format!("--{flag}")), "{flag}: {error}");
            assert_eq!((*other.get(), one.get().0, many.get().0.len()), (1, 0, 0), "{flag}");
        }
        file.write("other = 3\none = 3\nmany = [3]");
        let reloaded = group.handle().reload().unwrap();
        assert_eq!(reloaded.changed(), ["one", "many", "other"]);
        assert_eq!((*other.get(), one.get().0, many.get().0[0].0), (3, 3, 3));
    });
}

#[test]
fn l12_nor_does_it_take_the_help_or_the_settings_in_effect_with_it() {
    let ask = |question: &str| {
        let (one, other) = (Flag::new("one", Unlucky(13), ""), Flag::<u32>::new("other", 7, ""));
        let many = Flag::new("many", UnluckyOnes(vec![Unlucky(13)]), "");
        let mut group = group(FlagSet::new("S").add(&one).add(&many).add(&other));
        group.run_config_from(["demo", question], NO_ENV)
    };
    for question in ["-h", "--help"] {
        match ask(question) {
            Ok(Configured::Exit(exit)) => {
                for flag in ["--one", "--many", "--other"] {
                    assert!(exit.stdout.contains(flag), "{question}: {}", exit.stdout);
                }
            }
            other => panic!("{question}: {other:?}"),
        }
    }
    match ask("--print-config") {
        Ok(Configured::Exit(exit)) => assert!(exit.stdout.contains("other"), "{}", exit.stdout),
        Ok(Configured::Continue) => panic!("nothing is to be run"),
        Err(error) => assert!(error.to_string().contains("--one"), "{error}"),
    }
}

// ---- held on to ----

/// What a reload starts from is the group's, and a check may hold the group's handle: that is no
/// circle once both are let go.
#[test]
fn f10_a_check_that_holds_the_groups_handle_does_not_keep_it_for_ever() {
    within(SOON, || {
        let checked = |group: &Group| {
            let (handle, token) = (group.handle(), Arc::new(()));
            let weak = Arc::downgrade(&token);
            let check = move |_: &u32| {
                let _ = (&handle, &token);
                Ok::<(), String>(())
            };
            (Flag::<u32>::new("size", 1, "").check(check), weak)
        };
        let build = |group: &mut Group| {
            let (fixed, weak) = checked(group);
            group.register(pre_run_fn("fixed", |_ctx| Ok(())).flags(FlagSet::new("F").add(&fixed)));
            weak
        };
        for ends_by_itself in [false, true] {
            let file = File::new("size = 2");
            let mut group = Group::new("demo");
            let weak = build(&mut group);
            let _ = group.run_config_from(file.args(), NO_ENV).unwrap();
            group.handle().reload().unwrap();
            if ends_by_itself {
                group.run().unwrap();
            }
            assert!(weak.upgrade().is_some());
            drop(group);
            assert!(weak.upgrade().is_none(), "kept, ran: {ends_by_itself}");
        }
    });
}

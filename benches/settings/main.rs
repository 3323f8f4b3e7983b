//! How long reading the settings takes: two hundred flags over twenty units, against `lexopt` with a
//! hand-written `match` and against clap's builder; and `kvd --help` as a process, against the same
//! program with clap's builder.
//!
//! ```text
//! cargo bench --bench settings --all-features
//! ```

// A bench reads the clock and prints: the lints are about the library.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods)]

#[path = "../paired/mod.rs"]
mod paired;
mod process;
mod program;
mod with_clap;
mod with_lexopt;
mod with_rungroup;

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode, ExitStatus};

use paired::statistics::Target;
use paired::{Bench, Variant, each};

fn main() -> ExitCode {
    // A program cannot set its own environment without `unsafe`; clap's builder reads no other.
    let variables = program::variables();
    if env::var_os(&variables[0].0).is_none() {
        let mut again = Command::new(env::current_exe().expect("known"));
        let status = again.args(env::args_os().skip(1)).envs(variables).status();
        return status
            .ok()
            .filter(ExitStatus::success)
            .map_or(ExitCode::FAILURE, |_| ExitCode::SUCCESS);
    }
    let mut bench = Bench::from_args();
    settings(&mut bench, "200 flags, all given", &program::every_flag(), Given::All);
    let some = program::some_flags();
    settings(&mut bench, "200 flags, 20 given", &some, Given::Some);
    settings(&mut bench, "200 flags, 20 given, 20 from the environment", &some, Given::SomeAndEnv);
    process::help(&mut bench);
    ExitCode::SUCCESS
}

/// How many of the flags are parsed. The target against a hand-written `match` is for all of them: it
/// defines nothing, so of few it takes the time of those few, and the rest is what it costs to have
/// flags at all. That is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    All,
    Some,
    SomeAndEnv,
}

fn settings(bench: &mut Bench, what: &str, args: &[OsString], given: Given) {
    let has_env = given == Given::SomeAndEnv;
    all_read_the_same(args, has_env);
    let read = each(|| with_rungroup::read(with_rungroup::parts(), args, has_env));
    let mut rungroup = Variant::new("rungroup", read);
    let mut lexopt = Variant::new("lexopt", each(|| with_lexopt::read(args, has_env)));
    let mut by_unit = Variant::new("lexopt, by unit", each(|| with_lexopt::read_by_unit(args)));
    let mut clap = Variant::new("clap", each(|| with_clap::read(args, has_env)));
    if given == Given::All {
        bench.compare(what, &mut rungroup, &mut lexopt, Target::AtMost(2.0));
        bench.compare(what, &mut rungroup, &mut by_unit, Target::AtMost(2.0));
    } else {
        bench.show(what, &mut rungroup, &mut lexopt);
    }
    bench.compare(what, &mut rungroup, &mut clap, Target::Below(1.0));
}

/// What is compared has to do the same.
fn all_read_the_same(args: &[OsString], has_env: bool) {
    let parts: Vec<_> = with_rungroup::parts().collect();
    let _group = with_rungroup::read(parts.iter().cloned(), args, has_env);
    let lexopt = with_lexopt::read(args, has_env);
    if !has_env {
        assert_eq!(lexopt, with_lexopt::read_by_unit(args));
    }
    let (clap, _) = with_clap::read(args, has_env);
    assert_eq!(lexopt, clap);
    assert_ne!(lexopt, program::Settings::default(), "something was read");
    let values: Vec<_> = parts.iter().map(with_rungroup::Part::values).collect();
    assert_eq!(values.iter().collect::<Vec<_>>(), lexopt.all());
}

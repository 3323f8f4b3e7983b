//! What a program prints in the end, on real terminals and pipes: how wide, in which colours (F6, F7),
//! and what becomes of it where it cannot be printed. In child processes; most are the example `kvd`.

#![cfg(all(unix, feature = "env_logger", feature = "net", feature = "terminal-width"))]
// Children print, and end with the exit code of their group.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

mod common;
#[path = "common/kvd.rs"]
mod kvd;
#[path = "common/pty.rs"]
mod pty;

use std::fs::File;
use std::io::{IsTerminal, PipeWriter, Read};
use std::process::{Command, ExitCode, Stdio};

use common::child::{child_command, is_child, stderr, stdout};
use common::{SOON, within};
use kvd::binary;
use pty::Terminal;
use rungroup::{Configured, Flag, FlagSet, Group, pre_run_fn};

/// A kvd that is not to serve but to print, in a terminal like most.
fn kvd(args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(args).stdin(Stdio::null());
    command.env_remove("NO_COLOR").env("TERM", "xterm-256color").env("COLUMNS", "47");
    command
}

/// What a command shows on a terminal, to which it writes its stdout.
fn shown(columns: u16, command: &mut Command) -> String {
    let terminal = Terminal::new(columns);
    let mut child = command.stdout(terminal.inside()).spawn().expect("started");
    command.stdout(Stdio::null()); // it had kept the terminal
    let shown = terminal.shown();
    assert!(child.wait().expect("ended").success(), "{shown}");
    shown
}

/// What it writes to a pipe.
fn piped(command: &mut Command) -> String {
    let output = command.output().expect("run");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    stdout(&output)
}

/// Without what stands between an escape and its `m`.
fn without_escapes(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.split_once('m').expect("an escape that ends").1);
    std::iter::once(first).chain(rest).collect()
}

const ESCAPE: char = '\x1b';

// ---- width ----

#[test]
fn f6_the_help_is_as_wide_as_the_terminal_within_reason() {
    within(SOON, || {
        for (columns, expected) in [(60, 60), (72, 72), (100, 100), (200, 100), (20, 40)] {
            for form in ["-h", "--help"] {
                let help = without_escapes(&shown(columns, &mut kvd(&[form])));
                let widest = help.lines().map(|line| line.chars().count()).max().unwrap();
                assert!(
                    (expected - 8..=expected).contains(&widest),
                    "{widest} of {columns}:\n{help}"
                );
            }
        }
    });
}

#[test]
fn f6_without_a_terminal_that_knows_its_width_it_is_80_and_columns_is_not_asked() {
    within(SOON, || {
        for form in ["-h", "--help"] {
            let help = piped(&mut kvd(&[form]));
            assert_eq!(help, piped(kvd(&[form]).env("COLUMNS", "120")));
            for columns in [0, 80] {
                assert_eq!(without_escapes(&shown(columns, &mut kvd(&[form]))), help);
            }
            assert_ne!(without_escapes(&shown(60, &mut kvd(&[form]))), help);
        }
    });
}

#[test]
fn f6_injected_arguments_get_a_text_without_colours_in_80_columns_wherever_they_are() {
    const NAME: &str =
        "f6_injected_arguments_get_a_text_without_colours_in_80_columns_wherever_they_are";
    let help = || {
        let group = || Group::new("demo").about("word ".repeat(50));
        let from = group().run_config_from(["demo", "--help"], [("", ""); 0]).unwrap();
        let args = group().args(["demo", "--help"]).run_config().unwrap();
        assert_eq!(args, from);
        match from {
            Configured::Exit(exit) => exit.stdout,
            Configured::Continue => panic!("help was asked for"),
        }
    };
    if is_child(NAME) {
        assert!(std::io::stdout().is_terminal(), "or else it tests nothing");
        print!("<{}>", help());
        return;
    }
    within(SOON, move || {
        let shown = shown(60, child_command(NAME).env("TERM", "xterm").env_remove("NO_COLOR"));
        let help = help();
        assert!(shown.contains(&format!("<{help}>")), "{shown}");
        assert!(help.lines().map(str::len).max().is_some_and(|widest| (72..=80).contains(&widest)));
    });
}

// ---- colours ----

#[test]
fn f6_the_help_has_colours_only_on_a_terminal_that_takes_them_and_without_no_color() {
    within(SOON, || {
        let help = shown(60, &mut kvd(&["--help"]));
        assert!(help.contains("\x1b[1;4mUsage:\x1b[0m kvd [FLAGS]\n"), "{help:?}");
        assert!(help.contains("\n  \x1b[1m-h, --help\x1b[0m\n"), "{help:?}");
        assert_eq!(shown(60, kvd(&["--help"]).env("NO_COLOR", "")), help, "empty is unset");

        let plain = without_escapes(&help);
        assert_eq!(shown(60, kvd(&["--help"]).env("NO_COLOR", "1")), plain);
        assert_eq!(shown(60, kvd(&["--help"]).env("TERM", "dumb")), plain);
        assert_eq!(shown(60, kvd(&["--help"]).env_remove("TERM")), plain);
        assert!(!piped(&mut kvd(&["--help"])).contains(ESCAPE));
    });
}

#[test]
fn f6_the_version_has_no_colours_as_it_is_read_by_programs() {
    within(SOON, || {
        let version = concat!("kvd ", env!("CARGO_PKG_VERSION"), "\n");
        assert_eq!(shown(60, &mut kvd(&["--version"])), version);
        assert_eq!(piped(&mut kvd(&["--version"])), version);
    });
}

/// What a wrong command line shows on a terminal that is stderr alone.
fn shown_errors(command: &mut Command) -> String {
    let terminal = Terminal::new(60);
    let mut child =
        command.stdout(Stdio::null()).stderr(terminal.inside()).spawn().expect("started");
    command.stderr(Stdio::null()); // it had kept the terminal
    let shown = terminal.shown();
    assert_eq!(child.wait().expect("ended").code(), Some(2), "{shown}");
    shown
}

#[test]
fn f7_errors_and_tips_stand_out_if_stderr_is_a_terminal_and_that_alone_counts() {
    const PLAIN: &str = "\
error: unknown flag '--Max-Clients'
  tip: a similar flag exists: '--max-clients'
try 'kvd --help'
";
    const COLOURED: &str = "\
\x1b[1;31merror:\x1b[0m unknown flag '--Max-Clients'
  \x1b[32mtip:\x1b[0m a similar flag exists: '--max-clients'
try 'kvd --help'
";
    within(SOON, || {
        let wrong = || kvd(&["--Max-Clients=3"]);
        assert_eq!(shown_errors(&mut wrong()), COLOURED);
        assert_eq!(shown_errors(wrong().env("NO_COLOR", "")), COLOURED);
        assert_eq!(shown_errors(wrong().env("NO_COLOR", "0")), PLAIN);
        assert_eq!(shown_errors(wrong().env("TERM", "dumb")), PLAIN);
        assert_eq!(stderr(&wrong().output().expect("run")), PLAIN);

        let terminal = Terminal::new(60);
        let mut on_stdout = wrong();
        let child = on_stdout.stdout(terminal.inside()).stderr(Stdio::piped()).spawn();
        on_stdout.stdout(Stdio::null());
        let output = child.expect("started").wait_with_output().expect("ended");
        assert_eq!((stderr(&output).as_str(), terminal.shown().as_str()), (PLAIN, ""));
    });
}

// ---- where it cannot be printed ----

/// A pipe that nobody reads.
fn broken_pipe() -> PipeWriter {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer
}

fn full() -> File {
    File::options().write(true).open("/dev/full").expect("a device that takes nothing")
}

#[test]
fn f6_a_reader_that_has_gone_is_no_error() {
    within(SOON, || {
        for asked in ["-h", "--help", "--version", "--show-rungroup-units"] {
            let output = kvd(&[asked]).stdout(broken_pipe()).output().expect("run");
            assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{asked}");
        }
    });
}

#[test]
fn f6_closed_streams_are_no_error() {
    within(SOON, || {
        for closed in [">&-", "<&-", ">&- <&-", "2>&-", ">&- 2>&- <&-"] {
            let mut shell = Command::new("sh");
            let shell = shell.args(["-c", &format!("exec \"$0\" --help {closed}")]).arg(binary());
            let output = shell.output().expect("run");
            assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{closed}");
            let is_printed = stdout(&output).contains("Usage: kvd");
            assert_eq!(is_printed, !closed.contains(">&- ") && closed != ">&-", "{closed}");
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn f6_help_that_cannot_be_written_is_an_error_that_says_so() {
    const WHY: &str =
        "error: cannot write to the standard output: No space left on device (os error 28)\n";
    within(SOON, || {
        for asked in ["-h", "--help", "--version", "--show-rungroup-units"] {
            let output = kvd(&[asked]).stdout(full()).output().expect("run");
            assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(1), WHY), "{asked}");
        }
    });
}

/// A program that calls `run_config` by itself.
#[test]
fn f9_what_a_program_prints_by_itself_is_printed_as_main_does() {
    const NAME: &str = "f9_what_a_program_prints_by_itself_is_printed_as_main_does";
    if is_child(NAME) {
        let asked = std::env::var("ASKED").unwrap();
        let mut group = Group::new("demo").args(["demo", &asked]);
        let exit = match group.run_config() {
            Ok(Configured::Exit(exit)) => exit,
            Ok(Configured::Continue) => panic!("nothing was asked for"),
            Err(error) => error.to_exit("demo"),
        };
        let code = exit.print();
        let number = (0..=3).find(|number| code == ExitCode::from(*number));
        std::process::exit(number.unwrap().into());
    }
    // What a full disk and a reader that has gone are to it is the same code, tested above: the
    // test's own process could not write its first line to them.
    within(SOON, || {
        let child = |asked: &str| child_command(NAME).env("ASKED", asked).output().expect("run");
        let asked = child("--help");
        assert_eq!(asked.status.code(), Some(0), "{}", stderr(&asked));
        assert!(stdout(&asked).contains("Usage: demo [FLAGS]\n"), "{}", stdout(&asked));
        let wrong = child("--nonsense");
        assert_eq!(wrong.status.code(), Some(2));
        assert!(stderr(&wrong).contains("error: unknown flag '--nonsense'\n"));
    });
}

#[cfg(target_os = "linux")]
#[test]
fn o2_the_exit_code_is_the_same_where_errors_cannot_be_written() {
    within(SOON, || {
        let code = |args: &[&str], stdout: Stdio, stderr: Stdio| {
            let mut kvd = kvd(args);
            kvd.stdout(stdout).stderr(stderr).status().expect("run").code()
        };
        assert_eq!(code(&["--nonsense"], Stdio::null(), full().into()), Some(2));
        assert_eq!(code(&["--nonsense"], full().into(), full().into()), Some(2));
        assert_eq!(code(&["--nonsense"], Stdio::null(), broken_pipe().into()), Some(2));
        assert_eq!(code(&["--help"], full().into(), full().into()), Some(1));
        assert_eq!(code(&["--help"], full().into(), broken_pipe().into()), Some(1));
        assert_eq!(code(&["--help"], broken_pipe().into(), broken_pipe().into()), Some(0));
        let mut shell = Command::new("sh");
        let closed = shell.args(["-c", "exec \"$0\" --nonsense >&- 2>&- <&-"]).arg(binary());
        assert_eq!(closed.status().expect("run").code(), Some(2));
    });
}

// ---- more than a pipe holds ----

/// A program whose help no pipe holds.
fn talkative() -> Group {
    let flags = (0..3000).map(|number| Flag::new(format!("flag-{number}"), false, "One of many."));
    let flags = flags.fold(FlagSet::new("Many"), |set, flag| set.add(&flag));
    let mut group = Group::new("talkative").args(["talkative", "--help"]);
    group.register(pre_run_fn("many", |_ctx| Ok(())).flags(flags));
    group
}

/// The child of the two tests below: prints its help and ends with the code of its group.
fn talk() -> ! {
    let code = talkative().main();
    std::process::exit(if code == ExitCode::SUCCESS { 0 } else { 3 })
}

#[test]
fn f6_all_of_a_long_help_comes_through_a_small_pipe_to_a_slow_reader() {
    const NAME: &str = "f6_all_of_a_long_help_comes_through_a_small_pipe_to_a_slow_reader";
    if is_child(NAME) {
        talk();
    }
    within(SOON, || {
        let mut child = child_command(NAME).stdout(Stdio::piped()).spawn().expect("started");
        let mut out = child.stdout.take().expect("a pipe");
        let (mut read, mut byte) = (Vec::new(), [0]);
        while out.read(&mut byte).expect("read") > 0 {
            read.push(byte[0]);
        }
        let Configured::Exit(exit) = talkative().run_config().unwrap() else { panic!("no help") };
        assert!(exit.stdout.len() > 65_536, "more than a pipe holds: {}", exit.stdout.len());
        // Before it there are some words of the test's own.
        assert!(read.ends_with(exit.stdout.as_bytes()), "{} bytes of it", read.len());
        assert_eq!(child.wait().expect("ended").code(), Some(0));
    });
}

#[test]
fn f6_a_reader_that_goes_in_the_middle_of_a_long_help_is_no_error() {
    const NAME: &str = "f6_a_reader_that_goes_in_the_middle_of_a_long_help_is_no_error";
    if is_child(NAME) {
        talk();
    }
    within(SOON, || {
        let mut command = child_command(NAME);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
        let mut out = child.stdout.take().expect("a pipe");
        let mut read = String::new();
        let mut part = [0; 512];
        while !read.contains("--flag-1 ") && !read.contains("--flag-1\n") {
            let count = out.read(&mut part).expect("read");
            assert_ne!(count, 0, "the end comes later:\n{read}");
            read.push_str(&String::from_utf8_lossy(&part[..count]));
        }
        drop(out); // `| head`
        let output = child.wait_with_output().expect("ended");
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    });
}

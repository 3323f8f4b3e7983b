//! F5: every form in which a flag can be given, and every form in which it cannot.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use super::{ask_with, only_error, parse, table};
use crate::flags::Parsed;
use crate::{Flag, FlagSet, Source};

struct Unit {
    listen: Flag<String>,
    level: Flag<i32>,
    verbose: Flag<bool>,
    all: Flag<bool>,
    peer: Flag<Vec<String>>,
}

impl Unit {
    fn new() -> Self {
        Self {
            listen: Flag::new("listen", "", "").short('l'),
            level: Flag::new("level", 0, "").short('e'),
            verbose: Flag::new("verbose", false, "").short('v'),
            all: Flag::new("all", true, "").short('a'),
            peer: Flag::new("peer", Vec::new(), "").short('p'),
        }
    }

    fn flag_set(&self) -> FlagSet {
        let set = FlagSet::new("Unit").add(&self.listen).add(&self.level).add(&self.verbose);
        set.add(&self.all).add(&self.peer)
    }

    /// The values after a command line without errors.
    fn read(args: &[&str]) -> (String, i32, bool, bool, Vec<String>) {
        let unit = Unit::new();
        let settings = parse(&table([("unit", unit.flag_set())]), args);
        assert!(settings.errors.is_empty(), "{args:?}: {}", settings.errors);
        assert!(settings.unusable.is_empty());
        (
            unit.listen.get().clone(),
            *unit.level.get(),
            *unit.verbose.get(),
            *unit.all.get(),
            unit.peer.get().clone(),
        )
    }

    /// The problems of a command line.
    fn problems(args: &[&str]) -> Vec<String> {
        let settings = parse(&table([("unit", Unit::new().flag_set())]), args);
        settings.errors.as_slice().iter().map(ToString::to_string).collect()
    }
}

#[test]
fn f5_a_value_can_be_given_in_every_usual_form() {
    for args in [
        &["--listen", ":80"][..],
        &["--listen=:80"],
        &["-l", ":80"],
        &["-l:80"],
        &["-l=:80"],
        &["-vl:80"],
        &["-vl", ":80"],
        &["--listen=:79", "--listen", ":80"],
        &["-l:79", "--listen=:80"],
    ] {
        assert_eq!(Unit::read(args).0, ":80", "{args:?}");
    }
}

#[test]
fn f5_a_value_may_look_like_anything_but_a_flag() {
    assert_eq!(Unit::read(&["--listen", "-"]).0, "-");
    assert_eq!(Unit::read(&["--listen", "-x"]).0, "-x");
    assert_eq!(Unit::read(&["--listen", "--nothing-known"]).0, "--nothing-known");
    assert_eq!(Unit::read(&["--listen=--verbose"]).0, "--verbose");
    assert_eq!(Unit::read(&["--listen=a=b"]).0, "a=b");
    assert_eq!(Unit::read(&["--listen="]).0, "");
    assert_eq!(Unit::read(&["--level", "-5"]).1, -5);
    assert_eq!(Unit::read(&["-e-5"]).1, -5);
}

#[test]
fn f5_switches_are_set_cleared_and_bundled() {
    let switches = |args: &[&str]| {
        let read = Unit::read(args);
        (read.2, read.3)
    };
    assert_eq!(switches(&[]), (false, true));
    assert_eq!(switches(&["--verbose"]), (true, true));
    assert_eq!(switches(&["--verbose=true", "--all=false"]), (true, false));
    assert_eq!(switches(&["-va"]), (true, true));
    assert_eq!(switches(&["-va=false"]), (true, false));
    assert_eq!(switches(&["-v", "--verbose=false"]), (false, true));
    assert_eq!(switches(&["--all=no"]), (false, false));
}

#[test]
fn f5_a_list_repeats_and_does_not_split_at_commas() {
    let read = Unit::read(&["--peer", "a", "-pb", "--peer=c,d"]);
    assert_eq!(read.4, ["a", "b", "c,d"]);
}

#[test]
fn f5_the_last_of_a_repeated_scalar_wins() {
    assert_eq!(Unit::read(&["--level", "1", "-e2", "--level=3"]).1, 3);
}

#[test]
fn f5_a_flag_where_a_value_is_needed_is_not_taken_for_one() {
    for (args, tip) in [
        (
            &["--listen", "--verbose"][..],
            "\n  tip: if '--verbose' is the value, write '--listen=--verbose'",
        ),
        (
            &["--listen", "--level=3"],
            "\n  tip: if '--level' is the value, write '--listen=--level'",
        ),
        (&["--listen", "-v"], "\n  tip: if '-v' is the value, write '--listen=-v'"),
        (&["-l", "--"], "\n  tip: if '--' is the value, write '--listen=--'"),
        (&["-v", "--listen"], ""),
        (&["-vl"], ""),
    ] {
        let expected = format!("unit 'unit': flag '--listen' (command line): needs a value{tip}");
        assert_eq!(Unit::problems(args), [expected], "{args:?}");
    }
}

#[test]
fn f5_the_flag_that_is_not_taken_for_a_value_is_read_itself() {
    let unit = Unit::new();
    let settings = parse(&table([("unit", unit.flag_set())]), &["--listen", "--level=x"]);
    assert_eq!(settings.errors.as_slice().len(), 2, "{}", settings.errors);
    assert!(settings.unusable.contains("unit"));
}

#[test]
fn f5_an_unknown_flag_is_an_error_and_its_value_is_not_another() {
    assert_eq!(Unit::problems(&["--max-con", "5"]), ["unknown flag '--max-con'"]);
    assert_eq!(Unit::problems(&["--max-con=5"]), ["unknown flag '--max-con'"]);
    assert_eq!(Unit::problems(&["-q"]), ["unknown flag '-q'"]);
    assert_eq!(Unit::problems(&["-vq=3"]), ["unknown flag '-q'"]);
    let both = ["unknown flag '--one'", "unknown flag '--two'"];
    assert_eq!(Unit::problems(&["--one", "--two=x", "--verbose"]), both);
}

#[test]
fn f5_an_unknown_flag_that_differs_in_spelling_only_gets_a_tip() {
    let tip = |is| format!("\n  tip: a similar flag exists: '--{is}'");
    assert_eq!(
        Unit::problems(&["--Listen"]),
        [format!("unknown flag '--Listen'{}", tip("listen"))]
    );
    let flag = Flag::<u32>::new("max-conns", 1, "");
    let table = table([("unit", FlagSet::new("S").add(&flag))]);
    let expected = format!("unknown flag '--max_conns'{}", tip("max-conns"));
    assert_eq!(only_error(&parse(&table, &["--max_conns=3"])), expected);
}

// `-listen` could be read as `-l isten`: that must not happen silently.
#[test]
fn f5_a_long_flag_with_a_single_dash_is_refused_with_a_tip() {
    let tip =
        |name| format!("unknown flag '-{name}'\n  tip: a long flag has two dashes: '--{name}'");
    assert_eq!(Unit::problems(&["-listen", ":80"]), [tip("listen")]);
    assert_eq!(Unit::problems(&["-listen=:80", "-v"]), [tip("listen")]);
    assert_eq!(Unit::problems(&["-verbose"]), [tip("verbose")]);
    assert_eq!(Unit::read(&["-l=isten"]).0, "isten");
    assert_eq!(Unit::read(&["--listen", "-peer"]).0, "-peer");
}

#[test]
fn f5_positional_arguments_are_refused_unless_the_program_takes_them() {
    assert_eq!(Unit::problems(&["file"]), ["unexpected argument 'file'"]);
    assert_eq!(Unit::problems(&["-v", "--", "-v"]), ["unexpected argument '-v'"]);
    assert_eq!(Unit::problems(&["-"]), ["unexpected argument '-'"]);
    let tip = "unexpected argument 'false'\n  tip: write '--all=false'";
    assert_eq!(Unit::problems(&["--all", "false"]), [tip]);

    let unit = Unit::new();
    let files = Flag::<Vec<String>>::new("files", [], "").positional();
    let table = table([("unit", unit.flag_set().add(&files))]);
    let settings = parse(&table, &["a", "-v", "b", "--", "--listen", "-listen"]);
    assert!(settings.errors.is_empty(), "{}", settings.errors);
    assert_eq!(*files.get(), ["a", "b", "--listen", "-listen"]);
    assert!(*unit.verbose.get());
    assert_eq!(unit.listen.source(), Source::Default);
}

#[test]
fn f5_what_is_not_utf_8_is_kept_for_paths_and_refused_for_text() {
    let bytes = || OsString::from_vec(b"/data/\xff".to_vec());
    let mut attached = OsString::from("--text=");
    attached.push(bytes());
    let path = Flag::<PathBuf>::new("path", "", "");
    let text = Flag::<String>::new("text", "", "");
    let table = table([("unit", FlagSet::new("S").add(&path).add(&text))]);
    let Parsed::Settings(settings) = ask_with(&table, ["--path".into(), bytes(), attached], &[])
    else {
        panic!("not a request for help")
    };
    assert_eq!(path.get().as_os_str(), bytes());
    assert_eq!(
        only_error(&settings),
        "unit 'unit': invalid value '/data/\u{fffd}' for '--text' (command line): not valid UTF-8"
    );
}

#[test]
fn f5_no_arguments_at_all_not_even_a_name_is_fine() {
    let table = table([]);
    assert!(matches!(table.parse(Vec::new(), &|_| None), Parsed::Settings(_)));
}

// Fault 10 of the originals: only the first error was kept.
#[test]
fn f7_all_problems_of_a_command_line_come_at_once() {
    let addr = Flag::<SocketAddr>::new("addr", ([127, 0, 0, 1], 80), "");
    let number = Flag::<u8>::new("number", 1, "");
    let table = table([("a", FlagSet::new("A").add(&addr)), ("b", FlagSet::new("B").add(&number))]);
    let settings = parse(&table, &["--number=300", "--addr", "localhost:80", "--what", "-z"]);
    let whys: Vec<_> = settings.errors.as_slice().iter().map(crate::ConfigError::why).collect();
    assert_eq!(
        whys,
        [
            "unknown flag '--what'",
            "unknown flag '-z'",
            "not an IP address with a port",
            "not a whole number from 0 to 255",
        ]
    );
    assert_eq!(settings.unusable.iter().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn f7_an_unknown_flag_as_long_as_a_book_is_shortened_and_gets_no_tip() {
    let long = format!("--{}", "listen".repeat(170_000));
    for args in [&[long.as_str()][..], &[&format!("{long}=x")], &[&long, "x"]] {
        let flag = Flag::<String>::new("listen", "", "");
        let error = only_error(&parse(&table([("a", FlagSet::new("A").add(&flag))]), args));
        assert!(error.starts_with("unknown flag '--listenlisten"), "{}", &error[..100]);
        assert!(error.len() < 500, "{} bytes", error.len());
        assert!(!error.contains("tip"), "{error}");
    }
}

/// What the file would give is not missing: nobody knows it.
#[cfg(feature = "config-file")]
#[test]
fn f7_a_file_that_is_asked_for_and_not_named_is_the_only_error() {
    let data = Flag::<String>::required("data", "");
    let positional = Flag::<String>::new("file", "", "").positional();
    for args in [&["--config"][..], &["-c"], &["--config", "--verbose"], &["x", "--config"]] {
        let verbose = Flag::new("verbose", false, "");
        let set = FlagSet::new("A").add(&data).add(&positional).add(&verbose);
        let settings = parse(&table([("a", set)]), args);
        let error = only_error(&settings);
        assert!(error.contains("'--config' (command line): needs a value"), "{args:?}: {error}");
        assert!(settings.unusable.contains("a"), "{args:?}: nobody knows its values");
    }
}

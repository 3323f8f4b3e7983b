//! F5: arguments that are given by their place.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use super::{ask_with, only_error, parse, parse_with, program_with_env, table, table_of};
use crate::flags::Program;
use crate::{Flag, FlagSet, Source};

#[test]
fn f5_places_are_filled_in_order_over_the_units() {
    let from = Flag::<String>::required("from", "").positional();
    let to = Flag::<String>::new("to", "here", "").positional();
    let rest = Flag::<Vec<u8>>::new("rest", [], "").positional();
    let verbose = Flag::new("verbose", false, "").short('v');
    let table = table([
        ("a", FlagSet::new("A").add(&from).add(&verbose)),
        ("b", FlagSet::new("B").add(&to).add(&rest)),
    ]);
    let settings = parse(&table, &["x", "-v", "y", "1", "--", "2"]);
    assert!(settings.errors.is_empty(), "{}", settings.errors);
    assert_eq!((from.get().as_str(), to.get().as_str()), ("x", "y"));
    assert_eq!((rest.get().as_slice(), *verbose.get()), (&[1, 2][..], true));
    assert_eq!(to.source(), Source::CommandLine);
}

#[test]
fn f5_what_is_left_out_has_its_default_and_what_is_too_much_is_refused() {
    let from = Flag::<String>::required("from", "").positional();
    let to = Flag::<String>::new("to", "here", "").positional();
    let set = || FlagSet::new("A").add(&from).add(&to);
    let settings = parse(&table([("a", set())]), &["x"]);
    assert!(settings.errors.is_empty(), "{}", settings.errors);
    assert_eq!((to.get().as_str(), to.source()), ("here", Source::Default));
    let settings = parse(&table([("a", set())]), &["x", "y", "z"]);
    assert_eq!(only_error(&settings), "unexpected argument 'z'");
}

#[test]
fn f7_errors_name_the_argument_as_the_help_does() {
    let count = Flag::<u8>::required("count", "").positional();
    let files = Flag::<Vec<PathBuf>>::required("files", "").value_name("FILE").positional();
    let table = || table([("a", FlagSet::new("A").add(&count).add(&files))]);
    let error = |args: &[&str]| parse(&table(), args).errors.to_string();
    assert_eq!(
        error(&[]),
        "unit 'a': argument '<COUNT>': is required\nunit 'a': argument '<FILE>': is required"
    );
    assert_eq!(
        error(&["many", "x"]),
        "unit 'a': invalid value 'many' for '<COUNT>' (command line): \
         not a whole number from 0 to 255"
    );
    assert_eq!(error(&["--count=3", "1", "x"]), "unknown flag '--count'");
}

#[test]
fn f2_an_argument_need_not_be_utf_8() {
    let file = Flag::<PathBuf>::required("file", "").positional();
    let bytes = OsString::from_vec(b"\xff".to_vec());
    let table = table([("a", FlagSet::new("A").add(&file))]);
    let _ = ask_with(&table, [bytes.clone()], &[]);
    assert_eq!(file.get().as_os_str(), bytes);
}

#[test]
fn f4_a_place_is_not_in_the_environment_unless_it_says_so() {
    let file = Flag::<String>::new("file", "none", "").positional();
    let other = Flag::<String>::new("other", "none", "").env("OTHER").positional();
    let set = FlagSet::new("A").add(&file).add(&other);
    let table = table_of(program_with_env(), [("a", set)]).unwrap();
    parse_with(&table, &[], &[("KVD_FILE", "x"), ("KVD_OTHER", "x"), ("OTHER", "y")]);
    assert_eq!((file.get().as_str(), other.get().as_str()), ("none", "y"));
}

#[test]
fn f3_places_that_cannot_be_reached_are_definition_errors() {
    let all = Flag::<Vec<String>>::new("all", [], "").positional();
    let one = Flag::<String>::required("one", "").positional();
    let optional = Flag::<String>::new("optional", "", "").positional();
    let switch = Flag::new("switch", false, "").short('s').positional();
    let problems = |units: Vec<(&'static str, FlagSet)>| {
        table_of(Program::new("kvd"), units).err().unwrap().to_string()
    };
    let set = |flag: &Flag<String>| FlagSet::new("S").add(flag);
    assert_eq!(
        problems(vec![("a", FlagSet::new("A").add(&all)), ("b", set(&one))]),
        "unit 'b': argument '<ONE>': comes after '<ALL>' of unit 'a', which takes all arguments"
    );
    assert_eq!(
        problems(vec![("a", set(&optional)), ("b", set(&one))]),
        "unit 'b': argument '<ONE>': is required, and comes after '<OPTIONAL>' of unit 'a', which \
         is not"
    );
    assert_eq!(
        problems(vec![("a", FlagSet::new("A").add(&switch))]),
        "unit 'a': argument '<SWITCH>': a switch cannot be positional\n\
         unit 'a': argument '<SWITCH>': a positional argument cannot have a short name"
    );
}

/// What follows an unknown flag may be its value, and a secret: nobody knows which argument is at
/// which place then.
#[test]
fn f7_what_follows_an_unknown_flag_is_at_no_place() {
    let count = Flag::<u8>::required("count", "").positional();
    let token = Flag::<String>::new("token", "", "").short('t').secret();
    let table = || table([("a", FlagSet::new("A").add(&count).add(&token))]);
    for (args, unknown) in [
        (&["--tokne", "hunter2", "3"][..], "--tokne"),
        (&["3", "--tokne", "hunter2"], "--tokne"),
        (&["--tokne", "hunter2"], "--tokne"),
        (&["--tokne=hunter2", "3"], "--tokne"),
        (&["-x", "hunter2", "3"], "-x"),
        (&["-x", "hunter2"], "-x"),
        (&["-token", "hunter2", "3"], "-token"),
    ] {
        let error = only_error(&parse(&table(), args));
        assert!(error.starts_with(&format!("unknown flag '{unknown}'")), "{args:?}: {error}");
        assert!(!error.contains("hunter2"), "{args:?}: {error}");
    }
}

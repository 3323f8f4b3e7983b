//! F4, the environment's part: what it is read from, what it loses to, what is no value.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use super::{only_error, parse_with, program_with_env, table, table_of};
use crate::flags::{Parsed, Table};
use crate::{Flag, FlagSet, Source};

fn one(set: FlagSet) -> Table {
    table_of(program_with_env(), [("unit", set)]).unwrap()
}

#[test]
fn f4_the_command_line_beats_the_environment_which_beats_the_default() {
    let level = Flag::<u8>::new("max.log-level", 1, "");
    let table = one(FlagSet::new("S").add(&level));
    assert_eq!((*level.get(), level.source()), (1, Source::Default));
    let env = [("KVD_MAX_LOG_LEVEL", "2")];
    parse_with(&table, &[], &env);
    assert_eq!((*level.get(), level.source()), (2, Source::environment("KVD_MAX_LOG_LEVEL")));

    let level = Flag::<u8>::new("max.log-level", 1, "");
    let table = one(FlagSet::new("S").add(&level));
    parse_with(&table, &["--max.log-level=3"], &env);
    assert_eq!((*level.get(), level.source()), (3, Source::CommandLine));
}

#[test]
fn f4_without_a_prefix_only_a_variable_of_its_own_is_read() {
    let (plain, own) = (Flag::<u8>::new("plain", 1, ""), Flag::<u8>::new("own", 1, "").env("OWN"));
    let table = table([("unit", FlagSet::new("S").add(&plain).add(&own))]);
    parse_with(&table, &[], &[("PLAIN", "2"), ("_PLAIN", "2"), ("OWN", "2")]);
    assert_eq!((*plain.get(), *own.get()), (1, 2));
}

#[test]
fn f4_the_variable_made_of_the_prefix_comes_before_its_own() {
    let flag = Flag::<u8>::new("level", 1, "").env("LEVEL");
    let table = one(FlagSet::new("S").add(&flag));
    parse_with(&table, &[], &[("LEVEL", "3"), ("KVD_LEVEL", "2")]);
    assert_eq!(flag.source(), Source::environment("KVD_LEVEL"));
}

#[test]
fn f4_empty_counts_as_unset() {
    let flag = Flag::<u8>::new("level", 1, "").env("LEVEL");
    let table = one(FlagSet::new("S").add(&flag));
    let settings = parse_with(&table, &[], &[("KVD_LEVEL", ""), ("LEVEL", "3")]);
    assert!(settings.errors.is_empty(), "{}", settings.errors);
    assert_eq!(flag.source(), Source::environment("LEVEL"));
}

// Fault 10 of the originals: a list flag from the environment broke.
#[test]
fn f2_a_list_in_the_environment_is_split_at_commas() {
    let peers = Flag::<Vec<String>>::new("peer", Vec::new(), "");
    let table = one(FlagSet::new("S").add(&peers));
    parse_with(&table, &[], &[("KVD_PEER", "a, b,,c,")]);
    assert_eq!(*peers.get(), ["a", "b", "c"]);

    let peers = Flag::<Vec<String>>::new("peer", vec!["z".to_owned()], "");
    let table = one(FlagSet::new("S").add(&peers));
    parse_with(&table, &[], &[("KVD_PEER", " , ")]);
    assert_eq!(peers.source(), Source::Default);
    parse_with(&table, &["--peer=a,b"], &[("KVD_PEER", "c")]);
    assert_eq!(*peers.get(), ["a,b"], "the command line takes the place of the environment");
}

#[test]
fn f4_every_bad_value_of_a_list_is_reported() {
    let ports = Flag::<Vec<u16>>::new("port", Vec::new(), "");
    let settings =
        parse_with(&one(FlagSet::new("S").add(&ports)), &[], &[("KVD_PORT", "80,x,81,-1")]);
    let values: Vec<_> = settings.errors.as_slice().iter().map(crate::ConfigError::value).collect();
    assert_eq!(values, [Some("x"), Some("-1")]);
}

#[test]
fn f4_a_switch_understands_what_people_write() {
    for (text, value) in [("1", true), ("Yes", true), ("off", false), ("FALSE", false)] {
        let quiet = Flag::<bool>::new("quiet", !value, "");
        let settings = parse_with(&one(FlagSet::new("S").add(&quiet)), &[], &[("KVD_QUIET", text)]);
        assert!(settings.errors.is_empty(), "{text}: {}", settings.errors);
        assert_eq!(*quiet.get(), value, "{text}");
    }
    let quiet = Flag::<bool>::new("quiet", false, "");
    let settings = parse_with(&one(FlagSet::new("S").add(&quiet)), &[], &[("KVD_QUIET", "maybe")]);
    assert_eq!(
        only_error(&settings),
        "unit 'unit': invalid value 'maybe' for '--quiet' (environment variable KVD_QUIET): \
         neither true nor false"
    );
}

#[test]
fn f4_what_is_not_utf_8_is_an_error_for_text_and_a_path_is_kept() {
    let bytes = || OsString::from_vec(b"\xff,\xfe".to_vec());
    let text = Flag::<String>::new("text", "", "");
    let path = Flag::<PathBuf>::new("path", "", "");
    let paths = Flag::<Vec<PathBuf>>::new("paths", Vec::new(), "");
    let table = one(FlagSet::new("S").add(&text).add(&path).add(&paths));
    let Parsed::Settings(settings) = table.parse(vec!["kvd".into()], &|name| {
        ["KVD_TEXT", "KVD_PATH", "KVD_PATHS"].contains(&name).then(bytes)
    }) else {
        panic!("nothing was asked for")
    };
    assert!(only_error(&settings).ends_with("(environment variable KVD_TEXT): not valid UTF-8"));
    assert_eq!(path.get().as_os_str(), bytes());
    assert_eq!(paths.get().len(), 2);
    assert_eq!(paths.get()[1].as_os_str(), OsString::from_vec(b"\xfe".to_vec()));
}

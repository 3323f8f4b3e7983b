//! F10: reading file and environment again.

use super::scratch::Scratch;
use super::{ask_with, parse_with, program_with_env, table_of};
use crate::flags::{Kept, Parsed, Reloaded, Table};
use crate::{ConfigErrors, Flag, FlagSet, Live, Source};

struct Unit {
    limit: Live<u32>,
    peers: Live<Vec<String>>,
    token: Live<String>,
    listen: Flag<String>,
}

impl Unit {
    fn new() -> Self {
        let even = |n: &u32| if n.is_multiple_of(2) { Ok(()) } else { Err("is odd") };
        Self {
            limit: Flag::new("limit", 10_u32, "").check(even).live(),
            peers: Flag::new("peer", [], "").live(),
            token: Flag::new("token", "none", "").secret().live(),
            listen: Flag::new("listen", ":80", ""),
        }
    }

    fn table(&self) -> Table {
        let set = FlagSet::new("S").add(&self.limit).add(&self.peers).add(&self.token);
        let set = set.add(&self.listen).removed("gone", "for good");
        table_of(program_with_env(), [("unit", set)]).unwrap()
    }
}

fn start(table: &Table, args: &[&str], env: &[(&str, &str)]) -> Kept {
    let settings = parse_with(table, args, env);
    assert!(settings.errors.is_empty(), "{}", settings.errors);
    settings.kept
}

fn reload(table: &Table, kept: &Kept, env: &[(&str, &str)]) -> Result<Reloaded, ConfigErrors> {
    let env = |name: &str| {
        let found = env.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| value.into())
    };
    table.prepare(kept, &env, &|_| true).map(|candidate| candidate.commit().0)
}

fn names(reloaded: &Reloaded) -> (Vec<&str>, Vec<&str>) {
    let texts = |names: &'static [String]| names.iter().map(String::as_str).collect();
    let leak = Box::leak(Box::new(reloaded.clone()));
    (texts(leak.changed()), texts(leak.needs_restart()))
}

#[test]
fn f10_a_live_flag_follows_the_environment_and_another_needs_a_restart() {
    let unit = Unit::new();
    let table = unit.table();
    let kept = start(&table, &[], &[("KVD_LIMIT", "4"), ("KVD_LISTEN", "a")]);
    let before = unit.limit.get();
    let env = [("KVD_LIMIT", "6"), ("KVD_LISTEN", "b"), ("KVD_PEER", "x,y")];
    let reloaded = reload(&table, &kept, &env).unwrap();
    assert_eq!(names(&reloaded), (vec!["limit", "peer"], vec!["listen"]));
    assert_eq!((*before, *unit.limit.get()), (4, 6), "what was given out stays as it is");
    assert_eq!(*unit.peers.get(), ["x", "y"]);
    assert_eq!(unit.listen.get(), "a");
    // What is gone is the default again.
    let reloaded = reload(&table, &kept, &[("KVD_LISTEN", "a")]).unwrap();
    assert_eq!(names(&reloaded), (vec!["limit", "peer"], vec![]));
    assert_eq!((*unit.limit.get(), unit.limit.source()), (10, Source::Default));
    let reloaded = reload(&table, &kept, &[("KVD_LISTEN", "a"), ("KVD_LIMIT", "10")]).unwrap();
    assert_eq!(names(&reloaded), (vec![], vec![]), "the same value");
    assert_eq!(unit.limit.source(), Source::environment("KVD_LIMIT"), "of another source");
}

#[test]
fn f10_one_bad_value_keeps_all_as_they_are() {
    let unit = Unit::new();
    let table = unit.table();
    let kept = start(&table, &[], &[]);
    let env = [("KVD_LIMIT", "3"), ("KVD_PEER", "x"), ("KVD_TOKEN", "t"), ("KVD_GONE", "1")];
    let errors = reload(&table, &kept, &env).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "unit 'unit': flag '--gone' (environment variable KVD_GONE): was removed: for good\n\
         unit 'unit': invalid value '3' for '--limit' (environment variable KVD_LIMIT): is odd"
    );
    assert_eq!((*unit.limit.get(), unit.peers.get().len()), (10, 0));
    assert_eq!((unit.token.get().as_str(), unit.token.source()), ("none", Source::Default));
    // Nothing is left over for the next.
    assert_eq!(names(&reload(&table, &kept, &[]).unwrap()), (vec![], vec![]));
    assert!(unit.peers.get().is_empty());
}

#[test]
fn f10_the_command_line_stays_as_it_was() {
    let unit = Unit::new();
    let table = unit.table();
    let kept = start(&table, &["--limit=2"], &[]);
    let reloaded = reload(&table, &kept, &[("KVD_LIMIT", "8")]).unwrap();
    assert_eq!(names(&reloaded), (vec![], vec![]));
    assert_eq!((*unit.limit.get(), unit.limit.source()), (2, Source::CommandLine));
}

#[test]
fn f8_what_the_program_set_by_itself_stays() {
    let unit = Unit::new();
    let table = unit.table();
    table.flag_set().set("limit", "8", Source::other("etcd")).unwrap();
    let kept = start(&table, &[], &[]);
    reload(&table, &kept, &[("KVD_LIMIT", "4")]).unwrap();
    assert_eq!((*unit.limit.get(), unit.limit.source()), (8, Source::other("etcd")));
    table.flag_set().set("limit", "6", Source::other("etcd")).unwrap();
    assert_eq!(*unit.limit.get(), 6, "and changes when the program changes it");
    reload(&table, &kept, &[]).unwrap();
    assert_eq!(*unit.limit.get(), 6);
}

#[test]
fn f10_a_secret_is_read_from_its_file_again() {
    let (unit, file) = (Unit::new(), Scratch::new("old\n"));
    let table = unit.table();
    let path = file.text();
    let kept = start(&table, &["--token-file", &path], &[]);
    assert_eq!(*unit.token.get(), "old");
    file.write("new\n");
    let reloaded = reload(&table, &kept, &[]).unwrap();
    assert_eq!(names(&reloaded), (vec!["token"], vec![]));
    assert_eq!(*unit.token.get(), "new");
    file.write("");
    let error = reload(&table, &kept, &[]).unwrap_err().to_string();
    assert!(error.ends_with("for '--token-file' (command line): the file is empty"), "{error}");
    assert_eq!(*unit.token.get(), "new");
}

#[cfg(feature = "config-file")]
#[test]
fn f10_the_file_is_read_again_and_one_that_is_broken_or_gone_changes_nothing() {
    let (unit, file) = (Unit::new(), Scratch::new("limit = 4"));
    let table = unit.table();
    let path = file.text();
    let kept = start(&table, &["--config", &path], &[]);
    assert_eq!(*unit.limit.get(), 4);
    file.write("\npeer = ['x']\nlimit = 6");
    assert_eq!(names(&reload(&table, &kept, &[]).unwrap()), (vec!["limit", "peer"], vec![]));
    assert_eq!((*unit.limit.get(), unit.limit.source()), (6, Source::file(file.path(), 3)));

    file.write("limit = 8\nlimits = 8\npeer = [1");
    let errors = reload(&table, &kept, &[]).unwrap_err().to_string();
    assert!(errors.starts_with("unclosed array, expected `]` ("), "{errors}");
    file.write("limit = 8\nlimits = 8\n");
    let errors = reload(&table, &kept, &[]).unwrap_err().to_string();
    let tip = "tip: a similar key exists: 'limit'";
    assert_eq!(errors, format!("unknown key 'limits' ({path}:2)\n  {tip}"));
    std::fs::remove_file(file.path()).unwrap();
    let errors = reload(&table, &kept, &[]).unwrap_err().to_string();
    assert!(errors.contains("No such file"), "{errors}");
    assert_eq!((*unit.limit.get(), unit.peers.get().len()), (6, 1));
    file.write("");
    reload(&table, &kept, &[]).unwrap();
    assert_eq!(*unit.limit.get(), 10);
}

#[test]
fn f10_a_required_live_flag_that_is_gone_is_missing() {
    let flag = Flag::<u8>::required("level", "").live();
    let set = FlagSet::new("S").add(&flag);
    let table = table_of(program_with_env(), [("unit", set)]).unwrap();
    let kept = start(&table, &[], &[("KVD_LEVEL", "3")]);
    let errors = reload(&table, &kept, &[]).unwrap_err().to_string();
    let tip = "tip: give '--level <N>', or set KVD_LEVEL";
    assert_eq!(errors, format!("unit 'unit': flag '--level': is required\n  {tip}"));
    assert_eq!(*flag.get(), 3);
}

#[test]
#[should_panic(expected = "the required flag '--level' has no value yet: is it in the flag set")]
fn f1_a_required_live_flag_without_a_value_panics_too() {
    Flag::<u8>::required("level", "").live().get();
}

#[test]
fn f1_live_that_comes_too_late_is_a_definition_error() {
    let flag = Flag::<u8>::new("level", 1, "");
    let kept = flag.clone();
    let live = flag.live();
    assert_eq!(*kept.get(), 1);
    let table = table_of(program_with_env(), [("unit", FlagSet::new("S").add(&live))]);
    assert_eq!(
        table.err().unwrap().to_string(),
        "unit 'unit': flag '--level': 'live' was called when the flag had been cloned or added to \
         a set"
    );
}

#[test]
fn f6_check_says_that_all_is_well_and_warns_of_what_is_deprecated() {
    let flag = Flag::<u8>::new("level", 1, "").deprecated("use --depth");
    let set = FlagSet::new("S").add(&flag);
    let table = table_of(program_with_env(), [("unit", set)]).unwrap();
    for args in [&["--check", "--level=3"][..], &["--level=3", "--check"]] {
        let args = args.iter().map(Into::into);
        let Parsed::Settings(settings) = ask_with(&table, args, &[]) else { panic!("settings") };
        let exit = table.answer(&settings).unwrap();
        assert_eq!((exit.code, exit.stdout.as_str()), (0, "kvd: the settings are valid\n"));
        let warning = "warning: flag '--level' (command line) is deprecated: use --depth\n";
        assert_eq!(exit.stderr, warning);
    }
}

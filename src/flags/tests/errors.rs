//! F7: what the user is told: unit, flag, value, source, reason and tip, and never a secret.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::time::Duration;

use super::{only_error, parse, parse_with, program_with_env, table, table_of};
use crate::{Arity, Bytes, ConfigError, Flag, FlagSet, FlagValue};

#[test]
fn f7_a_missing_required_flag_says_how_to_give_it() {
    let set = || FlagSet::new("S").add(&Flag::<String>::required("data", "").value_name("DIR"));
    let settings = parse(&table([("store", set())]), &[]);
    let expected = "unit 'store': flag '--data': is required\n  tip: give '--data <DIR>'";
    assert_eq!(only_error(&settings), expected);
    assert!(settings.unusable.contains("store"));
    let table = table_of(program_with_env(), [("store", set())]).unwrap();
    assert_eq!(only_error(&parse(&table, &[])), format!("{expected}, or set KVD_DATA"));
}

#[test]
fn f7_a_required_flag_with_a_bad_value_is_not_missing_too() {
    let set = || FlagSet::new("S").add(&Flag::<u8>::required("level", ""));
    for args in [&["--level=x"][..], &["--level"]] {
        let error = only_error(&parse(&table([("store", set())]), args));
        assert!(!error.contains("required"), "{error}");
    }
}

#[test]
fn f7_the_tips_say_what_to_write() {
    let set = || {
        FlagSet::new("S").add(&Flag::new("idle", Duration::ZERO, "")).add(&Flag::new(
            "memory",
            Bytes::ZERO,
            "",
        ))
    };
    let error = |arg| only_error(&parse(&table([("store", set())]), &[arg]));
    assert_eq!(
        error("--idle=30"),
        "unit 'store': invalid value '30' for '--idle' (command line): the unit is missing\n  \
         tip: write 30s for seconds, or 30ms for milliseconds"
    );
    assert_eq!(
        error("--memory=12QB"),
        "unit 'store': invalid value '12QB' for '--memory' (command line): unknown unit 'QB'\n  \
         tip: units are B, KB to EB (powers of 1000) and KiB to EiB (powers of 1024)"
    );
}

#[test]
fn f1_a_check_refuses_the_default_too() {
    let not_zero = |n: &u8| if *n == 0 { Err("must not be 0") } else { Ok(()) };
    let flag = Flag::<u8>::new("level", 0, "").check(not_zero);
    let settings = parse(&table([("a", FlagSet::new("S").add(&flag))]), &[]);
    let expected = "unit 'a': invalid value '0' for '--level' (default): must not be 0";
    assert_eq!(only_error(&settings), expected);
}

#[test]
fn f1_all_checks_have_to_agree_and_a_tip_is_kept() {
    let flag = Flag::<u8>::new("level", 5, "")
        .check(|n| if *n == 0 { Err("must not be 0") } else { Ok(()) })
        .check(|n| if *n > 9 { Err(ConfigError::new("too loud").tip("try 9")) } else { Ok(()) });
    let settings = parse(&table([("a", FlagSet::new("S").add(&flag))]), &["--level=10"]);
    let expected =
        "unit 'a': invalid value '10' for '--level' (command line): too loud\n  tip: try 9";
    assert_eq!(only_error(&settings), expected);
    assert_eq!(*flag.get(), 5, "a refused value is not set");
}

#[test]
fn l12_a_panic_in_a_check_is_the_flags_error() {
    let flag = Flag::<u8>::new("level", 5, "").check(|_| -> Result<(), &str> { panic!("oh no") });
    let settings = parse(&table([("a", FlagSet::new("S").add(&flag))]), &["--level=6"]);
    assert!(only_error(&settings).contains("(command line): panicked: oh no"));
}

/// A type of the program's that has a panic for whatever it is to read.
#[derive(Debug)]
struct Trap;

impl FlagValue for Trap {
    fn from_arg(arg: &OsStr) -> Result<Self, ConfigError> {
        panic!("cannot stand {}", arg.display())
    }

    fn to_arg(&self) -> OsString {
        "none".into()
    }
}

/// There is one panic boundary around all flags: it is gone through again for those behind the panic.
#[test]
fn l12_a_panic_in_a_type_is_the_flags_error_and_all_others_are_read() {
    let trap = |name: &'static str| Flag::new(name, Trap, "").env(name.to_ascii_uppercase());
    let number = |name: &'static str| Flag::<u8>::new(name, 1, "");
    let (level, snare, depth) = (number("level"), trap("snare"), number("depth"));
    let (pit, many, width) = (trap("pit"), Flag::<Vec<Trap>>::new("net", [], ""), number("width"));
    let first = FlagSet::new("S").add(&level).add(&snare).add(&depth);
    let second = FlagSet::new("T").add(&pit).add(&many).add(&width);
    let third = FlagSet::new("U").add(&Flag::new("quiet", Trap, ""));
    let table = table([("a", first), ("b", second), ("c", third)]);
    let args = ["--level=2", "--snare=x", "--depth=300", "--net=y", "--net=z", "--width=4"];
    let settings = parse_with(&table, &args, &[("PIT", "p")]);
    assert_eq!((*level.get(), *depth.get(), *width.get()), (2, 1, 4));
    let said = |error: &ConfigError| error.to_string();
    let said: Vec<String> = settings.errors.as_slice().iter().map(said).collect();
    let said: Vec<&str> = said.iter().map(|it| it.split(" (src").next().unwrap()).collect();
    let expected = [
        "unit 'a': invalid value 'x' for '--snare' (command line): panicked: cannot stand x",
        "unit 'a': invalid value '300' for '--depth' (command line): not a whole number from 0 to 255",
        "unit 'b': invalid value 'p' for '--pit' (environment variable PIT): panicked: cannot stand p",
        "unit 'b': invalid value 'y' for '--net' (command line): panicked: cannot stand y",
        "unit 'b': invalid value 'z' for '--net' (command line): panicked: cannot stand z",
    ];
    assert_eq!(said, expected);
    let unusable: Vec<&str> = settings.unusable.iter().map(String::as_str).collect();
    assert_eq!(unusable, ["a", "b"], "what nobody gave has its default");
}

/// A type that has a panic when the tip is made how to give it.
#[derive(Debug)]
struct Nameless<const IS_SWITCH: bool>;

impl<const IS_SWITCH: bool> FlagValue for Nameless<IS_SWITCH> {
    fn from_arg(_: &OsStr) -> Result<Self, ConfigError> {
        Ok(Nameless)
    }

    fn arity() -> Arity {
        if IS_SWITCH { Arity::Switch } else { Arity::One }
    }

    fn to_arg(&self) -> OsString {
        "none".into()
    }

    fn value_name() -> Cow<'static, str> {
        panic!("it has the letters {SECRET}")
    }
}

const SECRET: &str = "xyzzy";

#[test]
fn l12_a_panic_over_a_flag_that_is_not_given_is_the_flags_error() {
    let missing = |set: FlagSet| {
        let level = Flag::<u8>::new("level", 1, "");
        let settings = parse(&table([("a", set.add(&level))]), &["--level=2"]);
        assert_eq!(*level.get(), 2, "those behind it are read");
        assert!(settings.unusable.contains("a"));
        only_error(&settings)
    };
    let error = missing(FlagSet::new("S").add(&Flag::<Nameless<false>>::required("pit", "")));
    assert!(error.starts_with("unit 'a': flag '--pit': panicked: it has the letters"), "{error}");
    // A switch has no file to be read from, so the tip would be about itself.
    let secret = Flag::<Nameless<true>>::required("pit", "").secret();
    let error = missing(FlagSet::new("S").add(&secret));
    assert_eq!(error, "unit 'a': flag '--pit': not valid (the reason would show the secret)");
}

/// A type whose own error quotes what it was given.
#[derive(Debug)]
struct Chatty;

impl std::str::FromStr for Chatty {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Err(format!("cannot make {text} a token, {} is no good", &text[1..]))
    }
}

impl std::fmt::Display for Chatty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("chatty")
    }
}

crate::flag_value!(Chatty);

#[test]
fn f1_a_secret_is_in_no_error_whoever_words_it() {
    let token = || Flag::<String>::new("token", "tip-top", "").secret();
    let quoted = token().check(|token| -> Result<(), String> { Err(format!("weak: {token}")) });
    let chatty = Flag::<Chatty>::required("chatty", "").secret();
    let short = Flag::<String>::new("pin", "", "").secret().check(|pin| match pin.len() {
        4 => Err("digits are needed"),
        _ => Ok(()),
    });
    let invalid = token();
    let set = FlagSet::new("S").add(&quoted).add(&chatty).add(&short);
    let table = table([("a", set)]);
    let settings = parse(&table, &["--token=hunter2", "--chatty=swordfish", "--pin=zebr"]);
    assert_eq!(
        settings.errors.to_string(),
        "unit 'a': flag '--token' (command line): not valid (the reason would show the secret)\n\
         unit 'a': flag '--chatty' (command line): not valid (the reason would show the secret)\n\
         unit 'a': flag '--pin' (command line): digits are needed"
    );
    let said = invalid.invalid(format!("{} is not known", invalid.get()));
    assert!(!said.to_string().contains("tip-top"), "{said}");
    assert_eq!(invalid.invalid("expired").to_string(), "flag '--token' (default): expired");
    assert!(!format!("{invalid:?}").contains("tip-top"));
}

#[test]
fn f1_the_value_after_another_flags_equals_sign_is_not_in_a_tip() {
    let set = FlagSet::new("S")
        .add(&Flag::<String>::new("user", "", ""))
        .add(&Flag::<String>::new("token", "", "").secret());
    let error = only_error(&parse(&table([("a", set)]), &["--user", "--token=hunter2"]));
    assert!(error.contains("needs a value") && !error.contains("hunter2"), "{error}");
}

#[test]
fn f7_control_characters_do_not_reach_the_terminal() {
    let set = FlagSet::new("S").add(&Flag::<u8>::new("level", 1, ""));
    let settings = parse(&table([("a", set)]), &["--level=\x1b[2J", "--\x1b[1m", "\n", "-\x07"]);
    let text = settings.errors.to_string();
    assert_eq!(settings.errors.as_slice().len(), 3, "{text}");
    assert!(!text.contains(['\x1b', '\x07']), "{text:?}");
}

#[test]
fn f1_a_deprecated_flag_works_and_warns() {
    let flag = Flag::<u8>::new("old", 1, "").deprecated("use --new");
    let table = table_of(program_with_env(), [("a", FlagSet::new("S").add(&flag))]).unwrap();
    assert!(parse(&table, &[]).warnings.is_empty());
    let settings = parse_with(&table, &[], &[("KVD_OLD", "3")]);
    assert_eq!(
        settings.warnings,
        ["flag '--old' (environment variable KVD_OLD) is deprecated: use --new"]
    );
    assert_eq!(*flag.get(), 3);
}

#[test]
fn f2_a_listed_value_that_does_not_exist_gets_the_list() {
    assert_eq!(<Option<Mode> as FlagValue>::choices(), ["fast", "safe"]);
    let error = Mode::from_arg("slow".as_ref()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not one of the possible values\n  tip: possible values are fast, safe"
    );
}

#[derive(Debug, PartialEq)]
enum Mode {
    Fast,
    Safe,
}

crate::flag_value!(Mode { "fast" => Mode::Fast, "safe" => Mode::Safe });

/// What would change the colour of a terminal, and make a line of its own.
const FORGED: &str = "\x1b[31m\nerror: forged";

/// A type that says what it was given.
#[derive(Debug)]
struct Parrot;

impl std::str::FromStr for Parrot {
    type Err = ConfigError;
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        match text {
            "parrot" => Ok(Self),
            _ => Err(ConfigError::new(format!("no such bird: {text}")).tip(format!("not {text}"))),
        }
    }
}

impl std::fmt::Display for Parrot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("parrot")
    }
}

crate::flag_value!(Parrot);

/// One line, and perhaps its tip, without anything that a terminal would obey.
#[track_caller]
fn assert_one_line(error: &str, of: &str) {
    let lines: Vec<&str> = error.lines().collect();
    assert!(matches!(lines[..], [_] | [_, _]), "{of}: {error:?}");
    assert!(lines.get(1).is_none_or(|tip| tip.starts_with("  tip: ")), "{of}: {error:?}");
    assert!(!lines.concat().contains(char::is_control), "{of}: {error:?}");
}

#[test]
fn f7_no_value_forges_a_line_whatever_its_type_says_of_it() {
    let level = Flag::<u8>::new("level", 1, "");
    let signed = Flag::<i64>::new("signed", 1, "");
    let ratio = Flag::<f64>::new("ratio", 1.0, "");
    let verbose = Flag::new("verbose", false, "");
    let mark = Flag::<char>::new("mark", 'x', "");
    let memory = Flag::new("memory", Bytes::ZERO, "");
    let idle = Flag::new("idle", Duration::ZERO, "");
    let listen = Flag::<std::net::SocketAddr>::required("listen", "");
    let peers = Flag::<Vec<u8>>::new("peer", [], "");
    let mode = Flag::new("mode", Mode::Fast, "");
    let bird = Flag::new("bird", Parrot, "");
    let birds = Flag::<Vec<Parrot>>::new("birds", [], "");
    let set = FlagSet::new("S").add(&level).add(&signed).add(&ratio).add(&verbose).add(&mark);
    let set = set.add(&memory).add(&idle).add(&peers).add(&mode).add(&bird).add(&birds);
    let names: Vec<String> = set.flags().map(|flag| flag.name()).collect();
    let table = table([("a", set)]);
    for name in names {
        for start in ["", "1", "1 "] {
            let error = only_error(&parse(&table, &[&format!("--{name}={start}{FORGED}")]));
            assert!(error.contains("forged"), "{name}: {error:?}");
            assert_one_line(&error, &name);
        }
    }
    let table = super::table([("a", FlagSet::new("S").add(&listen))]);
    assert_one_line(&only_error(&parse(&table, &[&format!("--listen={FORGED}")])), "listen");
}

#[test]
fn f7_nor_does_what_a_check_says_of_a_value() {
    let flag = Flag::<String>::new("bird", "parrot", "");
    let flag = flag.check(|bird: &String| match bird.as_str() {
        "parrot" => Ok(()),
        _ => Err(ConfigError::new(format!("no such bird: {bird}"))),
    });
    let table = table([("a", FlagSet::new("S").add(&flag))]);
    let error = only_error(&parse(&table, &[&format!("--bird=a{FORGED}")]));
    assert_one_line(&error, "bird");
}

#[test]
fn f7_nor_does_the_name_of_a_secrets_file() {
    let flag = Flag::<u8>::new("pin", 1, "").secret();
    let table = || table([("a", FlagSet::new("S").add(&flag))]);
    let path = std::env::temp_dir().join(format!("rungroup-{}-pin{FORGED}", std::process::id()));
    let arg = format!("--pin-file={}", path.display());
    let missing = only_error(&parse(&table(), &[&arg]));
    std::fs::write(&path, "no number").unwrap();
    let refused = only_error(&parse(&table(), &[&arg]));
    std::fs::remove_file(&path).unwrap();
    for error in [missing, refused] {
        assert!(error.contains("forged"), "{error:?}");
        assert_one_line(&error, "pin-file");
    }
}

#[cfg(feature = "config-file")]
#[test]
fn f7_nor_does_the_name_of_the_file_of_settings_or_what_is_in_it() {
    let level = Flag::<u8>::new("level", 1, "");
    let bird = Flag::new("bird", Parrot, "");
    let table = table([("a", FlagSet::new("S").add(&level).add(&bird).removed("old", "gone"))]);
    let path = std::env::temp_dir().join(format!("rungroup-{}-{FORGED}", std::process::id()));
    let arg = format!("--config={}", path.display());
    assert_one_line(&only_error(&parse(&table, &[&arg])), "missing");
    for content in [
        "level = 'x'",
        "level = [1]",
        "level = 1979-05-27T07:32:00Z",
        "nosuch = 1",
        "old = 1",
        "level = ",
        "name = 'a/b'",
        "level = \"1\\u001b[31m\\nerror: forged\"",
        "bird = \"a\\u001b[31m\\nerror: forged\"",
        "\"x\\u001b[31m\\nerror: forged\" = 1",
        "[\"x\\u001b[31m\\nerror: forged\"]\nlevel = 1",
        "level = 1\u{1b}[31m",
        "x\u{1b}[31m = 1",
    ] {
        std::fs::write(&path, content).unwrap();
        let settings = parse(&table, &[&arg]);
        assert!(!settings.errors.is_empty(), "{content:?}");
        for error in settings.errors.as_slice() {
            assert_one_line(&error.to_string(), content);
        }
    }
    std::fs::remove_file(&path).unwrap();
}

//! F7: what the user is told: unit, flag, value, source, reason and tip, and never a secret.

use std::time::Duration;

use super::{only_error, parse, parse_with, program_with_env, table, table_of};
use crate::{Bytes, ConfigError, Flag, FlagSet, FlagValue};

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

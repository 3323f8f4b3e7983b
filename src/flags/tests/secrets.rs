//! F1, F4: secrets, and the files that hold them.

use super::scratch::Scratch;
use super::{only_error, parse, parse_with, program_with_env, table, table_of};
use crate::flags::{Program, Table};
use crate::{Flag, FlagSet, Source};

fn token() -> Flag<String> {
    Flag::<String>::required("token", "What clients have to know.").secret()
}

fn table_with(flag: &Flag<String>) -> Table {
    table_of(program_with_env(), [("door", FlagSet::new("Door").add(flag))]).unwrap()
}

#[test]
fn f4_a_secret_can_be_read_from_a_file() {
    for (content, secret) in [
        ("hunter2\n", "hunter2"),
        ("hunter2", "hunter2"),
        ("hunter2\r\n", "hunter2"),
        (" two\nlines \n\n", " two\nlines \n"),
    ] {
        let (flag, file) = (token(), Scratch::new(content));
        let settings = parse(&table_with(&flag), &["--token-file", &file.text()]);
        assert!(settings.errors.is_empty(), "{}", settings.errors);
        assert_eq!(flag.get(), secret);
        assert_eq!(flag.source().to_string(), format!("file {}", file.text()));
    }
}

#[test]
fn f4_the_file_counts_for_as_much_as_whoever_names_it() {
    let file = Scratch::new("of the file");
    let path = file.text();
    let path = path.as_str();
    for (args, env, winner) in [
        (&["--token=given"][..], ("KVD_TOKEN_FILE", path), "given"),
        (&["--token-file", path], ("KVD_TOKEN", "given"), "of the file"),
        (&[], ("KVD_TOKEN", "given"), "given"),
        (&[], ("KVD_TOKEN_FILE", path), "of the file"),
    ] {
        let flag = token();
        let settings = parse_with(&table_with(&flag), args, &[env]);
        assert!(settings.errors.is_empty(), "{}", settings.errors);
        assert_eq!(flag.get(), winner, "{args:?} {env:?}");
    }
    let given = ["--token=given", "--token-file", path];
    assert_eq!(
        only_error(&parse(&table_with(&token()), &given)),
        "unit 'door': flag '--token' (command line): is given, and so is '--token-file' \
         (command line)"
    );
}

#[test]
fn f7_a_file_that_cannot_be_read_or_is_empty_is_named() {
    let empty = Scratch::new("\n");
    let missing = "/nonexistent/token";
    for (path, why) in [
        (missing, "cannot read it: No such file or directory (os error 2)".to_owned()),
        ("/", "cannot read it: Is a directory (os error 21)".to_owned()),
        ("/dev/zero", "is longer than 1MiB".to_owned()),
        (&empty.text(), "the file is empty".to_owned()),
    ] {
        assert_eq!(
            only_error(&parse(&table_with(&token()), &["--token-file", path])),
            format!("unit 'door': invalid value '{path}' for '--token-file' (command line): {why}")
        );
    }
}

#[test]
fn f7_what_is_wrong_with_a_secret_does_not_show_it() {
    let file = Scratch::new("hunter2\n");
    let pin = Flag::<u16>::new("pin", 0, "").secret();
    let table = table([("door", FlagSet::new("Door").add(&pin))]);
    let error = only_error(&parse(&table, &["--pin-file", &file.text()]));
    assert!(!error.contains("hunter2"), "{error}");
    assert!(error.contains(&format!("'--pin' (file {}): not valid", file.text())), "{error}");
}

#[test]
fn f2_a_list_of_secrets_is_a_line_each() {
    let file = Scratch::new("one\n\ntwo\r\n");
    let tokens = Flag::<Vec<String>>::new("token", [], "").secret();
    parse(&table([("door", FlagSet::new("Door").add(&tokens))]), &["--token-file", &file.text()]);
    assert_eq!(*tokens.get(), ["one", "two"]);
}

#[test]
fn f4_a_variable_of_its_own_has_one_for_the_file_too() {
    let file = Scratch::new("hunter2");
    let flag = Flag::<String>::new("token", "", "").env("DOOR_TOKEN").secret();
    let env = [("DOOR_TOKEN_FILE", file.text())];
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    parse_with(&table([("door", FlagSet::new("Door").add(&flag))]), &[], &env);
    assert_eq!(flag.get(), "hunter2");
}

#[test]
fn f3_two_units_can_share_a_secret_and_its_file() {
    let (flag, file) = (token(), Scratch::new("hunter2"));
    let set = || FlagSet::new("Door").add(&flag);
    let table = table([("front", set()), ("back", set())]);
    let settings = parse(&table, &["--token-file", &file.text()]);
    assert!(settings.errors.is_empty(), "{}", settings.errors);
    assert_eq!(flag.get(), "hunter2");
}

#[test]
fn f3_the_name_of_the_file_is_taken() {
    let own = Flag::<String>::new("token-file", "", "");
    let problem = "the group has it already, to read '--token' from a file";
    for set in
        [FlagSet::new("Door").add(&token()).add(&own), FlagSet::new("Door").add(&own).add(&token())]
    {
        let problems = table_of(Program::new("kvd"), [("door", set)]).err().unwrap();
        assert_eq!(problems.to_string(), format!("unit 'door': flag '--token-file': {problem}"));
    }
}

#[test]
fn f8_a_program_can_set_the_secret_itself() {
    let flag = token();
    let table = table_with(&flag);
    table.flag_set().set("token", "by program", Source::other("vault")).unwrap();
    parse_with(&table, &[], &[("KVD_TOKEN", "env"), ("KVD_TOKEN_FILE", "/nonexistent")]);
    assert_eq!(flag.get(), "by program");
}

const LEFT_OUT: &str = "not valid (the reason would show the secret)";

type Words = fn(&String) -> String;

/// A check that says so of everything but the default.
fn refusing(words: Words) -> impl Fn(&String) -> Result<(), String> {
    move |token| if token.is_empty() { Ok(()) } else { Err(words(token)) }
}

#[test]
fn f1_a_reason_that_quotes_a_secret_in_any_form_is_left_out() {
    let quotes: [(&str, Words); 7] = [
        ("as it is", |token| format!("{token} is bad")),
        ("trimmed", |token| format!("'{}' is bad", token.trim())),
        ("as Rust writes it", |token| format!("{token:?} is bad")),
        ("as Rust writes it, trimmed", |token| format!("{:?} is bad", token.trim())),
        ("escaped", |token| format!("{} is bad", token.escape_debug())),
        ("in a panic", |token| panic!("{token} is bad")),
        ("in a panic, as Rust writes it", |token| panic!("{token:?} is bad")),
    ];
    for secret in ["hunter2", " hunter2 ", "hun\"ter2", "hun\nter2", "hun\\ter2\t", "höhe\u{7f}'2"]
    {
        for (how, words) in quotes {
            let file = Scratch::new(secret);
            let flag = Flag::<String>::new("token", "", "").secret().check(refusing(words));
            let error = only_error(&parse(&table_with(&flag), &["--token-file", &file.text()]));
            let expected =
                format!("unit 'door': flag '--token' (file {}): {LEFT_OUT}", file.text());
            assert_eq!(error, expected, "{secret:?} {how}");
            // And what its unit says of it.
            let flag = Flag::<String>::new("token", secret, "").secret();
            let said = crate::panic::catch(|| flag.invalid(words(flag.get())).to_string());
            if let Ok(said) = said {
                assert_eq!(said, format!("flag '--token' (default): {LEFT_OUT}"), "{how}");
            }
        }
    }
}

#[test]
fn f1_so_is_one_that_quotes_one_of_several_secrets() {
    type Words = fn(&Vec<String>) -> String;
    let quotes: [(&str, Words); 5] = [
        ("the first", |tokens| format!("'{}' is too short", tokens[0])),
        ("the last", |tokens| format!("'{}' is too short", tokens[2])),
        ("the last trimmed", |tokens| format!("'{}' is too short", tokens[2].trim())),
        ("one as Rust writes it", |tokens| format!("{:?} has a quote", tokens[1])),
        ("all of them", |tokens| format!("{tokens:?}: too many")),
    ];
    let file = Scratch::new("hunter2\nsword\"fish\n swan \n");
    for (how, words) in quotes {
        let check = move |tokens: &Vec<String>| match tokens.len() {
            3 => Err(words(tokens)),
            _ => Ok(()),
        };
        let flag = Flag::<Vec<String>>::new("token", [], "").secret().check(check);
        let table = table([("door", FlagSet::new("Door").add(&flag))]);
        let error = only_error(&parse(&table, &["--token-file", &file.text()]));
        let expected = format!("unit 'door': flag '--token' (file {}): {LEFT_OUT}", file.text());
        assert_eq!(error, expected, "{how}");
    }
    let check = |pins: &Vec<u16>| Err(format!("{pins:?} are known"));
    let pins = Flag::<Vec<u16>>::required("pin", "").secret().check(check);
    let table = table([("door", FlagSet::new("Door").add(&pins))]);
    let error = only_error(&parse(&table, &["--pin=1234", "--pin=5678"]));
    assert_eq!(error, format!("unit 'door': flag '--pin' (command line): {LEFT_OUT}"));
}

#[test]
fn f1_a_reason_that_does_not_quote_the_secret_is_shown() {
    let say = |words: Words| {
        let flag = Flag::<String>::new("token", "", "").secret().check(refusing(words));
        only_error(&parse(&table_with(&flag), &["--token= hunter2 "]))
    };
    let told = "unit 'door': flag '--token' (command line): ";
    assert_eq!(say(|_| "is too short".to_owned()), format!("{told}is too short"));
    assert_eq!(say(|token| format!("has {} signs", token.len())), format!("{told}has 9 signs"));
    assert!(say(|_| panic!("no way")).starts_with(&format!("{told}panicked: no way")));
    let tokens = Flag::<Vec<String>>::new("token", [], "").secret();
    let tokens = tokens.check(|tokens: &Vec<String>| match tokens.len() {
        0 => Ok(()),
        count => Err(format!("{count} are too few")),
    });
    let table = table([("door", FlagSet::new("Door").add(&tokens))]);
    let error = only_error(&parse(&table, &["--token=hunter2", "--token=swordfish"]));
    assert_eq!(error, format!("{told}2 are too few"));
}

#[test]
fn f8_the_secret_that_a_program_sets_goes_before_the_file_that_it_names() {
    let flag = token();
    let table = table_with(&flag);
    let set = table.flag_set();
    set.set("token-file", "/nonexistent/token", Source::CommandLine).unwrap();
    set.set("token", "by program", Source::other("vault")).unwrap();
    let settings = parse(&table, &[]);
    assert!(settings.errors.is_empty(), "{}", settings.errors);
    assert_eq!((flag.get().as_str(), flag.source()), ("by program", Source::other("vault")));
}

#[test]
fn f1_a_deprecated_secret_from_a_file_is_warned_of_once() {
    let (flag, file) = (token().deprecated("use --key"), Scratch::new("hunter2"));
    let settings = parse(&table_with(&flag), &["--token-file", &file.text()]);
    assert_eq!(settings.warnings.len(), 1, "{:?}", settings.warnings);
    assert!(settings.warnings[0].ends_with("is deprecated: use --key"), "{:?}", settings.warnings);
}

#[test]
fn f7_a_short_secret_hides_no_reason_that_only_has_its_letters() {
    let door = |why: &'static str| {
        let flag = token().check(move |_: &String| Err::<(), _>(why));
        only_error(&parse(&table_with(&flag), &["--token=t"]))
    };
    assert!(door("is too short").ends_with("(command line): is too short"));
    for why in ["'t' is too short", "t is too short", "is too short: t"] {
        assert!(door(why).ends_with("not valid (the reason would show the secret)"), "{why}");
    }
}

#[test]
fn f7_who_lacks_a_secret_is_told_of_its_file() {
    let error = only_error(&parse(&table_with(&token()), &[]));
    let tip = "tip: give '--token-file <FILE>', or set KVD_TOKEN_FILE";
    assert_eq!(error, format!("unit 'door': flag '--token': is required\n  {tip}"));
}

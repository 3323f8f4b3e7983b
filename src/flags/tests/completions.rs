//! F6: the scripts and the manual page, word for word, and how they are asked for. The shells
//! themselves are asked in `tests/completions/`.

use std::path::PathBuf;
use std::time::Duration;

use super::{ask_with, only_error, parse, parse_with, table, table_of};
use crate::flags::{Parsed, Program, Table};
use crate::{Bytes, Flag, FlagSet, flag_value};

fn printed(table: &Table, args: &[&str]) -> String {
    match ask_with(table, args.iter().map(Into::into), &[]) {
        Parsed::Exit(exit) => {
            assert_eq!((exit.code, &*exit.stderr), (0, ""));
            exit.stdout
        }
        Parsed::ShowUnits => panic!("the list of units instead of a text"),
        Parsed::Settings(settings) => panic!("settings instead of a text: {settings:?}"),
    }
}

enum Sync {
    Always,
    Never,
}

flag_value!(Sync { "always" => Sync::Always, "never" => Sync::Never });

/// A flag of every kind, and texts that could break a line.
fn small() -> Table {
    let server = FlagSet::new("Server")
        .add(
            &Flag::<String>::required("listen", "Where to listen.\n\n.A host\nand a port.")
                .short('l'),
        )
        .add(
            &Flag::<Vec<String>>::new("peer", Vec::new(), "Who it's copied to.").value_name("HOST"),
        )
        .add(&Flag::new("verbose", false, "Say [more]: \\ `all`.").short('v'))
        .add(&Flag::new("debug", false, "Not for you.").hidden())
        .add(&Flag::new("old", false, "As before.").deprecated("use --verbose"));
    let files = FlagSet::new("Files").add(
        &Flag::<Vec<PathBuf>>::new("files", Vec::new(), "What to read.")
            .value_name("FILE")
            .positional(),
    );
    let store = FlagSet::new("Store")
        .prefix("store")
        .add(&Flag::<PathBuf>::new("data", "data", "Where the data is.").short('d'))
        .add(&Flag::new("memory", Bytes::mib(64), "How much memory to use."))
        .add(&Flag::new("flush", Duration::from_secs(1), ""))
        .add(&Flag::new("sync", Sync::Always, "When to sync.").env("SYNC"));
    let program = Program {
        version: Some("1.2.3".to_owned()),
        about: Some("A small store of keys and values.\n\nIt's small.".to_owned()),
        env_prefix: Some("KVD".to_owned()),
        ..Program::new("kvd")
    };
    table_of(program, [("server", server), ("store", store), ("files", files)]).unwrap()
}

#[cfg(feature = "config-file")] // whose flags are among them
#[test]
fn f6_what_is_printed_for_a_small_program() {
    use expect_test::{ExpectFile, expect_file};

    let assert = |args: &[&str], expected: ExpectFile| {
        expected.assert_eq(&printed(&small(), args));
    };
    assert(&["--completions", "bash"], expect_file!["completions/kvd.bash"]);
    assert(&["--completions=zsh"], expect_file!["completions/_kvd"]);
    assert(&["--completions=fish"], expect_file!["completions/kvd.fish"]);
    assert(&["--man"], expect_file!["completions/kvd.1"]);
}

#[test]
fn f6_completions_and_the_manual_page_win_over_errors_anywhere_on_the_line() {
    for args in [
        &["--store-memory=lots", "--completions", "fish"][..],
        &["--completions=fish", "--unknown", "stray"],
        &["--store-data", "--completions=fish"],
        &["--completions=tcsh", "--completions=fish"],
        &["--completions=fish", "--help", "--man"],
        &["--check", "--completions=fish"],
    ] {
        assert!(printed(&small(), args).starts_with("# Completions for fish"), "{args:?}");
    }
    assert!(printed(&small(), &["--unknown", "--man", "--completions=zsh"]).starts_with(".TH"));
    assert!(printed(&small(), &["--help", "--completions=zsh"]).contains("Usage: kvd"));
}

#[test]
fn f6_a_shell_that_is_none_is_an_error_like_any_other() {
    let settings = parse(&table([]), &["--completions=tcsh"]);
    let error = "invalid value 'tcsh' for '--completions' (command line): not one of the possible \
                 values\n  tip: possible values are bash, zsh, fish";
    assert_eq!(only_error(&settings), error);
    let settings = parse(&table([]), &["--completions"]);
    assert!(only_error(&settings).contains("needs a value"), "{}", settings.errors);
    let settings = parse(&table([]), &["--man=1"]);
    assert!(only_error(&settings).contains("takes no value"), "{}", settings.errors);
}

#[test]
fn f6_what_is_behind_two_dashes_or_in_the_environment_asks_for_neither() {
    let env = [("KVD_COMPLETIONS", "bash"), ("KVD_MAN", "true")];
    let settings = parse_with(&small(), &["-l", "x", "--", "--man", "--completions=bash"], &env);
    assert!(settings.errors.is_empty(), "{}", settings.errors);
    let settings = parse(&table([]), &["--", "--man"]);
    assert_eq!(only_error(&settings), "unexpected argument '--man'");
}

#[test]
fn f6_the_long_help_alone_tells_of_them() {
    let (short, long) = (printed(&small(), &["-h"]), printed(&small(), &["--help"]));
    for flag in ["--man\n", "--completions <SHELL>\n"] {
        assert!(long.contains(flag) && !short.contains(flag.trim_end()), "{flag}\n{short}\n{long}");
    }
    assert!(long.contains("Possible values: bash, zsh, fish"), "{long}");
}

#[test]
fn f6_hidden_and_deprecated_flags_are_not_offered_and_hidden_ones_nowhere() {
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(&small(), &["--completions", shell]);
        for name in ["debug", "old", "show-rungroup-units"] {
            assert!(!script.contains(name), "{name}: {script}");
        }
    }
    let page = printed(&small(), &["--man"]);
    assert!(page.contains("old") && !page.contains("debug") && !page.contains("show"), "{page}");
}

#[test]
fn f6_no_two_programs_share_a_function() {
    let function = |name: &str| {
        let script = printed(&table_of(Program::new(name), []).unwrap(), &["--completions=bash"]);
        script.lines().nth(1).unwrap().to_owned()
    };
    let names = ["a-b", "a.b", "a_b", "ab", "a_2db"].map(function);
    assert_eq!(names[0], "_complete_a_2db() {");
    for (index, name) in names.iter().enumerate() {
        assert!(!names[..index].contains(name), "{names:?}");
    }
}

#[test]
fn f6_values_that_fit_on_no_line_are_not_offered() {
    #[derive(Clone, Copy)]
    enum Lines {
        One,
        Two,
    }
    flag_value!(Lines { "one" => Lines::One, "t\nwo" => Lines::Two });
    for default in [Lines::One, Lines::Two] {
        let set = FlagSet::new("Text").add(&Flag::new("lines", default, "How many."));
        for shell in ["bash", "zsh", "fish"] {
            let script = printed(&table([("text", set.clone())]), &["--completions", shell]);
            assert!(script.contains("one") && !script.contains("t\nwo"), "{script}");
        }
    }
}

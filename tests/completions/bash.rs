//! Bash: lines are typed into readline itself. Bash reads a pipe with it if it is told that it is
//! interactive, one key after the other, so nothing has to be waited for.

use std::fmt::Write as _;
use std::fs;

use crate::{ODD_NAMES, Scratch, printed, run};

/// C-x i inserts everything that is offered, C-x p writes the line to a file and empties it.
const KEYS: &str = r#"
bind 'set enable-bracketed-paste off'
bind '"\C-xi": insert-completions'
bind -x '"\C-xp": printf "%s\n" "$READLINE_LINE" >>../lines; READLINE_LINE='
"#;

const ALL: &str = "\x18i";
const TAB: &str = "\t";

/// Types each line and a key, and compares what becomes of it. What is not said is left as it is.
fn assert_completed(name: &str, setup: &str, script: &str, key: &str, lines: &[(&str, &str)]) {
    let scratch = Scratch::new(name);
    scratch.write("script", script);
    scratch.write("keys", &format!("{setup}\n. ../script\n{KEYS}"));
    let mut input = "set +o history; PS1=; . ../keys\n".to_owned();
    for (line, _) in lines {
        let _ = write!(input, "{line}{key}\x18p");
    }
    input.push_str("exit 0\n");
    let args = ["--norc", "--noprofile", "-i"];
    let Some((out, err)) = run(&scratch, "bash", &args, &input) else { return };
    let results = fs::read_to_string(scratch.0.join("lines")).unwrap_or_default();
    let results: Vec<&str> = results.lines().collect();
    assert_eq!(results.len(), lines.len(), "{results:?}\n{out}\n{err}");
    for ((line, expected), result) in lines.iter().zip(results) {
        // Readline leaves a blank behind a word that is complete.
        assert_eq!(result, format!("{line}{expected}"), "{line:?} with {key:?}\n{err}");
    }
    let complaints: Vec<&str> = err.lines().filter(|line| line.contains("bash: ")).collect();
    let is_known = |line: &&str| line.contains("job control") || line.contains("terminal process");
    assert!(complaints.iter().all(is_known), "{complaints:?}");
}

fn script() -> String {
    printed("kvd", false, &["--completions=bash"])
}

#[test]
fn f6_bash_offers_names_by_prefix() {
    let all = "check --completions --config --help --listen --man --name --odd --odder --peer --plain \
               --print-config --store-data --store-max.open_files --store-sync --verbose --version ";
    let lines = [
        ("kvd --", all),
        ("kvd ", &format!("--{all}")),
        ("kvd -", &format!("-{all}-V -c -d -h -l -n -o -p -s -v ")),
        ("kvd --pe", "er "),
        ("kvd --store-max.o", "pen_files "),
        ("/usr/bin/kvd x --ma", "n "),
        ("kvd -l x --lis", ""),
        ("kvd -vl x --store-s", "ync "),
        ("kvd -vl --pe", ""),
        ("kvd --listen=x --lis", ""),
        ("kvd --peer x --pe", "er "),
        ("kvd --store-data=a:b --store-s", "ync "),
        ("kvd '--x[$(touch executed)]' -$(touch executed) \"$(touch executed)\" --ma", "n "),
        ("kvd --inv", ""),
        ("kvd --obs", ""),
        ("kvd -- --ma", ""),
        ("kvd -- ", ""),
    ];
    assert_completed("bash-names", "", &script(), ALL, &lines);
}

#[test]
fn f6_bash_completes_as_far_as_is_certain() {
    let lines = [
        ("kvd --st", "ore-"),
        ("kvd --store-sync=al", "ways "),
        ("kvd --store-sync \"ev", "ery second\" "),
        ("kvd --store-sync ev", "ery\\ second "),
        ("kvd --store-data=su", "b/"),
        ("kvd --store-data=sub/", "inner "),
        ("kvd --store-data my", "\\ file "),
        ("kvd -dsu", "b/"),
        ("kvd --verbose=f", "alse "),
        ("kvd --odd a", ":"),
    ];
    assert_completed("bash-certain", "", &script(), TAB, &lines);
}

#[test]
fn f6_bash_offers_values_in_every_form() {
    let sync = "always every\\ second never ";
    let lines = [
        ("kvd --store-sync ", sync),
        ("kvd --store-sync=", sync),
        ("kvd -s ", sync),
        ("kvd -s=n", "ever "),
        ("kvd -sn", "ever "),
        ("kvd --store-sync every\\ ", "second "),
        ("kvd --verbose=", "false true "),
        ("kvd --completions ", "bash fish zsh "),
        ("kvd --listen ", ""),
        ("kvd --listen=", ""),
        ("kvd --store-max.open_files ", ""),
        ("kvd --help=", ""),
        ("kvd --unknown=", ""),
    ];
    assert_completed("bash-values", "", &script(), ALL, &lines);
}

#[test]
fn f6_bash_offers_files_for_paths_alone() {
    let all = "alpha my\\ file sub ";
    let lines =
        [("kvd --store-data ", all), ("kvd --store-data=", all), ("kvd -d ", all), ("kvd a", "")];
    assert_completed("bash-files", "", &script(), ALL, &lines);
    let script = printed("kvd", true, &["--completions=bash"]);
    let lines = [
        ("kvd ", all),
        ("kvd -- ", all),
        ("kvd x al", "pha "),
        ("kvd --listen al", ""),
        ("kvd -- --ma", ""),
        ("kvd --ma", "n "),
    ];
    assert_completed("bash-arguments", "", &script, ALL, &lines);
}

#[test]
fn f6_bash_quotes_values_that_hold_anything() {
    let lines = [
        ("kvd --odd a:", "b=c d "),
        ("kvd --odd=a:b=", "c "),
        ("kvd --odd it", "\\'s "),
        ("kvd --odd=\\$", "\\(touch\\ executed\\) "),
    ];
    assert_completed("bash-odd", "", &script(), ALL, &lines);
    let lines = [
        ("kvd --odd '$(", "touch executed)' "),
        ("kvd --odd=\"\\$", "(touch executed)\" "),
        ("kvd --odd \"it", "'s\" "),
        ("kvd --odd 'it", ""), // cannot be said there
        ("kvd --odd \\\"", "\\`touch\\ executed\\`\\\"\\ \\\\\\ é "),
    ];
    assert_completed("bash-odd", "", &script(), TAB, &lines);
}

#[test]
fn f6_bash_may_be_set_up_in_any_way() {
    let lines = [
        ("kvd --store-sync=al", "ways "),
        ("kvd --odd=a:b", "=c "),
        ("kvd --odd a:b", "=c "),
        ("kvd --store-data=al", "pha "),
        ("kvd -d al", "pha "),
        ("kvd -l x --pe", "er "),
        ("kvd --pl", "ain "),
        ("kvd --store-sync ev", "ery\\ second "),
    ];
    for setup in [
        "COMP_WORDBREAKS=${COMP_WORDBREAKS//[=:]/}",
        "COMP_WORDBREAKS=${COMP_WORDBREAKS//:/}",
        "IFS=-=ae",
        "set -u; set -f; shopt -s failglob nullglob extglob",
        "set -o posix",
    ] {
        assert_completed("bash-setup", setup, &script(), TAB, &lines);
    }
}

#[test]
fn f6_bash_takes_programs_of_any_name() {
    for name in ODD_NAMES {
        let script = printed(name, false, &["--completions=bash"]);
        assert_completed("bash-odd-names", "", &script, TAB, &[("", "")]);
    }
    let script = printed("kv.d-2+x", false, &["--completions=bash"]);
    assert_completed("bash-name", "", &script, TAB, &[("kv.d-2+x --ma", "n ")]);
}

//! Fish, which says itself what it would offer for a line.

use crate::{NASTY, ODD_NAMES, Scratch, printed, run};

const COMPLETE: &str = "source ../script; or exit 3
for line in $argv
    echo \"= $line\"
    complete -C $line
end";

/// What is offered for each line, with the descriptions. Nothing without fish.
fn completed(name: &str, script: &str, lines: &[&str]) -> Option<Vec<Vec<String>>> {
    let scratch = Scratch::new(name);
    scratch.write("script", script);
    let mut args = vec!["--no-config", "-c", COMPLETE];
    args.extend(lines);
    let (out, err) = run(&scratch, "fish", &args, "")?;
    assert_eq!(err, "");
    let mut offers = Vec::new();
    for line in out.lines() {
        match (line.strip_prefix("= "), offers.last_mut()) {
            (Some(_), _) => offers.push(Vec::new()),
            (None, Some(offers)) => offers.push(line.to_owned()),
            (None, None) => panic!("{out}"),
        }
    }
    assert_eq!(offers.len(), lines.len(), "{out}");
    Some(offers)
}

fn assert_completed(name: &str, script: &str, lines: &[(&str, &[&str])]) {
    let typed: Vec<&str> = lines.iter().map(|(line, _)| *line).collect();
    let Some(offers) = completed(name, script, &typed) else { return };
    for ((line, expected), offers) in lines.iter().zip(offers) {
        let offers: Vec<&str> =
            offers.iter().map(|offer| offer.split('\t').next().unwrap_or_default()).collect();
        assert_eq!(offers, *expected, "{line:?}");
    }
}

fn script() -> String {
    printed("kvd", false, &["--completions=fish"])
}

#[test]
fn f6_fish_offers_names_by_prefix() {
    let lines: [(&str, &[&str]); 12] = [
        ("kvd --li", &["--listen"]),
        ("kvd --store-s", &["--store-sync"]),
        ("kvd --store-max.o", &["--store-max.open_files"]),
        ("kvd --verb", &["--verbose", "--verbose="]),
        ("/usr/bin/kvd x --ma", &["--man"]),
        ("kvd -vl x --store-s", &["--store-sync"]),
        ("kvd --peer x --pe", &["--peer"]),
        ("kvd --inv", &[]),
        ("kvd --obs", &[]),
        ("kvd -- --ma", &[]),
        ("kvd -- ", &[]),
        ("kvd ", &[]),
    ];
    assert_completed("fish-names", &script(), &lines);
    let Some(offers) = completed("fish-short", &script(), &["kvd -"]) else { return };
    let is_short = |offer: &&String| !offer.starts_with("--");
    let short: Vec<String> =
        offers[0].iter().filter(is_short).map(|offer| offer.chars().take(2).collect()).collect();
    assert_eq!(short, ["-c", "-d", "-h", "-l", "-n", "-o", "-p", "-s", "-V", "-v"]);
}

#[test]
fn f6_fish_offers_values_in_every_form() {
    let odd = ["\"`touch executed`\" \\ é", "$(touch executed)", "a:b=c", "a:d", "it's"];
    let lines: [(&str, &[&str]); 13] = [
        ("kvd --store-sync ", &["always", "every second", "never"]),
        ("kvd --store-sync=e", &["--store-sync=every second"]),
        ("kvd -s ", &["always", "every second", "never"]),
        ("kvd -sn", &["-snever"]),
        ("kvd --verbose=", &["--verbose=false", "--verbose=true"]),
        ("kvd --verbose ", &[]),
        ("kvd --completions ", &["bash", "fish", "zsh"]),
        ("kvd --listen ", &[]),
        ("kvd --listen=", &[]),
        ("kvd --store-max.open_files ", &[]),
        ("kvd --help=", &[]),
        ("kvd --odd ", &odd),
        ("kvd --odd=a:b", &["--odd=a:b=c"]),
    ];
    assert_completed("fish-values", &script(), &lines);
}

#[test]
fn f6_fish_offers_files_for_paths_alone() {
    let lines: [(&str, &[&str]); 5] = [
        ("kvd --store-data ", &["alpha", "my file", "sub/"]),
        ("kvd --store-data=al", &["--store-data=alpha"]),
        ("kvd --store-data sub/", &["sub/inner"]),
        ("kvd -d my", &["my file"]),
        ("kvd al", &[]),
    ];
    assert_completed("fish-files", &script(), &lines);
    let script = printed("kvd", true, &["--completions=fish"]);
    let lines: [(&str, &[&str]); 4] = [
        ("kvd ", &["alpha", "my file", "sub/"]),
        ("kvd -- ", &["alpha", "my file", "sub/"]),
        ("kvd x al", &["alpha"]),
        ("kvd --listen al", &[]),
    ];
    assert_completed("fish-arguments", &script, &lines);
}

#[test]
fn f6_fish_describes_flags_whatever_their_help_holds() {
    let Some(offers) = completed("fish-help", &script(), &["kvd --o", "kvd --li"]) else { return };
    assert_eq!(offers[0], [format!("--odd\t{NASTY}"), "--odder\t.'".to_owned()]);
    assert_eq!(offers[1], ["--listen\tWhere to listen."]);
}

#[test]
fn f6_fish_takes_programs_of_any_name() {
    for name in ODD_NAMES {
        let script = printed(name, false, &["--completions=fish"]);
        let _ = completed("fish-odd-names", &script, &[]);
    }
    let script = printed("my prog", false, &["--completions=fish"]);
    assert_completed("fish-name", &script, &[("my\\ prog --ma", &["--man"])]);
}

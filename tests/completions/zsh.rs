//! Zsh: lines are typed on a terminal that another zsh has made, by `drive.zsh`.

use std::fs;

use crate::{NASTY, ODD_NAMES, Scratch, printed, run};

/// Every line with all that is offered, and what the terminal shows of it. Nothing without zsh.
fn completed(
    name: &str,
    load: &str,
    script: &str,
    lines: &[&str],
) -> Option<(Vec<String>, String)> {
    let scratch = Scratch::new(name);
    scratch.write("_kvd", script);
    let drive = scratch.write("drive", include_str!("drive.zsh"));
    let mut args = vec!["-f", drive.to_str().expect("UTF-8"), load];
    args.extend(lines);
    let (out, err) = run(&scratch, "zsh", &args, "")?;
    let read = |name: &str| fs::read_to_string(scratch.0.join(name)).expect("it was written");
    let results: Vec<String> = read("lines").lines().map(str::to_owned).collect();
    assert_eq!((results.len(), &*err), (lines.len(), ""), "{results:?}\n{out}");
    Some((results, read("shown")))
}

const SOURCED: &str = "compinit -u -D; source ../_kvd";
const EVALUATED: &str = "compinit -u -D; eval \"$(<../_kvd)\"";
const FOUND: &str = "fpath=(.. $fpath); compinit -u -D";

/// What is not said is left as it is.
fn assert_completed(name: &str, script: &str, lines: &[(&str, &str)]) {
    let typed: Vec<&str> = lines.iter().map(|(line, _)| *line).collect();
    let Some((results, shown)) = completed(name, SOURCED, script, &typed) else { return };
    for ((line, expected), result) in lines.iter().zip(results) {
        // Where everything is inserted, zsh puts more blanks between some than it has to.
        let result: Vec<&str> = result.split(' ').filter(|word| !word.is_empty()).collect();
        let wanted = format!("{line}{expected}");
        assert_eq!(result.join(" "), wanted.trim_end(), "{line:?}\n{shown}");
    }
}

fn script() -> String {
    printed("kvd", false, &["--completions=zsh"])
}

#[test]
fn f6_zsh_offers_names_by_prefix() {
    let lines = [
        ("kvd --store-s", "ync="),
        ("kvd --store-max.o", "pen_files="),
        ("/usr/bin/kvd --ma", "n"),
        ("kvd -l x --lis", ""),
        ("kvd -vl x --store-s", "ync="),
        ("kvd -vl --store-s", ""),
        ("kvd --peer x --pe", "er="),
        ("kvd --inv", ""),
        ("kvd --obs", ""),
        ("kvd -- --ma", ""),
        ("kvd -- ", ""),
        (
            "kvd -",
            "-check --completions --config --help --listen --man --name --odd --odder --peer \
             --print-config --store-data --store-max.open_files --store-sync --verbose --version -c \
             -h -l -n -o -p -d -s -v -V --plain=",
        ),
    ];
    assert_completed("zsh-names", &script(), &lines);
}

#[test]
fn f6_zsh_offers_values_in_every_form() {
    let lines = [
        ("kvd --store-sync ", "always every\\ second never"),
        ("kvd --store-sync=", "always --store-sync=every\\ second --store-sync=never"),
        ("kvd -s ", "always every\\ second never"),
        ("kvd -sn", "ever"),
        ("kvd --store-sync 'ev", "ery second'"),
        ("kvd --verbose=", "false --verbose=true"),
        ("kvd --completions ", "bash fish zsh"),
        ("kvd --listen ", ""),
        ("kvd --listen=", ""),
        ("kvd --store-max.open_files ", ""),
        ("kvd --help=", ""),
        ("kvd --odd it", "\\'s"),
        ("kvd --odd=a:b", "=c"),
        ("kvd --odd \\$", "\\(touch\\ executed\\)"),
        ("kvd --odd '\"", "`touch executed`\" \\ é'"),
    ];
    assert_completed("zsh-values", &script(), &lines);
}

#[test]
fn f6_zsh_offers_files_for_paths_alone() {
    let all = "alpha my\\ file sub/";
    let lines = [
        ("kvd --store-data ", all),
        ("kvd --store-data=my", "\\ file"),
        ("kvd -dsu", "b/"),
        ("kvd --store-data=sub/", "inner"),
        ("kvd al", ""),
    ];
    assert_completed("zsh-files", &script(), &lines);
    let script = printed("kvd", true, &["--completions=zsh"]);
    let lines = [("kvd ", all), ("kvd -- ", all), ("kvd x al", "pha"), ("kvd --listen al", "")];
    assert_completed("zsh-arguments", &script, &lines);
}

#[test]
fn f6_zsh_describes_flags_whatever_their_help_holds() {
    let Some((_, shown)) = completed("zsh-help", SOURCED, &script(), &["kvd -", "kvd --odder "])
    else {
        return;
    };
    let shown: Vec<&str> = shown.lines().map(str::trim).collect();
    let has = |line: &str| assert!(shown.contains(&line), "{line}\n{shown:#?}");
    has("--listen                -l  -- Where to listen.");
    has(&format!("--odd                   -o  -- {NASTY}"));
    has("--odder                     -- .'");
    has("<a'b]:c>");
}

#[test]
fn f6_zsh_takes_the_script_as_a_file_and_as_text() {
    for load in [SOURCED, EVALUATED, FOUND] {
        let lines = ["kvd --store-s", "kvd --store-s"]; // found by itself, it is loaded but once
        let Some((results, shown)) = completed("zsh-load", load, &script(), &lines) else { return };
        assert_eq!(results, ["kvd --store-sync="; 2], "{load}\n{shown}");
        assert_eq!(shown.matches("-- When to sync.").count(), 2, "{load}\n{shown}");
    }
}

#[test]
fn f6_zsh_takes_programs_of_any_name() {
    let scripts = ODD_NAMES.map(|name| printed(name, false, &["--completions=zsh"]));
    assert!(!scripts.iter().any(|script| script.contains("#compdef")));
    let _ = completed("zsh-odd-names", SOURCED, &scripts.concat(), &["", "kvd --"]);
    let script = printed("kv.d-2", false, &["--completions=zsh"]);
    assert!(script.starts_with("#compdef kv.d-2\n"));
    assert_completed("zsh-name", &script, &[("kv.d-2 --ma", "n")]);
}

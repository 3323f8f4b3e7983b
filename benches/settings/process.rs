//! `kvd --help` as somebody waits for it, from the spawn to the exit, against a twin that is the same
//! program but for clap's builder (`kvd_clap.rs`). Both are built here, with the default features
//! and in the profile of the bench.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::paired::statistics::Target;
use crate::paired::{Bench, Variant, together};

const WHAT: &str = "`kvd --help`, spawn to exit";
const KVD: &str = "kvd";
const TWIN: &str = "kvd-clap-twin";

pub(crate) fn help(bench: &mut Bench) {
    if !bench.wants(WHAT) {
        return;
    }
    let examples = build();
    let (kvd, twin) = (examples.join(KVD), examples.join(TWIN));
    assert_eq!(flags(&kvd), flags(&twin), "both have the same flags: mend the one that lacks some");
    bench.compare(
        WHAT,
        &mut Variant::new("rungroup", together(|| spawn(&kvd))),
        &mut Variant::new("clap", together(|| spawn(&twin))),
        Target::AtMost(1.0),
    );
}

/// Builds both and says where they are.
fn build() -> PathBuf {
    let bench = env::current_exe().expect("known");
    let directory = bench.parent().and_then(Path::parent).expect("…/PROFILE/deps/settings-…");
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") => "dev",
        Some(name) => name,
        None => panic!("{}: built by cargo?", bench.display()),
    };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Offline: the bench itself has needed every crate that they need.
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--offline", "--example", KVD, "--example", TWIN])
        .args(["--profile", profile, "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(directory.parent().expect("…/PROFILE"))
        .status();
    assert!(status.expect("cargo is there").success(), "the examples are built");
    directory.join("examples")
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--help").stdin(Stdio::null());
    command
}

fn spawn(program: &Path) {
    let status = command(program).stdout(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "{}", program.display());
}

/// The long names in the help.
fn flags(program: &Path) -> BTreeSet<String> {
    let output = command(program).output().expect("spawned");
    assert!(output.status.success(), "{output:?}");
    let help = String::from_utf8(output.stdout).expect("text");
    let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let names = lines.filter_map(|line| {
        let mut words = line.split([' ', ',', '=', '[']);
        words.find(|word| word.starts_with("--")).map(str::to_owned)
    });
    let names: BTreeSet<String> = names.collect();
    assert!(names.contains("--listen"), "{help}");
    names
}

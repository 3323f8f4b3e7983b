//! The examples as programs, for benches that run one as somebody does who has installed it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds them, with the default features and in the profile of the bench, and says where they are.
pub fn build(names: &[&str]) -> PathBuf {
    let directory = deps();
    match directory.parent().and_then(Path::file_name).and_then(|name| name.to_str()) {
        Some("debug") => build_in("dev", names),
        Some(profile) => build_in(profile, names),
        None => panic!("{}: built by cargo?", directory.display()),
    }
}

/// As [`build`], in this profile.
pub fn build_in(profile: &str, names: &[&str]) -> PathBuf {
    let directory = deps();
    let target = directory.ancestors().nth(2).expect("…/PROFILE/deps");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Offline: the bench itself has needed every crate that they need.
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--offline", "--profile", profile])
        .args(names.iter().flat_map(|name| ["--example", name]))
        .arg("--manifest-path")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .status();
    assert!(status.expect("cargo is there").success(), "the examples are built");
    let directory = if profile == "dev" { "debug" } else { profile };
    target.join(directory).join("examples")
}

/// Where the bench was built to, `…/PROFILE/deps`.
fn deps() -> PathBuf {
    let bench = env::current_exe().expect("known");
    bench.parent().expect("…/PROFILE/deps/BENCH-…").to_owned()
}

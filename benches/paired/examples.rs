//! The examples as programs, for benches that run one as somebody does who has installed it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds them, with the default features and in the profile of the bench, and says where they are.
pub fn build(names: &[&str]) -> PathBuf {
    let bench = env::current_exe().expect("known");
    let directory = bench.parent().and_then(Path::parent).expect("…/PROFILE/deps/BENCH-…");
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") => "dev",
        Some(name) => name,
        None => panic!("{}: built by cargo?", bench.display()),
    };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Offline: the bench itself has needed every crate that they need.
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--offline", "--profile", profile])
        .args(names.iter().flat_map(|name| ["--example", name]))
        .arg("--manifest-path")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(directory.parent().expect("…/PROFILE"))
        .status();
    assert!(status.expect("cargo is there").success(), "the examples are built");
    directory.join("examples")
}

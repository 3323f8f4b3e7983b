//! What a program gets with the default features: crates, size, and how long it takes to build. Small
//! programs are built below the target directory as a user would build them, with the versions of this
//! repository's lock file; an example of the repository would have the features of the tests, too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::paired::Bench;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A daemon that says hello until it is told to stop.
struct Program {
    name: &'static str,
    dependencies: &'static str,
    main: &'static str,
}

const RUNGROUP: Program = Program {
    name: "with-rungroup",
    dependencies: concat!("rungroup = { path = \"", env!("CARGO_MANIFEST_DIR"), "\" }"),
    main: include_str!("programs/with_rungroup.rs"),
};

const BARE: Program = Program {
    name: "with-threads",
    dependencies: "",
    main: include_str!("programs/with_threads.rs"),
};

const TOKIO: Program = Program {
    name: "with-tokio",
    dependencies: "tokio = { version = \"1\", features = [\"macros\", \"rt-multi-thread\", \"time\"] }\n\
                   tokio-graceful-shutdown = \"0.20\"",
    main: include_str!("programs/with_tokio.rs"),
};

/// A clean build takes its time: a few of each, in turns.
const BUILDS: usize = 3;

pub(crate) fn rows(bench: &mut Bench) {
    let (crates, size) = ("crates with the default features", "size of a daemon that says hello");
    if bench.is_quick() {
        // It would build in release mode.
        bench.skip(crates, "too long for a quick run");
        bench.skip(size, "too long for a quick run");
        return;
    }
    if bench.wants(crates) {
        RUNGROUP.write();
        bench.count(crates, "rungroup and what it needs", RUNGROUP.crates(), 22);
    }
    if bench.wants(size) {
        let [ours, bare] = [&RUNGROUP, &BARE].map(|program| {
            program.write();
            program.build();
            program.size()
        });
        let name = format!("{ours:.0} kB, with bare threads {bare:.0} kB");
        bench.figure(size, &name, &[ours / bare], 1.6);
    }
    let time = "clean build, to tokio-graceful-shutdown's";
    if bench.asks_for(time) {
        match TOKIO.fetch() {
            Ok(()) => builds(bench, time),
            Err(why) => bench.skip(time, &why),
        }
    }
}

fn builds(bench: &mut Bench, what: &str) {
    RUNGROUP.write();
    let ratio = |_| {
        let [ours, tokio] = [&RUNGROUP, &TOKIO].map(|program| {
            program.clean();
            program.build().as_secs_f64()
        });
        eprintln!("{what}: {ours:.1} s to {tokio:.1} s");
        ours / tokio
    };
    let ratios: Vec<f64> = (0..BUILDS).map(ratio).collect();
    bench.figure(what, "a daemon that says hello, in release mode", &ratios, 0.5);
}

impl Program {
    fn folder(&self) -> PathBuf {
        Path::new(ROOT).join("target/footprint").join(self.name)
    }

    fn write(&self) {
        let (folder, name, dependencies) = (self.folder(), self.name, self.dependencies);
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\n{dependencies}\n\n[profile.release]\nstrip = true\n\n[workspace]\n"
        );
        fs::create_dir_all(folder.join("src")).expect("a place below the target directory");
        fs::write(folder.join("Cargo.toml"), manifest).expect("as before");
        fs::write(folder.join("src/main.rs"), self.main).expect("as before");
        fs::copy(Path::new(ROOT).join("Cargo.lock"), folder.join("Cargo.lock")).expect("as before");
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(self.folder()).args(arguments).env("CARGO_TARGET_DIR", "target");
        cargo
    }

    /// With what it needs and is not here yet.
    fn fetch(&self) -> Result<(), String> {
        self.write();
        let fetched = self.cargo(&["fetch", "--quiet"]).status();
        match fetched {
            Ok(status) if status.success() => Ok(()),
            _ => Err("it could not be fetched".to_owned()),
        }
    }

    fn build(&self) -> Duration {
        let began = Instant::now();
        let built = self.cargo(&["build", "--quiet", "--release", "--offline"]).status();
        assert!(built.expect("cargo").success(), "{} does not build", self.name);
        began.elapsed()
    }

    fn clean(&self) {
        let cleaned = self.cargo(&["clean", "--quiet"]).status();
        assert!(cleaned.expect("cargo").success(), "nothing is left of the build before");
    }

    /// What is compiled for it, itself left out.
    fn crates(&self) -> u64 {
        let tree = ["tree", "--offline", "--edges", "normal,build", "--prefix", "none"];
        let tree = self.cargo(&tree).stderr(Stdio::inherit()).output().expect("cargo");
        assert!(tree.status.success(), "a tree");
        let tree = String::from_utf8(tree.stdout).expect("names are UTF-8");
        let mut crates: Vec<_> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
        crates.sort_unstable();
        crates.dedup();
        u64::try_from(crates.len() - 1).expect("not so many")
    }

    #[allow(clippy::cast_precision_loss)] // far below 2⁵²
    fn size(&self) -> f64 {
        let program = self.folder().join("target/release").join(self.name);
        fs::metadata(program).expect("it was built").len() as f64 / 1000.0
    }
}

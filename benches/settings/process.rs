//! `kvd --help` as somebody waits for it, from the spawn to the exit, against a twin that is the same
//! program but for clap's builder (`kvd_clap.rs`). Both are built here, with the default features:
//! once in the profile of the bench, and once in that of a program to be installed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::paired::statistics::Target;
use crate::paired::{Bench, Variant, examples};

const AS_CARGO_BUILDS_IT: &str = "`kvd --help`, spawn to exit, as Cargo builds it";
const AS_IT_IS_SHIPPED: &str = "`kvd --help`, spawn to exit, profile `dist`";
const KVD: &str = "kvd";
const TWIN: &str = "kvd-clap-twin";

pub(crate) fn help(bench: &mut Bench) {
    if bench.wants(AS_CARGO_BUILDS_IT) {
        compare(bench, AS_CARGO_BUILDS_IT, &examples::build(&[KVD, TWIN]));
    }
    if bench.wants(AS_IT_IS_SHIPPED) {
        if bench.is_quick() {
            return bench.skip(AS_IT_IS_SHIPPED, "too long to build for a quick run");
        }
        compare(bench, AS_IT_IS_SHIPPED, &examples::build_in("dist", &[KVD, TWIN]));
    }
}

fn compare(bench: &mut Bench, what: &str, examples: &Path) {
    let (kvd, twin) = (examples.join(KVD), examples.join(TWIN));
    assert_eq!(flags(&kvd), flags(&twin), "both have the same flags: mend the one that lacks some");
    let (mut kvd, mut twin) = (Copies::new(&kvd), Copies::new(&twin));
    bench.compare(
        what,
        &mut Variant::new("rungroup", move |times| kvd.spawned(times)).in_many_rounds(),
        &mut Variant::new("clap", move |times| twin.spawned(times)).in_many_rounds(),
        Target::AtMost(1.0),
    );
}

/// How the file of a program happens to lie in the page cache makes a difference of some 5 %, for
/// as long as it lies there. So each program is copied, as it would be to be installed, the copies
/// are run in turn, and before each round one of them is copied anew.
struct Copies {
    program: PathBuf,
    paths: Vec<PathBuf>,
    turn: usize,
    oldest: usize,
}

impl Copies {
    const COUNT: usize = 12;

    fn new(program: &Path) -> Self {
        let path = |number: usize| program.with_extension(format!("copy-{number}"));
        let paths = (0..Self::COUNT).map(path).collect();
        let mut this = Self { program: program.to_owned(), paths, turn: 0, oldest: 0 };
        (0..Self::COUNT).for_each(|_| this.copy_one());
        this
    }

    /// A file of its own, not the old one written again.
    fn copy_one(&mut self) {
        let copy = &self.paths[self.oldest];
        let _ = fs::remove_file(copy);
        fs::copy(&self.program, copy).expect("there is room for it");
        self.oldest = (self.oldest + 1) % Self::COUNT;
    }

    fn spawned(&mut self, times: u32) -> Duration {
        self.copy_one();
        let began = Instant::now();
        for _ in 0..times {
            spawn(&self.paths[self.turn]);
            self.turn = (self.turn + 1) % Self::COUNT;
        }
        began.elapsed()
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        for copy in &self.paths {
            let _ = fs::remove_file(copy);
        }
    }
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

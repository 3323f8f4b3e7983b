//! `kvd --help` as somebody waits for it, from the spawn to the exit, against a twin that is the same
//! program but for clap's builder (`kvd_clap.rs`). Both are built here, with the default features
//! and in the profile of the bench.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::paired::statistics::Target;
use crate::paired::{Bench, Variant, examples, together};

const WHAT: &str = "`kvd --help`, spawn to exit";
const KVD: &str = "kvd";
const TWIN: &str = "kvd-clap-twin";

pub(crate) fn help(bench: &mut Bench) {
    if !bench.wants(WHAT) {
        return;
    }
    let examples = examples::build(&[KVD, TWIN]);
    let (kvd, twin) = (examples.join(KVD), examples.join(TWIN));
    assert_eq!(flags(&kvd), flags(&twin), "both have the same flags: mend the one that lacks some");
    let (kvd, twin) = (Copies::new(&kvd), Copies::new(&twin));
    let (mut kvd_turn, mut twin_turn) = (kvd.in_turn(), twin.in_turn());
    bench.compare(
        WHAT,
        &mut Variant::new("rungroup", together(|| spawn(kvd_turn.next().expect("endless")))),
        &mut Variant::new("clap", together(|| spawn(twin_turn.next().expect("endless")))),
        Target::AtMost(1.0),
    );
}

/// How the file of a program happens to lie in the page cache makes a difference of some 5 %, for
/// as long as it lies there. So each program is copied, as it would be to be installed, and the
/// copies are run in turn.
struct Copies(Vec<PathBuf>);

impl Copies {
    const COUNT: usize = 12;

    fn new(program: &Path) -> Self {
        let copy = |number: usize| {
            let copy = program.with_extension(format!("copy-{number}"));
            fs::copy(program, &copy).expect("there is room for it");
            copy
        };
        Self((0..Self::COUNT).map(copy).collect())
    }

    fn in_turn(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.iter().cycle()
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        for copy in &self.0 {
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

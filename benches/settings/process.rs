//! `kvd --help` as somebody waits for it, from the spawn to the exit, against a twin that is the same
//! program but for clap's builder (`kvd_clap.rs`). Both are built here, with the default features:
//! once in the profile of the bench, and once in that of a program to be installed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::paired::statistics::Target;
use crate::paired::{Bench, Variant, examples, together};

const AS_CARGO_BUILDS_IT: &str = "`kvd --help`, spawn to exit";
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
    let (kvd, twin) = (Copies::new(&kvd), Copies::new(&twin));
    bench.compare(
        what,
        &mut variant("rungroup", kvd.in_turn()),
        &mut variant("clap", twin.in_turn()),
        Target::AtMost(1.0),
    );
}

fn variant<'p>(
    name: &'static str,
    mut turn: impl Iterator<Item = &'p PathBuf> + 'p,
) -> Variant<'p> {
    Variant::new(name, together(move || spawn(turn.next().expect("endless")))).in_many_rounds()
}

/// How the file of a program happens to lie in the page cache makes a difference of some 5 %, for
/// as long as it lies there. So each program is copied, as it would be to be installed, and the
/// copies are run in turn: with as many, about as many as there are rounds, what they differ by is in
/// the interval, and their mean is good to less than 1 %.
struct Copies(Vec<PathBuf>);

impl Copies {
    const COUNT: usize = 48;

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

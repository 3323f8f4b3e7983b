//! The layout of the source (STYLE 15, DESIGN 9): which module may know which, the one place for each
//! thing that there is one place for, and how long a file may be. It reads `src/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The layers, lowest first, each with its modules in reading order. A module knows those of lower
/// layers, and within its own layer those before it.
const LAYERS: [(&str, &[&str]); 5] = [
    (
        "leaves",
        &[
            "clock", "sync", "beacon", "latch", "names", "panic", "thread", "screen", "exit",
            "terminal", "error", "failure", "stop", "closer", "channel",
        ],
    ),
    (
        "vocabulary",
        &[
            "flags", "restart", "event", "ready", "snapshot", "handle", "context", "unit",
            "unit_fn", "net",
        ],
    ),
    ("supervisor", &["supervisor"]),
    ("group", &["group"]),
    ("ready-made units", &["logging", "signals", "health", "notify", "testing"]),
];

/// What goes against the layers, and why it may.
const EXCEPTIONS: [(&str, &str, &str); 1] = [(
    "exit",
    "error",
    "what `main` prints for an error is said beside the error, and both are leaves",
)];

/// What ready-made units may know beside the vocabulary that everybody has.
const PRIVATE_TO_THE_LIBRARY: [(&str, &str, &str); 4] = [
    ("signals", "terminal", "the second signal ends the process: the library's one case of it"),
    ("signals", "sync", "any mutex would do"),
    ("testing", "sync", "any mutex would do"),
    ("testing", "thread", "any thread would do"),
];

/// Modules that the supervisor knows nothing of, although they are below it.
const NOT_FOR_THE_SUPERVISOR: [&str; 3] = ["flags", "screen", "terminal"];

/// A text that may stand only in these files, and what for.
const ONE_PLACE: [(&[&str], &str); 11] = [
    (&["flags/read/parse.rs"], "lexopt"),
    (&["sync/real.rs"], "parking_lot"),
    (&["sync/real.rs", "sync/model.rs"], "Condvar"),
    (&["sync/model.rs"], "loom::"),
    (&["thread.rs"], "Builder, JoinHandle"), // std's; env_logger has a `Builder`, too
    (&["clock.rs"], "Instant::now"),
    (&["clock.rs"], "SystemTime::now"),
    (&["panic.rs"], "catch_unwind"),
    (&["terminal.rs"], "low_level::exit"),
    (&["terminal.rs"], "rustix::termios"),
    (&["screen.rs"], "\\x1b"),
];

/// Everything else that spawns, prints, sleeps or ends the process by another name.
const NOWHERE: [&str; 12] = [
    "thread::spawn(f",
    "std::thread::spawn",
    "thread::Builder",
    "thread::sleep",
    "thread::scope",
    "process::exit",
    "process::abort",
    "println!",
    "eprint!",
    "dbg!",
    "unsafe ",
    "todo!",
];

/// Where writing to the standard streams is allowed.
const STREAMS: [&str; 2] = ["io::stdout", "io::stderr"];

const LONGEST: usize = 350;

/// A source file: its path under `src/`, and its code without tests and comments.
struct File {
    path: String,
    code: String,
    /// How many lines it has before its tests. Documentation does not count: every public item has an
    /// example, and a file must not be short of them to be short.
    lines: usize,
    first: String,
}

impl File {
    /// The module of `src/` that it belongs to.
    fn module(&self) -> &str {
        let module = self.path.split('/').next().unwrap_or_default();
        module.trim_end_matches(".rs")
    }
}

/// Every file of the library but for tests and `lib.rs`.
fn files() -> Vec<File> {
    let mut files = Vec::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut files);
    assert!(files.len() > 40, "the source was found: {}", files.len());
    files
}

fn gather(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{prefix}{name}");
        if entry.file_type().unwrap().is_dir() {
            if name != "tests" {
                gather(&entry.path(), &format!("{path}/"), files);
            }
        } else if Path::new(&name).extension().is_some_and(|it| it == "rs")
            && name != "tests.rs"
            && path != "lib.rs"
        {
            let text = fs::read_to_string(entry.path()).unwrap();
            // Unit tests come last in a file.
            let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap();
            files.push(File {
                code: text.lines().map(without_comment).collect::<Vec<_>>().join("\n"),
                lines: text.lines().filter(|line| !is_documentation(line)).count(),
                first: text.lines().next().unwrap_or_default().to_owned(),
                path,
            });
        }
    }
}

fn is_documentation(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("///") || line.starts_with("//!")
}

fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// The modules that a file names by `crate::…`. What it names by a re-export is looked up: that is
/// a way around the directions, and not meant to be one.
fn uses(file: &File, exports: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut uses = BTreeSet::new();
    for rest in file.code.split("crate::").skip(1) {
        let names: Vec<String> = match rest.strip_prefix('{') {
            // `crate::{a, b::c}`
            Some(list) => list.split('}').next().unwrap().split(',').map(first_name).collect(),
            None => vec![first_name(rest)],
        };
        for name in names.into_iter().filter(|name| !name.is_empty()) {
            uses.insert(exports.get(&name).cloned().unwrap_or(name));
        }
    }
    uses.remove(file.module());
    uses
}

fn first_name(text: &str) -> String {
    let is_part = |c: &char| c.is_alphanumeric() || *c == '_';
    text.trim_start().chars().take_while(is_part).collect()
}

/// Which module each name of the crate's root comes from, as `lib.rs` has it.
fn exports() -> BTreeMap<String, String> {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    // Macros stand at the root wherever they are written.
    let mut exports = BTreeMap::from([("flag_value".to_owned(), "flags".to_owned())]);
    for export in lib.split("\npub use ").skip(1) {
        let export = export.split(';').next().unwrap();
        let (module, names) = export.split_once("::").unwrap();
        for name in names.trim_matches(['{', '}']).split(',') {
            exports.insert(first_name(name), module.to_owned());
        }
    }
    assert_eq!(exports.get("Group").map(String::as_str), Some("group"), "{exports:?}");
    exports
}

/// Where a module stands: its layer, and its place in it.
fn place(module: &str) -> Option<(usize, usize)> {
    LAYERS.iter().enumerate().find_map(|(layer, (_, modules))| {
        modules.iter().position(|other| *other == module).map(|place| (layer, place))
    })
}

#[test]
fn every_module_has_its_layer() {
    let unknown: BTreeSet<String> = files()
        .iter()
        .map(|file| file.module().to_owned())
        .filter(|module| place(module).is_none())
        .collect();
    assert!(unknown.is_empty(), "say where they stand: {unknown:?}");
}

#[test]
fn nothing_points_back() {
    let exports = exports();
    let mut against = Vec::new();
    let mut exceptions = BTreeSet::new();
    let mut seen = 0;
    for file in files() {
        for used in uses(&file, &exports) {
            let Some(there) = place(&used) else {
                against.push(format!("{}: crate::{used} is in no layer", file.path));
                continue;
            };
            seen += 1;
            let excepted =
                |&&(from, to, _): &&(&str, &str, &str)| from == file.module() && to == used;
            if let Some(exception) = EXCEPTIONS.iter().find(excepted) {
                exceptions.insert(exception);
            } else if there >= place(file.module()).unwrap() {
                against.push(format!("{} knows {used}", file.path));
            }
        }
    }
    assert!(against.is_empty(), "{}", against.join("\n"));
    assert_eq!(exceptions.len(), EXCEPTIONS.len(), "an exception that is none goes");
    assert!(seen > 100, "the uses were found: {seen}");
}

#[test]
fn the_supervisor_knows_neither_flags_nor_groups() {
    let exports = exports();
    for file in files().iter().filter(|file| file.module() == "supervisor") {
        let uses = uses(file, &exports);
        let known: Vec<_> =
            NOT_FOR_THE_SUPERVISOR.iter().filter(|it| uses.contains(**it)).collect();
        assert!(known.is_empty(), "{} knows {known:?}", file.path);
    }
}

/// Anyone could have written them: what they use is public, and a program could name it, too.
#[test]
fn ready_made_units_use_the_public_vocabulary() {
    let exports = exports();
    let public: BTreeSet<&String> = exports.values().collect();
    let mut exceptions = BTreeSet::new();
    for file in files().iter().filter(|file| place(file.module()).unwrap().0 == LAYERS.len() - 1) {
        for used in uses(file, &exports) {
            let excepted =
                |&&(from, to, _): &&(&str, &str, &str)| from == file.module() && to == used;
            if let Some(exception) = PRIVATE_TO_THE_LIBRARY.iter().find(excepted) {
                exceptions.insert(exception);
            } else {
                assert!(public.contains(&used), "{} knows {used}, which is private", file.path);
            }
        }
        assert!(!file.code.contains("pub(crate)"), "{} is known by the library", file.path);
    }
    assert_eq!(exceptions.len(), PRIVATE_TO_THE_LIBRARY.len(), "an exception that is none goes");
}

#[test]
fn there_is_one_place_for_each_thing() {
    let files = files();
    for (places, text) in ONE_PLACE {
        for file in &files {
            let allowed = places.contains(&&*file.path);
            assert!(allowed || !file.code.contains(text), "{}: {text}", file.path);
        }
    }
    for text in NOWHERE {
        for file in &files {
            assert!(!file.code.contains(text), "{}: {text}", file.path);
        }
    }
    for text in STREAMS {
        for file in files.iter().filter(|file| file.path != "terminal.rs") {
            assert!(!file.code.contains(text), "{}: {text}", file.path);
        }
    }
    // And the places are where they are said to be, so that a change of names is seen here.
    for (path, text) in [
        ("flags/read/parse.rs", "lexopt"),
        ("sync/real.rs", "parking_lot"),
        ("sync/real.rs", "Condvar"),
        ("thread.rs", "Builder, JoinHandle"),
        ("clock.rs", "Instant::now"),
        ("panic.rs", "catch_unwind"),
        ("terminal.rs", "low_level::exit"),
        ("terminal.rs", "io::stderr"),
        ("terminal.rs", "rustix::termios"),
        ("screen.rs", "\\x1b"),
    ] {
        let file = files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path}"));
        assert!(file.code.contains(text), "{path} is no longer the place for {text}");
    }
}

/// Std's thread builder by any name but the one place's.
#[test]
fn threads_are_spawned_in_one_place() {
    for file in files().iter().filter(|file| file.path != "thread.rs") {
        for line in file.code.lines().filter(|line| line.trim_start().starts_with("use std::")) {
            let spawns = line.contains("thread") && line.contains("Builder");
            let spawns = spawns || line.contains("thread::spawn");
            let whole = line.trim() == "use std::thread;";
            assert!(!spawns && !whole, "{}: {line}", file.path);
        }
    }
}

#[test]
fn files_are_short() {
    for file in files() {
        assert!(file.lines <= LONGEST, "{}: {} lines", file.path, file.lines);
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in files() {
        assert!(file.first.starts_with("//! "), "{}: {}", file.path, file.first);
    }
}

/// `lib.rs` is a table of contents: documentation, modules, re-exports.
#[test]
fn lib_rs_holds_no_code() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    // The README is drawn in by a struct, so that its examples are tested.
    let lines = || lib.lines().map(without_comment).filter(|line| !line.contains("struct Readme;"));
    for word in ["fn ", "struct ", "enum ", "impl ", "trait ", "macro_rules", "static ", "const "] {
        assert_eq!(lines().find(|line| line.contains(word)), None);
    }
}

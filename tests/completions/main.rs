//! F6: the completions in the shells that they are for, typed into their own line editors, and the
//! manual page in the programs that show one.

#![cfg(all(unix, feature = "completions", feature = "config-file"))]
// What is skipped is for people to see.
#![allow(clippy::disallowed_macros)]

mod bash;
mod fish;
mod man;
mod zsh;

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rungroup::{Configured, Flag, FlagSet, Group, flag_value, pre_run_fn};

/// A text that breaks out of whatever quotes it badly, and then leaves a file behind.
const NASTY: &str = "It's \"so\" `touch executed` $(touch executed) ; touch executed \\ [a]: {b} | é 漢 %d ' \
                     $HOME ~ * ! # & < >";

/// Names of programs that nobody has, and that must do no harm.
const ODD_NAMES: [&str; 6] = [
    "my prog",
    "-x",
    "a=b",
    "'; touch executed '",
    "$(touch executed)`touch executed`",
    "a\ntouch executed\n",
];

enum Sync {
    Always,
    EverySecond,
    Never,
}

flag_value!(Sync {
    "always" => Sync::Always,
    "every second" => Sync::EverySecond,
    "never" => Sync::Never,
});

enum Odd {
    Colon,
    Colons,
    Quote,
    Command,
    Words,
}

flag_value!(Odd {
    "a:b=c" => Odd::Colon,
    "a:d" => Odd::Colons,
    "it's" => Odd::Quote,
    "$(touch executed)" => Odd::Command,
    "\"`touch executed`\" \\ é" => Odd::Words,
});

/// What a program of this name prints for these arguments.
fn printed(name: &str, files: bool, args: &[&str]) -> String {
    let server = FlagSet::new("Server")
        .add(&Flag::<String>::new("listen", ":80", "Where to listen.\nNot shown.").short('l'))
        .add(&Flag::<Vec<String>>::new("peer", Vec::new(), "Who to copy to.").short('p'))
        .add(&Flag::new("verbose", false, "Say more.").short('v'))
        .add(&Flag::new("invisible", false, "Not for you.").hidden())
        .add(&Flag::new("obsolete", false, "As before.").deprecated("use --verbose"));
    let store = FlagSet::new("Store")
        .prefix("store")
        .add(&Flag::<PathBuf>::new("data", "data", "Where the data is.").short('d'))
        .add(&Flag::new("sync", Sync::Always, "When to sync.").short('s'))
        .add(&Flag::<u32>::new("max.open_files", 8, "How many files to have open."));
    let nasty = FlagSet::new(NASTY)
        .add(&Flag::new("odd", Odd::Quote, NASTY).short('o').value_name(NASTY))
        .add(
            &Flag::<String>::new("odder", NASTY, format!(".'\n{NASTY}\n\n.so x\n\t'x\r\x07"))
                .value_name("a'b]:c"),
        )
        .add(&Flag::<u32>::new("plain", 1, ""));
    let mut group = Group::new(name.to_owned()).version("1.2").env_prefix("KVD").about(NASTY);
    let path = Flag::<Vec<PathBuf>>::new("files", Vec::new(), "What to read.");
    let path = path.value_name("FILE").positional();
    let mut arguments = FlagSet::new("Arguments");
    if files {
        arguments = arguments.add(&path);
    }
    for (unit, flags) in
        [("files", arguments), ("server", server), ("store", store), ("nasty", nasty)]
    {
        group.register(pre_run_fn(unit, |_| Ok(())).flags(flags));
    }
    let args = std::iter::once(name).chain(args.iter().copied());
    match group.run_config_from(args, [("", ""); 0]).expect("it is asked for") {
        Configured::Exit(exit) => {
            assert_eq!((exit.code, &*exit.stderr), (0, ""));
            exit.stdout
        }
        Configured::Continue => panic!("nothing is to be run"),
    }
}

/// A folder of a test's own. In it is `work`, with files to be completed and nothing else.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("completions-{name}"));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("work/sub")).expect("a folder");
        for file in ["work/alpha", "work/my file", "work/sub/inner"] {
            fs::write(path.join(file), "").expect("a file");
        }
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a file");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let executed = self.0.join("work/executed").exists();
        let _ = fs::remove_dir_all(&self.0);
        assert!(!executed || std::thread::panicking(), "a text of the program was executed");
    }
}

/// What a tool writes on both outputs, in `work`, given this input; nothing if it is not
/// installed, which only a person's machine may lack. It has a minute.
fn run(scratch: &Scratch, tool: &str, args: &[&str], input: &str) -> Option<(String, String)> {
    if let Err(error) = Command::new(tool).arg("--version").stdin(Stdio::null()).output() {
        let is_optional = error.kind() == ErrorKind::NotFound && std::env::var_os("CI").is_none();
        assert!(is_optional, "{tool}: {error}");
        eprintln!("\n*** SKIPPED: {tool} is not installed, so nothing is tested with it ***\n");
        return None;
    }
    let mut child = Command::new("timeout")
        .args(["60", tool])
        .args(args)
        .current_dir(scratch.0.join("work"))
        .env_remove("PROMPT_COMMAND")
        .envs([
            ("HOME", &*scratch.0),
            ("TERM", Path::new("dumb")),
            ("INPUTRC", Path::new("/dev/null")),
        ])
        .envs([("LC_ALL", "C.UTF-8"), ("MANPAGER", "cat"), ("MANWIDTH", "80")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("`timeout`, of the coreutils");
    // Small enough for a pipe: it does not wait for the tool to read.
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("its output");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{tool}: {}\n{out}\n{err}", output.status);
    Some((out, err))
}

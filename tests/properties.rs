//! Properties of everything that reads text from outside: what is printed reads back as the same,
//! and no text at all makes a reader panic.
//!
//! Each runs for as long as `RUNGROUP_FUZZ_SECONDS` says, less than a second by default, on other
//! inputs each time. A failure is made small, and its seed printed: give it to `.seed(…)` below to
//! see it again.

#![cfg(feature = "config-file")]

use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::time::Duration;

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use rungroup::{
    Bytes, Config, ConfigError, ConfigErrors, Configured, Flag, FlagSet, FlagValue, Group, Live,
    PreRunner, Reload, RunContext, Source, Unit, flag_value, pre_run_fn,
};

fn check(mut property: impl FnMut(&mut Unstructured<'_>) -> Result<()>) {
    let seconds = std::env::var("RUNGROUP_FUZZ_SECONDS").ok();
    let seconds = seconds.map_or(0.5, |text| text.parse().expect("a number of seconds"));
    // Small inputs, and many of them: also where the machine is so busy that the time is short.
    let mut inputs = 0;
    while inputs < LEAST {
        let counted = |u: &mut Unstructured<'_>| {
            inputs += 1;
            property(u)
        };
        arbtest(counted).size_max(512).budget(Duration::from_secs_f64(seconds)).run();
    }
}

/// So many inputs at least: what is said below of how often each kind of them came is said of many.
const LEAST: u32 = 500;

/// Small ones, large ones, and those around powers of two, ten and their multiples.
fn number(u: &mut Unstructured<'_>) -> Result<u64> {
    let any: u64 = u.arbitrary()?;
    Ok(match u.int_in_range(0..=3)? {
        0 => any >> u.int_in_range(0..=63)?,
        1 => (1_u64 << u.int_in_range(0..=63)?).wrapping_add(any % 3).wrapping_sub(1),
        2 => 10_u64.pow(u.int_in_range(0..=19)?).saturating_mul(any % 99),
        _ => (any % 5000) << u.int_in_range(0..=51)?,
    })
}

fn text(u: &mut Unstructured<'_>, pieces: &[&str]) -> Result<String> {
    let count = u.int_in_range(0..=8)?;
    (0..count).map(|_| u.choose(pieces).copied()).collect()
}

#[test]
fn f11_every_size_reads_back_as_it_was_printed() {
    check(|u| {
        let size = Bytes::new(number(u)?);
        assert_eq!(size.to_string().parse(), Ok(size));
        let rounded = format!("{size:.prec$}", prec = u.int_in_range(0..=19)?);
        let read: Bytes = rounded.parse().unwrap_or_else(|why| panic!("{rounded}: {why}"));
        assert!(read.get().abs_diff(size.get()) <= size.get() / 2, "{size} as {rounded}");
        Ok(())
    });
}

#[test]
fn f12_every_duration_reads_back_as_it_was_printed() {
    check(|u| {
        let below = u.int_in_range(0..=999_999_999)?;
        let duration = Duration::new(number(u)?, below);
        assert_eq!(Duration::from_arg(&duration.to_arg()), Ok(duration), "{duration:?}");
        Ok(())
    });
}

/// What a type reads it prints so that it reads it as the same; what it does not read is an error
/// with a reason.
fn reads<T: FlagValue>(arg: &OsStr) {
    match T::from_arg(arg) {
        Ok(value) => {
            let printed = value.to_arg();
            let again =
                T::from_arg(&printed).unwrap_or_else(|why| panic!("{}: {why}", printed.display()));
            assert_eq!(again.to_arg(), printed, "of {}", arg.display());
        }
        Err(why) => assert!(!why.to_string().is_empty()),
    }
}

fn read_as_all(arg: &OsStr) {
    reads::<Bytes>(arg);
    reads::<Duration>(arg);
    reads::<bool>(arg);
    reads::<i8>(arg);
    reads::<u128>(arg);
    reads::<f32>(arg);
    reads::<f64>(arg);
    reads::<char>(arg);
    reads::<SocketAddr>(arg);
    reads::<IpAddr>(arg);
    reads::<String>(arg);
    reads::<PathBuf>(arg);
    reads::<Option<u16>>(arg);
    reads::<Mode>(arg);
}

#[test]
fn f2_no_text_makes_a_type_panic() {
    const PIECES: [&str; 36] = [
        "0",
        "1",
        "9",
        "18446744073709551615",
        "99999999999999999999999999999999999999999",
        ".",
        "_",
        "e",
        "E",
        "+",
        "-",
        "i",
        "k",
        "KB",
        "EiB",
        "b",
        "s",
        "ms",
        "h",
        "m",
        "d",
        "µ",
        "μs",
        " ",
        "\u{a0}",
        ",",
        "é",
        "\u{1F980}",
        "NaN",
        "\0",
        "0x",
        ":",
        "[",
        "]",
        "fast",
        "true",
    ];
    let (mut texts, mut sizes, mut durations) = (0, 0, 0);
    check(|u| {
        texts += 1;
        let arg: OsString = if u.ratio(3, 4)? {
            text(u, &PIECES)?.into()
        } else {
            OsString::from_vec(u.arbitrary()?)
        };
        sizes += u32::from(Bytes::from_arg(&arg).is_ok());
        durations += u32::from(Duration::from_arg(&arg).is_ok());
        read_as_all(&arg);
        Ok(())
    });
    let least = texts / 1000;
    assert!(sizes > least && durations > least, "{sizes} sizes, {durations} durations of {texts}");
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Fast,
    Safe,
}

flag_value!(Mode { "fast" => Mode::Fast, "safe" => Mode::Safe });

/// A unit with a flag of each kind.
struct Settings {
    listen: Flag<SocketAddr>,
    verbose: Flag<bool>,
    workers: Flag<i64>,
    ratio: Flag<f64>,
    memory: Flag<Bytes>,
    idle: Flag<Duration>,
    data: Flag<PathBuf>,
    note: Flag<Option<String>>,
    peers: Flag<Vec<String>>,
    mode: Flag<Mode>,
    token: Flag<String>,
}

impl Settings {
    fn new() -> Self {
        Self {
            listen: Flag::new("server-listen", ([127, 0, 0, 1], 80), "").short('l'),
            verbose: Flag::new("verbose", false, "").short('v'),
            workers: Flag::new("server-workers", 4_i64, ""),
            ratio: Flag::new("ratio", 0.5, ""),
            memory: Flag::new("store-memory", Bytes::mib(64), ""),
            idle: Flag::new("idle", Duration::from_secs(30), ""),
            data: Flag::new("store.data", "data", ""),
            note: Flag::new("note", None, ""),
            peers: Flag::new("peer", [], "").short('p'),
            mode: Flag::new("mode", Mode::Safe, ""),
            token: Flag::new("token", "", "").secret(),
        }
    }

    fn group(&self) -> Group {
        let set = FlagSet::new("Settings")
            .add(&self.listen)
            .add(&self.verbose)
            .add(&self.workers)
            .add(&self.ratio)
            .add(&self.memory)
            .add(&self.idle)
            .add(&self.data)
            .add(&self.note)
            .add(&self.peers)
            .add(&self.mode)
            .add(&self.token)
            .removed("old", "use --mode");
        let mut group = Group::new("demo").version("1").env_prefix("DEMO");
        group.register(pre_run_fn("unit", |_ctx| Ok(())).flags(set));
        group
    }

    fn values(&self) -> String {
        let (a, b) = (
            (self.listen.get(), self.verbose.get(), self.workers.get(), self.ratio.get()),
            (self.memory.get(), self.idle.get(), self.data.get(), self.note.get()),
        );
        format!("{a:?} {b:?} {:?} {:?}", self.peers.get(), self.mode.get())
    }
}

/// Reads the settings, and says whether they were accepted. What is refused has a reason, and what
/// is printed is something.
fn read(args: Vec<OsString>, env: Vec<(String, OsString)>) -> bool {
    let args = std::iter::once("demo".into()).chain(args);
    match Settings::new().group().run_config_from::<OsString, _, _>(args, env) {
        Ok(Configured::Continue) => true,
        Ok(Configured::Exit(exit)) => {
            assert_eq!(exit.code, 0);
            assert!(!exit.stdout.is_empty());
            false
        }
        Err(error) => {
            assert!(!error.problems().is_empty());
            let exit = error.to_exit("demo");
            assert_eq!(exit.code, 2);
            assert!(exit.stderr.starts_with("error: "), "{}", exit.stderr);
            false
        }
    }
}

#[test]
fn f5_no_command_line_or_environment_makes_the_parser_panic() {
    const PIECES: [&[u8]; 40] = [
        b"-",
        b"--",
        b"=",
        b"l",
        b"v",
        b"p",
        b"server-listen",
        b"verbose",
        b"peer",
        b"name",
        b"h",
        b"x",
        b"\xff",
        b"\xc3",
        b"\xc3\xa9",
        b"false",
        b"",
        b"--verbose",
        b"--peer=a",
        b"-p",
        b"b",
        b"--token-file",
        b"/dev/null",
        b"--old",
        b"--config",
        b"--mode=fast",
        b"--check",
        b"n",
        b"--help",
        b"--print-config",
        b"--completions",
        b"bash",
        b"--idle",
        b"30s",
        b"--ratio=1",
        b"--server-workers",
        b"-1",
        b"--man",
        b"--note=x",
        b"0",
    ];
    const VARIABLES: [&str; 5] =
        ["DEMO_MODE", "DEMO_PEER", "DEMO_TOKEN_FILE", "DEMO_OLD", "DEMO_CONFIG"];
    let (mut all, mut accepted) = (0, 0);
    check(|u| {
        all += 1;
        let word = |u: &mut Unstructured<'_>| -> Result<OsString> {
            let parts = u.int_in_range(0..=3)?;
            let parts: Vec<&[u8]> =
                (0..parts).map(|_| u.choose(&PIECES).copied()).collect::<Result<_>>()?;
            Ok(OsString::from_vec(parts.concat()))
        };
        let count = u.int_in_range(0..=5)?;
        let args = (0..count).map(|_| word(u)).collect::<Result<_>>()?;
        let count = u.int_in_range(0..=2)?;
        let env = (0..count).map(|_| Ok(((*u.choose(&VARIABLES)?).to_owned(), word(u)?)));
        let env = env.collect::<Result<_>>()?;
        accepted += u32::from(read(args, env));
        Ok(())
    });
    assert!(accepted > all / 50, "nonsense alone: {accepted} of {all}");
}

/// A file for the length of a test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("rungroup-{name}-{}.toml", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn f4_no_file_makes_the_reader_panic() {
    const PIECES: [&str; 44] = [
        "server",
        "store",
        "listen",
        "workers",
        "peer",
        "verbose",
        "token-file",
        "old",
        "mode",
        "data",
        "\n",
        "\n",
        "\n",
        " = ",
        " = ",
        " = ",
        ".",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        ",",
        "'fast'",
        "\"x\"",
        "'''",
        "\"\"\"",
        "true",
        "1",
        "-7",
        "0xff",
        "1e9",
        "inf",
        "1979-05-27T07:32:00Z",
        "#",
        "\\",
        "\\u00e9",
        "\u{feff}",
        "\r\n",
        "\0",
        "é",
        "=",
        "-",
    ];
    let file = Scratch::new("arbitrary");
    let (mut all, mut accepted) = (0, 0);
    check(|u| {
        all += 1;
        let content: Vec<u8> = match u.int_in_range(0..=9)? {
            0 => u.arbitrary()?,
            1..=5 => {
                let count = u.int_in_range(0..=30)?;
                let parts = (0..count).map(|_| u.choose(&PIECES).copied());
                parts.collect::<Result<String>>()?.into_bytes()
            }
            // Lines that could be right.
            _ => {
                let keys = ["verbose", "mode", "peer", "server.workers", "note", "peer"];
                let values = ["true", "'fast'", "['a', 1]", "7", "\"\\n\"", "[]", "[[1]]"];
                let count = u.int_in_range(0..=3)?;
                let lines = (0..count)
                    .map(|_| Ok(format!("{} = {}\n", u.choose(&keys)?, u.choose(&values)?)));
                lines.collect::<Result<String>>()?.into_bytes()
            }
        };
        std::fs::write(&file.0, content).unwrap();
        let args = vec!["--config".into(), file.0.clone().into()];
        accepted += u32::from(read(args, Vec::new()));
        Ok(())
    });
    assert!(accepted > all / 50, "nonsense alone: {accepted} of {all}");
}

#[test]
fn f6_whatever_is_in_effect_is_printed_so_that_it_reads_back() {
    let file = Scratch::new("printed");
    check(|u| {
        let settings = Settings::new();
        let (listen, workers): (u16, i64) = (u.arbitrary()?, u.arbitrary()?);
        let (ratio, note): (f64, String) = (u.arbitrary()?, u.arbitrary()?);
        let below = u.int_in_range(0..=999_999_999)?;
        let mut args: Vec<OsString> = vec![
            "demo".into(),
            "--print-config".into(),
            format!("--server-listen=[::{listen:x}]:{listen}").into(),
            format!("--verbose={}", u.arbitrary::<bool>()?).into(),
            format!("--server-workers={workers}").into(),
            format!("--ratio={ratio}").into(),
            format!("--store-memory={}", Bytes::new(number(u)?)).into(),
            format!("--store.data={}", u.arbitrary::<String>()?).into(),
        ];
        let mut idle = OsString::from("--idle=");
        idle.push(Duration::new(number(u)?, below).to_arg());
        args.push(idle);
        if u.arbitrary()? {
            args.push(format!("--note={note}").into());
        }
        for peer in u.arbitrary::<Vec<String>>()? {
            args.push(format!("--peer={peer}").into());
        }
        let print = |settings: &Settings, args: Vec<OsString>| {
            let nothing: [(&str, &str); 0] = [];
            match settings.group().run_config_from(args, nothing) {
                Ok(Configured::Exit(exit)) => exit.stdout,
                other => panic!("{other:?}"),
            }
        };
        let printed = print(&settings, args);
        std::fs::write(&file.0, &printed).unwrap();
        let again = Settings::new();
        let args = vec![
            "demo".into(),
            "--print-config".into(),
            "--config".into(),
            file.0.clone().into_os_string(),
        ];
        print(&again, args);
        assert_eq!(settings.values(), again.values(), "{printed}");
        Ok(())
    });
}

/// What is in each secret, and may be in no output.
const HUSH: &str = "hunter2";

/// A type whose error quotes what it was given.
#[derive(Debug)]
struct Chatty(String);

impl std::str::FromStr for Chatty {
    type Err = ConfigError;
    fn from_str(text: &str) -> std::result::Result<Self, ConfigError> {
        if text.contains("bad") {
            return Err(ConfigError::new(format!("'{}' is bad", text.trim())).tip(text));
        }
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Display for Chatty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

flag_value!(Chatty);

/// A unit with secrets, that quotes them in all that it refuses: those with `bad` in them.
struct Vault {
    token: Flag<String>,
    live: Live<String>,
    keys: Live<Vec<String>>,
    chatty: Flag<Chatty>,
    number: Flag<u16>,
    old: Flag<String>,
    plain: Flag<String>,
    verbose: Flag<bool>,
    place: Flag<u8>,
}

impl Vault {
    fn new() -> Self {
        fn check(text: &String) -> std::result::Result<(), String> {
            assert!(!text.contains("bad panic"), "{text:?}");
            if text.contains("bad check") { Err(format!("{text} is bad")) } else { Ok(()) }
        }
        let each = |keys: &Vec<String>| keys.iter().try_for_each(check);
        Self {
            token: Flag::new("token", HUSH, "").short('t').secret().check(check),
            live: Flag::new("live", HUSH, "").secret().check(check).live(),
            keys: Flag::new("key", [], "").secret().check(each).live(),
            chatty: Flag::new("chatty", Chatty(HUSH.to_owned()), "").secret(),
            number: Flag::new("number", 0_u16, "").secret(),
            old: Flag::new("old", HUSH, "").secret().deprecated("use --token"),
            plain: Flag::new("plain", "", ""),
            verbose: Flag::new("verbose", false, "").short('v'),
            place: Flag::new("place", 0_u8, "").positional(),
        }
    }
}

impl Unit for Vault {
    fn name(&self) -> &'static str {
        "vault"
    }
    fn as_config(&self) -> Option<&dyn Config> {
        Some(self)
    }
    fn as_pre_runner(&self) -> Option<&dyn PreRunner> {
        Some(self)
    }
}

impl Config for Vault {
    fn flag_set(&self) -> FlagSet {
        let set = FlagSet::new("Vault").add(&self.token).add(&self.live).add(&self.keys);
        let set = set.add(&self.chatty).add(&self.number).add(&self.old).add(&self.plain);
        set.add(&self.verbose).add(&self.place).removed("gone", "use --token")
    }
    fn validate(&self) -> std::result::Result<(), ConfigErrors> {
        let mut errors = ConfigErrors::new();
        if self.token.get().contains("bad") {
            errors.push(self.token.invalid(format!("not {:?}", self.token.get())));
        }
        if self.keys.get().concat().contains("bad") {
            errors.push(self.keys.invalid(format!("not {:?}", self.keys.get())));
        }
        errors.into_result()
    }
    fn validate_reload(&self, new: &Reload) -> std::result::Result<(), ConfigErrors> {
        let mut errors = ConfigErrors::new();
        if new.get(&self.live).contains("bad") {
            errors.push(new.invalid(&self.live, format!("not {:?}", new.get(&self.live))));
        }
        if let Some(key) = new.get(&self.keys).iter().find(|key| key.contains("bad")) {
            errors.push(new.invalid(&self.keys, format!("not {}", key.trim())));
        }
        errors.into_result()
    }
}

impl PreRunner for Vault {
    fn pre_run(&self, _ctx: &RunContext) -> std::result::Result<(), rungroup::BoxError> {
        Ok(())
    }
}

/// A text with [`HUSH`] in it.
fn secret(u: &mut Unstructured<'_>) -> Result<String> {
    const AROUND: [&str; 16] = [
        "",
        "",
        "",
        " ",
        "\n",
        "\"",
        "'",
        "\\",
        "\t",
        "bad",
        "bad check ",
        "bad panic ",
        "é",
        "\u{7f}",
        ",",
        "1",
    ];
    Ok([*u.choose(&AROUND)?, *u.choose(&AROUND)?, HUSH, u.choose(&AROUND)?].concat())
}

/// The words of one argument of a command line, and perhaps of the next: with a secret at a flag that
/// is secret, or that there is not; or something else.
fn words(u: &mut Unstructured<'_>) -> Result<Vec<String>> {
    const OTHER: [&str; 22] = [
        "--verbose",
        "-v",
        "--verbose=maybe",
        "--plain=x",
        "--nosuch",
        "--nosuch=1",
        "-x",
        "3",
        "x",
        "--check",
        "--print-config",
        "--help",
        "-h",
        "--completions=bash",
        "--completions=fish",
        "--completions=zsh",
        "--man",
        "--gone=1",
        "--number=7",
        "--token-file=/dev/null",
        "--key=",
        "--name=a/b",
    ];
    const NAMES: [&str; 11] = [
        "token", "live", "key", "chatty", "number", "old", "gone", "tokne", "keys", "TOKEN",
        "nosuch",
    ];
    let secret = secret(u)?;
    Ok(match u.int_in_range(0..=9)? {
        0..=3 => vec![(*u.choose(&OTHER)?).to_owned()],
        4..=5 => vec![format!("--{}={secret}", u.choose(&NAMES)?)],
        6..=7 => vec![format!("--{}", u.choose(&NAMES)?), secret],
        8 => vec![format!("-t{secret}")],
        _ => vec!["-vt".to_owned(), secret],
    })
}

/// A file of settings in which each secret has `HUSH` in it.
fn secret_file(u: &mut Unstructured<'_>) -> Result<String> {
    let mut lines = Vec::new();
    for name in ["token", "live", "key", "chatty", "number", "old", "nosuch", "gone"] {
        if u.ratio(1, 3)? {
            // Rust writes such texts as TOML does, but for one sign.
            let text = format!("{:?}", secret(u)?).replace("\\u{7f}", "\\u007f");
            let is_list = name == "key" && u.arbitrary()?;
            lines.push(if is_list {
                format!("{name} = [{text}, 'other']")
            } else {
                format!("{name} = {text}")
            });
        }
    }
    Ok(lines.join("\n"))
}

#[test]
fn f1_no_secret_is_in_any_output() {
    let file = Scratch::new("secrets");
    let (mut all, mut ran, mut refused, mut asked, mut reloaded) = (0, 0, 0, 0, 0);
    check(|u| {
        all += 1;
        let count = u.int_in_range(0..=3)?;
        let mut args = vec!["demo".to_owned()];
        for _ in 0..count {
            args.extend(words(u)?);
        }
        if u.ratio(1, 2)? {
            std::fs::write(&file.0, secret_file(u)?).unwrap();
            args.insert(1, format!("--config={}", file.0.display()));
        }
        let mut env = Vec::new();
        for variable in ["DEMO_TOKEN", "DEMO_LIVE", "DEMO_KEY", "DEMO_NUMBER", "DEMO_GONE"] {
            if u.ratio(1, 6)? {
                env.push((variable, secret(u)?));
            }
        }
        let mut said = String::new();
        let mut say = |text: String| {
            assert!(!text.contains(HUSH), "{args:?} {env:?}: {text}");
            said += &text;
        };
        let vault = Vault::new();
        let (token, live, keys) = (vault.token.clone(), vault.live.clone(), vault.keys.clone());
        let set = vault.flag_set();
        let mut group = Group::new("demo").version("1").env_prefix("DEMO");
        group.register(vault);
        let events = group.handle().events(64);
        let result = group.run_config_from(args.iter().cloned(), env.iter().cloned());
        say(format!("{result:?}"));
        say(format!("{token:?} {live:?} {keys:?} {set:?} {group:?}"));
        match &result {
            Ok(Configured::Continue) => {
                ran += 1;
                std::fs::write(&file.0, secret_file(u)?).unwrap();
                match group.handle().reload() {
                    Ok(done) => {
                        reloaded += 1;
                        say(format!("{done:?}"));
                    }
                    Err(error) => say(format!("{error} {error:?}")),
                }
                say(format!("{live:?} {keys:?}"));
                let report = group.run();
                say(format!("{report:?}"));
            }
            Ok(Configured::Exit(exit)) => {
                asked += 1;
                say(format!("{} {}", exit.stdout, exit.stderr));
            }
            Err(error) => {
                refused += 1;
                say(format!("{error} {}", error.to_exit("demo").stderr));
            }
        }
        drop(group);
        for event in events.iter() {
            say(format!("{event} {event:?}"));
        }
        assert!(!said.is_empty());
        Ok(())
    });
    let least = all / 100;
    let each = [ran, refused, asked, reloaded];
    assert!(each.iter().all(|count| *count > least), "{each:?} of {all}");
}

/// A unit with live flags, and one that is not.
struct Follower {
    limit: Live<u32>,
    peers: Live<Vec<String>>,
    mode: Live<Mode>,
    idle: Live<Duration>,
    least: Live<u8>,
    token: Live<String>,
    workers: Flag<u32>,
}

impl Follower {
    fn new() -> Self {
        let even = |n: &u32| if n.is_multiple_of(2) { Ok(()) } else { Err("is odd") };
        Self {
            limit: Flag::new("limit", 10_u32, "").check(even).live(),
            peers: Flag::new("peer", [], "").live(),
            mode: Flag::new("server-mode", Mode::Safe, "").live(),
            idle: Flag::new("server-idle", Duration::ZERO, "").live(),
            least: Flag::<u8>::required("least", "").live(),
            token: Flag::new("token", "none", "").secret().live(),
            workers: Flag::new("server-workers", 4_u32, ""),
        }
    }

    fn group(&self) -> Group {
        let set = FlagSet::new("Follower").add(&self.limit).add(&self.peers).add(&self.mode);
        let set = set.add(&self.idle).add(&self.least).add(&self.token).add(&self.workers);
        let mut group = Group::new("demo").env_prefix("DEMO");
        let set = set.removed("old", "use --limit");
        group.register(pre_run_fn("unit", |_ctx| Ok(())).flags(set));
        group
    }

    /// The live values, each by its name and with its source.
    fn live(&self) -> Vec<(&'static str, String, Source)> {
        fn one<T: FlagValue>(name: &'static str, flag: &Live<T>) -> (&'static str, String, Source) {
            let values = flag.get().to_args();
            (name, format!("{values:?}"), flag.source())
        }
        vec![
            one("limit", &self.limit),
            one("peer", &self.peers),
            one("server-mode", &self.mode),
            one("server-idle", &self.idle),
            one("least", &self.least),
            one("token", &self.token),
        ]
    }
}

#[test]
fn f10_after_any_files_the_live_values_are_those_of_the_last_valid_one() {
    const LINES: [&str; 31] = [
        "limit = 2",
        "limit = 2",
        "limit = 4",
        "limit = 0x10",
        "limit = 3",
        "limit = -2",
        "limit = {}",
        "peer = ['a', 'b']",
        "peer = ['a']",
        "peer = 'a'",
        "peer = []",
        "peer = [[1]]",
        "server.mode = 'fast'",
        "server.mode = 'safe'",
        "server.mode = 'slow'",
        "server.idle = '30s'",
        "server.idle = '0.5m'",
        "server.idle = 30",
        "server.workers = 4",
        "server.workers = 5",
        "least = 1",
        "least = 1",
        "least = 2",
        "least = ''",
        "token-file = '$A'",
        "token-file = '$B'",
        "token-file = '/nonexistent/token'",
        "old = 1",
        "limits = 2",
        "least = ",
        "[nosuch]",
    ];
    let (file, a, b) = (Scratch::new("followed"), Scratch::new("token-a"), Scratch::new("token-b"));
    std::fs::write(&a.0, "a token\n").unwrap();
    std::fs::write(&b.0, "another\n").unwrap();
    let content = |u: &mut Unstructured<'_>| -> Result<String> {
        let mut lines = Vec::new();
        // Mostly valid, so that there is something to go back to.
        for _ in 0..u.int_in_range(0..=3)? {
            lines.push(*u.choose(&LINES)?);
        }
        if !u.ratio(1, 4)? {
            lines.retain(|line| !line.starts_with("least"));
            lines.insert(0, "least = 1");
        }
        let text = lines.join("\n");
        let path = |file: &Scratch| file.0.to_str().unwrap().to_owned();
        Ok(text.replace("$A", &path(&a)).replace("$B", &path(&b)))
    };
    let args = || ["demo".into(), OsString::from("--config"), file.0.clone().into()];
    let env = [("DEMO_SERVER_IDLE", "5s")];
    let (mut valid, mut refused, mut changed, mut restarts) = (0, 0, 0, 0);
    check(|u| {
        let of_env = u.ratio(1, 4)?;
        let env = || env.iter().copied().filter(|_| of_env);
        let follower = Follower::new();
        std::fs::write(&file.0, "least = 1").unwrap();
        let mut group = follower.group();
        let _ = group.run_config_from(args(), env()).unwrap();
        for _ in 0..u.int_in_range(1..=6)? {
            let content = content(u)?;
            std::fs::write(&file.0, &content).unwrap();
            let before = follower.live();
            let fresh = Follower::new();
            let read = fresh.group().run_config_from(args(), env());
            let result = group.handle().reload();
            let after = follower.live();
            match (read, result) {
                (Ok(_), Ok(reloaded)) => {
                    valid += 1;
                    assert_eq!(after, fresh.live(), "{content}");
                    let others = before.iter().zip(&after).filter(|(old, new)| old.1 != new.1);
                    let others: Vec<&str> = others.map(|(_, new)| new.0).collect();
                    changed += others.len();
                    assert_eq!(reloaded.changed(), others, "{content}");
                    let restart = fresh.workers.get() != follower.workers.get();
                    restarts += usize::from(restart);
                    let expected = if restart { &["server-workers"][..] } else { &[] };
                    assert_eq!(reloaded.needs_restart(), expected, "{content}");
                }
                (Err(of_fresh), Err(of_reload)) => {
                    refused += 1;
                    assert_eq!(after, before, "{content}");
                    let sorted = |error: &rungroup::Error| {
                        let mut texts: Vec<String> =
                            error.problems().iter().map(ToString::to_string).collect();
                        texts.sort();
                        texts
                    };
                    assert_eq!(sorted(&of_reload), sorted(&of_fresh), "{content}");
                }
                (fresh, reload) => panic!("{content}\n{fresh:?}\n{reload:?}"),
            }
        }
        Ok(())
    });
    let each = [valid, refused, changed, restarts];
    assert!(each.iter().all(|count| *count > 0), "{each:?}");
}

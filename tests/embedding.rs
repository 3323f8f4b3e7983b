//! How to put the flags of a group into a program that has a parser of its own (F8), with `lexopt` by
//! hand and with `clap`.
//!
//! 1. [`Group::register_flags`] gives the flags of all units in one [`FlagSet`]. The group then reads
//!    neither command line nor environment nor file, and has no flags of its own: `--help` is the
//!    program's.
//! 2. [`FlagSet::flags`] tells the parser what there is: for each flag a `FlagInfo`, with its names,
//!    help, [`Arity`] and what else a parser or its help can use.
//! 3. What the parser has found is set by name, with [`FlagSet::set_all`] and the [`Source`] to name in
//!    errors: each value is read and checked there. What was not given is not set.
//! 4. `run` goes on as ever: it validates, tells of what is required and missing, and runs.
//!
//! [`with_lexopt`] and [`with_clap`] are to be copied.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::mpsc;

use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind as ClapErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, Command, ValueHint, value_parser};
use lexopt::{Arg as Lexed, Parser};
use rungroup::{
    Arity, BoxError, Config, ConfigErrors, ErrorKind, Flag, FlagInfo, FlagSet, Group, Live,
    PreRunner, RunContext, Source, Unit, ValueKind, flag_value,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sync {
    Always,
    Never,
}

flag_value!(Sync { "always" => Sync::Always, "never" => Sync::Never });

/// A unit with a flag of each kind. It says what its pre-run has seen.
struct Copy {
    quiet: Flag<bool>,
    jobs: Flag<u32>,
    into: Flag<PathBuf>,
    skip: Flag<Vec<String>>,
    sync: Flag<Sync>,
    token: Flag<String>,
    chaos: Flag<bool>,
    rate: Live<u32>,
    threads: Flag<u32>,
    files: Flag<Vec<PathBuf>>,
    seen: mpsc::Sender<String>,
}

impl Copy {
    fn new(seen: mpsc::Sender<String>) -> Self {
        Self {
            quiet: Flag::new("quiet", false, "Say nothing.").short('q'),
            jobs: Flag::new("jobs", 4, "How many at once.\n\nMore than 8 do not help.").short('j'),
            into: Flag::required("into", "Where the copies go.").short('i').value_name("DIR"),
            skip: Flag::new("skip", Vec::new(), "What not to copy."),
            sync: Flag::new("sync", Sync::Never, "When to sync to disk."),
            token: Flag::new("token", "s3cret", "The token of the server.").secret(),
            chaos: Flag::new("chaos", false, "Fail now and then.").hidden(),
            rate: Flag::new("rate", 100, "How many a second.").live(),
            threads: Flag::new("threads", 4, "How many.").deprecated("use --copy-jobs"),
            files: Flag::required("files", "What to copy.").positional().value_name("FILE"),
            seen,
        }
    }
}

impl Unit for Copy {
    fn name(&self) -> &'static str {
        "copy"
    }

    fn as_config(&self) -> Option<&dyn Config> {
        Some(self)
    }

    fn as_pre_runner(&self) -> Option<&dyn PreRunner> {
        Some(self)
    }
}

impl Config for Copy {
    fn flag_set(&self) -> FlagSet {
        FlagSet::new("Copying")
            .prefix("copy")
            .add(&self.quiet)
            .add(&self.jobs)
            .add(&self.into)
            .add(&self.skip)
            .add(&self.sync)
            .add(&self.token)
            .add(&self.chaos)
            .add(&self.rate)
            .add(&self.threads)
            .add(&self.files)
            .removed("fast", "it always is")
    }

    fn validate(&self) -> Result<(), ConfigErrors> {
        if *self.quiet.get() && *self.jobs.get() == 1 {
            return Err(self.jobs.invalid("is too slow to be quiet about").into());
        }
        Ok(())
    }
}

impl PreRunner for Copy {
    fn pre_run(&self, _ctx: &RunContext) -> Result<(), BoxError> {
        let Self { quiet, jobs, into, skip, sync, chaos, rate, files, .. } = self;
        self.seen.send(format!(
            "quiet {} jobs {} into {} skip {:?} sync {:?} token {} chaos {} rate {} files {:?}",
            quiet.get(),
            jobs.get(),
            into.get().display(),
            skip.get(),
            sync.get(),
            self.token.get(),
            chaos.get(),
            rate.get(),
            files.get(),
        ))?;
        Ok(())
    }
}

/// A group, its flags, and what its pre-run has seen.
fn group() -> (Group, FlagSet, mpsc::Receiver<String>) {
    let (seen, says) = mpsc::channel();
    let mut group = Group::new("copyctl").env_prefix("COPYCTL");
    group.register(Copy::new(seen));
    let flags = group.register_flags().unwrap();
    (group, flags, says)
}

/// Parses with `lexopt`, and sets the flags. All that is wrong is told at once.
fn with_lexopt(flags: &FlagSet, args: &[&str]) -> Result<(), BoxError> {
    let mut given: HashMap<String, Vec<OsString>> = HashMap::new();
    let mut errors = ConfigErrors::new();
    let mut places = flags.flags().filter(FlagInfo::is_positional);
    let mut place = places.next();
    let mut parser = Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        let by_name = match &arg {
            Lexed::Long(name) => {
                flags.flags().find(|flag| !flag.is_positional() && flag.name() == *name)
            }
            Lexed::Short(short) => flags.flags().find(|flag| flag.short() == Some(*short)),
            Lexed::Value(_) => place,
        };
        match (arg, by_name) {
            (Lexed::Value(value), Some(flag)) => {
                given.entry(flag.name()).or_default().push(value);
                if flag.arity() != Arity::Many {
                    place = places.next();
                }
            }
            (arg, Some(flag)) => {
                let is_long = matches!(arg, Lexed::Long(_));
                let value = match flag.arity() {
                    // `--quiet=false`, but not so behind `-q`, where other short names may follow.
                    Arity::Switch => {
                        let value = is_long.then(|| parser.optional_value()).flatten();
                        value.unwrap_or_else(|| "true".into())
                    }
                    _ => parser.value()?,
                };
                given.entry(flag.name()).or_default().push(value);
            }
            // The set knows names that are no more, and says what to do instead.
            (Lexed::Long(name), None) => {
                let unknown = flags.set(name, "", Source::CommandLine);
                errors.append(unknown.expect_err("it is not among the flags"));
                let _ = parser.optional_value();
            }
            (arg, None) => return Err(arg.unexpected().into()),
        }
    }
    for (name, values) in given {
        if let Err(problems) = flags.set_all(&name, values, Source::CommandLine) {
            errors.append(problems);
        }
    }
    Ok(errors.into_result()?)
}

/// The same with `clap`, whose names are `&'static str` unless it has its feature `string`.
fn with_clap(flags: &FlagSet, args: &[&str]) -> Result<(), clap::Error> {
    let mut command = command(flags);
    let args = std::iter::once("copyctl").chain(args.iter().copied());
    let matches = command.try_get_matches_from_mut(args)?;
    let mut errors = ConfigErrors::new();
    for flag in flags.flags() {
        let name = flag.name();
        // Defaults are in the help, and not to be set: then nobody would see that they are.
        if matches.value_source(&name) != Some(ValueSource::CommandLine) {
            continue;
        }
        let values = matches.get_raw(&name).into_iter().flatten();
        if let Err(problems) = flags.set_all(&name, values, Source::CommandLine) {
            errors.append(problems);
        }
    }
    errors.into_result().map_err(|errors| command.error(ClapErrorKind::ValueValidation, errors))
}

fn command(flags: &FlagSet) -> Command {
    flags.flags().fold(Command::new("copyctl"), |command, flag| command.arg(arg(&flag)))
}

fn arg(flag: &FlagInfo<'_>) -> Arg {
    let name = leaked(&flag.name());
    let mut arg = Arg::new(name)
        .help(leaked(flag.help().lines().next().unwrap_or_default()))
        .long_help(leaked(flag.help()))
        .help_heading(leaked(flag.section()))
        .value_name(leaked(&flag.value_name()))
        .required(flag.is_required())
        .hide(flag.is_hidden() || flag.deprecated().is_some());
    arg = match flag.choices() {
        [] => arg.value_parser(value_parser!(OsString)), // read by the flag itself
        choices => arg.value_parser(PossibleValuesParser::new(choices)),
    };
    if flag.kind() == ValueKind::Path {
        arg = arg.value_hint(ValueHint::AnyPath);
    }
    if let Some(default) = flag.default() {
        arg = arg.default_value(leaked(&default));
    }
    if !flag.is_positional() {
        arg = arg.long(name);
    }
    if let Some(short) = flag.short() {
        arg = arg.short(short);
    }
    match (flag.arity(), flag.is_positional()) {
        (Arity::Switch, _) => {
            let arg = arg.num_args(0..=1).require_equals(true).default_missing_value("true");
            arg.action(ArgAction::Set).hide_possible_values(true)
        }
        (Arity::One, _) => arg.action(ArgAction::Set).overrides_with(name), // the last one counts
        (Arity::Many, true) => arg.action(ArgAction::Append).num_args(1..),
        _ => arg.action(ArgAction::Append),
    }
}

/// A program makes its command once.
fn leaked(text: &str) -> &'static str {
    text.to_owned().leak()
}

/// Parses in either way, without the types of their errors.
type Embed = fn(&FlagSet, &[&str]) -> Result<(), String>;

const BOTH: [(&str, Embed); 2] = [
    ("lexopt", |flags, args| with_lexopt(flags, args).map_err(|error| error.to_string())),
    ("clap", |flags, args| with_clap(flags, args).map_err(|error| error.to_string())),
];

#[test]
fn f8_flags_of_every_kind_are_set_by_another_parser_and_the_run_goes_on() {
    for (parser, embed) in BOTH {
        let (mut group, flags, says) = group();
        let args = "-q --copy-jobs 2 -j3 --copy-into=/to --copy-skip a --copy-skip=b,c \
                    --copy-sync always --copy-token hush --copy-chaos=false --copy-rate 7 x -- -y";
        embed(&flags, &args.split_whitespace().collect::<Vec<_>>()).unwrap();
        let report = group.run().unwrap();
        assert!(report.units().is_empty(), "{parser}: a cli");
        let expected = "quiet true jobs 3 into /to skip [\"a\", \"b,c\"] sync Always token hush \
                        chaos false rate 7 files [\"x\", \"-y\"]";
        assert_eq!(says.try_recv().as_deref(), Ok(expected), "{parser}");
    }
}

#[test]
fn f8_what_is_not_given_has_its_default_and_says_so() {
    for (parser, embed) in BOTH {
        let (mut group, flags, says) = group();
        embed(&flags, &["--copy-into", "/to", "x"]).unwrap();
        for flag in flags.flags() {
            let is_given = ["copy-into", "copy-files"].contains(&&*flag.name());
            let source = if is_given { Source::CommandLine } else { Source::Default };
            assert_eq!(flag.source(), source, "{parser}: {}", flag.name());
        }
        group.run().unwrap();
        let expected = "quiet false jobs 4 into /to skip [] sync Never token s3cret \
                        chaos false rate 100 files [\"x\"]";
        assert_eq!(says.try_recv().as_deref(), Ok(expected), "{parser}");
    }
}

#[test]
fn f8_what_is_wrong_is_told_at_once_with_the_source_of_the_embedding_program() {
    let args = ["--copy-into=/to", "x", "-j", "many", "--copy-rate=-1", "--copy-token", "hush"];
    for (parser, embed) in BOTH {
        let (_group, flags, _says) = group();
        let error = embed(&flags, &args).unwrap_err();
        for problem in [
            "invalid value 'many' for '--copy-jobs' (command line): not a whole number",
            "invalid value '-1' for '--copy-rate' (command line): not a whole number",
        ] {
            assert!(error.contains(problem), "{parser}: {problem}: {error}");
        }
    }
    // Or from wherever the program has it.
    let (_group, flags, _says) = group();
    let error = flags.set("copy-jobs", "many", Source::other("etcd /copy/jobs")).unwrap_err();
    let expected = "invalid value 'many' for '--copy-jobs' (etcd /copy/jobs): ";
    assert!(error.to_string().starts_with(expected), "{error}");
    let error = flags.set("copy-jobs", "many", Source::file("copy.yaml", 7)).unwrap_err();
    assert!(error.to_string().contains("(copy.yaml:7)"), "{error}");
    flags.set("copy-skip", "a, b", Source::environment("SKIP")).unwrap();
    let skip = flags.flags().find(|flag| flag.name() == "copy-skip").unwrap();
    assert_eq!(skip.source().to_string(), "environment variable SKIP");
}

#[test]
fn f8_what_is_required_and_missing_is_told_by_the_run_if_the_parser_does_not() {
    let (mut group, flags, says) = group();
    with_lexopt(&flags, &["-q"]).unwrap();
    let error = group.run_config().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let problems: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("'--copy-into'") && problems[0].contains("is required"));
    assert!(problems[1].contains("FILE") && problems[1].contains("is required"), "{problems:?}");
    assert!(says.try_recv().is_err(), "nothing ran");

    let (_group, flags, _says) = self::group();
    let error = with_clap(&flags, &["-q"]).unwrap_err();
    assert_eq!(error.kind(), ClapErrorKind::MissingRequiredArgument);
    assert!(error.to_string().contains("--copy-into <DIR>"), "{error}");
}

#[test]
fn f8_units_validate_and_their_errors_name_the_source() {
    for (parser, embed) in BOTH {
        let (mut group, flags, says) = group();
        embed(&flags, &["-qj1", "--copy-into=/to", "x"]).unwrap();
        let error = group.run().unwrap_err().to_string();
        let expected = "unit 'copy': invalid value '1' for '--copy-jobs' (command line): \
                        is too slow to be quiet about";
        assert_eq!(error, expected, "{parser}");
        assert!(says.try_recv().is_err(), "{parser}: nothing ran");
    }
}

#[test]
fn f8_a_name_that_is_no_more_says_what_to_do_instead() {
    let (_group, flags, _says) = group();
    let error = with_lexopt(&flags, &["--copy-fast", "--copy-faster=1"]).unwrap_err().to_string();
    assert!(error.contains("'--copy-fast'") && error.contains("it always is"), "{error}");
    assert!(error.contains("unknown flag '--copy-faster'"), "{error}");
}

#[test]
fn f8_the_help_of_another_parser_has_what_ours_would() {
    let (_group, flags, _says) = group();
    let help = command(&flags).render_long_help().to_string();
    for text in [
        "Usage: copyctl [OPTIONS] --copy-into <DIR> <FILE>...",
        "\nCopying:\n",
        "-j, --copy-jobs <N>",
        "More than 8 do not help.",
        "[default: 4]",
        "[possible values: always, never]",
        "[default: never]",
        "--copy-token-file <FILE>",
        "--copy-quiet",
    ] {
        assert!(help.contains(text), "{text}: {help}");
    }
    for hidden in ["chaos", "s3cret", "threads"] {
        assert!(!help.contains(hidden), "{hidden}: {help}");
    }
}

/// The flag that names a file with a secret is one of the set.
#[test]
fn f8_a_secret_can_be_read_from_the_file_that_the_embedding_program_names() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("embedding-token");
    for (parser, embed) in BOTH {
        let (mut group, flags, says) = group();
        std::fs::write(&path, "from the file\n").unwrap();
        let file = format!("--copy-token-file={}", path.display());
        embed(&flags, &["--copy-into=/to", &file, "x"]).unwrap();
        let _ = group.run_config().unwrap();
        std::fs::write(&path, "another\n").unwrap();
        let reloaded = group.handle().reload().unwrap();
        assert_eq!(reloaded.needs_restart(), ["copy-token"], "{parser}: it is read again");
        group.run().unwrap();
        let seen = says.try_recv().unwrap();
        assert!(seen.contains("token from the file chaos"), "{parser}: {seen}");
    }
}

/// A live flag is the embedding program's to change; what it has set, a reload leaves alone.
#[test]
fn f8_f10_a_live_flag_can_be_set_again_while_the_program_runs() {
    let (mut group, flags, _says) = group();
    with_lexopt(&flags, &["--copy-into=/to", "--copy-rate=7", "x"]).unwrap();
    let _ = group.run_config().unwrap();
    assert!(group.handle().reload().unwrap().changed().is_empty());
    let rate = || flags.flags().find(|flag| flag.name() == "copy-rate").unwrap();
    assert!(rate().is_live());
    assert_eq!(rate().source(), Source::CommandLine);
    flags.set("copy-rate", "8", Source::other("the operator")).unwrap();
    assert_eq!(rate().source(), Source::other("the operator"));
    assert!(group.handle().reload().unwrap().changed().is_empty());
    assert_eq!(rate().source(), Source::other("the operator"));
}

//! From command line, environment and file to values: sets each flag from the source that counts,
//! says what is wrong, and whether the user asked for something else than a run.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;

use super::files::Files;
use super::parse;
use super::sources::{Env, File, Kept, Sources};
use crate::error::{ConfigError, ConfigErrors};
use crate::exit::Exit;
use crate::flags::common::Ask;
use crate::flags::show::help;
#[cfg(feature = "completions")]
use crate::flags::show::{completions, man};
use crate::flags::slot::By;
use crate::flags::source::Source;
use crate::flags::table::{Entry, Table};
use crate::panic::{self, Panic};

/// What came of reading the settings.
pub(crate) enum Parsed {
    /// A text was asked for, as help or version. That wins over whatever else is wrong.
    Exit(Exit),
    /// `--show-rungroup-units`: the group knows its units.
    ShowUnits,
    /// The values are set, apart from those that `errors` are about.
    Settings(Box<Settings>),
}

/// The outcome of an ordinary command line.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// All problems at once, each with unit, flag, value and source where it has them.
    pub(crate) errors: ConfigErrors,
    /// The units that lack a value they could be validated with.
    pub(crate) unusable: BTreeSet<String>,
    /// What the user should be told though nothing is wrong: flags that are deprecated.
    pub(crate) warnings: Vec<String>,
    /// The name that was asked for with `--name`.
    pub(crate) name: Option<String>,
    /// What to do with settings that are right, instead of a run.
    ask: Option<Ask>,
    /// What a reload starts from.
    pub(crate) kept: Kept,
}

impl Table {
    /// Reads the command line, the program's name first, the environment and the file that they
    /// name, and sets the flags.
    pub(crate) fn parse(&self, args: Vec<OsString>, env: Env<'_>) -> Parsed {
        let line = parse::read(self, args);
        match line.ask {
            Some((Ask::Help, form)) => return Parsed::Exit(Exit::success(help::page(self, form))),
            Some((Ask::Version, _)) => return Parsed::Exit(Exit::success(self.version())),
            Some((Ask::ShowUnits, _)) => return Parsed::ShowUnits,
            #[cfg(feature = "completions")]
            Some((Ask::Man, _)) => return Parsed::Exit(Exit::success(man::page(self))),
            #[cfg(feature = "completions")]
            Some((Ask::Completions(shell), _)) => {
                return Parsed::Exit(Exit::success(completions::script(self, shell)));
            }
            Some(_) | None => {}
        }
        let mut faulty = line.faulty;
        if line.has_unknown {
            // Nobody knows which of the arguments are whose: none is missing for it.
            let missing = |index: &&usize| line.given.of(**index).is_empty();
            faulty.extend(self.positional.iter().filter(missing));
        }
        let mut kept = Kept { line: line.given, files: Files::new(), file: None };
        let ask = line.ask.map(|(ask, _)| ask);
        let mut settings = Settings { errors: line.errors, ask, ..Settings::default() };
        kept.file = self.named_file(&kept, env);
        self.read_all(&kept, &faulty, env, &mut settings);
        settings.kept = kept;
        settings.name.clone_from(self.common.name.get());
        Parsed::Settings(Box::new(settings))
    }

    /// Sets every flag from the first source that has it.
    fn read_all(&self, kept: &Kept, faulty: &[usize], env: Env<'_>, settings: &mut Settings) {
        let mut file = match &kept.file {
            Some(name) => self.read_file(name, &kept.files, false, &mut settings.errors),
            None => File::default(),
        };
        file.is_unknown |= self.long("config").is_some_and(|config| faulty.contains(&config));
        let sources = Sources { kept, env, file, again: false, warnings: RefCell::default() };
        let mut pass = Pass { table: self, sources, faulty, settings, next: 0 };
        // A panic of a flag's type is the problem of that flag; those behind it are still to be read.
        while let Err(panic) = panic::catch(|| pass.go_on()) {
            pass.blame(&panic);
        }
        settings.errors.append(self.removed_in(env));
    }

    /// Problems of a flag, with the first of the units that have it.
    pub(super) fn of_units(&self, entry: &Entry, errors: ConfigErrors) -> ConfigErrors {
        match self.units(entry).next() {
            Some(unit) => errors.of_unit(unit),
            None => errors,
        }
    }

    /// What the user wants of settings that are right, instead of a run.
    pub(crate) fn answer(&self, settings: &Settings) -> Option<Exit> {
        let mut exit = match settings.ask? {
            #[cfg(feature = "config-file")]
            Ask::PrintConfig => Exit::success(crate::flags::show::settings::file(self)),
            Ask::Check => Exit::success(format!("{}: the settings are valid\n", self.program.name)),
            Ask::Help | Ask::Version | Ask::ShowUnits => return None, // done long since
            #[cfg(feature = "completions")]
            Ask::Man | Ask::Completions(_) => return None,
        };
        for warning in &settings.warnings {
            exit.stderr.push_str("warning: ");
            exit.stderr.push_str(warning);
            exit.stderr.push('\n');
        }
        Some(exit)
    }

    fn version(&self) -> String {
        let version = self.program.version.as_deref().unwrap_or_default();
        format!("{} {version}\n", self.program.name)
    }
}

/// All flags being set, one after the other. There is one panic boundary for all of them, as nearly
/// none has a panic: one for each takes longer than to read most values.
struct Pass<'a> {
    table: &'a Table,
    sources: Sources<'a>,
    /// The flags that were given in a way that says nothing of their value.
    faulty: &'a [usize],
    settings: &'a mut Settings,
    /// The entry that is to be set next.
    next: usize,
}

impl Pass<'_> {
    /// Sets the flags that are left. A panic of a flag's type goes through.
    fn go_on(&mut self) {
        while let Some(entry) = self.table.entries.get(self.next) {
            let index = self.next;
            let is_faulty = self.faulty.contains(&index);
            if !entry.repeated {
                if !is_faulty && let Err(errors) = self.set(index) {
                    self.refuse(index, errors);
                } else if is_faulty || self.sources.file.is_unknown {
                    self.leave_out(index);
                }
            }
            self.next += 1;
        }
    }

    /// The flag that was to be set next has a panic.
    fn blame(&mut self, panic: &Panic) {
        let index = self.next;
        self.next += 1;
        let why = ConfigError::new(panic.to_string());
        let flag = &self.table.entries[index].flag;
        let errors = match self.table.find(index, &self.sources) {
            Ok(Some(found)) => flag.unreadable(why, &found.values, &found.source),
            Ok(None) | Err(_) => flag.definition().name_in(flag.definition().hushed(why)).into(),
        };
        self.refuse(index, errors);
    }

    fn refuse(&mut self, index: usize, errors: ConfigErrors) {
        let entry = &self.table.entries[index];
        self.settings.errors.append(self.table.of_units(entry, errors));
        self.leave_out(index);
    }

    /// Its units cannot be validated.
    fn leave_out(&mut self, index: usize) {
        let units = self.table.units(&self.table.entries[index]);
        self.settings.unusable.extend(units.map(str::to_owned));
    }

    fn set(&mut self, index: usize) -> Result<(), ConfigErrors> {
        let (table, sources) = (self.table, &self.sources);
        let entry = &table.entries[index];
        // The highest of the sources: of most flags nothing else needs to be looked at.
        let line = sources.kept.line.of(index);
        if !line.is_empty() && entry.secret_file().is_none() && !entry.is_deprecated {
            return entry.flag.assign(line, &Source::CommandLine, By::Group);
        }
        match table.find(index, sources)? {
            Some(found) if !found.stays() => {
                // Of a secret's file the secret itself says so.
                let deprecated = entry.definition().extras().deprecated.as_ref();
                if let Some(instead) = deprecated.filter(|_| entry.secret().is_none()) {
                    let (flag, source) = (entry.definition().called(), &found.source);
                    let warning = format!("{flag} ({source}) is deprecated: {instead}");
                    self.settings.warnings.push(warning);
                }
                entry.flag.assign(&found.values, &found.source, By::Group)
            }
            // What an unreadable file may have given is not missing.
            None if sources.file.is_unknown && entry.flag.is_required() => Ok(()),
            Some(_) | None => {
                entry.flag.settle().map_err(|problem| how_to_give(table, entry, problem).into())
            }
        }
    }
}

/// Adds to the problem of a missing flag how it can be given.
pub(super) fn how_to_give(table: &Table, entry: &Entry, problem: ConfigError) -> ConfigError {
    let is_missing = problem.value().is_none() && entry.flag.is_required();
    if !is_missing || entry.definition().is_positional() {
        return problem;
    }
    // On a command line everybody can read a secret.
    let entry = entry.secret_file().map_or(entry, |file| &table.entries[file]);
    let (name, value) = (&*entry.full_name, entry.flag.value_name());
    problem.tip(match entry.variables.first() {
        Some(variable) => format!("give '--{name} <{value}>', or set {variable}"),
        None => format!("give '--{name} <{value}>'"),
    })
}

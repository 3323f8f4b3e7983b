//! From command line and environment to values (F4): which of the sources counts for each flag,
//! what is wrong with it, and whether the user asked for something else than a run.

use std::collections::BTreeSet;
use std::ffi::OsString;

use super::parse;
use crate::error::{ConfigError, ConfigErrors};
use crate::exit::Exit;
use crate::flags::common::Ask;
use crate::flags::set::at_commas;
use crate::flags::show::help;
use crate::flags::source::Source;
use crate::flags::table::{Entry, Table};
use crate::flags::value::Arity;

/// What came of reading the settings.
pub(crate) enum Parsed {
    /// Help or version were asked for. That wins over whatever else is wrong.
    Exit(Exit),
    /// `--show-rungroup-units`: the group knows its units.
    ShowUnits,
    /// The values are set, apart from those that `errors` are about.
    Settings(Settings),
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
    /// The positional arguments, where the program takes them.
    pub(crate) arguments: Vec<OsString>,
}

impl Table {
    /// Reads the command line, the program's name first, and the environment, and sets the flags.
    pub(crate) fn parse(
        &self,
        args: Vec<OsString>,
        env: &dyn Fn(&str) -> Option<OsString>,
    ) -> Parsed {
        let mut line = parse::read(self, args);
        match line.ask {
            Some((Ask::Help, form)) => return Parsed::Exit(Exit::success(help::page(self, form))),
            Some((Ask::Version, _)) => return Parsed::Exit(Exit::success(self.version())),
            Some((Ask::ShowUnits, _)) => return Parsed::ShowUnits,
            None => {}
        }
        // Stable: the values of one flag stay in their order.
        line.given.sort_by_key(|(index, _)| *index);
        let mut given = line.given.into_iter().peekable();
        let mut settings =
            Settings { errors: line.errors, arguments: line.positionals, ..Settings::default() };
        for (index, entry) in self.entries.iter().enumerate() {
            let mut values = Vec::new();
            while let Some((_, value)) = given.next_if(|(of, _)| *of == index) {
                values.push(value);
            }
            if line.faulty.contains(&index) {
                settings.unusable.extend(self.units(entry).map(str::to_owned));
            } else if !entry.repeated {
                self.resolve(entry, values, env, &mut settings);
            }
        }
        settings.name.clone_from(self.common.name.get());
        Parsed::Settings(settings)
    }

    /// Sets one flag from the first source that has it.
    fn resolve(
        &self,
        entry: &Entry,
        values: Vec<OsString>,
        env: &dyn Fn(&str) -> Option<OsString>,
        settings: &mut Settings,
    ) {
        let found = if !values.is_empty() {
            Some((values, Source::CommandLine))
        } else if entry.flag.source() != Source::Default {
            None // the program has set it by itself (F8)
        } else {
            from_environment(entry, env)
        };
        if let (Some((_, source)), Some(instead)) = (&found, &entry.definition().deprecated) {
            let name = entry.definition().full_name();
            settings.warnings.push(format!("flag '--{name}' ({source}) is deprecated: {instead}"));
        }
        let outcome = match found {
            Some((values, source)) => entry.flag.assign(&values, source),
            None => entry.flag.settle().map_err(|problem| how_to_give(entry, problem).into()),
        };
        if let Err(errors) = outcome {
            let units: Vec<&str> = self.units(entry).collect();
            settings.errors.append(match units.first() {
                Some(unit) => errors.of_unit(unit),
                None => errors,
            });
            settings.unusable.extend(units.into_iter().map(str::to_owned));
        }
    }

    fn version(&self) -> String {
        let version = self.program.version.as_deref().unwrap_or_default();
        format!("{} {version}\n", self.program.name)
    }
}

/// The first of the flag's variables that is set to something.
fn from_environment(
    entry: &Entry,
    env: &dyn Fn(&str) -> Option<OsString>,
) -> Option<(Vec<OsString>, Source)> {
    entry.variables.iter().find_map(|variable| {
        let value = env(variable).filter(|value| !value.is_empty())?;
        let values = match entry.flag.arity() {
            Arity::Many => at_commas(&value),
            Arity::Switch | Arity::One => vec![value],
        };
        (!values.is_empty()).then(|| (values, Source::environment(variable)))
    })
}

/// Adds to the problem of a missing flag how it can be given.
fn how_to_give(entry: &Entry, problem: ConfigError) -> ConfigError {
    if problem.value().is_some() || !entry.flag.is_required() {
        return problem;
    }
    let (name, value) = (entry.definition().full_name(), entry.flag.value_name());
    problem.tip(match entry.variables.first() {
        Some(variable) => format!("give '--{name} <{value}>', or set {variable}"),
        None => format!("give '--{name} <{value}>'"),
    })
}

//! The config phase: gather the flags of all units, parse, validate, and report everything that is
//! wrong at once.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use super::limit::Limit;
use super::registry::{Registry, Stage};
use super::reload::Loaded;
use super::shared::Shared;
use crate::error::{ConfigError, ConfigErrors, Error, ErrorKind};
use crate::exit::Exit;
use crate::flags::{Definitions, FlagSet, Parsed, Program, Settings, Table};
use crate::panic;
use crate::supervisor::denies;
use crate::unit::{Config, Unit};

/// What came of the config phase.
///
/// # Examples
///
/// ```
/// use rungroup::{Configured, Group};
///
/// let mut group = Group::new("demo").args(["demo", "--help"]);
/// match group.run_config().unwrap() {
///     Configured::Exit(exit) => assert!(exit.stdout.contains("--help")),
///     Configured::Continue => unreachable!("help was asked for"),
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the program may have been asked for its help only"]
pub enum Configured {
    /// All is set: go on with `run`.
    Continue,
    /// Nothing is to be run: print this, and end.
    Exit(Exit),
}

/// The command line and the environment that the flags are read from.
pub(super) struct Sources {
    /// The program's name first.
    pub(super) args: Vec<OsString>,
    pub(super) env: Environment,
}

impl Sources {
    /// Neither: the program has set the flags by itself.
    pub(super) fn none(program: &str) -> Self {
        Self { args: vec![program.into()], env: Environment::Given(BTreeMap::new()) }
    }
}

/// Where environment variables are read.
pub(super) enum Environment {
    /// The process's own.
    Process,
    /// What the program said instead.
    Given(BTreeMap<OsString, OsString>),
}

impl Environment {
    pub(super) fn variable(&self, name: &str) -> Option<OsString> {
        match self {
            Environment::Process => std::env::var_os(name),
            Environment::Given(env) => env.get(OsStr::new(name)).cloned(),
        }
    }
}

/// What the config phase leaves to the others.
#[derive(Default)]
pub(super) struct Settled {
    pub(super) warnings: Vec<String>,
}

type Units = Vec<(Arc<str>, Arc<dyn Unit>)>;

/// Gathers the flags of all units; nothing is parsed.
///
/// # Errors
///
/// Everything that is wrong with how the group is put together.
pub(super) fn gather(
    shared: &Shared,
    program: Program,
    stop_timeout: Option<&Limit>,
) -> Result<Table, Error> {
    let (units, mut problems) = {
        let registry = shared.registry.lock();
        let units = registry.units(|phases| phases.config).into_iter();
        let units = units.map(|(index, path, unit)| (path, unit, registry.flag_prefixes(index)));
        (units.collect::<Vec<_>>(), registry.problems())
    };
    let mut sets = Vec::with_capacity(units.len());
    for (path, unit, prefixes) in units {
        match call(&path, "flag_set", &*unit, |config| Ok(config.flag_set())) {
            Ok(set) => sets.push((path, prefixes.into_iter().fold(set, FlagSet::prefix))),
            Err(errors) => problems.append(errors),
        }
    }
    let flags = sets.iter().map(|(_, set)| set.flags().count()).sum();
    let mut definitions = Definitions::new(program, flags);
    for (name, set) in sets {
        definitions.add(name, set);
    }
    problems.append(unreachable_limits(&shared.registry.lock(), stop_timeout));
    let table = definitions.into_table();
    let table = table.map_err(|errors| problems.append(errors));
    match table {
        Ok(table) if problems.is_empty() => Ok(table),
        _ => Err(Error::config(ErrorKind::Definition, problems)),
    }
}

/// Looks again at how the group is put together, when the flags of all units are known.
///
/// # Errors
///
/// Everything that is wrong.
pub(super) fn look_again(shared: &Shared, stop_timeout: Option<&Limit>) -> Result<(), Error> {
    let registry = shared.registry.lock();
    let mut problems = registry.problems();
    problems.append(unreachable_limits(&registry, stop_timeout));
    problems.into_result().map_err(|problems| Error::config(ErrorKind::Definition, problems))
}

/// Limits that are flags which nobody could set: known once the flags of all units are.
fn unreachable_limits(registry: &Registry, stop_timeout: Option<&Limit>) -> ConfigErrors {
    let mut problems = ConfigErrors::new();
    let why = |which: &str, flag: &str| {
        format!("the {which} is '--{flag}', which no unit has among its flags")
    };
    if let Some(flag) = stop_timeout.and_then(Limit::unreachable) {
        problems.push(why("stop timeout", &flag));
    }
    for (_, entry) in registry.present() {
        let options = entry.options();
        let limits = [
            ("start timeout", &options.start_timeout),
            ("stop timeout", &options.stop_timeout),
            ("limit of its heartbeat", &options.heartbeat),
        ];
        for (which, limit) in limits {
            if let Some(flag) = limit.as_ref().and_then(Limit::unreachable) {
                problems.push(ConfigError::new(why(which, &flag)).of_unit(&entry.path));
            }
        }
    }
    problems
}

/// Parses and validates.
///
/// # Errors
///
/// Everything that is wrong with the settings, those that units refuse included.
pub(super) fn settle(
    shared: &Shared,
    table: Table,
    sources: Sources,
) -> Result<(Configured, Settled), Error> {
    let Sources { args, env } = sources;
    let mut settings = match table.parse(args, &|name| env.variable(name)) {
        Parsed::Exit(exit) => return Ok((Configured::Exit(exit), Settled::default())),
        Parsed::ShowUnits => {
            let name = shared.name.lock().clone();
            let list = shared.registry.lock().list(&name);
            let exit = Exit::success(format!("{list}\n"));
            return Ok((Configured::Exit(exit), Settled::default()));
        }
        Parsed::Settings(settings) => settings,
    };
    if let Some(name) = settings.name.take() {
        *shared.name.lock() = name;
    }
    let mut errors = std::mem::take(&mut settings.errors);
    errors.append(validate(shared, &settings.unusable));
    if !errors.is_empty() {
        return Err(Error::config(ErrorKind::Config, errors));
    }
    if let Some(exit) = table.answer(&settings) {
        return Ok((Configured::Exit(exit), Settled::default()));
    }
    shared.registry.lock().stage = Stage::Configured;
    let Settings { warnings, kept, .. } = *settings;
    shared.reloads.begin(Loaded::new(table, kept, env));
    Ok((Configured::Continue, Settled { warnings }))
}

/// Asks every unit whose values could be read whether it can live with them.
fn validate(shared: &Shared, unusable: &BTreeSet<String>) -> ConfigErrors {
    let units = config_units(&shared.registry.lock());
    let mut errors = ConfigErrors::new();
    for (name, unit) in units.into_iter().filter(|(name, _)| !unusable.contains(&**name)) {
        if let Err(found) = call(&name, "validate", &*unit, |config| config.validate()) {
            errors.append(found);
        }
    }
    errors
}

pub(super) fn config_units(registry: &Registry) -> Units {
    let units = registry.units(|phases| phases.config).into_iter();
    units.map(|(_, path, unit)| (path, unit)).collect()
}

/// Calls one callback of one unit; a panic becomes a problem that names it.
pub(super) fn call<R>(
    name: &str,
    callback: &str,
    unit: &dyn Unit,
    body: impl FnOnce(&dyn Config) -> Result<R, ConfigErrors>,
) -> Result<R, ConfigErrors> {
    let result = panic::catch(|| match unit.as_config() {
        Some(config) => body(config),
        None => Err(ConfigError::new(denies("unit with flags").to_string()).into()),
    });
    let result =
        result.unwrap_or_else(|panic| Err(ConfigError::new(format!("{callback} {panic}")).into()));
    result.map_err(|errors| errors.of_unit(name))
}

//! The flags that every group has (F6), and the names kept for them.

#[cfg(feature = "completions")]
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

use super::any::AnyFlag;
use super::definition::Definition;
use super::flag::Flag;
use super::set::FlagSet;
#[cfg(feature = "completions")]
use super::show::completions::Shell;
#[cfg(feature = "completions")]
use super::value::FlagValue;

/// Names that a unit's flag cannot have. Some are in use only with a feature: they are kept without
/// it, too, so that switching it on takes no name away from a program.
pub(super) fn is_reserved(name: &str) -> bool {
    matches!(
        name,
        "help"
            | "version"
            | "name"
            | "config"
            | "check"
            | "print-config"
            | "show-rungroup-units"
            | "completions"
            | "man"
    )
}

/// Short names that a unit's flag cannot have.
pub(super) const RESERVED_SHORT: [char; 4] = ['h', 'V', 'n', 'c'];

/// What `-h` leaves out: few people need it, and those once.
pub(super) const ONLY_IN_LONG_HELP: [&str; 2] = ["completions", "man"];

/// What a common flag asks for, instead of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Help,
    Version,
    ShowUnits,
    #[cfg(feature = "config-file")]
    PrintConfig,
    Check,
    #[cfg(feature = "completions")]
    Man,
    #[cfg(feature = "completions")]
    Completions(Shell),
}

impl Ask {
    /// Of several the lowest is done, and of equal ones the first: what needs no settings wins over
    /// what does, whatever is wrong with them.
    pub(super) fn rank(self) -> u8 {
        match self {
            Ask::Help | Ask::Version | Ask::ShowUnits => 0,
            #[cfg(feature = "completions")]
            Ask::Man | Ask::Completions(_) => 0,
            #[cfg(feature = "config-file")]
            Ask::PrintConfig => 1,
            Ask::Check => 2,
        }
    }
}

pub(super) struct Common {
    pub(super) name: Flag<Option<String>>,
    #[cfg(feature = "config-file")]
    pub(super) config: Flag<Option<PathBuf>>,
    /// The switches, with what each asks for.
    switches: Vec<(Flag<bool>, Ask)>,
    #[cfg(feature = "completions")]
    completions: Flag<Option<Shell>>,
}

impl Common {
    pub(super) fn new(has_version: bool) -> Self {
        let mut switches = vec![(
            Flag::new("help", false, "Print the flags; --help tells more than -h.").short('h'),
            Ask::Help,
        )];
        if has_version {
            let version = Flag::new("version", false, "Print the version.").short('V');
            switches.push((version, Ask::Version));
        }
        let check = Flag::new("check", false, "Check the settings, and end.");
        switches.push((check, Ask::Check));
        #[cfg(feature = "config-file")]
        {
            let help = "Check the settings, print all of them as a file for --config, and end.";
            switches.push((Flag::new("print-config", false, help), Ask::PrintConfig));
        }
        let show = Flag::new("show-rungroup-units", false, "Print the units by phase.").hidden();
        switches.push((show, Ask::ShowUnits));
        #[cfg(feature = "completions")]
        {
            let man = Flag::new("man", false, "Print the manual page.");
            switches.push((man, Ask::Man));
        }
        let switches =
            switches.into_iter().map(|(flag, asks)| (flag.on_command_line(), asks)).collect();
        let name = Flag::new("name", None, "The name to run under, in logs and reports.")
            .short('n')
            .check(|name: &Option<String>| match name.as_deref() {
                Some("") => Err("a name cannot be empty"),
                Some(name) if name.contains(['/', '\0']) => Err("a name cannot contain '/' or NUL"),
                _ => Ok(()),
            });
        Self {
            name,
            #[cfg(feature = "config-file")]
            config: Flag::new("config", None, "Read settings from this TOML file.")
                .short('c')
                .value_name("FILE")
                .not_in_file(),
            switches,
            #[cfg(feature = "completions")]
            completions: Flag::new("completions", None, "Print the completions for a shell.")
                .value_name("SHELL")
                .on_command_line(),
        }
    }

    pub(super) fn flag_set(&self) -> FlagSet {
        let set = FlagSet::new("Common").add(&self.name);
        #[cfg(feature = "config-file")]
        let set = set.add(&self.config);
        #[cfg(feature = "completions")]
        let set = set.add(&self.completions);
        self.switches.iter().fold(set, |set, (flag, _)| set.add(flag))
    }

    /// What the flag of this name asks for.
    pub(super) fn asks(&self, name: &str) -> Option<Ask> {
        self.switches.iter().find(|(flag, _)| flag.name() == name).map(|(_, asks)| *asks)
    }

    /// What the flag of this name asks for with this value. A value that is none of the shells asks
    /// for nothing, and is an error like any other.
    #[cfg(feature = "completions")]
    pub(super) fn asks_with(&self, name: &str, value: &OsStr) -> Option<Ask> {
        let is_it = name == self.completions.name();
        is_it.then(|| Shell::from_arg(value).ok().map(Ask::Completions)).flatten()
    }
}

/// The flag that names a file with the value of a secret one, `--token-file` for `--token`.
pub(super) fn secret_file(secret: &Definition) -> Arc<dyn AnyFlag> {
    let name = &secret.name;
    let flag = Flag::<Option<PathBuf>>::new(
        format!("{name}-file"),
        None,
        format!("Read --{} from this file.", secret.full_name()),
    );
    let mut flag = flag.value_name("FILE");
    for variable in &secret.extras().env {
        flag = flag.env(format!("{variable}_FILE"));
    }
    if secret.hidden {
        flag = flag.hidden();
    }
    if let Some(instead) = &secret.extras().deprecated {
        flag = flag.deprecated(instead.clone());
    }
    flag.erased()
}

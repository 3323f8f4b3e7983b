//! The flags that every group has (F6), and the names kept for them.

use super::flag::Flag;
use super::set::FlagSet;

/// Names that a unit's flag cannot have. Some are not in use yet: they are kept from the start, so
/// that a later version of the library does not take a name away from a program.
pub(super) const RESERVED: [&str; 9] = [
    "help",
    "version",
    "name",
    "config",
    "check",
    "print-config",
    "show-rungroup-units",
    "completions",
    "man",
];

/// Short names that a unit's flag cannot have.
pub(super) const RESERVED_SHORT: [char; 4] = ['h', 'V', 'n', 'c'];

/// What a common switch asks for, instead of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Help,
    Version,
    ShowUnits,
}

pub(super) struct Common {
    pub(super) name: Flag<Option<String>>,
    /// The switches, with what each asks for.
    switches: Vec<(Flag<bool>, Ask)>,
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
        let show = Flag::new("show-rungroup-units", false, "Print the units by phase.").hidden();
        switches.push((show, Ask::ShowUnits));
        let switches =
            switches.into_iter().map(|(flag, asks)| (flag.on_command_line(), asks)).collect();
        let name = Flag::new("name", None, "The name to run under, in logs and reports.")
            .short('n')
            .check(|name: &Option<String>| match name.as_deref() {
                Some("") => Err("a name cannot be empty"),
                Some(name) if name.contains(['/', '\0']) => Err("a name cannot contain '/' or NUL"),
                _ => Ok(()),
            });
        Self { name, switches }
    }

    pub(super) fn flag_set(&self) -> FlagSet {
        let set = FlagSet::new("Common").add(&self.name);
        self.switches.iter().fold(set, |set, (flag, _)| set.add(flag))
    }

    /// What the flag of this name asks for.
    pub(super) fn asks(&self, name: &str) -> Option<Ask> {
        self.switches.iter().find(|(flag, _)| flag.name() == name).map(|(_, asks)| *asks)
    }
}

//! All flags of all units of a group: gathered in `Definitions`, checked for clashes (F3), then
//! fixed as a `Table` to look them up in. It reads no command line and no environment.

use std::borrow::Cow;
use std::sync::Arc;

use super::any::AnyFlag;
use super::clash;
use super::common::{self, Ask, Common};
use super::definition::{Definition, Given, join};
use super::set::{FlagSet, Part, Removed};
use super::show::title;
use super::source::Source;
use super::value::Arity;
use crate::error::{ConfigError, ConfigErrors};
use crate::names::Names;
use crate::screen::Screen;

/// What the flags of a program have to know of it.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) about: Option<String>,
    /// `KVD`: the flag `max-conns` is then read from `KVD_MAX_CONNS` too.
    pub(crate) env_prefix: Option<String>,
    /// What the help is made for.
    pub(crate) screen: Screen,
}

impl Program {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: None,
            about: None,
            env_prefix: None,
            screen: Screen::PLAIN,
        }
    }
}

/// The flags of one unit, under one heading of the help.
pub(super) struct Section {
    pub(super) title: Cow<'static, str>,
    /// None: the group itself, whose common flags these are.
    pub(super) unit: Option<Arc<str>>,
}

impl Section {
    /// A problem, with the unit that it is about.
    pub(super) fn name_in(&self, problem: ConfigError) -> ConfigError {
        match &self.unit {
            Some(unit) => problem.of_unit(unit),
            None => problem,
        }
    }
}

/// One flag, as one unit has it.
pub(super) struct Entry {
    pub(super) flag: Arc<dyn AnyFlag>,
    pub(super) section: usize,
    /// The sections of other units that have the same handle.
    pub(super) also_in: Vec<usize>,
    /// An earlier entry is the same handle, and stands for this one as well.
    pub(super) repeated: bool,
    /// What is looked at again and again while all flags are gone through, kept together here: the
    /// definitions are all over the heap.
    pub(super) full_name: Cow<'static, str>,
    pub(super) short: Option<char>,
    pub(super) given: Given,
    pub(super) arity: Arity,
    /// The environment variables, the one to prefer first.
    pub(super) variables: Vec<String>,
    pub(super) asks: Option<Ask>,
    pub(super) is_deprecated: bool,
    pub(super) pair: Option<Pair>,
}

/// What a flag is of the two by which a secret is given, with the entry of the other.
#[derive(Clone, Copy)]
pub(super) enum Pair {
    /// The secret itself.
    SecretWith { file: usize },
    /// The flag that names a file with it.
    FileOf { secret: usize },
}

impl Entry {
    /// Of a secret: the entry of the flag that names a file with it.
    pub(super) fn secret_file(&self) -> Option<usize> {
        match self.pair {
            Some(Pair::SecretWith { file }) => Some(file),
            Some(Pair::FileOf { .. }) | None => None,
        }
    }

    /// Of the flag that names such a file: the entry of the secret.
    pub(super) fn secret(&self) -> Option<usize> {
        match self.pair {
            Some(Pair::FileOf { secret }) => Some(secret),
            Some(Pair::SecretWith { .. }) | None => None,
        }
    }

    pub(super) fn definition(&self) -> &Definition {
        self.flag.definition()
    }

    pub(super) fn is_same_handle(&self, other: &dyn AnyFlag) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(&self.flag), std::ptr::from_ref(other))
    }
}

/// A name that was that of a flag of a unit.
pub(super) struct RemovedFlag {
    pub(super) full_name: String,
    pub(super) variable: Option<String>,
    pub(super) section: usize,
    pub(super) told: Removed,
}

/// The flags of a group while its units hand them in.
pub(crate) struct Definitions {
    program: Program,
    common: Common,
    sections: Vec<Section>,
    entries: Vec<Entry>,
    removed: Vec<RemovedFlag>,
    /// What is wrong with definitions taken by themselves, with the index of the entry.
    mistakes: Vec<(usize, String)>,
    problems: ConfigErrors,
}

impl Definitions {
    /// No flags but the common ones, and room for so many of units.
    pub(crate) fn new(program: Program, flags: usize) -> Self {
        let common = Common::new(program.version.is_some());
        let set = common.flag_set();
        let entries = Vec::with_capacity(set.flags.len() + flags);
        let mut definitions = Self {
            program,
            common,
            sections: Vec::new(),
            entries,
            removed: Vec::new(),
            mistakes: Vec::new(),
            problems: ConfigErrors::new(),
        };
        definitions.add_section(None, set);
        for entry in &mut definitions.entries {
            entry.asks = definitions.common.asks(&entry.full_name);
        }
        definitions
    }

    /// Adds the flags of a unit. This is where they get their full names.
    pub(crate) fn add(&mut self, unit: Arc<str>, set: FlagSet) {
        self.add_section(Some(unit), set);
    }

    fn add_section(&mut self, unit: Option<Arc<str>>, set: FlagSet) {
        let section = self.sections.len();
        self.sections.push(Section { title: set.name, unit });
        self.entries.reserve(set.flags.len());
        for flag in set.flags {
            self.add_flag(section, &set.prefix, flag);
        }
        let prefix = self.program.env_prefix.as_deref();
        self.removed.extend(set.removed.into_iter().map(|told| {
            let full_name = join(&set.prefix, &told.name).into_owned();
            let variable = prefix.map(|prefix| variable(prefix, &full_name));
            RemovedFlag { full_name, variable, section, told }
        }));
    }

    fn add_flag(&mut self, section: usize, prefix: &str, flag: Arc<dyn AnyFlag>) -> Option<usize> {
        let (definition, arity) = (flag.definition(), flag.arity());
        let Some(full_name) = definition.bind(prefix) else {
            self.problems.push(self.two_prefixes(section, &*flag));
            return None;
        };
        let (index, is_secret) = (self.entries.len(), definition.secret);
        definition.mistakes(arity, |mistake| self.mistakes.push((index, mistake)));
        self.entries.push(Entry {
            full_name,
            short: definition.short,
            given: definition.given,
            arity,
            variables: variables(self.program.env_prefix.as_deref(), definition),
            is_deprecated: definition.extras().deprecated.is_some(),
            flag,
            section,
            also_in: Vec::new(),
            repeated: false,
            asks: None,
            pair: None,
        });
        if is_secret && let Some(file) = self.secret_file(index) {
            let file = self.add_flag(section, prefix, file)?;
            self.entries[index].pair = Some(Pair::SecretWith { file });
            self.entries[file].pair = Some(Pair::FileOf { secret: index });
        }
        Some(index)
    }

    /// The flag that names a file with the secret of this entry: what is on a command line, every
    /// user of the machine can read.
    fn secret_file(&self, index: usize) -> Option<Arc<dyn AnyFlag>> {
        let secret = &self.entries[index];
        if secret.given != Given::ByName || secret.arity == Arity::Switch {
            return None;
        }
        let other = self.entries[..index].iter().find(|entry| entry.is_same_handle(&*secret.flag));
        let other = other.and_then(Entry::secret_file);
        Some(match other {
            Some(file) => Arc::clone(&self.entries[file].flag),
            None => common::secret_file(secret.definition()),
        })
    }

    fn two_prefixes(&self, section: usize, flag: &dyn AnyFlag) -> ConfigError {
        let owner = self.entries.iter().find(|entry| entry.is_same_handle(flag));
        let owner = owner.map_or_else(
            || "another group".to_owned(),
            |entry| clash::owner(&self.sections[entry.section]),
        );
        let why = format!("{owner} has the same handle under another prefix");
        self.sections[section].name_in(flag.definition().problem_without_value(why))
    }

    /// Everything handed in, ready to be looked up.
    ///
    /// # Errors
    ///
    /// All problems of the definitions at once, each naming its unit and flag, and the unit that it
    /// clashes with.
    pub(crate) fn into_table(mut self) -> Result<Table, ConfigErrors> {
        let mut problems = self.problems;
        if let Some(prefix) = self.program.env_prefix.as_deref().filter(|name| !is_prefix(name)) {
            problems.push(format!(
                "{prefix:?} is no prefix for environment variables: letters, digits and '_', and \
                 not a digit first"
            ));
        }
        let by_name = clash::by_name(&self.sections, &mut self.entries, &mut problems);
        for (index, mistake) in self.mistakes {
            let entry = &self.entries[index];
            if !entry.repeated {
                problems.push(clash::problem(&self.sections, entry, mistake));
            }
        }
        let by_short = clash::by_short(&self.sections, &self.entries, &mut problems);
        clash::by_variable(&self.sections, &self.entries, &mut problems);
        clash::removed(&self.sections, &self.entries, &by_name, &mut self.removed, &mut problems);
        let positional = clash::positional(&self.sections, &self.entries, &mut problems);
        problems.into_result()?;
        Ok(Table {
            program: self.program,
            common: self.common,
            sections: self.sections,
            entries: self.entries,
            by_name,
            by_short,
            removed: self.removed,
            positional,
        })
    }
}

fn is_prefix(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(is_inner) && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

/// The environment variable of this prefix for this name.
fn variable(prefix: &str, name: &str) -> String {
    let mut variable = Vec::with_capacity(prefix.len() + 1 + name.len());
    variable.extend_from_slice(prefix.as_bytes());
    variable.push(b'_');
    variable.extend(name.bytes().map(|byte| match byte {
        b'-' | b'.' => b'_',
        byte => byte.to_ascii_uppercase(),
    }));
    String::from_utf8(variable).expect("ASCII alone was replaced, by ASCII")
}

/// The environment variables that a flag is read from (F4).
fn variables(prefix: Option<&str>, definition: &Definition) -> Vec<String> {
    let (prefix, own) = (prefix.filter(|_| definition.given.by_variable()), definition.extras());
    if prefix.is_none() && own.env.is_empty() {
        return Vec::new(); // as most, where the program has no prefix
    }
    let mut variables = Vec::new();
    if let Some(prefix) = prefix {
        variables.push(variable(prefix, definition.full_name()));
    }
    for own in &own.env {
        if !variables.iter().any(|variable| variable == own) {
            variables.push(own.clone().into_owned());
        }
    }
    variables
}

/// All flags of a group, without clashes.
pub(crate) struct Table {
    pub(super) program: Program,
    pub(super) common: Common,
    pub(super) sections: Vec<Section>,
    pub(super) entries: Vec<Entry>,
    /// Indices into `entries` by full and by short name.
    by_name: Names,
    by_short: Vec<(char, usize)>,
    pub(super) removed: Vec<RemovedFlag>,
    /// The entries of positional arguments, in their order.
    pub(super) positional: Vec<usize>,
}

impl Table {
    /// The entry of this full name; positional arguments are not given by theirs.
    pub(super) fn long(&self, name: impl AsRef<[u8]>) -> Option<usize> {
        let name_of = |index: usize| self.entries[index].full_name.as_bytes();
        let index = self.by_name.get(name.as_ref(), name_of);
        index.filter(|index| self.entries[*index].given != Given::ByPlace)
    }

    /// The names that can be given and are shown, for tips.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        let shown = self.entries.iter().filter(|entry| !entry.repeated);
        let shown = shown.map(Entry::definition).filter(|definition| {
            !definition.hidden
                && !definition.is_positional()
                && definition.extras().deprecated.is_none()
        });
        shown.map(Definition::full_name)
    }

    /// The name of this full name that is no more.
    pub(super) fn removed(&self, name: &str) -> Option<&RemovedFlag> {
        self.removed.iter().find(|gone| gone.full_name == name)
    }

    /// What whoever gives a removed name by `source` is told.
    pub(super) fn problem_of_removed(&self, gone: &RemovedFlag, source: &Source) -> ConfigError {
        let problem = gone.told.problem(&gone.full_name).of_source(source.to_string());
        self.sections[gone.section].name_in(problem)
    }

    /// The entry of this short name.
    pub(super) fn short(&self, short: char) -> Option<usize> {
        self.by_short.iter().find(|(name, _)| *name == short).map(|(_, index)| *index)
    }

    /// The sections as they are shown: the group's own come first in the table and last for the user.
    pub(super) fn sections_shown(&self) -> impl Iterator<Item = usize> {
        let of_units = move |index: &usize| self.sections[*index].unit.is_some();
        let all = 0..self.sections.len();
        all.clone().filter(of_units).chain(all.filter(move |index| !of_units(index)))
    }

    /// The secret that is in the file which this flag names.
    pub(super) fn secret_in(&self, file: &Entry) -> Option<&Entry> {
        file.secret().map(|secret| &self.entries[secret])
    }

    /// The units that have this flag; none for a common one.
    pub(super) fn units<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = &'a str> {
        let sections = std::iter::once(&entry.section).chain(&entry.also_in);
        sections.filter_map(|section| self.sections[*section].unit.as_deref())
    }

    /// All flags of all units in one set, for a program with a parser of its own (F8). The common
    /// flags are not in it: such a program has its own.
    pub(crate) fn flag_set(&self) -> FlagSet {
        let mut set = FlagSet::new(self.program.name.clone());
        for entries in self.entries.chunk_by(|entry, next| entry.section == next.section) {
            let section = &self.sections[entries[0].section];
            if section.unit.is_none() {
                continue;
            }
            let begin = set.flags.len();
            let entries = entries.iter().filter(|entry| !entry.repeated);
            set.flags.extend(entries.map(|entry| Arc::clone(&entry.flag)));
            let places = begin..set.flags.len();
            set.parts.push(Part { name: title(section).to_owned().into(), places });
        }
        set.removed = self
            .removed
            .iter()
            .map(|gone| Removed { name: gone.full_name.clone().into(), ..gone.told.clone() })
            .collect();
        set
    }
}

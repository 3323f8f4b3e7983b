//! Where values are read from (F4): which of the sources counts for each flag. It sets none, so that
//! a reload can ask again.

use std::borrow::Cow;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;

use super::file::Name;
use super::files::Files;
use super::secret;
use crate::error::{ConfigError, ConfigErrors};
use crate::flags::set::at_commas;
use crate::flags::slot::By;
use crate::flags::source::{Source, printable};
use crate::flags::table::{Entry, Table};
use crate::flags::value::Arity;

/// The environment: the value of a variable.
pub(crate) type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// What a reload does not read again.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// What is on the command line.
    pub(super) line: Given,
    pub(super) files: Files,
    /// The file of settings that was named.
    pub(super) file: Option<Name>,
}

/// Values by the index of their flag.
#[derive(Default)]
pub(in crate::flags) struct Given(Vec<Values>);

/// Those of one flag, in their order. Most are given once if at all.
#[derive(Clone, Default)]
enum Values {
    #[default]
    None,
    One(OsString),
    Many(Vec<OsString>),
}

impl Given {
    /// None, for so many flags.
    pub(super) fn none(flags: usize) -> Self {
        Self(vec![Values::None; flags])
    }

    pub(super) fn add(&mut self, index: usize, value: OsString) {
        let values = &mut self.0[index];
        match values {
            Values::None => *values = Values::One(value),
            Values::One(first) => *values = Values::Many(vec![std::mem::take(first), value]),
            Values::Many(values) => values.push(value),
        }
    }

    /// All of one flag.
    pub(super) fn of(&self, index: usize) -> &[OsString] {
        match self.0.get(index) {
            Some(Values::One(value)) => std::slice::from_ref(value),
            Some(Values::Many(values)) => values,
            Some(Values::None) | None => &[],
        }
    }
}

/// How many, and not which: some can be secret.
impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count: usize = (0..self.0.len()).map(|index| self.of(index).len()).sum();
        f.debug_tuple("Given").field(&count).finish()
    }
}

/// The sources of values, in one place.
pub(super) struct Sources<'a> {
    pub(super) kept: &'a Kept,
    pub(super) env: Env<'a>,
    pub(super) file: File,
    /// It is a reload.
    pub(super) again: bool,
    /// What a reload has to say though it goes on.
    pub(super) warnings: RefCell<Vec<String>>,
}

/// What the file of settings gives; nothing where there is none.
#[derive(Default)]
pub(super) struct File {
    /// By the index of the flag.
    pub(super) settings: HashMap<usize, (Vec<OsString>, Source)>,
    /// It could not be read: nobody knows what it would give.
    pub(super) is_unknown: bool,
}

/// The values of a flag from the source that counts.
pub(super) struct Found<'s> {
    layer: Layer,
    pub(super) values: Cow<'s, [OsString]>,
    pub(super) source: Source,
}

/// The sources by precedence, the lowest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    File,
    Environment,
    /// What the program has set by itself yields to the command line alone.
    Program,
    CommandLine,
}

impl Found<'_> {
    fn unchanged() -> Self {
        Self { layer: Layer::Program, values: Cow::default(), source: Source::Default }
    }

    /// Nothing that is read changes it, as the program has set it by itself. Where that has named
    /// the file of a secret, the secret is still to be read.
    pub(super) fn stays(&self) -> bool {
        self.layer == Layer::Program && !matches!(self.source, Source::SecretFile { .. })
    }
}

impl Table {
    /// The values of a flag from the source that counts; none: its default does.
    ///
    /// # Errors
    ///
    /// For a secret: when it is given in two ways at once, or the file with it cannot be read.
    pub(super) fn find<'s>(
        &self,
        index: usize,
        sources: &'s Sources<'_>,
    ) -> Result<Option<Found<'s>>, ConfigErrors> {
        let own = self.given(index, sources);
        match self.entries[index].secret_file() {
            Some(file) => self.secret(index, own, file, sources),
            None => Ok(own),
        }
    }

    /// The same of a secret, with what was found for itself and the flag that names its file.
    fn secret<'s>(
        &self,
        index: usize,
        own: Option<Found<'s>>,
        file: usize,
        sources: &'s Sources<'_>,
    ) -> Result<Option<Found<'s>>, ConfigErrors> {
        let Some(named) = self.given(file, sources) else { return Ok(own) };
        match own.as_ref().map(|own| own.layer.cmp(&named.layer)) {
            Some(Ordering::Greater) => Ok(own),
            // What the program has set last, nobody knows: the secret itself goes before its file.
            Some(Ordering::Equal) if named.layer == Layer::Program => Ok(own),
            Some(Ordering::Equal) => {
                let (other, source) = (&self.entries[file].full_name, &named.source);
                let own = own.map(|own| own.source.to_string()).unwrap_or_default();
                let why = format!("is given, and so is '--{other}' ({source})");
                let problem = self.entries[index].definition().problem_without_value(why);
                Err(problem.of_source(own).into())
            }
            Some(Ordering::Less) | None => {
                let (arity, flag) = (self.entries[index].arity, &self.entries[file]);
                let path = named.values.last().cloned().unwrap_or_default();
                let content = sources.kept.files.read(path.as_ref(), secret::MOST, sources.again);
                match content.and_then(|content| secret::values(&content, arity)) {
                    Ok(values) => {
                        let source = Source::SecretFile { path: path.into() };
                        Ok(Some(Found { layer: named.layer, values: values.into(), source }))
                    }
                    // A program that has started may not be allowed to read it any more.
                    Err(why) if sources.again && !self.entries[index].flag.is_live() => {
                        let (called, path) = (flag.definition().called(), printable(&path));
                        let why =
                            format!("{called} names '{path}', which a restart would need: {why}");
                        sources.warnings.borrow_mut().push(why);
                        Ok(Some(Found::unchanged()))
                    }
                    Err(why) => {
                        let problem = ConfigError::new(why);
                        Err(flag.definition().problem(problem, &path, &[], &named.source).into())
                    }
                }
            }
        }
    }

    fn given<'s>(&self, index: usize, sources: &'s Sources<'_>) -> Option<Found<'s>> {
        let by_program = || self.entries[index].flag.set_by() == Some(By::Program);
        let values = sources.kept.line.of(index);
        // What the program sets while it runs is the last word.
        let is_overruled = || sources.again && by_program();
        if !values.is_empty() && !is_overruled() {
            let (layer, source) = (Layer::CommandLine, Source::CommandLine);
            return Some(Found { layer, values: values.into(), source });
        }
        if by_program() {
            let flag = &self.entries[index].flag;
            let (values, source) = (flag.present_args()?, flag.source());
            return Some(Found { layer: Layer::Program, values: values.into(), source });
        }
        from_environment(&self.entries[index], sources.env).or_else(|| {
            let (values, source) = sources.file.settings.get(&index)?;
            Some(Found { layer: Layer::File, values: values.into(), source: source.clone() })
        })
    }

    /// The names that are no more, and stand in the environment all the same.
    pub(super) fn removed_in(&self, env: Env<'_>) -> ConfigErrors {
        let mut errors = ConfigErrors::new();
        for gone in &self.removed {
            let variable = gone.variable.as_ref();
            let set = |name: &&String| env(name).is_some_and(|value| !value.is_empty());
            if let Some(variable) = variable.filter(set) {
                errors.push(self.problem_of_removed(gone, &Source::environment(variable)));
            }
        }
        errors
    }
}

/// The first of the flag's variables that is set to something.
fn from_environment(entry: &Entry, env: Env<'_>) -> Option<Found<'static>> {
    entry.variables.iter().find_map(|variable| {
        let value = env(variable).filter(|value| !value.is_empty())?;
        let values = match entry.arity {
            Arity::Many => at_commas(&value),
            Arity::Switch | Arity::One => vec![value],
        };
        let source = Source::environment(variable);
        let found = Found { layer: Layer::Environment, values: values.into(), source };
        (!found.values.is_empty()).then_some(found)
    })
}

//! The file of settings (F4): which one is meant, and which flag each of its keys gives. Only with
//! the feature `config-file`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::files::Files;
use super::similar::{self, named};
use super::sources::{Env, File, Kept, Sources};
use super::toml::{self, Key, Values};
use crate::Bytes;
use crate::error::{ConfigError, ConfigErrors};
use crate::flags::definition::Given;
use crate::flags::source::{Source, printable};
use crate::flags::table::Table;
use crate::flags::value::Arity;

/// No file of settings is longer.
const MOST: Bytes = Bytes::mib(16);

/// Somebody may have named a file of something else, which is wrong in every line.
const MOST_FAULTS: usize = 10;

/// A file, as the user named it, and how.
#[derive(Clone, Debug)]
pub(super) struct Name {
    given: PathBuf,
    named_by: Source,
}

fn text(content: Vec<u8>) -> Result<String, String> {
    String::from_utf8(content).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count();
        format!("is not UTF-8 (line {line})")
    })
}

impl Table {
    /// Finds out which file is meant.
    pub(super) fn named_file(&self, kept: &Kept, env: Env<'_>) -> Option<Name> {
        let file = File::default();
        let warnings = RefCell::default();
        let sources = Sources { kept, env, file, again: false, warnings };
        let found = self.find(self.long("config")?, &sources).ok()??;
        let given = found.values.last()?.into();
        Some(Name { given, named_by: found.source })
    }

    /// Reads the file, and finds the flag of each key.
    pub(super) fn read_file(
        &self,
        name: &Name,
        files: &Files,
        again: bool,
        errors: &mut ConfigErrors,
    ) -> File {
        let unknown = || File { is_unknown: true, ..File::default() };
        let text = match files.read(&name.given, MOST, again).and_then(text) {
            Ok(text) => text,
            Err(why) => {
                let problem = ConfigError::new(why);
                let given = name.given.as_os_str();
                errors.push(match self.long("config").map(|index| &self.entries[index]) {
                    Some(config) => {
                        config.definition().problem(problem, given, &[], &name.named_by)
                    }
                    None => problem,
                });
                return unknown();
            }
        };
        let source = |line: usize| Source::file(&name.given, line);
        match toml::keys(&text) {
            Ok(keys) => self.place(keys, &source, errors),
            Err(faults) => {
                let more = faults.len().saturating_sub(MOST_FAULTS);
                for (line, why) in faults.into_iter().take(MOST_FAULTS) {
                    let problem = ConfigError::new(why).printable();
                    errors.push(problem.of_source(source(line).to_string()));
                }
                if more > 0 {
                    let path = printable(name.given.as_os_str());
                    errors.push(format!("and {more} more faults in {path}: is it TOML?"));
                }
                unknown()
            }
        }
    }

    fn place(
        &self,
        keys: Vec<Key>,
        source: &dyn Fn(usize) -> Source,
        errors: &mut ConfigErrors,
    ) -> File {
        let mut settings: HashMap<usize, (Vec<OsString>, Source)> = HashMap::new();
        for Key { path, values, line } in keys {
            let source = source(line);
            if matches!(values, Values::None) && self.is_section(&path) {
                continue; // all that is in it may be commented out
            }
            let index = match self.by_key(&path, &source) {
                Ok(index) => index,
                Err(problem) => {
                    errors.push(problem);
                    continue;
                }
            };
            let entry = &self.entries[index];
            let problem = |why: String| {
                let problem = entry.definition().problem_without_value(why);
                self.of_units(entry, problem.of_source(source.to_string()).into())
            };
            if let Some((_, before)) = settings.get(&index) {
                errors.append(problem(format!("is given already ({before})")));
                continue;
            }
            let values = match values {
                Values::List(list) if entry.arity == Arity::Many => list,
                Values::One(one) => vec![one],
                Values::List(_) => {
                    errors.append(problem("takes one value, not a list".to_owned()));
                    continue;
                }
                Values::None => {
                    errors.append(problem("takes a value, not a section".to_owned()));
                    continue;
                }
            };
            settings.insert(index, (values, source));
        }
        File { settings, is_unknown: false }
    }

    /// Whether there are flags in a section of this name.
    fn is_section(&self, path: &[String]) -> bool {
        let name = path.join("-");
        let is_in = |flag: &str| {
            flag.replace('.', "-").strip_prefix(&name).is_some_and(|rest| rest.starts_with('-'))
        };
        self.entries.iter().any(|entry| is_in(&entry.full_name))
    }

    /// The flag of a key: its sections and its name, joined by `-`, or by `.` as the flag is.
    fn by_key(&self, path: &[String], source: &Source) -> Result<usize, ConfigError> {
        let (name, dotted) = (path.join("-"), path.join("."));
        let index = self.long(&name).or_else(|| self.long(&dotted));
        let gone = self.removed(&name).or_else(|| self.removed(&dotted));
        if let (None, Some(gone)) = (index, gone) {
            return Err(self.problem_of_removed(gone, source));
        }
        let problem = match index {
            Some(index) if self.entries[index].definition().given == Given::ByName => {
                return Ok(index);
            }
            Some(_) => ConfigError::new(format!("'{}' cannot stand in a file", named(&name))),
            None => {
                let problem = ConfigError::new(format!("unknown key '{}'", named(&name)));
                // `[server] listen` where the flag is `listen`: headings of the help are no sections.
                if let [_, .., last] = path
                    && let Some(flat) = self.long(last)
                    && self.entries[flat].given == Given::ByName
                {
                    let tip =
                        format!("'{last}' is in no section: write it above the first of them");
                    return Err(problem.tip(tip).of_source(source.to_string()));
                }
                let names = self.entries.iter().filter(|entry| !entry.definition().hidden);
                let names = names.filter(|entry| entry.definition().given == Given::ByName);
                let names = names.map(|entry| &*entry.full_name);
                match similar::tip("key", "", names, &name) {
                    Some(tip) => problem.tip(tip),
                    None => problem,
                }
            }
        };
        Err(problem.of_source(source.to_string()))
    }
}

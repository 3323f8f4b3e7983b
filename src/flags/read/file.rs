//! The file of settings (F4): which one is meant, and which flag each of its keys gives. Only with
//! the feature `config-file`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Read as _;
use std::path::PathBuf;

use super::resolve::{Env, File, Kept, Sources};
use super::similar;
use super::toml::{self, Key};
use crate::error::{ConfigError, ConfigErrors};
use crate::flags::definition::{Given, printable};
use crate::flags::source::Source;
use crate::flags::table::Table;
use crate::flags::value::Arity;

/// No file of settings is longer. Somebody may have named `/dev/zero`.
const MOST: u64 = 16 << 20;

/// A file, as the user named it, and where that was then: a program may change its directory.
#[derive(Clone, Debug)]
pub(super) struct Name {
    given: PathBuf,
    absolute: PathBuf,
    named_by: Source,
}

impl Name {
    fn new(given: PathBuf, named_by: Source) -> Self {
        let absolute = std::path::absolute(&given).unwrap_or_else(|_| given.clone());
        Self { given, absolute, named_by }
    }

    fn read(&self) -> Result<String, String> {
        let mut bytes = Vec::new();
        std::fs::File::open(&self.absolute)
            .and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes))
            .map_err(|error| format!("cannot read it: {error}"))?;
        if bytes.len() as u64 > MOST {
            return Err("is longer than 16MiB".to_owned());
        }
        String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = valid.split(|byte| *byte == b'\n').count();
            format!("is not UTF-8 (line {line})")
        })
    }
}

impl Table {
    /// Finds out which file is meant, and reads it.
    pub(super) fn named_file(
        &self,
        kept: &Kept,
        env: Env<'_>,
        errors: &mut ConfigErrors,
    ) -> (Option<Name>, File) {
        let sources = Sources { kept, env, file: File::default() };
        let config = self.long("config").map(|index| self.find(index, &sources));
        let Some(Ok(Some(found))) = config else { return (None, File::default()) };
        let Some(path) = found.values.last() else { return (None, File::default()) };
        let name = Name::new(path.into(), found.source);
        let file = self.read_file(&name, errors);
        (Some(name), file)
    }

    /// Reads the file, and finds the flag of each key.
    pub(super) fn read_file(&self, name: &Name, errors: &mut ConfigErrors) -> File {
        let unknown = || File { is_unknown: true, ..File::default() };
        let text = match name.read() {
            Ok(text) => text,
            Err(why) => {
                let problem = ConfigError::new(why);
                let given = name.given.as_os_str();
                errors.push(match self.long("config").map(|index| &self.entries[index]) {
                    Some(config) => config.definition().problem(problem, given, &name.named_by),
                    None => problem,
                });
                return unknown();
            }
        };
        let source = |line: usize| Source::file(&name.given, line);
        match toml::keys(&text) {
            Ok(keys) => self.place(keys, &source, errors),
            Err(faults) => {
                for (line, why) in faults {
                    errors.push(ConfigError::new(why).of_source(source(line).to_string()));
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
                Ok(list) if entry.arity == Arity::Many => list,
                Ok(_) => {
                    errors.append(problem("takes one value, not a list".to_owned()));
                    continue;
                }
                Err(one) => vec![one],
            };
            settings.insert(index, (values, source));
        }
        File { settings, is_unknown: false }
    }

    /// The flag of a key: its sections and its name, joined by `-`, or by `.` as the flag is.
    fn by_key(&self, path: &[String], source: &Source) -> Result<usize, ConfigError> {
        let name = path.join("-");
        let index = self.long(&name).or_else(|| self.long(&path.join(".")));
        if let Some(gone) = self.removed(&name) {
            return Err(self.problem_of_removed(gone, source));
        }
        let name = printable(name.as_ref());
        let problem = match index {
            Some(index) if self.entries[index].definition().given == Given::ByName => {
                return Ok(index);
            }
            Some(_) => ConfigError::new(format!("'{name}' cannot stand in a file")),
            None => {
                let problem = ConfigError::new(format!("unknown key '{name}'"));
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

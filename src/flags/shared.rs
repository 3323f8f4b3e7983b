//! What all handles of a flag share: definition, default, checks, and the value with its source. It
//! knows neither parser nor table.

use std::borrow::Cow;
use std::ffi::OsString;
use std::sync::OnceLock;

use super::definition::{AnyFlag, Definition, NOT_SHOWN};
use super::source::Source;
use super::value::{Arity, FlagValue, ValueKind};
use crate::error::{ConfigError, ConfigErrors};
use crate::panic;

type Check<T> = Box<dyn Fn(&T) -> Result<(), ConfigError> + Send + Sync>;

/// A flag with its type.
pub(super) struct Shared<T> {
    pub(super) definition: Definition,
    /// None: the flag is required.
    default: Option<T>,
    pub(super) checks: Vec<Check<T>>,
    /// What was set, the newest last. `get` hands out references, so that what was set once has to
    /// stay; a list that only grows needs no lock to read. In a run it has at most one entry.
    set: OnceLock<Box<Setting<T>>>,
}

struct Setting<T> {
    value: T,
    source: Source,
    newer: OnceLock<Box<Setting<T>>>,
}

/// One after the other: a list that was set very often would overflow the stack otherwise.
impl<T> Drop for Setting<T> {
    fn drop(&mut self) {
        let mut newer = self.newer.take();
        while let Some(mut setting) = newer {
            newer = setting.newer.take();
        }
    }
}

impl<T: FlagValue> Shared<T> {
    pub(super) fn new(definition: Definition, default: Option<T>) -> Self {
        Self { definition, default, checks: Vec::new(), set: OnceLock::new() }
    }

    fn newest(&self) -> Option<&Setting<T>> {
        let mut newest = self.set.get()?;
        while let Some(newer) = newest.newer.get() {
            newest = newer;
        }
        Some(newest)
    }

    pub(super) fn value(&self) -> Option<&T> {
        self.newest().map(|setting| &setting.value).or(self.default.as_ref())
    }

    pub(super) fn push(&self, value: T, source: Source) {
        let mut setting = Box::new(Setting { value, source, newer: OnceLock::new() });
        let mut end = &self.set;
        // `set` fails where the cell is full, be it only just now: go on to the next.
        while let Err(back) = end.set(setting) {
            setting = back;
            while let Some(full) = end.get() {
                end = &full.newer;
            }
        }
    }

    /// What `why` says about the present value.
    pub(super) fn refuse(&self, why: ConfigError) -> ConfigError {
        match self.value() {
            Some(value) => self.definition.problem(why, &value.to_arg(), &self.source()),
            None => why.of_flag(self.definition.full_name()),
        }
    }

    fn passes(&self, value: &T) -> Result<(), ConfigError> {
        self.checks.iter().try_for_each(|check| guarded(|| check(value)))
    }

    /// The problem of reading `arg`. What the type says about a secret may quote any part of it.
    fn unreadable(&self, why: ConfigError, arg: &OsString, source: &Source) -> ConfigError {
        let why = if self.definition.secret { ConfigError::new(NOT_SHOWN) } else { why };
        self.definition.problem(why, arg, source)
    }
}

/// Calls code of the flag's type or owner; a panic in it is its error.
fn guarded<R>(call: impl FnOnce() -> Result<R, ConfigError>) -> Result<R, ConfigError> {
    panic::catch(call).unwrap_or_else(|panic| Err(ConfigError::new(panic.to_string())))
}

impl<T: FlagValue> AnyFlag for Shared<T> {
    fn definition(&self) -> &Definition {
        &self.definition
    }

    fn arity(&self) -> Arity {
        T::arity()
    }

    fn value_name(&self) -> Cow<'static, str> {
        self.definition.value_name.clone().unwrap_or_else(T::value_name)
    }

    fn choices(&self) -> &'static [&'static str] {
        T::choices()
    }

    fn kind(&self) -> ValueKind {
        T::kind()
    }

    fn notation(&self) -> Option<&'static str> {
        T::notation()
    }

    fn default_shown(&self) -> Option<String> {
        let default = self.default.as_ref()?.to_arg();
        let tells_nothing = default.is_empty() || T::arity() == Arity::Switch && default == "false";
        if tells_nothing { None } else { self.definition.shown(&default) }
    }

    fn is_required(&self) -> bool {
        self.default.is_none()
    }

    fn source(&self) -> Source {
        self.newest().map_or(Source::Default, |setting| setting.source.clone())
    }

    fn assign(&self, args: &[OsString], source: Source) -> Result<(), ConfigErrors> {
        let value = match guarded(|| T::from_args(args)) {
            Ok(value) => value,
            Err(why) => {
                // Of several values, the ones at fault.
                let mut errors = ConfigErrors::new();
                let count = if T::arity() == Arity::Many { args.len() } else { 1 };
                for arg in &args[args.len().saturating_sub(count)..] {
                    if let Err(why) = guarded(|| T::from_arg(arg)) {
                        errors.push(self.unreadable(why, arg, &source));
                    }
                }
                if errors.is_empty() {
                    errors.push(self.unreadable(why, &args.join(",".as_ref()), &source));
                }
                return Err(errors);
            }
        };
        match self.passes(&value) {
            Ok(()) => self.push(value, source),
            Err(why) => return Err(self.definition.problem(why, &value.to_arg(), &source).into()),
        }
        Ok(())
    }

    fn settle(&self) -> Result<(), ConfigError> {
        match self.value() {
            Some(value) => self.passes(value).map_err(|why| self.refuse(why)),
            None => Err(self.definition.problem_without_value("is required")),
        }
    }
}

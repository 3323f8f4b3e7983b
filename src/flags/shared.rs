//! What all handles of a flag share: definition, default, checks, and the slot with its value. It
//! knows neither parser nor table.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt;

use super::any::{AnyFlag, Change, NotTaken};
use super::definition::Definition;
use super::slot::{By, Old, Setting, Slot};
use super::source::Source;
use super::value::{Arity, FlagValue, ValueKind};
use crate::error::{ConfigError, ConfigErrors};
use crate::panic;

type Check<T> = Box<dyn Fn(&T) -> Result<(), ConfigError> + Send + Sync>;

/// A flag with its type.
pub(super) struct Shared<T, S> {
    pub(super) definition: Definition,
    pub(super) checks: Vec<Check<T>>,
    pub(super) slot: S,
}

impl<T: FlagValue, S: Slot<T>> Shared<T, S> {
    pub(super) fn source(&self) -> Source {
        self.slot
            .with_present(|present| present.map_or(Source::Default, |(_, source)| source.clone()))
    }

    pub(super) fn set_for_test(&self, value: T) {
        let source = Source::other("set for a test");
        self.slot.set(Setting { value, source, by: By::Program });
    }

    /// What `why` says about the present value.
    pub(super) fn refuse(&self, why: ConfigError) -> ConfigError {
        self.slot.with_present(|present| self.refuse_value(why, present))
    }

    /// What `why` says about a value.
    pub(super) fn refuse_value(
        &self,
        why: ConfigError,
        value: Option<(&T, &Source)>,
    ) -> ConfigError {
        match value {
            Some((value, source)) => {
                self.definition.problem(why, &written(value), &all_written(value), source)
            }
            None => self.definition.name_in(why),
        }
    }

    /// Name, value unless it is secret, and source.
    pub(super) fn debug(&self, handle: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.slot.with_present(|present| present.map(|(value, _)| written(value)));
        f.debug_struct(handle)
            .field("name", &self.definition.full_name())
            .field("value", &value.and_then(|value| self.definition.shown(&value)))
            .field("source", &self.source())
            .finish_non_exhaustive()
    }

    #[inline]
    fn passes(&self, value: &T, source: &Source) -> Result<(), ConfigError> {
        if self.checks.is_empty() { Ok(()) } else { self.passes_all(value, source) }
    }

    fn passes_all(&self, value: &T, source: &Source) -> Result<(), ConfigError> {
        for check in &self.checks {
            guarded(|| check(value))
                .map_err(|why| self.refuse_value(why, Some((value, source))))?;
        }
        Ok(())
    }

    /// Reads and checks a value. A panic of the type's goes through.
    fn read(&self, args: &[OsString], source: &Source, by: By) -> Result<Setting<T>, NotTaken> {
        let value = T::from_args(args).map_err(NotTaken::Unreadable)?;
        self.passes(&value, source)?;
        Ok(Setting { value, source: source.clone(), by })
    }

    fn unreadable_one(&self, why: ConfigError, arg: &OsString, source: &Source) -> ConfigError {
        self.definition.problem(self.definition.hushed(why), arg, std::slice::from_ref(arg), source)
    }
}

/// The value as an argument. A type of the program's that panics here has none to show.
fn written<T: FlagValue>(value: &T) -> OsString {
    panic::catch(|| value.to_arg()).unwrap_or_default()
}

fn all_written<T: FlagValue>(value: &T) -> Vec<OsString> {
    panic::catch(|| value.to_args()).unwrap_or_default()
}

/// Calls code of the flag's type or owner; a panic in it is its error.
fn guarded<R>(call: impl FnOnce() -> Result<R, ConfigError>) -> Result<R, ConfigError> {
    panic::catch(call).unwrap_or_else(|panic| Err(ConfigError::new(panic.to_string())))
}

impl<T: FlagValue, S: Slot<T>> AnyFlag for Shared<T, S> {
    fn definition(&self) -> &Definition {
        &self.definition
    }

    fn arity(&self) -> Arity {
        T::arity()
    }

    fn value_name(&self) -> Cow<'static, str> {
        self.definition.extras().value_name.clone().unwrap_or_else(|| {
            let placeholder = self.definition.placeholder();
            placeholder.map_or_else(T::value_name, Cow::Owned)
        })
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

    fn is_live(&self) -> bool {
        S::IS_LIVE
    }

    fn default_shown(&self) -> Option<String> {
        let default = self.slot.with_default(|default| default.map(written))?;
        let tells_nothing = default.is_empty() || T::arity() == Arity::Switch && default == "false";
        if tells_nothing { None } else { self.definition.shown(&default) }
    }

    fn is_required(&self) -> bool {
        !self.slot.has_default()
    }

    fn source(&self) -> Source {
        self.source()
    }

    fn present_args(&self) -> Option<Vec<OsString>> {
        self.slot.with_present(|present| present.map(|(value, _)| all_written(value)))
    }

    fn set_by(&self) -> Option<By> {
        self.slot.set_by()
    }

    fn read_and_set(&self, args: &[OsString], source: &Source, by: By) -> Result<(), NotTaken> {
        self.slot.set(self.read(args, source, by)?);
        Ok(())
    }

    fn unreadable(&self, why: ConfigError, args: &[OsString], source: &Source) -> ConfigErrors {
        let mut errors = ConfigErrors::new();
        let count = if T::arity() == Arity::Many { args.len() } else { 1 };
        for arg in &args[args.len().saturating_sub(count)..] {
            if let Err(why) = guarded(|| T::from_arg(arg)) {
                errors.push(self.unreadable_one(why, arg, source));
            }
        }
        if errors.is_empty() {
            errors.push(self.unreadable_one(why, &args.join(",".as_ref()), source));
        }
        errors
    }

    fn settle(&self) -> Result<(), ConfigError> {
        if self.slot.set_by() == Some(By::Group) {
            self.slot.reset(); // an earlier group's, which had another command line
        }
        self.slot.with_present(|present| match present {
            Some((value, source)) => self.passes(value, source),
            None => Err(self.definition.problem_without_value("is required")),
        })
    }

    fn read_and_prepare(&self, given: Option<(&[OsString], &Source)>) -> Result<Change, NotTaken> {
        let (next, args) = match given {
            Some((args, source)) => {
                let next = self.read(args, source, By::Group)?;
                let args = guarded(|| Ok(next.value.to_args()));
                let args =
                    args.map_err(|why| self.definition.name_in(self.definition.hushed(why)))?;
                (Some(next), args)
            }
            None => {
                let args = self.slot.with_default(|default| match default {
                    Some(value) => {
                        self.passes(value, &Source::Default).map(|()| all_written(value))
                    }
                    None => Err(self.definition.problem_without_value("is required")),
                })?;
                (None, args)
            }
        };
        let change = match (self.present_args() == Some(args), S::IS_LIVE) {
            (true, _) => Change::None,
            (false, true) => Change::Live,
            (false, false) => Change::NeedsRestart,
        };
        self.slot.prepare(next); // though the value be the same: its source may not be
        Ok(change)
    }

    fn commit(&self) -> Option<Old> {
        self.slot.commit()
    }

    fn discard(&self) {
        self.slot.discard();
    }
}

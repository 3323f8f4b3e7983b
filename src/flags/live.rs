//! `Live<T>`: a flag that a reload can change while the program runs (F10), and `Reload`, through
//! which units see what is about to be set.

use std::fmt;
use std::sync::Arc;

use super::any::AnyFlag;
use super::definition::Definition;
use super::shared::Shared;
use super::slot::{Fixed, Replaceable};
use super::source::Source;
use super::value::{FlagValue, IntoDefault};
use crate::error::ConfigError;

/// A flag whose value can change while the program runs.
///
/// Made of a [`Flag`](crate::Flag) by [`live`](crate::Flag::live). A
/// [reload](crate::GroupHandle::reload) reads file and environment again; if all that it finds is
/// valid and no unit objects, every live flag gets its new value, else none does. Clones are the
/// same flag.
///
/// [`get`](Self::get) gives the value of this moment: hold on to it for one piece of work, and ask
/// again for the next. Two live flags that are read one after the other can be from before and
/// after a reload; what has to be seen together is one flag, with a type of its own.
///
/// # Examples
///
/// ```
/// use std::num::ParseIntError;
/// use std::str::FromStr;
/// use rungroup::{Flag, FlagSet, Live, Source, flag_value};
///
/// /// So many requests a second, and so many at once: `100/20`.
/// #[derive(Debug, PartialEq)]
/// struct Rate { each_second: u32, at_once: u32 }
///
/// impl FromStr for Rate {
///     type Err = ParseIntError;
///     fn from_str(text: &str) -> Result<Self, ParseIntError> {
///         let (each_second, at_once) = text.split_once('/').unwrap_or((text, "1"));
///         Ok(Rate { each_second: each_second.parse()?, at_once: at_once.parse()? })
///     }
/// }
///
/// impl std::fmt::Display for Rate {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         write!(f, "{}/{}", self.each_second, self.at_once)
///     }
/// }
///
/// flag_value!(Rate);
///
/// let rate: Live<Rate> =
///     Flag::new("rate", Rate { each_second: 100, at_once: 20 }, "how much to let in").live();
/// let set = FlagSet::new("Server").add(&rate);
/// let before = rate.get();
/// set.set("rate", "500/50", Source::other("the operator"))?;
/// assert_eq!(*rate.get(), Rate { each_second: 500, at_once: 50 });
/// assert_eq!(before.at_once, 20, "what was given out stays as it is");
/// # Ok::<(), rungroup::ConfigErrors>(())
/// ```
pub struct Live<T>(Arc<Shared<T, Replaceable<T>>>);

impl<T: FlagValue> Live<T> {
    pub(super) fn of(flag: Arc<Shared<T, Fixed<T>>>) -> Self {
        let (definition, checks, default) = match Arc::try_unwrap(flag) {
            Ok(Shared { definition, checks, slot }) => (definition, checks, slot.into_default()),
            // The other handles would not be live. A builder must not panic: the table refuses it.
            Err(shared) => {
                let (name, help) = (&shared.definition.name, &shared.definition.help);
                let definition = Definition::new(name.clone(), help.clone());
                definition.too_late("live");
                (definition, Vec::new(), None)
            }
        };
        let shared = Shared { definition, checks, slot: Replaceable::new(default) };
        Self(Arc::new(shared))
    }

    /// The value of this moment: what was set last, else the default.
    ///
    /// # Panics
    ///
    /// If the flag is [required](crate::Flag::required) and has no value yet, as
    /// [`Flag::get`](crate::Flag::get) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Flag;
    ///
    /// let limit = Flag::<u32>::new("limit", 100, "how many at once").live();
    /// assert_eq!(*limit.get(), 100);
    /// ```
    #[track_caller]
    pub fn get(&self) -> Arc<T> {
        match self.0.slot.present() {
            Some(value) => value,
            None => self.0.definition.panic_without_value(),
        }
    }

    /// Where the value came from.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, Source};
    ///
    /// let limit = Flag::<u32>::new("limit", 100, "how many at once").live();
    /// assert_eq!(limit.source(), Source::Default);
    /// ```
    pub fn source(&self) -> Source {
        self.0.source()
    }

    /// The full name without dashes, as [`Flag::name`](crate::Flag::name).
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Flag;
    ///
    /// assert_eq!(Flag::<u32>::new("limit", 100, "how many at once").live().name(), "limit");
    /// ```
    pub fn name(&self) -> &str {
        self.0.definition.full_name()
    }

    /// An error that says what is wrong with the present value, as
    /// [`Flag::invalid`](crate::Flag::invalid). For a value that a reload is about to set there is
    /// [`Reload::invalid`].
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Flag;
    ///
    /// let limit = Flag::<u32>::new("limit", 7, "how many at once").live();
    /// let error = limit.invalid("has to be even");
    /// assert_eq!(error.to_string(), "invalid value '7' for '--limit' (default): has to be even");
    /// ```
    #[must_use = "the error has to be returned from `validate`"]
    pub fn invalid(&self, why: impl Into<ConfigError>) -> ConfigError {
        self.0.refuse(why.into())
    }

    /// Sets the value, for a test of a unit without a group, as
    /// [`Flag::set_for_test`](crate::Flag::set_for_test).
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Flag;
    ///
    /// let limit = Flag::<u32>::new("limit", 100, "how many at once").live();
    /// limit.set_for_test(1);
    /// assert_eq!(*limit.get(), 1);
    /// ```
    pub fn set_for_test(&self, value: impl IntoDefault<T>) {
        self.0.set_for_test(value.into_default());
    }

    /// The same flag without its type.
    pub(super) fn erased(&self) -> Arc<dyn AnyFlag> {
        Arc::clone(&self.0) as Arc<dyn AnyFlag>
    }
}

/// The same flag again: both see one value.
impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Name, value unless it is secret, and source.
impl<T: FlagValue> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("Live", f)
    }
}

/// What a reload is about to set, if no unit objects: what
/// [`Config::validate_reload`](crate::Config::validate_reload) is given.
///
/// # Examples
///
/// ```
/// use rungroup::{Config, ConfigErrors, FlagSet, Live, Reload};
///
/// struct Pool { least: Live<u32>, most: Live<u32> }
///
/// impl Config for Pool {
///     fn flag_set(&self) -> FlagSet {
///         FlagSet::new("Pool").add(&self.least).add(&self.most)
///     }
///     fn validate_reload(&self, new: &Reload) -> Result<(), ConfigErrors> {
///         if new.get(&self.least) > new.get(&self.most) {
///             return Err(new.invalid(&self.least, "is more than --pool-most").into());
///         }
///         Ok(())
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Reload(());

impl Reload {
    pub(super) fn new() -> Self {
        Self(())
    }

    /// For a test of a unit without a group: the new values are those that the flags have, as
    /// [`Live::set_for_test`] has set them.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Config, ConfigErrors, Flag, FlagSet, Live, Reload};
    ///
    /// struct Pool { size: Live<u32> }
    ///
    /// impl Config for Pool {
    ///     fn flag_set(&self) -> FlagSet { FlagSet::new("Pool").add(&self.size) }
    ///     fn validate_reload(&self, new: &Reload) -> Result<(), ConfigErrors> {
    ///         if *new.get(&self.size) == 0 {
    ///             return Err(new.invalid(&self.size, "needs at least one").into());
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let pool = Pool { size: Flag::new("size", 4_u32, "how many").live() };
    /// assert!(pool.validate_reload(&Reload::for_test()).is_ok());
    /// pool.size.set_for_test(0_u32);
    /// assert!(pool.validate_reload(&Reload::for_test()).is_err());
    /// ```
    pub fn for_test() -> Self {
        Self::new()
    }

    /// The value that the flag will have.
    ///
    /// # Panics
    ///
    /// If the flag is required and has no value: it is in the flag set of no unit.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{ConfigErrors, Live, Reload};
    ///
    /// /// Part of a unit's `validate_reload`.
    /// fn only_grows(size: &Live<u32>, new: &Reload) -> Result<(), ConfigErrors> {
    ///     if new.get(size) < size.get() {
    ///         return Err(new.invalid(size, "can only grow while the program runs").into());
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[track_caller]
    pub fn get<T: FlagValue>(&self, flag: &Live<T>) -> Arc<T> {
        match flag.0.slot.next() {
            Some((value, _)) => value,
            None => flag.0.definition.panic_without_value(),
        }
    }

    /// An error that says what is wrong with the value that the flag would have, and names flag,
    /// value and source.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{ConfigError, Live, Reload};
    ///
    /// /// Part of a unit's `validate_reload`.
    /// fn refuse(size: &Live<u32>, new: &Reload) -> ConfigError {
    ///     new.invalid(size, "does not fit into what is left")
    /// }
    /// ```
    #[must_use = "the error has to be returned from `validate_reload`"]
    pub fn invalid<T: FlagValue>(
        &self,
        flag: &Live<T>,
        why: impl Into<ConfigError>,
    ) -> ConfigError {
        let next = flag.0.slot.next();
        flag.0.refuse_value(why.into(), next.as_ref().map(|(value, source)| (&**value, source)))
    }
}

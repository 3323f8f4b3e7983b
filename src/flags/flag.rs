//! `Flag<T>`: a named setting, defined where it is used and filled in by the group (F1). It knows
//! its builders and readers; what the handles share is in `shared`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::any::AnyFlag;
use super::definition::{Definition, Given};
use super::live::Live;
use super::shared::Shared;
use super::slot::Fixed;
use super::source::Source;
use super::value::{FlagValue, IntoDefault};
use crate::error::ConfigError;

/// A named setting of the program: a shared handle to its definition and its value.
///
/// A unit keeps the flag, adds it to its [`FlagSet`](crate::FlagSet), and reads it with
/// [`get`](Flag::get), from any thread. Clones are the same flag. Before the group has parsed the
/// command line, `get` gives the default, so that a unit can be tested without a group.
///
/// The name is the one on the command line, without dashes. The first line of the help is what
/// `-h` shows, all of it what `--help` shows: long lines are wrapped, line breaks stay, and a line
/// that is indented stays as it is. The builder methods come before the flag is cloned
/// or added to a set; one that comes too late changes nothing and is a definition error of the
/// group, not a panic.
///
/// A flag that is in the set of no unit is on no command line: it keeps its default, and nothing
/// says so.
///
/// The names `help`, `version`, `name`, `config`, `check`, `print-config`, `show-rungroup-units`,
/// `completions` and `man`, and the short ones `h`, `V`, `n` and `c`, are kept for the group.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use rungroup::{Flag, FlagSet, Source};
///
/// struct Server { listen: Flag<String>, idle: Flag<Duration> }
///
/// let server = Server {
///     listen: Flag::new("listen", "127.0.0.1:7000", "where to listen").short('l'),
///     idle: Flag::new("idle", Duration::from_secs(30), "how long a connection may be idle")
///         .check(|idle| if idle.is_zero() { Err("must not be 0") } else { Ok(()) }),
/// };
/// let set = FlagSet::new("Server").add(&server.listen).add(&server.idle);
/// assert_eq!(*server.idle.get(), Duration::from_secs(30));
///
/// // The group does this, for every flag that was given.
/// set.set("idle", "1m30s", Source::CommandLine)?;
/// assert_eq!(*server.idle.get(), Duration::from_secs(90));
/// # Ok::<(), rungroup::ConfigErrors>(())
/// ```
pub struct Flag<T>(Arc<Shared<T, Fixed<T>>>);

impl<T: FlagValue> Flag<T> {
    /// A flag with a default.
    ///
    /// The default is a `T`, or a literal that stands for one (see [`IntoDefault`]).
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Bytes, Flag};
    /// use std::path::PathBuf;
    ///
    /// let cache = Flag::new("cache", Bytes::mib(64), "how much to cache");
    /// let data: Flag<PathBuf> = Flag::new("data", "/var/lib/kvd", "where the data is kept");
    /// assert_eq!(*cache.get(), Bytes::mib(64));
    /// assert!(data.get().is_absolute());
    /// ```
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        default: impl IntoDefault<T>,
        help: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::build(name.into(), Some(default.into_default()), help.into())
    }

    /// A flag that the user has to give: leaving it out is an error of the config phase.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::path::PathBuf;
    /// use rungroup::Flag;
    ///
    /// let data = Flag::<PathBuf>::required("data", "where the data is kept");
    /// data.set_for_test("/tmp/kvd");
    /// assert_eq!(data.get().to_str(), Some("/tmp/kvd"));
    /// ```
    pub fn required(
        name: impl Into<Cow<'static, str>>,
        help: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::build(name.into(), None, help.into())
    }

    fn build(name: Cow<'static, str>, default: Option<T>, help: Cow<'static, str>) -> Self {
        Self(Arc::new(Shared {
            definition: Definition::new(name, help),
            checks: Vec::new(),
            slot: Fixed::new(default),
        }))
    }

    /// Gives it a short name too, a letter or digit: `-l`.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet};
    ///
    /// let listen: Flag<String> = Flag::new("listen", ":80", "where to listen").short('l');
    /// let set = FlagSet::new("Server").add(&listen);
    /// assert_eq!(set.flags().next().unwrap().short(), Some('l'));
    /// ```
    #[must_use]
    pub fn short(self, short: char) -> Self {
        self.define("short", |shared| shared.definition.short = Some(short))
    }

    /// What stands for the value in the help, instead of the type's own: `FILE` for `PATH`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::path::PathBuf;
    /// use rungroup::{Flag, FlagSet};
    ///
    /// let key: Flag<PathBuf> = Flag::new("key", "key.pem", "the private key").value_name("FILE");
    /// let set = FlagSet::new("TLS").add(&key);
    /// assert_eq!(set.flags().next().unwrap().value_name(), "FILE"); // --key <FILE>
    /// ```
    #[must_use]
    pub fn value_name(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.define("value_name", |shared| {
            shared.definition.extras_mut().value_name = Some(name.into());
        })
    }

    /// Refuses values, the default among them, with a reason: a text, or a [`ConfigError`] with a
    /// tip. Said several times, all have to agree.
    ///
    /// For what depends on one value alone; `Config::validate` sees them all.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet, Source};
    ///
    /// let workers = Flag::<u32>::new("workers", 4, "how many threads")
    ///     .check(|n| if *n > 0 { Ok(()) } else { Err("at least one is needed") });
    /// let error = FlagSet::new("Pool").add(&workers).set("workers", "0", Source::CommandLine);
    /// assert_eq!(
    ///     error.unwrap_err().to_string(),
    ///     "invalid value '0' for '--workers' (command line): at least one is needed",
    /// );
    /// ```
    #[must_use]
    pub fn check<E: Into<ConfigError>>(
        self,
        check: impl Fn(&T) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        self.define("check", |shared| {
            shared.checks.push(Box::new(move |value| check(value).map_err(Into::into)));
        })
    }

    /// Leaves it out of the help. It works as any other.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet};
    ///
    /// let chaos = Flag::new("chaos", false, "fail now and then").hidden();
    /// let set = FlagSet::new("Test").add(&chaos);
    /// assert!(set.flags().next().unwrap().is_hidden());
    /// ```
    #[must_use]
    pub fn hidden(self) -> Self {
        self.define("hidden", |shared| shared.definition.hidden = true)
    }

    /// Says what to use instead. It still works, and whoever uses it is warned.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Event, Flag, FlagSet, Group, pre_run_fn};
    ///
    /// let old = Flag::<u32>::new("max", 0, "how many").deprecated("use --max-conns");
    /// let mut group = Group::new("demo").args(["demo", "--max=8"]);
    /// group.register(pre_run_fn("pool", |_ctx| Ok(())).flags(FlagSet::new("Pool").add(&old)));
    /// let events = group.handle().events(8);
    /// group.run()?; // it works
    /// assert!(events.iter().any(|event| matches!(event, Event::Warning { .. })));
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    #[must_use]
    pub fn deprecated(self, instead: impl Into<Cow<'static, str>>) -> Self {
        self.define("deprecated", |shared| {
            shared.definition.extras_mut().deprecated = Some(instead.into());
        })
    }

    /// Keeps the value out of errors, help and every other output of the library.
    ///
    /// What the type says about a bad value is left out, and so is what a check or a unit says if it
    /// quotes the value.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet, Source};
    ///
    /// let pin = Flag::<u32>::new("pin", 0, "the code at the door").secret();
    /// let error = FlagSet::new("Door").add(&pin).set("pin", "12a4", Source::CommandLine);
    /// assert!(!error.unwrap_err().to_string().contains("12a4"));
    /// assert!(!format!("{pin:?}").contains('0'));
    /// ```
    #[must_use]
    pub fn secret(self) -> Self {
        self.define("secret", |shared| shared.definition.secret = true)
    }

    /// Reads this environment variable too, after the one that the group's prefix gives.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet, Group, pre_run_fn};
    ///
    /// let url: Flag<String> = Flag::new("database", "", "where the data is").env("DATABASE_URL");
    /// let mut group = Group::new("demo");
    /// group.register(pre_run_fn("store", |_ctx| Ok(())).flags(FlagSet::new("Store").add(&url)));
    /// let _ = group.run_config_from(["demo"], [("DATABASE_URL", "db:5432")])?;
    /// assert_eq!(url.get(), "db:5432");
    /// # Ok::<(), rungroup::Error>(())
    /// ```
    #[must_use]
    pub fn env(self, variable: impl Into<Cow<'static, str>>) -> Self {
        self.define("env", |shared| shared.definition.extras_mut().env.push(variable.into()))
    }

    /// It is given on the command line or in the environment, and not in a file.
    #[cfg(feature = "config-file")]
    pub(super) fn not_in_file(self) -> Self {
        self.define("not_in_file", |shared| shared.definition.given = Given::NotInFile)
    }

    /// It is given on the command line and nowhere else.
    pub(super) fn on_command_line(self) -> Self {
        self.define("on_command_line", |shared| shared.definition.given = Given::OnCommandLine)
    }

    /// Makes it a [`Live`] flag, which a [reload](crate::GroupHandle::reload) can change. Say it last,
    /// as the other builders are this type's.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Bytes, Flag, Live};
    ///
    /// let memory: Live<Bytes> = Flag::new("memory", Bytes::gib(1), "how much memory to use")
    ///     .check(|limit| if *limit > Bytes::ZERO { Ok(()) } else { Err("must not be 0") })
    ///     .live();
    /// assert_eq!(*memory.get(), Bytes::gib(1));
    /// ```
    #[must_use]
    pub fn live(self) -> Live<T> {
        Live::of(self.0)
    }

    /// It is given by its place on the command line and not by its name: `kvd-dump FILE...`.
    ///
    /// Positional arguments are filled in the order in which the units hand them in; one with a
    /// list takes all that are left, and has to be the last. One with a default can be left out. In
    /// help and errors it goes by its [`value_name`](Self::value_name), else by its name in
    /// capitals. It is not read from the environment (but for [`env`](Self::env)) or from a file.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet, Group, pre_run_fn};
    /// use std::path::PathBuf;
    ///
    /// let files = Flag::<Vec<PathBuf>>::required("files", "what to read")
    ///     .value_name("FILE")
    ///     .positional();
    /// let flags = FlagSet::new("Input").add(&files);
    /// let mut group = Group::new("cat").args(["cat", "a.txt", "b.txt"]);
    /// group.register(pre_run_fn("input", |_ctx| Ok(())).flags(flags));
    /// group.run()?;
    /// assert_eq!(files.get().len(), 2);
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    #[must_use]
    pub fn positional(self) -> Self {
        self.define("positional", |shared| shared.definition.given = Given::ByPlace)
    }

    fn define(
        mut self,
        builder: &'static str,
        change: impl FnOnce(&mut Shared<T, Fixed<T>>),
    ) -> Self {
        match Arc::get_mut(&mut self.0) {
            Some(shared) => change(shared),
            None => self.0.definition.too_late(builder),
        }
        self
    }

    /// The value: what was set, else the default.
    ///
    /// # Panics
    ///
    /// If the flag is [required](Flag::required) and has no value. In a run it has one as soon as
    /// the config phase is over; in a test, [`set_for_test`](Flag::set_for_test) gives it one.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Flag;
    ///
    /// let workers = Flag::<usize>::new("workers", 4, "how many threads");
    /// assert_eq!(*workers.get(), 4);
    /// ```
    #[track_caller]
    pub fn get(&self) -> &T {
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
    /// let workers = Flag::<usize>::new("workers", 4, "how many threads");
    /// assert_eq!(workers.source(), Source::Default);
    /// ```
    pub fn source(&self) -> Source {
        self.0.source()
    }

    /// The full name without dashes: with the prefix of its set, once a group has taken it up.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet, Group, pre_run_fn};
    ///
    /// let size = Flag::<u32>::new("size", 4, "how many entries");
    /// assert_eq!(size.name(), "size");
    ///
    /// let flags = FlagSet::new("Cache").prefix("cache").add(&size);
    /// let mut group = Group::new("demo").args(["demo", "--cache-size=8"]);
    /// group.register(pre_run_fn("cache", |_ctx| Ok(())).flags(flags));
    /// group.run()?;
    /// assert_eq!(size.name(), "cache-size");
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn name(&self) -> &str {
        self.0.definition.full_name()
    }

    /// Whether a group has taken it up.
    pub(crate) fn is_bound(&self) -> bool {
        self.0.definition.is_bound()
    }

    /// An error that says what is wrong with the value, and names flag, value and source: what
    /// `Config::validate` returns. The reason is a text, or a [`ConfigError`] with a tip.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Bytes, Flag};
    ///
    /// let cache = Flag::new("cache", Bytes::kib(4), "how much to cache");
    /// assert_eq!(
    ///     cache.invalid("needs at least 1MiB").to_string(),
    ///     "invalid value '4KiB' for '--cache' (default): needs at least 1MiB",
    /// );
    /// ```
    #[must_use = "the error has to be returned from `validate`"]
    pub fn invalid(&self, why: impl Into<ConfigError>) -> ConfigError {
        self.0.refuse(why.into())
    }

    /// Sets the value, for a test of a unit without a group. Checks are not made; the source is
    /// "set for a test".
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Flag;
    ///
    /// let workers = Flag::<usize>::new("workers", 4, "how many threads");
    /// workers.set_for_test(1);
    /// assert_eq!(*workers.get(), 1);
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
impl<T> Clone for Flag<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Name, value unless it is secret, and source.
impl<T: FlagValue> fmt::Debug for Flag<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("Flag", f)
    }
}

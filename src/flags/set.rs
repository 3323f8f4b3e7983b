//! `FlagSet`, the flags of one unit under one heading (F2, F3), which can also be filled by name
//! from a parser that the program brings itself (F8). It knows no command line.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::any::AnyFlag;
use super::definition::join;
use super::flag::Flag;
use super::live::Live;
use super::slot::By;
use super::source::Source;
use super::value::{Arity, FlagValue, ValueKind};
use crate::error::{ConfigError, ConfigErrors};

/// A [`Flag`](crate::Flag) or a [`Live`](crate::Live) flag of any type, as
/// [`FlagSet::add`](crate::FlagSet::add) takes it.
///
/// # Examples
///
/// ```
/// use rungroup::{Flag, FlagHandle, FlagSet};
///
/// let port = Flag::<u16>::new("port", 80, "where to listen");
/// let limit = Flag::<u32>::new("limit", 100, "how many at once").live();
/// let flags: [FlagHandle; 2] = [(&port).into(), (&limit).into()];
/// let set = flags.into_iter().fold(FlagSet::new("Server"), FlagSet::add);
/// assert_eq!(set.flags().count(), 2);
/// ```
#[derive(Clone)]
pub struct FlagHandle(pub(super) Arc<dyn AnyFlag>);

impl<T: FlagValue> From<&Flag<T>> for FlagHandle {
    fn from(flag: &Flag<T>) -> Self {
        Self(flag.erased())
    }
}

impl<T: FlagValue> From<&Live<T>> for FlagHandle {
    fn from(flag: &Live<T>) -> Self {
        Self(flag.erased())
    }
}

/// The flag's name.
impl fmt::Debug for FlagHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FlagHandle").field(&self.0.definition().full_name()).finish()
    }
}

/// The flags of one unit: a name, which is their section in the help, and the flags in order.
///
/// # Examples
///
/// ```
/// use rungroup::{Bytes, Flag, FlagSet, Source};
///
/// let memory = Flag::new("memory", Bytes::mib(64), "how much memory to use");
/// let set = FlagSet::new("Store").prefix("store").add(&memory);
///
/// // A program with a parser of its own goes through the flags, and sets them by name.
/// let names: Vec<String> = set.flags().map(|flag| flag.name()).collect();
/// assert_eq!(names, ["store-memory"]);
/// set.set("store-memory", "1GiB", Source::CommandLine)?;
/// assert_eq!(*memory.get(), Bytes::gib(1));
/// # Ok::<(), rungroup::ConfigErrors>(())
/// ```
#[derive(Clone)]
pub struct FlagSet {
    pub(super) name: Cow<'static, str>,
    pub(super) prefix: Cow<'static, str>,
    pub(super) flags: Vec<Arc<dyn AnyFlag>>,
    /// Where this set is made of several: what is whose.
    pub(super) parts: Vec<Part>,
    pub(super) removed: Vec<Removed>,
}

/// A set that was put into another.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) name: Cow<'static, str>,
    /// The places of its flags there.
    pub(super) places: Range<usize>,
}

/// A name that was that of a flag once.
#[derive(Clone)]
pub(super) struct Removed {
    pub(super) name: Cow<'static, str>,
    pub(super) why: Cow<'static, str>,
}

impl Removed {
    /// What whoever still gives it is told.
    pub(super) fn problem(&self, full_name: &str) -> ConfigError {
        ConfigError::new(format!("was removed: {}", self.why)).of_flag(full_name)
    }
}

impl FlagSet {
    /// An empty set of this name.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::FlagSet;
    ///
    /// let set = FlagSet::new("Store");
    /// assert_eq!((set.name(), set.flags().count()), ("Store", 0));
    /// ```
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            prefix: Cow::Borrowed(""),
            flags: Vec::with_capacity(16), // few sets have more
            parts: Vec::new(),
            removed: Vec::new(),
        }
    }

    /// Adds a flag.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet};
    ///
    /// let quiet = Flag::new("quiet", false, "say nothing");
    /// let jobs = Flag::<u32>::new("jobs", 4, "how many at once");
    /// let set = FlagSet::new("Build").add(&quiet).add(&jobs);
    /// assert_eq!(set.flags().count(), 2);
    /// ```
    #[inline]
    #[must_use = "`add` returns the set with the flag in it"]
    #[allow(clippy::should_implement_trait)] // `a + b` would not read better
    pub fn add(mut self, flag: impl Into<FlagHandle>) -> Self {
        self.flags.push(flag.into().0);
        self
    }

    /// Puts `prefix` and a dash before every name in the set, also of flags added later. A second
    /// prefix goes before the first: that of a group before that of its unit.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet};
    ///
    /// let memory = Flag::<u64>::new("memory", 0, "how much memory to use");
    /// let set = FlagSet::new("Store").add(&memory).prefix("store").prefix("left");
    /// assert_eq!(set.flags().next().unwrap().name(), "left-store-memory");
    /// ```
    #[must_use = "`prefix` returns the set with the prefix"]
    pub fn prefix(mut self, prefix: impl Into<Cow<'static, str>>) -> Self {
        let outer = prefix.into();
        self.prefix = join(&outer, &self.prefix).into_owned().into();
        self
    }

    /// Says that there was a flag of this name, and why it is no more or what to use instead.
    ///
    /// Whoever still gives it, on the command line, in the environment or in a file, is told so,
    /// instead of "unknown flag" or nothing at all.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{FlagSet, Group, pre_run_fn};
    ///
    /// let flags = FlagSet::new("Server").removed("max-clients", "use --max-conns");
    /// let mut group = Group::new("demo");
    /// group.register(pre_run_fn("server", |_ctx| Ok(())).flags(flags));
    /// let error = group.run_config_from(["demo", "--max-clients=8"], [("", "")]).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "unit 'server': flag '--max-clients' (command line): was removed: use --max-conns",
    /// );
    /// ```
    #[must_use = "`removed` returns the set with the name in it"]
    pub fn removed(
        mut self,
        name: impl Into<Cow<'static, str>>,
        why: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.removed.push(Removed { name: name.into(), why: why.into() });
        self
    }

    /// The set's name.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Config, Flag, FlagSet};
    ///
    /// struct Cache { size: Flag<u32> }
    ///
    /// impl Config for Cache {
    ///     fn flag_set(&self) -> FlagSet { FlagSet::new("Cache").add(&self.size) }
    /// }
    ///
    /// let cache = Cache { size: Flag::new("size", 4, "how many entries") };
    /// assert_eq!(cache.flag_set().name(), "Cache");
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The flags in order, the hidden ones too.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Arity, Flag, FlagSet};
    ///
    /// let quiet = Flag::new("quiet", false, "say nothing");
    /// let jobs = Flag::<u32>::new("jobs", 4, "how many at once");
    /// let set = FlagSet::new("Build").add(&quiet).add(&jobs);
    /// let mut with_value = set.flags().filter(|flag| flag.arity() != Arity::Switch);
    /// assert_eq!(with_value.next().unwrap().name(), "jobs");
    /// ```
    pub fn flags(&self) -> impl Iterator<Item = FlagInfo<'_>> {
        let flags = self.flags.iter().enumerate();
        flags.map(|(place, flag)| FlagInfo { flag: &**flag, set: self, place })
    }

    /// Sets the flag of this full name, and says where the value came from.
    ///
    /// Of a flag that takes many, the values in the environment are separated by commas; from any
    /// other source it is one value, and [`set_all`](FlagSet::set_all) is for more. What is set
    /// here stays when a group parses its command line, unless the flag is given there again; the
    /// environment does not replace it. Set again, the newest value counts.
    ///
    /// # Errors
    ///
    /// If there is no such flag, or it refuses the value. The flag then keeps what it had.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet, Source};
    ///
    /// let jobs = Flag::<u32>::new("jobs", 4, "how many at once");
    /// let set = FlagSet::new("Build").add(&jobs);
    /// set.set("jobs", "8", Source::other("build.json"))?;
    /// assert_eq!((*jobs.get(), jobs.source().to_string()), (8, "build.json".to_owned()));
    ///
    /// let error = set.set("jobs", "many", Source::other("build.json")).unwrap_err();
    /// assert_eq!(error.as_slice()[0].value(), Some("many"));
    /// assert_eq!(*jobs.get(), 8);
    /// # Ok::<(), rungroup::ConfigErrors>(())
    /// ```
    pub fn set(
        &self,
        name: &str,
        value: impl AsRef<OsStr>,
        source: Source,
    ) -> Result<(), ConfigErrors> {
        self.set_all(name, [value], source)
    }

    /// As [`set`](FlagSet::set), for a flag that takes many values; of several for another flag the
    /// last one counts. No values at all are those of an empty list, and an empty text for another
    /// flag.
    ///
    /// # Errors
    ///
    /// As there, for each value that is refused.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet, Source};
    ///
    /// let peers = Flag::<Vec<String>>::new("peer", Vec::new(), "who to copy to");
    /// let set = FlagSet::new("Store").add(&peers);
    /// set.set_all("peer", ["a:80", "b:80"], Source::CommandLine)?;
    /// assert_eq!(*peers.get(), ["a:80", "b:80"]);
    /// # Ok::<(), rungroup::ConfigErrors>(())
    /// ```
    #[allow(clippy::needless_pass_by_value)] // whoever calls this has made it for this
    pub fn set_all(
        &self,
        name: &str,
        values: impl IntoIterator<Item = impl AsRef<OsStr>>,
        source: Source,
    ) -> Result<(), ConfigErrors> {
        let flag = self.flags().find(|flag| flag.is_named(name));
        let Some(flag) = flag else {
            let removed = self.removed.iter().find(|gone| join(&self.prefix, &gone.name) == name);
            return Err(match removed {
                Some(gone) => gone.problem(name).of_source(source.to_string()).into(),
                None => ConfigError::new(format!("unknown flag '--{name}'")).into(),
            });
        };
        let mut args: Vec<OsString> =
            values.into_iter().map(|value| value.as_ref().to_owned()).collect();
        if let (Source::Environment { .. }, Arity::Many) = (&source, flag.arity()) {
            args = args.iter().flat_map(|value| at_commas(value)).collect();
        }
        flag.flag.assign_guarded(&args, &source, By::Program)
    }
}

/// The values in an environment variable of a flag that takes many: between commas, without the
/// blanks around them; empty ones are left out.
pub(super) fn at_commas(value: &OsStr) -> Vec<OsString> {
    use std::os::unix::ffi::OsStrExt as _; // a comma can be found in any bytes
    value
        .as_bytes()
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|part| !part.is_empty())
        .map(|part| OsStr::from_bytes(part).to_owned())
        .collect()
}

impl fmt::Debug for FlagSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.flags().map(|flag| flag.name()).collect();
        f.debug_struct("FlagSet")
            .field("name", &self.name)
            .field("flags", &names)
            .finish_non_exhaustive()
    }
}

/// What a program with a parser of its own needs to know of a flag in a [`FlagSet`].
///
/// # Examples
///
/// ```
/// use rungroup::{Arity, Flag, FlagSet};
///
/// let listen: Flag<String> = Flag::new("listen", ":80", "where to listen").short('l');
/// let set = FlagSet::new("Server").add(&listen);
/// let flag = set.flags().next().unwrap();
/// assert_eq!(flag.name(), "listen");
/// assert_eq!(flag.short(), Some('l'));
/// assert_eq!(flag.arity(), Arity::One);
/// assert_eq!(flag.default().as_deref(), Some(":80"));
/// ```
#[derive(Clone, Copy)]
pub struct FlagInfo<'a> {
    flag: &'a dyn AnyFlag,
    set: &'a FlagSet,
    place: usize,
}

impl FlagInfo<'_> {
    /// The full name, without dashes.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Flag, FlagSet};
    /// let flag = Flag::<u32>::new("size", 4, "how many entries");
    /// let set = FlagSet::new("Store").add(&flag);
    /// let info = set.flags().next().unwrap();
    /// assert_eq!(info.name(), "size");
    /// let prefixed = set.clone().prefix("cache");
    /// assert_eq!(prefixed.flags().next().unwrap().name(), "cache-size");
    /// ```
    pub fn name(&self) -> String {
        let definition = self.flag.definition();
        if self.set.prefix.is_empty() || definition.is_bound() {
            definition.full_name().to_owned()
        } else {
            join(&self.set.prefix, &definition.name).into_owned()
        }
    }

    fn is_named(&self, name: &str) -> bool {
        let definition = self.flag.definition();
        if self.set.prefix.is_empty() || definition.is_bound() {
            return definition.full_name() == name;
        }
        let inner = name.strip_prefix(&*self.set.prefix).and_then(|rest| rest.strip_prefix('-'));
        inner == Some(&definition.name)
    }

    /// The short name.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Flag, FlagSet};
    /// let flag = Flag::<u32>::new("size", 4, "how many entries").short('s');
    /// let set = FlagSet::new("Store").add(&flag);
    /// let info = set.flags().next().unwrap();
    /// assert_eq!(info.short(), Some('s'));
    /// ```
    pub fn short(&self) -> Option<char> {
        self.flag.definition().short
    }

    /// The section of the help that it belongs to: the name of its unit's set, also where
    /// [`Group::register_flags`](crate::Group::register_flags) has made one set of all.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Flag, FlagSet, Group, pre_run_fn};
    /// let size = Flag::<u32>::new("size", 4, "how many entries");
    /// let mut group = Group::new("demo");
    /// group.register(pre_run_fn("cache", |_ctx| Ok(())).flags(FlagSet::new("Cache").add(&size)));
    /// let set = group.register_flags()?;
    /// assert_eq!(set.name(), "demo");
    /// assert_eq!(set.flags().next().unwrap().section(), "Cache");
    /// # Ok::<(), rungroup::Error>(())
    /// ```
    pub fn section(&self) -> &str {
        let part = self.set.parts.iter().find(|part| part.places.contains(&self.place));
        part.map_or(&self.set.name, |part| &part.name)
    }

    /// The help text. Its first line says it all in short; what follows is for the long help.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Flag, FlagSet};
    /// let flag = Flag::<u32>::new("size", 4, "how many entries");
    /// let set = FlagSet::new("Store").add(&flag);
    /// let info = set.flags().next().unwrap();
    /// assert_eq!(info.help(), "how many entries");
    /// ```
    pub fn help(&self) -> &str {
        &self.flag.definition().help
    }

    /// What stands for the value, as `ADDR`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Flag, FlagSet};
    /// let flag = Flag::<u32>::new("size", 4, "how many entries");
    /// let set = FlagSet::new("Store").add(&flag);
    /// let info = set.flags().next().unwrap();
    /// assert_eq!(info.value_name(), "N");
    /// ```
    pub fn value_name(&self) -> Cow<'static, str> {
        self.flag.value_name()
    }

    /// How many values it takes.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Arity, Flag, FlagSet};
    /// let flag = Flag::new("peer", Vec::<String>::new(), "who to copy to");
    /// let set = FlagSet::new("Store").add(&flag);
    /// let info = set.flags().next().unwrap();
    /// assert_eq!(info.arity(), Arity::Many); // --peer a --peer b
    /// ```
    pub fn arity(&self) -> Arity {
        self.flag.arity()
    }

    /// All values there are, where the type lists them.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Flag, FlagSet};
    /// #[derive(Clone, Copy)]
    /// enum Sync { Always, Never }
    /// # rungroup::flag_value!(Sync { "always" => Sync::Always, "never" => Sync::Never });
    ///
    /// let flag = Flag::new("sync", Sync::Always, "when to sync to disk");
    /// let set = FlagSet::new("Store").add(&flag);
    /// let info = set.flags().next().unwrap();
    /// assert_eq!(info.choices(), ["always", "never"]);
    /// ```
    pub fn choices(&self) -> &'static [&'static str] {
        self.flag.choices()
    }

    /// The default as the help would show it: not if it is empty, secret, or a switch that is off.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Flag, FlagSet};
    /// let flag = Flag::<u32>::new("size", 4, "how many entries");
    /// let set = FlagSet::new("Store").add(&flag);
    /// let info = set.flags().next().unwrap();
    /// assert_eq!(info.default().as_deref(), Some("4"));
    /// ```
    pub fn default(&self) -> Option<String> {
        self.flag.default_shown()
    }

    /// Whether it has to be given.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Flag, FlagSet};
    /// let flag = Flag::<u32>::required("size", "how many entries");
    /// let set = FlagSet::new("Store").add(&flag);
    /// let info = set.flags().next().unwrap();
    /// assert!(info.is_required());
    /// ```
    pub fn is_required(&self) -> bool {
        self.flag.is_required()
    }

    /// Whether it is left out of the help.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Flag, FlagSet};
    /// let flag = Flag::new("chaos", false, "fail now and then").hidden();
    /// let set = FlagSet::new("Store").add(&flag);
    /// let info = set.flags().next().unwrap();
    /// assert!(info.is_hidden());
    /// ```
    pub fn is_hidden(&self) -> bool {
        self.flag.definition().hidden
    }

    /// What to use instead, if it is [deprecated](crate::Flag::deprecated).
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Flag, FlagSet};
    /// let old = Flag::<u32>::new("max", 0, "how many").deprecated("use --max-conns");
    /// let set = FlagSet::new("Pool").add(&old);
    /// assert_eq!(set.flags().next().unwrap().deprecated(), Some("use --max-conns"));
    /// ```
    pub fn deprecated(&self) -> Option<&str> {
        self.flag.definition().extras().deprecated.as_deref()
    }

    /// Whether its value must not be shown.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Flag, FlagSet};
    /// let flag: Flag<String> = Flag::new("password", "", "the password").secret();
    /// let set = FlagSet::new("Store").add(&flag);
    /// let info = set.flags().next().unwrap();
    /// assert!(info.is_secret());
    /// assert_eq!(info.default(), None);
    /// ```
    pub fn is_secret(&self) -> bool {
        self.flag.definition().secret
    }

    /// Whether it is given by its place on the command line, and not by its name.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Flag, FlagSet};
    /// let flag = Flag::<String>::required("file", "what to read").positional();
    /// let set = FlagSet::new("Input").add(&flag);
    /// assert!(set.flags().next().unwrap().is_positional());
    /// ```
    pub fn is_positional(&self) -> bool {
        self.flag.definition().is_positional()
    }

    /// Whether it is a [`Live`](crate::Live) flag.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Flag, FlagSet};
    /// let flag = Flag::<u32>::new("limit", 100, "how many at once").live();
    /// let set = FlagSet::new("Server").add(&flag);
    /// assert!(set.flags().next().unwrap().is_live());
    /// ```
    pub fn is_live(&self) -> bool {
        self.flag.is_live()
    }

    /// What kind of text its values are.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Flag, FlagSet, ValueKind};
    /// let flag = Flag::<u32>::new("limit", 100, "how many at once");
    /// let set = FlagSet::new("Server").add(&flag);
    /// assert_eq!(set.flags().next().unwrap().kind(), ValueKind::Number);
    /// ```
    pub fn kind(&self) -> ValueKind {
        self.flag.kind()
    }

    /// Where its present value came from.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::{Flag, FlagSet, Source};
    /// let flag = Flag::<u32>::new("size", 4, "how many entries");
    /// let set = FlagSet::new("Store").add(&flag);
    /// let info = set.flags().next().unwrap();
    /// assert_eq!(info.source(), Source::Default);
    /// set.set("size", "8", Source::CommandLine)?;
    /// assert_eq!(info.source(), Source::CommandLine);
    /// # Ok::<(), rungroup::ConfigErrors>(())
    /// ```
    pub fn source(&self) -> Source {
        self.flag.source()
    }
}

impl fmt::Debug for FlagInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FlagInfo").field(&self.name()).finish()
    }
}

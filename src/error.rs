//! The library's own error, and the problems of the config phase. Failures of callbacks are in
//! `failure`, the result of a whole run in `group::run_error`.

use std::fmt;
use std::sync::Arc;

use crate::exit::{Exit, FAILURE};

/// What kind of [`Error`] (or of `RunError`) it is.
///
/// # Examples
///
/// ```
/// use rungroup::{ErrorKind, Group};
///
/// let mut group = Group::new("demo").args(["demo", "--colour"]); // it has no such flag
/// let error = group.run().unwrap_err();
/// let hint = match error.kind() {
///     ErrorKind::Config => "see --help",
///     ErrorKind::NotStopped => "kill it",
///     _ => "see the log",
/// };
/// assert_eq!(hint, "see --help");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The group is put together wrongly: two units of one name, clashing flags, a cycle …
    Definition,
    /// The user's command line, environment or file is at fault, or a unit refuses its settings.
    Config,
    /// A pre-run failed.
    PreRun,
    /// A service ended by an error or a panic, or could not be started; or a callback that was to
    /// stop it failed. Of a reload: a unit's `reload` failed, and the new settings are in effect.
    Failed,
    /// Something did not stop before its deadline and was left behind.
    NotStopped,
    /// A clean-up failed after an end that was asked for.
    PostRun,
    /// Waiting here would wait for oneself.
    WouldDeadlock,
    /// The group has already run, or its config phase is over.
    AlreadyRan,
    /// Too early: the config phase is not over.
    NotConfigured,
    /// Too early: the group does not serve yet.
    NotServing,
    /// Too late: the run is over, or its services have stopped.
    Stopped,
    /// The id belongs to no unit of this group.
    UnknownUnit,
    /// Another unit, still alive, depends on this one.
    InUse,
    /// A thread could not be spawned.
    Spawn,
}

/// An error of the library itself: an opaque text with a [kind](Error::kind), and for the config
/// phase the list of [problems](Error::problems).
///
/// # Examples
///
/// ```
/// use rungroup::{ErrorKind, Group, service_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("twin", |_ctx| Ok(())));
/// group.register(service_fn("twin", |_ctx| Ok(())));
/// let error = group.run_config().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Definition);
/// assert_eq!(error.to_string(), "two units are named 'twin'");
/// ```
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    text: String,
    problems: ConfigErrors,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        let problems = ConfigErrors::default();
        Error(Box::new(Inner { kind, text: text.into(), problems, source: None }))
    }

    /// One that says what another says, which is its source.
    pub(crate) fn by(
        kind: ErrorKind,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        let mut error = Self::new(kind, source.to_string());
        error.0.source = Some(Arc::new(source));
        error
    }

    /// The problems of the config phase, all at once.
    pub(crate) fn config(kind: ErrorKind, problems: ConfigErrors) -> Self {
        Error(Box::new(Inner { kind, text: String::new(), problems, source: None }))
    }

    /// What `Group::main` would print for it, and its exit code: 2 when the user's settings were at
    /// fault, otherwise 1. `program` is the name that the tip to try `--help` calls.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    ///
    /// let mut group = Group::new("demo").args(["demo", "--colour"]);
    /// let exit = group.run_config().unwrap_err().to_exit("demo");
    /// assert_eq!(exit.code, 2);
    /// assert_eq!(exit.stderr, "error: unknown flag '--colour'\ntry 'demo --help'\n");
    /// ```
    pub fn to_exit(&self, program: &str) -> Exit {
        match self.kind() {
            ErrorKind::Config => Exit::usage(program, self.problems()),
            ErrorKind::Definition => Exit::error(FAILURE, self.problems()),
            _ => Exit::error(FAILURE, [self]),
        }
    }

    /// What kind of error it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{ErrorKind, Group};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// let _ = group.run_config()?;
    /// assert_eq!(group.run_config().unwrap_err().kind(), ErrorKind::AlreadyRan);
    /// # Ok::<(), rungroup::Error>(())
    /// ```
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The problems of the config phase, each naming its unit and flag where it is about one. Empty
    /// for kinds other than [`Definition`](ErrorKind::Definition) and
    /// [`Config`](ErrorKind::Config).
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    ///
    /// let mut group = Group::new("demo").args(["demo", "--colour", "--size=3"]);
    /// let error = group.run_config().unwrap_err();
    /// assert_eq!(error.problems().len(), 2); // all at once
    /// ```
    pub fn problems(&self) -> &[ConfigError] {
        self.0.problems.as_slice()
    }
}

/// One line, or a line for each problem of the config phase.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.problems.is_empty() { f.write_str(&self.0.text) } else { self.0.problems.fmt(f) }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}

/// One problem of the config phase: which unit, which flag, which value from where, what is wrong
/// with it, and a tip where there is one.
///
/// Units get one from `Flag::invalid`, which fills in flag, value and source; the unit is added by
/// the group.
///
/// # Examples
///
/// ```
/// use rungroup::{ConfigError, ConfigErrors};
///
/// let errors = ConfigErrors::from(ConfigError::new("no key given").tip("try --key"));
/// assert_eq!(errors.to_string(), "no key given\n  tip: try --key");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(Box<Problem>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Problem {
    why: String,
    unit: Option<String>,
    flag: Option<String>,
    /// What stands for the flag where it is given by its place: `FILE`.
    placeholder: Option<String>,
    value: Option<String>,
    source: Option<String>,
    tip: Option<String>,
}

impl ConfigError {
    /// A problem that is not that of one flag.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::ConfigError;
    ///
    /// let problem = ConfigError::new("give a key or a password");
    /// assert_eq!(problem.to_string(), "give a key or a password");
    /// ```
    pub fn new(why: impl Into<String>) -> Self {
        Self(Box::new(Problem { why: why.into(), ..Problem::default() }))
    }

    /// Adds a tip: what the user could do.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Bytes, ConfigError, Flag};
    ///
    /// let cache = Flag::new("cache", Bytes::kib(4), "how much to cache");
    /// let problem = cache.invalid(ConfigError::new("too small").tip("1MiB is the least"));
    /// assert!(problem.to_string().ends_with("too small\n  tip: 1MiB is the least"));
    /// ```
    #[must_use]
    pub fn tip(mut self, tip: impl Into<String>) -> Self {
        self.0.tip = Some(tip.into());
        self
    }

    /// Without control characters, as what it quotes may have some: a terminal would obey them, and
    /// a line break could forge a line.
    pub(crate) fn printable(mut self) -> Self {
        for text in [Some(&mut self.0.why), self.0.tip.as_mut()].into_iter().flatten() {
            if text.contains(char::is_control) {
                *text = text.escape_debug().to_string();
            }
        }
        self
    }

    pub(crate) fn of_flag(mut self, flag: impl Into<String>) -> Self {
        self.0.flag = Some(flag.into());
        self
    }

    pub(crate) fn of_argument(self, flag: &str, placeholder: String) -> Self {
        let mut problem = self.of_flag(flag);
        problem.0.placeholder = Some(placeholder);
        problem
    }

    pub(crate) fn of_source(mut self, source: impl Into<String>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn of_value(mut self, value: Option<String>, source: impl Into<String>) -> Self {
        self.0.value = value;
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn of_unit(mut self, unit: &str) -> Self {
        self.0.unit.get_or_insert_with(|| unit.to_owned());
        self
    }

    /// The unit, where it is known.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet, Group, pre_run_fn};
    ///
    /// let jobs = Flag::<u32>::new("jobs", 4, "how many at once");
    /// let mut group = Group::new("demo").args(["demo", "--jobs=many"]);
    /// group.register(pre_run_fn("pool", |_ctx| Ok(())).flags(FlagSet::new("Pool").add(&jobs)));
    /// let error = group.run_config().unwrap_err();
    /// assert_eq!(error.problems()[0].unit(), Some("pool"));
    /// ```
    pub fn unit(&self) -> Option<&str> {
        self.0.unit.as_deref()
    }

    /// The flag's full name without dashes, where it is about one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::Flag;
    /// let jobs = Flag::<u32>::new("jobs", 0, "how many at once");
    /// let problem = jobs.invalid("at least one is needed");
    /// assert_eq!(problem.flag(), Some("jobs"));
    /// ```
    pub fn flag(&self) -> Option<&str> {
        self.0.flag.as_deref()
    }

    /// The value at fault as text, where there is one and it is not secret.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::Flag;
    /// let jobs = Flag::<u32>::new("jobs", 0, "how many at once");
    /// let problem = jobs.invalid("at least one is needed");
    /// assert_eq!(problem.value(), Some("0"));
    /// ```
    pub fn value(&self) -> Option<&str> {
        self.0.value.as_deref()
    }

    /// Where the value came from, as `command line` or `environment variable KVD_LISTEN`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::Flag;
    /// let jobs = Flag::<u32>::new("jobs", 0, "how many at once");
    /// let problem = jobs.invalid("at least one is needed");
    /// assert_eq!(problem.value_source(), Some("default"));
    /// ```
    pub fn value_source(&self) -> Option<&str> {
        self.0.source.as_deref()
    }

    /// What is wrong, without flag and value.
    ///
    /// # Examples
    ///
    /// ```
    /// # use rungroup::Flag;
    /// let jobs = Flag::<u32>::new("jobs", 0, "how many at once");
    /// let problem = jobs.invalid("at least one is needed");
    /// assert_eq!(problem.why(), "at least one is needed");
    /// ```
    pub fn why(&self) -> &str {
        &self.0.why
    }
}

/// `unit 'store': invalid value '12QB' for '--max-memory' (command line): unknown unit 'QB'`, and a
/// tip on a line of its own.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(unit) = &self.0.unit {
            write!(f, "unit '{unit}': ")?;
        }
        let named = match (&self.0.placeholder, &self.0.flag) {
            (Some(placeholder), _) => Some(("argument", format!("'<{placeholder}>'"))),
            (None, Some(flag)) => Some(("flag", format!("'--{flag}'"))),
            (None, None) => None,
        };
        let source = self.0.source.as_ref().map(|source| format!(" ({source})"));
        let (why, source) = (&self.0.why, source.unwrap_or_default());
        match (named, &self.0.value) {
            (Some((_, name)), Some(value)) => {
                write!(f, "invalid value '{value}' for {name}{source}: {why}")?;
            }
            (Some((kind, name)), None) => write!(f, "{kind} {name}{source}: {why}")?,
            (None, _) => write!(f, "{why}{source}")?,
        }
        match &self.0.tip {
            Some(tip) => write!(f, "\n  tip: {tip}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Several [`ConfigError`]s: what `Config::validate` returns, so that a unit can report everything
/// that is wrong at once.
///
/// # Examples
///
/// ```
/// use rungroup::{ConfigErrors, Flag};
///
/// fn validate(low: &Flag<u32>, high: &Flag<u32>) -> Result<(), ConfigErrors> {
///     let mut errors = ConfigErrors::new();
///     if *low.get() == 0 {
///         errors.push(low.invalid("must not be 0"));
///     }
///     if low.get() > high.get() {
///         errors.push(high.invalid("is below --low"));
///     }
///     errors.into_result()
/// }
///
/// let (low, high) = (Flag::new("low", 0, "lower bound"), Flag::new("high", 9, "upper bound"));
/// let errors = validate(&low, &high).unwrap_err();
/// assert_eq!(errors.to_string(), "invalid value '0' for '--low' (default): must not be 0");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// None yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::ConfigErrors;
    ///
    /// assert!(ConfigErrors::new().into_result().is_ok());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{ConfigErrors, Flag};
    ///
    /// let low = Flag::<u8>::new("low", 9, "the least");
    /// let high = Flag::<u8>::new("high", 5, "the most");
    /// let mut errors = ConfigErrors::new();
    /// if low.get() > high.get() {
    ///     errors.push(low.invalid("more than --high"));
    /// }
    /// errors.push("a text will do, too");
    /// assert_eq!(errors.as_slice().len(), 2);
    /// ```
    pub fn push(&mut self, error: impl Into<ConfigError>) {
        self.0.push(error.into());
    }

    /// Adds all of another's.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::ConfigErrors;
    ///
    /// fn check_tls() -> ConfigErrors {
    ///     let mut errors = ConfigErrors::new();
    ///     errors.push("no certificate");
    ///     errors
    /// }
    ///
    /// let mut errors = ConfigErrors::new();
    /// errors.push("no address");
    /// errors.append(check_tls());
    /// assert_eq!(errors.to_string(), "no address\nno certificate");
    /// ```
    pub fn append(&mut self, other: ConfigErrors) {
        self.0.extend(other.0);
    }

    /// Whether there are none.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::ConfigErrors;
    ///
    /// let mut errors = ConfigErrors::new();
    /// assert!(errors.is_empty());
    /// errors.push("no address");
    /// assert!(!errors.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order in which they were found.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::ConfigErrors;
    ///
    /// let mut errors = ConfigErrors::new();
    /// errors.push("no address");
    /// errors.push("no certificate");
    /// assert_eq!(errors.as_slice()[1].why(), "no certificate");
    /// ```
    pub fn as_slice(&self) -> &[ConfigError] {
        &self.0
    }

    /// `Ok` where there are none.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::ConfigErrors;
    ///
    /// fn validate(address: &str) -> Result<(), ConfigErrors> {
    ///     let mut errors = ConfigErrors::new();
    ///     if address.is_empty() {
    ///         errors.push("no address");
    ///     }
    ///     errors.into_result()
    /// }
    ///
    /// assert!(validate("[::1]:80").is_ok());
    /// assert!(validate("").is_err());
    /// ```
    pub fn into_result(self) -> Result<(), ConfigErrors> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }

    pub(crate) fn of_unit(self, unit: &str) -> Self {
        self.map(|error| error.of_unit(unit))
    }

    pub(crate) fn map(self, change: impl FnMut(ConfigError) -> ConfigError) -> Self {
        Self(self.0.into_iter().map(change).collect())
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl From<&str> for ConfigError {
    fn from(why: &str) -> Self {
        Self::new(why)
    }
}

impl From<String> for ConfigError {
    fn from(why: String) -> Self {
        Self::new(why)
    }
}

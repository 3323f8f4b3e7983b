//! The ready-made unit that sets up the program's log: `env_logger`, with its level as a flag.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use log::{LevelFilter, Log, Metadata, Record};

use crate::context::RunContext;
use crate::error::{ConfigError, ConfigErrors};
use crate::failure::BoxError;
use crate::flags::{Flag, FlagSet, Live, Source};
use crate::unit::{Config, PreRunner, Unit};

crate::flag_value!(LevelFilter {
    "off" => LevelFilter::Off,
    "error" => LevelFilter::Error,
    "warn" => LevelFilter::Warn,
    "info" => LevelFilter::Info,
    "debug" => LevelFilter::Debug,
    "trace" => LevelFilter::Trace,
});

/// Where `env_logger`'s users are used to saying what they want to see.
const RUST_LOG: &str = "RUST_LOG";

/// Sets up the program's log on stderr, with `env_logger` and the flag `--log-level` (`info` by
/// default).
///
/// Where the flag is given, on the command line or by its environment variable, it counts. Otherwise
/// `RUST_LOG` does, with the filters that `env_logger` knows (`info,kvd::storage=debug`); a level in
/// it that there is not is an error, and not a line on stderr. Last come a level in the file that
/// `--config` names, and the default.
///
/// The flag is [`Live`]: a [reload](crate::GroupHandle::reload) changes the level at once. The
/// filters of `RUST_LOG`, where they count, stay: the environment of a process does not change. The
/// level is that of the whole process, [`log::max_level`].
///
/// What the group warns of before its pre-run, as it does of deprecated flags, is logged right after
/// it.
///
/// There is one logger in a process. Where an earlier `Logging` has set it up, as in the test before,
/// that is taken, with the level of the new one. Where it is somebody else's the pre-run fails: then
/// leave `Logging` out, and the group logs to what is there.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, Logging};
///
/// let mut group = Group::new("demo").args(["demo", "--log-level=loud"]);
/// group.register(Logging::new());
/// let error = group.run_config().unwrap_err();
/// assert!(error.to_string().starts_with(
///     "unit 'logging': invalid value 'loud' for '--log-level' (command line): "
/// ));
/// ```
pub struct Logging {
    level: Live<LevelFilter>,
    /// Held while the level is read and set: of two that do so, the one that reads last sets last.
    filter: Mutex<Filter>,
}

/// What decides which messages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Filter {
    /// Nothing of ours: there was no pre-run yet.
    #[default]
    None,
    Level,
    RustLog,
}

impl Logging {
    /// The unit is named `logging`.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, Logging};
    ///
    /// let mut group = Group::new("demo");
    /// group.register(Logging::new());
    /// let units = "Group: demo [cli]\n- config: logging\n- prerun: logging";
    /// assert_eq!(group.list_units(), units);
    /// ```
    pub fn new() -> Self {
        let help = "What to log: messages of this level and of more serious ones.\n\n\
                    RUST_LOG, with its filters, goes before a level that is in a file.";
        let level = Flag::new("log-level", LevelFilter::Info, help).value_name("LEVEL");
        Self { level: level.live(), filter: Mutex::default() }
    }

    fn filter(&self) -> MutexGuard<'_, Filter> {
        self.filter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `RUST_LOG` says, where it counts.
    fn rust_log(&self) -> Option<String> {
        if !matches!(self.level.source(), Source::Default | Source::File { .. }) {
            return None;
        }
        std::env::var(RUST_LOG).ok().filter(|filters| !filters.is_empty())
    }
}

impl Default for Logging {
    fn default() -> Self {
        Self::new()
    }
}

impl Unit for Logging {
    fn name(&self) -> &'static str {
        "logging"
    }

    fn as_config(&self) -> Option<&dyn Config> {
        Some(self)
    }

    fn as_pre_runner(&self) -> Option<&dyn PreRunner> {
        Some(self)
    }

    fn root_only(&self) -> bool {
        true
    }
}

impl Config for Logging {
    fn flag_set(&self) -> FlagSet {
        FlagSet::new("Logging").add(&self.level)
    }

    fn validate(&self) -> Result<(), ConfigErrors> {
        let Some(filters) = self.rust_log() else { return Ok(()) };
        let mut errors = ConfigErrors::new();
        // `env_logger` itself passes over what it does not understand.
        let directives = filters.split('/').next().unwrap_or_default();
        for level in directives.split(',').filter_map(|directive| directive.split_once('=')) {
            // Without a level everything is let through.
            let level = level.1.trim();
            if !level.is_empty() && level.parse::<LevelFilter>().is_err() {
                let why = format!("environment variable {RUST_LOG}: '{level}' is no level");
                let tip = "the levels are off, error, warn, info, debug, trace";
                errors.push(ConfigError::new(why).tip(tip));
            }
        }
        errors.into_result()
    }

    fn reload(&self) -> Result<(), BoxError> {
        let filter = self.filter();
        match (*filter, self.level.source()) {
            (Filter::Level, _) => log::set_max_level(*self.level.get()),
            (Filter::RustLog, source @ Source::File { .. }) => {
                drop(filter); // stderr may be stuck
                let text = format!("{RUST_LOG} is set, and goes before --log-level ({source})");
                log::warn!(target: "rungroup", unit = self.name(); "{text}");
            }
            // Before the pre-run there is no logger yet, and it will read the level.
            (Filter::RustLog | Filter::None, _) => {}
        }
        Ok(())
    }
}

impl PreRunner for Logging {
    fn pre_run(&self, _ctx: &RunContext) -> Result<(), BoxError> {
        let mut filter = self.filter();
        if log::set_logger(&LOGGER).is_err() && !std::ptr::addr_eq(log::logger(), &raw const LOGGER)
        {
            return Err("another logger is set up already: leave `Logging` out".into());
        }
        let mut builder = env_logger::Builder::new();
        let level = if let Some(filters) = self.rust_log() {
            let logger = builder.parse_filters(&filters).build();
            let level = logger.filter();
            LOGGER.set(Arc::new(logger));
            *filter = Filter::RustLog;
            level
        } else {
            // `env_logger` cannot change its filter any more: it lets through all that gets to it.
            let logger = builder.filter_level(LevelFilter::Trace).build();
            LOGGER.set(Arc::new(UpToMaxLevel(logger)));
            *filter = Filter::Level;
            *self.level.get()
        };
        log::set_max_level(level);
        Ok(())
    }
}

/// What is the process's logger for good, once a `Logging` has set it up.
static LOGGER: Latest = Latest(RwLock::new(None));

/// The logger of the `Logging` that came last.
struct Latest(RwLock<Option<Arc<dyn Log>>>);

impl Latest {
    fn set(&self, logger: Arc<dyn Log>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(logger);
    }

    /// Without the lock: stderr may be stuck, and the next one would wait for it.
    fn get(&self) -> Option<Arc<dyn Log>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Log for Latest {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.get().is_some_and(|logger| logger.enabled(metadata))
    }

    fn log(&self, record: &Record<'_>) {
        if let Some(logger) = self.get() {
            logger.log(record);
        }
    }

    fn flush(&self) {
        if let Some(logger) = self.get() {
            logger.flush();
        }
    }
}

/// A logger whose filter is `log::max_level`. The macros look at that themselves; who calls a
/// logger without them need not.
struct UpToMaxLevel(env_logger::Logger);

impl Log for UpToMaxLevel {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.log(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}

impl fmt::Debug for Logging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logging").field("level", &self.level).finish_non_exhaustive()
    }
}

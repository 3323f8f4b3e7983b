//! The ready-made unit that sets up the program's log: `env_logger`, with its level as a flag.

use std::fmt;

use log::LevelFilter;

use crate::context::RunContext;
use crate::error::{ConfigError, ConfigErrors};
use crate::failure::BoxError;
use crate::flags::{Flag, FlagSet, Source};
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
/// it that there is not is an error, and not a line on stderr.
///
/// There is one logger in a process: the pre-run fails where another has been set up.
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
    level: Flag<LevelFilter>,
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
        let help = "What to log: messages of this level and of more serious ones.";
        Self { level: Flag::new("log-level", LevelFilter::Info, help).value_name("LEVEL") }
    }

    /// What `RUST_LOG` says, where it counts.
    fn rust_log(&self) -> Option<String> {
        if self.level.source() != Source::Default {
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
            if level.1.trim().parse::<LevelFilter>().is_err() {
                let why =
                    format!("environment variable {RUST_LOG}: '{}' is no level", level.1.trim());
                let tip = "the levels are off, error, warn, info, debug, trace";
                errors.push(ConfigError::new(why).tip(tip));
            }
        }
        errors.into_result()
    }
}

impl PreRunner for Logging {
    fn pre_run(&self, _ctx: &RunContext) -> Result<(), BoxError> {
        let mut builder = env_logger::Builder::new();
        match self.rust_log() {
            Some(filters) => builder.parse_filters(&filters),
            None => builder.filter_level(*self.level.get()),
        };
        builder.try_init()?;
        Ok(())
    }
}

impl fmt::Debug for Logging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logging").field("level", &self.level).finish()
    }
}

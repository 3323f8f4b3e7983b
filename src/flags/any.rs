//! `AnyFlag`, what tables, parser and help know of a flag whose type they do not know.

use std::borrow::Cow;
use std::ffi::OsString;

use super::definition::Definition;
use super::slot::{By, Old};
use super::source::Source;
use super::value::{Arity, ValueKind};
use crate::error::{ConfigError, ConfigErrors};
use crate::panic;

type Text = Cow<'static, str>;

/// What a reload would do to a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    Live,
    NeedsRestart,
}

/// Why a value was not taken.
pub(super) enum NotTaken {
    /// What the type says of it, which is still to be completed.
    Unreadable(ConfigError),
    /// The whole problem.
    Problem(ConfigError),
}

impl From<ConfigError> for NotTaken {
    fn from(problem: ConfigError) -> Self {
        NotTaken::Problem(problem)
    }
}

/// A flag whose type is not known.
pub(super) trait AnyFlag: Send + Sync {
    fn definition(&self) -> &Definition;

    fn arity(&self) -> Arity;

    /// What stands for the value in the help.
    fn value_name(&self) -> Text;

    fn choices(&self) -> &'static [&'static str];

    fn kind(&self) -> ValueKind;

    fn notation(&self) -> Option<&'static str>;

    /// The default as the help shows it; nothing where there is none or it is empty or secret.
    fn default_shown(&self) -> Option<String>;

    fn is_required(&self) -> bool;

    /// Whether a reload can change it.
    fn is_live(&self) -> bool;

    /// The present value as arguments; nothing for a required flag that has none.
    fn present_args(&self) -> Option<Vec<OsString>>;

    /// Where the present value came from.
    fn source(&self) -> Source;

    /// Reads, checks and sets a value: what of `assign` and `assign_guarded` needs the type.
    fn read_and_set(&self, args: &[OsString], source: &Source, by: By) -> Result<(), NotTaken>;

    /// The problem of reading `args`: of several values, the ones at fault.
    fn unreadable(&self, why: ConfigError, args: &[OsString], source: &Source) -> ConfigErrors;

    /// Who has set the present value; nobody: it is the default.
    fn set_by(&self) -> Option<By>;

    /// Nobody gave a value: sees that there is one all the same, and checks it.
    fn settle(&self) -> Result<(), ConfigError>;

    /// Reads, checks and keeps aside what a reload has found: what of `prepare` needs the type.
    fn read_and_prepare(&self, given: Option<(&[OsString], &Source)>) -> Result<Change, NotTaken>;

    /// Sets what was kept aside, and gives back what was there before.
    fn commit(&self) -> Option<Old>;

    /// Forgets what was kept aside.
    fn discard(&self);
}

/// What of a flag can be done without its type: that is compiled once, and not for every type anew.
impl dyn AnyFlag + '_ {
    /// Reads, checks and sets a value. Nothing is set where there is a problem; a panic of the flag's
    /// type goes through.
    pub(super) fn assign(
        &self,
        args: &[OsString],
        source: &Source,
        by: By,
    ) -> Result<(), ConfigErrors> {
        self.read_and_set(args, source, by).map_err(|why| self.completed(why, args, source))
    }

    /// The same, with a panic of the flag's type as its problem.
    pub(super) fn assign_guarded(
        &self,
        args: &[OsString],
        source: &Source,
        by: By,
    ) -> Result<(), ConfigErrors> {
        self.guarded(args, source, &|| self.read_and_set(args, source, by))
    }

    /// Reads and checks what a reload has found, nothing for the default, and keeps it aside if the
    /// flag is live.
    pub(super) fn prepare(
        &self,
        given: Option<(&[OsString], &Source)>,
    ) -> Result<Change, ConfigErrors> {
        let (args, source) = given.unwrap_or((&[], &Source::Default));
        self.guarded(args, source, &|| self.read_and_prepare(given))
    }

    /// A panic of the flag's type is its problem with `args`.
    fn guarded<R>(
        &self,
        args: &[OsString],
        source: &Source,
        call: &dyn Fn() -> Result<R, NotTaken>,
    ) -> Result<R, ConfigErrors> {
        match panic::catch(call) {
            Ok(result) => result.map_err(|why| self.completed(why, args, source)),
            Err(panic) => Err(self.unreadable(ConfigError::new(panic.to_string()), args, source)),
        }
    }

    fn completed(&self, why: NotTaken, args: &[OsString], source: &Source) -> ConfigErrors {
        match why {
            NotTaken::Problem(problem) => problem.into(),
            NotTaken::Unreadable(why) => self.unreadable(why, args, source),
        }
    }
}

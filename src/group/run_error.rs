//! The error of a run: what was at fault, what else went wrong, and what was left behind.

use std::error::Error as StdError;
use std::fmt;

use crate::error::{ConfigError, Error, ErrorKind};
use crate::exit::{Exit, FAILURE};
use crate::failure::Failure;
use crate::supervisor::{LeftBehind, Report};

/// Why a run was not a success: the [cause](RunError::cause), all other
/// [failures](RunError::failures), what was [left behind](RunError::left_behind), and the
/// [`Report`].
///
/// `Display` is a line for each thing that went wrong, the cause first.
///
/// # Examples
///
/// ```
/// use rungroup::{ErrorKind, Group, service_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("server", |_ctx| Err("no route to host".into())));
/// let error = group.run().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Failed);
/// assert_eq!(error.to_string(), "unit 'server': serve failed: no route to host");
/// ```
#[derive(Debug)]
pub struct RunError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    error: Option<Error>,
    cause: Option<Failure>,
    report: Option<Report>,
}

impl RunError {
    /// Misuse, or something wrong before any callback that could fail.
    pub(super) fn early(error: Error, report: Option<Report>) -> Self {
        Self(Box::new(Inner { kind: error.kind(), error: Some(error), cause: None, report }))
    }

    pub(super) fn failed(kind: ErrorKind, cause: Option<Failure>, report: Report) -> Self {
        Self(Box::new(Inner { kind, error: None, cause, report: Some(report) }))
    }

    /// What kind of error it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{ErrorKind, Group, pre_run_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(pre_run_fn("open", |_ctx| Err("no such file".into())));
    /// assert_eq!(group.run().unwrap_err().kind(), ErrorKind::PreRun);
    /// assert_eq!(group.run().unwrap_err().kind(), ErrorKind::AlreadyRan);
    /// ```
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The callback that was at fault: the one whose failure ended the run, or else the first that
    /// failed. `None` for problems of the config phase, and where something did not stop but
    /// nothing failed.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |_ctx| Err("no route to host".into())));
    /// let error = group.run().unwrap_err();
    /// let cause = error.cause().unwrap();
    /// assert_eq!(cause.unit(), "server");
    /// assert_eq!(cause.as_error().to_string(), "no route to host");
    /// ```
    pub fn cause(&self) -> Option<&Failure> {
        self.0.cause.as_ref()
    }

    /// The problems of the config phase, where it did not get further.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    ///
    /// let mut group = Group::new("demo").args(["demo", "--colour", "--size=3"]);
    /// let error = group.run().unwrap_err();
    /// let problems: Vec<&str> = error.problems().iter().map(|problem| problem.why()).collect();
    /// assert_eq!(problems, ["unknown flag '--colour'", "unknown flag '--size'"]);
    /// ```
    pub fn problems(&self) -> &[ConfigError] {
        self.0.error.as_ref().map_or(&[], Error::problems)
    }

    /// All failures of callbacks, in the order in which they became known.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::*;
    ///
    /// struct Server;
    ///
    /// impl Unit for Server {
    ///     fn name(&self) -> &str { "server" }
    ///     fn as_service(&self) -> Option<&dyn Service> { Some(self) }
    /// }
    ///
    /// impl Service for Server {
    ///     fn serve(&self, _ctx: &ServeContext) -> Result<(), BoxError> { Err("no route".into()) }
    ///     fn graceful_stop(&self) -> Result<(), BoxError> { Err("nobody to say goodbye to".into()) }
    /// }
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Server);
    /// let error = group.run().unwrap_err();
    /// let phases: Vec<Phase> = error.failures().iter().map(Failure::phase).collect();
    /// assert_eq!(phases, [Phase::Serve, Phase::GracefulStop]);
    /// ```
    pub fn failures(&self) -> &[Failure] {
        self.report().map_or(&[], Report::failures)
    }

    /// The threads that did not end in time.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::bounded;
    /// use rungroup::{Group, service_fn};
    /// use std::time::Duration;
    ///
    /// let (_hold, held) = bounded::<()>(0);
    /// let mut group = Group::new("demo").args(["demo"]).stop_timeout(Duration::from_millis(10));
    /// let deaf = group.register(service_fn("deaf", move |_ctx| Ok(held.recv()?))).id();
    /// group.register(service_fn("short", |_ctx| Ok(()))).after(deaf);
    /// let error = group.run().unwrap_err();
    /// assert_eq!(error.left_behind()[0].unit.as_deref(), Some("deaf"));
    /// ```
    pub fn left_behind(&self) -> &[LeftBehind] {
        self.report().map_or(&[], Report::left_behind)
    }

    /// What the run was like; `None` if there was none, the group having run before.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |_ctx| Err("no route to host".into())));
    /// let error = group.run().unwrap_err();
    /// let report = error.report().unwrap();
    /// assert_eq!(report.reason().to_string(), "unit 'server' stopped");
    /// ```
    pub fn report(&self) -> Option<&Report> {
        self.0.report.as_ref()
    }

    /// The cause's original error, if it is an `E`.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    /// use std::io;
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |_ctx| {
    ///     Err(io::Error::from(io::ErrorKind::AddrInUse).into())
    /// }));
    /// let error = group.run().unwrap_err();
    /// let original = error.downcast_ref::<io::Error>().unwrap();
    /// assert_eq!(original.kind(), io::ErrorKind::AddrInUse);
    /// ```
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.cause()?.downcast_ref()
    }

    /// What `Group::main` prints, and its exit code: 2 when the user's settings were at fault,
    /// otherwise 1. `program` is the name that the tip to try `--help` calls.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |_ctx| Err("no route to host".into())));
    /// let error = group.run().unwrap_err();
    /// let exit = error.to_exit("demo");
    /// assert_eq!(exit.code, 1);
    /// assert_eq!(exit.stderr, "error: unit 'server': serve failed: no route to host\n");
    /// ```
    pub fn to_exit(&self, program: &str) -> Exit {
        match self.kind() {
            ErrorKind::Config => Exit::usage(program, self.problems()),
            ErrorKind::Definition => Exit::error(FAILURE, self.problems()),
            _ => Exit::error(FAILURE, self.lines()),
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        lines.extend(self.0.error.as_ref().map(ToString::to_string));
        let cause = self.cause().map(ToString::to_string);
        lines.extend(cause.clone());
        let mut cause_is_due = cause;
        for failure in self.failures() {
            let line = failure.to_string();
            // The cause is among them, and was said first.
            if cause_is_due.as_ref() == Some(&line) {
                cause_is_due = None;
            } else {
                lines.push(line);
            }
        }
        lines.extend(self.left_behind().iter().map(ToString::to_string));
        for unit in self.report().map_or(&[][..], Report::skipped_post_runs) {
            lines.push(format!(
                "unit '{unit}': post_run was skipped, since threads that may use the unit are left behind"
            ));
        }
        lines
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl StdError for RunError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let cause = self.cause().map(|failure| failure as &(dyn StdError + 'static));
        cause.or_else(|| self.0.error.as_ref().map(|error| error as &(dyn StdError + 'static)))
    }
}

//! The error of a run: what was at fault, what else went wrong, and what was left behind.

use std::error::Error as StdError;
use std::fmt;
use std::process::ExitCode;

use crate::error::{ConfigError, Error, ErrorKind};
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
    /// What `Group::main` prints: each thing that went wrong, and for wrong settings where to find the
    /// right ones.
    pub(super) fn to_terminal(&self, program: &str) -> String {
        use std::fmt::Write;

        let mut text = String::new();
        let problems = self.problems();
        if problems.is_empty() {
            for line in self.to_string().lines() {
                let _ = writeln!(text, "error: {line}");
            }
        }
        for problem in problems {
            let _ = writeln!(text, "error: {problem}");
        }
        if self.kind() == ErrorKind::Config {
            let _ = writeln!(text, "try '{program} --help'");
        }
        text
    }

    /// Misuse, or something wrong before any callback that could fail.
    pub(super) fn early(error: Error, report: Option<Report>) -> Self {
        Self(Box::new(Inner { kind: error.kind(), error: Some(error), cause: None, report }))
    }

    pub(super) fn failed(kind: ErrorKind, cause: Option<Failure>, report: Report) -> Self {
        Self(Box::new(Inner { kind, error: None, cause, report: Some(report) }))
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The callback that was at fault: the one whose failure ended the run, or else the first that
    /// failed. `None` for problems of the config phase, and where something did not stop but
    /// nothing failed.
    pub fn cause(&self) -> Option<&Failure> {
        self.0.cause.as_ref()
    }

    /// The problems of the config phase, where it did not get further.
    pub fn problems(&self) -> &[ConfigError] {
        self.0.error.as_ref().map_or(&[], Error::problems)
    }

    /// All failures of callbacks, in the order in which they became known.
    pub fn failures(&self) -> &[Failure] {
        self.report().map_or(&[], Report::failures)
    }

    /// The threads that did not end in time.
    pub fn left_behind(&self) -> &[LeftBehind] {
        self.report().map_or(&[], Report::left_behind)
    }

    /// What the run was like; `None` if there was none, the group having run before.
    pub fn report(&self) -> Option<&Report> {
        self.0.report.as_ref()
    }

    /// The cause's original error, if it is an `E`.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.cause()?.downcast_ref()
    }

    /// The exit code that goes with it: 2 when the user's settings were at fault, otherwise 1.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(if self.kind() == ErrorKind::Config { 2 } else { 1 })
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<String> = Vec::new();
        if let Some(error) = &self.0.error {
            lines.push(error.to_string());
        }
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
            lines.push(format!("unit '{unit}': post_run was skipped"));
        }
        f.write_str(&lines.join("\n"))
    }
}

impl StdError for RunError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let cause = self.cause().map(|failure| failure as &(dyn StdError + 'static));
        cause.or_else(|| self.0.error.as_ref().map(|error| error as &(dyn StdError + 'static)))
    }
}

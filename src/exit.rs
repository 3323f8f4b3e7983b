//! `Exit`: how the program should end instead of running: with which code, having printed what
//! (F9). Nothing is printed here.

use std::fmt::{Display, Write};
use std::process::ExitCode;

use crate::error::ConfigError;

/// The exit code of a program that was called wrongly.
const USAGE: u8 = 2;

/// The exit code of a program that failed otherwise.
pub(crate) const FAILURE: u8 = 1;

/// How the program should end: its help was asked for, its settings are wrong, or its run failed.
///
/// The library prints only in `Group::main`; whoever calls `run_config` or `run` prints these texts
/// and ends with the code.
///
/// # Examples
///
/// ```
/// use rungroup::Exit;
///
/// let exit = Exit { code: 0, stdout: "kvd 1.2.0\n".to_owned(), stderr: String::new() };
/// assert_eq!(exit.exit_code(), std::process::ExitCode::SUCCESS);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// The exit code: 0 for what was asked for, 2 for settings that are wrong, 1 for any other
    /// failure.
    pub code: u8,
    /// What to print on the standard output, as it is. Help that the process's own command line has
    /// asked for fits its terminal, and has colours if that takes them; to injected arguments it is
    /// plain text in 80 columns.
    pub stdout: String,
    /// What to print on the standard error, as it is.
    pub stderr: String,
}

impl Exit {
    /// The code in the form that `main` returns; [`print`](Self::print) gives it, too.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Exit;
    /// use std::process::ExitCode;
    ///
    /// let exit = Exit { code: 2, ..Exit::default() };
    /// assert_eq!(exit.exit_code(), ExitCode::from(2));
    /// ```
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }

    /// What went wrong, one thing below the other, each behind `error: `.
    pub(crate) fn error(code: u8, errors: impl IntoIterator<Item = impl Display>) -> Self {
        let mut stderr = String::new();
        for error in errors {
            let _ = writeln!(stderr, "error: {error}"); // a String takes everything
        }
        Self { code, stdout: String::new(), stderr }
    }

    /// Everything that is wrong with the settings (F7), and where to find the right ones.
    pub(crate) fn usage(program: &str, errors: &[ConfigError]) -> Self {
        let mut exit = Self::error(USAGE, errors);
        let _ = writeln!(exit.stderr, "try '{program} --help'");
        exit
    }

    /// What was asked for, and nothing more.
    pub(crate) fn success(stdout: String) -> Self {
        Self { code: 0, stdout, stderr: String::new() }
    }
}

//! The one place that prints, and the one that ends the process. Both are for programs that hand
//! their `main` to the library; a stream that is closed is nobody's panic. It alone asks what stdout
//! and stderr are.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use crate::exit::{Exit, FAILURE};
use crate::screen::Screen;
use crate::thread::{self, Place};

/// How long a program that is done waits for its errors to be written. A halted terminal or a reader
/// that is stuck takes nothing, and whoever is stuck in writing the log holds the lock of stderr.
const PATIENCE: Duration = Duration::from_secs(1);

/// What stdout is made for. `COLUMNS` is not asked: shells keep it for themselves, and where it is
/// exported all the same it is the width that some terminal had once.
pub(crate) fn screen() -> Screen {
    let out = io::stdout();
    if !out.is_terminal() {
        return Screen::PLAIN; // `kvd --help | less`, and files: everybody's are the same
    }
    Screen::of_terminal(columns(&out), takes_colour(&out))
}

#[cfg(feature = "terminal-width")]
fn columns(terminal: &impl std::os::fd::AsFd) -> Option<u16> {
    rustix::termios::tcgetwinsize(terminal).ok().map(|size| size.ws_col)
}

#[cfg(not(feature = "terminal-width"))]
fn columns<T>(_terminal: &T) -> Option<u16> {
    None
}

/// Whether escapes are colours there and not noise, and are wanted (<https://no-color.org>). A
/// terminal that nothing is known of gets none.
fn takes_colour(stream: &impl IsTerminal) -> bool {
    let is_set = |variable| std::env::var_os(variable).filter(|value| !value.is_empty());
    stream.is_terminal()
        && is_set("NO_COLOR").is_none()
        && is_set("TERM").is_some_and(|term| term != OsStr::new("dumb"))
}

/// Writes all of it to stdout, however slow the reader.
fn out(text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(()); // somebody who is stuck may hold the lock
    }
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A reader that has seen enough is no concern of the program's: `kvd --help | head -1`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes to stderr. Where that is not possible there is nobody left to tell.
pub(crate) fn err(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// The last thing that a run's program does; gives its exit code. Stderr has a second, and is then
/// given up, so that it does not keep the process from its end.
pub(crate) fn print_last(run: u64, exit: &Exit) -> ExitCode {
    let (mut code, mut errors) = (exit.code, Cow::Borrowed(&*exit.stderr));
    if let Err(error) = out(&exit.stdout) {
        // Half a text, and the code of success, would be taken for all of it.
        let why = format!("cannot write to the standard output: {error}");
        errors.to_mut().push_str(&Exit::error(FAILURE, [why]).stderr);
        if code == 0 {
            code = FAILURE;
        }
    }
    if !errors.is_empty() {
        print_errors(run, &errors);
    }
    code.into()
}

impl Exit {
    /// Prints what there is to print, and gives the code for `main` to return: for a program that
    /// calls `run` or `run_config` by itself.
    ///
    /// It prints as [`Group::main`](crate::Group::main) does. A reader that has gone away is no error;
    /// if the text cannot be written otherwise, that is said on the standard error, and a success
    /// becomes code 1. `error:` and `tip:` have colours on a terminal that takes them.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Configured, Group};
    /// use std::process::ExitCode;
    ///
    /// fn main() -> ExitCode {
    ///     let mut group = Group::new("kvd").version("1.2.0");
    ///     # group = group.args(["kvd", "--version"]);
    ///     match group.run_config() {
    ///         Ok(Configured::Continue) => {}
    ///         Ok(Configured::Exit(exit)) => return exit.print(),
    ///         Err(error) => return error.to_exit("kvd").print(),
    ///     }
    ///     // The settings are known here, and nothing runs yet.
    ///     group.main()
    /// }
    /// ```
    pub fn print(&self) -> ExitCode {
        print_last(u64::MAX, self) // the thread that it may take belongs to no group
    }
}

fn print_errors(run: u64, text: &str) {
    let screen = Screen { colour: takes_colour(&io::stderr()), ..Screen::PLAIN };
    let text = screen.paint_errors(text);
    let (done, written) = crossbeam_channel::bounded::<()>(0);
    let copy = text.clone();
    let writer = thread::spawn("last-words", None, Place::Helper { run }, move || {
        err(&copy);
        drop(done);
    });
    match writer {
        Ok(_) => {
            let _ = written.recv_timeout(PATIENCE);
        }
        Err(_) => err(&text), // rather late than never
    }
}

/// Ends the process at once: the second signal, and nothing else.
pub(crate) fn end_process(code: i32) -> ! {
    // `_exit`: no exit handlers, which could wait for what is stuck.
    signal_hook::low_level::exit(code)
}

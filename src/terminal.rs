//! The one place that prints, and the one that ends the process. Both are for programs that hand
//! their `main` to the library; a stream that is closed is nobody's panic.

use std::io::Write;
use std::time::Duration;

use crate::thread::{self, Place};

/// How long a program that is done waits for its errors to be written. A halted terminal or a reader
/// that is stuck takes nothing, and whoever is stuck in writing the log holds the lock of stderr.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes to stdout.
fn out(text: &str) {
    // A reader that has gone away is no concern of the program's: `kvd --help | head -1`.
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes to stderr.
pub(crate) fn err(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// The last thing that a run's program does. Stderr has a second, and is then given up, so that it
/// does not keep the process from its end.
pub(crate) fn print_last(run: u64, stdout: &str, stderr: &str) {
    out(stdout);
    if stderr.is_empty() {
        return;
    }
    let (done, written) = crossbeam_channel::bounded::<()>(0);
    let text = stderr.to_owned();
    let writer = thread::spawn("last-words", None, Place::Helper { run }, move || {
        err(&text);
        drop(done);
    });
    match writer {
        Ok(_) => {
            let _ = written.recv_timeout(PATIENCE);
        }
        Err(_) => err(stderr), // rather late than never
    }
}

/// Ends the process at once: the second signal, and nothing else.
pub(crate) fn end_process(code: i32) -> ! {
    // `_exit`: no exit handlers, which could wait for what is stuck.
    signal_hook::low_level::exit(code)
}

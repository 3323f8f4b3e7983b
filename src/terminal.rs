//! The one place that prints, and the one that ends the process. Both are for programs that hand
//! their `main` to the library; a stream that is closed is nobody's panic.

use std::io::Write;

pub(crate) fn print(stdout: &str, stderr: &str) {
    // A reader that has gone away is no concern of the program's: `kvd --help | head -1`.
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(stdout.as_bytes()).and_then(|()| out.flush());
    let _ = std::io::stderr().lock().write_all(stderr.as_bytes());
}

/// Ends the process at once: the second signal, and nothing else.
pub(crate) fn end_process(code: i32) -> ! {
    // `_exit`: no exit handlers, which could wait for what is stuck.
    signal_hook::low_level::exit(code)
}

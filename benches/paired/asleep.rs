//! What the kernel says of a thread: whether it sleeps. For what is measured from a moment at which
//! nobody is on a core any more.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// What the kernel says of the thread that opens it, whoever reads it.
pub fn own_state() -> io::Result<File> {
    File::open("/proc/thread-self/stat")
}

/// The state comes after the name, which is in parentheses and can hold some.
pub fn is_asleep(state: &File) -> bool {
    let mut text = [0; 128];
    let length = state.read_at(&mut text, 0).expect("the thread is there");
    let name_ends = text[..length].iter().rposition(|byte| *byte == b')');
    let name_ends = name_ends.expect("a name in parentheses");
    text[name_ends + 2] == b'S'
}

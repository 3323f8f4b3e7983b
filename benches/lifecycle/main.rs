//! What the life of a group costs, and how soon those are told who are to stop: against bare threads
//! that do the same with a flag and a condvar.
//!
//! ```text
//! cargo bench --bench lifecycle
//! ```

// A bench reads the clock, prints, and has threads of its own: the lints are about the library.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods)]

mod rows;

fn main() {
    rows::all();
}

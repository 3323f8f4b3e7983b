//! What closers cost: entering and leaving, on one thread and on all cores at once, against two bare
//! atomics and against what one would use instead; closing with nobody inside; and how soon those
//! that wait are awake.
//!
//! ```text
//! cargo bench --bench closer
//! ```

// A bench reads the clock, prints, and has threads of its own: the lints are about the library.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods)]

// Tokio does not compile under `--cfg loom`, and there is nothing to be measured.
#[cfg(not(loom))]
mod rows;

fn main() {
    #[cfg(not(loom))]
    rows::all();
}

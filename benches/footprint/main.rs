//! How small it is: the live heap of a service, and, of a program with the default features, the crates,
//! the size and how long it takes to build.
//!
//! ```text
//! cargo bench --bench footprint
//! ```
//!
//! It has an allocator that counts, which no bench should have that measures times.

// A bench prints, and has threads of its own: the lints are about the library.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods)]

mod heap;
#[path = "../paired/mod.rs"]
mod paired;
mod program;

use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

fn main() {
    let mut bench = paired::Bench::from_args();
    heap::rows(&mut bench);
    program::rows(&mut bench);
}

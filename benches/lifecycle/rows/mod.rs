//! The rows of the table, by subject.

mod cycle;
mod idle;
mod machine;
mod restarting;
mod sensord;
mod stopping;
mod telling;
mod threads;

#[path = "../../paired/mod.rs"]
mod paired;

use std::panic;

pub(crate) fn all() {
    // Those that panic do so on purpose, some thousand times.
    panic::set_hook(Box::new(|info| {
        if info.payload_as_str() != Some(ON_PURPOSE) {
            eprintln!("{info}");
        }
    }));
    let mut bench = paired::Bench::from_args();
    cycle::rows(&mut bench);
    restarting::rows(&mut bench);
    telling::rows(&mut bench);
    stopping::rows(&mut bench);
    sensord::row(&mut bench);
    idle::rows(&mut bench);
}

/// The message of a panic that belongs to what is measured.
pub(crate) const ON_PURPOSE: &str = "on purpose";

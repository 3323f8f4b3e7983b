//! The rows of the table, by subject.

mod closing;
mod crew;
mod items;
mod pairs;
mod peers;
mod waking;

#[path = "../../paired/mod.rs"]
mod paired;

pub(crate) fn all() {
    let mut bench = paired::Bench::from_args();
    pairs::rows(&mut bench);
    closing::rows(&mut bench);
    items::rows(&mut bench);
    waking::rows(&mut bench);
}

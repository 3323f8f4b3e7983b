//! Locks, condition variables, atomics, and what is known of threads where they meet: the one place
//! that knows `parking_lot`, std's `Condvar`, and loom.
//!
//! Two kinds of locks, by who is waiting. A plain [`Mutex`] guards data. A [`Monitor`] guards a state
//! that many threads wait for. Both are here twice, with the same interface: the real ones, and those
//! of the models (`tests/loom.rs`), which loom steps through all their interleavings. So the models
//! run the code itself, not a copy of it.

#[cfg(not(loom))]
mod real;
#[cfg(not(loom))]
pub(crate) use real::{
    AtomicIsize, Monitor, Mutex, OnceLock, Ordering, available_cores, thread_number,
};

#[cfg(loom)]
mod model;
#[cfg(loom)]
pub use model::number_this_thread;
#[cfg(loom)]
pub(crate) use model::{
    AtomicIsize, Monitor, Mutex, OnceLock, Ordering, available_cores, thread_number,
};

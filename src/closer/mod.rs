//! Closers: letting tasks in until told to close, telling those inside, and waiting till the last
//! has left.
//!
//! | closer | closes | told, in this order |
//! |---|---|---|
//! | [`Closer`] | many running tasks | all |
//! | [`ChannelCloser`] | the two ends of a channel | senders; when they have left, receivers |
//! | [`ChannelGroupCloser`] | a row of channels | the first channel; when it has drained, the next |
//!
//! All are made of one part: a gate ([`gate::Gate`]) that is entered with a guard ([`Running`]) and
//! left by dropping it; that refuses who comes after it was closed; and that, once the last one has
//! left, closes the gates that follow. The thread that leaves last does that in passing: closing
//! takes no thread of its own, and it goes on whether or not somebody waits for it.
//!
//! This directory knows nothing of units and groups; it stands on `sync`, `latch` and `clock`.

// From the bottom up.
mod count;
mod error;
mod gate;
mod names;
mod notify;
mod running;

mod channel;
#[expect(clippy::module_inception, reason = "the plain one of the closers")]
mod closer;
mod group;

pub use channel::ChannelCloser;
pub use closer::Closer;
pub use error::StillRunning;
pub use group::ChannelGroupCloser;
pub use notify::CloseNotify;
pub use running::{Running, RunningOwned};

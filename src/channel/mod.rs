//! A channel that can be closed: bounded, made of a crossbeam channel and a
//! [`ChannelCloser`](crate::ChannelCloser).
//!
//! A crossbeam channel ends when all handles of one side are gone. That is little help where a
//! program has to end it: the handles are in other threads, and those block. This one can be closed,
//! by anybody who has an end of it, at any time:
//!
//! 1. [`close`](Sender::close) refuses what comes after it. Every refused item comes back with the
//!    error, and so does one that is waiting for room in a full channel.
//! 2. What was accepted is received. Then, and only then, [`recv`](Receiver::recv) says that the
//!    channel is closed.
//! 3. When the receivers have left, the channel has drained, and
//!    [`close_then_wait`](Sender::close_then_wait) returns: what was accepted has been handled.
//!
//! | what happens | senders | receivers | waits |
//! |---|---|---|---|
//! | `close` | refused | get what is left, then the end | return when the receivers have left |
//! | the last [`Sender`] is dropped | | as above: it closes | as above |
//! | the last [`Receiver`] is dropped | refused: [`SendError::Disconnected`] | | return; what was left is dropped, what is just being sent perhaps a moment later |
//!
//! # When has a receiver left?
//!
//! A [`Receiver`] counts as one that is running until it is dropped or has said that the channel is
//! closed. Asking for the next item is how it says that it is through with the one before, so what
//! holds is: **when a wait returns, all items are handled, if each thread that receives has a
//! `Receiver` of its own, and handles each item before it asks for the next.** (Where several threads
//! share one by reference, one of them can be told the end while another still handles an item. Where
//! one thread takes a batch, with [`try_iter`](Receiver::try_iter) for example, the call that finds no
//! more can be the one that is told the end: [hold](Receiver::hold) on to handle a batch.) From that it follows, too, that a wait beside a
//! receiver that is kept and not asked any more waits for ever, as closers do that wait for
//! themselves; [`ChannelCloser::wait_timeout`](crate::ChannelCloser::wait_timeout) then says so, and
//! names those that have a [name](Receiver::named).
//!
//! What a thread does after the end is not waited for, unless it [holds](Receiver::hold) on.
//!
//! # A pool of threads, and a pipeline
//!
//! Three stages, the second with four threads. A group of their closers closes them front to back:
//! each channel is closed when the one before it has drained, so that nobody in the middle is refused.
//!
//! ```
//! use std::thread;
//!
//! use rungroup::{ChannelGroupCloser, channel};
//!
//! let (requests, incoming) = channel::bounded::<u32>(8);
//! let (squares, squared) = channel::bounded::<u32>(8);
//! let (totals, total) = channel::bounded::<u32>(1);
//! let pipeline = ChannelGroupCloser::new([
//!     requests.closer().clone(),
//!     squares.closer().clone(),
//!     totals.closer().clone(),
//! ]);
//!
//! for _ in 0..4 {
//!     let (incoming, squares) = (incoming.clone(), squares.clone());
//!     thread::spawn(move || {
//!         for request in incoming {
//!             squares.send(request * request).expect("it is closed after us");
//!         }
//!     });
//! }
//! drop(incoming); // each thread has its own: this one would be waited for
//! thread::spawn(move || {
//!     let _until_sent = squared.hold(); // it sends after the end, so its end is later
//!     totals.send(squared.iter().sum())
//! });
//! let printer = thread::spawn(move || total.recv());
//!
//! for request in 1..=10 {
//!     requests.send(request).expect("not closed yet");
//! }
//! pipeline.close_then_wait();
//! assert_eq!(printer.join().unwrap(), Ok(385));
//! assert!(requests.send(11).is_err());
//! ```
//!
//! # In `select!`
//!
//! Either end can be one arm of crossbeam's `select!`. **Receiving** takes a second arm, for being
//! told; it is chosen at any time once the channel is closing down, also while items are left. So
//! what comes after it is the plain loop over the receiver. It does not wait any more, takes what is
//! left, and sees the end.
//!
//! ```
//! use std::time::Duration;
//!
//! use crossbeam_channel::{select, tick};
//! use rungroup::channel;
//!
//! let (sender, receiver) = channel::bounded::<u32>(4);
//! let ticks = tick(Duration::from_millis(1));
//! sender.send(1).unwrap();
//! sender.send(2).unwrap();
//! sender.close();
//!
//! let mut sum = 0;
//! loop {
//!     select! {
//!         recv(receiver.items()) -> item => sum += item.expect("the other arm tells the end"),
//!         recv(receiver.close_notify().receiver()) -> _ => break,
//!         recv(ticks) -> _ => {} // … something else to do …
//!     }
//! }
//! for item in &receiver {
//!     sum += item;
//! }
//! assert_eq!(sum, 3);
//! sender.close_then_wait(); // the loop saw the end
//! ```
//!
//! **Sending** needs a guard, which the channel to send to is borrowed from, so that it cannot be had
//! once the channel is closed. The second arm is for not holding up the close while it is full. The
//! item is moved only if the first is chosen.
//!
//! ```
//! use crossbeam_channel::{never, select};
//! use rungroup::channel;
//!
//! let (sender, receiver) = channel::bounded::<String>(1);
//! let other = never::<()>();
//! let item = "item".to_owned();
//! let refused = match sender.enter() {
//!     None => Some(item),
//!     Some(sending) => select! {
//!         send(sending.channel(), item) -> sent => { sent.unwrap(); None }
//!         recv(sender.closing().receiver()) -> _ => Some(item),
//!         recv(other) -> _ => Some(item),
//!     },
//! };
//! assert_eq!(refused, None);
//! assert_eq!(receiver.recv().as_deref(), Ok("item"));
//! ```
//!
//! # What it costs
//!
//! An item costs what it costs in a crossbeam channel, and one guard of a closer. A thread that has to
//! wait waits in a `select` of two.

// This directory knows the closers and nothing of units; it stands on `closer`, `sync` and `clock`.

mod error;
mod receiver;
mod sender;
mod shared;

pub use error::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
pub use receiver::{Hold, IntoIter, Iter, Receiver, TryIter};
pub use sender::{Sender, Sending};

use std::sync::Arc;

/// A channel that holds up to `capacity` items, and can be closed. With a capacity of 0 an item is
/// accepted when a receiver takes it.
///
/// # Panics
///
/// Where a crossbeam channel does: a capacity for which there is no memory.
///
/// # Examples
///
/// ```
/// use rungroup::channel;
///
/// let (sender, receiver) = channel::bounded(2);
/// sender.send("a").unwrap();
/// sender.send("b").unwrap();
/// sender.close();
/// assert_eq!(sender.send("c").unwrap_err().into_inner(), "c");
/// assert_eq!(receiver.iter().collect::<Vec<_>>(), ["a", "b"]);
/// assert!(receiver.recv().is_err());
/// ```
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(shared::Shared::new(capacity));
    (Sender::new(&shared), Receiver::new(&shared))
}

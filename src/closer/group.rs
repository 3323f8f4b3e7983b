//! [`ChannelGroupCloser`]: several channels, closed one after the other.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::latch::Latch;

use super::channel::ChannelCloser;
use super::error::StillRunning;

/// Channels in a row, where what receives from one sends into the next: closed one after the other,
/// upstream first.
///
/// A channel's senders are told only when the channel before it has drained. So a stage that
/// receives from the one and sends into the next can pass on everything it took, and what entered
/// the first channel comes out of the last.
///
/// Whoever leaves a channel last closes the next in passing. So closing takes no thread of its own,
/// and it goes on whether or not somebody waits. A channel that is closed on its own closes none
/// that follow, unless the group is closed, before or after.
///
/// Cheap to clone; clones are the same closer. Those it was made of stay in use, through clones of
/// their own. **Do not wait while your own thread holds a guard.**
///
/// # Examples
///
/// Two channels with a stage between them, which doubles.
///
/// ```
/// use std::thread;
///
/// use crossbeam_channel::{bounded, select};
/// use rungroup::{ChannelCloser, ChannelGroupCloser};
///
/// let (first, second) = (ChannelCloser::new(), ChannelCloser::new());
/// let group = ChannelGroupCloser::new([first.clone(), second.clone()]);
/// let (input, stage) = bounded::<u32>(1);
/// let (doubled, output) = bounded::<u32>(100);
///
/// let guards = (first.add_receiver_owned().unwrap(), second.add_sender_owned().unwrap());
/// let told = first.close_notify().clone();
/// thread::spawn(move || {
///     loop {
///         select! {
///             recv(stage) -> item => doubled.send(2 * item.unwrap()).unwrap(),
///             recv(told.receiver()) -> _ => break,
///         }
///     }
///     stage.try_iter().for_each(|item| doubled.send(2 * item).unwrap());
///     drop(guards);
/// });
///
/// for item in 1..=10 {
///     let Some(_sending) = first.add_sender() else { break };
///     input.send(item).unwrap();
/// }
/// group.close_then_wait();
/// assert_eq!(output.try_iter().sum::<u32>(), 110);
/// ```
#[derive(Clone)]
pub struct ChannelGroupCloser(Arc<Row>);

struct Row {
    /// Upstream first.
    channels: Box<[ChannelCloser]>,
    closed: Latch<()>,
}

impl ChannelGroupCloser {
    /// A group of `channels`, upstream first. A group of none has drained from the start.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{ChannelCloser, ChannelGroupCloser};
    ///
    /// let (parse, store) = (ChannelCloser::new(), ChannelCloser::new());
    /// let group = ChannelGroupCloser::new([parse.clone(), store.clone()]);
    /// assert!(!group.is_closed());
    /// ```
    pub fn new(channels: impl IntoIterator<Item = ChannelCloser>) -> Self {
        let channels = channels.into_iter().collect();
        Self(Arc::new(Row { channels, closed: Latch::new() }))
    }

    /// Closes the first channel, each further one when that before it has drained, without waiting
    /// for anybody. Sticky, from any thread, as often as you like: once it has returned the first
    /// channel takes no sender any more.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{ChannelCloser, ChannelGroupCloser};
    ///
    /// let (parse, store) = (ChannelCloser::new(), ChannelCloser::new());
    /// let group = ChannelGroupCloser::new([parse.clone(), store.clone()]);
    /// let receiving = parse.add_receiver().unwrap();
    /// group.close();
    /// assert!(parse.is_closed() && !store.is_closed());
    /// receiving.done();
    /// assert!(store.is_closed());
    /// ```
    pub fn close(&self) {
        let Row { channels, closed } = &*self.0;
        // Every caller does this part, so that it is done when any of them returns, and before
        // anybody sees the group closed.
        if let Some(first) = channels.first() {
            first.close();
        }
        // Linking is for one alone. It may come late: a channel that has drained by then closes the
        // next at once.
        if closed.set(()) {
            for pair in channels.windows(2) {
                pair[0].then_close(&pair[1]);
            }
        }
    }

    /// Whether the group was closed: [`close`](ChannelGroupCloser::close) was called, and the first
    /// channel takes no sender any more. The others may still be open.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{ChannelCloser, ChannelGroupCloser};
    ///
    /// let group = ChannelGroupCloser::new([ChannelCloser::new()]);
    /// group.close();
    /// assert!(group.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.0.closed.is_set()
    }

    /// Blocks until every channel has drained. It does not close.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{ChannelCloser, ChannelGroupCloser};
    ///
    /// let group = ChannelGroupCloser::new([ChannelCloser::new(), ChannelCloser::new()]);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| group.close());
    ///     group.wait();
    /// });
    /// ```
    pub fn wait(&self) {
        self.0.channels.iter().for_each(ChannelCloser::wait);
    }

    /// As [`wait`](ChannelGroupCloser::wait), for `limit` in all at most.
    ///
    /// # Errors
    ///
    /// [`StillRunning`] when the limit has passed: of the first channel that has not drained, its
    /// senders if there are any, else its receivers. One may wait again.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rungroup::{ChannelCloser, ChannelGroupCloser};
    ///
    /// let (parse, store) = (ChannelCloser::new(), ChannelCloser::new());
    /// let group = ChannelGroupCloser::new([parse.clone(), store.clone()]);
    /// let receiving = store.add_receiver().unwrap();
    /// group.close();
    /// let still = group.wait_timeout(Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(still.to_string(), "channel 2 of 2: 1 receiver is still running");
    ///
    /// receiving.done();
    /// assert!(group.wait_timeout(Duration::from_secs(60)).is_ok());
    /// ```
    pub fn wait_timeout(&self, limit: Duration) -> Result<(), StillRunning> {
        let deadline = clock::after(limit);
        let channels = &self.0.channels;
        for (index, channel) in channels.iter().enumerate() {
            if let Err(still) = channel.wait_until(deadline) {
                // Those before it have drained, so it is being closed, if the group is.
                let still = if self.is_closed() { still.being_closed() } else { still };
                return Err(still.in_channel(index, channels.len()));
            }
        }
        Ok(())
    }

    /// [Closes](ChannelGroupCloser::close), then [waits](ChannelGroupCloser::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{ChannelCloser, ChannelGroupCloser};
    ///
    /// let group = ChannelGroupCloser::new([ChannelCloser::new(), ChannelCloser::new()]);
    /// group.close_then_wait();
    /// ```
    pub fn close_then_wait(&self) {
        self.close();
        self.wait();
    }
}

// As `Closer`.
impl UnwindSafe for ChannelGroupCloser {}
impl RefUnwindSafe for ChannelGroupCloser {}

impl fmt::Debug for ChannelGroupCloser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelGroupCloser")
            .field("closed", &self.is_closed())
            .field("channels", &self.0.channels)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first channel has drained, and whoever drained it is on its way to closing the second.
    #[test]
    fn c4_a_channel_that_is_just_being_closed_does_not_count_as_not_closed() {
        let (first, second) = (ChannelCloser::new(), ChannelCloser::new());
        let group = ChannelGroupCloser::new([first.clone(), second]);
        first.close();
        let still = group.wait_timeout(Duration::ZERO).unwrap_err();
        assert_eq!(still.to_string(), "channel 2 of 2: not closed, no sender is running");
        group.0.closed.set(()); // and not yet linked
        let still = group.wait_timeout(Duration::ZERO).unwrap_err();
        assert_eq!(still.to_string(), "channel 2 of 2: no sender is still running");
    }
}

//! [`StillRunning`]: what a wait says whose limit has passed.

use std::fmt;

use super::gate::Gate;

/// A wait's limit has passed, and something is still running (or nobody has closed).
///
/// It tells of the step that closing is at: what cannot be told to quit before this step is through,
/// as the receivers while there are senders, is not counted.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let closer = rungroup::Closer::new();
/// let one = closer.add_running().unwrap().named("flusher");
/// let two = closer.add_running().unwrap();
/// closer.close();
/// let still = closer.wait_timeout(Duration::from_millis(1)).unwrap_err();
/// assert_eq!(still.count(), 2);
/// assert_eq!(still.names(), ["flusher"]);
/// assert_eq!(still.to_string(), "2 tasks are still running: 'flusher' and 1 without a name");
/// # drop((one, two));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StillRunning {
    what: What,
    closed: bool,
    count: usize,
    names: Vec<String>,
    channel: Option<Channel>,
}

/// What the guards stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Task,
    Sender,
    Receiver,
}

/// Which of a group's channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Channel {
    index: usize,
    of: usize,
}

impl StillRunning {
    pub(super) fn at(gate: &Gate, what: What) -> Self {
        // The names before the count, as guards leave in that order: so there is a guard counted
        // for each name, unless it has left in between.
        let names = gate.names.lock().list();
        let count = gate.count.remaining().max(names.len());
        Self { what, closed: gate.closed().is_closed(), count, names, channel: None }
    }

    /// For a gate that may not say so yet, but is being closed by whoever was the last to leave the
    /// one before.
    pub(super) fn being_closed(mut self) -> Self {
        self.closed = true;
        self
    }

    pub(super) fn in_channel(mut self, index: usize, of: usize) -> Self {
        self.channel = Some(Channel { index, of });
        self
    }

    /// How many were running when the limit had passed. It can be 0: they left just then, or the
    /// wait was for a close that has not come ([`is_closed`](StillRunning::is_closed)).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let closer = rungroup::Closer::new();
    /// let running = closer.add_running();
    /// assert_eq!(closer.wait_timeout(Duration::ZERO).unwrap_err().count(), 1);
    /// # drop(running);
    /// ```
    pub fn count(&self) -> usize {
        self.count
    }

    /// The names of those that have one ([`Running::named`](crate::Running::named)), in the order
    /// of their naming.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let closer = rungroup::Closer::new();
    /// let running = closer.add_running().map(|running| running.named("flusher"));
    /// assert_eq!(closer.wait_timeout(Duration::ZERO).unwrap_err().names(), ["flusher"]);
    /// # drop(running);
    /// ```
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether they had been told to quit, or were being told just then. If not, the wait was in vain
    /// however few are running.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let closer = rungroup::Closer::new();
    /// let still = closer.wait_timeout(Duration::ZERO).unwrap_err();
    /// assert!(!still.is_closed());
    /// assert_eq!(still.to_string(), "not closed, no task is running");
    /// ```
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Which channel of a [`ChannelGroupCloser`](crate::ChannelGroupCloser) has not drained,
    /// counted from 0, upstream first. `None` from the other closers.
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
    /// let sender = store.add_sender();
    /// group.close();
    /// assert_eq!(group.wait_timeout(Duration::ZERO).unwrap_err().channel(), Some(1));
    /// # drop(sender);
    /// ```
    pub fn channel(&self) -> Option<usize> {
        self.channel.map(|channel| channel.index)
    }
}

/// `channel 2 of 3: 4 senders are still running: 'parser', 'reader' and 2 without a name`
impl fmt::Display for StillRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Channel { index, of }) = self.channel {
            write!(f, "channel {} of {of}: ", index + 1)?;
        }
        let noun = match self.what {
            What::Task => "task",
            What::Sender => "sender",
            What::Receiver => "receiver",
        };
        let still = if self.closed { "still " } else { "" };
        if !self.closed {
            f.write_str("not closed, ")?;
        }
        match self.count {
            0 => write!(f, "no {noun} is {still}running")?,
            1 => write!(f, "1 {noun} is {still}running")?,
            n => write!(f, "{n} {noun}s are {still}running")?,
        }
        for (index, name) in self.names.iter().enumerate() {
            let before = if index == 0 { ": " } else { ", " };
            write!(f, "{before}'{name}'")?;
        }
        let nameless = self.count - self.names.len();
        if nameless > 0 && !self.names.is_empty() {
            write!(f, " and {nameless} without a name")?;
        }
        Ok(())
    }
}

impl std::error::Error for StillRunning {}

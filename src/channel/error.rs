//! What sending and receiving say when there is no room, no item, no more time, or no channel any
//! more. Those of sending give the item back, and their `Debug` does not ask for its.

use std::error::Error;
use std::fmt;

/// [`Sender::send`](super::Sender::send) was refused. The item is inside.
///
/// # Examples
///
/// ```
/// use rungroup::channel::{self, SendError};
///
/// let (sender, receiver) = channel::bounded(1);
/// drop(receiver);
/// match sender.send(7) {
///     Ok(()) | Err(SendError::Closed(_)) => {} // an end that somebody wanted
///     Err(SendError::Disconnected(item)) => assert_eq!(item, 7),
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendError<T> {
    /// The channel is closed.
    Closed(T),
    /// The last receiver has gone while the channel was open.
    Disconnected(T),
}

/// [`Sender::try_send`](super::Sender::try_send) was refused. The item is inside.
///
/// # Examples
///
/// ```
/// use rungroup::channel::{self, TrySendError};
///
/// let (sender, _receiver) = channel::bounded(0);
/// let refused = sender.try_send(7).unwrap_err();
/// assert!(refused.is_full());
/// assert_eq!(refused.into_inner(), 7);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// There is no room now; with a capacity of 0, nobody waits for an item now.
    Full(T),
    /// The channel is closed.
    Closed(T),
    /// The last receiver has gone while the channel was open.
    Disconnected(T),
}

/// [`Sender::send_timeout`](super::Sender::send_timeout) was refused. The item is inside.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let (sender, _receiver) = rungroup::channel::bounded(0);
/// let refused = sender.send_timeout(7, Duration::from_millis(1)).unwrap_err();
/// assert!(refused.is_timeout());
/// assert_eq!(refused.into_inner(), 7);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendTimeoutError<T> {
    /// There was no room in time.
    Timeout(T),
    /// The channel is closed.
    Closed(T),
    /// The last receiver has gone while the channel was open.
    Disconnected(T),
}

/// The channel is closed, and all that was accepted has been received:
/// [`Receiver::recv`](super::Receiver::recv).
///
/// # Examples
///
/// ```
/// let (sender, receiver) = rungroup::channel::bounded::<u32>(1);
/// sender.close();
/// assert_eq!(receiver.recv().unwrap_err().to_string(), "the channel is closed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecvError;

/// There is no item: [`Receiver::try_recv`](super::Receiver::try_recv).
///
/// # Examples
///
/// ```
/// let (sender, receiver) = rungroup::channel::bounded::<u32>(1);
/// assert!(receiver.try_recv().unwrap_err().is_empty());
/// sender.close();
/// assert!(receiver.try_recv().unwrap_err().is_closed());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// There is none now.
    Empty,
    /// The channel is closed, and all that was accepted has been received.
    Closed,
}

/// There was no item: [`Receiver::recv_timeout`](super::Receiver::recv_timeout).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let (_sender, receiver) = rungroup::channel::bounded::<u32>(1);
/// assert!(receiver.recv_timeout(Duration::from_millis(1)).unwrap_err().is_timeout());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvTimeoutError {
    /// None came in time.
    Timeout,
    /// The channel is closed, and all that was accepted has been received.
    Closed,
}

const CLOSED: &str = "the channel is closed";
const DISCONNECTED: &str = "the channel has no receiver any more";

impl<T> SendError<T> {
    /// The item that was not sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::channel::SendError;
    ///
    /// assert_eq!(SendError::Closed(7).into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> T {
        let (Self::Closed(item) | Self::Disconnected(item)) = self;
        item
    }

    /// Whether the reason is that the last receiver has gone while the channel was open.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::channel::SendError;
    ///
    /// assert!(SendError::Disconnected(7).is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected(_))
    }
}

impl<T> TrySendError<T> {
    /// The item that was not sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::channel::TrySendError;
    ///
    /// assert_eq!(TrySendError::Full(7).into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> T {
        let (Self::Full(item) | Self::Closed(item) | Self::Disconnected(item)) = self;
        item
    }

    /// Whether it may be tried again.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::channel::TrySendError;
    ///
    /// assert!(TrySendError::Full(7).is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Whether the channel was closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::channel::TrySendError;
    ///
    /// assert!(TrySendError::Closed(7).is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }

    /// Whether the reason is that the last receiver has gone while the channel was open.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::channel::TrySendError;
    ///
    /// assert!(TrySendError::Disconnected(7).is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected(_))
    }
}

impl<T> SendTimeoutError<T> {
    /// The item that was not sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::channel::SendTimeoutError;
    ///
    /// assert_eq!(SendTimeoutError::Timeout(7).into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> T {
        let (Self::Timeout(item) | Self::Closed(item) | Self::Disconnected(item)) = self;
        item
    }

    /// Whether it may be tried again.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::channel::SendTimeoutError;
    ///
    /// assert!(SendTimeoutError::Timeout(7).is_timeout());
    /// ```
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_))
    }

    /// Whether the channel was closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::channel::SendTimeoutError;
    ///
    /// assert!(SendTimeoutError::Closed(7).is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }

    /// Whether the reason is that the last receiver has gone while the channel was open.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::channel::SendTimeoutError;
    ///
    /// assert!(SendTimeoutError::Disconnected(7).is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected(_))
    }
}

impl TryRecvError {
    /// Whether it may be tried again.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::channel::TryRecvError;
    ///
    /// assert!(TryRecvError::Empty.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Whether this is the end.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::channel::TryRecvError;
    ///
    /// assert!(TryRecvError::Closed.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }
}

impl RecvTimeoutError {
    /// Whether it may be tried again.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::channel::RecvTimeoutError;
    ///
    /// assert!(RecvTimeoutError::Timeout.is_timeout());
    /// ```
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout)
    }

    /// Whether this is the end.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::channel::RecvTimeoutError;
    ///
    /// assert!(RecvTimeoutError::Closed.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }
}

impl<T> From<SendError<T>> for TrySendError<T> {
    fn from(refused: SendError<T>) -> Self {
        match refused {
            SendError::Closed(item) => Self::Closed(item),
            SendError::Disconnected(item) => Self::Disconnected(item),
        }
    }
}

impl<T> From<SendError<T>> for SendTimeoutError<T> {
    fn from(refused: SendError<T>) -> Self {
        match refused {
            SendError::Closed(item) => Self::Closed(item),
            SendError::Disconnected(item) => Self::Disconnected(item),
        }
    }
}

impl From<RecvError> for TryRecvError {
    fn from(RecvError: RecvError) -> Self {
        Self::Closed
    }
}

impl From<RecvError> for RecvTimeoutError {
    fn from(RecvError: RecvError) -> Self {
        Self::Closed
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed(_) => "Closed(..)",
            Self::Disconnected(_) => "Disconnected(..)",
        })
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
            Self::Disconnected(_) => "Disconnected(..)",
        })
    }
}

impl<T> fmt::Debug for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout(_) => "Timeout(..)",
            Self::Closed(_) => "Closed(..)",
            Self::Disconnected(_) => "Disconnected(..)",
        })
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed(_) => CLOSED,
            Self::Disconnected(_) => DISCONNECTED,
        })
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the channel is full",
            Self::Closed(_) => CLOSED,
            Self::Disconnected(_) => DISCONNECTED,
        })
    }
}

impl<T> fmt::Display for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout(_) => "there was no room in the channel in time",
            Self::Closed(_) => CLOSED,
            Self::Disconnected(_) => DISCONNECTED,
        })
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(CLOSED)
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the channel is empty",
            Self::Closed => CLOSED,
        })
    }
}

impl fmt::Display for RecvTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "no item came in time",
            Self::Closed => CLOSED,
        })
    }
}

impl<T> Error for SendError<T> {}
impl<T> Error for TrySendError<T> {}
impl<T> Error for SendTimeoutError<T> {}
impl Error for RecvError {}
impl Error for TryRecvError {}
impl Error for RecvTimeoutError {}

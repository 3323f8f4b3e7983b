//! The lifecycle of a blocking program, and a synchronous, thread-based supervisor.

// Leaves: they know nothing of units.
mod clock;
mod closer;
mod error;
mod failure;
mod latch;
mod panic;
mod stop;
mod sync;
mod thread;

// Vocabulary: what units say.
mod flags;

pub use closer::{
    ChannelCloser, ChannelGroupCloser, CloseNotify, Closer, Running, RunningOwned, StillRunning,
};
pub use error::{ConfigError, ConfigErrors, Error, ErrorKind};
pub use failure::{BoxError, Failure, Outcome, Phase};
pub use flags::{
    Arity, Bytes, Exit, Flag, FlagInfo, FlagSet, FlagValue, IntoDefault, ParseBytesError, Source,
};
pub use panic::Panic;
pub use stop::{StopNotify, StopReason, StopToken};
pub use thread::ThreadStatus;

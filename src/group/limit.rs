//! A duration that is known when the group is put together, or only once the flags are parsed.

use std::time::Duration;

use crate::flags::Flag;

/// A limit of time: a `Duration`, or a flag that holds one and is read when the limit is needed.
///
/// # Examples
///
/// ```
/// use rungroup::{Flag, FlagSet, Group, service_fn};
/// use std::time::Duration;
///
/// let drain = Flag::new("drain-timeout", Duration::from_secs(10), "how long to drain");
/// let mut group = Group::new("demo").args(["demo", "--drain-timeout=5s"]).stop_timeout(&drain);
/// let flags = FlagSet::new("Server").add(&drain); // a flag belongs to some unit's set
/// group.register(service_fn("server", |_ctx| Ok(())).flags(flags))
///     .stop_timeout(Duration::from_secs(2));
/// group.run()?;
/// assert_eq!(*drain.get(), Duration::from_secs(5));
/// # Ok::<(), rungroup::RunError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Limit {
    /// This long.
    Fixed(Duration),
    /// As long as the flag says.
    Flag(Flag<Duration>),
}

impl Limit {
    /// The flag that it is read from, if no unit has it in its flag set.
    pub(super) fn unreachable(&self) -> Option<String> {
        match self {
            Limit::Flag(flag) if !flag.is_bound() => Some(flag.name().to_owned()),
            Limit::Fixed(_) | Limit::Flag(_) => None,
        }
    }

    pub(super) fn get(&self) -> Duration {
        match self {
            Limit::Fixed(limit) => *limit,
            Limit::Flag(flag) => *flag.get(),
        }
    }
}

impl From<Duration> for Limit {
    fn from(limit: Duration) -> Self {
        Limit::Fixed(limit)
    }
}

impl From<&Flag<Duration>> for Limit {
    fn from(flag: &Flag<Duration>) -> Self {
        Limit::Flag(flag.clone())
    }
}

impl From<Flag<Duration>> for Limit {
    fn from(flag: Flag<Duration>) -> Self {
        Limit::Flag(flag)
    }
}

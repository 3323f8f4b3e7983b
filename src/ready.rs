//! Why a wait for readiness ended without it.

use std::fmt;
use std::sync::Arc;

/// The group is not ready, and why: the error of `GroupHandle::wait_till_ready`.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, NotReady, service_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("broken", |_ctx| Ok(())));
/// let handle = group.handle();
/// handle.stop("changed our mind");
/// group.run().unwrap();
/// assert_eq!(handle.wait_till_ready(), Err(NotReady::Stopped));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotReady {
    /// This unit failed before the group was ready.
    Failed(Arc<str>),
    /// The group stopped, or was dropped, before it was ready.
    Stopped,
    /// The limit has passed, and these units are not ready. None are named before the services are
    /// started.
    TimedOut(Vec<Arc<str>>),
    /// The wait was on a thread that readiness has to wait for: the one that called `run`.
    WouldDeadlock,
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotReady::Failed(unit) => write!(f, "unit '{unit}' failed before the group was ready"),
            NotReady::Stopped => f.write_str("the group stopped before it was ready"),
            NotReady::TimedOut(units) if units.is_empty() => {
                f.write_str("the group is not ready in time: its services are not started yet")
            }
            NotReady::TimedOut(units) => {
                write!(f, "not ready in time: {}", units.join(", "))
            }
            NotReady::WouldDeadlock => f.write_str(
                "waiting for readiness on the thread that has to bring it about: \
                 wait in a service, or in a helper thread",
            ),
        }
    }
}

impl std::error::Error for NotReady {}

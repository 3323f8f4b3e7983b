//! The one place that reads the clock. Everything else is handed a time.

use std::time::{Duration, Instant};

/// The time now, on the monotonic clock.
#[allow(clippy::disallowed_methods)] // this is the place that the lint points to
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// `limit` from now; `None` when that is further off than the clock can tell, which is "never".
pub(crate) fn after(limit: Duration) -> Option<Instant> {
    now().checked_add(limit)
}

//! What is said of a unit where it is registered.

use std::fmt;

use super::limit::Limit;
use super::registry::Entry;
use super::shared::Shared;
use crate::flags::Bytes;
use crate::handle::UnitId;

/// A unit that was just registered: its id, and what else there is to say of it. Nothing needs to be
/// said.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, service_fn};
/// use std::time::Duration;
///
/// let mut group = Group::new("demo").args(["demo"]);
/// let store = group.register(service_fn("store", |ctx| {
///     ctx.stopped().wait(); // told when "server" has stopped
///     Ok(())
/// })).id();
/// group.register(service_fn("server", |_ctx| Ok(())))
///     .after(store)
///     .stop_timeout(Duration::from_secs(5));
/// group.run().unwrap();
/// ```
pub struct Registration<'g> {
    pub(super) shared: &'g Shared,
    pub(super) index: usize,
    pub(super) takes_part: bool,
}

impl Registration<'_> {
    /// Which unit it is, for [`after`](Registration::after) of others and for `deregister`.
    pub fn id(&self) -> UnitId {
        UnitId { run: self.shared.id, index: self.index }
    }

    /// Whether the unit takes part in any phase. One that does not is ignored.
    pub fn takes_part(&self) -> bool {
        self.takes_part
    }

    /// It starts when `unit` is ready, and `unit` is not told to stop before it has stopped, or is
    /// past its [`stop_timeout`](Registration::stop_timeout). Its pre-run comes after `unit`'s, too.
    /// May be said of several.
    #[allow(clippy::return_self_not_must_use)] // the unit is registered, used or not
    pub fn after(self, unit: UnitId) -> Self {
        self.with(|entry| {
            if !entry.after.contains(&unit) {
                entry.after.push(unit);
            }
        })
    }

    /// How long the others wait for it to stop, from the moment when it is told. After that it is
    /// left behind if need be. By default it has as long as the group.
    #[allow(clippy::return_self_not_must_use)]
    pub fn stop_timeout(self, limit: impl Into<Limit>) -> Self {
        self.with(|entry| entry.stop_timeout = Some(limit.into()))
    }

    /// It is a task: its `Ok` ends only itself. When nothing but finished tasks and background units
    /// are left, the group ends with `Ok`. An error or a panic counts as for any service.
    #[allow(clippy::return_self_not_must_use)]
    pub fn task(self) -> Self {
        self.with(|entry| entry.task = true)
    }

    /// It keeps nobody alive, and is told to stop after all others; but what it comes
    /// [`after`](Registration::after) still stops after it.
    #[allow(clippy::return_self_not_must_use)]
    pub fn background(self) -> Self {
        self.with(|entry| entry.background = true)
    }

    /// It serves on so many threads, each with its number in `ServeContext::instance`. The first
    /// failure ends them all; without one the unit has ended when all of them have returned.
    #[allow(clippy::return_self_not_must_use)]
    pub fn instances(self, count: u32) -> Self {
        self.with(|entry| entry.instances = count)
    }

    /// The stack of its service threads; by default Rust's, 2 MiB.
    #[allow(clippy::return_self_not_must_use)]
    pub fn stack_size(self, size: Bytes) -> Self {
        let size = usize::try_from(size.get()).unwrap_or(usize::MAX);
        self.with(|entry| entry.stack_size = Some(size))
    }

    fn with(self, change: impl FnOnce(&mut Entry)) -> Self {
        change(&mut self.shared.registry.lock().entries[self.index]);
        self
    }
}

impl fmt::Debug for Registration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.shared.registry.lock().entries[self.index].name.clone();
        f.debug_struct("Registration").field("unit", &name).finish_non_exhaustive()
    }
}

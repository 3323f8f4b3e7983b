//! A group that is registered with another: what it has becomes the other's, and whoever holds a
//! handle of it holds one of the other's.

use std::sync::Arc;

use super::entry::{Entry, Nested};
use super::registry::Stage;
use super::shared::Shared;
use super::{Config, Group};
use crate::handle::Control as _;
use crate::unit::Unit;

/// What can be [registered](Group::register) with a [`Group`]: every [`Unit`], and another group.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, Register, service_fn};
///
/// fn add(group: &mut Group, part: impl Register) -> bool {
///     group.register(part).takes_part()
/// }
///
/// let mut group = Group::new("demo");
/// assert!(add(&mut group, service_fn("server", |_ctx| Ok(()))));
/// assert!(!add(&mut group, Group::new("empty")));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a unit nor a group",
    note = "implement `Unit` for it, or make a unit of a closure with `service_fn` or `pre_run_fn`"
)]
pub trait Register: sealed::Register {}

impl<U: Unit> Register for U {}
impl Register for Group {}

pub(super) mod sealed {
    use std::sync::Arc;

    use super::Group;
    use crate::unit::Unit;

    #[diagnostic::on_unimplemented(
        message = "`{Self}` is neither a unit nor a group",
        note = "implement `Unit` for it, or make a unit of a closure with `service_fn` or `pre_run_fn`"
    )]
    pub trait Register {
        fn into_part(self) -> Part;
    }

    #[allow(missing_debug_implementations)] // nobody outside can name it
    pub enum Part {
        Unit(Arc<dyn Unit>),
        Group(Box<Group>),
    }

    impl<U: Unit> Register for U {
        fn into_part(self) -> Part {
            Part::Unit(Arc::new(self))
        }
    }

    impl Register for Group {
        fn into_part(self) -> Part {
            Part::Group(Box::new(self))
        }
    }
}

impl Group {
    /// Becomes a part of `outer`; says where, and whether anybody in it takes part.
    pub(super) fn join(self, outer: &Arc<Shared>) -> (usize, bool) {
        self.become_part(outer, false)
    }

    /// The same while that serves, and without counting yet.
    pub(super) fn pend(self, outer: &Arc<Shared>) -> (usize, bool) {
        self.become_part(outer, true)
    }

    fn become_part(self, outer: &Arc<Shared>, pending: bool) -> (usize, bool) {
        let name: Arc<str> = self.name().into();
        let policies = &self.policies;
        let flag_prefix = policies.flag_prefix.clone().unwrap_or_else(|| name.to_string());
        let nested = Nested { kind: policies.kind.clone(), flag_prefix };
        let entry = Entry::group(name, nested, policies.stop_timeout.clone());
        // The outer one's lock before the inner one's.
        let mut registry = outer.registry.lock();
        let mut inner = self.shared.registry.lock();
        let untouched = matches!(self.config, Config::Due) && inner.stage == Stage::Defining;
        let refused = if untouched && pending {
            None // nothing is decided before it is started
        } else if untouched {
            registry.refusal(inner.present().any(|(_, entry)| entry.phases.config))
        } else {
            Some("was registered when its own flags had been read: a group has one config phase")
        };
        let takes_part = inner.present().any(|(_, entry)| entry.phases.any());
        let index = registry.add(Entry { pending, ..entry }, refused);
        if refused.is_some() {
            return (index, false); // and ends as a group does that is dropped without a run
        }
        registry.adopt(index, &mut inner);
        self.shared.joins(outer);
        (index, takes_part)
    }
}

impl Shared {
    /// From here on it is the other one that runs. Under the locks of both registries, so that
    /// nobody subscribes, or takes a unit out, in between.
    fn joins(&self, outer: &Arc<Self>) {
        self.run.joins(&outer.run);
        outer.publisher.take_over(&self.publisher);
        let _ = self.within.set(outer.clone());
        // Who asked it to stop, or is about to, has asked the other one. Weak, since the other one
        // tells this one in its turn.
        let this = Arc::downgrade(outer);
        self.stop.on_set(move |reason| {
            if let Some(outer) = this.upgrade() {
                outer.outermost().stop(reason.clone());
            }
        });
        let stop = self.stop.clone();
        outer.stop.on_set(move |reason| {
            stop.set(reason.clone());
        });
        let ready = self.ready.clone();
        outer.ready.on_set(move |result| {
            ready.set(result.clone());
        });
        outer.stopped.tell(self.stopped.clone());
    }
}

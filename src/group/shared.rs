//! What a group shares with its handles, contexts and threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender};

use super::entry::Entry;
use super::registry::{Registry, Stage};
use super::reload::Reloads;
use crate::context::{HelperSpawner, Task};
use crate::error::{Error, ErrorKind};
use crate::event::{Event, Events};
use crate::failure::{Failure, Outcome, Phase};
use crate::flags::Reloaded;
use crate::handle::{Control, UnitId};
use crate::latch::Latch;
use crate::panic;
use crate::ready::NotReady;
use crate::snapshot::Snapshot;
use crate::stop::{RunNumber, Scope, StopLatch, StopNotify, StopReason, StopToken};
use crate::supervisor::{Board, Crew, Publisher, RUN_IS_OVER, Request};
use crate::sync::{Mutex, OnceLock};
use crate::thread::{self, Place};

/// See the module. Locks are taken in the order of the fields, and those of a group before those of
/// one in it; none is held over a callback.
pub(super) struct Shared {
    pub(super) id: u64,
    pub(super) run: Arc<RunNumber>,
    /// The group that this one was registered with, if it was.
    pub(super) within: OnceLock<Arc<Shared>>,
    pub(super) name: Mutex<String>,
    pub(super) registry: Mutex<Registry>,
    pub(super) board: Arc<Mutex<Board>>,
    /// The callback that the thread of `run` is in.
    pub(super) calling: Mutex<Option<(Arc<str>, Phase)>>,
    /// Panics of helper threads.
    pub(super) helper_failures: Mutex<Vec<Failure>>,
    pub(super) stop: Arc<StopLatch>,
    token: StopToken,
    pub(super) ready: Arc<Latch<Result<(), NotReady>>>,
    pub(super) stopped: StopNotify,
    pub(super) publisher: Arc<Publisher>,
    pub(super) helpers: Arc<Crew>,
    pub(super) reloads: Reloads,
    /// Those of all units, once a run has begun.
    pub(super) roles: OnceLock<Arc<[String]>>,
    requests: Sender<Request>,
    pub(super) inbox: Receiver<Request>,
}

impl Shared {
    pub(super) fn new(name: String) -> Arc<Self> {
        /// Numbers the groups of the process, so that an id of one is not taken for another's.
        static NEXT: AtomicU64 = AtomicU64::new(0);

        let id = NEXT.fetch_add(1, Ordering::Relaxed); // only distinct numbers are wanted
        let stop = Arc::new(Latch::new());
        let run = RunNumber::new(id);
        let (requests, inbox) = crossbeam_channel::unbounded();
        Arc::new(Self {
            id,
            run: run.clone(),
            within: OnceLock::new(),
            name: Mutex::new(name),
            registry: Mutex::new(Registry::new(id)),
            board: Arc::default(),
            calling: Mutex::default(),
            helper_failures: Mutex::default(),
            token: StopToken::new(stop.clone()),
            stop,
            ready: Arc::new(Latch::new()),
            stopped: StopNotify::new(Scope::Run(run)),
            publisher: Arc::new(Publisher::new(id)),
            helpers: Arc::new(Crew::new(RUN_IS_OVER)),
            reloads: Reloads::default(),
            roles: OnceLock::new(),
            requests,
            inbox,
        })
    }

    /// The engine is to do what the machine has decided.
    pub(super) fn wake(&self) {
        let _ = self.requests.send(Request::Wake); // the inbox lives as long as `self`
    }

    /// Whether what it comes after is in use: a service may have ended.
    fn needs_others(&self, entry: &Entry) -> bool {
        entry.node.is_none_or(|node| self.board.lock().is_alive(node))
    }

    /// A notification of a unit that has nothing to end.
    fn ended_already(&self, index: usize) -> StopNotify {
        let ended = StopNotify::new(Scope::Units { run: self.id, first: index, last: index });
        ended.set(Outcome::Ok);
        ended
    }
}

impl Control for Shared {
    fn outermost(&self) -> &dyn Control {
        let mut this = self;
        while let Some(outer) = this.within.get() {
            this = outer;
        }
        this
    }

    fn run_id(&self) -> u64 {
        self.id
    }

    fn name(&self) -> String {
        self.name.lock().clone()
    }

    fn stop(&self, reason: StopReason) -> bool {
        // The token first: a unit that is about to start sees it even while the engine is busy.
        let first = self.stop.set(reason.clone());
        if first {
            Board::stop(&self.board, &reason);
            let _ = self.requests.send(Request::Stop); // the inbox lives as long as `self`
        }
        first
    }

    fn stop_token(&self) -> &StopToken {
        &self.token
    }

    fn stop_notify(&self) -> StopNotify {
        self.stopped.clone()
    }

    fn readiness(&self) -> &Latch<Result<(), NotReady>> {
        &self.ready
    }

    fn subscribe(&self, capacity: usize) -> Events {
        let registry = self.registry.lock();
        // It may have been registered with another one since it was asked.
        if let Some(outer) = self.within.get() {
            drop(registry);
            return outer.outermost().subscribe(capacity);
        }
        self.publisher.subscribe(capacity)
    }

    fn snapshot(&self) -> Snapshot {
        let calling = self.calling.lock().clone();
        Snapshot { calling, ..Board::snapshot(&self.board) }
    }

    fn reload(&self) -> Result<Reloaded, Error> {
        self.read_again()
    }

    fn deregister(&self, unit: UnitId) -> Result<StopNotify, Error> {
        let mut registry = self.registry.lock();
        if let Some(outer) = self.within.get() {
            drop(registry);
            return outer.outermost().deregister(unit);
        }
        let stage = registry.stage;
        if stage > Stage::Serving {
            return Err(Error::new(ErrorKind::Stopped, "the run is over, or about to be"));
        }
        let Some((index, entry)) = registry.find(unit) else {
            let why = "the id is not, or no longer, that of a unit of this group";
            return Err(Error::new(ErrorKind::UnknownUnit, why));
        };
        let ended = match entry.node {
            Some(node) => {
                let ended = self.board.lock().deregister(node)?;
                self.wake();
                ended
            }
            None => match registry.dependents(index).find(|user| self.needs_others(user)) {
                Some(user) => {
                    let (kind, path) = (entry.kind(), &entry.path);
                    let why = format!("{kind} '{path}' is in use: '{}' comes after it", user.path);
                    return Err(Error::new(ErrorKind::InUse, why));
                }
                None => self.ended_already(index),
            },
        };
        registry.remove(index);
        Ok(ended)
    }
}

impl HelperSpawner for Arc<Shared> {
    fn spawn_helper(&self, unit: &Arc<str>, name: &str, body: Task) -> Result<(), Error> {
        let name = format!("{unit}:{name}").into();
        let (shared, unit) = (self.clone(), unit.clone());
        let body = move |_: &Arc<Crew>| {
            if let Err(panic) = panic::catch(body) {
                let failure = Failure::panic(unit, Phase::Helper, panic);
                shared.publisher.publish(&Event::CallbackFailed { failure: failure.clone() });
                shared.helper_failures.lock().push(failure);
            }
        };
        let place = Place::Helper { run: self.id };
        let spawned = Crew::spawn(&self.helpers, &name, None, place, body, Crew::tell_nobody);
        spawned.map_err(|error| {
            Error::new(ErrorKind::Spawn, thread::cannot_spawn(&name, &error).to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, OnceLock};

    use crate::{Backoff, BoxError, Group, Restart, ServeContext, Service, Unit, service_fn};

    /// Has its context where its `graceful_stop` finds it.
    #[derive(Default)]
    struct Keeper {
        context: OnceLock<ServeContext>,
        alive: Arc<()>,
    }

    impl Unit for Keeper {
        fn name(&self) -> &'static str {
            "keeper"
        }

        fn as_service(&self) -> Option<&dyn Service> {
            Some(self)
        }
    }

    impl Service for Keeper {
        fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
            let _ = self.context.set(ctx.clone());
            ctx.stopped().wait();
            Ok(())
        }
    }

    /// Its incarnations lead to it, and it to them; a unit may lead to its own.
    #[test]
    fn l11_all_that_a_group_consists_of_goes_when_the_last_has_dropped_it() {
        let mut inner = Group::new("inner");
        inner.register(service_fn("fragile", |ctx| match ctx.attempt() {
            1 => Err("lost".into()),
            _ => {
                ctx.handle().stop("enough");
                Ok(())
            }
        }));
        let mut group = Group::new("demo").args(["demo"]);
        let keeper = Keeper::default();
        let unit = Arc::downgrade(&keeper.alive);
        group.register(keeper);
        let again = Restart::on_failure().backoff(Backoff::none());
        group.register(inner).restart(again);
        let (shared, handle) = (Arc::downgrade(&group.shared), group.handle());
        group.run().unwrap();
        drop(group);
        assert!(unit.upgrade().is_none());
        assert!(shared.upgrade().is_some(), "somebody has a handle");
        drop(handle);
        assert!(shared.upgrade().is_none());
    }
}

//! What the group hands to the engine for a run, and what it gets back.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Receiver;

use super::publish::Publisher;
use super::report::{LeftBehind, UnitReport};
use super::state::{GroupKind, NodeId, Terms, UnitKind};
use crate::failure::Failure;
use crate::handle::GroupHandle;
use crate::latch::Latch;
use crate::ready::NotReady;
use crate::stop::StopLatch;
use crate::unit::Unit;

/// One service, as it was registered.
pub(crate) struct ServicePlan {
    pub(crate) unit: Arc<dyn Unit>,
    pub(crate) kind: UnitKind,
    pub(crate) stack_size: Option<usize>,
}

/// What a node of the tree is.
pub(crate) enum PartPlan {
    Service(ServicePlan),
    /// A group in a group.
    Group(GroupKind),
}

/// One node of the tree below the root. `parent`: none is the root.
pub(crate) struct NodePlan {
    pub(crate) parent: Option<NodeId>,
    pub(crate) path: Arc<str>,
    pub(crate) terms: Terms,
    pub(crate) part: PartPlan,
}

/// What others ask of a run. The stop itself is in the run's token; this wakes the engine.
pub(crate) enum Request {
    Stop,
    /// The machine was told something under the board's lock: do what it has decided.
    Wake,
}

/// What the engine shares with the rest of the run.
pub(crate) struct Run {
    pub(crate) id: u64,
    pub(crate) began: Instant,
    pub(crate) handle: GroupHandle,
    pub(crate) stop: Arc<StopLatch>,
    pub(crate) ready: Arc<Latch<Result<(), NotReady>>>,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) requests: Receiver<Request>,
}

/// How the services fared.
#[derive(Default)]
pub(crate) struct Served {
    pub(crate) units: Vec<UnitReport>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) left_behind: Vec<LeftBehind>,
    pub(crate) stopping_at: Option<Instant>,
    pub(crate) stopped_at: Option<Instant>,
}

/// The root comes first, then the nodes in start order.
pub(crate) fn node_of(place: usize) -> NodeId {
    place + 1
}

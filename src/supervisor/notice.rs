//! What the threads of a run report, and where.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;

use super::board::Board;
use super::publish::Publisher;
use super::state::NodeId;
use crate::context::Task;
use crate::failure::{Failure, Outcome};
use crate::handle::GroupHandle;
use crate::stop::StopLatch;
use crate::sync::Mutex;

/// What the threads of a run tell its engine, all on one channel.
pub(super) enum Notice {
    Entered {
        unit: NodeId,
        incarnation: u32,
    },
    ExtendStop {
        unit: NodeId,
        incarnation: u32,
        by: Duration,
    },
    SaidReady {
        unit: NodeId,
        incarnation: u32,
    },
    /// One of the unit's instances has come back.
    Returned {
        unit: NodeId,
        incarnation: u32,
        outcome: Outcome,
        /// It was the last thread.
        settled: bool,
    },
    /// The board has taken something in, and decided something by it that is for the engine to do.
    Decided,
    /// One of the unit's instances, for which the engine waits, was heard of.
    Beat {
        unit: NodeId,
        incarnation: u32,
    },
    /// The last thread has left, and what else there was to say of it has been said.
    Settled {
        unit: NodeId,
        incarnation: u32,
    },
    /// There is a callback to be called at a stop.
    WillCall,
    /// A callback that came when the unit was told already.
    OnStop {
        unit: NodeId,
        callback: Task,
    },
    /// The stoppers have calls that have returned.
    Called,
    /// A thread of the unit's own has panicked.
    HelperPanicked {
        unit: NodeId,
        failure: Failure,
    },
}

/// Where the incarnations of a run report what happens to them.
pub(super) struct Reporting {
    /// On which the incarnation is, too, until the group is dropped.
    pub(super) board: Arc<Mutex<Board>>,
    pub(super) run: u64,
    /// For their contexts.
    pub(super) handle: GroupHandle,
    pub(super) run_stop: Arc<StopLatch>,
    pub(super) publisher: Arc<Publisher>,
    pub(super) notify: Sender<Notice>,
}

//! The vocabulary of the state machine: what it is told ([`Input`]), what it decides ([`Action`]),
//! and what it knows of each node of the tree. It names nodes by number and knows no thread, no
//! clock and no callback; `machine` holds the decisions.
//!
//! The states of a unit, and who brings each change about:
//!
//! | from | to | when |
//! |---|---|---|
//! | New | Starting | its group has begun and all that it comes `after` are ready |
//! | New | Stopped | its turn to stop came first |
//! | Starting | Running | the first of its instances has entered `serve` |
//! | Starting | Failed | not a single thread could be spawned |
//! | Starting, Running | Stopping | it is told to stop, for good or not, or has ended by itself |
//! | Stopping | Stopped, Failed | its last thread has left, and it is not to start again |
//! | Stopping | Backoff | its last thread has left, and it is to start again |
//! | Starting | Backoff | not a single thread could be spawned, and it is to try again |
//! | Stopped | Backoff | a task that was done, and is to start again with its siblings |
//! | Backoff | Starting | the pause is over, its callbacks have returned, and all that it comes `after` are ready |
//! | Backoff | Stopped | its turn to stop has come |
//! | any that has no threads | New | its group starts again |
//!
//! Whether it starts again is decided when it ends by itself, as that is when its group's end begins
//! if it does not. What was decided is taken back if it is told to stop for good before it has. One
//! that is told to stop, but not for good, is **recalled**: who was not ready in time, and who starts
//! again with a sibling. What is to start again and does not stop in time is given up.
//!
//! A group goes New → Starting → Running (its children are being started) → Stopping → Stopped |
//! Failed, or, when its turn to stop came first, New → Stopping → Stopped, and its children with it.
//! One that starts again goes Stopping → Backoff → Starting, and its children are New again; its turn
//! to stop may come while it waits: Backoff → Stopping. The root is the group that `run` runs.
//!
//! With a strategy other than one-for-one, siblings start again together, in a **round**: all of them
//! are recalled in the order of stops, and when the last has stopped their pause begins.

use std::ops::Deref;
use std::time::{Duration, Instant};

use crate::restart::{Recent, Restart, Restarts, Strategy};
use crate::snapshot::UnitState;

/// A node of the tree: an index that stays.
pub(crate) type NodeId = usize;

/// The group that `run` runs.
pub(crate) const ROOT: NodeId = 0;

/// In which order the units of a group are told to stop. A unit's turn never comes before those
/// that come `after` it have stopped, or are past their deadline.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, StopOrder};
///
/// let group = Group::new("demo").stop_order(StopOrder::Reverse);
/// # drop(group);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopOrder {
    /// All at once, but for what `after` and `background` say.
    #[default]
    Concurrent,
    /// One by one, in the reverse of the order in which they were started.
    Reverse,
}

/// What is said of a node where it is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// The siblings that must be ready before it starts, and that it stops before.
    pub(crate) after: Vec<NodeId>,
    /// Its `Ok` ends only itself.
    pub(crate) task: bool,
    /// It keeps nobody alive, and stops last.
    pub(crate) background: bool,
    /// How long the others wait for its stop; without it, to the deadline of its group.
    pub(crate) stop_timeout: Option<Duration>,
    /// Whether it starts again when it has ended by itself.
    pub(crate) restart: Restart,
    /// How long it may take from its start until it is ready.
    pub(crate) start_timeout: Option<Duration>,
    /// How long it may be silent once it is ready. Of a unit.
    pub(crate) heartbeat: Option<Duration>,
}

impl Policy {
    const USUAL: Self = Self {
        after: Vec::new(),
        task: false,
        background: false,
        stop_timeout: None,
        restart: Restart::never(),
        start_timeout: None,
        heartbeat: None,
    };
}

impl Default for Policy {
    fn default() -> Self {
        Self::USUAL
    }
}

/// A policy as it is kept: each that a node comes `after` once, in order. Of most nodes nothing is said, and
/// that takes no room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms(Option<Box<Policy>>);

impl From<Policy> for Terms {
    fn from(mut policy: Policy) -> Self {
        policy.after.sort_unstable();
        policy.after.dedup();
        Self((policy != Policy::USUAL).then(|| Box::new(policy)))
    }
}

impl Deref for Terms {
    type Target = Policy;

    fn deref(&self) -> &Policy {
        static USUAL: Policy = Policy::USUAL;
        self.0.as_deref().unwrap_or(&USUAL)
    }
}

/// What a unit is, beyond its policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnitKind {
    /// On how many threads it serves.
    pub(crate) instances: u32,
    /// Whether it says itself when it is ready.
    pub(crate) declares_ready: bool,
    /// Whether there is something to call when it is to stop.
    pub(crate) graceful_stop: bool,
}

/// What a group is, beyond its policy.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupKind {
    pub(crate) order: StopOrder,
    pub(crate) strategy: Strategy,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// The pre-runs are done: serve.
    Begin,
    /// A node was added to a group that serves.
    Added(NodeId),
    /// Somebody asked the whole run to stop.
    StopAsked,
    /// A unit is taken out.
    Deregister(NodeId),
    /// When the unit's threads were about to be spawned the run's stop token was found set, or it was
    /// to start no more: it was taken out, or the start of one before it has failed.
    Refused(NodeId),
    /// Only `spawned` of the unit's threads could be spawned.
    SpawnFailed { unit: NodeId, spawned: u32 },
    /// One of the unit's instances is entering `serve`.
    Entered { unit: NodeId, incarnation: u32 },
    /// The unit says that it is ready.
    SaidReady { unit: NodeId, incarnation: u32 },
    /// All of the unit's instances have said since then that they are alive.
    Alive { unit: NodeId, incarnation: u32, at: Instant },
    /// The unit asks for more time to stop: so long from now.
    ExtendStop { unit: NodeId, incarnation: u32, by: Duration },
    /// One of the unit's instances is back from `serve`.
    Returned { unit: NodeId, incarnation: u32, failed: bool },
    /// The last thread of the incarnation has left.
    Settled { unit: NodeId, incarnation: u32 },
    /// A callback of the unit was handed to a stopper thread beside those that the machine decided.
    CallStarted(NodeId),
    /// A callback of the unit on a stopper thread has returned.
    CallReturned(NodeId),
    /// Time has passed: whatever is due by now is due.
    Tick,
}

/// What is to be done, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Spawn the unit's threads. Of a group: its children start now.
    Start { unit: NodeId, incarnation: u32 },
    /// The node has become ready; the root: everything has.
    Ready(NodeId),
    /// The group's end has begun.
    Stopping { group: NodeId, why: GroupEnd },
    /// Set the unit's stop token.
    Tell { unit: NodeId, why: UnitEnd },
    /// Call the unit's `graceful_stop` on a stopper thread.
    CallStop(NodeId),
    /// The unit's last thread has left (or it was never started).
    Stopped(NodeId),
    /// The node's last thread has left (or there was none), and it starts again after `pause`.
    Backoff { unit: NodeId, pause: Duration },
    /// The node would start again, but that would be too often.
    GaveUp { unit: NodeId, limit: LimitOf },
    /// The node was not ready in time.
    NotReadyInTime(NodeId),
    /// The node was to start again, and did not stop in time for that.
    DidNotStop(NodeId),
    /// Say when the unit's instances were last alive, by [`Input::Alive`].
    AskIfAlive(NodeId),
    /// The unit has been silent for too long; say when it is not any more.
    Unresponsive { unit: NodeId, silent: Duration },
    /// It has been heard of again.
    Responsive(NodeId),
    /// The unit has got more time to stop.
    Extended { unit: NodeId, by: Duration },
    /// The node is past its deadline; nobody waits for it any longer.
    Late(NodeId),
    /// Nothing is left to wait for.
    Finished,
}

/// Why a group ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupEnd {
    /// It was asked to: the root by the run's token, another by its parent.
    Asked,
    /// This child has ended, and nothing says that the group goes on without it.
    Child(NodeId),
    /// All tasks are done and nothing else keeps it alive.
    TasksDone,
}

/// Whose limit of restarts is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitOf {
    Itself,
    ItsGroup,
}

/// Why a unit is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnitEnd {
    /// Its group ends.
    Group(NodeId),
    /// It was deregistered.
    Deregistered,
    /// It has ended by itself; its other threads are told.
    Ended,
    /// It was not ready in time.
    NotReady,
    /// It starts again with this sibling.
    Round(NodeId),
}

/// One node, unit or group.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) parent: Option<NodeId>,
    pub(super) policy: Terms,
    /// The siblings that come `after` it.
    pub(super) dependents: Vec<NodeId>,
    pub(super) state: UnitState,
    pub(super) since: Instant,
    pub(super) ready: bool,
    /// Whether anything of it failed; decides between Stopped and Failed.
    pub(super) failed: bool,
    /// How often it was started; 0 before the first time.
    pub(super) incarnation: u32,
    pub(super) again: Again,
    /// Of one that has been started again.
    pub(super) restarts: Option<Box<Restarts>>,
    /// What it has until when, in the state that it is in.
    pub(super) timer: Option<(Instant, Timer)>,
    /// How many of `policy.after` are not ready: of a unit that is to start, for how many it waits.
    pub(super) start_waits: usize,
    pub(super) stop: Stop,
    pub(super) kind: Kind,
}

/// Where a node stands in the order of stops.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // facts that are true or not whatever the others are
pub(super) struct Stop {
    /// How many siblings must be over before its turn comes; counted when the group's end begins.
    pub(super) waits: usize,
    /// Reverse order: the siblings whose turns are next, and before.
    pub(super) next: Option<NodeId>,
    pub(super) previous: Option<NodeId>,
    /// It stops after all foreground siblings.
    pub(super) gated: bool,
    /// It is one of those that stop now, and has its turn among them.
    pub(super) in_line: bool,
    /// Its turn has come, at the end of its group or because it was taken out; and whether it was known
    /// then that it is for good, and not in order to start again with its group.
    pub(super) asked: bool,
    pub(super) for_good: bool,
    /// Nobody waits for it any longer: it has stopped and its callbacks have returned, or it is late.
    pub(super) over: bool,
    /// It was over, and is waited for once more; nobody's turn depends on that.
    pub(super) behind: bool,
    pub(super) late: bool,
    /// Taken out: it counts for nothing in its group.
    pub(super) deregistered: bool,
    /// Taken out when it had stopped for good, as far as was known then: should a group above it start
    /// again after all, it does not come back.
    pub(super) stays_out: bool,
    /// When it will be late, where it has a deadline of its own.
    pub(super) deadline: Option<Instant>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Unit(Unit),
    /// Boxed: there are few, and a node is as large as the largest.
    Group(Box<Group>),
}

#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // facts that are true or not whatever the others are
pub(super) struct Unit {
    pub(super) kind: UnitKind,
    /// It was told to stop, for good or not, before it had ended by itself.
    pub(super) told: bool,
    /// The last incarnation that has entered `serve` is still owed its `graceful_stop`.
    pub(super) uncalled: bool,
    /// How many instances of the incarnation have entered `serve`, and how many are back.
    pub(super) entered: u32,
    pub(super) returned: u32,
    pub(super) said_ready: bool,
    /// It has been silent for too long.
    pub(super) silent: bool,
    /// How many of its callbacks are out on stopper threads.
    pub(super) calls: u32,
}

/// Whether a node that has ended, or is recalled, starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// No, or it has not ended.
    No,
    /// This long after its last thread has left.
    After(Duration),
    /// With its siblings, when the last of them has stopped.
    Together,
    /// That is how long it waits now.
    Waits,
    /// The time has come: as soon as nothing else is in the way.
    Due,
}

/// What there is to be done at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A node should be ready.
    Start(NodeId),
    /// A node that is to start again should have stopped.
    Recall(NodeId),
    /// The pause of a node is over.
    Restart(NodeId),
    /// A unit should have been heard of.
    Heartbeat(NodeId),
    /// A node is past its deadline.
    Stop(NodeId),
}

#[derive(Debug)]
pub(super) struct Group {
    /// In start order.
    pub(super) children: Vec<NodeId>,
    pub(super) kind: GroupKind,
    /// Its end has begun, for good or not.
    pub(super) stopping: bool,
    /// Some of its children stop in order to start again together, after this pause.
    pub(super) round: Option<Round>,
    /// The restarts of its children that count for the group's own limit.
    pub(super) recent: Recent,
    /// How many children are not ready.
    pub(super) unready: usize,
    /// How many children keep it alive: not in the background, not in a terminal state, not taken
    /// out.
    pub(super) alive: usize,
    /// Of those in line: how many are not over, and how many of these the gated ones wait for.
    pub(super) open: usize,
    pub(super) open_foreground: usize,
}

/// Children of a group that start again together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    /// Whose end it is for, and from which child on they are in it.
    pub(super) culprit: NodeId,
    pub(super) first: NodeId,
    pub(super) pause: Duration,
}

//! What the machine is to do, said a second time and in another way: facts are sets of nodes, and
//! `rules` add to them until nothing changes. There are no counters, no queues and no order of
//! bookkeeping here, which is where a state machine goes wrong. It knows nothing of the machine.
//!
//! Here are the facts, and what each input adds to them. `again` has what is decided when a node ends by
//! itself, and `lives` what is forgotten when it starts; `stops` who is asked to stop, and for good or
//! not; `limits` everything that has a limit.

mod again;
mod limits;
mod lives;
mod rules;
mod stops;

use std::time::Duration;

use super::policy::{End, Pause};
use super::said::{Quiet, Said, Word};
use super::tree::{Kind, Set, Shape, bit, has, members};
use crate::snapshot::UnitState;
use crate::supervisor::state::{GroupEnd, Input, LimitOf, NodeId, ROOT};

/// The numbers of one node.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// How often it was started.
    pub(super) incarnation: u32,
    /// Of a unit, in this incarnation: how many of its instances have entered, and are back.
    pub(super) entered: u32,
    pub(super) returned: u32,
    /// When this incarnation began to serve.
    since: Option<u64>,
    pub(super) calls: u32,
    /// All ends that it was started again after, or is to be, since its group has begun.
    ends: Vec<End>,
    /// Of a group: when children were started again, or are to be.
    restarts: Vec<u64>,
    /// When its pause is over.
    resumes: Pause,
    /// By when it has to be ready, to have stopped in order to start again, to be heard of, and to have
    /// stopped for good.
    start_by: Option<u64>,
    recall_by: Option<u64>,
    beat_by: Option<u64>,
    deadline: Option<u64>,
    /// What was said of it last.
    pub(super) why: Option<GroupEnd>,
    pub(super) pause: Option<Duration>,
    pub(super) given_up: Option<LimitOf>,
    pub(super) round: Option<Round>,
    pub(super) said: Said,
}

/// Children of a group that stop in order to start again together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    first: NodeId,
    pause: Pause,
    /// Those that had to stop when it began, and when it was last widened.
    line: Set,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) shapes: Vec<Shape>,
    pub(super) nodes: Vec<Facts>,
    children: Vec<Set>,
    /// Each before those below it, and those before its next sibling.
    start_order: Vec<NodeId>,
    /// Those that come after it.
    pub(super) dependents: Vec<Set>,
    /// Background units that come after nothing of the foreground.
    gated: Set,
    pub(super) groups: Set,
    pub(super) deregistered: Set,
    /// Taken out when they had stopped for good, as far as was known.
    pub(super) stays_out: Set,
    /// Of [`Quiet`], what has happened.
    happened: u32,
    /// The last incarnation that has entered `serve` has had no `graceful_stop`.
    pub(super) uncalled: Set,

    // ---- of one life: from the start of its group to the next ----
    pub(super) failed: Set,
    /// Those whose group has not heard of it: it does when it stops.
    unnoted: Set,
    pub(super) ready: Set,
    /// Their turn to stop has come; and of these, those for which it is for good.
    pub(super) asked: Set,
    pub(super) last: Set,
    /// At an end; and of these, the failed ones. What fails later is late.
    pub(super) terminal: Set,
    lost: Set,
    pub(super) over: Set,
    /// It was over, and is waited for once more.
    behind: Set,
    pub(super) late: Set,
    /// Groups that were given up, with all below them.
    pub(super) expired: Set,

    // ---- of one incarnation ----
    pub(super) started: Set,
    /// Groups that have begun and have not looked yet whether anybody keeps them alive.
    fresh: Set,
    said_ready: Set,
    /// It was asked whether it is alive; it is not heard of.
    awaited: Set,
    pub(super) silent: Set,
    /// Groups whose end has begun.
    pub(super) stopping: Set,
    /// Units that were told to stop, and that have ended before they were.
    pub(super) told: Set,
    pub(super) ended: Set,
    /// The last thread of its incarnation has left, or there was none.
    settled: Set,
    /// Its end is one after which its group ends; and of these, the tasks for which it does not.
    out: Set,
    done: Set,
    /// It is to start again; of these, those that do so together and are not out of the way yet; of
    /// these, those whose turn has come.
    pub(super) again: Set,
    pub(super) together: Set,
    turned: Set,
    /// Of those that are to start again: they have stopped; and of these, those whose pause is over.
    pub(super) resting: Set,
    due: Set,
}

impl Model {
    /// The root is the first of `shapes`, and its own parent.
    pub(super) fn new(shapes: &[Shape]) -> Self {
        let mut model = Self::default();
        for &shape in shapes {
            model.plant(shape);
        }
        model
    }

    fn plant(&mut self, shape: Shape) {
        let node = self.shapes.len();
        self.shapes.push(shape);
        self.nodes.push(Facts::default());
        self.children.push(0);
        self.dependents.push(0);
        if node != ROOT {
            self.children[shape.parent] |= bit(node);
        }
        let is_last = |&it: &NodeId| it == shape.parent || self.is_below(bit(shape.parent), it);
        let behind = self.start_order.iter().rposition(is_last).map_or(0, |at| at + 1);
        self.start_order.insert(behind, node);
        for dependency in members(shape.after) {
            self.dependents[dependency] |= bit(node);
        }
        if shape.background && shape.after & !self.gated == 0 {
            self.gated |= bit(node);
        }
        if matches!(shape.kind, Kind::Group { .. }) {
            self.groups |= bit(node);
        }
    }

    /// A node more, behind those that are there.
    pub(super) fn add(&mut self, shape: Shape) {
        self.loses_readiness(shape.parent);
        self.plant(shape);
    }

    pub(super) fn is_finished(&self) -> bool {
        has(self.terminal, ROOT)
    }

    pub(super) fn state(&self, node: NodeId) -> UnitState {
        let has = |set| has(set, node);
        if has(self.terminal) {
            return if has(self.lost) { UnitState::Failed } else { UnitState::Stopped };
        }
        if has(self.resting) {
            return UnitState::Backoff;
        }
        if has(self.stopping | ((self.told | self.ended | self.settled) & self.started)) {
            return UnitState::Stopping;
        }
        if has(self.started) && (has(self.groups) || self.nodes[node].entered > 0) {
            return UnitState::Running;
        }
        if has(self.started) { UnitState::Starting } else { UnitState::New }
    }

    fn is_running(&self, node: NodeId) -> bool {
        self.state(node) == UnitState::Running
    }

    /// Whether it serves, or is about to.
    fn is_up(&self, node: NodeId) -> bool {
        matches!(self.state(node), UnitState::Starting | UnitState::Running)
    }

    pub(super) fn take(&mut self, now: u64, input: Input) {
        match input {
            Input::Begin => self.begin(now, ROOT),
            Input::Added(_) => {} // it is there
            Input::StopAsked => self.stop(now, ROOT, GroupEnd::Asked),
            Input::Deregister(node) => self.deregister(now, node),
            Input::Refused(unit) => {
                if self.is_to_spawn(unit) {
                    self.stop(now, ROOT, GroupEnd::Asked);
                }
                self.settled |= bit(unit);
            }
            Input::SpawnFailed { unit, spawned: 0 } => self.has_no_thread(now, unit),
            Input::SpawnFailed { unit, .. } => self.ends_all(now, unit, true),
            Input::Entered { unit, .. } => self.entered(now, unit),
            Input::SaidReady { unit, incarnation } => {
                if incarnation == self.nodes[unit].incarnation {
                    self.said_ready |= bit(unit);
                }
            }
            Input::ExtendStop { unit, incarnation, by } => {
                if incarnation == self.nodes[unit].incarnation {
                    self.extend(now, unit, u64::try_from(by.as_millis()).unwrap());
                }
            }
            Input::Alive { .. } => unreachable!("see `hear`"),
            Input::Returned { unit, failed, .. } => {
                self.nodes[unit].returned += 1;
                if failed || self.nodes[unit].returned == self.instances(unit) {
                    self.ends_all(now, unit, failed);
                }
            }
            Input::Settled { unit, .. } => self.settled |= bit(unit),
            Input::CallStarted(unit) => self.nodes[unit].calls += 1,
            Input::CallReturned(unit) => self.nodes[unit].calls -= 1,
            Input::Tick => self.tick(now),
        }
        self.close(now);
    }

    /// The one input that holds a time: the unit was last heard of `at`.
    pub(super) fn hear(&mut self, now: u64, unit: NodeId, incarnation: u32, at: u64) {
        if incarnation == self.nodes[unit].incarnation {
            self.heard_of(now, unit, at);
        }
        self.close(now);
    }

    fn say(&mut self, node: NodeId, word: Word) {
        self.nodes[node].said[word as usize] += 1;
    }

    pub(super) fn said(&self, node: NodeId, word: Word) -> u32 {
        self.nodes[node].said[word as usize]
    }

    fn happens(&mut self, what: Quiet) {
        self.happened |= 1 << what as u32;
    }

    pub(super) fn has_happened(&self, what: Quiet) -> bool {
        self.happened & (1 << what as u32) != 0
    }

    fn instances(&self, unit: NodeId) -> u32 {
        match self.shapes[unit].kind {
            Kind::Unit { instances, .. } => instances,
            Kind::Group { .. } => unreachable!("node {unit} is a group"),
        }
    }

    /// The groups above it, the nearest first.
    fn above(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        let parent = |node: NodeId| (node != ROOT).then(|| self.shapes[node].parent);
        std::iter::successors(parent(node), move |&node| parent(node))
    }

    /// Whether one of `groups` is above `node`.
    pub(super) fn is_below(&self, groups: Set, node: NodeId) -> bool {
        self.above(node).any(|group| has(groups, group))
    }

    /// All below the group that belong to it: not who was taken out, nor what is below that.
    pub(super) fn belongs_to(&self, group: NodeId) -> Set {
        let belongs = |&node: &NodeId| {
            let mut path = std::iter::once(node).chain(self.above(node));
            path.find(|&it| it == group || has(self.deregistered, it)) == Some(group)
        };
        members(self.all() & !bit(group)).filter(belongs).map(bit).sum()
    }

    fn all(&self) -> Set {
        (bit(self.shapes.len() - 1) << 1).wrapping_sub(1)
    }
}

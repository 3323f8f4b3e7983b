//! What others may see of the machine's state. Nothing here changes it.

use std::time::Instant;

use super::Machine;
use crate::restart::Strategy;
use crate::snapshot::UnitState;
use crate::supervisor::state::{Again, Kind, Node, NodeId, Policy, ROOT, Timer};

impl Machine {
    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    pub(crate) fn state(&self, node: NodeId) -> (UnitState, Instant) {
        (self.nodes[node].state, self.nodes[node].since)
    }

    pub(crate) fn is_ready(&self, node: NodeId) -> bool {
        self.nodes[node].ready
    }

    pub(crate) fn is_late(&self, node: NodeId) -> bool {
        self.nodes[node].stop.late
    }

    /// Whether a unit that was to start still is: it may have been taken out since, and the end of
    /// its group, or of one above it, may have begun.
    pub(crate) fn may_start(&self, node: NodeId) -> bool {
        self.nodes[node].state == UnitState::Starting && !self.is_in_an_end(node)
    }

    /// Whether the end of a group above it has begun, or it was taken out.
    pub(super) fn is_in_an_end(&self, node: NodeId) -> bool {
        let ends =
            |above: NodeId| matches!(&self.nodes[above].kind, Kind::Group(group) if group.stopping);
        self.nodes[node].stop.asked || self.above(node).any(ends)
    }

    /// Whether what it belongs to ends for good, and it with that.
    pub(super) fn is_for_good(&self, node: NodeId) -> bool {
        for node in std::iter::once(node).chain(self.above(node)) {
            if self.is_to_start(node) && !self.is_in_an_end(node) {
                return false;
            }
            if self.nodes[node].stop.deregistered {
                return true;
            }
        }
        true
    }

    /// The groups above it, the nearest first.
    pub(super) fn above(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let parent = |&node: &NodeId| self.nodes[node].parent;
        std::iter::successors(parent(&node), parent)
    }

    /// Whether it may start after all: it has still to, or waits to start again, or may do so after an
    /// end that has still to be heard of here.
    pub(crate) fn may_come_back(&self, node: NodeId) -> bool {
        let this = &self.nodes[node];
        let policy = &this.policy.restart;
        let again = self.is_to_start(node) || policy.covers(true) || policy.covers(false);
        matches!(this.state, UnitState::New | UnitState::Backoff)
            || (again && !self.is_in_an_end(node))
    }

    /// Whether it has failed for good: a failure that it starts again after is none.
    pub(crate) fn has_failed(&self, node: NodeId) -> bool {
        self.nodes[node].failed
    }

    /// Whether what has failed there counts for the whole: nothing above it starts again after it.
    pub(crate) fn counts(&self, node: NodeId) -> bool {
        self.nodes[node].failed && !self.above(node).any(|group| self.is_to_start(group))
    }

    /// Whether the run may end when an instance comes back: it is in no group, does not start again, and is
    /// no task that is done.
    pub(crate) fn run_may_end_with(&self, unit: NodeId, failed: bool) -> bool {
        let Node { parent, policy, .. } = &self.nodes[unit];
        *parent == Some(ROOT) && !policy.restart.covers(failed) && (failed || !policy.task)
    }

    /// What was said of it where it was registered.
    pub(crate) fn policy(&self, node: NodeId) -> &Policy {
        &self.nodes[node].policy
    }

    /// When its pause is over.
    pub(crate) fn starts_at(&self, node: NodeId) -> Option<Instant> {
        match self.nodes[node].timer {
            Some((at, Timer::Restart(_))) => Some(at),
            _ => None,
        }
    }

    /// The number of its incarnation, from 1; 0 before it was started.
    pub(crate) fn incarnation(&self, node: NodeId) -> u32 {
        self.nodes[node].incarnation
    }

    /// Who starts again with a child of the group above it.
    pub(crate) fn strategy_above(&self, node: NodeId) -> Option<&Strategy> {
        match self.nodes[node].parent.map(|parent| &self.nodes[parent].kind) {
            Some(Kind::Group(group)) => Some(&group.kind.strategy),
            _ => None,
        }
    }

    /// The sibling with which it starts again together, while they stop for that.
    pub(crate) fn round_with(&self, node: NodeId) -> Option<NodeId> {
        match self.nodes[node].parent.map(|parent| &self.nodes[parent].kind) {
            Some(Kind::Group(group)) => group.round.map(|round| round.culprit),
            _ => None,
        }
    }

    /// How often it was started again.
    pub(crate) fn restarts(&self, node: NodeId) -> u32 {
        self.nodes[node].incarnation.saturating_sub(1)
    }

    /// Whether it serves, and has not been heard of in time.
    pub(crate) fn is_silent(&self, node: NodeId) -> bool {
        let this = &self.nodes[node];
        this.state == UnitState::Running && matches!(&this.kind, Kind::Unit(unit) if unit.silent)
    }

    /// Whether callbacks of the unit are out on stopper threads.
    pub(crate) fn is_called(&self, node: NodeId) -> bool {
        matches!(&self.nodes[node].kind, Kind::Unit(unit) if unit.calls > 0)
    }

    /// Whether nodes can be added to the group.
    pub(crate) fn is_open(&self, node: NodeId) -> bool {
        match &self.nodes[node].kind {
            Kind::Group(group) => !group.stopping && !self.is_in_an_end(node),
            Kind::Unit(_) => false,
        }
    }

    pub(super) fn children(&self, node: NodeId) -> Vec<NodeId> {
        match &self.nodes[node].kind {
            Kind::Group(group) => group.children.clone(),
            Kind::Unit(_) => Vec::new(),
        }
    }

    /// Those that come `after` it and are not at an end: while there are any it cannot be taken out.
    pub(crate) fn live_dependents(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let dependents = self.nodes[node].dependents.iter().copied();
        dependents.filter(|&dependent| !self.nodes[dependent].state.is_terminal())
    }

    /// The siblings that its start or its stop waits for.
    pub(crate) fn waits_for(&self, node: NodeId) -> Vec<NodeId> {
        let this = &self.nodes[node];
        let Some(Kind::Group(group)) = this.parent.map(|parent| &self.nodes[parent].kind) else {
            return Vec::new();
        };
        let open = |&node: &NodeId| self.nodes[node].stop.in_line;
        if this.again == Again::Together && this.state == UnitState::Backoff && !this.stop.in_line {
            return group.children.iter().copied().filter(open).collect();
        }
        if !this.stop.in_line {
            let waits = |&&dependency: &&NodeId| {
                matches!(this.state, UnitState::New | UnitState::Backoff)
                    && !self.nodes[dependency].ready
            };
            return this.policy.after.iter().filter(waits).copied().collect();
        }
        if this.stop.asked || this.stop.waits == 0 {
            return Vec::new();
        }
        let mut waits: Vec<NodeId> = this.dependents.iter().copied().filter(open).collect();
        if this.stop.gated {
            let foreground = |&child: &NodeId| !self.nodes[child].stop.gated;
            waits.extend(group.children.iter().copied().filter(foreground).filter(open));
        }
        // Only the next that is there, and not the whole line: a snapshot of ten thousand units asks
        // this of each.
        let before = |&node: &NodeId| self.nodes[node].stop.previous;
        waits.extend(std::iter::successors(this.stop.previous, before).find(open));
        waits.sort_unstable();
        waits.dedup();
        waits
    }
}

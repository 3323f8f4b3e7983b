//! Starting again together, where a group's strategy says so. The children that do are recalled in the
//! order of stops; when none of them is in the way any longer their pause begins, and after it each
//! starts as it did at first.

use std::time::Instant;

use super::Machine;
use crate::restart::Who;
use crate::snapshot::UnitState;
use crate::supervisor::state::{Again, Kind, NodeId, Round, Stop, UnitEnd};

impl Machine {
    /// A child is to start again. If that is not for it alone, it does with all of these.
    pub(super) fn begin_round_if_together(&mut self, culprit: NodeId) {
        let (Again::After(pause), Some(parent)) =
            (self.nodes[culprit].again, self.nodes[culprit].parent)
        else {
            return;
        };
        let Some(first) = self.first_to_start_with(parent, culprit) else { return };
        // One that has begun goes on, with more children: none of those in it can end once more.
        let group = self.group(parent);
        let first = group.round.map_or(first, |round| round.first.min(first));
        let pause = group.round.map_or(pause, |round| round.pause.max(pause));
        group.round = Some(Round { culprit, first, pause });
        let has_started = |&child: &NodeId| self.nodes[child].state != UnitState::New;
        // Start order is the order of adding.
        let children = self.children(parent).into_iter().filter(|&child| child >= first);
        let line: Vec<NodeId> = children.filter(has_started).collect();
        for &child in &line {
            // One that was taken out is waited for where it has its turn, and starts no more.
            if !self.nodes[child].stop.deregistered {
                self.no_longer_ready(child);
                if self.nodes[child].state == UnitState::Backoff {
                    self.disarm(child);
                }
                self.nodes[child].again = Again::Together;
            }
        }
        let line = line.into_iter().filter(|&child| !self.nodes[child].stop.over).collect();
        self.order_stops(parent, line);
    }

    /// From which child on all start again with this one; none if it does so alone.
    fn first_to_start_with(&self, parent: NodeId, culprit: NodeId) -> Option<NodeId> {
        let Kind::Group(group) = &self.nodes[parent].kind else { return None };
        match group.kind.strategy.who() {
            Who::One => None,
            Who::All => group.children.first().copied(),
            Who::Rest => Some(culprit),
        }
    }

    /// Who starts again if this one does.
    pub(super) fn start_together(&self, parent: NodeId, culprit: NodeId) -> Vec<NodeId> {
        let Some(first) = self.first_to_start_with(parent, culprit) else { return vec![culprit] };
        let counts = |&it: &NodeId| it >= first && !self.nodes[it].stop.deregistered;
        self.children(parent).into_iter().filter(counts).collect()
    }

    /// It is the child's turn to stop for the round.
    pub(super) fn take_turn_in_round(&mut self, now: Instant, node: NodeId, culprit: NodeId) {
        if self.nodes[node].again != Again::Together {
            return; // it was taken out, and told so
        }
        match self.nodes[node].state {
            UnitState::Starting | UnitState::Running => {
                self.recall(now, node, UnitEnd::Round(culprit));
            }
            UnitState::Stopping if self.nodes[node].timer.is_none() => self.arm_recall(now, node),
            _ => {}
        }
        self.check_over(now, node);
    }

    /// When none of those in line is in the way any longer, the pause of all begins.
    pub(super) fn check_round_over(&mut self, now: Instant, parent: NodeId) {
        let group = self.group(parent);
        if group.stopping || group.open > 0 || group.round.is_none() || self.is_in_an_end(parent) {
            return; // in an end above they wait for that
        }
        let Some(round) = self.group(parent).round.take() else { return };
        let members = self.children(parent);
        let members: Vec<NodeId> =
            members.into_iter().filter(|&it| self.nodes[it].again == Again::Together).collect();
        // All first: one that starts may end the group in the same breath.
        for &member in &members {
            if self.nodes[member].state.is_terminal() {
                let background = self.nodes[member].policy.background;
                self.group(parent).alive += usize::from(!background);
                self.enter_state(now, member, UnitState::Backoff);
            }
            let this = &mut self.nodes[member];
            this.failed = false;
            this.stop = Stop { gated: this.stop.gated, ..Stop::default() };
        }
        for &member in &members {
            self.begin_pause(now, member, round.pause);
        }
        for member in members {
            self.start_if_due(now, member);
        }
    }
}

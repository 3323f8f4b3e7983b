//! Stopping, in the model: who is asked to stop and whose turn it is, for the end of a group, be it for
//! good or not, or for a round.

use super::Model;
use crate::snapshot::UnitState;
use crate::supervisor::machine_tests::said::{Quiet, Word};
use crate::supervisor::machine_tests::tree::{Kind, Set, bit, has, members};
use crate::supervisor::state::{GroupEnd, NodeId, ROOT};

impl Model {
    pub(super) fn stop(&mut self, now: u64, group: NodeId, why: GroupEnd) {
        if has(self.stopping, group) {
            return;
        }
        let failed = matches!(why, GroupEnd::Child(child) if has(self.failed, child));
        // One that is to start with others does, whatever it ends by.
        let by_itself = why != GroupEnd::Asked && !has(self.again, group);
        let comes_back = by_itself && self.comes_back(now, group, failed);
        if comes_back {
            self.again |= bit(group);
        }
        self.stopping |= bit(group);
        self.nodes[group].why = Some(why);
        self.say(group, Word::Stopping);
        if has(self.again, group) {
            self.limit_recall(now, group);
        } else {
            self.arm(now, group);
        }
        // What its children did together they do no more.
        if self.nodes[group].round.take().is_some() {
            self.happens(Quiet::RoundTakenBack);
        }
        self.over &= !(self.children[group] & self.together);
        self.turned &= !self.children[group];
        if comes_back {
            self.leaves(group);
        } else if by_itself {
            self.out |= bit(group);
        }
    }

    /// It is told to stop, but not for good.
    pub(super) fn recall(&mut self, now: u64, node: NodeId) {
        if has(self.groups, node) {
            return self.stop(now, node, GroupEnd::Asked);
        }
        self.told |= bit(node);
        self.say(node, Word::Told);
        if has(self.again, node) {
            self.limit_recall(now, node);
        }
    }

    /// Its turn to stop has come. Whether it is the last time depends on what it belongs to.
    pub(super) fn ask(&mut self, now: u64, node: NodeId) {
        if has(self.asked, node) {
            return;
        }
        let state = self.state(node);
        self.asked |= bit(node);
        for facts in [&mut self.again, &mut self.together, &mut self.turned, &mut self.resting] {
            *facts &= !bit(node);
        }
        if self.is_for_good(node) {
            self.last |= bit(node);
        }
        if has(self.groups, node) {
            self.stop(now, node, GroupEnd::Asked);
            self.ask_all_once_more(now, node);
        } else {
            match state {
                UnitState::New | UnitState::Backoff => self.is_at_its_end(node),
                UnitState::Starting | UnitState::Running => {
                    self.told |= bit(node);
                    self.say(node, Word::Told);
                }
                _ => {}
            }
        }
        self.arm(now, node);
    }

    /// Children that have stopped without knowing that it is for good know it now, and are waited for
    /// until they are called for that.
    pub(super) fn ask_all_once_more(&mut self, now: u64, group: NodeId) {
        if self.is_for_good(group) {
            for child in members(self.children[group] & self.asked & !self.deregistered) {
                self.ask_once_more(now, child);
            }
        }
    }

    fn ask_once_more(&mut self, now: u64, node: NodeId) {
        self.last |= bit(node);
        self.ask_all_once_more(now, node);
        let is_there = if has(self.groups, node) {
            self.children[node] & !self.over != 0
        } else {
            self.nodes[node].calls > 0 || (has(self.uncalled, node) && self.is_to_be_called(node))
        };
        if is_there && !has(self.late, node) {
            self.happens(Quiet::AskedOnceMore);
            self.behind |= bit(node) & self.over;
            self.over &= !bit(node);
            self.arm(now, node);
        }
    }

    pub(super) fn deregister(&mut self, now: u64, node: NodeId) {
        let is_past = has(self.over & self.asked, node) && self.is_for_good(node);
        if has(self.deregistered, node) {
            return;
        }
        if is_past {
            self.stays_out |= bit(node);
            return;
        }
        self.deregistered |= bit(node);
        self.settle(now); // while it has not stopped it is in nobody's way
        if has(self.asked & !self.last, node) {
            return self.ask_once_more(now, node);
        }
        if has(self.together, node) {
            self.happens(Quiet::TakenOutOfRound);
        }
        if has(self.together & self.over, node) {
            // Those that start again without it do not wait for it any more.
            self.over &= !bit(node);
            if let Some(round) = &mut self.nodes[self.shapes[node].parent].round {
                round.line &= !bit(node);
            }
        }
        self.ask(now, node);
    }

    pub(super) fn is_at_its_end(&mut self, node: NodeId) {
        self.terminal |= bit(node);
        self.again &= !bit(node);
        self.together &= !bit(node);
        self.lost |= bit(node) & self.failed;
        if node != ROOT {
            self.say(node, Word::Stopped);
        }
        if has(self.groups, node) {
            self.nodes[node].deadline = None;
            // A task that has failed no sooner than in its stop, and others that were asked.
            self.out |= bit(node) & self.failed;
        }
    }

    pub(super) fn has_its_turn(&self, node: NodeId) -> bool {
        let parent = self.shapes[node].parent;
        has(self.stopping, parent) && self.is_next_of(node, self.children[parent])
    }

    pub(super) fn has_its_turn_in_round(&self, node: NodeId) -> bool {
        let parent = self.shapes[node].parent;
        let round = self.nodes[parent].round.filter(|_| !has(self.stopping, parent));
        round.is_some_and(|round| self.is_next_of(node, round.line))
    }

    /// Whether nobody of `line` has to stop before it. Those that are asked once more have.
    fn is_next_of(&self, node: NodeId, line: Set) -> bool {
        let open = line & !self.over & !self.behind;
        let gated = has(self.gated, node);
        let Kind::Group { reverse, .. } = self.shapes[self.shapes[node].parent].kind else {
            unreachable!("a parent is a group")
        };
        let later = !(bit(node) | (bit(node) - 1));
        let same = if gated { self.gated } else { !self.gated };
        has(line, node)
            && self.dependents[node] & open == 0
            && !(gated && open & !self.gated != 0)
            && !(reverse && open & same & later != 0)
    }

    /// It is its turn to stop and start again.
    pub(super) fn takes_turn_in_round(&mut self, now: u64, node: NodeId) {
        self.turned |= bit(node);
        if self.is_up(node) {
            self.recall(now, node);
        } else if self.state(node) == UnitState::Stopping && self.nodes[node].recall_by.is_none() {
            self.limit_recall(now, node);
        }
    }

    /// Whether nobody has to wait for it.
    pub(super) fn is_over(&self, node: NodeId) -> bool {
        if has(self.late, node) {
            return has(self.asked, node);
        }
        let stopped = has(self.asked & self.terminal, node)
            || has(self.together & self.turned & (self.resting | self.terminal), node);
        let below = has(self.groups, node) && self.children[node] & !self.over != 0;
        stopped && self.nodes[node].calls == 0 && !below
    }
}

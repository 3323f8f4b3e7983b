//! Starting again, in the model: what is decided when a node ends by itself, or is not ready in time,
//! and who starts again with it.

use super::{End, Model, Round};
use crate::restart::Who;
use crate::snapshot::UnitState;
use crate::supervisor::machine_tests::policy::{Pause, Together, length};
use crate::supervisor::machine_tests::said::{Quiet, Word};
use crate::supervisor::machine_tests::tree::{Kind, Set, bit, has, members};
use crate::supervisor::state::{LimitOf, NodeId, ROOT};

impl Model {
    /// Whether its stop, or the end of what it is in, has begun.
    pub(in crate::supervisor::machine_tests) fn is_in_an_end(&self, node: NodeId) -> bool {
        has(self.asked, node) || self.is_below(self.stopping, node)
    }

    /// Whether its threads are still wanted, where they are about to be spawned.
    pub(in crate::supervisor::machine_tests) fn is_to_spawn(&self, unit: NodeId) -> bool {
        self.state(unit) == UnitState::Starting && !self.is_in_an_end(unit)
    }

    /// Whether it may start after all, whatever is heard of it next.
    pub(in crate::supervisor::machine_tests) fn may_come_back(&self, node: NodeId) -> bool {
        match self.state(node) {
            UnitState::New | UnitState::Backoff => true,
            _ if self.is_in_an_end(node) => false,
            _ => has(self.again, node) || !self.shapes[node].again.is_never(),
        }
    }

    /// Whether all that its next start waits for is what it comes after.
    pub(in crate::supervisor::machine_tests) fn waits_for_others(&self, node: NodeId) -> bool {
        has(self.resting & self.due, node)
            && self.nodes[node].calls == 0
            && self.shapes[node].after & !self.ready & !self.deregistered != 0
    }

    /// When its pause is over, while it is not.
    pub(in crate::supervisor::machine_tests) fn starts_at(&self, node: NodeId) -> Option<u64> {
        self.nodes[node].resumes.filter(|_| has(self.resting & !self.due, node))
    }

    /// Whether it stops with all that it belongs to, and nothing of that starts again.
    pub(in crate::supervisor::machine_tests) fn is_for_good(&self, node: NodeId) -> bool {
        let mut path = std::iter::once(node).chain(self.above(node));
        let starts = |it| has(self.again, it) && !self.is_in_an_end(it);
        let settles = path.find(|&it| starts(it) || has(self.deregistered, it));
        settles.is_none_or(|it| !starts(it))
    }

    /// Whether what has failed there counts for the whole.
    pub(in crate::supervisor::machine_tests) fn counts(&self, node: NodeId) -> bool {
        has(self.failed, node) && !self.is_below(self.again, node)
    }

    pub(in crate::supervisor::machine_tests) fn is_silent(&self, unit: NodeId) -> bool {
        has(self.silent, unit) && self.is_running(unit)
    }

    /// Whether nodes can be added to it.
    pub(in crate::supervisor::machine_tests) fn is_open(&self, node: NodeId) -> bool {
        has(self.groups & !self.stopping, node) && !self.is_in_an_end(node)
    }

    pub(in crate::supervisor::machine_tests) fn children_of(&self, group: NodeId) -> Set {
        self.children[group]
    }

    pub(in crate::supervisor::machine_tests) fn siblings(&self, node: NodeId) -> Set {
        self.children[self.shapes[node].parent]
    }

    pub(in crate::supervisor::machine_tests) fn strategy_around(&self, node: NodeId) -> Who {
        self.together_in(self.shapes[node].parent).who
    }

    pub(super) fn together_in(&self, group: NodeId) -> Together {
        match self.shapes[group].kind {
            Kind::Group { together, .. } => together,
            Kind::Unit { .. } => unreachable!("node {group} is a unit"),
        }
    }

    /// An instance has ended in a way that ends its incarnation, if nothing else has before: the others
    /// are told.
    pub(super) fn ends_all(&mut self, now: u64, unit: NodeId, failed: bool) {
        if self.is_up(unit) {
            self.say(unit, Word::Ended);
        }
        self.ends(now, unit, failed);
    }

    fn ends(&mut self, now: u64, unit: NodeId, failed: bool) {
        let first = self.is_up(unit);
        if first {
            if has(self.again, unit) {
                self.limit_recall(now, unit); // it waited for its turn in a round
            } else if self.comes_back(now, unit, failed) {
                self.again |= bit(unit);
                self.limit_recall(now, unit);
                self.leaves(unit);
            } else {
                self.out |= bit(unit);
            }
            self.ended |= bit(unit);
        }
        // A failure that it starts again after is none.
        if failed && !has(self.again, unit) {
            self.fails(unit);
        }
    }

    /// Not one could be spawned, so there is nobody to tell and nobody to wait for.
    pub(super) fn has_no_thread(&mut self, now: u64, unit: NodeId) {
        self.ends(now, unit, true);
        self.settled |= bit(unit);
    }

    pub(super) fn fails(&mut self, node: NodeId) {
        self.failed |= bit(node);
        self.unnoted |= bit(node);
    }

    /// Decides whether it starts again.
    pub(super) fn comes_back(&mut self, now: u64, node: NodeId, failed: bool) -> bool {
        let shape = self.shapes[node];
        let policy = shape.again;
        if node == ROOT || !policy.covers(failed) || self.is_in_an_end(node) {
            return false;
        }
        let group = shape.parent;
        let together = self.together_in(group);
        let with_it = match together.who {
            Who::One => bit(node),
            Who::All => self.children[group] & !self.deregistered,
            Who::Rest => self.children[group] & !self.deregistered & !(bit(node) - 1),
        };
        let all = members(with_it).fold(with_it, |all, child| all | self.belongs_to(child));
        let is_there = |it| !has(self.terminal, it) || self.nodes[it].calls > 0;
        if members(all & self.late).any(is_there) || self.cannot_last(node) {
            return false;
        }
        let alone = together.who == Who::One;
        let limit = if alone && policy.is_too_often(&self.nodes[node].ends, now) {
            LimitOf::Itself
        } else if together.is_too_often(&self.nodes[group].restarts, now) {
            LimitOf::ItsGroup
        } else {
            let since = self.nodes[node].since.filter(|_| self.is_running(node));
            let served = since.map_or(0, |since| now - since);
            self.nodes[node].ends.push(End { at: now, served });
            self.nodes[group].restarts.push(now);
            return true;
        };
        self.nodes[node].given_up = Some(limit);
        self.say(node, Word::GivenUp);
        self.fails(node);
        false
    }

    /// A group that has nobody to keep it alive, or has such a group in it: it would end as it starts.
    pub(in crate::supervisor::machine_tests) fn cannot_last(&self, node: NodeId) -> bool {
        let children = self.children[node] & !self.deregistered & !self.stays_out;
        let brief =
            members(children).filter(|&child| self.cannot_last(child)).map(bit).sum::<Set>();
        let task = |child: NodeId| self.shapes[child].task;
        let background = |child: NodeId| self.shapes[child].background;
        has(self.groups, node)
            && (members(brief).any(|child| !task(child))
                || members(children & !brief).all(background))
    }

    /// The first task with nobody to do it: it is done when it starts, in the middle of other starts,
    /// whose order is then not the model's. `nested` has it.
    pub(in crate::supervisor::machine_tests) fn is_out_of_order(&self) -> Option<NodeId> {
        let tasks = self.groups & !self.deregistered;
        members(tasks).find(|&node| self.shapes[node].task && self.cannot_last(node))
    }

    fn own_pause(&self, node: NodeId) -> Pause {
        self.shapes[node].again.pause(&self.nodes[node].ends)
    }

    /// It is to start again, and is no longer what it was; and with it those that start again when it
    /// does.
    pub(super) fn leaves(&mut self, culprit: NodeId) {
        self.loses_readiness(culprit);
        let group = self.shapes[culprit].parent;
        let first = match self.together_in(group).who {
            Who::One => return,
            Who::All => 0,
            Who::Rest => culprit,
        };
        let pause = self.own_pause(culprit);
        let longer = |other: Pause| other.zip(pause).map(|(a, b)| a.max(b));
        let before = self.nodes[group].round;
        if before.is_some() {
            self.happens(Quiet::RoundWidened);
        }
        let first = before.map_or(first, |round| round.first.min(first));
        let pause = before.map_or(pause, |round| longer(round.pause));
        let with_it: Set = members(self.children[group] & !(bit(first) - 1))
            .filter(|&child| self.state(child) != UnitState::New)
            .map(bit)
            .sum();
        for child in members(with_it & !self.deregistered) {
            self.loses_readiness(child);
            self.again |= bit(child);
            self.together |= bit(child);
            self.turned &= !bit(child);
            self.due &= !bit(child);
            self.nodes[child].resumes = None;
        }
        let line = with_it & !self.over;
        self.nodes[group].round = Some(Round { first, pause, line });
    }

    /// It has stopped, and is to start again.
    pub(super) fn rests(&mut self, now: u64, node: NodeId) {
        self.resting |= bit(node);
        self.nodes[node].deadline = None;
        if !has(self.together, node) {
            self.pauses(now, node, self.own_pause(node));
        }
    }

    fn pauses(&mut self, now: u64, node: NodeId, pause: Pause) {
        self.say(node, Word::Pauses);
        self.nodes[node].pause = Some(length(pause));
        self.nodes[node].resumes = pause.map(|pause| now + pause);
        if pause == Some(0) {
            self.due |= bit(node);
        }
    }

    /// None of those who are to start again together is in the way any more.
    pub(super) fn round_is_over(&mut self, now: u64, group: NodeId) {
        let Some(round) = self.nodes[group].round.take() else { return };
        if self.children[group] & self.together & self.terminal != 0 {
            self.happens(Quiet::DoneTaskInRound);
        }
        for child in members(self.children[group] & self.together) {
            self.forget_stop(child);
            self.resting |= bit(child);
            self.together &= !bit(child);
            self.turned &= !bit(child);
            self.pauses(now, child, round.pause);
        }
    }
}

//! What has been seen of a machine: its actions, each held against the rules on its own as it comes,
//! and all of them together against the model (`compare`), after each input.

mod compare;

use std::time::{Duration, Instant};

use super::model::Model;
use super::said::{Said, Word};
use super::tree::{Set, bit, has, members};
use crate::restart::Who;
use crate::supervisor::state::{Action, GroupEnd, Input, LimitOf, NodeId, UnitEnd};

/// What of a node no set says.
#[derive(Clone, Debug, Default)]
struct Seen {
    said: Said,
    incarnation: u32,
    why: Option<GroupEnd>,
    given_up: Option<LimitOf>,
    pause: Option<Duration>,
    /// When the last thread of its incarnation has left, and when its pause is over.
    left: Option<Instant>,
    resumes: Option<Instant>,
}

/// See the module. The sets are of the present incarnation of each node, or life of each group.
#[derive(Debug, Default)]
pub(super) struct Observed {
    nodes: Vec<Seen>,
    ready: Set,
    stopping: Set,
    told: Set,
    ended: Set,
    /// Told to stop for a round that has not brought it to its pause.
    in_round: Set,
    pausing: Set,
    /// A group above has started since.
    anew: Set,
    called: Set,
    /// It has entered `serve`, in this incarnation or in any.
    entered: Set,
    was_entered: Set,
    /// Units that have threads, and those for which there were none.
    there: Set,
    without: Set,
    stopped: Set,
    late: Set,
    finished: bool,
    /// Taken out while actions were on their way, and what is below: some of these are of before.
    unsure: Set,
    /// Whose pause was ended by a stop, and by being taken out.
    pub(super) stopped_in_pause: Set,
    pub(super) taken_out_in_pause: Set,
    /// Who was told for a round.
    pub(super) recalled_for_round: Set,
    /// Called for a life before.
    pub(super) called_late: Set,
}

impl Observed {
    pub(super) fn new(nodes: usize) -> Self {
        Self { nodes: vec![Seen::default(); nodes], ..Self::default() }
    }

    pub(super) fn add(&mut self) {
        self.nodes.push(Seen::default());
    }

    /// What the machine is about to be told.
    pub(super) fn hear(&mut self, input: Input, world: &Model, now: Instant) {
        if let Input::Deregister(node) = input {
            let below = (0..self.nodes.len()).filter(|&it| world.is_below(bit(node), it));
            self.unsure |= below.map(bit).fold(bit(node), |all, it| all | it);
        }
        if let Input::Refused(unit) | Input::SpawnFailed { unit, spawned: 0 } = input {
            self.without |= bit(unit);
        }
        match input {
            Input::Settled { unit, .. }
            | Input::SpawnFailed { unit, spawned: 0 }
            | Input::Refused(unit) => {
                self.there &= !bit(unit);
                self.nodes[unit].left = Some(now);
            }
            Input::Entered { unit, .. } => {
                if !has(self.entered, unit) {
                    self.called &= !bit(unit);
                }
                self.entered |= bit(unit);
                self.was_entered |= bit(unit);
            }
            _ => {}
        }
    }

    /// An action, before it is done. What the rules say of its moment is said here a second time,
    /// without the model's rules: it lends its eyes for the tree and for who was taken out.
    pub(super) fn note(&mut self, action: Action, world: &Model, now: Instant) {
        if self.finished {
            let of_the_late = match action {
                Action::Stopped(unit) | Action::CallStop(unit) => has(self.late, unit),
                _ => false,
            };
            assert!(of_the_late, "{action:?} after the end");
        }
        match action {
            Action::Start { unit, incarnation } => {
                self.note_start(action, unit, incarnation, world, now);
            }
            Action::Ready(node) => {
                self.say(node, Word::Ready);
                self.ready |= bit(node); // be it once more: it may have lost it since
            }
            Action::Backoff { unit, pause } => self.note_pause(action, unit, pause, world),
            Action::GaveUp { unit, limit } => {
                self.say(unit, Word::GivenUp);
                self.nodes[unit].given_up = Some(limit);
            }
            Action::Stopping { group, why } => {
                self.say(group, Word::Stopping);
                self.once(self.stopping, group, action);
                self.stopping |= bit(group);
                self.nodes[group].why = Some(why);
            }
            Action::Tell { unit, why } => self.note_told(action, unit, why, world),
            Action::CallStop(unit) => {
                self.say(unit, Word::Called);
                self.once(self.called, unit, action);
                self.called |= bit(unit);
                assert!(has(self.was_entered, unit), "{action:?} before it entered");
                let may_enter = !has(self.entered, unit) && has(self.there, unit);
                assert!(!may_enter, "{action:?} and it may yet enter");
                // L8: who has ended by itself and is replaced gets none, as far as was known when it
                // was asked.
                let is_last = has((self.told & self.entered) | world.last, unit);
                assert!(is_last, "{action:?} and it is replaced");
                self.called_late |= bit(unit) & !self.entered;
            }
            Action::Stopped(node) => {
                self.say(node, Word::Stopped);
                self.once(self.stopped, node, action);
                self.stopped |= bit(node);
                let in_pause = bit(node) & self.pausing;
                self.taken_out_in_pause |= in_pause & world.deregistered;
                self.stopped_in_pause |= in_pause & !world.deregistered;
                self.in_round &= !bit(node);
                assert_eq!(self.threads_of(node, world) & !self.late, 0, "{action:?} with threads");
            }
            Action::Late(unit) => {
                self.say(unit, Word::Late);
                self.once(self.late, unit, action);
                self.late |= bit(unit);
                let is_told = has(self.told | self.ended | self.stopped, unit);
                assert!(is_told, "{action:?} and not told");
            }
            Action::NotReadyInTime(node) => {
                self.say(node, Word::NotReady);
                assert!(!has(self.ready, node) && !self.is_in_an_end(node, world), "{action:?}");
            }
            Action::DidNotStop(node) => {
                self.say(node, Word::DidNotStop);
                assert!(!self.is_in_an_end(node, world), "{action:?} in an end");
                // Who was taken out is waited for, too.
                let is_there = |it: NodeId| has(self.there, it) || world.nodes[it].calls > 0;
                let mut below = (0..self.nodes.len()).filter(|&it| world.is_below(bit(node), it));
                assert!(is_there(node) || below.any(is_there), "{action:?} and it has stopped");
            }
            Action::Extended { unit, .. } => {
                self.say(unit, Word::Extended);
                assert!(has(self.told | self.ended | self.stopped, unit), "{action:?}: not told");
            }
            Action::AskIfAlive(unit) => {
                self.say(unit, Word::AskedIfAlive);
                assert!(has(self.there & self.entered, unit), "{action:?}");
            }
            Action::Unresponsive { unit, .. } => {
                self.say(unit, Word::Silent);
                assert!(has(self.there & self.ready, unit), "{action:?}");
                self.ready &= !bit(unit);
            }
            Action::Responsive(unit) => self.say(unit, Word::HeardOf),
            Action::Finished => {
                assert!(!self.finished, "a second {action:?}");
                self.finished = true;
            }
        }
    }

    /// It is not among those to whom it has happened.
    fn once(&self, to: Set, node: NodeId, what: Action) {
        assert!(!has(to & !self.unsure, node), "a second {what:?}");
    }

    fn say(&mut self, node: NodeId, word: Word) {
        self.nodes[node].said[word as usize] += 1;
    }

    /// The units that have threads among these: of the node, and of all that belongs to it.
    fn threads_of(&self, node: NodeId, world: &Model) -> Set {
        self.there & (bit(node) | world.belongs_to(node))
    }

    fn is_in_an_end(&self, node: NodeId, world: &Model) -> bool {
        world.is_below(self.stopping, node)
    }

    fn note_start(
        &mut self,
        action: Action,
        node: NodeId,
        incarnation: u32,
        world: &Model,
        now: Instant,
    ) {
        self.say(node, Word::Start);
        assert_eq!(incarnation, self.nodes[node].incarnation + 1, "{action:?} out of turn");
        self.nodes[node].incarnation = incarnation;
        let after = world.shapes[node].after & !world.deregistered;
        assert_eq!(after & !self.ready, 0, "{action:?} before what it comes after");
        assert!(!self.is_in_an_end(node, world), "{action:?} after an end began");
        // S2, of all below a group, too.
        assert_eq!(self.threads_of(node, world), 0, "{action:?} beside threads");
        if has(self.unsure, node) {
            // By whom, cannot be told.
        } else if incarnation > 1 && !has(self.anew, node) {
            assert!(has(self.pausing, node), "{action:?} without a pause");
            let over = self.nodes[node].resumes.is_none_or(|at| at <= now);
            assert!(over, "{action:?} too early");
        } else {
            let may_not = self.stopped | self.late | self.told | self.ended;
            assert!(!has(may_not, node), "{action:?} after its stop");
        }
        self.begin_anew(bit(node));
        if has(world.groups, node) {
            let below = world.belongs_to(node);
            self.begin_anew(below);
            self.anew |= below;
        } else {
            self.there |= bit(node);
        }
    }

    fn begin_anew(&mut self, nodes: Set) {
        let of_one = [
            &mut self.stopping,
            &mut self.ready,
            &mut self.told,
            &mut self.ended,
            &mut self.in_round,
            &mut self.pausing,
            &mut self.anew,
            &mut self.without,
            &mut self.entered,
            &mut self.stopped,
            &mut self.late,
        ];
        for facts in of_one {
            *facts &= !nodes;
        }
    }

    fn note_pause(&mut self, action: Action, node: NodeId, pause: Duration, world: &Model) {
        self.say(node, Word::Pauses);
        self.pausing |= bit(node); // once more, if a round comes in between
        self.in_round &= !bit(node);
        self.stopped &= !bit(node); // a task that was done
        // At the earliest: it may have waited for others, and of a group it is not known here.
        self.nodes[node].pause = Some(pause);
        let left = self.nodes[node].left;
        self.nodes[node].resumes = left.and_then(|left| left.checked_add(pause));
        assert!(!self.is_in_an_end(node, world), "{action:?} in an end");
        assert_eq!(self.threads_of(node, world), 0, "{action:?} with threads");
        // S3: of a round all are out of the way before the first has its pause.
        let others = match world.strategy_around(node) {
            Who::One => 0,
            Who::All => world.siblings(node),
            Who::Rest => world.siblings(node) & !(bit(node) - 1),
        };
        for other in members(others & self.in_round & !world.deregistered) {
            assert_eq!(self.threads_of(other, world), 0, "{action:?} before {other} has left");
        }
    }

    fn note_told(&mut self, action: Action, unit: NodeId, why: UnitEnd, world: &Model) {
        assert!(has(self.there | self.without, unit), "{action:?} and nobody to tell");
        self.once(self.told | self.ended | self.stopped, unit, action);
        if why == UnitEnd::Ended {
            self.ended |= bit(unit);
            return self.say(unit, Word::Ended);
        }
        self.told |= bit(unit);
        self.say(unit, Word::Told);
        // Before a deadline above it, it is the turn of none whose dependents are there.
        let gone = self.late;
        let mut in_order = !world.is_below(world.expired, unit);
        match why {
            UnitEnd::Group(group) => {
                assert!(has(self.stopping, group), "{action:?} before the end began");
            }
            UnitEnd::Round(culprit) => {
                assert!(has(world.siblings(unit), culprit), "{action:?} with no sibling");
                assert_ne!(world.strategy_around(unit), Who::One, "{action:?}");
                self.in_round |= bit(unit);
                self.recalled_for_round |= bit(unit);
            }
            UnitEnd::NotReady => in_order = false,
            UnitEnd::Deregistered => {
                assert!(has(world.deregistered, unit), "{action:?}");
                in_order = false;
            }
            UnitEnd::Ended => unreachable!("see above"),
        }
        if in_order {
            for dependent in members(world.dependents[unit]) {
                let there = self.threads_of(dependent, world) & !gone;
                assert_eq!(there, 0, "{action:?} before its dependent {dependent}");
            }
        }
    }
}

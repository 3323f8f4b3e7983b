//! What random worlds have come to: whether they are worth the time.

use super::model::Model;
use super::observed::Observed;
use super::tree::{bit, has, members};
use crate::supervisor::state::{GroupEnd, Input, ROOT};

/// What is looked for, in the order of [`Seen::kinds`].
pub(super) const NAMES: [&str; KINDS] = [
    "everybody ready",
    "an end that was asked for",
    "an end by a child",
    "all tasks done",
    "late",
    "taken out",
    "no thread",
    "refused",
    "a failure",
    "a group in the group",
    "restarted",
    "restarted twice or more",
    "given up",
    "stopped in its pause",
    "taken out in its pause",
    "a restart that was refused",
    "a restart that found no thread",
    "taken out where its restart found no thread",
    "readiness lost",
    "ready again",
    "a pause with a call still out",
    "a restart that waited for what it comes after",
    "a stop before the last thread had left",
    "ready said too late",
];

pub(super) const KINDS: usize = 24;

/// What can be told from the inputs, and the moment at which each comes.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // facts that are true or not whatever the others are
pub(super) struct Seen {
    no_thread: bool,
    refused: bool,
    refused_again: bool,
    no_thread_again: bool,
    taken_out_without_thread: bool,
    call_in_pause: bool,
    waited_for_others: bool,
    late_ready: bool,
}

impl Seen {
    /// What is about to happen to `world`.
    pub(super) fn input(&mut self, input: Input, world: &Model) {
        self.waited_for_others |= members(world.again).any(|unit| world.waits_for_others(unit));
        match input {
            Input::Refused(unit) => {
                self.refused = true;
                self.refused_again |= world.serving[unit].incarnation > 1;
            }
            Input::SpawnFailed { unit, spawned: 0 } => {
                let again = world.serving[unit].incarnation > 1;
                self.no_thread = true;
                self.no_thread_again |= again;
                self.taken_out_without_thread |= again && has(world.deregistered, unit);
            }
            Input::Settled { unit, .. } => {
                self.call_in_pause |= has(world.again, unit) && world.serving[unit].calls > 0;
            }
            Input::SaidReady { unit, incarnation } => {
                self.late_ready |= incarnation < world.serving[unit].incarnation;
            }
            _ => {}
        }
    }

    /// In the order of [`NAMES`].
    pub(super) fn kinds(&self, model: &Model, observed: &Observed) -> [bool; KINDS] {
        let why = model.why[ROOT];
        let started = |times| model.serving.iter().any(|unit| unit.incarnation >= times);
        [
            has(model.ready, ROOT),
            why == Some(GroupEnd::Asked),
            matches!(why, Some(GroupEnd::Child(_))),
            why == Some(GroupEnd::TasksDone),
            model.late != 0,
            model.deregistered != 0,
            self.no_thread,
            self.refused,
            has(model.failed, ROOT),
            model.started & model.groups != bit(ROOT),
            started(2),
            started(3),
            model.given_up != 0,
            observed.stopped_in_pause != 0,
            observed.taken_out_in_pause != 0,
            self.refused_again,
            self.no_thread_again,
            self.taken_out_without_thread,
            model.lost_readiness.iter().any(|&times| times > 0),
            model.readied.iter().any(|&times| times > 1),
            self.call_in_pause,
            self.waited_for_others,
            model.taken_back != 0,
            self.late_ready,
        ]
    }
}

//! What random worlds have come to: whether they are worth the time.

use super::model::Model;
use super::observed::Observed;
use super::said::{Quiet, Word};
use super::tree::{Set, bit, has, members};
use crate::supervisor::state::{GroupEnd, Input, LimitOf, NodeId, ROOT};

/// Something to look for, and whether it has happened.
pub(super) type Kind = (&'static str, bool);

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
    late_more_time: bool,
    added: Set,
    taken_out_at_rest: bool,
}

impl Seen {
    /// What is about to happen to `world`.
    pub(super) fn input(&mut self, input: Input, world: &Model) {
        self.waited_for_others |= members(world.again).any(|unit| world.waits_for_others(unit));
        let is_again = |unit: NodeId| world.nodes[unit].incarnation > 1;
        match input {
            Input::Refused(unit) => {
                self.refused = true;
                self.refused_again |= is_again(unit);
            }
            Input::SpawnFailed { unit, spawned: 0 } => {
                self.no_thread = true;
                self.no_thread_again |= is_again(unit);
                self.taken_out_without_thread |= is_again(unit) && has(world.deregistered, unit);
            }
            Input::Settled { unit, .. } => {
                self.call_in_pause |= has(world.again, unit) && world.nodes[unit].calls > 0;
            }
            Input::SaidReady { unit, incarnation } => {
                self.late_ready |= incarnation < world.nodes[unit].incarnation;
            }
            Input::ExtendStop { unit, incarnation, .. } => {
                self.late_more_time |= incarnation < world.nodes[unit].incarnation;
            }
            Input::Added(node) => self.added |= bit(node),
            Input::Deregister(node) => {
                let to_come_back = !world.is_for_good(node);
                self.taken_out_at_rest |= has(world.over & world.asked, node) && to_come_back;
            }
            _ => {}
        }
    }

    pub(super) fn kinds(&self, model: &Model, observed: &Observed) -> Vec<Kind> {
        let why = model.nodes[ROOT].why;
        let any = |which: &dyn Fn(NodeId) -> bool| (0..model.nodes.len()).any(which);
        let started = |times| any(&|node| model.nodes[node].incarnation >= times);
        let said = |word: Word| any(&|node| model.said(node, word) > 0);
        let of_group =
            |word, times| any(&|node| has(model.groups, node) && model.said(node, word) >= times);
        let by_group = any(&|node| model.nodes[node].given_up == Some(LimitOf::ItsGroup));
        let quiet = |what| model.has_happened(what);
        vec![
            ("everybody ready", has(model.ready, ROOT)),
            ("an end that was asked for", why == Some(GroupEnd::Asked)),
            ("an end by a child", matches!(why, Some(GroupEnd::Child(_)))),
            ("all tasks done", why == Some(GroupEnd::TasksDone)),
            ("late", model.late != 0),
            ("taken out", model.deregistered != 0),
            ("no thread", self.no_thread),
            ("refused", self.refused),
            ("a failure", has(model.failed, ROOT)),
            ("a group in the group", model.started & model.groups != bit(ROOT)),
            ("restarted", started(2)),
            ("restarted twice or more", started(3)),
            ("and well in the end", started(3) && !has(model.failed, ROOT)),
            ("given up", said(Word::GivenUp)),
            ("given up by its group's limit", by_group),
            ("stopped in its pause", observed.stopped_in_pause != 0),
            ("taken out in its pause", observed.taken_out_in_pause != 0),
            ("a restart that was refused", self.refused_again),
            ("a restart that found no thread", self.no_thread_again),
            ("taken out where its restart found no thread", self.taken_out_without_thread),
            ("a pause with a call still out", self.call_in_pause),
            ("a restart that waited for what it comes after", self.waited_for_others),
            ("ready said too late", self.late_ready),
            ("more time asked for too late", self.late_more_time),
            ("more time", said(Word::Extended)),
            ("not ready in time", said(Word::NotReady)),
            ("a group not ready in time", of_group(Word::NotReady, 1)),
            ("not stopped in time to start again", said(Word::DidNotStop)),
            ("a late leaf below what was to start again", quiet(Quiet::LateBelow)),
            ("a group started again", of_group(Word::Start, 2)),
            ("a group started again and again", of_group(Word::Start, 3)),
            ("a group given up", of_group(Word::GivenUp, 1)),
            ("a failure that is made good by the group", quiet(Quiet::ExcusedFailure)),
            ("a round", observed.recalled_for_round != 0),
            ("a round that was widened", quiet(Quiet::RoundWidened)),
            ("a round that a stop took back", quiet(Quiet::RoundTakenBack)),
            ("taken out of a round", quiet(Quiet::TakenOutOfRound)),
            ("a done task in a round", quiet(Quiet::DoneTaskInRound)),
            ("asked once more", quiet(Quiet::AskedOnceMore)),
            ("called for an incarnation before", observed.called_late != 0),
            ("taken out while it was to come back", self.taken_out_at_rest),
            ("silent", said(Word::Silent)),
            ("heard of again", said(Word::HeardOf)),
            ("a unit added", self.added & !model.groups != 0),
            ("a group added", self.added & model.groups != 0),
        ]
    }
}

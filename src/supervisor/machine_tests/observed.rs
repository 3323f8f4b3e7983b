//! What has been seen of a machine: its actions, each held against the rules on its own as it comes,
//! and all of them together against the model, after each input.

use std::time::{Duration, Instant};

use super::model::Model;
use super::tree::{Kind, Set, bit, has};
use crate::snapshot::UnitState;
use crate::supervisor::machine::Machine;
use crate::supervisor::state::{Action, GroupEnd, NodeId, ROOT, UnitEnd};

/// See the module.
#[derive(Debug)]
pub(super) struct Observed {
    started: Set,
    ready: Set,
    stopping: Set,
    why: Vec<Option<GroupEnd>>,
    told: Set,
    ended: Set,
    called: Set,
    stopped: Set,
    late: Set,
    finished: bool,
    states: Vec<UnitState>,
}

/// Adds a node to what may happen to it once.
fn once(set: &mut Set, node: NodeId, what: Action) {
    assert!(!has(*set, node), "a second {what:?}");
    *set |= bit(node);
}

impl Observed {
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            started: 0,
            ready: 0,
            stopping: 0,
            why: vec![None; nodes],
            told: 0,
            ended: 0,
            called: 0,
            stopped: 0,
            late: 0,
            finished: false,
            states: vec![UnitState::New; nodes],
        }
    }

    /// An action, before it is done. What the rules say of its moment is said here a second time,
    /// without the model's rules: it lends its eyes for the tree and what the threads have said.
    pub(super) fn note(&mut self, action: Action, world: &Model) {
        let gone = self.stopped | self.late;
        if self.finished {
            let of_the_late = match action {
                Action::Stopped(unit) | Action::CallStop(unit) => has(self.late, unit),
                _ => false,
            };
            assert!(of_the_late, "{action:?} after the end");
        }
        match action {
            Action::Start { unit, incarnation } => {
                once(&mut self.started, unit, action);
                assert_eq!(incarnation, 1);
                let shape = &world.shapes[unit];
                assert_eq!(shape.after & !self.ready, 0, "{action:?} before what it comes after");
                assert!(!world.is_below(self.stopping, unit), "{action:?} after an end began");
                assert!(!has(gone | self.told, unit), "{action:?} after its stop");
            }
            Action::Ready(node) => once(&mut self.ready, node, action),
            Action::Stopping { group, why } => {
                once(&mut self.stopping, group, action);
                self.why[group] = Some(why);
            }
            Action::Tell { unit, why: UnitEnd::Ended } => once(&mut self.ended, unit, action),
            Action::Tell { unit, why } => {
                once(&mut self.told, unit, action);
                assert!(!has(self.ended | self.stopped, unit), "{action:?} and nobody to tell");
                let UnitEnd::Group(group) = why else {
                    assert!(has(world.deregistered, unit), "{action:?}");
                    return;
                };
                assert!(has(self.stopping, group), "{action:?} before the end began");
                // Before a deadline above it, it is the turn of none whose dependents are there.
                if !world.is_below(world.expired, unit) {
                    let there = world.dependents[unit] & !gone;
                    assert_eq!(there, 0, "{action:?} before its dependents");
                }
            }
            Action::CallStop(unit) => {
                once(&mut self.called, unit, action);
                assert!(world.serving[unit].entered > 0, "{action:?} before it entered");
                assert!(has(self.started, unit), "{action:?} before its start");
            }
            Action::Stopped(node) => once(&mut self.stopped, node, action),
            Action::Late(unit) => {
                once(&mut self.late, unit, action);
                assert!(
                    has(self.told | self.ended | self.stopped, unit),
                    "{action:?} and not told"
                );
            }
            Action::NotReadyInTime(_)
            | Action::DidNotStop(_)
            | Action::Extended { .. }
            | Action::Backoff { .. }
            | Action::GaveUp(_) => {
                panic!("{action:?}: nothing restarts here")
            }
            Action::Finished => {
                assert!(!self.finished, "a second {action:?}");
                self.finished = true;
            }
        }
    }

    /// Everything that was decided so far is what the model says, and nothing else.
    pub(super) fn compare(&mut self, machine: &Machine, model: &Model, origin: Instant) {
        let groups = model.groups;
        assert_eq!(self.started, model.started & !groups, "started");
        assert_eq!(self.ready, model.ready, "ready");
        assert_eq!(self.stopping, model.stopping, "stopping");
        assert_eq!(self.why[ROOT], model.why[ROOT], "why the run stops");
        assert_eq!(self.told, model.told, "told");
        assert_eq!(self.ended, model.ended & !groups & !model.without_thread, "ended");
        assert_eq!(self.called, model.called, "graceful_stop called");
        assert_eq!(self.stopped, model.terminal & !bit(ROOT), "stopped");
        assert_eq!(self.late, model.late, "late");
        assert_eq!(self.finished, model.is_finished(), "finished");
        assert_eq!(machine.is_finished(), self.finished);
        let deadline = model.next_deadline().map(|at| origin + Duration::from_millis(at));
        assert_eq!(machine.next_deadline(), deadline, "the next deadline");
        if model.stopping == 0 && model.deregistered == 0 {
            assert_eq!(deadline, None, "nothing stops");
        }
        for node in 0..self.states.len() {
            let (state, _) = machine.state(node);
            assert_eq!(state, model.state(node), "state of node {node}");
            let before = std::mem::replace(&mut self.states[node], state);
            let moved = before == state || rank(before) < rank(state);
            assert!(moved, "node {node}: {before} → {state}");
            // Below an end that has begun two reasons may come together, and either may be first.
            if self.why[node] != model.why[node] {
                assert!(model.is_below(model.stopping, node), "why {node} stops: {model:#?}");
            }
            assert_eq!(machine.is_ready(node), has(model.ready, node));
            assert_eq!(machine.is_late(node), has(model.late, node));
            assert_eq!(machine.is_called(node), model.serving[node].calls > 0);
        }
    }

    /// At the end everybody is at an end or late, and was told of it.
    pub(super) fn check_end(&self, model: &Model) {
        for node in 1..self.states.len() {
            let is_unit = matches!(model.shapes[node].kind, Kind::Unit { .. });
            let gone = has(self.stopped | self.late, node);
            assert!(gone, "node {node} is neither stopped nor late");
            assert!(has(model.over, node), "node {node} is not over");
            if is_unit && model.serving[node].entered > 0 {
                assert!(has(self.called, node), "graceful_stop of {node} was not called");
            }
        }
    }
}

/// Which state comes before which; one step of the machine may take several edges.
fn rank(state: UnitState) -> u32 {
    match state {
        UnitState::New => 0,
        UnitState::Starting => 1,
        UnitState::Running => 2,
        UnitState::Stopping => 3,
        UnitState::Backoff => 4,
        UnitState::Stopped | UnitState::Failed => 5,
    }
}

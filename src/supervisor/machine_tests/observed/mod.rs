//! What has been seen of a machine: its actions, each held against the rules on its own as it comes,
//! and all of them together against the model, after each input.

use std::time::{Duration, Instant};

use super::model::Model;
use super::tree::{Kind, Set, bit, has};
use crate::snapshot::UnitState;
use crate::supervisor::machine::Machine;
use crate::supervisor::state::{Action, GroupEnd, Input, NodeId, ROOT, UnitEnd};

/// See the module.
#[derive(Debug)]
pub(super) struct Observed {
    /// Which incarnation is the last that was started.
    started: Vec<u32>,
    ready: Set,
    readied: Vec<u32>,
    stopping: Set,
    why: Vec<Option<GroupEnd>>,
    told: Set,
    /// Told that its incarnation has ended by itself; and how often that was.
    ended: Set,
    ends: Vec<u32>,
    /// It is in its pause; how many it had, and when the last is over.
    pausing: Set,
    pauses: Vec<u32>,
    resumes: Vec<Option<Instant>>,
    /// When the last thread of its incarnation has left, or none was found.
    left: Vec<Option<Instant>>,
    given_up: Set,
    /// Whose pause was ended by a stop, and by being taken out.
    pub(super) stopped_in_pause: Set,
    pub(super) taken_out_in_pause: Set,
    called: Set,
    stopped: Set,
    late: Set,
    finished: bool,
    states: Vec<UnitState>,
    incarnations: Vec<u32>,
}

/// Adds a node to what may happen to it once.
fn once(set: &mut Set, node: NodeId, what: Action) {
    assert!(!has(*set, node), "a second {what:?}");
    *set |= bit(node);
}

impl Observed {
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            started: vec![0; nodes],
            ready: 0,
            readied: vec![0; nodes],
            stopping: 0,
            why: vec![None; nodes],
            told: 0,
            ended: 0,
            ends: vec![0; nodes],
            pausing: 0,
            pauses: vec![0; nodes],
            resumes: vec![None; nodes],
            left: vec![None; nodes],
            given_up: 0,
            stopped_in_pause: 0,
            taken_out_in_pause: 0,
            called: 0,
            stopped: 0,
            late: 0,
            finished: false,
            states: vec![UnitState::New; nodes],
            incarnations: vec![0; nodes],
        }
    }

    /// What the machine is about to be told.
    pub(super) fn hear(&mut self, input: Input, now: Instant) {
        if let Input::Settled { unit, .. } | Input::SpawnFailed { unit, spawned: 0 } = input {
            self.left[unit] = Some(now);
        }
    }

    /// An action, before it is done. What the rules say of its moment is said here a second time,
    /// without the model's rules: it lends its eyes for the tree and what the threads have said.
    pub(super) fn note(&mut self, action: Action, world: &Model, now: Instant) {
        let gone = self.stopped | self.late;
        if self.finished {
            let of_the_late = match action {
                Action::Stopped(unit) | Action::CallStop(unit) => has(self.late, unit),
                _ => false,
            };
            assert!(of_the_late, "{action:?} after the end");
        }
        match action {
            Action::Start { unit, .. } if has(world.groups, unit) => {}
            Action::Start { unit, incarnation } => {
                self.started[unit] += 1;
                assert_eq!(incarnation, self.started[unit], "{action:?} out of turn");
                let shape = &world.shapes[unit];
                assert_eq!(shape.after & !self.ready, 0, "{action:?} before what it comes after");
                assert!(!world.is_below(self.stopping, unit), "{action:?} after an end began");
                let may_not = gone | self.told | self.called | self.given_up;
                assert!(!has(may_not, unit), "{action:?} after its stop");
                if incarnation > 1 {
                    assert!(has(self.pausing, unit), "{action:?} without a pause");
                    assert!(self.resumes[unit].is_some_and(|at| at <= now), "{action:?} too early");
                }
                let begins = !bit(unit);
                self.pausing &= begins;
                self.left[unit] = None;
                self.ended &= begins;
            }
            Action::Ready(node) => {
                self.ready |= bit(node);
                self.readied[node] += 1;
                let may = 1 + world.lost_readiness[node];
                assert!(self.readied[node] <= may, "{action:?} of one that is ready");
            }
            Action::Backoff { unit, pause } => {
                once(&mut self.pausing, unit, action);
                assert!(!has(gone | self.told | self.called | self.given_up, unit), "{action:?}");
                assert_eq!(pause, world.pause(unit), "{action:?}");
                self.pauses[unit] += 1;
                self.resumes[unit] = self.left[unit].and_then(|left| left.checked_add(pause));
            }
            Action::GaveUp { unit, .. } => {
                once(&mut self.given_up, unit, action);
                assert!(!has(self.ended, unit), "{action:?} after the end was told");
            }
            Action::Stopping { group, why } => {
                once(&mut self.stopping, group, action);
                self.why[group] = Some(why);
            }
            Action::Tell { unit, why: UnitEnd::Ended } => {
                once(&mut self.ended, unit, action);
                self.ends[unit] += 1;
            }
            Action::Tell { unit, why } => {
                once(&mut self.told, unit, action);
                let nobody = self.ended | self.stopped | self.pausing;
                assert!(!has(nobody, unit), "{action:?} and nobody to tell");
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
                assert!(has(world.was_entered, unit), "{action:?} before it entered");
                let entered = world.serving[unit].entered > 0;
                assert!(entered || has(self.stopped, unit), "{action:?} and it may yet enter");
            }
            Action::Stopped(node) => {
                once(&mut self.stopped, node, action);
                let in_pause = bit(node) & self.pausing;
                self.taken_out_in_pause |= in_pause & world.deregistered;
                self.stopped_in_pause |= in_pause & !world.deregistered;
            }
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
            | Action::AskIfAlive(_)
            | Action::Unresponsive(_)
            | Action::Responsive(_) => {
                panic!("{action:?}: nobody has such a limit, or asks for more time");
            }
            Action::Finished => {
                assert!(!self.finished, "a second {action:?}");
                self.finished = true;
            }
        }
    }

    /// Everything that was decided so far is what the model says, and nothing else.
    pub(super) fn compare(&mut self, machine: &Machine, model: &Model, origin: Instant) {
        // What is not ready any more says so by its level alone.
        let lost = |node: NodeId| u32::from(model.lost_readiness[node] > 0) << node;
        self.ready &= model.ready | !(0..self.states.len()).map(lost).sum::<Set>();
        assert_eq!(self.ready, model.ready, "ready");
        assert_eq!(self.readied, model.readied, "became ready");
        assert_eq!(self.stopping, model.stopping, "stopping");
        assert_eq!(self.why[ROOT], model.why[ROOT], "why the run stops");
        assert_eq!(self.told, model.told, "told");
        assert_eq!(self.ends, model.told_of_its_end, "ended by themselves");
        assert_eq!(self.given_up, model.given_up, "given up");
        assert_eq!(self.called, model.called, "graceful_stop called");
        assert_eq!(self.stopped, model.terminal & !bit(ROOT), "stopped");
        assert_eq!(self.late, model.late, "late");
        assert_eq!(self.finished, model.is_finished(), "finished");
        assert_eq!(machine.is_finished(), self.finished);
        let at = |millis| origin + Duration::from_millis(millis);
        let deadline = model.next_timer().map(at);
        assert_eq!(machine.next_deadline(), deadline, "the next deadline");
        if model.stopping == 0 && model.deregistered == 0 && self.pausing == 0 {
            assert_eq!(deadline, None, "nothing stops, and nothing is to start again");
        }
        for node in 0..self.states.len() {
            let (state, _) = machine.state(node);
            assert_eq!(state, model.state(node), "state of node {node}");
            let before = std::mem::replace(&mut self.states[node], state);
            let moved = before == state || rank(before) < rank(state);
            let has_started = model.serving[node].incarnation != self.incarnations[node];
            self.incarnations[node] = model.serving[node].incarnation;
            let again = has_started
                && matches!(before, UnitState::Starting | UnitState::Stopping | UnitState::Backoff);
            assert!(moved || again, "node {node}: {before} → {state}");
            let serving = &model.serving[node];
            assert_eq!(self.started[node], serving.incarnation, "starts of node {node}");
            assert_eq!(self.pauses[node], serving.pauses, "pauses of node {node}");
            assert_eq!(machine.restarts(node), serving.incarnation.saturating_sub(1));
            // Below an end that has begun two reasons may come together, and either may be first.
            if self.why[node] != model.why[node] {
                assert!(model.is_below(model.stopping, node), "why {node} stops: {model:#?}");
            }
            assert_eq!(machine.is_ready(node), has(model.ready, node));
            assert_eq!(machine.is_late(node), has(model.late, node));
            assert_eq!(machine.has_failed(node), has(model.failed, node), "failure of {node}");
            assert_eq!(machine.may_start(node), model.is_to_spawn(node), "threads of {node}");
            assert_eq!(machine.may_come_back(node), model.may_come_back(node), "of {node}");
            assert_eq!(machine.starts_at(node), model.starts_at(node).map(at), "of {node}");
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
            // Of one that is late and may yet enter, nothing is called.
            let is_the_last = model.serving[node].entered > 0 || has(self.stopped, node);
            if is_unit && has(model.was_entered, node) && is_the_last {
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

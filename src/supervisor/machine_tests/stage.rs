//! The engine of a world: it does what the machine decides, with threads that are not there, and
//! compares.

use std::fmt::Write as _;

use super::tree::{Kind, has};
use super::world::World;
use crate::supervisor::state::{Action, Input, NodeId, ROOT};

impl World {
    /// Hands an input to the machine and to the model, does what the machine decides, and compares.
    pub(super) fn feed(&mut self, input: Input) {
        if !matches!(input, Input::Begin | Input::Added(_) | Input::Deregister(_)) {
            self.somebody_asks(); // and the engine has done nothing of what that takes
        }
        self.take(input);
        let mut actions = 0;
        while let Some(action) = self.machine.next_action() {
            actions += 1;
            assert!(actions < 1_000, "the actions never come to an end");
            if let Some(trace) = &mut self.trace {
                let _ = write!(trace, "\n    {action:?}"); // a String takes everything
            }
            self.observed.note(action, &self.model, self.at());
            self.perform(action);
            // Another thread may do this between any two actions.
            self.somebody_asks();
            if self.random.one_in(32)
                && let Some(input) = self.deregistration()
            {
                self.take(input);
            }
        }
        self.observed.compare(&self.machine, &self.model, self.origin);
    }

    /// Another thread asks for the end, and takes the step itself.
    fn somebody_asks(&mut self) {
        if !self.token && self.machine.incarnation(ROOT) > 0 && self.random.one_in(300) {
            self.token = true;
            self.take(Input::StopAsked);
        }
    }

    fn take(&mut self, input: Input) {
        self.inputs += 1;
        self.seen.input(input, &self.model);
        let now = self.at();
        self.observed.hear(input, &self.model, now);
        if let Some(trace) = &mut self.trace {
            let _ = write!(trace, "\n{:4} {input:?}", self.now);
        }
        self.machine.step(self.at(), input);
        if let Input::Alive { unit, incarnation, at } = input {
            let at = u64::try_from((at - self.origin).as_millis()).unwrap();
            self.model.hear(self.now, unit, incarnation, at);
        } else {
            self.model.take(self.now, input);
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Start { unit, incarnation } if !has(self.model.groups, unit) => {
                self.spawn(unit, incarnation);
            }
            Action::Stopping { group: ROOT, .. } => self.token = true,
            // Of one whose start was refused there is nobody to tell.
            Action::Tell { unit, .. } if !self.threads[unit].have_left() => {
                self.threads[unit].is_told();
                if self.random.one_in(4)
                    && let Some(input) = self.threads[unit].call_on_stop(unit)
                {
                    self.take(input);
                }
            }
            Action::CallStop(unit) => self.threads[unit].is_called(),
            Action::AskIfAlive(unit) => {
                let alive = self.threads[unit].say_when_alive(self.origin, unit);
                self.take(alive);
            }
            _ => {}
        }
    }

    fn spawn(&mut self, unit: NodeId, incarnation: u32) {
        assert!(self.threads[unit].are_gone(), "{unit} starts while the one before is there");
        if self.token || !self.machine.may_start(unit) {
            return self.take(Input::Refused(unit));
        }
        let Kind::Unit { instances, .. } = self.model.shapes[unit].kind else {
            unreachable!("a group has no threads");
        };
        let fails = self.random.one_in(if incarnation > 1 { 12 } else { 48 });
        let spawned = if fails { instances / 2 } else { instances };
        self.threads[unit].begin(&mut self.random, incarnation, spawned);
        self.threads[unit].beat(self.now);
        if fails {
            self.now += self.random.below(3) as u64; // it took the system so long to say so
            // By another thread, in the meantime: most often this one, where nothing is in the way.
            let this = self.machine.live_dependents(unit).next().is_none();
            if this && self.random.one_in(2) {
                self.take(Input::Deregister(unit));
            } else if self.random.one_in(4)
                && let Some(input) = self.deregistration()
            {
                self.take(input);
            }
            self.take(Input::SpawnFailed { unit, spawned });
        }
    }
}

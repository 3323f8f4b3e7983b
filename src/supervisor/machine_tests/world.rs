//! A world of simulated threads that do what the machine decides. It plays the engine and everybody
//! behind it, and hands each input to the machine and to the model.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::model::Model;
use super::observed::Observed;
use super::seen::{KINDS, Seen};
use super::threads::Threads;
use super::tree::{Kind, Random, Shape, grow, has, plant};
use crate::snapshot::UnitState;
use crate::supervisor::machine::Machine;
use crate::supervisor::state::{Action, Input, NodeId, ROOT};

/// See the module.
pub(super) struct World {
    random: Random,
    origin: Instant,
    now: u64,
    machine: Machine,
    model: Model,
    observed: Observed,
    threads: Vec<Threads>,
    /// The run's token: set before the machine hears of the request.
    token: bool,
    seen: Seen,
    pub(super) inputs: u64,
    /// What it was given, where that is wanted.
    trace: Option<String>,
}

impl World {
    pub(super) fn new(seed: u64, origin: Instant, trace: bool) -> Self {
        let mut random = Random::new(seed);
        let shapes = grow(&mut random);
        // Where nothing ends the group, units have the time to start again and again.
        let calm = random.one_in(2);
        let threads_of = |shape: &Shape| Threads::new(&mut random, calm, !shape.again.is_never());
        let threads = shapes.iter().map(threads_of).collect();
        Self {
            machine: plant(&shapes, origin),
            observed: Observed::new(shapes.len()),
            trace: trace.then(|| format!("{shapes:#?}")),
            model: Model::new(shapes),
            random,
            origin,
            now: 0,
            threads,
            token: false,
            seen: Seen::default(),
            inputs: 0,
        }
    }

    pub(super) fn trace(&self) -> &str {
        self.trace.as_deref().unwrap_or_default()
    }

    /// What this world has come to.
    pub(super) fn has_seen(&self) -> [bool; KINDS] {
        self.seen.kinds(&self.model, &self.observed)
    }

    /// One run, from its beginning to its end, and what comes in late behind that.
    pub(super) fn run(&mut self) {
        if self.random.one_in(8)
            && let Some(input) = self.deregistration()
        {
            self.feed(input);
        }
        self.feed(Input::Begin);
        let patience = 20 + self.random.below(150);
        let mut steps = 0;
        while !self.machine.is_finished() {
            steps += 1;
            assert!(steps < 3_000, "it never ends");
            if steps == patience {
                self.token = true;
            }
            self.something_happens();
        }
        self.observed.check_end(&self.model);
        for _ in 0..8 {
            let unit = self.random.below(self.threads.len());
            if let Some(input) = self.act(unit) {
                self.feed(input);
            }
        }
    }

    fn something_happens(&mut self) {
        match self.random.below(48) {
            0 if self.random.one_in(3) => self.token = true,
            1 if self.token => self.feed(Input::StopAsked),
            2 => {
                if let Some(input) = self.deregistration() {
                    self.feed(input);
                }
            }
            3..6 => {
                let millis = 1 + self.random.below(8) as u64;
                self.pass(millis);
            }
            // A timer may fire when there is nothing to do.
            6 => self.feed(Input::Tick),
            7 | 8 => {
                let unit = self.random.below(self.threads.len());
                let threads = &mut self.threads[unit];
                let late = if self.random.one_in(2) {
                    threads.call_on_stop(unit)
                } else {
                    threads.say_late_that_it_is_ready(&mut self.random, unit)
                };
                if let Some(input) = late {
                    self.feed(input);
                }
            }
            _ => {
                for _ in 0..4 {
                    let unit = self.random.below(self.threads.len());
                    if let Some(input) = self.act(unit) {
                        return self.feed(input);
                    }
                }
                match self.machine.next_deadline() {
                    Some(at) => {
                        let at = (at - self.origin).as_millis();
                        self.pass(u64::try_from(at).unwrap().saturating_sub(self.now));
                    }
                    None if self.token => self.feed(Input::StopAsked),
                    None => {}
                }
            }
        }
    }

    /// Time passes, and the timer fires for what is due.
    fn pass(&mut self, millis: u64) {
        self.now += millis;
        if self.machine.next_deadline().is_some_and(|at| at <= self.at()) {
            self.feed(Input::Tick);
        }
    }

    fn at(&self) -> Instant {
        self.origin + Duration::from_millis(self.now)
    }

    /// As a program may: not what one comes after that has not ended, and not twice. And nothing of
    /// a group that has not started: see [`grow`].
    fn deregistration(&mut self) -> Option<Input> {
        let mut node = self.random.below(self.threads.len());
        if self.random.one_in(3) {
            let is_in_pause = |&node: &NodeId| self.machine.state(node).0 == UnitState::Backoff;
            node = (1..self.threads.len()).find(is_in_pause).unwrap_or(node);
        }
        let parent = self.model.shapes[node].parent;
        let waits = parent != ROOT && !has(self.model.started, parent);
        let in_use = self.machine.live_dependents(node).any(|user| {
            self.machine.may_come_back(user) || !self.threads[user].are_seen_to_have_left()
        });
        let may = node != ROOT && !waits && !in_use && !has(self.model.deregistered, node);
        may.then_some(Input::Deregister(node))
    }

    fn act(&mut self, unit: NodeId) -> Option<Input> {
        self.threads[unit].act(&mut self.random, unit)
    }

    /// Hands an input to the machine and to the model, does what the machine decides, and compares.
    fn feed(&mut self, input: Input) {
        self.take(input);
        while let Some(action) = self.machine.next_action() {
            if let Some(trace) = &mut self.trace {
                let _ = write!(trace, "\n    {action:?}"); // a String takes everything
            }
            self.observed.note(action, &self.model, self.at());
            self.perform(action);
            // Another thread may take a unit out between any two actions.
            if self.random.one_in(32)
                && let Some(input) = self.deregistration()
            {
                self.take(input);
            }
        }
        self.observed.compare(&self.machine, &self.model, self.origin);
    }

    fn take(&mut self, input: Input) {
        self.inputs += 1;
        self.seen.input(input, &self.model);
        self.observed.hear(input, self.at());
        if let Some(trace) = &mut self.trace {
            let _ = write!(trace, "\n{:4} {input:?}", self.now);
        }
        self.machine.step(self.at(), input);
        self.model.take(self.now, input);
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Start { unit, incarnation } if !has(self.model.groups, unit) => {
                self.spawn(unit, incarnation);
            }
            Action::Stopping { group: ROOT, .. } => self.token = true,
            Action::Tell { unit, .. } => {
                self.threads[unit].is_told();
                if self.random.one_in(4)
                    && let Some(input) = self.threads[unit].call_on_stop(unit)
                {
                    self.take(input);
                }
            }
            Action::CallStop(unit) => self.threads[unit].is_called(),
            Action::Backoff { unit, .. } => {
                assert!(self.threads[unit].have_left(), "{action:?} while threads are there");
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
        let fails = self.random.one_in(if incarnation > 1 { 8 } else { 24 });
        let spawned = if fails { instances / 2 } else { instances };
        self.threads[unit].begin(&mut self.random, incarnation, spawned);
        if fails {
            self.now += self.random.below(3) as u64; // it took the system so long to say so
            let unused = self.machine.live_dependents(unit).next().is_none();
            if unused && self.random.one_in(2) {
                self.take(Input::Deregister(unit)); // by another thread, in the meantime
            }
            self.take(Input::SpawnFailed { unit, spawned });
        }
    }
}

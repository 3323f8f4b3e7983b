//! A world of simulated threads: they do what the machine decides, late, badly, or not at all. It
//! plays the engine and everybody behind it, and hands each input to the machine and to the model.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::model::Model;
use super::observed::Observed;
use super::tree::{Kind, Random, bit, grow, has, plant};
use crate::supervisor::machine::Machine;
use crate::supervisor::state::{Action, GroupEnd, Input, NodeId, ROOT};

/// Of how many kinds is what [`World::has_seen`] tells.
pub(super) const KINDS: usize = 10;

/// The threads of one unit, and its calls on the stoppers.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // facts that are true or not whatever the others are
struct Threads {
    /// Spawned, and not yet at `serve`.
    waiting: u32,
    serving: u32,
    calls: u32,
    spawned: bool,
    told: bool,
    settled: bool,
    /// Its threads do not leave; its calls do not return.
    stuck: bool,
    call_stuck: bool,
}

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
    refused: bool,
    pub(super) inputs: u64,
    /// What it was given, where that is wanted.
    trace: Option<String>,
}

impl World {
    pub(super) fn new(seed: u64, origin: Instant, trace: bool) -> Self {
        let mut random = Random::new(seed);
        let shapes = grow(&mut random);
        let mut threads = vec![Threads::default(); shapes.len()];
        for unit in &mut threads {
            unit.stuck = random.one_in(8);
            unit.call_stuck = random.one_in(12);
        }
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
            refused: false,
            inputs: 0,
        }
    }

    pub(super) fn trace(&self) -> &str {
        self.trace.as_deref().unwrap_or_default()
    }

    /// What this world has come to: everybody ready; an end that was asked for, by a child, by all
    /// tasks; a late unit, one that was taken out, a start that failed, one that was refused, a
    /// failure, a group in the group.
    pub(super) fn has_seen(&self) -> [bool; KINDS] {
        let model = &self.model;
        let why = model.why[ROOT];
        [
            has(model.ready, ROOT),
            why == Some(GroupEnd::Asked),
            matches!(why, Some(GroupEnd::Child(_))),
            why == Some(GroupEnd::TasksDone),
            model.late != 0,
            model.deregistered != 0,
            model.without_thread != 0,
            self.refused,
            has(model.failed, ROOT),
            model.started & model.groups != bit(ROOT),
        ]
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
        let node = self.random.below(self.threads.len());
        let parent = self.model.shapes[node].parent;
        let waits = parent != ROOT && !has(self.model.started, parent);
        let in_use = self.machine.live_dependents(node).any(|user| {
            // Its end can be seen before the machine is told of it.
            let user = self.threads[user];
            !user.spawned || user.stuck || user.waiting + user.serving > 0
        });
        let may = node != ROOT && !waits && !in_use && !has(self.model.deregistered, node);
        may.then_some(Input::Deregister(node))
    }

    /// What a unit's threads come up with, if anything.
    fn act(&mut self, unit: NodeId) -> Option<Input> {
        let threads = &mut self.threads[unit];
        let random = &mut self.random;
        let incarnation = 1;
        if threads.calls > 0 && !threads.call_stuck && random.one_in(3) {
            threads.calls -= 1;
            return Some(Input::CallReturned(unit));
        }
        if threads.waiting > 0 {
            threads.waiting -= 1;
            if threads.told && random.one_in(2) {
                // It looked at its token before it entered.
                return Some(Input::Returned { unit, incarnation, failed: false });
            }
            threads.serving += 1;
            return Some(Input::Entered { unit, incarnation });
        }
        if threads.serving > 0 {
            let leaves = if threads.told { !threads.stuck } else { random.one_in(16) };
            return if leaves {
                threads.serving -= 1;
                Some(Input::Returned { unit, incarnation, failed: random.one_in(6) })
            } else if random.one_in(4) {
                Some(Input::SaidReady { unit, incarnation })
            } else if threads.told && random.one_in(4) {
                threads.calls += 1;
                Some(Input::CallStarted(unit))
            } else {
                None
            };
        }
        if threads.spawned && !threads.settled && !threads.stuck {
            threads.settled = true;
            return Some(Input::Settled { unit, incarnation });
        }
        None
    }

    /// Hands an input to the machine and to the model, does what the machine decides, and compares.
    fn feed(&mut self, input: Input) {
        self.take(input);
        while let Some(action) = self.machine.next_action() {
            if let Some(trace) = &mut self.trace {
                let _ = write!(trace, "\n    {action:?}"); // a String takes everything
            }
            self.observed.note(action, &self.model);
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
        if let Some(trace) = &mut self.trace {
            let _ = write!(trace, "\n{:4} {input:?}", self.now);
        }
        self.machine.step(self.at(), input);
        self.model.take(self.now, input);
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Start { unit, .. } => self.spawn(unit),
            Action::Stopping { group: ROOT, .. } => self.token = true,
            Action::Tell { unit, .. } => self.threads[unit].told = true,
            Action::CallStop(unit) => self.threads[unit].calls += 1,
            _ => {}
        }
    }

    fn spawn(&mut self, unit: NodeId) {
        if self.token || !self.machine.may_start(unit) {
            self.refused = true;
            return self.take(Input::Refused(unit));
        }
        let Kind::Unit { instances, .. } = self.model.shapes[unit].kind else {
            unreachable!("a group has no threads");
        };
        let fails = self.random.one_in(24);
        let spawned = if fails { instances / 2 } else { instances };
        self.threads[unit].waiting = spawned;
        self.threads[unit].spawned = spawned > 0;
        if fails {
            let unused = self.machine.live_dependents(unit).next().is_none();
            if unused && self.random.one_in(4) {
                self.take(Input::Deregister(unit)); // by another thread, in the meantime
            }
            self.take(Input::SpawnFailed { unit, spawned });
        }
    }
}

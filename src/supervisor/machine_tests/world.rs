//! A world of simulated threads that do what the machine decides. It plays everybody behind the engine
//! (`stage` plays that), and hands each input to the machine and to the model.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::model::Model;
use super::observed::Observed;
use super::seen::{Kind, Seen};
use super::threads::Threads;
use super::tree::{MOST, NODES, Random, Shape, bit, grow, has, members, plant};
use crate::snapshot::UnitState;
use crate::supervisor::machine::Machine;
use crate::supervisor::state::{Input, NodeId, ROOT};

/// See the module.
pub(super) struct World {
    pub(super) random: Random,
    pub(super) origin: Instant,
    pub(super) now: u64,
    pub(super) machine: Machine,
    pub(super) model: Model,
    pub(super) observed: Observed,
    pub(super) threads: Vec<Threads>,
    /// The run's token: set before the machine hears of the request.
    pub(super) token: bool,
    /// Where nothing ends the group, units have the time to start again and again.
    calm: bool,
    pub(super) seen: Seen,
    pub(super) inputs: u64,
    /// What it was given, where that is wanted.
    pub(super) trace: Option<String>,
}

/// How large a world is, and whether it writes down what happens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// How many nodes it begins with at most.
    pub(super) nodes: usize,
    pub(super) trace: bool,
}

impl Size {
    pub(super) const FULL: Self = Self { nodes: NODES, trace: false };
}

impl World {
    pub(super) fn new(seed: u64, origin: Instant, size: Size) -> Self {
        let mut random = Random::new(seed);
        // Few that end as they begin.
        let mut shapes = grow(&mut random, size.nodes);
        while Model::new(&shapes).cannot_last(ROOT) && !random.one_in(16) {
            shapes = grow(&mut random, size.nodes);
        }
        while let Some(task) = Model::new(&shapes).is_out_of_order() {
            shapes[task].task = false;
        }
        let calm = !random.one_in(4);
        let threads = shapes.iter().map(|shape| Self::threads_of(shape, &mut random, calm));
        Self {
            threads: threads.collect(),
            machine: plant(&shapes, origin),
            observed: Observed::new(shapes.len()),
            trace: size.trace.then(|| lines(&shapes)),
            model: Model::new(&shapes),
            random,
            origin,
            now: 0,
            token: false,
            calm,
            seen: Seen::default(),
            inputs: 0,
        }
    }

    fn threads_of(shape: &Shape, random: &mut Random, calm: bool) -> Threads {
        Threads::new(random, calm, !shape.again.is_never())
    }

    pub(super) fn trace(&self) -> &str {
        self.trace.as_deref().unwrap_or_default()
    }

    /// What this world has come to.
    pub(super) fn has_seen(&self) -> Vec<Kind> {
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
                if let Some(input) = self.come_late() {
                    self.feed(input);
                }
            }
            9 => {
                let unit = self.random.below(self.threads.len());
                if let Some(input) = self.threads[unit].ask_for_time(&mut self.random, unit) {
                    self.feed(input);
                }
            }
            10 if self.random.one_in(4) => self.add_a_node(),
            11..14 => self.somebody_is_alive(),
            _ => self.somebody_acts(),
        }
    }

    fn somebody_acts(&mut self) {
        for _ in 0..16 {
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

    fn come_late(&mut self) -> Option<Input> {
        let unit = self.random.below(self.threads.len());
        let threads = &mut self.threads[unit];
        if self.random.one_in(2) {
            threads.call_on_stop(unit)
        } else {
            threads.say_late_that_it_is_ready(&mut self.random, unit)
        }
    }

    /// A beat, of which the machine hears where it has asked for it.
    fn somebody_is_alive(&mut self) {
        let unit = self.random.below(self.threads.len());
        self.threads[unit].beat(self.now);
        if self.machine.is_silent(unit) {
            let alive = self.threads[unit].say_when_alive(self.origin, unit);
            self.feed(alive);
        }
    }

    /// Time passes, and the timer fires for what is due.
    fn pass(&mut self, millis: u64) {
        self.now += millis;
        if self.machine.next_deadline().is_some_and(|at| at <= self.at()) {
            self.feed(Input::Tick);
        }
    }

    pub(super) fn at(&self) -> Instant {
        self.origin + Duration::from_millis(self.now)
    }

    /// As a program may: not what one comes after that has not ended, and not twice.
    pub(super) fn deregistration(&mut self) -> Option<Input> {
        let mut node = self.random.below(self.threads.len());
        if self.random.one_in(3) {
            let is_in_pause = |&node: &NodeId| self.machine.state(node).0 == UnitState::Backoff;
            node = (1..self.threads.len()).find(is_in_pause).unwrap_or(node);
        }
        let in_use = self.machine.live_dependents(node).any(|user| {
            self.machine.may_come_back(user) || !self.threads[user].are_seen_to_have_left()
        });
        if node == ROOT || in_use || has(self.model.deregistered, node) {
            return None;
        }
        self.model.deregistered |= bit(node);
        let out_of_order = self.model.is_out_of_order().is_some();
        self.model.deregistered &= !bit(node);
        (!out_of_order).then_some(Input::Deregister(node))
    }

    /// Registers a unit, or a group of one, with a group that is open to it.
    fn add_a_node(&mut self) {
        let parent = self.random.below(self.threads.len());
        if self.threads.len() + 1 >= MOST || !self.machine.is_open(parent) {
            return;
        }
        let there = self.model.children_of(parent) & !self.model.deregistered;
        // Nor after a task that may be done as it starts.
        let may = |&it: &NodeId| {
            let is_task = has(self.model.groups, it) && self.model.shapes[it].task;
            !is_task && !self.machine.state(it).0.is_terminal()
        };
        let siblings = members(there).filter(may);
        let siblings = siblings.map(bit).sum();
        let is_group = self.random.one_in(4);
        let shape = Shape::draw(&mut self.random, parent, siblings, is_group);
        let node = self.add(shape);
        if is_group {
            let child = Shape::draw(&mut self.random, node, 0, false);
            self.add(Shape { background: false, ..child });
        }
        self.feed(Input::Added(node));
    }

    fn add(&mut self, shape: Shape) -> NodeId {
        self.threads.push(Self::threads_of(&shape, &mut self.random, self.calm));
        self.model.add(shape);
        self.observed.add();
        if let Some(trace) = &mut self.trace {
            let _ = write!(trace, "\n{:4} {} is {shape:?}", self.now, self.threads.len() - 1);
        }
        let now = self.at();
        shape.add_to(&mut self.machine, now)
    }

    pub(super) fn act(&mut self, unit: NodeId) -> Option<Input> {
        self.threads[unit].act(&mut self.random, unit)
    }
}

/// A line for each.
fn lines(shapes: &[Shape]) -> String {
    let line = |(node, shape)| format!("{node} is {shape:?}\n");
    shapes.iter().enumerate().map(line).collect()
}

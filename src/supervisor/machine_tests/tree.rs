//! Trees of units and groups, as sets of small numbers, and how to make them at random.

use std::time::{Duration, Instant};

use super::policy::{Again, Together};
use crate::supervisor::machine::Machine;
use crate::supervisor::state::{GroupKind, NodeId, Policy, ROOT, StopOrder, UnitKind};

/// A set of nodes, one bit each.
pub(super) type Set = u32;

/// The most nodes that a tree of [`grow`] has, and that a tree may come to.
pub(super) const NODES: usize = 9;
pub(super) const MOST: usize = NODES + 3;

pub(super) fn bit(node: NodeId) -> Set {
    1 << node
}

pub(super) fn has(set: Set, node: NodeId) -> bool {
    set & bit(node) != 0
}

/// The first member of which `which` holds.
pub(super) fn find(set: Set, mut which: impl FnMut(NodeId) -> bool) -> Option<NodeId> {
    let mut rest = set;
    while rest != 0 {
        let node = rest.trailing_zeros() as NodeId;
        if which(node) {
            return Some(node);
        }
        rest &= rest - 1;
    }
    None
}

/// The members, from the lowest.
pub(super) fn members(set: Set) -> impl Iterator<Item = NodeId> {
    (0..MOST).filter(move |&node| has(set, node))
}

/// A node as it was registered. They are numbered parents first; of a group the lower starts first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) parent: NodeId,
    pub(super) after: Set,
    pub(super) task: bool,
    pub(super) background: bool,
    /// In milliseconds.
    pub(super) stop_timeout: Option<u64>,
    pub(super) start_timeout: Option<u64>,
    /// Of a unit.
    pub(super) heartbeat: Option<u64>,
    pub(super) again: Again,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Unit { instances: u32, declares_ready: bool, graceful_stop: bool },
    Group { reverse: bool, together: Together },
}

impl Kind {
    fn draw_group(random: &mut Random) -> Self {
        Self::Group { reverse: random.one_in(3), together: Together::draw(random) }
    }

    fn draw_unit(random: &mut Random) -> Self {
        let instances = 1 + u32::from(random.one_in(4)) + u32::from(random.one_in(8));
        let (declares_ready, graceful_stop) = (random.one_in(4), !random.one_in(4));
        Self::Unit { instances, declares_ready, graceful_stop }
    }
}

impl Shape {
    /// A random one, that may come after some of `siblings`.
    pub(super) fn draw(random: &mut Random, parent: NodeId, siblings: Set, is_group: bool) -> Self {
        let after = members(siblings).filter(|_| random.one_in(3)).map(bit).sum();
        let task = random.one_in(3);
        let limit = |random: &mut Random, one_in, most| {
            let limit = 1 + random.below(most) as u64;
            random.one_in(one_in).then_some(limit)
        };
        Self {
            parent,
            after,
            task,
            background: random.one_in(4),
            stop_timeout: limit(random, 2, 60),
            start_timeout: limit(random, 5, 60),
            heartbeat: limit(random, 4, 30).filter(|_| !is_group),
            again: Again::draw(random, task),
            kind: if is_group { Kind::draw_group(random) } else { Kind::draw_unit(random) },
        }
    }

    fn policy(&self) -> Policy {
        let limit = |millis: Option<u64>| millis.map(Duration::from_millis);
        Policy {
            after: members(self.after).collect(),
            task: self.task,
            background: self.background,
            stop_timeout: limit(self.stop_timeout),
            restart: self.again.policy(),
            start_timeout: limit(self.start_timeout),
            heartbeat: limit(self.heartbeat),
        }
    }

    /// Adds it to a machine.
    pub(super) fn add_to(&self, machine: &mut Machine, now: Instant) -> NodeId {
        match self.kind {
            Kind::Unit { instances, declares_ready, graceful_stop } => {
                let kind = UnitKind { instances, declares_ready, graceful_stop };
                machine.add_unit(now, self.parent, self.policy().into(), kind)
            }
            Kind::Group { .. } => {
                machine.add_group(now, self.parent, self.policy().into(), self.group_kind())
            }
        }
    }

    fn group_kind(&self) -> GroupKind {
        let Kind::Group { reverse, together } = self.kind else { unreachable!("it is a unit") };
        let order = if reverse { StopOrder::Reverse } else { StopOrder::Concurrent };
        GroupKind { order, strategy: together.strategy() }
    }
}

/// Marsaglia's xorshift64.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    /// Seeds that follow one another are spread first: of themselves they begin alike.
    pub(super) fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 32) as usize % bound
    }

    pub(super) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}

/// A random tree, of no more than `most` nodes.
pub(super) fn grow(random: &mut Random, most: usize) -> Vec<Shape> {
    let mut root = Shape::draw(random, ROOT, 0, true);
    root.stop_timeout = Some(20 + random.below(80) as u64);
    (root.task, root.background) = (false, false);
    (root.start_timeout, root.again) = (None, Again::NEVER);
    let mut shapes = vec![root];
    let nodes = 1 + random.below(most);
    let mut open = vec![ROOT];
    while shapes.len() < nodes {
        let is_group = open.len() < 4 && random.one_in(4);
        let parent = *open.last().expect("the root stays");
        let siblings = (1..shapes.len()).filter(|&node| shapes[node].parent == parent);
        let siblings = siblings.map(bit).sum();
        shapes.push(Shape::draw(random, parent, siblings, is_group));
        if is_group {
            open.push(shapes.len() - 1);
        } else if open.len() > 1 && random.one_in(3) {
            open.pop();
        }
    }
    shapes
}

/// A machine for the tree.
pub(super) fn plant(shapes: &[Shape], now: Instant) -> Machine {
    let root_limit = shapes[ROOT].stop_timeout.map(Duration::from_millis);
    let root_limit = root_limit.expect("the run has a deadline");
    let mut machine = Machine::new(now, shapes[ROOT].group_kind(), root_limit, 0);
    for shape in &shapes[1..] {
        shape.add_to(&mut machine, now);
    }
    machine
}

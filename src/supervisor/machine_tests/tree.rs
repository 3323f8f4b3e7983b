//! Trees of units and groups, as sets of small numbers, and how to make them at random.

use std::time::{Duration, Instant};

use super::policy::Again;
use crate::supervisor::machine::Machine;
use crate::supervisor::state::{GroupKind, NodeId, Policy, ROOT, StopOrder, UnitKind};

/// A set of nodes, one bit each.
pub(super) type Set = u32;

/// The most nodes that a tree of [`grow`] has.
pub(super) const NODES: usize = 9;

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
    (0..NODES).filter(move |&node| has(set, node))
}

/// A node as it was registered. They are numbered parents first, each with all below it before the
/// next: in the order in which they start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) parent: NodeId,
    pub(super) after: Set,
    pub(super) task: bool,
    pub(super) background: bool,
    /// In milliseconds.
    pub(super) stop_timeout: Option<u64>,
    /// Of a unit: groups do not start again.
    pub(super) again: Again,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unit { instances: u32, declares_ready: bool },
    Group { reverse: bool },
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

/// A random tree.
pub(super) fn grow(random: &mut Random) -> Vec<Shape> {
    let reverse = random.one_in(3);
    let mut shapes = vec![Shape {
        parent: ROOT,
        after: 0,
        task: false,
        background: false,
        stop_timeout: Some(20 + random.below(80) as u64),
        again: Again::NEVER,
        kind: Kind::Group { reverse },
    }];
    let nodes = 1 + random.below(NODES);
    let mut open = vec![ROOT];
    while shapes.len() < nodes {
        let is_group = open.len() < 4 && random.one_in(5);
        let parent = *open.last().expect("the root stays");
        let mut after = 0;
        for (sibling, shape) in shapes.iter().enumerate().skip(1) {
            if shape.parent == parent && random.one_in(3) {
                after |= bit(sibling);
            }
        }
        let timeout = 1 + random.below(60) as u64;
        let task = random.one_in(3);
        shapes.push(Shape {
            parent,
            after,
            task,
            background: random.one_in(4),
            stop_timeout: random.one_in(2).then_some(timeout),
            again: if is_group { Again::NEVER } else { Again::draw(random, task) },
            kind: if is_group {
                Kind::Group { reverse: random.one_in(3) }
            } else {
                let instances = 1 + u32::from(random.one_in(4)) + u32::from(random.one_in(8));
                Kind::Unit { instances, declares_ready: random.one_in(4) }
            },
        });
        if is_group {
            open.push(shapes.len() - 1);
        } else if open.len() > 1 && random.one_in(3) {
            open.pop();
        }
    }
    // A task with nobody to do it is done when it starts, in the middle of other starts, whose order
    // is then not the model's. `nested` has it.
    for group in 1..shapes.len() {
        let keeps = |shape: &Shape| shape.parent == group && !shape.background;
        let is_group = matches!(shapes[group].kind, Kind::Group { .. });
        let mut above = group;
        while is_group && above != ROOT && !shapes.iter().any(keeps) {
            shapes[above].task = false;
            above = shapes[above].parent;
        }
    }
    shapes
}

/// A machine for the tree.
pub(super) fn plant(shapes: &[Shape], now: Instant) -> Machine {
    let order = |reverse| GroupKind {
        order: if reverse { StopOrder::Reverse } else { StopOrder::Concurrent },
        ..GroupKind::default()
    };
    let limit = |shape: &Shape| shape.stop_timeout.map(Duration::from_millis);
    let Kind::Group { reverse } = shapes[ROOT].kind else { unreachable!("the root is a group") };
    let root_limit = limit(&shapes[ROOT]).expect("the run has a deadline");
    let mut machine = Machine::new(now, order(reverse), root_limit, 0);
    for shape in &shapes[1..] {
        let policy = Policy {
            after: members(shape.after).collect(),
            task: shape.task,
            background: shape.background,
            stop_timeout: limit(shape),
            restart: shape.again.policy(),
            start_timeout: None,
            heartbeat: None,
        };
        match shape.kind {
            Kind::Unit { instances, declares_ready } => {
                let kind = UnitKind { instances, declares_ready };
                machine.add_unit(now, shape.parent, policy, kind)
            }
            Kind::Group { reverse } => machine.add_group(now, shape.parent, policy, order(reverse)),
        };
    }
    machine
}

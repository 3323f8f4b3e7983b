//! From what was registered to what is served: the services in start order, on the board.

use std::collections::BTreeSet;

use super::entry::Part;
use super::limit::Limit;
use super::phases::Policies;
use super::registry::{Registry, Stage};
use super::shared::Shared;
use crate::failure::{Failure, Phase};
use crate::panic;
use crate::supervisor::{Board, NodeId, NodePlan, PartPlan, Policy, ServicePlan, UnitKind};
use crate::unit::{Service, Unit};

/// The units among these that say themselves when they are ready. A callback: without the lock.
///
/// # Errors
///
/// The first that panics over it.
pub(super) fn declaring_ready(
    shared: &Shared,
    among: impl Fn(usize) -> bool,
) -> Result<BTreeSet<usize>, Failure> {
    let services = shared.registry.lock().units(|phases| phases.service);
    let mut declaring = BTreeSet::new();
    for (index, name, unit) in services.into_iter().filter(|&(index, ..)| among(index)) {
        let declares = panic::catch(|| unit.as_service().is_some_and(Service::declares_ready))
            .map_err(|panic| Failure::panic(name, Phase::Start, panic))?;
        if declares {
            declaring.insert(index);
        }
    }
    Ok(declaring)
}

/// Puts the services on the board, in start order and with what was said of them; says whether
/// there are any.
pub(super) fn put_on_board(
    shared: &Shared,
    policies: &Policies,
    declaring_ready: &BTreeSet<usize>,
) -> bool {
    let mut registry = shared.registry.lock();
    let mut board = Board::new(policies.kind.clone(), policies.stop_timeout());
    let nodes = nodes(&mut registry, |_| true, board.next_node(), declaring_ready);
    let any = !nodes.is_empty();
    board.add(shared.id, nodes);
    // Under the registry's lock: from here on a unit is taken out by way of the board.
    *shared.board.lock() = board;
    registry.stage = Stage::Serving;
    any
}

/// The services among these entries, and the groups that they are in, in start order. The first of
/// them becomes the node `first`, and the others follow.
pub(super) fn nodes(
    registry: &mut Registry,
    among: impl Fn(usize) -> bool,
    first: NodeId,
    declaring_ready: &BTreeSet<usize>,
) -> Vec<NodePlan> {
    let serves = registry.serving();
    let order = registry.order().unwrap_or_default(); // without a circle, as was looked at before
    let order = order.into_iter().filter(|&index| serves[index] && among(index));
    let order: Vec<usize> = order.collect();
    for (place, &index) in order.iter().enumerate() {
        registry.entries[index].node = Some(first + place);
    }
    let node_of = |index: usize| registry.entries[index].node;
    let plan = |&index: &usize| {
        let after = registry.services_before(index, &serves);
        let entry = &registry.entries[index];
        let options = entry.options();
        NodePlan {
            parent: entry.parent.and_then(node_of),
            path: entry.path.clone(),
            terms: Policy {
                after: after.into_iter().filter_map(node_of).collect(),
                task: options.task,
                background: options.background,
                stop_timeout: options.stop_timeout.as_ref().map(Limit::get),
                restart: options.restart.clone().unwrap_or_default(),
                start_timeout: options.start_timeout.as_ref().map(Limit::get),
                heartbeat: options.heartbeat.as_ref().map(Limit::get),
            }
            .into(),
            part: match &entry.part {
                Part::Group(nested) => PartPlan::Group(nested.kind.clone()),
                Part::Unit(unit) => PartPlan::Service(ServicePlan {
                    unit: unit.clone(),
                    kind: UnitKind {
                        instances: options.instances.unwrap_or(1),
                        declares_ready: declaring_ready.contains(&index),
                        graceful_stop: entry.phases.graceful_stop,
                    },
                    stack_size: options.stack_size,
                }),
            },
        }
    };
    order.iter().map(plan).collect()
}

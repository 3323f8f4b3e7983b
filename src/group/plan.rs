//! From what was registered to what is served: the services in start order, on the board.

use std::collections::BTreeSet;

use super::entry::Part;
use super::limit::Limit;
use super::phases::Policies;
use super::registry::Stage;
use super::shared::Shared;
use crate::failure::{Failure, Phase};
use crate::panic;
use crate::supervisor::{Board, NodePlan, PartPlan, Plan, Policy, ServicePlan, UnitKind, node_of};
use crate::unit::{Service, Unit};

/// The units that say themselves when they are ready. A callback: without the lock.
///
/// # Errors
///
/// The first that panics over it.
pub(super) fn declaring_ready(shared: &Shared) -> Result<BTreeSet<usize>, Failure> {
    let services = shared.registry.lock().units(|phases| phases.service);
    let mut declaring = BTreeSet::new();
    for (index, name, unit) in services {
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
    let serves = registry.serving();
    let order = registry.order().unwrap_or_default(); // without a circle since the config phase
    let order: Vec<usize> = order.into_iter().filter(|&index| serves[index]).collect();
    let mut places = vec![None; registry.entries.len()];
    for (place, &index) in order.iter().enumerate() {
        places[index] = Some(place);
        registry.entries[index].node = Some(node_of(place));
    }
    let node = |&index: &usize| {
        let after = registry.services_before(index, &serves);
        let entry = &registry.entries[index];
        NodePlan {
            parent: entry.parent.and_then(|parent| places[parent]),
            path: entry.path.clone(),
            policy: Policy {
                after: after.into_iter().filter_map(|index| places[index]).collect(),
                task: entry.task,
                background: entry.background,
                stop_timeout: entry.stop_timeout.as_ref().map(Limit::get),
                restart: entry.restart.clone(),
                start_timeout: entry.start_timeout.as_ref().map(Limit::get),
                heartbeat: entry.heartbeat.as_ref().map(Limit::get),
            },
            part: match &entry.part {
                Part::Group(nested) => PartPlan::Group(nested.kind.clone()),
                Part::Unit(unit) => PartPlan::Service(ServicePlan {
                    unit: unit.clone(),
                    kind: UnitKind {
                        instances: entry.instances.unwrap_or(1),
                        declares_ready: declaring_ready.contains(&index),
                    },
                    stack_size: entry.stack_size,
                }),
            },
        }
    };
    let plan = Plan {
        nodes: order.iter().map(node).collect(),
        kind: policies.kind.clone(),
        stop_timeout: policies.stop_timeout(),
    };
    // Under the registry's lock: from here on a unit is taken out by way of the board.
    *shared.board.lock() = Board::new(shared.id, plan);
    registry.stage = Stage::Serving;
    !order.is_empty()
}

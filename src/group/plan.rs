//! From what was registered to what is served: the services in start order, on the board.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::limit::Limit;
use super::phases::Policies;
use super::registry::Stage;
use super::shared::Shared;
use crate::failure::{Failure, Phase};
use crate::panic;
use crate::supervisor::{Board, Plan, Policy, ServicePlan, UnitKind, node_of};
use crate::unit::{Service, Unit};

/// The units that say themselves when they are ready. A callback: without the lock.
///
/// # Errors
///
/// The first that panics over it.
pub(super) fn declaring_ready(shared: &Shared) -> Result<BTreeSet<usize>, Failure> {
    let services: Vec<(usize, Arc<str>, Arc<dyn Unit>)> = {
        let registry = shared.registry.lock();
        let services = registry.present().filter(|(_, entry)| entry.phases.service);
        services.map(|(index, it)| (index, it.name.clone(), it.unit.clone())).collect()
    };
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
    let order = registry.order().unwrap_or_default(); // without a circle since the config phase
    let order = order.into_iter().filter(|&index| registry.entries[index].phases.service);
    let order: Vec<usize> = order.collect();
    let mut place = vec![None; registry.entries.len()];
    for (service, &index) in order.iter().enumerate() {
        place[index] = Some(service);
        registry.entries[index].node = Some(node_of(service));
    }
    let service = |&index: &usize| {
        let after = registry.services_before(index);
        let entry = &registry.entries[index];
        ServicePlan {
            unit: entry.unit.clone(),
            path: entry.name.clone(),
            policy: Policy {
                after: after.into_iter().filter_map(|index| place[index]).collect(),
                task: entry.task,
                background: entry.background,
                stop_timeout: entry.stop_timeout.as_ref().map(Limit::get),
                restart: entry.restart.clone(),
                start_timeout: entry.start_timeout.as_ref().map(Limit::get),
                heartbeat: entry.heartbeat.as_ref().map(Limit::get),
            },
            kind: UnitKind {
                instances: entry.instances,
                declares_ready: declaring_ready.contains(&index),
            },
            stack_size: entry.stack_size,
        }
    };
    let plan = Plan {
        services: order.iter().map(service).collect(),
        order: policies.order,
        strategy: policies.strategy.clone(),
        stop_timeout: policies.stop_timeout.get(),
    };
    // Under the registry's lock: from here on a unit is taken out by way of the board.
    *shared.board.lock() = Board::new(shared.id, plan);
    registry.stage = Stage::Serving;
    !order.is_empty()
}

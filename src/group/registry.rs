//! The units of a group as they were registered: their phases and policies, what is wrong with
//! them, and the order in which they start.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;

use super::limit::Limit;
use crate::error::{ConfigError, ConfigErrors};
use crate::handle::UnitId;
use crate::restart::Restart;
use crate::supervisor::NodeId;
use crate::unit::Unit;

/// How far a run has come. It only ever goes down this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Defining,
    Configured,
    PreRun,
    Serving,
    PostRun,
    Over,
}

/// The phases that a unit takes part in, as it said when it was registered.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools)] // a set of four
pub(super) struct Phases {
    pub(super) config: bool,
    pub(super) pre_run: bool,
    pub(super) service: bool,
    pub(super) role: bool,
}

impl Phases {
    /// Asks the unit.
    pub(super) fn of(unit: &dyn Unit) -> Self {
        Self {
            config: unit.as_config().is_some(),
            pre_run: unit.as_pre_runner().is_some(),
            service: unit.as_service().is_some(),
            role: unit.as_role().is_some(),
        }
    }

    pub(super) fn any(self) -> bool {
        self.config || self.pre_run || self.service || self.role
    }
}

/// One unit.
pub(super) struct Entry {
    pub(super) unit: Arc<dyn Unit>,
    pub(super) name: Arc<str>,
    pub(super) phases: Phases,
    pub(super) after: Vec<UnitId>,
    pub(super) task: bool,
    pub(super) background: bool,
    pub(super) instances: u32,
    pub(super) stack_size: Option<usize>,
    pub(super) stop_timeout: Option<Limit>,
    pub(super) start_timeout: Option<Limit>,
    pub(super) heartbeat: Option<Limit>,
    pub(super) restart: Restart,
    pub(super) removed: bool,
    /// Its node in the supervisor's tree, while serving.
    pub(super) node: Option<NodeId>,
}

/// See the module.
pub(super) struct Registry {
    run: u64,
    pub(super) stage: Stage,
    pub(super) entries: Vec<Entry>,
    /// What was refused after the config phase.
    pub(super) refused: ConfigErrors,
}

impl Registry {
    pub(super) fn new(run: u64) -> Self {
        Self { run, stage: Stage::Defining, entries: Vec::new(), refused: ConfigErrors::new() }
    }

    /// Adds a unit, unless it comes too late; says where it is, and whether it takes part.
    pub(super) fn add(
        &mut self,
        unit: Arc<dyn Unit>,
        name: Arc<str>,
        phases: Phases,
    ) -> (usize, bool) {
        let refusal = match self.stage {
            Stage::Configured if phases.config => {
                Some("has flags but was registered after the config phase")
            }
            Stage::Defining | Stage::Configured => None,
            _ => Some("was registered into a group that has already run"),
        };
        if let Some(why) = refusal {
            self.refused.push(ConfigError::new(why).of_unit(&name));
        }
        self.entries.push(Entry {
            unit,
            name,
            phases,
            after: Vec::new(),
            task: false,
            background: false,
            instances: 1,
            stack_size: None,
            stop_timeout: None,
            start_timeout: None,
            heartbeat: None,
            restart: Restart::default(),
            removed: refusal.is_some(),
            node: None,
        });
        (self.entries.len() - 1, refusal.is_none() && phases.any())
    }

    /// Those that were not taken out, with their indices.
    pub(super) fn present(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate().filter(|(_, entry)| !entry.removed)
    }

    /// The unit of this id, if it is one of this group that was not taken out.
    pub(super) fn find(&self, id: UnitId) -> Option<(usize, &Entry)> {
        let entry = self.entries.get(id.index).filter(|_| id.run == self.run)?;
        (!entry.removed).then_some((id.index, entry))
    }

    /// Those that come `after` it and were not taken out.
    pub(super) fn dependents(&self, index: usize) -> impl Iterator<Item = &Entry> {
        let id = UnitId { run: self.run, index };
        self.present().map(|(_, entry)| entry).filter(move |entry| entry.after.contains(&id))
    }

    /// Everything that is wrong with how the group is put together, flags apart.
    pub(super) fn problems(&self) -> ConfigErrors {
        let mut problems = self.refused.clone();
        let mut named: BTreeSet<&str> = BTreeSet::new();
        for (index, entry) in self.present() {
            let name = &*entry.name;
            if !named.insert(name) {
                problems.push(format!("two units are named '{name}'"));
            }
            if name.is_empty() {
                problems.push(format!("the unit registered as number {} has no name", index + 1));
            }
            if name.contains(['/', '\0']) {
                let name = name.escape_debug();
                problems.push(format!("unit '{name}': a name must not contain '/' or NUL"));
            }
            if entry.instances == 0 {
                problems.push(ConfigError::new("needs at least one instance").of_unit(name));
            }
            if entry.task && entry.restart.is_always() {
                let why =
                    "is a task, which is done when it returns `Ok`, and is to start again always";
                problems.push(ConfigError::new(why).of_unit(name));
            }
            for id in &entry.after {
                if id.run != self.run {
                    let why = "is to come after a unit of another group";
                    problems.push(ConfigError::new(why).of_unit(name));
                } else if self.find(*id).is_none() {
                    let why = "is to come after a unit that is not, or no longer, registered";
                    problems.push(ConfigError::new(why).of_unit(name));
                }
            }
        }
        if let Err(cycle) = self.order() {
            problems.push(format!("units come after each other in a circle: {}", cycle.join(", ")));
        }
        problems
    }

    /// What is to be said of units that take part in nothing.
    pub(super) fn without_phases(&self) -> Vec<String> {
        let idle = self.present().filter(|(_, entry)| !entry.phases.any());
        let say = |name: &str| {
            format!("unit '{name}' takes part in no phase: does it override its as_ methods?")
        };
        idle.map(|(_, entry)| say(&entry.name)).collect()
    }

    /// The start order: what a unit comes `after` is before it, and otherwise the order of
    /// registration.
    ///
    /// # Errors
    ///
    /// The names of the units that wait for each other.
    pub(super) fn order(&self) -> Result<Vec<usize>, Vec<String>> {
        let dependencies = |entry: &Entry| -> Vec<usize> {
            entry.after.iter().filter_map(|&id| self.find(id)).map(|(index, _)| index).collect()
        };
        let mut waits = vec![0; self.entries.len()];
        let mut dependents = vec![Vec::new(); self.entries.len()];
        for (index, entry) in self.present() {
            for dependency in dependencies(entry) {
                waits[index] += 1;
                dependents[dependency].push(index);
            }
        }
        let free = self.present().map(|(index, _)| index).filter(|&index| waits[index] == 0);
        let mut free: BinaryHeap<Reverse<usize>> = free.map(Reverse).collect();
        let mut order = Vec::with_capacity(self.entries.len());
        while let Some(Reverse(index)) = free.pop() {
            order.push(index);
            for &dependent in &dependents[index] {
                waits[dependent] -= 1;
                if waits[dependent] == 0 {
                    free.push(Reverse(dependent));
                }
            }
        }
        let stuck = self.present().filter(|&(index, _)| waits[index] > 0);
        let stuck: Vec<String> = stuck.map(|(_, entry)| format!("'{}'", entry.name)).collect();
        if stuck.is_empty() { Ok(order) } else { Err(stuck) }
    }

    /// The services that a unit has to wait for: those that it comes `after`, and through those
    /// that do not serve, what they come `after`.
    pub(super) fn services_before(&self, index: usize) -> Vec<usize> {
        let mut services = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut todo = vec![index];
        while let Some(next) = todo.pop() {
            let before = self.entries[next].after.iter().filter_map(|&id| self.find(id));
            for (dependency, entry) in before {
                if entry.phases.service {
                    services.insert(dependency);
                } else if seen.insert(dependency) {
                    todo.push(dependency);
                }
            }
        }
        services.into_iter().collect()
    }

    /// All that a unit comes `after`, directly or not, by index.
    pub(super) fn all_before(&self, index: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut todo = vec![index];
        while let Some(next) = todo.pop() {
            for id in &self.entries[next].after {
                if id.run == self.run && found.insert(id.index) {
                    todo.push(id.index);
                }
            }
        }
        found
    }

    /// The phases with their units, and whether the program serves (`svc`) or not (`cli`).
    pub(super) fn list(&self, group: &str) -> String {
        use std::fmt::Write;

        let kind = if self.present().any(|(_, it)| it.phases.service) { "svc" } else { "cli" };
        let mut list = format!("Group: {group} [{kind}]");
        let mut add = |phase: &str, takes_part: fn(Phases) -> bool| {
            let units = self.present().filter(|(_, entry)| takes_part(entry.phases));
            let units: Vec<&str> = units.map(|(_, entry)| &*entry.name).collect();
            if !units.is_empty() {
                let _ = write!(list, "\n- {phase}: {}", units.join(" "));
            }
        };
        add("config", |phases| phases.config);
        add("prerun", |phases| phases.pre_run);
        add("serve ", |phases| phases.service);
        list
    }
}

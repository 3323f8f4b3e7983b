//! The groups of a plan, put together: before the run, and while it serves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rungroup::testing::Gate;
use rungroup::{Error, Group, Registration, UnitId};

use super::{Player, Seed, Stage};
use crate::plan::{Part, Plan};
use crate::record::{Entry, Record};

/// The groups of a plan, and what its units are registered with, from the innermost group out.
struct Building<'p> {
    plan: &'p Plan,
    stage: Arc<OnceLock<Stage>>,
    seed: Seed,
    units: Vec<Option<UnitId>>,
    groups: Vec<Option<UnitId>>,
}

impl Building<'_> {
    /// Registers all that is in this group, in order.
    fn fill(&mut self, group: &mut Group, number: usize) {
        let plan = self.plan;
        for place in 0..=plan.units.len() {
            for (inner, inner_plan) in plan.groups.iter().enumerate() {
                let joins = plan.joins.contains(&Part::Group(inner));
                if inner_plan.parent == Some(number) && inner_plan.place == place && !joins {
                    let filled = self.filled(inner);
                    let registration = self.as_group(group.register(filled), inner);
                    self.groups[inner] = Some(registration.id());
                }
            }
            let unit = plan.units.get(place).filter(|unit| unit.group == number);
            if unit.is_some() && !plan.joins.contains(&Part::Unit(place)) {
                let registration = self.as_unit(group.register(self.player(place)), place);
                self.units[place] = Some(registration.id());
            }
        }
    }

    fn filled(&mut self, number: usize) -> Group {
        let plan = &self.plan.groups[number];
        let name = plan.path().rsplit('/').next().expect("a path has a last part");
        let mut group = Group::new(name).stop_order(plan.order()).strategy(plan.strategy());
        self.fill(&mut group, number);
        group
    }

    fn player(&self, index: usize) -> Player {
        Player {
            index,
            stage: self.stage.clone(),
            plan: self.plan.units[index].clone(),
            let_go: self.seed.pass.clone(),
            handle: self.seed.handle.clone(),
        }
    }

    /// All that is said of a group where it is registered.
    fn as_group<'g, W>(&self, it: Registration<'g, W>, number: usize) -> Registration<'g, W> {
        let plan = &self.plan.groups[number];
        let it = said(self.after(it, Part::Group(number)), plan.task, plan.background);
        in_time(it.restart(plan.restart()), plan.start_timeout)
    }

    /// And of a unit.
    fn as_unit<'g, W>(&self, it: Registration<'g, W>, index: usize) -> Registration<'g, W> {
        let plan = &self.plan.units[index];
        let it = said(self.after(it, Part::Unit(index)), plan.task, plan.background);
        let it = it.instances(plan.instances).restart(plan.restart());
        let it = in_time(it, plan.start_timeout);
        match plan.heartbeat {
            Some(limit) => it.heartbeat(limit),
            None => it,
        }
    }

    fn after<'g, W>(
        &self,
        mut registration: Registration<'g, W>,
        part: Part,
    ) -> Registration<'g, W> {
        for other in self.plan.after(part) {
            let id = match *other {
                Part::Unit(unit) => self.units[unit],
                Part::Group(group) => self.groups[group],
            };
            registration = registration.after(id.expect("it was registered before"));
        }
        registration
    }
}

fn said<W>(registration: Registration<'_, W>, task: bool, background: bool) -> Registration<'_, W> {
    let registration = if task { registration.task() } else { registration };
    if background { registration.background() } else { registration }
}

fn in_time<W>(registration: Registration<'_, W>, limit: Option<Duration>) -> Registration<'_, W> {
    match limit {
        Some(limit) => registration.start_timeout(limit),
        None => registration,
    }
}

pub(super) fn put_together(
    plan: &Plan,
    record: &Arc<Record>,
    gate: &Gate,
) -> (Arc<OnceLock<Stage>>, Group) {
    let outermost = &plan.groups[0];
    let mut group = Group::new(format!("g{}", plan.seed))
        .args(["demo"])
        .stop_order(outermost.order())
        .strategy(outermost.strategy());
    if let Some(limit) = plan.hasty {
        group = group.stop_timeout(limit);
    }
    let stage: Arc<OnceLock<Stage>> = Arc::default();
    let seed = Seed { stage: Arc::downgrade(&stage), pass: gate.pass(), handle: group.handle() };
    let (units, groups) = (vec![None; plan.units.len()], vec![None; plan.groups.len()]);
    let mut building = Building { plan, stage: stage.clone(), seed: seed.clone(), units, groups };
    building.fill(&mut group, 0);
    let ids = building.units.into_iter().map(|id| id.map_or_else(OnceLock::new, OnceLock::from));
    let ready = Stage {
        plan: plan.clone(),
        record: record.clone(),
        ids: ids.collect(),
        joins: plan.joins.iter().map(|_| AtomicBool::new(false)).collect(),
        seed,
        groups: building.groups,
    };
    assert!(stage.set(ready).is_ok(), "set once");
    (stage, group)
}

impl Stage {
    /// Registers it with the group that serves, whatever that says.
    pub(super) fn join(&self, join: usize) {
        if self.joins[join].swap(true, Ordering::Relaxed) {
            return; // its name is taken
        }
        let Some(stage) = self.seed.stage.upgrade() else { return };
        let units = self.ids.iter().map(|id| id.get().copied()).collect();
        let (plan, seed) = (&self.plan, self.seed.clone());
        let mut building = Building { plan, stage, seed, units, groups: self.groups.clone() };
        self.record.note(Entry::JoinAsked(join));
        let handle = &self.seed.handle;
        let registration = match plan.joins[join] {
            Part::Unit(unit) => {
                let registration = building.as_unit(handle.register(building.player(unit)), unit);
                building.units[unit] = Some(registration.id());
                registration
            }
            Part::Group(group) => {
                let filled = building.filled(group);
                building.as_group(handle.register(filled), group)
            }
        };
        for unit in plan.units_of(plan.joins[join]) {
            let id = building.units[unit].expect("it was registered");
            assert!(self.ids[unit].set(id).is_ok(), "it joins once");
        }
        let result = registration.start().map(|_| ()).map_err(|error: Error| error.kind());
        self.record.note(Entry::JoinSaid(join, result));
    }
}

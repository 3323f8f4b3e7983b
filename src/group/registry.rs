//! The units of a group as they were registered, and those of the groups that were registered with it:
//! one list, in which each entry knows the group that it is in. What is wrong with them is found in
//! `problems`, in which order they start in `order`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::entry::{Entry, Part, Phases};
use crate::handle::UnitId;
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

/// See the module.
pub(super) struct Registry {
    run: u64,
    pub(super) stage: Stage,
    /// A group comes before all that is in it.
    pub(super) entries: Vec<Entry>,
    /// Where the entries of other groups begin that were registered with this one: what they gave out
    /// as ids stays good.
    adopted: BTreeMap<u64, usize>,
    /// Those whose pre-run has succeeded, in that order: their clean-up is the run's.
    pub(super) pre_ran: Vec<usize>,
}

impl Registry {
    pub(super) fn new(run: u64) -> Self {
        Self {
            run,
            stage: Stage::Defining,
            entries: Vec::new(),
            adopted: BTreeMap::new(),
            pre_ran: Vec::new(),
        }
    }

    /// Why it is too late for what is to be registered, if it is.
    pub(super) fn refusal(&self, has_flags: bool) -> Option<&'static str> {
        match self.stage {
            Stage::Configured if has_flags => {
                Some("has flags but was registered after the config phase")
            }
            Stage::Defining | Stage::Configured => None,
            _ => Some("was registered into a group that has already run"),
        }
    }

    /// Adds it, unless there is something against it; says where it is.
    pub(super) fn add(&mut self, entry: Entry, refused: Option<&'static str>) -> usize {
        self.entries.push(Entry { refused, removed: refused.is_some(), ..entry });
        self.entries.len() - 1
    }

    /// Adds a unit that does not count yet; says where it is.
    pub(super) fn pend(&mut self, entry: Entry) -> usize {
        self.entries.push(Entry { pending: true, ..entry });
        self.entries.len() - 1
    }

    /// What is pending there counts from now on. It, and all that is in it, in start order.
    pub(super) fn admit(&mut self, index: usize) -> Vec<usize> {
        let mut among = BTreeSet::from([index]);
        self.entries[index].pending = false;
        // A group comes before all that is in it.
        for below in index + 1..self.entries.len() {
            if self.entries[below].parent.is_some_and(|parent| among.contains(&parent)) {
                self.entries[below].pending = false;
                among.insert(below);
            }
        }
        match self.order() {
            Ok(order) => order.into_iter().filter(|index| among.contains(index)).collect(),
            Err(_) => among.into_iter().collect(), // there is a circle, which is a problem
        }
    }

    /// Takes over all that `inner` has: the entry at `group`, the last one, stands for it.
    pub(super) fn adopt(&mut self, group: usize, inner: &mut Registry) {
        let offset = group + 1;
        debug_assert_eq!(offset, self.entries.len(), "a group's entries are right behind it");
        self.adopted.insert(inner.run, offset);
        let ids = std::mem::take(&mut inner.adopted);
        self.adopted.extend(ids.into_iter().map(|(run, begin)| (run, offset + begin)));
        let path = self.entries[group].path.clone();
        let entries = std::mem::take(&mut inner.entries).into_iter();
        let pending = self.entries[group].pending;
        self.entries.extend(entries.map(|entry| Entry {
            pending,
            parent: Some(entry.parent.map_or(group, |parent| offset + parent)),
            path: format!("{path}/{}", entry.path).into(),
            ..entry
        }));
    }

    /// Takes it out, and all that is in it. A group that was dropped has nothing left.
    pub(super) fn remove(&mut self, index: usize) {
        let Some(entry) = self.entries.get_mut(index) else { return };
        entry.removed = true;
        // A group comes before all that is in it.
        for below in index + 1..self.entries.len() {
            let parent = self.entries[below].parent;
            self.entries[below].removed |= parent.is_some_and(|it| self.entries[it].removed);
        }
    }

    /// Those whose clean-up is due, with their paths.
    pub(super) fn take_pre_ran(&mut self) -> Vec<(usize, Arc<str>, Arc<dyn Unit>)> {
        let unit = |index: usize| match &self.entries[index].part {
            Part::Unit(unit) => Some((index, self.entries[index].path.clone(), unit.clone())),
            Part::Group(_) => None,
        };
        std::mem::take(&mut self.pre_ran).into_iter().filter_map(unit).collect()
    }

    /// Those that were not taken out, with their indices.
    pub(super) fn present(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate().filter(|(_, entry)| entry.is_present())
    }

    /// The units that take part in a phase, with their indices and paths, in the order of
    /// registration.
    pub(super) fn units(
        &self,
        takes_part: impl Fn(Phases) -> bool,
    ) -> Vec<(usize, Arc<str>, Arc<dyn Unit>)> {
        let entries = || self.present().filter(|(_, entry)| takes_part(entry.phases));
        let mut units = Vec::with_capacity(entries().count());
        units.extend(entries().filter_map(|(index, entry)| match &entry.part {
            Part::Unit(unit) => Some((index, entry.path.clone(), unit.clone())),
            Part::Group(_) => None,
        }));
        units
    }

    /// Where the unit of this id is, whether or not it was taken out.
    pub(super) fn place(&self, id: UnitId) -> Option<usize> {
        let begin = if id.run == self.run { 0 } else { *self.adopted.get(&id.run)? };
        Some(begin + id.index).filter(|&index| index < self.entries.len())
    }

    /// The unit or group of this id, if it is one of this group that was not taken out.
    pub(super) fn find(&self, id: UnitId) -> Option<(usize, &Entry)> {
        let index = self.place(id)?;
        let entry = &self.entries[index];
        entry.is_present().then_some((index, entry))
    }

    /// Those that come `after` it and were not taken out.
    pub(super) fn dependents(&self, index: usize) -> impl Iterator<Item = &Entry> {
        let entries = self.present().map(|(_, entry)| entry);
        entries.filter(move |entry| entry.after().iter().any(|&id| self.place(id) == Some(index)))
    }

    /// The groups that it is in, the nearest first.
    pub(super) fn above(&self, index: usize) -> impl Iterator<Item = usize> {
        let parent = |&index: &usize| self.entries[index].parent;
        std::iter::successors(parent(&index), parent)
    }

    /// What stands before the names of its flags: the prefixes of the groups that it is in, the
    /// nearest first.
    pub(super) fn flag_prefixes(&self, index: usize) -> Vec<String> {
        let prefixes = self.above(index).filter_map(|group| match &self.entries[group].part {
            Part::Group(group) => Some(group.flag_prefix.clone()),
            Part::Unit(_) => None,
        });
        prefixes.collect()
    }

    /// The phases with their units, and whether the program serves (`svc`) or not (`cli`).
    pub(super) fn list(&self, group: &str) -> String {
        use std::fmt::Write;

        let kind = if self.present().any(|(_, it)| it.phases.service) { "svc" } else { "cli" };
        let mut list = format!("Group: {group} [{kind}]");
        let mut add = |phase: &str, takes_part: fn(Phases) -> bool| {
            let units = self.present().filter(|(_, entry)| takes_part(entry.phases));
            let units: Vec<&str> = units.map(|(_, entry)| &*entry.path).collect();
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

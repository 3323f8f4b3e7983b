//! In which order what was registered starts, who serves, and who waits for whom.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::entry::Entry;
use super::registry::Registry;

impl Registry {
    /// What it comes `after`, of what was not taken out.
    fn before(&self, entry: &Entry) -> impl Iterator<Item = usize> {
        // One that is not of the same group is a problem of its own, and not one of the order.
        let before = entry.after().iter().filter_map(|&id| self.find(id));
        before.filter(|(_, other)| other.parent == entry.parent).map(|(index, _)| index)
    }

    /// The start order: what a unit comes `after` is before it, and otherwise the order of
    /// registration. A group has its place among its siblings, and all that is in it follows right
    /// behind.
    ///
    /// # Errors
    ///
    /// The paths of the units that wait for each other.
    pub(super) fn order(&self) -> Result<Vec<usize>, Vec<String>> {
        if self.present().all(|(_, entry)| entry.after().is_empty() && entry.parent.is_none()) {
            return Ok(self.present().map(|(index, _)| index).collect()); // there is nothing to order
        }
        let mut waits = vec![0; self.entries.len()];
        let mut dependents = vec![Vec::new(); self.entries.len()];
        for (index, entry) in self.present() {
            for dependency in self.before(entry) {
                waits[index] += 1;
                dependents[dependency].push(index);
            }
        }
        // Of each group, those in it that may be next; the outermost is the first.
        let slot = |group: Option<usize>| group.map_or(0, |group| group + 1);
        let mut free: Vec<BinaryHeap<Reverse<usize>>> = Vec::new();
        free.resize_with(self.entries.len() + 1, BinaryHeap::new);
        for (index, entry) in self.present().filter(|&(index, _)| waits[index] == 0) {
            free[slot(entry.parent)].push(Reverse(index));
        }
        let mut order = Vec::with_capacity(self.entries.len());
        let mut groups = vec![slot(None)];
        while let Some(&group) = groups.last() {
            let Some(Reverse(index)) = free[group].pop() else {
                groups.pop();
                continue;
            };
            order.push(index);
            for &dependent in &dependents[index] {
                waits[dependent] -= 1;
                if waits[dependent] == 0 {
                    free[group].push(Reverse(dependent));
                }
            }
            if self.entries[index].is_group() {
                groups.push(slot(Some(index)));
            }
        }
        let stuck = self.present().filter(|&(index, _)| waits[index] > 0);
        let stuck: Vec<String> = stuck.map(|(_, entry)| format!("'{}'", entry.path)).collect();
        if stuck.is_empty() { Ok(order) } else { Err(stuck) }
    }

    /// Of each entry whether it serves: a unit, or a group with one in it that does.
    pub(super) fn serving(&self) -> Vec<bool> {
        let mut serves = vec![false; self.entries.len()];
        for (index, entry) in self.entries.iter().enumerate().rev() {
            serves[index] |= entry.phases.service && entry.is_present();
            // It comes before this one, so it is asked later.
            if let (Some(parent), true) = (entry.parent, serves[index]) {
                serves[parent] = true;
            }
        }
        serves
    }

    /// What it has to wait for: those that it comes `after`, and through those that do not serve,
    /// what they come `after`.
    pub(super) fn services_before(&self, index: usize, serves: &[bool]) -> Vec<usize> {
        if self.before(&self.entries[index]).next().is_none() {
            return Vec::new(); // most units: there is no list to be made
        }
        let mut services = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut todo = vec![index];
        while let Some(next) = todo.pop() {
            for dependency in self.before(&self.entries[next]) {
                if serves[dependency] {
                    services.insert(dependency);
                } else if seen.insert(dependency) {
                    todo.push(dependency);
                }
            }
        }
        services.into_iter().collect()
    }

    /// Of what it is to come `after`, the first that is not there or has no node yet, though it serves.
    pub(super) fn not_on_the_board(&self, index: usize) -> Option<&Entry> {
        let serves = self.serving();
        let after = self.entries[index].after().iter().filter_map(|&id| self.place(id));
        let missing = |&before: &usize| {
            let entry = &self.entries[before];
            !entry.is_present() || (serves[before] && entry.node.is_none())
        };
        after.into_iter().find(missing).map(|before| &self.entries[before])
    }

    /// What a unit may use, itself included: all that it comes `after`, directly or not, and all that
    /// the groups come `after` that it is in. Of a group, everybody in it.
    pub(super) fn used_by(&self, index: usize) -> BTreeSet<usize> {
        let mut used = BTreeSet::from([index]);
        let mut todo: Vec<usize> = std::iter::once(index).chain(self.above(index)).collect();
        while let Some(next) = todo.pop() {
            for dependency in self.entries[next].after().iter().filter_map(|&id| self.place(id)) {
                if used.insert(dependency) {
                    todo.push(dependency);
                }
            }
        }
        // A group comes before all that is in it.
        for (below, entry) in self.entries.iter().enumerate() {
            if entry.parent.is_some_and(|group| used.contains(&group)) {
                used.insert(below);
            }
        }
        used
    }
}

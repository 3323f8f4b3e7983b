//! What is wrong with how a group is put together, flags apart.

use std::collections::BTreeSet;

use super::entry::Entry;
use super::registry::Registry;
use crate::error::{ConfigError, ConfigErrors};
use crate::handle::UnitId;
use crate::names::Names;
use crate::restart::Restart;

/// What somebody who wrote a unit may well have forgotten.
const NO_SERVICE: &str = "does it lack `as_service`?";

impl Registry {
    /// Everything that is wrong.
    pub(super) fn problems(&self) -> ConfigErrors {
        self.problems_among(|_| true)
    }

    /// Everything that is wrong with these.
    pub(super) fn problems_among(&self, among: impl Fn(usize) -> bool) -> ConfigErrors {
        let mut problems = ConfigErrors::new();
        for (index, entry) in self.entries.iter().enumerate() {
            if let Some(why) = entry.refused.filter(|_| among(index)) {
                problems.push(ConfigError::new(why).of_unit(&entry.path));
            }
        }
        // The others may come later in the list: what joins need not be started in its order.
        let mut taken = Names::for_up_to(self.entries.len());
        let path = |index: usize| self.entries[index].path.as_bytes();
        for (index, _) in self.present().filter(|&(index, _)| !among(index)) {
            let _ = taken.add(index, path(index), path);
        }
        for (index, entry) in self.present().filter(|&(index, _)| among(index)) {
            let other = taken.add(index, path(index), path).err();
            let before = |earlier: usize| !among(earlier) || earlier < index;
            match other.and_then(|other| self.namesake(index, other, before)) {
                Some(other) if among(other) => {
                    problems.push(format!("two units are named '{}'", entry.path));
                }
                Some(_) => {
                    let why = "there is one of that name, and it is not deregistered";
                    problems.push(ConfigError::new(why).of_unit(&entry.path));
                }
                None => {}
            }
            problems.append(self.problems_of_name(index, entry));
            problems.append(problems_of_policy(entry));
            if entry.root_only && entry.parent.is_some() {
                let why = "is for a whole program: register it with the outermost group";
                problems.push(ConfigError::new(why).of_unit(&entry.path));
            }
            for &id in entry.after() {
                if let Some(problem) = self.why_not_after(index, entry, id) {
                    problems.push(problem.of_unit(&entry.path));
                }
            }
        }
        if let Err(cycle) = self.order() {
            problems.push(format!("units come after each other in a circle: {}", cycle.join(", ")));
        }
        problems
    }

    /// Which one of those `before` this has its name, where the path of `other` is the same. That need not
    /// be its name: one with a '/' in it looks like a path, and of two groups of one name both have it in theirs.
    fn namesake(&self, this: usize, other: usize, before: impl Fn(usize) -> bool) -> Option<usize> {
        let key = self.entries[this].key();
        let has_it = |&index: &usize| self.entries[index].key() == key;
        let mut all = self.present().map(|(index, _)| index).filter(|&index| before(index));
        Some(other).filter(has_it).or_else(|| all.find(has_it))
    }

    fn problems_of_name(&self, index: usize, entry: &Entry) -> ConfigErrors {
        let mut problems = ConfigErrors::new();
        let (kind, name) = (entry.kind(), &entry.name);
        let within = entry.parent.map(|group| format!(" in group '{}'", self.entries[group].path));
        let within = within.unwrap_or_default();
        if name.is_empty() {
            let siblings = self.entries[..index].iter().filter(|it| it.parent == entry.parent);
            let number = siblings.count() + 1;
            problems.push(format!("the {kind} registered as number {number}{within} has no name"));
        }
        if name.bytes().any(|byte| matches!(byte, b'/' | b'\0')) {
            let name = name.escape_debug();
            problems.push(format!("{kind} '{name}'{within}: a name must not contain '/' or NUL"));
        }
        problems
    }

    fn why_not_after(&self, this: usize, entry: &Entry, id: UnitId) -> Option<ConfigError> {
        let Some(index) = self.place(id) else {
            return Some("is to come after a unit of another group".into());
        };
        let other = &self.entries[index];
        if !other.is_present() {
            let why = "is to come after a unit that is not, or no longer, registered";
            return Some(why.into());
        }
        let why = |why: &str| format!("is to come after '{}', which {why}", other.path);
        if other.parent != entry.parent {
            let problem = ConfigError::new(why("is not in the same group"));
            let tip = |(this, other): (&Entry, &Entry)| {
                let (this, other) = (&this.path, &other.path);
                format!("say it of the group: let '{this}' come after '{other}'")
            };
            return Some(match self.siblings_above(this, index).map(tip) {
                Some(tip) => problem.tip(tip),
                None => problem,
            });
        }
        let is_idle = !other.is_group() && !other.phases.any();
        is_idle.then(|| ConfigError::new(why("takes part in no phase")).tip(NO_SERVICE))
    }

    /// The two that these are, or are in, and that are in the same group; none if that is one and the
    /// same.
    fn siblings_above(&self, this: usize, other: usize) -> Option<(&Entry, &Entry)> {
        let with_above = |index: usize| std::iter::once(index).chain(self.above(index));
        let parent = |index: usize| self.entries[index].parent;
        let (this, other) = with_above(this).find_map(|this| {
            with_above(other).find(|&it| parent(it) == parent(this)).map(|other| (this, other))
        })?;
        (this != other).then(|| (&self.entries[this], &self.entries[other]))
    }

    /// What is to be said of those among these that take part in nothing.
    pub(super) fn without_phases(&self, among: impl Fn(usize) -> bool) -> Vec<String> {
        let peopled: BTreeSet<usize> = self.present().filter_map(|(_, it)| it.parent).collect();
        let idle = self.present().filter(|&(index, entry)| among(index) && !entry.phases.any());
        let say = |(index, entry): (usize, &Entry)| {
            let path = &entry.path;
            if !entry.is_group() {
                return Some(format!("unit '{path}' takes part in no phase: {NO_SERVICE}"));
            }
            (!peopled.contains(&index)).then(|| format!("group '{path}' has no units"))
        };
        idle.filter_map(say).collect()
    }
}

fn problems_of_policy(entry: &Entry) -> ConfigErrors {
    let mut problems = ConfigErrors::new();
    let mut say = |why: &str| problems.push(ConfigError::new(why).of_unit(&entry.path));
    if entry.is_group() {
        let own = ["instances", "stack_size", "heartbeat"];
        for method in entry.said_of_a_service().filter(|method| own.contains(method)) {
            say(&format!(
                "is a group, which has no thread of its own: '{method}' is for its units"
            ));
        }
    } else if !entry.phases.service {
        let idle = if entry.phases.any() { "" } else { "it takes part in no phase: " };
        for method in entry.said_of_a_service() {
            let why = format!("does not serve: '{method}' is for units that do");
            let problem = ConfigError::new(why).tip(format!("{idle}{NO_SERVICE}"));
            problems.push(problem.of_unit(&entry.path));
        }
        return problems;
    }
    let options = entry.options();
    if options.instances == Some(0) {
        say("needs at least one instance");
    }
    if options.task && options.restart.as_ref().is_some_and(Restart::is_always) {
        say("is a task, which is done when it returns `Ok`, and is to start again always");
    }
    problems
}

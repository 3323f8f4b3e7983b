//! Reading file and environment again (F10): every value and check first, then the units, and only
//! then all live flags change, or none does.

use std::cell::RefCell;

use super::resolve::how_to_give;
use super::sources::{Env, File, Kept, Sources};
use crate::error::{ConfigError, ConfigErrors};
use crate::flags::any::Change;
use crate::flags::definition::Given;
use crate::flags::live::Reload;
use crate::flags::slot::Old;
use crate::flags::table::{Entry, Table};

/// What a reload did: what [`GroupHandle::reload`](crate::GroupHandle::reload) returns.
///
/// # Examples
///
/// ```
/// use rungroup::{Flag, FlagSet, Group, pre_run_fn};
///
/// let limit = Flag::<u32>::new("limit", 100, "how many at once").live();
/// let flags = FlagSet::new("Server").add(&limit);
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(pre_run_fn("server", |_ctx| Ok(())).flags(flags));
/// let _ = group.run_config()?;
///
/// let reloaded = group.handle().reload()?;
/// assert!(reloaded.changed().is_empty(), "nobody changed a file or the environment");
/// assert!(reloaded.needs_restart().is_empty());
/// # Ok::<(), rungroup::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    changed: Vec<String>,
    needs_restart: Vec<String>,
}

impl Reloaded {
    /// The full names of the live flags that have another value now.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Reloaded;
    ///
    /// assert!(Reloaded::default().changed().is_empty());
    /// ```
    pub fn changed(&self) -> &[String] {
        &self.changed
    }

    /// The full names of the flags that would have another value if the program started now, and
    /// have not, since they are not [`Live`](crate::Live).
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Reloaded;
    ///
    /// assert!(Reloaded::default().needs_restart().is_empty());
    /// ```
    pub fn needs_restart(&self) -> &[String] {
        &self.needs_restart
    }
}

/// The value that a flag had before a reload.
pub(crate) struct Replaced {
    /// `flag '--limit'`
    pub(crate) flag: String,
    pub(crate) unit: String,
    pub(crate) value: Old,
}

/// New values, valid as far as flags can tell and kept aside in them, until they are set or, by
/// dropping this, forgotten.
pub(crate) struct Candidate<'t> {
    table: &'t Table,
    reloaded: Reloaded,
    /// What the units are shown.
    pub(crate) new: Reload,
    /// What is to be said though nothing is wrong.
    pub(crate) warnings: Vec<String>,
}

impl Candidate<'_> {
    /// Sets the new values, all before any of the old ones, which come back, is dropped: that is
    /// the program's code.
    pub(crate) fn commit(mut self) -> (Reloaded, Vec<Replaced>) {
        let commit = |entry: &Entry| {
            let value = entry.flag.commit()?;
            let unit = self.table.units(entry).next().unwrap_or_default().to_owned();
            Some(Replaced { flag: entry.definition().called(), unit, value })
        };
        let old = self.table.entries.iter().filter_map(commit).collect();
        (std::mem::take(&mut self.reloaded), old)
    }
}

impl Drop for Candidate<'_> {
    fn drop(&mut self) {
        for entry in &self.table.entries {
            entry.flag.discard();
        }
    }
}

impl Table {
    /// Whether a reload looks at the flag: not at one whose units have all left, and not at one that
    /// names the file of a live secret, as the secret itself tells of that.
    fn is_read_again(&self, entry: &Entry, is_present: &dyn Fn(&str) -> bool) -> bool {
        let has_left = || {
            let mut units = self.units(entry).peekable();
            units.peek().is_some() && !units.any(is_present)
        };
        let is_of_live = || self.secret_in(entry).is_some_and(|secret| secret.flag.is_live());
        let can_change = entry.asks.is_none() && entry.given != Given::OnCommandLine;
        can_change && !has_left() && !is_of_live()
    }

    /// Reads file and environment again; `is_present` says which units there are.
    ///
    /// # Errors
    ///
    /// All problems at once; nothing has changed then.
    pub(crate) fn prepare(
        &self,
        kept: &Kept,
        env: Env<'_>,
        is_present: &dyn Fn(&str) -> bool,
    ) -> Result<Candidate<'_>, ConfigErrors> {
        let mut errors = self.removed_in(env);
        let file = match &kept.file {
            Some(name) => self.read_file(name, &kept.files, true, &mut errors),
            None => File::default(),
        };
        let sources = Sources { kept, env, file, again: true, warnings: RefCell::default() };
        let mut candidate = Candidate {
            table: self,
            reloaded: Reloaded::default(),
            new: Reload::new(),
            warnings: Vec::new(),
        };
        if sources.file.is_unknown {
            return Err(errors); // the rest would be about a file that is not there
        }
        for (index, entry) in self.entries.iter().enumerate() {
            if entry.repeated || !self.is_read_again(entry, is_present) {
                continue;
            }
            let found = self.find(index, &sources);
            let change = found.and_then(|found| match found {
                Some(found) if found.stays() => Ok(Change::None),
                Some(found) => entry.flag.prepare(Some((&found.values, &found.source))),
                None => entry.flag.prepare(None),
            });
            let name = || entry.full_name.clone().into_owned();
            match change {
                Ok(Change::None) => {}
                Ok(Change::Live) => candidate.reloaded.changed.push(name()),
                Ok(Change::NeedsRestart) => candidate.reloaded.needs_restart.push(name()),
                Err(problems) => {
                    let problems =
                        problems.map(|problem: ConfigError| how_to_give(self, entry, problem));
                    errors.append(self.of_units(entry, problems));
                }
            }
        }
        candidate.warnings = sources.warnings.take();
        errors.into_result().map(|()| candidate)
    }
}

//! The pre-run of one unit and its clean-up, whoever calls them: the run, or who registers a unit
//! while it serves.

use std::sync::Arc;

use super::entry::Part;
use super::shared::Shared;
use crate::context::RunContext;
use crate::failure::BoxError;
use crate::handle::GroupHandle;
use crate::supervisor::denies;
use crate::unit::Unit;

impl Shared {
    /// The unit of this entry with its path, if it is there and has a pre-run.
    pub(super) fn pre_runner(&self, index: usize) -> Option<(Arc<str>, Arc<dyn Unit>)> {
        let registry = self.registry.lock();
        let entry = registry.entries.get(index)?; // none in a group that was dropped meanwhile
        match &entry.part {
            Part::Unit(unit) if !entry.removed && entry.phases.pre_run => {
                Some((entry.path.clone(), unit.clone()))
            }
            _ => None,
        }
    }

    pub(super) fn pre_run(
        self: &Arc<Self>,
        path: &Arc<str>,
        unit: &dyn Unit,
    ) -> Result<(), BoxError> {
        let ctx = RunContext {
            handle: GroupHandle::new(self.clone()),
            unit: path.clone(),
            roles: self.roles.get().cloned().unwrap_or_default(),
            helpers: Arc::new(self.clone()),
        };
        match unit.as_pre_runner() {
            Some(pre_runner) => pre_runner.pre_run(&ctx),
            None => Err(denies("pre-runner")),
        }
    }
}

pub(super) fn post_run(unit: &dyn Unit) -> Result<(), BoxError> {
    match unit.as_pre_runner() {
        Some(pre_runner) => pre_runner.post_run(),
        None => Err(denies("pre-runner")),
    }
}

//! The names of those running, for [`StillRunning`](super::StillRunning). Only named guards come
//! here: those without a name never touch the lock.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroU64;

/// The place of a guard's name. Not zero, so that a guard without one is no larger for it.
pub(super) type NameId = NonZeroU64;

/// By id, which is the order in which they were named.
#[derive(Debug, Default)]
pub(super) struct Names {
    given: u64,
    by_id: BTreeMap<NameId, Cow<'static, str>>,
}

impl Names {
    pub(super) fn insert(&mut self, name: Cow<'static, str>) -> NameId {
        self.given += 1;
        let id = NonZeroU64::new(self.given).expect("fewer than 2⁶⁴ names");
        self.by_id.insert(id, name);
        id
    }

    pub(super) fn remove(&mut self, id: NameId) {
        self.by_id.remove(&id);
    }

    pub(super) fn get(&self, id: NameId) -> Option<&str> {
        self.by_id.get(&id).map(|name| &**name)
    }

    pub(super) fn list(&self) -> Vec<String> {
        self.by_id.values().map(|name| name.clone().into_owned()).collect()
    }
}

//! Where a flag keeps its value: for good (`Fixed`), or so that a reload can replace it
//! (`Replaceable`). It knows neither names nor types of flags.

use std::sync::{Arc, OnceLock};

use super::source::Source;
use crate::sync::Mutex;

/// A value and where it came from.
pub(super) struct Setting<T> {
    pub(super) value: Arc<T>,
    pub(super) source: Source,
}

impl<T> Clone for Setting<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), source: self.source.clone() }
    }
}

pub(super) trait Slot<T>: Default + Send + Sync {
    /// Whether a reload can replace the value.
    const IS_LIVE: bool;

    /// What was set last; none: nothing yet.
    fn newest(&self) -> Option<Setting<T>>;

    fn set(&self, setting: Setting<T>);

    /// Keeps a value aside for a reload. A slot that is not live has no place for it.
    fn prepare(&self, _setting: Setting<T>) {}

    /// The value that was kept aside takes the place of the present one.
    fn commit(&self) {}

    /// Forgets the value that was kept aside.
    fn discard(&self) {}
}

/// Hands out references, so that what was set once has to stay: a list that only grows, which needs
/// no lock to be read. In a run it has at most one entry; tests and programs that set flags by
/// themselves can make it longer.
pub(super) struct Fixed<T>(OnceLock<Box<Link<T>>>);

struct Link<T> {
    setting: Setting<T>,
    newer: OnceLock<Box<Link<T>>>,
}

impl<T> Fixed<T> {
    /// The newest, by reference.
    pub(super) fn last(&self) -> Option<&Setting<T>> {
        let mut newest = self.0.get()?;
        while let Some(newer) = newest.newer.get() {
            newest = newer;
        }
        Some(&newest.setting)
    }
}

impl<T> Default for Fixed<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T: Send + Sync> Slot<T> for Fixed<T> {
    const IS_LIVE: bool = false;

    fn newest(&self) -> Option<Setting<T>> {
        self.last().cloned()
    }

    fn set(&self, setting: Setting<T>) {
        let mut link = Box::new(Link { setting, newer: OnceLock::new() });
        let mut end = &self.0;
        // `set` fails where the cell is full, be it only just now: go on to the next.
        while let Err(back) = end.set(link) {
            link = back;
            while let Some(full) = end.get() {
                end = &full.newer;
            }
        }
    }
}

/// One after the other: a list that was set very often would overflow the stack otherwise.
impl<T> Drop for Link<T> {
    fn drop(&mut self) {
        let mut newer = self.newer.take();
        while let Some(mut link) = newer {
            newer = link.newer.take();
        }
    }
}

/// The present value, and the one that a reload is about to set.
pub(super) struct Replaceable<T>(Mutex<Values<T>>);

struct Values<T> {
    present: Option<Setting<T>>,
    prepared: Option<Setting<T>>,
}

impl<T> Replaceable<T> {
    /// What the reload under way will set.
    pub(super) fn prepared(&self) -> Option<Setting<T>> {
        self.0.lock().prepared.clone()
    }
}

impl<T> Default for Replaceable<T> {
    fn default() -> Self {
        Self(Mutex::new(Values { present: None, prepared: None }))
    }
}

impl<T: Send + Sync> Slot<T> for Replaceable<T> {
    const IS_LIVE: bool = true;

    fn newest(&self) -> Option<Setting<T>> {
        self.0.lock().present.clone()
    }

    // In each of these the old value is dropped when the lock is free again: its drop is the
    // program's code.

    fn set(&self, setting: Setting<T>) {
        let old = self.0.lock().present.replace(setting);
        drop(old);
    }

    fn prepare(&self, setting: Setting<T>) {
        let old = self.0.lock().prepared.replace(setting);
        drop(old);
    }

    fn commit(&self) {
        let old = {
            let mut values = self.0.lock();
            values.prepared.take().map(|prepared| values.present.replace(prepared))
        };
        drop(old);
    }

    fn discard(&self) {
        let prepared = self.0.lock().prepared.take();
        drop(prepared);
    }
}

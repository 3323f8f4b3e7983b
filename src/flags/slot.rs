//! Where a flag keeps its value: for good (`Fixed`), or so that a reload can replace it
//! (`Replaceable`). It knows neither names nor types of flags.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use super::source::Source;
use crate::sync::Mutex;

/// A value, and where it came from.
pub(super) struct Setting<T> {
    pub(super) value: T,
    pub(super) source: Source,
    pub(super) by: By,
}

/// Who has set a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The group, which may read it again.
    Group,
    /// The program itself (F8): the group leaves it alone.
    Program,
}

/// A value that is no longer needed. Dropping it is the program's code.
pub(crate) type Old = Arc<dyn Any + Send + Sync>;

pub(super) trait Slot<T>: Send + Sync {
    /// Whether a reload can replace the value.
    const IS_LIVE: bool;

    fn has_default(&self) -> bool;

    /// Shows the default; none: the flag is required.
    fn with_default<R>(&self, look: impl FnOnce(Option<&T>) -> R) -> R;

    /// Shows what was set last, else the default. No lock is held meanwhile.
    fn with_present<R>(&self, look: impl FnOnce(Option<(&T, &Source)>) -> R) -> R;

    /// Who has set the present value; nobody: it is the default.
    fn set_by(&self) -> Option<By>;

    fn set(&self, setting: Setting<T>);

    /// Back to the default.
    fn reset(&self);

    /// Keeps a value aside for a reload, or with none the default. A slot that is not live has no
    /// place for it.
    fn prepare(&self, _setting: Option<Setting<T>>) {}

    /// What was kept aside takes the place of the present value, which comes back.
    fn commit(&self) -> Option<Old> {
        None
    }

    /// Forgets what was kept aside.
    fn discard(&self) {}
}

/// Hands out references, so that what was set once has to stay: a list that only grows, which needs
/// no lock to be read. In a run it has at most the first entry, which is in place; tests and
/// programs that set flags by themselves can make it longer.
pub(super) struct Fixed<T> {
    default: Option<T>,
    first: OnceLock<Setting<T>>,
    more: OnceLock<Box<Link<T>>>,
}

struct Link<T> {
    /// None: the default again.
    setting: Option<Setting<T>>,
    newer: OnceLock<Box<Link<T>>>,
}

impl<T> Fixed<T> {
    pub(super) fn new(default: Option<T>) -> Self {
        Self { default, first: OnceLock::new(), more: OnceLock::new() }
    }

    pub(super) fn into_default(self) -> Option<T> {
        self.default
    }

    fn newest(&self) -> Option<&Setting<T>> {
        let mut newest = self.first.get();
        let mut more = &self.more;
        while let Some(link) = more.get() {
            newest = link.setting.as_ref();
            more = &link.newer;
        }
        newest
    }

    fn push(&self, setting: Option<Setting<T>>) {
        let mut link = Box::new(Link { setting, newer: OnceLock::new() });
        let mut end = &self.more;
        // `set` fails where the cell is full, be it only just now: go on to the next.
        while let Err(back) = end.set(link) {
            link = back;
            while let Some(full) = end.get() {
                end = &full.newer;
            }
        }
    }

    /// What was set last, else the default.
    pub(super) fn present(&self) -> Option<&T> {
        self.newest().map(|setting| &setting.value).or(self.default.as_ref())
    }
}

impl<T: Send + Sync> Slot<T> for Fixed<T> {
    const IS_LIVE: bool = false;

    fn has_default(&self) -> bool {
        self.default.is_some()
    }

    fn with_default<R>(&self, look: impl FnOnce(Option<&T>) -> R) -> R {
        look(self.default.as_ref())
    }

    fn with_present<R>(&self, look: impl FnOnce(Option<(&T, &Source)>) -> R) -> R {
        let newest = self.newest().map(|setting| (&setting.value, &setting.source));
        look(newest.or_else(|| Some((self.default.as_ref()?, &Source::Default))))
    }

    fn set(&self, setting: Setting<T>) {
        if let Err(setting) = self.first.set(setting) {
            self.push(Some(setting));
        }
    }

    fn set_by(&self) -> Option<By> {
        self.newest().map(|setting| setting.by)
    }

    fn reset(&self) {
        if self.newest().is_some() {
            self.push(None);
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
pub(super) struct Replaceable<T> {
    default: Option<Arc<T>>,
    values: Mutex<Values<T>>,
}

struct Values<T> {
    /// None: the default.
    present: Option<Shown<T>>,
    prepared: Prepared<T>,
}

type Shown<T> = Arc<Setting<Arc<T>>>;

/// What a reload has kept aside.
enum Prepared<T> {
    Nothing,
    Default,
    Value(Shown<T>),
}

impl<T> Replaceable<T> {
    pub(super) fn new(default: Option<T>) -> Self {
        let values = Mutex::new(Values { present: None, prepared: Prepared::Nothing });
        Self { default: default.map(Arc::new), values }
    }

    /// What was set last, else the default.
    pub(super) fn present(&self) -> Option<Arc<T>> {
        let present = self.values.lock().present.clone();
        present.map(|setting| setting.value.clone()).or_else(|| self.default.clone())
    }

    /// What there will be when the reload under way has set its values.
    pub(super) fn next(&self) -> Option<(Arc<T>, Source)> {
        let next = {
            let values = self.values.lock();
            match &values.prepared {
                Prepared::Nothing => values.present.clone(),
                Prepared::Default => None,
                Prepared::Value(setting) => Some(setting.clone()),
            }
        };
        match next {
            Some(setting) => Some((setting.value.clone(), setting.source.clone())),
            None => Some((self.default.clone()?, Source::Default)),
        }
    }
}

fn shown<T>(setting: Setting<T>) -> Shown<T> {
    let Setting { value, source, by } = setting;
    Arc::new(Setting { value: Arc::new(value), source, by })
}

impl<T: Send + Sync + 'static> Slot<T> for Replaceable<T> {
    const IS_LIVE: bool = true;

    fn has_default(&self) -> bool {
        self.default.is_some()
    }

    fn with_default<R>(&self, look: impl FnOnce(Option<&T>) -> R) -> R {
        look(self.default.as_deref())
    }

    fn with_present<R>(&self, look: impl FnOnce(Option<(&T, &Source)>) -> R) -> R {
        let present = self.values.lock().present.clone();
        match &present {
            Some(setting) => look(Some((&setting.value, &setting.source))),
            None => look(self.default.as_deref().map(|value| (value, &Source::Default))),
        }
    }

    // In each of these the old value is dropped when the lock is free again: its drop is the
    // program's code.

    fn set(&self, setting: Setting<T>) {
        let old = self.values.lock().present.replace(shown(setting));
        drop(old);
    }

    fn set_by(&self) -> Option<By> {
        self.values.lock().present.as_ref().map(|setting| setting.by)
    }

    fn reset(&self) {
        let old = self.values.lock().present.take();
        drop(old);
    }

    fn prepare(&self, setting: Option<Setting<T>>) {
        let next = setting.map_or(Prepared::Default, |setting| Prepared::Value(shown(setting)));
        let old = std::mem::replace(&mut self.values.lock().prepared, next);
        drop(old);
    }

    fn commit(&self) -> Option<Old> {
        let old = {
            let mut values = self.values.lock();
            match std::mem::replace(&mut values.prepared, Prepared::Nothing) {
                Prepared::Nothing => None,
                Prepared::Default => values.present.take(),
                Prepared::Value(next) => values.present.replace(next),
            }
        };
        old.map(|old| old as Old)
    }

    fn discard(&self) {
        let old = std::mem::replace(&mut self.values.lock().prepared, Prepared::Nothing);
        drop(old);
    }
}

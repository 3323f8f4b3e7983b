//! One thing that was registered, a unit or a group, with what was said of it there.

use std::sync::Arc;

use super::limit::Limit;
use crate::handle::UnitId;
use crate::restart::Restart;
use crate::supervisor::{GroupKind, NodeId};
use crate::unit::{Service, Unit};

/// The phases that a unit takes part in, as it said when it was registered. A group has none of its
/// own.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // a set
pub(super) struct Phases {
    pub(super) config: bool,
    pub(super) pre_run: bool,
    pub(super) service: bool,
    /// And the service has one. Of no meaning without.
    pub(super) graceful_stop: bool,
    pub(super) role: bool,
}

impl Phases {
    /// Asks the unit.
    pub(super) fn of(unit: &dyn Unit) -> Self {
        let service = unit.as_service();
        Self {
            config: unit.as_config().is_some(),
            pre_run: unit.as_pre_runner().is_some(),
            service: service.is_some(),
            graceful_stop: service.is_some_and(Service::has_graceful_stop),
            role: unit.as_role().is_some(),
        }
    }

    pub(super) fn any(self) -> bool {
        self.config || self.pre_run || self.service || self.role
    }
}

pub(super) enum Part {
    Unit(Arc<dyn Unit>),
    /// Boxed: there are few, and an entry is as large as the largest.
    Group(Box<Nested>),
}

/// What a group in a group brings of its own, apart from what is in it.
pub(super) struct Nested {
    pub(super) kind: GroupKind,
    /// Before the names of all flags in it.
    pub(super) flag_prefix: String,
}

/// What can be said of a service, and partly of a group: of most nothing is.
#[derive(Default)]
pub(super) struct Options {
    pub(super) after: Vec<UnitId>,
    pub(super) task: bool,
    pub(super) background: bool,
    /// One, if it was not said.
    pub(super) instances: Option<u32>,
    pub(super) stack_size: Option<usize>,
    pub(super) stop_timeout: Option<Limit>,
    pub(super) start_timeout: Option<Limit>,
    pub(super) heartbeat: Option<Limit>,
    /// [`Restart::never`], if it was not said.
    pub(super) restart: Option<Restart>,
}

static NOTHING_SAID: Options = Options {
    after: Vec::new(),
    task: false,
    background: false,
    instances: None,
    stack_size: None,
    stop_timeout: None,
    start_timeout: None,
    heartbeat: None,
    restart: None,
};

/// See the module.
#[allow(clippy::struct_excessive_bools)] // facts that are true or not whatever the others are
pub(super) struct Entry {
    /// The group that it is in; the outermost has no entry. It comes before all that is in it.
    pub(super) parent: Option<usize>,
    pub(super) name: Arc<str>,
    /// Its name, behind the names of the groups that it is in.
    pub(super) path: Arc<str>,
    pub(super) part: Part,
    pub(super) phases: Phases,
    pub(super) root_only: bool,
    pub(super) options: Option<Box<Options>>,
    /// Why it was not taken. Then it is removed, too.
    pub(super) refused: Option<&'static str>,
    /// A group only together with all that is in it.
    pub(super) removed: bool,
    /// Registered while the group serves, and not started yet. A group, together with all in it.
    pub(super) pending: bool,
    /// Its node in the supervisor's tree, while serving.
    pub(super) node: Option<NodeId>,
}

impl Entry {
    pub(super) fn unit(unit: Arc<dyn Unit>) -> Self {
        let (name, phases) = (unit.name().into(), Phases::of(&*unit));
        let root_only = unit.root_only();
        Self { phases, root_only, ..Self::new(name, Part::Unit(unit)) }
    }

    pub(super) fn group(name: Arc<str>, nested: Nested, stop_timeout: Option<Limit>) -> Self {
        let mut entry = Self::new(name, Part::Group(Box::new(nested)));
        if stop_timeout.is_some() {
            entry.options_mut().stop_timeout = stop_timeout;
        }
        entry
    }

    fn new(name: Arc<str>, part: Part) -> Self {
        Self {
            parent: None,
            path: name.clone(),
            name,
            part,
            phases: Phases::default(),
            root_only: false,
            options: None,
            refused: None,
            removed: false,
            pending: false,
            node: None,
        }
    }

    pub(super) fn options(&self) -> &Options {
        self.options.as_deref().unwrap_or(&NOTHING_SAID)
    }

    pub(super) fn after(&self) -> &[UnitId] {
        &self.options().after
    }

    pub(super) fn options_mut(&mut self) -> &mut Options {
        self.options.get_or_insert_default()
    }

    /// Whether it counts.
    pub(super) fn is_present(&self) -> bool {
        !self.removed && !self.pending
    }

    /// By what it is told apart from all others: the group that it is in, and its name.
    pub(super) fn key(&self) -> (Option<usize>, &str) {
        (self.parent, &self.name)
    }

    pub(super) fn is_group(&self) -> bool {
        matches!(self.part, Part::Group(_))
    }

    /// What was said of it that only a service has, by the names of the methods.
    pub(super) fn said_of_a_service(&self) -> impl Iterator<Item = &'static str> {
        let options = self.options();
        let said = [
            ("stop_timeout", options.stop_timeout.is_some()),
            ("start_timeout", options.start_timeout.is_some()),
            ("restart", options.restart.is_some()),
            ("task", options.task),
            ("background", options.background),
            ("instances", options.instances.is_some()),
            ("stack_size", options.stack_size.is_some()),
            ("heartbeat", options.heartbeat.is_some()),
        ];
        said.into_iter().filter_map(|(method, said)| said.then_some(method))
    }

    /// `unit` or `group`.
    pub(super) fn kind(&self) -> &'static str {
        if self.is_group() { "group" } else { "unit" }
    }
}

//! What is known of one node of the tree beyond the machine's decisions: a service with its threads,
//! or a group, which has none of its own.

use std::sync::Arc;
use std::time::Instant;

use super::incarnation::Incarnation;
use super::plan::ServicePlan;
use super::state::NodeId;
use crate::failure::Failure;
use crate::stop::{Scope, StopNotify, StopReason};

/// See the module.
pub(super) struct Record {
    /// None for what is right below the root, of which there is no record.
    pub(super) parent: Option<NodeId>,
    pub(super) path: Arc<str>,
    pub(super) part: Part,
    pub(super) deregistered: bool,
    /// The end of a service's incarnation; while it has none, of the first or of the one before. The
    /// end of a group, with all in it.
    pub(super) stopped_notify: StopNotify,
    /// How often it was to be started; the last time may have been refused.
    pub(super) attempts: u32,
    /// The newest failure.
    pub(super) last_failure: Option<Failure>,
    pub(super) started: Option<Instant>,
    pub(super) ready: Option<Instant>,
    pub(super) told: Option<Instant>,
    pub(super) stopped: Option<Instant>,
}

pub(super) enum Part {
    Service(Service),
    Group(Box<GroupRecord>),
}

pub(super) struct Service {
    pub(super) plan: ServicePlan,
    pub(super) incarnation: Option<Arc<Incarnation>>,
}

#[derive(Default)]
#[allow(clippy::struct_excessive_bools)] // facts, most of which can be true whatever the others are
pub(super) struct GroupRecord {
    pub(super) children: Vec<NodeId>,
    /// It was, and not refused; what follows is of this start.
    pub(super) started: bool,
    /// Why its end has begun.
    pub(super) reason: Option<StopReason>,
    /// The machine is through with it: all in it have stopped, or nobody waits for them any longer.
    pub(super) over: bool,
    /// And all in it have stopped.
    pub(super) gone: bool,
    /// When the machine was, threads of it were still there.
    pub(super) late: bool,
    /// The unit by whose end it has ended, if it was one.
    pub(super) ended_by: Option<NodeId>,
    /// One that had failed when it was taken out.
    pub(super) lost: Option<NodeId>,
    /// A failure that is none of its units', as not to be ready in time.
    pub(super) own_failure: Option<Failure>,
}

impl GroupRecord {
    /// It starts again.
    pub(super) fn begin_anew(&mut self) {
        *self = Self { children: std::mem::take(&mut self.children), ..Self::default() };
    }
}

impl Record {
    /// `scope` is the node, and all that is in it.
    pub(super) fn new(parent: Option<NodeId>, path: Arc<str>, part: Part, scope: Scope) -> Self {
        Self {
            parent,
            path,
            part,
            deregistered: false,
            stopped_notify: StopNotify::new(scope),
            attempts: 0,
            last_failure: None,
            started: None,
            ready: None,
            told: None,
            stopped: None,
        }
    }

    pub(super) fn service(&mut self) -> &mut Service {
        match &mut self.part {
            Part::Service(service) => service,
            Part::Group(_) => unreachable!("'{}' is a group", self.path),
        }
    }

    pub(super) fn group(&mut self) -> &mut GroupRecord {
        match &mut self.part {
            Part::Group(group) => group,
            Part::Service(_) => unreachable!("'{}' is a unit", self.path),
        }
    }

    pub(super) fn as_group(&self) -> Option<&GroupRecord> {
        match &self.part {
            Part::Group(group) => Some(group),
            Part::Service(_) => None,
        }
    }

    pub(super) fn incarnation(&self) -> Option<&Arc<Incarnation>> {
        match &self.part {
            Part::Service(service) => service.incarnation.as_ref(),
            Part::Group(_) => None,
        }
    }

    /// The end of what starts now: one of its own, if there was one before, be it of a start that has
    /// never come.
    pub(super) fn next_end(&mut self) -> StopNotify {
        if self.has_ended() {
            self.stopped_notify = self.stopped_notify.next();
        }
        self.stopped_notify.clone()
    }

    /// Whether all that belongs to it has stopped.
    pub(super) fn has_ended(&self) -> bool {
        self.stopped_notify.outcome().is_some()
    }
}

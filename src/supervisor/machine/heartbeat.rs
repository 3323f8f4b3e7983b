//! Heartbeats: a unit that is ready has to be heard of within its limit. When it last was is known
//! outside; it is asked for when the limit has passed, so that a beat costs the machine nothing.

use std::time::Instant;

use super::Machine;
use crate::snapshot::UnitState;
use crate::supervisor::state::{Action, Kind, NodeId, Timer};

impl Machine {
    /// It is ready: from now on it has to be heard of.
    pub(super) fn expect_heartbeat(&mut self, now: Instant, unit: NodeId) {
        if let Some(limit) = self.nodes[unit].policy.heartbeat {
            self.arm(now, unit, limit, Timer::Heartbeat(unit));
        }
    }

    /// It was last heard of at this time.
    pub(super) fn alive(&mut self, now: Instant, unit: NodeId, at: Instant) {
        let Some(limit) = self.nodes[unit].policy.heartbeat else { return };
        if self.nodes[unit].timer.is_some() || !self.is_heard(unit) {
            return; // nobody has asked, or it is not expected any more
        }
        let in_time = at.checked_add(limit).is_none_or(|by| by > now);
        match (self.unit(unit).silent, in_time) {
            (false, true) => self.arm(at, unit, limit, Timer::Heartbeat(unit)),
            (false, false) => {
                self.unit(unit).silent = true;
                self.no_longer_ready(unit);
                let silent = now.saturating_duration_since(at);
                self.act(Action::Unresponsive { unit, silent });
            }
            (true, true) => {
                self.unit(unit).silent = false;
                self.act(Action::Responsive(unit));
                self.check_ready(now, unit);
            }
            (true, false) => {} // heard of, and too long ago already: it will be again
        }
    }

    /// Whether it serves, and is ready but for that.
    fn is_heard(&self, unit: NodeId) -> bool {
        let this = &self.nodes[unit];
        let silent = matches!(&this.kind, Kind::Unit(unit) if unit.silent);
        this.state == UnitState::Running && (this.ready || silent)
    }
}

//! Everything that has a limit: to get ready, to stop before it starts again, to wait, to be heard
//! of, and to stop for good.

use std::time::{Duration, Instant};

use super::Machine;
use crate::supervisor::state::{Action, Kind, NodeId, Timer, UnitEnd};

impl Machine {
    pub(super) fn expire_due(&mut self, now: Instant) {
        while let Some(&(at, timer)) = self.timers.first()
            && at <= now
        {
            self.timers.pop_first();
            match timer {
                Timer::Start(node)
                | Timer::Recall(node)
                | Timer::Restart(node)
                | Timer::Heartbeat(node) => self.nodes[node].timer = None,
                Timer::Stop(_) => {}
            }
            match timer {
                Timer::Start(node) => self.not_ready_in_time(now, node),
                Timer::Recall(node) => self.did_not_stop(now, node),
                Timer::Restart(node) => self.pause_is_over(now, node),
                Timer::Heartbeat(unit) => self.act(Action::AskIfAlive(unit)),
                Timer::Stop(node) => self.expire(now, node),
            }
        }
    }

    // ---- of the state that a node is in ----

    /// From now on the node has so long for this; beyond what the clock can tell it is for ever.
    pub(super) fn arm(&mut self, now: Instant, node: NodeId, limit: Duration, timer: Timer) {
        debug_assert!(self.nodes[node].timer.is_none(), "node {node} has a timer");
        let Some(at) = now.checked_add(limit) else { return };
        self.nodes[node].timer = Some((at, timer));
        self.timers.insert((at, timer));
    }

    pub(super) fn disarm(&mut self, node: NodeId) {
        if let Some(timer) = self.nodes[node].timer.take() {
            self.timers.remove(&timer);
        }
    }

    /// It is to start again once it has stopped: a limit that is said for it, or for a group above it,
    /// is one for this stop, too. In an end it is not to start again any more.
    pub(super) fn arm_recall(&mut self, now: Instant, node: NodeId) {
        if self.is_in_an_end(node) {
            return;
        }
        let limits = std::iter::once(node).chain(self.above(node));
        let limit = limits.filter_map(|node| self.nodes[node].policy.stop_timeout).min();
        if let Some(limit) = limit {
            self.arm(now, node, limit, Timer::Recall(node));
        }
    }

    /// There is no second one beside a thread that lives: its group ends.
    pub(super) fn did_not_stop(&mut self, now: Instant, node: NodeId) {
        if self.is_in_an_end(node) {
            return; // where it is told to stop for good when it is its turn
        }
        self.start_no_more(node);
        self.note_failure(node);
        self.act(Action::DidNotStop(node));
        self.tell_parent(now, node);
    }

    // ---- of a stop for good ----

    pub(super) fn arm_deadline(&mut self, now: Instant, node: NodeId) {
        let this = &self.nodes[node];
        if this.stop.deadline.is_some() {
            return;
        }
        let Some(at) = this.policy.stop_timeout.and_then(|limit| now.checked_add(limit)) else {
            return;
        };
        self.nodes[node].stop.deadline = Some(at);
        self.timers.insert((at, Timer::Stop(node)));
    }

    pub(super) fn disarm_deadline(&mut self, node: NodeId) {
        if let Some(at) = self.nodes[node].stop.deadline.take() {
            self.timers.remove(&(at, Timer::Stop(node)));
        }
    }

    /// More time to stop: so long from now, up to the deadline of a group above that has one. Never
    /// less than it had.
    pub(super) fn extend_stop(&mut self, now: Instant, node: NodeId, by: Duration) {
        if self.nodes[node].stop.over {
            return;
        }
        let Some((before, timer)) = self.time_to_stop(node) else { return };
        let limits = self.above(node).filter_map(|group| self.time_to_stop(group));
        let limit = limits.map(|(at, _)| at).min();
        let Some(at) = now.checked_add(by).into_iter().chain(limit).min() else { return };
        if at <= before {
            return;
        }
        self.timers.remove(&(before, timer));
        self.timers.insert((at, timer));
        match timer {
            Timer::Stop(_) => self.nodes[node].stop.deadline = Some(at),
            _ => self.nodes[node].timer = Some((at, timer)),
        }
        self.act(Action::Extended { unit: node, by: at.saturating_duration_since(now) });
    }

    /// Until when it has to stop, if it is told to and there is a limit.
    fn time_to_stop(&self, node: NodeId) -> Option<(Instant, Timer)> {
        let this = &self.nodes[node];
        match this.timer {
            Some(recall @ (_, Timer::Recall(_))) => Some(recall),
            _ => this.stop.deadline.map(|at| (at, Timer::Stop(node))),
        }
    }

    /// The node's deadline has passed. Below a group everybody is at least told before anybody is given
    /// up.
    fn expire(&mut self, now: Instant, node: NodeId) {
        self.ask_all_below(now, node);
        match self.nodes[node].kind {
            Kind::Unit(_) => self.give_up(now, node),
            Kind::Group(_) => self.give_up_below(now, node), // it may have ended by itself
        }
    }

    fn give_up_below(&mut self, now: Instant, group: NodeId) {
        for child in self.children(group) {
            self.give_up(now, child);
        }
    }

    fn ask_all_below(&mut self, now: Instant, node: NodeId) {
        for child in self.children(node) {
            self.ask(now, child, UnitEnd::Group(node));
            self.ask_all_below(now, child);
        }
    }

    fn give_up(&mut self, now: Instant, node: NodeId) {
        // One that was not asked is in a next life: with the last child that is over its group may
        // have started again, in the same breath.
        if self.nodes[node].stop.over || !self.nodes[node].stop.asked {
            return;
        }
        if let Kind::Group(_) = self.nodes[node].kind {
            return self.give_up_below(now, node); // with its last child it is over
        }
        self.nodes[node].stop.late = true;
        self.act(Action::Late(node));
        self.nobody_above_starts_again(now, node);
        self.over(now, node);
    }

    /// A thread of it lives, so nothing that it belongs to can start again.
    fn nobody_above_starts_again(&mut self, now: Instant, node: NodeId) {
        if self.nodes[node].stop.deregistered {
            return; // it belongs to nothing
        }
        let above: Vec<NodeId> = self.above(node).collect();
        for group in above {
            if self.is_to_start(group) {
                self.did_not_stop(now, group);
            }
            if self.nodes[group].stop.deregistered {
                return;
            }
        }
    }
}

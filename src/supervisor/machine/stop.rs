//! Stopping: whose turn it is, who is over, who is late, and when a group is at its end.

use std::time::{Duration, Instant};

use super::Machine;
use crate::snapshot::UnitState;
use crate::supervisor::state::{Action, GroupEnd, Kind, NodeId, ROOT, StopOrder, Timer, UnitEnd};

impl Machine {
    pub(super) fn stop_group(&mut self, now: Instant, node: NodeId, why: GroupEnd) {
        let group = self.group(node);
        if group.stopping {
            return;
        }
        group.stopping = true;
        self.act(Action::Stopping { group: node, why });
        self.enter_state(now, node, UnitState::Stopping);
        self.arm_deadline(now, node);
        self.order_stops(node);
        // Before it can be over: its end is the cause, and not that it leaves nobody behind.
        if why != GroupEnd::Asked {
            self.tell_parent(now, node);
        }
        self.check_group_over(now, node);
    }

    /// Counts for whom each child waits; those that wait for nobody have their turn now.
    pub(super) fn order_stops(&mut self, node: NodeId) {
        let children = self.group(node).children.clone();
        let order = self.group(node).order;
        let foreground_is_open = self.group(node).open_foreground > 0;
        for &child in &children {
            let open = |&&dependent: &&NodeId| !self.nodes[dependent].stop.over;
            let dependents = self.nodes[child].dependents.iter().filter(open).count();
            let gate = usize::from(self.nodes[child].stop.gated && foreground_is_open);
            self.nodes[child].stop.waits = dependents + gate;
        }
        if order == StopOrder::Reverse {
            let open = |&child: &NodeId| !self.nodes[child].stop.over;
            // From the last to be told to the first: the gated ones, then the rest, in start order.
            let mut order: Vec<NodeId> = children.iter().copied().filter(open).collect();
            order.sort_by_key(|&child| !self.nodes[child].stop.gated);
            for pair in order.windows(2) {
                self.nodes[pair[1]].stop.next = Some(pair[0]);
                self.nodes[pair[0]].stop.previous = Some(pair[1]);
                self.nodes[pair[0]].stop.waits += 1;
            }
        }
        for child in children {
            if self.nodes[child].stop.waits == 0 {
                self.turns.push_back(child);
            }
        }
    }

    /// The node's turn to stop has come.
    pub(super) fn ask(&mut self, now: Instant, node: NodeId, why: UnitEnd) {
        if self.nodes[node].stop.asked {
            return;
        }
        self.nodes[node].stop.asked = true;
        match self.nodes[node].state {
            UnitState::New if matches!(self.nodes[node].kind, Kind::Unit(_)) => {
                self.enter_state(now, node, UnitState::Stopped);
                self.act(Action::Stopped(node));
                self.terminated(now, node);
            }
            UnitState::Backoff => {
                self.start_no_more(node);
                self.enter_state(now, node, UnitState::Stopped);
                self.act(Action::Stopped(node));
                self.terminated(now, node);
                self.call_last_stop(now, node);
            }
            state => self.ask_live(now, node, state, why),
        }
        self.check_over(now, node);
    }

    pub(super) fn ask_live(&mut self, now: Instant, node: NodeId, state: UnitState, why: UnitEnd) {
        if !state.is_terminal() {
            self.arm_deadline(now, node);
        }
        if let Kind::Group(_) = self.nodes[node].kind {
            if !state.is_terminal() {
                self.stop_group(now, node, GroupEnd::Asked);
            }
            return;
        }
        self.start_no_more(node);
        if matches!(state, UnitState::Starting | UnitState::Running) {
            self.enter_state(now, node, UnitState::Stopping);
            self.act(Action::Tell { unit: node, why });
        }
        if self.unit(node).entered > 0 {
            self.call_stop(node);
            self.arm_deadline(now, node);
        } else if state.is_terminal() {
            self.call_last_stop(now, node);
        }
    }

    /// The unit is at an end, and its last incarnation, or the one before if that was never entered,
    /// is the last of the run.
    pub(super) fn call_last_stop(&mut self, now: Instant, node: NodeId) {
        if self.unit(node).uncalled {
            self.call_stop(node);
            self.arm_deadline(now, node);
        }
    }

    pub(super) fn call_stop(&mut self, node: NodeId) {
        let unit = self.unit(node);
        if std::mem::take(&mut unit.uncalled) {
            unit.calls += 1;
            self.act(Action::CallStop(node));
        }
    }

    pub(super) fn check_over(&mut self, now: Instant, node: NodeId) {
        let this = &self.nodes[node];
        let called = self.is_called(node);
        if this.stop.asked && this.state.is_terminal() && !called && !this.stop.over {
            self.over(now, node);
        }
    }

    /// Nobody waits for the node any longer: whose turn is it now?
    pub(super) fn over(&mut self, now: Instant, node: NodeId) {
        self.disarm_deadline(node);
        self.nodes[node].stop.over = true;
        let Some(parent) = self.nodes[node].parent else { return };
        let gated = self.nodes[node].stop.gated;
        let group = self.group(parent);
        group.open -= 1;
        group.open_foreground -= usize::from(!gated);
        if !group.stopping {
            return; // taken out while the others go on
        }
        let gate_opens = !gated && group.open_foreground == 0;
        for index in 0..self.nodes[node].policy.after.len() {
            self.one_less_to_wait_for(self.nodes[node].policy.after[index]);
        }
        // One that was taken out before its turn keeps its place in the line: `one_less_to_wait_for`
        // passes the turn on when it comes.
        let stop = &self.nodes[node].stop;
        if let (Some(next), 0) = (stop.next, stop.waits) {
            self.one_less_to_wait_for(next);
        }
        if gate_opens {
            for index in 0..self.group(parent).children.len() {
                let child = self.group(parent).children[index];
                if self.nodes[child].stop.gated {
                    self.one_less_to_wait_for(child);
                }
            }
        }
        self.check_group_over(now, parent);
    }

    pub(super) fn one_less_to_wait_for(&mut self, node: NodeId) {
        let mut waiting = Some(node);
        while let Some(node) = waiting {
            let stop = &mut self.nodes[node].stop;
            stop.waits -= 1;
            if stop.waits > 0 {
                return;
            }
            if !stop.over {
                return self.turns.push_back(node);
            }
            waiting = stop.next;
        }
    }

    pub(super) fn check_group_over(&mut self, now: Instant, node: NodeId) {
        let group = self.group(node);
        if !group.stopping || group.open > 0 || self.nodes[node].state != UnitState::Stopping {
            return;
        }
        let end = if self.nodes[node].failed { UnitState::Failed } else { UnitState::Stopped };
        self.enter_state(now, node, end);
        self.disarm_deadline(node);
        if node == ROOT {
            self.finished = true;
            return self.act(Action::Finished);
        }
        self.act(Action::Stopped(node));
        if end == UnitState::Failed && !self.nodes[node].stop.deregistered {
            // A task that failed no sooner than in its stop has not told its parent yet.
            self.tell_parent(now, node);
        }
        self.terminated(now, node);
        self.check_over(now, node);
    }

    pub(super) fn deregister(&mut self, now: Instant, node: NodeId) {
        if self.nodes[node].stop.deregistered || self.nodes[node].stop.over {
            return;
        }
        // The threads of what comes after it have left, even where that has still to be heard here;
        // so none of them can be one that would start behind it.
        debug_assert!(
            self.live_dependents(node).all(|it| self.nodes[it].state != UnitState::New),
            "node {node} is in use"
        );
        if !self.nodes[node].ready {
            self.child_counts_as_ready(now, node);
        }
        // From here on it counts for nothing. If it was the last, the group's end begins now and not
        // when it has stopped, so that there is a deadline to its stop.
        if !self.nodes[node].state.is_terminal() {
            self.keeps_alive_no_longer(now, node);
        }
        self.nodes[node].stop.deregistered = true;
        self.ask(now, node, UnitEnd::Deregistered);
    }

    // ---- deadlines ----

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
        if let Some(at) = self.nodes[node].stop.deadline {
            self.timers.remove(&(at, Timer::Stop(node)));
        }
    }

    /// More time to stop: so long from now, up to the deadline of a group above that has one. Never
    /// less than it had.
    pub(super) fn extend_stop(&mut self, now: Instant, node: NodeId, by: Duration) {
        let (before, timer) = match (self.unit(node).timer, self.nodes[node].stop.deadline) {
            (Some((at, timer @ Timer::Recall(_))), _) => (at, timer),
            (_, Some(at)) => (at, Timer::Stop(node)),
            _ => return, // it has all the time that there is, or is not told to stop
        };
        if self.nodes[node].stop.over {
            return;
        }
        let limit = self.above(node).filter_map(|group| self.nodes[group].stop.deadline).min();
        let Some(at) = now.checked_add(by).into_iter().chain(limit).min() else { return };
        if at <= before {
            return;
        }
        self.timers.remove(&(before, timer));
        self.timers.insert((at, timer));
        match timer {
            Timer::Stop(_) => self.nodes[node].stop.deadline = Some(at),
            _ => self.unit(node).timer = Some((at, timer)),
        }
        self.act(Action::Extended { unit: node, by: at.saturating_duration_since(now) });
    }

    pub(super) fn expire_due(&mut self, now: Instant) {
        while let Some(&(at, timer)) = self.timers.first()
            && at <= now
        {
            self.timers.pop_first();
            if let Timer::Start(unit) | Timer::Recall(unit) | Timer::Restart(unit) = timer {
                self.unit(unit).timer = None;
            }
            match timer {
                Timer::Start(node) => self.not_ready_in_time(now, node),
                Timer::Recall(node) => self.did_not_stop(now, node),
                Timer::Restart(node) => self.pause_is_over(now, node),
                Timer::Stop(node) => self.expire(now, node),
            }
        }
    }

    /// The node's deadline has passed. Below a group everybody is at least told before it is given
    /// up.
    pub(super) fn expire(&mut self, now: Instant, node: NodeId) {
        if self.nodes[node].stop.over {
            return;
        }
        if let Kind::Group(group) = &self.nodes[node].kind {
            let children = group.children.clone();
            for &child in &children {
                self.ask(now, child, UnitEnd::Group(node));
            }
            for child in children {
                self.expire(now, child);
            }
            return; // with its last child it is over
        }
        self.nodes[node].stop.late = true;
        self.act(Action::Late(node));
        self.over(now, node);
    }
}

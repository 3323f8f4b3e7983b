//! Stopping: whose turn it is, who is over, who is late, and when a group is at its end.

use std::time::Instant;

use super::Machine;
use crate::snapshot::UnitState;
use crate::supervisor::state::{Action, Again, GroupEnd, Kind, NodeId, ROOT, StopOrder, UnitEnd};

impl Machine {
    pub(super) fn stop_group(&mut self, now: Instant, node: NodeId, why: GroupEnd) {
        if self.group(node).stopping {
            return;
        }
        let failed = matches!(why, GroupEnd::Child(child) if self.nodes[child].failed);
        let by_itself = why != GroupEnd::Asked;
        let again = self.is_to_start(node) || (by_itself && self.starts_again(now, node, failed));
        // A task among them may have failed no sooner than in its stop, which is still going on.
        let failed =
            |&child: &NodeId| self.nodes[child].failed && !self.nodes[child].stop.deregistered;
        if !again && self.children(node).iter().any(failed) {
            self.note_failure(node);
        }
        self.group(node).stopping = true;
        self.act(Action::Stopping { group: node, why });
        self.enter_state(now, node, UnitState::Stopping);
        if again {
            self.arm_recall(now, node);
        } else {
            self.arm_deadline(now, node);
        }
        self.stop_children(now, node);
        // Before it can be over: its end is the cause, and not that it leaves nobody behind.
        if by_itself && again {
            self.leaves_to_start_again(node);
        } else if by_itself {
            self.tell_parent(now, node);
        }
        self.check_group_over(now, node);
    }

    /// All children that are still there stop in their order. Some may have been in a round, and some
    /// may have stopped without knowing that it is for good.
    fn stop_children(&mut self, now: Instant, node: NodeId) {
        self.group(node).round = None;
        let for_good = self.is_for_good(node);
        let mut line = self.children(node);
        for &child in &line {
            let this = &mut self.nodes[child];
            if this.again == Again::Together {
                this.stop.over = false;
            } else if for_good && this.stop.asked && !this.stop.deregistered {
                self.ask_once_more(now, child);
            }
        }
        line.retain(|&child| !self.nodes[child].stop.over);
        self.order_stops(node, line);
    }

    /// It has had its turn, and knows now that it is for good: who was not called for that is, at once,
    /// and is waited for.
    fn ask_once_more(&mut self, now: Instant, node: NodeId) {
        self.nodes[node].stop.for_good = true;
        let is_there = match &self.nodes[node].kind {
            Kind::Group(_) => {
                self.stop_children(now, node);
                self.group(node).open > 0
            }
            Kind::Unit(unit) => {
                if unit.entered > 0 || self.nodes[node].state.is_terminal() {
                    self.call_stop(node);
                }
                self.is_called(node)
            }
        };
        let stop = &mut self.nodes[node].stop;
        if is_there && !stop.late {
            stop.behind |= stop.over;
            stop.over = false;
            self.arm_deadline(now, node);
        }
    }

    /// Counts for whom each of `line`, which is in start order, waits; those that wait for nobody have
    /// their turn now.
    pub(super) fn order_stops(&mut self, node: NodeId, line: Vec<NodeId>) {
        for child in self.children(node) {
            let stop = &mut self.nodes[child].stop;
            (stop.in_line, stop.waits, stop.next, stop.previous) = (false, 0, None, None);
        }
        for &child in &line {
            self.nodes[child].stop.in_line = true;
        }
        let open = line.len();
        let line: Vec<NodeId> =
            line.into_iter().filter(|&child| !self.nodes[child].stop.behind).collect();
        let foreground = line.iter().filter(|&&child| !self.nodes[child].stop.gated).count();
        let group = self.group(node);
        group.open = open;
        group.open_foreground = foreground;
        let order = group.kind.order;
        for &child in &line {
            let in_line = |&&dependent: &&NodeId| {
                let stop = &self.nodes[dependent].stop;
                stop.in_line && !stop.behind
            };
            let dependents = self.nodes[child].dependents.iter().filter(in_line).count();
            let gate = usize::from(self.nodes[child].stop.gated && foreground > 0);
            self.nodes[child].stop.waits = dependents + gate;
        }
        if order == StopOrder::Reverse {
            // From the last to be told to the first: the gated ones, then the rest, in start order.
            let mut order = line.clone();
            order.sort_by_key(|&child| !self.nodes[child].stop.gated);
            for pair in order.windows(2) {
                self.nodes[pair[1]].stop.next = Some(pair[0]);
                self.nodes[pair[0]].stop.previous = Some(pair[1]);
                self.nodes[pair[0]].stop.waits += 1;
            }
        }
        // Where all of them start again the last is told first, as they start from the first.
        let in_round = self.group(node).round.is_some();
        let free = line.into_iter().filter(|&child| self.nodes[child].stop.waits == 0);
        if in_round {
            self.turns.extend(free.rev());
        } else {
            self.turns.extend(free);
        }
    }

    /// The node's turn to stop has come, unless it was put in line anew since.
    pub(super) fn take_turn(&mut self, now: Instant, node: NodeId) {
        let this = &self.nodes[node];
        let Some(parent) = this.parent.filter(|_| this.stop.in_line && this.stop.waits == 0) else {
            return;
        };
        let group = self.group(parent);
        match group.round {
            Some(round) if !group.stopping => self.take_turn_in_round(now, node, round.culprit),
            _ => self.ask(now, node, UnitEnd::Group(parent)),
        }
    }

    /// It stops, and not in order to start again.
    pub(super) fn ask(&mut self, now: Instant, node: NodeId, why: UnitEnd) {
        if self.nodes[node].stop.asked {
            return;
        }
        self.start_no_more(node);
        self.nodes[node].stop.asked = true;
        self.nodes[node].stop.for_good = self.is_for_good(node);
        // First: in the same breath it may be over, and start again with its group.
        self.arm_deadline(now, node);
        if let Kind::Group(_) = self.nodes[node].kind {
            self.ask_group(now, node);
        } else {
            self.ask_unit(now, node, why);
        }
        self.check_over(now, node);
    }

    fn ask_group(&mut self, now: Instant, node: NodeId) {
        if !self.group(node).stopping {
            return self.stop_group(now, node, GroupEnd::Asked);
        }
        if self.nodes[node].state == UnitState::Backoff {
            self.enter_state(now, node, UnitState::Stopping);
        }
        self.stop_children(now, node);
        self.check_group_over(now, node);
    }

    fn ask_unit(&mut self, now: Instant, node: NodeId, why: UnitEnd) {
        match self.nodes[node].state {
            UnitState::New | UnitState::Backoff => {
                self.enter_state(now, node, UnitState::Stopped);
                self.act(Action::Stopped(node));
                self.terminated(now, node);
            }
            UnitState::Starting | UnitState::Running => {
                self.enter_state(now, node, UnitState::Stopping);
                self.act(Action::Tell { unit: node, why });
                self.unit(node).told = true;
            }
            UnitState::Stopping | UnitState::Stopped | UnitState::Failed => {}
        }
        let for_good = self.nodes[node].stop.for_good;
        let terminal = self.nodes[node].state.is_terminal();
        let unit = self.unit(node);
        // Not if it has ended by itself, and is replaced.
        if !terminal && unit.entered > 0 && (unit.told || for_good) {
            self.call_stop(node);
        } else if terminal {
            self.call_if_last(node);
        }
    }

    /// The unit is at an end, and its last incarnation, or the one before if that was never entered,
    /// is the last of the run: it has its `graceful_stop`, if it had none.
    pub(super) fn call_if_last(&mut self, node: NodeId) {
        if self.nodes[node].stop.for_good {
            self.call_stop(node);
        }
    }

    pub(super) fn call_stop(&mut self, node: NodeId) {
        let unit = self.unit(node);
        if std::mem::take(&mut unit.uncalled) {
            unit.calls += 1;
            self.act(Action::CallStop(node));
        }
    }

    /// Whether nobody has to wait for it: it has stopped, or is to start again with others, and no
    /// callback of it, or of one below it, is out.
    pub(super) fn check_over(&mut self, now: Instant, node: NodeId) {
        let this = &self.nodes[node];
        // In a round it has its turn, too: what it comes after may not stop before those that come
        // after it.
        let in_round = this.again == Again::Together && this.stop.waits == 0;
        let gone = match this.state {
            UnitState::Stopped | UnitState::Failed => this.stop.asked || in_round,
            UnitState::Backoff => in_round,
            _ => false,
        };
        let called = match &this.kind {
            Kind::Unit(unit) => unit.calls > 0,
            Kind::Group(group) => group.open > 0,
        };
        if gone && !this.stop.over && !called {
            self.over(now, node);
        }
    }

    /// Nobody waits for the node any longer: whose turn is it now?
    pub(super) fn over(&mut self, now: Instant, node: NodeId) {
        self.disarm_deadline(node);
        let stop = &mut self.nodes[node].stop;
        stop.over = true;
        let was_in_line = std::mem::take(&mut stop.in_line);
        let (gated, behind) = (stop.gated, stop.behind);
        let Some(parent) = self.nodes[node].parent.filter(|_| was_in_line) else { return };
        let group = self.group(parent);
        group.open -= 1;
        if behind {
            self.check_group_over(now, parent);
            return self.check_round_over(now, parent);
        }
        let group = self.group(parent);
        group.open_foreground -= usize::from(!gated);
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
                    self.one_less_to_wait_for(child); // unless it is not in line
                }
            }
        }
        self.check_group_over(now, parent);
        self.check_round_over(now, parent);
    }

    /// One that is not in line waits for nobody.
    pub(super) fn one_less_to_wait_for(&mut self, node: NodeId) {
        let mut waiting = Some(node);
        while let Some(node) = waiting {
            let stop = &mut self.nodes[node].stop;
            let Some(waits) = stop.waits.checked_sub(1) else { return };
            stop.waits = waits;
            if waits > 0 {
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
        if !group.stopping || group.open > 0 {
            return;
        }
        if self.nodes[node].state != UnitState::Stopping {
            return self.check_over(now, node); // callbacks below it were out
        }
        if self.is_to_start(node) && !self.is_in_an_end(node) {
            return self.pause(now, node);
        }
        self.nodes[node].again = Again::No;
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
        let stop = &self.nodes[node].stop;
        if stop.deregistered {
            return;
        }
        if stop.over && stop.asked && self.is_for_good(node) {
            self.nodes[node].stop.stays_out = true;
            return;
        }
        // The threads of what comes after it have left, even where that has still to be heard here;
        // so none of them can be one that would start behind it.
        debug_assert!(
            self.live_dependents(node).all(|it| self.nodes[it].state != UnitState::New),
            "node {node} is in use"
        );
        if !self.nodes[node].ready {
            for index in 0..self.nodes[node].dependents.len() {
                let dependent = self.nodes[node].dependents[index];
                self.nodes[dependent].start_waits -= 1; // it may start again with the others
            }
            self.child_counts_as_ready(now, node);
        }
        // From here on it counts for nothing. If it was the last, the group's end begins now and not
        // when it has stopped, so that there is a deadline to its stop.
        let stop = &mut self.nodes[node].stop;
        let was_over = stop.over;
        stop.deregistered = true;
        if !self.nodes[node].state.is_terminal() {
            self.keeps_alive_no_longer(now, node);
        }
        let stop = &mut self.nodes[node].stop;
        if !stop.asked {
            stop.over = false; // where it was to start again with others
            self.ask(now, node, UnitEnd::Deregistered);
        } else if !stop.for_good {
            self.ask_once_more(now, node);
        }
        let Some(parent) = self.nodes[node].parent.filter(|_| was_over) else { return };
        if self.group(parent).stopping {
            self.stop_children(now, parent); // it is waited for like the others
            self.check_group_over(now, parent);
        }
    }
}

//! Starting, becoming ready, and ending by itself: what happens to a unit before it is told to stop.

use std::time::Instant;

use super::Machine;
use crate::restart::Recent;
use crate::snapshot::UnitState;
use crate::supervisor::state::{Action, Again, GroupEnd, Kind, NodeId, ROOT, Stop, Timer, UnitEnd};

impl Machine {
    pub(super) fn start(&mut self, now: Instant, node: NodeId) {
        self.enter_state(now, node, UnitState::Starting);
        let this = &mut self.nodes[node];
        this.incarnation += 1;
        this.again = Again::No;
        let incarnation = this.incarnation;
        if node != ROOT {
            self.act(Action::Start { unit: node, incarnation });
        }
        if let Some(limit) = self.nodes[node].policy.start_timeout {
            self.arm(now, node, limit, Timer::Start(node));
        }
        match &mut self.nodes[node].kind {
            Kind::Unit(unit) => unit.begin_anew(),
            Kind::Group(_) => self.start_group(now, node),
        }
    }

    fn start_group(&mut self, now: Instant, node: NodeId) {
        if self.nodes[node].incarnation > 1 {
            self.make_new(now, node);
        }
        self.enter_state(now, node, UnitState::Running);
        if self.group(node).alive == 0 {
            return self.stop_group(now, node, GroupEnd::TasksDone);
        }
        for child in self.children(node) {
            self.start_if_due(now, child);
        }
    }

    /// It starts again: all below it is as it was before the first time, but for who was taken out.
    fn make_new(&mut self, now: Instant, node: NodeId) {
        let mut children = self.children(node);
        for &child in &children {
            let stop = &mut self.nodes[child].stop;
            stop.deregistered |= stop.stays_out;
        }
        for &child in &children {
            // Of one that was taken out, too: it hears of those that it came after.
            let dependencies = self.nodes[child].policy.after.iter();
            let counts = |&&it: &&NodeId| !self.nodes[it].stop.deregistered;
            self.nodes[child].start_waits = dependencies.filter(counts).count();
        }
        children.retain(|&child| !self.nodes[child].stop.deregistered);
        for &child in &children {
            if self.nodes[child].state != UnitState::New {
                self.enter_state(now, child, UnitState::New);
            }
            let this = &mut self.nodes[child];
            this.ready = false;
            this.failed = false;
            this.restarts = None;
            this.stop = Stop { gated: this.stop.gated, ..Stop::default() };
            if let Kind::Group(_) = this.kind {
                self.make_new(now, child);
            }
        }
        let foreground = |&&child: &&NodeId| !self.nodes[child].policy.background;
        let (unready, alive) = (children.len(), children.iter().filter(foreground).count());
        let group = self.group(node);
        group.stopping = false;
        group.recent = Recent::default();
        group.unready = unready;
        group.alive = alive;
    }

    pub(super) fn start_if_due(&mut self, now: Instant, node: NodeId) {
        let this = &self.nodes[node];
        // Its group has begun. That the end of one above it has not is looked at last: it is the walk
        // up the tree, and most that come here wait for something nearer.
        let running =
            this.parent.is_some_and(|parent| self.nodes[parent].state == UnitState::Running);
        let may = match this.state {
            UnitState::New => true,
            UnitState::Backoff => this.again == Again::Due,
            _ => false,
        };
        // No callback of the one before may still be out, either.
        let may = may && running && this.start_waits == 0 && !self.is_called(node);
        if may && !self.is_in_an_end(node) {
            self.start(now, node);
        }
    }

    pub(super) fn refused(&mut self, now: Instant, node: NodeId) {
        // It was to start, so it was the run's token that was found set.
        if self.may_start(node) {
            self.stop_group(now, ROOT, GroupEnd::Asked);
        }
        if self.nodes[node].state == UnitState::Starting {
            self.enter_state(now, node, UnitState::Stopping);
        }
        self.settled(now, node);
    }

    pub(super) fn spawn_failed(&mut self, now: Instant, node: NodeId, spawned: u32) {
        if spawned > 0 {
            return self.end_by_itself(now, node, true);
        }
        if self.is_to_start(node) || self.starts_again(now, node, true) {
            self.leaves_to_start_again(node);
            return self.settled(now, node);
        }
        self.note_failure(node);
        self.enter_state(now, node, UnitState::Failed);
        self.act(Action::Stopped(node));
        // It may have been taken out in the meantime.
        if !self.nodes[node].stop.asked {
            self.tell_parent(now, node);
        }
        self.terminated(now, node);
        self.call_stop_of_the_one_before(node);
        self.check_over(now, node);
    }

    pub(super) fn entered(&mut self, now: Instant, node: NodeId) {
        let unit = self.unit(node);
        unit.entered += 1;
        unit.uncalled |= unit.entered == 1 && unit.kind.graceful_stop;
        let told = unit.told;
        match self.nodes[node].state {
            UnitState::Starting => self.enter_state(now, node, UnitState::Running),
            // It was told between its last look at the token and this: `graceful_stop` was put off
            // until `serve` is entered, and is due now.
            UnitState::Stopping if told || self.nodes[node].stop.for_good => self.call_stop(node),
            _ => {}
        }
        self.check_ready(now, node);
    }

    pub(super) fn check_ready(&mut self, now: Instant, node: NodeId) {
        let running = self.nodes[node].state == UnitState::Running;
        let unit = self.unit(node);
        let said = !unit.kind.declares_ready || unit.said_ready;
        if running && said && unit.entered == unit.kind.instances && !unit.silent {
            self.became_ready(now, node);
        }
    }

    pub(super) fn became_ready(&mut self, now: Instant, node: NodeId) {
        // Who is about to stop and start again has lost it for this time.
        if self.nodes[node].ready || self.is_to_start(node) {
            return;
        }
        self.nodes[node].ready = true;
        if self.nodes[node].state == UnitState::Running {
            self.disarm(node);
            self.expect_heartbeat(now, node);
        }
        self.act(Action::Ready(node));
        // Counted before others start: a group among them may end in the same breath.
        debug_assert!(!self.nodes[node].stop.deregistered, "node {node} was counted already");
        self.child_counts_as_ready(now, node);
        for index in 0..self.nodes[node].dependents.len() {
            let dependent = self.nodes[node].dependents[index];
            self.nodes[dependent].start_waits -= 1;
            self.start_if_due(now, dependent);
        }
    }

    pub(super) fn child_counts_as_ready(&mut self, now: Instant, node: NodeId) {
        let Some(parent) = self.nodes[node].parent else { return };
        let running = self.nodes[parent].state == UnitState::Running;
        let group = self.group(parent);
        group.unready -= 1;
        if group.unready == 0 && running {
            self.became_ready(now, parent);
        }
    }

    // ---- ending by itself ----

    pub(super) fn returned(&mut self, now: Instant, node: NodeId, failed: bool) {
        let unit = self.unit(node);
        unit.returned += 1;
        // The first failure ends the incarnation, and so does the last `Ok`.
        if failed || unit.returned == unit.kind.instances {
            self.end_by_itself(now, node, failed);
        }
    }

    /// What fails in a group is a failure of the group, unless it was taken out, also when it fails
    /// while it stops. Not of one that starts again; and where its end has not begun, that end is what
    /// comes next.
    pub(super) fn note_failure(&mut self, node: NodeId) {
        let mut failed = Some(node);
        while let Some(node) = failed {
            let this = &mut self.nodes[node];
            this.failed = true;
            let parent = if this.stop.deregistered { None } else { this.parent };
            failed = parent.filter(|&it| self.group(it).stopping && !self.is_to_start(it));
        }
    }

    pub(super) fn end_by_itself(&mut self, now: Instant, node: NodeId, failed: bool) {
        // Stopping it is if it was asked to, or has ended by another of its instances.
        let first = self.nodes[node].state != UnitState::Stopping;
        let again = self.is_to_start(node) || (first && self.starts_again(now, node, failed));
        if failed && !again {
            self.note_failure(node);
        }
        if !first {
            return;
        }
        self.enter_state(now, node, UnitState::Stopping);
        self.act(Action::Tell { unit: node, why: UnitEnd::Ended });
        if again {
            self.arm_recall(now, node);
            self.leaves_to_start_again(node);
        } else {
            self.tell_parent(now, node);
        }
    }

    /// A child has ended by itself: does its group go on?
    pub(super) fn tell_parent(&mut self, now: Instant, node: NodeId) {
        let this = &self.nodes[node];
        let Some(parent) = this.parent else { return };
        if this.policy.task && !this.failed {
            return self.became_ready(now, node);
        }
        self.stop_group(now, parent, GroupEnd::Child(node));
    }

    pub(super) fn settled(&mut self, now: Instant, node: NodeId) {
        // While a group above it ends it waits for its turn, and does so where it has stopped.
        if self.is_to_start(node) && !self.is_in_an_end(node) {
            return self.pause(now, node);
        }
        self.nodes[node].again = Again::No;
        let end = if self.nodes[node].failed { UnitState::Failed } else { UnitState::Stopped };
        self.enter_state(now, node, end);
        self.act(Action::Stopped(node));
        self.terminated(now, node);
        self.call_stop_of_the_one_before(node);
        self.check_over(now, node);
    }

    /// It is at an end. If it was asked to stop and then never entered, the incarnation before was the
    /// last.
    fn call_stop_of_the_one_before(&mut self, node: NodeId) {
        if self.unit(node).entered == 0 {
            self.call_if_last(node);
        }
    }

    /// A node is at an end.
    pub(super) fn terminated(&mut self, now: Instant, node: NodeId) {
        if !self.nodes[node].stop.deregistered {
            self.keeps_alive_no_longer(now, node);
        }
    }

    /// A group without anybody to keep it alive ends, too.
    pub(super) fn keeps_alive_no_longer(&mut self, now: Instant, node: NodeId) {
        let Some(parent) = self.nodes[node].parent else { return };
        if self.nodes[node].policy.background {
            return;
        }
        let running = self.nodes[parent].state == UnitState::Running;
        let group = self.group(parent);
        group.alive -= 1;
        // One that has not started looks when it does.
        if group.alive == 0 && running {
            self.stop_group(now, parent, GroupEnd::TasksDone);
        }
    }
}

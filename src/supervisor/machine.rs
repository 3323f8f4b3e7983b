//! The decisions of the supervisor, as a pure state machine over a tree of nodes:
//! `(state, now, input) → actions`. It knows no thread, no clock and no callback, so that it can be
//! tested without any.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::state::{
    Action, Group, GroupEnd, Input, Kind, Node, NodeId, Policy, ROOT, Stop, StopOrder, Unit,
    UnitEnd, UnitKind,
};
use crate::snapshot::UnitState;

/// See the module.
#[derive(Debug)]
pub(crate) struct Machine {
    nodes: Vec<Node>,
    /// Deadlines of those that were asked to stop, the earliest first.
    deadlines: BTreeSet<(Instant, NodeId)>,
    /// Nodes whose turn to stop has come. A queue and not recursion: a chain of ten thousand
    /// dependents must not need a stack as deep.
    turns: VecDeque<NodeId>,
    actions: VecDeque<Action>,
    finished: bool,
}

impl Machine {
    /// A tree of the root alone. Its `stop_timeout` is the deadline of the whole run.
    pub(crate) fn new(now: Instant, order: StopOrder, stop_timeout: Duration) -> Self {
        let policy = Policy { stop_timeout: Some(stop_timeout), ..Policy::default() };
        let mut machine = Self {
            nodes: Vec::new(),
            deadlines: BTreeSet::new(),
            turns: VecDeque::new(),
            actions: VecDeque::new(),
            finished: false,
        };
        machine.add(now, None, policy, Kind::Group(Group::new(order)));
        machine
    }

    /// Adds a unit under `parent`, behind those that are there: start order is the order of adding,
    /// so what it comes `after` is there already.
    pub(crate) fn add_unit(
        &mut self,
        now: Instant,
        parent: NodeId,
        policy: Policy,
        kind: UnitKind,
    ) -> NodeId {
        self.add(now, Some(parent), policy, Kind::Unit(Unit::new(kind)))
    }

    /// Adds a group under `parent`.
    #[cfg(test)]
    pub(crate) fn add_group(
        &mut self,
        now: Instant,
        parent: NodeId,
        policy: Policy,
        order: StopOrder,
    ) -> NodeId {
        self.add(now, Some(parent), policy, Kind::Group(Group::new(order)))
    }

    fn add(
        &mut self,
        now: Instant,
        parent: Option<NodeId>,
        mut policy: Policy,
        kind: Kind,
    ) -> NodeId {
        let id = self.nodes.len();
        policy.after.sort_unstable();
        policy.after.dedup();
        for &dependency in &policy.after {
            debug_assert_eq!(self.nodes[dependency].parent, parent, "`after` is among siblings");
            self.nodes[dependency].dependents.push(id);
        }
        // `after` is explicit and goes before `background`: one that comes after a unit of the
        // foreground has to stop before it, so it cannot wait for all of the foreground.
        let gated = policy.background
            && policy.after.iter().all(|&dependency| self.nodes[dependency].stop.gated);
        if let Some(parent) = parent {
            let background = policy.background;
            let group = self.group(parent);
            group.children.push(id);
            group.unready += 1;
            group.alive += usize::from(!background);
            group.open += 1;
            group.open_foreground += usize::from(!gated);
        }
        self.nodes.push(Node {
            parent,
            dependents: Vec::new(),
            state: UnitState::New,
            since: now,
            ready: false,
            failed: false,
            start_waits: policy.after.len(),
            stop: Stop { gated, ..Stop::default() },
            policy,
            kind,
        });
        id
    }

    /// Takes in what has happened; what is to be done is then in [`next_action`](Self::next_action).
    pub(crate) fn step(&mut self, now: Instant, input: Input) {
        match input {
            Input::Begin => self.start(now, ROOT),
            Input::StopAsked => self.stop_group(now, ROOT, GroupEnd::Asked),
            Input::Deregister(unit) => self.deregister(now, unit),
            Input::Refused(unit) => self.refused(now, unit),
            Input::SpawnFailed { unit, spawned } => self.spawn_failed(now, unit, spawned),
            Input::Entered { unit, incarnation } if self.is_current(unit, incarnation) => {
                self.entered(now, unit);
            }
            Input::SaidReady { unit, incarnation } if self.is_current(unit, incarnation) => {
                self.unit(unit).said_ready = true;
                self.check_ready(now, unit);
            }
            Input::Returned { unit, incarnation, failed } if self.is_current(unit, incarnation) => {
                self.returned(now, unit, failed);
            }
            Input::Settled { unit, incarnation } if self.is_current(unit, incarnation) => {
                self.settled(now, unit);
            }
            // Of an incarnation that is past: there is none that says anything after it settled.
            Input::Entered { .. }
            | Input::SaidReady { .. }
            | Input::Returned { .. }
            | Input::Settled { .. } => debug_assert!(false, "late input {input:?}"),
            Input::CallStarted(unit) => self.unit(unit).calls += 1,
            Input::CallReturned(unit) => {
                self.unit(unit).calls -= 1;
                self.check_over(now, unit);
            }
            Input::Tick => self.expire_due(now),
        }
        while let Some(node) = self.turns.pop_front() {
            let group = self.nodes[node].parent.unwrap_or(ROOT);
            self.ask(now, node, UnitEnd::Group(group));
        }
    }

    /// The next thing to do, in order.
    pub(crate) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When a [`Input::Tick`] is due.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(at, _)| at)
    }

    // ---- looking ----

    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    pub(crate) fn state(&self, node: NodeId) -> (UnitState, Instant) {
        (self.nodes[node].state, self.nodes[node].since)
    }

    pub(crate) fn is_ready(&self, node: NodeId) -> bool {
        self.nodes[node].ready
    }

    pub(crate) fn is_late(&self, node: NodeId) -> bool {
        self.nodes[node].stop.late
    }

    /// Whether a unit that was to start still is: it may have been taken out since, and the end of
    /// its group, or of one above it, may have begun.
    pub(crate) fn may_start(&self, node: NodeId) -> bool {
        let parent = |&node: &NodeId| self.nodes[node].parent;
        let ending = std::iter::successors(parent(&node), parent)
            .any(|above| matches!(&self.nodes[above].kind, Kind::Group(group) if group.stopping));
        self.nodes[node].state == UnitState::Starting && !ending
    }

    /// Whether callbacks of the unit are out on stopper threads.
    pub(crate) fn is_called(&self, node: NodeId) -> bool {
        matches!(&self.nodes[node].kind, Kind::Unit(unit) if unit.calls > 0)
    }

    /// Those that come `after` it and are not at an end: while there are any it cannot be taken out.
    pub(crate) fn live_dependents(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let dependents = self.nodes[node].dependents.iter().copied();
        dependents.filter(|&dependent| !self.nodes[dependent].state.is_terminal())
    }

    /// The siblings that its start or its stop waits for.
    pub(crate) fn waits_for(&self, node: NodeId) -> Vec<NodeId> {
        let this = &self.nodes[node];
        let Some(Kind::Group(group)) = this.parent.map(|parent| &self.nodes[parent].kind) else {
            return Vec::new();
        };
        if !group.stopping {
            let waits = |&&dependency: &&NodeId| {
                this.state == UnitState::New && !self.nodes[dependency].ready
            };
            return this.policy.after.iter().filter(waits).copied().collect();
        }
        if this.stop.asked {
            return Vec::new();
        }
        let open = |&node: &NodeId| !self.nodes[node].stop.over;
        let mut waits: Vec<NodeId> = this.dependents.iter().copied().filter(open).collect();
        if this.stop.gated {
            let foreground = |&child: &NodeId| !self.nodes[child].stop.gated;
            waits.extend(group.children.iter().copied().filter(foreground).filter(open));
        }
        // Only the next that is there, and not the whole line: a snapshot of ten thousand units asks
        // this of each.
        let before = |&node: &NodeId| self.nodes[node].stop.previous;
        waits.extend(std::iter::successors(this.stop.previous, before).find(open));
        waits.sort_unstable();
        waits.dedup();
        waits
    }

    fn is_current(&self, node: NodeId, incarnation: u32) -> bool {
        matches!(&self.nodes[node].kind, Kind::Unit(unit) if unit.incarnation == incarnation)
    }

    fn unit(&mut self, node: NodeId) -> &mut Unit {
        match &mut self.nodes[node].kind {
            Kind::Unit(unit) => unit,
            Kind::Group(_) => unreachable!("node {node} is a group"),
        }
    }

    fn group(&mut self, node: NodeId) -> &mut Group {
        match &mut self.nodes[node].kind {
            Kind::Group(group) => group,
            Kind::Unit(_) => unreachable!("node {node} is a unit"),
        }
    }

    fn act(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    /// The one place that changes a state, and that knows which changes are legal.
    fn enter_state(&mut self, now: Instant, node: NodeId, to: UnitState) {
        use UnitState::{Failed, New, Running, Starting, Stopped, Stopping};

        let from = self.nodes[node].state;
        let is_group = matches!(self.nodes[node].kind, Kind::Group(_));
        debug_assert!(
            matches!(
                (from, to),
                (New, Starting | Stopped)
                    | (Starting, Running | Stopping | Failed)
                    | (Running, Stopping)
                    | (Stopping, Stopped | Failed)
            ) || (is_group && (from, to) == (New, Stopping)),
            "node {node}: {from} → {to}"
        );
        self.nodes[node].state = to;
        self.nodes[node].since = now;
    }

    // ---- starting ----

    fn start(&mut self, now: Instant, node: NodeId) {
        self.enter_state(now, node, UnitState::Starting);
        match &mut self.nodes[node].kind {
            Kind::Unit(unit) => {
                unit.incarnation += 1;
                let incarnation = unit.incarnation;
                self.act(Action::Start { unit: node, incarnation });
            }
            Kind::Group(group) => {
                let idle = group.alive == 0;
                let children = group.children.clone();
                self.enter_state(now, node, UnitState::Running);
                if idle {
                    return self.stop_group(now, node, GroupEnd::TasksDone);
                }
                for child in children {
                    self.start_if_due(now, child);
                }
            }
        }
    }

    fn start_if_due(&mut self, now: Instant, node: NodeId) {
        let this = &self.nodes[node];
        // Its group has begun, and its end has not.
        let running =
            this.parent.is_some_and(|parent| self.nodes[parent].state == UnitState::Running);
        if running && this.state == UnitState::New && this.start_waits == 0 {
            self.start(now, node);
        }
    }

    fn refused(&mut self, now: Instant, node: NodeId) {
        // It was to start, so it was the run's token that was found set.
        if self.may_start(node) {
            self.stop_group(now, ROOT, GroupEnd::Asked);
        }
        if self.nodes[node].state == UnitState::Starting {
            self.enter_state(now, node, UnitState::Stopping);
        }
        self.settled(now, node);
    }

    fn spawn_failed(&mut self, now: Instant, node: NodeId, spawned: u32) {
        self.note_failure(node);
        if spawned > 0 {
            return self.end_by_itself(now, node);
        }
        let told = self.nodes[node].stop.asked; // it was taken out in the meantime
        self.enter_state(now, node, UnitState::Failed);
        self.act(Action::Stopped(node));
        if !told {
            self.tell_parent(now, node);
        }
        self.terminated(now, node);
        self.check_over(now, node);
    }

    fn entered(&mut self, now: Instant, node: NodeId) {
        self.unit(node).entered += 1;
        match self.nodes[node].state {
            UnitState::Starting => self.enter_state(now, node, UnitState::Running),
            // It was told between its last look at the token and this: `graceful_stop` was put off
            // until `serve` is entered, and is due now.
            UnitState::Stopping if self.nodes[node].stop.asked => self.call_stop(node),
            _ => {}
        }
        self.check_ready(now, node);
    }

    fn check_ready(&mut self, now: Instant, node: NodeId) {
        let running = self.nodes[node].state == UnitState::Running;
        let unit = self.unit(node);
        let said = !unit.kind.declares_ready || unit.said_ready;
        if running && said && unit.entered == unit.kind.instances {
            self.became_ready(now, node);
        }
    }

    fn became_ready(&mut self, now: Instant, node: NodeId) {
        if self.nodes[node].ready {
            return;
        }
        self.nodes[node].ready = true;
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

    fn child_counts_as_ready(&mut self, now: Instant, node: NodeId) {
        let Some(parent) = self.nodes[node].parent else { return };
        let running = self.nodes[parent].state == UnitState::Running;
        let group = self.group(parent);
        group.unready -= 1;
        if group.unready == 0 && running {
            self.became_ready(now, parent);
        }
    }

    // ---- ending by itself ----

    fn returned(&mut self, now: Instant, node: NodeId, failed: bool) {
        if failed {
            self.note_failure(node);
        }
        let unit = self.unit(node);
        unit.returned += 1;
        // The first failure ends the incarnation, and so does the last `Ok`.
        if failed || unit.returned == unit.kind.instances {
            self.end_by_itself(now, node);
        }
    }

    /// What fails in a group is a failure of the group, unless it was taken out, also when it fails
    /// while it stops.
    fn note_failure(&mut self, node: NodeId) {
        let mut failed = Some(node);
        while let Some(node) = failed {
            let this = &mut self.nodes[node];
            this.failed = true;
            failed = if this.stop.deregistered { None } else { this.parent };
        }
    }

    fn end_by_itself(&mut self, now: Instant, node: NodeId) {
        if self.nodes[node].state == UnitState::Stopping {
            return; // it was asked to, or has ended by another of its instances
        }
        self.enter_state(now, node, UnitState::Stopping);
        self.act(Action::Tell { unit: node, why: UnitEnd::Ended });
        self.tell_parent(now, node);
    }

    /// A child has ended by itself: does its group go on?
    fn tell_parent(&mut self, now: Instant, node: NodeId) {
        let this = &self.nodes[node];
        let Some(parent) = this.parent else { return };
        if this.policy.task && !this.failed {
            return self.became_ready(now, node);
        }
        self.stop_group(now, parent, GroupEnd::Child(node));
    }

    fn settled(&mut self, now: Instant, node: NodeId) {
        let end = if self.nodes[node].failed { UnitState::Failed } else { UnitState::Stopped };
        self.enter_state(now, node, end);
        self.act(Action::Stopped(node));
        self.terminated(now, node);
        self.check_over(now, node);
    }

    /// A node is at an end.
    fn terminated(&mut self, now: Instant, node: NodeId) {
        if !self.nodes[node].stop.deregistered {
            self.keeps_alive_no_longer(now, node);
        }
    }

    /// A group without anybody to keep it alive ends, too.
    fn keeps_alive_no_longer(&mut self, now: Instant, node: NodeId) {
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

    // ---- stopping ----

    fn stop_group(&mut self, now: Instant, node: NodeId, why: GroupEnd) {
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
    fn order_stops(&mut self, node: NodeId) {
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
    fn ask(&mut self, now: Instant, node: NodeId, why: UnitEnd) {
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
            state => self.ask_live(now, node, state, why),
        }
        self.check_over(now, node);
    }

    fn ask_live(&mut self, now: Instant, node: NodeId, state: UnitState, why: UnitEnd) {
        if !state.is_terminal() {
            self.arm_deadline(now, node);
        }
        if let Kind::Group(_) = self.nodes[node].kind {
            if !state.is_terminal() {
                self.stop_group(now, node, GroupEnd::Asked);
            }
            return;
        }
        if matches!(state, UnitState::Starting | UnitState::Running) {
            self.enter_state(now, node, UnitState::Stopping);
            self.act(Action::Tell { unit: node, why });
        }
        if self.unit(node).entered > 0 {
            self.call_stop(node);
            self.arm_deadline(now, node);
        }
    }

    fn call_stop(&mut self, node: NodeId) {
        let unit = self.unit(node);
        if !unit.stop_called {
            unit.stop_called = true;
            unit.calls += 1;
            self.act(Action::CallStop(node));
        }
    }

    fn check_over(&mut self, now: Instant, node: NodeId) {
        let this = &self.nodes[node];
        let called = self.is_called(node);
        if this.stop.asked && this.state.is_terminal() && !called && !this.stop.over {
            self.over(now, node);
        }
    }

    /// Nobody waits for the node any longer: whose turn is it now?
    fn over(&mut self, now: Instant, node: NodeId) {
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

    fn one_less_to_wait_for(&mut self, node: NodeId) {
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

    fn check_group_over(&mut self, now: Instant, node: NodeId) {
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

    fn deregister(&mut self, now: Instant, node: NodeId) {
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

    fn arm_deadline(&mut self, now: Instant, node: NodeId) {
        let this = &self.nodes[node];
        if this.stop.deadline.is_some() {
            return;
        }
        let Some(at) = this.policy.stop_timeout.and_then(|limit| now.checked_add(limit)) else {
            return;
        };
        self.nodes[node].stop.deadline = Some(at);
        self.deadlines.insert((at, node));
    }

    fn disarm_deadline(&mut self, node: NodeId) {
        if let Some(at) = self.nodes[node].stop.deadline {
            self.deadlines.remove(&(at, node));
        }
    }

    fn expire_due(&mut self, now: Instant) {
        while let Some(&(at, node)) = self.deadlines.first()
            && at <= now
        {
            self.deadlines.pop_first();
            self.expire(now, node);
        }
    }

    /// The node's deadline has passed. Below a group everybody is at least told before it is given
    /// up.
    fn expire(&mut self, now: Instant, node: NodeId) {
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

impl Unit {
    fn new(kind: UnitKind) -> Self {
        Self {
            kind,
            incarnation: 0,
            entered: 0,
            returned: 0,
            said_ready: false,
            stop_called: false,
            calls: 0,
        }
    }
}

impl Group {
    fn new(order: StopOrder) -> Self {
        Self {
            children: Vec::new(),
            order,
            stopping: false,
            unready: 0,
            alive: 0,
            open: 0,
            open_foreground: 0,
        }
    }
}

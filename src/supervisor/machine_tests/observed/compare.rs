//! All that was seen of a machine, held against the model.

use std::time::{Duration, Instant};

use super::Observed;
use crate::supervisor::machine::Machine;
use crate::supervisor::machine_tests::model::Model;
use crate::supervisor::machine_tests::tree::{Kind, has};
use crate::supervisor::state::ROOT;

impl Observed {
    /// Everything that was decided so far is what the model says, and nothing else.
    pub(in crate::supervisor::machine_tests) fn compare(
        &mut self,
        machine: &Machine,
        model: &Model,
        origin: Instant,
    ) {
        // What is not ready any more says so by its level alone.
        self.ready = model.ready;
        // Nor can be told of which life of theirs it was what was heard of these.
        let unsure = std::mem::take(&mut self.unsure);
        for (facts, right) in [
            (&mut self.stopped, model.terminal),
            (&mut self.stopping, model.stopping),
            (&mut self.late, model.late),
            (&mut self.told, model.told),
            (&mut self.ended, model.ended),
        ] {
            *facts = (*facts & !unsure) | (right & unsure);
        }
        assert_eq!(self.finished, model.is_finished(), "finished");
        assert_eq!(machine.is_finished(), self.finished);
        let at = |millis| origin + Duration::from_millis(millis);
        for node in 0..self.nodes.len() {
            let (state, _) = machine.state(node);
            assert_eq!(state, model.state(node), "state of node {node}");
            let (seen, facts) = (&self.nodes[node], &model.nodes[node]);
            assert_eq!(seen.said, facts.said, "what was said of node {node}");
            assert_eq!(machine.incarnation(node), facts.incarnation, "starts of node {node}");
            if node != ROOT {
                assert_eq!(seen.incarnation, facts.incarnation, "starts of node {node}");
            }
            // Below an end that has begun two reasons may come together, and either may be first.
            if seen.why != facts.why {
                assert!(model.is_below(model.stopping, node), "why {node} stops: {model:#?}");
            }
            assert_eq!(seen.pause, facts.pause, "the pause of {node}");
            assert_eq!(seen.given_up, facts.given_up, "whose limit {node} has reached");
            assert_eq!(machine.is_ready(node), has(model.ready, node), "readiness of {node}");
            assert_eq!(machine.is_late(node), has(model.late, node), "lateness of {node}");
            assert_eq!(machine.has_failed(node), has(model.failed, node), "failure of {node}");
            assert_eq!(machine.counts(node), model.counts(node), "failure of {node}");
            assert_eq!(machine.is_silent(node), model.is_silent(node), "silence of {node}");
            assert_eq!(machine.may_start(node), model.is_to_spawn(node), "threads of {node}");
            assert_eq!(machine.may_come_back(node), model.may_come_back(node), "of {node}");
            assert_eq!(machine.is_open(node), model.is_open(node), "of {node}");
            assert_eq!(machine.starts_at(node), model.starts_at(node).map(at), "of {node}");
            assert_eq!(machine.is_called(node), facts.calls > 0);
        }
        let deadline = machine.next_deadline().map(|at| (at - origin).as_millis());
        assert_eq!(deadline, model.next_timer().map(u128::from), "the next deadline");
    }

    /// At the end everybody is at an end or late, and was told of it.
    pub(in crate::supervisor::machine_tests) fn check_end(&self, model: &Model) {
        for node in 1..self.nodes.len() {
            let gone = has(self.stopped | self.late, node);
            assert!(gone, "node {node} is neither stopped nor late");
            assert!(has(model.over, node), "node {node} is not over");
            // Of one that is late and may yet enter, nothing is called.
            let has_call =
                matches!(model.shapes[node].kind, Kind::Unit { graceful_stop: true, .. });
            let is_the_last = has(self.entered | self.stopped, node);
            if has_call && has(self.was_entered, node) && is_the_last {
                assert!(has(self.called, node), "graceful_stop of {node} was not called");
            }
            assert!(has_call || !has(self.called, node), "{node} has no graceful_stop");
        }
    }
}

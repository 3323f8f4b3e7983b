//! The simulated threads of one unit, and its calls on the stoppers: what they come up with, if
//! anything. They are late, behave badly, or stay.

use std::time::{Duration, Instant};

use super::tree::Random;
use crate::supervisor::state::{Input, NodeId};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // facts that are true or not whatever the others are
pub(super) struct Threads {
    /// The last incarnation whose start was tried, and those of its threads that are not at `serve`
    /// yet, and that are in it.
    incarnation: u32,
    waiting: u32,
    serving: u32,
    calls: u32,
    told: bool,
    /// The last has left, or there was none.
    settled: bool,
    /// It ends by itself again and again, mostly by failing.
    flaky: bool,
    /// It does not end before it is told to.
    steady: bool,
    /// Its threads do not leave; its calls do not return.
    stuck: bool,
    call_stuck: bool,
    /// Somebody has a context of it whose token is set, and may keep it for ever.
    context_is_kept: bool,
    /// When it last said that it is alive.
    beat: u64,
}

impl Threads {
    pub(super) fn new(random: &mut Random, calm: bool, starts_again: bool) -> Self {
        let flaky = starts_again && random.one_in(2);
        Self {
            flaky,
            steady: calm && !flaky,
            call_stuck: random.one_in(24),
            settled: true,
            ..Self::default()
        }
    }

    /// A start is tried, and `spawned` of the threads come of it.
    pub(super) fn begin(&mut self, random: &mut Random, incarnation: u32, spawned: u32) {
        self.incarnation = incarnation;
        self.waiting = spawned;
        self.settled = spawned == 0;
        self.told = false;
        self.stuck = random.one_in(24);
    }

    pub(super) fn is_told(&mut self) {
        self.told = true;
        self.context_is_kept |= self.serving > 0;
    }

    pub(super) fn is_called(&mut self) {
        self.calls += 1;
    }

    /// No thread is left, and no call is out.
    pub(super) fn are_gone(&self) -> bool {
        self.have_left() && self.calls == 0
    }

    pub(super) fn have_left(&self) -> bool {
        self.settled && self.waiting + self.serving == 0
    }

    /// Its end can be seen, maybe before the machine is told of it.
    pub(super) fn are_seen_to_have_left(&self) -> bool {
        self.incarnation > 0 && !self.stuck && self.waiting + self.serving == 0
    }

    /// They say that they are alive; or may be stuck somewhere.
    pub(super) fn beat(&mut self, now: u64) {
        self.beat = now;
    }

    /// When they last were alive: at the latest when they started.
    pub(super) fn say_when_alive(&self, origin: Instant, unit: NodeId) -> Input {
        let at = origin + Duration::from_millis(self.beat);
        Input::Alive { unit, incarnation: self.incarnation, at }
    }

    /// Whoever has a context may ask for more time, whether the machine has told it to stop or not.
    pub(super) fn ask_for_time(&self, random: &mut Random, unit: NodeId) -> Option<Input> {
        if self.incarnation == 0 {
            return None;
        }
        let past = self.context_is_kept && random.one_in(4);
        let incarnation = self.incarnation - u32::from(past && self.incarnation > 1);
        let by = Duration::from_millis(random.below(60) as u64);
        Some(Input::ExtendStop { unit, incarnation, by })
    }

    /// A callback that was registered with what is told now, or long ago.
    pub(super) fn call_on_stop(&mut self, unit: NodeId) -> Option<Input> {
        if !self.context_is_kept {
            return None;
        }
        self.calls += 1;
        Some(Input::CallStarted(unit))
    }

    /// A thread that is none of the unit's has kept a context of an incarnation that is past, or soon
    /// will be.
    pub(super) fn say_late_that_it_is_ready(
        &self,
        random: &mut Random,
        unit: NodeId,
    ) -> Option<Input> {
        let past = self.incarnation.saturating_sub(1);
        if past == 0 || !self.context_is_kept {
            return None;
        }
        let incarnation = past - u32::from(past > 1 && random.one_in(2));
        Some(Input::SaidReady { unit, incarnation })
    }

    /// What they come up with next.
    pub(super) fn act(&mut self, random: &mut Random, unit: NodeId) -> Option<Input> {
        let incarnation = self.incarnation;
        if self.calls > 0 && !self.call_stuck && random.one_in(3) {
            self.calls -= 1;
            return Some(Input::CallReturned(unit));
        }
        if self.waiting > 0 {
            self.waiting -= 1;
            if self.told && random.one_in(2) {
                // It looked at its token before it entered.
                return Some(Input::Returned { unit, incarnation, failed: false });
            }
            self.serving += 1;
            return Some(Input::Entered { unit, incarnation });
        }
        if self.serving > 0 {
            let leaves = if self.told {
                !self.stuck
            } else {
                !self.steady && random.one_in(if self.flaky { 3 } else { 16 })
            };
            return if leaves {
                self.serving -= 1;
                self.context_is_kept |= self.told && random.one_in(2);
                let failed = random.one_in(12) != self.flaky;
                Some(Input::Returned { unit, incarnation, failed })
            } else if random.one_in(4) {
                Some(Input::SaidReady { unit, incarnation })
            } else if self.told && random.one_in(4) {
                self.context_is_kept = true;
                self.call_on_stop(unit)
            } else {
                None
            };
        }
        if !self.settled && !self.stuck {
            self.settled = true;
            return Some(Input::Settled { unit, incarnation });
        }
        None
    }
}

//! When the instances of a unit were last heard of. A beat is a note under a lock of the unit's own;
//! the engine looks when a limit has passed, and is told of a beat only if it waits for one.

use std::time::{Duration, Instant};

use crate::sync::Mutex;

/// See the module.
pub(super) struct Pulse {
    limit: Duration,
    instances: Mutex<Vec<Beat>>,
}

#[derive(Clone, Copy, Default)]
struct Beat {
    /// While it serves.
    last: Option<Instant>,
    /// It was silent for too long when somebody looked.
    is_awaited: bool,
}

impl Pulse {
    pub(super) fn new(limit: Duration, instances: u32) -> Self {
        Self { limit, instances: Mutex::new(vec![Beat::default(); instances as usize]) }
    }

    /// The instance enters `serve`.
    pub(super) fn begins(&self, instance: u32, now: Instant) {
        self.instances.lock()[instance as usize].last = Some(now);
    }

    /// The instance is back from `serve`. Whether somebody waits to hear of it.
    pub(super) fn ends(&self, instance: u32) -> bool {
        std::mem::take(&mut self.instances.lock()[instance as usize]).is_awaited
    }

    /// The instance is alive. Whether somebody waits to hear that. One that has left `serve`, and is
    /// heard of by a thread that it has left behind, counts no more.
    pub(super) fn beats(&self, instance: u32, now: Instant) -> bool {
        let beat = &mut self.instances.lock()[instance as usize];
        beat.last = beat.last.map(|_| now);
        std::mem::take(&mut beat.is_awaited)
    }

    /// Since when all of those that serve have been heard of. Those of whom that is too long ago are
    /// awaited: the next beat of each is told. So no beat is lost between a look and the next: it
    /// comes before the look, and is seen, or after it, and is told.
    pub(super) fn look(&self, now: Instant) -> Instant {
        let mut instances = self.instances.lock();
        for beat in instances.iter_mut() {
            let in_time = |last: Instant| last.checked_add(self.limit).is_none_or(|by| by > now);
            beat.is_awaited = !beat.last.is_none_or(in_time);
        }
        instances.iter().filter_map(|beat| beat.last).min().unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn s9_the_instance_that_was_heard_of_longest_ago_counts() {
        let (pulse, start) = (Pulse::new(LIMIT, 3), clock::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(pulse.look(at(0)), at(0), "nobody serves yet");
        pulse.begins(0, at(1));
        pulse.begins(1, at(2));
        assert!(!pulse.beats(0, at(5)), "nobody waits for it");
        assert_eq!(pulse.look(at(6)), at(2));
        pulse.ends(1);
        assert_eq!(pulse.look(at(6)), at(5));
    }

    #[test]
    fn s9_only_who_was_silent_for_too_long_is_waited_for_and_told_of_once() {
        let (pulse, start) = (Pulse::new(LIMIT, 2), clock::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        pulse.begins(0, at(0));
        pulse.begins(1, at(0));
        pulse.beats(0, at(9));
        assert_eq!(pulse.look(at(10)), at(0));
        assert!(!pulse.beats(0, at(11)));
        assert!(pulse.beats(1, at(12)), "it was awaited");
        assert!(!pulse.beats(1, at(13)));
    }

    #[test]
    fn s9_one_that_leaves_while_it_is_awaited_is_told_of_and_awaited_no_more() {
        let (pulse, start) = (Pulse::new(LIMIT, 1), clock::now());
        pulse.begins(0, start);
        pulse.look(start + LIMIT);
        assert!(pulse.ends(0));
        assert!(!pulse.beats(0, start + LIMIT), "by a thread that it has left behind");
        assert_eq!(pulse.look(start + 3 * LIMIT), start + 3 * LIMIT);
    }
}

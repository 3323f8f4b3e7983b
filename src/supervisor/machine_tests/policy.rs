//! Restart policies and strategies at random, and what they say, worked out from all that a node has
//! done so far: nothing is counted along the way. In milliseconds.

use std::time::Duration;

use super::tree::Random;
use crate::restart::{Backoff, Restart, Strategy, Who};

/// What a node starts again after, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Again {
    after: After,
    /// The first pause, doubled each time up to `most`.
    first: Pause,
    most: Pause,
    /// A time of service after which the pauses begin anew.
    stable: u64,
    limit: Limit,
}

/// Who starts again when a child of a group does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Together {
    pub(super) who: Who,
    limit: Limit,
}

/// So many in such a time, and no more.
#[derive(Clone, Copy, Debug)]
struct Limit(Option<(usize, u64)>);

impl Limit {
    const NONE: Self = Self(None);

    fn draw(random: &mut Random) -> Self {
        let limit = (random.below(6), 1 + random.below(60) as u64);
        Self((!random.one_in(3)).then_some(limit))
    }

    /// Whether one more would be too many, after those at these times.
    fn is_reached(self, times: impl Iterator<Item = u64>, now: u64) -> bool {
        let recent = |period| times.filter(|at| now - at < period).count();
        self.0.is_some_and(|(restarts, period)| recent(period) >= restarts)
    }

    fn policy(self) -> Option<(u32, Duration)> {
        let (restarts, period) = self.0?;
        Some((u32::try_from(restarts).unwrap(), Duration::from_millis(period)))
    }
}

impl Together {
    pub(super) fn draw(random: &mut Random) -> Self {
        let who = [Who::One, Who::One, Who::All, Who::Rest][random.below(4)];
        Self { who, limit: Limit::draw(random) }
    }

    /// The same for the machine.
    pub(super) fn strategy(self) -> Strategy {
        let strategy = match self.who {
            Who::One => Strategy::one_for_one(),
            Who::All => Strategy::one_for_all(),
            Who::Rest => Strategy::rest_for_one(),
        };
        match self.limit.policy() {
            Some((restarts, period)) => strategy.intensity(restarts, period),
            None => strategy.unlimited(),
        }
    }

    pub(super) fn is_too_often(self, times: &[u64], now: u64) -> bool {
        self.limit.is_reached(times.iter().copied(), now)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Nothing,
    Failure,
    Everything,
}

/// How long a pause is; `None` is for ever.
pub(super) type Pause = Option<u64>;

/// An end that the unit is started again after, and how long it had served.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) at: u64,
    pub(super) served: u64,
}

impl Again {
    pub(super) const NEVER: Self = Self {
        after: After::Nothing,
        first: Some(0),
        most: Some(0),
        stable: 0,
        limit: Limit::NONE,
    };

    /// A random one, which may be a task's.
    pub(super) fn draw(random: &mut Random, task: bool) -> Self {
        let after = match random.below(8) {
            0 | 1 => After::Nothing,
            2..6 if !task => After::Everything,
            _ => After::Failure,
        };
        let (first, most) = match random.below(16) {
            0 => (None, None),
            1..5 => (Some(0), Some(0)),
            5..10 => {
                let pause = Some(1 + random.below(20) as u64);
                (pause, pause)
            }
            _ => (Some(1 + random.below(4) as u64), Some(2 + random.below(20) as u64)),
        };
        let stable = random.below(40) as u64;
        Self { after, first, most, stable, limit: Limit::draw(random) }
    }

    /// The same for the machine.
    pub(super) fn policy(self) -> Restart {
        let restart = match self.after {
            After::Nothing => Restart::never(),
            After::Failure => Restart::on_failure(),
            After::Everything => Restart::always(),
        };
        let backoff = Backoff::exponential(length(self.first), length(self.most));
        let stable = Duration::from_millis(self.stable);
        let restart = restart.backoff(backoff.without_jitter().reset_after(stable));
        match self.limit.policy() {
            Some((restarts, period)) => restart.intensity(restarts, period),
            None => restart.unlimited(),
        }
    }

    /// Whether there is no end that it starts again after.
    pub(super) fn is_never(self) -> bool {
        self.after == After::Nothing
    }

    pub(super) fn covers(self, failed: bool) -> bool {
        self.after == After::Everything || (self.after == After::Failure && failed)
    }

    /// Whether one more would be too many, after these.
    pub(super) fn is_too_often(self, ends: &[End], now: u64) -> bool {
        self.limit.is_reached(ends.iter().map(|end| end.at), now)
    }

    /// The pause after the last of these.
    pub(super) fn pause(self, ends: &[End]) -> Pause {
        let anew = ends.iter().rposition(|end| end.served >= self.stable).unwrap_or(0);
        let mut pause = self.first?;
        for _ in &ends[anew + 1..] {
            pause = pause.saturating_mul(2);
        }
        Some(pause.min(self.most?))
    }
}

pub(super) fn length(pause: Pause) -> Duration {
    pause.map_or(Duration::MAX, Duration::from_millis)
}

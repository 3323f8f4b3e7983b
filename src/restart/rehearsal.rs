//! What a policy does over time, without waiting: the decisions of the real thing, with a clock that
//! goes as far as it is told.

use std::time::{Duration, Instant};

use super::{Restart, Restarts};
use crate::clock;

/// What becomes of a unit that has ended by itself.
///
/// # Examples
///
/// ```
/// use rungroup::Restart;
/// use rungroup::testing::{Decision, Rehearsal};
/// use std::time::Duration;
///
/// let mut feed = Rehearsal::of(&Restart::never());
/// assert_eq!(feed.fails_after(Duration::from_secs(1)), Decision::End);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// It starts again, after this pause.
    StartAgain(Duration),
    /// It would start again, had it not done so too often: a failure, which ends the group.
    GiveUp,
    /// It does not start again after an end of this kind. That means what it does without a policy.
    End,
}

/// A clock of its own for a [`Restart`] policy: it is told how long the unit served and how that ended,
/// says what would become of it, and days pass at once.
///
/// The decisions are those of a run. Each pause is as long as it can be, unless
/// [`with_shortest_pauses`](Self::with_shortest_pauses) says otherwise: with jitter, a run draws it from
/// in between. How long the last threads of an incarnation take to leave is left out.
///
/// # Examples
///
/// A feed that loses its connection every hour shall never be given up, and one whose password is
/// wrong soon:
///
/// ```
/// use std::time::Duration;
///
/// use rungroup::Restart;
/// use rungroup::testing::{Decision, Rehearsal};
///
/// let policy = Restart::on_failure();
///
/// let mut feed = Rehearsal::of(&policy);
/// while feed.elapsed() < Duration::from_hours(24 * 365) {
///     let decision = feed.fails_after(Duration::from_hours(1));
///     assert_eq!(decision, Decision::StartAgain(Duration::from_millis(500)));
/// }
///
/// let mut feed = Rehearsal::of(&policy);
/// let pauses = feed.pauses(Duration::ZERO);
/// assert_eq!(pauses.map(|pause| pause.as_millis()).collect::<Vec<_>>(), [500, 1000, 2000, 4000, 8000]);
/// assert_eq!(feed.elapsed(), Duration::from_millis(15_500));
/// ```
#[derive(Debug)]
pub struct Rehearsal {
    policy: Restart,
    restarts: Restarts,
    began: Instant,
    elapsed: Duration,
    chance: u64,
    /// What it came to, once it is not started again.
    over: Option<Decision>,
}

impl Rehearsal {
    /// A unit with this policy, just started.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Restart, testing::Rehearsal};
    ///
    /// let feed = Rehearsal::of(&Restart::on_failure());
    /// assert!(feed.elapsed().is_zero());
    /// ```
    pub fn of(policy: &Restart) -> Self {
        Self {
            policy: policy.clone(),
            restarts: Restarts::default(),
            began: clock::now(), // any time would do: it is what all others are counted from
            elapsed: Duration::ZERO,
            chance: 0,
            over: None,
        }
    }

    /// Each pause is as short as jitter can make it: half as long. That is the harder case for an
    /// [`intensity`](Restart::intensity).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rungroup::{Restart, testing::Rehearsal};
    ///
    /// let mut feed = Rehearsal::of(&Restart::on_failure()).with_shortest_pauses();
    /// let pauses = feed.pauses(Duration::ZERO).map(|pause| pause.as_millis());
    /// assert_eq!(pauses.collect::<Vec<_>>(), [250, 500, 1000, 2000, 4000]);
    /// ```
    #[must_use]
    pub fn with_shortest_pauses(mut self) -> Self {
        self.chance = u64::MAX;
        self
    }

    /// It has served for so long, and failed, by error or panic.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rungroup::{Restart, testing::{Decision, Rehearsal}};
    ///
    /// let mut feed = Rehearsal::of(&Restart::on_failure().intensity(1, Duration::from_secs(60)));
    /// let pause = Decision::StartAgain(Duration::from_millis(500));
    /// assert_eq!(feed.fails_after(Duration::from_secs(10)), pause);
    /// assert_eq!(feed.fails_after(Duration::from_secs(10)), Decision::GiveUp);
    /// ```
    pub fn fails_after(&mut self, served: Duration) -> Decision {
        self.ends(served, true)
    }

    /// It has served for so long, and returned `Ok`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rungroup::{Restart, testing::{Decision, Rehearsal}};
    ///
    /// let served = Duration::from_secs(10);
    /// let mut feed = Rehearsal::of(&Restart::on_failure());
    /// assert_eq!(feed.returns_after(served), Decision::End);
    /// let mut feed = Rehearsal::of(&Restart::always());
    /// assert!(matches!(feed.returns_after(served), Decision::StartAgain(_)));
    /// ```
    pub fn returns_after(&mut self, served: Duration) -> Decision {
        self.ends(served, false)
    }

    /// The pauses of one that fails again and again, each time after having served for so long, until it is
    /// given up. Without an end if it never is.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rungroup::{Restart, testing::Rehearsal};
    ///
    /// let mut feed = Rehearsal::of(&Restart::on_failure().unlimited());
    /// let longest = feed.pauses(Duration::from_secs(1)).take(1000).max();
    /// assert_eq!(longest, Some(Duration::from_secs(30)));
    /// ```
    pub fn pauses(&mut self, served: Duration) -> impl Iterator<Item = Duration> {
        std::iter::from_fn(move || match self.fails_after(served) {
            Decision::StartAgain(pause) => Some(pause),
            Decision::GiveUp | Decision::End => None,
        })
    }

    /// How long it is since the first start: what was served, and the pauses.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rungroup::{Restart, testing::Rehearsal};
    ///
    /// let mut feed = Rehearsal::of(&Restart::on_failure());
    /// feed.fails_after(Duration::from_secs(10));
    /// assert_eq!(feed.elapsed(), Duration::from_millis(10_500));
    /// ```
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    fn ends(&mut self, served: Duration, failed: bool) -> Decision {
        if let Some(over) = self.over {
            return over;
        }
        self.elapsed = self.elapsed.saturating_add(served);
        let decision = self.decide(served, failed);
        match decision {
            Decision::StartAgain(pause) => self.elapsed = self.elapsed.saturating_add(pause),
            Decision::GiveUp | Decision::End => self.over = Some(decision),
        }
        decision
    }

    fn decide(&mut self, served: Duration, failed: bool) -> Decision {
        if !self.policy.covers(failed) {
            return Decision::End;
        }
        // Further off than the clock can tell is as far off as it can be.
        let now = self.began.checked_add(self.elapsed).unwrap_or(self.began);
        match self.restarts.next(&self.policy, now, served, self.chance) {
            Some(pause) => Decision::StartAgain(pause),
            None => Decision::GiveUp,
        }
    }
}

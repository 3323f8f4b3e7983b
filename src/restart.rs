//! When a unit that has ended by itself is started again, how long that waits, and when it is given
//! up. Pure: time and chance are handed in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Whether a unit that has ended by itself is started again, said where it is registered
/// ([`Registration::restart`](crate::Registration::restart)).
///
/// | policy | `serve` returned `Ok` | error or panic |
/// |---|---|---|
/// | [`never`](Restart::never), the default | ends the group, or is done if it is a task | ends the group |
/// | [`on_failure`](Restart::on_failure) | the same | starts again |
/// | [`always`](Restart::always) | starts again | starts again |
///
/// Between an end and the next start there is a pause ([`Backoff`]: 500 ms the first time, doubled
/// each time, at most 30 s). More than 5 restarts in 60 s are too many: the unit is given up, and what
/// it failed with last is the cause of the group's end, as without a policy.
/// [`intensity`](Restart::intensity) says other numbers.
///
/// In the terms of others: Erlang/OTP's `temporary`, `transient` and `permanent` children with
/// `intensity` and `period`, systemd's `Restart=`, `RestartSec=` and `StartLimitBurst=`.
///
/// A restart enters `serve` of the same unit again, on new threads, when the last thread of the one
/// before has left. Pre-runs are not repeated, and `graceful_stop` is not called in between. So what
/// is to be new each time has to be made in `serve`, or hang on its context
/// ([`ServeContext::spawn`](crate::ServeContext::spawn),
/// [`on_stop`](crate::ServeContext::on_stop)); what a panic left behind in the unit itself is the
/// unit's own to mend.
///
/// # Examples
///
/// A service that fails once:
///
/// ```
/// use rungroup::{Backoff, Group, Restart, service_fn};
///
/// let mut group = Group::new("demo");
/// let feed = service_fn("feed", |ctx| match ctx.attempt() {
///     1 => Err("connection lost".into()),
///     _ => Ok(()), // and an `Ok` ends the group, as ever
/// });
/// group.register(feed).restart(Restart::on_failure().backoff(Backoff::none()));
/// let report = group.run().unwrap();
/// assert_eq!(report.units()[0].restarts, 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    when: When,
    backoff: Backoff,
    /// So many in such a time, and no more; `None` is no limit.
    intensity: Option<(u32, Duration)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Never,
    OnFailure,
    Always,
}

impl Restart {
    fn new(when: When) -> Self {
        let intensity = Some((5, Duration::from_mins(1)));
        Self { when, backoff: Backoff::default(), intensity }
    }

    /// A unit that has ended is not started again: the default.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(rungroup::Restart::never(), rungroup::Restart::default());
    /// ```
    pub fn never() -> Self {
        Self::new(When::Never)
    }

    /// A unit that has failed, by error or panic, is started again. An `Ok` means what it always does.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, Restart, service_fn};
    ///
    /// let mut group = Group::new("demo");
    /// group.register(service_fn("feed", |_| Ok(()))).restart(Restart::on_failure());
    /// group.run().unwrap(); // by its Ok
    /// ```
    pub fn on_failure() -> Self {
        Self::new(When::OnFailure)
    }

    /// A unit that has ended is started again, however it has. Not for a
    /// [`task`](crate::Registration::task), which is done when it returns `Ok`: a definition error.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Backoff, Group, Restart, service_fn};
    ///
    /// let mut group = Group::new("demo");
    /// let round = service_fn("round", |ctx| {
    ///     if ctx.attempt() == 3 {
    ///         ctx.handle().stop("enough");
    ///     }
    ///     Ok(())
    /// });
    /// group.register(round).restart(Restart::always().backoff(Backoff::none()));
    /// group.run().unwrap();
    /// ```
    pub fn always() -> Self {
        Self::new(When::Always)
    }

    /// How long it waits before each start.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rungroup::{Backoff, Restart};
    ///
    /// let _ = Restart::on_failure().backoff(Backoff::constant(Duration::from_secs(1)));
    /// ```
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// At most `restarts` in any `period`; one more, and the unit is given up. 5 in 60 s if nothing is
    /// said. None at all, 0, makes the first failure the last.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rungroup::{Backoff, Group, Restart, service_fn};
    ///
    /// let mut group = Group::new("demo");
    /// let feed = service_fn("feed", |ctx| Err(format!("attempt {} failed", ctx.attempt()).into()));
    /// let policy = Restart::on_failure().backoff(Backoff::none());
    /// group.register(feed).restart(policy.intensity(2, Duration::from_secs(60)));
    /// let error = group.run().unwrap_err();
    /// assert_eq!(error.to_string(), "unit 'feed': serve failed: attempt 3 failed");
    /// ```
    #[must_use]
    pub fn intensity(mut self, restarts: u32, period: Duration) -> Self {
        self.intensity = Some((restarts, period));
        self
    }

    /// However many restarts in however short a time.
    ///
    /// # Examples
    ///
    /// ```
    /// let _ = rungroup::Restart::on_failure().unlimited();
    /// ```
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        self.intensity = None;
        self
    }

    /// Whether an end of this kind is one to start again after.
    pub(crate) fn covers(&self, failed: bool) -> bool {
        match self.when {
            When::Never => false,
            When::OnFailure => failed,
            When::Always => true,
        }
    }

    /// How often is too often, in words.
    pub(crate) fn too_often(&self) -> String {
        match self.intensity {
            Some((restarts, period)) => format!("more than {restarts} restarts in {period:?}"),
            None => "too many restarts".to_owned(), // which there never are
        }
    }

    /// Whether it starts again after an `Ok`: a task never would be done.
    pub(crate) fn is_always(&self) -> bool {
        self.when == When::Always
    }
}

impl Default for Restart {
    fn default() -> Self {
        Self::never()
    }
}

/// How long a restart waits: a pause between the end of a unit and its next start.
///
/// Each pause is drawn from its second half, so that what failed together does not come back
/// together ([`without_jitter`](Backoff::without_jitter)). A unit that has then served for 30 s is
/// taken for stable: the next pause is the first again
/// ([`reset_after`](Backoff::reset_after)). A stop ends a pause at once.
///
/// # Examples
///
/// The default, in other words: 500 ms, 1 s, 2 s … 16 s, and 30 s from there on.
///
/// ```
/// use std::time::Duration;
///
/// use rungroup::Backoff;
///
/// let backoff = Backoff::exponential(Duration::from_millis(500), Duration::from_secs(30));
/// assert_eq!(backoff, Backoff::default());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    jitter: bool,
    reset_after: Duration,
}

impl Backoff {
    /// `first`, then twice as long each time, up to `most`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rungroup::{Backoff, Restart};
    ///
    /// let backoff = Backoff::exponential(Duration::from_millis(10), Duration::from_secs(1));
    /// let _ = Restart::on_failure().backoff(backoff);
    /// ```
    pub fn exponential(first: Duration, most: Duration) -> Self {
        Self { first, most, jitter: true, reset_after: Duration::from_secs(30) }
    }

    /// `pause` each time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let _ = rungroup::Backoff::constant(Duration::from_secs(5)).without_jitter();
    /// ```
    pub fn constant(pause: Duration) -> Self {
        Self::exponential(pause, pause)
    }

    /// No pause. What fails at once is then given up within milliseconds, by the
    /// [`intensity`](Restart::intensity).
    ///
    /// # Examples
    ///
    /// ```
    /// let _ = rungroup::Restart::on_failure().backoff(rungroup::Backoff::none());
    /// ```
    pub fn none() -> Self {
        Self::constant(Duration::ZERO)
    }

    /// Each pause is as long as it is said, and not drawn from its second half.
    ///
    /// # Examples
    ///
    /// ```
    /// let _ = rungroup::Backoff::default().without_jitter();
    /// ```
    #[must_use]
    pub fn without_jitter(mut self) -> Self {
        self.jitter = false;
        self
    }

    /// How long a unit has to serve for its next pause to be the first again. 30 s if nothing is said.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let _ = rungroup::Backoff::default().reset_after(Duration::from_secs(300));
    /// ```
    #[must_use]
    pub fn reset_after(mut self, served: Duration) -> Self {
        self.reset_after = served;
        self
    }

    /// The pause after `before` others in a row. `chance` is any number; it decides where in its
    /// second half.
    fn pause(&self, before: u32, chance: u64) -> Duration {
        let doubled = 1_u32.checked_shl(before).and_then(|factor| self.first.checked_mul(factor));
        let pause = doubled.unwrap_or(Duration::MAX).min(self.most);
        if !self.jitter {
            return pause;
        }
        // The upper half of the product is a number from 0 to half the pause: what is taken off. (Of a
        // pause of more than a thousand years it is less.)
        let half = u64::try_from((pause / 2).as_nanos()).unwrap_or(u64::MAX);
        let off = (u128::from(half) * u128::from(chance)) >> 64;
        pause.saturating_sub(Duration::from_nanos(u64::try_from(off).expect("less than half")))
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::exponential(Duration::from_millis(500), Duration::from_secs(30))
    }
}

/// What has been started again so far, of one unit: what decides about the next time.
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    /// Those of the last period, the oldest first.
    recent: VecDeque<Instant>,
    /// How many without a stable time in between.
    in_a_row: u32,
}

impl Restarts {
    /// It has ended after having served for so long, in a way that `policy` covers. The pause before
    /// it starts again; `None` if that would be too often.
    pub(crate) fn next(
        &mut self,
        policy: &Restart,
        now: Instant,
        served: Duration,
        chance: u64,
    ) -> Option<Duration> {
        if let Some((restarts, period)) = policy.intensity {
            while self.recent.front().is_some_and(|&at| now.saturating_duration_since(at) >= period)
            {
                self.recent.pop_front();
            }
            if u32::try_from(self.recent.len()).is_ok_and(|recent| recent >= restarts) {
                return None;
            }
            self.recent.push_back(now);
        }
        if served >= policy.backoff.reset_after {
            self.in_a_row = 0;
        }
        let pause = policy.backoff.pause(self.in_a_row, chance);
        self.in_a_row = self.in_a_row.saturating_add(1);
        Some(pause)
    }
}

#[cfg(test)]
mod tests;

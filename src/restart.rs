//! When a unit that has ended by itself is started again, and who with it, how long that waits, and
//! when it is given up. Pure: time and chance are handed in.

mod rehearsal;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use rehearsal::{Decision, Rehearsal};

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
/// before has left. Pre-runs are not repeated, and `graceful_stop` of the one that has ended is not
/// called in between; siblings that are told to stop because they start again with it ([`Strategy`]) get
/// theirs. So what is to be new each time has to be made in `serve`, or hang on its context
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
    intensity: Intensity,
}

/// So many in such a time, and no more; `None` is no limit.
type Intensity = Option<(u32, Duration)>;

/// What the limit is where there is one and nothing else is said.
const USUAL: Intensity = Some((5, Duration::from_mins(1)));

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Never,
    OnFailure,
    Always,
}

impl Restart {
    const fn new(when: When) -> Self {
        Self { when, backoff: Backoff::USUAL, intensity: USUAL }
    }

    /// A unit that has ended is not started again: the default.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(rungroup::Restart::never(), rungroup::Restart::default());
    /// ```
    pub const fn never() -> Self {
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
    pub const fn on_failure() -> Self {
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
    pub const fn always() -> Self {
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
        in_words(self.intensity)
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

fn in_words(intensity: Intensity) -> String {
    match intensity {
        Some((1, period)) => format!("more than 1 restart in {period:?}"),
        Some((restarts, period)) => format!("more than {restarts} restarts in {period:?}"),
        None => "too many restarts".to_owned(), // which there never are
    }
}

/// Who starts again when a unit of a group does, said of the group
/// ([`Group::strategy`](crate::Group::strategy)).
///
/// | strategy | starts again |
/// |---|---|
/// | [`one_for_one`](Strategy::one_for_one), the default | the unit alone |
/// | [`one_for_all`](Strategy::one_for_all) | all units of the group |
/// | [`rest_for_one`](Strategy::rest_for_one) | the unit, and all that come later in start order |
///
/// As in Erlang/OTP. Whether there is a restart at all is said by the policy of the unit that has
/// ended ([`Restart`]); the others then start again whatever their own policy, tasks that were done
/// included. They are told to stop in the order in which they would be at the end of the group, and
/// when the last thread of the last of them has left, the pause of the unit that has ended begins.
/// After it they start as they did at first. If one does not stop in time the group ends: nothing is
/// started beside a thread that lives.
///
/// With these two strategies it is the group that can have too many restarts, and not the unit: more
/// than 5 in 60 s, or what [`intensity`](Strategy::intensity) says.
///
/// # Examples
///
/// A session and its reader are of no use without each other:
///
/// ```
/// use rungroup::{Backoff, Group, Restart, Strategy, service_fn};
///
/// let mut group = Group::new("demo").strategy(Strategy::one_for_all());
/// group
///     .register(service_fn("session", |ctx| match ctx.attempt() {
///         1 => Err("connection lost".into()),
///         _ => Ok(()),
///     }))
///     .restart(Restart::on_failure().backoff(Backoff::none()));
/// group.register(service_fn("reader", |ctx| {
///     ctx.stopped().wait();
///     Ok(())
/// }));
/// let report = group.run().unwrap();
/// assert_eq!(report.units()[1].restarts, 1); // the reader's
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strategy {
    who: Who,
    intensity: Intensity,
}

/// Who starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    One,
    All,
    Rest,
}

impl Strategy {
    /// The unit alone: the default. Whatever comes [`after`](crate::Registration::after) it and serves is
    /// left alone.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(rungroup::Strategy::one_for_one(), rungroup::Strategy::default());
    /// ```
    pub fn one_for_one() -> Self {
        Self { who: Who::One, intensity: None }
    }

    /// All units of the group.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, Strategy};
    ///
    /// let group = Group::new("uplink").strategy(Strategy::one_for_all());
    /// # drop(group);
    /// ```
    pub fn one_for_all() -> Self {
        Self { who: Who::All, intensity: USUAL }
    }

    /// The unit, and those that come later in start order: what comes `after` another comes later, and
    /// otherwise who was registered later.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, Strategy};
    ///
    /// let group = Group::new("uplink").strategy(Strategy::rest_for_one());
    /// # drop(group);
    /// ```
    pub fn rest_for_one() -> Self {
        Self { who: Who::Rest, intensity: USUAL }
    }

    /// At most `restarts` of units of this group in any `period`; one more, and the unit is given up,
    /// which ends the group. 5 in 60 s if nothing is said; with one-for-one there is no such limit if
    /// nothing is said, but that of each unit.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rungroup::{Group, Strategy};
    ///
    /// let strategy = Strategy::one_for_all().intensity(3, Duration::from_secs(10));
    /// let group = Group::new("uplink").strategy(strategy);
    /// # drop(group);
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
    /// let _ = rungroup::Strategy::rest_for_one().unlimited();
    /// ```
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        self.intensity = None;
        self
    }

    pub(crate) fn who(&self) -> Who {
        self.who
    }

    /// How often is too often, in words.
    pub(crate) fn too_often(&self) -> String {
        format!("{} in its group", in_words(self.intensity))
    }
}

impl Default for Strategy {
    fn default() -> Self {
        Self::one_for_one()
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
    const USUAL: Self = Self::exponential(Duration::from_millis(500), Duration::from_secs(30));

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
    pub const fn exponential(first: Duration, most: Duration) -> Self {
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
    pub const fn constant(pause: Duration) -> Self {
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
        Self::USUAL
    }
}

/// What has been started again so far, of one unit: what decides about the next time.
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    recent: Recent,
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
        let may = self.recent.takes(policy.intensity, now);
        may.then(|| self.pause(policy, served, chance))
    }

    /// The same, where it is not the policy that says how often is too often.
    pub(crate) fn pause(&mut self, policy: &Restart, served: Duration, chance: u64) -> Duration {
        if served >= policy.backoff.reset_after {
            self.in_a_row = 0;
        }
        let pause = policy.backoff.pause(self.in_a_row, chance);
        self.in_a_row = self.in_a_row.saturating_add(1);
        pause
    }
}

/// The restarts of the last period, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Recent(VecDeque<Instant>);

impl Recent {
    /// Whether one more now is within the group's limit; counts it if it is.
    pub(crate) fn allows(&mut self, strategy: &Strategy, now: Instant) -> bool {
        self.takes(strategy.intensity, now)
    }

    fn takes(&mut self, intensity: Intensity, now: Instant) -> bool {
        let Some((restarts, period)) = intensity else { return true };
        while self.0.front().is_some_and(|&at| now.saturating_duration_since(at) >= period) {
            self.0.pop_front();
        }
        if u32::try_from(self.0.len()).is_ok_and(|recent| recent >= restarts) {
            return false;
        }
        self.0.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests;

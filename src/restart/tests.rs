//! Policies, without threads and without waiting.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn pauses(backoff: &Backoff, count: u32) -> Vec<Duration> {
    (0..count).map(|before| backoff.pause(before, u64::MAX / 3)).collect()
}

#[test]
fn s1_a_pause_doubles_up_to_the_most() {
    let millis = pauses(&Backoff::default().without_jitter(), 9)
        .iter()
        .map(Duration::as_millis)
        .collect::<Vec<_>>();
    assert_eq!(millis, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
}

#[test]
fn s1_a_pause_stays_at_the_most_however_often_it_was_doubled() {
    let backoff = Backoff::exponential(Duration::from_nanos(1), Duration::MAX).without_jitter();
    for before in [31, 32, 64, u32::MAX] {
        let pause = backoff.pause(before, 0);
        assert!(pause == Duration::MAX || before == 31, "{before}: {pause:?}");
    }
    assert_eq!(Backoff::exponential(SECOND, SECOND / 2).without_jitter().pause(0, 0), SECOND / 2);
}

#[test]
fn s1_jitter_draws_from_the_second_half() {
    let backoff = Backoff::constant(SECOND);
    assert_eq!(backoff.pause(0, 0), SECOND);
    assert_eq!(backoff.pause(0, 1 << 63), SECOND * 3 / 4);
    let least = backoff.pause(0, u64::MAX);
    assert!(least >= SECOND / 2 && least < SECOND / 2 + Duration::from_micros(1), "{least:?}");
    assert!(
        Backoff::constant(Duration::MAX).pause(0, u64::MAX) >= Duration::from_secs(u64::MAX / 4)
    );
    assert_eq!(Backoff::none().pause(7, u64::MAX), Duration::ZERO);
}

#[test]
fn s1_so_many_restarts_in_the_period_and_no_more() {
    let policy = Restart::on_failure().backoff(Backoff::none()).intensity(3, 10 * SECOND);
    let (start, mut restarts) = (crate::clock::now(), Restarts::default());
    let mut next =
        |after: Duration| restarts.next(&policy, start + after, Duration::ZERO, 0).is_some();
    assert!(next(SECOND) && next(2 * SECOND) && next(3 * SECOND));
    assert!(!next(3 * SECOND), "the fourth in two seconds");
    assert!(!next(Duration::from_nanos(10_999_999_999)), "the first is not quite past");
    assert!(next(11 * SECOND), "three in the ten seconds up to now, this one included");
    assert!(!next(11 * SECOND));
}

#[test]
fn s1_a_limit_of_none_gives_up_at_once_and_without_a_limit_it_never_does() {
    let now = crate::clock::now();
    let none = Restart::always().intensity(0, SECOND);
    assert_eq!(Restarts::default().next(&none, now, Duration::ZERO, 0), None);
    let (unlimited, mut restarts) = (Restart::always().unlimited(), Restarts::default());
    for _ in 0..1000 {
        assert!(restarts.next(&unlimited, now, Duration::ZERO, 0).is_some());
    }
    assert!(restarts.recent.0.is_empty(), "and remembers none of them");
}

#[test]
fn s1_a_stable_time_makes_the_next_pause_the_first_again() {
    let policy = Restart::always().unlimited().backoff(Backoff::default().without_jitter());
    let (now, mut restarts) = (crate::clock::now(), Restarts::default());
    let mut next = |served: u64| {
        let pause = restarts.next(&policy, now, Duration::from_secs(served), 0);
        pause.map(|pause| pause.as_millis())
    };
    let pauses = [next(0), next(29), next(0), next(30), next(0)];
    assert_eq!(pauses, [500, 1000, 2000, 500, 1000].map(Some));
}

#[test]
fn s1_which_ends_are_started_again_after() {
    let covers = |policy: Restart| [false, true].map(|failed| policy.covers(failed));
    assert_eq!(covers(Restart::never()), [false, false]);
    assert_eq!(covers(Restart::on_failure()), [false, true]);
    assert_eq!(covers(Restart::always()), [true, true]);
}

#[test]
fn s1_what_was_too_often_is_said_in_words() {
    let words = |restarts| in_words(Some((restarts, Duration::from_mins(1))));
    let expected = [
        "more than 0 restarts in 60s",
        "more than 1 restart in 60s",
        "more than 2 restarts in 60s",
    ];
    assert_eq!([0, 1, 2].map(words), expected);
}

//! S1, S2: whether a unit that has ended by itself starts again, when, and what that means to the
//! others.

use super::*;
use crate::restart::{Backoff, Restart};

/// Starts again after `pause` seconds, without jitter.
pub(super) fn restarting(policy: Restart, pause: u64) -> Policy {
    let backoff = Backoff::constant(secs(pause)).without_jitter();
    Policy { restart: policy.backoff(backoff), ..Policy::default() }
}

pub(super) fn backoff(unit: NodeId, pause: u64) -> Action {
    Action::Backoff { unit, pause: secs(pause) }
}

pub(super) fn start_again(unit: NodeId, incarnation: u32) -> Action {
    Action::Start { unit, incarnation }
}

/// A unit that serves, and its driver.
pub(super) fn serving(policy: Policy) -> (Driver, NodeId) {
    let mut driver = Driver::new();
    let unit = driver.unit(policy);
    driver.begin_and_enter_all();
    (driver, unit)
}

#[test]
fn s1_a_unit_that_fails_starts_again_after_its_pause() {
    let (mut driver, unit) = serving(restarting(Restart::on_failure(), 2));
    assert_eq!(driver.fail(unit), [ended(unit)]);
    assert_eq!(driver.state(unit), UnitState::Stopping);
    assert_eq!(driver.settle(unit), [backoff(unit, 2)]);
    assert_eq!(driver.state(unit), UnitState::Backoff);
    assert_eq!(driver.next_deadline(), Some(secs(2)));
    assert_eq!(driver.pass(secs(1)), []);
    assert_eq!(driver.pass(secs(1)), [start_again(unit, 2)]);
    assert_eq!(driver.next_deadline(), None);
    assert_eq!(driver.enter(unit), [Action::Ready(unit), Action::Ready(ROOT)]);
    assert_eq!(driver.state(unit), UnitState::Running);
}

/// S2: not while a thread of it, one that it has spawned for instance, is there.
#[test]
fn s2_nothing_starts_before_the_last_thread_has_left() {
    let (mut driver, unit) = serving(restarting(Restart::on_failure(), 0));
    driver.fail(unit);
    assert_eq!(driver.pass(RUN.checked_sub(secs(1)).unwrap()), []);
    assert_eq!(driver.settle(unit), [backoff(unit, 0), start_again(unit, 2)]);
}

#[test]
fn s2_one_whose_threads_do_not_leave_in_time_to_start_again_ends_its_group() {
    let (mut driver, unit) = serving(restarting(Restart::on_failure(), 0));
    driver.fail(unit);
    assert_eq!(driver.next_deadline(), Some(RUN));
    let given_up =
        [Action::DidNotStop(unit), stopping(GroupEnd::Child(unit)), Action::CallStop(unit)];
    assert_eq!(driver.pass(RUN), given_up);
    assert!(driver.machine.has_failed(unit));
}

#[test]
fn s2_nothing_starts_before_its_callbacks_have_returned() {
    let (mut driver, unit) = serving(restarting(Restart::on_failure(), 1));
    driver.fail(unit);
    driver.feed(Input::CallStarted(unit)); // an `on_stop`
    driver.settle(unit);
    assert_eq!(driver.pass(secs(1)), []);
    assert_eq!(driver.next_deadline(), None, "nothing is left to wait for but that");
    assert_eq!(driver.call_returned(unit), [start_again(unit, 2)]);
}

#[test]
fn s1_an_ok_ends_the_group_on_failure_and_starts_again_always() {
    let (mut driver, unit) = serving(restarting(Restart::on_failure(), 1));
    assert_eq!(
        driver.return_ok(unit),
        [ended(unit), stopping(GroupEnd::Child(unit)), Action::CallStop(unit)]
    );
    let (mut driver, unit) = serving(restarting(Restart::always(), 1));
    assert_eq!(driver.return_ok(unit), [ended(unit)]);
    assert_eq!(driver.settle(unit), [backoff(unit, 1)]);
}

#[test]
fn s1_a_task_that_fails_starts_again_and_is_done_when_it_returns_ok() {
    let (mut driver, unit) = serving(Policy { task: true, ..restarting(Restart::on_failure(), 1) });
    driver.fail(unit);
    driver.settle(unit);
    driver.pass(secs(1));
    driver.enter(unit);
    driver.return_ok(unit);
    let actions = driver.settle(unit);
    assert!(actions.contains(&stopping(GroupEnd::TasksDone)), "{actions:?}");
    assert_eq!(driver.state(unit), UnitState::Stopped);
}

#[test]
fn s1_one_restart_too_many_gives_up_and_is_a_failure() {
    let policy = restarting(Restart::on_failure().intensity(1, secs(60)), 1);
    let (mut driver, unit) = serving(policy);
    driver.fail(unit);
    driver.settle(unit);
    driver.pass(secs(1));
    driver.enter(unit);
    let given_up =
        [gave_up(unit), ended(unit), stopping(GroupEnd::Child(unit)), Action::CallStop(unit)];
    assert_eq!(driver.fail(unit), given_up);
    driver.settle(unit);
    assert_eq!(driver.state(unit), UnitState::Failed);
}

#[test]
fn s1_one_that_returns_ok_too_often_is_given_up_as_a_failure_too() {
    let (mut driver, unit) = serving(restarting(Restart::always().intensity(0, secs(60)), 1));
    let given_up =
        [gave_up(unit), ended(unit), stopping(GroupEnd::Child(unit)), Action::CallStop(unit)];
    assert_eq!(driver.return_ok(unit), given_up);
    driver.settle(unit);
    assert_eq!(driver.state(unit), UnitState::Failed);
}

#[test]
fn s1_a_restart_of_long_ago_counts_no_more() {
    let policy = restarting(Restart::on_failure().intensity(1, secs(60)), 1);
    let (mut driver, unit) = serving(policy);
    for _ in 0..5 {
        driver.fail(unit);
        assert_eq!(driver.settle(unit), [backoff(unit, 1)]);
        driver.pass(secs(1));
        driver.enter(unit);
        driver.pass(secs(59));
    }
}

#[test]
fn s1_the_pauses_grow_until_it_has_served_for_long_enough() {
    let restart = Restart::on_failure().unlimited().backoff(Backoff::default().without_jitter());
    let (mut driver, unit) = serving(Policy { restart, ..Policy::default() });
    for (millis, serves_for) in [(500, 0), (1000, 29), (2000, 30), (500, 0), (1000, 0)] {
        driver.fail(unit);
        let pause = Duration::from_millis(millis);
        assert_eq!(driver.settle(unit), [Action::Backoff { unit, pause }]);
        assert_eq!(driver.pass(pause), [start_again(unit, driver.incarnation(unit))]);
        driver.enter(unit);
        driver.pass(secs(serves_for));
    }
}

#[test]
fn s1_what_is_left_to_chance_is_drawn_from_the_seed() {
    let restart = Restart::on_failure().unlimited().backoff(Backoff::constant(secs(8)));
    let pauses = || {
        let (mut driver, unit) = serving(Policy { restart: restart.clone(), ..Policy::default() });
        let mut pauses = Vec::new();
        for _ in 0..8 {
            driver.fail(unit);
            let [Action::Backoff { pause, .. }] = driver.settle(unit)[..] else { panic!() };
            assert!(pause >= secs(4) && pause <= secs(8), "{pause:?}");
            pauses.push(pause);
            driver.pass(pause);
            driver.enter(unit);
        }
        pauses
    };
    let first = pauses();
    assert_eq!(first, pauses());
    assert!(first.windows(2).any(|pair| pair[0] != pair[1]), "{first:?}");
}

#[test]
fn s1_a_stop_ends_a_pause_at_once_and_is_no_failure() {
    let (mut driver, unit) = serving(restarting(Restart::on_failure(), 60));
    driver.fail(unit);
    driver.settle(unit);
    // L8: the last incarnation of the run gets its `graceful_stop`.
    let actions = [stopping(GroupEnd::Asked), Action::Stopped(unit), Action::CallStop(unit)];
    assert_eq!(driver.stop(), actions);
    assert_eq!(driver.call_returned(unit), [Action::Finished]);
    assert_eq!(driver.state(unit), UnitState::Stopped);
    assert_eq!(driver.state(ROOT), UnitState::Stopped);
    assert_eq!(driver.next_deadline(), None);
}

#[test]
fn s1_a_stop_before_the_last_thread_has_left_takes_the_restart_back() {
    let (mut driver, unit) = serving(restarting(Restart::on_failure(), 0));
    driver.fail(unit);
    assert_eq!(driver.stop(), [stopping(GroupEnd::Asked), Action::CallStop(unit)]);
    assert_eq!(driver.settle(unit), [Action::Stopped(unit)]);
    assert_eq!(driver.call_returned(unit), [Action::Finished]);
    assert_eq!(driver.state(unit), UnitState::Stopped);
}

#[test]
fn s1_what_fails_while_it_stops_does_not_start_again() {
    let (mut driver, unit) = serving(restarting(Restart::always(), 0));
    driver.stop();
    assert_eq!(driver.fail(unit), []);
    assert_eq!(driver.settle(unit), [Action::Stopped(unit)]);
    assert_eq!(driver.state(unit), UnitState::Failed);
}

/// Its turn to stop has not come, but the end of its group has.
#[test]
fn s1_nothing_starts_again_once_the_end_of_the_group_has_begun() {
    let mut driver = Driver::new();
    let store = driver.unit(restarting(Restart::on_failure(), 0));
    let server = driver.unit(after(&[store]));
    driver.begin_and_enter_all();
    assert_eq!(driver.stop(), [stopping(GroupEnd::Asked), told(server), Action::CallStop(server)]);
    assert_eq!(driver.fail(store), [ended(store)]);
    assert_eq!(driver.settle(store), [Action::Stopped(store)]);
    assert_eq!(driver.state(store), UnitState::Failed);
}

#[test]
fn s1_a_unit_in_its_pause_keeps_the_group_alive() {
    let mut driver = Driver::new();
    let feed = driver.unit(restarting(Restart::on_failure(), 10));
    let task = driver.unit(task());
    driver.begin_and_enter_all();
    driver.fail(feed);
    driver.settle(feed);
    assert_eq!(driver.leave(task), [ended(task), Action::Stopped(task)]);
    assert_eq!(driver.state(ROOT), UnitState::Running);
}

#[test]
fn l4_a_unit_that_finds_no_thread_tries_again() {
    let mut driver = Driver::new();
    let unit = driver.unit(restarting(Restart::on_failure(), 1));
    driver.begin();
    let none = Input::SpawnFailed { unit, spawned: 0 };
    assert_eq!(driver.feed(none), [backoff(unit, 1)]);
    assert_eq!(driver.pass(secs(1)), [start_again(unit, 2)]);
    driver.enter(unit);
    assert_eq!(driver.state(unit), UnitState::Running);
    assert!(!driver.machine.has_failed(unit));
}

#[test]
fn l4_a_unit_of_which_some_threads_were_spawned_is_stopped_and_tries_again() {
    let mut driver = Driver::new();
    let kind = UnitKind { instances: 3, ..PLAIN };
    let unit = driver.unit_in(ROOT, restarting(Restart::on_failure(), 1), kind);
    driver.begin();
    assert_eq!(driver.feed(Input::SpawnFailed { unit, spawned: 1 }), [ended(unit)]);
    driver.enter(unit);
    driver.return_ok(unit);
    assert_eq!(driver.settle(unit), [backoff(unit, 1)]);
}

#[test]
fn s1_the_first_of_several_instances_to_fail_decides_and_the_others_change_nothing() {
    let mut driver = Driver::new();
    let kind = UnitKind { instances: 2, ..PLAIN };
    let unit = driver.unit_in(ROOT, restarting(Restart::on_failure(), 1), kind);
    driver.begin();
    driver.enter(unit);
    driver.enter(unit);
    assert_eq!(driver.fail(unit), [ended(unit)]);
    assert_eq!(driver.fail(unit), []);
    assert_eq!(driver.settle(unit), [backoff(unit, 1)]);
    assert!(!driver.machine.has_failed(unit));
    assert_eq!(driver.machine.restarts(unit), 0, "the restart is to come");
}

#[test]
fn l3_a_unit_in_its_pause_is_taken_out() {
    let mut driver = Driver::new();
    let feed = driver.unit(restarting(Restart::on_failure(), 10));
    let other = driver.unit(Policy::default());
    driver.begin_and_enter_all();
    driver.fail(feed);
    driver.settle(feed);
    let actions = driver.deregister(feed);
    assert_eq!(actions, [Action::Ready(ROOT), Action::Stopped(feed), Action::CallStop(feed)]);
    assert_eq!(driver.pass(secs(100)), []);
    assert_eq!(driver.state(feed), UnitState::Stopped);
    assert_eq!(driver.state(other), UnitState::Running);
}

/// The run's token was set when its threads were about to be spawned: the incarnation before it was
/// the last that was entered, and gets its `graceful_stop`.
#[test]
fn l8_a_restart_that_is_refused_leaves_the_one_before_as_the_last() {
    let (mut driver, unit) = serving(restarting(Restart::on_failure(), 1));
    driver.fail(unit);
    driver.settle(unit);
    driver.pass(secs(1));
    let actions = driver.feed(Input::Refused(unit));
    assert!(actions.contains(&Action::CallStop(unit)), "{actions:?}");
    assert!(actions.contains(&Action::Stopped(unit)), "{actions:?}");
    assert_eq!(driver.call_returned(unit), [Action::Finished]);
}

/// Taken out by another thread while no thread could be spawned for it.
#[test]
fn l8_a_restart_that_finds_no_thread_leaves_the_one_before_as_the_last() {
    let mut driver = Driver::new();
    let unit = driver.unit(restarting(Restart::on_failure(), 1));
    driver.unit(Policy::default());
    driver.begin_and_enter_all();
    driver.fail(unit);
    driver.settle(unit);
    driver.pass(secs(1));
    driver.deregister(unit);
    let actions = driver.feed(Input::SpawnFailed { unit, spawned: 0 });
    assert_eq!(actions, [Action::Stopped(unit), Action::CallStop(unit)]);
}

/// Told between the spawn and `serve`: as long as it may still enter it, nothing is called.
#[test]
fn l8_no_graceful_stop_while_the_next_incarnation_may_yet_enter() {
    let (mut driver, unit) = serving(restarting(Restart::on_failure(), 1));
    driver.fail(unit);
    driver.settle(unit);
    driver.pass(secs(1));
    assert_eq!(driver.stop(), [stopping(GroupEnd::Asked), told(unit)]);
    assert_eq!(driver.return_ok(unit), [], "it has seen its token, and was not entered");
    assert_eq!(driver.settle(unit), [Action::Stopped(unit), Action::CallStop(unit)]);
    assert_eq!(driver.call_returned(unit), [Action::Finished]);
}

#[test]
fn s1_a_pause_without_an_end_is_ended_by_a_stop() {
    let (mut driver, unit) = serving(restarting(Restart::on_failure(), u64::MAX));
    driver.fail(unit);
    driver.settle(unit);
    assert_eq!(driver.next_deadline(), None);
    driver.stop();
    assert_eq!(driver.call_returned(unit), [Action::Finished]);
}

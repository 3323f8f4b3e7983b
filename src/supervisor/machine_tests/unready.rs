//! L14, S6: readiness as a level, that is lost and comes again; and what is not ready in time, which
//! is stopped as if it had failed.

use super::restarting::{backoff, restarting, serving, start_again};
use super::*;
use crate::restart::Restart;

/// L14: readiness is a level.
#[test]
fn l14_a_unit_that_starts_again_is_not_ready_and_neither_is_its_group() {
    let (mut driver, unit) = serving(restarting(Restart::on_failure(), 1));
    assert!(driver.machine.is_ready(unit) && driver.machine.is_ready(ROOT));
    driver.fail(unit);
    assert!(!driver.machine.is_ready(unit) && !driver.machine.is_ready(ROOT));
    driver.settle(unit);
    driver.pass(secs(1));
    assert!(!driver.machine.is_ready(unit));
    driver.enter(unit);
    assert!(driver.machine.is_ready(unit) && driver.machine.is_ready(ROOT));
}

#[test]
fn s3_one_for_one_dependents_that_serve_are_left_alone_and_others_wait() {
    let mut driver = Driver::new();
    let store = driver.unit(restarting(Restart::on_failure(), 1));
    let slow = driver.unit_in(ROOT, Policy::default(), UnitKind { declares_ready: true, ..PLAIN });
    let server = driver.unit(after(&[store]));
    let late = driver.unit(after(&[store, slow]));
    driver.begin_and_enter_all();
    assert_eq!(driver.fail(store), [ended(store)], "nobody else is told");
    assert_eq!(driver.state(server), UnitState::Running);
    assert_eq!(driver.say_ready(slow), [Action::Ready(slow)], "the store is not ready");
    assert_eq!(driver.machine.waits_for(late), [store]);
    driver.settle(store);
    assert_eq!(driver.pass(secs(1)), [start_again(store, 2)]);
    assert_eq!(driver.enter(store), [Action::Ready(store), start(late)]);
}

/// S6 for a restart: what it comes after has to be ready again.
#[test]
fn s6_a_unit_does_not_start_again_before_what_it_comes_after_is_ready() {
    let mut driver = Driver::new();
    let store = driver.unit(restarting(Restart::on_failure(), 5));
    let server = driver.unit(Policy { after: vec![store], ..restarting(Restart::on_failure(), 1) });
    driver.begin_and_enter_all();
    for unit in [store, server] {
        driver.fail(unit);
        driver.settle(unit);
    }
    assert_eq!(driver.pass(secs(1)), [], "its own pause is over");
    assert_eq!(driver.machine.waits_for(server), [store]);
    assert_eq!(driver.pass(secs(4)), [start_again(store, 2)]);
    assert_eq!(driver.enter(store), [Action::Ready(store), start_again(server, 2)]);
}

// What is not ready in time

/// Says itself when it is ready, and has this many seconds for it.
fn declaring(driver: &mut Driver, policy: Policy, seconds: u64) -> NodeId {
    let policy = Policy { start_timeout: Some(secs(seconds)), ..policy };
    driver.unit_in(ROOT, policy, UnitKind { declares_ready: true, ..PLAIN })
}

fn not_ready(unit: NodeId) -> Action {
    Action::Tell { unit, why: UnitEnd::NotReady }
}

#[test]
fn s6_a_unit_that_is_ready_in_time_has_all_the_time_from_there_on() {
    let mut driver = Driver::new();
    let unit = declaring(&mut driver, Policy::default(), 5);
    driver.begin_and_enter_all();
    assert_eq!(driver.next_deadline(), Some(secs(5)));
    assert_eq!(driver.pass(secs(4)), []);
    driver.say_ready(unit);
    assert_eq!(driver.next_deadline(), None);
}

#[test]
fn s6_a_unit_that_is_not_ready_in_time_is_told_to_stop_and_ends_its_group() {
    let mut driver = Driver::new();
    let unit = declaring(&mut driver, Policy::default(), 5);
    let waits = driver.unit(after(&[unit]));
    driver.begin_and_enter_all();
    let actions = driver.pass(secs(5));
    let expected = [
        Action::NotReadyInTime(unit),
        not_ready(unit),
        Action::CallStop(unit),
        stopping(GroupEnd::Child(unit)),
        Action::Stopped(waits),
    ];
    assert_eq!(actions, expected);
    driver.call_returned(unit);
    driver.return_ok(unit);
    assert_eq!(driver.settle(unit), [Action::Stopped(unit), Action::Finished]);
    assert_eq!(driver.state(unit), UnitState::Failed, "though it returned Ok when it was told");
}

#[test]
fn s6_a_unit_that_is_not_ready_in_time_starts_again_once_it_has_stopped() {
    let mut driver = Driver::new();
    let unit = declaring(&mut driver, restarting(Restart::on_failure(), 1), 5);
    driver.begin_and_enter_all();
    let recalled = [Action::NotReadyInTime(unit), not_ready(unit), Action::CallStop(unit)];
    assert_eq!(driver.pass(secs(5)), recalled);
    assert_eq!(driver.next_deadline(), Some(RUN), "to stop, it has as long as the group");
    driver.return_ok(unit);
    assert_eq!(driver.settle(unit), [backoff(unit, 1)]);
    assert_eq!(driver.pass(secs(1)), [], "its graceful_stop is still out");
    assert_eq!(driver.call_returned(unit), [start_again(unit, 2)]);
    driver.enter(unit);
    assert_eq!(driver.next_deadline(), Some(secs(5)), "and has its time again");
    driver.say_ready(unit);
    assert_eq!(driver.state(ROOT), UnitState::Running);
    // L8: each incarnation that was told has its own.
    let end = [stopping(GroupEnd::Asked), told(unit), Action::CallStop(unit)];
    assert_eq!(driver.stop(), end);
}

#[test]
fn s2_one_that_does_not_stop_in_time_to_start_again_ends_its_group() {
    let mut driver = Driver::new();
    let policy = Policy { stop_timeout: Some(secs(2)), ..restarting(Restart::on_failure(), 1) };
    let unit = declaring(&mut driver, policy, 5);
    driver.begin_and_enter_all();
    driver.pass(secs(5));
    assert_eq!(driver.next_deadline(), Some(secs(2)));
    let given_up = [Action::DidNotStop(unit), stopping(GroupEnd::Child(unit))];
    assert_eq!(driver.pass(secs(2)), given_up);
    assert_eq!(driver.pass(secs(2)), [Action::Late(unit), Action::Finished]);
    assert!(driver.machine.has_failed(unit));
}

#[test]
fn s6_a_stop_while_it_is_stopped_to_start_again_takes_the_restart_back() {
    let mut driver = Driver::new();
    let unit = declaring(&mut driver, restarting(Restart::on_failure(), 0), 5);
    driver.begin_and_enter_all();
    driver.pass(secs(5));
    assert_eq!(driver.stop(), [stopping(GroupEnd::Asked)], "it was told, and its stop is out");
    driver.call_returned(unit);
    driver.return_ok(unit);
    assert_eq!(driver.settle(unit), [Action::Stopped(unit), Action::Finished]);
    assert_eq!(driver.state(unit), UnitState::Stopped);
}

/// Its turn comes after that of what comes after it: time passes no judgement in between.
#[test]
fn s6_nobody_is_told_out_of_turn_for_not_being_ready() {
    let mut driver = Driver::new();
    let store = driver.unit(Policy::default());
    let slow = declaring(&mut driver, Policy { background: true, ..after(&[]) }, 5);
    driver.begin_and_enter_all();
    driver.stop();
    assert_eq!(driver.pass(secs(5)), []);
    assert_eq!(driver.state(slow), UnitState::Running);
    driver.call_returned(store);
    driver.return_ok(store);
    assert!(driver.settle(store).contains(&told(slow)));
}

#[test]
fn l8_one_that_was_told_before_it_entered_gets_its_graceful_stop_when_it_enters() {
    let mut driver = Driver::new();
    let unit = declaring(&mut driver, restarting(Restart::on_failure(), 1), 5);
    driver.begin();
    assert_eq!(driver.pass(secs(5)), [Action::NotReadyInTime(unit), not_ready(unit)]);
    assert_eq!(driver.enter(unit), [Action::CallStop(unit)]);
}

#[test]
fn l8_after_a_restart_that_is_refused_it_is_not_called_a_second_time() {
    let mut driver = Driver::new();
    let unit = declaring(&mut driver, restarting(Restart::on_failure(), 0), 5);
    driver.begin_and_enter_all();
    driver.pass(secs(5));
    driver.return_ok(unit);
    driver.settle(unit);
    assert_eq!(driver.call_returned(unit), [start_again(unit, 2)]);
    let actions = driver.feed(Input::Refused(unit));
    assert!(!actions.contains(&Action::CallStop(unit)), "{actions:?}");
    assert!(actions.contains(&Action::Finished), "{actions:?}");
}

#[test]
fn a_word_from_a_context_that_outlived_its_incarnation_counts_for_nothing() {
    let mut driver = Driver::new();
    let unit = declaring(&mut driver, restarting(Restart::on_failure(), 0), 5);
    driver.begin_and_enter_all();
    driver.fail(unit);
    driver.settle(unit);
    driver.enter(unit);
    assert_eq!(driver.feed(Input::SaidReady { unit, incarnation: 1 }), []);
    assert_eq!(driver.feed(Input::ExtendStop { unit, incarnation: 1, by: secs(9) }), []);
    assert!(!driver.machine.is_ready(unit));
}

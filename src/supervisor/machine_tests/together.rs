//! S3: siblings that start again together.

use super::restarting::{backoff, restarting, start_again};
use super::*;
use crate::restart::{Backoff, Restart};

fn round(unit: NodeId, culprit: NodeId) -> Action {
    Action::Tell { unit, why: UnitEnd::Round(culprit) }
}

/// It is told to stop for a round, and is called.
fn recalled(unit: NodeId, culprit: NodeId) -> [Action; 2] {
    [round(unit, culprit), Action::CallStop(unit)]
}

/// A unit that does as it is told and leaves; what comes of the last step.
fn obey(driver: &mut Driver, unit: NodeId) -> Vec<Action> {
    assert_eq!(driver.call_returned(unit), []);
    assert_eq!(driver.return_ok(unit), []);
    driver.settle(unit)
}

/// Three units: the second is the one that restarts, with a pause of a second.
fn three(strategy: Strategy) -> (Driver, [NodeId; 3]) {
    let mut driver = Driver::with_strategy(strategy);
    let first = driver.unit(Policy::default());
    let second = driver.unit(restarting(Restart::on_failure(), 1));
    let third = driver.unit(Policy::default());
    driver.begin_and_enter_all();
    (driver, [first, second, third])
}

#[test]
fn s3_one_for_all_stops_all_and_starts_all_in_order() {
    let (mut driver, [a, b, c]) = three(Strategy::one_for_all());
    let mut expected = vec![ended(b)];
    expected.extend(recalled(c, b));
    expected.extend(recalled(a, b));
    assert_eq!(driver.fail(b), expected, "the last is told first");
    assert!(!driver.machine.is_ready(ROOT));
    assert_eq!(driver.settle(b), []);
    assert_eq!(driver.state(b), UnitState::Backoff);
    assert_eq!(driver.machine.waits_for(b), [a, c], "its pause has not begun");
    assert_eq!(obey(&mut driver, a), []);
    assert_eq!(obey(&mut driver, c), [backoff(a, 1), backoff(b, 1), backoff(c, 1)]);
    assert_eq!(driver.next_deadline(), Some(secs(1)));
    assert_eq!(driver.pass(secs(1)), [start_again(a, 2), start_again(b, 2), start_again(c, 2)]);
    for unit in [a, b, c] {
        driver.enter(unit);
    }
    assert!(driver.machine.is_ready(ROOT));
    assert!(!driver.machine.has_failed(ROOT), "what is made good is no failure");
}

#[test]
fn s3_rest_for_one_leaves_those_before_alone() {
    let (mut driver, [a, b, c]) = three(Strategy::rest_for_one());
    let mut expected = vec![ended(b)];
    expected.extend(recalled(c, b));
    assert_eq!(driver.fail(b), expected);
    driver.settle(b);
    assert_eq!(obey(&mut driver, c), [backoff(b, 1), backoff(c, 1)]);
    assert_eq!(driver.pass(secs(1)), [start_again(b, 2), start_again(c, 2)]);
    assert_eq!(driver.state(a), UnitState::Running);
}

#[test]
fn s3_one_for_one_leaves_all_others_alone() {
    let (mut driver, [a, b, c]) = three(Strategy::one_for_one());
    assert_eq!(driver.fail(b), [ended(b)]);
    assert_eq!(driver.settle(b), [backoff(b, 1)]);
    assert_eq!([a, c].map(|unit| driver.state(unit)), [UnitState::Running; 2]);
}

#[test]
fn s3_a_unit_that_never_restarts_ends_the_group_whatever_the_strategy() {
    let (mut driver, [a, ..]) = three(Strategy::one_for_all());
    assert_eq!(driver.fail(a)[..2], [ended(a), stopping(GroupEnd::Child(a))]);
}

#[test]
fn s3_dependents_stop_before_and_start_when_what_they_come_after_is_ready() {
    let mut driver = Driver::with_strategy(Strategy::one_for_all());
    let store = driver.unit(restarting(Restart::on_failure(), 0));
    let server = driver.unit(after(&[store]));
    let edge = driver.unit(after(&[server]));
    driver.begin_and_enter_all();
    let mut expected = vec![ended(store)];
    expected.extend(recalled(edge, store));
    assert_eq!(driver.fail(store), expected);
    assert_eq!(driver.machine.waits_for(server), [edge]);
    driver.settle(store);
    assert_eq!(obey(&mut driver, edge), recalled(server, store));
    let paused = [backoff(store, 0), backoff(server, 0), backoff(edge, 0), start_again(store, 2)];
    assert_eq!(obey(&mut driver, server), paused);
    assert_eq!(driver.enter(store), [Action::Ready(store), start_again(server, 2)]);
    assert_eq!(driver.enter(server), [Action::Ready(server), start_again(edge, 2)]);
}

#[test]
fn s3_with_stops_one_by_one_a_round_stops_one_by_one() {
    let strategy = Strategy::one_for_all();
    let mut driver = Driver::with(GroupKind { order: StopOrder::Reverse, strategy });
    let a = driver.unit(restarting(Restart::on_failure(), 0));
    let [b, c] = [(); 2].map(|()| driver.unit(Policy::default()));
    driver.begin_and_enter_all();
    let mut expected = vec![ended(a)];
    expected.extend(recalled(c, a));
    assert_eq!(driver.fail(a), expected);
    driver.settle(a);
    assert_eq!(obey(&mut driver, c), recalled(b, a));
    assert_eq!(obey(&mut driver, b)[0], backoff(a, 0));
}

#[test]
fn s3_a_callback_that_is_out_holds_up_all_of_them() {
    let (mut driver, [a, b, c]) = three(Strategy::one_for_all());
    driver.fail(b);
    driver.settle(b);
    obey(&mut driver, a);
    driver.return_ok(c);
    assert_eq!(driver.settle(c), []);
    assert_eq!(driver.call_returned(c).len(), 3);
}

#[test]
fn s3_tasks_that_are_done_start_again_with_the_others() {
    let mut driver = Driver::with_strategy(Strategy::one_for_all());
    let load = driver.unit(task());
    let store = driver.unit(Policy { after: vec![load], ..restarting(Restart::on_failure(), 0) });
    driver.begin();
    driver.enter(load);
    driver.leave(load);
    driver.enter(store);
    assert_eq!(driver.state(load), UnitState::Stopped);
    driver.fail(store);
    assert_eq!(driver.settle(store), [backoff(load, 0), backoff(store, 0), start_again(load, 2)]);
    driver.enter(load);
    // It is done once more, and the group goes on by the store alone.
    assert!(driver.leave(load).contains(&Action::Stopped(load)));
    driver.enter(store);
    assert_eq!(driver.state(ROOT), UnitState::Running);
    driver.leave(store);
    assert!(driver.machine.is_finished() || driver.state(ROOT) == UnitState::Stopping);
}

#[test]
fn s3_a_sibling_that_does_not_stop_in_time_ends_the_group() {
    let mut driver = Driver::with_strategy(Strategy::one_for_all());
    let hung = driver.unit(within(secs(2)));
    let feed = driver.unit(restarting(Restart::on_failure(), 1));
    driver.begin_and_enter_all();
    driver.fail(feed);
    driver.settle(feed);
    assert_eq!(driver.next_deadline(), Some(secs(2)));
    let given_up = driver.pass(secs(2));
    assert_eq!(given_up[..2], [Action::DidNotStop(hung), stopping(GroupEnd::Child(hung))]);
    assert!(given_up.contains(&Action::Stopped(feed)), "its restart is taken back");
    assert!(driver.machine.has_failed(ROOT));
    driver.call_returned(feed);
    assert_eq!(driver.pass(secs(2)), [Action::Late(hung), Action::Finished]);
}

#[test]
fn s3_the_limit_is_the_groups() {
    let strategy = Strategy::one_for_all().intensity(2, secs(60));
    let mut driver = Driver::with_strategy(strategy);
    let none = Restart::on_failure().backoff(Backoff::none());
    // Each alone would be within its own limit, which is not looked at.
    let policy = || Policy { restart: none.clone().intensity(1, secs(60)), ..Policy::default() };
    let [a, b] = [(); 2].map(|()| driver.unit(policy()));
    driver.begin_and_enter_all();
    for (culprit, other) in [(a, b), (a, b)] {
        driver.fail(culprit);
        driver.settle(culprit);
        obey(&mut driver, other);
        driver.enter(a);
        driver.enter(b);
    }
    let limit = Action::GaveUp { unit: b, limit: LimitOf::ItsGroup };
    let actions = driver.fail(b);
    assert_eq!(actions[..3], [limit, ended(b), stopping(GroupEnd::Child(b))]);
    assert!(driver.machine.has_failed(ROOT));
}

#[test]
fn s3_one_for_one_may_have_a_limit_of_the_group_beside_the_units() {
    let strategy = Strategy::one_for_one().intensity(1, secs(60));
    let mut driver = Driver::with_strategy(strategy);
    let [a, b] = [(); 2].map(|()| driver.unit(restarting(Restart::on_failure(), 0)));
    driver.begin_and_enter_all();
    driver.fail(a);
    driver.settle(a);
    let limit = Action::GaveUp { unit: b, limit: LimitOf::ItsGroup };
    assert_eq!(driver.fail(b)[0], limit);
}

#[test]
fn s3_a_stop_during_a_round_takes_it_back_and_calls_who_was_not_called() {
    let (mut driver, [a, b, c]) = three(Strategy::one_for_all());
    driver.fail(b);
    driver.settle(b);
    obey(&mut driver, a);
    // The culprit has had no graceful_stop, and is not replaced any more (L8).
    assert_eq!(
        driver.stop(),
        [stopping(GroupEnd::Asked), Action::Stopped(a), Action::Stopped(b), Action::CallStop(b),]
    );
    assert_eq!(driver.state(c), UnitState::Stopping);
    driver.call_returned(b);
    driver.call_returned(c);
    driver.return_ok(c);
    assert_eq!(driver.settle(c), [Action::Stopped(c), Action::Finished]);
    assert!(!driver.machine.has_failed(ROOT));
}

#[test]
fn s3_a_stop_during_the_pause_of_a_round_is_obeyed_at_once() {
    let (mut driver, [a, b, c]) = three(Strategy::one_for_all());
    driver.fail(b);
    driver.settle(b);
    obey(&mut driver, a);
    obey(&mut driver, c);
    assert_eq!(driver.state(c), UnitState::Backoff);
    let actions = driver.stop();
    assert!([a, b, c].iter().all(|&unit| actions.contains(&Action::Stopped(unit))));
    assert_eq!(actions.iter().filter(|it| matches!(it, Action::CallStop(_))).count(), 1);
    assert_eq!(driver.call_returned(b), [Action::Finished]);
}

#[test]
fn s3_an_earlier_sibling_that_fails_widens_the_round() {
    let mut driver = Driver::with_strategy(Strategy::rest_for_one());
    let [a, b] = [1, 2].map(|pause| driver.unit(restarting(Restart::on_failure(), pause)));
    let c = driver.unit(Policy::default());
    driver.begin_and_enter_all();
    driver.fail(b);
    driver.settle(b);
    assert_eq!(driver.fail(a), [ended(a)], "the others are told already");
    driver.settle(a);
    let paused = [backoff(a, 2), backoff(b, 2), backoff(c, 2)];
    assert_eq!(obey(&mut driver, c), paused, "the longer of the pauses");
    assert_eq!(driver.pass(secs(2)).len(), 3);
}

#[test]
fn s3_an_earlier_sibling_that_fails_during_the_pause_begins_another_round() {
    let mut driver = Driver::with_strategy(Strategy::rest_for_one());
    let [a, b] = [(); 2].map(|()| driver.unit(restarting(Restart::on_failure(), 5)));
    driver.begin_and_enter_all();
    driver.fail(b);
    assert_eq!(driver.settle(b), [backoff(b, 5)]);
    driver.pass(secs(4));
    driver.fail(a);
    assert_eq!(driver.settle(a), [backoff(a, 5), backoff(b, 5)]);
    assert_eq!(driver.pass(secs(4)), [], "the first pause is over");
    assert_eq!(driver.pass(secs(1)), [start_again(a, 2), start_again(b, 2)]);
}

#[test]
fn s3_a_sibling_that_ends_before_its_turn_is_in_the_round_as_any() {
    let mut driver = Driver::with_strategy(Strategy::one_for_all());
    let feed = driver.unit(restarting(Restart::on_failure(), 0));
    let store = driver.unit(Policy::default());
    let server = driver.unit(after(&[store]));
    driver.begin_and_enter_all();
    driver.fail(feed);
    driver.settle(feed);
    assert_eq!(driver.fail(store), [ended(store)], "it is to start again, and does");
    assert_eq!(driver.settle(store), []);
    assert_eq!(obey(&mut driver, server).len(), 4 + 1);
    assert!(!driver.machine.has_failed(ROOT));
}

#[test]
fn l3_one_that_is_taken_out_of_a_round_starts_no_more_and_the_others_do() {
    let (mut driver, [a, b, c]) = three(Strategy::one_for_all());
    driver.fail(b);
    driver.settle(b);
    obey(&mut driver, a);
    // Its threads have left; it waits for the others.
    assert_eq!(driver.deregister(a), [Action::Stopped(a)]);
    assert_eq!(driver.deregister(c), [], "it is told already");
    driver.call_returned(c);
    driver.return_ok(c);
    assert_eq!(driver.settle(c), [Action::Stopped(c), backoff(b, 1)]);
    assert_eq!(driver.pass(secs(1)), [start_again(b, 2)]);
}

#[test]
fn s3_one_that_has_not_started_is_not_part_of_a_round() {
    let mut driver = Driver::with_strategy(Strategy::one_for_all());
    let feed = driver.unit(restarting(Restart::on_failure(), 0));
    let waits = driver.unit(after(&[feed]));
    driver.begin();
    driver.fail(feed);
    assert_eq!(driver.settle(feed), [backoff(feed, 0), start_again(feed, 2)]);
    assert_eq!(driver.enter(feed), [Action::Ready(feed), start(waits)]);
}

#[test]
fn s3_one_that_finds_no_thread_takes_the_others_with_it() {
    let mut driver = Driver::with_strategy(Strategy::one_for_all());
    let a = driver.unit(Policy::default());
    let b = driver.unit(restarting(Restart::on_failure(), 1));
    driver.begin();
    driver.enter(a);
    let recalled = recalled(a, b);
    assert_eq!(driver.feed(Input::SpawnFailed { unit: b, spawned: 0 }), recalled);
    assert_eq!(driver.state(b), UnitState::Backoff);
    assert_eq!(obey(&mut driver, a), [backoff(a, 1), backoff(b, 1)]);
}

/// Its callback returns when the end has begun, and its own turn has not come: another's is first.
#[test]
fn s3_who_waits_for_a_round_that_the_end_overtakes_is_not_over_before_its_turn() {
    let strategy = Strategy::one_for_all();
    let mut driver = Driver::with(GroupKind { order: StopOrder::Reverse, strategy });
    let first = driver.unit(Policy::default());
    let second = driver.unit(restarting(Restart::on_failure(), 1));
    driver.begin_and_enter_all();
    driver.fail(second);
    assert_eq!(driver.settle(second), recalled(first, second), "one by one");
    driver.return_ok(first);
    driver.settle(first);
    let stopped = [Action::Stopped(second), Action::CallStop(second)];
    assert_eq!(driver.stop()[1..], stopped, "it is the last of it now, and the first to stop");
    assert_eq!(driver.call_returned(first), []);
    assert_eq!(driver.call_returned(second), [Action::Stopped(first), Action::Finished]);
}

//! S5: groups that start again, with all that is in them.

use super::restarting::{backoff, restarting, start_again};
use super::*;
use crate::restart::{Backoff, Restart};

/// A group of two that starts again after a second, beside a plain unit.
fn group_of_two() -> (Driver, NodeId, [NodeId; 2], NodeId) {
    let mut driver = Driver::new();
    let group = driver.group(restarting(Restart::on_failure(), 1));
    let [a, b] = [(); 2].map(|()| driver.unit_in(group, Policy::default(), PLAIN));
    let beside = driver.unit(Policy::default());
    driver.begin_and_enter_all();
    (driver, group, [a, b], beside)
}

fn group_stopping(group: NodeId, why: GroupEnd) -> Action {
    Action::Stopping { group, why }
}

#[test]
fn s5_a_group_whose_child_fails_starts_again_with_all_its_children() {
    let (mut driver, group, [a, b], beside) = group_of_two();
    assert_eq!(
        driver.fail(a),
        [
            ended(a),
            group_stopping(group, GroupEnd::Child(a)),
            told_by(group, b),
            Action::CallStop(b),
        ],
        "a is replaced and gets no graceful_stop (L8)"
    );
    assert!(!driver.machine.is_ready(ROOT) && !driver.machine.counts(a));
    assert_eq!(driver.settle(a), [Action::Stopped(a)]);
    assert_eq!(driver.obey(b), [backoff(group, 1)]);
    assert_eq!(driver.state(group), UnitState::Backoff);
    assert_eq!(driver.machine.starts_at(group), Some(driver.now + secs(1)));
    let again = [start_again(group, 2), start_again(a, 2), start_again(b, 2)];
    assert_eq!(driver.pass(secs(1)), again);
    assert_eq!(driver.enter(a), [Action::Ready(a)]);
    let ready = [Action::Ready(b), Action::Ready(group), Action::Ready(ROOT)];
    assert_eq!(driver.enter(b), ready);
    assert!(!driver.machine.has_failed(ROOT) && !driver.machine.has_failed(a));
    assert_eq!(driver.state(beside), UnitState::Running);
    // L8: and at the end each has its own.
    let end = driver.stop();
    assert!([a, b, beside].iter().all(|&unit| end.contains(&Action::CallStop(unit))));
}

#[test]
fn s5_a_group_that_fails_too_often_is_given_up_and_ends_its_parent() {
    let mut driver = Driver::new();
    let once = Restart::on_failure().backoff(Backoff::none()).intensity(1, secs(60));
    let group = driver.group(Policy { restart: once, ..Policy::default() });
    let a = driver.unit_in(group, Policy::default(), PLAIN);
    driver.begin_and_enter_all();
    driver.fail(a);
    assert_eq!(
        driver.settle(a)[1..],
        [backoff(group, 0), start_again(group, 2), start_again(a, 2)]
    );
    driver.enter(a);
    assert_eq!(
        driver.fail(a)[..4],
        [
            ended(a),
            Action::GaveUp { unit: group, limit: LimitOf::Itself },
            group_stopping(group, GroupEnd::Child(a)),
            stopping(GroupEnd::Child(group)),
        ]
    );
    assert!(driver.machine.counts(a) && driver.machine.has_failed(ROOT));
}

#[test]
fn s5_a_child_that_is_given_up_has_its_group_start_again_with_a_clean_slate() {
    let mut driver = Driver::new();
    let group = driver.group(restarting(Restart::on_failure(), 0));
    let once = Restart::on_failure().backoff(Backoff::none()).intensity(1, secs(60));
    let a = driver.unit_in(group, Policy { restart: once, ..Policy::default() }, PLAIN);
    driver.begin_and_enter_all();
    for attempt in [2, 4] {
        assert_eq!(driver.fail(a), [ended(a)], "once is within its limit");
        assert_eq!(driver.settle(a).last(), Some(&start_again(a, attempt)));
        driver.enter(a);
        assert_eq!(driver.fail(a)[0], Action::GaveUp { unit: a, limit: LimitOf::Itself });
        assert_eq!(driver.settle(a).last(), Some(&start_again(a, attempt + 1)), "by its group");
        driver.enter(a);
    }
    assert!(!driver.machine.has_failed(ROOT));
}

#[test]
fn s5_a_group_of_tasks_that_restarts_always_does_them_again() {
    let mut driver = Driver::new();
    let always = Restart::always().backoff(Backoff::none());
    let group = driver.group(Policy { restart: always, ..Policy::default() });
    let [a, b] = [(); 2].map(|()| driver.unit_in(group, task(), PLAIN));
    driver.begin_and_enter_all();
    driver.leave(a);
    let actions = driver.leave(b);
    assert!(actions.contains(&group_stopping(group, GroupEnd::TasksDone)));
    assert_eq!(actions[actions.len() - 2..], [start_again(a, 2), start_again(b, 2)]);
    assert_eq!(driver.state(ROOT), UnitState::Running);
}

#[test]
fn s5_a_stop_while_a_group_stops_to_start_again_takes_that_back() {
    let (mut driver, group, [a, b], beside) = group_of_two();
    driver.fail(a);
    driver.settle(a);
    let end = driver.stop();
    assert_eq!(end[0], stopping(GroupEnd::Asked));
    assert!(end.contains(&Action::CallStop(a)), "it is the last of a now (L8)");
    driver.call_returned(a);
    assert_eq!(driver.obey(b), [Action::Stopped(group)]);
    assert_eq!(driver.obey(beside), [Action::Finished]);
    assert!(!driver.machine.has_failed(ROOT));
}

#[test]
fn s5_a_stop_while_a_group_waits_to_start_again_calls_who_was_not_called() {
    let (mut driver, group, [a, b], beside) = group_of_two();
    driver.fail(a);
    driver.settle(a);
    driver.obey(b);
    let end = driver.stop();
    assert!(end.contains(&Action::CallStop(a)) && !end.contains(&Action::CallStop(b)));
    assert_eq!(driver.state(group), UnitState::Stopping, "a's is out");
    assert_eq!(driver.call_returned(a), [Action::Stopped(group)]);
    assert_eq!(driver.obey(beside), [Action::Finished]);
}

#[test]
fn s5_a_group_that_has_not_stopped_in_time_to_start_again_ends_its_parent() {
    let mut driver = Driver::new();
    let policy = Policy { stop_timeout: Some(secs(2)), ..restarting(Restart::on_failure(), 0) };
    let group = driver.group(policy);
    let [a, b] = [(); 2].map(|()| driver.unit_in(group, Policy::default(), PLAIN));
    let beside = driver.unit(Policy::default());
    driver.begin_and_enter_all();
    driver.fail(a);
    driver.settle(a);
    let actions = driver.pass(secs(2));
    assert_eq!(actions[..2], [Action::DidNotStop(group), stopping(GroupEnd::Child(group))]);
    assert!(actions.contains(&told(beside)) && actions.contains(&Action::CallStop(a)));
    driver.call_returned(a);
    assert_eq!(driver.obey(beside), []);
    assert_eq!(driver.pass(secs(2))[..1], [Action::Late(b)]);
    assert!(driver.machine.is_finished());
}

#[test]
fn s2_a_child_past_its_own_deadline_keeps_all_above_it_from_starting_again() {
    let mut driver = Driver::new();
    let outer = driver.group(restarting(Restart::on_failure(), 0));
    let inner = driver.group_in(outer, restarting(Restart::on_failure(), 0), GroupKind::default());
    let a = driver.unit_in(inner, Policy::default(), PLAIN);
    let hung = driver.unit_in(inner, within(secs(1)), PLAIN);
    driver.begin_and_enter_all();
    driver.fail(a);
    driver.settle(a);
    let actions = driver.pass(secs(1));
    assert_eq!(actions[..2], [Action::Late(hung), Action::DidNotStop(inner)]);
    assert!(actions.contains(&stopping(GroupEnd::Child(outer))), "{actions:?}");
    driver.call_returned(a);
    assert!(driver.machine.is_finished() && driver.machine.has_failed(ROOT));
}

#[test]
fn s5_a_group_has_a_start_timeout_as_any() {
    let mut driver = Driver::new();
    let policy = Policy { start_timeout: Some(secs(5)), ..restarting(Restart::on_failure(), 1) };
    let group = driver.group(policy);
    let kind = UnitKind { declares_ready: true, ..PLAIN };
    let slow = driver.unit_in(group, Policy::default(), kind);
    driver.begin_and_enter_all();
    assert_eq!(
        driver.pass(secs(5)),
        [
            Action::NotReadyInTime(group),
            group_stopping(group, GroupEnd::Asked),
            told_by(group, slow),
            Action::CallStop(slow),
        ]
    );
    assert_eq!(driver.obey(slow), [backoff(group, 1)]);
    driver.pass(secs(1));
    driver.enter(slow);
    driver.say_ready(slow);
    assert!(driver.machine.is_ready(ROOT));
    assert_eq!(driver.next_deadline(), None);
}

#[test]
fn s3_a_group_in_a_round_is_stopped_and_started_as_a_unit_is() {
    let mut driver = Driver::with_strategy(Strategy::one_for_all());
    let feed = driver.unit(restarting(Restart::on_failure(), 1));
    let group = driver.group(Policy::default());
    let a = driver.unit_in(group, Policy::default(), PLAIN);
    driver.begin_and_enter_all();
    assert_eq!(
        driver.fail(feed),
        [
            ended(feed),
            group_stopping(group, GroupEnd::Asked),
            told_by(group, a),
            Action::CallStop(a),
        ]
    );
    driver.settle(feed);
    assert_eq!(driver.obey(a), [backoff(feed, 1), backoff(group, 1)]);
    let again = [start_again(feed, 2), start_again(group, 2), start_again(a, 2)];
    assert_eq!(driver.pass(secs(1)), again);
}

#[test]
fn s5_the_children_of_a_group_that_starts_again_wait_for_each_other_as_at_first() {
    let mut driver = Driver::new();
    let group = driver.group(restarting(Restart::on_failure(), 0));
    let a = driver.unit_in(group, Policy::default(), PLAIN);
    let b = driver.unit_in(group, after(&[a]), PLAIN);
    let load = driver.unit_in(group, task(), PLAIN);
    driver.begin_and_enter_all();
    driver.leave(load);
    driver.fail(b);
    driver.settle(b);
    assert_eq!(
        driver.obey(a),
        [backoff(group, 0), start_again(group, 2), start_again(a, 2), start_again(load, 2),]
    );
    assert_eq!(driver.enter(a), [Action::Ready(a), start_again(b, 2)]);
}

#[test]
fn l3_a_child_that_was_taken_out_does_not_come_back_with_its_group() {
    let (mut driver, group, [a, b], _) = group_of_two();
    driver.deregister(b);
    driver.obey(b);
    driver.fail(a);
    driver.settle(a);
    assert_eq!(driver.pass(secs(1)), [start_again(group, 2), start_again(a, 2)]);
    assert_eq!(driver.enter(a).last(), Some(&Action::Ready(ROOT)));
}

/// Its group is done, for good as far as is known then.
#[test]
fn l3_what_is_taken_out_of_a_task_that_is_done_does_not_come_back_with_the_group_above() {
    let mut driver = Driver::new();
    let group = driver.group(restarting(Restart::on_failure(), 1));
    let task = driver.group_in(group, task(), GroupKind::default());
    let [a, b] = [(); 2].map(|()| driver.unit_in(task, Policy::default(), PLAIN));
    let beside = driver.unit_in(group, Policy::default(), PLAIN);
    driver.begin_and_enter_all();
    driver.return_ok(a);
    driver.settle(a);
    driver.call_returned(a);
    driver.obey(b);
    assert_eq!(driver.state(task), UnitState::Stopped);
    assert_eq!(driver.deregister(a), []);
    driver.fail(beside);
    driver.settle(beside);
    let again = [group, task, b, beside].map(|node| start_again(node, 2));
    assert_eq!(driver.pass(secs(1)), again);
}

#[test]
fn s5_a_callback_of_the_life_before_holds_up_the_next() {
    let (mut driver, group, [a, b], _) = group_of_two();
    driver.fail(a);
    driver.settle(a);
    driver.obey(b);
    driver.feed(Input::CallStarted(b)); // from a thread that holds its context
    assert_eq!(driver.pass(secs(1)), [start_again(group, 2), start_again(a, 2)]);
    assert_eq!(driver.call_returned(b), [start_again(b, 2)]);
}

#[test]
fn l8_a_group_stopped_before_its_children_have_come_back_calls_those_who_were_not() {
    let mut driver = Driver::new();
    let group = driver.group(restarting(Restart::on_failure(), 0));
    let a = driver.unit_in(group, Policy::default(), PLAIN);
    let b = driver.unit_in(group, after(&[a]), PLAIN);
    driver.begin_and_enter_all();
    driver.fail(b);
    driver.settle(b);
    driver.obey(a);
    assert_eq!(driver.state(b), UnitState::New, "a has not come back yet");
    assert!(driver.stop().contains(&Action::CallStop(b)));
}

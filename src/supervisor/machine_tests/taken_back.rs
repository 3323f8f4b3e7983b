//! Restarts that are taken back or change on the way: by a stop, by who is taken out, by who hangs, and
//! by who comes late.

use super::restarting::{backoff, restarting, start_again};
use super::*;
use crate::restart::{Backoff, Restart};

/// A restart policy with no pause.
fn at_once() -> Policy {
    restarting(Restart::on_failure(), 0)
}

fn recalled(unit: NodeId, culprit: NodeId) -> [Action; 2] {
    [Action::Tell { unit, why: UnitEnd::Round(culprit) }, Action::CallStop(unit)]
}

/// One of two in a group that starts again has stopped with it.
#[test]
fn l3_one_taken_out_while_its_group_waits_to_start_again_does_not_come_back() {
    let mut driver = Driver::new();
    let group = driver.group(restarting(Restart::on_failure(), 1));
    let [a, b] = [(); 2].map(|()| driver.unit_in(group, Policy::default(), PLAIN));
    driver.begin_and_enter_all();
    driver.fail(a);
    driver.settle(a);
    assert_eq!(driver.obey(b), [backoff(group, 1)]);
    assert_eq!(driver.deregister(b), [], "it has stopped, and was called");
    assert_eq!(driver.pass(secs(1)), [start_again(group, 2), start_again(a, 2)]);
}

#[test]
fn l8_one_taken_out_while_its_group_waits_to_start_again_was_the_last_of_its_incarnations() {
    let mut driver = Driver::new();
    let group = driver.group(restarting(Restart::on_failure(), 1));
    let [a, b] = [(); 2].map(|()| driver.unit_in(group, Policy::default(), PLAIN));
    driver.begin_and_enter_all();
    driver.fail(a);
    driver.settle(a);
    driver.obey(b);
    assert_eq!(driver.deregister(a), [Action::CallStop(a)]);
    driver.stop();
    assert!(!driver.machine.is_finished(), "a's call is waited for");
    assert_eq!(driver.call_returned(a).last(), Some(&Action::Finished));
}

#[test]
fn l8_a_stop_reaches_those_who_were_not_called_however_deep_they_are() {
    let mut driver = Driver::new();
    let outer = driver.group(at_once());
    let inner = driver.group_in(outer, Policy::default(), GroupKind::default());
    let a = driver.unit_in(inner, Policy::default(), PLAIN);
    let b = driver.unit_in(inner, Policy::default(), PLAIN);
    driver.begin_and_enter_all();
    assert!(!driver.fail(a).contains(&Action::CallStop(a)), "it is replaced with the outer group");
    driver.settle(a);
    assert!(driver.stop().contains(&Action::CallStop(a)));
    driver.call_returned(a);
    assert_eq!(driver.obey(b).last(), Some(&Action::Finished));
}

#[test]
fn l8_an_instance_that_enters_after_another_has_failed_is_not_called_where_they_are_replaced() {
    let mut driver = Driver::new();
    let group = driver.group(at_once());
    let two = UnitKind { instances: 2, ..PLAIN };
    let unit = driver.unit_in(group, Policy::default(), two);
    driver.begin();
    driver.enter(unit);
    driver.fail(unit);
    assert_eq!(driver.enter(unit), []);
    driver.return_ok(unit);
    assert_eq!(driver.settle(unit).last(), Some(&start_again(unit, 2)));
}

#[test]
fn s3_a_later_sibling_that_fails_widens_the_round_and_nobody_is_forgotten() {
    let mut driver = Driver::with_strategy(Strategy::rest_for_one());
    let a = driver.unit(restarting(Restart::on_failure(), 1));
    let b = driver.unit(Policy::default());
    let c = driver.unit(after(&[b]));
    driver.begin_and_enter_all();
    driver.fail(a);
    let added = driver.unit(restarting(Restart::on_failure(), 2));
    assert_eq!(driver.feed(Input::Added(added)), [start(added)]);
    driver.enter(added);
    assert_eq!(driver.fail(added), [ended(added)]);
    driver.settle(added);
    driver.settle(a);
    driver.call_returned(c);
    driver.return_ok(c);
    assert_eq!(driver.settle(c), recalled(b, added));
    driver.call_returned(b);
    driver.return_ok(b);
    assert_eq!(driver.settle(b), [a, b, c, added].map(|unit| backoff(unit, 2)));
}

#[test]
fn s3_what_has_stopped_keeps_its_place_between_those_after_it_and_those_before() {
    let mut driver = Driver::with_strategy(Strategy::one_for_all());
    let store = driver.unit(Policy::default());
    let server = driver.unit(Policy { after: vec![store], ..at_once() });
    let edge = driver.unit(after(&[server]));
    driver.begin_and_enter_all();
    driver.fail(server);
    assert_eq!(driver.settle(server), [], "the edge is there, so it is not the store's turn");
    driver.call_returned(edge);
    driver.return_ok(edge);
    assert_eq!(driver.settle(edge), recalled(store, server));
}

#[test]
fn s3_nobody_starts_again_with_one_that_was_left_behind() {
    let mut driver = Driver::with_strategy(Strategy::one_for_all());
    // Of a task that is done a thread is left behind.
    let jobs = driver.group(task());
    let job = driver.unit_in(jobs, task(), PLAIN);
    let hung = driver.unit_in(jobs, Policy { background: true, ..within(secs(1)) }, PLAIN);
    let feed = driver.unit(at_once());
    driver.begin_and_enter_all();
    driver.leave(job);
    driver.call_returned(job);
    assert_eq!(driver.pass(secs(1)), [Action::Late(hung), Action::Stopped(jobs)]);
    assert_eq!(driver.fail(feed)[..2], [ended(feed), stopping(GroupEnd::Child(feed))]);
}

#[test]
fn s3_what_a_done_task_has_failed_with_is_made_good_by_the_round_that_it_is_in() {
    let mut driver = Driver::with_strategy(Strategy::one_for_all());
    let jobs = driver.group(task());
    let job = driver.unit_in(jobs, task(), PLAIN);
    let log = driver.unit_in(jobs, background(), PLAIN);
    let feed = driver.unit(at_once());
    driver.begin_and_enter_all();
    driver.leave(job);
    driver.call_returned(job);
    driver.fail(log);
    assert!(driver.machine.has_failed(jobs), "it was done, and has failed in its stop");
    driver.fail(feed);
    driver.settle(feed);
    driver.call_returned(log);
    let again = driver.settle(log);
    assert!(again.contains(&start_again(jobs, 2)), "{again:?}");
    assert!(!driver.machine.has_failed(jobs));
    assert!(!driver.machine.has_failed(ROOT));
}

#[test]
fn s3_a_done_task_that_is_to_start_again_has_no_deadline_any_more_once_it_has_stopped() {
    let mut driver = Driver::with_strategy(Strategy::one_for_all());
    let jobs = driver.group(Policy { stop_timeout: Some(secs(5)), ..task() });
    let job = driver.unit_in(jobs, task(), PLAIN);
    let log = driver.unit_in(jobs, background(), PLAIN);
    let edge = driver.unit(after(&[jobs]));
    let feed = driver.unit(at_once());
    driver.begin_and_enter_all();
    driver.leave(job);
    driver.call_returned(job);
    driver.enter(edge);
    assert_eq!(driver.next_deadline(), Some(secs(5)));
    driver.fail(feed);
    driver.settle(feed);
    driver.call_returned(log);
    driver.settle(log);
    assert_eq!(
        driver.state(jobs),
        UnitState::Backoff,
        "it waits for its turn, and so for the edge"
    );
    assert_eq!(driver.next_deadline(), Some(RUN));
}

#[test]
fn s2_a_deadline_does_not_reach_into_the_next_life() {
    let mut driver = Driver::new();
    let outer = driver.group(at_once());
    let inner = driver.group_in(outer, within(secs(1)), GroupKind::default());
    let [hung, failing, other] = [(); 3].map(|()| driver.unit_in(inner, Policy::default(), PLAIN));
    driver.begin_and_enter_all();
    driver.deregister(hung);
    driver.fail(failing);
    driver.settle(failing);
    driver.obey(other);
    let next = [failing, other].map(|unit| start_again(unit, 2));
    let mut expected = vec![Action::Late(hung), Action::Stopped(inner), backoff(outer, 0)];
    expected.extend([outer, inner].map(|group| start_again(group, 2)));
    expected.extend(next);
    assert_eq!(driver.pass(secs(1)), expected, "and none of these is late");
}

#[test]
fn s1_where_the_end_has_begun_a_unit_that_was_to_start_again_may_stop_when_it_is_its_turn() {
    let mut driver = Driver::new();
    let feed = driver.unit(Policy { stop_timeout: Some(secs(1)), ..at_once() });
    let edge = driver.unit(after(&[feed]));
    driver.begin_and_enter_all();
    driver.fail(feed);
    driver.stop();
    assert_eq!(driver.pass(secs(1)), [], "nobody waits for it to start again");
    driver.settle(feed);
    driver.obey(edge);
    assert_eq!(driver.call_returned(feed), [Action::Finished]);
    assert!(!driver.machine.has_failed(ROOT));
}

#[test]
fn s5_a_group_that_would_end_as_it_starts_does_not_start_again() {
    let mut driver = Driver::new();
    let always = Restart::always().backoff(Backoff::none()).unlimited();
    let group = driver.group(Policy { restart: always, ..Policy::default() });
    let only = driver.unit_in(group, Policy::default(), PLAIN);
    driver.begin_and_enter_all();
    let actions = driver.deregister(only);
    assert!(actions.contains(&stopping(GroupEnd::Child(group))), "{actions:?}");
}

#[test]
fn l3_what_starts_with_others_keeps_what_it_comes_after_in_use() {
    let mut driver = Driver::with_strategy(Strategy::one_for_all());
    let store = driver.unit(at_once());
    let server = driver.unit(after(&[store]));
    driver.begin_and_enter_all();
    assert!(!driver.machine.may_come_back(server), "it never restarts");
    driver.fail(store);
    assert!(driver.machine.may_come_back(server), "it is in a round");
    driver.call_returned(server);
    driver.return_ok(server);
    driver.settle(server);
    assert_eq!(driver.state(server), UnitState::Backoff);
    assert!(driver.machine.may_come_back(server));
}

#[test]
fn s9_what_was_taken_out_cannot_make_its_group_unready() {
    let mut driver = Driver::new();
    let plain = driver.unit(Policy::default());
    let group = driver.group_in(ROOT, Policy::default(), GroupKind::default());
    let beating = Policy { heartbeat: Some(secs(10)), ..Policy::default() };
    let unit = driver.unit_in(group, beating, PLAIN);
    let edge = driver.unit_in(group, after(&[unit]), PLAIN);
    driver.begin_and_enter_all();
    driver.deregister(group);
    assert_eq!(driver.state(edge), UnitState::Stopping);
    assert_eq!(driver.pass(secs(10)), [Action::AskIfAlive(unit)], "it waits for its turn");
    let at = driver.now.checked_sub(secs(10)).unwrap();
    driver.feed(Input::Alive { unit, incarnation: 1, at });
    assert!(driver.machine.is_silent(unit) && driver.machine.is_ready(ROOT));
    assert!(driver.machine.is_ready(plain));
}

#[test]
fn s8_more_time_is_counted_from_a_deadline_that_is_there() {
    let mut driver = Driver::new();
    let group = driver.group(restarting(Restart::on_failure(), 5));
    let a = driver.unit_in(group, Policy::default(), PLAIN);
    let b = driver.unit_in(group, within(secs(2)), PLAIN);
    driver.begin_and_enter_all();
    driver.fail(b);
    driver.settle(b);
    driver.obey(a);
    driver.pass(secs(4));
    // Its call is for the end of the run, so it has its time from now.
    assert!(driver.stop().contains(&Action::CallStop(b)));
    assert_eq!(driver.next_deadline(), Some(secs(2)));
    assert_eq!(driver.pass(secs(2))[..1], [Action::Late(b)]);
    assert!(driver.machine.is_finished());
}

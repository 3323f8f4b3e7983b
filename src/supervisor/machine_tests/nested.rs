//! S5: a group is a node of its parent's machine.

use super::{
    Action, Driver, GroupEnd, GroupKind, Input, PLAIN, Policy, ROOT, RUN, StopOrder, UnitState,
    after, background, ended, secs, start, stopping, task, told, told_by, within,
};
use crate::restart::{Backoff, Restart};

fn group_stopping(group: usize, why: GroupEnd) -> Action {
    Action::Stopping { group, why }
}

#[test]
fn s5_a_group_starts_its_children_and_is_ready_when_they_are() {
    let mut run = Driver::new();
    let group = run.group(Policy::default());
    let a = run.unit_in(group, Policy::default(), PLAIN);
    let b = run.unit_in(group, after(&[a]), PLAIN);
    let behind = run.unit(after(&[group]));
    assert_eq!(run.begin(), [start(group), start(a)]);
    assert_eq!(run.state(group), UnitState::Running);
    assert_eq!(run.enter(a), [Action::Ready(a), start(b)]);
    assert_eq!(run.enter(b), [Action::Ready(b), Action::Ready(group), start(behind)]);
    assert_eq!(run.enter(behind), [Action::Ready(behind), Action::Ready(ROOT)]);
}

#[test]
fn s5_a_childs_end_ends_its_group_and_by_that_the_parent() {
    let mut run = Driver::new();
    let group = run.group(Policy::default());
    let [a, b] = [(); 2].map(|()| run.unit_in(group, Policy::default(), PLAIN));
    let c = run.unit(Policy::default());
    run.begin_and_enter_all();
    assert_eq!(
        run.fail(a),
        [
            ended(a),
            group_stopping(group, GroupEnd::Child(a)),
            stopping(GroupEnd::Child(group)),
            Action::CallStop(a),
            told_by(group, b),
            Action::CallStop(b),
            told(c),
            Action::CallStop(c),
        ]
    );
    run.call_returned(a);
    run.settle(a);
    assert_eq!(run.obey(b), [Action::Stopped(group)]);
    assert_eq!(run.state(group), UnitState::Failed);
    assert_eq!(run.obey(c), [Action::Finished]);
    assert_eq!(run.state(ROOT), UnitState::Failed);
}

/// Its own turn to stop has not come yet: another comes after it.
#[test]
fn l7_nothing_starts_in_a_group_once_the_end_of_one_above_it_has_begun() {
    let mut run = Driver::new();
    let group = run.group(Policy { stop_timeout: Some(secs(5)), ..Policy::default() });
    let restart = Restart::always().backoff(Backoff::constant(secs(1)).without_jitter());
    let a = run.unit_in(group, Policy { restart, ..Policy::default() }, PLAIN);
    let server = run.unit(after(&[group]));
    run.begin_and_enter_all();
    run.leave(a);
    assert_eq!(run.stop(), [stopping(GroupEnd::Asked), told(server), Action::CallStop(server)]);
    assert_eq!(run.pass(secs(1)), []);
    assert_eq!(run.state(group), UnitState::Running);
    assert_eq!(
        run.obey(server),
        [group_stopping(group, GroupEnd::Asked), Action::Stopped(a), Action::CallStop(a)]
    );
}

#[test]
fn s5_a_group_that_is_a_task_ends_only_itself() {
    let mut run = Driver::new();
    let group = run.group(Policy { stop_timeout: Some(secs(5)), ..task() });
    let [a, b] = [(); 2].map(|()| run.unit_in(group, task(), PLAIN));
    let c = run.unit(Policy::default());
    run.begin_and_enter_all();
    run.leave(a);
    assert_eq!(
        run.leave(b),
        [
            ended(b),
            Action::Stopped(b),
            group_stopping(group, GroupEnd::TasksDone),
            Action::CallStop(a),
            Action::CallStop(b),
        ]
    );
    assert_eq!(run.next_deadline(), Some(secs(5)));
    run.call_returned(a);
    assert_eq!(run.call_returned(b), [Action::Stopped(group)]);
    assert_eq!(run.next_deadline(), None, "nothing of it is left to wait for");
    assert_eq!(run.state(c), UnitState::Running);
    run.stop();
    assert_eq!(run.obey(c), [Action::Finished]);
}

#[test]
fn s5_a_group_that_is_a_task_and_ended_ok_counts_as_ready() {
    let mut run = Driver::new();
    let group = run.group(task());
    let kind = super::UnitKind { declares_ready: true, ..PLAIN };
    let a = run.unit_in(group, Policy::default(), kind);
    let behind = run.unit(after(&[group]));
    run.begin();
    run.enter(a);
    let actions = run.return_ok(a);
    assert!(actions.contains(&Action::Ready(group)) && actions.contains(&start(behind)));
}

#[test]
fn s5_a_group_that_is_a_task_and_fails_ends_its_parent() {
    let mut run = Driver::new();
    let group = run.group(task());
    let a = run.unit_in(group, Policy::default(), PLAIN);
    let b = run.unit(Policy::default());
    run.begin_and_enter_all();
    let actions = run.fail(a);
    assert!(actions.contains(&stopping(GroupEnd::Child(group))));
    assert!(actions.contains(&told(b)));
}

#[test]
fn l6_a_group_that_is_a_task_ends_its_parent_when_it_fails_no_sooner_than_in_its_stop() {
    let mut run = Driver::new();
    let group = run.group(task());
    let [a, b] = [(); 2].map(|()| run.unit_in(group, Policy::default(), PLAIN));
    let c = run.unit(Policy::default());
    run.begin_and_enter_all();
    assert!(!run.leave(a).contains(&told(c)), "so far it is a task that ends Ok");
    run.call_returned(a);
    run.call_returned(b);
    assert_eq!(run.fail(b), []);
    assert_eq!(
        run.settle(b),
        [
            Action::Stopped(b),
            Action::Stopped(group),
            stopping(GroupEnd::Child(group)),
            told(c),
            Action::CallStop(c),
        ]
    );
    assert_eq!(run.state(group), UnitState::Failed);
}

#[test]
fn s5_a_group_without_anybody_in_it_has_ended_as_soon_as_it_starts() {
    let mut run = Driver::new();
    let group = run.group(Policy::default());
    let a = run.unit(Policy::default());
    assert_eq!(
        run.begin(),
        [
            start(group),
            group_stopping(group, GroupEnd::TasksDone),
            stopping(GroupEnd::Child(group)),
            Action::Stopped(group),
            Action::Stopped(a),
            Action::Finished,
        ]
    );
}

#[test]
fn s5_the_first_group_without_anybody_in_it_is_the_cause_though_nobody_else_is_left() {
    let mut run = Driver::new();
    let group = run.group(Policy::default());
    assert_eq!(
        run.begin(),
        [
            start(group),
            group_stopping(group, GroupEnd::TasksDone),
            stopping(GroupEnd::Child(group)),
            Action::Stopped(group),
            Action::Finished,
        ]
    );
}

#[test]
fn l9_what_a_group_comes_after_is_told_when_all_in_the_group_have_stopped() {
    let mut run = Driver::new();
    let store = run.unit(Policy::default());
    let group = run.group(after(&[store]));
    let a = run.unit_in(group, Policy::default(), PLAIN);
    let b = run.unit_in(group, after(&[a]), PLAIN);
    run.begin_and_enter_all();
    assert_eq!(
        run.stop(),
        [
            stopping(GroupEnd::Asked),
            group_stopping(group, GroupEnd::Asked),
            told_by(group, b),
            Action::CallStop(b),
        ]
    );
    assert_eq!(run.machine.waits_for(store), [group]);
    assert_eq!(run.obey(b), [told_by(group, a), Action::CallStop(a)]);
    assert_eq!(run.obey(a), [Action::Stopped(group), told(store), Action::CallStop(store)]);
    assert_eq!(run.obey(store), [Action::Finished]);
}

#[test]
fn l9_each_group_has_an_order_of_its_own() {
    let mut run = Driver::new();
    let group = run.group_in(
        ROOT,
        Policy::default(),
        GroupKind { order: StopOrder::Reverse, ..GroupKind::default() },
    );
    let [a, b] = [(); 2].map(|()| run.unit_in(group, Policy::default(), PLAIN));
    let c = run.unit(Policy::default());
    run.begin_and_enter_all();
    let actions = run.stop();
    assert!(actions.contains(&told(c)) && actions.contains(&told_by(group, b)));
    assert!(!actions.contains(&told_by(group, a)));
    assert_eq!(run.obey(b), [told_by(group, a), Action::CallStop(a)]);
}

#[test]
fn l10_a_groups_deadline_bounds_all_below_and_the_leaves_are_late() {
    let mut run = Driver::new();
    let store = run.unit(Policy::default());
    let group = run.group(Policy { stop_timeout: Some(secs(5)), ..after(&[store]) });
    let inner = run.group_in(group, Policy::default(), GroupKind::default());
    let a = run.unit_in(inner, within(secs(20)), PLAIN);
    let b = run.unit_in(inner, after(&[a]), PLAIN);
    run.begin_and_enter_all();
    run.stop();
    assert_eq!(run.next_deadline(), Some(secs(5)));
    assert_eq!(
        run.pass(secs(5)),
        [
            told_by(inner, a),
            Action::CallStop(a),
            Action::Late(a),
            Action::Late(b),
            Action::Stopped(inner),
            Action::Stopped(group),
            told(store),
            Action::CallStop(store),
        ]
    );
    assert!(!run.machine.is_late(group) && !run.machine.is_late(inner));
    assert_eq!(run.next_deadline(), Some(secs(25)));
}

#[test]
fn l10_the_runs_deadline_reaches_those_whose_group_was_not_told_yet() {
    let mut run = Driver::new();
    let group = run.group(background());
    let a = run.unit_in(group, Policy::default(), PLAIN);
    let b = run.unit(Policy::default());
    run.begin_and_enter_all();
    run.stop();
    assert_eq!(
        run.pass(RUN),
        [
            group_stopping(group, GroupEnd::Asked),
            told_by(group, a),
            Action::CallStop(a),
            Action::Late(a),
            Action::Stopped(group),
            Action::Late(b),
            Action::Finished,
        ]
    );
}

#[test]
fn s5_those_in_a_group_that_never_started_have_stopped_with_it() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    let group = run.group(after(&[a]));
    let b = run.unit_in(group, Policy::default(), PLAIN);
    let c = run.unit_in(group, after(&[b]), PLAIN);
    run.begin();
    assert_eq!(
        run.stop(),
        [
            stopping(GroupEnd::Asked),
            group_stopping(group, GroupEnd::Asked),
            Action::Stopped(c),
            Action::Stopped(b),
            Action::Stopped(group),
            told(a),
        ]
    );
    assert_eq!([b, c].map(|unit| run.state(unit)), [UnitState::Stopped; 2]);
}

#[test]
fn l3_taking_children_out_of_a_group_that_has_not_started_neither_ends_it_nor_makes_it_ready() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    let group = run.group(Policy { after: vec![a], ..task() });
    let b = run.unit_in(group, Policy::default(), PLAIN);
    run.begin();
    assert_eq!(run.deregister(b), [Action::Stopped(b)]);
    assert_eq!(run.state(group), UnitState::New);
    assert!(!run.machine.is_ready(group));
    let empty = group_stopping(group, GroupEnd::TasksDone);
    assert_eq!(run.enter(a)[..3], [Action::Ready(a), start(group), empty]);
}

#[test]
fn l3_a_group_can_be_taken_out() {
    let mut run = Driver::new();
    let group = run.group(within(secs(5)));
    let a = run.unit_in(group, Policy::default(), PLAIN);
    let b = run.unit(Policy::default());
    run.begin_and_enter_all();
    assert_eq!(
        run.deregister(group),
        [group_stopping(group, GroupEnd::Asked), told_by(group, a), Action::CallStop(a)]
    );
    assert_eq!(run.obey(a), [Action::Stopped(group)]);
    assert_eq!(run.next_deadline(), None);
    assert_eq!(run.state(b), UnitState::Running);
}

#[test]
fn l7_a_refused_start_in_a_group_stops_the_whole_run() {
    let mut run = Driver::new();
    let group = run.group(Policy::default());
    let a = run.unit_in(group, Policy::default(), PLAIN);
    let b = run.unit(Policy::default());
    run.begin();
    let actions = run.feed(Input::Refused(a));
    assert_eq!(actions[0], stopping(GroupEnd::Asked));
    assert!(actions.contains(&told(b)) && actions.contains(&Action::Stopped(a)));
}

//! L6, S4: what ends a group, and what does not.

use super::{
    Action, Driver, GroupEnd, PLAIN, Policy, ROOT, UnitKind, UnitState, background, ended, start,
    stopping, task, told,
};

#[test]
fn l6_the_first_stop_ends_the_group_clean_as_it_is() {
    let mut run = Driver::new();
    let [a, b] = [(); 2].map(|()| run.unit(Policy::default()));
    run.begin_and_enter_all();
    assert_eq!(
        run.return_ok(a),
        [ended(a), stopping(GroupEnd::Child(a)), Action::CallStop(a), told(b), Action::CallStop(b)]
    );
    assert_eq!(run.call_returned(a), []);
    assert_eq!(run.settle(a), [Action::Stopped(a)]);
    assert_eq!(run.obey(b), [Action::Finished]);
    assert_eq!(run.state(ROOT), UnitState::Stopped);
}

#[test]
fn l6_the_first_stop_is_the_cause_and_a_second_one_changes_nothing() {
    let mut run = Driver::new();
    let [a, b] = [(); 2].map(|()| run.unit(Policy::default()));
    run.begin_and_enter_all();
    assert!(run.fail(a).contains(&stopping(GroupEnd::Child(a))));
    assert_eq!(run.fail(b), []);
    assert_eq!(run.stop(), []);
    run.settle(b);
    assert_eq!(run.state(b), UnitState::Failed);
}

#[test]
fn l6_a_request_ends_the_group_and_is_the_cause() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    run.begin_and_enter_all();
    assert_eq!(run.stop(), [stopping(GroupEnd::Asked), told(a), Action::CallStop(a)]);
    assert_eq!(run.stop(), []);
    assert_eq!(run.obey(a), [Action::Finished]);
    assert_eq!(run.state(ROOT), UnitState::Stopped);
}

#[test]
fn l6_a_unit_that_fails_when_it_is_told_makes_the_group_a_failed_one() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    run.begin_and_enter_all();
    run.stop();
    run.call_returned(a);
    assert_eq!(run.fail(a), []);
    assert_eq!(run.settle(a), [Action::Stopped(a), Action::Finished]);
    assert_eq!(run.state(a), UnitState::Failed);
    assert_eq!(run.state(ROOT), UnitState::Failed);
}

#[test]
fn s4_a_task_that_ends_ok_ends_only_itself() {
    let mut run = Driver::new();
    let a = run.unit(task());
    let b = run.unit(Policy::default());
    run.begin_and_enter_all();
    assert_eq!(run.leave(a), [ended(a), Action::Stopped(a)]);
    assert_eq!(run.state(b), UnitState::Running);
    assert_eq!(run.next_deadline(), None);
}

#[test]
fn s4_a_task_that_fails_ends_the_group() {
    let mut run = Driver::new();
    let a = run.unit(task());
    let b = run.unit(Policy::default());
    run.begin_and_enter_all();
    let actions = run.fail(a);
    assert!(actions.contains(&stopping(GroupEnd::Child(a))));
    assert!(actions.contains(&told(b)));
}

#[test]
fn s4_with_the_last_task_the_group_ends_but_not_before_its_last_thread_has_left() {
    let mut run = Driver::new();
    let [a, b] = [(); 2].map(|()| run.unit(task()));
    let c = run.unit(background());
    run.begin_and_enter_all();
    run.leave(a);
    assert_eq!(run.return_ok(b), [ended(b)]);
    assert_eq!(
        run.settle(b),
        [
            Action::Stopped(b),
            stopping(GroupEnd::TasksDone),
            // L8: the last incarnation of a run is called, also when it has ended by itself.
            Action::CallStop(a),
            Action::CallStop(b),
        ]
    );
    assert_eq!(run.call_returned(a), []);
    assert_eq!(run.call_returned(b), [told(c), Action::CallStop(c)]);
    assert_eq!(run.obey(c), [Action::Finished]);
}

#[test]
fn s4_background_units_keep_nobody_alive_but_their_own_end_is_a_stop_as_any() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    let b = run.unit(background());
    run.begin_and_enter_all();
    let actions = run.return_ok(b);
    assert_eq!(actions[..2], [ended(b), stopping(GroupEnd::Child(b))]);
    assert!(actions.contains(&told(a)));
}

#[test]
fn s4_a_background_task_may_come_and_go() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    let b = run.unit(Policy { background: true, ..task() });
    run.begin_and_enter_all();
    assert_eq!(run.leave(b), [ended(b), Action::Stopped(b)]);
    assert_eq!(run.state(a), UnitState::Running);
}

#[test]
fn s4_tasks_in_a_line_are_done_one_after_another() {
    let mut run = Driver::new();
    let a = run.unit(task());
    let b = run.unit(Policy { after: vec![a], ..task() });
    let kind = UnitKind { declares_ready: true, ..PLAIN };
    let c = run.unit_in(ROOT, Policy { after: vec![b], ..task() }, kind);
    run.begin();
    assert_eq!(run.enter(a), [Action::Ready(a), start(b)]);
    run.leave(a);
    assert_eq!(run.enter(b), [Action::Ready(b), start(c)]);
    run.leave(b);
    run.enter(c);
    assert_eq!(run.return_ok(c), [ended(c), Action::Ready(c), Action::Ready(ROOT)]);
    let actions = run.settle(c);
    assert_eq!(actions[..2], [Action::Stopped(c), stopping(GroupEnd::TasksDone)]);
}

#[test]
fn l6_the_first_failure_of_an_instance_ends_them_all() {
    let mut run = Driver::new();
    let kind = UnitKind { instances: 3, ..PLAIN };
    let a = run.unit_in(ROOT, task(), kind);
    run.begin();
    for _ in 0..3 {
        run.enter(a);
    }
    assert_eq!(run.return_ok(a), []);
    assert_eq!(run.fail(a)[..2], [ended(a), stopping(GroupEnd::Child(a))]);
    assert_eq!(run.state(a), UnitState::Stopping);
    assert_eq!(run.call_returned(a), []);
    assert_eq!(run.fail(a), []);
    assert_eq!(run.settle(a), [Action::Stopped(a), Action::Finished]);
    assert_eq!(run.state(a), UnitState::Failed);
}

#[test]
fn l6_the_last_ok_of_the_instances_ends_the_unit_and_none_before() {
    let mut run = Driver::new();
    let kind = UnitKind { instances: 2, ..PLAIN };
    let a = run.unit_in(ROOT, Policy::default(), kind);
    run.begin();
    run.enter(a);
    // The first is back before the second has come.
    assert_eq!(run.return_ok(a), []);
    assert_eq!(run.enter(a), [Action::Ready(a), Action::Ready(ROOT)]);
    assert_eq!(run.return_ok(a)[..2], [ended(a), stopping(GroupEnd::Child(a))]);
}

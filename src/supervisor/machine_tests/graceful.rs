//! L8: when `graceful_stop` is called, and when not.

use super::{
    Action, Driver, GroupEnd, Input, PLAIN, Policy, ROOT, UnitKind, after, ended, stopping, task,
    told,
};

fn calls(actions: &[Action]) -> usize {
    actions.iter().filter(|action| matches!(action, Action::CallStop(_))).count()
}

#[test]
fn l8_a_unit_that_serves_is_called_when_it_is_told() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    run.begin_and_enter_all();
    assert_eq!(run.stop(), [stopping(GroupEnd::Asked), told(a), Action::CallStop(a)]);
}

#[test]
fn l8_the_call_is_put_off_until_serve_is_entered() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    run.begin();
    assert_eq!(run.stop(), [stopping(GroupEnd::Asked), told(a)]);
    assert_eq!(run.enter(a), [Action::CallStop(a)]);
}

#[test]
fn l8_a_unit_that_saw_its_token_and_never_entered_is_not_called() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    run.begin();
    run.stop();
    assert_eq!(run.leave(a), [Action::Stopped(a), Action::Finished]);
}

#[test]
fn l8_one_call_however_many_instances_enter_late() {
    let mut run = Driver::new();
    let kind = UnitKind { instances: 3, ..PLAIN };
    let a = run.unit_in(ROOT, Policy::default(), kind);
    run.begin();
    run.enter(a);
    assert_eq!(calls(&run.stop()), 1);
    assert_eq!(run.enter(a), []);
    assert_eq!(run.enter(a), []);
}

#[test]
fn l8_one_that_ended_by_itself_is_called_once_at_the_end_of_the_run() {
    let mut run = Driver::new();
    let a = run.unit(task());
    let b = run.unit(Policy::default());
    run.begin_and_enter_all();
    assert_eq!(calls(&run.leave(a)), 0);
    assert_eq!(
        run.stop(),
        [stopping(GroupEnd::Asked), Action::CallStop(a), told(b), Action::CallStop(b)]
    );
    // The run waits for the call of the one whose threads are long gone.
    assert_eq!(run.obey(b), []);
    assert_eq!(run.call_returned(a), [Action::Finished]);
}

#[test]
fn l8_one_that_ended_by_itself_waits_for_its_turn_as_any() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    let b = run.unit(after(&[a]));
    run.begin_and_enter_all();
    let told_b = [ended(a), stopping(GroupEnd::Child(a)), told(b), Action::CallStop(b)];
    assert_eq!(run.return_ok(a), told_b);
    assert_eq!(run.settle(a), [Action::Stopped(a)]);
    assert_eq!(run.obey(b), [Action::CallStop(a)]);
    assert_eq!(run.call_returned(a), [Action::Finished]);
}

#[test]
fn l8_the_deregistered_are_called_once_and_not_again_at_the_end() {
    let mut run = Driver::new();
    let [a, b] = [(); 2].map(|()| run.unit(Policy::default()));
    run.begin_and_enter_all();
    assert_eq!(calls(&run.deregister(a)), 1);
    assert_eq!(run.stop(), [stopping(GroupEnd::Asked), told(b), Action::CallStop(b)]);
    assert_eq!(run.obey(a), []);
    assert_eq!(run.obey(b), [Action::Finished]);
}

#[test]
fn l8_a_unit_is_over_only_when_its_callbacks_have_returned_too() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    let b = run.unit(after(&[a]));
    run.begin_and_enter_all();
    run.stop();
    // One that the unit hung on its stop, beside `graceful_stop`.
    assert_eq!(run.feed(Input::CallStarted(b)), []);
    assert_eq!(run.leave(b), [Action::Stopped(b)]);
    assert!(run.machine.is_called(b));
    assert_eq!(run.call_returned(b), []);
    assert_eq!(run.call_returned(b), [told(a), Action::CallStop(a)]);
    assert!(!run.machine.is_called(b));
}

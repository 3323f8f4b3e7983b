//! L3: taking a unit out while the others serve.

use super::{
    Action, Driver, GroupEnd, Input, NodeId, PLAIN, Policy, ROOT, RUN, UnitEnd, UnitKind,
    UnitState, after, background, secs, start, stopping, told, within,
};

fn taken_out(unit: NodeId) -> Action {
    Action::Tell { unit, why: UnitEnd::Deregistered }
}

#[test]
fn l3_one_that_is_taken_out_stops_and_the_others_go_on() {
    let mut run = Driver::new();
    let [a, b] = [(); 2].map(|()| run.unit(Policy::default()));
    run.begin_and_enter_all();
    assert_eq!(run.deregister(a), [taken_out(a), Action::CallStop(a)]);
    assert_eq!(run.deregister(a), []);
    assert_eq!(run.obey(a), []);
    assert_eq!(run.state(b), UnitState::Running);
    assert_eq!(run.stop(), [stopping(GroupEnd::Asked), told(b), Action::CallStop(b)]);
    assert_eq!(run.obey(b), [Action::Finished]);
}

#[test]
fn l3_with_the_last_one_taken_out_the_group_ends() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    let back = run.unit(background());
    run.begin_and_enter_all();
    assert_eq!(
        run.deregister(a),
        [stopping(GroupEnd::TasksDone), taken_out(a), Action::CallStop(a)]
    );
    assert_eq!(run.obey(a), [told(back), Action::CallStop(back)]);
    assert_eq!(run.obey(back), [Action::Finished]);
}

#[test]
fn l3_a_stuck_unit_that_was_taken_out_keeps_nobody_alive() {
    let mut run = Driver::new();
    run.unit(Policy::default());
    run.begin_and_enter_all();
    run.deregister(1);
    assert_eq!(run.pass(RUN), [Action::Late(1), Action::Finished]);
}

#[test]
fn l3_a_stuck_unit_that_was_taken_out_is_late_at_its_own_deadline() {
    let mut run = Driver::new();
    let a = run.unit(within(secs(1)));
    let b = run.unit(Policy::default());
    run.begin_and_enter_all();
    run.deregister(a);
    assert_eq!(run.pass(secs(1)), [Action::Late(a)]);
    assert_eq!(run.next_deadline(), None);
    run.stop();
    assert_eq!(run.obey(b), [Action::Finished]);
}

#[test]
fn l3_its_failure_is_its_own_and_ends_nobody() {
    let mut run = Driver::new();
    let [a, b] = [(); 2].map(|()| run.unit(Policy::default()));
    run.begin_and_enter_all();
    run.deregister(a);
    run.call_returned(a);
    assert_eq!(run.fail(a), []);
    assert_eq!(run.settle(a), [Action::Stopped(a)]);
    assert_eq!(run.state(a), UnitState::Failed);
    assert_eq!(run.state(b), UnitState::Running);
}

#[test]
fn l3_one_that_has_not_started_is_taken_out_without_a_word() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    let b = run.unit(after(&[a]));
    let c = run.unit(Policy::default());
    run.begin();
    assert_eq!(run.machine.live_dependents(a).collect::<Vec<_>>(), [b]);
    assert_eq!(run.deregister(b), [Action::Stopped(b)]);
    assert_eq!(run.machine.live_dependents(a).next(), None);
    assert_eq!(run.deregister(a), [taken_out(a)]);
    assert_eq!(run.enter(a), [Action::CallStop(a)]);
    assert_eq!(run.enter(c), [Action::Ready(c), Action::Ready(0)]);
}

#[test]
fn l3_what_a_unit_took_out_came_after_is_free_and_others_still_wait_for_their_own() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    let [b, c] = [(); 2].map(|()| run.unit(after(&[a])));
    assert_eq!(run.begin(), [start(a)]);
    run.enter(a);
    run.enter(b);
    run.enter(c);
    run.deregister(b);
    run.obey(b);
    assert_eq!(run.stop(), [stopping(GroupEnd::Asked), told(c), Action::CallStop(c)]);
    assert_eq!(run.obey(c), [told(a), Action::CallStop(a)]);
}

#[test]
fn l9_one_taken_out_that_still_stops_is_waited_for_by_what_it_came_after() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    let b = run.unit(after(&[a]));
    run.begin_and_enter_all();
    run.deregister(b);
    assert_eq!(run.stop(), [stopping(GroupEnd::Asked)]);
    assert_eq!(run.machine.waits_for(a), [b]);
    assert_eq!(run.obey(b), [told(a), Action::CallStop(a)]);
}

#[test]
fn l3_one_that_is_taken_out_before_its_threads_were_spawned_is_not_started() {
    let mut run = Driver::new();
    let [a, b] = [(); 2].map(|()| run.unit(Policy::default()));
    run.begin();
    assert!(run.machine.may_start(a));
    assert_eq!(run.deregister(a), [taken_out(a)]);
    assert!(!run.machine.may_start(a), "the engine looks here before it spawns");
    assert_eq!(run.feed(Input::Refused(a)), [Action::Stopped(a)]);
    assert_eq!(run.enter(b), [Action::Ready(b), Action::Ready(ROOT)]);
}

#[test]
fn l3_one_that_is_taken_out_while_its_threads_are_spawned_fails_by_itself_alone() {
    for (spawned, rest) in [(0, 0), (1, 1)] {
        let mut run = Driver::new();
        let kind = UnitKind { instances: 2, ..PLAIN };
        let a = run.unit_in(ROOT, Policy::default(), kind);
        let b = run.unit(Policy::default());
        run.begin();
        run.deregister(a);
        let mut actions = run.feed(Input::SpawnFailed { unit: a, spawned });
        for _ in 0..rest {
            actions.extend(run.leave(a));
        }
        assert_eq!(actions, [Action::Stopped(a)]);
        assert_eq!(run.state(a), UnitState::Failed);
        assert_eq!(run.state(ROOT), UnitState::Running);
        assert_eq!(run.enter(b), [Action::Ready(b), Action::Ready(ROOT)]);
    }
}

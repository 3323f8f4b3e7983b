//! L4, L7, L14: who starts when, and what is ready.

use super::{
    Action, Driver, GroupEnd, Input, PLAIN, Policy, ROOT, UnitKind, UnitState, after, background,
    ended, start, stopping, task, told,
};

#[test]
fn s6_those_that_come_after_nobody_start_at_once_in_the_order_of_registration() {
    let mut run = Driver::new();
    let [a, b, c] = [(); 3].map(|()| run.unit(Policy::default()));
    assert_eq!(run.begin(), [start(a), start(b), start(c)]);
}

#[test]
fn s6_a_unit_starts_when_the_last_that_it_comes_after_is_ready() {
    let mut run = Driver::new();
    let [a, b] = [(); 2].map(|()| run.unit(Policy::default()));
    let c = run.unit(after(&[a, b]));
    assert_eq!(run.begin(), [start(a), start(b)]);
    assert_eq!(run.machine.waits_for(c), [a, b]);
    assert_eq!(run.enter(b), [Action::Ready(b)]);
    assert_eq!(run.state(c), UnitState::New);
    assert_eq!(run.machine.waits_for(c), [a]);
    assert_eq!(run.enter(a), [Action::Ready(a), start(c)]);
    assert_eq!(run.enter(c), [Action::Ready(c), Action::Ready(ROOT)]);
}

#[test]
fn s6_a_dependency_that_is_named_twice_is_waited_for_once() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    let b = run.unit(after(&[a, a]));
    run.begin();
    assert_eq!(run.machine.waits_for(b), [a]);
    assert_eq!(run.enter(a), [Action::Ready(a), start(b)]);
    run.enter(b);
    run.stop();
    assert_eq!(run.machine.waits_for(a), [b]);
    assert_eq!(run.obey(b), [told(a), Action::CallStop(a)]);
}

#[test]
fn l14_who_declares_ready_is_ready_when_it_says_so_and_not_before() {
    let mut run = Driver::new();
    let kind = UnitKind { declares_ready: true, ..PLAIN };
    let a = run.unit_in(ROOT, Policy::default(), kind);
    let b = run.unit(after(&[a]));
    run.begin();
    assert_eq!(run.enter(a), []);
    assert_eq!(run.say_ready(a), [Action::Ready(a), start(b)]);
    assert_eq!(run.say_ready(a), []);
}

#[test]
fn l14_all_instances_have_entered_before_a_unit_is_ready() {
    let mut run = Driver::new();
    let kind = UnitKind { instances: 3, declares_ready: true, ..PLAIN };
    let a = run.unit_in(ROOT, Policy::default(), kind);
    run.begin();
    assert_eq!(run.enter(a), []);
    assert_eq!(run.state(a), UnitState::Running);
    assert_eq!(run.say_ready(a), []);
    assert_eq!(run.enter(a), []);
    assert_eq!(run.enter(a), [Action::Ready(a), Action::Ready(ROOT)]);
}

#[test]
fn l14_a_task_that_ended_ok_counts_as_ready_even_if_it_never_said_so() {
    let mut run = Driver::new();
    let kind = UnitKind { declares_ready: true, ..PLAIN };
    let a = run.unit_in(ROOT, task(), kind);
    let b = run.unit(after(&[a]));
    run.begin();
    run.enter(a);
    assert_eq!(run.return_ok(a), [ended(a), Action::Ready(a), start(b)]);
    assert_eq!(run.settle(a), [Action::Stopped(a)]);
    assert_eq!(run.enter(b), [Action::Ready(b), Action::Ready(ROOT)]);
}

#[test]
fn l14_a_task_that_failed_does_not_count_as_ready() {
    let mut run = Driver::new();
    let kind = UnitKind { declares_ready: true, ..PLAIN };
    let a = run.unit_in(ROOT, task(), kind);
    let b = run.unit(after(&[a]));
    run.begin();
    run.enter(a);
    let actions = run.fail(a);
    assert_eq!(actions[..2], [ended(a), stopping(GroupEnd::Child(a))]);
    assert!(!run.machine.is_ready(a));
    assert_eq!(run.state(b), UnitState::Stopped);
}

#[test]
fn l14_the_deregistered_do_not_count() {
    let mut run = Driver::new();
    let kind = UnitKind { declares_ready: true, ..PLAIN };
    let a = run.unit(Policy::default());
    let never_ready = run.unit_in(ROOT, Policy::default(), kind);
    run.begin();
    run.enter(a);
    run.enter(never_ready);
    assert_eq!(run.deregister(never_ready)[0], Action::Ready(ROOT));
}

#[test]
fn l14_deregistering_one_that_is_ready_does_not_make_another_one_ready() {
    let mut run = Driver::new();
    let [a, b] = [(); 2].map(|()| run.unit(Policy::default()));
    run.begin();
    run.enter(a);
    assert!(!run.deregister(a).contains(&Action::Ready(ROOT)));
    assert_eq!(run.enter(b), [Action::Ready(b), Action::Ready(ROOT)]);
}

#[test]
fn l14_nobody_becomes_ready_by_being_told_to_stop() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    run.begin();
    run.stop();
    assert_eq!(run.enter(a), [Action::CallStop(a)]);
    assert!(!run.machine.is_ready(a) && !run.machine.is_ready(ROOT));
}

#[test]
fn l4_a_unit_without_a_single_thread_fails_and_ends_the_group() {
    let mut run = Driver::new();
    let [a, b] = [(); 2].map(|()| run.unit(Policy::default()));
    run.begin();
    run.enter(b);
    assert_eq!(
        run.feed(Input::SpawnFailed { unit: a, spawned: 0 }),
        [Action::Stopped(a), stopping(GroupEnd::Child(a)), told(b), Action::CallStop(b)]
    );
    assert_eq!(run.state(a), UnitState::Failed);
    assert_eq!(run.obey(b), [Action::Finished]);
    assert_eq!(run.state(ROOT), UnitState::Failed);
}

#[test]
fn l4_a_unit_with_some_of_its_threads_ends_and_is_waited_for() {
    let mut run = Driver::new();
    let kind = UnitKind { instances: 3, ..PLAIN };
    let a = run.unit_in(ROOT, Policy::default(), kind);
    run.begin();
    assert_eq!(
        run.feed(Input::SpawnFailed { unit: a, spawned: 2 }),
        [ended(a), stopping(GroupEnd::Child(a))]
    );
    // It was too late for this one to see that it was told.
    assert_eq!(run.enter(a), [Action::CallStop(a)]);
    assert_eq!(run.call_returned(a), []);
    assert_eq!(run.return_ok(a), []);
    assert_eq!(run.return_ok(a), []);
    assert_eq!(run.settle(a), [Action::Stopped(a), Action::Finished]);
    assert_eq!(run.state(a), UnitState::Failed);
}

#[test]
fn l4_a_task_that_cannot_be_spawned_has_failed_as_any_service() {
    let mut run = Driver::new();
    let a = run.unit(task());
    let b = run.unit(Policy::default());
    run.begin();
    let actions = run.feed(Input::SpawnFailed { unit: a, spawned: 0 });
    assert!(actions.contains(&stopping(GroupEnd::Child(a))));
    assert!(actions.contains(&told(b)));
}

#[test]
fn l7_a_start_that_found_the_token_set_stops_the_run_and_never_was() {
    let mut run = Driver::new();
    let [a, b] = [(); 2].map(|()| run.unit(Policy::default()));
    run.begin();
    assert_eq!(
        run.feed(Input::Refused(a)),
        [stopping(GroupEnd::Asked), Action::Stopped(a), told(b)]
    );
    assert_eq!(run.state(a), UnitState::Stopped);
    assert_eq!(run.stop(), []); // the request itself comes behind
    assert_eq!(run.feed(Input::Refused(b)), [Action::Stopped(b), Action::Finished]);
}

#[test]
fn l7_nobody_starts_once_the_end_has_begun() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    let b = run.unit(after(&[a]));
    run.begin();
    assert_eq!(run.stop(), [stopping(GroupEnd::Asked), Action::Stopped(b), told(a)]);
    assert_eq!(run.enter(a), [Action::CallStop(a)]);
    assert_eq!(run.state(b), UnitState::Stopped);
}

#[test]
fn l15_a_run_with_nobody_to_keep_it_alive_ends_at_once_and_starts_nobody() {
    let mut run = Driver::new();
    assert_eq!(run.begin(), [stopping(GroupEnd::TasksDone), Action::Finished]);
    assert!(run.machine.is_finished());

    let mut run = Driver::new();
    let a = run.unit(background());
    assert_eq!(run.begin(), [stopping(GroupEnd::TasksDone), Action::Stopped(a), Action::Finished]);
}

#[test]
fn ten_thousand_in_a_line_need_no_deep_stack() {
    let mut run = Driver::new();
    let mut line = vec![run.unit(Policy::default())];
    for _ in 1..10_000 {
        line.push(run.unit(after(&[*line.last().unwrap()])));
    }
    run.begin();
    for pair in line.windows(2) {
        assert_eq!(run.enter(pair[0]), [Action::Ready(pair[0]), start(pair[1])]);
    }
    run.enter(*line.last().unwrap());
    run.stop();
    for pair in line.windows(2).rev() {
        assert_eq!(run.obey(pair[1]), [told(pair[0]), Action::CallStop(pair[0])]);
    }
    assert_eq!(run.obey(line[0]), [Action::Finished]);

    // And the same when nobody but the first had started.
    let mut run = Driver::new();
    let mut line = vec![run.unit(Policy::default())];
    for _ in 1..10_000 {
        line.push(run.unit(after(&[*line.last().unwrap()])));
    }
    run.begin();
    assert_eq!(run.stop().len(), 1 + 10_000);
}

#[test]
fn l4_those_whose_turn_to_start_comes_behind_a_failed_start_are_refused() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    let b = run.unit(after(&[]));
    run.begin();
    assert!(run.machine.may_start(b));
    run.feed(Input::SpawnFailed { unit: a, spawned: 0 });
    assert!(!run.machine.may_start(b), "the engine looks here before it spawns");
    assert_eq!(run.feed(Input::Refused(b)), [Action::Stopped(b), Action::Finished]);
    assert_eq!(run.state(b), UnitState::Stopped);
}

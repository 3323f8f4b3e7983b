//! L10: what becomes of those that do not stop in time.

use super::{
    Action, Driver, GroupEnd, Input, NodeId, PLAIN, Policy, ROOT, RUN, UnitKind, UnitState, after,
    background, secs, stopping, task, told, within,
};

#[test]
fn l16_there_is_no_deadline_while_nothing_stops() {
    let mut run = Driver::new();
    let a = run.unit(within(secs(1)));
    run.begin_and_enter_all();
    assert_eq!(run.next_deadline(), None);
    run.stop();
    assert_eq!(run.next_deadline(), Some(secs(1)));
    run.obey(a);
    assert_eq!(run.next_deadline(), None);
}

#[test]
fn l10_the_groups_deadline_runs_from_the_request_and_a_units_from_its_turn() {
    let mut run = Driver::new();
    let store = run.unit(within(secs(5)));
    let server = run.unit(after(&[store]));
    run.begin_and_enter_all();
    run.stop();
    assert_eq!(run.next_deadline(), Some(RUN));
    run.pass(secs(10));
    run.obey(server);
    assert_eq!(run.next_deadline(), Some(secs(5)));
    assert_eq!(run.pass(secs(5)), [Action::Late(store), Action::Finished]);
    assert_eq!(run.next_deadline(), None);
}

#[test]
fn l10_at_the_groups_deadline_everybody_has_been_told_and_those_that_are_left_are_late() {
    let mut run = Driver::new();
    let back = run.unit(background());
    let store = run.unit(Policy::default());
    let server = run.unit(after(&[store]));
    run.begin_and_enter_all();
    run.stop();
    assert_eq!(
        run.pass(RUN),
        [
            told(back),
            Action::CallStop(back),
            told(store),
            Action::CallStop(store),
            Action::Late(back),
            Action::Late(store),
            Action::Late(server),
            Action::Finished,
        ]
    );
    assert!([back, store, server].iter().all(|&unit| run.machine.is_late(unit)));
    assert!(run.machine.is_finished());
}

#[test]
fn l10_what_has_stopped_by_then_is_not_late() {
    let mut run = Driver::new();
    let [a, b] = [(); 2].map(|()| run.unit(Policy::default()));
    run.begin_and_enter_all();
    run.stop();
    run.obey(a);
    assert_eq!(run.pass(RUN), [Action::Late(b), Action::Finished]);
    assert!(!run.machine.is_late(a));
}

#[test]
fn l10_a_unit_told_before_it_entered_is_late_as_any() {
    let mut run = Driver::new();
    let a = run.unit(within(secs(1)));
    run.begin();
    run.stop();
    assert_eq!(run.pass(secs(1)), [Action::Late(a), Action::Finished]);
    // What comes in after the end breaks nothing.
    assert_eq!(run.enter(a), [Action::CallStop(a)]);
    assert_eq!(run.leave(a), [Action::Stopped(a)]);
    assert_eq!(run.call_returned(a), []);
}

#[test]
fn l10_a_callback_that_does_not_return_makes_late_what_has_no_thread_any_more() {
    let mut run = Driver::new();
    let done = run.unit(Policy { task: true, ..within(secs(2)) });
    let a = run.unit(Policy::default());
    run.begin_and_enter_all();
    run.leave(done);
    run.stop();
    run.obey(a);
    assert_eq!(run.next_deadline(), Some(secs(2)));
    assert_eq!(run.pass(secs(2)), [Action::Late(done), Action::Finished]);
    assert_eq!(run.state(done), UnitState::Stopped);
}

#[test]
fn l10_a_deadline_further_off_than_the_clock_can_tell_is_none() {
    let mut run = Driver::new();
    run.unit(within(std::time::Duration::MAX));
    run.begin_and_enter_all();
    run.stop();
    assert_eq!(run.next_deadline(), Some(RUN));
}

#[test]
fn l10_a_tick_before_its_time_does_nothing() {
    let mut run = Driver::new();
    run.unit(task());
    run.begin_and_enter_all();
    assert_eq!(run.pass(secs(1)), []);
    assert_eq!(run.stop()[0], stopping(GroupEnd::Asked));
    assert_eq!(run.pass(secs(1)), []);
    assert_eq!(run.next_deadline(), Some(secs(29)));
}

// S8: more time

fn extend(run: &mut Driver, unit: NodeId, seconds: u64) -> Vec<Action> {
    let incarnation = run.incarnation(unit);
    run.feed(Input::ExtendStop { unit, incarnation, by: secs(seconds) })
}

fn extended(unit: NodeId, seconds: u64) -> Action {
    Action::Extended { unit, by: secs(seconds) }
}

#[test]
fn s8_a_unit_that_asks_has_so_long_from_then() {
    let mut run = Driver::new();
    let unit = run.unit(within(secs(2)));
    run.begin_and_enter_all();
    run.stop();
    run.pass(secs(1));
    assert_eq!(extend(&mut run, unit, 5), [extended(unit, 5)]);
    assert_eq!(run.next_deadline(), Some(secs(5)));
    run.pass(secs(4));
    assert_eq!(extend(&mut run, unit, 5), [extended(unit, 5)], "again");
    assert_eq!(run.pass(secs(4)), []);
    assert_eq!(run.pass(secs(1)), [Action::Late(unit), Action::Finished]);
}

#[test]
fn s8_never_past_the_deadline_of_its_group() {
    let mut run = Driver::new();
    let group = run.group(within(secs(10)));
    let unit = run.unit_in(group, within(secs(2)), PLAIN);
    run.begin_and_enter_all();
    run.stop();
    run.pass(secs(1));
    assert_eq!(extend(&mut run, unit, 60), [extended(unit, 9)]);
    assert_eq!(extend(&mut run, unit, 60), [], "there is no more");
    assert_eq!(extend(&mut run, unit, u64::MAX), []);
    assert!(run.pass(secs(9)).contains(&Action::Late(unit)));
}

#[test]
fn s8_never_less_than_it_had() {
    let mut run = Driver::new();
    let unit = run.unit(within(secs(20)));
    run.begin_and_enter_all();
    run.stop();
    assert_eq!(extend(&mut run, unit, 1), []);
    assert_eq!(run.next_deadline(), Some(secs(20)));
}

#[test]
fn s8_nothing_for_one_that_was_not_told_or_is_late_or_has_all_the_time_of_its_group() {
    let mut run = Driver::new();
    let store = run.unit(within(secs(2)));
    let server = run.unit(Policy { after: vec![store], ..within(secs(2)) });
    let other = run.unit(Policy::default());
    run.begin_and_enter_all();
    assert_eq!(extend(&mut run, server, 9), [], "nothing stops");
    run.stop();
    assert_eq!(extend(&mut run, store, 9), [], "it is not its turn");
    assert_eq!(extend(&mut run, other, 9), [], "it has as long as the group");
    assert!(run.pass(secs(2)).contains(&Action::Late(server)));
    assert_eq!(extend(&mut run, server, 9), [], "too late");
    assert_eq!(run.next_deadline(), Some(secs(2)), "the store's");
}

#[test]
fn s8_a_unit_that_is_stopped_to_start_again_may_ask_too() {
    let mut run = Driver::new();
    let policy = Policy {
        start_timeout: Some(secs(5)),
        restart: crate::restart::Restart::on_failure(),
        ..within(secs(2))
    };
    let unit = run.unit_in(ROOT, policy, UnitKind { declares_ready: true, ..PLAIN });
    run.begin_and_enter_all();
    run.pass(secs(5));
    assert_eq!(extend(&mut run, unit, 8), [extended(unit, 8)]);
    assert_eq!(run.pass(secs(7)), []);
    assert!(run.pass(secs(1)).contains(&Action::DidNotStop(unit)));
}

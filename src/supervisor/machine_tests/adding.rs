//! S7: nodes that are added to a group that serves.

use super::*;

#[test]
fn s7_a_unit_that_is_added_while_serving_starts_behind_what_it_comes_after() {
    let mut driver = Driver::new();
    let kind = UnitKind { declares_ready: true, ..PLAIN };
    let store = driver.unit_in(ROOT, Policy::default(), kind);
    driver.begin_and_enter_all();
    let [free, behind] = [after(&[]), after(&[store])].map(|policy| driver.unit(policy));
    assert_eq!(driver.feed(Input::Added(free)), [start(free)]);
    assert_eq!(driver.feed(Input::Added(behind)), []);
    assert_eq!(driver.say_ready(store), [Action::Ready(store), start(behind)]);
}

#[test]
fn s7_a_group_is_not_ready_until_what_was_added_is() {
    let mut driver = Driver::new();
    driver.unit(Policy::default());
    driver.begin_and_enter_all();
    assert!(driver.machine.is_ready(ROOT));
    let added = driver.unit(Policy::default());
    driver.feed(Input::Added(added));
    assert!(!driver.machine.is_ready(ROOT));
    assert_eq!(driver.enter(added), [Action::Ready(added), Action::Ready(ROOT)]);
}

#[test]
fn s7_what_was_added_stops_with_the_others_and_before_what_it_comes_after() {
    let mut driver = Driver::new();
    let store = driver.unit(Policy::default());
    driver.begin_and_enter_all();
    let added = driver.unit(after(&[store]));
    driver.feed(Input::Added(added));
    driver.enter(added);
    assert!(driver.machine.is_open(ROOT));
    assert_eq!(driver.stop(), [stopping(GroupEnd::Asked), told(added), Action::CallStop(added)]);
    assert!(!driver.machine.is_open(ROOT));
    assert_eq!(driver.obey(added), [told(store), Action::CallStop(store)]);
    assert_eq!(driver.obey(store), [Action::Finished]);
}

#[test]
fn s7_what_was_added_keeps_a_group_of_tasks_alive() {
    let mut driver = Driver::new();
    let first = driver.unit(task());
    driver.begin_and_enter_all();
    let added = driver.unit(task());
    driver.feed(Input::Added(added));
    driver.leave(first);
    assert_eq!(driver.state(ROOT), UnitState::Running);
    driver.enter(added);
    assert!(driver.leave(added).contains(&stopping(GroupEnd::TasksDone)));
}

#[test]
fn s7_a_group_can_be_added_too() {
    let mut driver = Driver::new();
    driver.unit(Policy::default());
    driver.begin_and_enter_all();
    let group = driver.group(Policy::default());
    let a = driver.unit_in(group, Policy::default(), PLAIN);
    assert_eq!(driver.feed(Input::Added(group)), [start(group), start(a)]);
    assert_eq!(driver.enter(a), [Action::Ready(a), Action::Ready(group), Action::Ready(ROOT)]);
}

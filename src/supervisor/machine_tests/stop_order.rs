//! L9: whose turn to stop comes when.

use super::{
    Action, Driver, GroupEnd, Policy, StopOrder, after, background, secs, stopping, task, told,
};

#[test]
fn l9_those_that_nothing_orders_are_told_together() {
    let mut run = Driver::new();
    let [a, b] = [(); 2].map(|()| run.unit(Policy::default()));
    run.begin_and_enter_all();
    assert_eq!(
        run.stop(),
        [stopping(GroupEnd::Asked), told(a), Action::CallStop(a), told(b), Action::CallStop(b)]
    );
}

#[test]
fn l9_a_unit_is_told_when_the_last_that_comes_after_it_has_stopped() {
    let mut run = Driver::new();
    let store = run.unit(Policy::default());
    let [one, two] = [(); 2].map(|()| run.unit(after(&[store])));
    run.begin_and_enter_all();
    assert!(!run.stop().contains(&told(store)));
    assert_eq!(run.machine.waits_for(store), [one, two]);
    assert_eq!(run.obey(two), []);
    assert_eq!(run.machine.waits_for(store), [one]);
    assert_eq!(run.obey(one), [told(store), Action::CallStop(store)]);
    assert_eq!(run.machine.waits_for(store), []);
    assert_eq!(run.obey(store), [Action::Finished]);
}

#[test]
fn l9_one_that_is_past_its_deadline_is_waited_for_no_longer() {
    let mut run = Driver::new();
    let store = run.unit(Policy::default());
    let stuck = run.unit(Policy { stop_timeout: Some(secs(5)), ..after(&[store]) });
    run.begin_and_enter_all();
    run.stop();
    assert_eq!(run.next_deadline(), Some(secs(5)));
    assert_eq!(run.pass(secs(4)), []);
    assert_eq!(run.pass(secs(1)), [Action::Late(stuck), told(store), Action::CallStop(store)]);
    // It comes late, and brings nothing about any more.
    run.call_returned(stuck);
    assert_eq!(run.leave(stuck), [Action::Stopped(stuck)]);
    assert_eq!(run.obey(store), [Action::Finished]);
    assert!(run.machine.is_late(stuck) && !run.machine.is_late(store));
}

#[test]
fn l9_reverse_order_stops_one_by_one_from_the_last() {
    let mut run = Driver::with_order(StopOrder::Reverse);
    let [a, b, c] = [(); 3].map(|()| run.unit(Policy::default()));
    run.begin_and_enter_all();
    assert_eq!(run.stop(), [stopping(GroupEnd::Asked), told(c), Action::CallStop(c)]);
    assert_eq!(run.machine.waits_for(a), [b]);
    assert_eq!(run.machine.waits_for(b), [c]);
    assert_eq!(run.obey(c), [told(b), Action::CallStop(b)]);
    assert_eq!(run.obey(b), [told(a), Action::CallStop(a)]);
    assert_eq!(run.obey(a), [Action::Finished]);
}

#[test]
fn l9_reverse_order_goes_on_behind_one_that_is_late() {
    let mut run = Driver::with_order(StopOrder::Reverse);
    let a = run.unit(Policy::default());
    let b = run.unit(Policy { stop_timeout: Some(secs(1)), ..Policy::default() });
    run.begin_and_enter_all();
    run.stop();
    assert_eq!(run.pass(secs(1)), [Action::Late(b), told(a), Action::CallStop(a)]);
}

#[test]
fn l9_reverse_order_puts_the_background_last_wherever_it_was_registered() {
    let mut run = Driver::with_order(StopOrder::Reverse);
    let a = run.unit(Policy::default());
    let back = run.unit(background());
    let b = run.unit(Policy::default());
    run.begin_and_enter_all();
    assert_eq!(run.stop(), [stopping(GroupEnd::Asked), told(b), Action::CallStop(b)]);
    assert_eq!(run.obey(b), [told(a), Action::CallStop(a)]);
    assert_eq!(run.obey(a), [told(back), Action::CallStop(back)]);
    assert_eq!(run.obey(back), [Action::Finished]);
}

#[test]
fn l9_reverse_order_holds_when_one_in_the_middle_was_taken_out() {
    for deregistered_first in [true, false] {
        let mut run = Driver::with_order(StopOrder::Reverse);
        let [a, b, c] = [(); 3].map(|()| run.unit(Policy::default()));
        run.begin_and_enter_all();
        if deregistered_first {
            run.deregister(b);
            run.stop();
        } else {
            run.stop();
            run.deregister(b);
        }
        assert_eq!(run.obey(b), [], "c has not stopped yet");
        assert_eq!(run.machine.waits_for(a), [c]);
        assert_eq!(run.obey(c), [told(a), Action::CallStop(a)]);
        assert_eq!(run.obey(a), [Action::Finished]);
    }
}

#[test]
fn s4_background_units_are_told_when_the_foreground_has_stopped() {
    let mut run = Driver::new();
    let [back, other] = [(); 2].map(|()| run.unit(background()));
    let [a, b] = [(); 2].map(|()| run.unit(Policy::default()));
    run.begin_and_enter_all();
    run.stop();
    assert_eq!(run.machine.waits_for(back), [a, b]);
    assert_eq!(run.obey(a), []);
    assert_eq!(
        run.obey(b),
        [told(back), Action::CallStop(back), told(other), Action::CallStop(other)]
    );
    assert_eq!(run.obey(other), []);
    assert_eq!(run.obey(back), [Action::Finished]);
}

#[test]
fn s4_background_units_are_ordered_among_themselves_by_after() {
    let mut run = Driver::new();
    let a = run.unit(Policy::default());
    let first = run.unit(background());
    let second = run.unit(Policy { background: true, ..after(&[first]) });
    run.begin_and_enter_all();
    run.stop();
    assert_eq!(run.machine.waits_for(first), [a, second]);
    assert_eq!(run.obey(a), [told(second), Action::CallStop(second)]);
    assert_eq!(run.obey(second), [told(first), Action::CallStop(first)]);
}

#[test]
fn s6_after_goes_before_background() {
    // It watches the store, keeps nobody alive, and has to stop before the store does.
    let mut run = Driver::new();
    let store = run.unit(task());
    let watch = run.unit(Policy { background: true, ..after(&[store]) });
    run.begin_and_enter_all();
    assert_eq!(run.stop(), [stopping(GroupEnd::Asked), told(watch), Action::CallStop(watch)]);
    assert_eq!(run.obey(watch), [told(store), Action::CallStop(store)]);

    // A foreground unit that comes after a background one stops before it in any case.
    let mut run = Driver::new();
    let back = run.unit(background());
    let front = run.unit(after(&[back]));
    run.begin_and_enter_all();
    assert_eq!(run.stop(), [stopping(GroupEnd::Asked), told(front), Action::CallStop(front)]);
    assert_eq!(run.obey(front), [told(back), Action::CallStop(back)]);
}

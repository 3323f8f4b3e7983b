//! S9: a unit that is ready has to be heard of.

use super::restarting::{restarting, start_again};
use super::*;
use crate::restart::Restart;

fn beating(driver: &mut Driver, policy: Policy) -> NodeId {
    let unit = driver.unit(Policy { heartbeat: Some(secs(10)), ..policy });
    driver.begin_and_enter_all();
    unit
}

impl Driver {
    /// It was last heard of so long ago.
    fn alive(&mut self, unit: NodeId, ago: Duration) -> Vec<Action> {
        let (incarnation, at) = (self.incarnation(unit), self.now.checked_sub(ago).unwrap());
        self.feed(Input::Alive { unit, incarnation, at })
    }
}

#[test]
fn s9_it_is_asked_for_when_the_limit_has_passed_and_then_again_from_the_last_beat() {
    let mut driver = Driver::new();
    let unit = beating(&mut driver, Policy::default());
    assert_eq!(driver.next_deadline(), Some(secs(10)));
    assert_eq!(driver.pass(secs(10)), [Action::AskIfAlive(unit)]);
    assert_eq!(driver.alive(unit, secs(3)), []);
    assert_eq!(driver.next_deadline(), Some(secs(7)));
}

#[test]
fn s9_a_silent_unit_is_unresponsive_and_not_ready_until_it_is_heard_of() {
    let mut driver = Driver::new();
    let unit = beating(&mut driver, Policy::default());
    driver.pass(secs(10));
    // As it was found then: by the time that this is told it may have been heard of, or be gone.
    let silent = secs(12);
    assert_eq!(driver.alive(unit, silent), [Action::Unresponsive { unit, silent }]);
    assert!(driver.machine.is_silent(unit) && !driver.machine.is_ready(ROOT));
    assert_eq!(driver.next_deadline(), None, "it is waited for, and not asked");
    driver.pass(secs(60));
    let back = [Action::Responsive(unit), Action::Ready(unit), Action::Ready(ROOT)];
    assert_eq!(driver.alive(unit, secs(0)), back);
    assert!(!driver.machine.is_silent(unit));
    assert_eq!(driver.next_deadline(), Some(secs(10)));
}

#[test]
fn s9_nobody_is_asked_before_it_is_ready_or_once_it_stops() {
    let mut driver = Driver::new();
    let kind = UnitKind { declares_ready: true, ..PLAIN };
    let policy = Policy { heartbeat: Some(secs(10)), ..Policy::default() };
    let unit = driver.unit_in(ROOT, policy, kind);
    driver.begin_and_enter_all();
    assert_eq!(driver.next_deadline(), None);
    driver.say_ready(unit);
    assert_eq!(driver.next_deadline(), Some(secs(10)));
    driver.stop();
    assert_eq!(driver.next_deadline(), Some(RUN));
    assert_eq!(driver.alive(unit, secs(20)), [], "too late to matter");
}

#[test]
fn s9_a_unit_that_starts_again_begins_anew() {
    let mut driver = Driver::new();
    let unit = beating(&mut driver, restarting(Restart::on_failure(), 1));
    driver.pass(secs(10));
    driver.alive(unit, secs(10));
    driver.fail(unit);
    driver.settle(unit);
    assert_eq!(driver.pass(secs(1)), [start_again(unit, 2)]);
    assert!(!driver.machine.is_silent(unit));
    driver.enter(unit);
    assert!(driver.machine.is_ready(unit));
    assert_eq!(driver.next_deadline(), Some(secs(10)));
}

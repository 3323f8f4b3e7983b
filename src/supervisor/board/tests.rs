//! What is told under the board's lock, without an engine.

use super::*;
use crate::restart::{Backoff, Restart};
use crate::stop::StopLatch;
use crate::supervisor::incarnation::Ends;
use crate::supervisor::plan::ServicePlan;
use crate::supervisor::state::{Policy, UnitKind};
use crate::unit_fn::service_fn;

/// A unit that has been entered. Its node is the one after those that are there.
fn served(board: &mut Board, policy: Policy) -> NodeId {
    let unit = board.next_node();
    let kind = UnitKind { instances: 1, declares_ready: false };
    let service = service_fn("unit", |_ctx| Ok(()));
    let plan = ServicePlan { unit: Arc::new(service), graceful_stop: true, kind, stack_size: None };
    let part = PartPlan::Service(plan);
    board.add(1, vec![NodePlan { parent: None, path: "unit".into(), policy, part }]);
    unit
}

fn start(board: &mut Board, units: &[NodeId]) {
    let now = clock::now();
    board.machine().step(now, Input::Begin);
    for &unit in units {
        let (notices, _) = crossbeam_channel::unbounded();
        let stopped = board.record(unit).next_end();
        let ends = Ends { stop: Arc::new(StopLatch::at(board.bell(unit))), stopped };
        let incarnation = Incarnation::new(1, unit, 1, "unit".into(), ends, notices, None);
        board.record(unit).service().incarnation = Some(incarnation);
        board.record(unit).attempts = 1;
        board.machine().step(now, Input::Entered { unit, incarnation: 1 });
    }
    while board.machine().next_action().is_some() {}
}

fn is_told(board: &Mutex<Board>, unit: NodeId) -> bool {
    board.lock().current(unit).is_some_and(|it| it.ends.stop.is_set())
}

/// Without an engine that would do it: exactly those are told whose turn it is.
#[test]
fn l9_who_asks_for_the_end_tells_those_whose_turn_it_is() {
    let mut board = Board::new(GroupKind::default(), Duration::MAX);
    let store = served(&mut board, Policy::default());
    let server = served(&mut board, Policy { after: vec![store], ..Policy::default() });
    let logging = served(&mut board, Policy { background: true, ..Policy::default() });
    start(&mut board, &[store, server, logging]);
    let board = Mutex::new(board);

    Board::stop(&board, &"enough".into());
    assert_eq!([store, server, logging].map(|unit| is_told(&board, unit)), [false, true, false]);
    let reason = board.lock().current(server).and_then(|it| it.ends.stop.get().cloned());
    assert_eq!(reason, Some("enough".into()));
}

/// What its own end has begun with is why it is told, and that is for the engine to say.
#[test]
fn l9_who_was_to_be_told_of_something_else_is_not_told_of_the_end() {
    let mut board = Board::new(GroupKind::default(), Duration::MAX);
    let guest = served(&mut board, Policy::default());
    let host = served(&mut board, Policy::default());
    start(&mut board, &[guest, host]);
    board.deregister(guest).unwrap();
    let board = Mutex::new(board);

    Board::stop(&board, &"enough".into());
    assert_eq!([guest, host].map(|unit| is_told(&board, unit)), [false, true]);
}

/// Where nobody serves, whoever asks for the end takes the last step there is. The engine, which may be
/// about to look, has still to do what that has decided, and to tell of it.
#[test]
fn l7_a_stop_that_finds_nobody_serving_is_not_over_before_the_engine_has_done_its_part() {
    let mut board = Board::new(GroupKind::default(), Duration::MAX);
    let restart = Restart::on_failure().backoff(Backoff::constant(Duration::from_hours(1)));
    let weak = served(&mut board, Policy { restart, ..Policy::default() });
    start(&mut board, &[]);
    board.machine().step(clock::now(), Input::SpawnFailed { unit: weak, spawned: 0 });
    while board.machine().next_action().is_some() {}
    assert_eq!(board.machine().state(weak).0, UnitState::Backoff);
    let board = Mutex::new(board);

    Board::stop(&board, &"enough".into());
    let mut board = board.lock();
    assert!(board.machine().is_finished() && !board.is_finished());
    while board.machine().next_action().is_some() {}
    assert!(board.is_finished());
}

/// Before it serves there is nobody to tell, and the machine is not asked what it is not ready for.
#[test]
fn l7_a_stop_before_it_serves_is_left_to_the_engine() {
    let board = Mutex::new(Board::new(GroupKind::default(), Duration::MAX));
    Board::stop(&board, &"enough".into());
    assert_eq!(board.lock().machine().actions().len(), 0);
    let nothing_yet = Mutex::new(Board::default());
    Board::stop(&nothing_yet, &"enough".into());
}

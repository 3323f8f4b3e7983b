//! What is told and taken in under the board's lock, without an engine.

use super::*;
use crate::Group;
use crate::failure::BoxError;
use crate::restart::{Backoff, Restart, Strategy};
use crate::stop::{StopLatch, StopReason, StopToken};
use crate::supervisor::incarnation::Ends;
use crate::supervisor::notice::{Notice, Reporting};
use crate::supervisor::plan::ServicePlan;
use crate::supervisor::publish::Publisher;
use crate::supervisor::publish::tests::log_level;
use crate::supervisor::state::{Action, GroupEnd, Policy, Terms, UnitEnd, UnitKind};
use crate::unit_fn::service_fn;

/// A unit that has been entered. Its node is the one after those that are there.
fn served(board: &mut Board, policy: Policy) -> NodeId {
    let unit = board.next_node();
    board.add(1, vec![planned(None, policy)]);
    unit
}

const PLAIN: UnitKind = UnitKind { instances: 1, declares_ready: false, graceful_stop: true };

fn planned(parent: Option<NodeId>, policy: Policy) -> NodePlan {
    planned_as(parent, policy, PLAIN)
}

fn planned_as(parent: Option<NodeId>, policy: Policy, kind: UnitKind) -> NodePlan {
    let service = service_fn("unit", |_ctx| Ok(()));
    let plan = ServicePlan { unit: Arc::new(service), kind, stack_size: None };
    NodePlan { parent, path: "unit".into(), terms: policy.into(), part: PartPlan::Service(plan) }
}

fn reporting(run_stop: &Arc<StopLatch>) -> Arc<Reporting> {
    let (notify, _) = crossbeam_channel::unbounded();
    let (board, handle) = (Arc::default(), Group::new("demo").handle());
    let (run_stop, publisher) = (run_stop.clone(), Arc::new(Publisher::new(1)));
    Arc::new(Reporting { board, run: 1, handle, run_stop, publisher, notify })
}

fn start(board: &mut Board, units: &[NodeId]) {
    let now = clock::now();
    board.step(now, Input::Begin);
    for &unit in units {
        let reporting = reporting(&Arc::new(StopLatch::new()));
        let stopped = board.record(unit).next_end();
        let stop = StopToken::new(Arc::new(StopLatch::at(board.bell(unit))));
        let ends = Ends { stop, stopped };
        let incarnation = Incarnation::new(unit, 1, "unit".into(), ends, reporting, None);
        board.record(unit).service().incarnation = Some(incarnation);
        board.record(unit).attempts = 1;
        board.step(now, Input::Entered { unit, incarnation: 1 });
    }
    while board.next_to_be_done().is_some() {}
}

fn is_told(board: &Mutex<Board>, unit: NodeId) -> bool {
    board.lock().current(unit).is_some_and(|it| it.ends.stop.is_stopped())
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
    let reason = board.lock().current(server).and_then(|it| it.ends.stop.reason().cloned());
    assert_eq!(reason, Some("enough".into()));
}

/// The engine comes to it when it has run its course, and it may be a while until then.
#[test]
fn l10_who_was_told_by_whoever_asked_is_told_at_that_time() {
    let mut board = Board::new(GroupKind::default(), Duration::MAX);
    let server = served(&mut board, Policy::default());
    start(&mut board, &[server]);
    let board = Mutex::new(board);

    Board::stop(&board, &"enough".into());
    let mut board = board.lock();
    let asked = board.look(server).told;
    assert!(asked.is_some());
    let later = clock::now() + Duration::from_secs(1);
    assert!(board.tokens_of(&[server], later).is_empty(), "it is set");
    assert_eq!(board.look(server).told, asked);
}

/// One broadcast for all; and what is to be called of them comes when they have been told.
#[test]
fn l9_those_that_are_to_be_told_for_one_reason_are_told_together() {
    let kind = UnitKind { graceful_stop: true, ..PLAIN };
    let mut board = Board::new(GroupKind::default(), Duration::MAX);
    let [one, guest, other] = [0; 3].map(|_| {
        let unit = board.next_node();
        board.add(1, vec![planned_as(None, Policy::default(), kind)]);
        unit
    });
    start(&mut board, &[one, guest, other]);
    board.deregister(guest).unwrap();
    board.step(clock::now(), Input::StopAsked);

    let mut together = Vec::new();
    while let Some(todo) = board.next_to_be_done() {
        if let Todo::Perform(Action::Tell { unit, why }, _) = todo {
            together.push((why, board.told_with(unit, why)));
        }
    }
    let end = UnitEnd::Group(ROOT);
    let expected = [
        (UnitEnd::Deregistered, (vec![guest], vec![guest])),
        (end, (vec![one, other], vec![one, other])),
    ];
    assert_eq!(together, expected);
}

/// The engine wakes late, of all things for the time that the unit had to get ready in, which had joined
/// meanwhile. It is started first, so that there is something that has failed.
#[test]
fn s6_nobody_is_late_for_a_start_that_was_not_made() {
    let mut board = Board::new(GroupKind::default(), Duration::MAX);
    let host = served(&mut board, Policy::default());
    start(&mut board, &[host]);
    let start_timeout = Some(Duration::from_millis(1));
    let guest = planned(None, Policy { start_timeout, ..Policy::default() });
    assert!(board.join(1, vec![guest]));
    let guest = host + 1;
    let later = clock::now() + Duration::from_secs(1);

    assert!(!board.expire(later));
    let Some(Todo::Perform(Action::Start { unit, .. }, _)) = board.next_to_be_done() else {
        panic!("it is to be started");
    };
    assert_eq!(unit, guest);
    assert!(board.machine().may_start(guest) && board.next_to_be_done().is_none());
    assert!(board.expire(later));
    let late = |action: &Action| *action == Action::NotReadyInTime(guest);
    assert!(board.decided(0).any(late));
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
    board.step(clock::now(), Input::SpawnFailed { unit: weak, spawned: 0 });
    while board.next_to_be_done().is_some() {}
    assert_eq!(board.machine().state(weak).0, UnitState::Backoff);
    let board = Mutex::new(board);

    Board::stop(&board, &"enough".into());
    let mut board = board.lock();
    assert!(board.machine().is_finished() && !board.is_finished());
    while board.next_to_be_done().is_some() {}
    assert!(board.is_finished());
}

/// Before it serves there is nobody to tell, and the machine is not asked what it is not ready for.
#[test]
fn l7_a_stop_before_it_serves_is_left_to_the_engine() {
    let board = Mutex::new(Board::new(GroupKind::default(), Duration::MAX));
    Board::stop(&board, &"enough".into());
    assert_eq!(board.lock().decided(0).count(), 0);
    let nothing_yet = Mutex::new(Board::default());
    Board::stop(&nothing_yet, &"enough".into());
}

fn failed() -> Outcome {
    let why: BoxError = "no disk".into();
    Outcome::Failed(Failure::error("unit".into(), Phase::Serve, why))
}

/// As its thread does when it has come back. What is handed back for the engine to take in.
fn comes_back(
    board: &Mutex<Board>,
    run_stop: &Arc<StopLatch>,
    unit: NodeId,
    outcome: Outcome,
) -> Option<Outcome> {
    match leaves(board, &reporting(run_stop), unit, outcome) {
        Some(Notice::Returned { outcome, .. }) => Some(outcome),
        _ => None,
    }
}

/// As its last thread does when it has come back. What it tells the engine.
fn leaves(
    board: &Mutex<Board>,
    reporting: &Reporting,
    unit: NodeId,
    outcome: Outcome,
) -> Option<Notice> {
    let this = board.lock();
    let incarnation = if this.records.is_empty() { None } else { this.current(unit).cloned() };
    drop(this);
    if let Some(incarnation) = incarnation {
        incarnation.note(&outcome);
    }
    Board::returned(board, reporting, Return { unit, incarnation: 1, outcome, settled: true })
}

/// Without an engine that would do it.
#[test]
fn l6_by_whose_failure_the_run_ends_tells_those_whose_turn_it_is() {
    let mut board = Board::new(GroupKind::default(), Duration::MAX);
    let store = served(&mut board, Policy::default());
    let server = served(&mut board, Policy { after: vec![store], ..Policy::default() });
    let weak = served(&mut board, Policy::default());
    start(&mut board, &[store, server, weak]);
    let (board, run_stop) = (Mutex::new(board), Arc::new(StopLatch::new()));

    assert!(comes_back(&board, &run_stop, weak, failed()).is_none());
    assert_eq!([store, server].map(|unit| is_told(&board, unit)), [false, true]);
    let reason = Some(StopReason::UnitStopped("unit".into()));
    assert_eq!(run_stop.get(), reason.as_ref());
    let mut board = board.lock();
    assert!(board.look(weak).last_failure.is_some(), "those who are told may look");
    assert_eq!(board.current(server).and_then(|it| it.ends.stop.reason().cloned()), reason);
    // What the engine tells of it comes before what it does by it.
    let counts = match board.next_to_be_done() {
        Some(Todo::Returned { unit, outcome, counts, .. }) if unit == weak && !outcome.is_ok() => {
            counts
        }
        _ => panic!("first of all it has returned"),
    };
    assert!(counts, "it is why the run ends");
    let stopping = Action::Stopping { group: ROOT, why: GroupEnd::Child(weak) };
    assert!(board.decided(0).any(|action| *action == stopping));
}

#[test]
fn l6_a_request_that_was_first_is_what_they_are_told() {
    let mut board = Board::new(GroupKind::default(), Duration::MAX);
    let weak = served(&mut board, Policy::default());
    let other = served(&mut board, Policy::default());
    start(&mut board, &[weak, other]);
    let (board, run_stop) = (Mutex::new(board), Arc::new(StopLatch::new()));
    run_stop.set("enough".into()); // and whoever asks is about to take the lock

    comes_back(&board, &run_stop, weak, failed());
    let reason = board.lock().current(other).and_then(|it| it.ends.stop.reason().cloned());
    assert_eq!(reason, Some("enough".into()));
}

#[test]
fn l6_by_whose_return_the_run_does_not_end_leaves_it_to_the_engine() {
    let mut board = Board::new(GroupKind::default(), Duration::MAX);
    let restart = Restart::on_failure();
    let weak = served(&mut board, Policy { restart, ..Policy::default() });
    let task = served(&mut board, Policy { task: true, ..Policy::default() });
    let logging = served(&mut board, Policy { background: true, ..Policy::default() });
    start(&mut board, &[weak, task, logging]);
    let (board, run_stop) = (Mutex::new(board), Arc::new(StopLatch::new()));

    assert!(comes_back(&board, &run_stop, weak, failed()).is_some());
    assert!(comes_back(&board, &run_stop, task, Outcome::Ok).is_some());
    assert!(board.lock().next_to_be_done().is_none() && !run_stop.is_set());
    // What starts again after a failure does not after a clean end.
    assert!(comes_back(&board, &run_stop, weak, Outcome::Ok).is_none());
    assert_eq!([task, logging].map(|unit| is_told(&board, unit)), [true, false]);
}

/// The other is still there, and will say so itself when it leaves.
#[test]
fn l6_by_the_failure_of_one_of_two_instances_the_run_ends_and_the_unit_has_not_left() {
    let mut board = Board::new(GroupKind::default(), Duration::MAX);
    let weak = board.next_node();
    let kind = UnitKind { instances: 2, ..PLAIN };
    board.add(1, vec![planned_as(None, Policy::default(), kind)]);
    start(&mut board, &[weak, weak]);
    let (board, run_stop) = (Mutex::new(board), Arc::new(StopLatch::new()));
    let back = Return { unit: weak, incarnation: 1, outcome: failed(), settled: false };

    let notice = Board::returned(&board, &reporting(&run_stop), back);
    assert!(matches!(notice, Some(Notice::Decided)));
    assert!(run_stop.is_set());
}

#[test]
fn l6_the_end_of_one_in_the_background_is_a_stop_as_any() {
    let mut board = Board::new(GroupKind::default(), Duration::MAX);
    let server = served(&mut board, Policy::default());
    let logging = served(&mut board, Policy { background: true, ..Policy::default() });
    start(&mut board, &[server, logging]);
    let (board, run_stop) = (Mutex::new(board), Arc::new(StopLatch::new()));

    assert!(comes_back(&board, &run_stop, logging, Outcome::Ok).is_none());
    assert!(is_told(&board, server));
}

/// That it was entered, or has said that it is ready, may still be on its way to the engine.
#[test]
fn l14_who_comes_back_and_is_not_known_to_be_ready_does_not_overtake_what_it_has_said() {
    let mut board = Board::new(GroupKind::default(), Duration::MAX);
    let weak = served(&mut board, Policy::default());
    board.step(clock::now(), Input::Begin);
    let (board, run_stop) = (Mutex::new(board), Arc::new(StopLatch::new()));

    assert!(comes_back(&board, &run_stop, weak, failed()).is_some(), "it is handed back");
    assert!(!run_stop.is_set());
}

#[test]
fn l11_who_comes_back_when_the_run_is_over_changes_nothing() {
    let mut board = Board::new(GroupKind::default(), Duration::MAX);
    let late = served(&mut board, Policy::default());
    start(&mut board, &[late]);
    board.close();
    let (board, run_stop) = (Mutex::new(board), Arc::new(StopLatch::new()));

    assert!(comes_back(&board, &run_stop, late, failed()).is_some(), "it is handed back");
    assert!(board.lock().next_to_be_done().is_none() && !run_stop.is_set());
}

/// A run of these, of which nobody hears, whose end has begun; the engine has done its part and sleeps.
fn sleeping(units: impl FnOnce(&mut Board) -> Vec<NodeId>) -> (Mutex<Board>, Arc<Reporting>) {
    let mut board = Board::new(GroupKind::default(), Duration::MAX);
    let units = units(&mut board);
    start(&mut board, &units);
    let (board, reporting) = (Mutex::new(board), reporting(&Arc::new(StopLatch::new())));
    reporting.run_stop.set("enough".into());
    Board::stop(&board, &"enough".into());
    while board.lock().next_to_be_done().is_some() {}
    board.lock().engine_goes_to_sleep();
    (board, reporting)
}

fn both(board: &mut Board) -> Vec<NodeId> {
    let kind = UnitKind { graceful_stop: false, ..PLAIN };
    let plan = |_| planned_as(None, Policy::default(), kind);
    let first = board.next_node();
    board.add(1, (0..2).map(plan).collect());
    vec![first, first + 1]
}

/// What the engine is told where others have taken something in.
fn is_woken_for_more(notice: Option<&Notice>) -> bool {
    matches!(notice, Some(Notice::Decided))
}

#[test]
fn l9_the_engine_is_woken_by_the_last_that_comes_back_and_not_by_each() {
    let _unheard = log_level(log::LevelFilter::Off);
    let (board, reporting) = sleeping(both);
    assert!(leaves(&board, &reporting, 1, Outcome::Ok).is_none());
    let mut this = board.lock();
    assert_eq!(this.state(1), UnitState::Stopped, "whoever looks sees it at once");
    assert!(this.look(1).stopped.is_some() && this.next_to_be_done().is_none());
    drop(this);
    assert!(is_woken_for_more(leaves(&board, &reporting, 2, Outcome::Ok).as_ref()));
    assert!(board.lock().decided(0).any(|action| *action == Action::Finished));
}

#[test]
fn l9_the_engine_is_woken_where_it_is_somebody_s_turn_by_that() {
    let _unheard = log_level(log::LevelFilter::Off);
    let (board, reporting) = sleeping(|board| {
        let store = served(board, Policy::default());
        let server = served(board, Policy { after: vec![store], ..Policy::default() });
        vec![store, server]
    });
    board.lock().step(clock::now(), Input::CallReturned(2)); // its `graceful_stop`
    assert!(is_woken_for_more(leaves(&board, &reporting, 2, Outcome::Ok).as_ref()));
    let mut board = board.lock();
    let told = |action: &Action| matches!(action, Action::Tell { unit: 1, .. });
    assert!(board.decided(0).any(told));
    assert!(matches!(board.next_to_be_done(), Some(Todo::Returned { unit: 2, .. })));
}

/// The thread of one that is late is the last of its group's, which the machine is through with.
#[test]
fn l9_the_engine_is_woken_where_a_group_ends_by_that() {
    let _unheard = log_level(log::LevelFilter::Off);
    let (board, reporting) = sleeping(|board| {
        let group = board.next_node();
        let part = PartPlan::Group(GroupKind::default());
        let plan = NodePlan { parent: None, path: "group".into(), terms: Terms::default(), part };
        let kind = UnitKind { graceful_stop: false, ..PLAIN };
        let within = planned_as(Some(group), Policy::default(), kind);
        board.add(1, vec![plan, within, planned_as(None, Policy::default(), kind)]);
        vec![group + 1, group + 2]
    });
    board.lock().record(1).group().over = true;
    assert!(is_woken_for_more(leaves(&board, &reporting, 2, Outcome::Ok).as_ref()));
}

#[test]
fn l9_the_engine_takes_in_itself_what_somebody_may_hear_of_and_what_has_failed() {
    let _unheard = log_level(log::LevelFilter::Off);
    let (board, reporting) = sleeping(both);
    let _events = reporting.publisher.subscribe(8);
    let notice = leaves(&board, &reporting, 1, Outcome::Ok);
    assert!(matches!(notice, Some(Notice::Returned { settled: true, .. })));

    let (board, reporting) = sleeping(both);
    let notice = leaves(&board, &reporting, 1, failed());
    assert!(matches!(notice, Some(Notice::Returned { settled: true, .. })));
}

#[test]
fn l9_the_engine_takes_in_itself_what_may_be_logged() {
    let _errors = log_level(log::LevelFilter::Error);
    let (board, reporting) = sleeping(both);
    let notice = leaves(&board, &reporting, 1, Outcome::Ok);
    assert!(matches!(notice, Some(Notice::Returned { settled: true, .. })));
}

/// The engine has still to tell it, and may have callbacks to call by that.
#[test]
fn l8_who_comes_back_before_the_engine_has_told_it_is_left_to_the_engine() {
    let _unheard = log_level(log::LevelFilter::Off);
    let mut board = Board::new(GroupKind::default(), Duration::MAX);
    let units = both(&mut board);
    start(&mut board, &units);
    board.engine_goes_to_sleep();
    let (board, reporting) = (Mutex::new(board), reporting(&Arc::new(StopLatch::new())));
    reporting.run_stop.set("enough".into());
    Board::stop(&board, &"enough".into());
    let notice = leaves(&board, &reporting, 1, Outcome::Ok);
    assert!(matches!(notice, Some(Notice::Returned { settled: true, .. })));
}

/// As its last thread does where `settled`.
fn instance(
    board: &Mutex<Board>,
    reporting: &Reporting,
    unit: NodeId,
    settled: bool,
) -> Option<Notice> {
    Board::returned(
        board,
        reporting,
        Return { unit, incarnation: 1, outcome: Outcome::Ok, settled },
    )
}

/// A store that has come back, all but a thread of its own, has its turn when the server has stopped:
/// there is nothing to be done by that, but from now on it has a deadline.
#[test]
fn l10_the_engine_is_woken_for_a_deadline_that_is_sooner() {
    let _unheard = log_level(log::LevelFilter::Off);
    let (board, reporting) = sleeping(|board| {
        let kind = UnitKind { graceful_stop: false, ..PLAIN };
        let store = board.next_node();
        let policy = Policy { stop_timeout: Some(Duration::from_secs(5)), ..Policy::default() };
        board.add(1, vec![planned_as(None, policy, kind)]);
        let server = board.next_node();
        let policy = Policy { after: vec![store], ..Policy::default() };
        board.add(1, vec![planned_as(None, policy, kind)]);
        vec![store, server]
    });
    assert!(is_woken_for_more(instance(&board, &reporting, 1, false).as_ref()));
    while board.lock().next_to_be_done().is_some() {}
    assert_eq!(board.lock().engine_goes_to_sleep(), None);

    let notice = instance(&board, &reporting, 2, true);
    let stopped = |action: &Action| matches!(action, Action::Stopped(2));
    assert!(board.lock().decided(0).all(stopped), "it has nothing else to do");
    assert!(board.lock().machine().next_deadline().is_some());
    assert!(is_woken_for_more(notice.as_ref()));
}

#[test]
fn l9_the_last_of_several_instances_is_the_one_by_which_the_unit_has_stopped() {
    let _unheard = log_level(log::LevelFilter::Off);
    let two = |board: &mut Board| {
        let kind = UnitKind { graceful_stop: false, instances: 2, ..PLAIN };
        let unit = board.next_node();
        board.add(
            1,
            vec![planned_as(None, Policy::default(), kind), planned(None, Policy::default())],
        );
        unit
    };
    let both_have_entered = |board: &mut Board| {
        let unit = two(board);
        vec![unit, unit, unit + 1]
    };
    let (board, reporting) = sleeping(both_have_entered);
    assert!(instance(&board, &reporting, 1, false).is_none());
    assert_eq!(board.lock().state(1), UnitState::Stopping);
    assert!(board.lock().look(1).stopped.is_none());
    assert!(instance(&board, &reporting, 1, true).is_none());
    assert_eq!(board.lock().state(1), UnitState::Stopped);

    // That the other has entered may still be on its way.
    let (board, reporting) = sleeping(|board| vec![two(board), 2]);
    assert!(matches!(
        instance(&board, &reporting, 1, false),
        Some(Notice::Returned { settled: false, .. })
    ));
}

#[test]
fn l10_who_was_left_behind_may_come_back_when_the_group_is_dropped() {
    let (board, reporting) = (Mutex::new(Board::default()), reporting(&Arc::new(StopLatch::new())));
    let notice = leaves(&board, &reporting, 1, Outcome::Ok);
    assert!(matches!(notice, Some(Notice::Returned { settled: true, .. })));
}

#[test]
fn l9_an_engine_that_is_awake_takes_in_itself_what_comes_back() {
    let _unheard = log_level(log::LevelFilter::Off);
    let (board, reporting) = sleeping(both);
    board.lock().engine_wakes_up();
    let notice = leaves(&board, &reporting, 1, Outcome::Ok);
    assert!(matches!(notice, Some(Notice::Returned { settled: true, .. })));
}

/// What the machine has decided for a restart is done after the end has taken that restart back.
#[test]
fn s3_a_group_that_was_told_to_start_again_is_told_that_though_the_end_comes_before_the_engine() {
    let strategy = Strategy::one_for_all();
    let mut board = Board::new(GroupKind { strategy, ..GroupKind::default() }, Duration::MAX);
    let restart = Restart::on_failure();
    let weak = served(&mut board, Policy { restart, ..Policy::default() });
    let group = board.next_node();
    let part = PartPlan::Group(GroupKind::default());
    let plan = NodePlan { parent: None, path: "group".into(), terms: Terms::default(), part };
    board.add(1, vec![plan, planned(Some(group), Policy::default())]);
    start(&mut board, &[weak, group + 1]);
    board.take_return(clock::now(), weak, 1, failed());
    board.step(clock::now(), Input::Settled { unit: weak, incarnation: 1 });
    let board = Mutex::new(board);

    Board::stop(&board, &"enough".into());
    let mut board = board.lock();
    assert_eq!(board.machine().round_with(group), None, "it was taken back");
    let stopping = std::iter::from_fn(|| board.next_to_be_done()).find_map(|todo| match todo {
        Todo::Perform(Action::Stopping { group: it, .. }, known) if it == group => Some(known),
        _ => None,
    });
    assert_eq!(stopping.and_then(|known| known.culprit), Some(weak));
}

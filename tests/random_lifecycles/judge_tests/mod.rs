//! The judge is right, which is to say that it can condemn: one lifecycle in which all is well, and what it
//! says when one thing about it is changed.

mod groups;
mod heartbeats;
mod joining;

use std::sync::Arc;
use std::time::Duration;

use rungroup::{ErrorKind, NotReady, Phase, StopReason};

use crate::common::within;
use crate::judge::judge;
use crate::plan::{
    Deed, GroupPlan, Helper, How, Outsider, Part, Plan, Serve, Turn, UnitPlan, Until, When, Who,
};
use crate::play::play;
use crate::record::{Entry, Note, Record, What};
use crate::verdict::{Failed, Verdict};
use crate::{LIMIT, keep_quiet};

const WELL: Turn = Turn { takes: Duration::ZERO, deed: None, ends: How::Ok };

fn serves(until: Until, ends: How) -> Serve {
    Serve {
        helpers: Vec::new(),
        on_stop: None,
        ready_after: None,
        silent: false,
        deed: None,
        until,
        takes: Duration::ZERO,
        ends,
    }
}

fn unit(index: usize) -> UnitPlan {
    UnitPlan {
        name: format!("u{index}"),
        group: 0,
        after: Vec::new(),
        task: false,
        background: false,
        instances: 1,
        when: When::Never,
        restarts: 0,
        pause: Duration::ZERO,
        declares_ready: false,
        start_timeout: None,
        heartbeat: None,
        pre_run: Some(WELL),
        post_run: WELL,
        graceful_stop: WELL,
        serve: vec![serves(Until::Told, How::Ok)],
    }
}

/// A store that says when it is ready, a server after it, and a feed with a helper thread that fails once.
/// It is stopped when all of them are there.
fn plan() -> Plan {
    let ready = Serve { ready_after: Some(Duration::ZERO), ..serves(Until::Told, How::Ok) };
    let store = UnitPlan { declares_ready: true, serve: vec![ready], ..unit(0) };
    let server = UnitPlan { after: vec![Part::Unit(0)], ..unit(1) };
    let helpers = vec![Helper { until_told: true, takes: Duration::ZERO, panics: false }];
    let fails = Serve { helpers: helpers.clone(), ..serves(Until::Now, How::Error) };
    let works = Serve { helpers, ..serves(Until::Told, How::Ok) };
    let (when, serve) = (When::OnFailure, vec![fails, works]);
    let feed = UnitPlan { when, restarts: 3, pre_run: None, serve, ..unit(2) };
    // Four of the pre-runs, two of the store, one of the server, six of the feed, and the waiter's.
    let outermost = GroupPlan {
        name: String::new(),
        parent: None,
        place: 0,
        after: Vec::new(),
        task: false,
        background: false,
        reverse: false,
        who: Who::One,
        when: When::Never,
        restarts: 0,
        pause: Duration::ZERO,
        start_timeout: None,
    };
    let stop = Outsider { notes: 14, limit: LIMIT, deed: Deed::Stop };
    Plan {
        seed: 0,
        hasty: None,
        groups: vec![outermost],
        units: vec![store, server, feed],
        joins: Vec::new(),
        before: None,
        outsiders: vec![stop],
        waiters: 1,
    }
}

/// The same as one-for-all, and with a group in it: the feed comes after all others, which say when they
/// are ready, so all of them have noted that they are there when it fails.
fn plan_of_a_round() -> Plan {
    let mut plan = plan();
    plan.groups[0].who = Who::All;
    let inner = GroupPlan {
        name: "g1/".to_owned(),
        parent: Some(0),
        place: 2,
        who: Who::One,
        ..plan.groups[0].clone()
    };
    plan.groups.push(inner);
    let says = UnitPlan { declares_ready: true, serve: plan.units[0].serve.clone(), ..unit(1) };
    plan.units[1] = UnitPlan { after: vec![Part::Unit(0)], ..says.clone() };
    let inner = UnitPlan { name: "g1/u2".to_owned(), group: 1, pre_run: None, ..says };
    plan.units.insert(2, inner);
    "u3".clone_into(&mut plan.units[FEED].name);
    plan.units[FEED].after = vec![Part::Unit(0), Part::Unit(1), Part::Group(1)];
    // Four of the pre-runs, six and two of each that says when it is ready, four and two of the feed, and
    // the waiter's.
    plan.outsiders[0].notes = 35;
    plan
}

/// Who fails in it.
const FEED: usize = 3;

/// What is changed.
struct Changed {
    notes: Vec<Note>,
    verdict: Verdict,
}

impl Changed {
    fn place(&self, entry: &Entry) -> usize {
        let place = self.notes.iter().position(|note| note.entry == *entry);
        place.unwrap_or_else(|| panic!("{entry:?} is not there: {:#?}", self.notes))
    }

    fn find(&self, unit: usize, is_it: impl Fn(&What) -> bool) -> usize {
        let is_it =
            |note: &Note| matches!(&note.entry, Entry::Of(it, what) if *it == unit && is_it(what));
        self.notes.iter().position(is_it).expect("it is there")
    }

    /// One note comes earlier than it did.
    fn pull(&mut self, from: usize, to: usize) {
        assert!(to < from, "{from} is before {to} already");
        let note = self.notes.remove(from);
        self.notes.insert(to, note);
    }

    fn insert(&mut self, place: usize, entry: Entry) {
        let note = self.notes[0].clone();
        self.notes.insert(place, Note { entry, ..note });
    }

    fn remove(&mut self, entry: &Entry) {
        let place = self.place(entry);
        self.notes.remove(place);
    }

    /// The last of them.
    fn find_last(&self, unit: usize, is_it: impl Fn(&What) -> bool) -> usize {
        let is_it =
            |note: &Note| matches!(&note.entry, Entry::Of(it, what) if *it == unit && is_it(what));
        self.notes.iter().rposition(is_it).expect("it is there")
    }

    fn leave(&self, unit: usize) -> usize {
        self.find(unit, |what| matches!(what, What::Leave { .. }))
    }
}

fn graceful_in(unit: usize) -> Entry {
    Entry::Of(unit, What::GracefulIn)
}

fn graceful_out(unit: usize) -> Entry {
    Entry::Of(unit, What::GracefulOut(How::Ok))
}

fn enters(unit: usize, attempt: u32) -> Entry {
    Entry::Of(unit, What::Enter { attempt, instance: 0 })
}

type Change = fn(&mut Changed);

/// What is changed, and the rule that it goes against.
const CHANGES: [(&str, &str, Change); 28] = [
    ("S2", "enters beside a helper of the one before", |it| {
        let helper = it.find(2, |what| matches!(what, What::HelperOut { attempt: 1, .. }));
        it.pull(it.place(&enters(2, 2)), helper);
    }),
    ("S2", "enters twice", |it| it.insert(it.place(&enters(1, 1)), enters(1, 1))),
    ("S2", "enters twice, the second time later", |it| {
        it.insert(it.leave(0) + 1, enters(0, 1));
    }),
    ("L8", "no graceful_stop", |it| {
        it.remove(&graceful_in(0));
        it.remove(&graceful_out(0));
    }),
    ("L8", "two of them", |it| {
        let place = it.place(&graceful_out(1));
        it.insert(place + 1, graceful_out(1));
        it.insert(place + 1, graceful_in(1));
    }),
    ("L8", "one for an incarnation that is replaced", |it| {
        let left = it.leave(2);
        it.pull(it.place(&graceful_out(2)), left);
        it.pull(it.place(&graceful_in(2)), left);
    }),
    ("L8", "on the thread of the service", |it| {
        let place = it.place(&graceful_in(1));
        it.notes[place].thread = it.notes[it.place(&enters(1, 1))].thread;
    }),
    ("L9", "told before what comes after it has left", |it| {
        let told = it.find(0, |what| matches!(what, What::Told { .. }));
        it.pull(told, it.leave(1));
    }),
    ("L9", "called before what comes after it was", |it| {
        it.pull(it.place(&graceful_in(0)), it.place(&graceful_in(1)));
    }),
    ("S6", "starts before what it comes after is ready", |it| {
        let ready = it.find(0, |what| matches!(what, What::Ready { .. }));
        it.pull(it.place(&enters(1, 1)), ready);
    }),
    ("L1", "pre-runs the other way round", |it| {
        it.pull(2, 0);
        it.pull(3, 1);
    }),
    ("L1", "serves before the pre-runs are over", |it| it.pull(it.place(&enters(0, 1)), 2)),
    ("L1", "one pre-run within another", |it| it.pull(2, 1)),
    ("L10", "a pre-run on another thread", |it| {
        it.notes[0].thread = it.notes[it.place(&enters(0, 1))].thread;
    }),
    ("L13", "no clean-up", |it| {
        it.remove(&Entry::Of(0, What::PostRunIn));
        it.remove(&Entry::Of(0, What::PostRunOut(How::Ok)));
    }),
    ("L13", "a clean-up while something goes on", |it| {
        let left = it.leave(0);
        it.pull(it.place(&Entry::Of(1, What::PostRunIn)), left);
    }),
    ("L7", "a pre-run after the stop", |it| {
        let said = it.notes.iter().position(|note| matches!(note.entry, Entry::StopSaid { .. }));
        it.pull(said.expect("it was asked"), 1);
    }),
    ("L7", "starts again after the stop", |it| {
        let said = it.notes.iter().position(|note| matches!(note.entry, Entry::StopSaid { .. }));
        it.pull(said.expect("it was asked"), it.leave(2));
    }),
    ("L3", "taken out while it is in use", |it| {
        it.insert(it.leave(1), Entry::DeregisterSaid(0, Ok(())));
    }),
    ("L3", "said to have ended, and has not", |it| {
        it.insert(it.leave(1), Entry::DeregisterEnded(1));
    }),
    ("L6", "an error of nobody", |it| it.verdict.error = Some(ErrorKind::Failed)),
    ("L6", "a failure that is not in the result", |it| {
        let place = it.leave(1);
        let Entry::Of(_, What::Leave { how, .. }) = &mut it.notes[place].entry else { return };
        *how = How::Panic;
    }),
    ("L6", "another reason", |it| it.verdict.reason = StopReason::TasksDone),
    ("L11", "goes on after the run", |it| it.pull(it.place(&Entry::Returned), it.leave(0))),
    ("L11", "left behind without a deadline", |it| it.verdict.left_behind.push("u0".to_owned())),
    ("L12", "a helper's panic is lost", |it| {
        let place = it.find(2, |what| matches!(what, What::HelperOut { attempt: 2, .. }));
        it.notes[place].entry = Entry::Of(2, What::HelperOut { attempt: 2, how: How::Panic });
    }),
    ("L14", "ready before the store was", |it| {
        let ready = it.find(0, |what| matches!(what, What::Ready { .. }));
        it.pull(it.place(&Entry::Waited(Ok(()))), ready);
    }),
    ("L14", "a wait that ends with a failure of nobody", |it| {
        let place = it.place(&Entry::Waited(Ok(())));
        it.notes[place].entry = Entry::Waited(Err(NotReady::Failed("u1".into())));
    }),
];

/// What is changed in a lifecycle with a round, and the rule that it goes against.
const CHANGES_OF_A_ROUND: [(&str, &str, Change); 10] = [
    ("S3", "starts again while the server is there", |it| {
        it.pull(it.place(&enters(FEED, 2)), it.leave(1));
    }),
    ("S3", "starts again while one in the inner group is there", |it| {
        it.pull(it.place(&enters(FEED, 2)), it.leave(2));
    }),
    ("S3", "one in the inner group starts again while the store is there", |it| {
        it.pull(it.place(&enters(2, 2)), it.leave(0));
    }),
    ("S3", "told before what comes after it has left", |it| {
        let told = it.find(0, |what| matches!(what, What::Told { .. }));
        it.pull(told, it.leave(1));
    }),
    ("S2", "starts again beside itself", |it| it.pull(it.place(&enters(1, 2)), it.leave(1))),
    ("S2", "starts again beside a helper of the one before", |it| {
        let helper = it.find(FEED, |what| matches!(what, What::HelperOut { attempt: 1, .. }));
        it.pull(it.place(&enters(FEED, 2)), helper);
    }),
    ("S6", "starts again before what it comes after is ready", |it| {
        let ready = it.find(0, |what| matches!(what, What::Ready { attempt: 2 }));
        it.pull(it.place(&enters(1, 2)), ready);
    }),
    ("L9", "told for good before what comes after it has left", |it| {
        let told = it.find_last(0, |what| matches!(what, What::Told { .. }));
        it.pull(told, it.find_last(1, |what| matches!(what, What::Leave { .. })));
    }),
    ("L6", "a group that is given up without a limit", |it| {
        it.verdict.error = Some(ErrorKind::Failed);
        it.verdict.failures.push(Failed {
            unit: "g1".to_owned(),
            phase: Phase::Start,
            text: "it was to start again, and did not stop in time for that".to_owned(),
            panic_at: None,
        });
    }),
    ("L8", "no graceful_stop at the end", |it| {
        for _ in 0..2 {
            it.remove(&graceful_in(1));
            it.remove(&graceful_out(1));
        }
    }),
];

/// A lifecycle of the plan above, and what there is to say against it.
fn played() -> (Plan, Changed, Vec<String>) {
    played_by(plan())
}

fn played_by(plan: Plan) -> (Plan, Changed, Vec<String>) {
    keep_quiet();
    let record = Arc::new(Record::default());
    let verdict = play(&plan, &record);
    let notes = record.notes();
    let faults = judge(&plan, &notes, &verdict);
    (plan, Changed { notes, verdict }, faults)
}

/// Each of these changes goes against its rule, and the judge says so.
fn condemns(plan: fn() -> Plan, changes: &[(&str, &str, Change)]) {
    for (rule, what, change) in changes {
        let (plan, mut case, _) = played_by(plan());
        change(&mut case);
        let faults = judge(&plan, &case.notes, &case.verdict);
        let found = faults.iter().any(|fault| fault.starts_with(&format!("{rule}:")));
        assert!(found, "{rule}, {what}: {faults:?} {:#?}", case.notes);
    }
}

#[test]
fn the_judge_has_nothing_against_a_lifecycle_in_which_all_is_well() {
    within(LIMIT, || {
        let (_, case, faults) = played();
        assert!(faults.is_empty(), "{faults:?} {:#?}", case.notes);
    });
}

#[test]
fn the_judge_condemns_what_goes_against_a_rule() {
    within(LIMIT, || condemns(plan, &CHANGES));
}

#[test]
fn the_judge_has_nothing_against_a_round_in_which_all_is_well() {
    within(LIMIT, || {
        let (_, case, faults) = played_by(plan_of_a_round());
        assert!(faults.is_empty(), "{faults:?} {:#?}", case.notes);
        for unit in 0..4 {
            assert!(case.notes.iter().any(|note| note.entry == enters(unit, 2)), "{unit}");
        }
    });
}

#[test]
fn the_judge_condemns_what_goes_against_a_rule_in_a_round() {
    within(LIMIT, || condemns(plan_of_a_round, &CHANGES_OF_A_ROUND));
}

/// A limit is what makes it true: then the group may have been late, but only if one beside it may have
/// been to start again.
#[test]
fn the_judge_believes_that_a_group_was_given_up_only_where_it_may_have_been() {
    within(LIMIT, || {
        let faults = |hasty: Option<Duration>, fails: bool, who: Who| {
            let (mut plan, mut case, _) = played_by(plan_of_a_round());
            plan.hasty = hasty;
            plan.groups[0].who = who;
            for note in &mut case.notes {
                if let Entry::Of(FEED, What::Leave { how, .. }) = &mut note.entry
                    && !fails
                {
                    *how = How::Ok;
                }
            }
            case.verdict.error = Some(ErrorKind::Failed);
            case.verdict.failures.push(Failed {
                unit: "g1".to_owned(),
                phase: Phase::Start,
                text: "it was to start again, and did not stop in time for that".to_owned(),
                panic_at: None,
            });
            let faults = judge(&plan, &case.notes, &case.verdict);
            faults.iter().filter(|fault| fault.starts_with("L6: reported, and did not")).count()
        };
        let limit = Some(Duration::from_millis(2));
        assert_eq!(faults(limit, true, Who::All), 0);
        assert_eq!(faults(None, true, Who::All), 1);
        assert_eq!(faults(limit, false, Who::All), 1);
        assert_eq!(faults(limit, true, Who::One), 1);
    });
}

#[test]
fn the_judge_condemns_a_failure_that_is_reported_wrongly() {
    within(LIMIT, || {
        let reported = Failed {
            unit: "u1".to_owned(),
            phase: Phase::Serve,
            text: "scripted: u1 serve".to_owned(),
            panic_at: Some(true),
        };
        // It did panic, and is reported as it should be: with another phase, without its words, without its
        // place, or as an error, it is not.
        let faults_of = |reported: Failed| {
            let (plan, mut case, _) = played();
            let place = case.leave(1);
            if let Entry::Of(_, What::Leave { how, .. }) = &mut case.notes[place].entry {
                *how = How::Panic;
            }
            case.verdict.error = Some(ErrorKind::Failed);
            case.verdict.cause = Some(reported.clone());
            case.verdict.failures.push(reported);
            judge(&plan, &case.notes, &case.verdict)
        };
        assert_eq!(faults_of(reported.clone()), [""; 0]);
        for wrong in [
            Failed { phase: Phase::OnStop, ..reported.clone() },
            Failed { text: "it failed".to_owned(), ..reported.clone() },
            Failed { panic_at: Some(false), ..reported.clone() },
            Failed { panic_at: None, ..reported.clone() },
            Failed { unit: "u0".to_owned(), ..reported.clone() },
        ] {
            let said = format!("{wrong:?}");
            assert!(!faults_of(wrong).is_empty(), "{said}");
        }
    });
}

//! Random lifecycles on real threads: thousands of small groups whose units succeed, fail, panic, end
//! early, stop slowly, never get ready, are in groups in groups, join late, start again, alone, together or with a
//! group that they are in, spawn threads and are taken out, stopped from everywhere at any time. After each
//! the rules L1, L3, L6 to L14, S1 to S3, S5 to S7 and S9 are judged by what the units themselves have noted.
//!
//! What is done is another each time. A failure prints its seed: `RUNGROUP_LIFECYCLE_SEED` has that one
//! played again, a hundred times, since the threads may take other turns. `plan.rs` draws what is to
//! happen, `play.rs` plays it, `record.rs` is what was noted, `judge/` the rules.

// Real threads are the subject, and tests have no other way to them. The seed is for people to see.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros, unreachable_pub)]

#[path = "../common/mod.rs"]
mod common;

mod census;
mod judge;
mod judge_tests;
mod plan;
mod play;
mod random;
mod record;
mod verdict;

use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::thread;
use std::time::{Duration, Instant};

use census::Census;
use common::tasks;
use crossbeam_channel::{RecvTimeoutError, bounded};
use judge::judge;
use plan::Plan;
use play::{SCRIPTED, play};
use record::Record;

/// A lifecycle takes milliseconds. The group's own deadline, 30 s, would hide a stop that hangs.
const LIMIT: Duration = Duration::from_secs(20);

/// So many between two looks at the threads of the process.
const ROUND: usize = 250;

/// More than cores: most of a lifecycle is waiting, and being off the core in the middle of something
/// is what finds faults.
const AT_ONCE: usize = 6;

/// What has failed once and seldom would again, as long as plans are drawn as they were then: a group in the
/// background joins after a group whose only unit was taken out before.
const FOUND: [u64; 1] = [218_704_092_339_274];

#[test]
fn l6_to_l14_and_s2_hold_in_ten_thousand_random_lifecycles() {
    let seeds: Vec<u64> = match variable("RUNGROUP_LIFECYCLE_SEED") {
        Some(seed) => vec![seed; 100],
        None => FOUND.into_iter().flat_map(|seed| [seed; 20]).chain(seeds(10_000)).collect(),
    };
    run(&seeds);
}

#[test]
#[ignore = "a million random lifecycles take half an hour or more: `cargo test --release --test \
            random_lifecycles -- --ignored`"]
fn l6_to_l14_and_s2_hold_in_a_million_random_lifecycles() {
    for _ in 0..100 {
        run(&seeds(10_000));
    }
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|why| panic!("{name}={text}: {why}")))
}

fn seeds(count: u64) -> Vec<u64> {
    let first = RandomState::new().hash_one(()) >> 16;
    println!("seeds {first} to {}", first + count - 1);
    (first..first + count).collect()
}

/// What a lifecycle that failed has to say.
type Fault = String;

/// What was seen in one that did not.
type Kinds = Vec<&'static str>;

fn run(seeds: &[u64]) {
    keep_quiet();
    let (began, mut census) = (Instant::now(), Census::default());
    for round in seeds.chunks(ROUND) {
        let before = tasks::of("self");
        if let Err(fault) = play_all(round, &mut census) {
            panic!("{fault}");
        }
        let left = threads_since(&before);
        assert!(left.is_empty(), "L11: threads are left, of {round:?}: {left:?}");
        let panics = std::mem::take(&mut *PANICS.lock().unwrap());
        assert!(panics.is_empty(), "the library has panicked, in one of {round:?}: {panics:#?}");
    }
    println!("{} lifecycles in {:.1?}, and in how many of them:", seeds.len(), began.elapsed());
    census.print();
    let missing = census.missing();
    assert!(seeds.len() < 10_000 || missing.is_empty(), "never seen: {missing:?}");
}

/// Those of the other tests in here come and go.
fn threads_since(before: &std::collections::BTreeMap<u32, String>) -> Vec<String> {
    let new = tasks::new_since(before).into_values();
    new.filter(|name| !name.starts_with("judge_tests")).collect()
}

/// Plays them on some threads, and watches that none hangs.
fn play_all(seeds: &[u64], census: &mut Census) -> Result<(), Fault> {
    let next = Arc::new(AtomicUsize::new(0));
    let at_work: Arc<[Mutex<Option<AtWork>>]> = (0..AT_ONCE).map(|_| Mutex::default()).collect();
    let (done, results) = bounded(seeds.len());
    let workers: Vec<_> = (0..AT_ONCE)
        .map(|worker| {
            let (next, done, seeds) = (next.clone(), done.clone(), seeds.to_vec());
            let at_work = at_work.clone();
            let work = move || {
                while let Some(&seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let plan = Plan::new(seed);
                    let record = Arc::new(Record::default());
                    let begun = AtWork { seed, since: Instant::now(), record: record.clone() };
                    *at_work[worker].lock().unwrap() = Some(begun);
                    let result = one(&plan, &record);
                    *at_work[worker].lock().unwrap() = None;
                    if done.send(result).is_err() {
                        return;
                    }
                }
            };
            thread::Builder::new().name(format!("worker-{worker}")).spawn(work).unwrap()
        })
        .collect();
    drop(done);
    loop {
        match results.recv_timeout(LIMIT / 4) {
            Ok(kinds) => census.count(&kinds?),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let hung = at_work.iter().find_map(|slot| {
                    let slot = slot.lock().unwrap();
                    slot.as_ref().filter(|it| it.since.elapsed() > LIMIT).map(AtWork::hangs)
                });
                if let Some(hung) = hung {
                    return Err(hung);
                }
            }
        }
    }
    for worker in workers {
        worker.join().expect("a lifecycle that fails says so, and does not panic");
    }
    Ok(())
}

/// What a thread is busy with.
struct AtWork {
    seed: u64,
    since: Instant,
    record: Arc<Record>,
}

impl AtWork {
    fn hangs(&self) -> Fault {
        tell(&Plan::new(self.seed), &self.record, &[format!("it hangs, for {LIMIT:?}")], "")
    }
}

/// One lifecycle.
fn one(plan: &Plan, record: &Arc<Record>) -> Result<Kinds, Fault> {
    // The test's own boundary: the seed must not be lost.
    let played = panic::catch_unwind(panic::AssertUnwindSafe(|| play(plan, record)));
    let Ok(verdict) = played else {
        return Err(tell(plan, record, &["a panic got out".to_owned()], ""));
    };
    let notes = record.notes();
    let faults = judge(plan, &notes, &verdict);
    if faults.is_empty() {
        return Ok(census::kinds(plan, &notes, &verdict));
    }
    Err(tell(plan, record, &faults, &format!("{verdict:?}")))
}

/// Everything that is known of one that failed.
fn tell(plan: &Plan, record: &Record, faults: &[String], verdict: &str) -> Fault {
    let mut text = faults.join("\n");
    let _ = writeln!(text, "\n\nto play it again: RUNGROUP_LIFECYCLE_SEED={}\n", plan.seed);
    for (place, note) in record.notes().iter().enumerate() {
        let _ = writeln!(text, "{place:4} {:?} {:?}", note.thread, note.entry);
    }
    let _ = write!(text, "\n{verdict}\n\n{plan}");
    text
}

/// Where the library itself has panicked. Nobody else hears of that on a thread that is at its end.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Panics that were planned are not printed: thousands of them would be, each with a backtrace.
fn keep_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let planned = info.payload_as_str().is_some_and(|text| text.starts_with(SCRIPTED));
            if info.location().is_some_and(|at| at.file().starts_with("src/")) {
                PANICS.lock().unwrap().push(info.to_string());
            }
            if !planned {
                before(info);
            }
        }));
    });
}

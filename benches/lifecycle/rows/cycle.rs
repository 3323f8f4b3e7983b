//! The whole life of N services that do nothing: they start, are ready, are told to stop, and are
//! joined. Somebody else tells them, a thread that is there before: with a group it waits for
//! readiness and asks for the end, with bare threads it waits for all to have said that they are there
//! and sets the flag.

use std::sync::{Arc, Condvar, Mutex};

use rungroup::{Group, Report, service_fn};

use super::machine;
use super::paired::statistics::Target;
use super::paired::{Bench, Variant, together};
use super::threads::{Flag, Worker, named};

/// What is more than linear shows: `n log n` would be 1.33 here.
const LINEAR: f64 = 1.25;

pub(crate) fn rows(bench: &mut Bench) {
    both_serve_all();
    for (count, most) in [(10, 1.25), (100, 1.1), (1_000, 1.1), (10_000, 1.1)] {
        let what = format!("cycle of {count} services");
        if is_possible(bench, &what, count) {
            let (mut group, mut bare) = (groups("group", 1, count), bare("bare threads", 1, count));
            bench.compare(&what, &mut group, &mut bare, Target::AtMost(most));
        }
    }
    let what = "cycle of 10000 services, ten times 1000";
    if is_possible(bench, what, 10_000) {
        let (mut one, mut ten) = (groups("a group", 1, 10_000), groups("ten groups", 10, 1_000));
        bench.compare(what, &mut one, &mut ten, Target::AtMost(LINEAR));
        let (mut one, mut ten) = (bare("bare, at once", 1, 10_000), bare("by 1000", 10, 1_000));
        bench.show(what, &mut one, &mut ten);
    }
}

/// Where there are not that many threads, that is said. In a quick run there are only a few.
fn is_possible(bench: &mut Bench, what: &str, count: u32) -> bool {
    if bench.is_quick() && count > 1_000 {
        bench.skip(what, "too long for a quick run");
        return false;
    }
    let missing = machine::missing_for(count);
    if let Some(missing) = &missing {
        bench.skip(what, missing);
    }
    missing.is_none()
}

/// So many groups, one after the other.
fn groups(name: &'static str, groups: u32, services: u32) -> Variant<'static> {
    let others = Worker::new();
    let cycle = move || (0..groups).for_each(|_| drop(serve(&others, services)));
    variant(name, groups * services, cycle)
}

fn bare(name: &'static str, groups: u32, threads: u32) -> Variant<'static> {
    let others = Worker::new();
    let cycle = move || (0..groups).for_each(|_| serve_bare(&others, threads));
    variant(name, groups * threads, cycle)
}

fn variant(name: &'static str, threads: u32, cycle: impl FnMut() + 'static) -> Variant<'static> {
    let variant = Variant::new(name, together(cycle));
    match threads {
        ..=1_000 => variant.in_many_rounds(),
        // A second each time: the usual 60 take two minutes.
        _ => variant,
    }
}

fn serve(others: &Worker<()>, count: u32) -> Report {
    let mut group = Group::new("bench").args(["bench"]);
    for index in 0..count {
        group.register(service_fn(format!("service-{index}"), |ctx| {
            ctx.stopped().wait();
            Ok(())
        }));
    }
    let handle = group.handle();
    others.hand(move || {
        handle.wait_till_ready().expect("all serve");
        handle.stop("the bench goes on");
    });
    let report = group.run().expect("all stop well");
    others.result();
    report
}

fn serve_bare(others: &Worker<()>, count: u32) {
    let shared = Arc::new(Bare::default());
    let spawn = |index| {
        let shared = Arc::clone(&shared);
        named(format!("service-{index}"), move || {
            shared.arrive(count);
            shared.stop.wait();
        })
    };
    let all = Arc::clone(&shared);
    others.hand(move || {
        all.wait_till_there(count);
        all.stop.set();
    });
    let threads: Vec<_> = (0..count).map(spawn).collect();
    for thread in threads {
        thread.join().expect("nobody panics");
    }
    others.result();
    assert_eq!(*shared.there.lock().expect("nobody panics"), count);
}

#[derive(Default)]
struct Bare {
    there: Mutex<u32>,
    all_there: Condvar,
    stop: Flag,
}

impl Bare {
    fn arrive(&self, all: u32) {
        let mut there = self.there.lock().expect("nobody panics");
        *there += 1;
        if *there == all {
            self.all_there.notify_one();
        }
    }

    fn wait_till_there(&self, all: u32) {
        let there = self.there.lock().expect("nobody panics");
        drop(self.all_there.wait_while(there, |there| *there < all).expect("nobody panics"));
    }
}

fn both_serve_all() {
    let others = Worker::new();
    let report = serve(&others, 10);
    let have_served = report.units().iter().filter(|unit| unit.ready.is_some());
    assert_eq!((report.units().len(), have_served.count()), (10, 10));
    assert_eq!(report.reason().to_string(), "requested: the bench goes on");
    serve_bare(&others, 10);
}

//! What is alive on the heap for each service when all are ready, beyond what as many bare threads with
//! the same names have: 1000 of each, in turns.

use std::sync::{Arc, Barrier};
use std::thread;

use rungroup::{Group, service_fn};

use super::HEAP;
use super::paired::Bench;

const SERVICES: usize = 1_000;
const ROUNDS: usize = 30;
const MOST: f64 = 2048.0;

pub(crate) fn rows(bench: &mut Bench) {
    let what = "heap of a service, 1000 of them, in bytes";
    if !bench.wants(what) {
        return;
    }
    eprintln!("{what} …");
    let rounds = if bench.is_quick() { 4 } else { ROUNDS };
    // The first of either makes what stays for the process.
    of_group();
    of_bare_threads();
    let beyond: Vec<f64> = (0..rounds).map(|_| of_group() - of_bare_threads()).collect();
    bench.figure(what, "beyond a bare thread", &beyond, MOST);
}

/// While all are there.
#[allow(clippy::cast_precision_loss)] // far below 2⁵²
fn per_service(before: usize) -> f64 {
    (HEAP.current_usage() as f64 - before as f64) / SERVICES as f64
}

fn of_group() -> f64 {
    let before = HEAP.current_usage();
    let mut group = Group::new("bench").args(["bench"]);
    for index in 0..SERVICES {
        group.register(service_fn(format!("service-{index}"), |ctx| {
            ctx.stopped().wait();
            Ok(())
        }));
    }
    let handle = group.handle();
    let looks = thread::spawn(move || {
        handle.wait_till_ready().expect("all serve");
        let each = per_service(before);
        handle.stop("seen enough");
        each
    });
    group.run().expect("all stop well");
    drop(group);
    looks.join().expect("it does not panic")
}

fn of_bare_threads() -> f64 {
    let before = HEAP.current_usage();
    let all_there = Arc::new(Barrier::new(SERVICES + 1));
    let spawn = |index| {
        let all_there = Arc::clone(&all_there);
        let thread = thread::Builder::new().name(format!("service-{index}"));
        let body = move || {
            all_there.wait(); // that all are there
            all_there.wait(); // for the end
        };
        thread.spawn(body).expect("a thread")
    };
    let threads: Vec<_> = (0..SERVICES).map(spawn).collect();
    all_there.wait();
    let each = per_service(before);
    all_there.wait();
    for thread in threads {
        thread.join().expect("nobody panics");
    }
    each
}

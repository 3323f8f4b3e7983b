//! From a panic to `serve` being entered again, without a pause, against a bare thread that is spawned,
//! panics, is joined, and is spawned again.

use std::panic::panic_any;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rungroup::{Backoff, Group, Restart, service_fn};

use super::ON_PURPOSE;
use super::paired::statistics::Target;
use super::paired::{Bench, Variant};
use super::threads::named;

const WHAT: &str = "panic to `serve` entered again";

pub(crate) fn rows(bench: &mut Bench) {
    let mut group = Variant::new("group", restart);
    let mut bare = Variant::new("bare thread", spawn_again);
    bench.compare(WHAT, &mut group, &mut bare, Target::AtMost(1.5));
}

/// So many times; the clock starts when it is entered for the first time, and stops when it is
/// entered for the last.
fn restart(times: u32) -> Duration {
    let (enter, entered) = mpsc::channel();
    let mut group = Group::new("bench").args(["bench"]);
    let fragile = service_fn("fragile", move |ctx| {
        if ctx.attempt() == 1 || ctx.attempt() > times {
            enter.send(Instant::now())?;
        }
        if ctx.attempt() <= times {
            panic_any(ON_PURPOSE);
        }
        Ok(())
    });
    group.register(fragile).restart(Restart::on_failure().backoff(Backoff::none()).unlimited());
    let report = group.run().expect("the last one returns");
    assert_eq!(report.units()[0].restarts, times);
    between(&entered)
}

fn spawn_again(times: u32) -> Duration {
    let (enter, entered) = mpsc::channel();
    for attempt in 1..=times + 1 {
        let enter = enter.clone();
        let thread = named("fragile".to_owned(), move || {
            if attempt == 1 || attempt > times {
                enter.send(Instant::now()).expect("somebody listens");
            }
            if attempt <= times {
                panic_any(ON_PURPOSE);
            }
        });
        assert_eq!(thread.join().is_err(), attempt <= times);
    }
    between(&entered)
}

fn between(entered: &mpsc::Receiver<Instant>) -> Duration {
    let times = [entered.recv().expect("the first"), entered.recv().expect("the last")];
    times[1] - times[0]
}

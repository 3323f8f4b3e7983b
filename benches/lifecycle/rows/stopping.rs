//! How long a stop takes whose services take their time: ten that need 100 ms each, and ten of which one
//! never stops. The clock runs from the request to the return of `run`.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rungroup::{
    BoxError, ErrorKind, Group, Report, RunError, ServeContext, Service, Unit, service_fn,
};

use super::paired::{Bench, Variant};
use super::threads::Worker;

const SERVICES: u32 = 10;
const NEEDED: Duration = Duration::from_millis(100);
const DEADLINE: Duration = Duration::from_millis(500);

/// The other nine have to have been told by then: a tenth of what the stuck one is given.
const AT_ONCE: Duration = Duration::from_millis(50);

/// What `run` returned, and when.
type Runner = Worker<(Result<Report, RunError>, Instant)>;

pub(crate) fn rows(bench: &mut Bench) {
    let runner = Runner::new();
    let what = "10 services that need 100 ms to stop";
    for (name, place) in [("in `serve`", Place::Serve), ("in `graceful_stop`", Place::GracefulStop)]
    {
        let measure = |times| (0..times).map(|_| stop_slow(&runner, place)).sum();
        let mut subject = Variant::new(name, measure).in_few_rounds();
        bench.limit(what, &mut subject, NEEDED.mul_f64(1.1));
    }

    let what = "one of 10 stuck, deadline 500 ms";
    let mut told = Vec::new();
    let measure = |times| (0..times).map(|_| stop_with_one_stuck(&runner, &mut told)).sum();
    let mut subject = Variant::new("`run` returns", measure).in_few_rounds();
    bench.limit(what, &mut subject, DEADLINE.mul_f64(1.1));
    drop(subject);
    if !told.is_empty() {
        bench.limit_of(what, "the nine have been told", &told, AT_ONCE);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Serve,
    GracefulStop,
}

/// Takes its time, once it is told.
struct Slow {
    name: String,
    place: Place,
    stopped: Arc<AtomicU32>,
}

impl Slow {
    fn takes_its_time(&self) {
        thread::sleep(NEEDED);
        self.stopped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Unit for Slow {
    fn name(&self) -> &str {
        &self.name
    }

    fn as_service(&self) -> Option<&dyn Service> {
        Some(self)
    }
}

impl Service for Slow {
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        ctx.stopped().wait();
        if self.place == Place::Serve {
            self.takes_its_time();
        }
        Ok(())
    }

    fn graceful_stop(&self) -> Result<(), BoxError> {
        if self.place == Place::GracefulStop {
            self.takes_its_time();
        }
        Ok(())
    }
}

fn stop_slow(runner: &Runner, place: Place) -> Duration {
    let stopped = Arc::new(AtomicU32::new(0));
    let mut group = Group::new("bench").args(["bench"]);
    for index in 0..SERVICES {
        let stopped = Arc::clone(&stopped);
        group.register(Slow { name: format!("service-{index}"), place, stopped });
    }
    let (result, took) = stop(runner, group);
    result.expect("all stop well");
    assert_eq!(stopped.load(Ordering::Relaxed), SERVICES);
    took
}

fn stop(runner: &Runner, mut group: Group) -> (Result<Report, RunError>, Duration) {
    let handle = group.handle();
    runner.hand(move || (group.run(), Instant::now()));
    handle.wait_till_ready().expect("all serve");
    let told = Instant::now();
    handle.stop("the bench goes on");
    let (result, returned) = runner.result();
    (result, returned - told)
}

/// Hears nothing, and comes back from no call, until it is let go; then it says so.
struct Stuck {
    in_serve: Mutex<mpsc::Receiver<()>>,
    in_call: Mutex<mpsc::Receiver<()>>,
    gone: Sender<()>,
}

impl Stuck {
    fn hangs(&self, held: &Mutex<mpsc::Receiver<()>>) -> Result<(), BoxError> {
        let let_go = held.lock().expect("nobody panics").recv();
        debug_assert!(let_go.is_err(), "the other end was dropped");
        Ok(self.gone.send(())?)
    }
}

impl Unit for Stuck {
    fn name(&self) -> &'static str {
        "stuck"
    }

    fn as_service(&self) -> Option<&dyn Service> {
        Some(self)
    }
}

impl Service for Stuck {
    fn serve(&self, _ctx: &ServeContext) -> Result<(), BoxError> {
        self.hangs(&self.in_serve)
    }

    fn graceful_stop(&self) -> Result<(), BoxError> {
        self.hangs(&self.in_call)
    }
}

/// The time until `run` has returned; the one until the last of the others was told is added to
/// `others_told`.
fn stop_with_one_stuck(runner: &Runner, others_told: &mut Vec<Duration>) -> Duration {
    let (gone, has_gone) = mpsc::channel();
    let (serving, in_serve) = mpsc::channel();
    let (calling, in_call) = mpsc::channel();
    let (say, said) = mpsc::channel();
    let mut group = Group::new("bench").args(["bench"]).stop_timeout(DEADLINE);
    group.register(Stuck { in_serve: Mutex::new(in_serve), in_call: Mutex::new(in_call), gone });
    for index in 1..SERVICES {
        let say = say.clone();
        group.register(service_fn(format!("service-{index}"), move |ctx| {
            ctx.stopped().wait();
            Ok(say.send(Instant::now())?)
        }));
    }
    let handle = group.handle();
    runner.hand(move || (group.run(), Instant::now()));
    handle.wait_till_ready().expect("all serve");
    let told = Instant::now();
    handle.stop("the bench goes on");
    let (result, returned) = runner.result();

    let error = result.expect_err("one was left behind");
    assert_eq!(error.kind(), ErrorKind::NotStopped);
    let left_behind = error.left_behind();
    assert_eq!(left_behind.len(), 2, "one in `serve`, one in `graceful_stop`: {left_behind:?}");
    assert!(left_behind.iter().all(|left| left.unit.as_deref() == Some("stuck")));
    drop(say);
    let seen: Vec<Instant> = said.try_iter().collect();
    assert_eq!(seen.len() + 1, SERVICES as usize, "the others have stopped");
    others_told.push(seen.into_iter().max().expect("nine of them") - told);
    // Nothing of this one is there any more when the next begins.
    drop((serving, calling));
    has_gone.iter().take(2).for_each(drop);
    returned - told
}

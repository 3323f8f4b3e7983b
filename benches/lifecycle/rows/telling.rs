//! How soon those that wait have seen the stop: from the request to the last of ten, and from a panic
//! in one of ten to the last of the nine others. All of them sleep when the clock starts, the thread
//! that runs the group too: the kernel says so.

use std::convert::Infallible;
use std::fs::File;
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::panic_any;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{never, select};
use rungroup::{Group, Report, RunError, ServeContext, service_fn};
use rustix::event::{PollFd, PollFlags, poll};

use super::ON_PURPOSE;
use super::paired::asleep::{is_asleep, own_state};
use super::paired::statistics::Target;
use super::paired::{Bench, Variant};
use super::threads::{Flag, Worker, named};

const TARGET: Target = Target::AtMost(1.2);
const SERVICES: usize = 10;

/// How a service waits for something of its own, and for the stop.
type Wait = fn(&ServeContext);

/// How a bare thread does.
type BareWait<S> = fn(&S);

pub(crate) fn rows(bench: &mut Bench) {
    let what = "stop to the last of 10";
    if let Err(error) = own_state() {
        return bench.skip(what, &format!("nothing tells whether a thread is asleep ({error})"));
    }
    let runner = Worker::new();
    for (name, wait) in [("`stopped().wait()`", in_wait as Wait), ("`sleep`", in_sleep)] {
        let subject = Variant::new(name, requested(&runner, wait));
        let mut subject = subject.in_short_rounds().in_many_rounds();
        let mut base = Variant::new("condvar", told(Flag::wait, Flag::set)).in_short_rounds();
        bench.compare(what, &mut subject, &mut base, TARGET);
    }
    // What it costs to have the turns decided by one thread, and everybody told by himself.
    let mut subject = Variant::new("a thread asked, condvar each", asked()).in_short_rounds();
    let mut base = Variant::new("condvar", told(Flag::wait, Flag::set)).in_short_rounds();
    bench.show(what, &mut subject, &mut base);
    // Those who wait for something else beside the stop: rows of their own, without a target.
    let mut subject = Variant::new("`select!`", requested(&runner, in_select)).in_short_rounds();
    let base = told(Channel::wait, Channel::disconnect);
    let mut base = Variant::new("bare `select!`", base).in_short_rounds();
    bench.show(what, &mut subject, &mut base);
    for (name, wait) in [("`wait_readable`", in_wait_readable as Wait), ("`accept`", in_accept)] {
        let mut subject = Variant::new(name, requested(&runner, wait)).in_short_rounds();
        let base = told(Hangup::wait, Hangup::hang_up);
        let mut base = Variant::new("bare `poll`", base).in_short_rounds();
        bench.show(what, &mut subject, &mut base);
    }

    let what = "panic in one of 10 to the last of the others";
    let subject = Variant::new("`stopped().wait()`", panicking(&runner));
    let mut subject = subject.in_short_rounds().in_many_rounds();
    let mut base = Variant::new("drop guard and condvar", dropping()).in_short_rounds();
    bench.compare(what, &mut subject, &mut base, TARGET);
}

// ---- how services wait ----

fn in_wait(ctx: &ServeContext) {
    ctx.stopped().wait();
}

fn in_sleep(ctx: &ServeContext) {
    assert!(!ctx.sleep(Duration::from_hours(1)));
}

fn in_select(ctx: &ServeContext) {
    select! {
        recv(never::<Infallible>()) -> _ => unreachable!("there is none"),
        recv(ctx.stopped().receiver()) -> _ => {}
    }
}

fn in_wait_readable(ctx: &ServeContext) {
    let (ours, _theirs) = UnixStream::pair().expect("two descriptors");
    let readable = ctx.wait_readable(&ours, None).expect("no error");
    assert_eq!(readable, rungroup::Readable::Stopped);
}

fn in_accept(ctx: &ServeContext) {
    let listener = listener();
    let connection = ctx.accept(&listener).expect("no error");
    assert!(connection.is_none());
}

/// One that nobody connects to, without a name in the file system.
fn listener() -> UnixListener {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::SocketAddr;

    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("rungroup-bench-{}-{number}", std::process::id());
    let address = SocketAddr::from_abstract_name(name).expect("short enough");
    UnixListener::bind_addr(&address).expect("nobody else has the name")
}

// ---- how bare threads wait ----

/// A channel for all, which nobody sends to, and which is disconnected by dropping its sender.
struct Channel {
    sender: Mutex<Option<crossbeam_channel::Sender<Infallible>>>,
    receiver: crossbeam_channel::Receiver<Infallible>,
}

impl Default for Channel {
    fn default() -> Self {
        let (sender, receiver) = crossbeam_channel::bounded(0);
        Self { sender: Mutex::new(Some(sender)), receiver }
    }
}

impl Channel {
    fn wait(&self) {
        select! {
            recv(never::<Infallible>()) -> _ => unreachable!("there is none"),
            recv(self.receiver) -> _ => {}
        }
    }

    fn disconnect(&self) {
        drop(self.sender.lock().expect("nobody panics").take());
    }
}

/// A pair of sockets for all, one of which is closed.
struct Hangup {
    ours: UnixStream,
    theirs: Mutex<Option<UnixStream>>,
}

impl Default for Hangup {
    fn default() -> Self {
        let (ours, theirs) = UnixStream::pair().expect("two descriptors");
        Self { ours, theirs: Mutex::new(Some(theirs)) }
    }
}

impl Hangup {
    fn wait(&self) {
        let (ours, _theirs) = UnixStream::pair().expect("two descriptors");
        let mut fds = [&ours, &self.ours].map(|fd| PollFd::new(fd, PollFlags::IN));
        poll(&mut fds, None).expect("no error");
        assert!(fds[0].revents().is_empty() && !fds[1].revents().is_empty());
    }

    fn hang_up(&self) {
        drop(self.theirs.lock().expect("nobody panics").take());
    }
}

// ---- what is measured ----

/// When those that wait have seen it, and whether they sleep.
struct Watch {
    /// The times are nanoseconds since then.
    zero: Instant,
    waiting: AtomicUsize,
    latest: AtomicU64,
    states: Mutex<Vec<File>>,
}

impl Watch {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            zero: Instant::now(),
            waiting: AtomicUsize::new(0),
            latest: AtomicU64::new(0),
            states: Mutex::default(),
        })
    }

    /// What a thread does that is to see it.
    fn observe<R>(&self, wait: impl FnOnce() -> R) -> R {
        self.will_sleep();
        let seen = wait();
        let nanos = self.zero.elapsed().as_nanos();
        self.latest.fetch_max(u64::try_from(nanos).expect("some centuries"), Ordering::AcqRel);
        seen
    }

    /// The thread has no more to do than to wait.
    fn will_sleep(&self) {
        let state = own_state().expect("as there was one before");
        self.states.lock().expect("nobody panics").push(state);
        self.waiting.fetch_add(1, Ordering::Release);
    }

    /// Asks until it is so, since nothing tells when it becomes so. Whoever is about to wait may still
    /// sleep for a lock for a moment: all have to be seen asleep twice.
    fn wait_till_asleep(&self, threads: usize) {
        let began = Instant::now();
        let mut seen = 0;
        while seen < 2 {
            assert!(began.elapsed() < Duration::from_mins(1), "somebody does not fall asleep");
            let all_wait = self.waiting.load(Ordering::Acquire) == threads;
            if all_wait && self.states.lock().expect("nobody panics").iter().all(is_asleep) {
                seen += 1;
            } else {
                seen = 0;
                thread::yield_now();
            }
        }
    }

    /// From `told` to when the last one has seen it.
    fn since(&self, told: Instant) -> Duration {
        self.zero + Duration::from_nanos(self.latest.load(Ordering::Acquire)) - told
    }
}

/// Ten services that are told by their group's handle.
fn requested(runner: &Runner, wait: Wait) -> impl FnMut(u32) -> Duration {
    move |times| (0..times).map(|_| request_once(runner, wait)).sum()
}

type Runner = Worker<Result<Report, RunError>>;

fn request_once(runner: &Runner, wait: Wait) -> Duration {
    let watch = Watch::new();
    let mut group = Group::new("bench").args(["bench"]);
    for index in 0..SERVICES {
        let watch = Arc::clone(&watch);
        group.register(service_fn(format!("service-{index}"), move |ctx| {
            watch.observe(|| wait(ctx));
            Ok(())
        }));
    }
    let handle = group.handle();
    run(runner, group, &watch);
    handle.wait_till_ready().expect("all serve");
    watch.wait_till_asleep(SERVICES + 1);
    let told = Instant::now();
    handle.stop("the bench goes on");
    runner.result().expect("all stop well");
    watch.since(told)
}

/// On the other thread, which is seen to sleep as well.
fn run(runner: &Runner, mut group: Group, watch: &Arc<Watch>) {
    let watch = Arc::clone(watch);
    runner.hand(move || {
        watch.will_sleep();
        group.run()
    });
}

/// Ten bare threads that are told by what they share.
fn told<S: Default + Send + Sync + 'static>(
    wait: BareWait<S>,
    tell: fn(&S),
) -> impl FnMut(u32) -> Duration {
    move |times| (0..times).map(|_| tell_once(wait, tell)).sum()
}

fn tell_once<S: Default + Send + Sync + 'static>(wait: BareWait<S>, tell: fn(&S)) -> Duration {
    let (watch, shared) = (Watch::new(), Arc::new(S::default()));
    let spawn = |index| {
        let (watch, shared) = (Arc::clone(&watch), Arc::clone(&shared));
        named(format!("service-{index}"), move || watch.observe(|| wait(&shared)))
    };
    let threads: Vec<_> = (0..SERVICES).map(spawn).collect();
    watch.wait_till_asleep(SERVICES);
    let told = Instant::now();
    tell(&shared);
    for thread in threads {
        thread.join().expect("nobody panics");
    }
    watch.since(told)
}

/// Ten bare threads that have a flag each; who sets them waits to be asked by a channel.
fn asked() -> impl FnMut(u32) -> Duration {
    let asked = Worker::new();
    move |times| (0..times).map(|_| ask_once(&asked)).sum()
}

fn ask_once(asked: &Worker<()>) -> Duration {
    let watch = Watch::new();
    let flags: Vec<_> = (0..SERVICES).map(|_| Arc::new(Flag::default())).collect();
    let spawn = |(index, flag): (usize, &Arc<Flag>)| {
        let (watch, flag) = (Arc::clone(&watch), Arc::clone(flag));
        named(format!("service-{index}"), move || watch.observe(|| flag.wait()))
    };
    let threads: Vec<_> = flags.iter().enumerate().map(spawn).collect();
    watch.wait_till_asleep(SERVICES);
    let told = Instant::now();
    asked.hand(move || flags.iter().for_each(|flag| flag.set()));
    for thread in threads {
        thread.join().expect("nobody panics");
    }
    asked.result();
    watch.since(told)
}

/// Nine services, and one that panics when it is told to.
fn panicking(runner: &Runner) -> impl FnMut(u32) -> Duration {
    move |times| (0..times).map(|_| panic_once(runner)).sum()
}

fn panic_once(runner: &Runner) -> Duration {
    let watch = Watch::new();
    let mut group = Group::new("bench").args(["bench"]);
    for index in 1..SERVICES {
        let watch = Arc::clone(&watch);
        group.register(service_fn(format!("service-{index}"), move |ctx| {
            watch.observe(|| in_wait(ctx));
            Ok(())
        }));
    }
    let (trigger, triggered) = mpsc::channel();
    let (say, said) = mpsc::channel();
    let (its_watch, triggered) = (Arc::clone(&watch), Mutex::new(triggered));
    group.register(service_fn("fragile", move |_ctx| {
        its_watch.will_sleep();
        panic_when_told(&triggered.lock().expect("it panics once"), &say);
        Ok(())
    }));
    let handle = group.handle();
    run(runner, group, &watch);
    handle.wait_till_ready().expect("all serve");
    watch.wait_till_asleep(SERVICES + 1);
    trigger.send(()).expect("it waits for that");
    let error = runner.result().expect_err("one has panicked");
    assert!(error.cause().is_some_and(|cause| cause.unit() == "fragile"));
    watch.since(said.recv().expect("it says when"))
}

fn panic_when_told(told: &Receiver<()>, say: &mpsc::Sender<Instant>) {
    told.recv().expect("the bench goes on");
    say.send(Instant::now()).expect("somebody listens");
    panic_any(ON_PURPOSE);
}

/// Nine bare threads, and one whose guard tells them when it panics.
fn dropping() -> impl FnMut(u32) -> Duration {
    |times| (0..times).map(|_| drop_once()).sum()
}

struct Guard(Arc<Flag>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.set();
    }
}

fn drop_once() -> Duration {
    let (watch, flag) = (Watch::new(), Arc::new(Flag::default()));
    let spawn = |index| {
        let (watch, flag) = (Arc::clone(&watch), Arc::clone(&flag));
        named(format!("service-{index}"), move || watch.observe(|| flag.wait()))
    };
    let threads: Vec<_> = (1..SERVICES).map(spawn).collect();
    let (trigger, triggered) = mpsc::channel();
    let (say, said) = mpsc::channel();
    let (its_watch, guard) = (Arc::clone(&watch), Guard(Arc::clone(&flag)));
    let fragile = named("fragile".to_owned(), move || {
        let _guard = guard;
        its_watch.will_sleep();
        panic_when_told(&triggered, &say);
    });
    watch.wait_till_asleep(SERVICES);
    trigger.send(()).expect("it waits for that");
    assert!(fragile.join().is_err());
    for thread in threads {
        thread.join().expect("nobody panics");
    }
    watch.since(said.recv().expect("it says when"))
}

//! F10: a group that is told to read its settings again.

#![cfg(feature = "config-file")]
// Tests may spawn threads.
#![allow(clippy::disallowed_methods)]

mod common;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;

use common::{SOON, within};
use crossbeam_channel::{Receiver, Sender, unbounded};
use rungroup::{
    BoxError, Config, ConfigErrors, ErrorKind, Event, Flag, FlagSet, Group, GroupHandle, Live,
    Reload, ServeContext, Service, Unit, service_fn,
};

/// A file of settings for the length of a test.
struct File(PathBuf);

impl File {
    fn new(content: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rungroup-reload-{}-{number}.toml", std::process::id());
        let file = Self(std::env::temp_dir().join(name));
        file.write(content);
        file
    }

    /// As an editor or `mv` does: nobody reads half of it.
    fn write(&self, content: &str) {
        let new = self.0.with_extension("new");
        std::fs::write(&new, content).unwrap();
        std::fs::rename(&new, &self.0).unwrap();
    }

    fn args(&self) -> [String; 3] {
        ["demo".to_owned(), "--config".to_owned(), self.0.to_str().unwrap().to_owned()]
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

type Object = dyn Fn(&Pool, &Reload) -> Result<(), ConfigErrors> + Send + Sync;
type Act = dyn Fn(&Pool) -> Result<(), BoxError> + Send + Sync;

/// A unit with two live flags and one that is not, and a say in reloads.
struct Pool {
    name: &'static str,
    least: Live<u32>,
    most: Live<u32>,
    listen: Flag<String>,
    object: Box<Object>,
    act: Box<Act>,
}

impl Pool {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            least: Flag::new("least", 1_u32, "").live(),
            most: Flag::new("most", 8_u32, "").live(),
            listen: Flag::new("listen", ":80", ""),
            object: Box::new(|_, _| Ok(())),
            act: Box::new(|_| Ok(())),
        }
    }

    fn objects(
        mut self,
        object: impl Fn(&Self, &Reload) -> Result<(), ConfigErrors> + Send + Sync + 'static,
    ) -> Self {
        self.object = Box::new(object);
        self
    }

    fn acts(mut self, act: impl Fn(&Self) -> Result<(), BoxError> + Send + Sync + 'static) -> Self {
        self.act = Box::new(act);
        self
    }
}

impl Unit for Pool {
    fn name(&self) -> &str {
        self.name
    }
    fn as_config(&self) -> Option<&dyn Config> {
        Some(self)
    }
    fn as_service(&self) -> Option<&dyn Service> {
        Some(self)
    }
}

impl Config for Pool {
    fn flag_set(&self) -> FlagSet {
        let set = FlagSet::new("Pool").prefix(self.name);
        set.add(&self.least).add(&self.most).add(&self.listen)
    }
    fn validate_reload(&self, new: &Reload) -> Result<(), ConfigErrors> {
        (self.object)(self, new)
    }
    fn reload(&self) -> Result<(), BoxError> {
        (self.act)(self)
    }
}

impl Service for Pool {
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        ctx.stopped().wait();
        Ok(())
    }
}

/// Runs a group, calls `body` when it is ready, and stops it.
fn while_running(mut group: Group, body: impl FnOnce(&GroupHandle) + Send + 'static) {
    within(SOON, move || {
        let handle = group.handle();
        let driver = thread::spawn(move || {
            handle.wait_till_ready().unwrap();
            let stop = StopOnDrop(handle.clone());
            body(&handle);
            drop(stop);
        });
        let result = group.run();
        driver.join().unwrap();
        result.unwrap();
    });
}

/// So that a failed assertion ends the run, too.
struct StopOnDrop(GroupHandle);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop("the test is done");
    }
}

#[test]
fn f10_live_flags_change_and_the_others_need_a_restart() {
    let file = File::new("pool.least = 2\npool.listen = 'a'");
    let pool = Arc::new(Pool::new("pool"));
    let mut group = Group::new("demo").args(file.args());
    group.register(pool.clone());
    let events = group.handle().events(64);
    while_running(group, move |handle| {
        let before = pool.least.get();
        file.write("pool.most = 4\npool.least = 3\npool.listen = 'b'");
        let reloaded = handle.reload().unwrap();
        assert_eq!(reloaded.changed(), ["pool-least", "pool-most"]);
        assert_eq!(reloaded.needs_restart(), ["pool-listen"]);
        assert_eq!((*before, *pool.least.get(), *pool.most.get()), (2, 3, 4));
        assert_eq!(pool.listen.get(), "a");
        assert!(pool.least.source().to_string().ends_with(".toml:2"), "{}", pool.least.source());
    });
    let events: Vec<Event> = events.iter().collect();
    let at = events.iter().position(|event| matches!(event, Event::Reloaded { .. })).unwrap();
    assert_eq!(events[at].to_string(), "reloaded, changed: pool-least, pool-most");
    let warning = "flag '--pool-listen' has changed, which needs a restart";
    assert_eq!(events[at + 1].to_string(), warning);
}

#[test]
fn f10_a_unit_that_objects_keeps_all_units_as_they_are() {
    let file = File::new("");
    let order = |pool: &Pool, new: &Reload| {
        assert_eq!((*pool.least.get(), *pool.most.get()), (1, 8), "the old values still hold");
        let mut errors = ConfigErrors::new();
        if new.get(&pool.least) > new.get(&pool.most) {
            errors.push(new.invalid(&pool.least, "is more than the most"));
        }
        errors.into_result()
    };
    let told = Arc::new(AtomicUsize::new(0));
    let count = told.clone();
    let act = move |_: &Pool| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(())
    };
    let [first, second] =
        ["first", "second"].map(|name| Arc::new(Pool::new(name).objects(order).acts(act.clone())));
    let mut group = Group::new("demo").args(file.args());
    group.register(first.clone());
    group.register(second.clone());
    let events = group.handle().events(64);
    while_running(group, move |handle| {
        file.write("first.least = 7\n[second]\nleast = 5\nmost = 4");
        let error = handle.reload().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let path = file.0.display();
        assert_eq!(
            error.to_string(),
            format!(
                "unit 'second': invalid value '5' for '--second-least' ({path}:3): is more than \
                 the most"
            )
        );
        for pool in [&first, &second] {
            assert_eq!((*pool.least.get(), *pool.most.get()), (1, 8));
        }
        assert_eq!(told.load(Ordering::SeqCst), 0, "nobody is told of what did not happen");
        file.write("first.least = 7\n[second]\nleast = 3\nmost = 4");
        handle.reload().unwrap();
        assert_eq!((*first.least.get(), *second.most.get()), (7, 4));
        assert_eq!(told.load(Ordering::SeqCst), 2);
    });
    let refused = events.iter().find(|event| matches!(event, Event::ReloadRefused { .. }));
    let refused = refused.unwrap().to_string();
    assert!(refused.starts_with("not reloaded, all stays as it was: unit 'second'"), "{refused}");
}

#[test]
fn l12_a_panic_in_validate_reload_is_a_refusal_and_the_next_reload_works() {
    let file = File::new("");
    let pool = Arc::new(Pool::new("pool").objects(|pool, new| {
        assert_ne!(*new.get(&pool.least), 3, "not three");
        Ok(())
    }));
    let mut group = Group::new("demo").args(file.args());
    group.register(pool.clone());
    while_running(group, move |handle| {
        file.write("pool.least = 3");
        let error = handle.reload().unwrap_err().to_string();
        assert!(error.starts_with("unit 'pool': validate_reload panicked"), "{error}");
        assert!(error.contains("not three") && error.contains("tests/reload.rs:"), "{error}");
        assert_eq!(*pool.least.get(), 1);
        file.write("pool.least = 4");
        handle.reload().unwrap();
        assert_eq!(*pool.least.get(), 4);
    });
}

#[test]
fn f10_a_reload_callback_that_fails_is_said_and_the_values_stay() {
    let file = File::new("");
    let fails = Pool::new("fails").acts(|_| Err("no room".into()));
    let panics = Pool::new("panics").acts(|_| panic!("oh no"));
    let seen = Arc::new(AtomicU32::new(0));
    let see = seen.clone();
    let last = Arc::new(Pool::new("last").acts(move |pool| {
        see.store(*pool.least.get(), Ordering::SeqCst);
        Ok(())
    }));
    let mut group = Group::new("demo").args(file.args());
    group.register(fails);
    group.register(panics);
    group.register(last.clone());
    let events = group.handle().events(64);
    while_running(group, move |handle| {
        file.write("last.least = 5");
        let error = handle.reload().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed);
        let text = error.to_string();
        assert!(
            text.starts_with("the new settings are in effect, but unit 'fails': reload failed: no room; unit 'panics': reload panicked"),
            "{text}"
        );
        assert_eq!(*last.least.get(), 5);
        assert_eq!(seen.load(Ordering::SeqCst), 5, "the others are told all the same");
    });
    let failed = events.iter().filter(|event| matches!(event, Event::CallbackFailed { .. }));
    let failed: Vec<_> = failed.filter_map(|event| event.unit().map(str::to_owned)).collect();
    assert_eq!(failed, ["fails", "panics"]);
}

#[test]
fn l18_a_reload_at_the_wrong_time_or_place_is_an_error() {
    let file = File::new("");
    let (ask, asked): (Sender<GroupHandle>, Receiver<GroupHandle>) = unbounded();
    let (tell, told) = unbounded();
    let pool = Pool::new("pool").acts(move |_| {
        let handle = asked.try_recv().unwrap();
        tell.send(handle.reload().unwrap_err().kind()).unwrap();
        Ok(())
    });
    let mut group = Group::new("demo").args(file.args());
    group.register(pool);
    let handle = group.handle();
    assert_eq!(handle.reload().unwrap_err().kind(), ErrorKind::NotConfigured);
    while_running(group, move |handle| {
        ask.send(handle.clone()).unwrap();
        handle.reload().unwrap();
        assert_eq!(told.recv(), Ok(ErrorKind::WouldDeadlock));
    });
    assert_eq!(handle.reload().unwrap_err().kind(), ErrorKind::Stopped);
}

#[test]
fn f10_reloads_from_many_threads_come_one_after_the_other() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 25;
    let file = File::new("");
    let inside = Arc::new(AtomicUsize::new(0));
    let calls = Arc::new(AtomicUsize::new(0));
    let (enter, leave, count) = (inside.clone(), inside, calls.clone());
    // Both are one reload: the two values of the new settings belong together.
    let pool = Arc::new(
        Pool::new("pool")
            .objects(move |pool, new| {
                assert_eq!(enter.fetch_add(1, Ordering::SeqCst), 0, "another is under way");
                let ten_times = new.get(&pool.most) == Arc::new(*new.get(&pool.least) * 10);
                assert!(ten_times || *new.get(&pool.most) == 8, "of two files");
                Ok(())
            })
            .acts(move |_| {
                assert_eq!(leave.fetch_sub(1, Ordering::SeqCst), 1);
                count.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }),
    );
    let mut group = Group::new("demo").args(file.args());
    group.register(pool);
    while_running(group, move |handle| {
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        handle.reload().unwrap();
                    }
                });
            }
            for round in 1..=ROUNDS {
                file.write(&format!("[pool]\nleast = {round}\nmost = {}", round * 10));
            }
        });
        assert_eq!(calls.load(Ordering::SeqCst), THREADS * ROUNDS);
    });
}

#[test]
fn f10_a_unit_that_has_left_is_not_asked() {
    let file = File::new("");
    let pool = Pool::new("pool").objects(|_, _| panic!("has left")).acts(|_| panic!("has left"));
    let mut group = Group::new("demo").args(file.args());
    group.register(service_fn("other", |ctx| {
        ctx.stopped().wait();
        Ok(())
    }));
    let pool = group.register(pool).task().id();
    while_running(group, move |handle| {
        handle.deregister(pool).unwrap().wait().unwrap();
        handle.reload().unwrap();
    });
}

/// A daemon changes its directory, and the file is where it was.
#[test]
fn f10_a_relative_path_is_that_of_the_start() {
    const NAME: &str = "f10_a_relative_path_is_that_of_the_start";
    if !common::child::is_child(NAME) {
        let file = File::new("pool.least = 2");
        let mut child = common::child::child_command(NAME);
        let output = child.current_dir(file.0.parent().unwrap()).env("FILE", &file.0);
        let output = output.output().unwrap();
        assert!(output.status.success(), "{}", common::child::stderr(&output));
        return;
    }
    let path = PathBuf::from(std::env::var_os("FILE").unwrap());
    let pool = Arc::new(Pool::new("pool"));
    let name = path.file_name().unwrap().to_str().unwrap();
    let mut group = Group::new("demo").args(["demo", "--config", name]);
    group.register(pool.clone());
    let _ = group.run_config().unwrap();
    std::env::set_current_dir("/").unwrap();
    std::fs::write(&path, "pool.least = 3").unwrap();
    group.handle().reload().unwrap();
    assert_eq!(*pool.least.get(), 3);
}

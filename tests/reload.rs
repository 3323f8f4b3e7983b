//! F10: a group that is told to read its settings again.

#![cfg(feature = "config-file")]
// Tests may spawn threads.
#![allow(clippy::disallowed_methods)]

mod common;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;

use common::file::File;
use common::{SOON, within};
use crossbeam_channel::{Receiver, Sender, unbounded};
use rungroup::{
    BoxError, Config, ConfigErrors, ErrorKind, Event, Flag, FlagSet, Group, GroupHandle, Live,
    Reload, ServeContext, Service, Unit, pre_run_fn, service_fn,
};

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
        let path = file.path().display();
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
    const LAST: u32 = 25;
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
    group.register(pool.clone());
    while_running(group, move |handle| {
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        handle.reload().unwrap();
                    }
                });
            }
            for round in 1..=LAST {
                file.write(&format!("[pool]\nleast = {round}\nmost = {}", round * 10));
            }
        });
        // The last file may have come after the last of them.
        let last = handle.reload().unwrap();
        assert_eq!(last.needs_restart(), [""; 0]);
        let in_effect = (*pool.least.get(), *pool.most.get());
        assert_eq!(in_effect, (LAST, LAST * 10), "what was written last");
        assert_eq!(calls.load(Ordering::SeqCst), THREADS * ROUNDS + 1);
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
        let output = child.current_dir(file.path().parent().unwrap()).env("FILE", file.path());
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

#[test]
fn f10_another_name_of_the_group_needs_a_restart_and_one_that_is_none_is_refused() {
    let file = File::new("name = 'one'\npool.least = 2");
    let pool = Arc::new(Pool::new("pool"));
    let mut group = Group::new("demo").args(file.args());
    group.register(pool.clone());
    let _ = group.run_config().unwrap();
    file.write("name = 'two'\npool.least = 3");
    let reloaded = group.handle().reload().unwrap();
    assert_eq!(reloaded.changed(), ["pool-least"]);
    assert_eq!(reloaded.needs_restart(), ["name"]);
    file.write("name = 'a/b'\npool.least = 4");
    let error = group.handle().reload().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("'a/b' for '--name'"), "{error}");
    assert_eq!(*pool.least.get(), 3);
    file.write("name = 'one'\npool.least = 4");
    assert_eq!(group.handle().reload().unwrap().needs_restart(), [""; 0]);
    assert_eq!((group.name().as_str(), *pool.least.get()), ("one", 4));
}

/// Nobody reads it any more. Where another unit has the flag, too, it still counts.
#[test]
fn f10_a_value_for_a_unit_that_has_left_does_not_refuse_a_reload() {
    let [own, shared, other] =
        ["own", "shared", "other"].map(|name| Flag::<u32>::new(name, 0, "").live());
    let file = File::new("own = 1\nshared = 1\nother = 1");
    let mut group = Group::new("demo").args(file.args());
    let set = FlagSet::new("Left").add(&own).add(&shared);
    let left = group.register(pre_run_fn("left", |_ctx| Ok(())).flags(set)).id();
    let set = FlagSet::new("Stays").add(&shared).add(&other);
    group.register(pre_run_fn("stays", |_ctx| Ok(())).flags(set));
    let _ = group.run_config().unwrap();
    group.deregister(left).unwrap();
    file.write("own = 'x'\nshared = 2\nother = 2");
    let reloaded = group.handle().reload().unwrap();
    assert_eq!(reloaded.changed(), ["shared", "other"]);
    assert_eq!((*shared.get(), *other.get()), (2, 2));
    file.write("own = 3\nshared = 'x'\nother = 3");
    let error = group.handle().reload().unwrap_err().to_string();
    assert!(error.contains("'x' for '--shared'"), "{error}");
    assert_eq!(*other.get(), 2);
}

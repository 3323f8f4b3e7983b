//! The group: what a program's parts are handed to, and what carries them through their lives.
//!
//! In reading order: `entry`, `registry` and `registration` hold what was registered, `nested` takes in
//! other groups, `problems` and `order` look at it all; `config` and `phases` are the phases of a run,
//! `run_error` its result; `shared` is what handles and threads see of it.

mod config;
mod entry;
mod joining;
mod limit;
mod nested;
mod order;
mod phases;
mod plan;
mod pre_run;
mod problems;
mod registration;
mod registry;
mod reload;
mod run_error;
mod shared;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;

pub use config::Configured;
pub use limit::Limit;
pub use nested::Register;
pub use registration::{BeforeServing, Registration, WhileServing};
pub use run_error::RunError;

use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::failure::{Failure, Outcome, Phase};
use crate::flags::{FlagSet, Program, Table};
use crate::handle::{Control, GroupHandle, UnitId};
use crate::ready::NotReady;
use crate::restart::Strategy;
use crate::stop::{StopNotify, StopReason};
use crate::supervisor::{GroupKind, Report, StopOrder};
use crate::terminal;
use crate::thread::{self, Place};
use config::{Environment, Settled, Sources};
use entry::Entry;
use nested::sealed::Part;
use phases::{Execution, Policies};
use registry::Stage;
use shared::Shared;

/// The parts of a program, and their life: flags, pre-run, serve, stop, join.
///
/// Put it together with the builder methods and [`register`](Group::register), then hand `main` over
/// to [`main`](Group::main), or [`run`](Group::run) it yourself.
///
/// # Examples
///
/// ```no_run
/// use rungroup::{Group, Signals, service_fn};
/// use std::process::ExitCode;
/// use std::time::Duration;
///
/// fn main() -> ExitCode {
///     let mut group = Group::new("ticker").version("1.0.0");
///     group.register(Signals::new());
///     group.register(service_fn("tick", |ctx| {
///         while ctx.sleep(Duration::from_secs(1)) {
///             println!("tick");
///         }
///         Ok(())
///     }));
///     group.main()
/// }
/// ```
pub struct Group {
    shared: Arc<Shared>,
    program: Program,
    policies: Policies,
    /// Injected; otherwise the process's.
    args: Option<Vec<OsString>>,
    config: Config,
}

/// How far the config phase has come.
enum Config {
    Due,
    /// The program has the flags and sets them by itself; only validation is due.
    Embedded(Box<Table>),
    Done(Settled),
    /// The program was asked for its help and the like.
    Exit(crate::Exit),
    Failed(Error),
    /// A run has taken what there was.
    Taken,
}

impl Group {
    /// An empty group. The name is the program's: it stands in its help, its version and its log.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    ///
    /// let group = Group::new("kvd");
    /// assert_eq!(group.name(), "kvd");
    /// ```
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            shared: Shared::new(name.clone()),
            program: Program::new(name),
            policies: Policies {
                kind: GroupKind::default(),
                stop_timeout: None,
                flag_prefix: None,
            },
            args: None,
            config: Config::Due,
        }
    }

    /// The version that `--version` prints; without one there is no such flag.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Configured, Group};
    ///
    /// let mut group = Group::new("kvd").version(env!("CARGO_PKG_VERSION")).args(["kvd", "--version"]);
    /// let Configured::Exit(exit) = group.run_config()? else { unreachable!() };
    /// assert_eq!(exit.stdout, concat!("kvd ", env!("CARGO_PKG_VERSION"), "\n"));
    /// # Ok::<(), rungroup::Error>(())
    /// ```
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.program.version = Some(version.into());
        self
    }

    /// What the program is for: the first words of its help. `-h` has the first paragraph, `--help` all
    /// of it.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Configured, Group};
    ///
    /// let mut group = Group::new("kvd").about("Keeps keys and values.").args(["kvd", "-h"]);
    /// let Configured::Exit(exit) = group.run_config()? else { unreachable!() };
    /// assert!(exit.stdout.starts_with("Keeps keys and values.\n"));
    /// # Ok::<(), rungroup::Error>(())
    /// ```
    #[must_use]
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.program.about = Some(about.into());
        self
    }

    /// Reads every flag from the environment, too: with the prefix `KVD` the flag `max-conns` from
    /// `KVD_MAX_CONNS`, and with the feature `config-file` the name of the file from `KVD_CONFIG`. The
    /// command line goes before the environment, and that before the file. By default nothing is read
    /// from the environment, but for variables that a flag [names itself](crate::Flag::env).
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet, Group, pre_run_fn};
    ///
    /// let conns = Flag::<u32>::new("max-conns", 100, "how many connections");
    /// let mut group = Group::new("kvd").env_prefix("KVD");
    /// let server = pre_run_fn("server", |_ctx| Ok(())).flags(FlagSet::new("Server").add(&conns));
    /// group.register(server);
    /// let _ = group.run_config_from(["kvd"], [("KVD_MAX_CONNS", "8")])?;
    /// assert_eq!(*conns.get(), 8);
    /// # Ok::<(), rungroup::Error>(())
    /// ```
    #[must_use]
    pub fn env_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.program.env_prefix = Some(prefix.into());
        self
    }

    /// The command line to read instead of the process's own, the program's name first.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    ///
    /// let mut group = Group::new("kvd").args(["kvd", "--name=left"]);
    /// group.run()?;
    /// assert_eq!(group.name(), "left");
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args = Some(args.into_iter().map(Into::into).collect());
        self
    }

    /// How long the group has to stop, from the moment when its end begins: a `Duration`, or a flag
    /// that holds one. After that `run` returns, and lists what did not stop. 30 s by default.
    ///
    /// The flag has to be in the [`FlagSet`] of some unit: here it is only read, not put on the
    /// command line.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::bounded;
    /// use rungroup::{ErrorKind, Group, service_fn};
    /// use std::time::Duration;
    ///
    /// let (_hold, held) = bounded::<()>(0);
    /// let mut group = Group::new("demo").args(["demo"]).stop_timeout(Duration::from_millis(10));
    /// let deaf = group.register(service_fn("deaf", move |_ctx| Ok(held.recv()?))).id();
    /// group.register(service_fn("short", |_ctx| Ok(()))).after(deaf);
    /// let error = group.run().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NotStopped);
    /// assert_eq!(error.left_behind()[0].unit.as_deref(), Some("deaf"));
    /// ```
    #[must_use]
    pub fn stop_timeout(mut self, limit: impl Into<Limit>) -> Self {
        self.policies.stop_timeout = Some(limit.into());
        self
    }

    /// In which order the units are told to stop. All at once by default, but for what `after` says.
    ///
    /// # Examples
    ///
    /// ```
    /// use crossbeam_channel::unbounded;
    /// use rungroup::{Group, StopOrder, service_fn};
    ///
    /// let (stop, stopped) = unbounded();
    /// let mut group = Group::new("demo").args(["demo"]).stop_order(StopOrder::Reverse);
    /// for name in ["first", "second", "third"] {
    ///     let stop = stop.clone();
    ///     group.register(service_fn(name, move |ctx| {
    ///         ctx.stopped().wait();
    ///         Ok(stop.send(name)?)
    ///     }));
    /// }
    /// let handle = group.handle();
    /// group.register(service_fn("last", move |_ctx| Ok(handle.wait_till_ready()?)));
    /// group.run()?;
    /// assert_eq!(stopped.try_iter().collect::<Vec<_>>(), ["third", "second", "first"]);
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    #[must_use]
    pub fn stop_order(mut self, order: StopOrder) -> Self {
        self.policies.kind.order = order;
        self
    }

    /// Who starts again when a unit of the group does: the unit alone, if nothing is said.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Backoff, Group, Restart, Strategy, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]).strategy(Strategy::rest_for_one());
    /// let policy = || Restart::on_failure().backoff(Backoff::none());
    /// let serve = |ctx: &rungroup::ServeContext| { ctx.stopped().wait(); Ok(()) };
    /// group.register(service_fn("first", serve));
    /// group.register(service_fn("second", |ctx| match ctx.attempt() {
    ///     1 => Err("out of cheese".into()),
    ///     _ => Ok(()),
    /// })).restart(policy());
    /// group.register(service_fn("third", serve));
    /// let report = group.run()?;
    /// let restarts: Vec<u32> = report.units().iter().map(|unit| unit.restarts).collect();
    /// assert_eq!(restarts, [0, 1, 1]);
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.policies.kind.strategy = strategy;
        self
    }

    /// What stands before the names of all flags in it once it is [registered](Group::register) with
    /// another group; by default its name. With none, `""`, they are as they are outside it. The
    /// outermost group has no use for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet, Group, pre_run_fn};
    ///
    /// let host = Flag::<String>::new("host", "localhost", "where to send to");
    /// let mut uplink = Group::new("uplink").flag_prefix("up");
    /// let feed = pre_run_fn("feed", |_ctx| Ok(())).flags(FlagSet::new("Feed").add(&host));
    /// uplink.register(feed);
    /// let mut group = Group::new("kvd").args(["kvd", "--up-host=example.org"]);
    /// group.register(uplink);
    /// group.run()?;
    /// assert_eq!(*host.get(), "example.org");
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    #[must_use]
    pub fn flag_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.policies.flag_prefix = Some(prefix.into());
        self
    }

    /// The group's name; `--name` changes it.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Group;
    ///
    /// let mut group = Group::new("kvd");
    /// assert_eq!(group.name(), "kvd");
    /// let _ = group.run_config_from(["kvd", "--name=left"], [("", ""); 0])?;
    /// assert_eq!(group.name(), "left");
    /// # Ok::<(), rungroup::Error>(())
    /// ```
    pub fn name(&self) -> String {
        self.shared.name()
    }

    /// The group as its units and other threads see it.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("server", |ctx| {
    ///     ctx.stopped().wait();
    ///     Ok(())
    /// }));
    /// let handle = group.handle(); // for another thread
    /// handle.stop("not today");
    /// let report = group.run()?;
    /// assert_eq!(report.reason().to_string(), "requested: not today");
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn handle(&self) -> GroupHandle {
        GroupHandle::new(self.shared.clone())
    }

    /// Hands a unit over. There is more to be said of it on what comes back, if need be.
    ///
    /// A unit that comes too late is refused, and `run` says so: one with flags after the config
    /// phase, any after the run.
    ///
    /// # A group in a group
    ///
    /// Another group is registered in the same way, and is then a part of this one, as a unit is: it
    /// starts and stops at its place, [`after`](Registration::after) and
    /// [`task`](Registration::task) may be said of it, and what ends it ends this one. It has no
    /// thread and no run of its own.
    ///
    /// - Its units are named by their paths, `uplink/feed`, in threads, events, errors and reports, and
    ///   their flags have its name before theirs: `--uplink-host`, `KVD_UPLINK_HOST`, `[uplink]` in a
    ///   file; see [`flag_prefix`](Group::flag_prefix).
    /// - Its [`stop_order`](Group::stop_order) stays, and so does a
    ///   [`stop_timeout`](Group::stop_timeout) that was said: it is for all in it together. Without
    ///   one it has as long as this group.
    /// - What it was told as a program of its own is not used: `version`, `about`, `env_prefix`,
    ///   `args`. A [`Signals`](crate::Signals) or `Logging` in it is a definition error; see
    ///   [`Unit::root_only`](crate::Unit::root_only).
    /// - [`UnitId`]s that it gave out are good for this group's `deregister`. A [`GroupHandle`] of it
    ///   is one of this group's from here on.
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut uplink = Group::new("uplink");
    /// uplink.register(service_fn("feed", |ctx| {
    ///     assert_eq!(ctx.unit(), "uplink/feed");
    ///     Err("no route to host".into())
    /// }));
    /// let mut group = Group::new("kvd").args(["kvd"]);
    /// let store = group.register(service_fn("store", |ctx| {
    ///     ctx.stopped().wait(); // told when all in "uplink" have stopped
    ///     Ok(())
    /// })).id();
    /// group.register(uplink).after(store);
    /// let error = group.run().unwrap_err();
    /// assert_eq!(error.to_string(), "unit 'uplink/feed': serve failed: no route to host");
    /// ```
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, pre_run_fn, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// let store = group.register(pre_run_fn("store", |_ctx| Ok(()))).id();
    /// group.register(service_fn("server", |_ctx| Ok(()))).after(store);
    /// let report = group.run()?;
    /// assert_eq!(&*report.units()[0].path, "server");
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn register(&mut self, part: impl Register) -> Registration<'_> {
        let (index, takes_part) = match part.into_part() {
            Part::Unit(unit) => {
                let entry = Entry::unit(unit); // asks the unit, so not under the lock
                let phases = entry.phases;
                let mut registry = self.shared.registry.lock();
                let refused = registry.refusal(phases.config);
                (registry.add(entry, refused), refused.is_none() && phases.any())
            }
            Part::Group(inner) => inner.join(&self.shared),
        };
        Registration::new(self.shared.clone(), index, takes_part)
    }

    /// Takes a unit out again; see [`GroupHandle::deregister`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{ErrorKind, Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// let debug = group.register(service_fn("debug", |_ctx| Ok(()))).id();
    /// group.deregister(debug)?;
    /// assert_eq!(group.deregister(debug).unwrap_err().kind(), ErrorKind::UnknownUnit);
    /// assert!(group.run().is_ok_and(|report| report.units().is_empty()));
    /// # Ok::<(), rungroup::Error>(())
    /// ```
    pub fn deregister(&mut self, unit: UnitId) -> Result<StopNotify, Error> {
        self.shared.deregister(unit)
    }

    /// The phases with their units, and whether it is a program that serves (`svc`) or not (`cli`).
    /// A program that is called with `--show-rungroup-units`, which is not in its help, prints it.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, pre_run_fn, service_fn};
    ///
    /// let mut group = Group::new("demo");
    /// group.register(pre_run_fn("migrate", |_ctx| Ok(())));
    /// group.register(service_fn("server", |_ctx| Ok(())));
    /// assert_eq!(group.list_units(), "Group: demo [svc]\n- prerun: migrate\n- serve : server");
    /// ```
    pub fn list_units(&self) -> String {
        let name = self.name();
        self.shared.registry.lock().list(&name)
    }

    /// The flags of all units in one set, for a program that parses its command line by itself. The
    /// group then reads neither the command line nor the environment nor a file: set the flags by
    /// name, and `run` validates them. `tests/embedding.rs` does it with two parsers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Definition`] as [`run_config`](Group::run_config), and
    /// [`ErrorKind::AlreadyRan`] after it or the second time.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet, Group, Source, pre_run_fn};
    ///
    /// let size = Flag::<u32>::new("size", 4, "how many entries");
    /// let mut group = Group::new("demo");
    /// group.register(pre_run_fn("cache", |_ctx| Ok(())).flags(FlagSet::new("Cache").add(&size)));
    /// let flags = group.register_flags()?;
    /// flags.set("size", "8", Source::CommandLine)?; // what the program's own parser has found
    /// group.run()?;
    /// assert_eq!(*size.get(), 8);
    /// # Ok::<(), rungroup::BoxError>(())
    /// ```
    pub fn register_flags(&mut self) -> Result<FlagSet, Error> {
        if !matches!(self.config, Config::Due) {
            return Err(Error::new(ErrorKind::AlreadyRan, "the config phase is over"));
        }
        let _here = thread::enter(Place::Caller { run: self.shared.id });
        let table = config::gather(
            &self.shared,
            self.program.clone(),
            self.policies.stop_timeout.as_ref(),
        )?;
        let set = table.flag_set();
        // From here on a unit with flags comes too late: they would not be in the set.
        self.shared.registry.lock().stage = Stage::Configured;
        self.config = Config::Embedded(Box::new(table));
        Ok(set)
    }

    /// The config phase on its own: gathers the flags of all units, parses the command line and the
    /// environment, and has every unit validate its settings. `run` then goes on behind it. Only
    /// needed where something is to be done between the two; a pre-runner will often do.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Definition`] if the group is put together wrongly, [`ErrorKind::Config`] if the
    /// settings are wrong, with everything at once in [`Error::problems`];
    /// [`ErrorKind::AlreadyRan`] the second time.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Configured, Flag, FlagSet, Group, pre_run_fn};
    ///
    /// let size = Flag::<u32>::new("size", 4, "how many entries");
    /// let mut group = Group::new("demo").args(["demo", "--size=8"]);
    /// group.register(pre_run_fn("cache", |_ctx| Ok(())).flags(FlagSet::new("Cache").add(&size)));
    /// if group.run_config()? == Configured::Continue {
    ///     assert_eq!(*size.get(), 8); // known before anything runs
    ///     group.run()?;
    /// }
    /// # Ok::<(), rungroup::BoxError>(())
    /// ```
    pub fn run_config(&mut self) -> Result<Configured, Error> {
        self.configure_from_process()?;
        self.configured()
    }

    /// As [`run_config`](Group::run_config), from these arguments (the program's name first) and
    /// this environment instead of the process's.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Configured, Group};
    ///
    /// let mut group = Group::new("demo").env_prefix("DEMO");
    /// let configured = group.run_config_from(["demo"], [("DEMO_NAME", "other")]).unwrap();
    /// assert_eq!(configured, Configured::Continue);
    /// assert_eq!(group.name(), "other");
    /// ```
    pub fn run_config_from<A, K, V>(
        &mut self,
        args: impl IntoIterator<Item = A>,
        env: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Configured, Error>
    where
        A: Into<OsString>,
        K: Into<OsString>,
        V: Into<OsString>,
    {
        if matches!(self.config, Config::Embedded(_)) {
            let why = "the flags were handed to a parser of the program's own, and are read there";
            return Err(Error::new(ErrorKind::AlreadyRan, why));
        }
        let args = args.into_iter().map(Into::into).collect();
        let env: BTreeMap<OsString, OsString> =
            env.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        self.configure(Sources { args, env: Environment::Given(env) })?;
        self.configured()
    }

    fn configure_from_process(&mut self) -> Result<(), Error> {
        let args = self.args.take().unwrap_or_else(|| {
            // The process's own command line: what it asks for is for the process's own terminal.
            self.program.screen = terminal::screen();
            std::env::args_os().collect()
        });
        self.configure(Sources { args, env: Environment::Process })
    }

    /// What comes of it is in `config`.
    ///
    /// # Errors
    ///
    /// If it was done before.
    fn configure(&mut self, sources: Sources) -> Result<(), Error> {
        let _here = thread::enter(Place::Caller { run: self.shared.id });
        let result = match std::mem::replace(&mut self.config, Config::Due) {
            Config::Due => config::gather(
                &self.shared,
                self.program.clone(),
                self.policies.stop_timeout.as_ref(),
            )
            .and_then(|table| config::settle(&self.shared, table, sources)),
            Config::Embedded(table) => {
                config::settle(&self.shared, *table, Sources::none(&self.program.name))
            }
            done => {
                self.config = done;
                return Err(Error::new(ErrorKind::AlreadyRan, "the config phase is over"));
            }
        };
        self.config = match result {
            Ok((Configured::Continue, settled)) => Config::Done(settled),
            Ok((Configured::Exit(exit), _)) => Config::Exit(exit),
            Err(error) => Config::Failed(error),
        };
        Ok(())
    }

    fn configured(&self) -> Result<Configured, Error> {
        match &self.config {
            Config::Exit(exit) => Ok(Configured::Exit(exit.clone())),
            Config::Failed(error) => Err(error.clone()),
            Config::Done(_) => Ok(Configured::Continue),
            Config::Due | Config::Embedded(_) | Config::Taken => {
                unreachable!("the config phase was just run")
            }
        }
    }

    /// Runs the group, and returns when everything has ended:
    ///
    /// 1. **config**, unless [`run_config`](Group::run_config) did it: the flags of all units are
    ///    gathered, parsed, and validated;
    /// 2. **pre-run**, one unit after the other in the order of registration;
    /// 3. **serve**: every service on an OS thread of its own, until the first of them stops, or
    ///    somebody asks;
    /// 4. **stop**: all others are told, and their threads joined;
    /// 5. **post-run**, in the reverse order of the pre-runs.
    ///
    /// A group without services ends after the pre-runs. If the program was only asked for its help
    /// and the like, nothing runs, and [`Report::exit`] has what is to be printed.
    ///
    /// # Errors
    ///
    /// [`RunError`] says which unit failed and how, what else went wrong, and what did not stop in
    /// time. `Ok` means that the end was asked for, or that a service ended cleanly, and that nothing
    /// failed.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, pre_run_fn, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(pre_run_fn("open", |_ctx| Ok(())));
    /// group.register(service_fn("server", |_ctx| Ok(())));
    /// let report = group.run()?;
    /// assert_eq!(report.reason().to_string(), "unit 'server' stopped");
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn run(&mut self) -> Result<Report, RunError> {
        let _here = thread::enter(Place::Caller { run: self.shared.id });
        if self.shared.registry.lock().stage > Stage::Configured {
            return Err(phases::already_ran());
        }
        let end = CloseOnReturn(self);
        let gathers = matches!(end.0.config, Config::Due);
        if gathers || matches!(end.0.config, Config::Embedded(_)) {
            let _ = end.0.configure_from_process(); // it is due, as was just seen
        }
        let settled = match std::mem::replace(&mut end.0.config, Config::Taken) {
            Config::Done(settled) => settled,
            Config::Exit(exit) => {
                let reason = end.0.end_early(StopReason::TasksDone);
                return Ok(Report::of_exit(exit, reason));
            }
            Config::Failed(error) => return Err(end.0.failed_early(error)),
            Config::Due | Config::Embedded(_) | Config::Taken => {
                unreachable!("the config phase was just run, and there is one run")
            }
        };
        // What was registered since the flags were gathered: nothing, if that was in this call.
        if !gathers {
            let limit = end.0.policies.stop_timeout.as_ref();
            config::look_again(&end.0.shared, limit).map_err(|error| end.0.failed_early(error))?;
        }
        let idle = end.0.shared.registry.lock().without_phases(|_| true);
        for text in settled.warnings.into_iter().chain(idle) {
            end.0.shared.publisher.publish(&Event::Warning { text });
        }
        Execution::new(&end.0.shared, &end.0.policies, clock::now()).run()
    }

    /// Runs the group as a program: prints what is to be printed (help and version to stdout, errors
    /// to stderr) and returns the exit code.
    ///
    /// | code | when |
    /// |---|---|
    /// | 0 | the end was asked for, a service ended cleanly; help and version |
    /// | 1 | a unit failed or did not stop in time, or the group is put together wrongly; help or version that cannot be written |
    /// | 2 | the command line, the environment or a unit's settings are wrong |
    /// | 128 + n | the second signal, number n, ended the process; see `Signals` |
    ///
    /// A program with exit codes of its own calls [`run`](Group::run) instead, and takes what is to be
    /// printed from [`Report::exit`] and [`RunError::to_exit`]:
    ///
    /// ```
    /// use rungroup::{Group, pre_run_fn};
    /// use std::process::ExitCode;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// static FOUND: AtomicU64 = AtomicU64::new(0);
    ///
    /// fn main() -> ExitCode {
    ///     let mut group = Group::new("search");
    ///     # group = group.args(["search"]);
    ///     group.register(pre_run_fn("search", |_ctx| {
    ///         FOUND.store(3, Ordering::Relaxed);
    ///         Ok(())
    ///     }));
    ///     match group.run() {
    ///         Ok(report) => match report.exit() {
    ///             Some(exit) => exit.print(), // --help and the like
    ///             None if FOUND.load(Ordering::Relaxed) == 0 => ExitCode::from(1),
    ///             None => ExitCode::SUCCESS,
    ///         },
    ///         Err(error) => error.to_exit("search").print(), // or a code by `error.kind()`
    ///     }
    /// }
    /// ```
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, pre_run_fn};
    /// use std::process::ExitCode;
    ///
    /// fn main() -> ExitCode {
    ///     let mut group = Group::new("migrate");
    ///     # group = group.args(["migrate"]);
    ///     group.register(pre_run_fn("schema", |_ctx| Ok(())));
    ///     let code = group.main();
    ///     assert_eq!(code, ExitCode::SUCCESS);
    ///     code
    /// }
    /// ```
    pub fn main(self) -> ExitCode {
        self.main_with(|_report| {})
    }

    /// As [`main`](Group::main), and hands the report of the run to `look` before the errors are
    /// printed: `group.main_with(|report| println!("{report}"))` shows who stopped when. It is not
    /// called where nothing ran.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    /// use std::process::ExitCode;
    ///
    /// fn main() -> ExitCode {
    ///     let mut group = Group::new("demo");
    ///     # group = group.args(["demo"]);
    ///     group.register(service_fn("short", |_ctx| Ok(())));
    ///     group.main_with(|report| {
    ///         assert_eq!(report.units().len(), 1);
    ///         println!("{report}");
    ///     })
    /// }
    /// ```
    pub fn main_with(mut self, look: impl FnOnce(&Report)) -> ExitCode {
        let result = self.run();
        let (report, exit) = match &result {
            Ok(report) => (Some(report), report.exit().map(Cow::Borrowed).unwrap_or_default()),
            Err(error) => (error.report(), Cow::Owned(error.to_exit(&self.program.name))),
        };
        if let Some(report) = report.filter(|report| report.has_run()) {
            look(report);
        }
        terminal::print_last(self.shared.id, &exit)
    }

    /// Ends what has not served; the reason is that of whoever asked before.
    fn end_early(&self, reason: StopReason) -> StopReason {
        self.shared.stop.set(reason.clone());
        self.shared.stop.get().cloned().unwrap_or(reason)
    }

    fn failed_early(&self, error: Error) -> RunError {
        let reason = self.end_early(StopReason::RunFailed);
        let unit = error.problems().iter().find_map(|problem| problem.unit());
        if let Some(unit) = unit {
            self.shared.ready.set(Err(NotReady::Failed(unit.into())));
        }
        let unit = unit.map_or_else(|| self.name().into(), Into::into);
        let failure = Failure::error(unit, Phase::Validate, error.clone().into());
        self.shared.stopped.set(Outcome::Failed(failure));
        RunError::early(error, Some(Report::of_failure(reason)))
    }

    /// Tells everybody who still waits that there will be no run, or that it is over.
    fn close(&self) {
        self.shared.registry.lock().stage = Stage::Over;
        self.shared.stop.set(StopReason::RunFailed);
        self.shared.ready.set(Err(NotReady::Stopped));
        self.shared.publisher.close();
        self.shared.stopped.set(Outcome::Ok);
    }
}

/// However the run ends: nobody waits for it any longer.
struct CloseOnReturn<'g>(&'g mut Group);

impl Drop for CloseOnReturn<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A group that is dropped without a run has stopped. Its units are dropped with it, although they
/// may hold handles of it.
impl Drop for Group {
    fn drop(&mut self) {
        if self.shared.within.get().is_some() {
            return; // it goes on as a part of another one
        }
        self.close();
        let units = std::mem::take(&mut self.shared.registry.lock().entries);
        let board = std::mem::take(&mut *self.shared.board.lock());
        drop((units, board)); // outside the locks: their drops are the program's code
        self.shared.reloads.end();
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("name", &self.name()).finish_non_exhaustive()
    }
}

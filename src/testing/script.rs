//! A unit that does what a test tells it.

use std::fmt;
use std::time::Duration;

use super::steps::{Step, Steps};
use super::{Gate, Journal};
use crate::context::{RunContext, ServeContext};
use crate::error::ConfigErrors;
use crate::failure::BoxError;
use crate::flags::{FlagHandle, FlagSet};
use crate::unit::{Config, PreRunner, Role, Service, Unit};

type Callback = Box<dyn Fn() -> Result<(), BoxError> + Send + Sync>;
type PreRun = Box<dyn Fn(&RunContext) -> Result<(), BoxError> + Send + Sync>;
type Validate = Box<dyn Fn() -> Result<(), ConfigErrors> + Send + Sync>;
type Flags = Box<dyn Fn() -> FlagSet + Send + Sync>;

/// A unit that does what a test tells it, and writes down in a [`Journal`] what was called.
///
/// As it is, it serves until it is told to stop. What else it does in `serve` is said step by step,
/// in the order in which it is to happen; after the last step it serves until it is told:
///
/// | it … | say |
/// |---|---|
/// | fails at once | `Script::new("feed").fail("lost")` |
/// | panics | `Script::new("feed").panic("upset")` |
/// | ends early | `Script::new("import").finish()` |
/// | fails twice, and then works | `Script::new("feed").fail("lost").times(2)` |
/// | fails when the test says so | `Script::new("feed").until(&gate).fail("lost")` |
/// | says that it is ready, and before that takes a while | `.take(Duration::from_millis(20)).ready()` |
/// | is ready when the test says so | `.until(&gate).ready()` |
/// | never gets ready | `.declares_ready()` |
/// | stops slowly | `.until_told().take(Duration::from_millis(20))` |
/// | fails at the stop | `.until_told().fail("not flushed")` |
/// | hangs at the stop, until the test lets it go | `.until_told().hang(&gate)` |
/// | anything else | `.serve(closure)` |
///
/// The other callbacks are closures: [`pre_run`](Self::pre_run),
/// [`graceful_stop`](Self::graceful_stop), [`post_run`](Self::post_run),
/// [`validate`](Self::validate). It takes part in those phases that something is said of.
///
/// # Examples
///
/// ```
/// use rungroup::Group;
/// use rungroup::testing::Script;
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(Script::new("store"));
/// group.register(Script::new("feed").fail("connection lost"));
/// let error = group.run().unwrap_err();
/// assert_eq!(error.to_string(), "unit 'feed': serve failed: connection lost");
/// ```
pub struct Script {
    name: String,
    journal: Journal,
    serves: bool,
    declares_ready: bool,
    steps: Steps,
    flags: Option<Flags>,
    validate: Option<Validate>,
    pre_run: Option<PreRun>,
    post_run: Option<Callback>,
    graceful_stop: Option<Callback>,
    role: Option<String>,
}

impl Script {
    /// One that serves until it is told to stop, with a [`Journal`] of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::{Script, Tester}};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("store"));
    /// Tester::start(group).stop().unwrap();
    /// ```
    pub fn new(name: impl Into<String>) -> Self {
        Self::writing(name.into(), Journal::new())
    }

    pub(super) fn writing(name: String, journal: Journal) -> Self {
        Self {
            name,
            journal,
            serves: true,
            declares_ready: false,
            steps: Steps::default(),
            flags: None,
            validate: None,
            pre_run: None,
            post_run: None,
            graceful_stop: None,
            role: None,
        }
    }

    /// What it writes into. [`Journal::script`] makes several write into one.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::Script};
    ///
    /// let store = Script::new("store").finish();
    /// let journal = store.journal().clone();
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(store);
    /// group.run()?;
    /// assert_eq!(journal.entries()[0], "store serve");
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    // ---- the steps of `serve` ----

    /// Step: it says that it is ready. Without this step it is ready when its `serve` is entered.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::{Gate, Script, Tester}};
    ///
    /// let gate = Gate::new();
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("store").until(&gate).ready());
    /// let run = Tester::spawn(group);
    /// gate.open();
    /// run.ready().stop().unwrap();
    /// ```
    #[must_use]
    pub fn ready(self) -> Self {
        self.step(Step::Ready)
    }

    /// Step: it waits until the gate is open. If it is told to stop before that, it ends with `Ok`.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::{Gate, Script, Tester}};
    ///
    /// let gate = Gate::new();
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("feed").until(&gate).fail("connection lost"));
    /// let run = Tester::start(group);
    /// gate.open();
    /// let error = run.wait().unwrap_err();
    /// assert_eq!(error.to_string(), "unit 'feed': serve failed: connection lost");
    /// ```
    #[must_use]
    pub fn until(self, gate: &Gate) -> Self {
        self.step(Step::Until(gate.pass()))
    }

    /// Step: it waits until the gate is open, whatever it is told meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rungroup::{Group, testing::{Gate, Script, Tester}};
    ///
    /// let gate = Gate::new();
    /// let mut group = Group::new("demo").args(["demo"]).stop_timeout(Duration::from_millis(10));
    /// group.register(Script::new("deaf").hang(&gate));
    /// let error = Tester::start(group).stop().unwrap_err();
    /// assert_eq!(error.left_behind()[0].unit.as_deref(), Some("deaf"));
    /// ```
    #[must_use]
    pub fn hang(self, gate: &Gate) -> Self {
        self.step(Step::Hang(gate.pass()))
    }

    /// Step: it serves until it is told to stop. What comes after this step is how it stops.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::{Script, Tester}};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("store").until_told().fail("cannot flush"));
    /// let error = Tester::start(group).stop().unwrap_err();
    /// assert_eq!(error.to_string(), "unit 'store': serve failed: cannot flush");
    /// ```
    #[must_use]
    pub fn until_told(self) -> Self {
        self.step(Step::UntilTold)
    }

    /// Step: it takes that long, whatever it is told meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rungroup::{Group, testing::{Script, Tester}};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("slow").until_told().take(Duration::from_millis(5)));
    /// let report = Tester::start(group).stop().unwrap();
    /// assert!(report.stop_time().unwrap() >= Duration::from_millis(5));
    /// ```
    #[must_use]
    pub fn take(self, time: Duration) -> Self {
        self.step(Step::Take(time))
    }

    /// Step: it ends, with `Ok`.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::Script};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("import").finish());
    /// group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    #[must_use]
    pub fn finish(self) -> Self {
        self.step(Step::Finish)
    }

    /// Step: it ends, with this error.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::Script};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("feed").fail("lost"));
    /// assert_eq!(group.run().unwrap_err().to_string(), "unit 'feed': serve failed: lost");
    /// ```
    #[must_use]
    pub fn fail(self, why: impl Into<String>) -> Self {
        self.step(Step::Fail(why.into()))
    }

    /// Step: it panics.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::Script};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("feed").panic("upset"));
    /// let error = group.run().unwrap_err();
    /// assert_eq!(error.failures()[0].as_panic().unwrap().message(), "upset");
    /// ```
    #[must_use]
    pub fn panic(self, why: impl Into<String>) -> Self {
        self.step(Step::Panic(why.into()))
    }

    /// The last step: this closure, and what it returns.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::Script};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("admin").serve(|ctx| {
    ///     ctx.handle().stop("enough");
    ///     Ok(())
    /// }));
    /// group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    #[must_use]
    pub fn serve(
        self,
        serve: impl Fn(&ServeContext) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.step(Step::Serve(Box::new(serve)))
    }

    /// The step before this is one for the first `attempts` alone, and left out at those that come
    /// later.
    ///
    /// # Panics
    ///
    /// If there is no step before it.
    ///
    /// # Examples
    ///
    /// One that fails at its first start, panics at its second, and then works:
    ///
    /// ```
    /// use rungroup::{Backoff, Group, Restart, testing::Script};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// let feed = Script::new("feed").fail("lost").times(1).panic("upset").times(2).finish();
    /// group.register(feed).restart(Restart::on_failure().backoff(Backoff::none()));
    /// assert_eq!(group.run()?.units()[0].restarts, 2);
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    #[must_use]
    pub fn times(mut self, attempts: u32) -> Self {
        self.steps.limit(attempts);
        self
    }

    fn step(mut self, step: Step) -> Self {
        self.serves = true; // whatever was said before
        self.steps.push(step);
        self
    }

    // ---- what else it is, and does ----

    /// It is not ready before a [step](Self::ready), or [the closure](Self::serve), says so: without
    /// one, never.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rungroup::{Group, testing::Script};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("feed").declares_ready()).start_timeout(Duration::from_millis(5));
    /// assert!(group.run().unwrap_err().to_string().contains("not ready"));
    /// ```
    #[must_use]
    pub fn declares_ready(mut self) -> Self {
        self.declares_ready = true;
        self
    }

    /// It does not serve, unless a step of `serve` follows. It takes part in what else is said of it.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::Script};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("lock").without_service().pre_run(|_ctx| Ok(())));
    /// group.run()?; // and there is nothing to serve
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    #[must_use]
    pub fn without_service(mut self) -> Self {
        self.serves = false;
        self
    }

    /// It takes part in every phase, if only to write that down: config and pre-run, too.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::{Journal, Tester}};
    ///
    /// let journal = Journal::new();
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(journal.script("store").all_phases());
    /// Tester::start(group).stop().unwrap();
    /// let phases = ["flag_set", "validate", "pre_run", "serve", "told", "left", "post_run"];
    /// journal.assert_order(phases.map(|phase| format!("store {phase}")).iter().map(|it| &**it));
    /// ```
    #[must_use]
    pub fn all_phases(mut self) -> Self {
        self.validate.get_or_insert_with(|| Box::new(|| Ok(())));
        self.pre_run.get_or_insert_with(|| Box::new(|_ctx| Ok(())));
        self
    }

    /// It has this flag.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, Group, testing::Script};
    ///
    /// let port: Flag<u16> = Flag::new("port", 80, "where to listen");
    /// let mut group = Group::new("demo").args(["demo", "--port=8080"]);
    /// group.register(Script::new("server").flag(&port).finish());
    /// group.run()?;
    /// assert_eq!(*port.get(), 8080);
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    #[must_use]
    pub fn flag(self, flag: impl Into<FlagHandle>) -> Self {
        let (flag, section) = (flag.into(), self.name.clone());
        self.flags(move || FlagSet::new(section.clone()).add(flag.clone()))
    }

    /// It has these flags.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{FlagSet, Group, testing::Script};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("server").flags(|| panic!("no flags today")));
    /// assert!(group.run().unwrap_err().to_string().contains("no flags today"));
    /// ```
    #[must_use]
    pub fn flags(mut self, flags: impl Fn() -> FlagSet + Send + Sync + 'static) -> Self {
        self.flags = Some(Box::new(flags));
        self
    }

    /// What its `validate` does.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{ConfigError, Group, testing::Script};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// let picky = Script::new("picky").validate(|| Err(ConfigError::new("not like this"))?);
    /// group.register(picky);
    /// assert_eq!(group.run().unwrap_err().to_string(), "unit 'picky': not like this");
    /// ```
    #[must_use]
    pub fn validate(
        mut self,
        validate: impl Fn() -> Result<(), ConfigErrors> + Send + Sync + 'static,
    ) -> Self {
        self.validate = Some(Box::new(validate));
        self
    }

    /// What its `pre_run` does.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::Script};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("store").pre_run(|_ctx| Err("no disk".into())));
    /// assert_eq!(group.run().unwrap_err().to_string(), "unit 'store': pre_run failed: no disk");
    /// ```
    #[must_use]
    pub fn pre_run(
        mut self,
        pre_run: impl Fn(&RunContext) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.pre_run = Some(Box::new(pre_run));
        self
    }

    /// What its `post_run` does; it has a `pre_run` then, too, which succeeds if nothing else is said.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::{Script, Tester}};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("store").post_run(|| Err("not clean".into())));
    /// let error = Tester::start(group).stop().unwrap_err();
    /// assert_eq!(error.to_string(), "unit 'store': post_run failed: not clean");
    /// ```
    #[must_use]
    pub fn post_run(
        mut self,
        post_run: impl Fn() -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.post_run = Some(Box::new(post_run));
        self
    }

    /// What its `graceful_stop` does. It is told by its stop token all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::{Script, Tester}};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("store").graceful_stop(|| Err("in use".into())));
    /// let error = Tester::start(group).stop().unwrap_err();
    /// assert_eq!(error.to_string(), "unit 'store': graceful_stop failed: in use");
    /// ```
    #[must_use]
    pub fn graceful_stop(
        mut self,
        graceful_stop: impl Fn() -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.graceful_stop = Some(Box::new(graceful_stop));
        self
    }

    /// It has this role.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, testing::Script};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(Script::new("store").role("data").pre_run(|ctx| {
    ///     assert_eq!(ctx.roles(), ["data"]);
    ///     Ok(())
    /// }).finish());
    /// group.run()?;
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    fn note(&self, what: &str) {
        self.journal.note(format!("{} {what}", self.name));
    }
}

impl Unit for Script {
    fn name(&self) -> &str {
        &self.name
    }

    fn as_config(&self) -> Option<&dyn Config> {
        (self.flags.is_some() || self.validate.is_some()).then_some(self)
    }

    fn as_pre_runner(&self) -> Option<&dyn PreRunner> {
        (self.pre_run.is_some() || self.post_run.is_some()).then_some(self)
    }

    fn as_service(&self) -> Option<&dyn Service> {
        self.serves.then_some(self)
    }

    fn as_role(&self) -> Option<&dyn Role> {
        self.role.is_some().then_some(self)
    }
}

impl Config for Script {
    fn flag_set(&self) -> FlagSet {
        self.note("flag_set");
        self.flags.as_ref().map_or_else(|| FlagSet::new(self.name.clone()), |flags| flags())
    }

    fn validate(&self) -> Result<(), ConfigErrors> {
        self.note("validate");
        self.validate.as_ref().map_or(Ok(()), |validate| validate())
    }
}

impl PreRunner for Script {
    fn pre_run(&self, ctx: &RunContext) -> Result<(), BoxError> {
        self.note("pre_run");
        self.pre_run.as_ref().map_or(Ok(()), |pre_run| pre_run(ctx))
    }

    fn post_run(&self) -> Result<(), BoxError> {
        self.note("post_run");
        self.post_run.as_ref().map_or(Ok(()), |post_run| post_run())
    }
}

impl Service for Script {
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        self.note("serve");
        let _left = Left(self); // by a panic, too
        self.steps.play(ctx, &|what| self.note(what))
    }

    fn graceful_stop(&self) -> Result<(), BoxError> {
        self.note("graceful_stop");
        self.graceful_stop.as_ref().map_or(Ok(()), |graceful_stop| graceful_stop())
    }

    fn declares_ready(&self) -> bool {
        self.declares_ready || self.steps.say_ready()
    }
}

impl Role for Script {
    fn role(&self) -> &str {
        self.role.as_deref().unwrap_or_default()
    }
}

/// Notes that `serve` is left.
struct Left<'s>(&'s Script);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.0.note("left");
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("name", &self.name).finish_non_exhaustive()
    }
}

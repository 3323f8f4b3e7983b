//! A scripted unit, and the journal in which units note what was called in which order. They use the
//! public vocabulary alone.

use std::sync::{Arc, Mutex, PoisonError};

use rungroup::{
    BoxError, Config, ConfigErrors, Flag, FlagSet, PreRunner, Role, RunContext, ServeContext,
    Service, Unit,
};

/// What happened, in order. Cheap to clone; all clones share the one list.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn note(&self, entry: impl Into<String>) {
        self.list().push(entry.into());
    }

    pub fn entries(&self) -> Vec<String> {
        self.list().clone()
    }

    pub fn has(&self, entry: &str) -> bool {
        self.count(entry) > 0
    }

    pub fn count(&self, entry: &str) -> usize {
        self.list().iter().filter(|it| *it == entry).count()
    }

    /// The entries that end in ` phase`, without the phase: which units were called, in order.
    pub fn units(&self, phase: &str) -> Vec<String> {
        let entries = self.entries();
        let units = entries.iter().filter_map(|it| it.strip_suffix(&format!(" {phase}")));
        units.map(str::to_owned).collect()
    }

    /// A test that has failed while it held the lock has failed already.
    fn list(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Script<T> = Box<dyn Fn(T) -> Result<(), BoxError> + Send + Sync>;
type PreRun = Box<dyn Fn(&RunContext) -> Result<(), BoxError> + Send + Sync>;
type Serve = Box<dyn Fn(&ServeContext) -> Result<(), BoxError> + Send + Sync>;
type Validate = Box<dyn Fn() -> Result<(), ConfigErrors> + Send + Sync>;
type Flags = Box<dyn Fn() -> FlagSet + Send + Sync>;

/// A unit that takes part in the phases that it has a script for, and notes each call of a callback
/// in a [`Journal`] before it plays the script: `store pre_run`.
pub struct Probe {
    name: String,
    journal: Journal,
    flags: Option<Flags>,
    validate: Option<Validate>,
    pre_run: Option<PreRun>,
    post_run: Option<Script<()>>,
    serve: Option<Serve>,
    graceful_stop: Option<Script<()>>,
    role: Option<String>,
    declares_ready: bool,
}

impl Probe {
    /// It takes part in nothing yet.
    pub fn new(name: impl Into<String>, journal: &Journal) -> Self {
        Self {
            name: name.into(),
            journal: journal.clone(),
            flags: None,
            validate: None,
            pre_run: None,
            post_run: None,
            serve: None,
            graceful_stop: None,
            role: None,
            declares_ready: false,
        }
    }

    /// One that takes part in config, pre-run and serve, and does what a good unit does.
    pub fn full(name: impl Into<String>, journal: &Journal) -> Self {
        Self::new(name, journal).validate(|| Ok(())).pre_run(|_| Ok(())).serving()
    }

    /// It has this flag, and nothing to say against its value.
    pub fn flag(self, flag: &Flag<u32>) -> Self {
        let flag = flag.clone();
        self.flags(move || FlagSet::new("Probe").add(&flag))
    }

    pub fn flags(mut self, flags: impl Fn() -> FlagSet + Send + Sync + 'static) -> Self {
        self.flags = Some(Box::new(flags));
        self
    }

    pub fn validate(
        mut self,
        script: impl Fn() -> Result<(), ConfigErrors> + Send + Sync + 'static,
    ) -> Self {
        self.validate = Some(Box::new(script));
        self
    }

    pub fn pre_run(
        mut self,
        script: impl Fn(&RunContext) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.pre_run = Some(Box::new(script));
        self
    }

    /// Its pre-run succeeds; this is its clean-up.
    pub fn post_run(
        mut self,
        script: impl Fn() -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.post_run = Some(Box::new(move |()| script()));
        self
    }

    pub fn serve(
        mut self,
        script: impl Fn(&ServeContext) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.serve = Some(Box::new(script));
        self
    }

    /// It serves until it is told to stop.
    pub fn serving(self) -> Self {
        self.serve(|ctx| {
            ctx.stopped().wait();
            Ok(())
        })
    }

    pub fn graceful_stop(
        mut self,
        script: impl Fn() -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.graceful_stop = Some(Box::new(move |()| script()));
        self
    }

    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// It is not ready before it says so.
    pub fn declares_ready(mut self) -> Self {
        self.declares_ready = true;
        self
    }

    fn note(&self, callback: &str) {
        self.journal.note(format!("{} {callback}", self.name));
    }
}

impl Unit for Probe {
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
        self.serve.is_some().then_some(self)
    }

    fn as_role(&self) -> Option<&dyn Role> {
        self.role.is_some().then_some(self)
    }
}

impl Config for Probe {
    fn flag_set(&self) -> FlagSet {
        self.note("flag_set");
        self.flags.as_ref().map_or_else(|| FlagSet::new("Probe"), |flags| flags())
    }

    fn validate(&self) -> Result<(), ConfigErrors> {
        self.note("validate");
        self.validate.as_ref().map_or(Ok(()), |script| script())
    }
}

impl PreRunner for Probe {
    fn pre_run(&self, ctx: &RunContext) -> Result<(), BoxError> {
        self.note("pre_run");
        self.pre_run.as_ref().map_or(Ok(()), |script| script(ctx))
    }

    fn post_run(&self) -> Result<(), BoxError> {
        self.note("post_run");
        self.post_run.as_ref().map_or(Ok(()), |script| script(()))
    }
}

impl Service for Probe {
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        self.note("serve");
        self.serve.as_ref().map_or(Ok(()), |script| script(ctx))
    }

    fn graceful_stop(&self) -> Result<(), BoxError> {
        self.note("graceful_stop");
        self.graceful_stop.as_ref().map_or(Ok(()), |script| script(()))
    }

    fn declares_ready(&self) -> bool {
        self.declares_ready
    }
}

impl Role for Probe {
    fn role(&self) -> &str {
        self.role.as_deref().unwrap_or_default()
    }
}

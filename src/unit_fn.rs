//! Units made of closures.

use std::fmt;

use crate::context::{RunContext, ServeContext};
use crate::failure::BoxError;
use crate::flags::FlagSet;
use crate::unit::{Config, PreRunner, Service, Unit};

/// A unit made of a closure that serves.
///
/// The closure is an `Fn`, for it may serve on several threads, and it lives as long as the group,
/// not as long as its call: a `Sender` that it holds does not disconnect when it returns. A
/// [`ChannelCloser`](crate::ChannelCloser) tells the receivers that nothing more will come.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, service_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("waiter", |ctx| {
///     ctx.stopped().wait();
///     Ok(())
/// }));
/// group.handle().stop("before it began");
/// group.run().unwrap();
/// ```
pub fn service_fn<F>(name: impl Into<String>, serve: F) -> ServiceFn<F>
where
    F: Fn(&ServeContext) -> Result<(), BoxError> + Send + Sync + 'static,
{
    ServiceFn { name: name.into(), flags: None, declares_ready: false, serve }
}

/// See [`service_fn`].
///
/// # Examples
///
/// ```
/// use rungroup::{BoxError, Group, ServeContext, ServiceFn, service_fn};
///
/// fn shard(n: u32) -> ServiceFn<impl Fn(&ServeContext) -> Result<(), BoxError>> {
///     service_fn(format!("shard-{n}"), |_ctx| Ok(()))
/// }
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(shard(1)).task();
/// group.register(shard(2)).task();
/// assert_eq!(group.run()?.units().len(), 2);
/// # Ok::<(), rungroup::RunError>(())
/// ```
pub struct ServiceFn<F> {
    name: String,
    flags: Option<FlagSet>,
    declares_ready: bool,
    serve: F,
}

impl<F> ServiceFn<F> {
    /// Gives it flags, which the closure reads from its own handles of them.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet, Group, service_fn};
    ///
    /// let retries = Flag::new("retries", 3u32, "How often to try again.");
    /// let flags = FlagSet::new("Client").add(&retries);
    /// let mut group = Group::new("demo").args(["demo", "--retries=5"]);
    /// group.register(service_fn("client", move |_ctx| {
    ///     assert_eq!(*retries.get(), 5);
    ///     Ok(())
    /// }).flags(flags));
    /// group.run().unwrap();
    /// ```
    #[must_use]
    pub fn flags(mut self, flags: FlagSet) -> Self {
        self.flags = Some(flags);
        self
    }

    /// It is ready when the closure calls [`ServeContext::ready`], and not as soon as that is entered; see
    /// [`Service::declares_ready`].
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// let store = group.register(service_fn("store", |ctx| {
    ///     // … read the index …
    ///     ctx.ready();
    ///     ctx.stopped().wait();
    ///     Ok(())
    /// }).declares_ready()).id();
    /// group.register(service_fn("server", |_ctx| Ok(()))).after(store); // starts when it is ready
    /// let report = group.run()?;
    /// let [store, server] = report.units() else { unreachable!() };
    /// assert!(store.ready.is_some() && store.ready <= server.started);
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    #[must_use]
    pub fn declares_ready(mut self) -> Self {
        self.declares_ready = true;
        self
    }
}

impl<F> Unit for ServiceFn<F>
where
    F: Fn(&ServeContext) -> Result<(), BoxError> + Send + Sync + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn as_config(&self) -> Option<&dyn Config> {
        self.flags.as_ref().map(|_| self as &dyn Config)
    }

    fn as_service(&self) -> Option<&dyn Service> {
        Some(self)
    }
}

impl<F> Service for ServiceFn<F>
where
    F: Fn(&ServeContext) -> Result<(), BoxError> + Send + Sync + 'static,
{
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        (self.serve)(ctx)
    }

    fn has_graceful_stop(&self) -> bool {
        false
    }

    fn declares_ready(&self) -> bool {
        self.declares_ready
    }
}

impl<F: Send + Sync> Config for ServiceFn<F> {
    fn flag_set(&self) -> FlagSet {
        // Asked only if there are some, see `as_config`.
        self.flags.clone().unwrap_or_else(|| FlagSet::new(self.name.clone()))
    }
}

impl<F> fmt::Debug for ServiceFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceFn").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A unit made of a closure that runs before anything serves.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, pre_run_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(pre_run_fn("check", |_ctx| Err("the disk is full".into())));
/// let error = group.run().unwrap_err();
/// assert_eq!(error.to_string(), "unit 'check': pre_run failed: the disk is full");
/// ```
pub fn pre_run_fn<F>(name: impl Into<String>, pre_run: F) -> PreRunFn<F>
where
    F: Fn(&RunContext) -> Result<(), BoxError> + Send + Sync + 'static,
{
    PreRunFn { name: name.into(), flags: None, pre_run }
}

/// See [`pre_run_fn`].
///
/// # Examples
///
/// ```
/// use rungroup::{BoxError, Group, PreRunFn, RunContext, pre_run_fn};
/// use std::path::PathBuf;
///
/// fn make_dir(path: PathBuf) -> PreRunFn<impl Fn(&RunContext) -> Result<(), BoxError>> {
///     pre_run_fn("make-dir", move |_ctx| Ok(std::fs::create_dir_all(&path)?))
/// }
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(make_dir(std::env::temp_dir()));
/// group.run()?;
/// # Ok::<(), rungroup::RunError>(())
/// ```
pub struct PreRunFn<F> {
    name: String,
    flags: Option<FlagSet>,
    pre_run: F,
}

impl<F> PreRunFn<F> {
    /// Gives it flags, which the closure reads from its own handles of them.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet, Group, pre_run_fn};
    ///
    /// let retries = Flag::new("retries", 3u32, "How often to try again.");
    /// let flags = FlagSet::new("Client").add(&retries);
    /// let mut group = Group::new("demo").args(["demo", "--retries=5"]);
    /// group.register(pre_run_fn("client", move |_ctx| {
    ///     assert_eq!(*retries.get(), 5);
    ///     Ok(())
    /// }).flags(flags));
    /// group.run().unwrap();
    /// ```
    #[must_use]
    pub fn flags(mut self, flags: FlagSet) -> Self {
        self.flags = Some(flags);
        self
    }
}

impl<F> Unit for PreRunFn<F>
where
    F: Fn(&RunContext) -> Result<(), BoxError> + Send + Sync + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn as_config(&self) -> Option<&dyn Config> {
        self.flags.as_ref().map(|_| self as &dyn Config)
    }

    fn as_pre_runner(&self) -> Option<&dyn PreRunner> {
        Some(self)
    }
}

impl<F> PreRunner for PreRunFn<F>
where
    F: Fn(&RunContext) -> Result<(), BoxError> + Send + Sync + 'static,
{
    fn pre_run(&self, ctx: &RunContext) -> Result<(), BoxError> {
        (self.pre_run)(ctx)
    }
}

impl<F: Send + Sync> Config for PreRunFn<F> {
    fn flag_set(&self) -> FlagSet {
        // Asked only if there are some, see `as_config`.
        self.flags.clone().unwrap_or_else(|| FlagSet::new(self.name.clone()))
    }
}

impl<F> fmt::Debug for PreRunFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreRunFn").field("name", &self.name).finish_non_exhaustive()
    }
}

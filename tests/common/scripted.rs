//! A unit put together from closures, for tests of what is called when: a service that waits for its
//! stop token, unless it is told otherwise.

use std::thread;

use rungroup::{BoxError, Group, PreRunner, RunContext, ServeContext, Service, Unit};

type Callback<C> = Box<dyn Fn(C) -> Result<(), BoxError> + Send + Sync>;
type Serve = Box<dyn Fn(&ServeContext) -> Result<(), BoxError> + Send + Sync>;
type PreRun = Box<dyn Fn(&RunContext) -> Result<(), BoxError> + Send + Sync>;

/// Asks the group to stop as soon as it is ready.
pub fn stop_when_ready(group: &Group) {
    let handle = group.handle();
    thread::spawn(move || {
        handle.wait_till_ready().expect("all units become ready");
        handle.stop("seen enough");
    });
}

/// See the module.
pub struct Scripted {
    name: String,
    serve: Serve,
    graceful_stop: Callback<()>,
    pre_run: Option<PreRun>,
    post_run: Option<Callback<()>>,
    declares_ready: bool,
}

impl Scripted {
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            serve: Box::new(|ctx| {
                ctx.stopped().wait();
                Ok(())
            }),
            graceful_stop: Box::new(|()| Ok(())),
            pre_run: None,
            post_run: None,
            declares_ready: false,
        }
    }

    pub fn serve(
        mut self,
        serve: impl Fn(&ServeContext) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.serve = Box::new(serve);
        self
    }

    pub fn graceful_stop(mut self, stop: impl Fn() + Send + Sync + 'static) -> Self {
        self.graceful_stop = Box::new(move |()| {
            stop();
            Ok(())
        });
        self
    }

    pub fn pre_run(
        mut self,
        pre_run: impl Fn(&RunContext) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.pre_run = Some(Box::new(pre_run));
        self
    }

    pub fn post_run(mut self, post_run: impl Fn() + Send + Sync + 'static) -> Self {
        self.post_run = Some(Box::new(move |()| {
            post_run();
            Ok(())
        }));
        self
    }

    /// It is ready when its `serve` says so.
    pub fn declares_ready(mut self) -> Self {
        self.declares_ready = true;
        self
    }
}

impl Unit for Scripted {
    fn name(&self) -> &str {
        &self.name
    }

    fn as_pre_runner(&self) -> Option<&dyn PreRunner> {
        (self.pre_run.is_some() || self.post_run.is_some()).then_some(self)
    }

    fn as_service(&self) -> Option<&dyn Service> {
        Some(self)
    }
}

impl PreRunner for Scripted {
    fn pre_run(&self, ctx: &RunContext) -> Result<(), BoxError> {
        self.pre_run.as_ref().map_or(Ok(()), |pre_run| pre_run(ctx))
    }

    fn post_run(&self) -> Result<(), BoxError> {
        self.post_run.as_ref().map_or(Ok(()), |post_run| post_run(()))
    }
}

impl Service for Scripted {
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        (self.serve)(ctx)
    }

    fn graceful_stop(&self) -> Result<(), BoxError> {
        (self.graceful_stop)(())
    }

    fn declares_ready(&self) -> bool {
        self.declares_ready
    }
}

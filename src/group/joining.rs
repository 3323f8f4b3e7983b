//! Registering while the group serves: [`GroupHandle::register`].

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::entry::Entry;
use super::nested::sealed::Part;
use super::pre_run::post_run;
use super::registration::{Registration, WhileServing};
use super::registry::Stage;
use super::shared::Shared;
use super::{Register, plan};
use crate::error::{ConfigError, Error, ErrorKind};
use crate::event::Event;
use crate::failure::{self, Failure, Phase};
use crate::handle::{GroupHandle, UnitId};
use crate::unit::Unit;

impl GroupHandle {
    /// Hands a unit, or a group, over to a group that serves. It takes part when
    /// [`start`](Registration::start) is called on what comes back, and there may be more to be said of
    /// it before. What has flags is refused: they would be known to nobody. It joins the outermost group,
    /// whoever's handle it is: nothing can join a group in a group that serves.
    ///
    /// A unit that is registered costs about a kilobyte until the run is over, also when it was
    /// deregistered or is done. For what comes and goes all the time, a connection for instance, spawn a
    /// thread of a unit: [`ServeContext::spawn`](crate::ServeContext::spawn).
    ///
    /// Without `start` the compiler warns:
    ///
    /// ```compile_fail
    /// #![deny(unused_must_use)]
    /// # let (group, meter) = (rungroup::Group::new("demo"), rungroup::service_fn("meter", |_ctx| Ok(())));
    /// group.handle().register(meter);
    /// ```
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// let watcher = group.register(service_fn("watcher", |ctx| {
    ///     // … a device has come …
    ///     let meter = service_fn("meter-1", |_ctx| Ok(()));
    ///     ctx.handle().register(meter).task().start()?;
    ///     ctx.stopped().wait();
    ///     Ok(())
    /// })).background().id();
    /// group.register(service_fn("main", |ctx| {
    ///     // … until the meter has been read …
    ///     let events = ctx.handle().events(64);
    ///     let is_done = || ctx.handle().snapshot().units.iter().any(|it| it.state.is_terminal());
    ///     while !is_done() && events.next_event().is_some() {}
    ///     Ok(())
    /// })).after(watcher);
    /// let report = group.run()?;
    /// assert_eq!(&*report.units()[2].path, "meter-1");
    /// # Ok::<(), rungroup::RunError>(())
    /// ```
    #[must_use = "call `start`: without it nothing is registered"]
    pub fn register(&self, part: impl Register) -> Registration<'static, WhileServing> {
        let shared = Shared::behind(self);
        let (index, takes_part) = match part.into_part() {
            Part::Unit(unit) => {
                let entry = Entry::unit(unit); // asks the unit, so not under the lock
                let takes_part = entry.phases.any();
                (shared.registry.lock().pend(entry), takes_part)
            }
            Part::Group(inner) => inner.pend(&shared),
        };
        Registration::new(shared, index, takes_part)
    }
}

impl Shared {
    /// What is behind a handle, of the outermost group.
    fn behind(handle: &GroupHandle) -> Arc<Self> {
        let control: Arc<dyn Any + Send + Sync> = handle.clone_control();
        let mut shared = control.downcast::<Self>().expect("there is no other Control");
        while let Some(outer) = shared.within.get() {
            shared = outer.clone();
        }
        shared
    }

    /// Lets what is pending at `index` take part.
    ///
    /// Its pre-runs run here, without a lock, so much may happen meanwhile. What was looked at before is
    /// looked at again when it is put on the board, under the locks that the end of the serving takes,
    /// too: it is on the board while that is served, and then its clean-up is the run's; or it is not, and
    /// is cleaned up here.
    pub(super) fn start(self: &Arc<Self>, index: usize) -> Result<UnitId, Error> {
        let among = self.admit(index)?;
        let mut pre_ran = Vec::new();
        let joined = self.pre_run_all(&among, &mut pre_ran).and_then(|()| {
            let declaring = plan::declaring_ready(self, |index| among.contains(&index));
            let declaring = declaring.map_err(refused)?;
            self.put_on_the_board(index, &among, &declaring, &pre_ran)
        });
        if let Err(error) = joined {
            self.registry.lock().remove(index);
            for (_, path, unit) in pre_ran.into_iter().rev() {
                if let Err(failure) = failure::call(&path, Phase::PostRun, || post_run(&*unit)) {
                    self.publisher.publish(&Event::CallbackFailed { failure });
                }
            }
            return Err(error);
        }
        let idle = self.registry.lock().without_phases(|index| among.contains(&index));
        for text in idle {
            self.publisher.publish(&Event::Warning { text });
        }
        self.wake();
        Ok(UnitId { run: self.id, index })
    }

    /// The entries that it consists of, which count as registered from here on.
    fn admit(&self, index: usize) -> Result<Vec<usize>, Error> {
        let mut registry = self.registry.lock();
        self.is_served(registry.stage)?;
        let among = registry.admit(index);
        let mut problems = registry.problems_among(|index| among.contains(&index));
        let of_these = |index: &&usize| registry.entries[**index].phases.config;
        for &index in among.iter().filter(of_these) {
            let why = "has flags but was registered while the group serves";
            problems.push(ConfigError::new(why).of_unit(&registry.entries[index].path));
        }
        if problems.is_empty() {
            return Ok(among);
        }
        registry.remove(index);
        Err(Error::config(ErrorKind::Definition, problems))
    }

    fn is_served(&self, stage: Stage) -> Result<(), Error> {
        if stage > Stage::Serving || self.stop.is_set() {
            return Err(Error::new(ErrorKind::Stopped, "the run is over, or about to be"));
        }
        if stage < Stage::Serving || !self.board.lock().is_serving() {
            let why = "the group does not serve yet: register it with the group itself";
            return Err(Error::new(ErrorKind::NotServing, why));
        }
        Ok(())
    }

    fn pre_run_all(
        self: &Arc<Self>,
        among: &[usize],
        pre_ran: &mut Vec<(usize, Arc<str>, Arc<dyn Unit>)>,
    ) -> Result<(), Error> {
        for &index in among {
            let Some((path, unit)) = self.pre_runner(index) else { continue };
            failure::call(&path, Phase::PreRun, || self.pre_run(&path, &*unit)).map_err(refused)?;
            pre_ran.push((index, path, unit));
        }
        Ok(())
    }

    fn put_on_the_board(
        &self,
        index: usize,
        among: &[usize],
        declaring_ready: &BTreeSet<usize>,
        pre_ran: &[(usize, Arc<str>, Arc<dyn Unit>)],
    ) -> Result<(), Error> {
        let mut registry = self.registry.lock();
        self.is_served(registry.stage)?;
        if !registry.entries[index].is_present() {
            let path = &registry.entries[index].path;
            let why = format!("unit '{path}' was deregistered before it was started");
            return Err(Error::new(ErrorKind::UnknownUnit, why));
        }
        let missing = registry.not_on_the_board(index).map(|entry| entry.path.clone());
        if let Some(missing) = missing {
            let path = &registry.entries[index].path;
            let why =
                format!("unit '{path}' comes after '{missing}', which is not there, or not yet");
            return Err(Error::new(ErrorKind::UnknownUnit, why));
        }
        let mut board = self.board.lock();
        let first = board.next_node();
        let is_among = |index: usize| among.contains(&index);
        let nodes = plan::nodes(&mut registry, is_among, first, declaring_ready);
        if !board.join(self.id, nodes) {
            return Err(Error::new(ErrorKind::Stopped, "the run is over, or about to be"));
        }
        registry.pre_ran.extend(pre_ran.iter().map(|&(index, ..)| index));
        Ok(())
    }
}

fn refused(failure: Failure) -> Error {
    Error::by(ErrorKind::PreRun, failure)
}

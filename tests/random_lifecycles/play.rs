//! A plan, played on real threads.

mod beats;
mod building;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use rungroup::testing::{Gate, Pass};
use rungroup::{
    BoxError, Error, ErrorKind, GroupHandle, PreRunner, RunContext, ServeContext, Service,
    StopReason, Unit, UnitId,
};

use crate::plan::{Deed, How, Plan, Turn, UnitPlan, Until};
use crate::record::{Entry, Record, What, under_way};
use crate::verdict::Verdict;

/// Ends what has failed already.
const LIMIT: Duration = Duration::from_secs(20);

/// What the units of one lifecycle share.
struct Stage {
    plan: Plan,
    record: Arc<Record>,
    /// Of those that join: once they were registered.
    ids: Vec<OnceLock<UnitId>>,
    joins: Vec<AtomicBool>,
    seed: Seed,
    groups: Vec<Option<UnitId>>,
}

/// What it takes to make a unit of its plan.
#[derive(Clone)]
struct Seed {
    stage: Weak<OnceLock<Stage>>,
    pass: Pass,
    /// Of the outermost group.
    handle: GroupHandle,
}

/// Where somebody does something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Caller,
    Group,
    Outside,
}

impl Stage {
    fn act(&self, deed: Option<Deed>, handle: &GroupHandle, place: Place) {
        match deed {
            None => {}
            Some(Deed::Stop) => {
                let why = format!("by {:?}", thread::current().id());
                self.record.note(Entry::StopAsked);
                let first = handle.stop(why.clone());
                self.record.note(Entry::StopSaid { why, first });
                self.record.expect(handle.stopped().is_stopped(), || "L7: not stopped".to_owned());
            }
            Some(Deed::Deregister(unit)) => {
                let Some(&id) = self.ids[unit].get() else { return };
                self.record.note(Entry::DeregisterAsked(unit));
                let ended = handle.deregister(id);
                let said = ended.as_ref().map(|_| ()).map_err(Error::kind);
                self.record.note(Entry::DeregisterSaid(unit, said));
                if let (Ok(ended), Place::Outside) = (ended, place) {
                    let ended = ended.wait_timeout(LIMIT).expect("nobody waits for this thread");
                    if ended.is_some() {
                        self.record.note(Entry::DeregisterEnded(unit));
                    } else {
                        self.record.note(Entry::Broken(format!("L3: u{unit} never ended")));
                    }
                }
            }
            Some(Deed::Look) => {
                let snapshot = handle.snapshot();
                let known = snapshot.units.iter().filter(|unit| !unit.group).count();
                let known = known <= self.plan.units.len();
                self.record.expect(known, || format!("V2: {snapshot}"));
            }
            Some(Deed::WaitTillReady) => {
                let ready = handle.wait_till_ready_timeout(Duration::from_micros(300));
                if place != Place::Caller {
                    self.record.note(Entry::Waited(ready));
                }
            }
            Some(Deed::Join(join)) => self.join(join),
            Some(Deed::WaitForTheEnd) => {
                let ended = handle.stop_notify();
                if place != Place::Outside && ended.outcome().is_none() {
                    let refused = ended.wait_timeout(Duration::from_micros(100));
                    let refused = refused.map(|_| ()).map_err(|error| error.kind());
                    let right = refused == Err(ErrorKind::WouldDeadlock);
                    self.record.expect(right, || format!("L18: {refused:?}"));
                }
            }
        }
    }

    fn turn(&self, turn: &Turn, handle: &GroupHandle, place: Place) -> How {
        pass(turn.takes);
        self.act(turn.deed, handle, place);
        turn.ends
    }
}

/// Takes time, whatever happens.
fn pass(time: Duration) {
    if !time.is_zero() {
        thread::sleep(time);
    }
}

/// What a callback that ends like this returns; `who` is what it says.
fn end(how: How, who: &str) -> Result<(), BoxError> {
    match how {
        How::Ok => Ok(()),
        How::Error => Err(format!("{SCRIPTED} {who}").into()),
        How::Panic => panic!("{SCRIPTED} {who}"),
    }
}

/// What every failure that was planned begins with.
pub const SCRIPTED: &str = "scripted:";

/// A unit that does what its plan says.
struct Player {
    index: usize,
    stage: Arc<OnceLock<Stage>>,
    /// Needed before the stage is set.
    plan: UnitPlan,
    let_go: Pass,
    handle: GroupHandle,
}

impl Player {
    fn stage(&self) -> &Stage {
        self.stage.get().expect("set before the run")
    }

    fn note(&self, what: What) {
        self.stage().record.of(self.index, what);
    }

    fn says(&self, what: &str) -> String {
        format!("{} {what}", self.plan.name)
    }

    /// The threads and callbacks of this incarnation that are there before it serves.
    fn begin(&self, ctx: &ServeContext) {
        let (serve, attempt) = (self.plan.serve(ctx.attempt()), ctx.attempt());
        if let Some(turn) = serve.on_stop.clone() {
            let (stage, index) = (self.stage.clone(), self.index);
            let (handle, says) = (self.handle.clone(), self.says("on_stop"));
            let callback = move || {
                let stage = stage.get().expect("set");
                stage.record.of(index, What::OnStopIn { attempt });
                let how = stage.turn(&turn, &handle, Place::Group);
                // It cannot fail in any other way.
                let how = if how == How::Ok { How::Ok } else { How::Panic };
                stage.record.of(index, What::OnStopOut { attempt, how });
                let _ = end(how, &says);
            };
            ctx.on_stop(callback).keep();
        }
        for &helper in &serve.helpers {
            let (stage, index, says) = (self.stage.clone(), self.index, self.says("helper"));
            let spawned = ctx.spawn("h", move |ctx| {
                let record = &stage.get().expect("set").record;
                record.of(index, What::HelperIn { attempt });
                if helper.until_told {
                    ctx.stopped().wait();
                }
                pass(helper.takes);
                let how = if helper.panics { How::Panic } else { How::Ok };
                record.of(index, What::HelperOut { attempt, how });
                let _ = end(how, &says);
            });
            // What is left behind gets no more threads.
            let right = spawned.is_ok() || self.stage().plan.hasty.is_some();
            self.stage().record.expect(right, || format!("no helper: {spawned:?}"));
        }
    }

    fn serve_until(&self, ctx: &ServeContext, until: Until) {
        let told = match until {
            Until::Now => false,
            Until::After(time) => !self.sleep(ctx, time),
            Until::Told => {
                self.wait(ctx);
                true
            }
            Until::LetGo => {
                self.let_go.wait();
                false
            }
        };
        if let (true, Some(reason)) = (told, ctx.stop_reason()) {
            self.note(What::Told { reason: reason.clone() });
        }
    }
}

impl Unit for Player {
    fn name(&self) -> &str {
        self.plan.name.rsplit('/').next().expect("a path has a last part")
    }

    fn as_pre_runner(&self) -> Option<&dyn PreRunner> {
        self.plan.pre_run.is_some().then_some(self)
    }

    fn as_service(&self) -> Option<&dyn Service> {
        Some(self)
    }
}

impl PreRunner for Player {
    fn pre_run(&self, ctx: &RunContext) -> Result<(), BoxError> {
        self.note(What::PreRunIn);
        let turn = self.plan.pre_run.as_ref().expect("it is a pre-runner");
        let how = self.stage().turn(turn, ctx.handle(), Place::Caller);
        self.note(What::PreRunOut(how));
        end(how, &self.says("pre_run"))
    }

    fn post_run(&self) -> Result<(), BoxError> {
        self.note(What::PostRunIn);
        let how = self.stage().turn(&self.plan.post_run, &self.handle, Place::Caller);
        self.note(What::PostRunOut(how));
        end(how, &self.says("post_run"))
    }
}

impl Service for Player {
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        let (attempt, instance) = (ctx.attempt(), ctx.instance());
        self.note(What::Enter { attempt, instance });
        let name = match self.plan.instances {
            1 => self.plan.name.clone(),
            _ => format!("{}#{instance}", self.plan.name),
        };
        let here = thread::current();
        let right = here.name() == Some(&name);
        self.stage().record.expect(right, || format!("L4: {name} is on {:?}", here.name()));
        let serve = self.plan.serve(attempt);
        if instance == 0 {
            self.begin(ctx);
            if let Some(after) = serve.ready_after {
                pass(after);
                self.note(What::Ready { attempt });
                ctx.ready();
            }
            self.stage().act(serve.deed, ctx.handle(), Place::Group);
            if serve.silent {
                self.be_silent(ctx);
            }
        }
        self.serve_until(ctx, serve.until);
        pass(serve.takes);
        let (how, told) = (serve.ends, ctx.stop_reason().cloned());
        self.note(What::Leave { attempt, instance, how, told });
        end(how, &self.says("serve"))
    }

    fn graceful_stop(&self) -> Result<(), BoxError> {
        self.note(What::GracefulIn);
        let how = self.stage().turn(&self.plan.graceful_stop, &self.handle, Place::Group);
        self.note(What::GracefulOut(how));
        end(how, &self.says("graceful_stop"))
    }

    fn declares_ready(&self) -> bool {
        self.plan.declares_ready
    }
}

/// Runs the lifecycle on this thread. What is left behind has ended, too, when this returns.
pub fn play(plan: &Plan, record: &Arc<Record>) -> Verdict {
    let (began, gate) = (Instant::now(), Gate::new());
    let (stage, mut group) = building::put_together(plan, record, &gate);
    let stage = stage.get().expect("just set");
    let handle = group.handle();
    let result = thread::scope(|scope| {
        beats::listen(scope, stage, &handle);
        let last = plan.outsiders.len() - 1;
        for (index, outsider) in plan.outsiders.iter().enumerate() {
            let handle = handle.clone();
            scope.spawn(move || {
                record.wait(outsider.limit, |notes| beats::apart_from(notes) >= outsider.notes);
                if index == last {
                    // Who is silent waits for that to be noticed, or for its own stop.
                    record.wait(LIMIT, |notes| !beats::somebody_is_silent(notes));
                }
                stage.act(Some(outsider.deed), &handle, Place::Outside);
            });
        }
        for _ in 0..plan.waiters {
            let handle = handle.clone();
            scope.spawn(move || record.note(Entry::Waited(handle.wait_till_ready())));
        }
        stage.act(plan.before, &handle, Place::Outside);
        let result = group.run();
        record.note(Entry::Returned);
        gate.open();
        result
    });
    let over = |notes: &[_]| (0..plan.units.len()).all(|unit| under_way(notes, unit) == 0);
    let over = record.wait(LIMIT, over);
    record.expect(over, || "L11: something never ended".to_owned());
    let reason = handle.stopped().reason().cloned();
    Verdict::of(began, &result, reason.unwrap_or(StopReason::RunFailed))
}

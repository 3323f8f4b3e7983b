//! Units that have to be heard of: how they beat, how they are silent, and what the events say of them.

use std::thread::Scope;
use std::time::{Duration, Instant};

use crossbeam_channel::{never, select};
use rungroup::{Event, Events, GroupHandle, ServeContext, UnitState};

use super::{Player, Stage};
use crate::record::{Entry, Heard, Note, Said, What};

/// Ends what has failed already, before somebody says that all of it hangs.
const LIMIT: Duration = Duration::from_secs(10);

/// More events than there are.
const ROOM: usize = 1024;

impl Player {
    /// Until it is told.
    pub(super) fn wait(&self, ctx: &ServeContext) {
        let Some(limit) = self.plan.heartbeat else {
            ctx.stopped().wait();
            return;
        };
        while ctx.sleep(limit / 4) {
            self.beat(ctx);
        }
    }

    /// `false` if it is told before.
    pub(super) fn sleep(&self, ctx: &ServeContext, time: Duration) -> bool {
        let Some(limit) = self.plan.heartbeat else { return ctx.sleep(time) };
        let until = Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if !ctx.sleep(left.min(limit / 4)) {
                return false;
            }
            if left.is_zero() {
                return true;
            }
            self.beat(ctx);
        }
    }

    fn beat(&self, ctx: &ServeContext) {
        let (attempt, instance, from) = (ctx.attempt(), ctx.instance(), Instant::now());
        ctx.heartbeat();
        self.note(What::Beat { attempt, instance, from });
    }

    /// Does not beat until it is unresponsive, or told, and then until it is heard of.
    pub(super) fn be_silent(&self, ctx: &ServeContext) {
        let attempt = ctx.attempt();
        let events = ctx.handle().events(ROOM);
        self.note(What::SilentIn { attempt });
        // What was said before cannot be read any more.
        let why = if self.is_unresponsive(ctx) {
            Some(Heard::Already)
        } else {
            self.hears(ctx, &events, LIMIT, |event| matches!(event, Event::Unresponsive { .. }))
        };
        let record = &self.stage().record;
        record.expect(why.is_some(), || format!("S9: {} is silent, and who cares", self.plan.name));
        if why == Some(Heard::Noticed) {
            self.is_not_ready(ctx);
        }
        self.note(What::SilentOut { attempt, why: why.unwrap_or(Heard::Told) });
        if why == Some(Heard::Noticed) {
            self.come_back(ctx, &events);
        }
    }

    fn come_back(&self, ctx: &ServeContext, events: &Events) {
        let limit = self.plan.heartbeat.expect("it has to be heard of");
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            self.beat(ctx);
            let responsive = |event: &Event| matches!(event, Event::Responsive { .. });
            match self.hears(ctx, events, limit / 2, responsive) {
                Some(Heard::Told) => return,
                Some(_) => return self.note(What::HeardAgain { attempt: ctx.attempt() }),
                None => {}
            }
        }
        self.stage().record.note(Entry::Broken(format!("S9: {} is not heard", self.plan.name)));
    }

    /// Waits for an event of this unit, or until it is told.
    fn hears(
        &self,
        ctx: &ServeContext,
        events: &Events,
        limit: Duration,
        is_it: fn(&Event) -> bool,
    ) -> Option<Heard> {
        let until = Instant::now() + limit;
        let mut receiver = events.receiver().clone();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            select! {
                recv(ctx.stopped().receiver()) -> _ => return Some(Heard::Told),
                recv(receiver) -> event => match event {
                    Ok(event) if event.unit() == Some(&*self.plan.name) && is_it(&event) => {
                        return Some(Heard::Noticed);
                    }
                    Ok(_) => {}
                    Err(_) => receiver = never(), // the run is over without it
                },
                default(left) => return None,
            }
        }
    }

    fn is_unresponsive(&self, ctx: &ServeContext) -> bool {
        let snapshot = ctx.handle().snapshot();
        let this = snapshot.units.iter().find(|unit| *unit.path == self.plan.name);
        this.is_some_and(|unit| unit.unresponsive)
    }

    /// It was noticed, and has not been heard of since: it is not ready, nor is any group that it is in,
    /// up to one that ends: if that is a task, and done, it is ready by that.
    fn is_not_ready(&self, ctx: &ServeContext) {
        let (snapshot, plan) = (ctx.handle().snapshot(), &self.stage().plan);
        let of = |path: &str| snapshot.units.iter().find(|unit| *unit.path == *path);
        let this = of(&self.plan.name).expect("it serves");
        if this.state != UnitState::Running {
            return; // it is told to stop, by now
        }
        let groups = plan.groups_of(self.index).into_iter().filter(|&group| group > 0);
        let above = groups.filter_map(|group| of(plan.groups[group].path()));
        let mut above = above.take_while(|group| group.state == UnitState::Running);
        let right = this.unresponsive && !this.ready && above.all(|group| !group.ready);
        self.stage().record.expect(right, || format!("S9: {} is silent: {snapshot}", this.path));
    }
}

/// Notes what the events say of those that have to be heard of, if there are any.
pub(super) fn listen<'s>(scope: &'s Scope<'s, '_>, stage: &'s Stage, handle: &GroupHandle) {
    if stage.plan.units.iter().all(|unit| unit.heartbeat.is_none()) {
        return;
    }
    let events = handle.events(ROOM);
    scope.spawn(move || {
        for event in events.iter() {
            let said = match &event {
                Event::Starting { .. } => Said::Starting,
                Event::Ready { .. } => Said::Ready,
                Event::Unresponsive { silent, .. } => Said::Unresponsive { silent: *silent },
                Event::Responsive { .. } => Said::Responsive,
                Event::StopAsked { .. } => Said::Over,
                _ => continue,
            };
            let is_it = |path: &str| stage.plan.units.iter().position(|unit| unit.name == path);
            let Some(unit) = event.unit().and_then(is_it) else { continue };
            let beats = matches!(said, Said::Unresponsive { .. } | Said::Responsive);
            if beats || stage.plan.units[unit].heartbeat.is_some() {
                stage.record.note(Entry::Event(unit, said));
            }
        }
        stage.record.expect(events.missed() == 0, || "V1: events are missed".to_owned());
    });
}

/// How much has happened: that somebody beats goes on and on, whatever does not.
pub fn apart_from(notes: &[Note]) -> usize {
    notes.iter().filter(|note| !matches!(note.entry, Entry::Of(_, What::Beat { .. }))).count()
}

/// Whether a unit waits for its silence to be noticed.
pub(super) fn somebody_is_silent(notes: &[Note]) -> bool {
    let silent = notes.iter().fold(0, |count, note| match &note.entry {
        Entry::Of(_, What::SilentIn { .. }) => count + 1,
        Entry::Of(_, What::SilentOut { .. }) => count - 1,
        _ => count,
    });
    silent > 0
}

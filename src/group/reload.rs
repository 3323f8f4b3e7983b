//! Reading the settings again while the program runs (F10): all or nothing, then the units are told.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded, select};

use super::config::{Environment, call, config_units};
use super::shared::Shared;
use crate::error::{ConfigErrors, Error, ErrorKind};
use crate::event::Event;
use crate::failure::{self, Failure, Phase};
use crate::flags::{Candidate, Kept, Reloaded, Replaced, Table};
use crate::handle::Control as _;
use crate::panic;
use crate::stop::StopToken;
use crate::supervisor::denies;
use crate::sync::Mutex;
use crate::thread::{self, Place};

/// What the config phase leaves for reloads.
pub(super) struct Loaded {
    table: Table,
    kept: Kept,
    env: Environment,
    /// One reload at a time: what one keeps aside in the flags is not another's. The right to reload
    /// is one message that goes round, and not a lock: callbacks are called meanwhile, and who waits
    /// for it has to hear of a stop as well.
    give_back: Sender<()>,
    right: Receiver<()>,
}

impl Loaded {
    pub(super) fn new(table: Table, kept: Kept, env: Environment) -> Self {
        let (give_back, right) = bounded(1);
        let _ = give_back.send(()); // there is room for it, and for no second
        Self { table, kept, env, give_back, right }
    }

    /// Waits for the right to reload; none once the group is to stop.
    fn turn(&self, stop: &StopToken) -> Option<Turn<'_>> {
        if stop.is_stopped() {
            return None;
        }
        select! {
            recv(self.right) -> _ => (!stop.is_stopped()).then_some(Turn(self)),
            recv(stop.receiver()) -> _ => None,
        }
    }
}

/// Where it is, from the config phase to the end of the run.
#[derive(Default)]
pub(super) struct Reloads(Mutex<Option<Arc<Loaded>>>);

impl Reloads {
    pub(super) fn begin(&self, loaded: Loaded) {
        *self.0.lock() = Some(Arc::new(loaded));
    }

    /// Forgets what the flags were read from. The program's checks are in it, which may hold a
    /// handle of the group.
    pub(super) fn end(&self) {
        let loaded = self.0.lock().take();
        drop(loaded);
    }
}

/// The right to reload, until it is dropped.
struct Turn<'r>(&'r Loaded);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let _ = self.0.give_back.send(());
    }
}

impl Shared {
    /// See `GroupHandle::reload`.
    pub(super) fn read_again(&self) -> Result<Reloaded, Error> {
        let place = Place::Reload { run: self.id };
        if thread::is_at(|at| at == place) {
            let why = "a reload cannot be asked for while one calls this unit";
            return Err(Error::new(ErrorKind::WouldDeadlock, why));
        }
        let over = || Error::new(ErrorKind::Stopped, "the run is over, or about to be");
        if self.stop.is_set() {
            return Err(over());
        }
        let Some(loaded) = self.reloads.0.lock().clone() else {
            let why = "the settings have not been read yet";
            return Err(Error::new(ErrorKind::NotConfigured, why));
        };
        let Some(_turn) = loaded.turn(self.stop_token()) else { return Err(over()) };
        let _here = thread::enter(place);
        let units = config_units(&self.registry.lock());
        let is_present = |unit: &str| units.iter().any(|(name, _)| **name == *unit);
        let env = |name: &str| loaded.env.variable(name);
        let candidate = loaded.table.prepare(&loaded.kept, &env, &is_present);
        let settled = candidate.and_then(|candidate| self.ask_units(candidate));
        match settled {
            Ok((reloaded, old)) => self.tell_units(reloaded, old),
            Err(problems) => {
                let error = Error::config(ErrorKind::Config, problems);
                self.publisher.publish(&Event::ReloadRefused { error: error.clone() });
                Err(error)
            }
        }
    }

    /// Every unit has its say; if none objects the new values are set.
    fn ask_units(
        &self,
        mut candidate: Candidate<'_>,
    ) -> Result<(Reloaded, Vec<Replaced>), ConfigErrors> {
        let units = config_units(&self.registry.lock());
        let mut problems = ConfigErrors::new();
        for (name, unit) in units {
            let ask = call(&name, "validate_reload", &*unit, |config| {
                config.validate_reload(&candidate.new)
            });
            if let Err(found) = ask {
                problems.append(found);
            }
        }
        problems.into_result()?;
        for text in std::mem::take(&mut candidate.warnings) {
            self.publisher.publish(&Event::Warning { text });
        }
        Ok(candidate.commit())
    }

    /// The new values are set: every unit may act on them.
    fn tell_units(&self, reloaded: Reloaded, old: Vec<Replaced>) -> Result<Reloaded, Error> {
        self.publisher.publish(&Event::Reloaded { changed: reloaded.changed().into() });
        for flag in reloaded.needs_restart() {
            let text = format!("flag '--{flag}' has changed, which needs a restart");
            self.publisher.publish(&Event::Warning { text });
        }
        let mut failures: Vec<Failure> = Vec::new();
        for Replaced { flag, unit, value } in old {
            if let Err(panic) = panic::catch(|| drop(value)) {
                let why = format!("the drop of the old value of {flag} {panic}");
                failures.push(Failure::error(unit.into(), Phase::Reload, why.into()));
            }
        }
        let units = config_units(&self.registry.lock());
        for (name, unit) in units {
            let result = failure::call(&name, Phase::Reload, || match unit.as_config() {
                Some(config) => config.reload(),
                None => Err(denies("unit with flags")),
            });
            failures.extend(result.err());
        }
        for failure in &failures {
            self.publisher.publish(&Event::CallbackFailed { failure: failure.clone() });
        }
        if failures.is_empty() {
            return Ok(reloaded);
        }
        let failures: Vec<String> = failures.iter().map(ToString::to_string).collect();
        let why = format!("the new settings are in effect, but {}", failures.join("; "));
        Err(Error::new(ErrorKind::Failed, why))
    }
}

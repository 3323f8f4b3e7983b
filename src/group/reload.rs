//! Reading the settings again while the program runs (F10): all or nothing, then the units are told.

use std::sync::Arc;

use super::config::{Environment, call, config_units};
use super::shared::Shared;
use crate::error::{ConfigErrors, Error, ErrorKind};
use crate::event::Event;
use crate::failure::{self, Failure, Phase};
use crate::flags::{Candidate, Kept, Reloaded, Table};
use crate::supervisor::denies;
use crate::sync::{Monitor, Mutex};
use crate::thread::{self, Place};

/// What the config phase leaves for reloads.
pub(super) struct Loaded {
    pub(super) table: Table,
    pub(super) kept: Kept,
    pub(super) env: Environment,
}

/// One reload at a time: what one keeps aside in the flags is not another's.
#[derive(Default)]
pub(super) struct Reloads {
    loaded: Mutex<Option<Arc<Loaded>>>,
    /// Whether there is one under way. No lock is held meanwhile, as callbacks are called.
    busy: Monitor<bool>,
}

impl Reloads {
    pub(super) fn begin(&self, loaded: Loaded) {
        *self.loaded.lock() = Some(Arc::new(loaded));
    }

    fn turn(&self) -> Turn<'_> {
        let mut busy = self.busy.wait_while(|busy| *busy); // `Turn` tells when it is over
        *busy = true;
        Turn(self)
    }
}

/// The right to reload, until it is dropped.
struct Turn<'r>(&'r Reloads);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.busy.lock() = false;
        self.0.busy.notify_all();
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
        let Some(loaded) = self.reloads.loaded.lock().clone() else {
            let why = "the settings have not been read yet";
            return Err(Error::new(ErrorKind::NotConfigured, why));
        };
        let _turn = self.reloads.turn();
        let _here = thread::enter(place);
        if self.stop.is_set() {
            return Err(Error::new(ErrorKind::Stopped, "the run is over, or about to be"));
        }
        let candidate = loaded.table.prepare(&loaded.kept, &|name| loaded.env.variable(name));
        let settled = candidate.and_then(|candidate| self.ask_units(candidate));
        match settled {
            Ok(reloaded) => self.tell_units(reloaded),
            Err(problems) => {
                let error = Error::config(ErrorKind::Config, problems);
                self.publisher.publish(&Event::ReloadRefused { error: error.clone() });
                Err(error)
            }
        }
    }

    /// Every unit has its say; if none objects the new values are set.
    fn ask_units(&self, candidate: Candidate<'_>) -> Result<Reloaded, ConfigErrors> {
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
        problems.into_result().map(|()| candidate.commit())
    }

    /// The new values are set: every unit may act on them.
    fn tell_units(&self, reloaded: Reloaded) -> Result<Reloaded, Error> {
        self.publisher.publish(&Event::Reloaded { changed: reloaded.changed().into() });
        for flag in reloaded.needs_restart() {
            let text = format!("flag '--{flag}' has changed, which needs a restart");
            self.publisher.publish(&Event::Warning { text });
        }
        let units = config_units(&self.registry.lock());
        let mut failures: Vec<Failure> = Vec::new();
        for (name, unit) in units {
            let result = failure::call(&name, Phase::Reload, || match unit.as_config() {
                Some(config) => config.reload(),
                None => Err(denies("unit with flags")),
            });
            if let Err(failure) = result {
                self.publisher.publish(&Event::CallbackFailed { failure: failure.clone() });
                failures.push(failure);
            }
        }
        if failures.is_empty() {
            return Ok(reloaded);
        }
        let failures: Vec<String> = failures.iter().map(ToString::to_string).collect();
        let why = format!("the new settings are in effect, but {}", failures.join("; "));
        Err(Error::new(ErrorKind::Failed, why))
    }
}

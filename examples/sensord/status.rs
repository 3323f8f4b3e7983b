//! The unit that logs how all the others are. It is in the background: it keeps nobody alive, and stops
//! last.

use std::time::Duration;

use rungroup::{BoxError, Config, Flag, FlagSet, ServeContext, Service, Unit};

pub(crate) struct Status {
    every: Flag<Duration>,
}

impl Status {
    pub(crate) fn new() -> Self {
        let help = "How often the state of all units is logged; 0 is never.";
        Self { every: Flag::new("status-every", Duration::ZERO, help) }
    }
}

impl Unit for Status {
    fn name(&self) -> &'static str {
        "status"
    }

    fn as_config(&self) -> Option<&dyn Config> {
        Some(self)
    }

    fn as_service(&self) -> Option<&dyn Service> {
        Some(self)
    }
}

impl Config for Status {
    fn flag_set(&self) -> FlagSet {
        FlagSet::new("Status").add(&self.every)
    }
}

impl Service for Status {
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        let every = *self.every.get();
        if every.is_zero() {
            ctx.stopped().wait();
        }
        while ctx.sleep(every) {
            log::info!("status:\n{}", ctx.handle().snapshot());
        }
        Ok(())
    }
}

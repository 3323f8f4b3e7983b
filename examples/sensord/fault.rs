//! Faults on demand: [`Faulty`] wraps a unit and does to it what `--fault` says, so that anybody can see
//! what the group makes of it. The units know nothing of it but [`point`], a line in their work where a
//! fault may strike, as real ones do: with a reading in the hand, or a connection open.

use std::cell::Cell;
use std::thread;
use std::time::{Duration, Instant};

use rungroup::{
    BoxError, Config, ConfigErrors, Flag, FlagSet, PreRunner, ServeContext, Service, Unit,
    flag_value,
};

use crate::limits::Limits;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    Error,
    Panic,
    Hang,
    SlowStop,
    NeverReady,
}

flag_value!(Fault {
    "none" => Fault::None,
    "error" => Fault::Error,
    "panic" => Fault::Panic,
    "hang" => Fault::Hang,
    "slow-stop" => Fault::SlowStop,
    "never-ready" => Fault::NeverReady,
});

/// Whom it can strike, by their paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Spool,
    Temperature,
    Humidity,
    Gps,
    Session,
    Sender,
}

flag_value!(Target {
    "spool" => Target::Spool,
    "temperature" => Target::Temperature,
    "humidity" => Target::Humidity,
    "gps" => Target::Gps,
    "uplink/session" => Target::Session,
    "uplink/sender" => Target::Sender,
});

/// The flags, as a unit; a clone is another handle to the same ones.
#[derive(Clone)]
pub(crate) struct Faults {
    fault: Flag<Fault>,
    unit: Flag<Option<Target>>,
    after: Flag<Duration>,
    times: Flag<u32>,
    stop_timeout: Flag<Duration>,
}

impl Faults {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            fault: Flag::new(
                "fault",
                Fault::None,
                "What happens to the unit of --fault-unit.\n\n\
                 'slow-stop' takes half of --stop-timeout to stop.",
            )
            .value_name("FAULT"),
            unit: Flag::new("fault-unit", None, "The unit that it happens to.").value_name("UNIT"),
            after: Flag::new(
                "fault-after",
                Duration::from_secs(1),
                "How long the unit works well, each time that it starts.",
            ),
            times: Flag::new(
                "fault-times",
                1_u32,
                "How often it happens; when it starts once more it works well.",
            ),
            stop_timeout: limits.stop().clone(),
        }
    }

    pub(crate) fn wrap<U: Unit>(&self, target: Target, unit: U) -> Faulty<U> {
        Faulty { unit, target, faults: self.clone() }
    }

    /// What is to happen in this life of a unit.
    fn strikes(&self, target: Target, attempt: u32) -> Fault {
        let strikes = *self.unit.get() == Some(target) && attempt <= *self.times.get();
        if strikes { *self.fault.get() } else { Fault::None }
    }
}

impl Unit for Faults {
    fn name(&self) -> &'static str {
        "faults"
    }

    fn as_config(&self) -> Option<&dyn Config> {
        Some(self)
    }
}

impl Config for Faults {
    fn flag_set(&self) -> FlagSet {
        FlagSet::new("Faults").add(&self.fault).add(&self.unit).add(&self.after).add(&self.times)
    }

    fn validate(&self) -> Result<(), ConfigErrors> {
        if *self.fault.get() != Fault::None && self.unit.get().is_none() {
            Err(self.fault.invalid("needs --fault-unit as well"))?;
        }
        Ok(())
    }
}

/// A unit to which a fault may happen.
pub(crate) struct Faulty<U> {
    unit: U,
    target: Target,
    faults: Faults,
}

impl<U: Unit> Unit for Faulty<U> {
    fn name(&self) -> &str {
        self.unit.name()
    }

    fn as_config(&self) -> Option<&dyn Config> {
        self.unit.as_config()
    }

    fn as_pre_runner(&self) -> Option<&dyn PreRunner> {
        self.unit.as_pre_runner()
    }

    fn as_service(&self) -> Option<&dyn Service> {
        self.unit.as_service().map(|_| self as &dyn Service)
    }
}

impl<U: Unit> Service for Faulty<U> {
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        let service = self.unit.as_service().ok_or("it was a service")?;
        let fault = self.faults.strikes(self.target, ctx.attempt());
        match fault {
            Fault::NeverReady => {
                ctx.stopped().wait();
                Ok(())
            }
            Fault::SlowStop => {
                let result = service.serve(ctx);
                thread::sleep(*self.faults.stop_timeout.get() / 2);
                result
            }
            Fault::None | Fault::Error | Fault::Panic | Fault::Hang => {
                STRIKE.set(Some((fault, Instant::now() + *self.faults.after.get())));
                service.serve(ctx)
            }
        }
    }

    fn graceful_stop(&self) -> Result<(), BoxError> {
        self.unit.as_service().map_or(Ok(()), Service::graceful_stop)
    }

    fn declares_ready(&self) -> bool {
        let never = self.faults.strikes(self.target, 1) == Fault::NeverReady;
        never || self.unit.as_service().is_some_and(Service::declares_ready)
    }
}

thread_local! {
    /// What is to happen to the unit that serves on this thread, and from when on.
    static STRIKE: Cell<Option<(Fault, Instant)>> = const { Cell::new(None) };
}

/// Where a fault may strike: a unit comes here once in each round of its work.
pub(crate) fn point() -> Result<(), BoxError> {
    let due = STRIKE.get().filter(|(_, from)| Instant::now() >= *from);
    match due.map(|(fault, _)| fault) {
        Some(Fault::Error) => Err("a fault was asked for".into()),
        Some(Fault::Panic) => panic!("a fault was asked for"),
        // As a driver does that never returns: deaf to the stop, and without a heartbeat.
        Some(Fault::Hang) => loop {
            thread::park();
        },
        _ => Ok(()),
    }
}

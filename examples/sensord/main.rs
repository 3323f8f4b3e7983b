//! A daemon as it runs on a small box in the field: sensors that fail now and then, a spool on the
//! disk, an uplink that ships what is in it. Everything can be seen failing:
//!
//! ```text
//! cargo run --release --example sensord -- --spool-dir /tmp/sensord --log-level debug
//! cargo run --release --example sensord -- --fault hang --fault-unit gps     # then Ctrl-C
//! cargo run --release --example sensord -- --fault panic --fault-unit uplink/session
//! ```
//!
//! `--fault` is one of `error`, `panic`, `hang`, `slow-stop`, `never-ready`; it strikes the unit after
//! `--fault-after`, in the first `--fault-times` of its lives. `--status-every 1s` logs how all units
//! are. In the end it prints the report: who was restarted, who failed, who took how long to stop. Every
//! flag can be given in the environment too (`SENSORD_FAULT=hang`), and, where the crate is built with
//! `--all-features`, in a file: `--config examples/sensord/sensord.toml`.
//!
//! ```text
//! temperature ─┐
//! humidity ────┼─► channel ─► spool ─► readings.log ─► uplink/sender ─► uplink/session ─► TCP
//! gps ─────────┘
//! ```
//!
//! What to look at, in this order:
//!
//! - this file: who comes after whom, who starts again and how often, who has to be heard of.
//! - `sensor`: the plainest unit: sleep, heartbeat, read, hand over. Each life opens its device anew.
//! - `spool`: what was accepted is written: at the stop, and when the spool itself fails with a
//!   reading in its hand.
//! - `uplink`, `session`, `sender`: a group with flags, a deadline and a strategy of its own: where the
//!   connection is lost both start again, and nobody else notices.
//! - `fault`: a wrapper around a unit, which the unit knows nothing of.
//! - `limits`: time limits that are flags, for `stop_timeout`, `start_timeout` and `heartbeat`.

// The program reads the clock itself, and prints: the lints are about the library.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

mod device;
mod fault;
mod limits;
mod sender;
mod sensor;
mod session;
mod sink;
mod spool;
mod spool_file;
mod status;
mod uplink;

use std::process::ExitCode;
use std::time::Duration;

use rungroup::{Backoff, Group, Logging, Restart, Signals, channel};

use crate::device::Kind;
use crate::fault::{Faults, Target};
use crate::limits::Limits;
use crate::sensor::Sensor;
use crate::spool::Spool;
use crate::status::Status;

/// So many readings wait for the spool before the sensors do.
const WAITING: usize = 64;

fn main() -> ExitCode {
    let limits = Limits::new();
    let faults = Faults::new(&limits);
    let (readings, incoming) = channel::bounded(WAITING);
    let spool = Spool::new(incoming, &limits);
    let uplink = uplink::group(&spool, &limits, &faults);

    let mut group = Group::new("sensord")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Reads sensors, keeps what they say, and ships it.")
        .env_prefix("SENSORD"); // and 30s for the end of all, which the limits of the units stay below
    group.register(Signals::new());
    group.register(Logging::new());
    group.register(limits.clone());
    group.register(faults.clone());
    group.register(Status::new()).background();

    let pause = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(5));
    let restart = Restart::on_failure().backoff(pause);
    let spool = group
        .register(faults.wrap(Target::Spool, spool))
        .restart(restart.clone())
        .start_timeout(limits.start())
        .stop_timeout(limits.stop())
        .heartbeat(limits.heartbeat())
        .id();
    let sensors = [
        (Kind::Temperature, Target::Temperature, restart.clone()),
        // Its cable is loose: that is no reason to give up the others.
        (Kind::Humidity, Target::Humidity, restart.clone().unlimited()),
        (Kind::Gps, Target::Gps, restart),
    ];
    for (kind, target, restart) in sensors {
        let sensor = Sensor::new(kind, readings.clone(), &limits);
        group
            .register(faults.wrap(target, sensor))
            .after(spool) // so the spool is told to stop when no sensor has anything to hand over
            .restart(restart)
            .start_timeout(limits.start())
            .stop_timeout(limits.stop()) // one that hangs holds up the spool for so long, and no longer
            .heartbeat(limits.heartbeat());
    }
    // After nobody: it reads a file, and what it has not shipped by the end is shipped next time.
    group.register(uplink);

    group.main_with(|report| println!("{report}"))
}

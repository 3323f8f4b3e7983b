//! The group "uplink": a session, which has the connection, and a sender, which writes to it. One is
//! nothing without the other, so both start again when one of them fails; the sensors and the spool do
//! not notice. It is not given up: a box in the field waits until the other side is there again.
//!
//! Its flags begin with its name: `--uplink-host`, `--uplink-stop-timeout`.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rungroup::{Backoff, BoxError, Group, Restart, ServeContext, Strategy};

use crate::fault::{Faults, Target};
use crate::limits::Limits;
use crate::sender::Sender;
use crate::session::Session;
use crate::spool::Spool;

/// The connection, while there is one.
pub(crate) type Link = Arc<Mutex<Option<Arc<TcpStream>>>>;

/// One event can be both: the connection breaks, and the program is told to end. Which of the two comes here
/// first is chance, and it takes no longer than this from the one to the other.
const A_MOMENT: Duration = Duration::from_millis(100);

/// A connection that breaks while the program ends, or just before, is no failure: nobody needs a new
/// one, and what was not shipped is shipped when it runs again. (A unit that waits for its turn under
/// `after` has not been told yet; the run has.)
pub(crate) fn unless_ending(
    ctx: &ServeContext,
    result: Result<(), BoxError>,
) -> Result<(), BoxError> {
    match result {
        Err(error) if ctx.handle().stopped().wait_timeout(A_MOMENT).is_some() => {
            log::warn!("the uplink has broken while the program ends: {error}");
            Ok(())
        }
        result => result,
    }
}

pub(crate) fn group(spool: &Spool, limits: &Limits, faults: &Faults) -> Group {
    let link = Link::default();
    let session = Session::new(link.clone(), limits);
    let sender = Sender::new(link, spool, limits);

    let mut group = Group::new("uplink")
        .strategy(Strategy::one_for_all().unlimited())
        .stop_timeout(session.stop_timeout());
    let pause = Backoff::exponential(Duration::from_millis(200), Duration::from_secs(10));
    let restart = Restart::on_failure().backoff(pause);
    let session = group
        .register(faults.wrap(Target::Session, session))
        .restart(restart.clone())
        .start_timeout(limits.start())
        .stop_timeout(limits.stop())
        .heartbeat(limits.heartbeat())
        .id();
    group
        .register(faults.wrap(Target::Sender, sender))
        .after(session)
        .restart(restart)
        .start_timeout(limits.start())
        .stop_timeout(limits.stop())
        .heartbeat(limits.heartbeat());
    group
}

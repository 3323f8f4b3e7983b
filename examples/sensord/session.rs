//! The unit that connects and watches the connection. When the other side ends it that is an error, and
//! the next life connects again.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rungroup::{BoxError, Config, Flag, FlagSet, Readable, ServeContext, Service, Unit};

use crate::fault;
use crate::limits::{Limits, not_zero};
use crate::sink;
use crate::uplink::{Link, unless_ending};

/// Nothing can end a connect that is under way, so it must not take long: less than a stop may.
const CONNECT: Duration = Duration::from_secs(1);

pub(crate) struct Session {
    host: Flag<Option<SocketAddr>>,
    stop_timeout: Flag<Duration>,
    limits: Limits,
    link: Link,
}

impl Session {
    pub(crate) fn new(link: Link, limits: &Limits) -> Self {
        Self {
            host: Flag::new(
                "host",
                None,
                "Where the readings are shipped to, as lines over TCP.\n\n\
                 `nc -lk 9000` is one who takes them. Without it they go to a sink in the program.",
            ),
            stop_timeout: Flag::new(
                "stop-timeout",
                Duration::from_secs(2),
                "How long the uplink may take to stop.",
            )
            .check(not_zero),
            limits: limits.clone(),
            link,
        }
    }

    /// That of the group.
    pub(crate) fn stop_timeout(&self) -> &Flag<Duration> {
        &self.stop_timeout
    }

    fn run(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        let stream = Arc::new(self.connect(ctx)?);
        *self.link.lock() = Some(stream.clone());
        ctx.ready(); // the sender, which comes after it, finds the connection there
        self.watch(ctx, &stream)
    }

    fn connect(&self, ctx: &ServeContext) -> Result<TcpStream, BoxError> {
        let host = match *self.host.get() {
            Some(host) => host,
            None => {
                let listener = TcpListener::bind("127.0.0.1:0")?;
                let host = listener.local_addr()?;
                ctx.spawn("sink", move |ctx| sink::drain(&ctx, &listener))?;
                host
            }
        };
        let stream = TcpStream::connect_timeout(&host, CONNECT)
            .map_err(|error| format!("cannot connect to {host}: {error}"))?;
        log::info!("the uplink to {host} is there");
        Ok(stream)
    }

    fn watch(&self, ctx: &ServeContext, mut stream: &TcpStream) -> Result<(), BoxError> {
        let mut said = [0; 512];
        loop {
            ctx.heartbeat();
            fault::point()?;
            match ctx.wait_readable(stream, Some(self.limits.beat()))? {
                Readable::Stopped => return Ok(()),
                Readable::Ready if stream.read(&mut said)? == 0 => {
                    return Err("the other side has ended the connection".into());
                }
                Readable::Ready | Readable::TimedOut => {} // what it says does not matter
            }
        }
    }
}

impl Unit for Session {
    fn name(&self) -> &'static str {
        "session"
    }

    fn as_config(&self) -> Option<&dyn Config> {
        Some(self)
    }

    fn as_service(&self) -> Option<&dyn Service> {
        Some(self)
    }
}

impl Config for Session {
    fn flag_set(&self) -> FlagSet {
        FlagSet::new("Uplink").add(&self.host).add(&self.stop_timeout)
    }
}

impl Service for Session {
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        unless_ending(ctx, self.run(ctx))
    }

    fn declares_ready(&self) -> bool {
        true
    }
}

//! The unit that ships what is in the spool over the session's connection. How far it has come stands in
//! a file beside the spool: what was not shipped by the end is shipped when the program runs again. What
//! the other side has not read when the connection breaks is still in the spool, but not sent twice.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::{Receiver, select};
use rungroup::{BoxError, Flag, ServeContext, Service, Unit};

use crate::fault;
use crate::limits::Limits;
use crate::spool::Spool;
use crate::spool_file::read_from;
use crate::uplink::{Link, unless_ending};

/// The other side may not read. Nothing can end a write that is under way, so it must not take long.
const WRITE: Duration = Duration::from_secs(1);

pub(crate) struct Sender {
    link: Link,
    dir: Flag<PathBuf>,
    bell: Receiver<()>,
    limits: Limits,
}

impl Sender {
    pub(crate) fn new(link: Link, spool: &Spool, limits: &Limits) -> Self {
        Self { link, dir: spool.dir().clone(), bell: spool.bell(), limits: limits.clone() }
    }

    fn ship(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        let stream = self.link.lock().clone().ok_or("there is no session")?;
        stream.set_write_timeout(Some(WRITE))?;
        let mut position = Position::load(self.dir.get())?;
        while !ctx.stopped().is_stopped() {
            ctx.heartbeat();
            fault::point()?;
            let lines = read_from(self.dir.get(), position.bytes)?;
            if !lines.is_empty() {
                (&*stream).write_all(&lines)?;
                position.advance(lines.len())?;
                continue;
            }
            select! {
                recv(self.bell) -> _ => {}
                recv(ctx.stopped().receiver()) -> _ => {}
                default(self.limits.beat()) => {}
            }
        }
        Ok(())
    }
}

impl Unit for Sender {
    fn name(&self) -> &'static str {
        "sender"
    }

    fn as_service(&self) -> Option<&dyn Service> {
        Some(self)
    }
}

impl Service for Sender {
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        unless_ending(ctx, self.ship(ctx))
    }
}

/// How many bytes of the spool are shipped.
struct Position {
    path: PathBuf,
    bytes: u64,
}

impl Position {
    fn load(dir: &Path) -> Result<Self, BoxError> {
        let path = dir.join("shipped");
        let bytes = match fs::read_to_string(&path) {
            Ok(text) => {
                text.trim().parse().map_err(|_| format!("{}: no number", path.display()))?
            }
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { path, bytes })
    }

    /// By a rename, so that there is always a whole number in it.
    fn advance(&mut self, by: usize) -> Result<(), BoxError> {
        self.bytes += by as u64;
        let new = self.path.with_extension("new");
        fs::write(&new, format!("{}\n", self.bytes))?;
        Ok(fs::rename(&new, &self.path)?)
    }
}

//! The unit that listens: a thread for each connection, up to `--max-clients`. A client can have the
//! settings read again.
//!
//! When it is told to stop, every connection's thread sees that by itself and answers what it has.
//! One that cannot get rid of its answers, because its client does not read, would wait for ever:
//! when half of `--drain-timeout` has passed its socket is shut down under it. The other half is for
//! the storage.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rungroup::{
    BoxError, Bytes, Closer, Config, Error, ErrorKind, Flag, FlagSet, GroupHandle, Live, PreRunner,
    RunContext, RunningOwned, ServeContext, Service, Unit,
};

use crate::commands::About;
use crate::connection::Connection;
use crate::queue::Queue;
use crate::resp::Reply;
use crate::storage::{Settings, Storage};

pub(crate) struct Server {
    listen: Flag<SocketAddr>,
    max_clients: Live<usize>,
    max_request: Flag<Bytes>,
    drain_timeout: Flag<Duration>,
    storage_settings: Settings,
    queue: Queue,
    clients: Arc<Clients>,
    /// Put here by pre-run, taken by the service, which closes it before it drains.
    listener: Mutex<Option<TcpListener>>,
}

impl Server {
    pub(crate) fn new(storage: &Storage) -> Self {
        Self {
            listen: Flag::new(
                "listen",
                ([127, 0, 0, 1], 6380),
                "Where to listen.\n\n\
                 Port 0 takes a free one, and the log says which. There is no password: whoever can \
                 connect can do everything.",
            ),
            max_clients: Flag::new(
                "max-clients",
                1000,
                "How many clients may be connected at once.\n\n\
                 A reload changes it for those that come; nobody is sent away.",
            )
            .check(|&most: &usize| (most > 0).then_some(()).ok_or("needs at least 1"))
            .live(),
            // A record of the file has a length of four bytes.
            max_request: Flag::new(
                "max-request",
                Bytes::mib(64),
                "End a connection that sends a longer request.",
            )
            .check(|most: &Bytes| {
                let is_fine = (Bytes::new(64)..=Bytes::gib(1)).contains(most);
                is_fine.then_some(()).ok_or("needs to be from 64 bytes to 1 GiB")
            }),
            drain_timeout: Flag::new(
                "drain-timeout",
                Duration::from_secs(10),
                "How long an end that was asked for may take.\n\n\
                 Clients that do not read their replies get half of it.",
            )
            .check(|limit: &Duration| {
                (!limit.is_zero()).then_some(()).ok_or("needs to be more than 0")
            }),
            storage_settings: storage.settings(),
            queue: storage.queue(),
            clients: Arc::default(),
            listener: Mutex::new(None),
        }
    }

    /// Bounds the whole group's stop.
    pub(crate) fn drain_timeout(&self) -> &Flag<Duration> {
        &self.drain_timeout
    }

    fn about(&self, group: GroupHandle) -> About {
        let (storage, max_clients) = (self.storage_settings.clone(), self.max_clients.clone());
        let max_request = self.max_request.get().get();
        let settings = move || {
            let mut settings = storage.named();
            settings.push(("maxclients", max_clients.get().to_string()));
            settings.push(("proto-max-bulk-len", max_request.to_string()));
            settings
        };
        // On the connection's thread: whoever asked waits for the answer, and nobody else does.
        let reload = move || match group.reload() {
            Ok(_) => Reply::OK,
            Err(error) => {
                Reply::Error(format!("ERR CONFIG RELOAD failed: {}", in_one_line(&error)))
            }
        };
        let clients = self.clients.clone();
        let info = move || {
            let (version, pid) = (env!("CARGO_PKG_VERSION"), std::process::id());
            let connected = clients.present.running();
            format!(
                "# Server\r\nkvd_version:{version}\r\nprocess_id:{pid}\r\n\r\n\
                 # Clients\r\nconnected_clients:{connected}\r\n\r\n"
            )
        };
        About { settings: Box::new(settings), reload: Box::new(reload), info: Box::new(info) }
    }

    /// Gives the connection a thread, if there is room.
    fn admit(&self, ctx: &ServeContext, stream: TcpStream, about: &Arc<About>) {
        let stream = Arc::new(stream);
        let Some(seat) = self.clients.sit_down(&stream, *self.max_clients.get()) else {
            return refuse(&stream, "max number of clients reached");
        };
        let Some(storage) = self.queue.connect() else {
            return refuse(&stream, "the server is shutting down");
        };
        let (about, max_request) = (about.clone(), self.max_request());
        let accepted = stream.clone();
        let spawned = ctx.spawn("conn", move |ctx| {
            let _seat = seat;
            // Small replies go out at once, not when the last ones are acknowledged.
            let result = accepted.set_nodelay(true).and_then(|()| {
                Connection::new(&accepted, storage, &about, max_request).serve(&ctx)
            });
            if let Err(error) = result {
                log::debug!("a connection has ended: {error}");
            }
        });
        if let Err(error) = spawned {
            log::warn!("a connection is refused: {error}");
            refuse(&stream, "no thread for another client");
        }
    }

    fn max_request(&self) -> usize {
        self.max_request.get().to_usize()
    }
}

impl Unit for Server {
    fn name(&self) -> &'static str {
        "server"
    }

    fn as_config(&self) -> Option<&dyn Config> {
        Some(self)
    }

    fn as_pre_runner(&self) -> Option<&dyn PreRunner> {
        Some(self)
    }

    fn as_service(&self) -> Option<&dyn Service> {
        Some(self)
    }
}

impl Config for Server {
    fn flag_set(&self) -> FlagSet {
        FlagSet::new("Server")
            .add(&self.listen)
            .add(&self.max_clients)
            .add(&self.max_request)
            .add(&self.drain_timeout)
    }
}

impl PreRunner for Server {
    fn pre_run(&self, _ctx: &RunContext) -> Result<(), BoxError> {
        let address = self.listen.get();
        let listener = TcpListener::bind(address)
            .map_err(|error| format!("cannot listen on {address}: {error}"))?;
        // Port 0 is any free one: this line says which.
        log::info!("listening on {}", listener.local_addr()?);
        *self.listener.lock() = Some(listener);
        Ok(())
    }
}

impl Service for Server {
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        let listener = self.listener.lock().take().ok_or("serving without a pre-run")?;
        let about = Arc::new(self.about(ctx.handle().clone()));
        while let Some((stream, _)) = ctx.accept(&listener)? {
            self.admit(ctx, stream, &about);
        }
        drop(listener);
        self.clients.present.close();
        if let Err(still) = self.clients.present.wait_timeout(*self.drain_timeout.get() / 2) {
            let count = still.count();
            log::warn!("half of the drain timeout has passed, connections that are cut: {count}");
            self.clients.shut_down_all();
        }
        Ok(())
    }
}

/// Who is connected.
#[derive(Default)]
struct Clients {
    present: Closer,
    streams: Mutex<BTreeMap<u64, Arc<TcpStream>>>,
    /// Relaxed: unique numbers, nothing is published by them.
    next: AtomicU64,
}

impl Clients {
    /// `None` if all seats are taken.
    fn sit_down(self: &Arc<Self>, stream: &Arc<TcpStream>, seats: usize) -> Option<Seat> {
        let mut streams = self.streams.lock();
        if streams.len() >= seats {
            return None;
        }
        let present = self.present.add_running_owned()?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        streams.insert(number, stream.clone());
        Some(Seat { clients: self.clone(), number, _present: present })
    }

    /// Reads and writes of all of them end at once.
    fn shut_down_all(&self) {
        for stream in self.streams.lock().values() {
            let _ = stream.shutdown(Shutdown::Both); // it may have ended just now
        }
    }
}

/// A connection's place; dropping it leaves.
struct Seat {
    clients: Arc<Clients>,
    number: u64,
    _present: RunningOwned,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.clients.streams.lock().remove(&self.number);
    }
}

/// All problems of a reload, as an error reply has no room for lines.
fn in_one_line(error: &Error) -> String {
    let one = |problem: String| problem.lines().map(str::trim).collect::<Vec<_>>().join(", ");
    if error.kind() != ErrorKind::Config {
        return one(error.to_string());
    }
    let problems: Vec<String> =
        error.problems().iter().map(|problem| one(problem.to_string())).collect();
    format!("the old settings stay: {}", problems.join("; "))
}

/// Says why and closes, without waiting for anything: this is the accepting thread.
fn refuse(mut stream: &TcpStream, why: &str) {
    let mut bytes = Vec::new();
    let written = Reply::Error(format!("ERR {why}")).write_to(&mut bytes);
    // Non-blocking; an empty socket takes so few bytes. What the client has sent already is read,
    // since closing over it would reset the connection and with it our words.
    let _ = written
        .and_then(|()| stream.set_nonblocking(true))
        .and_then(|()| stream.write_all(&bytes))
        .and_then(|()| stream.shutdown(Shutdown::Write))
        .and_then(|()| stream.read(&mut [0; 4096]));
}

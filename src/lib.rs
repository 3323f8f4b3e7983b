//! The life of a blocking program: flags, pre-run, serve, graceful stop, join. On OS threads, without
//! an async runtime.
//!
//! A program hands its parts, the **units**, to a [`Group`]. The group gathers their flags, parses and
//! validates them, runs their pre-runs in order, serves each service on a thread of its own, waits for
//! the first one to stop, stops all the others, joins their threads, and says what happened.
//!
//! # Ten lines
//!
//! ```no_run
//! use rungroup::{Group, Signals, service_fn};
//! use std::{process::ExitCode, time::Duration};
//!
//! fn main() -> ExitCode {
//!     let mut group = Group::new("ticker").version(env!("CARGO_PKG_VERSION"));
//!     group.register(Signals::new()); // Ctrl-C, from here on
//!     group.register(service_fn("tick", |ctx| {
//!         while ctx.sleep(Duration::from_secs(1)) {
//!             println!("tick");
//!         }
//!         Ok(()) // told to stop: nothing else to do
//!     }));
//!     group.main() // --help, errors on stderr, the exit code: all done
//! }
//! ```
//!
//! # A unit
//!
//! What is more than a closure implements [`Unit`], and says by its `as_…` methods which phases it
//! takes part in: [`Config`] for flags, [`PreRunner`] for what is to be done before anything serves,
//! [`Service`] for serving, [`Role`] for a role. This server has the first three:
//!
#![cfg_attr(feature = "net", doc = "```")]
#![cfg_attr(not(feature = "net"), doc = "```ignore")]
//! use rungroup::*;
//! use std::io::Write;
//! use std::net::{SocketAddr, TcpListener};
//! use std::sync::OnceLock;
//!
//! struct Server {
//!     listen: Flag<SocketAddr>,
//!     listener: OnceLock<TcpListener>,
//! }
//!
//! impl Unit for Server {
//!     fn name(&self) -> &str { "server" }
//!     fn as_config(&self) -> Option<&dyn Config> { Some(self) }
//!     fn as_pre_runner(&self) -> Option<&dyn PreRunner> { Some(self) }
//!     fn as_service(&self) -> Option<&dyn Service> { Some(self) }
//! }
//!
//! impl Config for Server {
//!     fn flag_set(&self) -> FlagSet { FlagSet::new("Server").add(&self.listen) }
//! }
//!
//! impl PreRunner for Server {
//!     // Binds: a port in use fails the program early, before there is any thread.
//!     fn pre_run(&self, _ctx: &RunContext) -> Result<(), BoxError> {
//!         let _ = self.listener.set(TcpListener::bind(self.listen.get())?);
//!         Ok(())
//!     }
//! }
//!
//! impl Service for Server {
//!     fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
//!         let listener = self.listener.get().ok_or("not bound")?;
//!         # ctx.handle().stop("an example ends");
//!         // Wakes at once when it is this unit's turn to stop.
//!         while let Some((mut conn, peer)) = ctx.accept(listener)? {
//!             // A thread of this unit: it has not stopped before they all have.
//!             ctx.spawn("conn", move |_ctx| drop(writeln!(conn, "hello {peer}")))?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let listen = Flag::new("listen", ([127, 0, 0, 1], 0), "The address to listen on.").short('l');
//! let mut group = Group::new("greeter");
//! # group = group.args(["greeter"]);
//! group.register(Server { listen, listener: OnceLock::new() });
//! group.run()?;
//! # Ok::<(), RunError>(())
//! ```
//!
//! # The phases
//!
//! 1. **Config.** The flags of all units are gathered, parsed and validated; everything that is wrong
//!    is reported at once, each problem with its unit, flag, value and source.
//! 2. **Pre-run**, one unit after the other, in the order of registration. If one fails, those before
//!    it are cleaned up with `post_run`, in reverse.
//! 3. **Serve.** Every service on a thread of its own, which is named after it. A unit that comes
//!    [`after`](Registration::after) others starts when they are ready.
//! 4. **Stop.** The first service that stops ends the group, cleanly or not, unless it was registered
//!    as a [`task`](Registration::task); so does a request. All others are told, and their threads
//!    joined.
//! 5. **Post-run**, in reverse.
//!
//! [`Group::run`] then returns a [`Report`], or a [`RunError`] that names the unit at fault, keeps its
//! original error, and lists everything else that went wrong.
//!
//! # Being told to stop
//!
//! Each unit has a [`StopToken`], which is set when it is its turn. What blocks can wait for it:
//!
//! | blocking in | write |
//! |---|---|
//! | a pause | [`ctx.sleep(time)`](ServeContext::sleep) |
//! | `accept` | [`ctx.accept(&listener)`](ServeContext::accept) |
//! | a read | [`ctx.wait_readable(&socket, limit)`](ServeContext::wait_readable), then read |
//! | a channel | `crossbeam_channel::select!` with `recv(ctx.stopped().receiver())` |
//! | a poll loop of your own | [`ctx.stopped().as_fd()`](StopToken::as_fd) |
//! | something that only a call can end | [`ctx.on_stop(callback)`](ServeContext::on_stop), or [`Service::graceful_stop`] |
//!
//! Units stop concurrently, apart from what [`after`](Registration::after) and [`StopOrder`] say.
//! Nothing polls: an idle group makes no context switch.
//!
//! # Deadlines
//!
//! A group has 30 s to stop, or [as long as you say](Group::stop_timeout); a unit can have
//! [less](Registration::stop_timeout). A thread cannot be killed: one that does not end in time is left
//! behind, and the error names it, with the place where it waits on Linux:
//! `unit 'store' did not stop in 5s: thread 'store' (id 4711, sleeping in futex_do_wait)`.
//!
//! # Starting again
//!
//! What ends ends the group, unless [`restart`](Registration::restart) says otherwise: then it starts
//! again after a pause ([`Backoff`]), alone or with others of its group ([`Strategy`]), and not too often.
//! A group in a group is a unit in this, too. Whether a unit gets ready in time is watched by
//! [`start_timeout`](Registration::start_timeout), whether it is alive by
//! [`heartbeat`](Registration::heartbeat). Units join by [`GroupHandle::register`] and leave by
//! [`GroupHandle::deregister`]. All of it in context: `docs/supervision.md`.
//!
//! # Looking at it
//!
//! A [`GroupHandle`], which every context has, can [stop](GroupHandle::stop) the group, [wait till it is
//! ready](GroupHandle::wait_till_ready), subscribe to its [events](GroupHandle::events) and take a
//! [snapshot](GroupHandle::snapshot), from any thread. With the [`Logging`] unit, or any logger of the
//! `log` crate, the events are logged under the target `rungroup`.
//!
//! # Settings
//!
//! Flags are read from the command line, the environment ([`Group::env_prefix`]) and, with the feature
//! `config-file`, the TOML file that `--config` names, in this order of precedence. Every error says
//! which unit, flag, value and source it is about, and all come at once. `--check` only looks whether
//! all is well, `--print-config` prints what is in effect. A [`secret`](Flag::secret) can be read from
//! a file. What is a [`Live`] flag can change while the program runs:
//! [`GroupHandle::reload`] reads everything again, and sets all or nothing.
//!
//! # Closing channels and counting tasks
//!
//! [`Closer`], [`ChannelCloser`] and [`ChannelGroupCloser`] are of use without a group, too: many
//! running tasks and one close; the senders and receivers of a channel, so that what was accepted is
//! received; several channels in order. [`channel`] is a bounded channel with a closer built in: what
//! was accepted is received, what is refused comes back.
//!
//! # Testing your program
//!
//! [`testing`] has units that fail, panic, hang or are slow when a test says so, runs a group on a thread of
//! its own, and says what a [`Restart`] policy does over days.
//!
//! # Limitations
//!
//! - Unix only; built and tested on Linux.
//! - With `panic = "abort"` the program aborts at the first panic; everything else holds.
//! - A panic's source location comes from a panic hook that is chained in front of the present one
//!   when the first group runs. A program that replaces the hook later loses the location, never the
//!   message.
//! - A thread that blocks in the destructor of a thread-local variable holds the end of the run: Rust
//!   can join a thread only without a limit.
//!
//! # Features
//!
//! | feature | default | what |
//! |---|---|---|
//! | `completions` | no | `--completions bash\|zsh\|fish` and `--man` |
//! | `config-file` | no | `--config FILE` and `--print-config` |
//! | `env_logger` | yes | [`Logging`] |
//! | `net` | yes | [`ServeContext::accept`], [`ServeContext::wait_readable`], [`StopToken::as_fd`] |
//! | `terminal-width` | yes | `--help` is as wide as the terminal, from 40 to 100 columns, instead of 80 |

// The front page links to what the features bring.
#![cfg_attr(
    not(all(feature = "env_logger", feature = "net")),
    allow(rustdoc::broken_intra_doc_links)
)]

// Leaves: they know nothing of units.
#[cfg(feature = "net")]
mod beacon;
pub mod channel;
mod clock;
mod closer;
mod error;
mod exit;
mod failure;
mod latch;
mod names;
mod panic;
mod screen;
mod stop;
mod sync;
mod terminal;
mod thread;

// Vocabulary: what units say.
mod context;
mod event;
mod flags;
mod handle;
#[cfg(feature = "net")]
mod net;
mod ready;
mod restart;
mod snapshot;
mod unit;
mod unit_fn;

// The supervisor knows neither flags nor groups.
mod supervisor;

// The group puts everything together.
mod group;

// Ready-made units: anyone could have written them.
#[cfg(feature = "env_logger")]
mod logging;
mod signals;
pub mod testing;

pub use closer::{
    ChannelCloser, ChannelGroupCloser, CloseNotify, Closer, Running, RunningOwned, StillRunning,
};
pub use context::{OnStop, RunContext, ServeContext};
pub use error::{ConfigError, ConfigErrors, Error, ErrorKind};
pub use event::{Event, Events};
pub use exit::Exit;
pub use failure::{BoxError, Failure, Outcome, Phase};
pub use flags::{
    Arity, Bytes, Flag, FlagHandle, FlagInfo, FlagSet, FlagValue, IntoDefault, Live,
    ParseBytesError, Reload, Reloaded, Source, ValueKind,
};
pub use group::{
    BeforeServing, Configured, Group, Limit, Register, Registration, RunError, WhileServing,
};
pub use handle::{GroupHandle, UnitId};
#[cfg(feature = "env_logger")]
pub use logging::Logging;
#[cfg(feature = "net")]
pub use net::{Accept, Readable};
pub use panic::Panic;
pub use ready::NotReady;
pub use restart::{Backoff, Restart, Strategy};
pub use signals::Signals;
pub use snapshot::{Snapshot, UnitState, UnitStatus};
pub use stop::{StopNotify, StopReason, StopToken};
pub use supervisor::{LeftBehind, Report, StopOrder, UnitReport};
#[cfg(loom)]
#[doc(hidden)]
pub use sync::number_this_thread;
pub use thread::ThreadStatus;
pub use unit::{Config, PreRunner, Role, Service, Unit};
pub use unit_fn::{PreRunFn, ServiceFn, pre_run_fn, service_fn};

/// The examples of what is to be read, so that they are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../docs/supervision.md")]
struct Readme;

//! The unit that has the data: pre-run opens the data directory and replays the file, the service
//! is the one thread that touches the map. What it is told comes through the [`Queue`].

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, select};
use parking_lot::Mutex;
use rungroup::{
    BoxError, Bytes, Config, ConfigError, Flag, FlagSet, Live, PreRunner, RunContext, ServeContext,
    Service, Unit,
};

use crate::aof::{Log, OpenError};
use crate::engine::{Engine, Fsync};
use crate::queue::{Batch, Queue, Requests};
use crate::store::Store;

/// So much is written at once, and one batch more: enough to make the most of a sync, and far from
/// the 4 GiB that a record can have.
const MAX_COMMIT: usize = 1 << 20;

/// Under `--fsync everysec`: how long after the first unsynced write.
const SYNC_AFTER: Duration = Duration::from_secs(1);

pub(crate) struct Storage {
    settings: Settings,
    queue: Queue,
    /// The storage thread takes it: when that ends, nobody waits for it any longer.
    requests: Mutex<Option<Requests>>,
    /// Put here by pre-run, taken by the storage thread.
    opened: Mutex<Option<(Engine, DirLock)>>,
}

impl Storage {
    pub(crate) fn new() -> Self {
        let (queue, requests) = Queue::new();
        Self {
            settings: Settings::new(),
            queue,
            requests: Mutex::new(Some(requests)),
            opened: Mutex::new(None),
        }
    }

    /// The way to the storage thread.
    pub(crate) fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// For those who tell of them.
    pub(crate) fn settings(&self) -> Settings {
        self.settings.clone()
    }

    /// The limit of this moment: a reload may have changed it.
    fn limit(&self, engine: &mut Engine) {
        let limit = *self.settings.max_memory.get();
        if engine.limit(limit.get()) {
            log::warn!("--max-memory is {limit}, and more is in use: writes that add are refused");
        }
    }
}

/// The storage's flags; a clone is another handle to the same ones.
#[derive(Clone)]
pub(crate) struct Settings {
    data_dir: Flag<PathBuf>,
    max_memory: Live<Bytes>,
    fsync: Flag<Fsync>,
}

impl Settings {
    fn new() -> Self {
        Self {
            data_dir: Flag::new(
                "data-dir",
                "./kvd-data",
                "Where the append-only file is kept.\n\n\
                 It is made if it is not there. One kvd at a time can use it.",
            )
            .value_name("DIR"),
            max_memory: Flag::new(
                "max-memory",
                Bytes::ZERO,
                "Refuse writes that would take more memory than this; 0 is no limit.\n\n\
                 Reads, and writes that free memory, always go. A reload changes it from the next \
                 write on; if more is in use by then, nothing is thrown away.",
            )
            .check(|limit: &Bytes| match limit.get() {
                0 | 1024.. => Ok(()),
                _ => {
                    let tip = "a size has a unit: 512MiB";
                    Err(ConfigError::new("needs to be 0, or 1KiB at least").tip(tip))
                }
            })
            .live(),
            fsync: Flag::new(
                "fsync",
                Fsync::EverySec,
                "When writes are synced to the disk.\n\n\
                 'always' before they are acknowledged, 'everysec' within a second or so, 'no' when \
                 the kernel likes; and in any case at the end.",
            )
            .value_name("WHEN"),
        }
    }

    /// Under Redis's names.
    pub(crate) fn named(&self) -> Vec<(&'static str, String)> {
        let fsync = match self.fsync.get() {
            Fsync::Always => "always",
            Fsync::EverySec => "everysec",
            Fsync::No => "no",
        };
        vec![
            ("appendonly", "yes".to_owned()),
            ("appendfsync", fsync.to_owned()),
            ("dir", self.data_dir.get().display().to_string()),
            ("maxmemory", self.max_memory.get().get().to_string()),
            ("save", String::new()),
        ]
    }
}

impl Unit for Storage {
    fn name(&self) -> &'static str {
        "storage"
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

impl Config for Storage {
    fn flag_set(&self) -> FlagSet {
        let Settings { data_dir, max_memory, fsync } = &self.settings;
        FlagSet::new("Storage").add(data_dir).add(max_memory).add(fsync)
    }
}

impl PreRunner for Storage {
    fn pre_run(&self, ctx: &RunContext) -> Result<(), BoxError> {
        let dir = self.settings.data_dir.get();
        fs::create_dir_all(dir).map_err(|error| {
            format!("cannot make the data directory {}: {error}", dir.display())
        })?;
        let lock = DirLock::take(dir)?;
        let path = dir.join("kvd.aof");
        let cannot_open = |error| format!("cannot open {}: {error}", path.display());
        let mut store = Store::new(0); // what was acknowledged is replayed, whatever it takes
        let interrupted = || ctx.stopped().is_stopped();
        let (log, replayed) = match Log::open(&path, &mut store, interrupted) {
            Ok(opened) => opened,
            Err(OpenError::Interrupted) => return Ok(()), // nothing will serve
            Err(error) => Err(cannot_open(error.to_string()))?,
        };
        // The file's name must be on the disk as well as what is in it.
        File::open(dir)
            .and_then(|dir| dir.sync_all())
            .map_err(|error| cannot_open(error.to_string()))?;
        if let Some((offset, bytes)) = replayed.cut_off {
            log::warn!(
                "{}: cut off an incomplete last record, {bytes} bytes from offset {offset} on",
                path.display()
            );
        }
        log::info!("replayed {} records: {} keys", replayed.records, store.len());
        let mut engine = Engine::new(store, log, *self.settings.fsync.get());
        self.limit(&mut engine);
        *self.opened.lock() = Some((engine, lock));
        Ok(())
    }
}

impl Service for Storage {
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        let (mut engine, _lock) = self.opened.lock().take().ok_or("serving without a pre-run")?;
        let requests = self.requests.lock().take().ok_or("serving a second time")?;
        let Some(_receiving) = self.queue.closer.add_receiver() else { return Ok(()) };
        let last_sender_left = self.queue.closer.close_notify().receiver();

        // `failures` never disconnects while this runs, so it is quiet without a syncing thread.
        let (dirty, written) = bounded(1);
        let (failure, failures) = bounded(1);
        if *self.settings.fsync.get() == Fsync::EverySec {
            let (file, failure) = (engine.log().try_clone_file()?, failure.clone());
            ctx.spawn("sync", move |ctx| sync_later(&ctx, &file, &written, &failure))?;
        }

        let mut batches = Vec::new();
        loop {
            select! {
                recv(requests.receiver) -> batch => batches.extend(batch),
                recv(last_sender_left) -> _ => {}
                recv(failures) -> error => return Err(cannot_sync(&error?)),
            }
            let mut size: usize = batches.iter().map(Batch::size).sum();
            while size < MAX_COMMIT {
                let Ok(batch) = requests.receiver.try_recv() else { break };
                size += batch.size();
                batches.push(batch);
            }
            if batches.is_empty() {
                break; // no sender is left, and nothing that they sent
            }
            self.limit(&mut engine);
            if engine.commit(&mut batches).map_err(|error| cannot_sync(&error))? {
                let _ = dirty.try_send(()); // full: the syncing thread is told already
            }
            batches.drain(..).for_each(Batch::answer);
        }
        engine.log().sync().map_err(|error| cannot_sync(&error))?;
        log::info!("all is written and synced");
        Ok(())
    }

    /// Called when the server, which is `after` this unit, has stopped.
    fn graceful_stop(&self) -> Result<(), BoxError> {
        self.queue.closer.close();
        Ok(())
    }
}

fn cannot_sync(error: &io::Error) -> BoxError {
    format!("cannot write the append-only file: {error}").into()
}

/// The syncing thread: it sleeps without limit until something is written, and then a second. At
/// stop it leaves the rest to the storage thread, which syncs last of all.
fn sync_later(
    ctx: &ServeContext,
    file: &File,
    written: &Receiver<()>,
    failure: &Sender<io::Error>,
) {
    loop {
        select! {
            recv(written) -> told => if told.is_err() { return },
            recv(ctx.stopped().receiver()) -> _ => return,
        }
        if !ctx.sleep(SYNC_AFTER) {
            return;
        }
        // Before the sync: what is written from here on may miss it and rings again.
        let _ = written.try_recv();
        if let Err(error) = file.sync_data() {
            let _ = failure.send(error);
            return;
        }
    }
}

/// Held as long as the data directory is in use: a second kvd on it would write between our
/// records. The kernel lets go of it when the process ends, however it ends.
struct DirLock {
    _file: File,
}

impl DirLock {
    fn take(dir: &Path) -> Result<Self, BoxError> {
        let path = dir.join("kvd.lock");
        let cannot_lock = |error: io::Error| format!("cannot lock {}: {error}", path.display());
        let mut options = File::options();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(cannot_lock)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let _ = file.read_to_string(&mut owner); // for people; the lock is what counts
                let dir = dir.display();
                let owner = owner.trim();
                Err(format!("the data directory {dir} is in use by another kvd (pid {owner})"))?;
            }
            Err(TryLockError::Error(error)) => Err(cannot_lock(error))?,
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(cannot_lock)?;
        Ok(Self { _file: file })
    }
}

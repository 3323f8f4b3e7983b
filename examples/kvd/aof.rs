//! The append-only file: every change of the map, in records that can be told from rubbish. It
//! knows the map's changes, and neither sockets nor threads.
//!
//! The file starts with [`MAGIC`]. A record is what was written at once: twelve bytes of header
//! (length of the body, CRC-32 of the body, CRC-32 of those eight bytes; little endian) and the
//! body, a list of changes. The header has a checksum of its own because a wrong length would
//! otherwise look like a record that was cut short, and everything behind it would be thrown away.
//!
//! A crash in the middle of a write leaves an incomplete last record. Nobody was told that it is
//! safe, so [`open`](Log::open) cuts it off. A record that is wrong elsewhere is damage that only a
//! person can judge: an error, with the offset. (Under `--fsync everysec` and `no` a power cut can
//! do this too: the kernel may write later pages first.) The file grows until it is replaced; there
//! is no compaction here.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use crate::resp::Blob;
use crate::store::{Change, Store};

const MAGIC: &[u8; 8] = b"kvd-aof\x01";
const HEADER: usize = 12;

/// Each change starts with one of these.
const SET: u8 = 1;
const DELETED: u8 = 2;
const FLUSHED: u8 = 3;

/// The file, open for appending.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    /// Up to here it consists of whole records.
    length: u64,
    /// The record that is being put together; kept for its memory.
    record: Vec<u8>,
}

/// What was found in the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Replayed {
    pub(crate) records: u64,
    /// Where an incomplete last record started that was cut off, and how many bytes it had.
    pub(crate) cut_off: Option<(u64, u64)>,
}

/// Why the file cannot be used.
#[derive(Debug)]
pub(crate) enum OpenError {
    Io(io::Error),
    /// It is the file of another program or version.
    NotOurs,
    /// The record at this offset is wrong, and it is not the last one.
    Corrupt {
        offset: u64,
    },
    /// There was more to replay.
    Interrupted,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Io(error) => error.fmt(f),
            OpenError::NotOurs => f.write_str("not an append-only file of this version of kvd"),
            OpenError::Corrupt { offset } => write!(f, "corrupt record at offset {offset}"),
            OpenError::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        OpenError::Io(error)
    }
}

/// Why changes were not appended.
#[derive(Debug)]
pub(crate) enum AppendError {
    /// The file is as it was before; a later attempt may succeed.
    Refused(io::Error),
    /// What the file ends with is not known.
    Broken(io::Error),
}

impl Log {
    /// Opens the file at `path`, or makes it, and tells `store` all that is in it. That can take
    /// long, so `interrupted` is asked before each record.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]; the file is then left as it is.
    pub(crate) fn open(
        path: &Path,
        store: &mut Store,
        interrupted: impl Fn() -> bool,
    ) -> Result<(Self, Replayed), OpenError> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut replay = Replay { size: file.metadata()?.len(), offset: 0, body: Vec::new() };
        let mut replayed = Replayed::default();
        let mut input = BufReader::with_capacity(1 << 16, &file);
        let mut whole = replay.magic(&mut input)?;
        while whole && replay.offset < replay.size {
            if interrupted() {
                return Err(OpenError::Interrupted);
            }
            whole = replay.record(&mut input, store)?;
            replayed.records += u64::from(whole);
        }
        let mut log = Self { length: replay.offset, record: Vec::new(), file };
        if !whole && replay.offset < replay.size {
            replayed.cut_off = Some((replay.offset, replay.size - replay.offset));
            log.file.set_len(replay.offset)?;
        }
        if log.length == 0 {
            log.file.write_all(MAGIC)?;
            log.length = MAGIC.len() as u64;
        }
        log.file.sync_all()?;
        Ok((log, replayed))
    }

    /// Writes `changes`, if there are any, as one record. They are with the kernel then, not yet
    /// on the disk.
    pub(crate) fn append(&mut self, changes: &[Change]) -> Result<(), AppendError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.record.clear();
        self.record.resize(HEADER, 0);
        for change in changes {
            encode(change, &mut self.record);
        }
        let (header, body) = self.record.split_at_mut(HEADER);
        let too_long = |_| AppendError::Refused(io::ErrorKind::FileTooLarge.into());
        let length = u32::try_from(body.len()).map_err(too_long)?;
        header[..4].copy_from_slice(&length.to_le_bytes());
        header[4..8].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
        let own = crc32fast::hash(&header[..8]);
        header[8..].copy_from_slice(&own.to_le_bytes());
        if let Err(error) = self.file.write_all(&self.record) {
            // Part of it may have been written (the disk is full). What comes next must not stand
            // behind half a record.
            return Err(match self.file.set_len(self.length) {
                Ok(()) => AppendError::Refused(error),
                Err(_) => AppendError::Broken(error),
            });
        }
        self.length += self.record.len() as u64;
        Ok(())
    }

    /// Blocks until the disk has all that was appended.
    ///
    /// # Errors
    ///
    /// After one the kernel may have dropped what it could not write, and a second call would
    /// succeed without it. The file must not be used any more.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// The same file for a thread that does nothing but sync it.
    pub(crate) fn try_clone_file(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

/// Reading the file from its start.
struct Replay {
    size: u64,
    /// Up to here all is well.
    offset: u64,
    body: Vec<u8>,
}

impl Replay {
    /// Whether the file starts as it should; `false` if its making was interrupted.
    fn magic(&mut self, input: &mut impl Read) -> Result<bool, OpenError> {
        let mut magic = Vec::new();
        input.take(MAGIC.len() as u64).read_to_end(&mut magic)?;
        if !MAGIC.starts_with(&magic) {
            return Err(OpenError::NotOurs);
        }
        let whole = magic.len() == MAGIC.len();
        self.offset = if whole { MAGIC.len() as u64 } else { 0 };
        Ok(whole)
    }

    /// Reads one record and tells `store`; `false` if it is the last one and incomplete.
    fn record(
        &mut self,
        input: &mut BufReader<&File>,
        store: &mut Store,
    ) -> Result<bool, OpenError> {
        let left = self.size - self.offset;
        let corrupt = OpenError::Corrupt { offset: self.offset };
        if left < HEADER as u64 {
            return Ok(false);
        }
        let mut header = [0; HEADER];
        input.read_exact(&mut header)?;
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| header[at + byte]));
        if crc32fast::hash(&header[..8]) != word(8) {
            // A file that had grown before the power went, without its data, ends in zeros.
            return if only_zeros(&mut header.chain(input))? { Ok(false) } else { Err(corrupt) };
        }
        let length = u64::from(word(0));
        let end = HEADER as u64 + length;
        if end > left {
            return Ok(false);
        }
        self.body.clear();
        input.take(length).read_to_end(&mut self.body)?;
        if crc32fast::hash(&self.body) != word(4) {
            return if end == left { Ok(false) } else { Err(corrupt) };
        }
        // The checksum was right, so a body that cannot be read was written so.
        decode(&self.body, store).ok_or(corrupt)?;
        self.offset += end;
        Ok(true)
    }
}

fn only_zeros(input: &mut impl Read) -> io::Result<bool> {
    let mut chunk = [0; 4096];
    loop {
        match input.read(&mut chunk)? {
            0 => return Ok(true),
            n if chunk[..n].iter().any(|&byte| byte != 0) => return Ok(false),
            _ => {}
        }
    }
}

fn encode(change: &Change, out: &mut Vec<u8>) {
    // A key or value of 4 GiB, whose length would not fit, makes the whole record too long, and
    // that is refused.
    fn blob(bytes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(bytes);
    }
    match change {
        Change::Set { key, value, .. } => {
            out.push(SET);
            blob(key, out);
            blob(value, out);
        }
        Change::Deleted { key, .. } => {
            out.push(DELETED);
            blob(key, out);
        }
        Change::Flushed { .. } => out.push(FLUSHED),
    }
}

fn decode(mut body: &[u8], store: &mut Store) -> Option<()> {
    fn blob(body: &mut &[u8]) -> Option<Blob> {
        let (length, rest) = body.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (bytes, rest) = rest.split_at_checked(length)?;
        *body = rest;
        Some(bytes.into())
    }
    while let Some((&kind, rest)) = body.split_first() {
        body = rest;
        match kind {
            SET => {
                let key = blob(&mut body)?;
                store.restore(key, Some(blob(&mut body)?));
            }
            DELETED => store.restore(blob(&mut body)?, None),
            FLUSHED => store.restore_flushed(),
            _ => return None,
        }
    }
    Some(())
}

#[cfg(test)]
#[path = "aof_tests.rs"]
mod tests;

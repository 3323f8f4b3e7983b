//! The map: what each operation does to it, and how much memory it takes. It knows neither the
//! file nor the protocol's bytes. What it does is said in [`Change`]s, from which it can be written
//! down, and undone.

use std::collections::HashMap;
use std::fmt::Write;
use std::mem;

use crate::resp::{Blob, Reply, number};

/// What an entry costs beside the bytes of key and value: its place in the table and the headers of
/// two allocations. An estimate, as Redis's `used_memory` is one.
const ENTRY_OVERHEAD: u64 = 96;

/// An operation on the map, its arguments checked as far as that goes without the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Get(Blob),
    Set(Blob, Blob),
    Del(Vec<Blob>),
    Exists(Vec<Blob>),
    Incr(Blob),
    MultiSet(Vec<(Blob, Blob)>),
    MultiGet(Vec<Blob>),
    Size,
    Flush,
    /// What the store has to add to this text.
    Info(String),
}

/// One thing that was done to the map: what is now, to be written down, and what was, to be undone.
#[derive(Debug)]
pub(crate) enum Change {
    Set { key: Blob, value: Blob, before: Option<Blob> },
    Deleted { key: Blob, before: Blob },
    Flushed { before: HashMap<Blob, Blob>, used: u64 },
}

/// Whether operations that would change the map are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes<'a> {
    Allowed,
    /// With this reply.
    Refused(&'a Reply),
}

/// The map and its size.
#[derive(Debug, Default)]
pub(crate) struct Store {
    map: HashMap<Blob, Blob>,
    /// In bytes, overhead included.
    used: u64,
    /// In bytes; 0 is no limit.
    max_memory: u64,
}

impl Store {
    /// An empty one that refuses to grow beyond so many bytes; 0 is no limit.
    pub(crate) fn new(max_memory: u64) -> Self {
        Self { max_memory, ..Self::default() }
    }

    /// What it may grow to from now on; 0 is no limit. Nothing is thrown away for it. Says whether
    /// more than that is in use, if the limit is another than before.
    pub(crate) fn limit(&mut self, max_memory: u64) -> bool {
        let before = mem::replace(&mut self.max_memory, max_memory);
        max_memory != before && max_memory != 0 && self.used > max_memory
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    /// Carries out `op` and adds what that changed to `changes`.
    pub(crate) fn apply(&mut self, op: &Op, writes: Writes, changes: &mut Vec<Change>) -> Reply {
        if let (Writes::Refused(reply), true) = (writes, op.is_write()) {
            return reply.clone();
        }
        match op {
            Op::Get(key) => self.get(key),
            Op::MultiGet(keys) => Reply::Array(keys.iter().map(|key| self.get(key)).collect()),
            Op::Exists(keys) => {
                count(keys.iter().filter(|&key| self.map.contains_key(key)).count())
            }
            Op::Size => count(self.len()),
            Op::Info(before) => Reply::bulk(self.info(before).as_bytes()),
            Op::Set(key, value) => {
                self.set_all([(key.clone(), value.clone())], changes).unwrap_or_else(|full| full)
            }
            Op::MultiSet(pairs) => {
                self.set_all(pairs.iter().cloned(), changes).unwrap_or_else(|full| full)
            }
            Op::Incr(key) => self.increment(key, changes).unwrap_or_else(|refused| refused),
            Op::Del(keys) => {
                let already = changes.len();
                changes.extend(keys.iter().filter_map(|key| self.delete(key)));
                count(changes.len() - already)
            }
            Op::Flush => {
                let used = mem::take(&mut self.used);
                changes.push(Change::Flushed { before: mem::take(&mut self.map), used });
                Reply::OK
            }
        }
    }

    /// Takes back what `changes` from index `from` on say, the last first, and removes them.
    pub(crate) fn undo(&mut self, changes: &mut Vec<Change>, from: usize) {
        for change in changes.drain(from..).rev() {
            match change {
                Change::Set { key, before: None, .. } => drop(self.delete(&key)),
                Change::Set { key, before: Some(before), .. } | Change::Deleted { key, before } => {
                    drop(self.put(key, before));
                }
                Change::Flushed { before, used } => {
                    self.map = before;
                    self.used = used;
                }
            }
        }
    }

    /// What was written down earlier: no limit applies, nothing is to be undone.
    pub(crate) fn restore(&mut self, key: Blob, value: Option<Blob>) {
        match value {
            Some(value) => drop(self.put(key, value)),
            None => drop(self.delete(&key)),
        }
    }

    /// As [`restore`](Self::restore), of a `FLUSHALL`.
    pub(crate) fn restore_flushed(&mut self) {
        self.map.clear();
        self.used = 0;
    }

    fn get(&self, key: &Blob) -> Reply {
        self.map.get(key).map_or(Reply::Nil, |value| Reply::Bulk(value.clone()))
    }

    /// All of them, or none with the reply that says why.
    fn set_all(
        &mut self,
        pairs: impl IntoIterator<Item = (Blob, Blob)>,
        changes: &mut Vec<Change>,
    ) -> Result<Reply, Reply> {
        let already = changes.len();
        let used = self.used;
        for (key, value) in pairs {
            let before = self.put(key.clone(), value.clone());
            changes.push(Change::Set { key, value, before });
        }
        // Done first and looked at then: with a key that is there already, or twice among the
        // arguments, that is the simple way to know. Shrinking is allowed to a store that is over
        // its limit since that was lowered.
        let over = self.max_memory != 0 && self.used > self.max_memory && self.used > used;
        if over {
            self.undo(changes, already);
            let oom = "OOM command not allowed when used memory > 'maxmemory'.";
            return Err(Reply::Error(oom.into()));
        }
        Ok(Reply::OK)
    }

    fn increment(&mut self, key: &Blob, changes: &mut Vec<Change>) -> Result<Reply, Reply> {
        let error = |text: &str| Reply::Error(text.into());
        let value = match self.map.get(key) {
            Some(value) => {
                number(value).ok_or_else(|| error("ERR value is not an integer or out of range"))?
            }
            None => 0,
        };
        let value = value
            .checked_add(1)
            .ok_or_else(|| error("ERR increment or decrement would overflow"))?;
        // Written down as the value that it came to, so that a replay needs no arithmetic.
        self.set_all([(key.clone(), value.to_string().into_bytes().into())], changes)?;
        Ok(Reply::Integer(value))
    }

    fn put(&mut self, key: Blob, value: Blob) -> Option<Blob> {
        let (key_length, added) = (key.len() as u64, value.len() as u64);
        let before = self.map.insert(key, value);
        self.used += added;
        match &before {
            Some(before) => self.used -= before.len() as u64,
            None => self.used += key_length + ENTRY_OVERHEAD,
        }
        before
    }

    fn delete(&mut self, key: &Blob) -> Option<Change> {
        let before = self.map.remove(key)?;
        self.used -= key.len() as u64 + before.len() as u64 + ENTRY_OVERHEAD;
        Some(Change::Deleted { key: key.clone(), before })
    }

    fn info(&self, before: &str) -> String {
        let mut text = before.to_owned();
        let (used, limit, keys) = (self.used, self.max_memory, self.len());
        let memory = format!("# Memory\r\nused_memory:{used}\r\nmaxmemory:{limit}\r\n");
        let _ = write!(text, "{memory}\r\n# Keyspace\r\n"); // a String takes all
        if keys > 0 {
            let _ = write!(text, "db0:keys={keys},expires=0,avg_ttl=0\r\n");
        }
        text
    }
}

impl Op {
    /// About how many bytes its changes take when they are written down.
    pub(crate) fn size(&self) -> usize {
        /// Of a change without its key and value, and no less for an operation that changes nothing.
        const OVERHEAD: usize = 16;
        let all = |keys: &[Blob]| keys.iter().map(|key| key.len() + OVERHEAD).sum();
        match self {
            Op::Set(key, value) => key.len() + value.len() + OVERHEAD,
            Op::Get(key) | Op::Incr(key) => key.len() + OVERHEAD,
            Op::Del(keys) | Op::Exists(keys) | Op::MultiGet(keys) => all(keys),
            Op::MultiSet(pairs) => {
                pairs.iter().map(|(key, value)| key.len() + value.len() + OVERHEAD).sum()
            }
            Op::Size | Op::Flush | Op::Info(_) => OVERHEAD,
        }
    }

    fn is_write(&self) -> bool {
        match self {
            Op::Set(..) | Op::MultiSet(_) | Op::Del(_) | Op::Incr(_) | Op::Flush => true,
            Op::Get(_) | Op::MultiGet(_) | Op::Exists(_) | Op::Size | Op::Info(_) => false,
        }
    }
}

fn count(number: usize) -> Reply {
    Reply::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;

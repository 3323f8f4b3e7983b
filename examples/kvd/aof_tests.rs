use std::cell::Cell;
use std::fs;
use std::path::PathBuf;

use super::*;
use crate::store::{Op, Writes};

/// A file that is removed when the test has passed.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kvd-aof-{}-{name}", std::process::id()));
        let _ = fs::remove_file(&path); // there should be none
        Self(path)
    }

    fn open(&self) -> Result<(Log, Store, Replayed), OpenError> {
        let mut store = Store::new(0);
        Log::open(&self.0, &mut store, || false).map(|(log, replayed)| (log, store, replayed))
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.0).expect("the file is there")
    }

    fn write(&self, bytes: &[u8]) {
        fs::write(&self.0, bytes).expect("written");
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_file(&self.0); // left for whoever looks at the failure
        }
    }
}

fn blob(text: &str) -> Blob {
    text.as_bytes().into()
}

/// Each inner list becomes one record.
fn write_records(log: &mut Log, store: &mut Store, records: &[&[Op]]) {
    for ops in records {
        let mut changes = Vec::new();
        for op in *ops {
            store.apply(op, Writes::Allowed, &mut changes);
        }
        log.append(&changes).expect("appended");
    }
    log.sync().expect("synced");
}

fn all(store: &mut Store, keys: &[&str]) -> Vec<Option<String>> {
    keys.iter()
        .map(|key| match store.apply(&Op::Get(blob(key)), Writes::Allowed, &mut Vec::new()) {
            crate::resp::Reply::Bulk(value) => Some(String::from_utf8_lossy(&value).into_owned()),
            _ => None,
        })
        .collect()
}

/// A file of four records; the lengths of the file after each.
fn four_records(scratch: &Scratch) -> Vec<usize> {
    let (mut log, mut store, _) = scratch.open().expect("made");
    let mut lengths = vec![scratch.bytes().len()];
    for record in [
        &[Op::Set(blob("a"), blob("1")), Op::Set(blob("b"), blob("2"))][..],
        &[Op::Incr(blob("a")), Op::Del(vec![blob("b")])],
        &[Op::Flush, Op::MultiSet(vec![(blob("c"), blob("3")), (blob("d"), blob("4"))])],
        &[Op::Set(blob("e"), blob("five"))],
    ] {
        write_records(&mut log, &mut store, &[record]);
        lengths.push(scratch.bytes().len());
    }
    lengths
}

#[test]
fn what_was_appended_is_replayed() {
    let scratch = Scratch::new("replayed");
    let lengths = four_records(&scratch);
    for (records, expected) in [
        [None, None, None, None, None],
        [Some("1"), Some("2"), None, None, None],
        [Some("2"), None, None, None, None],
        [None, None, Some("3"), Some("4"), None],
        [None, None, Some("3"), Some("4"), Some("five")],
    ]
    .iter()
    .enumerate()
    .rev()
    {
        scratch.write(&scratch.bytes()[..lengths[records]]);
        let (_, mut store, replayed) = scratch.open().expect("opened");
        assert_eq!(replayed, Replayed { records: records as u64, cut_off: None });
        let found = all(&mut store, &["a", "b", "c", "d", "e"]);
        assert_eq!(found, expected.map(|value| value.map(str::to_owned)), "{records} records");
    }
}

#[test]
fn an_incomplete_last_record_is_cut_off_wherever_it_ends() {
    let scratch = Scratch::new("cut");
    let lengths = four_records(&scratch);
    let whole = scratch.bytes();
    for end in lengths[3] + 1..lengths[4] {
        scratch.write(&whole[..end]);
        let (mut log, mut store, replayed) = scratch.open().expect("opened");
        let cut_off = Some((lengths[3] as u64, (end - lengths[3]) as u64));
        assert_eq!(replayed, Replayed { records: 3, cut_off }, "cut at {end}");
        // What is appended now stands where the cut-off record stood.
        write_records(&mut log, &mut store, &[&[Op::Set(blob("e"), blob("six"))]]);
        let (_, mut store, replayed) = scratch.open().expect("opened again");
        assert_eq!(replayed, Replayed { records: 4, cut_off: None });
        assert_eq!(all(&mut store, &["d", "e"]), [Some("4".into()), Some("six".into())]);
    }
}

#[test]
fn a_last_record_with_missing_pages_is_cut_off() {
    let scratch = Scratch::new("pages");
    let lengths = four_records(&scratch);
    let cut_off = Some((lengths[3] as u64, (lengths[4] - lengths[3]) as u64));
    // Its header is there and its body is zeros; or all of it is.
    for from in [lengths[3] + HEADER, lengths[3]] {
        let mut bytes = scratch.bytes();
        bytes.resize(lengths[4], 0);
        bytes[from..].fill(0);
        scratch.write(&bytes);
        assert_eq!(scratch.open().expect("opened").2, Replayed { records: 3, cut_off });
    }
}

#[test]
fn a_wrong_byte_in_any_other_record_is_an_error_with_its_offset() {
    let scratch = Scratch::new("corrupt");
    let lengths = four_records(&scratch);
    let whole = scratch.bytes();
    for at in lengths[0]..lengths[3] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        scratch.write(&bytes);
        let start = *lengths.iter().rfind(|&&length| length <= at).expect("the first one is");
        let error = scratch.open().expect_err("corrupt");
        assert_eq!(error.to_string(), format!("corrupt record at offset {start}"), "byte {at}");
        assert_eq!(scratch.bytes(), bytes, "the file is left as it is");
    }
}

#[test]
fn another_programs_file_is_refused_and_an_interrupted_beginning_is_not() {
    let scratch = Scratch::new("magic");
    scratch.write(b"#!/bin/sh\nexit 0\n");
    assert!(matches!(scratch.open(), Err(OpenError::NotOurs)));
    scratch.write(&MAGIC[..3]);
    assert_eq!(scratch.open().expect("opened").2.cut_off, Some((0, 3)));
    assert_eq!(scratch.bytes(), MAGIC);
}

#[test]
fn a_replay_can_be_interrupted_between_records() {
    let scratch = Scratch::new("interrupted");
    four_records(&scratch);
    let (whole, asked) = (scratch.bytes(), Cell::new(0));
    let mut store = Store::new(0);
    let third = || asked.replace(asked.get() + 1) == 2;
    assert!(matches!(Log::open(&scratch.0, &mut store, third), Err(OpenError::Interrupted)));
    assert_eq!(all(&mut store, &["a", "c"]), [Some("2".into()), None], "two records of four");
    assert_eq!(scratch.bytes(), whole, "the file is left as it is");
}

#[test]
fn a_file_that_can_be_neither_written_nor_put_back_is_broken() {
    let scratch = Scratch::new("broken");
    four_records(&scratch);
    let file = File::open(&scratch.0).expect("for reading");
    let mut log = Log { length: scratch.bytes().len() as u64, record: Vec::new(), file };
    let change = Change::Set { key: blob("a"), value: blob("1"), before: None };
    assert!(matches!(log.append(&[change]), Err(AppendError::Broken(_))));
}

#[test]
fn nothing_is_written_for_no_change() {
    let scratch = Scratch::new("nothing");
    let (mut log, mut store, _) = scratch.open().expect("made");
    write_records(&mut log, &mut store, &[&[Op::Get(blob("a")), Op::Del(vec![blob("a")])]]);
    assert_eq!(scratch.bytes(), MAGIC);
}

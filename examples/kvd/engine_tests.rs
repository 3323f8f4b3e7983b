use std::fs;
use std::path::Path;

use crossbeam_channel::bounded;

use super::*;
use crate::resp::Blob;
use crate::store::Op;

fn blob(text: &str) -> Blob {
    text.as_bytes().into()
}

fn batch(ops: &[Op]) -> Batch {
    let mut batch = Batch::new(bounded(1).0);
    batch.ops.extend_from_slice(ops);
    batch
}

fn open(path: &Path) -> (Engine, u64) {
    let mut store = Store::new(0);
    let (log, replayed) = Log::open(path, &mut store, || false).expect("opened");
    (Engine::new(store, log, Fsync::No), replayed.records)
}

#[test]
fn all_batches_of_a_commit_become_one_record() {
    let path = std::env::temp_dir().join(format!("kvd-engine-{}", std::process::id()));
    let _ = fs::remove_file(&path); // there should be none
    let (mut engine, _) = open(&path);
    let incr = Op::Incr(blob("n"));
    let mut batches = [
        batch(&[incr.clone(), incr.clone()]),
        batch(&[Op::Get(blob("n"))]),
        batch(&[Op::Set(blob("n"), blob("x")), incr.clone()]),
        batch(&[]),
    ];
    assert!(engine.commit(&mut batches).expect("committed"), "there is something to sync");
    let replies: Vec<_> = batches.iter().map(|batch| batch.replies.as_slice()).collect();
    let no_number = Reply::Error("ERR value is not an integer or out of range".into());
    assert_eq!(replies[0], [Reply::Integer(1), Reply::Integer(2)]);
    assert_eq!(replies[1], [Reply::bulk(b"2")], "in the order in which they came");
    assert_eq!(replies[2], [Reply::OK, no_number]);
    assert!(replies[3].is_empty());

    let mut reads = [batch(&[Op::Get(blob("n"))])];
    assert!(!engine.commit(&mut reads).expect("committed"), "reads write nothing");
    drop(engine);

    let (mut engine, records) = open(&path);
    assert_eq!(records, 1);
    engine.commit(&mut reads).expect("committed");
    assert_eq!(reads[0].replies, [Reply::bulk(b"x")]);
    fs::remove_file(&path).expect("it was there");
}

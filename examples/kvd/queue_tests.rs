// The connections of these tests are threads.
#![allow(clippy::disallowed_methods)]

use std::thread;
use std::time::Duration;

use super::*;

/// Ends a test that has failed.
const LIMIT: Duration = Duration::from_secs(20);

fn receive(requests: &Requests) -> Batch {
    requests.receiver.recv_timeout(LIMIT).expect("a batch")
}

#[test]
fn a_batch_comes_back_to_its_own_connection_again_and_again() {
    let (queue, requests) = Queue::new();
    thread::scope(|scope| {
        let requests = requests; // dropped before the threads are joined, should this one fail
        for number in 0..4 {
            let mut client = queue.connect().expect("open");
            scope.spawn(move || {
                for round in 0..100 {
                    let mut ops = vec![Op::Size; number];
                    let replies: Vec<_> = client.run(&mut ops).expect("answered").collect();
                    let expected = i64::try_from(number).expect("small");
                    assert_eq!(replies, vec![Reply::Integer(expected); number], "round {round}");
                    assert!(ops.is_empty());
                }
            });
        }
        for _ in 0..400 {
            let mut batch = receive(&requests);
            let number = i64::try_from(batch.ops.len()).expect("small");
            batch.replies.extend(batch.ops.iter().map(|_| Reply::Integer(number)));
            batch.answer();
        }
    });
}

#[test]
fn connections_that_wait_see_the_end_of_the_storage_thread() {
    let (queue, requests) = Queue::new();
    let clients: Vec<_> = (0..3).map(|_| queue.connect().expect("open")).collect();
    let (ended, outcomes) = bounded(3);
    for mut client in clients {
        let ended = ended.clone();
        thread::spawn(move || {
            let first = client.run(&mut vec![Op::Size]).is_err();
            let later = client.run(&mut vec![Op::Size]).is_err();
            ended.send((first, later)).expect("the test waits");
        });
    }
    // One is being carried out; the others lie in the channel, or come too late for it.
    let carried_out = receive(&requests);
    drop(requests);
    drop(carried_out);
    for _ in 0..3 {
        assert_eq!(outcomes.recv_timeout(LIMIT), Ok((true, true)));
    }
}

#[test]
fn the_storage_thread_is_told_when_the_last_connection_has_left() {
    let (queue, _requests) = Queue::new();
    let _receiving = queue.closer.add_receiver().expect("open");
    let (first, second) = (queue.connect().expect("open"), queue.connect().expect("open"));
    queue.closer.close();
    assert!(queue.connect().is_none(), "nobody new is let in");
    drop(first);
    assert!(!queue.closer.close_notify().is_closed());
    drop(second);
    assert!(queue.closer.close_notify().is_closed());
}

//! Says hello until it is told to stop, by the end of its input: std alone knows no signals.

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

fn main() -> io::Result<()> {
    let shared = Arc::new((Mutex::new(false), Condvar::new()));
    let of_thread = Arc::clone(&shared);
    let hello = thread::Builder::new().name("hello".to_owned()).spawn(move || {
        let (is_stopped, changed) = &*of_thread;
        let mut guard = is_stopped.lock().unwrap();
        while !*guard {
            let (next, timeout) = changed.wait_timeout(guard, Duration::from_secs(1)).unwrap();
            guard = next;
            if timeout.timed_out() {
                println!("hello");
            }
        }
    })?;
    io::read_to_string(io::stdin())?;
    *shared.0.lock().unwrap() = true;
    shared.1.notify_all();
    hello.join().unwrap();
    Ok(())
}

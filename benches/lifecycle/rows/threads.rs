//! What the bare variants are made of: a flag that is told to all, named threads, and one that does
//! what it is handed, for either variant.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Condvar, Mutex};
use std::thread::{self, JoinHandle};

/// A flag, and a condvar that is told to all.
#[derive(Default)]
pub(crate) struct Flag {
    is_set: Mutex<bool>,
    changed: Condvar,
}

impl Flag {
    pub(crate) fn set(&self) {
        *self.is_set.lock().expect("nobody panics") = true;
        self.changed.notify_all();
    }

    pub(crate) fn wait(&self) {
        let is_set = self.is_set.lock().expect("nobody panics");
        drop(self.changed.wait_while(is_set, |set| !*set).expect("nobody panics"));
    }
}

/// A thread with a name, as each service has one.
pub(crate) fn named(name: String, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    thread::Builder::new().name(name).spawn(body).expect("a thread")
}

/// A thread that does what it is handed, one after the other, and says what came of it. It lives as
/// long as the bench, so that no round pays for it.
pub(crate) struct Worker<R> {
    jobs: Sender<Box<dyn FnOnce() -> R + Send>>,
    results: Receiver<R>,
}

impl<R: Send + 'static> Worker<R> {
    pub(crate) fn new() -> Self {
        let (jobs, todo) = mpsc::channel::<Box<dyn FnOnce() -> R + Send>>();
        let (done, results) = mpsc::channel();
        thread::spawn(move || todo.into_iter().try_for_each(|job| done.send(job())));
        Self { jobs, results }
    }

    pub(crate) fn hand(&self, job: impl FnOnce() -> R + Send + 'static) {
        self.jobs.send(Box::new(job)).expect("the thread is there");
    }

    pub(crate) fn result(&self) -> R {
        self.results.recv().expect("the thread is there")
    }
}

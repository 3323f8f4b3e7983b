//! The threads of one incarnation, or the helpers of one run: each is joined, and until it is it can
//! be listed.
//!
//! A thread that leaves joins those that left before it and have ended, so that however many come and
//! go few wait to be joined; the crew's owner joins the rest. It does not wait for one that is still
//! on its way out, which may be joining others itself: when threads come fast each would wait for the
//! one before, and they would pile up in a row that gets shorter by one wake-up at a time.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use crate::panic;
use crate::sync::{Monitor, Mutex};
use crate::thread::{self, Identity, Place, ThreadStatus};

/// Of crews that belong to the run itself.
pub(crate) const RUN_IS_OVER: &str = "the run is over";

/// See the module.
#[derive(Debug)]
pub(crate) struct Crew {
    members: Monitor<Members>,
    /// Why nobody can join it once it is empty, for people.
    over: &'static str,
}

#[derive(Debug, Default)]
struct Members {
    /// Threads that have not left, and those who keep the crew open while they spawn.
    present: usize,
    /// Nobody can join it any more: it was empty after it had members, or what is left of it is left
    /// behind.
    closed: bool,
    next: u64,
    threads: Vec<Member>,
    /// Those that have left and are not joined.
    left: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    key: u64,
    thread: Arc<dyn Thread>,
    handle: JoinHandle<()>,
}

/// What its crew knows of a thread.
trait Thread: fmt::Debug + Send + Sync {
    fn identity(&self) -> &Identity;
}

/// What a thread is handed when it is spawned.
struct Parcel<B> {
    identity: Identity,
    body: Mutex<Option<B>>,
}

impl<B: Send> Thread for Parcel<B> {
    fn identity(&self) -> &Identity {
        &self.identity
    }
}

impl<B> fmt::Debug for Parcel<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.identity.fmt(f)
    }
}

/// Who has a crew: itself, or an incarnation.
pub(crate) trait HasCrew: Send + Sync + 'static {
    fn crew(&self) -> &Crew;
}

impl HasCrew for Crew {
    fn crew(&self) -> &Crew {
        self
    }
}

impl Crew {
    /// A crew that stays open until its owner leaves it, too.
    pub(crate) fn new(over: &'static str) -> Self {
        let members = Monitor::new(Members { present: 1, ..Members::default() });
        Self { members, over }
    }

    /// Spawns a thread of the owner's crew that executes `body` and leaves; `leaving` is told, under the
    /// crew's lock, what that came to and whether it was the last. The lock orders these calls as the
    /// threads left. What it hands back is dropped when the lock is released, and so is the owner, if
    /// nobody else has it.
    ///
    /// The lock is held from before the spawn until the thread is listed: it cannot leave unlisted.
    /// The body is handed over in a parcel, so that one that finds no thread is dropped when the lock
    /// is released: its drop may be the program's code, and that may ask for this crew's threads.
    pub(crate) fn spawn<O: HasCrew, R, L>(
        owner: &Arc<O>,
        name: &Arc<str>,
        stack_size: Option<usize>,
        place: Place,
        body: impl FnOnce(&Arc<O>) -> R + Send + 'static,
        leaving: impl FnOnce(&O, R, bool) -> Option<L> + Send + 'static,
    ) -> io::Result<()> {
        let identity = Identity::new(name.clone());
        let parcel = Arc::new(Parcel { identity, body: Mutex::new(Some(body)) });
        let (handed_over, own) = (parcel.clone(), owner.clone());
        let crew = owner.crew();
        let mut members = crew.members.lock(); // the last local: released before the parcel is dropped
        if members.closed {
            return Err(io::Error::other(crew.over));
        }
        let key = members.next;
        members.next += 1;
        let handle = thread::spawn(name, stack_size, place, move || {
            handed_over.identity.note_os_id();
            let body = handed_over.body.lock().take();
            drop(handed_over);
            let body = body.expect("nobody else opens the parcel");
            let result = body(&own);
            let left = own.crew().leave(key, |last| leaving(&own, result, last));
            panic::drop_apart(left);
            panic::drop_apart(Arc::into_inner(own));
        })?;
        members.present += 1;
        if members.threads.is_empty() {
            members.threads.reserve_exact(1); // most crews are of one, and `push` makes room for four
        }
        members.threads.push(Member { key, thread: parcel.clone(), handle });
        Ok(())
    }

    /// For [`spawn`](Self::spawn): nobody is told of it.
    #[allow(clippy::unused_self)] // as the others have it
    pub(crate) fn tell_nobody(&self, (): (), _last: bool) -> Option<()> {
        None
    }

    fn leave<L>(&self, key: u64, leaving: impl FnOnce(bool) -> L) -> L {
        let mut members = self.members.lock();
        let ended = members.has_left(key);
        let left = self.one_less(&mut members, leaving);
        drop(members);
        ended.into_iter().for_each(join);
        left
    }

    /// The owner will spawn no more: whoever leaves last from now on closes the crew. `leaving` is
    /// told whether it was the owner.
    pub(crate) fn owner_leaves(&self, leaving: impl FnOnce(bool)) {
        self.one_less(&mut self.members.lock(), leaving);
    }

    fn one_less<L>(&self, members: &mut Members, leaving: impl FnOnce(bool) -> L) -> L {
        members.present -= 1;
        let last = members.present == 0;
        members.closed |= last;
        let left = leaving(last);
        // Few ever wait here, and only at the end of a run: telling them of each costs nothing.
        self.members.notify_all();
        left
    }

    /// Waits until at most `rest` have not left, until `deadline` at the latest.
    pub(crate) fn wait_for_at_most(&self, rest: usize, deadline: Option<Instant>) {
        drop(self.members.wait_while_until(deadline, |members| members.present > rest));
    }

    /// Joins those that have left. A thread leaves as its last act, so this takes no longer than the
    /// end of a thread does.
    pub(crate) fn join_left(&self) {
        let left = std::mem::take(&mut self.members.lock().left);
        left.into_iter().for_each(join);
    }

    /// Lets nobody in any more, lists those that have not left, and joins the others. In this order: one
    /// that leaves in between is then listed or joined, or both.
    pub(crate) fn abandon(&self) -> Vec<ThreadStatus> {
        self.members.lock().closed = true;
        let threads = self.threads();
        self.join_left();
        threads
    }

    /// What can be seen of those that have not left.
    pub(crate) fn threads(&self) -> Vec<ThreadStatus> {
        let threads: Vec<_> =
            self.members.lock().threads.iter().map(|member| member.thread.clone()).collect();
        threads.iter().map(|thread| thread.identity().status()).collect()
    }
}

impl Members {
    /// Notes that it has left; hands out those that had left before and have ended, which are to be joined.
    fn has_left(&mut self, key: u64) -> Vec<Member> {
        if self.left.is_empty() && matches!(&*self.threads, [only] if only.key == key) {
            // Most crews are of one: the list is the other one now, and takes no more memory.
            std::mem::swap(&mut self.threads, &mut self.left);
            return Vec::new();
        }
        let ended = self.left.extract_if(.., |member| member.handle.is_finished()).collect();
        let position = self.threads.iter().position(|member| member.key == key);
        debug_assert!(position.is_some(), "a thread is listed before it can leave");
        self.left.extend(position.map(|position| self.threads.swap_remove(position)));
        ended
    }
}

/// The body of every thread is inside the panic boundary, so there is no panic to pass on.
fn join(member: Member) {
    let result = member.handle.join();
    debug_assert!(result.is_ok(), "a thread's body is inside the panic boundary");
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Says at the very end of its thread, when that can be joined, that it was there.
    struct Ends(crossbeam_channel::Sender<String>);

    impl Drop for Ends {
        fn drop(&mut self) {
            let name = std::thread::current().name().unwrap_or_default().to_owned();
            std::thread::yield_now(); // others may look meanwhile
            self.0.send(name).unwrap();
        }
    }

    thread_local! {
        static ENDS: std::cell::RefCell<Option<Ends>> = const { std::cell::RefCell::new(None) };
    }

    #[test]
    fn l11_whoever_leaves_while_the_others_are_listed_is_listed_or_joined() {
        for _ in 0..300 {
            let crew = Arc::new(Crew::new(RUN_IS_OVER));
            let (ends, ended) = crossbeam_channel::unbounded();
            let (open, gate) = crossbeam_channel::bounded::<()>(0);
            for number in 0..8 {
                let (ends, gate) = (Ends(ends.clone()), gate.clone());
                let body = move |_: &Arc<Crew>| {
                    ENDS.with(|it| it.replace(Some(ends)));
                    let _ = gate.recv();
                };
                let place = Place::Helper { run: 0 };
                let name = format!("thread-{number}").into();
                Crew::spawn(&crew, &name, None, place, body, Crew::tell_nobody).unwrap();
            }
            drop(open);
            let listed = crew.abandon().into_iter().map(|thread| thread.name);
            let accounted: HashSet<String> = listed.chain(ended.try_iter()).collect();
            assert_eq!(accounted.len(), 8, "{accounted:?}");
            crew.wait_for_at_most(1, None); // the owner, who is this one
            crew.join_left();
        }
    }
}

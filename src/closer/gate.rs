//! One side that things enter and leave: a [`Count`] with everything that hangs on it, which is the
//! notification of its closing, the names of those inside, and the gates that close when this one
//! has drained. [`Closer`](super::Closer) is one gate, [`ChannelCloser`](super::ChannelCloser) two.

use std::fmt;
use std::sync::Arc;

use crate::sync::Mutex;

use super::count::Count;
use super::names::Names;
use super::notify::CloseNotify;

pub(super) struct Gate {
    pub(super) count: Count,
    pub(super) names: Mutex<Names>,
    closed: CloseNotify,
    /// What to close when this gate has drained.
    followers: Mutex<Vec<Arc<Gate>>>,
}

impl Gate {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            count: Count::new(),
            names: Mutex::default(),
            closed: CloseNotify::new(),
            followers: Mutex::default(),
        })
    }

    pub(super) fn closed(&self) -> &CloseNotify {
        &self.closed
    }

    /// Closes this gate, and all that follow as far as they find nobody inside.
    pub(super) fn close(&self) {
        if self.shut() {
            self.drained();
        }
    }

    /// One leaves; the last one out closes what follows.
    #[inline]
    pub(super) fn leave(&self) {
        if self.count.done() {
            self.drained();
        }
    }

    /// Closes `next` when this gate has drained: on the thread of whoever leaves last, or on this
    /// one if that has been.
    pub(super) fn then_close(&self, next: &Arc<Gate>) {
        self.followers.lock().push(Arc::clone(next));
        // The last to leave sets the drained latch before it takes this lock, once, to collect the
        // followers. So either it found `next` there, or it has been, and `next` is left to us.
        if self.count.is_drained() {
            self.drained();
        }
    }

    /// A loop where a recursion would read better: a long row of empty gates takes no deep stack.
    #[cold]
    fn drained(&self) {
        let mut following = self.take_followers();
        while let Some(gate) = following.pop() {
            if gate.shut() {
                following.append(&mut gate.take_followers());
            }
        }
    }

    fn shut(&self) -> bool {
        self.count.close(|| self.closed.set())
    }

    fn take_followers(&self) -> Vec<Arc<Gate>> {
        std::mem::take(&mut *self.followers.lock())
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("closed", &self.closed.is_closed())
            .field("running", &self.count.remaining())
            .finish_non_exhaustive()
    }
}

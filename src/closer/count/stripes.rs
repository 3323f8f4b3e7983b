//! Where a count is kept while it is open: on several words, so that cores which count at the same
//! time do not take one cache line from each other. It knows how to count and how to end it, and not
//! what for; the protocol is in `protocol.md`.

use crate::sync::{AtomicIsize, OnceLock, Ordering, available_cores, thread_number};

/// No more stripes than this, however many cores there are: 4 KiB.
const MOST: usize = 32;

/// The bit that ends the counting on a stripe. What is counted is above it.
const MARK: isize = 1;
const ONE: isize = 2;

/// One word, alone on its cache line, and on its neighbour, which processors of today fetch with it.
#[derive(Debug)]
#[repr(align(128))]
struct Stripe(AtomicIsize);

/// All the stripes of a count. Threads are spread over them; a thread always counts on the same one,
/// up and down, also for what another thread has counted up. So a stripe may be negative, and only
/// their sum says something.
///
/// They are made by whoever comes first. An `add` makes as many as are good for the cores. What marks
/// them makes a single one, as nobody has counted and nobody will: so what is never used never asks
/// how many cores there are, for which the system reads files.
#[derive(Debug)]
pub(super) struct Stripes(OnceLock<Box<[Stripe]>>);

/// So many, that have counted nothing.
fn make(count: usize) -> Box<[Stripe]> {
    (0..count).map(|_| Stripe(AtomicIsize::new(0))).collect()
}

/// Twice as many as there are cores, as threads are not dealt out evenly; a power of two.
fn stripes_for(cores: usize) -> usize {
    cores.saturating_mul(2).min(MOST).next_power_of_two()
}

impl Stripes {
    pub(super) fn new() -> Self {
        Self(OnceLock::new())
    }

    #[inline]
    fn of_this_thread(&self) -> &AtomicIsize {
        let stripes = self.0.get_or_init(|| make(stripes_for(available_cores())));
        &stripes[thread_number() & (stripes.len() - 1)].0
    }

    /// One more; false if its stripe is marked, and then it counts for nothing.
    ///
    /// Acquire: who is refused sees what was done before the mark.
    #[inline]
    pub(super) fn add(&self) -> bool {
        self.of_this_thread().fetch_add(ONE, Ordering::Acquire) & MARK == 0
    }

    /// One less; false if its stripe is marked, and then it is to be counted elsewhere.
    ///
    /// Release: who marks the stripe sees what was done before this.
    #[inline]
    pub(super) fn done(&self) -> bool {
        self.of_this_thread().fetch_sub(ONE, Ordering::Release) & MARK == 0
    }

    /// Marks the stripes, one after the other, and takes what each had counted till then: the sum.
    /// Only once, and by one thread.
    ///
    /// Both orderings are the other ends of those of `add` and `done`.
    pub(super) fn mark(&self) -> isize {
        let stripes = self.0.get_or_init(|| make(1));
        total(stripes.iter().map(|stripe| {
            let before = stripe.0.fetch_add(MARK, Ordering::AcqRel);
            debug_assert!(before & MARK == 0, "marked twice");
            before
        }))
    }

    /// The sum of the stripes, read one after the other. Only while none is marked.
    pub(super) fn sum(&self) -> isize {
        let stripes = self.0.get().map_or(&[][..], |stripes| stripes);
        total(stripes.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)))
    }
}

/// What the words come to. Added up before they are halved: a stripe on which others count down what
/// this one counts up wraps some day, and only the sum of the words is right then.
fn total(words: impl Iterator<Item = isize>) -> isize {
    words.fold(0, isize::wrapping_add) / ONE
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn c6_there_are_stripes_for_the_cores_and_not_too_many() {
        let stripes = [1, 2, 3, 4, 8, 16, 17, 1000, usize::MAX].map(stripes_for);
        assert_eq!(stripes, [2, 4, 8, 8, 16, 32, 32, 32, 32]);
        assert_eq!(size_of::<Stripe>(), 128, "the docs of `Closer` say so");
    }

    #[test]
    fn c6_a_thread_counts_on_one_stripe_and_their_sum_is_the_count() {
        let stripes = Stripes::new();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert!(stripes.add() && stripes.add()));
            }
        });
        let made = stripes.0.get().unwrap();
        assert!(made.iter().all(|stripe| stripe.0.load(Ordering::Relaxed) % (2 * ONE) == 0));
        assert_eq!(stripes.sum(), 8);
    }

    #[test]
    fn c6_the_first_add_makes_them_and_a_close_before_it_makes_one_that_refuses() {
        let stripes = Stripes::new();
        assert_eq!((stripes.0.get().is_none(), stripes.sum()), (true, 0));
        assert!(stripes.add());
        assert_eq!(stripes.0.get().unwrap().len(), stripes_for(available_cores()));

        let stripes = Stripes::new();
        assert_eq!(stripes.mark(), 0);
        assert_eq!(stripes.0.get().unwrap().len(), 1);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert!(!stripes.add()));
            }
        });
    }

    #[test]
    fn c6_a_stripe_that_is_marked_refuses_and_its_count_is_moved_once() {
        let stripes = Stripes::new();
        assert!(stripes.add() && stripes.add() && stripes.done());
        assert_eq!(stripes.mark(), 1);
        assert!(!stripes.add());
        assert!(!stripes.done(), "to be counted elsewhere");
    }

    /// Stripes that stand at these words.
    fn with<const N: usize>(words: [isize; N]) -> Stripes {
        Stripes(OnceLock::from(Box::from(words.map(|word| Stripe(AtomicIsize::new(word))))))
    }

    /// One thread counts up for ever what others count down.
    #[test]
    fn c6_a_stripe_that_wraps_leaves_the_sum_right() {
        let words = || [isize::MAX - 1, 2 - isize::MAX - 1, 8, -4].into_iter();
        assert_eq!(total(words()), 2);
        let full = [isize::MAX - 1, ONE, isize::MIN, ONE]; // the first has wrapped with the second
        let stripes = with(full);
        assert_eq!(stripes.sum(), 1);
        assert_eq!(stripes.mark(), 1);
    }

    /// What is counted on a stripe after the mark wraps some day, and leaves the mark alone.
    #[test]
    fn c6_no_number_of_refused_adds_takes_the_mark_away() {
        let stripe = (isize::MAX - 4) | MARK;
        let stripes = with([stripe]);
        for _ in 0..8 {
            assert!(!stripes.add());
        }
    }
}

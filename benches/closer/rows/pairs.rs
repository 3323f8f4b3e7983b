//! Entering and leaving at once: on one thread, and on all cores at the same time.

use std::thread;

use super::crew::{Crew, Work};
use super::paired::statistics::Target;
use super::paired::{Bench, Variant, together};
use super::peers::{
    Apart, ArcAndTwoAtomics, Borrowed, LockAndCounter, Owned, Pair, Receiving, Sending,
    TaskTracker, TwoAtomics, WaitGroup,
};

const ONE: &str = "pair, one thread";
const ALL: &str = "pair, all cores";
const FASTER: &str = "pair, all cores to one thread";
const ON_ONE: &str = "on one thread";

pub(crate) fn rows(bench: &mut Bench) {
    let bare = Target::AtMost(1.2);
    on_one_thread::<Borrowed, TwoAtomics>(bench, Some(bare));
    on_one_thread::<Sending, TwoAtomics>(bench, Some(bare));
    on_one_thread::<Receiving, TwoAtomics>(bench, Some(bare));
    on_one_thread::<Owned, ArcAndTwoAtomics>(bench, None);
    on_one_thread::<Borrowed, WaitGroup>(bench, None);
    on_one_thread::<Borrowed, TaskTracker>(bench, None);
    on_one_thread::<Borrowed, LockAndCounter>(bench, None);

    let cores = thread::available_parallelism().map_or(1, usize::from);
    if cores == 1 {
        println!("One core: nothing to see of all cores at once.\n");
        return;
    }
    // Of 0.5 on two cores, were there nothing that they share.
    let falls = Target::AtMost(1.2 / f64::from(u32::try_from(cores).expect("not so many cores")));
    let quarter = Target::AtMost(0.25);
    // What this machine gives at best while this runs, and what counting on one word makes of it.
    on_more_threads::<Apart>(bench, cores, None);
    on_more_threads::<TwoAtomics>(bench, cores, None);
    on_more_threads::<Borrowed>(bench, cores, Some(falls));
    on_more_threads::<Sending>(bench, cores, Some(falls));
    on_more_threads::<Receiving>(bench, cores, Some(falls));
    on_more_threads::<Owned>(bench, cores, None);
    on_all_cores::<Borrowed, WaitGroup>(bench, cores, Some(quarter));
    on_all_cores::<Borrowed, TaskTracker>(bench, cores, Some(quarter));
    on_all_cores::<Borrowed, LockAndCounter>(bench, cores, Some(quarter));
    on_all_cores::<Owned, WaitGroup>(bench, cores, None);
}

fn on_one_thread<S: Pair, B: Pair>(bench: &mut Bench, target: Option<Target>) {
    let (subject, base) = (checked::<S>(), checked::<B>());
    let mut ours = Variant::new(S::NAME, together(|| subject.pair()));
    let mut theirs = Variant::new(B::NAME, together(|| base.pair()));
    row(bench, ONE, [&mut ours, &mut theirs], target);
    subject.check_empty();
    base.check_empty();
}

fn on_all_cores<S: Pair, B: Pair>(bench: &mut Bench, cores: usize, target: Option<Target>) {
    let (subject, base) = (checked::<S>(), checked::<B>());
    let crews = [crew(&subject, cores), crew(&base, cores)];
    let mut ours = by(&crews[0], S::NAME);
    let mut theirs = by(&crews[1], B::NAME);
    row(bench, ALL, [&mut ours, &mut theirs], target);
    subject.check_empty();
    base.check_empty();
}

/// The time of one pair, as the wall clock has it: it falls with the number of threads unless they
/// are in each other's way.
fn on_more_threads<P: Pair>(bench: &mut Bench, cores: usize, target: Option<Target>) {
    let (all, one) = (checked::<P>(), checked::<P>());
    let crews = [crew(&all, cores), crew(&one, 1)];
    let mut on_all = by(&crews[0], P::NAME);
    let mut on_one = by(&crews[1], ON_ONE);
    row(bench, FASTER, [&mut on_all, &mut on_one], target);
    all.check_empty();
    one.check_empty();
}

/// Not judged where others had a core in more than a tenth of the rounds.
fn by<'a>(crew: &'a Crew, name: &'static str) -> Variant<'a> {
    Variant::new(name, crew.shared()).doubtful_if(|| crew.disturbed() > 6)
}

fn crew<P: Pair>(pair: &P, size: usize) -> Crew {
    let member = || {
        let pair = pair.clone();
        Box::new(move |times| _ = together(|| pair.pair())(times)) as Work
    };
    Crew::new((0..size).map(|_| member()).collect())
}

fn row(bench: &mut Bench, what: &str, [subject, base]: [&mut Variant; 2], target: Option<Target>) {
    match target {
        Some(target) => bench.compare(what, subject, base, target),
        None => bench.show(what, subject, base),
    }
}

/// What is compared has to do the same: to count.
fn checked<P: Pair>() -> P {
    let pair = P::new();
    pair.check();
    pair.check_empty();
    pair
}

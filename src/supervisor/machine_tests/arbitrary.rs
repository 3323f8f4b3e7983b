//! S10: random trees in a random world, held against an independent model after each input. What is
//! found has a seed, and the seed alone repeats it; the failure says both it and what happened.

use std::time::Instant;

use super::seen::{KINDS, NAMES};
use super::world::World;
use crate::{clock, panic};

/// How many inputs there are at least in each half.
const INPUTS: u64 = 1_000_000;

/// What has to come up again and again, or the worlds are not worth the time.
const INTERESTING: u64 = 500;

#[test]
fn s10_whatever_happens_the_machine_decides_what_the_model_says_and_comes_to_its_end() {
    explore(0);
}

/// On a second core.
#[test]
fn s10_and_so_it_does_in_as_many_worlds_again() {
    explore(1 << 32);
}

fn explore(first: u64) {
    let origin = clock::now();
    let (mut inputs, mut seed) = (0, first);
    let mut counts = [0_u64; KINDS];
    while inputs < INPUTS {
        let mut world = World::new(seed, origin, false);
        if panic::catch(|| world.run()).is_err() {
            repeat(seed, origin);
        }
        inputs += world.inputs;
        for (count, happened) in counts.iter_mut().zip(world.has_seen()) {
            *count += u64::from(happened);
        }
        seed += 1;
    }
    let counts: Vec<_> = NAMES.into_iter().zip(counts).collect();
    assert!(counts.iter().all(|&(_, count)| count >= INTERESTING), "{counts:?}");
}

/// The same once more, with a record of what happens.
fn repeat(seed: u64, origin: Instant) -> ! {
    let mut world = World::new(seed, origin, true);
    let panic = panic::catch(|| world.run()).expect_err("a seed repeats what it did");
    panic!("seed {seed}: {panic}\n{}", world.trace());
}

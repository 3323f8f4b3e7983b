//! S10: random trees in a random world, held against an independent model after each input. What is
//! found has a seed, and the seed alone repeats it; the failure says it, and what happened in a world
//! that is as small as can be found in a moment.

use std::collections::BTreeMap;
use std::time::Instant;

use super::tree::NODES;
use super::world::{Size, World};
use crate::{clock, panic};

/// How many inputs there are at least in each half.
const INPUTS: u64 = 1_000_000;

/// What has to come up again and again, or the worlds are not worth the time.
const INTERESTING: u64 = 50;

/// In how many worlds of each size a smaller example is looked for.
const NEARBY: u64 = 3_000;

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
    let mut counts = BTreeMap::new();
    while inputs < INPUTS {
        let mut world = World::new(seed, origin, Size::FULL);
        if panic::catch(|| world.run()).is_err() {
            repeat(seed, origin);
        }
        inputs += world.inputs;
        for (kind, happened) in world.has_seen() {
            *counts.entry(kind).or_insert(0) += u64::from(happened);
        }
        seed += 1;
    }
    assert!(counts.values().all(|&count| count >= INTERESTING), "{counts:?}");
}

/// Once more, with a record of what happens, in the smallest world nearby in which anything goes wrong:
/// as a rule it is the same thing.
fn repeat(seed: u64, origin: Instant) -> ! {
    let small = (2..=NODES).find_map(|nodes| {
        let size = Size { nodes, trace: false };
        let inputs = |seed| {
            let mut world = World::new(seed, origin, size);
            panic::catch(|| world.run()).is_err().then_some((world.inputs, seed))
        };
        let (_, seed) = (seed..seed + NEARBY).filter_map(inputs).min()?;
        Some((seed, size))
    });
    let (small, size) = small.unwrap_or((seed, Size::FULL));
    let mut world = World::new(small, origin, Size { trace: true, ..size });
    let panic = panic::catch(|| world.run()).expect_err("a seed repeats what it did");
    panic!("seed {seed}; {small} with {} nodes: {panic}\n{}", size.nodes, world.trace());
}

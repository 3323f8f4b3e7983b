//! An index of names that are kept elsewhere: a hash table of places, without a copy of a name in
//! it. A group looks each of its names up a few times, so what counts is what it costs to make.

/// Places by name, which need not be text. Whoever asks says which name is at a place.
#[derive(Debug)]
pub(super) struct Names {
    /// A power of two, never more than half full. A name is where its hash says, or in one of the
    /// next slots up to a free one.
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Place + 1, or 0 where there is none.
    place: u32,
    /// So that most of the other names need not be looked at.
    hash: u32,
}

impl Names {
    /// For at most so many.
    pub(super) fn for_up_to(count: usize) -> Self {
        Self { slots: vec![Slot::default(); (2 * count + 1).next_power_of_two()] }
    }

    /// The place of the name.
    pub(super) fn get<'a>(&self, name: &[u8], at: impl Fn(usize) -> &'a [u8]) -> Option<usize> {
        self.find(name, hash(name), at).ok()
    }

    /// Adds the name at a place, unless it is in already: then it is said where.
    ///
    /// # Errors
    ///
    /// The place of the other.
    pub(super) fn add<'a>(
        &mut self,
        place: usize,
        name: &[u8],
        at: impl Fn(usize) -> &'a [u8],
    ) -> Result<(), usize> {
        let hash = hash(name);
        match self.find(name, hash, at) {
            Ok(other) => Err(other),
            Err(slot) => {
                let place = u32::try_from(place + 1).expect("fewer than 2³² flags");
                self.slots[slot] = Slot { place, hash };
                Ok(())
            }
        }
    }

    /// The place of the name, or the free slot where it would stand.
    fn find<'a>(
        &self,
        name: &[u8],
        hash: u32,
        at: impl Fn(usize) -> &'a [u8],
    ) -> Result<usize, usize> {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let there = self.slots[slot];
            let place = there.place as usize;
            if place == 0 {
                return Err(slot);
            }
            if there.hash == hash && at(place - 1) == name {
                return Ok(place - 1);
            }
            slot = (slot + 1) & mask;
        }
    }
}

/// Eight bytes at a time, each mixed in by a multiplication (Fx, as in Firefox and rustc). The names
/// are the program's own: nobody chooses them so that they clash.
fn hash(name: &[u8]) -> u32 {
    const FACTOR: u64 = 0xf135_7aea_2e62_a9c5;
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = name.as_chunks::<8>();
    let hash =
        words.iter().fold(name.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    // The last eight, though some of them were in already: a rest of any length would have to be
    // copied first.
    let last = match name.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    (mix(hash, last) >> 32) as u32 // the upper half is the well-mixed one
}

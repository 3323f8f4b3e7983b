//! An index of names that are kept elsewhere: a hash table of places, without a copy of a name in
//! it. A group looks each of its names up a few times, so what counts is what it costs to make.

/// Places by name, which need not be text. Whoever asks says which name is at a place.
#[derive(Debug)]
pub(crate) struct Names {
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
    pub(crate) fn for_up_to(count: usize) -> Self {
        Self { slots: vec![Slot::default(); (2 * count + 1).next_power_of_two()] }
    }

    /// The place of the name.
    pub(crate) fn get<'a>(&self, name: &[u8], at: impl Fn(usize) -> &'a [u8]) -> Option<usize> {
        self.find(name, hash(name), at).ok()
    }

    /// Adds the name at a place, unless it is in already: then it is said where.
    ///
    /// # Errors
    ///
    /// The place of the other.
    pub(crate) fn add<'a>(
        &mut self,
        place: usize,
        name: &[u8],
        at: impl Fn(usize) -> &'a [u8],
    ) -> Result<(), usize> {
        let hash = hash(name);
        match self.find(name, hash, at) {
            Ok(other) => Err(other),
            Err(slot) => {
                let place = u32::try_from(place + 1).expect("fewer than 2³² names");
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
        // By the uppermost bits: on those below, the end of a name has no influence, where many differ.
        let mut slot = ((u64::from(hash) * self.slots.len() as u64) >> 32) as usize;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("unit-{number}-listen")).collect()
    }

    #[test]
    fn f3_every_name_of_many_is_found_at_its_place_and_no_other_name_is() {
        for count in [0, 1, 2, 3, 4, 200, 1000] {
            let all = names(count);
            let at = |place: usize| all[place].as_bytes();
            let mut index = Names::for_up_to(count);
            for (place, name) in all.iter().enumerate() {
                assert_eq!(index.get(name.as_bytes(), at), None, "not yet");
                assert_eq!(index.add(place, name.as_bytes(), at), Ok(()));
            }
            for (place, name) in all.iter().enumerate() {
                assert_eq!(index.get(name.as_bytes(), at), Some(place));
            }
            for other in ["", "unit", "unit-0", "unit-0-liste", "unit-0-listen-", "UNIT-0-LISTEN"] {
                assert_eq!(index.get(other.as_bytes(), at), None, "{other}");
            }
        }
    }

    #[test]
    fn f3_a_name_that_is_in_already_is_refused_with_its_place() {
        let all = ["listen", "data", "listen"].map(str::as_bytes);
        let at = |place: usize| all[place];
        let mut index = Names::for_up_to(all.len());
        assert_eq!(index.add(0, all[0], at), Ok(()));
        assert_eq!(index.add(1, all[1], at), Ok(()));
        assert_eq!(index.add(2, all[2], at), Err(0));
        assert_eq!(index.get(b"listen", at), Some(0));
    }

    /// Names that somebody counts, or that begin or end alike, as those of units and flags do.
    #[test]
    fn l3_names_that_differ_little_do_not_stand_in_a_row() {
        const COUNT: usize = 10_000;
        let kinds: [fn(usize) -> String; 4] = [
            |number| format!("service-{number}"),
            |number| format!("{number}-listen"),
            |number| format!("shard-{}/unit-{}", number / 100, number % 100),
            |number| format!("{number}"),
        ];
        for kind in kinds {
            let all: Vec<String> = (0..COUNT).map(kind).collect();
            let at = |place: usize| all[place].as_bytes();
            let mut index = Names::for_up_to(COUNT);
            for place in 0..COUNT {
                assert_eq!(index.add(place, at(place), at), Ok(()));
            }
            let rows = index.slots.split(|slot| slot.place == 0);
            let longest = rows.map(<[Slot]>::len).max().unwrap();
            assert!(longest <= 100, "{longest} in a row, of names as {}", all[COUNT / 2]);
        }
    }
}

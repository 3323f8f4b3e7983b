//! An index of names that are kept elsewhere: a hash table of places, without a copy of a name in
//! it. A group looks each of its names up a few times, so what counts is what it costs to make.

/// Places by name. Whoever asks says which name is at a place.
#[derive(Debug)]
pub(super) struct Names {
    /// Place + 1, or 0 where there is none; a power of two, never more than half full. A name is
    /// where its hash says, or in one of the next slots up to a free one.
    slots: Vec<u32>,
}

impl Names {
    /// For at most so many.
    pub(super) fn for_up_to(count: usize) -> Self {
        Self { slots: vec![0; (2 * count + 1).next_power_of_two()] }
    }

    /// The place of the name.
    pub(super) fn get<'a>(&self, name: &str, at: impl Fn(usize) -> &'a str) -> Option<usize> {
        self.find(name, at).ok()
    }

    /// Adds the name at a place, unless it is in already: then it is said where.
    ///
    /// # Errors
    ///
    /// The place of the other.
    pub(super) fn add<'a>(
        &mut self,
        place: usize,
        name: &str,
        at: impl Fn(usize) -> &'a str,
    ) -> Result<(), usize> {
        match self.find(name, at) {
            Ok(other) => Err(other),
            Err(slot) => {
                self.slots[slot] = u32::try_from(place + 1).expect("fewer than 2³² flags");
                Ok(())
            }
        }
    }

    /// The place of the name, or the free slot where it would stand.
    fn find<'a>(&self, name: &str, at: impl Fn(usize) -> &'a str) -> Result<usize, usize> {
        let mask = self.slots.len() - 1;
        let mut slot = hash(name) & mask;
        loop {
            match self.slots[slot] as usize {
                0 => return Err(slot),
                place if at(place - 1) == name => return Ok(place - 1),
                _ => slot = (slot + 1) & mask,
            }
        }
    }
}

/// FNV-1a (Fowler, Noll, Vo), folded. The names are the program's own: nobody chooses them so that
/// they clash.
fn hash(name: &str) -> usize {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    usize::try_from((hash ^ (hash >> 32)) & 0xffff_ffff).unwrap_or(0) // it fits
}

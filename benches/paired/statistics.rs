//! What is concluded from paired rounds: the median of their ratios, how sure that is, and whether a
//! target is met. Pure: it reads no clock and prints nothing. `tests/bench_statistics.rs` tests it.

/// How often the rounds are drawn again to see how much their median depends on which there were.
const RESAMPLES: usize = 10_000;

/// The share of resampled medians that the interval leaves out at each end: 95 % are in it.
const TAIL: f64 = 0.025;

/// The same rounds give the same interval.
const SEED: u64 = 0x7275_6e67_726f_7570;

/// The median of some ratios, with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

/// What a ratio has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    AtMost(f64),
    Below(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of the interval is within the target.
    Met,
    /// All of it is beyond.
    Missed,
    /// The target is inside it: more rounds or a quieter machine would tell.
    Unresolved,
}

impl Estimate {
    /// By the percentile bootstrap (Efron): the rounds are drawn again and again, with replacement,
    /// and the interval holds the middle 95 % of the medians.
    ///
    /// # Panics
    ///
    /// If there are no ratios.
    pub fn of(ratios: &[f64]) -> Self {
        let mut random = SplitMix(SEED);
        let mut medians: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let mut drawn: Vec<f64> =
                    ratios.iter().map(|_| ratios[random.below(ratios.len())]).collect();
                median(&mut drawn)
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        Self {
            median: median(&mut ratios.to_vec()),
            low: quantile(&medians, TAIL),
            high: quantile(&medians, 1.0 - TAIL),
        }
    }

    pub fn verdict(&self, target: Target) -> Verdict {
        let is_within = |ratio: f64| match target {
            Target::AtMost(most) => ratio <= most,
            Target::Below(bound) => ratio < bound,
        };
        match (is_within(self.low), is_within(self.high)) {
            (true, true) => Verdict::Met,
            (false, false) => Verdict::Missed,
            _ => Verdict::Unresolved,
        }
    }
}

/// The middle value, or the mean of the two middle ones.
///
/// # Panics
///
/// If there are none.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    if values.len() % 2 == 1 {
        values[upper]
    } else {
        f64::midpoint(values[upper - 1], values[upper])
    }
}

/// The value below which a share of the sorted values is: the nearest rank.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    // Not negative, and far below 2⁵²: exact.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// Steele, Lea and Flood's generator ("Fast splittable pseudorandom number generators", 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The upper half of the product is a number below `bound`; the bias is about `bound` / 2⁶⁴.
    fn below(&mut self, bound: usize) -> usize {
        let product = u128::from(self.next()) * bound as u128;
        usize::try_from(product >> 64).expect("below a usize")
    }
}

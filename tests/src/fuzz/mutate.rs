//! Changes bytes without knowing what they mean: the same changes for the same seed, on every machine.

/// Numbers that look random and are not: SplitMix64 (Steele, Lea, Flood, 2014). For tests only.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Numbers that follow from a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^ (value >> 31)
    }

    /// A number below a limit; 0 when the limit is 0. The slight preference for small ones does no harm here.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % limit).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        let [byte, ..] = self.next().to_le_bytes();
        byte
    }
}

/// Most bytes of a changed input: what grows beyond is cut, or every run would end with inputs over every
/// budget.
const MAX_INPUT: usize = 1 << 20;
/// Most changes to one input.
const MAX_CHANGES: usize = 6;
/// Integers at which lengths and counts go wrong.
const BOUNDARIES: [u64; 16] = [
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x1_0000,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFF,
    0x7FFF_FFFF_FFFF_FFFF,
    u64::MAX,
];

/// Makes inputs out of seeds.
#[derive(Clone, Debug)]
pub struct Mutator {
    random: Random,
    seeds: Vec<Vec<u8>>,
}

impl Mutator {
    /// Inputs that follow from a seed number and genuine inputs.
    #[must_use]
    pub const fn new(seed: u64, seeds: Vec<Vec<u8>>) -> Self {
        Self { random: Random::new(seed), seeds }
    }

    /// The next input.
    pub fn mutant(&mut self) -> Vec<u8> {
        let mut bytes = self.any_seed();
        for _ in 0..=self.random.below(MAX_CHANGES) {
            self.change(&mut bytes);
        }
        bytes.truncate(MAX_INPUT);
        bytes
    }

    fn any_seed(&mut self) -> Vec<u8> {
        let position = self.random.below(self.seeds.len());
        self.seeds.get(position).cloned().unwrap_or_default()
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.random.below(bytes.len());
        match self.random.below(10) {
            0 => flip(bytes, at, 1 << self.random.below(8)),
            1 => flip(bytes, at, self.random.byte()),
            2 => self.boundary(bytes, at),
            3 => self.nudge(bytes, at),
            4 => bytes.truncate(at),
            5 => self.insert(bytes, at),
            6 => self.remove(bytes, at),
            7 => self.repeat(bytes, at),
            8 => self.splice(bytes, at),
            _ => self.own_length(bytes, at),
        }
    }

    /// Writes an integer at a boundary, in 1, 2, 4 or 8 bytes, in either order.
    fn boundary(&mut self, bytes: &mut [u8], at: usize) {
        let value = BOUNDARIES.get(self.random.below(BOUNDARIES.len())).copied().unwrap_or_default();
        self.integer(bytes, at, value);
    }

    /// Writes a number near the length of the input, or of what follows: where a length field may stand.
    fn own_length(&mut self, bytes: &mut [u8], at: usize) {
        let whole = if self.random.below(2) == 0 { bytes.len() } else { bytes.len() - at };
        let value = u64::try_from(whole + self.random.below(9)).unwrap_or(u64::MAX);
        self.integer(bytes, at, value.saturating_sub(8));
    }

    fn integer(&mut self, bytes: &mut [u8], at: usize, value: u64) {
        let size = 1 << self.random.below(4);
        let big_endian = self.random.below(2) == 0;
        let little = value.to_le_bytes();
        let mut written: Vec<u8> = little.iter().take(size).copied().collect();
        if big_endian {
            written.reverse();
        }
        bytes.iter_mut().skip(at).zip(written).for_each(|(byte, new)| *byte = new);
    }

    /// Adds a small number to a byte: lengths and counts that are nearly right.
    fn nudge(&mut self, bytes: &mut [u8], at: usize) {
        let by = [1, 2, 4, 8, 16, 255, 254, 252].get(self.random.below(8)).copied().unwrap_or(1);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = byte.wrapping_add(by);
        }
    }

    fn insert(&mut self, bytes: &mut Vec<u8>, at: usize) {
        let fill = self.random.byte();
        let count = self.random.below(17);
        let random = self.random.below(2) == 0;
        let new: Vec<u8> = (0..count).map(|_| if random { self.random.byte() } else { fill }).collect();
        bytes.splice(at..at, new);
    }

    fn remove(&mut self, bytes: &mut Vec<u8>, at: usize) {
        let end = (at + self.random.below(33)).min(bytes.len());
        bytes.drain(at..end);
    }

    /// Repeats a piece, sometimes often: nesting, lists that are too long.
    fn repeat(&mut self, bytes: &mut Vec<u8>, at: usize) {
        let end = (at + 1 + self.random.below(64)).min(bytes.len());
        let times = if self.random.below(16) == 0 { 1 + self.random.below(4096) } else { 1 };
        let piece: Vec<u8> = bytes.get(at..end).unwrap_or_default().repeat(times);
        bytes.splice(at..at, piece);
    }

    /// Takes a piece of another seed, in place of as many bytes or between them.
    fn splice(&mut self, bytes: &mut Vec<u8>, at: usize) {
        let other = self.any_seed();
        let from = self.random.below(other.len());
        let to = (from + self.random.below(257)).min(other.len());
        let piece = other.get(from..to).unwrap_or_default().to_vec();
        let over = if self.random.below(2) == 0 { (at + piece.len()).min(bytes.len()) } else { at };
        bytes.splice(at..over, piece);
    }
}

fn flip(bytes: &mut [u8], at: usize, mask: u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_inputs() {
        let seeds = vec![b"a genuine input".to_vec(), vec![0; 100], Vec::new()];
        let inputs = |seed| {
            let mut mutator = Mutator::new(seed, seeds.clone());
            (0..2000).map(|_| mutator.mutant()).collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        let changed = inputs(1).into_iter().filter(|input| !seeds.contains(input)).count();
        assert!(changed > 1500, "{changed} of 2000 are not a seed");
    }

    #[test]
    fn nothing_to_start_from_is_no_reason_to_fail() {
        let mut mutator = Mutator::new(7, Vec::new());
        assert!((0..100).map(|_| mutator.mutant().len()).max().is_some());
    }
}

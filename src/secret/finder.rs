//! Finds patterns in bytes, and passes over most of the bytes without looking at them.
//!
//! Whatever begins at a place has its first bytes in the window there, which is as long as the shortest pattern. The last two
//! bytes of a window say how far the next one may be in which a pattern can begin (Wu and Manber's shift table). Only there,
//! the automaton looks at each byte, until no pattern has begun any more.

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};
use std::ops::Range;

/// Longer windows would be passed over no faster: the more pairs of bytes patterns have, the less a pair says.
const LONGEST_WINDOW: usize = 64;

/// Patterns of at least two bytes each.
pub(super) struct Finder {
    automaton: NFA,
    /// The state in which no pattern has begun.
    root: StateID,
    /// In bytes.
    window: usize,
    /// For each pair of bytes at the end of a window: how many bytes later the next window begins in which a pattern may begin.
    /// 0 if one may begin in this one.
    shifts: Box<[u8; 1 << 16]>,
}

impl Finder {
    pub(super) fn new(patterns: &[Vec<u8>]) -> Finder {
        let least = patterns.iter().map(Vec::len).min().unwrap_or(LONGEST_WINDOW);
        assert!(least >= 2, "bug: a pattern without a pair of bytes");
        let window = least.min(LONGEST_WINDOW);
        let mut shifts = Box::new([window as u8 - 1; 1 << 16]);
        for pattern in patterns {
            for (place, pair) in pattern[..window].windows(2).enumerate() {
                let shift = &mut shifts[place_of(pair[0], pair[1])];
                *shift = (*shift).min((window - 2 - place) as u8);
            }
        }
        // Overlapping patterns must all be found, or the rest of one would be left.
        let mut builder = NFA::builder();
        let automaton = builder.match_kind(MatchKind::Standard).prefilter(false).build(patterns);
        let automaton = automaton.expect("bug: patterns within the limits");
        let root =
            automaton.start_state(Anchored::No).expect("bug: an automaton that finds patterns anywhere");
        Finder { automaton, root, window, shifts }
    }

    /// All places of all patterns, in the order of their ends; of those with the same end the longest.
    pub(super) fn places<'f>(&'f self, bytes: &'f [u8]) -> impl Iterator<Item = Range<usize>> + 'f {
        let mut state = self.root;
        let mut place = 0;
        std::iter::from_fn(move || {
            while place < bytes.len() {
                if state == self.root {
                    place = self.next_window(bytes, place)?;
                }
                state = self.automaton.next_state(Anchored::No, state, bytes[place]);
                place += 1;
                if self.automaton.is_match(state) {
                    let length_of =
                        |index| self.automaton.pattern_len(self.automaton.match_pattern(state, index));
                    let longest = (0..self.automaton.match_len(state)).map(length_of).max();
                    return longest.map(|length| place - length..place);
                }
            }
            None
        })
    }

    /// Where the first window from `place` on begins in which a pattern may begin.
    fn next_window(&self, bytes: &[u8], place: usize) -> Option<usize> {
        let mut last = place + self.window - 1;
        while last < bytes.len() {
            match self.shifts[place_of(bytes[last - 1], bytes[last])] {
                0 => return Some(last + 1 - self.window),
                shift => last += usize::from(shift),
            }
        }
        None
    }
}

fn place_of(first: u8, second: u8) -> usize {
    usize::from(u16::from_be_bytes([first, second]))
}

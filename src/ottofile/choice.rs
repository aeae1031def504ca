//! Which of its choices a value means: exactly, or else whatever its case. Knows texts only.

use std::collections::{BTreeSet, HashMap, HashSet};

/// Beyond this many comparisons words are only looked up one by one.
const MOST_COMPARED: usize = 1_000_000;

pub(crate) struct Choices<'c> {
    exact: HashSet<&'c str>,
    folded: HashMap<String, &'c str>,
    /// How many words a choice may have.
    lengths: BTreeSet<usize>,
}

impl<'c> Choices<'c> {
    pub(crate) fn new(choices: impl Iterator<Item = &'c str>) -> Choices<'c> {
        let mut all = Choices { exact: HashSet::new(), folded: HashMap::new(), lengths: BTreeSet::new() };
        for choice in choices {
            all.exact.insert(choice);
            all.folded.entry(choice.to_lowercase()).or_insert(choice);
            all.lengths.insert(choice.split_ascii_whitespace().count().max(1));
        }
        all
    }

    /// The choice that this is.
    pub(crate) fn one(&self, text: &str) -> Option<&'c str> {
        let exact = self.exact.get(text).copied();
        exact.or_else(|| self.folded.get(&text.to_lowercase()).copied())
    }

    /// The choices that stand in a text with blanks between them, where a choice may itself be several words.
    pub(crate) fn several(&self, text: &str) -> Option<Vec<&'c str>> {
        if let Some(choice) = self.one(text) {
            return Some(vec![choice]);
        }
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        if words.len().saturating_mul(self.lengths.len()) > MOST_COMPARED {
            return words.iter().map(|word| self.one(word)).collect();
        }
        // By the number of words before it: the choice that ends there, and where that one began.
        let mut ending: Vec<Option<(usize, &'c str)>> = vec![None; words.len() + 1];
        for start in 0..words.len() {
            if start > 0 && ending[start].is_none() {
                continue;
            }
            for length in self.lengths.iter().take_while(|length| start + **length <= words.len()) {
                let end = start + length;
                if ending[end].is_none()
                    && let Some(choice) = self.one(&words[start..end].join(" "))
                {
                    ending[end] = Some((start, choice));
                }
            }
        }
        let mut chosen = Vec::new();
        let mut end = words.len();
        while end > 0 {
            let (start, choice) = ending[end]?;
            chosen.push(choice);
            end = start;
        }
        chosen.reverse();
        Some(chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_put_together_to_choices() {
        let choices = Choices::new(["x", "y z", "W", "w", "a", "a b c"].into_iter());
        let several =
            |text: &str| choices.several(text).map_or_else(|| "none".to_owned(), |chosen| chosen.join(" "));
        for (text, wanted) in [
            ("x", "x"),
            ("X Y Z w", "x y z w"),
            ("W w", "W w"),
            ("a b c a", "a b c a"),
            ("a b", "none"),
            ("y", "none"),
            ("", ""),
            ("x  y  z", "x y z"),
        ] {
            assert_eq!(several(text), wanted, "{text}");
        }
        assert_eq!(choices.one("Y Z"), Some("y z"));
        assert_eq!(choices.one("x x"), None);
    }

    proptest! {
        #[test]
        fn what_is_made_of_choices_is_found(
            choices in prop::collection::vec("[ab]{1,2}( [ab]{1,2}){0,2}", 1..5),
            picked in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let text = picked.iter().map(|index| index.get(&choices).as_str()).collect::<Vec<_>>().join(" ");
            let all = Choices::new(choices.iter().map(String::as_str));
            let several = |text: &str| all.several(text).map(|chosen| chosen.join(" "));
            prop_assert_eq!(several(&text), Some(text.clone()));
            prop_assert_eq!(several(&text.to_uppercase()), Some(text.clone()));
            prop_assert_eq!(all.several(&format!("{text} c")), None);
        }
    }
}

//! The functions of make that only turn text into text.

/// A name, how many arguments it takes at least and at most, and what it does.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) arity: usize,
    pub(super) run: fn(&[String]) -> Option<String>,
}

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "subst", arity: 3, run: |a| Some(subst(&a[0], &a[1], &a[2])) },
    Function { name: "patsubst", arity: 3, run: |a| Some(patsubst(&a[0], &a[1], &a[2])) },
    Function { name: "strip", arity: 1, run: |a| Some(words(&a[0]).join(" ")) },
    Function {
        name: "findstring",
        arity: 2,
        run: |a| Some(if a[1].contains(&a[0]) { a[0].clone() } else { String::new() }),
    },
    Function { name: "filter", arity: 2, run: |a| Some(filter(&a[0], &a[1], true)) },
    Function { name: "filter-out", arity: 2, run: |a| Some(filter(&a[0], &a[1], false)) },
    Function {
        name: "sort",
        arity: 1,
        run: |a| {
            let mut words = words(&a[0]);
            words.sort_unstable();
            words.dedup();
            Some(words.join(" "))
        },
    },
    Function {
        name: "word",
        arity: 2,
        run: |a| {
            let at = a[0].trim().parse::<usize>().ok()?.checked_sub(1)?;
            Some(words(&a[1]).get(at).copied().unwrap_or("").to_owned())
        },
    },
    Function {
        name: "wordlist",
        arity: 3,
        run: |a| {
            let from = a[0].trim().parse::<usize>().ok()?.checked_sub(1)?;
            let to = a[1].trim().parse::<usize>().ok()?;
            let words = words(&a[2]);
            let chosen = words.get(from..to.min(words.len())).unwrap_or(&[]);
            let place = |word: &str| word.as_ptr() as usize - a[2].as_ptr() as usize;
            // With the blanks that stand between them.
            Some(match (chosen.first(), chosen.last()) {
                (Some(first), Some(last)) => a[2][place(first)..place(last) + last.len()].to_owned(),
                _ => String::new(),
            })
        },
    },
    Function { name: "words", arity: 1, run: |a| Some(words(&a[0]).len().to_string()) },
    Function { name: "firstword", arity: 1, run: |a| Some(first(words(&a[0]).first())) },
    Function { name: "lastword", arity: 1, run: |a| Some(first(words(&a[0]).last())) },
    Function { name: "dir", arity: 1, run: |a| Some(each(&a[0], |word| directory(word).to_owned())) },
    Function {
        name: "notdir",
        arity: 1,
        run: |a| Some(kept(&a[0], |word| word[directory_end(word)..].to_owned())),
    },
    Function {
        name: "suffix",
        arity: 1,
        run: |a| Some(kept(&a[0], |word| suffix_start(word).map_or("", |at| &word[at..]).to_owned())),
    },
    Function {
        name: "basename",
        arity: 1,
        run: |a| Some(each(&a[0], |word| word[..suffix_start(word).unwrap_or(word.len())].to_owned())),
    },
    Function { name: "addsuffix", arity: 2, run: |a| Some(each(&a[1], |word| format!("{word}{}", a[0]))) },
    Function { name: "addprefix", arity: 2, run: |a| Some(each(&a[1], |word| format!("{}{word}", a[0]))) },
    Function {
        name: "join",
        arity: 2,
        run: |a| {
            let (left, right) = (words(&a[0]), words(&a[1]));
            let at = |words: &[&str], place: usize| words.get(place).copied().unwrap_or("").to_owned();
            let count = left.len().max(right.len());
            let pairs = (0..count).map(|place| at(&left, place) + &at(&right, place));
            Some(pairs.collect::<Vec<_>>().join(" "))
        },
    },
];

/// The work of a function, which is never less than the length of its result.
pub(super) fn work(name: &str, arguments: &[String]) -> usize {
    let count = |place: usize| words(&arguments[place]).len();
    let length = |place: usize| arguments[place].len();
    let more = match name {
        "subst" => length(2) / length(0).max(1) * length(1),
        "patsubst" => count(2) * length(1),
        "addprefix" | "addsuffix" => count(1) * length(0),
        "filter" | "filter-out" => count(0) * count(1),
        _ => 0,
    };
    more + arguments.iter().map(String::len).sum::<usize>()
}

pub(super) fn words(text: &str) -> Vec<&str> {
    text.split([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']).filter(|word| !word.is_empty()).collect()
}

fn first(word: Option<&&str>) -> String {
    word.copied().unwrap_or("").to_owned()
}

fn each(text: &str, change: impl Fn(&str) -> String) -> String {
    words(text).into_iter().map(change).collect::<Vec<_>>().join(" ")
}

/// Each word changed; words of which nothing is left are gone.
fn kept(text: &str, change: impl Fn(&str) -> String) -> String {
    let changed = words(text).into_iter().map(change).filter(|word| !word.is_empty());
    changed.collect::<Vec<_>>().join(" ")
}

fn directory_end(word: &str) -> usize {
    word.rfind('/').map_or(0, |at| at + 1)
}

fn directory(word: &str) -> &str {
    match directory_end(word) {
        0 => "./",
        end => &word[..end],
    }
}

fn suffix_start(word: &str) -> Option<usize> {
    word.rfind('.').filter(|at| *at >= directory_end(word))
}

fn subst(from: &str, to: &str, text: &str) -> String {
    if from.is_empty() { format!("{text}{to}") } else { text.replace(from, to) }
}

/// A pattern with at most one `%`; `\%` is a plain one.
#[derive(Clone, Debug)]
pub(super) struct PercentPattern {
    before: String,
    after: Option<String>,
}

impl PercentPattern {
    pub(super) fn new(text: &str) -> PercentPattern {
        let mut before = String::new();
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            match character {
                '%' => return PercentPattern { before, after: Some(rest.collect()) },
                '\\' if rest.as_str().starts_with('%') => {
                    before.push('%');
                    rest.next();
                }
                _ => before.push(character),
            }
        }
        PercentPattern { before, after: None }
    }

    pub(super) fn is_plain(&self) -> bool {
        self.after.is_none()
    }

    /// What `%` stands for; an empty text for a plain pattern that is the word.
    pub(super) fn stem<'w>(&self, word: &'w str) -> Option<&'w str> {
        match &self.after {
            None => (self.before == word).then_some(""),
            Some(after) => {
                let rest = word.strip_prefix(self.before.as_str())?;
                rest.strip_suffix(after.as_str())
            }
        }
    }

    pub(super) fn fill(&self, stem: &str) -> String {
        match &self.after {
            None => self.before.clone(),
            Some(after) => format!("{}{stem}{after}", self.before),
        }
    }
}

pub(super) fn patsubst(pattern: &str, replacement: &str, text: &str) -> String {
    let (pattern, replacement) = (PercentPattern::new(pattern), PercentPattern::new(replacement));
    each(text, |word| match pattern.stem(word) {
        Some(stem) if !pattern.is_plain() => replacement.fill(stem),
        Some(_) => replacement.fill("%"),
        None => word.to_owned(),
    })
}

fn filter(patterns: &str, text: &str, wanted: bool) -> String {
    let patterns: Vec<PercentPattern> = words(patterns).into_iter().map(PercentPattern::new).collect();
    let is_wanted = |word: &&str| patterns.iter().any(|pattern| pattern.stem(word).is_some()) == wanted;
    words(text).into_iter().filter(is_wanted).collect::<Vec<_>>().join(" ")
}

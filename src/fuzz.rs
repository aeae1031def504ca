//! The readers of what others wrote, each as a function of any bytes: what a fuzzer calls, and what must hold then.
//! Knows no fuzzer; `fuzz/` does.

use crate::cli::flag::takes;
use crate::diagnostic::{Diagnostic, render};
use crate::history::journal;
use crate::lang::{record, trimmed};
use crate::ottofile::read;
use crate::request;
use crate::source::SourceFile;
use crate::value;
use crate::view::filter;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// An ottofile: read, or refused with at least one mistake.
pub fn ottofile(bytes: &[u8]) {
    let source = SourceFile::new("otto.yml", String::from_utf8_lossy(bytes));
    match read(&source) {
        Ok((_, warnings)) => shown(&warnings),
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "refused without a reason");
            shown(&mistakes);
        }
    }
}

/// What is said of somebody's text can be shown on any terminal, and moves none.
fn shown(diagnostics: &[Diagnostic]) {
    for width in [1, 80, usize::from(u16::MAX)] {
        let text = render(diagnostics, false, width);
        assert_eq!(text.chars().find(|c| *c != '\n' && filter::is_unsafe(*c)), None, "{text:?}");
    }
    render(diagnostics, true, 100);
}

/// Tasks with every form of parameter, for command lines.
const TASKS: &str = "
tasks:
  build: {params: {-r|--release: {default: false}, -t|--target: {nargs: '*'}, name: {nargs: '?'}}, bash: x}
  test: {params: {--filter: {default: a}, -x: {}, --many: {nargs: '2:3'}}, before: [build], bash: x}
  each: {foreach: {items: [a, b]}, params: {--one: {}}, bash: x}
  'each:x': {bash: x}
  word: {params: {first: {}, rest: {nargs: '+'}}, bash: x}
";

/// A command line, its words parted by newlines: asked for, or refused with at least one mistake.
pub fn command_line(bytes: &[u8]) {
    let source = SourceFile::new("otto.yml", TASKS);
    let (ottofile, _) = read(&source).unwrap_or_else(|diagnostics| panic!("bug: {diagnostics:?}"));
    let words: Vec<OsString> =
        bytes.split(|byte| *byte == b'\n').map(|word| OsString::from_vec(word.to_vec())).collect();
    if let Err(mistakes) = request::parse(&words, &ottofile, &takes) {
        assert!(!mistakes.is_empty(), "refused without a reason");
        shown(&mistakes);
    }
}

/// A run's journal: never more events than lines, and the same ones when what was read is written and read again.
pub fn journal(bytes: &[u8]) {
    let Ok(events) = journal::parse(bytes) else { return };
    assert!(events.len() <= bytes.split(|byte| *byte == b'\n').count());
    let mut written = Vec::new();
    for event in &events {
        serde_json::to_writer(&mut written, event).expect("bug: an event is plain data");
        written.push(b'\n');
    }
    let again = journal::parse(written.as_slice()).unwrap_or_else(|error| panic!("bug: {error}"));
    assert_eq!(format!("{events:?}"), format!("{again:?}"));
}

/// What a shell handed over: a hand-over that is whole is not whole any more without its last byte.
pub fn handover(bytes: &[u8]) {
    if let Some((_, but_last)) = bytes.split_last()
        && matches!(record::dump(bytes), record::Dumped::Whole(_))
    {
        assert_eq!(record::dump(but_last), record::Dumped::InPart);
    }
    record::journal(bytes);
    record::entry_in_file(bytes);
    record::exports(bytes);
    record::items(bytes);
}

/// What tasks print: nothing that a terminal would obey is left, but for colours, and it matters not how it was cut.
pub fn control_characters(bytes: &[u8]) {
    let whole = filter::filtered(bytes);
    let plain = filter::without_colours(&whole);
    let obeyed = plain.chars().find(|c| filter::is_unsafe(*c) && !matches!(c, '\n' | '\t'));
    assert_eq!(obeyed, None, "{plain:?}");
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let mut pieces = filter::Filter::default();
    let mut out = Vec::new();
    pieces.push(first, &mut out);
    pieces.push(second, &mut out);
    pieces.end(&mut out);
    let out = String::from_utf8(out).expect("the filter writes UTF-8");
    assert_eq!(filter::without_colours(&out), plain);
}

/// A JSON value: what was read and written is read as the same.
pub fn json(bytes: &[u8]) {
    let Ok(read) = value::parse(bytes) else { return };
    for text in [value::compact(&read), value::indented(&read)] {
        assert_eq!(value::parse(text.as_bytes()).as_ref(), Ok(&read), "{text}");
    }
}

/// A bash body of idioms that the bytes choose: with what otto takes it to need it does what it does with everything.
pub fn needs(bytes: &[u8]) {
    if let Err(difference) = trimmed::difference(&trimmed::body(bytes)) {
        panic!("{difference}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    type Target = (&'static str, fn(&[u8]));
    const TARGETS: [Target; 6] = [
        ("ottofile", ottofile),
        ("command_line", command_line),
        ("journal", journal),
        ("handover", handover),
        ("control_characters", control_characters),
        ("json", json),
    ];

    /// The random bodies of `lang::trimmed` try the rest; two processes a body are too slow for thousands.
    #[test]
    fn the_seeds_of_needs_end_the_same() {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/needs");
        for seed in std::fs::read_dir(seeds).expect("the seeds").flatten() {
            needs(&std::fs::read(seed.path()).expect("a seed"));
        }
    }

    /// Cuts, doubles, swaps and changes bytes, as a fuzzer without feedback.
    fn changed(bytes: &[u8], dice: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
        const MARKS: &[u8] = b"\0\n\r\t\x1b\x9b\xff\xc3\xe2\"'\\{}[]:,&*!|>%#-?$~ 019eE.+u";
        let mut bytes = bytes.to_vec();
        for _ in 0..=dice(6) {
            let from = dice(bytes.len() + 1);
            let to = from + dice(bytes.len() + 1 - from);
            match dice(5) {
                0 => drop(bytes.drain(from..to)),
                1 => bytes.insert(from, MARKS[dice(MARKS.len())]),
                2 if from < bytes.len() => bytes[from] = u8::try_from(dice(256)).unwrap_or(0),
                3 if to - from < 200 => drop(bytes.splice(from..from, bytes[from..to].to_vec()).count()),
                _ => bytes.truncate(to.max(1)),
            }
        }
        bytes
    }

    /// `OTTO_FUZZ_ROUNDS` says how many changes of each seed are tried.
    #[test]
    fn no_bytes_make_a_reader_fail() {
        let rounds = std::env::var("OTTO_FUZZ_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(150);
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut dice = |end: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % end.max(1) as u64).unwrap_or(0)
        };
        for (name, target) in TARGETS {
            let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
            let mut count = 0;
            for seed in std::fs::read_dir(&seeds).expect("the seeds").flatten() {
                let seed = std::fs::read(seed.path()).expect("a seed");
                target(&seed);
                for _ in 0..rounds {
                    target(&changed(&seed, &mut dice));
                }
                count += 1;
            }
            assert!(count > 0, "{name} has no seeds");
        }
    }
}

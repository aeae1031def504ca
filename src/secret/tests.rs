//! The forms of a value, and cuts anywhere.

use super::*;
use proptest::prelude::*;
use std::sync::Arc;

fn masker(secrets: &[&str]) -> Masker {
    let secrets: Vec<Secret> = secrets.iter().map(Secret::new).collect();
    Masker::new(&secrets)
}

fn masked(secrets: &[&str], text: &str) -> String {
    masker(secrets).text(text).into_owned()
}

#[test]
fn a_secret_prints_as_the_mask() {
    assert_eq!(format!("{:?}", Secret::new("hunter2")), "***");
    assert_eq!(format!("{:?}", masker(&["hunter2"])), "***");
}

#[test]
fn each_form_of_a_value_is_masked() {
    let cases = [
        ("s3cr/t +1", "the token is s3cr/t +1.", "the token is ***."),
        ("s3cr/t +1", "s3cr%2Ft%20%2B1 s3cr%2ft+%2b1 s3cr/t%20%2B1", "*** *** ***"),
        ("hunter2", "aHVudGVyMg== aHVudGVyMg aHVudGVyMgo=", "*** *** ***"),
        ("a\"b\\c\u{e9}", r#"{"t": "a\"b\\cé", "u": "a\"b\\c\u00e9"}"#, r#"{"t": "***", "u": "***"}"#),
        ("it's $HOME", r"it\'s\ \$HOME 'it'\''s $HOME'", "*** '***'"),
        ("a'b\"c\n", r#"'a\'b"c'"#, "'***'"),
        ("one1\ntwo2\n", "one1 two2 one1\\ntwo2", "*** *** ***"),
    ];
    for (secret, text, expected) in cases {
        assert_eq!(masked(&[secret], text), expected, "{secret:?} in {text:?}");
    }
}

#[test]
fn overlapping_secrets_leave_nothing_of_each_other() {
    assert_eq!(masked(&["abcdef", "defghi", "cdef"], "-abcdefghi-abcdef-cdef"), "-***-***-***");
    assert_eq!(masked(&["abcdefgh", "cdef"], "cdefgh abcdefgh"), "***gh ***");
}

#[test]
fn values_below_four_bytes_are_not_masked() {
    assert_eq!(masked(&["abc", ""], "abc"), "abc");
    assert!(Secret::new("abc").is_short() && !Secret::new("abcd").is_short());
}

#[test]
fn colours_inside_of_a_secret_do_not_show_it_and_stay() {
    assert_eq!(masked(&["hunter2"], "x \x1b[31mhun\x1b[0mter2 y"), "x \x1b[31m***\x1b[0m y");
    assert_eq!(masked(&["hunter2"], "\x1b[1mhunter2\x1b[0m"), "\x1b[1m***\x1b[0m");
}

/// Everything that comes out, with the pieces as they came.
fn passed(masker: &Arc<Masker>, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut passage = Passage::default();
    let mut shown: Vec<Vec<u8>> = pieces
        .iter()
        .map(|piece| {
            let mut piece = piece.to_vec();
            passage.pass(masker, &mut piece);
            piece
        })
        .collect();
    shown.push(passage.finish(Some(masker)));
    shown
}

#[test]
fn only_what_may_be_a_secret_is_held_back() {
    let masker = Arc::new(masker(&["hunter2"]));
    let shown = passed(&masker, &[b"Password: ", b"hun", b"gry hunt", b"er2\n"]);
    let shown: Vec<_> = shown.iter().map(|piece| String::from_utf8_lossy(piece)).collect();
    assert_eq!(shown, ["Password: ", "", "hungry ", "***\n", ""]);
}

/// Words that begin like each other, so that secrets overlap and are cut anywhere.
fn word() -> impl Strategy<Value = String> {
    "[ab\u{e9}'/\\\\ \n]{1,12}"
}

/// The bytes that belong to any of the patterns, each place looked at.
fn bytes_of_patterns(patterns: &[Vec<u8>], bytes: &[u8]) -> Vec<bool> {
    let mut belongs = vec![false; bytes.len()];
    for place in 0..bytes.len() {
        for pattern in patterns.iter().filter(|pattern| bytes[place..].starts_with(pattern)) {
            belongs[place..place + pattern.len()].fill(true);
        }
    }
    belongs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_passed_over_has_no_secret(
        // Some are longer than a window may be, and few bytes make many that nearly match.
        patterns in prop::collection::vec(prop_oneof![4 => "[ab]{2,9}", 1 => "[ab]{60,70}"], 1..6),
        parts in prop::collection::vec(("[abc]{0,90}", any::<prop::sample::Index>(), 0_usize..80), 1..8),
    ) {
        let patterns: Vec<Vec<u8>> = patterns.into_iter().map(String::into_bytes).collect();
        let parts = parts.iter().map(|(text, index, length)| {
            let pattern = index.get(&patterns);
            [text.as_bytes(), &pattern[..pattern.len().min(*length)]].concat()
        });
        let text: Vec<u8> = parts.collect::<Vec<_>>().concat();
        let mut found = vec![false; text.len()];
        finder::Finder::new(&patterns).places(&text).for_each(|place| found[place].fill(true));
        prop_assert_eq!(found, bytes_of_patterns(&patterns, &text));
    }

    #[test]
    fn no_cut_of_a_stream_changes_what_is_masked(
        secrets in prop::collection::vec(word(), 1..4),
        parts in prop::collection::vec((word(), any::<prop::sample::Index>(), any::<bool>()), 1..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let text: String = parts
            .iter()
            .map(|(text, index, is_coloured)| match is_coloured {
                true => {
                    let secret = index.get(&secrets);
                    let middle = secret.char_indices().nth(secret.chars().count() / 2).map_or(0, |it| it.0);
                    format!("{text}{}\x1b[31m{}\x1b[0m", &secret[..middle], &secret[middle..])
                }
                false => format!("{text}{}", index.get(&secrets)),
            })
            .collect();
        let texts: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let masker = Arc::new(masker(&texts));
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut place = 0;
        for cut in cuts.into_iter().chain([text.len()]) {
            pieces.push(&text.as_bytes()[place..cut]);
            place = cut;
        }
        let shown = passed(&masker, &pieces).concat();
        let whole = masker.bytes(text.as_bytes()).into_owned();
        prop_assert_eq!(&shown, &whole);
        // What is left has no secret in it but what a mask and its surroundings make up.
        let rest = String::from_utf8_lossy(&shown).replace(MASK, "\u{0}");
        prop_assert!(texts.iter().all(|secret| secret.len() < LEAST_BYTES || !rest.contains(secret)));
    }
}

//! What the text of a Python body says before it runs.

/// Where the last `from __future__ import …` ends, if all of them are plain lines.
pub(crate) fn end_of_future(text: &str) -> Option<usize> {
    let mut place = 0;
    let mut end = None;
    for line in text.split_inclusive('\n') {
        if let Some(names) = line.strip_prefix("from __future__ import") {
            let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_, ".contains(letter);
            if !names.trim_end().chars().all(is_plain) {
                return None;
            }
            end = Some(place + line.trim_end().len());
        }
        place += line.len();
    }
    end
}

/// Whether a script with this text can have outputs.
pub(crate) fn may_record(text: &str) -> bool {
    ["OUTPUT", "OTTO_", "otto_"].iter().any(|word| text.contains(word))
}

//! Keys that a body sets, as far as its words say so: for help, which runs nothing.

/// Keys that a body seems to set, by its words alone, in the order of first mention.
pub(crate) fn set_keys(text: &str) -> Vec<String> {
    const SETTERS: [&str; 4] = ["otto.set ", "otto_set ", "otto_set_output ", "otto_set_output("];
    let mut keys: Vec<(usize, String)> = Vec::new();
    let mut note = |place: usize, key: &str| {
        let key = key.trim_matches(['"', '\'', ' ']);
        let is_plain = !key.is_empty() && !key.contains(['$', '{', '}', '`']) && !key.starts_with('-');
        if is_plain && keys.iter().all(|(_, known)| known != key) {
            keys.push((place, key.to_owned()));
        }
    };
    for (place, _) in text.match_indices("OUTPUT[") {
        let is_word = !text[..place].ends_with(|before: char| before.is_alphanumeric() || before == '_');
        let inside = &text[place + "OUTPUT[".len()..];
        let Some(end) = inside.find(']').filter(|_| is_word) else { continue };
        let rest = inside[end + 1..].trim_start();
        if rest.starts_with('=') && !rest.starts_with("==") || rest.starts_with("+=") {
            note(place, &inside[..end]);
        }
    }
    for setter in SETTERS {
        for (place, _) in text.match_indices(setter) {
            let words = text[place + setter.len()..].trim_start();
            let words = words
                .strip_prefix("--json ")
                .or_else(|| words.strip_prefix("--list "))
                .unwrap_or(words)
                .trim_start();
            let end = match words.chars().next() {
                Some(quote @ ('"' | '\'')) => words[1..].find(quote).map_or(words.len(), |end| end + 1),
                _ => words.find([' ', '\n', ',', ')', ';']).unwrap_or(words.len()),
            };
            note(place, &words[..end]);
        }
    }
    keys.sort();
    keys.into_iter().map(|(_, key)| key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_a_body_sets_are_found_without_running_it() {
        let bash = "OUTPUT[version]=1\nOUTPUT[\"a b\"]+=x\n[ \"${OUTPUT[seen]}\" == x ]\notto.set name v\notto.set --json n 1\nMYOUTPUT[no]=1\nOUTPUT[$k]=1";
        assert_eq!(set_keys(bash), ["version", "a b", "name", "n"]);
        assert_eq!(
            set_keys("OUTPUT[\"count\"] = 42\notto_set_output('x', 1)\nif OUTPUT['y'] == 2: pass"),
            ["count", "x"]
        );
    }
}

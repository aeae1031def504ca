//! Patterns of files: what makes one. Alone knows the crate that compiles them; which files there are is for `host`.

/// Only a longer pattern can have more than can be compiled: 250 levels of braces, ten thousand stars.
const SURELY_COMPILED_BYTES: usize = 500;

/// Why this is no pattern, if it is none. Costs little, for ottofiles have thousands of them.
pub(crate) fn mistake(pattern: &str) -> Option<String> {
    match pattern {
        "" => Some("it is empty".to_owned()),
        path if !is_pattern(path) => None,
        pattern if pattern.len() > SURELY_COMPILED_BYTES => matcher(pattern).err(),
        pattern => parse(pattern).err(),
    }
}

/// The pattern, to be asked about paths. As in a shell, `*` stays within one folder; `**` is any number of folders.
pub(crate) fn matcher(pattern: &str) -> Result<globset::GlobSet, String> {
    let glob = parse(pattern)?;
    // A set of one, for alone it panics where it cannot be compiled.
    let compiled = globset::GlobSetBuilder::new().add(glob).build();
    compiled.map_err(|_| "it is too long, or its braces nest too deep".to_owned())
}

fn parse(pattern: &str) -> Result<globset::Glob, String> {
    let parsed = globset::GlobBuilder::new(pattern).literal_separator(true).build();
    parsed.map_err(|error| error.kind().to_string())
}

/// Whether a pattern is more than a path.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// A pattern for exactly this path.
pub(crate) fn escaped(path: &str) -> String {
    let one = |character: char| match character {
        '*' | '?' | '[' | ']' | '{' | '}' | '\\' => format!("[{character}]"),
        _ => character.to_string(),
    };
    path.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_pattern_says_why() {
        let refused = |pattern: &str| mistake(pattern).unwrap_or_default();
        assert_eq!(refused("src/[z-a]"), "invalid range; 'z' > 'a'");
        assert_eq!(refused("src/[a"), "unclosed character class; missing ']'");
        assert_eq!(refused(""), "it is empty");
        assert_eq!(refused("src/**/*.{c,h}"), "");
        let braces = |levels: usize| format!("{}b{}", "{a,".repeat(levels), "}".repeat(levels));
        assert_eq!(refused(&braces(100)), "");
        assert_eq!(refused(&braces(1000)), "it is too long, or its braces nest too deep");
        assert_eq!(refused(&"*".repeat(100_000)), "it is too long, or its braces nest too deep");
    }

    proptest! {
        #[test]
        fn an_escaped_path_is_matched_by_itself_alone(path in "[a-c*?\\[\\]{},!\\\\ ż]{1,12}", other in "[a-c]{1,12}") {
            let matcher = matcher(&escaped(&path)).expect("a pattern");
            prop_assert!(matcher.is_match(&path));
            prop_assert_eq!(matcher.is_match(&other), other == path);
        }
    }
}

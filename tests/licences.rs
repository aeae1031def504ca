//! Holds every crate that is built into otto to the licences that `deny.toml` allows.
//! Asks cargo for the crates; knows of SPDX expressions only `AND`, `OR`, `WITH`, parentheses and the older `/`.

use std::process::Command;

/// The licences in `[licenses] allow` of `deny.toml`.
fn allowed(deny: &str) -> Vec<&str> {
    deny.lines()
        .skip_while(|line| line.trim() != "allow = [")
        .skip(1)
        .take_while(|line| line.trim() != "]")
        .map(|line| line.trim().trim_end_matches(',').trim_matches('"'))
        .collect()
}

/// Whether the licence expression can be satisfied with the allowed licences. A text that is no expression
/// cannot.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    either(&mut rest, allowed).unwrap_or(false) && rest.is_empty()
}

fn either(words: &mut &[&str], allowed: &[&str]) -> Option<bool> {
    let mut holds = both(words, allowed)?;
    while let ["OR", rest @ ..] = words {
        *words = rest;
        // Both sides are read whichever holds, or the words of the second would be left over.
        holds |= both(words, allowed)?;
    }
    Some(holds)
}

fn both(words: &mut &[&str], allowed: &[&str]) -> Option<bool> {
    let mut holds = single(words, allowed)?;
    while let ["AND", rest @ ..] = words {
        *words = rest;
        holds &= single(words, allowed)?;
    }
    Some(holds)
}

fn single(words: &mut &[&str], allowed: &[&str]) -> Option<bool> {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let holds = either(words, allowed)?;
            let [")", rest @ ..] = *words else { return None };
            *words = rest;
            Some(holds)
        }
        // An exception adds permissions, so what it is added to decides.
        [name, "WITH", _, rest @ ..] | [name, rest @ ..] if ![")", "OR", "AND"].contains(name) => {
            *words = rest;
            Some(allowed.contains(name))
        }
        _ => None,
    }
}

#[test]
fn every_crate_has_a_licence_that_deny_toml_allows() {
    let deny = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml")).expect("deny.toml");
    let allowed = allowed(&deny);
    assert!(allowed.contains(&"MIT"), "the list of licences was not found in deny.toml");

    let rustc = Command::new("rustc").arg("-vV").output().expect("rustc");
    let version = String::from_utf8_lossy(&rustc.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    // What was built is there already: no network is needed.
    let metadata = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["metadata", "--format-version=1", "--locked", "--offline", "--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata");
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));

    let metadata: serde_json::Value =
        serde_json::from_slice(&metadata.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 20, "the crates were not found");
    let refused: Vec<String> = packages
        .iter()
        .map(|package| {
            (package["name"].as_str().unwrap_or("?"), package["license"].as_str().unwrap_or("none"))
        })
        .filter(|(_, licence)| !is_allowed(licence, &allowed))
        .map(|(name, licence)| format!("{name}: {licence}"))
        .collect();
    assert_eq!(refused, Vec::<String>::new(), "licences that deny.toml does not allow");
}

#[test]
fn expressions_are_read_as_they_are_meant() {
    let holds = |expression| is_allowed(expression, &["MIT", "Zlib"]);
    for fine in ["MIT", "GPL-3.0 OR MIT", "GPL-3.0/MIT", "(MIT OR X) AND Zlib", "MIT WITH Some-exception"] {
        assert!(holds(fine), "{fine}");
    }
    for refused in
        ["GPL-3.0", "MIT AND X", "MIT AND (X OR Y)", "none", "", "(MIT", "MIT OR", "MIT)", "MIT Zlib"]
    {
        assert!(!holds(refused), "{refused}");
    }
}

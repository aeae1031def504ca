//! What `otto --version` says.

use std::env::consts::{ARCH, OS};

/// The version, with the commit and the target where the build was told them, as `script/release` tells it. With
/// `is_verbose` also the platform, and what otto can promise there.
pub(super) fn version(is_verbose: bool) -> String {
    let number = env!("CARGO_PKG_VERSION");
    let mut text = match (option_env!("OTTO_COMMIT"), option_env!("OTTO_TARGET")) {
        (Some(commit), Some(target)) => format!("otto {number} ({commit}, {target})\n"),
        _ => format!("otto {number}\n"),
    };
    if is_verbose {
        text += &format!("platform  {OS}, {ARCH}\n{}", promises(OS));
    }
    text
}

fn promises(system: &str) -> &'static str {
    match system {
        "linux" => {
            "orphans   none: a guard process ends what a task started, also after `kill -9` of otto\n\
             tested    every change runs the whole suite on Linux\n"
        }
        "macos" => {
            "orphans   found by process group, parent and environment; after `kill -9` of otto, tasks may go on\n\
             tested    every change is compiled for macOS; what is promised there was run on Linux only\n"
        }
        _ => {
            "orphans   found by process group only; after `kill -9` of otto, tasks may go on\n\
             tested    no: otto is made for Linux and macOS\n"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_platform_is_told_what_holds_there() {
        insta::assert_snapshot!(["linux", "macos", "freebsd"].map(promises).join("\n"), @r"
        orphans   none: a guard process ends what a task started, also after `kill -9` of otto
        tested    every change runs the whole suite on Linux

        orphans   found by process group, parent and environment; after `kill -9` of otto, tasks may go on
        tested    every change is compiled for macOS; what is promised there was run on Linux only

        orphans   found by process group only; after `kill -9` of otto, tasks may go on
        tested    no: otto is made for Linux and macOS
        ");
        assert!(version(true).starts_with(&version(false)));
    }
}

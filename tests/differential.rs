//! otto beside plain bash and plain Python, on random bodies: a sample of what `script/differential` compares at length.
#![cfg(target_os = "linux")]

use std::process::Command;

/// The same bodies each time, so that a failure is about the change at hand.
fn nothing_differs(what: &[&str]) {
    let output = Command::new("python3")
        .args(["tests/differential", "--otto", env!("CARGO_BIN_EXE_otto"), "--shrink", "5"])
        .args(what)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("python3 starts");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn random_bash_bodies_do_under_otto_what_they_do_in_bash() {
    nothing_differs(&["--bash", "29", "--seed", "2"]);
}

#[test]
fn random_bash_bodies_do_the_same_where_otto_takes_bash_for_an_older_one() {
    for level in ["4.0", "3.2"] {
        nothing_differs(&["--bash", "20", "--seed", "3", "--level", level]);
    }
}

#[test]
fn random_python_bodies_do_under_otto_what_they_do_in_python() {
    nothing_differs(&["--python", "60"]);
}

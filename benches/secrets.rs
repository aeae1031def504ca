//! What masking costs: 200 MB of output with and without secrets, from the task to the log and to the terminal's place:
//! `cargo bench --bench secrets`. `OTTO_BENCH_MB` sets how much is written, 200 otherwise.
#![allow(clippy::print_stdout)]

mod measure;

use measure::{Group, Limit, Sandbox, Unit, verdict};
use std::process::ExitCode;

/// At least 65 % of the speed without secrets.
const MOST: Limit = Limit::Ratio(1.54);

fn main() -> ExitCode {
    let mb = std::env::var("OTTO_BENCH_MB").ok().and_then(|mb| mb.parse().ok()).unwrap_or(200);
    verdict([masking(mb, "plain", "", MOST), masking(mb, "coloured", "\u{1b}[32m", MOST)])
}

/// The output is of lines like those of a build, none of which has a secret in it.
fn masking(mb: u32, name: &str, colour: &str, limit: Limit) -> bool {
    let sandbox = Sandbox::new(
        "tasks:
  none: {bash: cat output}
  one: {envs: {A: {value: 'correct-horse-0', secret: true}}, bash: cat output}
  ten:
    envs:
      A: {value: 'correct-horse-0', secret: true}
      B: {value: 'battery-staple-1', secret: true}
      C: {value: 'Zq7rT9xwXk-2', secret: true}
      D: {value: 'hunter2hunter2-3', secret: true}
      E: {value: 'eyJhbGciOiJIUzI1NiJ9-4', secret: true}
      F: {value: 'ghp_0123456789abcdef-5', secret: true}
      G: {value: 'postgres://me:pw@host/db-6', secret: true}
      H: {value: 'AKIAIOSFODNN7EXAMPLE-7', secret: true}
      I: {value: 'two words and more-8', secret: true}
      J: {value: '-----BEGIN KEY-----9', secret: true}
    bash: cat output
",
    );
    let words =
        ["compiling", "src/main.rs", "warning:", "unused", "in", "0.12s", "linking", "target/debug/app"];
    let mut output = String::new();
    let mut place = 0_usize;
    while output.len() < mb as usize * 1_000_000 {
        output.push_str(colour);
        for _ in 0..8 {
            // A walk without a short period.
            place = (place * 7 + 3) % 1009;
            output.push_str(words[place % words.len()]);
            output.push(' ');
        }
        output.push_str(if colour.is_empty() { "\n" } else { "\u{1b}[0m\n" });
    }
    sandbox.write("output", output);
    let run = |task: &'static str| {
        let sandbox = &sandbox;
        move || {
            sandbox.run(["-q", task]);
            std::fs::remove_dir_all(sandbox.home()).expect("the log is removed");
        }
    };
    let title = format!("masking, {name} output, a megabyte");
    Group::new(&title, Unit::Cpu, "no secret", mb, run("none"))
        .case("one secret", limit, mb, run("one"))
        .case("ten secrets", limit, mb, run("ten"))
        .run()
}

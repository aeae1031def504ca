//! otto, a task runner in which tasks pass data.
//!
//! The `mod` lines start with the lowest layer: a module uses only modules above it. `tests/tidy.rs` checks this order,
//! and that nothing above `host` touches files, processes, clocks or threads.

#[cfg(not(unix))]
compile_error!("otto runs on Unix only: its tasks are processes, process groups and symlinks");

// Vocabulary: no I/O.
mod source;
mod name;
mod value;
mod verbatim;
mod quantity;
mod resources;
mod diagnostic;
mod secret;
mod contract;

// What the user wrote.
mod ottofile;
mod body;

// What was asked.
mod request;

// What will happen: pure.
mod plan;
mod event;
mod state;
mod fate;
mod flow;
mod scheduler;

// The world.
mod host;
mod mask;
mod load;
mod store;
mod lang;
mod exec;
mod history;
mod view;
mod run;
mod watch;

// The command line.
mod command;
mod cli;

// For fuzzers.
#[cfg(any(fuzzing, test))]
pub mod fuzz;

/// Runs otto with the arguments of this process.
pub fn main() -> std::process::ExitCode {
    let code = cli::run(std::env::args_os().skip(1).collect());
    std::process::ExitCode::from(u8::try_from(code).unwrap_or(1))
}

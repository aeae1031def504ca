//! The `otto` binary. Everything is in the library, so that the compiler sees what nobody calls.

fn main() -> std::process::ExitCode {
    otto::main()
}

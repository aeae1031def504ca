//! From a launch to a process, or to the reason why there is none, in words that help.
//! Always by posix_spawn: a fork costs a copy of otto's page tables for each task.

use super::native::{self, plain};
use super::{Launch, Plumbing, Stdin};
use crate::event::Exit;
use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Pauses between attempts to create a process while the machine has no room for one: 2.5 s altogether.
pub(super) const PAUSES_MS: [u64; 8] = [10, 20, 40, 80, 160, 320, 640, 1230];

/// How a process is created; a test puts a machine without room in its place.
pub(super) type Spawner = fn(&mut Command) -> io::Result<Child>;

#[derive(Debug)]
pub(super) enum SpawnError {
    /// No process, descriptor or memory is free just now.
    Busy(io::Error),
    Never(Exit),
}

#[derive(Debug)]
pub(super) struct Spawned {
    pub(super) child: Child,
    /// stdout and stderr, if they are captured.
    pub(super) pipes: Option<(PipeReader, PipeReader)>,
    pub(super) held_open: HeldOpen,
}

/// Otto's copies of the ends that the child writes to. As long as they are kept, a pipe does not tell that its last
/// writer is gone: the end of a process then wakes its attendant once, not three times.
#[derive(Debug)]
pub(super) struct HeldOpen {
    /// Owns the ends that are held open.
    _command: Command,
}

/// How many processes are being created just now; [`CLOSED`] and more when there shall be no new ones.
static CREATING: AtomicUsize = AtomicUsize::new(0);
const CLOSED: usize = usize::MAX / 2;

/// From now on no process is created; returns when none is being created any more. For a guard's engine.
#[cfg(target_os = "linux")]
pub(super) fn never_again() {
    CREATING.fetch_add(CLOSED, Ordering::SeqCst);
    // Creation takes less than a millisecond; if it hangs, cleaning up must not hang with it.
    for _ in 0..200 {
        if CREATING.load(Ordering::SeqCst) == CLOSED {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Whether otto is being torn down. What happens to tasks from now on must be ignored.
pub(super) fn is_over() -> bool {
    CREATING.load(Ordering::Relaxed) >= CLOSED
}

/// Where a child's three first descriptors lead.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wiring<'a> {
    Piped(Stdin, &'a Plumbing),
    Inherited,
}

/// Creates the process. Called by a thread that blocks no signal, for the child inherits that.
pub(super) fn spawn(launch: &Launch, wiring: Wiring, spawner: Spawner) -> Result<Spawned, SpawnError> {
    let program = find(launch)?;
    let mut command = Command::new(&program);
    command.arg0(&launch.program).args(&launch.args).current_dir(&launch.workdir);
    command.env_clear().envs(launch.env.iter().map(|(name, value)| (name, value)));
    match wiring {
        // A process group of its own would be one in the background of otto's terminal: whoever asks there for a
        // passphrase would be stopped for ever. In a session of its own there is no terminal to ask. It costs a fork
        // where posix_spawn would do, so it is done only where there is a terminal.
        Wiring::Piped(..) if native::has_terminal() => native::in_own_session(&mut command),
        // Its own group, so that all of it can be signalled at once and the terminal's ^C goes only to otto.
        Wiring::Piped(..) | Wiring::Inherited => {
            command.process_group(0);
        }
    }
    native::with_former_descriptors(&mut command);
    native::with_former_umask(&mut command);
    let pipes = match wiring {
        Wiring::Inherited => None,
        Wiring::Piped(stdin, plumbing) => {
            let (stdout, stdout_end) = io::pipe().map_err(|error| refused(launch, &program, error))?;
            let (stderr, stderr_end) = io::pipe().map_err(|error| refused(launch, &program, error))?;
            command.stdout(stdout_end).stderr(stderr_end).stdin(match stdin {
                Stdin::Null => Stdio::null(),
                Stdin::Inherit => Stdio::inherit(),
                Stdin::Stream => {
                    let pipe = plumbing.stdin.as_ref().expect("bug: a stream without its pipe");
                    pipe.try_clone().map_err(|error| refused(launch, &program, error))?.into()
                }
            });
            Some((stdout, stderr))
        }
    };
    let is_open = CREATING.fetch_add(1, Ordering::SeqCst) < CLOSED;
    let child = match is_open {
        true => spawner(&mut command),
        false => Err(io::ErrorKind::Interrupted.into()),
    };
    CREATING.fetch_sub(1, Ordering::SeqCst);
    let child = child.map_err(|error| refused(launch, &program, error))?;
    // Not these: who writes to the stdin of a task shall see when nobody reads it, and the environment is large.
    command.stdin(Stdio::null()).env_clear();
    Ok(Spawned { child, pipes, held_open: HeldOpen { _command: command } })
}

/// The file to execute. std would fall back to fork for a bare name together with a `PATH` of the child's.
fn find(launch: &Launch) -> Result<PathBuf, SpawnError> {
    let name = launch.program.as_os_str();
    if name.as_bytes().contains(&b'/') {
        return Ok(launch.program.clone());
    }
    let path = launch.env.iter().find(|(name, _)| name == "PATH").map_or(OsStr::new(""), |(_, path)| path);
    let mut not_executable = None;
    for folder in std::env::split_paths(path) {
        let file = launch.workdir.join(folder).join(name);
        let Ok(metadata) = file.metadata() else { continue };
        if metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 {
            return Ok(file);
        }
        if metadata.is_file() {
            not_executable.get_or_insert(file);
        }
    }
    Err(SpawnError::Never(match not_executable {
        Some(file) => not_started(126, format!("`{}` is not executable", file.display())),
        None => not_started(127, format!("`{}` was not found in PATH ({})", name.display(), path.display())),
    }))
}

fn refused(launch: &Launch, program: &Path, error: io::Error) -> SpawnError {
    use rustix::io::Errno;
    let name = program.display();
    // Busy too is a program that somebody has open for writing: another thread's child may hold it for the moment
    // between its creation and its exec.
    let exit = match Errno::from_io_error(&error) {
        Some(Errno::AGAIN | Errno::NOMEM | Errno::MFILE | Errno::NFILE | Errno::TXTBSY) => {
            return SpawnError::Busy(error);
        }
        _ if !launch.workdir.is_dir() => {
            not_started(125, format!("the working directory `{}` does not exist", launch.workdir.display()))
        }
        Some(Errno::NOENT | Errno::NOTDIR) if program.exists() => {
            let line = first_line(program).filter(|line| line.starts_with("#!"));
            let interpreter =
                line.map_or("its loader".to_owned(), |line| format!("its interpreter (`{line}`)"));
            not_started(127, format!("`{name}` exists, but {interpreter} was not found"))
        }
        Some(Errno::NOENT | Errno::NOTDIR) => not_started(127, format!("`{name}` was not found")),
        Some(Errno::ACCESS | Errno::PERM) => {
            not_started(126, format!("cannot execute `{name}`: {}", plain(&error)))
        }
        Some(Errno::NOEXEC) => not_started(
            126,
            format!(
                "cannot execute `{name}`: it is neither a program for this machine nor a script that starts with `#!`"
            ),
        ),
        Some(Errno::TOOBIG) => not_started(125, too_big(launch)),
        _ if error.kind() == io::ErrorKind::InvalidInput => not_started(125, with_nul(launch)),
        _ => not_started(125, format!("cannot start `{name}`: {}", plain(&error))),
    };
    SpawnError::Never(exit)
}

/// The exit of an attempt for which there was no room in the end.
pub(super) fn no_room(error: &io::Error, waited: Duration) -> Exit {
    let reason = match waited {
        Duration::ZERO => format!("cannot create another thread: {}", plain(error)),
        _ => format!("could not create another process for {:.1} s: {}", waited.as_secs_f64(), plain(error)),
    };
    not_started(125, reason)
}

fn not_started(code: i32, reason: String) -> Exit {
    Exit::NotStarted { code, reason }
}

fn first_line(path: &Path) -> Option<String> {
    use std::io::Read;
    let mut start = [0; 128];
    let count = std::fs::File::open(path).ok()?.read(&mut start).ok()?;
    let line = start[..count].split(|byte| *byte == b'\n').next()?;
    Some(String::from_utf8_lossy(line).trim_end().to_owned())
}

/// std refuses NUL in anything that it gives to a process, because there a string ends with one.
fn with_nul(launch: &Launch) -> String {
    let has_nul = |text: &OsStr| text.as_bytes().contains(&0);
    let variable = launch.env.iter().find(|(name, value)| has_nul(name) || has_nul(value));
    match variable {
        Some((name, _)) => format!(
            "the environment variable `{}` contains a NUL byte, which is not allowed; write the value to a file and pass its path",
            name.to_string_lossy().replace('\0', "\u{fffd}")
        ),
        None => "an argument, the program or the working directory contains a NUL byte".to_owned(),
    }
}

/// The kernel takes 128 KiB for one string (32 pages), and a quarter of the stack's limit for all together.
fn too_big(launch: &Launch) -> String {
    const MOST: usize = 128 << 10;
    const INSTEAD: &str = "write it to a file and pass its path";
    let size_of = |(name, value): &(OsString, OsString)| name.len() + 1 + value.len() + 1;
    if let Some(variable) = launch.env.iter().filter(|it| size_of(it) > MOST).max_by_key(|it| size_of(it)) {
        let (name, value) = (variable.0.display(), variable.1.len());
        return format!(
            "the environment variable `{name}` is {value} bytes long, but the system allows at most {MOST}; {INSTEAD}"
        );
    }
    if let Some((place, argument)) =
        launch.args.iter().enumerate().find(|(_, argument)| argument.len() >= MOST)
    {
        let (place, size) = (place + 1, argument.len());
        return format!(
            "argument {place} is {size} bytes long, but the system allows at most {MOST}; {INSTEAD}"
        );
    }
    let variables: usize = launch.env.iter().map(size_of).sum();
    let arguments: usize = launch.args.iter().map(|argument| argument.len() + 1).sum();
    let mut largest: Vec<_> = launch.env.iter().collect();
    largest.sort_by_key(|it| std::cmp::Reverse(size_of(it)));
    let largest: Vec<String> =
        largest.iter().take(3).map(|it| format!("`{}` ({} bytes)", it.0.display(), it.1.len())).collect();
    format!(
        "environment ({variables} bytes) and arguments ({arguments} bytes) together exceed the system's limit; the largest variables are {}; write large values to files and pass their paths",
        largest.join(", ")
    )
}

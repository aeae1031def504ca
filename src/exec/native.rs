//! The few system calls that neither std nor rustix offers as safe functions: all of otto's `unsafe`.
//! Knows nothing of tasks; every function does one thing to this process.

use std::io;
use std::mem::MaybeUninit;

/// Lets every signal through to this thread, and so to what it starts.
pub(super) fn unblock_all_signals() {
    let mut set = MaybeUninit::uninit();
    // SAFETY: `set` is initialised by sigemptyset before it is read; neither call keeps the pointer.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut());
    }
}

/// Closes every descriptor but 0, 1 and 2 whenever this process starts another: those that the caller of otto left
/// open would otherwise end up in tasks. Rust opens its own with this flag anyway.
pub(super) fn seal_descriptors() {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: takes three integers and changes flags of descriptors only.
        let done = unsafe {
            libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC as libc::c_int)
        };
        if done == 0 {
            return;
        }
    }
    let folder = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for name in entries.flatten().map(|entry| entry.file_name()) {
        let Some(fd) = name.to_str().and_then(|name| name.parse::<i32>().ok()).filter(|fd| *fd > 2) else {
            continue;
        };
        // SAFETY: takes integers; a descriptor that has been closed in the meantime is an error that changes nothing.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

/// Makes signals that otto's caller ignored have their default effect in what otto starts, while otto itself goes on
/// ignoring them: a handler that does nothing is reset by exec, "ignore" is not.
pub(super) fn stop_ignoring_for_children() {
    extern "C" fn nothing(_signal: libc::c_int) {}
    for signal in 1..=64 {
        let mut action = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: sigaction writes `action` when it returns 0, and only then it is read. `nothing` is a handler that
        // touches no memory.
        unsafe {
            if libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) != 0 {
                continue;
            }
            let mut action = action.assume_init();
            // SIGPIPE is ignored by Rust, and reset by std in each child.
            if action.sa_sigaction != libc::SIG_IGN || signal == libc::SIGPIPE {
                continue;
            }
            // With these three, to catch is not the same as to ignore: children would vanish unseen, and a write to
            // the terminal from the background would be repeated for ever.
            let must_be_default = [libc::SIGCHLD, libc::SIGTTIN, libc::SIGTTOU].contains(&signal);
            action.sa_sigaction = match must_be_default {
                true => libc::SIG_DFL,
                false => nothing as extern "C" fn(libc::c_int) as libc::sighandler_t,
            };
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
    }
}

/// The text of an error without its number, to stand after a colon.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

//! The few system calls that neither std nor rustix offers as safe functions: all of otto's `unsafe`.
//! Knows nothing of tasks; every function does one thing to this process.

#[cfg(not(target_os = "linux"))]
use rustix::event::{FdSetElement, FdSetIter, fd_set_insert, fd_set_num_elements};
#[cfg(target_os = "linux")]
use rustix::event::{PollFd, PollFlags};
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::mem::MaybeUninit;
#[cfg(not(target_os = "linux"))]
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks otto to stop: every signal that ends a process by default, can be caught, and does not tell of a fault in the
/// process itself.
pub(crate) const STOPPING: &[i32] = &[
    libc::SIGINT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGXCPU,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGIO,
    #[cfg(target_os = "linux")]
    libc::SIGPWR,
    #[cfg(target_os = "linux")]
    libc::SIGSTKFLT,
];

/// Whether stdout was open when this process started: before `main`, the standard library opens `/dev/null` in the place of
/// a standard stream that is closed.
pub(crate) fn stdout_was_open() -> bool {
    STDOUT_IS_OPEN.load(Ordering::Relaxed)
}

static STDOUT_IS_OPEN: AtomicBool = AtomicBool::new(true);

extern "C" fn look_at_stdout() {
    // SAFETY: fcntl takes no pointers here, and the call needs nothing that is only there once `main` runs.
    let flags = unsafe { libc::fcntl(1, libc::F_GETFD) };
    STDOUT_IS_OPEN.store(flags != -1, Ordering::Relaxed);
}

/// Run by the loader, before the standard library has a say.
// SAFETY: these sections hold pointers to functions of C, and this one is such a pointer.
#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static LOOK_AT_STDOUT: extern "C" fn() = look_at_stdout;

/// Lets every signal through to this thread, and so to what it starts.
pub(super) fn unblock_all_signals() {
    let mut set = MaybeUninit::uninit();
    // SAFETY: `set` is initialised by sigemptyset before it is read; neither call keeps the pointer.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut());
    }
}

/// Whether this process has a controlling terminal. It is looked at once: a terminal is not lost and found again.
pub(super) fn has_terminal() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| std::fs::File::open("/dev/tty").is_ok())
}

/// Lets the child begin a session of its own, which has no terminal; it leads a process group of its own too.
pub(super) fn in_own_session(command: &mut Command) {
    // SAFETY: between fork and exec only setsid is called, which is async-signal-safe and touches nothing that the
    // two processes share.
    unsafe {
        command.pre_exec(|| rustix::process::setsid().map(drop).map_err(io::Error::from));
    }
}

/// The soft limit of descriptors that otto was started with, once it has raised its own.
static FORMER_DESCRIPTORS: OnceLock<u64> = OnceLock::new();

/// Raises the soft limit of descriptors of this process, and not of what it starts from now on. False if it may not.
pub(super) fn raise_descriptors(to: u64) -> bool {
    let former = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(to), maximum: former.maximum }).is_ok();
    if let (true, Some(soft)) = (raised, former.current) {
        // Raised twice, the first one counts.
        let _ = FORMER_DESCRIPTORS.set(soft);
    }
    raised
}

/// Lets the child have the soft limit of descriptors that otto was started with. It costs a fork where posix_spawn would
/// do, so it is done only where the limit was raised.
pub(super) fn with_former_descriptors(command: &mut Command) {
    let Some(soft) = FORMER_DESCRIPTORS.get().copied() else { return };
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit { current: Some(soft), maximum };
    // SAFETY: between fork and exec only setrlimit is called, which is async-signal-safe and touches nothing that the two
    // processes share.
    unsafe {
        command.pre_exec(move || setrlimit(Resource::Nofile, limit).map_err(io::Error::from));
    }
}

/// The umask that otto was started with, where it was not one that otto itself could work with.
static FORMER_UMASK: OnceLock<Mode> = OnceLock::new();

/// Prepares this process for what it may have inherited. A umask may take the owner's permissions away, and then otto could
/// not open what it makes. A file that reaches the limit of sizes would end otto by SIGXFSZ; the write fails instead. To be
/// called while there is one thread.
pub(crate) fn withstand_inheritance() {
    let umask = rustix::process::umask(Mode::RWXG | Mode::RWXO);
    rustix::process::umask(umask.difference(Mode::RWXU));
    if umask.intersects(Mode::RWXU) {
        // Called twice, the first one counts.
        let _ = FORMER_UMASK.set(umask);
    }
    // Not ignored, which what otto starts would inherit.
    catch_and_do_nothing(libc::SIGXFSZ);
}

/// Lets the child have the umask that otto was started with, as [`with_former_descriptors`] does with their limit.
pub(super) fn with_former_umask(command: &mut Command) {
    let Some(umask) = FORMER_UMASK.get().copied() else { return };
    // SAFETY: between fork and exec only umask is called, which is async-signal-safe and touches nothing that the two
    // processes share.
    unsafe {
        command.pre_exec(move || {
            rustix::process::umask(umask);
            Ok(())
        });
    }
}

/// Gives a signal whose effect is the default one a handler that does nothing. Exec resets it.
fn catch_and_do_nothing(signal: i32) {
    extern "C" fn nothing(_signal: libc::c_int) {}
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: sigaction writes `action` when it returns 0, and only then it is read. `nothing` is a handler that
    // touches no memory.
    unsafe {
        if libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) != 0 {
            return;
        }
        let mut action = action.assume_init();
        if action.sa_sigaction == libc::SIG_DFL {
            action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as libc::sighandler_t;
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
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

/// Which signals were ignored when this was asked first: those that otto's caller wants ignored. Bit n is signal n.
pub(crate) fn ignored_at_start() -> u64 {
    static IGNORED: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *IGNORED.get_or_init(|| {
        let is_ignored = |signal: i32| {
            let mut action = MaybeUninit::<libc::sigaction>::uninit();
            // SAFETY: sigaction writes `action` when it returns 0, and only then it is read.
            unsafe {
                libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
                    && action.assume_init().sa_sigaction == libc::SIG_IGN
            }
        };
        (1..64).filter(|signal| is_ignored(*signal)).fold(0, |mask, signal| mask | 1 << signal)
    })
}

/// Ends this process by a signal, so that whoever waits for it sees what happened.
pub(crate) fn die_by(signal: i32) -> ! {
    // SAFETY: takes integers, and pointers to a set that is initialised by sigemptyset before it is read.
    unsafe {
        // A second core, of the wrong process, would overwrite the first.
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::setrlimit(libc::RLIMIT_CORE, &none);
        libc::signal(signal, libc::SIG_DFL);
        let mut set = MaybeUninit::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), std::ptr::null_mut());
        libc::raise(signal);
        // Only for a signal that does not end a process.
        libc::_exit(128 + signal)
    }
}

/// Stops this process as ^Z does, and returns when it is continued; at once if nobody could continue it, because
/// there is no shell with job control.
pub(crate) fn halt() {
    // SAFETY: `before` is written by sigaction when it returns 0, and only then it is read. The sets are initialised
    // by sigemptyset and by pthread_sigmask.
    unsafe {
        let mut default: libc::sigaction = std::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        let mut before = MaybeUninit::uninit();
        if libc::sigaction(libc::SIGTSTP, &default, before.as_mut_ptr()) != 0 {
            return;
        }
        let (mut set, mut mask) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGTSTP);
        libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), mask.as_mut_ptr());
        libc::raise(libc::SIGTSTP);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), std::ptr::null_mut());
        libc::pthread_sigmask(libc::SIG_SETMASK, mask.as_ptr(), std::ptr::null_mut());
        libc::sigaction(libc::SIGTSTP, before.as_ptr(), std::ptr::null_mut());
    }
}

/// Signals that wait until they are fetched, instead of interrupting.
#[derive(Clone, Copy)]
pub(super) struct PendingSignals {
    #[cfg(target_os = "linux")]
    set: libc::sigset_t,
    before: libc::sigset_t,
}

impl PendingSignals {
    pub(super) fn hold(signals: &[i32]) -> PendingSignals {
        let (mut set, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        // SAFETY: `set` is initialised by sigemptyset, `before` by pthread_sigmask.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in signals {
                libc::sigaddset(set.as_mut_ptr(), *signal);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), before.as_mut_ptr());
            PendingSignals {
                #[cfg(target_os = "linux")]
                set: set.assume_init(),
                before: before.assume_init(),
            }
        }
    }

    /// Waits for the next one.
    #[cfg(target_os = "linux")]
    pub(super) fn next(&self) -> i32 {
        let mut signal = 0;
        // SAFETY: `set` is initialised; sigwait writes `signal` and keeps no pointer.
        unsafe { libc::sigwait(&self.set, &mut signal) };
        signal
    }

    pub(super) fn release(self) {
        // SAFETY: `before` is initialised and only read.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, std::ptr::null_mut()) };
    }
}

/// Changes what `ps` shows as this process's command line, as far as there is room where it stood. Only while nobody
/// looks at the arguments any more.
#[cfg(target_os = "linux")]
pub(super) fn retitle(title: &[u8]) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name, which may contain anything, `state` is the third field; `arg_start` is the 48th.
    let Some((_, fields)) = stat.rsplit_once(") ") else { return };
    let mut places = fields.split_ascii_whitespace().skip(45).map_while(|field| field.parse::<usize>().ok());
    let (Some(start), Some(end)) = (places.next(), places.next()) else { return };
    if start == 0 || end <= start {
        return;
    }
    // SAFETY: the kernel put the arguments there when it started this program, into memory of its stack that is
    // writable, belongs to nothing else and stays as long as the process. Nobody else reads or writes it.
    let place = unsafe { std::slice::from_raw_parts_mut(start as *mut u8, end - start) };
    place.fill(0);
    // The last byte stays 0: without it the kernel takes what follows for the rest of the title.
    let length = title.len().min(place.len() - 1);
    place[..length].copy_from_slice(&title[..length]);
}

/// Divides this process in two; says which of them this is.
#[cfg(target_os = "linux")]
pub(super) enum Fork {
    Parent { child: rustix::process::Pid },
    Child,
}

/// The number of a process's group, of this one's if none is named. 0 for a group that has no number here: that of otto
/// itself where it is the first process of a namespace of its own, as in a container. `None`: there is no such process.
pub(super) fn group_of(process: Option<rustix::process::Pid>) -> Option<i32> {
    // SAFETY: takes and returns integers.
    let group = unsafe { libc::getpgid(process.map_or(0, |pid| pid.as_raw_nonzero().get())) };
    (group >= 0).then_some(group)
}

/// Only for a process with a single thread: what other threads were doing, locks held included, would be frozen in
/// the child for ever.
#[cfg(target_os = "linux")]
pub(super) fn fork() -> io::Result<Fork> {
    // SAFETY: with one thread there is no lock that somebody else holds, so the child may go on as if nothing happened.
    match unsafe { libc::fork() } {
        0 => Ok(Fork::Child),
        pid => rustix::process::Pid::from_raw(pid.max(0))
            .map(|child| Fork::Parent { child })
            .ok_or_else(io::Error::last_os_error),
    }
}

/// Ends this process at once, without unwinding and without whatever was to be done at exit.
pub(super) fn exit_now(status: i32) -> ! {
    // SAFETY: takes an integer and does not return.
    unsafe { libc::_exit(status) }
}

/// Makes a named pipe, for its owner alone.
pub(super) fn make_fifo(path: &std::path::Path) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: takes a string that ends with NUL, and keeps no pointer.
    match unsafe { libc::mkfifo(path.as_ptr(), 0o600) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// CPU seconds of this process and its children so far.
#[cfg(test)]
pub(super) fn cpu_seconds() -> f64 {
    let used = |who| {
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: getrusage writes a structure that is valid with any bits.
        let usage = unsafe {
            libc::getrusage(who, usage.as_mut_ptr());
            usage.assume_init()
        };
        let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
        seconds(usage.ru_utime) + seconds(usage.ru_stime)
    };
    used(libc::RUSAGE_SELF) + used(libc::RUSAGE_CHILDREN)
}

/// Darwin's `libproc(3)` and `sysctl(3)`: what they tell of any process. Elsewhere than on macOS they are not there.
#[cfg(not(target_os = "linux"))]
pub(super) mod libproc {
    pub(in crate::exec) const IS_THERE: bool = cfg!(target_os = "macos");

    #[cfg(not(target_os = "macos"))]
    pub(in crate::exec) fn numbers() -> Vec<i32> {
        Vec::new()
    }

    /// All processes of this machine.
    #[cfg(target_os = "macos")]
    pub(in crate::exec) fn numbers() -> Vec<i32> {
        let mut numbers: Vec<i32> = Vec::new();
        loop {
            // Room for those that begin in between.
            numbers.resize(numbers.len() + 4096, 0);
            let bytes = i32::try_from(size_of_val(numbers.as_slice())).unwrap_or(i32::MAX);
            // SAFETY: the kernel writes at most `bytes` bytes into the buffer, which has as many; any bytes are numbers.
            let count = unsafe { libc::proc_listallpids(numbers.as_mut_ptr().cast(), bytes) };
            let Ok(count) = usize::try_from(count) else { return Vec::new() };
            if count < numbers.len() {
                numbers.truncate(count);
                numbers.retain(|number| *number > 0);
                return numbers;
            }
        }
    }

    #[cfg(not(target_os = "macos"))]
    pub(in crate::exec) fn traits(_: i32) -> Option<(i32, i32, Vec<u8>)> {
        None
    }

    /// Parent, process group and name of a process. `None`: it has ended, or it is another user's.
    #[cfg(target_os = "macos")]
    pub(in crate::exec) fn traits(pid: i32) -> Option<(i32, i32, Vec<u8>)> {
        /// `SZOMB` of Darwin's `sys/proc.h`.
        const ZOMBIE: u32 = 5;
        let mut info = std::mem::MaybeUninit::<libc::proc_bsdinfo>::zeroed();
        let size = size_of::<libc::proc_bsdinfo>() as i32;
        // SAFETY: the kernel writes at most `size` bytes, and zeroes are a valid value of the struct, which has numbers only.
        let info = unsafe {
            let written = libc::proc_pidinfo(pid, libc::PROC_PIDTBSDINFO, 0, info.as_mut_ptr().cast(), size);
            (written == size).then(|| info.assume_init())?
        };
        let name = if info.pbi_name[0] == 0 { &info.pbi_comm[..] } else { &info.pbi_name[..] };
        let name = name.iter().map(|letter| *letter as u8).take_while(|letter| *letter != 0).collect();
        let numbers = (i32::try_from(info.pbi_ppid).ok()?, i32::try_from(info.pbi_pgid).ok()?);
        (info.pbi_status != ZOMBIE).then_some((numbers.0, numbers.1, name))
    }

    #[cfg(not(target_os = "macos"))]
    pub(in crate::exec) fn start_block(_: i32) -> Option<Vec<u8>> {
        None
    }

    /// What `KERN_PROCARGS2` tells of a process: how many words it was started with, the words and its variables.
    #[cfg(target_os = "macos")]
    pub(in crate::exec) fn start_block(pid: i32) -> Option<Vec<u8>> {
        let mut name = [libc::CTL_KERN, libc::KERN_PROCARGS2, pid];
        // The most that a program can be started with.
        let mut block = vec![0u8; 1 << 20];
        let mut length = block.len();
        // SAFETY: `name` has the length given; the kernel writes at most `length` bytes into `block`, which has as many.
        let status = unsafe {
            libc::sysctl(
                name.as_mut_ptr(),
                3,
                block.as_mut_ptr().cast(),
                &raw mut length,
                std::ptr::null_mut(),
                0,
            )
        };
        block.truncate(length);
        (status == 0).then_some(block)
    }
}

/// Waits until one of these can be read, has ended or is broken, and says for each whether that is so.
/// None of them is: a signal came between.
pub(super) fn wait_for_input(files: &[BorrowedFd<'_>]) -> Vec<bool> {
    #[cfg(target_os = "linux")]
    {
        let mut fds: Vec<_> =
            files.iter().map(|file| PollFd::from_borrowed_fd(*file, PollFlags::IN)).collect();
        let is_told = rustix::event::poll(&mut fds, None).is_ok();
        fds.iter().map(|fd| is_told && !fd.revents().is_empty()).collect()
    }
    // macOS does not poll `/dev/tty`; select does.
    #[cfg(not(target_os = "linux"))]
    {
        let highest = files.iter().map(|file| file.as_raw_fd()).max().unwrap_or(-1);
        let mut set = vec![FdSetElement::default(); fd_set_num_elements(files.len(), highest + 1)];
        files.iter().for_each(|file| fd_set_insert(&mut set, file.as_raw_fd()));
        // SAFETY: every descriptor in the set is open for as long as the borrows in `files` live.
        let is_told = unsafe { rustix::event::select(highest + 1, Some(&mut set), None, None, None) }.is_ok();
        let ready: Vec<_> = FdSetIter::new(&set).collect();
        files.iter().map(|file| is_told && ready.contains(&file.as_raw_fd())).collect()
    }
}

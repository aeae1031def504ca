//! What the kernel tells of any process: from `/proc` on Linux, by libproc on macOS.
//! One module for each, with the same functions; neither knows what a process is wanted for.

#[cfg(target_os = "linux")]
pub(super) use linux::*;
#[cfg(not(target_os = "linux"))]
pub(super) use macos::*;

/// What a process is, told without asking it.
#[derive(Debug)]
pub(super) struct Traits {
    pub(super) parent: i32,
    pub(super) group: i32,
    /// Where its stack begins: chosen at random for each program that is started. 0 where that is kept secret.
    pub(super) image: u64,
    pub(super) name: String,
}

#[cfg(target_os = "linux")]
mod linux {
    use super::Traits;
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::path::PathBuf;
    use std::sync::OnceLock;

    /// Whether there is a `/proc` whose numbers mean here what they say. In a container that was given the `/proc` of
    /// its host they are those of the host's processes, and to signal them would hit others.
    pub(in crate::exec) fn is_at_hand() -> bool {
        static KNOWN: OnceLock<bool> = OnceLock::new();
        *KNOWN.get_or_init(|| {
            let this = std::process::id().to_string();
            let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
            match status.lines().find_map(|line| line.strip_prefix("NSpid:")) {
                // The number of this process in each namespace, from that of `/proc` to its own.
                Some(numbers) => numbers.split_ascii_whitespace().eq([this.as_str()]),
                // Linux before 4.1.
                None => fs::read_link("/proc/self").is_ok_and(|number| number.as_os_str() == this.as_str()),
            }
        })
    }

    /// All processes of this machine, zombies too.
    pub(in crate::exec) fn numbers() -> Vec<i32> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    /// `None`: it has ended, also when nobody has waited for it yet.
    pub(in crate::exec) fn traits(pid: i32) -> Option<Traits> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        // `pid (name) state parent group …`; the name may contain anything, parentheses too.
        let name_start = stat.iter().position(|byte| *byte == b'(')? + 1;
        let name_end = stat.iter().rposition(|byte| *byte == b')')?;
        let name = String::from_utf8_lossy(stat.get(name_start..name_end)?).into_owned();
        let rest = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        // `startstack`, the 28th of all fields.
        let image = fields.nth(22)?.parse().ok()?;
        (!matches!(state, "Z" | "X")).then_some(Traits { parent, group, image, name })
    }

    /// Its words, each ended by a NUL. Empty where it may not be asked.
    pub(in crate::exec) fn arguments(pid: i32) -> Vec<u8> {
        fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
    }

    /// Its program, and the files that it has open or mapped to memory.
    pub(in crate::exec) fn files(pid: i32) -> Option<Vec<PathBuf>> {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let links = open.map(|entry| entry.path()).chain([PathBuf::from(format!("/proc/{pid}/exe"))]);
        let mut files: Vec<PathBuf> = links.filter_map(|link| fs::read_link(link).ok()).collect();
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        files.extend(maps.lines().filter_map(|line| Some(PathBuf::from(&line[line.find('/')?..]))));
        Some(files)
    }

    /// Its variables as it was started with them, each ended by a NUL. Empty where it may not be asked.
    pub(in crate::exec) fn environment(pid: i32) -> Vec<u8> {
        fs::read(format!("/proc/{pid}/environ")).unwrap_or_default()
    }

    /// Whether it can write to one of these pipes, given by inode. A process that only looks on, by reading
    /// `/proc/…/fd/1`, cannot.
    pub(in crate::exec) fn can_write_to(pid: i32, pipes: &[u64]) -> bool {
        // Not allowed for processes of other users; then it is none that could be ended either.
        let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        entries.flatten().any(|entry| {
            let target = fs::read_link(entry.path()).unwrap_or_default();
            let bytes = target.as_os_str().as_bytes();
            let inode = bytes.strip_prefix(b"pipe:[").and_then(|rest| rest.strip_suffix(b"]"));
            let inode = inode.and_then(|inode| std::str::from_utf8(inode).ok()?.parse().ok());
            inode.is_some_and(|inode: u64| pipes.contains(&inode))
                && is_open_for_writing(pid, &entry.file_name())
        })
    }

    fn is_open_for_writing(pid: i32, fd: &OsStr) -> bool {
        let mut path = PathBuf::from(format!("/proc/{pid}/fdinfo"));
        path.push(fd);
        let info = fs::read_to_string(path).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        flags.and_then(|flags| i64::from_str_radix(flags.trim(), 8).ok()).is_some_and(|flags| flags & 3 != 0)
    }
}

/// Compiled for macOS on every change, and not run by any test here. Other systems of this kind have what
/// `native::libproc` answers there: nothing, so that process groups do the work.
#[cfg(not(target_os = "linux"))]
mod macos {
    use super::Traits;
    use crate::exec::native::libproc;

    pub(in crate::exec) fn is_at_hand() -> bool {
        libproc::IS_THERE
    }

    pub(in crate::exec) fn numbers() -> Vec<i32> {
        libproc::numbers()
    }

    pub(in crate::exec) fn traits(pid: i32) -> Option<Traits> {
        let (parent, group, name) = libproc::traits(pid)?;
        let name = String::from_utf8_lossy(&name).into_owned();
        Some(Traits { parent, group, image: 0, name })
    }

    pub(in crate::exec) fn arguments(pid: i32) -> Vec<u8> {
        words(pid).map(|(arguments, _)| arguments).unwrap_or_default()
    }

    /// Not told here.
    pub(in crate::exec) fn files(_: i32) -> Option<Vec<std::path::PathBuf>> {
        None
    }

    pub(in crate::exec) fn environment(pid: i32) -> Vec<u8> {
        words(pid).map(|(_, environment)| environment).unwrap_or_default()
    }

    /// Not told here: inodes of pipes are not what libproc calls them. Groups, parents and markers find the rest.
    pub(in crate::exec) fn can_write_to(_: i32, _: &[u64]) -> bool {
        false
    }

    /// Arguments and variables, as `KERN_PROCARGS2` lays them out: their number, the program's path, NULs up to a border,
    /// then the words, each ended by a NUL. Source: `sysctl(3)` and Darwin's `bsd/kern/kern_sysctl.c`.
    fn words(pid: i32) -> Option<(Vec<u8>, Vec<u8>)> {
        let block = libproc::start_block(pid)?;
        let count = usize::try_from(i32::from_ne_bytes(*block.first_chunk()?)).ok()?;
        let rest = &block[size_of::<i32>()..];
        let path = rest.iter().position(|byte| *byte == 0)?;
        let first = path + rest[path..].iter().position(|byte| *byte != 0)?;
        let rest = &rest[first..];
        let mut ends = rest.iter().enumerate().filter(|(_, byte)| **byte == 0).map(|(place, _)| place + 1);
        let border = match count.checked_sub(1) {
            Some(before_last) => ends.nth(before_last)?,
            None => 0,
        };
        Some((rest[..border].to_vec(), rest[border..].to_vec()))
    }
}

//! The sign of life of a run where its lock is not enough: a file that is written repeatedly while the run is alive.
//! On a file system that several machines share, a lock may hold on one of them only, or there are no locks at all.

use super::layout::RunDir;
use super::regular;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often it is written.
const EVERY: Duration = Duration::from_secs(10);
/// A run on another machine is over when its beat is this old, by the clock of the file system.
const LAPSE: Duration = Duration::from_secs(45);

/// Whose run it is. A beat holds one, as JSON.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Driver {
    /// For people.
    host: String,
    /// Where the process number means something: one start of one machine, and one namespace of processes there.
    kernel: String,
    pid: u32,
    /// When the process started, in the units of /proc: numbers are given again.
    started: u64,
}

impl Driver {
    fn this() -> Driver {
        let pid = std::process::id();
        Driver {
            host: crate::host::host_name(),
            kernel: kernel().unwrap_or_default(),
            pid,
            started: started(pid).unwrap_or(0),
        }
    }

    /// Whether its process lives; `None` if this machine cannot tell.
    fn is_alive(&self) -> Option<bool> {
        let is_here = kernel().is_some_and(|kernel| kernel == self.kernel);
        is_here.then(|| started(self.pid) == Some(self.started))
    }
}

/// `None` where there is no /proc.
fn kernel() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), namespace.display()))
}

/// The 22nd field of its `stat`, the 20th after the name, which may contain anything.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()
}

/// A beat that goes on as long as this lives.
#[derive(Debug)]
pub(crate) struct Beat {
    path: PathBuf,
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Beat {
    /// Writes the first one.
    pub(crate) fn write_first(run: &RunDir) -> std::io::Result<()> {
        write(&mut regular::update(&run.beat())?)
    }

    /// Goes on with it in a thread of its own.
    pub(crate) fn keep(run: &RunDir) -> Beat {
        let path = run.beat();
        let (end, ended) = channel::<()>();
        let file = path.clone();
        let keep = move || {
            while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                // What cannot be written now is written in ten seconds.
                let _ = regular::update(&file).and_then(|mut file| write(&mut file));
            }
        };
        // Without one, other machines take the run for over too early; this one asks for the process.
        let thread =
            std::thread::Builder::new().name("beat".to_owned()).stack_size(128 << 10).spawn(keep).ok();
        Beat { path, end: Some(end), thread }
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It does not panic; and if it did, the beat has ended too.
            let _ = thread.join();
        }
        // An old beat says the same, later.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn write(file: &mut File) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(&Driver::this()).expect("bug: plain data");
    line.push(b'\n');
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&line)?;
    file.set_len(line.len() as u64)?;
    // Other machines shall see it now.
    file.sync_data()
}

/// Where a run beats.
pub(super) fn host(run: &RunDir) -> Option<String> {
    let text = regular::read(&run.beat()).ok()?;
    serde_json::from_slice::<Driver>(&text).ok().map(|driver| driver.host)
}

/// Whether a run beats whose lock is free, or which has no lock. `is_free`: nobody on this machine has the lock.
pub(crate) fn is_alive(run: &RunDir, is_free: bool) -> bool {
    let path = run.beat();
    let Ok(text) = regular::read(&path) else { return false };
    let driver = serde_json::from_slice::<Driver>(&text).ok();
    match driver.and_then(|driver| driver.is_alive()) {
        // A lock on this machine says it more surely.
        Some(is_alive) => is_alive && !is_free,
        None => age(&path).is_none_or(|age| age < LAPSE),
    }
}

/// By the clock of the file system, which a new file shows: that of this machine may be another. `None` if there can be no
/// new file.
fn age(beat: &Path) -> Option<Duration> {
    // Opened, so that a client that keeps old attributes asks its server.
    let written = regular::open(beat).and_then(|file| file.metadata()).ok()?;
    let probe = super::atomic::own_name(beat);
    let now = super::atomic::create(&probe).and_then(|mut file| {
        file.write_all(b"\n")?;
        file.sync_data()?;
        file.metadata()
    });
    // It may not have been made.
    let _ = std::fs::remove_file(&probe);
    let now = now.ok()?;
    Some(Duration::from_secs((now.mtime() - written.mtime()).max(0) as u64))
}

/// Whether other machines may have this file too.
#[cfg(target_os = "linux")]
pub(crate) fn may_be_shared(file: &File) -> bool {
    /// `statfs(2)`: 9P, AFS, BeeGFS, Ceph, CIFS, Coda, FUSE, GFS2, GPFS, Lustre, NFS, OCFS2, PanFS, PVFS2, SMB, SMB2.
    const SHARED: &[u64] = &[
        0x0102_1997,
        0x5346_414f,
        0x1983_0326,
        0x00c3_6400,
        0xff53_4d42,
        0x7375_7245,
        0x6573_5546,
        0x0116_1970,
        0x4750_4653,
        0x0bd0_0bd0,
        0x6969,
        0x7461_636f,
        0xaad7_aaea,
        0x2003_0528,
        0x517b,
        0xfe53_4d42,
    ];
    // Signed and 32 bits wide on some machines.
    rustix::fs::fstatfs(file).is_ok_and(|of| SHARED.contains(&u64::from(of.f_type as u32)))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn may_be_shared(_file: &File) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn run() -> (tempfile::TempDir, RunDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let run = RunDir { path: folder.path().to_owned() };
        (folder, run)
    }

    fn beat_of(run: &RunDir, change: impl FnOnce(&mut Driver)) -> File {
        let mut driver = Driver::this();
        change(&mut driver);
        std::fs::write(run.beat(), serde_json::to_vec(&driver).expect("plain data")).expect("written");
        File::options().write(true).open(run.beat()).expect("there")
    }

    #[test]
    fn a_run_of_this_machine_lives_as_long_as_its_process() {
        let (_folder, run) = run();
        assert!(!is_alive(&run, false), "there is no beat");
        Beat::write_first(&run).expect("written");
        let beat = Beat::keep(&run);
        assert!(is_alive(&run, false));
        assert!(!is_alive(&run, true), "its lock is free");
        drop(beat);
        assert!(!run.beat().exists());
        // Neither a reused process number nor one that no process has.
        beat_of(&run, |driver| driver.started += 1);
        assert!(!is_alive(&run, false));
        beat_of(&run, |driver| driver.pid = u32::MAX);
        assert!(!is_alive(&run, false));
    }

    #[test]
    fn a_run_of_another_machine_lives_as_long_as_it_beats() {
        let (_folder, run) = run();
        let file = beat_of(&run, |driver| driver.kernel = "another".to_owned());
        assert!(is_alive(&run, false) && is_alive(&run, true));
        let ago = |seconds| SystemTime::now() - Duration::from_secs(seconds);
        file.set_modified(ago(40)).expect("ours");
        assert!(is_alive(&run, true));
        file.set_modified(ago(50)).expect("ours");
        assert!(!is_alive(&run, false) && !is_alive(&run, true));
        // One that cannot be read is as old as it is.
        std::fs::write(run.beat(), "{").expect("written");
        assert!(is_alive(&run, true));
        let left: Vec<_> = std::fs::read_dir(&run.path).expect("there").flatten().collect();
        assert_eq!(left.len(), 1, "nothing but the beat: {left:?}");
    }
}

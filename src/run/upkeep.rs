//! Whether the next run of a watch can keep a service running: only if it would start exactly the same service, and if no
//! changed file can affect the running one.

use super::{Setting, fresh};
use crate::diagnostic::{Code, Diagnostic};
use crate::exec::Launch;
use crate::exec::keep::{Adopted, KeepLabel, ProcessFiles};
use crate::host;
use crate::lang::CannotPrepare;
use crate::ottofile::spec::Service;
use crate::plan::{Job, JobId};
use crate::store::layout::{self, JobDir};
use crate::store::outputs::{self, Outputs};
use crate::store::share::{self, Ownership, ShareAnswer};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A service that is prepared but not started.
pub(super) struct PreparedService<'a> {
    pub(super) dir: &'a JobDir,
    /// The attempt number.
    pub(super) attempt_dir: &'a Path,
    /// It has an `if`.
    pub(super) asks_first: bool,
    pub(super) launch: &'a Launch,
    /// What it sees of its dependencies.
    pub(super) data: &'a [(JobId, Arc<Outputs>)],
}

/// Its identity.
pub(super) fn label(setting: &Setting, job: &Job, prepared: &PreparedService) -> KeepLabel {
    let print = print(setting, job, prepared);
    KeepLabel { job: job.name.clone(), print, task_dir: prepared.dir.path.clone(), ownership: None }
}

/// A hash of everything a service is made from: program, variables, script, values, `input`, and the conditions of `ready`.
/// `None` if that cannot be known or must not be kept.
fn print(setting: &Setting, job: &Job, prepared: &PreparedService) -> Option<String> {
    let PreparedService { dir, attempt_dir, asks_first, launch, data } = prepared;
    let handles_secrets = launch.secrets.is_some() || layout::private(attempt_dir).is_symlink();
    if handles_secrets || *asks_first {
        return None;
    }
    let mut hasher = blake3::Hasher::new();
    let own = [setting.run_dir.path.as_os_str().as_bytes(), setting.run_id.as_str().as_bytes()];
    let mut add = |bytes: &[u8]| {
        let bytes = own.iter().fold(bytes.to_vec(), |bytes, own| without(&bytes, own));
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(&bytes);
    };
    add(launch.program.as_os_str().as_bytes());
    launch.args.iter().for_each(|arg| add(arg.as_bytes()));
    let is_own = |(name, value): &&(OsString, OsString)| {
        // Variables about the run or the terminal.
        !name.as_bytes().starts_with(b"OTTO_") && setting.environment.get(name) != Some(value)
    };
    for (name, value) in launch.env.iter().filter(is_own) {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    add(launch.workdir.as_os_str().as_bytes());
    let Service { ready, port, log, timeout, is_shared } = setting.service(job);
    for text in [ready, port, log] {
        add(text.as_ref().map_or(&[][..], |text| text.value.as_bytes()));
    }
    add(&timeout.as_nanos().to_le_bytes());
    add(&[u8::from(*is_shared)]);
    // Its script, and everything else that exists before it starts.
    for entry in walkdir::WalkDir::new(&dir.path).follow_links(true).sort_by_file_name() {
        let entry = entry.ok()?;
        if entry.file_type().is_file() {
            add(entry.path().as_os_str().as_bytes());
            add(&std::fs::read(entry.path()).ok()?);
        }
    }
    for (path, hash) in fresh::hashes(setting, job, data, &AtomicBool::new(false))? {
        add(path.as_bytes());
        add(hash.as_bytes());
    }
    Some(hasher.finalize().to_hex().to_string())
}

/// These bytes without each occurrence of some others.
fn without(bytes: &[u8], others: &[u8]) -> Vec<u8> {
    let mut rest = bytes;
    let mut kept = Vec::with_capacity(bytes.len());
    while let Some(place) = rest.windows(others.len()).position(|window| window == others) {
        kept.extend_from_slice(&rest[..place]);
        // Only that something was there counts, not its value.
        kept.push(0);
        rest = &rest[place + others.len()..];
    }
    kept.extend_from_slice(rest);
    kept
}

/// Whether nothing in the folders of the ottofiles can matter to a service that is up, except its `input`: neither its script
/// nor its processes name a file there, run one, or have one open.
pub(super) fn is_independent(setting: &Setting, job: &Job, processes: &[ProcessFiles]) -> bool {
    if !job.input_globs.is_empty() {
        return true;
    }
    let task = &setting.ottofile.tasks[job.task];
    let folder = setting.folder_of(job);
    let workdir = task.dir.as_ref().map_or_else(|| folder.to_owned(), |dir| folder.join(&dir.value));
    let home = setting.project.path.parent();
    let is_here = |path: &Path| {
        let path = host::normal(path);
        path.starts_with(&setting.folder) && !home.is_some_and(|home| path.starts_with(home))
    };
    let names_file = |text: &[u8]| {
        let words = text.split(|byte| !is_of_path(*byte)).filter(|word| !word.is_empty());
        words.map(|word| Path::new(std::ffi::OsStr::from_bytes(word))).any(|word| {
            [&workdir, folder]
                .into_iter()
                .map(|folder| folder.join(word))
                .any(|path| is_here(&path) && path.exists())
        })
    };
    let variables = setting.ottofile.variables_of(task);
    let params = job.texts().map(|(_, text)| text.into_owned());
    !names_file(setting.body(job).text.as_bytes())
        && !variables.into_iter().any(|variable| names_file(variable.value.value.as_bytes()))
        && !params.into_iter().any(|text| names_file(text.as_bytes()))
        && !processes.iter().any(|process| {
            let is_file_here = |path: &PathBuf| is_here(path) && **path != setting.folder;
            names_file(&process.words) || process.files.iter().any(is_file_here)
        })
}

fn is_of_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-+@%~,".contains(&byte) || byte >= 0x80
}

/// What an attempt at a shared service does.
pub(super) enum ShareStanding {
    /// It starts the service. `true`: the processes of an earlier owner may still be ending.
    Owner(Arc<Ownership>, bool),
    Guest(Adopted),
}

/// Waits until the service of another run is up or has ended; `None` if no job needs it any more.
pub(super) fn share(
    setting: &Setting,
    job: &Job,
    print: Option<String>,
    gives_up: &AtomicBool,
) -> Result<Option<ShareStanding>, CannotPrepare> {
    const PAUSE: Duration = Duration::from_millis(20);
    let refuse = |why: String| {
        let span = setting.ottofile.tasks[job.task].service.as_ref().map(|service| service.span);
        let mut wrong =
            Diagnostic::error(Code::CannotStart, format!("`{}` cannot be shared: {why}", job.name));
        if let Some(span) = span {
            wrong = wrong.at(&setting.ottofile.sources, span, "by several runs");
        }
        CannotPrepare { diagnostic: wrong.help("without `share`, each run has its own"), code: 125 }
    };
    let Some(print) = print else {
        return Err(refuse("it handles secrets, or its `input` cannot be read".to_owned()));
    };
    let place = setting.project.share(&print);
    loop {
        match share::ask(&place) {
            Ok(ShareAnswer::Free { ownership, is_late }) => {
                return Ok(Some(ShareStanding::Owner(Arc::new(ownership), is_late)));
            }
            Ok(ShareAnswer::Up(guest)) => {
                let dir = setting.project.run(&guest.owner).job(&job.name);
                let outputs = outputs::read(&dir).map_err(|error| refuse(error.to_string()))?;
                let since = guest.owner.clone();
                let adopted = Adopted { since, outputs: Arc::new(outputs), guest: Some(guest) };
                return Ok(Some(ShareStanding::Guest(adopted)));
            }
            Ok(ShareAnswer::Busy) if gives_up.load(Ordering::Relaxed) => return Ok(None),
            Ok(ShareAnswer::Busy) => std::thread::sleep(PAUSE),
            Ok(ShareAnswer::NoLocks) => {
                let path = place.path.display();
                return Err(refuse(format!("the file system of `{path}` has no locks")));
            }
            Err(error) => {
                let path = place.path.display();
                return Err(refuse(format!("cannot lock in `{path}`: {}", host::plain(&error))));
            }
        }
    }
}

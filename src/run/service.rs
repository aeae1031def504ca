//! Services: finds out whether one is ready, and keeps what the run knows of those that have started.
//! Decides nothing about the run.

use super::launch::Started;
use super::secret;
use super::{Message, Setting};
use crate::diagnostic::{Code, Diagnostic};
use crate::event::{Exit, Stream};
use crate::exec::{Assignment, AttemptId, Ended, HandsOver, Launch, LaunchIo, Plumbing, Stdin};
use crate::host::plain;
use crate::lang::{self, CannotPrepare, HandOver};
use crate::ottofile::service::variable;
use crate::ottofile::spec::Service;
use crate::plan::Job;
use crate::source::Spanned;
use crate::store::layout;
use crate::store::outputs::{self, Outputs};
use crate::store::share::{Guesthood, Ownership};
use crate::value::Value;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{Read, Seek, SeekFrom};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// The attempt number of a probe. No job has this many attempts.
pub(super) const PROBE: u32 = u32::MAX;

const NOT_CALLED: &str = "it has not called `otto.ready`";

/// The pauses between two probes grow from the first to the second.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// A local port that does not answer within this time counts as taken.
const PORT_PATIENCE: Duration = Duration::from_secs(1);

/// Files that did not change for this long are not being written.
const SETTLED: Duration = Duration::from_secs(1);

/// How much of a log is searched at a time.
const PIECE: usize = 64 << 10;

/// A service that has started.
pub(super) struct Serving {
    pub(super) attempt: AttemptId,
    pub(super) is_up: bool,
    /// Keys that it had set when it became ready.
    pub(super) keys: Vec<String>,
    pub(super) stopped: Option<Stopped>,
    /// What it was last found to lack.
    pub(super) lack: String,
    started: Option<Arc<Started>>,
    /// The service of another run takes its place.
    pub(super) guest: Option<Guesthood>,
    /// Set when its attempt need not wait any longer for that.
    pub(super) gives_up: Arc<AtomicBool>,
    /// No user is left, and what becomes of it is to be seen once its attempt is prepared.
    pub(super) is_idle: bool,
    /// The user was told that other runs still use it.
    pub(super) is_awaited: bool,
    /// Rests between two questions.
    pub(super) probe: Option<Box<Probe>>,
}

/// Why otto stopped a service.
pub(super) enum Stopped {
    /// No job uses it any more.
    Idle,
    /// It was not ready in time.
    Late,
    /// The values it saved are invalid.
    Broken { reason: String, code: String },
}

impl Serving {
    pub(super) fn new(attempt: AttemptId, service: &Service) -> Serving {
        // For one that ends before it could be asked.
        let lack = match (&service.log, &service.port, &service.ready) {
            (Some(wanted), ..) => format!("it has not written `{}`", wanted.value),
            (None, Some(_), _) => "its port has not answered".to_owned(),
            (None, None, Some(_)) => "its `ready` has not succeeded".to_owned(),
            (None, None, None) => NOT_CALLED.to_owned(),
        };
        Serving {
            attempt,
            is_up: false,
            keys: Vec::new(),
            stopped: None,
            lack,
            started: None,
            guest: None,
            gives_up: Arc::default(),
            is_idle: false,
            is_awaited: false,
            probe: None,
        }
    }

    /// Its process is next.
    pub(super) fn begin(&mut self, started: Arc<Started>, probe: Box<Probe>) {
        self.started = Some(started);
        self.probe = Some(probe);
    }

    /// Nothing is up yet, and no process has begun.
    pub(super) fn is_prepared_for(&self) -> bool {
        !self.is_up && self.started.is_none() && self.stopped.is_none()
    }

    /// Kept while other runs may use it.
    pub(super) fn ownership(&self) -> Option<&Arc<Ownership>> {
        self.started.as_ref()?.ownership.as_ref()
    }

    /// Why it was not ready when it ended. It may have become ready since the last probe.
    pub(super) fn last_lack(&self, setting: &Arc<Setting>) -> Option<String> {
        let service = setting.service(setting.plan.job(self.attempt.job));
        let Some(started) = &self.started else { return Some(self.lack.clone()) };
        let mut probe = Probe::new(setting, self.attempt, started.clone());
        let lack = probe.lack_of_signs(service);
        let is_asked_otherwise = service.port.is_some() || service.ready.is_some();
        lack.or_else(|| is_asked_otherwise.then(|| self.lack.clone()))
    }
}

/// Asks once whether a service is ready, each time it is started. The command that answers runs like any other attempt.
pub(crate) struct Probe {
    setting: Arc<Setting>,
    started: Arc<Started>,
    pub(super) attempt: AttemptId,
    /// How far each log has been searched.
    searched: [u64; 2],
    has_logged: bool,
    asked: u32,
    /// Since when the files have not changed, if the values in them were invalid.
    doubt: Option<(Stamps, Instant)>,
    pub(super) answer: Readiness,
}

/// Size and time of each file.
type Stamps = BTreeMap<OsString, (u64, i64, i64)>;

pub(crate) enum Readiness {
    NotYet(String),
    /// With the values that the service has saved, and warnings about them.
    Ready(Outputs, Vec<Diagnostic>),
    /// The values it has saved are invalid.
    Broken(Box<Diagnostic>),
}

impl Probe {
    pub(super) fn new(setting: &Arc<Setting>, attempt: AttemptId, started: Arc<Started>) -> Probe {
        Probe {
            setting: setting.clone(),
            started,
            attempt,
            searched: [0; 2],
            has_logged: false,
            asked: 0,
            doubt: None,
            answer: Readiness::NotYet(String::new()),
        }
    }

    /// The ID by which the executor knows it.
    pub(super) fn id(&self) -> AttemptId {
        AttemptId { number: PROBE, ..self.attempt }
    }

    /// How long to wait before asking again.
    pub(super) fn pause(&self) -> Duration {
        LONGEST_PAUSE.min(SHORTEST_PAUSE * 2_u32.pow(self.asked.saturating_sub(1).min(10)))
    }

    /// Which of the signs that a service leaves are missing. They can also be checked after it has ended.
    fn lack_of_signs(&mut self, service: &Service) -> Option<String> {
        let is_told = service.ready.is_none() && service.port.is_none() && service.log.is_none();
        if is_told && !self.started.dir.ready().exists() {
            return Some(NOT_CALLED.to_owned());
        }
        if let Some(wanted) = &service.log
            && !self.has_logged(&wanted.value)
        {
            return Some(format!("it has not written `{}`", wanted.value));
        }
        None
    }

    /// What is missing, as far as it can be seen without a command.
    fn lack(&mut self, service: &Service) -> Option<String> {
        if let Some(lack) = self.lack_of_signs(service) {
            return Some(lack);
        }
        if let Some(written) = &service.port {
            match port(written, &self.started) {
                Ok(port) if is_answering(port) => {}
                Ok(port) => return Some(format!("port {port} does not answer")),
                // Refused before the start.
                Err(diagnostic) => return Some(diagnostic.message),
            }
        }
        None
    }

    /// Searches what was added to the logs. Text that spans two pieces is found too.
    fn has_logged(&mut self, wanted: &str) -> bool {
        for (place, stream) in [Stream::Stdout, Stream::Stderr].into_iter().enumerate() {
            let path = self.started.dir.log(stream, self.attempt.number);
            let mut search = || -> std::io::Result<bool> {
                let mut file = crate::store::regular::open(&path)?;
                loop {
                    file.seek(SeekFrom::Start(self.searched[place]))?;
                    let mut piece = Vec::new();
                    file.by_ref().take((PIECE + wanted.len()) as u64).read_to_end(&mut piece)?;
                    if piece.windows(wanted.len()).any(|window| window == wanted.as_bytes()) {
                        return Ok(true);
                    }
                    let is_last = piece.len() < PIECE + wanted.len();
                    self.searched[place] += piece.len().saturating_sub(wanted.len() - 1) as u64;
                    if is_last {
                        return Ok(false);
                    }
                }
            };
            // A log that cannot be read counts as empty.
            self.has_logged |= search().unwrap_or(false);
        }
        self.has_logged
    }

    /// Reads what the service has saved and writes it for the jobs that use it.
    fn take(&mut self) -> Readiness {
        let setting = self.setting.clone();
        let job = setting.plan.job(self.attempt.job);
        let stamps = self.stamps();
        let mut saved = match self.saved() {
            Ok(saved) => saved,
            Err(error) => {
                let message = format!("cannot read what `{}` has saved: {}", job.name, plain(&error));
                return Readiness::Broken(Box::new(Diagnostic::error(Code::NotHandedOver, message)));
            }
        };
        secret::keep(&setting, job, &mut saved);
        let HandOver { outputs, problems, .. } = saved;
        let (errors, warnings): (Vec<_>, Vec<_>) = problems.into_iter().partition(Diagnostic::is_error);
        if let Some(error) = errors.into_iter().next() {
            return self.doubted(error, stamps);
        }
        match outputs::write(&self.started.dir, &outputs, &self.setting.sealer) {
            Ok(()) => Readiness::Ready(outputs, warnings),
            Err(error) => {
                let message = format!("the outputs of `{}` were not saved: {error}", job.name);
                Readiness::Broken(Box::new(Diagnostic::error(Code::OutputsNotSaved, message)))
            }
        }
    }

    /// Saved values may be invalid only because the service is still writing them, so an error is reported once the files have
    /// not changed for a while.
    fn doubted(&mut self, error: Diagnostic, stamps: Stamps) -> Readiness {
        match &self.doubt {
            Some((earlier, since)) if *earlier == stamps && since.elapsed() >= SETTLED => {
                Readiness::Broken(Box::new(error))
            }
            Some((earlier, _)) if *earlier == stamps => Readiness::NotYet(error.message),
            Some(_) | None => {
                self.doubt = Some((stamps, Instant::now()));
                Readiness::NotYet(error.message)
            }
        }
    }

    /// The files in which a service saves, as they are now.
    fn stamps(&self) -> Stamps {
        // A folder that cannot be read is reported elsewhere.
        let entries =
            std::fs::read_dir(layout::private(&self.started.attempt_dir)).into_iter().flatten().flatten();
        let stamp = |entry: std::fs::DirEntry| {
            let meta = entry.metadata().ok()?;
            meta.is_file().then(|| (entry.file_name(), (meta.len(), meta.mtime(), meta.mtime_nsec())))
        };
        entries.filter_map(stamp).collect()
    }

    /// The command of `ready`, in the task's folder and with its variables. It also has the keys that the service has set so
    /// far, in capital letters: `otto.set port 5433` is `$PORT`.
    fn command(&self, command: &str) -> Launch {
        let mut env = self.started.env.clone();
        // If it cannot be read now, that is reported when the service is ready.
        for (key, value) in self.saved().unwrap_or_default().outputs.values {
            let name = key.to_ascii_uppercase();
            let is_name = variable(&format!("${name}")).is_some() && !name.starts_with("OTTO_");
            if let (true, Some(text)) = (is_name, text(&value)) {
                env.entry(name.into()).or_insert(text);
            }
        }
        let log = |stream| self.started.dir.ready_log(stream);
        Launch {
            program: PathBuf::from("/bin/sh"),
            named: "/bin/sh".into(),
            level: None,
            args: vec!["-c".into(), command.into()],
            env: env.into_iter().collect(),
            workdir: self.started.workdir.clone(),
            io: LaunchIo::Captured {
                stdin: Stdin::Null,
                stdout_log: log(Stream::Stdout),
                stderr_log: log(Stream::Stderr),
                shows: false,
            },
            hands_over: HandsOver::default(),
            secrets: None,
            limit: None,
            streams: None,
        }
    }

    /// Reads what the service has saved so far. It may still be writing, so a copy is read and the original stays.
    fn saved(&self) -> std::io::Result<HandOver> {
        let job = self.setting.plan.job(self.attempt.job);
        let attempt_dir = &self.started.attempt_dir;
        let early = layout::early(attempt_dir);
        let _ = std::fs::remove_dir_all(&early); // There is none yet, or it will be told below.
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(layout::private(&early))?;
        for entry in std::fs::read_dir(layout::private(attempt_dir))? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                std::fs::copy(entry.path(), layout::private(&early).join(entry.file_name()))?;
            }
        }
        let get = |name: &str| self.started.env.get(OsStr::new(name)).map(OsString::as_os_str);
        let script = self.started.script(&self.setting, job, self.attempt.number, &get);
        Ok(lang::collect_early(&script, &early, self.started.level))
    }
}

/// A value as a variable holds it; `None` for a list or a map.
fn text(value: &Value) -> Option<OsString> {
    match value {
        Value::List(_) | Value::Map(_) | Value::Null => None,
        Value::String(_) | Value::Number(_) | Value::Bool(_) => {
            let bytes = value.as_bytes().map(std::borrow::Cow::into_owned);
            let bytes = bytes.unwrap_or_else(|| crate::value::compact(value).into_bytes());
            (!bytes.contains(&0)).then(|| OsString::from_vec(bytes))
        }
    }
}

impl Assignment for Probe {
    fn launch(&mut self) -> Result<Launch, Exit> {
        self.asked += 1;
        let setting = self.setting.clone();
        let service = setting.service(setting.plan.job(self.attempt.job));
        if let Some(lack) = self.lack(service) {
            self.answer = Readiness::NotYet(lack);
            return Err(Exit::Code(1));
        }
        match &service.ready {
            Some(command) => Ok(self.command(&command.value)),
            None => {
                self.answer = self.take();
                Err(Exit::Code(0))
            }
        }
    }

    fn plumbing(&mut self) -> Plumbing {
        Plumbing::default()
    }

    fn collect(&mut self, ended: &Ended) {
        let setting = self.setting.clone();
        let service = setting.service(setting.plan.job(self.attempt.job));
        // The command is launched only if everything else is ready.
        let Some(command) = service.ready.as_ref().filter(|_| !matches!(self.answer, Readiness::Ready(..)))
        else {
            return;
        };
        if ended.exit.is_success() {
            self.answer = self.take();
        } else if self.lack(service).is_none() {
            let first = command.value.lines().next().unwrap_or_default();
            self.answer = Readiness::NotYet(format!("`{first}` failed: {}", ended.exit));
        }
    }

    fn tell(self: Box<Self>, _ended: Ended) {
        let sink = self.setting.sink.clone();
        sink(Message::Probed(self));
    }
}

/// Refuses to start a service whose port is taken: another program would answer there.
/// `is_late`: the program that has the port may be about to end.
pub(super) fn check_port(
    setting: &Setting,
    job: &Job,
    started: &Started,
    is_late: bool,
) -> Result<(), CannotPrepare> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let until = Instant::now() + PATIENCE;
    loop {
        match check_port_now(setting, job, started) {
            Err(_) if is_late && Instant::now() < until => std::thread::sleep(LONGEST_PAUSE),
            checked => return checked,
        }
    }
}

fn check_port_now(setting: &Setting, job: &Job, started: &Started) -> Result<(), CannotPrepare> {
    let service = setting.service(job);
    let Some(written) = &service.port else { return Ok(()) };
    let source = &setting.ottofile.sources;
    let refuse = |diagnostic: Diagnostic| CannotPrepare { diagnostic, code: 125 };
    let port = port(written, started).map_err(|wrong| refuse(wrong.at(source, written.span, "the port")))?;
    if !is_answering(port) {
        return Ok(());
    }
    let message = format!("port {port} of `{}` is already in use", job.name);
    let wrong = Diagnostic::error(Code::PortInUse, message)
        .at(source, written.span, "another program answers there")
        .help("stop that program, or use another port");
    Err(refuse(wrong))
}

/// The number, which may come from a variable.
fn port(written: &Spanned<String>, started: &Started) -> Result<u16, Diagnostic> {
    let text = match variable(&written.value) {
        None => written.value.clone(),
        Some(name) => {
            let value = started.env.get(OsStr::new(name));
            let Some(value) = value else {
                let message = format!("the port `{}` has no value: nothing sets `{name}`", written.value);
                return Err(Diagnostic::error(Code::CannotStart, message));
            };
            value.to_string_lossy().into_owned()
        }
    };
    match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        Ok(_) | Err(_) => {
            let message = format!("`{}` is `{text}`, which is not a port", written.value);
            Err(Diagnostic::error(Code::CannotStart, message))
        }
    }
}

/// Whether a program listens on this local port.
fn is_answering(port: u16) -> bool {
    let hosts = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    hosts.iter().any(|host| {
        match TcpStream::connect_timeout(&SocketAddr::new(*host, port), PORT_PATIENCE) {
            // A connection to itself: the system chose the same port for both ends, so no program listens there.
            Ok(stream) => stream.local_addr().ok() != stream.peer_addr().ok(),
            // A listener that accepts no more connections at the moment.
            Err(error) => error.kind() == std::io::ErrorKind::TimedOut,
        }
    })
}

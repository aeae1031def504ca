//! Which job reads which stream in this run, and what the end of one means for the other.
//! Knows pipes and spools, and no bytes: those flow in `exec::stream`.

use super::{RecordedSource, Setting};
use crate::diagnostic::{Code, Diagnostic};
use crate::exec::Plumbing;
use crate::exec::stream::{Fed, GRACE, Intake, IntakeReport, Outlet};
use crate::host::plain;
use crate::lang::CannotPrepare;
use crate::name::JobName;
use crate::ottofile::spec::Streaming;
use crate::plan::stream::pipe_variable;
use crate::plan::{Flow, Job, JobId, Plan};
use crate::store::layout::JobDir;
use crate::store::stream::{End, Full, Spool, set_aside};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How streams are kept, and where news of them goes.
#[derive(Clone)]
pub(crate) struct StreamSetting {
    /// The most that one stream may hold, in bytes.
    pub(crate) limit: u64,
    pub(crate) sink: Arc<dyn Fn(JobId, IntakeReport) + Send + Sync>,
}

/// All streams of a run.
#[derive(Default)]
pub(super) struct Streams {
    producers: HashMap<JobId, Producer>,
    consumers: HashMap<JobId, Consumer>,
    /// For each job, those who read its stream and are not settled.
    readers: BTreeMap<JobId, Vec<JobId>>,
}

/// A job that has streamed, or does.
struct Producer {
    spool: Arc<Spool>,
    /// While it runs.
    intake: Option<Intake>,
    pipe: PathBuf,
    has_had_reader: bool,
    /// Why it must fail, whatever its exit.
    trouble: Option<String>,
}

/// A job that reads streams, while it runs.
#[derive(Default)]
struct Consumer {
    sources: Vec<Source>,
    /// The producer that failed, so that there is no whole stream to read.
    broken_by: Option<JobId>,
}

struct Source {
    name: JobName,
    /// `None`: of an earlier run.
    producer: Option<JobId>,
    spool: Arc<Spool>,
    is_lenient: bool,
    /// A named pipe, and its stdin if this is its only source.
    outlets: Vec<Outlet>,
    pipe: PathBuf,
}

/// Where a stream that a job reads comes from.
struct Origin {
    name: JobName,
    producer: Option<JobId>,
    /// Its file, if an earlier run recorded it.
    recorded: PathBuf,
    is_lenient: bool,
}

/// What streams add to a launch.
#[derive(Default)]
pub(super) struct Wires {
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) plumbing: Plumbing,
}

/// What an attempt took of one stream.
pub(super) struct Taken {
    pub(super) producer: JobName,
    pub(super) fed: Fed,
    /// There was something to read, or there might have been.
    pub(super) had_bytes: bool,
}

impl Streams {
    pub(super) fn new(plan: &Plan) -> Streams {
        let mut readers: BTreeMap<JobId, Vec<JobId>> = BTreeMap::new();
        for id in plan.ids() {
            for (producer, _) in plan.producers(id) {
                readers.entry(producer).or_default().push(id);
            }
        }
        Streams { readers, ..Streams::default() }
    }

    /// Makes the pipes of an attempt, and the folder that they are in.
    pub(super) fn wire(
        &mut self,
        setting: &Setting,
        id: JobId,
        attempt: u32,
        streaming: Streaming,
    ) -> Result<Wires, CannotPrepare> {
        let mut wires = Wires::default();
        let dir = &setting.run_dir.job(&setting.plan.job(id).name);
        let cannot = |path: &Path, error: io::Error| CannotPrepare {
            diagnostic: Diagnostic::error(
                Code::CannotStart,
                format!("cannot create a stream at `{}`: {}", path.display(), plain(&error)),
            ),
            code: 125,
        };
        super::launch::make_folder(&dir.path)?;
        let (pipe, path) = (dir.output_pipe(), dir.stream());
        if attempt > 1 {
            set_aside(&path, &dir.failed_stream(attempt - 1)).map_err(|error| cannot(&path, error))?;
        }
        let writer = Spool::create(&path, setting.streams.limit).map_err(|error| cannot(&path, error))?;
        let (spool, writer) = (writer.spool().clone(), Arc::new(writer));
        let sink = setting.streams.sink.clone();
        let intake = Intake::open(&pipe, writer, move |report| sink(id, report))
            .map_err(|error| cannot(&pipe, error))?;
        wires.plumbing.tap = Some(intake.tap(streaming == Streaming::Stdout));
        wires.env.push(("OTTO_OUTPUT_PIPE".into(), pipe.clone().into()));
        let producer = Producer { spool, intake: Some(intake), pipe, has_had_reader: false, trouble: None };
        self.producers.insert(id, producer);

        self.consumers.insert(id, Consumer::default());
        let origins = self.origins(setting, id);
        let is_single = origins.len() == 1;
        let all: Vec<String> = origins.iter().map(|origin| origin.name.as_str().to_owned()).collect();
        let all: HashSet<&str> = all.iter().map(String::as_str).collect();
        for origin in origins {
            let pipe = dir.input_pipe(&origin.name);
            if is_single {
                wires.env.push(("OTTO_INPUT_PIPE".into(), pipe.clone().into()));
            }
            let task = &setting.ottofile.tasks[setting.plan.job(id).task];
            for name in setting.ottofile.names_in(task, origin.name.as_str(), &all) {
                wires.env.push((pipe_variable(&name).into(), pipe.clone().into()));
            }
            let source = self.open_source(origin, &pipe, is_single);
            let (source, stdin) = source.map_err(|error| cannot(&pipe, error))?;
            wires.plumbing.stdin = stdin.map(Arc::new);
            self.consumers.entry(id).or_default().sources.push(source);
        }
        if let Some(producer) = self.broken_source(id) {
            let diagnostic = broken(setting.plan.job(producer));
            return Err(CannotPrepare { diagnostic, code: 125 });
        }
        Ok(wires)
    }

    /// What a job reads: streams of this run, and in a rerun what was recorded of jobs that are not run again.
    fn origins(&self, setting: &Setting, id: JobId) -> Vec<Origin> {
        let live = setting.plan.producers(id).map(|(producer, is_lenient)| Origin {
            name: setting.plan.job(producer).name.clone(),
            producer: Some(producer),
            recorded: PathBuf::new(),
            is_lenient,
        });
        let recorded = setting.recorded.get(&id).into_iter().flatten().filter_map(|input| {
            let (Flow::Stream { is_lenient }, RecordedSource::Earlier(dir)) = (input.flow, &input.source)
            else {
                return None;
            };
            Some(Origin { name: input.job.clone(), producer: None, recorded: dir.stream(), is_lenient })
        });
        recorded.chain(live).collect()
    }

    fn open_source(
        &mut self,
        origin: Origin,
        pipe: &Path,
        is_single: bool,
    ) -> io::Result<(Source, Option<std::os::fd::OwnedFd>)> {
        let Origin { name, producer, recorded, is_lenient } = origin;
        let producer_state = producer.map(|producer| {
            self.producers.get_mut(&producer).expect("bug: a consumer starts after its producers")
        });
        let spool = match &producer_state {
            Some(state) => state.spool.clone(),
            None => Arc::new(Spool::recorded(&recorded)?),
        };
        let mut outlets = vec![Outlet::fifo(pipe, spool.clone(), is_lenient)?];
        let mut stdin = None;
        if is_single {
            let (outlet, end) = Outlet::pipe(spool.clone(), is_lenient)?;
            outlets.push(outlet);
            stdin = Some(end);
        }
        if let Some(state) = producer_state {
            state.has_had_reader = true;
            if let Some(intake) = &state.intake {
                outlets.iter().for_each(|outlet| intake.attach(outlet));
            }
        }
        Ok((Source { name, producer, spool, is_lenient, outlets, pipe: pipe.to_owned() }, stdin))
    }

    /// A producer that has failed, and whose stream this job was to read whole.
    fn broken_source(&self, consumer: JobId) -> Option<JobId> {
        let is_broken = |source: &&Source| !source.is_lenient && source.spool.end() == End::Broken;
        self.consumers.get(&consumer)?.sources.iter().find(is_broken)?.producer
    }

    /// The stream of a job that is skipped as fresh: what an earlier run recorded, to be read by its readers here.
    /// False: nothing is recorded.
    pub(super) fn adopt(&mut self, id: JobId, dir: &JobDir) -> bool {
        let path = dir.stream();
        let Ok(spool) = Spool::recorded(&path) else { return !self.readers.contains_key(&id) };
        let spool = Arc::new(spool);
        let pipe = dir.output_pipe();
        self.producers
            .insert(id, Producer { spool, intake: None, pipe, has_had_reader: false, trouble: None });
        true
    }

    /// An attempt has ended by itself or was ended: its pipes are taken away. Answers what it took from whom.
    pub(super) fn detach(&mut self, consumer: JobId) -> Vec<Taken> {
        let Some(consumer) = self.consumers.get_mut(&consumer) else { return Vec::new() };
        let mut taken = Vec::new();
        for source in std::mem::take(&mut consumer.sources) {
            let mut fed = Fed { bytes: 0, has_failed: false };
            for part in source.outlets.into_iter().map(Outlet::stop) {
                fed = Fed { bytes: fed.bytes.max(part.bytes), has_failed: fed.has_failed || part.has_failed };
            }
            // The consumer may have removed it; a name that leads nowhere is what is wanted.
            let _ = std::fs::remove_file(&source.pipe);
            let had_bytes = source.spool.length() > 0 || source.spool.end() == End::Open;
            taken.push(Taken { producer: source.name, fed, had_bytes });
        }
        taken
    }

    /// The producer whose failure took away what this job read.
    pub(super) fn broken_by(&self, consumer: JobId) -> Option<JobId> {
        self.consumers.get(&consumer).and_then(|consumer| consumer.broken_by)
    }

    /// The process of a producer has ended. True: a last report of its intake follows, and its attempt is over then.
    pub(super) fn finish(&self, id: JobId, has_succeeded: bool) -> bool {
        let intake = self.producers.get(&id).and_then(|producer| producer.intake.as_ref());
        if let Some(intake) = intake {
            intake.finish(if has_succeeded { GRACE } else { Duration::ZERO });
        }
        intake.is_some()
    }

    /// The run stops: nobody waits any longer for what producers left behind.
    pub(super) fn hurry(&self, ended: impl Iterator<Item = JobId>) {
        for id in ended {
            self.finish(id, false);
        }
    }

    /// An attempt is over, and its stream with it. Answers the consumers that must be stopped for it.
    pub(super) fn close(&mut self, id: JobId, end: End) -> Vec<JobId> {
        let Some(producer) = self.producers.get_mut(&id) else { return Vec::new() };
        producer.intake = None;
        producer.spool.close(end);
        // The task may have removed it; a name that leads nowhere is what is wanted.
        let _ = std::fs::remove_file(&producer.pipe);
        let mut broken = Vec::new();
        for (consumer, state) in &mut self.consumers {
            for source in state.sources.iter().filter(|source| source.producer == Some(id)) {
                if end == End::Broken && !source.is_lenient {
                    state.broken_by.get_or_insert(id);
                    broken.push(*consumer);
                }
                source.outlets.iter().for_each(Outlet::wake);
            }
        }
        broken.sort_unstable();
        broken
    }

    /// A job is settled. A producer all of whose readers are is told so, the way a pipe does.
    pub(super) fn settled(&mut self, plan: &Plan, id: JobId) {
        self.consumers.remove(&id);
        for (producer, _) in plan.producers(id) {
            let Some(left) = self.readers.get_mut(&producer) else { continue };
            left.retain(|reader| *reader != id);
            if left.is_empty()
                && let Some(producer) = self.producers.get(&producer)
                && producer.has_had_reader
                && let Some(intake) = &producer.intake
            {
                intake.close();
            }
        }
        if self.readers.get(&id).is_none_or(Vec::is_empty) {
            self.producers.remove(&id);
        }
    }

    /// Whether the readers of this job had all seen enough while it ran.
    pub(super) fn is_closed(&self, id: JobId) -> bool {
        let intake = self.producers.get(&id).and_then(|producer| producer.intake.as_ref());
        intake.is_some_and(Intake::is_closed)
    }

    /// How much a job has streamed.
    pub(super) fn length(&self, id: JobId) -> u64 {
        self.producers.get(&id).map_or(0, |producer| producer.spool.length())
    }

    pub(super) fn set_trouble(&mut self, id: JobId, reason: String) {
        if let Some(producer) = self.producers.get_mut(&id) {
            producer.trouble.get_or_insert(reason);
        }
    }

    pub(super) fn trouble(&self, id: JobId) -> Option<&str> {
        self.producers.get(&id)?.trouble.as_deref()
    }

    /// What to do about a stream that was ended because it took no more.
    pub(super) fn overflow(&self, job: &Job, id: JobId) -> Option<Diagnostic> {
        let producer = self.producers.get(&id)?;
        let reason = producer.trouble.as_deref().filter(|_| producer.spool.failure().is_none())?;
        let full = producer.spool.full()?;
        let mut diagnostic = Diagnostic::error(
            Code::StreamFull,
            format!("`{}` had more to write, but no reader continued: {reason}", job.name),
        );
        if !producer.has_had_reader && self.readers.contains_key(&id) {
            diagnostic =
                diagnostic.note("its readers had not started; with a higher `-j` they run at the same time");
        }
        Some(diagnostic.help(match full {
            Full::Limit(_) => {
                "set the environment variable `OTTO_STREAM_LIMIT` to change the limit: `OTTO_STREAM_LIMIT=8G`"
            }
            Full::Disk => "free disk space, or set `OTTO_HOME` to a folder on a larger disk",
        }))
    }
}

/// Why a consumer failed whose producer did.
pub(super) fn broken(producer: &Job) -> Diagnostic {
    let message =
        format!("`{}` failed while its stream was read, so the stream is incomplete", producer.name);
    Diagnostic::error(Code::StreamBroken, message)
        .help("if the reader needs only the start, set `stream-errors: ignore`")
}

/// A stream is passed on and recorded as it is written.
pub(super) fn secrets_warning(setting: &Setting, job: &Job) -> Option<Diagnostic> {
    let streaming = setting.ottofile.tasks[job.task].streaming.as_ref()?;
    let message =
        format!("`{}` streams and handles secrets, and what it streams is recorded as it is", job.name);
    let warning = Diagnostic::warning(Code::SecretStream, message);
    let place = "secrets in a stream are not masked";
    Some(warning.at(&setting.ottofile.sources, streaming.span, place))
}

/// A consumer whose text reads values of a task that streams to it: there are none.
pub(super) fn values_warning(setting: &Setting, id: JobId) -> Option<Diagnostic> {
    let job = setting.plan.job(id);
    let body = setting.body(job);
    let names: Vec<&str> = setting
        .plan
        .producers(id)
        .map(|(producer, _)| setting.plan.job(producer).name.as_str())
        .filter(|name| reads_values(&body.text, name))
        .collect();
    let shown = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    (!names.is_empty()).then(|| {
        let message = format!("`{}` seems to read values of {shown}, which streams to it", job.name);
        Diagnostic::warning(Code::StreamValues, message)
            .at(
                &setting.ottofile.sources,
                body.key_span,
                "INPUT has no values of a task that may still be running",
            )
            .help("read the value in a task that depends on both, or write it to the stream")
    })
}

/// Looks for `INPUT[build.key]`, `INPUT["build.key"]`, `INPUT["build"]`, `otto.get build.key` and their like.
fn reads_values(text: &str, task: &str) -> bool {
    let speaks_of_data = text.contains("INPUT[") || text.contains("otto.get") || text.contains("otto_get");
    speaks_of_data
        && text.match_indices(task).any(|(place, _)| {
            let (before, after) = (&text[..place], &text[place + task.len()..]);
            let is_key =
                after.starts_with('.') && after[1..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
            let is_task = after.starts_with("\"]") || after.starts_with("']");
            before.ends_with(['[', '"', '\'', ' ']) && (is_key || is_task)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_read_values_of_a_task_are_known() {
        for text in
            ["echo ${INPUT[logs.n]}", "x = INPUT[\"logs\"][\"n\"]", "x=$(otto.get logs.n)", "INPUT['logs.n']"]
        {
            assert!(reads_values(text, "logs"), "{text}");
        }
        for text in [
            "grep x \"$OTTO_INPUT_PIPE\"",
            "cat logs.txt",
            "echo ${INPUT[build.n]} logs",
            "INPUT[catalogs.n]",
        ] {
            assert!(!reads_values(text, "logs"), "{text}");
        }
    }
}

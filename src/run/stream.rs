//! Which job reads which stream in this run, and what the end of one means for the other.
//! Knows pipes and spools, but no bytes: `exec::stream` copies those.

use super::{RecordedSource, Setting};
use crate::diagnostic::{Code, Diagnostic};
use crate::exec::stream::{Fed, GRACE, Intake, IntakeReport, Outlet};
use crate::exec::{Plumbing, StreamPlan, StreamSource};
use crate::host::plain;
use crate::lang::CannotPrepare;
use crate::name::JobName;
use crate::ottofile::spec::Streaming;
use crate::plan::stream::pipe_variable;
use crate::plan::{Flow, Job, JobId, JobPlace, Plan};
use crate::store::exchange::{StreamRecord, TakenRecord};
use crate::store::layout::JobDir;
use crate::store::stream::{End, Full, Spool, set_aside};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How streams are stored, and where their reports go.
#[derive(Clone)]
pub(crate) struct StreamSetting {
    /// The most that one stream may hold, in bytes.
    pub(crate) limit: u64,
    pub(crate) sink: Arc<dyn Fn(JobId, IntakeReport) + Send + Sync>,
}

/// All streams of a run, or those of its attempts that share a job of a cluster.
#[derive(Default)]
pub(crate) struct Streams {
    producers: HashMap<JobId, Producer>,
    consumers: HashMap<JobId, Consumer>,
    /// For each job, the readers of its stream that are not settled.
    readers: BTreeMap<JobId, Vec<JobId>>,
    /// The other way round: whose streams a job reads.
    sources: HashMap<JobId, Vec<JobId>>,
}

/// A job that streams or has streamed.
struct Producer {
    spool: Arc<Spool>,
    /// While it runs on this machine.
    intake: Option<Intake>,
    pipe: Option<PathBuf>,
    has_had_reader: bool,
    /// Its readers had all left before it ended, on another machine.
    was_closed: bool,
    /// Why it must fail, even if its exit is a success.
    trouble: Option<String>,
}

impl Producer {
    fn of(spool: Arc<Spool>) -> Producer {
        Producer { spool, intake: None, pipe: None, has_had_reader: false, was_closed: false, trouble: None }
    }
}

/// A job that reads streams, while it runs.
#[derive(Default)]
struct Consumer {
    sources: Vec<Source>,
    /// The producer that failed, so that the stream is incomplete.
    broken_by: Option<JobId>,
}

struct Source {
    name: JobName,
    /// `None`: of an earlier run.
    producer: Option<JobId>,
    spool: Arc<Spool>,
    is_lenient: bool,
    /// A named pipe, and its stdin if this is its only source; none of an attempt on another machine.
    outlets: Vec<Outlet>,
    pipe: Option<PathBuf>,
}

/// What streams add to a launch.
#[derive(Default)]
pub(crate) struct Wires {
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) plumbing: Plumbing,
    /// Of an attempt on another machine.
    pub(super) away: Option<StreamsAway>,
}

/// The streams of an attempt on another machine.
pub(super) struct StreamsAway {
    plan: StreamPlan,
    /// For each of its sources.
    spools: Vec<Arc<Spool>>,
}

impl StreamsAway {
    /// The plan, with the lengths of streams that are whole by now.
    pub(super) fn plan(mut self) -> StreamPlan {
        for (source, spool) in self.plan.sources.iter_mut().zip(self.spools) {
            source.length = (spool.end() != End::Open).then(|| spool.length());
        }
        self.plan
    }
}

/// What an attempt read of one stream.
pub(crate) struct Taken {
    pub(super) producer: JobName,
    /// `None`: of an earlier run.
    pub(super) id: Option<JobId>,
    pub(crate) fed: Fed,
    /// There was, or may have been, something to read.
    pub(super) had_bytes: bool,
    /// Nothing more would have come.
    pub(super) is_whole: bool,
}

impl Taken {
    /// What is wrong if the file could not be read.
    pub(crate) fn unreadable(&self) -> String {
        format!("cannot read the recorded stream of `{}`", self.producer)
    }
}

/// Why the streams of an attempt cannot be connected.
#[derive(Debug)]
pub(crate) enum CannotConnect {
    /// The file or pipe that cannot be made or read.
    File(PathBuf, io::Error),
    /// The producer that failed.
    Broken(JobId),
}

impl Streams {
    pub(super) fn new(plan: &Plan) -> Streams {
        let edges = |id| plan.producers(id).map(move |(producer, _)| (producer, id));
        Streams::between(plan.ids().flat_map(edges))
    }

    /// Of these pairs of a producer and a reader.
    pub(crate) fn between(edges: impl Iterator<Item = (JobId, JobId)>) -> Streams {
        let mut streams = Streams::default();
        for (producer, reader) in edges {
            streams.readers.entry(producer).or_default().push(reader);
            streams.sources.entry(reader).or_default().push(producer);
        }
        streams
    }

    /// Makes the pipes of an attempt, and the folder that they are in; for one on another machine, what that needs to know.
    pub(super) fn wire(
        &mut self,
        setting: &Setting,
        id: JobId,
        attempt: u32,
        streaming: Streaming,
    ) -> Result<Wires, CannotPrepare> {
        let dir = &setting.run_dir.job(&setting.plan.job(id).name);
        super::launch::make_folder(&dir.path)?;
        let plan = self.plan(setting, id, attempt, streaming);
        let wired = match setting.places[id.index()] {
            JobPlace::Cluster => self.expect(id, plan),
            JobPlace::Here => {
                let inputs: Vec<PathBuf> =
                    plan.sources.iter().map(|source| dir.input_pipe(&source.name)).collect();
                let sink = setting.streams.sink.clone();
                self.connect(id, &plan, dir.output_pipe(), &inputs, move |report| sink(id, report))
            }
        };
        wired.map_err(|cannot| {
            let diagnostic = match cannot {
                CannotConnect::File(path, error) => {
                    let message =
                        format!("cannot create a stream at `{}`: {}", path.display(), plain(&error));
                    Diagnostic::error(Code::CannotStart, message)
                }
                CannotConnect::Broken(producer) => broken(setting.plan.job(producer)),
            };
            CannotPrepare { diagnostic, code: 125 }
        })
    }

    /// What an attempt streams and reads: streams of this run, and in a rerun what was recorded of jobs that are not run again.
    fn plan(&self, setting: &Setting, id: JobId, attempt: u32, streaming: Streaming) -> StreamPlan {
        let dir = setting.run_dir.job(&setting.plan.job(id).name);
        let source = |name: &JobName, producer, file, is_lenient| StreamSource {
            name: name.clone(),
            producer,
            file,
            length: None,
            is_lenient,
            variables: Vec::new(),
        };
        let live = setting.plan.producers(id).map(|(producer, is_lenient)| {
            let file = self.producers.get(&producer).map(|producer| producer.spool.path().to_owned());
            let file = file.expect("bug: a consumer starts after its producers");
            source(&setting.plan.job(producer).name, Some(producer), file, is_lenient)
        });
        let recorded = setting.recorded.get(&id).into_iter().flatten().filter_map(|input| {
            let (Flow::Stream { is_lenient }, RecordedSource::Earlier(dir)) = (input.flow, &input.source)
            else {
                return None;
            };
            Some(source(&input.job, None, dir.stream(), is_lenient))
        });
        let mut sources: Vec<StreamSource> = recorded.chain(live).collect();
        let all: Vec<String> = sources.iter().map(|source| source.name.as_str().to_owned()).collect();
        let all: HashSet<&str> = all.iter().map(String::as_str).collect();
        let is_single = sources.len() == 1;
        let task = &setting.ottofile.tasks[setting.plan.job(id).task];
        for source in &mut sources {
            if is_single {
                source.variables.push("OTTO_INPUT_PIPE".to_owned());
            }
            let names = setting.ottofile.names_in(task, source.name.as_str(), &all);
            source.variables.extend(names.iter().map(|name| pipe_variable(name)));
        }
        StreamPlan {
            file: dir.stream(),
            failed: (attempt > 1).then(|| dir.failed_stream(attempt - 1)),
            limit: setting.streams.limit,
            copies_stdout: streaming == Streaming::Stdout,
            readers: self.readers.get(&id).cloned().unwrap_or_default(),
            sources,
        }
    }

    /// Makes the pipes of an attempt: `output`, and one of `inputs` for each of its sources.
    pub(crate) fn connect(
        &mut self,
        id: JobId,
        plan: &StreamPlan,
        output: PathBuf,
        inputs: &[PathBuf],
        sink: impl Fn(IntakeReport) + Send + 'static,
    ) -> Result<Wires, CannotConnect> {
        let cannot = |path: &Path| {
            let path = path.to_owned();
            move |error| CannotConnect::File(path, error)
        };
        let mut wires = Wires::default();
        if let Some(failed) = &plan.failed {
            set_aside(&plan.file, failed).map_err(cannot(&plan.file))?;
        }
        let writer = Spool::create(&plan.file, plan.limit).map_err(cannot(&plan.file))?;
        let (spool, writer) = (writer.spool().clone(), Arc::new(writer));
        let intake = Intake::open(&output, writer, sink).map_err(cannot(&output))?;
        wires.plumbing.tap = Some(intake.tap(plan.copies_stdout));
        wires.env.push(("OTTO_OUTPUT_PIPE".into(), output.clone().into()));
        let producer = Producer { intake: Some(intake), pipe: Some(output), ..Producer::of(spool) };
        self.producers.insert(id, producer);

        self.consumers.insert(id, Consumer::default());
        for (source, pipe) in plan.sources.iter().zip(inputs) {
            for variable in &source.variables {
                wires.env.push((variable.into(), pipe.into()));
            }
            let is_single = plan.sources.len() == 1;
            let (source, stdin) = self.open_source(source, pipe, is_single).map_err(cannot(pipe))?;
            wires.plumbing.stdin = stdin.map(Arc::new);
            self.consumers.entry(id).or_default().sources.push(source);
        }
        match self.broken_source(id) {
            Some(producer) => Err(CannotConnect::Broken(producer)),
            None => Ok(wires),
        }
    }

    fn open_source(
        &mut self,
        source: &StreamSource,
        pipe: &Path,
        is_single: bool,
    ) -> io::Result<(Source, Option<std::os::fd::OwnedFd>)> {
        let StreamSource { name, producer, file, is_lenient, .. } = source;
        let state = producer.and_then(|producer| self.producers.get_mut(&producer));
        let spool = match &state {
            Some(state) => state.spool.clone(),
            None => Arc::new(Spool::recorded(file)?),
        };
        let mut outlets = vec![Outlet::fifo(pipe, spool.clone(), *is_lenient)?];
        let mut stdin = None;
        if is_single {
            let (outlet, end) = Outlet::pipe(spool.clone(), *is_lenient)?;
            outlets.push(outlet);
            stdin = Some(end);
        }
        if let Some(state) = state {
            state.has_had_reader = true;
            if let Some(intake) = &state.intake {
                outlets.iter().for_each(|outlet| intake.attach(outlet));
            }
        }
        let (name, pipe) = (name.clone(), Some(pipe.to_owned()));
        Ok((Source { name, producer: *producer, spool, is_lenient: *is_lenient, outlets, pipe }, stdin))
    }

    // ── on another machine ───────────────────────────────────────────────────────────────────────────────────

    /// An attempt on another machine, which makes its pipes.
    fn expect(&mut self, id: JobId, plan: StreamPlan) -> Result<Wires, CannotConnect> {
        self.producers.insert(id, Producer::of(Arc::new(Spool::elsewhere(&plan.file, plan.limit))));
        let mut consumer = Consumer::default();
        for StreamSource { name, producer, file, is_lenient, .. } in &plan.sources {
            let spool = match producer.and_then(|producer| self.producers.get_mut(&producer)) {
                Some(state) => {
                    state.has_had_reader = true;
                    state.spool.clone()
                }
                None => {
                    Arc::new(Spool::recorded(file).map_err(|error| CannotConnect::File(file.clone(), error))?)
                }
            };
            let (name, producer, is_lenient) = (name.clone(), *producer, *is_lenient);
            let source = Source { name, producer, spool, is_lenient, outlets: Vec::new(), pipe: None };
            consumer.sources.push(source);
        }
        let spools = consumer.sources.iter().map(|source| source.spool.clone()).collect();
        self.consumers.insert(id, consumer);
        match self.broken_source(id) {
            Some(producer) => Err(CannotConnect::Broken(producer)),
            None => Ok(Wires { away: Some(StreamsAway { plan, spools }), ..Wires::default() }),
        }
    }

    /// What the other machine says of the streams of an attempt that has ended there. Answers what it took from whom.
    pub(super) fn ended_elsewhere(&mut self, id: JobId, record: &StreamRecord) -> Vec<Taken> {
        if let Some(producer) = self.producers.get_mut(&id) {
            producer.spool.was_filled(record.length, record.is_full);
            producer.was_closed = record.is_short;
            producer.trouble.clone_from(&record.trouble);
        }
        if let Some(consumer) = self.consumers.get_mut(&id) {
            consumer.broken_by = consumer.broken_by.or(record.broken_by);
            consumer.sources.clear();
        }
        let taken = |taken: &TakenRecord| Taken {
            producer: taken.name.clone(),
            id: taken.producer,
            fed: Fed { bytes: taken.bytes, has_failed: taken.has_failed },
            had_bytes: taken.had_bytes,
            is_whole: taken.is_whole,
        };
        record.taken.iter().map(taken).collect()
    }

    /// The other way round, on that machine: what there is to say of an attempt that has ended.
    pub(crate) fn record(&self, id: JobId, was_cut: bool, taken: Vec<Taken>) -> StreamRecord {
        let record = |taken: Taken| TakenRecord {
            name: taken.producer,
            producer: taken.id,
            bytes: taken.fed.bytes,
            has_failed: taken.fed.has_failed,
            had_bytes: taken.had_bytes,
            is_whole: taken.is_whole,
        };
        let spool = self.producers.get(&id).map(|producer| &producer.spool);
        StreamRecord {
            length: self.length(id),
            is_short: self.is_closed(id),
            was_cut,
            is_full: spool.is_some_and(|spool| spool.full().is_some()),
            trouble: self.trouble(id).map(str::to_owned),
            broken_by: self.broken_by(id),
            taken: taken.into_iter().map(record).collect(),
        }
    }

    /// Those whose streams an attempt reads, and that were to begin here and have not: their streams are broken.
    pub(crate) fn break_missing(&mut self, plan: &StreamPlan, is_of_here: impl Fn(JobId) -> bool) {
        for source in &plan.sources {
            let missing = |id: &JobId| is_of_here(*id) && !self.producers.contains_key(id);
            if let Some(producer) = source.producer.filter(missing) {
                let spool = Spool::elsewhere(&source.file, plan.limit);
                spool.close(End::Broken);
                self.producers.insert(producer, Producer::of(Arc::new(spool)));
            }
        }
    }

    // ── what becomes of them ─────────────────────────────────────────────────────────────────────────────────

    /// A producer that has failed although this job needs its whole stream.
    fn broken_source(&self, consumer: JobId) -> Option<JobId> {
        let is_broken = |source: &&Source| !source.is_lenient && source.spool.end() == End::Broken;
        self.consumers.get(&consumer)?.sources.iter().find(is_broken)?.producer
    }

    /// Takes the recorded stream of an earlier run for a job that is up to date. Returns false if none is recorded.
    pub(super) fn adopt(&mut self, id: JobId, dir: &JobDir) -> bool {
        let path = dir.stream();
        let Ok(spool) = Spool::recorded(&path) else { return !self.readers.contains_key(&id) };
        let spool = Arc::new(spool);
        self.producers.insert(id, Producer::of(spool));
        true
    }

    /// Removes the pipes of an attempt that has ended. Returns what it read from which producer.
    pub(crate) fn detach(&mut self, consumer: JobId) -> Vec<Taken> {
        let Some(consumer) = self.consumers.get_mut(&consumer) else { return Vec::new() };
        let mut taken = Vec::new();
        for source in std::mem::take(&mut consumer.sources) {
            let mut fed = Fed { bytes: 0, has_failed: false };
            for part in source.outlets.into_iter().map(Outlet::stop) {
                fed = Fed { bytes: fed.bytes.max(part.bytes), has_failed: fed.has_failed || part.has_failed };
            }
            // The consumer may have removed it already, which is fine.
            let _ = source.pipe.map(std::fs::remove_file);
            let is_whole = source.spool.end() != End::Open;
            let had_bytes = source.spool.length() > 0 || !is_whole;
            taken.push(Taken { producer: source.name, id: source.producer, fed, had_bytes, is_whole });
        }
        taken
    }

    /// The producer whose failure broke the stream that this job read.
    pub(crate) fn broken_by(&self, consumer: JobId) -> Option<JobId> {
        self.consumers.get(&consumer).and_then(|consumer| consumer.broken_by)
    }

    /// The process of a producer has ended. True: its intake sends a last report, which ends the attempt.
    pub(crate) fn finish(&self, id: JobId, has_succeeded: bool) -> bool {
        let intake = self.producers.get(&id).and_then(|producer| producer.intake.as_ref());
        if let Some(intake) = intake {
            intake.finish(if has_succeeded { GRACE } else { Duration::ZERO });
        }
        intake.is_some()
    }

    /// The run stops: leaked processes of producers are no longer waited for.
    pub(super) fn hurry(&self, ended: impl Iterator<Item = JobId>) {
        for id in ended {
            self.finish(id, false);
        }
    }

    /// Ends the stream of an attempt. Returns the consumers that must be stopped because of it.
    pub(crate) fn close(&mut self, id: JobId, end: End) -> Vec<JobId> {
        let Some(producer) = self.producers.get_mut(&id) else { return Vec::new() };
        producer.intake = None;
        producer.spool.close(end);
        // The task may have removed it already, which is fine.
        let _ = producer.pipe.take().map(std::fs::remove_file);
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

    /// A job is settled. A producer whose readers are all settled finds its pipe closed, as in a pipeline.
    pub(crate) fn settled(&mut self, id: JobId) {
        self.consumers.remove(&id);
        for producer in self.sources.get(&id).into_iter().flatten() {
            let Some(left) = self.readers.get_mut(producer) else { continue };
            left.retain(|reader| *reader != id);
            if left.is_empty()
                && let Some(producer) = self.producers.get(producer)
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

    /// Whether all readers of this job had stopped reading while it ran.
    pub(crate) fn is_closed(&self, id: JobId) -> bool {
        let is_closed = |producer: &Producer| {
            producer.was_closed || producer.intake.as_ref().is_some_and(Intake::is_closed)
        };
        self.producers.get(&id).is_some_and(is_closed)
    }

    /// How much a job has streamed.
    pub(crate) fn length(&self, id: JobId) -> u64 {
        self.producers.get(&id).map_or(0, |producer| producer.spool.length())
    }

    pub(crate) fn set_trouble(&mut self, id: JobId, reason: String) {
        if let Some(producer) = self.producers.get_mut(&id) {
            producer.trouble.get_or_insert(reason);
        }
    }

    pub(crate) fn trouble(&self, id: JobId) -> Option<&str> {
        self.producers.get(&id)?.trouble.as_deref()
    }

    /// The error about a stream that was cut off because its spool was full.
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

/// The error of a consumer whose producer failed.
pub(super) fn broken(producer: &Job) -> Diagnostic {
    let message =
        format!("`{}` failed while its stream was read, so the stream is incomplete", producer.name);
    Diagnostic::error(Code::StreamBroken, message)
        .help("if the reader needs only the start, set `stream-errors: ignore`")
}

/// Warns that a stream is passed on and recorded as it is written.
pub(super) fn secrets_warning(setting: &Setting, job: &Job) -> Option<Diagnostic> {
    let streaming = setting.ottofile.tasks[job.task].streaming.as_ref()?;
    let message =
        format!("`{}` streams and handles secrets, and what it streams is recorded as it is", job.name);
    let warning = Diagnostic::warning(Code::SecretStream, message);
    let place = "secrets in a stream are not masked";
    Some(warning.at(&setting.ottofile.sources, streaming.span, place))
}

/// Warns about a consumer whose text reads values of a task that streams to it: it has none yet.
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

/// Looks for `INPUT[build.key]`, `INPUT["build.key"]`, `INPUT["build"]`, `otto.get build.key` and the like.
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

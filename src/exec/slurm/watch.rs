//! The thread that owns what is under way on the cluster: it hears the bells of the nodes, reads their records, and asks
//! Slurm for what became of jobs that do not ring.
//!
//! No answer of Slurm is no news: an error, a timeout or an empty answer ends nothing and submits nothing twice. Whenever
//! otto gives an attempt up, it first claims its end; if that fails, there is a record, and that counts.

use super::clerk::{AttemptFiles, BatchMember, Errand, ErrandDone, FilesMade, Sharing, Submitted};
use super::command::QueueRow;
use super::states::{self, JobStanding, Refusal};
use super::{ClusterOrder, ClusterSetting};
use crate::diagnostic::{Code, Diagnostic, Notice};
use crate::event::{Exit, IN_BUNDLE};
use crate::exec::{
    Assignment, AttemptId, ClusterJob, Ended, KnownAttempt, Leftover, Repeat, Report, ReportSink, Stop,
};
use crate::plan::JobId;
use crate::store::exchange::{self, BeginRecord, Bell, EndRecord};
use crate::store::layout::AttemptDir;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// Between two looks at the bells, at least and at most.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);
/// Between two questions to Slurm, at least.
const URGENT: Duration = Duration::from_secs(2);
/// Between two questions where there are very many jobs.
const MANY_EVERY: Duration = Duration::from_secs(30);
const MANY: usize = 1000;
/// A log may be shorter than its record says: then its end is still on its way.
const LOG_PATIENCE: Duration = Duration::from_secs(10);
/// The end of a job that the cluster ended may still bring a record.
const LAST_WORD: Duration = Duration::from_secs(10);
/// After a refusal for want of room, it is tried again after this, or when a job ends.
const FULL_PAUSE: Duration = Duration::from_secs(60);
/// How long the end of the run waits for Slurm to confirm what was cancelled.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long the errand of the clerk is waited for when the run is left.
const LEAVING: Duration = Duration::from_secs(3);
/// Logs of running tasks are read so often, and of so many.
const LOGS_EVERY: Duration = Duration::from_secs(1);
const MOST_LOGS: usize = 32;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A controller that leaves so many questions without an answer is told; one that does not even refuse, after so many times
/// what lies between two questions, and not before this: machines are slow at times.
const SILENCE: u32 = 3;
const SHORTEST_SILENCE: Duration = Duration::from_secs(5);
/// Jobs that become ready together come one after the other: an array waits so long for another one, and at most so long.
const GATHERING: Duration = Duration::from_millis(20);
const LONGEST_GATHERING: Duration = Duration::from_millis(200);
/// A bundle that is not full waits longer: one job less saves seconds.
const GATHERING_BUNDLE: Duration = Duration::from_millis(100);
const LONGEST_GATHERING_BUNDLE: Duration = Duration::from_secs(2);
/// Slurm's own limit of the elements of an array, where nobody has changed it.
const MOST_MEMBERS: usize = 1000;
/// The name under which the run claims.
const DRIVER: &str = "driver";

pub(super) struct ClusterWatch {
    setting: Arc<ClusterSetting>,
    errands: Sender<Errand>,
    sink: ReportSink,
    tracked: BTreeMap<AttemptId, Tracked>,
    /// By the names of their exchange folders.
    names: HashMap<String, AttemptId>,
    /// To be submitted.
    queue: VecDeque<AttemptId>,
    /// Of another otto, and not looked at yet.
    adopted: VecDeque<AttemptId>,
    /// What ended well and is not written down yet, with the log of its job if that has no other.
    heard: HashMap<AttemptId, Option<PathBuf>>,
    /// When the first and the last of a number of attempts came into the queue.
    gathering: Option<(Instant, Instant)>,
    /// Members of what another otto submitted together, by the names of their exchange folders, with their places in it.
    members: HashMap<String, (Sharing, usize)>,
    /// Arrays that were made, and how many elements one may have.
    arrays: u32,
    most_members: usize,
    /// Bundles that were made.
    bundles: u32,
    /// There are or were attempts that stream to each other.
    has_streams: bool,
    /// There were as many jobs as there may be.
    was_full: bool,
    /// Keys of jobs that should go, and whether by force.
    to_cancel: BTreeMap<String, bool>,
    is_clerk_busy: bool,
    /// Numbers of jobs to cancel, as the last answer showed them.
    numbers: Vec<(String, bool)>,
    asked_at: Instant,
    submitted_at: Instant,
    /// Since when Slurm was asked without an answer, how many questions failed since, and whether its silence was told.
    unanswered_since: Option<Instant>,
    failed_asks: u32,
    is_silence_told: bool,
    is_full_until: Option<Instant>,
    is_fullness_told: bool,
    logs_read_at: Instant,
    pause: Duration,
    finishing: Option<(Sender<()>, Instant)>,
    leaving: Option<(Sender<()>, Instant)>,
    is_superseded: bool,
}

/// An attempt that is under way.
struct Tracked {
    job: ClusterJob,
    assignment: Option<Box<dyn Assignment>>,
    dir: AttemptDir,
    /// By what Slurm's answers name its job, and where the job's own words are.
    key: String,
    /// The bundle that its job is.
    bundle: Option<u32>,
    /// Of what another otto submitted together with others: the name that it has if it was submitted again by itself.
    other_key: Option<String>,
    log: PathBuf,
    files: Option<AttemptFiles>,
    /// Bytes of each log that were read.
    read: [u64; 2],
    step: ClusterStep,
    number: Option<String>,
    host: Option<String>,
    stop: Option<Stop>,
    /// What the user was told that it waits for.
    told: String,
    /// Since when it waits for what never comes, and in how many answers.
    hopeless: Option<(Instant, u32)>,
    /// What Slurm says that does not fit to an attempt without a record.
    doubt: Option<Doubt>,
    /// sbatch is tried again not before this, after such a pause.
    retry: Option<(Instant, Duration)>,
    /// Its last bell rang then.
    rung: Option<Instant>,
    /// Its record does not say why it ended, and what Slurm says of that.
    wants_verdict: bool,
    verdict: Option<Doubt>,
}

#[derive(Clone, Copy, PartialEq)]
enum ClusterStep {
    Queued,
    /// Of another otto, and not looked at yet.
    Adopted,
    /// With the clerk.
    Submitting,
    /// sbatch has failed then, and Slurm may have the job all the same.
    Unheard(Instant),
    Handed,
}

struct Doubt {
    since: Instant,
    /// None: Slurm does not know it.
    standing: Option<JobStanding>,
    state: String,
    node: String,
    answers: u32,
}

impl ClusterWatch {
    pub(super) fn new(
        setting: Arc<ClusterSetting>,
        errands: Sender<Errand>,
        sink: ReportSink,
    ) -> ClusterWatch {
        let now = Instant::now();
        let arrays = exchange::arrays(&setting.exchange);
        let bundles = exchange::bundles(&setting.exchange);
        let counts = (arrays.len() as u32, bundles.len() as u32);
        let lists = (0..).map(Sharing::Array).zip(arrays).chain((0..).map(Sharing::Bundle).zip(bundles));
        let places = |(together, names): (Sharing, Vec<String>)| {
            names.into_iter().enumerate().map(move |(place, name)| (name, (together, place)))
        };
        ClusterWatch {
            // Where one is in several bundles, the last one is meant.
            members: lists.flat_map(places).collect(),
            adopted: VecDeque::new(),
            heard: HashMap::new(),
            setting,
            errands,
            sink,
            tracked: BTreeMap::new(),
            names: HashMap::new(),
            queue: VecDeque::new(),
            gathering: None,
            arrays: counts.0,
            most_members: MOST_MEMBERS,
            bundles: counts.1,
            has_streams: false,
            was_full: false,
            to_cancel: BTreeMap::new(),
            is_clerk_busy: false,
            numbers: Vec::new(),
            asked_at: now,
            submitted_at: now.checked_sub(LONGEST).unwrap_or(now),
            unanswered_since: None,
            failed_asks: 0,
            is_silence_told: false,
            is_full_until: None,
            is_fullness_told: false,
            logs_read_at: now,
            pause: SHORTEST,
            finishing: None,
            leaving: None,
            is_superseded: false,
        }
    }

    /// The body of the thread; ends with its executor.
    pub(super) fn work(mut self, orders: &Receiver<ClusterOrder>) {
        loop {
            let is_ending = self.finishing.is_some() || self.leaving.is_some();
            let is_idle = self.tracked.is_empty() && !is_ending;
            let order = match is_idle {
                true => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => orders.recv_timeout(self.pause),
            };
            match order {
                Ok(order) => {
                    self.take(order);
                    while let Ok(order) = orders.try_recv() {
                        self.take(order);
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.pause = (self.pause * 3 / 2).min(LONGEST),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if let Some((sender, until)) = &self.leaving {
                // What the clerk is about may take long; whoever goes on knows the job by its name.
                if !self.is_clerk_busy || Instant::now() >= *until {
                    // As below.
                    let _ = sender.send(());
                    return;
                }
                continue;
            }
            self.hear();
            self.close();
            self.judge();
            self.follow_logs();
            self.tell_of_silence();
            self.give_errand();
            if let Some((sender, until)) = &self.finishing
                && (self.to_cancel.is_empty() || Instant::now() >= *until)
            {
                // Fails only if the executor is gone and no longer waits for the answer.
                let _ = sender.send(());
                return;
            }
        }
    }

    fn take(&mut self, order: ClusterOrder) {
        match order {
            ClusterOrder::Start(attempt, job, assignment) => self.start(attempt, *job, assignment),
            ClusterOrder::Adopt(attempt, job, assignment, known) => {
                self.adopt(attempt, *job, assignment, known);
            }
            ClusterOrder::Forget(attempt) => {
                if let Some(log) = self.heard.remove(&attempt) {
                    // A rest does no harm.
                    let dir = self.setting.exchange.attempt(attempt.job.index(), attempt.number);
                    let _ = std::fs::remove_dir_all(&dir.path);
                    let _ = log.map(std::fs::remove_file);
                }
            }
            ClusterOrder::Stop(attempt, how) => self.stop(attempt, how),
            ClusterOrder::Done(done) => {
                self.is_clerk_busy = false;
                match done {
                    ErrandDone::Submitted(submitted) => self.submitted(submitted),
                    ErrandDone::SubmittedTogether(Sharing::Array(array), members) => {
                        self.submitted_array(array, members);
                    }
                    ErrandDone::SubmittedTogether(Sharing::Bundle(_), members) => {
                        members.into_iter().for_each(|member| self.submitted(member));
                    }
                    ErrandDone::Adopted(attempt, assignment, made) => {
                        self.looked_at(attempt, assignment, made);
                    }
                    ErrandDone::Asked(Ok(rows)) => self.answered(&rows),
                    ErrandDone::Asked(Err(_)) => self.failed_asks += 1,
                    ErrandDone::Cancelled => {}
                }
            }
            ClusterOrder::Leave(sender) => {
                self.pause = SHORTEST;
                self.leaving = Some((sender, Instant::now() + LEAVING));
            }
            ClusterOrder::Finish(sender) => {
                let exchange = &self.setting.exchange;
                let arrays = (0..self.arrays).map(|array| exchange.array(array));
                let bundles = (0..self.bundles).map(|bundle| exchange.bundle(bundle));
                for list in arrays.chain(bundles) {
                    // Nothing of it begins any more.
                    let _ = std::fs::remove_file(list);
                }
                self.pause = SHORTEST;
                self.finishing = Some((sender, Instant::now() + FAREWELL));
            }
        }
    }

    // ── beginning ────────────────────────────────────────────────────────────────────────────────────────────

    fn start(&mut self, attempt: AttemptId, job: ClusterJob, assignment: Box<dyn Assignment>) {
        self.track(attempt, job, assignment);
        self.queue.push_back(attempt);
        let now = Instant::now();
        self.gathering = Some((self.gathering.map_or(now, |(first, _)| first), now));
    }

    /// Goes on with what another otto began.
    fn adopt(
        &mut self,
        attempt: AttemptId,
        job: ClusterJob,
        assignment: Box<dyn Assignment>,
        known: KnownAttempt,
    ) {
        let dir = self.setting.exchange.attempt(attempt.job.index(), attempt.number);
        if !exchange::was_handed(&dir) {
            self.start(attempt, job, assignment);
            return;
        }
        self.track(attempt, job, assignment);
        let tracked = self.tracked.get_mut(&attempt).expect("bug: it has just been added");
        tracked.step = ClusterStep::Adopted;
        tracked.read = known.told;
        if known.has_begun {
            tracked.host = exchange::begun(&dir).and_then(|begun| begun.host);
        }
        if let Some((together, place)) = self.members.get(&dir.name()).copied() {
            let (key, log) = self.setting.member_job(together, place);
            if let Sharing::Bundle(bundle) = together {
                tracked.bundle = Some(bundle);
            }
            tracked.other_key = Some(std::mem::replace(&mut tracked.key, key));
            tracked.log = log;
        }
        self.adopted.push_back(attempt);
    }

    /// What is to be read of an adopted attempt is known.
    fn looked_at(&mut self, attempt: AttemptId, assignment: Box<dyn Assignment>, made: FilesMade) {
        if !self.goes_on(attempt, Some(assignment), made) {
            return;
        }
        let Some(tracked) = self.tracked.get_mut(&attempt) else { return };
        let now = Instant::now();
        tracked.step = ClusterStep::Handed;
        self.pause = SHORTEST;
        if exchange::ended(&tracked.dir).is_some() {
            tracked.rung = Some(now);
            self.has_begun(attempt);
        } else {
            match exchange::begun(&tracked.dir) {
                Some(BeginRecord { host: Some(_) }) => self.has_begun(attempt),
                // An otto gave it up, and did not come to say so.
                Some(BeginRecord { host: None }) => {
                    let cause = Diagnostic::error(Code::ClusterLost, "the attempt was given up");
                    self.decide(attempt, Exit::Lost, Some(cause), Repeat::ForNothing);
                    return;
                }
                // Slurm may have the job or not.
                None => tracked.step = ClusterStep::Unheard(now),
            }
        }
        if let Some(how) = self.tracked.get(&attempt).and_then(|tracked| tracked.stop) {
            self.stop(attempt, how);
        }
    }

    fn track(&mut self, attempt: AttemptId, job: ClusterJob, assignment: Box<dyn Assignment>) {
        let dir = self.setting.exchange.attempt(attempt.job.index(), attempt.number);
        self.names.insert(dir.name(), attempt);
        self.has_streams |= job.does_stream;
        self.tracked.insert(
            attempt,
            Tracked {
                job,
                assignment: Some(assignment),
                key: self.setting.key(attempt),
                bundle: None,
                other_key: None,
                log: dir.slurm_log(),
                dir,
                files: None,
                read: [0; 2],
                step: ClusterStep::Queued,
                number: None,
                host: None,
                stop: None,
                told: String::new(),
                hopeless: None,
                doubt: None,
                retry: None,
                rung: None,
                wants_verdict: false,
                verdict: None,
            },
        );
    }

    /// The clerk gives back an assignment, with the files of its output. False if the attempt is gone, or ends with this.
    fn goes_on(
        &mut self,
        attempt: AttemptId,
        assignment: Option<Box<dyn Assignment>>,
        made: FilesMade,
    ) -> bool {
        let Some(tracked) = self.tracked.get_mut(&attempt) else { return false };
        if assignment.is_some() {
            tracked.assignment = assignment;
        }
        match made {
            FilesMade::Before => {}
            FilesMade::Now(files) => tracked.files = Some(files),
            FilesMade::Never(exit) => {
                self.finish(attempt, Ended::without_process(attempt, exit));
                return false;
            }
        }
        true
    }

    fn submitted(&mut self, submitted: Submitted) {
        let Submitted { attempt, assignment, made, answer } = submitted;
        if !self.goes_on(attempt, assignment, made) {
            return;
        }
        let Some(tracked) = self.tracked.get_mut(&attempt) else { return };
        match answer {
            Ok(number) => {
                (tracked.step, tracked.retry) = (ClusterStep::Handed, None);
                tracked.number = Some(number.clone());
                (self.sink)(Report::Waits { attempt, number, reason: String::new() });
                self.pause = SHORTEST;
            }
            Err(text) => self.refused(attempt, &text),
        }
        if let Some(how) = self.tracked.get(&attempt).and_then(|tracked| tracked.stop) {
            self.stop(attempt, how);
        }
    }

    fn submitted_array(&mut self, array: u32, members: Vec<Submitted>) {
        let is_made = |member: &&Submitted| !matches!(member.made, FilesMade::Never(_));
        let count = members.iter().filter(is_made).count();
        let text = members.iter().filter(is_made).find_map(|member| member.answer.as_ref().err());
        let is_too_large = text.is_some_and(|text| states::is_of_arrays(text));
        let is_full = text.is_some_and(|text| states::refusal(text) == Refusal::Full);
        if is_too_large || is_full {
            self.most_members = count / 2;
        }
        let mut element = 0;
        for mut member in members {
            if let (Some(tracked), true) = (self.tracked.get_mut(&member.attempt), is_made(&&member)) {
                (tracked.key, tracked.log) = self.setting.member_job(Sharing::Array(array), element);
                element += 1;
                if is_too_large {
                    tracked.assignment = member.assignment.take();
                    if let FilesMade::Now(files) = member.made {
                        tracked.files = Some(files);
                    }
                    tracked.step = ClusterStep::Queued;
                    self.queue.push_back(member.attempt);
                    if let Some(how) = tracked.stop {
                        self.stop(member.attempt, how);
                    }
                    continue;
                }
            }
            self.submitted(member);
        }
        if is_full {
            // For less than all of them there may be room now.
            self.is_full_until = None;
        }
    }

    fn refused(&mut self, attempt: AttemptId, text: &str) {
        let now = Instant::now();
        let Some(tracked) = self.tracked.get_mut(&attempt) else { return };
        match states::refusal(text) {
            Refusal::Unheard => {
                tracked.step = ClusterStep::Unheard(now);
                let pause =
                    tracked.retry.map_or(Duration::from_secs(1), |(_, pause)| (pause * 2).min(LONGEST_PAUSE));
                tracked.retry = Some((now + pause, pause));
            }
            Refusal::Full => {
                tracked.step = ClusterStep::Queued;
                self.queue.push_front(attempt);
                self.is_full_until = Some(now + FULL_PAUSE);
                if !std::mem::replace(&mut self.is_fullness_told, true) {
                    let message = format!("the cluster takes no more jobs for now: {}", one_line(text));
                    (self.sink)(Report::Warning { attempt: None, code: Code::ClusterRefuses, message });
                }
            }
            Refusal::Final => {
                let refusal = Diagnostic::error(
                    Code::ClusterRefuses,
                    format!("the cluster refused the job: {}", one_line(text)),
                );
                self.give_up(
                    attempt,
                    Exit::NotStarted { code: 125, reason: refusal.message.clone() },
                    refusal,
                    Repeat::AsTaskSays,
                );
            }
        }
    }

    // ── stopping ─────────────────────────────────────────────────────────────────────────────────────────────

    fn stop(&mut self, attempt: AttemptId, how: Stop) {
        let Some(tracked) = self.tracked.get_mut(&attempt) else { return };
        tracked.stop = Some(how);
        match tracked.step {
            ClusterStep::Queued => {
                self.queue.retain(|queued| *queued != attempt);
                self.finish(attempt, Ended::without_process(attempt, how.exit()));
                return;
            }
            // The answer of the clerk comes first.
            ClusterStep::Adopted | ClusterStep::Submitting => return,
            ClusterStep::Unheard(_) | ClusterStep::Handed => {}
        }
        self.pause = SHORTEST;
        self.cancel_job(attempt, how == Stop::Kill);
        let Some(tracked) = self.tracked.get(&attempt) else { return };
        let never = exchange::begin(&tracked.dir, DRIVER, &BeginRecord { host: None });
        if never.is_ok_and(|is_taken| is_taken) {
            // It has not begun, and never will, whatever becomes of the job.
            self.finish(attempt, Ended::without_process(attempt, how.exit()));
            return;
        }
        if how == Stop::Kill {
            self.decide(attempt, how.exit(), None, Repeat::AsTaskSays);
            return;
        }
        // Without it Slurm's signal still reaches the task.
        let _ = exchange::cancel(&tracked.dir);
    }

    /// Has the job of an attempt cancelled, unless others that share it are to go on.
    fn cancel_job(&mut self, attempt: AttemptId, is_forced: bool) {
        let Some(tracked) = self.tracked.get(&attempt) else { return };
        let goes_on = |(other, its): (&AttemptId, &Tracked)| {
            *other != attempt && its.bundle == tracked.bundle && its.stop.is_none()
        };
        if tracked.bundle.is_none() || !self.tracked.iter().any(goes_on) {
            self.to_cancel.insert(tracked.key.clone(), is_forced);
        }
    }

    // ── ending ───────────────────────────────────────────────────────────────────────────────────────────────

    fn hear(&mut self) {
        for (name, bell) in exchange::hear(&self.setting.exchange) {
            self.pause = SHORTEST;
            let Some(attempt) = self.names.get(&name).copied() else { continue };
            match bell {
                Bell::Begun => self.has_begun(attempt),
                Bell::Ended => {
                    self.has_begun(attempt);
                    if let Some(tracked) = self.tracked.get_mut(&attempt) {
                        tracked.rung.get_or_insert_with(Instant::now);
                    }
                }
            }
        }
    }

    fn has_begun(&mut self, attempt: AttemptId) {
        let Some(tracked) = self.tracked.get_mut(&attempt).filter(|tracked| tracked.host.is_none()) else {
            return;
        };
        if let Some(BeginRecord { host: Some(host) }) = exchange::begun(&tracked.dir) {
            tracked.host = Some(host.clone());
            (self.sink)(Report::Began { attempt, host });
        }
    }

    /// Ends attempts whose records are here, once all that they wrote is.
    fn close(&mut self) {
        let rung: Vec<AttemptId> =
            self.tracked.iter().filter(|(_, tracked)| tracked.rung.is_some()).map(|(id, _)| *id).collect();
        for attempt in rung {
            let Some(tracked) = self.tracked.get_mut(&attempt) else { continue };
            // The clerk has its assignment, or is to see it first; and a record that cannot be read yet is still on its way.
            let is_ready = tracked.assignment.is_some() && tracked.step != ClusterStep::Adopted;
            let (Some(since), true) = (tracked.rung, is_ready) else { continue };
            let Some(record) = exchange::ended(&tracked.dir) else { continue };
            let is_whole =
                read_logs(&self.sink, attempt, tracked, [record.stdout_bytes, record.stderr_bytes]);
            if !is_whole && since.elapsed() < LOG_PATIENCE {
                continue;
            }
            // What others read of it may not be seen here yet.
            let is_unseen = |place: &usize| {
                tracked.job.outputs.get(*place).is_some_and(|file| !exchange::is_visible(file))
            };
            if since.elapsed() < self.setting.rules.visible_after && record.made.iter().any(is_unseen) {
                continue;
            }
            // It was asked to end, but not by otto: Slurm knows by whom.
            let is_unexplained =
                record.signal.is_some() && !record.exit.is_success() && tracked.stop.is_none();
            if is_unexplained && tracked.verdict.is_none() && since.elapsed() < LAST_WORD {
                tracked.wants_verdict = true;
                continue;
            }
            let is_ours = record.host.is_none();
            let dir = &tracked.dir;
            let hand_over = (!is_ours && record.cause.is_none())
                // Better once than not at all.
                .then(|| exchange::copy_hand_over(dir).unwrap_or_else(|_| dir.ended()));
            let is_repeated = record.is_repeated;
            let (kills, peak) = (record.memory_kills, record.peak_mib);
            let mut ended = of_record(attempt, record);
            ended.hand_over = hand_over;
            if is_repeated {
                ended.repeat = Repeat::ForNothing;
            }
            if kills > 0 {
                // Where the rest of the task went on, a part of it is missing all the same.
                if ended.exit.is_success() {
                    ended.exit = Exit::Signal(libc::SIGKILL);
                }
                ended.cause = Some(Box::new(Notice::of(&want_of_memory(tracked, attempt, peak))));
            } else if let Some((exit, cause, repeat)) = tracked
                .verdict
                .take()
                .and_then(|doubt| ended_by_slurm(tracked, attempt, doubt.standing?, &doubt))
            {
                (ended.exit, ended.repeat) = (exit, repeat);
                ended.cause = Some(Box::new(Notice::of(&cause)));
            }
            self.finish(attempt, ended);
        }
    }

    /// The last of an attempt here.
    fn finish(&mut self, attempt: AttemptId, ended: Ended) {
        let Some(mut tracked) = self.tracked.remove(&attempt) else { return };
        self.is_full_until = None;
        self.names.remove(&tracked.dir.name());
        let Some(mut assignment) = tracked.assignment.take() else {
            unreachable!("bug: an attempt has ended while the clerk makes it")
        };
        let is_over = ended.exit.is_success();
        assignment.collect(&ended);
        if is_over {
            self.heard.insert(attempt, tracked.bundle.is_none().then_some(tracked.log));
        }
        assignment.tell(ended);
    }

    /// Decides the end of an attempt that has no record, unless there is one after all.
    fn decide(&mut self, attempt: AttemptId, exit: Exit, cause: Option<Diagnostic>, repeat: Repeat) {
        let Some(tracked) = self.tracked.get_mut(&attempt) else { return };
        let mut record = EndRecord::without_process(exit);
        record.cause = cause.as_ref().map(Notice::of);
        record.is_repeated = repeat == Repeat::ForNothing;
        match exchange::end(&tracked.dir, DRIVER, &record) {
            Ok(false) => {
                tracked.rung.get_or_insert_with(Instant::now);
                tracked.doubt = None;
            }
            // A claim that cannot be written must not keep the run for ever.
            Ok(true) | Err(_) => {
                read_logs(&self.sink, attempt, tracked, [u64::MAX; 2]);
                let read = tracked.read;
                let mut ended = of_record(attempt, record);
                (ended.stdout_bytes, ended.stderr_bytes) = (read[0], read[1]);
                ended.repeat = repeat;
                self.finish(attempt, ended);
            }
        }
    }

    /// [`ClusterWatch::decide`] for an attempt that has a job, or may have one: that should go.
    fn give_up(&mut self, attempt: AttemptId, exit: Exit, cause: Diagnostic, repeat: Repeat) {
        if self.tracked.get(&attempt).is_some_and(|tracked| tracked.number.is_some()) {
            self.cancel_job(attempt, false);
        }
        if let Some(tracked) = self.tracked.get(&attempt) {
            // So that a job which nobody expected does not run it. It may have begun: then its end decides.
            let _ = exchange::begin(&tracked.dir, DRIVER, &BeginRecord { host: None });
        }
        self.decide(attempt, exit, Some(cause), repeat);
    }

    // ── what Slurm says ──────────────────────────────────────────────────────────────────────────────────────

    fn answered(&mut self, rows: &[QueueRow]) {
        let now = Instant::now();
        (self.unanswered_since, self.failed_asks) = (None, 0);
        if std::mem::take(&mut self.is_silence_told) {
            let message = "Slurm's controller answers again".to_owned();
            (self.sink)(Report::Warning { attempt: None, code: Code::ClusterSilent, message });
        }
        let mut known: HashMap<String, &QueueRow> = HashMap::new();
        for row in rows {
            let key = key_of(row);
            // Of two jobs of one name the one that may still do something counts.
            if known.get(&key).is_none_or(|other| !states::may_go_on(&other.state)) {
                known.insert(key, row);
            }
        }
        self.numbers.clear();
        self.to_cancel.retain(|key, is_forced| {
            let Some(row) = known.get(key.as_str()) else { return false };
            let goes_on = states::may_go_on(&row.state);
            if goes_on {
                self.numbers.push((row.number.clone(), *is_forced));
            }
            goes_on
        });
        let attempts: Vec<AttemptId> = self.tracked.keys().copied().collect();
        for attempt in attempts {
            let Some(tracked) = self.tracked.get_mut(&attempt) else { continue };
            // The later of the two is the one that counts.
            if tracked.other_key.as_ref().is_some_and(|key| known.contains_key(key)) {
                tracked.key = tracked.other_key.take().expect("bug: it was there");
                tracked.log = tracked.dir.slurm_log();
                tracked.bundle = None;
            }
            let row = known.get(&tracked.key).copied();
            self.heard_of(attempt, row, now);
        }
    }

    fn heard_of(&mut self, attempt: AttemptId, row: Option<&QueueRow>, now: Instant) {
        let asked_at = self.asked_at;
        let Some(tracked) = self.tracked.get_mut(&attempt) else { return };
        match tracked.step {
            ClusterStep::Queued | ClusterStep::Adopted | ClusterStep::Submitting => return,
            ClusterStep::Unheard(since) => match row {
                Some(_) => tracked.step = ClusterStep::Handed,
                // Asked late enough, Slurm would know it.
                None if asked_at >= since + URGENT => {
                    tracked.step = ClusterStep::Queued;
                    self.queue.push_front(attempt);
                    return;
                }
                None => return,
            },
            ClusterStep::Handed => {}
        }
        let Some(row) = row else {
            tracked.doubt(now, None, "unknown", "");
            return;
        };
        tracked.number = Some(row.number.clone());
        let standing = states::standing(&row.state);
        if tracked.wants_verdict && !states::may_go_on(&row.state) {
            let (state, node) = (row.state.clone(), row.node.clone());
            tracked.verdict = Some(Doubt { since: now, standing, state, node, answers: 1 });
        }
        match standing {
            None => {
                if tracked.told != row.state {
                    tracked.told.clone_from(&row.state);
                    let message =
                        format!("job {} is in a state that otto does not know: {}", row.number, row.state);
                    (self.sink)(Report::Warning {
                        attempt: Some(attempt),
                        code: Code::ClusterSilent,
                        message,
                    });
                }
            }
            Some(JobStanding::Waiting) => {
                tracked.doubt = None;
                if tracked.told != row.reason {
                    tracked.told.clone_from(&row.reason);
                    let (number, reason) = (row.number.clone(), row.reason.clone());
                    (self.sink)(Report::Waits { attempt, number, reason });
                }
                match states::waits_for_ever(&row.reason) {
                    true => {
                        let (_, answers) = tracked.hopeless.get_or_insert((now, 0));
                        *answers += 1;
                    }
                    false => tracked.hopeless = None,
                }
            }
            Some(JobStanding::Alive) => {
                (tracked.doubt, tracked.hopeless) = (None, None);
                if tracked.bundle.is_some() && tracked.host.is_none() && tracked.told != IN_BUNDLE {
                    IN_BUNDLE.clone_into(&mut tracked.told);
                    let (number, reason) = (row.number.clone(), IN_BUNDLE.to_owned());
                    (self.sink)(Report::Waits { attempt, number, reason });
                }
            }
            Some(_) => tracked.doubt(now, standing, &row.state, &row.node),
        }
    }

    /// Gives up what has waited long enough for its record.
    fn judge(&mut self) {
        let rules = &self.setting.rules;
        let mut due = Vec::new();
        for (attempt, tracked) in &self.tracked {
            if tracked.rung.is_some() || tracked.step != ClusterStep::Handed {
                continue;
            }
            let is_hopeless = tracked
                .hopeless
                .is_some_and(|(since, answers)| answers >= 3 && since.elapsed() >= rules.never_after);
            let patience = |doubt: &Doubt| match doubt.standing {
                None | Some(JobStanding::Over) => rules.lost_after,
                Some(_) => LAST_WORD.min(rules.lost_after),
            };
            let is_doubtful = |doubt: &Doubt| doubt.since.elapsed() >= patience(doubt) && doubt.answers >= 2;
            if is_hopeless || tracked.doubt.as_ref().is_some_and(is_doubtful) {
                due.push((*attempt, is_hopeless));
            }
        }
        for (attempt, is_hopeless) in due {
            if is_hopeless { self.give_up_hope(attempt) } else { self.settle_doubt(attempt) }
        }
    }

    fn give_up_hope(&mut self, attempt: AttemptId) {
        let Some(tracked) = self.tracked.get(&attempt) else { return };
        let message = format!("the cluster never starts the job: it waits for `{}`", tracked.told);
        let number = tracked.number.clone().unwrap_or_default();
        let cause = Diagnostic::error(Code::ClusterRefuses, message)
            .help(format!("job {number} was cancelled; ask for what one node of the partition has"));
        let exit = Exit::NotStarted { code: 125, reason: cause.message.clone() };
        self.give_up(attempt, exit, cause, Repeat::AsTaskSays);
    }

    fn settle_doubt(&mut self, attempt: AttemptId) {
        let Some(tracked) = self.tracked.get_mut(&attempt) else { return };
        let Some(doubt) = tracked.doubt.take() else { return };
        let (number, has_begun) = (tracked.number.clone().unwrap_or_default(), tracked.host.is_some());
        if let Some(how) = tracked.stop {
            self.decide(attempt, how.exit(), None, Repeat::AsTaskSays);
            return;
        }
        let at = on_node(&doubt.node);
        // The job got as far as another of its attempts: this one was never touched, and counts as not submitted.
        let is_untouched = |bundle| {
            exchange::begun(&tracked.dir).is_none()
                && exchange::has_bundle_begun(&self.setting.exchange, bundle)
        };
        if doubt.standing != Some(JobStanding::Cancelled) && tracked.bundle.is_some_and(is_untouched) {
            tracked.step = ClusterStep::Queued;
            self.queue.push_back(attempt);
            return;
        }
        match doubt.standing {
            // Slurm has lost the job before it began: the same attempt once more. Should the first one turn up, only one
            // of the two can begin.
            None if !has_begun => {
                tracked.step = ClusterStep::Queued;
                self.queue.push_front(attempt);
            }
            Some(JobStanding::Over) if !has_begun => {
                let (exit, cause, repeat) = never_begun(&tracked.log, &number, &at);
                self.give_up(attempt, exit, cause, repeat);
            }
            None | Some(JobStanding::Over) => {
                let log = std::fs::read_to_string(&tracked.log).unwrap_or_default();
                // Where Slurm only looks at the memory now and then, the job ends as one that failed.
                if let Some(said) = log.lines().find(|line| line.contains("memory limit")) {
                    let cause = want_of_memory(tracked, attempt, None).note(one_line(said));
                    self.give_up(attempt, Exit::Signal(libc::SIGKILL), cause, Repeat::AsTaskSays);
                    return;
                }
                let said = format!("is over ({}), and the end of the task was never written", doubt.state);
                let message = format!("job {number}{at} {said}");
                let mut cause = Diagnostic::error(Code::ClusterLost, message);
                if let Some(said) = log.lines().rev().find_map(|line| line.strip_prefix("otto: ")) {
                    cause = cause.note(said.to_owned());
                }
                self.give_up(attempt, Exit::Lost, cause, Repeat::ForNothing);
            }
            Some(standing) => {
                if let Some((exit, cause, repeat)) = ended_by_slurm(tracked, attempt, standing, &doubt) {
                    self.give_up(attempt, exit, cause, repeat);
                }
            }
        }
    }

    fn tell_of_silence(&mut self) {
        let Some(silence) = self.unanswered_since.map(|since| since.elapsed()) else { return };
        let is_late = silence >= (self.ask_every() * (SILENCE + 1)).max(SHORTEST_SILENCE);
        let is_silent =
            !self.is_silence_told && !self.tracked.is_empty() && (self.failed_asks >= SILENCE || is_late);
        if is_silent {
            self.is_silence_told = true;
            let seconds = silence.as_secs();
            let message =
                format!("Slurm's controller has not answered for {seconds} s; jobs go on, and otto waits");
            (self.sink)(Report::Warning { attempt: None, code: Code::ClusterSilent, message });
        }
    }

    // ── errands ──────────────────────────────────────────────────────────────────────────────────────────────

    fn give_errand(&mut self) {
        if self.is_clerk_busy {
            return;
        }
        let Some(errand) = self.next_errand() else { return };
        self.is_clerk_busy = true;
        // The clerk ends after the watch.
        assert!(self.errands.send(errand).is_ok(), "bug: the clerk has ended");
    }

    fn next_errand(&mut self) -> Option<Errand> {
        let now = Instant::now();
        if let Some((_, is_forced)) = self.numbers.first().cloned() {
            let (part, rest) = self.numbers.drain(..).partition(|(_, forced)| *forced == is_forced);
            self.numbers = rest;
            let part: Vec<(String, bool)> = part;
            return Some(Errand::Cancel {
                numbers: part.into_iter().map(|(number, _)| number).collect(),
                is_forced,
            });
        }
        if self.asks_now(now) {
            self.asked_at = now;
            self.unanswered_since.get_or_insert(now);
            return Some(Errand::Ask);
        }
        if let Some(attempt) = self.adopted.pop_front() {
            let tracked = self.tracked.get_mut(&attempt)?;
            let assignment = tracked.assignment.take().expect("bug: it is looked at twice");
            return Some(Errand::Adopt { attempt, assignment, dir: tracked.dir.clone() });
        }
        if self.finishing.is_some() || self.is_full_until.is_some_and(|until| now < until) {
            return None;
        }
        let is_full = self.is_full();
        if std::mem::replace(&mut self.was_full, is_full) && !is_full {
            // What follows the job that has ended is about to come.
            self.gathering = Some((now, now));
        }
        if is_full {
            return None;
        }
        let between = Duration::from_secs(1) / self.setting.rules.submit_per_second.max(1);
        if now < self.submitted_at + between {
            self.pause = self.pause.min(between);
            return None;
        }
        if self.is_gathering(now) {
            return None;
        }
        self.gathering = None;
        let is_due = |attempt: &AttemptId| {
            self.tracked.get(attempt).is_some_and(|tracked| tracked.retry.is_none_or(|(at, _)| at <= now))
        };
        let place = if self.has_streams {
            let free = self.free_of_streams(is_due);
            let place = self.queue.iter().position(|attempt| free.contains(attempt))?;
            let joined = self.joined(self.queue[place], &free);
            if joined.len() > 1 {
                self.gathering = None;
                self.submitted_at = now;
                return Some(self.company(&joined));
            }
            place
        } else {
            self.queue.iter().position(is_due)?
        };
        let attempt = self.queue.remove(place)?;
        if let Some(errand) = self.bundle_of(attempt, now).or_else(|| self.array_of(attempt)) {
            self.submitted_at = now;
            return Some(errand);
        }
        let key = self.setting.key(attempt);
        let tracked = self.tracked.get_mut(&attempt)?;
        let name = self.setting.job_name(&key, &tracked.job);
        (tracked.key, tracked.log, tracked.bundle) = (key, tracked.dir.slurm_log(), None);
        let options = tracked.job.options(attempt.number, 1, self.setting.rules.style);
        tracked.step = ClusterStep::Submitting;
        self.submitted_at = now;
        // Only the first time: then its files are made.
        let assignment = match tracked.files {
            None => tracked.assignment.take(),
            Some(_) => None,
        };
        let dir = tracked.dir.clone();
        Some(Errand::Submit { attempt, assignment, dir, name, options })
    }

    fn makes_arrays(&self) -> bool {
        self.setting.rules.array > 0 && self.most_members >= self.setting.rules.array as usize
    }

    /// Whether there are as many jobs as there may be. Where none is shared, the scheduler sees to that.
    fn is_full(&self) -> bool {
        if self.bundles == 0 {
            return false;
        }
        let is_job = |tracked: &&Tracked| {
            !matches!(tracked.step, ClusterStep::Queued | ClusterStep::Adopted) && tracked.rung.is_none()
        };
        let mut bundles = HashSet::new();
        let is_new = |tracked: &&Tracked| tracked.bundle.is_none_or(|bundle| bundles.insert(bundle));
        self.tracked.values().filter(is_job).filter(is_new).count() >= self.setting.jobs
    }

    /// Whether others are about to come that would be one request with the first in the queue.
    fn is_gathering(&mut self, now: Instant) -> bool {
        let Some((first, last)) = self.gathering else { return false };
        let job = |attempt: &AttemptId| self.tracked.get(attempt).map(|tracked| &tracked.job);
        let Some(next) = self.queue.front().and_then(job) else { return false };
        let (quiet, longest) = match next.resources.bundle {
            Some(most) => {
                let alike =
                    self.queue.iter().filter(|attempt| job(attempt).is_some_and(|it| it.task == next.task));
                if alike.take(most as usize).count() == most as usize {
                    return false;
                }
                (GATHERING_BUNDLE, LONGEST_GATHERING_BUNDLE)
            }
            None if self.makes_arrays() || self.has_streams => (GATHERING, LONGEST_GATHERING),
            None => return false,
        };
        let waits = now < last + quiet && now < first + longest;
        if waits {
            self.pause = self.pause.min(quiet / 2);
        }
        waits
    }

    /// The attempts in the queue whose turn it is, without those that read a stream which is being written: of one that has
    /// ended they read the file, and one that waits shares its job with them.
    fn free_of_streams(&self, is_due: impl Fn(&AttemptId) -> bool) -> BTreeSet<AttemptId> {
        let mut free: BTreeSet<AttemptId> = self.queue.iter().filter(|it| is_due(it)).copied().collect();
        loop {
            let of_job = |job| self.tracked.range(first_attempt(job)..first_attempt(JobId(job.0 + 1)));
            let is_written = |job: &JobId| of_job(*job).any(|(attempt, _)| !free.contains(attempt));
            let reads = |attempt: &AttemptId| self.tracked.get(attempt).map_or(&[][..], |it| &it.job.reads);
            let bound: Vec<AttemptId> =
                free.iter().filter(|attempt| reads(attempt).iter().any(is_written)).copied().collect();
            if bound.is_empty() {
                return free;
            }
            free.retain(|attempt| !bound.contains(attempt));
        }
    }

    /// The attempts that streams join with this one, this one among them, in the order of the plan.
    fn joined(&self, first: AttemptId, free: &BTreeSet<AttemptId>) -> BTreeSet<AttemptId> {
        let mut joined = BTreeSet::from([first]);
        loop {
            let reads = |reader: &AttemptId, writer: &AttemptId| {
                self.tracked.get(reader).is_some_and(|it| it.job.reads.contains(&writer.job))
            };
            let is_next = |attempt: &&AttemptId| {
                let is_near = |known: &AttemptId| reads(attempt, known) || reads(known, attempt);
                !joined.contains(attempt) && joined.iter().any(is_near)
            };
            let next: Vec<AttemptId> = free.iter().filter(is_next).copied().collect();
            if next.is_empty() {
                return joined;
            }
            joined.extend(next);
        }
    }

    /// One job for attempts that stream to each other.
    fn company(&mut self, joined: &BTreeSet<AttemptId>) -> Errand {
        let attempts: Vec<AttemptId> = joined.iter().copied().collect();
        let style = self.setting.rules.style;
        let jobs = attempts.iter().map(|attempt| (&self.tracked[attempt].job, attempt.number));
        let options = ClusterJob::options_together(jobs, style);
        self.share(&attempts, options)
    }

    /// A bundle of this attempt and of those in the queue that are like it, if there are any.
    fn bundle_of(&mut self, first: AttemptId, now: Instant) -> Option<Errand> {
        // Those that stream would not run one after the other.
        let job = self.tracked.get(&first).map(|tracked| &tracked.job).filter(|job| !job.does_stream)?;
        let most = job.resources.bundle? as usize;
        let is_due = |_, tracked: &Tracked| tracked.retry.is_none_or(|(at, _)| at <= now);
        let attempts = self.alike(first, most, is_due);
        if attempts.len() < 2 {
            return None;
        }
        let job = &self.tracked[&first].job;
        let options = job.options(first.number, attempts.len() as u32, self.setting.rules.style);
        Some(self.share(&attempts, options))
    }

    /// These attempts are the next bundle.
    fn share(&mut self, attempts: &[AttemptId], options: Vec<String>) -> Errand {
        let together = Sharing::Bundle(self.bundles);
        let errand = self.submission(together, attempts, options);
        for attempt in attempts {
            let tracked = self.tracked.get_mut(attempt).expect("bug: what is queued is tracked");
            tracked.bundle = Some(self.bundles);
            (tracked.key, tracked.log) = self.setting.member_job(together, 0);
        }
        self.bundles += 1;
        errand
    }

    /// An array of this attempt and of those in the queue that are like it, if they are enough.
    fn array_of(&mut self, first: AttemptId) -> Option<Errand> {
        if !self.makes_arrays() {
            return None;
        }
        // A second attempt may ask for more, and one that was submitted before is known by another name.
        let is_new = |attempt: AttemptId, tracked: &Tracked| {
            let is_first = attempt.number == 1 && tracked.files.is_none() && tracked.retry.is_none();
            is_first && tracked.job.resources.bundle.is_none() && !tracked.job.does_stream
        };
        let attempts = self.alike(first, self.most_members, is_new);
        if attempts.len() < self.setting.rules.array as usize {
            return None;
        }
        let options = self.tracked[&first].job.options(first.number, 1, self.setting.rules.style);
        let errand = self.submission(Sharing::Array(self.arrays), &attempts, options);
        self.arrays += 1;
        Some(errand)
    }

    /// An attempt and those in the queue that ask for the same, at most so many, of those that may be submitted with others.
    fn alike(
        &self,
        first: AttemptId,
        most: usize,
        may_join: impl Fn(AttemptId, &Tracked) -> bool,
    ) -> Vec<AttemptId> {
        let style = self.setting.rules.style;
        let wish = |attempt: &AttemptId| {
            let tracked = self.tracked.get(attempt).filter(|tracked| may_join(*attempt, tracked))?;
            let job = &tracked.job;
            Some((job.task, job.options(attempt.number, 1, style), &job.resources.modules))
        };
        let Some(wanted) = wish(&first) else { return Vec::new() };
        let alike = |attempt: &&AttemptId| wish(attempt).as_ref() == Some(&wanted);
        let others = self.queue.iter().filter(alike).take(most - 1);
        std::iter::once(first).chain(others.copied()).collect()
    }

    /// Takes attempts out of the queue, for one request. What was submitted before has its files.
    fn submission(&mut self, together: Sharing, attempts: &[AttemptId], options: Vec<String>) -> Errand {
        let key = match together {
            Sharing::Array(array) => self.setting.array_key(array),
            Sharing::Bundle(bundle) => self.setting.bundle_key(bundle),
        };
        let name = self.setting.job_name(&key, &self.tracked[&attempts[0]].job);
        let taken: HashSet<AttemptId> = attempts.iter().copied().collect();
        self.queue.retain(|attempt| !taken.contains(attempt));
        let member = |attempt: &AttemptId| {
            let tracked = self.tracked.get_mut(attempt).expect("bug: what is queued is tracked");
            tracked.step = ClusterStep::Submitting;
            let assignment = if tracked.files.is_none() { tracked.assignment.take() } else { None };
            BatchMember { attempt: *attempt, assignment, dir: tracked.dir.clone() }
        };
        let members = attempts.iter().map(member).collect();
        Errand::SubmitTogether { together, members, name, options }
    }

    fn asks_now(&self, now: Instant) -> bool {
        let is_urgent = !self.to_cancel.is_empty()
            || self.tracked.values().any(|tracked| {
                let wants_verdict = tracked.wants_verdict && tracked.verdict.is_none();
                matches!(tracked.step, ClusterStep::Unheard(_)) || tracked.doubt.is_some() || wants_verdict
            });
        let has_jobs = self
            .tracked
            .values()
            .any(|tracked| matches!(tracked.step, ClusterStep::Unheard(_) | ClusterStep::Handed));
        let every = if is_urgent { URGENT.min(self.ask_every()) } else { self.ask_every() };
        (is_urgent || has_jobs) && now >= self.asked_at + every
    }

    fn ask_every(&self) -> Duration {
        if self.tracked.len() > MANY {
            MANY_EVERY.max(self.setting.rules.ask_every)
        } else {
            self.setting.rules.ask_every
        }
    }

    /// Shows what running tasks write.
    fn follow_logs(&mut self) {
        if self.logs_read_at.elapsed() < LOGS_EVERY {
            return;
        }
        self.logs_read_at = Instant::now();
        if !self.is_superseded && exchange::latest_driver(&self.setting.exchange) > self.setting.driver {
            self.is_superseded = true;
            (self.sink)(Report::Superseded);
        }
        let running =
            self.tracked.iter_mut().filter(|(_, tracked)| tracked.host.is_some() && tracked.rung.is_none());
        for (attempt, tracked) in running.take(MOST_LOGS) {
            read_logs(&self.sink, *attempt, tracked, [u64::MAX; 2]);
        }
    }
}

impl Tracked {
    fn doubt(&mut self, now: Instant, standing: Option<JobStanding>, state: &str, node: &str) {
        match &mut self.doubt {
            Some(doubt) if doubt.standing == standing => doubt.answers += 1,
            Some(_) | None => {
                let (state, node) = (state.to_owned(), node.to_owned());
                self.doubt = Some(Doubt { since: now, standing, state, node, answers: 1 });
            }
        }
    }
}

/// Gives the run what logs have that it has not seen, up to these lengths; whether that is all.
fn read_logs(sink: &ReportSink, attempt: AttemptId, tracked: &mut Tracked, lengths: [u64; 2]) -> bool {
    let Some(AttemptFiles { logs, shows }) = &tracked.files else { return true };
    let mut is_whole = true;
    for (place, (stream, path)) in logs.iter().enumerate() {
        let read = &mut tracked.read[place];
        if !*shows {
            is_whole &=
                std::fs::metadata(path).is_ok_and(|log| log.len() >= lengths[place]) || lengths[place] == 0;
            *read = lengths[place];
            continue;
        }
        let Ok(mut log) = File::open(path) else {
            is_whole &= lengths[place] == 0;
            continue;
        };
        if log.seek(SeekFrom::Start(*read)).is_err() {
            continue;
        }
        while *read < lengths[place] {
            let mut bytes = Vec::new();
            let most = (lengths[place] - *read).min(64 << 10);
            if !matches!((&mut log).take(most).read_to_end(&mut bytes), Ok(count) if count > 0) {
                break;
            }
            *read += bytes.len() as u64;
            sink(Report::Output { attempt, stream: *stream, bytes });
        }
        is_whole &= *read >= lengths[place];
    }
    is_whole
}

/// Run, place and attempt; of an element of an array run, array and element.
fn key_of(row: &QueueRow) -> String {
    let key = row.name.rsplit('@').next().unwrap_or_default();
    match row.number.split_once('_') {
        Some((_, element)) => format!("{key}_{element}"),
        None => key.to_owned(),
    }
}

/// ` on node1`, where the node is known.
fn on_node(node: &str) -> String {
    if node.is_empty() { String::new() } else { format!(" on {node}") }
}

/// What became of an attempt whose job Slurm ended, as far as the state of the job says it.
fn ended_by_slurm(
    tracked: &Tracked,
    attempt: AttemptId,
    standing: JobStanding,
    doubt: &Doubt,
) -> Option<(Exit, Diagnostic, Repeat)> {
    let number = tracked.number.as_deref().unwrap_or_default();
    let at = on_node(&doubt.node);
    let lost = |what: String| Diagnostic::error(Code::ClusterLost, what);
    Some(match standing {
        JobStanding::Lost => {
            let cause = lost(format!("the cluster ended job {number}{at}: {}", doubt.state));
            (Exit::Lost, cause, Repeat::ForNothing)
        }
        JobStanding::OutOfMemory => {
            (Exit::Signal(libc::SIGKILL), want_of_memory(tracked, attempt, None), Repeat::AsTaskSays)
        }
        JobStanding::OutOfTime => {
            (Exit::Timeout, lost(format!("the time of job {number}{at} was up")), Repeat::AsTaskSays)
        }
        JobStanding::Cancelled => {
            (Exit::Lost, lost(format!("job {number}{at} was cancelled outside otto")), Repeat::Never)
        }
        JobStanding::Waiting | JobStanding::Alive | JobStanding::Over => return None,
    })
}

fn want_of_memory(tracked: &Tracked, attempt: AttemptId, used_mib: Option<u64>) -> Diagnostic {
    let given = match tracked.job.resources.memory_mib(attempt.number) {
        Some(memory) => format!("{memory}M"),
        None => "the memory that the cluster gives without being asked".to_owned(),
    };
    let used = used_mib.map_or(String::new(), |used| format!(", used {used}M"));
    let message = format!("the task was given {given}{used} and needed more memory");
    Diagnostic::error(Code::ClusterMemory, message)
        .help("ask for more in `resources`: `memory: 16G`, or `memory: [8G, 32G]` with `retries: 1`")
}

/// Why a job is over that has not begun its task: its log tells. What Slurm itself says there is its bad luck, and another
/// job may have more.
fn never_begun(path: &Path, number: &str, at: &str) -> (Exit, Diagnostic, Repeat) {
    let log = std::fs::read_to_string(path);
    let said = log.as_deref().unwrap_or_default().lines().find_map(|line| line.strip_prefix("otto: "));
    let cause = match (&log, said) {
        (Ok(_), Some(said)) if said.contains("cannot run") => Diagnostic::error(Code::NodeCannotRun, said)
            .help("OTTO_NODE_BINARY names an otto that was built for the nodes"),
        (Ok(_), Some(said)) => unseen(said),
        (Ok(text), None) if !text.trim().is_empty() => {
            let message = format!("job {number}{at} ended before the task began: {}", one_line(text));
            let cause = Diagnostic::error(Code::ClusterLost, message);
            return (Exit::Lost, cause, Repeat::ForNothing);
        }
        (Ok(_) | Err(_), _) => {
            let file = path.display();
            unseen(&format!("job {number}{at} ended without a word in `{file}`, which that node may not see"))
        }
    };
    (Exit::NotStarted { code: 125, reason: cause.message.clone() }, cause, Repeat::AsTaskSays)
}

fn unseen(message: &str) -> Diagnostic {
    Diagnostic::error(Code::NodeSeesNothing, message)
        .help("OTTO_HOME and the project must be on a file system that all nodes have under the same path")
}

fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let said = |line: &str| line.trim_start_matches("sbatch: ").trim_start_matches("error: ").to_owned();
    lines.into_iter().map(said).collect::<Vec<_>>().join("; ")
}

/// Of a job, if it had one.
fn first_attempt(job: JobId) -> AttemptId {
    AttemptId { job, number: 0 }
}

fn of_record(attempt: AttemptId, record: EndRecord) -> Ended {
    Ended {
        exit: record.exit,
        cause: record.cause.map(Box::new),
        leaked: record.leaked.into_iter().map(|(pid, command)| Leftover { pid, command }).collect(),
        survivors: record.survivors,
        stdout_bytes: record.stdout_bytes,
        stderr_bytes: record.stderr_bytes,
        log_error: record.log_error,
        streamed: record.streams.map(Box::new),
        ..Ended::without_process(attempt, Exit::Lost)
    }
}

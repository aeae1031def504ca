//! What looking back costs when there is much to look back on, and what recording costs: `cargo bench --bench records`.
//! `OTTO_BENCH_RUNS` sets how many runs there are, 100,000 otherwise.
#![allow(clippy::print_stdout)]

mod measure;

use measure::{Group, Limit, Sandbox, Unit, rounds, succeed, verdict};
use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// Runs that begin between two looks at the history.
const NEW: u32 = 100;
/// Tasks of one run whose recording is measured.
const TASKS: u32 = 1000;

const SHOP: &str = "
tasks:
  fetch: {bash: 'OUTPUT[tag]=v1; echo fetched'}
  build: {before: [fetch], bash: 'OUTPUT[version]=\"1.2-${INPUT[fetch.tag]}\"; echo built'}
  test: {before: [build], bash: 'echo tested'}
  pack: {before: [test], bash: 'OUTPUT[tar]=pack.tar'}
";

fn main() -> ExitCode {
    let runs = std::env::var("OTTO_BENCH_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(100_000);
    let past = Past::new();
    past.make(runs);
    let built = past.first_look(runs);
    verdict([built, past.looks(runs), past.new_runs(), recording()])
}

/// A project with many runs, all like the one that otto made.
struct Past {
    sandbox: Sandbox,
    project: PathBuf,
    model: PathBuf,
    model_id: String,
}

impl Past {
    fn new() -> Past {
        let sandbox = Sandbox::new(SHOP);
        sandbox.run(["-j1", "pack"]);
        let project = only(&sandbox.home(), |name| name.starts_with("project-"));
        let model = only(&project, |name| name.starts_with("20"));
        let model_id = name_of(&model);
        Past { sandbox, project, model, model_id }
    }

    /// Records and journals alone: looking back reads no more, and the folders of tasks would be millions of files.
    fn make(&self, runs: u32) {
        let begin = Instant::now();
        let [record, journal] = ["run.json", "events.jsonl"]
            .map(|file| fs::read_to_string(self.model.join(file)).expect("there"));
        let marker = fs::read(self.model.join(".lock")).expect("there");
        let mut ledger = String::new();
        for number in 0..runs {
            let id = self.id(runs - number);
            let folder = self.project.join(&id);
            fs::create_dir(&folder).expect("made");
            for (file, text) in [("run.json", &record), ("events.jsonl", &journal)] {
                fs::write(folder.join(file), text.replace(&self.model_id, &id)).expect("written");
            }
            fs::write(folder.join(".lock"), &marker).expect("written");
            ledger.push_str(&format!("{id}\n"));
        }
        self.note(&ledger);
        println!("{runs} runs made in {:.0} s", begin.elapsed().as_secs_f64());
    }

    /// The id of a run so many minutes before that of the model.
    fn id(&self, minutes: u32) -> String {
        let stamp =
            jiff::civil::DateTime::strptime("%Y%m%d-%H%M%S%.f", &self.model_id[..22]).expect("a stamp");
        let began = stamp - jiff::SignedDuration::from_mins(i64::from(minutes));
        // Scattered as random ones are, and none twice.
        let number = minutes.wrapping_mul(0x9e37_79b1) & 0x3fff_ffff;
        const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let tail: String =
            (0..6).map(|place| char::from(ALPHABET[(number >> (5 * place)) as usize & 31])).collect();
        format!("{}-{tail}", began.strftime("%Y%m%d-%H%M%S.%6f"))
    }

    fn note(&self, ids: &str) {
        let mut ledger =
            fs::OpenOptions::new().append(true).open(self.project.join("ledger")).expect("a ledger");
        ledger.write_all(ids.as_bytes()).expect("written");
    }

    fn first_look(&self, runs: u32) -> bool {
        let begin = Instant::now();
        self.sandbox.run(["History"]);
        let each = begin.elapsed().as_secs_f64() * 1e6 / f64::from(runs + 1);
        let verdict = if each < 1000.0 { "" } else { ": MISSED" };
        println!("\nthe index of {} runs made anew: {each:.0} µs a run   at most 1 ms{verdict}", runs + 1);
        each < 1000.0
    }

    fn looks(&self, runs: u32) -> bool {
        let at_most = Limit::Time(Duration::from_millis(20));
        let otto = |words: &'static [&'static str]| move || self.sandbox.run(words);
        let title = format!("looking back on {runs} runs");
        Group::new(&title, Unit::Clock, "otto --version", 1, otto(&["--version"]))
            .case("History, the last 20", at_most, 1, otto(&["History"]))
            .case("History --json", at_most, 1, otto(&["History", "--json"]))
            .case("History --failed, of which there are none", Limit::None, 1, otto(&["History", "--failed"]))
            .case("History build", at_most, 1, otto(&["History", "build"]))
            .case("Show", Limit::None, 1, otto(&["Show"]))
            .case("Data pack.tar", Limit::None, 1, otto(&["Data", "pack.tar"]))
            .case("Stats, all tasks of all runs", Limit::None, 1, otto(&["Stats"]))
            .run()
    }

    /// Whole runs, with the folders of their tasks, that come between two looks.
    fn new_runs(&self) -> bool {
        let staged = self.project.with_file_name("staged");
        fs::create_dir(&staged).expect("made");
        let batches: Vec<Vec<String>> = (0..=rounds() as u32)
            .map(|round| (0..NEW).map(|run| self.id_after(round * NEW + run)).collect())
            .collect();
        for id in batches.iter().flatten() {
            self.copy_model(&staged.join(id), id);
        }
        let next = Cell::new(0);
        let at_most = Limit::Time(Duration::from_millis(1));
        Group::new("a run that is new to the index", Unit::Clock, "History without new runs", NEW, || {
            self.sandbox.run(["History"])
        })
        .case("History after 100 new runs, each", at_most, NEW, || {
            let batch = &batches[next.replace(next.get() + 1)];
            for id in batch {
                fs::rename(staged.join(id), self.project.join(id)).expect("moved");
            }
            self.note(&format!("{}\n", batch.join("\n")));
            self.sandbox.run(["History"]);
        })
        .run()
    }

    fn id_after(&self, number: u32) -> String {
        // From a year on that no run is of, so that none is meant twice.
        format!("2100{}", &self.id(1 + number)[4..])
    }

    fn copy_model(&self, to: &Path, id: &str) {
        let mut left = vec![(self.model.clone(), to.to_owned())];
        while let Some((from, to)) = left.pop() {
            fs::create_dir(&to).expect("made");
            for entry in fs::read_dir(from).expect("there") {
                let entry = entry.expect("read");
                let place = to.join(entry.file_name());
                match entry.file_type().expect("known") {
                    kind if kind.is_dir() => left.push((entry.path(), place)),
                    kind if kind.is_symlink() => {
                        let target = fs::read_link(entry.path()).expect("a link");
                        std::os::unix::fs::symlink(target, place).expect("made");
                    }
                    _ => {
                        let text = fs::read_to_string(entry.path()).expect("text");
                        fs::write(place, text.replace(&self.model_id, id)).expect("written");
                    }
                }
            }
        }
    }
}

/// What of the cost of a task is its lines in the journal: those of a run that there was are written again, each by
/// itself, as they were then. To put them into JSON costs in addition what the test of `history::journal` measures.
fn recording() -> bool {
    let items: Vec<String> = (0..TASKS).map(|item| item.to_string()).collect();
    let sandbox =
        Sandbox::new(&format!("tasks: {{work: {{foreach: {{items: [{}]}}, bash: ':'}}}}", items.join(", ")));
    sandbox.run(["-j1", "work"]);
    let project = only(&sandbox.home(), |name| name.starts_with("project-"));
    let journal = fs::read(project.join("latest/events.jsonl")).expect("there");
    let again = project.join("again");
    Group::new("recording a task", Unit::Cpu, "bash -c :", TASKS, || {
        for _ in 0..TASKS {
            succeed(Command::new("bash").args(["-c", ":"]));
        }
    })
    .case("otto, a task of a run", Limit::None, TASKS, || sandbox.run(["-j1", "work"]))
    .case("its lines in the journal", Limit::Ratio(0.05), TASKS, || {
        let mut file = fs::File::create(&again).expect("made");
        for line in journal.split_inclusive(|byte| *byte == b'\n') {
            file.write_all(line).expect("written");
        }
    })
    .run()
}

fn only(folder: &Path, is_meant: impl Fn(&str) -> bool) -> PathBuf {
    let names = fs::read_dir(folder).expect("there").map(|entry| entry.expect("read").path());
    let mut found: Vec<PathBuf> =
        names.filter(|path| !path.is_symlink() && is_meant(&name_of(path))).collect();
    assert_eq!(found.len(), 1, "in `{}`", folder.display());
    found.remove(0)
}

fn name_of(path: &Path) -> String {
    path.file_name().expect("named").to_string_lossy().into_owned()
}

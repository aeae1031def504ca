//! Makefiles run by make and, converted, by otto: every command that a target starts has to get the same words and the
//! same variables, in the same order, and the end has to be the same; or the task says at its start what is missing.

// What was compared goes into the log of the tests.
#![allow(clippy::print_stderr)]

#[path = "convert/init.rs"]
mod init;
#[path = "convert/project.rs"]
mod project;
#[path = "convert/random.rs"]
mod random;
#[path = "convert/tools.rs"]
mod tools;

use project::{Project, Verdict};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What became of one target.
struct Compared {
    name: String,
    verdict: Verdict,
    has_remark: bool,
}

#[derive(Default)]
struct Totals {
    same: usize,
    same_without_remark: usize,
    refused: Vec<String>,
    /// Refused at run time although Convert had nothing to say.
    refused_without_remark: Vec<String>,
    different: Vec<String>,
}

impl Totals {
    fn of(compared: Vec<Compared>) -> Totals {
        let mut totals = Totals::default();
        for target in compared {
            match target.verdict {
                Verdict::Same => {
                    totals.same += 1;
                    totals.same_without_remark += usize::from(!target.has_remark);
                }
                Verdict::Refused(why) => {
                    let line = format!("{}: {why}", target.name);
                    if !target.has_remark {
                        totals.refused_without_remark.push(line.clone());
                    }
                    totals.refused.push(line);
                }
                Verdict::Different(how) => totals.different.push(format!("{}\n{how}", target.name)),
            }
        }
        totals
    }

    /// Written past the test's own capture: the figures belong in the log of a run that passes, too.
    fn tell(&self, what: &str) {
        let all = self.same + self.refused.len() + self.different.len();
        let silent = self.same_without_remark + self.refused_without_remark.len();
        let line = format!(
            "{what}: {all} targets: {} the same, {} refused, {} different; of {silent} without any remark {} the same\n",
            self.same,
            self.refused.len(),
            self.different.len(),
            self.same_without_remark,
        );
        let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
        for refused in &self.refused {
            eprintln!("refused: {refused}");
        }
    }
}

/// Whether there is a make to compare with: GNU make, in a version whose behaviour is taken over.
fn has_make() -> bool {
    let asked = std::process::Command::new(project::MAKE).arg("--version").output();
    let is_known =
        asked.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).starts_with("GNU Make 4."));
    assert!(
        is_known || std::env::var_os("CI").is_none() || cfg!(not(target_os = "linux")),
        "GNU make 4 is missing"
    );
    if !is_known {
        eprintln!("skipped: no GNU make 4");
    }
    is_known
}

/// Does a work for each number, on as many threads as there are processors.
fn in_parallel<T: Send>(count: usize, work: impl Fn(usize) -> Vec<T> + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, |threads| threads.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= count {
                        return;
                    }
                    let done = work(place);
                    found.lock().expect("a list").extend(done);
                }
            });
        }
    });
    found.into_inner().expect("a list")
}

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().map_or(otherwise, |value| value.parse().expect("a number"))
}

/// Those of the repository, or of the folder that OTTO_TEST_MAKEFILES names.
fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/convert");
    let folder = std::env::var_os("OTTO_TEST_MAKEFILES").map_or(folder, PathBuf::from);
    let entries = fs::read_dir(folder).expect("a folder");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "mk"));
    if let Some(only) = std::env::var_os("OTTO_TEST_ONLY") {
        files.retain(|path| path.file_stem() == Some(&only));
    }
    files.sort();
    files
}

fn compared(name: &str, makefile: &str, most: usize) -> Vec<Compared> {
    let project = Project::read(makefile);
    let converted = project.convert();
    let compare = |target: String| Compared {
        name: format!("{name}: {target}"),
        verdict: project.verdict(&converted.ottofile, &target),
        has_remark: converted.has_remark(&target),
    };
    converted.targets().into_iter().take(most).map(compare).collect()
}

#[test]
fn converted_makefiles_do_what_make_does_or_say_what_they_cannot() {
    if !has_make() {
        return;
    }
    let files = corpus();
    let totals = Totals::of(in_parallel(files.len(), |place| {
        let name = files[place].file_stem().expect("a name").to_string_lossy();
        compared(&name, &fs::read_to_string(&files[place]).expect("text"), usize::MAX)
    }));
    totals.tell(&format!("{} Makefiles", files.len()));
    assert!(totals.different.is_empty(), "{}", totals.different.join("\n"));
    assert!(totals.refused_without_remark.is_empty(), "{}", totals.refused_without_remark.join("\n"));
    let is_own =
        ["OTTO_TEST_MAKEFILES", "OTTO_TEST_ONLY"].iter().all(|name| std::env::var_os(name).is_none());
    if is_own {
        // What was reached once is not given up by accident.
        assert!(files.len() >= 44, "{} Makefiles", files.len());
        assert!(totals.same >= 380 && totals.same >= totals.refused.len() * 3, "too many refused");
        assert!(totals.same_without_remark >= 165, "too many remarks");
    }
}

/// Looks for corners of make that are not understood. Few in CI; by hand `OTTO_TEST_CASES=1000 OTTO_TEST_SEED=5000`.
#[test]
fn random_makefiles_do_what_make_does_or_say_what_they_cannot() {
    if !has_make() {
        return;
    }
    let (first, count) = (number("OTTO_TEST_SEED", 1), number("OTTO_TEST_CASES", 12));
    let totals = Totals::of(in_parallel(count, |place| {
        let seed = (first + place) as u64;
        let makefile = random::Random::new(seed).makefile();
        let mut compared = compared(&format!("seed {seed}"), &makefile, 3);
        for target in &mut compared {
            if let Verdict::Different(how) = &mut target.verdict {
                how.insert_str(0, &format!("{makefile}\n"));
            }
        }
        compared
    }));
    totals.tell(&format!("{count} random Makefiles from seed {first}"));
    assert!(totals.different.is_empty(), "{}", totals.different.join("\n"));
    assert!(totals.refused_without_remark.is_empty(), "{}", totals.refused_without_remark.join("\n"));
    assert!(totals.same > totals.refused.len(), "too many refused");
}

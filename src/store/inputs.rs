//! What a job sees of its dependencies, as links between the directories of a run.
//! Knows no contents; a link may point to a file that is not there, which is a dependency without outputs.

use crate::name::JobName;
use crate::store::layout::JobDir;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

/// Makes `input.<dep>.json`, which leads to what the dependency handed on in `from`: its directory in this run or, for a
/// rerun, in an earlier one. The link is relative, so that a run's directory can be moved and read elsewhere.
pub(crate) fn link_to(dir: &JobDir, dependency: &JobName, from: &JobDir) -> io::Result<()> {
    replace_link(&relative(&dir.path, &handed_on(from)), &dir.input(dependency))
}

/// The file with the outputs of a job. Of one that failed: with what its last attempt recorded, which is for those who
/// asked for a failure.
pub(crate) fn handed_on(job: &JobDir) -> PathBuf {
    let output = job.output();
    if output.exists() { output } else { last_failed(job).unwrap_or(output) }
}

fn last_failed(job: &JobDir) -> Option<PathBuf> {
    let first = job.failed_output(1);
    let start = first.file_name()?.to_str()?.strip_suffix("1.json")?.to_owned();
    let attempt = |entry: fs::DirEntry| {
        let name = entry.file_name();
        name.to_str()?.strip_prefix(&start)?.strip_suffix(".json")?.parse::<u32>().ok()
    };
    let attempts = fs::read_dir(&job.path).ok()?.filter_map(Result::ok).filter_map(attempt);
    attempts.max().map(|attempt| job.failed_output(attempt))
}

/// Which of a dependency's failed attempts a job was given the outputs of, as its link says; `None` where it was given
/// those of a success, or none.
pub(crate) fn failed_attempt(
    dir: &JobDir,
    dependency: &JobName,
    from: &JobDir,
    attempts: u32,
) -> Option<u32> {
    let target = fs::read_link(dir.input(dependency)).ok()?;
    (1..=attempts).find(|attempt| target.file_name() == from.failed_output(*attempt).file_name())
}

/// The way from a directory to a file; both absolute.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

/// Hands on the outputs of an earlier run as those of a job that was fresh and is skipped. A hard link, for the
/// earlier run may be cleaned away; a copy where the file system has none. False: the earlier run has none.
pub(crate) fn adopt(dir: &JobDir, earlier: &JobDir) -> io::Result<bool> {
    if !hand_on(&earlier.output(), &dir.output())? {
        return Ok(false);
    }
    if earlier.exports().exists() {
        fs::create_dir_all(dir.private())?;
        hand_on(&earlier.exports(), &dir.exports())?;
    }
    Ok(true)
}

/// The same file under another name, so that it outlives the run that it is from. False: there is nothing at `from`.
pub(crate) fn hand_on(from: &Path, to: &Path) -> io::Result<bool> {
    // If a pipe had replaced the record, reading it under its new name would hang.
    if fs::metadata(from).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(io::Error::other(format!("`{}` is not a regular file", from.display())));
    }
    match fs::hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        // A second call, or a file system without hard links.
        Err(_) => crate::store::atomic::write(to, &crate::store::regular::read(from)?).map(|()| true),
    }
}

fn replace_link(target: &Path, link: &Path) -> io::Result<()> {
    match symlink(target, link) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::read_link(link).is_ok_and(|there| there == target) {
                return Ok(());
            }
            fs::remove_file(link)?;
            symlink(target, link)
        }
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::layout::RunDir;
    use crate::store::outputs::{self, Outputs};
    use crate::store::seal::Sealer;
    use crate::value::Value;

    fn job(name: &str) -> JobName {
        JobName::recorded(name).expect("not empty")
    }

    fn dirs(names: &[&str]) -> (tempfile::TempDir, Vec<JobDir>) {
        let folder = tempfile::tempdir().expect("a directory");
        let run = RunDir { path: folder.path().join("run") };
        let dirs: Vec<JobDir> = names.iter().map(|name| run.job(&job(name))).collect();
        for dir in &dirs {
            fs::create_dir_all(&dir.path).expect("made");
        }
        (folder, dirs)
    }

    fn one() -> Outputs {
        Outputs {
            values: vec![("a".into(), Value::String("1".into()))],
            exports: vec!["OTTO_A".into()],
            ..Outputs::default()
        }
    }

    #[test]
    fn a_rerun_sees_what_an_earlier_run_recorded() {
        let home = tempfile::tempdir().expect("a directory");
        let job = |name: &str| JobName::recorded(name).expect("not empty");
        let [earlier, rerun] = ["20261123-120000.000000-aaaaaa", "20261123-120001.000000-bbbbbb"]
            .map(|id| RunDir { path: home.path().join("shop-0123456789ab").join(id) });
        let (from, dir) = (earlier.job(&job("build")), rerun.job(&job("test")));
        fs::create_dir_all(&from.path).expect("made");
        fs::create_dir_all(&dir.path).expect("made");
        let values = vec![("k".to_owned(), Value::Bool(true))];
        outputs::write(&from, &Outputs { values, ..Outputs::default() }, &Sealer::default())
            .expect("written");
        link_to(&dir, &job("build"), &from).expect("linked");
        assert_eq!(
            fs::read_link(dir.input(&job("build"))).expect("a link"),
            Path::new("../../../20261123-120000.000000-aaaaaa/tasks/build/output.build.json")
        );
        assert_eq!(fs::read_to_string(dir.input(&job("build"))).expect("there"), "{\n  \"k\": true\n}\n");
    }

    #[test]
    fn who_asked_for_a_failure_sees_what_the_last_attempt_recorded() {
        let (_folder, dirs) = dirs(&["tidy", "a 1"]);
        for attempt in [1, 2, 10] {
            outputs::write_failed(&dirs[1], attempt, &one(), &Sealer::default()).expect("written");
        }
        link_to(&dirs[0], &job("a 1"), &dirs[1]).expect("linked");
        let target = fs::read_link(dirs[0].input(&job("a 1"))).expect("a link");
        assert_eq!(target.to_str(), Some("../a%201/output.a%201.failed-10.json"));
        outputs::write(&dirs[1], &one(), &Sealer::default()).expect("written");
        link_to(&dirs[0], &job("a 1"), &dirs[1]).expect("linked");
        let target = fs::read_link(dirs[0].input(&job("a 1"))).expect("a link");
        assert_eq!(target.to_str(), Some("../a%201/output.a%201.json"));
    }

    #[test]
    fn links_are_relative_and_lead_to_the_outputs() {
        let (folder, dirs) = dirs(&["deploy", "build/x 1"]);
        link_to(&dirs[0], &job("build/x 1"), &dirs[1]).expect("linked");
        link_to(&dirs[0], &job("build/x 1"), &dirs[1]).expect("a second attempt finds it there");
        outputs::write(&dirs[1], &one(), &Sealer::default()).expect("written");
        let target = fs::read_link(dirs[0].input(&job("build/x 1"))).expect("a link");
        assert_eq!(target.to_str(), Some("../build%2Fx%201/output.build%2Fx%201.json"));

        fs::rename(folder.path().join("run"), folder.path().join("moved")).expect("moved");
        let moved = RunDir { path: folder.path().join("moved") }.job(&job("deploy"));
        let text = fs::read_to_string(moved.input(&job("build/x 1"))).expect("there");
        assert_eq!(text, "{\n  \"a\": \"1\"\n}\n");
    }

    #[test]
    fn outputs_of_a_fresh_job_survive_the_run_that_made_them() {
        let (_first, old) = dirs(&["build"]);
        let (_second, new) = dirs(&["build"]);
        assert!(!adopt(&new[0], &old[0]).expect("nothing to adopt"));
        outputs::write(&old[0], &one(), &Sealer::default()).expect("written");
        assert!(adopt(&new[0], &old[0]).expect("adopted"));
        assert!(adopt(&new[0], &old[0]).expect("adopted twice"));
        fs::remove_dir_all(&old[0].path).expect("cleaned");
        assert_eq!(outputs::read(&new[0]).expect("there"), one());
    }
}

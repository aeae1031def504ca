//! What a job sees of its dependencies, as links between the directories of a run.
//! Knows no contents; a link may point to a file that is not there, which is a dependency without outputs.

use crate::name::JobName;
use crate::store::layout::{JobDir, file_name};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

/// Makes `input.<dep>.json`, relative, so that a run's directory can be moved and read elsewhere.
pub(crate) fn link(dir: &JobDir, dependency: &JobName) -> io::Result<()> {
    let name = file_name(dependency);
    let target = PathBuf::from(format!("../{name}/output.{name}.json"));
    replace_link(&target, &dir.input(dependency))
}

/// Makes `input.<dep>.json` of a rerun, which leads to what the dependency recorded in an earlier run.
pub(crate) fn link_to_earlier(dir: &JobDir, dependency: &JobName, earlier: &JobDir) -> io::Result<()> {
    replace_link(&relative(&dir.path, &earlier.output()), &dir.input(dependency))
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
    match fs::hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        // A second call, or a file system without hard links.
        Err(_) => crate::store::atomic::write(to, &fs::read(from)?).map(|()| true),
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
        Outputs { values: vec![("a".into(), Value::String("1".into()))], exports: vec!["OTTO_A".into()] }
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
        outputs::write(&from, &Outputs { values, exports: Vec::new() }).expect("written");
        link_to_earlier(&dir, &job("build"), &from).expect("linked");
        assert_eq!(
            fs::read_link(dir.input(&job("build"))).expect("a link"),
            Path::new("../../../20261123-120000.000000-aaaaaa/tasks/build/output.build.json")
        );
        assert_eq!(fs::read_to_string(dir.input(&job("build"))).expect("there"), "{\n  \"k\": true\n}\n");
    }

    #[test]
    fn links_are_relative_and_lead_to_the_outputs() {
        let (folder, dirs) = dirs(&["deploy", "build/x 1"]);
        link(&dirs[0], &job("build/x 1")).expect("linked");
        link(&dirs[0], &job("build/x 1")).expect("a second attempt finds it there");
        outputs::write(&dirs[1], &one()).expect("written");
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
        outputs::write(&old[0], &one()).expect("written");
        assert!(adopt(&new[0], &old[0]).expect("adopted"));
        assert!(adopt(&new[0], &old[0]).expect("adopted twice"));
        fs::remove_dir_all(&old[0].path).expect("cleaned");
        assert_eq!(outputs::read(&new[0]).expect("there"), one());
    }
}

//! The outputs of a job, as `output.<job>.json`.
//! Knows no language: the caller reads the values from the job.

use crate::host::plain;
use crate::store::atomic;
use crate::store::layout::JobDir;
use crate::store::regular;
use crate::store::seal::Sealer;
use crate::value::{self, JsonError, Map};
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;

/// The largest `output.<job>.json`, in bytes.
pub(crate) const MOST_BYTES: usize = 64 << 20;

/// The outputs of one job.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outputs {
    pub(crate) values: Map,
    /// The keys of `values` that were exported (`export OTTO_VERSION=…`), as written, sorted.
    pub(crate) exports: Vec<String>,
    /// The keys of `values` whose values are secret: only a seal of them is recorded.
    pub(crate) secrets: BTreeSet<String>,
}

impl Outputs {
    /// The keys whose secret values were not recorded, of outputs that were read back.
    pub(crate) fn lost_secrets(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter(|(_, value)| value.has_sealed()).map(|(key, _)| key.as_str())
    }
}

/// Why outputs could not be stored or read back.
#[derive(Debug)]
pub(crate) enum OutputsError {
    TooLarge { bytes: usize },
    CannotWrite { path: PathBuf, error: io::Error },
    CannotRead { path: PathBuf, error: io::Error },
    NotJson { path: PathBuf, error: JsonError },
    NotAMap { path: PathBuf },
}

impl fmt::Display for OutputsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutputsError::TooLarge { bytes } => {
                write!(f, "the outputs are {bytes} bytes of JSON; the limit is {MOST_BYTES} (64 MiB)")
            }
            OutputsError::CannotWrite { path, error } => {
                write!(f, "cannot write `{}`: {}", path.display(), plain(error))
            }
            OutputsError::CannotRead { path, error } => {
                write!(f, "cannot read `{}`: {}", path.display(), plain(error))
            }
            OutputsError::NotJson { path, error } => write!(f, "`{}` is not JSON: {error}", path.display()),
            OutputsError::NotAMap { path } => write!(f, "`{}` is not a JSON object", path.display()),
        }
    }
}

/// Publishes the outputs of an attempt that succeeded. Nothing is written when there are none.
pub(crate) fn write(dir: &JobDir, outputs: &Outputs, sealer: &Sealer) -> Result<(), OutputsError> {
    if outputs.values.is_empty() {
        return Ok(());
    }
    let text = text(outputs, sealer)?;
    if !outputs.exports.is_empty() {
        let path = dir.exports();
        let names = outputs.exports.join("\n") + "\n";
        fs::create_dir_all(dir.private())
            .and_then(|()| atomic::write(&path, names.as_bytes()))
            .map_err(|error| OutputsError::CannotWrite { path, error })?;
    }
    let path = dir.output();
    atomic::write(&path, text.as_bytes()).map_err(|error| OutputsError::CannotWrite { path, error })
}

/// Keeps the outputs of an attempt that failed, for people and for the history, under a name to which no link
/// of a dependant leads.
pub(crate) fn write_failed(
    dir: &JobDir,
    attempt: u32,
    outputs: &Outputs,
    sealer: &Sealer,
) -> Result<(), OutputsError> {
    if outputs.values.is_empty() {
        return Ok(());
    }
    let text = text(outputs, sealer)?;
    let path = dir.failed_output(attempt);
    atomic::write(&path, text.as_bytes()).map_err(|error| OutputsError::CannotWrite { path, error })
}

fn text(outputs: &Outputs, sealer: &Sealer) -> Result<String, OutputsError> {
    let text = match outputs.secrets.is_empty() {
        true => value::indented_map(&outputs.values),
        false => value::indented_map(&sealer.seal(&outputs.values, &outputs.secrets)),
    };
    if text.len() > MOST_BYTES {
        return Err(OutputsError::TooLarge { bytes: text.len() });
    }
    Ok(text)
}

/// Reads back what [`write`] published; a job without outputs has no file.
pub(crate) fn read(dir: &JobDir) -> Result<Outputs, OutputsError> {
    read_from(dir, dir.output())
}

/// Like [`read`], but also reads what a failed job recorded, for jobs that run on its failure.
pub(crate) fn read_recorded(dir: &JobDir) -> Result<Outputs, OutputsError> {
    read_from(dir, super::inputs::handed_on(dir))
}

fn read_from(dir: &JobDir, path: PathBuf) -> Result<Outputs, OutputsError> {
    let bytes = match regular::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Outputs::default()),
        Err(error) => return Err(OutputsError::CannotRead { path, error }),
    };
    let value::Value::Map(values) =
        value::parse(&bytes).map_err(|error| OutputsError::NotJson { path: path.clone(), error })?
    else {
        return Err(OutputsError::NotAMap { path });
    };
    let path = dir.exports();
    let names = match regular::read_text(&path) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(OutputsError::CannotRead { path, error }),
    };
    let exports = names.lines().map(str::to_owned).collect();
    Ok(Outputs { values, exports, secrets: BTreeSet::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::JobName;
    use crate::store::layout::RunDir;
    use crate::value::Value;
    use std::os::unix::fs::MetadataExt;

    fn job_dir() -> (tempfile::TempDir, JobDir) {
        let folder = tempfile::tempdir().expect("a directory");
        let dir = RunDir { path: folder.path().to_owned() }.job(&JobName::recorded("a").expect("not empty"));
        fs::create_dir_all(&dir.path).expect("made");
        (folder, dir)
    }

    fn outputs() -> Outputs {
        Outputs {
            values: vec![
                ("OTTO_V".into(), Value::String("1.10".into())),
                ("n".into(), Value::Number("1.10".into())),
            ],
            exports: vec!["OTTO_V".into()],
            ..Outputs::default()
        }
    }

    #[test]
    fn what_is_written_is_read_back_with_the_names_of_exports() {
        let (_folder, dir) = job_dir();
        write(&dir, &outputs(), &Sealer::default()).expect("written");
        assert_eq!(read(&dir).expect("read"), outputs());
        assert_eq!(
            fs::read_to_string(dir.path.join("output.a.json")).expect("there"),
            "{\n  \"OTTO_V\": \"1.10\",\n  \"n\": 1.10\n}\n"
        );
        assert_eq!(fs::metadata(dir.output()).expect("there").mode() & 0o777, 0o600);
    }

    #[test]
    fn of_a_secret_a_seal_is_written_that_is_the_same_for_the_same_value() {
        let (folder, dir) = job_dir();
        let sealer = Sealer::new(folder.path().join("secret.key"));
        let list = |text: &str| Value::List(vec![Value::from(text), Value::int(7)]);
        let written = |token: &str, sealer: &Sealer| {
            let values =
                vec![("n".into(), Value::int(12345)), ("l".into(), list(token)), ("p".into(), list("x"))];
            let outputs = Outputs { values, secrets: ["n".into(), "l".into()].into(), ..Outputs::default() };
            write(&dir, &outputs, sealer).expect("written");
            fs::read_to_string(dir.output()).expect("there")
        };
        let text = written("hunter2", &sealer);
        assert!(!text.contains("hunter2") && !text.contains("12345"), "{text}");
        assert_eq!(written("hunter2", &Sealer::new(folder.path().join("secret.key"))), text);
        assert_ne!(written("hunter3", &sealer), text);
        let read = read(&dir).expect("read");
        assert_eq!(read.lost_secrets().collect::<Vec<_>>(), ["n", "l"]);
        let shown = value::compact(&Value::Map(value::masked_map(&read.values)));
        assert_eq!(shown, r#"{"n":"***","l":["***",7],"p":["x",7]}"#);
        let mode = fs::metadata(folder.path().join("secret.key")).expect("there").mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn no_outputs_are_no_file() {
        let (_folder, dir) = job_dir();
        write(&dir, &Outputs::default(), &Sealer::default()).expect("nothing to do");
        assert!(!dir.output().exists());
        assert_eq!(read(&dir).expect("nothing there"), Outputs::default());
    }

    #[test]
    fn outputs_of_a_failed_attempt_are_kept_where_no_dependant_looks() {
        let (_folder, dir) = job_dir();
        write_failed(&dir, 2, &outputs(), &Sealer::default()).expect("written");
        assert!(dir.path.join("output.a.failed-2.json").exists());
        assert_eq!(read(&dir).expect("nothing there"), Outputs::default());
    }

    #[test]
    fn outputs_over_the_limit_are_refused_with_their_size() {
        let (_folder, dir) = job_dir();
        let huge = Outputs {
            values: vec![("k".into(), Value::String("x".repeat(MOST_BYTES)))],
            ..Outputs::default()
        };
        insta::assert_snapshot!(write(&dir, &huge, &Sealer::default()).expect_err("too large"),
            @"the outputs are 67108878 bytes of JSON; the limit is 67108864 (64 MiB)");
        assert!(!dir.output().exists());
    }

    #[test]
    fn a_damaged_file_is_named_with_the_place() {
        let (_folder, dir) = job_dir();
        fs::write(dir.output(), "{\"a\": 1,").expect("written");
        let message = read(&dir).expect_err("not JSON").to_string();
        assert!(message.starts_with(&format!("`{}` is not JSON: ", dir.output().display())), "{message}");
    }
}

//! `run.json`: what is known of a run when it begins. Written once, with the run's directory.
//! Holds no value of the environment, and no value of an option that looks like a secret.

use crate::name::RunId;
use crate::ottofile::spec::Retention;
use crate::secret::MASK;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Version of `run.json`. A reader refuses a higher number and ignores unknown fields.
pub(crate) const FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    pub(crate) format: u32,
    pub(crate) id: RunId,
    pub(crate) started: jiff::Timestamp,
    /// Version of the otto that ran it.
    pub(crate) otto: String,
    /// The words after `otto`, [`masked`].
    pub(crate) command: Vec<String>,
    pub(crate) ottofile: RecordedPath,
    /// blake3 of the ottofile's bytes, hex.
    pub(crate) ottofile_hash: String,
    /// The other ottofiles that were read, each after the one that includes it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) included: Vec<IncludedFile>,
    /// Where otto was called.
    pub(crate) cwd: RecordedPath,
    pub(crate) user: String,
    pub(crate) host: String,
    /// Names of the variables in otto's own environment, sorted; never their values.
    pub(crate) environment: Vec<String>,
    /// How long runs of this project were to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retention: Option<Keeping>,
    /// The run that this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<RunId>,
    /// It was one of many with `--watch`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_watch: bool,
}

/// An ottofile that the root included, directly or through others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct IncludedFile {
    pub(crate) namespace: String,
    pub(crate) path: RecordedPath,
    /// blake3 of its bytes, hex.
    pub(crate) hash: String,
    /// The namespace of the file that includes it; empty: the root.
    pub(crate) parent: String,
    /// Which entry of that file's `include` it is from, from 0.
    pub(crate) entry: usize,
}

impl RunRecord {
    /// The text of `run.json`.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("bug: a record is plain data");
        json.push(b'\n');
        json
    }

    pub(crate) fn parse(json: &[u8]) -> Result<RunRecord, String> {
        // Asked first: a newer record need not look like ours.
        let Versioned { format } = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if format > FORMAT {
            return Err(format!("it has format {format}, but this otto reads only up to {FORMAT}"));
        }
        serde_json::from_slice(json).map_err(|error| error.to_string())
    }

    /// Whether a newer otto wrote it, whose runs this one does not understand.
    pub(crate) fn is_newer(json: &[u8]) -> bool {
        serde_json::from_slice(json).is_ok_and(|Versioned { format }| format > FORMAT)
    }

    /// The folder of the ottofile: what the project is known by.
    pub(crate) fn folder(&self) -> &Path {
        self.ottofile.0.parent().unwrap_or(Path::new("/"))
    }
}

/// How long runs are kept. Recorded with each run, so that it is known where no ottofile is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keeping {
    pub(crate) keep_days: u32,
    /// The number of newest runs that are kept however old they are.
    pub(crate) keep_last: u32,
    pub(crate) keep_failed_days: u32,
}

impl From<&Retention> for Keeping {
    fn from(retention: &Retention) -> Keeping {
        Keeping {
            keep_days: retention.keep_days,
            keep_last: retention.keep_last,
            keep_failed_days: retention.keep_failed_days,
        }
    }
}

#[derive(Deserialize)]
struct Versioned {
    format: u32,
}

/// A path as it was, also where it is not UTF-8: a string, or `{"hex": "2f77ff"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct RecordedPath(#[serde(with = "crate::verbatim::one")] pub(crate) PathBuf);

impl fmt::Display for RecordedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// Whether a parameter or variable of this name is likely to hold a secret: one of the words of its name, cut at
/// `-`, `_`, `.` and before capitals, is one that secrets go by.
pub(crate) fn is_secret_name(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "apikey",
        "auth",
        "bearer",
        "cookie",
        "credential",
        "credentials",
        "creds",
        "key",
        "passphrase",
        "passwd",
        "password",
        "pat",
        "pin",
        "pw",
        "pwd",
        "secret",
        "secrets",
        "token",
        "tokens",
    ];
    words(name).iter().any(|word| WORDS.contains(&word.as_str()))
}

/// `GITHUB_TOKEN`, `api-key`, `dbPassword` in words, lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for character in name.chars() {
        let starts_word = was_lower && character.is_uppercase();
        if !character.is_alphanumeric() || starts_word {
            words.push(String::new());
        }
        if character.is_alphanumeric() {
            words.last_mut().expect("bug: it starts with one").extend(character.to_lowercase());
        }
        was_lower = character.is_lowercase();
    }
    words
}

/// A command line as it may be recorded. `--token VALUE` and `--token=VALUE` are masked by the option's name;
/// `secrets` are values known to be secret from elsewhere (short options and positionals of declared parameters),
/// masked wherever a word is, or ends with, one of them.
pub(crate) fn masked<'a>(command: impl IntoIterator<Item = &'a OsStr>, secrets: &[&OsStr]) -> Vec<String> {
    let mut was_secret_option = false;
    let mask = |word: &'a OsStr| {
        let text = word.to_string_lossy();
        let long = text.strip_prefix("--").filter(|long| !long.is_empty());
        if let Some((name, _)) = long.and_then(|long| long.split_once('='))
            && is_secret_name(name)
        {
            was_secret_option = false;
            return format!("--{name}={MASK}");
        }
        if std::mem::take(&mut was_secret_option) && !text.starts_with("--") {
            return MASK.to_owned();
        }
        was_secret_option = long.is_some_and(is_secret_name);
        let hidden = secrets
            .iter()
            .filter(|secret| !secret.is_empty())
            .find_map(|secret| word.as_bytes().strip_suffix(secret.as_bytes()));
        match hidden {
            // `-tVALUE`, `-t=VALUE`; a longer word that merely ends so is masked whole.
            Some(before) if before.len() <= 3 && before.starts_with(b"-") => {
                format!("{}{MASK}", String::from_utf8_lossy(before))
            }
            Some(_) => MASK.to_owned(),
            None => text.into_owned(),
        }
    };
    command.into_iter().map(mask).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use insta::assert_snapshot;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    /// A record of `otto WORDS` in `/work/shop`.
    pub(crate) fn record(id: &RunId, started: &str, command: &str) -> RunRecord {
        RunRecord {
            format: FORMAT,
            id: id.clone(),
            started: started.parse().expect("a time"),
            otto: "0.1.0".into(),
            command: command.split_whitespace().map(str::to_owned).collect(),
            ottofile: RecordedPath("/work/shop/otto.yml".into()),
            ottofile_hash: "0123abcd".into(),
            included: Vec::new(),
            cwd: RecordedPath("/work/shop".into()),
            user: "ada".into(),
            host: "engine".into(),
            environment: vec!["HOME".into(), "PATH".into()],
            retention: None,
            origin: None,
            is_watch: false,
        }
    }

    #[test]
    fn a_record_is_readable_and_reads_back() {
        let id = RunId::new("20261123-120000.000000", 42);
        let mut record = record(&id, "2026-11-23T12:00:00Z", "ci --fast");
        record.cwd = RecordedPath(OsString::from_vec(b"/work/\xff".to_vec()).into());
        record.origin = Some(RunId::new("20261122-120000.000000", 7));
        let json = record.to_json();
        assert_snapshot!(String::from_utf8_lossy(&json), @r#"
        {
          "format": 1,
          "id": "20261123-120000.000000-a10000",
          "started": "2026-11-23T12:00:00Z",
          "otto": "0.1.0",
          "command": [
            "ci",
            "--fast"
          ],
          "ottofile": "/work/shop/otto.yml",
          "ottofile_hash": "0123abcd",
          "cwd": {
            "hex": "2f776f726b2fff"
          },
          "user": "ada",
          "host": "engine",
          "environment": [
            "HOME",
            "PATH"
          ],
          "origin": "20261122-120000.000000-700000"
        }
        "#);
        assert_eq!(RunRecord::parse(&json), Ok(record));
    }

    #[test]
    fn a_newer_record_is_refused_and_unknown_fields_are_not() {
        assert_eq!(
            RunRecord::parse(br#"{"format": 2, "id": 7}"#),
            Err("it has format 2, but this otto reads only up to 1".into())
        );
        let id = RunId::new("20261123-120000.000000", 42);
        let record = record(&id, "2026-11-23T12:00:00Z", "ci");
        let json = String::from_utf8(record.to_json()).expect("text").replacen('{', "{\"mood\": [],", 1);
        assert_eq!(RunRecord::parse(json.as_bytes()), Ok(record));
    }

    #[test]
    fn names_of_secrets_are_known_by_their_words() {
        for name in ["token", "GITHUB_TOKEN", "api-key", "dbPassword", "AWS_SECRET_ACCESS_KEY", "my.pwd"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["keyboard", "monkey", "tokenize", "path", "author", "compass", "", "pattern"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn secrets_are_masked_in_the_command_line() {
        let show = |words: &[&str], secrets: &[&str]| {
            let secrets: Vec<&OsStr> = secrets.iter().map(OsStr::new).collect();
            masked(words.iter().map(OsStr::new), &secrets).join(" ")
        };
        assert_snapshot!(show(&["deploy", "--token", "s3cret", "--env", "prod"], &[]), @"deploy --token *** --env prod");
        assert_snapshot!(show(&["deploy", "--api-key=s3cret", "prod"], &[]), @"deploy --api-key=*** prod");
        assert_snapshot!(show(&["deploy", "-ts3cret", "-t=s3cret", "s3cret", "x"], &["s3cret", ""]), @"deploy -t*** -t=*** *** x");
        assert_snapshot!(show(&["deploy", "--token", "--env", "prod"], &[]), @"deploy --token --env prod");
        assert_snapshot!(show(&["deploy", "--token", "-x", "--", "prod"], &[]), @"deploy --token *** -- prod");
    }
}

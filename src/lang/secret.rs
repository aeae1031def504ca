//! What a body says is secret, and what is left in place of the files that an attempt with secrets started with.

use super::quote::{Charset, push_word};
use super::{HandOver, Left};
use crate::name::{JobName, RunId};
use crate::secret::MOST_ANNOUNCED;
use crate::store::announced::{announced, files};
use crate::store::layout;
use std::fs::{self, DirBuilder};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Reads what was announced, and removes it.
pub(super) fn read(left: &Left, found: &mut HandOver) {
    let path = layout::announced(left.folder);
    let Ok(file) = crate::store::regular::open(&path) else { return };
    let mut bytes = Vec::new();
    // What cannot be read is taken as it is.
    let _ = file.take(MOST_ANNOUNCED).read_to_end(&mut bytes);
    let entries = announced(&left.private(), &bytes).0;
    for path in files(&left.private(), &bytes).iter().chain([&path]) {
        // If it stays, nobody reads it again.
        let _ = fs::remove_file(path);
    }
    for (key, secret) in entries {
        if found.outputs.values.iter().any(|(known, _)| *known == key) {
            found.outputs.secrets.insert(key);
        }
        found.announced.extend(secret.leaves());
    }
}

/// Says to whoever runs the script by hand why it cannot be.
pub(crate) fn leave_note(dir: &Path, job: &JobName, run: &RunId) -> io::Result<()> {
    let private = layout::private(dir);
    DirBuilder::new().mode(0o700).create(&private)?;
    let text = format!(
        "otto: this task started with secrets, which are not kept; run it again: otto Rerun {} {job}",
        run.short()
    );
    let mut shell = b"printf '%s\\n' ".to_vec();
    push_word(&mut shell, text.as_bytes(), Charset::Plain);
    shell.extend_from_slice(b" >&2\nexit 97\n");
    fs::write(private.join("start.sh"), shell)?;
    let quoted = crate::value::quoted(&text);
    fs::write(
        private.join("runner.py"),
        format!("import sys\nsys.stderr.write({quoted} + \"\\n\")\nsys.exit(97)\n"),
    )
}

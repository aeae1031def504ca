//! Bytes as words of a shell's source, so that the shell reads back the same bytes.
//! Knows no files: what is quoted here is written to files that hold data, never into the user's script.

/// How a shell reads bytes that are not ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    /// Bytes stand for themselves: UTF-8, the C locale, and every shell that does not look at characters.
    Plain,
    /// A multibyte charset in which a byte of a character may look like `'` or `\` to bash.
    Treacherous,
}

impl Charset {
    /// From the variables that choose the locale of the launch.
    pub(crate) fn of(env: &dyn Fn(&str) -> Option<Vec<u8>>) -> Charset {
        let chosen = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| env(name).filter(|value| !value.is_empty()));
        let Some(chosen) = chosen else { return Charset::Plain };
        let name = String::from_utf8_lossy(&chosen).to_ascii_lowercase();
        let is_plain = name == "c" || name == "posix" || name.contains("utf-8") || name.contains("utf8");
        if is_plain { Charset::Plain } else { Charset::Treacherous }
    }
}

/// Pieces of a word between `'`, times its length, from which bash takes too long to put them together: it measures the
/// whole word for each piece. 10 MiB of text with quotes took it ten seconds.
const MOST_MEASURING: usize = 32 << 20;

/// Appends `bytes` as one word for bash, zsh or a POSIX shell. Holds no NUL; the caller has looked. With
/// [`Charset::Treacherous`] bytes beyond ASCII are octal inside `$'…'`, which only bash reads.
pub(crate) fn push_word(text: &mut Vec<u8>, bytes: &[u8], charset: Charset) {
    debug_assert!(!bytes.contains(&0));
    if charset == Charset::Treacherous && !bytes.is_ascii() {
        text.extend_from_slice(b"$'");
        for byte in bytes {
            match byte {
                b'\'' | b'\\' => text.extend_from_slice(&[b'\\', *byte]),
                // Octal, for a raw byte of a multibyte charset could swallow the quote after it.
                0x80.. | 1 | 0x7f => text.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
                _ => text.push(*byte),
            }
        }
        text.push(b'\'');
        return;
    }
    // A short word is not worth the counting.
    let is_long = bytes.len() > 4096
        && bytes.iter().filter(|byte| **byte == b'\'').count() * bytes.len() > MOST_MEASURING;
    if is_long { push_double(text, bytes) } else { push_single(text, bytes) }
}

/// Between `'`, and each `'` as `'\''`: the form in which every byte is safe in every version.
fn push_single(text: &mut Vec<u8>, bytes: &[u8]) {
    text.push(b'\'');
    let mut rest = bytes;
    while let Some(place) = rest.iter().position(|byte| *byte == b'\'') {
        text.extend_from_slice(&rest[..place]);
        text.extend_from_slice(b"'\\''");
        rest = &rest[place + 1..];
    }
    text.extend_from_slice(rest);
    text.push(b'\'');
}

/// Between `"`: one piece, however many quotes are in it. The two bytes that bash uses for its own marks stand outside.
fn push_double(text: &mut Vec<u8>, bytes: &[u8]) {
    text.push(b'"');
    for byte in bytes {
        match byte {
            b'"' | b'\\' | b'$' | b'`' => text.extend_from_slice(&[b'\\', *byte]),
            1 | 0x7f => text.extend_from_slice(&[b'"', b'\'', *byte, b'\'', b'"']),
            _ => text.push(*byte),
        }
    }
    text.push(b'"');
}

/// [`push_word`] of a text or a path, as a string of its own.
/// `name='value'` and a newline.
pub(super) fn push_assignment(text: &mut Vec<u8>, name: &str, value: &[u8], charset: Charset) {
    text.extend_from_slice(name.as_bytes());
    text.push(b'=');
    push_word(text, value, charset);
    text.push(b'\n');
}

#[cfg(test)]
pub(crate) fn word(bytes: &[u8], charset: Charset) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() + 2);
    push_word(&mut text, bytes, charset);
    text
}

/// The form of long words, for short ones too.
#[cfg(test)]
pub(crate) fn long_word(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() + 2);
    push_double(&mut text, bytes);
    text
}

//! The forms in which programs write a value: as it is, line by line, encoded, quoted.

use crate::value::base64_encode;

/// All of them, also those that are the same and those that are too short to be searched.
pub(super) fn of(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![value.to_vec()];
    // A file has a newline at its end, which the variable that it is read into has not.
    let bare = value.strip_suffix(b"\n").unwrap_or(value);
    let bare = bare.strip_suffix(b"\r").unwrap_or(bare);
    forms.push(bare.to_vec());
    let lines = bare.split(|byte| *byte == b'\n');
    let lines: Vec<&[u8]> = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    forms.extend(lines.iter().map(|line| line.to_vec()));
    forms.extend(base64(value));
    forms.extend(base64(bare));
    forms.extend(base64(&[bare, b"\n"].concat()));
    for text in std::iter::once(bare).chain(lines.iter().copied().filter(|_| lines.len() > 1)) {
        forms.extend(urls(text));
        forms.extend(quoted(text));
        if let Ok(text) = std::str::from_utf8(text) {
            forms.extend(json(text).into_iter().chain(python(text)).map(String::into_bytes));
        }
    }
    forms
}

/// Standard and URL-safe, with and without padding, in one line and in lines as `base64` and `openssl` write them.
fn base64(value: &[u8]) -> Vec<Vec<u8>> {
    if value.is_empty() {
        return Vec::new();
    }
    let standard = base64_encode(value);
    let url_safe = standard.replace('+', "-").replace('/', "_");
    let mut forms = Vec::new();
    for text in [standard, url_safe] {
        for width in [76, 64] {
            if text.len() > width {
                forms.extend(text.as_bytes().chunks(width).map(<[u8]>::to_vec));
            }
        }
        forms.push(text.trim_end_matches('=').as_bytes().to_vec());
        forms.push(text.into_bytes());
    }
    forms
}

/// Hex digits in either case, `/` as it is or encoded, a space as `%20` or `+`.
fn urls(value: &[u8]) -> Vec<Vec<u8>> {
    let encode = |is_upper: bool, keeps: &[u8], space: &[u8]| {
        let mut text = Vec::new();
        for byte in value {
            match byte {
                b' ' => text.extend_from_slice(space),
                _ if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) || keeps.contains(byte) => {
                    text.push(*byte);
                }
                _ if is_upper => text.extend_from_slice(format!("%{byte:02X}").as_bytes()),
                _ => text.extend_from_slice(format!("%{byte:02x}").as_bytes()),
            }
        }
        text
    };
    let mut forms = Vec::new();
    for is_upper in [true, false] {
        // JavaScript's encodeURIComponent leaves more as it is.
        for keeps in [&b""[..], b"/", b"!'()*"] {
            forms.extend([encode(is_upper, keeps, b"%20"), encode(is_upper, keeps, b"+")]);
        }
    }
    forms
}

/// As shells quote a word: `\` before each character, `'…'` with `'\''`, `$'…'`, `"…"`.
fn quoted(value: &[u8]) -> Vec<Vec<u8>> {
    let escaped = |is_meant: &dyn Fn(u8) -> bool| {
        let mut text = Vec::new();
        for byte in value {
            if is_meant(*byte) {
                text.push(b'\\');
            }
            text.push(*byte);
        }
        text
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
    let mut ansi = Vec::new();
    for byte in value {
        match byte {
            b'\'' | b'\\' => ansi.extend([b'\\', *byte]),
            b'\n' => ansi.extend(b"\\n"),
            b'\t' => ansi.extend(b"\\t"),
            b'\r' => ansi.extend(b"\\r"),
            0x1b => ansi.extend(b"\\E"),
            byte if byte.is_ascii_control() => ansi.extend(format!("\\{byte:03o}").bytes()),
            byte => ansi.push(*byte),
        }
    }
    let octal = |byte: &u8| match byte {
        0x80.. => format!("\\{byte:03o}").into_bytes(),
        byte => vec![*byte],
    };
    let single = |with: &[u8]| {
        let mut text = Vec::new();
        value.iter().for_each(|byte| match byte {
            b'\'' => text.extend_from_slice(with),
            byte => text.push(*byte),
        });
        text
    };
    vec![
        // bash's %q leaves these as they are, other shells fewer or more.
        escaped(&|byte| !is_plain(byte) && !b"-_./:=@%+".contains(&byte)),
        escaped(&|byte| !is_plain(byte) && !b"-_./:@%+,".contains(&byte)),
        escaped(&|byte| !is_plain(byte) && !b"-_./".contains(&byte)),
        escaped(&|byte| !is_plain(byte) && !b"-_./:=@%+,".contains(&byte)),
        escaped(&|byte| !is_plain(byte) && !b"-_./:=@%+,#~".contains(&byte)),
        escaped(&|byte| !is_plain(byte) && !b"-_./:=@%+#~".contains(&byte)),
        escaped(&|byte| b"\"\\$`".contains(&byte)),
        escaped(&|byte| b"\"\\$`!".contains(&byte)),
        single(b"'\\''"),
        single(b"'\"'\"'"),
        ansi.iter().flat_map(octal).collect(),
        ansi,
    ]
}

/// Inside a JSON string: with characters as they are and with `\u`, with `/` and `\/`, and as JavaScript and HTML want it.
fn json(text: &str) -> Vec<String> {
    let escape = |is_ascii: bool, is_upper: bool, slash: &str, html: bool| {
        let mut escaped = String::new();
        for character in text.chars() {
            match character {
                '"' => escaped.push_str("\\\""),
                '\\' => escaped.push_str("\\\\"),
                '\n' => escaped.push_str("\\n"),
                '\r' => escaped.push_str("\\r"),
                '\t' => escaped.push_str("\\t"),
                '\u{8}' => escaped.push_str("\\b"),
                '\u{c}' => escaped.push_str("\\f"),
                '/' => escaped.push_str(slash),
                '<' | '>' | '&' if html => escaped.push_str(&format!("\\u{:04x}", character as u32)),
                _ if character.is_control() || is_ascii && !character.is_ascii() => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        let unit = if is_upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
                        escaped.push_str(&unit);
                    }
                }
                _ => escaped.push(character),
            }
        }
        escaped
    };
    vec![
        escape(false, false, "/", false),
        escape(true, false, "/", false),
        escape(true, true, "/", false),
        escape(false, false, "\\/", false),
        escape(true, false, "\\/", false),
        // Go's encoder.
        escape(false, false, "/", true),
    ]
}

/// Inside the quotes of Python's `repr`: the quotes are `'` unless only those are in it; and `ascii`.
fn python(text: &str) -> Vec<String> {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let escape = |is_ascii: bool| {
        let mut escaped = String::new();
        for character in text.chars() {
            match character {
                '\\' => escaped.push_str("\\\\"),
                '\n' => escaped.push_str("\\n"),
                '\r' => escaped.push_str("\\r"),
                '\t' => escaped.push_str("\\t"),
                _ if character == quote => escaped.extend(['\\', quote]),
                _ if character.is_control() && (character as u32) < 0x100
                    || is_ascii && !character.is_ascii() =>
                {
                    let code = character as u32;
                    escaped.push_str(&match code {
                        0..=0xff => format!("\\x{code:02x}"),
                        0x100..=0xffff => format!("\\u{code:04x}"),
                        _ => format!("\\U{code:08x}"),
                    });
                }
                _ => escaped.push(character),
            }
        }
        escaped
    };
    vec![escape(false), escape(true)]
}

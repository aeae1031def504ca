//! Files of `KEY=VALUE` lines, read as dotenv files are read elsewhere. A text in, variables out; what stands in a
//! value is data, `$` included.

use std::ops::Range;

/// What is wrong, and at which bytes of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DotenvError {
    pub(crate) place: Range<usize>,
    pub(crate) message: &'static str,
}

/// The variables in the order of the file. Blank lines and `#` comments are passed over, `export ` is allowed. A value
/// without quotes ends at the end of its line or before a blank and `#`. In single quotes everything is itself; in
/// double quotes `\n`, `\r`, `\t`, `\"`, `\\` and `\$` are what they are in other languages. Both may span lines.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, String)>, DotenvError> {
    let mut variables = Vec::new();
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    while at < text.len() {
        let line_end = text[at..].find('\n').map_or(text.len(), |offset| at + offset);
        let line = &text[at..line_end];
        let entry = line.trim_start();
        if entry.is_empty() || entry.starts_with('#') {
            at = line_end + 1;
            continue;
        }
        let wrong = |message| DotenvError {
            place: line_end - entry.len()..line_end - (line.len() - line.trim_end().len()),
            message,
        };
        let entry = match entry.strip_prefix("export") {
            Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
            Some(_) | None => entry,
        };
        let (name, value) = entry.split_once('=').ok_or_else(|| wrong("not `KEY=VALUE`"))?;
        let name = name.trim_end();
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name {
            return Err(wrong("the text before `=` is not a variable name"));
        }
        let (value, end) = read_value(text, line_end - value.len(), line_end)?;
        if value.contains('\0') {
            return Err(wrong("a NUL byte, which variables cannot contain"));
        }
        variables.push((name.to_owned(), value));
        at = end + 1;
    }
    Ok(variables)
}

/// The value that begins at `start`, in a line that ends at `line_end`; and the end of the line in which it ends.
fn read_value(text: &str, start: usize, line_end: usize) -> Result<(String, usize), DotenvError> {
    let value = text[start..line_end].trim();
    let open = start + (text[start..line_end].len() - text[start..line_end].trim_start().len());
    let quote = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => quote,
        Some(_) | None => {
            // A comment begins after a blank: `KEY=#abc` is a colour.
            let is_comment = |(place, _): &(usize, &str)| text[..open + place].ends_with([' ', '\t']);
            let end = value.match_indices('#').find(is_comment).map_or(value.len(), |(place, _)| place);
            return Ok((value[..end].trim_end().to_owned(), line_end));
        }
    };
    let mut unquoted = String::new();
    let mut characters = text[open + 1..].char_indices();
    let close = loop {
        match characters.next() {
            None => {
                let message = "an unclosed quote";
                return Err(DotenvError { place: open..line_end.max(open + 1), message });
            }
            Some((place, character)) if character == quote => break open + 1 + place + 1,
            Some((_, '\\')) if quote == '"' => match characters.next() {
                Some((_, 'n')) => unquoted.push('\n'),
                Some((_, 'r')) => unquoted.push('\r'),
                Some((_, 't')) => unquoted.push('\t'),
                Some((_, character @ ('"' | '\\' | '$'))) => unquoted.push(character),
                Some((_, character)) => unquoted.extend(['\\', character]),
                None => unquoted.push('\\'),
            },
            Some((_, character)) => unquoted.push(character),
        }
    };
    let end = text[close..].find('\n').map_or(text.len(), |offset| close + offset);
    let rest = text[close..end].trim();
    if !rest.is_empty() && !rest.starts_with('#') {
        let message = "text after the closing quote";
        return Err(DotenvError { place: close..end, message });
    }
    Ok((unquoted.replace("\r\n", "\n"), end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> String {
        match parse(text) {
            Ok(variables) => {
                let shown: Vec<String> =
                    variables.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
                shown.join(" ")
            }
            Err(error) => format!("{:?}: {}", &text[error.place], error.message),
        }
    }

    #[test]
    fn values_are_read_as_dotenv_files_are_read_elsewhere() {
        for (text, expected) in [
            ("A=x\n\n# B=y\n  C=z", r#"A="x" C="z""#),
            ("A=\"x\" # comment", r#"A="x""#),
            ("A='y # z'# c\r\nB=1\r\n", r#"A="y # z" B="1""#),
            ("export A=plain # comment", r#"A="plain""#),
            ("export=1\nexported=2", r#"export="1" exported="2""#),
            ("A=a#b\nB=#c\nC= # d\nD=", r##"A="a#b" B="#c" C="" D="""##),
            ("A = spaced out \t\n", r#"A="spaced out""#),
            (r#"A="a\nb\"q\$HOME \\ \x""#, r#"A="a\nb\"q$HOME \\ \\x""#),
            (r"A='a\nb' ", r#"A="a\\nb""#),
            ("A=\"two\r\nlines\"\nB='and\nthree\n'", r#"A="two\nlines" B="and\nthree\n""#),
            ("A=it's \"fine\"", r#"A="it's \"fine\"""#),
            ("A=$HOME ${X} $(id)", r#"A="$HOME ${X} $(id)""#),
            ("\u{feff}A=1", r#"A="1""#),
            ("A==b=c", r#"A="=b=c""#),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_entry_is_refused_in_its_place() {
        for (text, expected) in [
            ("A=1\n  just words \nB=2", r#""just words": not `KEY=VALUE`"#),
            ("KEY: value", r#""KEY: value": not `KEY=VALUE`"#),
            ("1A=x", r#""1A=x": the text before `=` is not a variable name"#),
            ("A=\"open\nB=1\n", r#""\"open": an unclosed quote"#),
            ("A='x'y\n", r#""y": text after the closing quote"#),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_in_place(text in "[A= \"'#\\\\\n\r\tż$]{0,40}") {
            if let Err(error) = parse(&text) {
                prop_assert!(text.get(error.place).is_some());
            }
        }

        #[test]
        fn single_quotes_keep_what_stands_in_them(value in "[^'\r\0]{0,40}") {
            let read = parse(&format!("A='{value}' # '\n")).expect("an entry");
            prop_assert_eq!(read, vec![("A".to_owned(), value)]);
        }
    }
}

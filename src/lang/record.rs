//! Reads what a shell handed over: the dump that it writes at its end, and the journal of helper calls.
//! Pure: bytes in, records out. Any bytes may come; what was cut short is never taken as whole.

/// Key and value as the shell held them: any bytes but NUL.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// The state of the shell when it last handed over.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Dump {
    /// `BASH_VERSION`; the name of the shell elsewhere.
    pub(crate) version: String,
    /// `OUTPUT` was no associative array any more.
    pub(crate) is_spoilt: bool,
    /// The functions that were running, innermost first, without otto's own and `main`.
    pub(crate) functions: Vec<String>,
    /// `OUTPUT`.
    pub(crate) output: Vec<Pair>,
    /// What `otto.set` kept in memory; older than anything in the journal.
    pub(crate) own: Vec<Pair>,
    /// The array `OTTO_OUTPUT`, items `key=value`.
    pub(crate) legacy: Vec<Vec<u8>>,
    /// Variables `OTTO_…`, exported or not.
    pub(crate) variables: Vec<(String, Vec<u8>)>,
    /// Names of the exported variables `OTTO_…`.
    pub(crate) exported: Vec<String>,
    /// Names of those `OTTO_…` that are arrays.
    pub(crate) arrays: Vec<String>,
    pub(crate) moment: DumpTime,
}

/// When a shell made a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DumpTime {
    #[default]
    AtTheEnd,
    /// By `otto.save`, or before a command that may replace the shell.
    Early,
    /// Before a command that may set a handler for EXIT past otto's `trap`.
    BeforeTrap,
}

/// Where a body ended under `set -e`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ShellEnd {
    pub(crate) status: String,
    /// Of the script, from 1; `None`: not known.
    pub(crate) line: Option<usize>,
    /// The innermost function.
    pub(crate) function: Option<String>,
    /// The line that called it.
    pub(crate) call: Option<usize>,
    /// As the shell shows it, blanks put in order; empty: not known.
    pub(crate) command: String,
}

/// Reads the note that a shell leaves of its end: status, line, function, the line of its call, and command, each with a NUL;
/// or, of a shell that knows no more, status and line with a blank between.
pub(crate) fn ended(bytes: &[u8]) -> Option<ShellEnd> {
    if !bytes.contains(&0) {
        let text = std::str::from_utf8(bytes).ok()?;
        let (status, line) = text.trim_end().split_once(' ')?;
        let line = line.parse().ok().filter(|line| *line > 0);
        return Some(ShellEnd {
            status: status.to_owned(),
            line,
            function: None,
            call: None,
            command: String::new(),
        });
    }
    let mut fields = Fields { rest: bytes };
    let ended = ShellEnd {
        status: fields.text()?,
        line: fields.text()?.parse().ok().filter(|line| *line > 0),
        function: Some(fields.text()?).filter(|name| !name.is_empty()),
        call: fields.text()?.parse().ok().filter(|line| *line > 0),
        command: fields.text()?,
    };
    // Of a function of otto's, its own message tells more.
    let is_own = ended.function.as_ref().is_some_and(|name| name.starts_with("otto_") || name == "trap");
    (!is_own).then_some(ended)
}

/// What a dump file holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Dumped {
    /// Nothing was handed over.
    Nothing,
    /// The last hand-over has no end: the disk is full, or the shell was killed while it wrote.
    InPart,
    /// The last hand-over, whole.
    Whole(Box<Dump>),
}

/// Reads the records of a dump file; the last one counts.
///
/// A record is NUL-terminated fields: `otto1`, version, the value of the probe (not empty: spoilt), number of
/// functions and their names, then sections `O n key*n value*n`, `S n key*n value*n`, `L n item*n`, `V name value`,
/// `X names-by-line`, `A names-by-line`, `K moment` (empty: the end), and `end`.
pub(crate) fn dump(bytes: &[u8]) -> Dumped {
    let mut fields = Fields { rest: bytes };
    let mut last = Dumped::Nothing;
    while !fields.rest.is_empty() {
        match record(&mut fields) {
            Some(dump) => last = Dumped::Whole(Box::new(dump)),
            None => return Dumped::InPart,
        }
    }
    last
}

fn record(fields: &mut Fields) -> Option<Dump> {
    if fields.next()? != b"otto1" {
        return None;
    }
    let mut dump = Dump { version: fields.text()?, is_spoilt: !fields.next()?.is_empty(), ..Dump::default() };
    dump.functions =
        fields.list()?.into_iter().map(|name| String::from_utf8_lossy(&name).into_owned()).collect();
    dump.functions.retain(|name| {
        !name.starts_with("otto__") && !["main", "exit", "trap", "source"].contains(&name.as_str())
    });
    loop {
        match fields.next()? {
            b"O" => dump.output = fields.pairs()?,
            b"S" => dump.own = fields.pairs()?,
            b"L" => dump.legacy = fields.list()?,
            b"V" => dump.variables.push((fields.text()?, fields.next()?.to_vec())),
            b"X" => dump.exported = fields.text()?.lines().map(str::to_owned).collect(),
            b"A" => dump.arrays = fields.text()?.lines().map(str::to_owned).collect(),
            b"K" => {
                dump.moment = match fields.next()? {
                    b"" => DumpTime::AtTheEnd,
                    b"trap" => DumpTime::BeforeTrap,
                    _ => DumpTime::Early,
                }
            }
            b"end" => return Some(dump),
            _ => return None,
        }
    }
}

/// Exported variables, as a shell without arrays names them.
#[derive(Debug, PartialEq)]
pub(crate) struct Exports {
    pub(crate) variables: Vec<(String, Vec<u8>)>,
    /// Made before the end.
    pub(crate) is_early: bool,
}

/// What a shell wrote of its exported variables with `export -p`: `None` if it was cut short. Any number of hand-overs may
/// stand there, each between the lines `otto1 sh` and `otto1 end`, or `otto1 saved` where it was made before the end; the last
/// one counts.
pub(crate) fn exports(bytes: &[u8]) -> Option<Exports> {
    let mut words = ShellWords { rest: bytes };
    let mut last = None;
    loop {
        match words.command()? {
            line if line.is_empty() && words.rest.is_empty() => return last,
            line if line == [&b"otto1"[..], b"sh"] => {}
            _ => return None,
        }
        let mut variables = Vec::new();
        let is_early = loop {
            let line = words.command()?;
            match line.first().map(Vec::as_slice) {
                Some(b"otto1") => break line.get(1).is_some_and(|word| word == b"saved"),
                Some(b"export" | b"declare" | b"typeset") => {
                    // `export NAME`, without a value, is no variable yet.
                    let assignment = line.last().filter(|word| word.contains(&b'='));
                    variables.extend(assignment.map(|word| {
                        let equals = word.iter().position(|byte| *byte == b'=').unwrap_or(0);
                        (String::from_utf8_lossy(&word[..equals]).into_owned(), word[equals + 1..].to_vec())
                    }));
                }
                _ => return None,
            }
        };
        last = Some(Exports { variables, is_early });
    }
}

/// Words of a shell's own output, quoted in any of the ways that shells have.
struct ShellWords<'a> {
    rest: &'a [u8],
}

impl ShellWords<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// The words of one line, which quotes may carry on over the end of it. Empty at the end; `None`: no end of the line
    /// or of a quote.
    fn command(&mut self) -> Option<Vec<Vec<u8>>> {
        let mut words = Vec::new();
        let mut word: Option<Vec<u8>> = None;
        if self.rest.is_empty() {
            return Some(words);
        }
        loop {
            let byte = self.next()?;
            match byte {
                b'\n' => {
                    words.extend(word);
                    return Some(words);
                }
                b' ' | b'\t' => words.extend(word.take()),
                b'\'' => self.single(word.get_or_insert_default())?,
                b'"' => self.double(word.get_or_insert_default())?,
                b'$' if self.rest.first() == Some(&b'\'') => {
                    self.next();
                    self.dollar(word.get_or_insert_default())?;
                }
                b'\\' => match self.next()? {
                    b'\n' => {}
                    escaped => word.get_or_insert_default().push(escaped),
                },
                plain => word.get_or_insert_default().push(plain),
            }
        }
    }

    fn single(&mut self, word: &mut Vec<u8>) -> Option<()> {
        loop {
            match self.next()? {
                b'\'' => return Some(()),
                byte => word.push(byte),
            }
        }
    }

    fn double(&mut self, word: &mut Vec<u8>) -> Option<()> {
        loop {
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => match self.next()? {
                    escaped @ (b'"' | b'\\' | b'$' | b'`') => word.push(escaped),
                    b'\n' => {}
                    other => word.extend([b'\\', other]),
                },
                byte => word.push(byte),
            }
        }
    }

    /// The rest of `$'…'`.
    fn dollar(&mut self, word: &mut Vec<u8>) -> Option<()> {
        loop {
            match self.next()? {
                b'\'' => return Some(()),
                b'\\' => self.escape(word)?,
                byte => word.push(byte),
            }
        }
    }

    fn escape(&mut self, word: &mut Vec<u8>) -> Option<()> {
        let byte = self.next()?;
        word.push(match byte {
            b'a' => 7,
            b'b' => 8,
            b'e' | b'E' => 0x1b,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            b'0'..=b'7' => self.number(u32::from(byte - b'0'), 8, 2) as u8,
            b'x' => self.bracketed_number(2) as u8,
            b'u' | b'U' => {
                let number = self.bracketed_number(if byte == b'u' { 4 } else { 8 });
                let character = char::from_u32(number)?;
                word.extend(character.to_string().bytes());
                return Some(());
            }
            b'C' | b'M' | b'c' => {
                // zsh: `\C-a`, `\M-\C-a`, `\M-a`; ksh: `\cA`.
                let mut is_meta = byte == b'M';
                let mut is_control = byte != b'M';
                if byte != b'c' {
                    self.next().filter(|dash| *dash == b'-')?;
                }
                while self.rest.first() == Some(&b'\\') {
                    self.next();
                    match self.next()? {
                        b'M' => is_meta = true,
                        b'C' => is_control = true,
                        literal => {
                            word.push(meta(control(literal, is_control), is_meta));
                            return Some(());
                        }
                    }
                    self.next().filter(|dash| *dash == b'-')?;
                }
                meta(control(self.next()?, is_control), is_meta)
            }
            other => other,
        });
        Some(())
    }

    /// Hexadecimal digits, which ksh may put between brackets: `\x[ff]`.
    fn bracketed_number(&mut self, most: usize) -> u32 {
        let has_brackets = self.rest.first() == Some(&b'[');
        if has_brackets {
            self.next();
        }
        let number = self.number(0, 16, most);
        if has_brackets && self.rest.first() == Some(&b']') {
            self.next();
        }
        number
    }

    /// At most `most` more digits after a first value.
    fn number(&mut self, first: u32, base: u32, most: usize) -> u32 {
        let mut number = first;
        for _ in 0..most {
            let Some(digit) = self.rest.first().and_then(|byte| char::from(*byte).to_digit(base)) else {
                break;
            };
            number = number.wrapping_mul(base).wrapping_add(digit);
            self.next();
        }
        number
    }
}

fn control(byte: u8, is_control: bool) -> u8 {
    match (is_control, byte) {
        (false, byte) => byte,
        (true, b'?') => 0x7f,
        (true, byte) => byte & 0x1f,
    }
}

fn meta(byte: u8, is_meta: bool) -> u8 {
    if is_meta { byte | 0x80 } else { byte }
}

/// One call of a helper function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: Vec<u8>,
    pub(crate) kind: EntryKind,
    pub(crate) value: EntryValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// A string.
    Text,
    /// The text of any JSON value.
    Json,
    /// NUL-terminated strings.
    List,
    /// The value is the file of an entry, see [`entry_in_file`].
    Whole,
}

/// Where a value is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum EntryValue {
    Here(Vec<u8>),
    /// In a file of this name beside the journal: one write was not enough.
    InFile(Vec<u8>),
}

/// Reads a journal: triples `type key value`, each NUL-terminated. The value of the type `E` is the name of a file, which is
/// the whole entry. False: the last entry was cut short, or something else wrote into the file.
pub(crate) fn journal(bytes: &[u8]) -> (Vec<Entry>, bool) {
    let mut fields = Fields { rest: bytes };
    let mut entries = Vec::new();
    while !fields.rest.is_empty() {
        match entry(&mut fields) {
            Some(entry) => entries.push(entry),
            None => return (entries, false),
        }
    }
    (entries, true)
}

/// An entry that is a whole file: `type key value`, for a list `l key item…`.
pub(crate) fn entry_in_file(bytes: &[u8]) -> Option<Entry> {
    let mut fields = Fields { rest: bytes };
    if !bytes.starts_with(b"l\0") {
        let entry = entry(&mut fields);
        return entry.filter(|_| fields.rest.is_empty());
    }
    fields.next();
    let key = fields.next()?.to_vec();
    let is_whole = fields.rest.is_empty() || fields.rest.ends_with(b"\0");
    is_whole.then(|| Entry { key, kind: EntryKind::List, value: EntryValue::Here(fields.rest.to_vec()) })
}

fn entry(fields: &mut Fields) -> Option<Entry> {
    let kind = match fields.next()? {
        b"s" => EntryKind::Text,
        b"j" => EntryKind::Json,
        b"E" => EntryKind::Whole,
        _ => return None,
    };
    let key = fields.next()?.to_vec();
    let value = fields.next()?.to_vec();
    let is_in_file = kind == EntryKind::Whole;
    Some(Entry {
        key,
        kind,
        value: if is_in_file { EntryValue::InFile(value) } else { EntryValue::Here(value) },
    })
}

/// The items of a list: each ends with a NUL.
pub(crate) fn items(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut fields = Fields { rest: bytes };
    std::iter::from_fn(|| fields.next().map(<[u8]>::to_vec)).collect()
}

/// Fields that end with a NUL.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let end = self.rest.iter().position(|byte| *byte == 0)?;
        let field = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        Some(field)
    }

    fn text(&mut self) -> Option<String> {
        self.next().map(|field| String::from_utf8_lossy(field).into_owned())
    }

    fn count(&mut self) -> Option<usize> {
        std::str::from_utf8(self.next()?).ok()?.parse().ok()
    }

    fn list(&mut self) -> Option<Vec<Vec<u8>>> {
        let count = self.count()?;
        // No capacity from `count`: it is only a claim until that many fields were there.
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(self.next()?.to_vec());
        }
        Some(items)
    }

    fn pairs(&mut self) -> Option<Vec<Pair>> {
        let keys = self.list_of(None)?;
        let values = self.list_of(Some(keys.len()))?;
        Some(keys.into_iter().zip(values).collect())
    }

    fn list_of(&mut self, count: Option<usize>) -> Option<Vec<Vec<u8>>> {
        let count = match count {
            Some(count) => count,
            None => self.count()?,
        };
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(self.next()?.to_vec());
        }
        Some(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(list: &[&[u8]]) -> Vec<u8> {
        list.iter().flat_map(|field| field.iter().copied().chain([0])).collect()
    }

    fn whole() -> Vec<u8> {
        fields(&[
            b"otto1",
            b"5.2.15",
            b"",
            b"2",
            b"otto__exit",
            b"main",
            b"O",
            b"2",
            b"a",
            b"end",
            b"1",
            b"x\ny",
            b"S",
            b"0",
            b"L",
            b"1",
            b"k=v",
            b"V",
            b"OTTO_V",
            b"\xff",
            b"X",
            b"OTTO_V\nOTTO_W\n",
            b"A",
            b"OTTO_OUTPUT\n",
            b"end",
        ])
    }

    #[test]
    fn a_whole_dump_is_read_field_by_field() {
        let Dumped::Whole(dump) = dump(&whole()) else { panic!("bug: not whole") };
        let expected = Dump {
            version: "5.2.15".into(),
            output: vec![(b"a".to_vec(), b"1".to_vec()), (b"end".to_vec(), b"x\ny".to_vec())],
            legacy: vec![b"k=v".to_vec()],
            variables: vec![("OTTO_V".into(), b"\xff".to_vec())],
            exported: vec!["OTTO_V".into(), "OTTO_W".into()],
            arrays: vec!["OTTO_OUTPUT".into()],
            ..Dump::default()
        };
        assert_eq!(*dump, expected);
    }

    #[test]
    fn a_dump_that_is_cut_anywhere_is_never_whole() {
        let bytes = whole();
        assert_eq!(dump(&[]), Dumped::Nothing);
        for end in 1..bytes.len() {
            assert_eq!(dump(&bytes[..end]), Dumped::InPart, "cut at {end}");
        }
    }

    #[test]
    fn the_last_hand_over_counts_and_a_cut_one_is_not_hidden_by_an_older_one() {
        let later = fields(&[b"otto1", b"5.2", b"", b"0", b"O", b"1", b"k", b"new", b"end"]);
        let both = [whole(), later.clone()].concat();
        let Dumped::Whole(dump_read) = dump(&both) else { panic!("bug: not whole") };
        assert_eq!(dump_read.output, vec![(b"k".to_vec(), b"new".to_vec())]);
        assert_eq!(dump(&both[..both.len() - 1]), Dumped::InPart);
    }

    #[test]
    fn an_impossible_count_is_not_believed() {
        let claim = fields(&[b"otto1", b"5", b"", b"18446744073709551615", b"x"]);
        assert_eq!(dump(&claim), Dumped::InPart);
    }

    #[test]
    fn a_journal_keeps_what_is_whole_and_says_that_the_rest_is_cut() {
        let bytes = fields(&[b"s", b"a", b"1", b"E", b"", b"v.7", b"j", b"c", b"[1]"]);
        let (entries, is_whole) = journal(&bytes);
        assert!(is_whole);
        assert_eq!(entries.len(), 3);
        assert_eq!(
            entries[1],
            Entry { key: Vec::new(), kind: EntryKind::Whole, value: EntryValue::InFile(b"v.7".to_vec()) }
        );
        for end in 1..bytes.len() {
            let (kept, is_whole) = journal(&bytes[..end]);
            let is_boundary = [6, 13, 21].contains(&end);
            assert_eq!(is_whole, is_boundary, "cut at {end}");
            assert_eq!(kept[..], entries[..kept.len()]);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_readers_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            dump(&bytes);
            journal(&bytes);
            items(&bytes);
        }

        #[test]
        fn bytes_that_look_nearly_right_do_not_panic_either(
            parts in prop::collection::vec(prop::sample::select(vec![
                "otto1", "O", "S", "L", "V", "X", "end", "s", "E", "", "0", "1", "2", "-1",
            ]), 0..30)
        ) {
            let parts: Vec<&[u8]> = parts.into_iter().map(str::as_bytes).collect();
            dump(&fields(&parts));
            journal(&fields(&parts));
        }
    }
}

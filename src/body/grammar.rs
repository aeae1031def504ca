//! The commands in a shell text, each with what is known of where it runs: enough to see which assignments a
//! subshell swallows. Not a judge of syntax: whatever it cannot read, it skips, and it never fails.

use std::ops::Range;

/// Why what a command sets is not seen by the shell that runs the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copy {
    /// `( … )`
    Subshell,
    /// `$( … )` and backquotes.
    Substitution,
    /// `<( … )` and `>( … )`.
    Process,
    /// Any part of a pipeline.
    Pipeline,
    /// `… &`
    Background,
    Coproc,
}

/// What a piece of text is to the shell that runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommandKind {
    /// A simple command: assignments, name and arguments.
    Simple,
    /// The name and the words of `for` and `select`.
    Loop,
    /// The inside of `(( … ))`, `$(( … ))`, `for (( … ))`.
    Arithmetic,
    /// The inside of `[[ … ]]`.
    Condition,
    /// The inside of `${ … }`.
    Parameter,
    /// A here-document or a here-string.
    Text,
}

/// What becomes of the script if an expansion in a command fails, as one of an unset variable does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surety {
    /// The script runs it, and ends there.
    Ends,
    /// The script runs it in another process, and ends because the status of that says so.
    Fails,
    /// Perhaps nothing: the script may not run it, or does not look at its status.
    Unsure,
}

/// A simple command, or another piece of the text that may assign.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Command {
    pub(crate) kind: CommandKind,
    /// In order, as they stand in the text. Of a simple command, its assignments, name and arguments.
    pub(crate) words: Vec<Range<usize>>,
    /// The outermost copy of the shell in which it runs, within its function if it is in one.
    pub(crate) copy: Option<Copy>,
    /// Which copy of the shell that is; 0: none.
    pub(crate) instance: usize,
    /// The function in whose body it stands, a place in [`Commands::functions`].
    pub(crate) function: Option<usize>,
    pub(crate) surety: Surety,
    /// The script surely runs it, and ends if its status is not 0.
    pub(crate) is_checked: bool,
}

/// What may have failed where a command or a list has a status other than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failing {
    Nothing,
    Tests,
    /// Also other commands, each of which bash notes as `$BASH_COMMAND`, or a pipeline, whose parts it counts.
    Noted,
    Anything,
}

/// A word or a file that belongs to a compound command or to a test. Bash notes no command where it fails there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Head {
    pub(crate) kind: HeadKind,
    /// What is expanded.
    pub(crate) word: Range<usize>,
    pub(crate) function: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadKind {
    /// Words of `for` and `select`, and here-strings.
    Word,
    /// A redirection, with what stands before its word.
    Redirection { start: usize },
    /// What is surely not understood.
    Odd,
}

/// A command that bash may have noted last where a test gave the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TestKind {
    Test,
    /// Of `((…; …; …))`.
    Part,
    /// Of a loop, whose status is not its own.
    Condition,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Test {
    pub(crate) kind: TestKind,
    /// Without redirections.
    pub(crate) range: Range<usize>,
    pub(crate) function: Option<usize>,
}

/// How a text ends.
pub(crate) struct TextEnd {
    pub(crate) found: Commands,
    /// It lacks something: the rest of a list or a pipeline, a quote, the end of a here-document.
    pub(crate) is_unfinished: bool,
    /// What `set -e` lets pass as the status of the whole.
    pub(crate) passing: Failing,
    /// Where its last list starts.
    pub(crate) last: usize,
    /// A function is called in that list as a test.
    pub(crate) calls: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Commands {
    pub(crate) commands: Vec<Command>,
    /// Names in the order of their definitions.
    pub(crate) functions: Vec<String>,
    /// Where each `$( … )` stands, brackets included, in the order of their ends.
    pub(crate) substitutions: Vec<Range<usize>>,
    /// Of the main shell.
    pub(crate) heads: Vec<Head>,
    /// Of the main shell.
    pub(crate) tests: Vec<Test>,
    /// What may have failed where a function did, for each of `functions`.
    failing: Vec<Failing>,
}

/// Constructs inside each other beyond this are not read; no script that people write has them.
const MOST_LEVELS: usize = 150;

impl Commands {
    pub(crate) fn simple(&self) -> impl Iterator<Item = &Command> {
        self.commands.iter().filter(|command| command.kind == CommandKind::Simple)
    }
}

/// The commands of a text of bash.
pub(crate) fn commands(text: &str) -> Commands {
    commands_of(text, text.contains("lastpipe"))
}

/// The commands of a text of a shell; `has_lastpipe`: it runs the last part of a pipeline itself.
pub(crate) fn commands_of(text: &str, has_lastpipe: bool) -> Commands {
    let mut parser = Parser::new(text, has_lastpipe);
    // A stray `)` or `fi` ends a list; what follows is read all the same.
    while parser.place < parser.bytes.len() {
        let before = parser.place;
        parser.list(&[]);
        if parser.place == before {
            parser.place += 1;
        }
    }
    parser.found
}

/// How a text ends that the shell accepts; of others, what is understood of them.
pub(crate) fn end(text: &str) -> TextEnd {
    let mut parser = Parser::new(text, text.contains("lastpipe"));
    parser.list(&[]);
    let is_whole = parser.is_at_end();
    let is_unfinished = parser.lacks || !parser.here_documents.is_empty();
    let passing = if is_whole { parser.passing } else { Failing::Anything };
    TextEnd { is_unfinished, passing, last: parser.last, calls: parser.calls, found: parser.found }
}

/// What a failure of a command may be that is no function of the text's.
pub(crate) fn failing_of_a_command(name: &str) -> Failing {
    const RUNNERS: &[&str] = &[".", "builtin", "command", "eval", "mapfile", "readarray", "source", "time"];
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:+[".contains(&byte));
    if is_plain && !RUNNERS.contains(&name) { Failing::Noted } else { Failing::Anything }
}

/// Where the expansion ends that starts with the `$` or the backquote at `start`.
pub(crate) fn expansion_end(text: &str, start: usize) -> usize {
    let mut parser = Parser::new(text, false);
    parser.place = start;
    parser.quoted_or_plain();
    parser.place.clamp(start + 1, text.len())
}

struct HereDocument {
    /// Of the word after `<<`.
    end: usize,
    delimiter: Vec<u8>,
    is_quoted: bool,
    strips_tabs: bool,
    unsure: usize,
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    place: usize,
    found: Commands,
    /// Begun on this line, their texts start on the next.
    here_documents: Vec<HereDocument>,
    function: Option<usize>,
    has_lastpipe: bool,
    level: usize,
    /// How many constructs round this place decide whether it is run.
    unsure: usize,
    /// A `!` stands before the pipeline.
    negates: bool,
    /// Copies of the shell so far.
    instances: usize,
    /// What `set -e` lets pass of the command or the list that was read last.
    passing: Failing,
    /// What may have failed in it where its status is looked at.
    failing: Failing,
    /// Where the last list of the whole text starts.
    last: usize,
    /// Where the last part of the list starts that was read last.
    list_end: usize,
    calls: bool,
    /// Of the command at hand.
    redirections: Vec<Head>,
    /// Something was begun and the text ended.
    lacks: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, has_lastpipe: bool) -> Parser<'a> {
        Parser {
            text,
            bytes: text.as_bytes(),
            place: 0,
            found: Commands::default(),
            here_documents: Vec::new(),
            function: None,
            has_lastpipe,
            level: 0,
            unsure: 0,
            negates: false,
            instances: 0,
            passing: Failing::Nothing,
            failing: Failing::Nothing,
            last: 0,
            list_end: 0,
            calls: false,
            redirections: Vec::new(),
            lacks: false,
        }
    }

    /// Notes a piece that is no simple command.
    fn note(&mut self, kind: CommandKind, words: impl IntoIterator<Item = Range<usize>>) {
        let words = words.into_iter().collect();
        let command = self.piece(kind, words);
        self.found.commands.push(command);
    }

    fn piece(&self, kind: CommandKind, words: Vec<Range<usize>>) -> Command {
        let is_checked = self.unsure == 0;
        let surety = if is_checked { Surety::Ends } else { Surety::Unsure };
        Command { kind, words, copy: None, instance: 0, function: self.function, surety, is_checked }
    }

    /// Marks the commands found since `from`: the script ignores their status.
    fn unchecked(&mut self, from: usize) {
        for command in &mut self.found.commands[from..] {
            command.is_checked = false;
            if command.surety == Surety::Fails {
                command.surety = Surety::Unsure;
            }
        }
    }

    /// What was found since `from` is run by another process, or ends no more than one command.
    fn apart(&mut self, from: usize) {
        for command in &mut self.found.commands[from..] {
            if command.surety == Surety::Ends {
                command.surety = Surety::Fails;
            }
        }
    }

    /// Marks the commands in copies of the shell found since `from`: the script ignores their status.
    fn unchecked_copies(&mut self, from: usize) {
        for command in &mut self.found.commands[from..] {
            if command.copy.is_some() {
                (command.surety, command.is_checked) = (Surety::Unsure, false);
            }
        }
    }

    /// What `read` reads may not be run.
    fn doubtful<R>(&mut self, read: impl FnOnce(&mut Self) -> R) -> R {
        self.unsure += 1;
        let found = read(self);
        self.unsure -= 1;
        found
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.place + ahead).copied().unwrap_or(0)
    }

    fn at(&self, text: &str) -> bool {
        self.bytes[self.place.min(self.bytes.len())..].starts_with(text.as_bytes())
    }

    fn is_at_end(&self) -> bool {
        self.place >= self.bytes.len()
    }

    fn mark(&mut self, from: usize, copy: Copy) {
        match copy {
            Copy::Subshell | Copy::Substitution | Copy::Pipeline => self.apart(from),
            Copy::Process | Copy::Background | Copy::Coproc => {
                self.apart(from);
                self.unchecked(from);
            }
        }
        self.instances += 1;
        let words = self.found.commands[from..].iter().filter_map(|command| command.words.first());
        if let Some(start) = words.map(|word| word.start).min() {
            self.found.heads.retain(|head| head.word.start < start);
            self.found.tests.retain(|test| test.range.start < start);
        }
        for command in &mut self.found.commands[from..] {
            if command.function == self.function {
                command.copy = Some(copy);
                command.instance = self.instances;
            }
        }
    }

    /// Commands up to one of the words in `stops`, to `)`, `;;`, or to the end. The stop is not consumed.
    fn list(&mut self, stops: &[&str]) {
        self.level += 1;
        if self.level > MOST_LEVELS {
            self.place = self.bytes.len();
            self.lacks = true;
        }
        let (mut passing, mut failing) = (Failing::Nothing, Failing::Nothing);
        let mut last = self.place;
        loop {
            self.skip_blanks_and_newlines();
            while self.peek(0) == b';' && self.peek(1) != b';' && self.peek(1) != b'&' {
                self.place += 1;
                self.skip_blanks_and_newlines();
            }
            if self.is_at_end() || self.peek(0) == b')' || self.peek(0) == b';' || self.is_at_word(stops) {
                break;
            }
            let before = self.place;
            let from = self.found.commands.len();
            last = before;
            if self.level == 1 {
                (self.last, self.calls) = (before, false);
            }
            self.and_or(stops);
            (passing, failing) = (self.passing, self.failing);
            self.skip_blanks();
            if self.peek(0) == b'&' && self.peek(1) != b'&' {
                self.place += 1;
                self.mark(from, Copy::Background);
                (passing, failing) = (Failing::Nothing, Failing::Nothing);
            }
            if self.place == before {
                // Something that is no command, such as a lone `|`.
                self.place += 1;
                (passing, failing) = (Failing::Anything, Failing::Anything);
            }
        }
        (self.passing, self.failing) = (passing, failing);
        self.list_end = last;
        self.level -= 1;
    }

    fn and_or(&mut self, stops: &[&str]) {
        let from = self.found.commands.len();
        let before = self.unsure;
        // Of what stands before the next command: what a failure passes if the rest of the list is skipped.
        let mut skipping = Failing::Nothing;
        loop {
            self.pipeline(stops);
            self.skip_blanks();
            let is_and = self.at("&&");
            if !is_and && !self.at("||") {
                (self.passing, self.failing) = (self.passing.max(skipping), self.failing.max(skipping));
                break;
            }
            self.unchecked(from);
            self.unsure = before + 1;
            skipping = if is_and { skipping.max(self.failing) } else { Failing::Nothing };
            self.place += 2;
            self.skip_blanks_and_newlines();
            self.lacks |= self.is_at_end();
        }
        self.unsure = before;
    }

    fn pipeline(&mut self, stops: &[&str]) {
        let first = self.found.commands.len();
        let outer = std::mem::take(&mut self.negates);
        self.elements(first, stops);
        if std::mem::replace(&mut self.negates, outer) {
            self.unchecked(first);
        }
    }

    /// The commands of a pipeline.
    fn elements(&mut self, first: usize, stops: &[&str]) {
        let mut last = first;
        let mut is_single = true;
        let start = self.place;
        loop {
            self.command(stops);
            self.skip_blanks();
            if self.peek(0) != b'|' || self.peek(1) == b'|' {
                break;
            }
            self.place += if self.peek(1) == b'&' { 2 } else { 1 };
            self.skip_blanks_and_newlines();
            self.lacks |= self.is_at_end();
            is_single = false;
            last = self.found.commands.len();
        }
        if is_single {
            return;
        }
        // A `!` before it is about its status too.
        (self.passing, self.failing) = match self.has_lastpipe {
            true => (Failing::Anything, Failing::Anything),
            false => (Failing::Noted, Failing::Noted),
        };
        // An option that is set later, perhaps in a copy of the shell, does not count, except for functions.
        let is_later =
            self.function.is_none() && self.text.find("lastpipe").is_some_and(|place| place > start);
        let has_lastpipe = self.has_lastpipe && !is_later;
        let kept = if has_lastpipe { self.found.commands.split_off(last) } else { Vec::new() };
        self.mark(first, Copy::Pipeline);
        self.found.commands.extend(kept);
    }

    fn command(&mut self, stops: &[&str]) {
        self.skip_blanks();
        let from = self.found.commands.len();
        match self.peek(0) {
            b'(' if self.peek(1) == b'(' && self.is_arithmetic() => {
                let start = self.place;
                self.skip_arithmetic();
                self.test(TestKind::Test, start..self.place);
                self.redirections();
                (self.passing, self.failing) = (Failing::Nothing, Failing::Tests);
            }
            b'(' => {
                self.place += 1;
                self.list(&[]);
                self.expect(")");
                self.mark(from, Copy::Subshell);
                self.redirections();
                (self.passing, self.failing) = (Failing::Nothing, Failing::Anything);
            }
            _ => (self.passing, self.failing) = self.worded_command(from, stops),
        }
    }

    /// What of its failures passes, and what they may be.
    fn worded_command(&mut self, from: usize, stops: &[&str]) -> (Failing, Failing) {
        let keyword = self.literal_word();
        let length = keyword.len();
        match keyword {
            "!" | "then" | "do" | "else" if !stops.contains(&keyword) => {
                let is_negation = keyword == "!";
                self.place += length;
                self.skip_blanks();
                let is_test = ["[", "test", "[["].contains(&self.literal_word()) || self.at("((");
                self.command(stops);
                if is_negation {
                    self.negates = true;
                }
                match (is_negation, is_test) {
                    (true, true) => (Failing::Tests, Failing::Tests),
                    // Of a compound command or a function that succeeds, nobody knows which command was its last.
                    (true, false) if self.failing != Failing::Noted => (Failing::Anything, Failing::Anything),
                    (true, false) => (Failing::Noted, Failing::Noted),
                    (false, _) => (self.passing, self.failing),
                }
            }
            "time" => {
                self.place += length;
                self.skip_blanks();
                if self.literal_word() == "-p" {
                    self.place += 2;
                }
                self.command(stops);
                (Failing::Anything, Failing::Anything)
            }
            "coproc" => {
                self.place += length;
                self.skip_blanks();
                // `coproc NAME { …; }`: a name stands only before a compound command.
                let name = self.literal_word().len();
                let rest = self.text.get(self.place + name..).unwrap_or("").trim_start_matches([' ', '\t']);
                if name > 0 && rest.starts_with(['{', '(']) && self.literal_word() != "{" {
                    self.place += name;
                    self.skip_blanks();
                }
                self.command(stops);
                self.mark(from, Copy::Coproc);
                (Failing::Anything, Failing::Anything)
            }
            "{" => {
                self.place += length;
                self.list(&["}"]);
                let failing = (self.passing, self.failing);
                self.expect("}");
                self.redirections();
                failing
            }
            "if" => {
                self.place += length;
                self.list(&["then"]);
                self.unchecked(from);
                self.expect("then");
                let mut failing = (Failing::Nothing, Failing::Nothing);
                self.doubtful(|parser| {
                    loop {
                        parser.list(&["elif", "else", "fi"]);
                        failing = (failing.0.max(parser.passing), failing.1.max(parser.failing));
                        match parser.literal_word() {
                            "elif" => {
                                parser.place += 4;
                                parser.list(&["then"]);
                                parser.expect("then");
                            }
                            "else" => parser.place += 4,
                            _ => break,
                        }
                    }
                });
                self.expect("fi");
                self.redirections();
                failing
            }
            "while" | "until" => {
                self.place += length;
                self.doubtful(|parser| {
                    parser.skip_blanks_and_newlines();
                    let (start, before) = (parser.place, parser.found.commands.len());
                    parser.list(&["do"]);
                    if let [Command { kind: CommandKind::Simple, words, .. }] =
                        &parser.found.commands[before..]
                        && let [first, .., last] = &words[..]
                        && first.start == start
                    {
                        let range = start..last.end;
                        parser.test(TestKind::Condition, range);
                    }
                    parser.expect("do");
                    parser.list(&["done"]);
                });
                let failing = self.of_a_loop();
                self.expect("done");
                self.redirections();
                failing
            }
            "for" | "select" => {
                let is_choice = keyword == "select";
                self.place += length;
                self.skip_blanks();
                let is_counting = self.at("((");

                if is_counting {
                    let start = self.place;
                    self.skip_arithmetic();
                    self.parts_of(start..self.place);
                } else {
                    let outer = std::mem::take(&mut self.redirections);
                    let words = self.simple_words(false);
                    self.redirections = outer;
                    let is_named = words.first().is_some_and(|name| is_name(&self.bytes[name.clone()]));
                    let kind = if is_named { HeadKind::Word } else { HeadKind::Odd };
                    let heads = words.iter().skip(usize::from(is_named)).map(|word| Head {
                        kind,
                        word: word.clone(),
                        function: self.function,
                    });
                    self.found.heads.extend(heads);
                    self.note(CommandKind::Loop, words);
                }
                self.skip_blanks_and_newlines();
                if self.peek(0) == b';' {
                    self.place += 1;
                    self.skip_blanks_and_newlines();
                }
                let end = if self.literal_word() == "{" { "}" } else { "done" };
                self.place += self.literal_word().len();
                self.doubtful(|parser| parser.list(&[end]));
                let failing = match (is_counting, is_choice) {
                    (true, _) => self.of_a_loop(),
                    // It ends with a failure, and is noted, where there is nothing to read.
                    (false, true) => (self.passing.max(Failing::Noted), self.failing.max(Failing::Noted)),
                    (false, false) => (self.passing, self.failing),
                };
                self.expect(end);
                self.redirections();
                failing
            }
            "case" => {
                self.place += length;
                let failing = self.case();
                self.redirections();
                failing
            }
            "[[" => {
                let start = self.place;
                self.place += length;
                self.skip_condition();
                self.test(TestKind::Test, start..self.place);
                self.redirections();
                (Failing::Nothing, Failing::Tests)
            }
            "function" => {
                self.place += length;
                self.skip_blanks();
                let name = self.read_word(false);
                self.skip_blanks();
                if self.peek(0) == b'(' {
                    self.place += 1;
                    self.skip_blanks();
                    self.expect(")");
                }
                self.function_body(name);
                (Failing::Anything, Failing::Anything)
            }
            _ => self.simple_command(from),
        }
    }

    /// Notes a test.
    fn test(&mut self, kind: TestKind, range: Range<usize>) {
        self.found.tests.push(Test { kind, range, function: self.function });
    }

    /// Notes the three parts of `((…; …; …))`, each of which is a command to bash.
    fn parts_of(&mut self, range: Range<usize>) {
        let inner = range.start + 2..range.end.saturating_sub(2).max(range.start + 2);
        let mut start = inner.start;
        for part in self.text.get(inner).unwrap_or("").split(';') {
            self.test(TestKind::Part, start..start + part.len());
            start += part.len() + 1;
        }
    }

    /// Of a loop whose condition is the last command that bash notes: what failed last in its body is not seen there, and a
    /// calculation that breaks has the status of one that is false.
    fn of_a_loop(&self) -> (Failing, Failing) {
        let calculates = |test: &Test| {
            let text = &self.text[test.range.clone()];
            let has_number =
                ["-eq", "-ne", "-lt", "-le", "-gt", "-ge"].iter().any(|word| text.contains(word));
            text.starts_with("((") || text.starts_with("[[") && has_number
        };
        let may_break =
            self.found.tests.iter().any(|test| test.range.start >= self.list_end && calculates(test));
        let unseen = |failing| match failing > Failing::Tests || may_break && failing == Failing::Tests {
            true => Failing::Anything,
            false => failing,
        };
        (unseen(self.passing), unseen(self.failing))
    }

    fn simple_command(&mut self, from: usize) -> (Failing, Failing) {
        let outer = std::mem::take(&mut self.redirections);
        let words = self.simple_words(true);
        let redirections = std::mem::replace(&mut self.redirections, outer);
        if !words.iter().all(|word| is_assignment(&self.text[word.clone()])) {
            // The status of a substitution counts only where it is that of an assignment.
            self.unchecked_copies(from);
        }
        let [name] = &words[..] else {
            let failing = self.failing_of(&words);
            if let (Failing::Tests, [first, .., last]) = (failing, &words[..]) {
                self.test(TestKind::Test, first.start..last.end);
                self.found.heads.extend(redirections);
            }
            self.push(from, words);
            return (Failing::Nothing, failing);
        };
        self.skip_blanks();
        let is_definition = self.peek(0) == b'(' && {
            let rest = self.text.get(self.place + 1..).unwrap_or("");
            rest.trim_start_matches([' ', '\t']).starts_with(')')
        };
        if is_definition {
            self.place += 1;
            self.skip_blanks();
            self.expect(")");
            self.function_body(name.clone());
            return (Failing::Anything, Failing::Anything);
        }
        let failing = self.failing_of(&words);
        self.push(from, words);
        (Failing::Nothing, failing)
    }

    /// What a failure of a simple command may be.
    fn failing_of(&mut self, words: &[Range<usize>]) -> Failing {
        let words = words.iter().map(|word| &self.text[word.clone()]);
        let Some(name) = words.into_iter().find(|word| !is_assignment(word)) else { return Failing::Noted };
        if ["[", "test"].contains(&name) {
            return Failing::Tests;
        }
        if let Some(function) = self.found.functions.iter().rposition(|function| function == name) {
            let failing = self.found.failing.get(function).copied().unwrap_or(Failing::Anything);
            self.calls |= failing == Failing::Tests;
            return if failing == Failing::Tests { failing } else { Failing::Anything };
        }
        failing_of_a_command(name)
    }

    /// Puts a command before those that stand inside its words, so that the order is that of the text.
    fn push(&mut self, from: usize, words: Vec<Range<usize>>) {
        if !words.is_empty() {
            let command = self.piece(CommandKind::Simple, words);
            self.found.commands.insert(from, command);
        }
    }

    fn function_body(&mut self, name: Range<usize>) {
        self.skip_blanks_and_newlines();
        let outer = self.function.replace(self.found.functions.len());
        let number = self.found.functions.len();
        self.found.functions.push(self.text.get(name).unwrap_or("").to_owned());
        self.found.failing.push(Failing::Anything);
        self.doubtful(|parser| parser.command(&[]));
        self.found.failing[number] = self.failing;
        self.function = outer;
    }

    fn case(&mut self) -> (Failing, Failing) {
        self.skip_blanks();
        let word = self.read_word(false);
        // Bash notes the whole command, but goes on behind it where an expansion fails.
        self.found.heads.push(Head { kind: HeadKind::Word, word, function: self.function });
        self.skip_blanks_and_newlines();
        self.expect("in");
        let failing = self.doubtful(Parser::arms);
        self.expect("esac");
        failing
    }

    fn arms(&mut self) -> (Failing, Failing) {
        let mut all = (Failing::Nothing, Failing::Nothing);
        loop {
            self.skip_blanks_and_newlines();
            if self.is_at_end() || self.is_at_word(&["esac"]) {
                break;
            }
            if self.peek(0) == b'(' {
                self.place += 1;
            }
            // The pattern; its words may hold substitutions.
            while !self.is_at_end() && self.peek(0) != b')' {
                let before = self.place;
                self.skip_blanks_and_newlines();
                let word = self.read_word(false);
                self.found.heads.push(Head { kind: HeadKind::Word, word, function: self.function });
                if self.peek(0) == b'|' || self.place == before {
                    self.place += usize::from(self.peek(0) != b')');
                }
            }
            self.expect(")");
            self.list(&["esac"]);
            all = (all.0.max(self.passing), all.1.max(self.failing));
            while self.peek(0) == b';' || self.peek(0) == b'&' {
                self.place += 1;
            }
            if self.peek(0) == b')' {
                // Not a case after all; leave it to the caller.
                return (Failing::Anything, Failing::Anything);
            }
        }
        all
    }

    /// Words and redirections of one simple command.
    fn simple_words(&mut self, takes_assignments: bool) -> Vec<Range<usize>> {
        let mut words: Vec<Range<usize>> = Vec::new();
        let mut may_assign = takes_assignments;
        loop {
            self.skip_blanks();
            match self.peek(0) {
                0 if self.is_at_end() => break,
                b'\n' | b';' | b')' | b'|' => break,
                b'&' if self.peek(1) != b'>' => break,
                b'(' => break,
                b'<' | b'>' | b'&' => {
                    let is_process = self.peek(0) != b'&' && self.peek(1) == b'(';
                    if is_process {
                        words.push(self.read_word(false));
                    } else {
                        self.redirection();
                    }
                }
                b'#' => {
                    self.skip_comment();
                    break;
                }
                _ => {
                    let word = self.read_word(may_assign);
                    if word.is_empty() {
                        break;
                    }
                    // `2>file`: the number belongs to the redirection.
                    let is_descriptor = self.text[word.clone()].bytes().all(|byte| byte.is_ascii_digit())
                        && matches!(self.peek(0), b'<' | b'>');
                    // To these commands `name=(…)` is one argument.
                    let declares = ["declare", "typeset", "local", "export", "readonly"];
                    may_assign &= is_assignment(&self.text[word.clone()])
                        || declares.contains(&&self.text[word.clone()])
                        || words.iter().any(|word| declares.contains(&&self.text[word.clone()]));
                    if !is_descriptor {
                        words.push(word);
                    }
                }
            }
        }
        words
    }

    /// Those of a compound command. Where one cannot be expanded, some shells go on.
    fn redirections(&mut self) {
        let outer = std::mem::take(&mut self.redirections);
        self.doubtful(Parser::each_redirection);
        self.found.heads.extend(std::mem::replace(&mut self.redirections, outer));
    }

    fn each_redirection(&mut self) {
        loop {
            self.skip_blanks();
            let digits = self.bytes[self.place.min(self.bytes.len())..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            let is_next = matches!(self.peek(digits), b'<' | b'>') || (digits == 0 && self.at("&>"));
            if !is_next {
                return;
            }
            self.place += digits;
            self.redirection();
        }
    }

    fn redirection(&mut self) {
        let start = self.place;
        let is_string = self.at("<<<");
        if is_string {
            self.place += 3;
        } else if self.at("<<") {
            self.place += 2;
            let strips_tabs = self.peek(0) == b'-';
            self.place += usize::from(strips_tabs);
            self.skip_blanks();
            let word = self.read_word(false);
            let written = self.text.get(word).unwrap_or("");
            let is_quoted = written.contains(['\'', '"', '\\']);
            let delimiter = written.bytes().filter(|byte| !matches!(byte, b'\'' | b'"' | b'\\')).collect();
            let end = self.place;
            let kind = if is_quoted { HeadKind::Word } else { HeadKind::Odd };
            self.redirections.push(Head { kind, word: end..end, function: self.function });
            self.note(CommandKind::Text, Some(end..end));
            let unsure = self.unsure;
            self.here_documents.push(HereDocument { end, delimiter, is_quoted, strips_tabs, unsure });
            return;
        } else {
            while matches!(self.peek(0), b'<' | b'>' | b'&' | b'|') {
                self.place += 1;
                if self.peek(0) == b'(' {
                    break;
                }
            }
        }
        self.skip_blanks();
        let from = self.found.commands.len();
        let word = self.read_word(false);
        let kind = if is_string { HeadKind::Word } else { HeadKind::Redirection { start } };
        self.redirections.push(Head { kind, word: word.clone(), function: self.function });
        if is_string {
            self.note(CommandKind::Text, Some(word));
        }
        // Most commands are programs, whose files are opened by their own process.
        self.apart(from);
        self.unchecked_copies(from);
    }

    /// One word, with everything that is quoted or substituted in it. `may_assign`: it stands where `name[a b]=` and
    /// `name=(…)` are one word.
    fn read_word(&mut self, may_assign: bool) -> Range<usize> {
        let start = self.place;
        while !self.is_at_end() {
            match self.peek(0) {
                b' ' | b'\t' | b'\n' | b';' | b'|' | b')' => break,
                b'&' => break,
                b'(' => {
                    let so_far = &self.bytes[start..self.place];
                    let is_array = may_assign && so_far.ends_with(b"=");
                    let is_pattern =
                        so_far.last().is_some_and(|byte| matches!(byte, b'@' | b'!' | b'?' | b'*' | b'+'));
                    if !is_array && !is_pattern {
                        break;
                    }
                    self.place += 1;
                    self.skip_array();
                }
                b'<' | b'>' => {
                    if self.peek(1) != b'(' || self.place != start {
                        break;
                    }
                    self.place += 2;
                    self.substitution(Copy::Process);
                }
                b'[' if may_assign && is_name(&self.bytes[start..self.place]) => self.skip_subscript(),
                _ => self.quoted_or_plain(),
            }
        }
        start..self.place
    }

    /// One step through a word: a quoted string, a substitution, or a character.
    fn quoted_or_plain(&mut self) {
        match self.peek(0) {
            b'\\' => self.place = (self.place + 2).min(self.bytes.len()),
            b'\'' => {
                self.place += 1;
                self.skip_past(b'\'');
            }
            b'"' => {
                self.place += 1;
                self.double_quoted();
            }
            b'`' => self.backquoted(),
            b'$' => self.dollar(),
            _ => self.place += 1,
        }
    }

    fn double_quoted(&mut self) {
        while !self.is_at_end() {
            match self.peek(0) {
                b'"' => {
                    self.place += 1;
                    return;
                }
                b'\'' => self.place += 1,
                // `$'` and `$"` mean nothing in here.
                b'$' if matches!(self.peek(1), b'\'' | b'"') => self.place += 1,
                _ => self.quoted_or_plain(),
            }
        }
        self.lacks = true;
    }

    fn dollar(&mut self) {
        match self.peek(1) {
            b'(' if self.peek(2) == b'(' && self.is_arithmetic_at(self.place + 1) => {
                self.place += 1;
                self.skip_arithmetic();
            }
            b'(' => {
                let start = self.place;
                self.place += 2;
                self.substitution(Copy::Substitution);
                self.found.substitutions.push(start..self.place);
            }
            b'{' => {
                self.place += 2;
                self.braced();
            }
            b'[' => {
                let start = self.place + 2;
                self.place += 1;
                self.skip_subscript();
                self.note(CommandKind::Arithmetic, Some(start..self.place.saturating_sub(1).max(start)));
            }
            b'\'' => {
                self.place += 2;
                while !self.is_at_end() && self.peek(0) != b'\'' {
                    self.place += if self.peek(0) == b'\\' { 2 } else { 1 };
                }
                self.place = (self.place + 1).min(self.bytes.len());
            }
            _ => self.place += 1,
        }
    }

    /// The rest of `${ … }`.
    fn braced(&mut self) {
        let start = self.place;
        self.level += 1;
        let before = self.unsure;
        if self.level > MOST_LEVELS {
            self.place = self.bytes.len();
        }
        while !self.is_at_end() {
            match self.peek(0) {
                b'}' => {
                    self.unsure = before;
                    self.note(CommandKind::Parameter, Some(start..self.place));
                    self.place += 1;
                    break;
                }
                _ => {
                    // The word behind an operator is expanded only where it is needed.
                    self.unsure = before + 1;
                    self.quoted_or_plain();
                }
            }
        }
        self.unsure = before;
        self.level -= 1;
    }

    /// The rest of `$( … )`, `<( … )` and their like.
    fn substitution(&mut self, copy: Copy) {
        let from = self.found.commands.len();
        self.list(&[]);
        // Inside a case, `;;` ends a list too; go on to the bracket.
        while self.peek(0) == b';' {
            self.place += 1;
            self.list(&[]);
        }
        self.expect(")");
        self.mark(from, copy);
    }

    fn backquoted(&mut self) {
        let start = self.place + 1;
        self.place = start;
        while !self.is_at_end() && self.peek(0) != b'`' {
            self.place += if self.peek(0) == b'\\' { 2 } else { 1 };
        }
        let end = self.place.min(self.bytes.len());
        let from = self.found.commands.len();
        let inner = unescaped(self.text, start..end);
        let mut parser = Parser::new(inner.as_deref().unwrap_or(self.text), self.has_lastpipe);
        parser.bytes = &parser.bytes[..end];
        parser.place = start;
        parser.level = self.level + 1;
        parser.instances = self.instances;
        parser.function = self.function;
        parser.unsure = self.unsure;
        parser.found = std::mem::take(&mut self.found);
        parser.list(&[]);
        self.found = parser.found;
        self.instances = parser.instances;
        self.place = (end + 1).min(self.bytes.len());
        self.mark(from, Copy::Substitution);
    }

    fn skip_array(&mut self) {
        while !self.is_at_end() && self.peek(0) != b')' {
            let before = self.place;
            self.skip_blanks_and_newlines();
            if self.peek(0) == b'(' || self.peek(0) == b'|' {
                self.place += 1;
            }
            self.read_word(false);
            if self.place == before {
                self.place += 1;
            }
        }
        self.place = (self.place + 1).min(self.bytes.len());
    }

    fn skip_subscript(&mut self) {
        let mut depth = 0;
        while !self.is_at_end() {
            match self.peek(0) {
                b'[' => depth += 1,
                b']' => depth -= 1,
                b'\n' => return,
                _ => {
                    self.quoted_or_plain();
                    continue;
                }
            }
            self.place += 1;
            if depth == 0 {
                return;
            }
        }
    }

    fn is_arithmetic(&self) -> bool {
        self.is_arithmetic_at(self.place)
    }

    /// Whether `((` at `start` ends with `))`: `((a); (b))` is two subshells.
    fn is_arithmetic_at(&self, start: usize) -> bool {
        let mut depth = 0;
        for (place, byte) in self.bytes.iter().enumerate().skip(start) {
            match byte {
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 1 {
                        return self.bytes.get(place + 1) == Some(&b')');
                    }
                }
                _ => {}
            }
        }
        false
    }

    /// `(( … ))`, from its first bracket on.
    fn skip_arithmetic(&mut self) {
        let start = self.place + 2;
        let mut depth = 0;
        while !self.is_at_end() {
            match self.peek(0) {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'$' | b'`' | b'"' | b'\\' => {
                    self.quoted_or_plain();
                    continue;
                }
                _ => {}
            }
            self.place += 1;
            if depth == 0 {
                self.note(CommandKind::Arithmetic, Some(start..self.place.saturating_sub(2).max(start)));
                return;
            }
        }
    }

    /// The rest of `[[ … ]]`.
    fn skip_condition(&mut self) {
        let start = self.place;
        let before = self.unsure;
        while !self.is_at_end() {
            let is_after_blank = self.place == 0 || self.bytes[self.place - 1].is_ascii_whitespace();
            if self.at("&&") || self.at("||") {
                self.unsure = before + 1;
            }
            if is_after_blank && self.at("]]") {
                self.unsure = before;
                self.note(CommandKind::Condition, Some(start..self.place));
                self.place += 2;
                return;
            }
            match self.peek(0) {
                b'\n' => self.newline(),
                b'\'' | b'"' | b'`' | b'$' | b'\\' => self.quoted_or_plain(),
                _ => self.place += 1,
            }
        }
        self.unsure = before;
    }

    /// The unquoted word of plain characters that starts here: a keyword, or nothing that matters.
    fn literal_word(&self) -> &str {
        let rest = &self.bytes[self.place.min(self.bytes.len())..];
        let end = rest.iter().position(|byte| byte.is_ascii_whitespace() || b";|&()<>\"'`$\\".contains(byte));
        let end = end.unwrap_or(rest.len());
        std::str::from_utf8(&rest[..end]).unwrap_or("")
    }

    fn is_at_word(&self, words: &[&str]) -> bool {
        words.contains(&self.literal_word())
    }

    fn expect(&mut self, text: &str) {
        if self.at(text) {
            self.place += text.len();
        } else {
            self.lacks |= self.is_at_end();
        }
    }

    fn skip_past(&mut self, end: u8) {
        let rest = &self.bytes[self.place.min(self.bytes.len())..];
        let found = rest.iter().position(|byte| *byte == end);
        self.lacks |= found.is_none();
        self.place += found.map_or(rest.len(), |found| found + 1);
    }

    fn skip_comment(&mut self) {
        let rest = &self.bytes[self.place..];
        self.place += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }

    fn skip_blanks(&mut self) {
        loop {
            if matches!(self.peek(0), b' ' | b'\t' | b'\r') {
                self.place += 1;
            } else if self.peek(0) == b'\\' && self.peek(1) == b'\n' {
                self.place += 2;
            } else {
                return;
            }
        }
    }

    fn skip_blanks_and_newlines(&mut self) {
        loop {
            self.skip_blanks();
            match self.peek(0) {
                b'\n' => self.newline(),
                b'#' => self.skip_comment(),
                _ => return,
            }
        }
    }

    /// The end of a line, and the here-documents that begin after it.
    fn newline(&mut self) {
        self.place += 1;
        for document in std::mem::take(&mut self.here_documents) {
            self.here_document(&document);
        }
    }

    fn here_document(&mut self, document: &HereDocument) {
        let start = self.place;
        let mut end = self.bytes.len();
        let mut after = end;
        let mut is_closed = false;
        let mut line_start = start;
        while line_start < self.bytes.len() {
            let rest = &self.bytes[line_start..];
            let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let mut line = &rest[..length];
            while document.strips_tabs && line.first() == Some(&b'\t') {
                line = &line[1..];
            }
            if line == document.delimiter {
                end = line_start;
                after = (line_start + length + 1).min(self.bytes.len());
                is_closed = true;
                break;
            }
            line_start += length + 1;
        }
        self.lacks |= !is_closed;
        let from = self.found.commands.len();
        let outer = std::mem::replace(&mut self.unsure, document.unsure);
        if !document.is_quoted {
            let whole = self.bytes;
            self.bytes = &whole[..end];
            while !self.is_at_end() {
                match self.peek(0) {
                    b'$' if self.peek(1) == b'\'' => self.place += 1,
                    b'$' | b'`' | b'\\' => self.quoted_or_plain(),
                    _ => self.place += 1,
                }
            }
            self.bytes = whole;
        }
        self.unsure = outer;
        self.apart(from);
        self.unchecked_copies(from);
        // What stands in it happens where its command runs.
        let empty = document.end..document.end;
        let noted =
            self.found.commands.iter_mut().rev().find(|command| command.words.first() == Some(&empty));
        if let Some(noted) = noted {
            noted.words = Some(start..end).into_iter().collect();
            let (copy, is_checked) = (noted.copy, noted.is_checked);
            if let Some(copy) = copy {
                self.mark(from, copy);
            }
            if !is_checked {
                self.unchecked(from);
            }
        }
        self.place = after;
    }
}

/// The text with one level of backslashes in `range` taken away, as backquotes do, and blanks in their place, so that all
/// else stands where it stood. `None`: there are none.
fn unescaped(text: &str, range: Range<usize>) -> Option<String> {
    let inner = text.get(range.clone())?;
    if !inner.contains("\\`") && !inner.contains("\\\\") && !inner.contains("\\\"") {
        return None;
    }
    let mut changed = String::with_capacity(range.end);
    changed.push_str(&text[..range.start]);
    let mut rest = inner;
    while let Some(start) = rest.find('\\') {
        changed.push_str(&rest[..start]);
        rest = &rest[start..];
        let count = rest.bytes().take_while(|byte| *byte == b'\\').count();
        rest = &rest[count..];
        let is_taken = count % 2 == 1 && rest.starts_with(['`', '"']);
        let kept = count / 2 + usize::from(count % 2 == 1 && !is_taken);
        changed.extend(std::iter::repeat_n(' ', count - kept));
        changed.extend(std::iter::repeat_n('\\', kept));
    }
    changed.push_str(rest);
    Some(changed)
}

fn is_name(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && !bytes[0].is_ascii_digit()
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// `name=…`, `name+=…`, `name[…]=…`.
pub(crate) fn is_assignment(word: &str) -> bool {
    let Some(equals) = word.find('=') else { return false };
    let target = word[..equals].strip_suffix('+').unwrap_or(&word[..equals]);
    let name = target.split('[').next().unwrap_or("");
    is_name(name.as_bytes())
        && (name.len() == target.len()
            || target.ends_with(']')
            || word.contains("]=")
            || word.contains("]+="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Each command's first word, with a mark for where it runs.
    fn outline(text: &str) -> String {
        let found = commands(text);
        let shown = found.simple().map(|command| {
            let words: Vec<&str> = command.words.iter().map(|word| &text[word.clone()]).collect();
            let copy = command.copy.map_or(String::new(), |copy| format!("[{copy:?}]"));
            let function =
                command.function.map_or(String::new(), |place| format!("{}: ", found.functions[place]));
            format!("{function}{}{copy}", words.join("·"))
        });
        shown.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn commands_are_found_with_the_copies_they_run_in() {
        insta::assert_snapshot!(outline("a; ( b; c ) && d | e || f &\ng"), @r"
        a
        b[Background]
        c[Background]
        d[Background]
        e[Background]
        f[Background]
        g
        ");
        insta::assert_snapshot!(outline("x=$(a; `b` ) \"$(c)\" <(d) ${e:-$(f)} # $(no)\n"), @r#"
        x=$(a; `b` )·"$(c)"·<(d)·${e:-$(f)}
        a[Substitution]
        `b`[Substitution]
        b[Substitution]
        c[Substitution]
        d[Process]
        f[Substitution]
        "#);
        insta::assert_snapshot!(outline("f() { a; ( b ); }\nfunction g { c | d; }\nif a; then b & fi; while c; do d; done < <(e)"), @r"
        f: a
        f: b[Subshell]
        g: c[Pipeline]
        g: d[Pipeline]
        a
        b[Background]
        c
        d
        e[Process]
        ");
        insta::assert_snapshot!(outline("case $x in (a|b) c ;; *) d ;& e) f;; esac | g\ncat <<E\n$(h) 'x\nE\ncat <<'E'\n$(no)\nE\ni"), @r"
        c[Pipeline]
        d[Pipeline]
        f[Pipeline]
        g[Pipeline]
        cat
        h[Substitution]
        cat
        i
        ");
        insta::assert_snapshot!(outline("OUTPUT[a b]=1 x=(a b $(c)) d; [[ a == (b|c) && $(e) ]] && ((f > 1)) || for i in a b; do g; done"), @r"
        OUTPUT[a b]=1·x=(a b $(c))·d
        c[Substitution]
        e[Substitution]
        g
        ");
        insta::assert_snapshot!(outline("x=`a \\`b \\\\\\`c\\\\\\` \\` d`; `e \"\\`f\\`\"`"), @r#"
        x=`a \`b \\\`c\\\` \` d`
        a·`b \\\`c\\\` \`·d[Substitution]
        b·`c\\\`[Substitution]
        c[Substitution]
        `e "\`f\`"`
        e·"\`f\`"[Substitution]
        f[Substitution]
        "#);
        insta::assert_snapshot!(outline("coproc a { b; }; shopt -s lastpipe; c | d; 2>f g; ! time -p h; i >&2 j"), @r"
        b[Coproc]
        shopt·-s·lastpipe
        c[Pipeline]
        d
        g
        h
        i·j
        ");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_fail(text in "[a-z(){}\\[\\]$`'\"|&;<>#=\\\\ \\n\\t!-]{0,80}") {
            commands(&text);
        }

        #[test]
        fn keywords_in_any_order_do_no_harm(words in prop::collection::vec(prop::sample::select(vec![
            "if", "then", "fi", "case", "in", "esac", "for", "do", "done", "(", ")", "{", "}", "((", "))", "[[", "]]", "<<E", "\nE\n", ";;", "$(", "`", "\"", "'", "x", "|", "&", "\n", "function", "f()", "coproc", "é",
        ]), 0..40)) {
            commands(&words.join(" "));
            commands(&words.concat());
        }
    }
}

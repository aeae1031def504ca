//! Makefiles put together at random from what makes make hard: values within values, quotes, functions, conditionals,
//! variables of targets, patterns.

use std::fmt::Write;

/// A generator of numbers with a seed that a failure names.
pub struct Random(u64);

const NAMES: &[&str] = &["A", "B", "C", "LIST", "FLAGS", "NAME", "dir-name", "f"];
const TARGETS: &[&str] = &["all", "one", "two", "three", "four", "five"];
const FILES: &[&str] = &["x.c", "y.c", "sub/z.c", "data.txt", "x.h"];

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }

    fn is(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn makefile(&mut self) -> String {
        let mut text = String::from("#: file x.c y.c sub/z.c data.txt x.h\n");
        for name in ["A", "FLAGS", "SEEN"] {
            if self.is(30) {
                let value =
                    self.pick(&["given", "two words", "it's", "", "*.c", "a;b", "-g", "\"q\"", "a\\nb"]);
                let _ = writeln!(text, "#: env {name}={value}");
            }
        }
        if self.is(8) {
            text.push_str(".EXPORT_ALL_VARIABLES:\n");
        }
        if self.is(60) {
            text.push_str(".PHONY: all one two\n");
        }
        for _ in 0..2 + self.below(5) {
            self.assignments(&mut text, 0);
        }
        for place in 0..TARGETS.len() {
            self.rule(&mut text, place);
            if self.is(20) {
                self.assignments(&mut text, 0);
            }
        }
        if self.is(40) {
            let flags = self.value(1);
            let line = self.line();
            let _ = write!(text, "%.o: FLAGS += {flags}\n%.o: %.c\n\t{line}\n");
        }
        text
    }

    fn assignments(&mut self, text: &mut String, depth: usize) {
        if depth < 2 && self.is(20) {
            let condition = self.condition();
            let _ = writeln!(text, "{condition}");
            self.assignments(text, depth + 1);
            if self.is(50) {
                match self.is(30) {
                    true => {
                        let condition = self.condition();
                        let _ = writeln!(text, "else {condition}");
                    }
                    false => text.push_str("else\n"),
                }
                self.assignments(text, depth + 1);
            }
            text.push_str("endif\n");
            return;
        }
        let name = self.pick(NAMES);
        let operator = self.pick(&["=", ":=", "+=", "?=", "=", ":=", "+=", "::=", "!="]);
        let before = self.pick(&["", "", "", "", "", "", "export ", "override "]);
        if operator == "!=" {
            let value = self.plain();
            let _ = writeln!(text, "{name} != question {value}");
        } else if self.is(8) {
            let (first, second) = (self.value(1), self.value(1));
            let _ = writeln!(text, "define {name} {operator}\n{first}\n{second}\nendef");
        } else {
            let value = self.value(2);
            let _ = writeln!(text, "{before}{name} {operator} {value}");
        }
        if self.is(6) {
            let (word, name) = (self.pick(&["export", "unexport"]), self.pick(NAMES));
            let _ = writeln!(text, "{word} {name}");
        }
    }

    fn condition(&mut self) -> String {
        let (name, word) = (self.pick(NAMES), self.plain());
        match self.below(5) {
            0 => format!("ifdef {name}"),
            1 => format!("ifndef {name}"),
            2 => format!("ifeq ($({name}),{word})"),
            3 => format!("ifneq ($(strip $({name})),)"),
            _ => format!("ifeq \"$({name})\" \"{word}\""),
        }
    }

    fn rule(&mut self, text: &mut String, place: usize) {
        let target = TARGETS[place];
        while self.is(25) {
            let (name, value) = (self.pick(NAMES), self.value(1));
            let operator = self.pick(&["=", ":=", "+=", "?="]);
            let export = self.pick(&["", "", "", "export ", "private "]);
            let _ = writeln!(text, "{target}: {export}{name} {operator} {value}");
        }
        let mut needs: Vec<&str> = Vec::new();
        for later in &TARGETS[place + 1..] {
            if self.is(22) {
                needs.push(later);
            }
        }
        for other in [FILES[self.below(FILES.len())], "x.o", "sub/z.o", "$(LIST)", "| five"] {
            if self.is(12) {
                needs.push(other);
            }
        }
        needs.sort_by_key(|need| need.starts_with('|'));
        if self.is(12) && !needs.is_empty() {
            let need = needs.remove(0);
            let _ = writeln!(text, "{target}: {need}");
        }
        let colon = if self.is(4) { "::" } else { ":" };
        let _ = writeln!(text, "{target}{colon} {}", needs.join(" "));
        for _ in 0..self.below(4) {
            let line = self.line();
            match self.is(8) {
                true => {
                    let (condition, other) = (self.condition(), self.line());
                    let _ = writeln!(text, "{condition}\n\t{line}\nelse\n\t{other}\nendif");
                }
                false => {
                    let _ = writeln!(text, "\t{line}");
                }
            }
        }
    }

    fn line(&mut self) -> String {
        let prefix = self.pick(&["", "", "", "", "@", "-", "@-", "- ", "+"]);
        let (one, two) = (self.value(2), self.value(1));
        let rest = match self.below(16) {
            0 => format!("show '{one}' \"{two}\""),
            1 => format!("cd sub && show {one}"),
            2 => format!("for i in {one}; do show $$i {two}; done"),
            3 => format!("if [ -n \"{one}\" ]; then show yes; else show {two}; fi"),
            4 => "show $@ $< $^ $* $(@D) $(@F) $(<F) $+ $|".to_owned(),
            5 => one.to_string(),
            6 => format!("$(A) {two}"),
            7 => format!("show {one} \\\n\t  {two} \\\n  end"),
            8 => format!("X={one} show $$X \"$$X\""),
            9 => ": > $@; show made $@".to_owned(),
            10 => format!("fail {one}"),
            11 => format!("# nothing {one}"),
            12 => "show \"$$A\" \"$$FLAGS\" $$SEEN".to_owned(),
            _ => format!("show {one} {two}"),
        };
        format!("{prefix}{rest}")
    }

    fn plain(&mut self) -> &'static str {
        self.pick(&["word", "x.c", "sub/z.c", "y.c", "a=b", "-o", "two words", "given", "", "%.c", "x.o y.o"])
    }

    fn value(&mut self, depth: usize) -> String {
        let mut value = String::new();
        for place in 0..1 + self.below(3) {
            if place > 0 && self.is(75) {
                value.push(' ');
            }
            value.push_str(&self.part(depth));
        }
        value
    }

    fn part(&mut self, depth: usize) -> String {
        if depth == 0 || self.is(35) {
            let odd = [
                "\"quoted word\"",
                "'single $$HOME'",
                "$$HOME",
                "\"$$A\"",
                "a;b",
                "x | y",
                "*.c",
                "\\\\",
                "it\\'s",
                "`show inner`",
                "~",
                "\\#",
                "$$(show sub)",
                "a&&b",
                "<",
                "{a,b}",
                "!",
                "é",
                "\\n",
            ];
            return if self.is(70) { self.plain().to_owned() } else { self.pick(&odd).to_owned() };
        }
        let name = self.pick(NAMES);
        let (one, two) = (self.part(depth - 1), self.part(depth - 1));
        match self.below(40) {
            0 => format!(
                "$(subst {},{},$({name}))",
                self.pick(&["x", " ", ".c", "'"]),
                self.pick(&["y", "", "-"])
            ),
            1 => format!("$(patsubst %.c,%.o,{one})"),
            2 => format!("$({name}:.c=.o)"),
            3 => format!("$(filter %.c given,{one} $({name}))"),
            4 => format!("$(filter-out x% -o,$({name}) {one})"),
            5 => format!("$(sort $({name}) {one})"),
            6 => format!("$(word 2,{one} $({name}) {two})"),
            7 => format!("$(words $({name}) {one})"),
            8 => format!("$(if {one},$({name}),no)"),
            9 => format!("$(if $({name}),{one},{two})"),
            10 => format!("$(or $({name}),{one})"),
            11 => format!("$(and $({name}),{one})"),
            12 => format!("$(foreach i,$({name}) x,<$(i)>)").replace(['<', '>'], ""),
            13 => format!("$(call f,{one},$({name}))"),
            14 => format!("$(addprefix -I,$({name}) {one})"),
            15 => format!("$(addsuffix .x,{one})"),
            16 => format!("$(strip  {one}   $({name}) )"),
            17 => format!("$(findstring x,$({name}))"),
            18 => format!("$(notdir {one} sub/z.c)"),
            19 => format!("$(dir sub/z.c {one})"),
            20 => format!("$(basename $({name}) x.c)"),
            21 => format!("$(suffix x.c {one})"),
            22 => format!("$(join a b,{one})"),
            23 => format!("$(wordlist 1,2,$({name}) {one})"),
            24 => format!("$(firstword $({name}) {one}) $(lastword {one})"),
            25 => "$(shell question now)".to_owned(),
            26 => "$(wildcard *.c)".to_owned(),
            27 if self.is(20) => format!("$(origin {name})"),
            28 => format!("$(value {name})"),
            29 => "$(1)$(2)".to_string(),
            30 => format!("\"$({name})\""),
            31 => format!("'{one}'"),
            32 => "$(notdir $(CURDIR))".to_owned(),
            33 => format!("$({name}:%=<%>)").replace(['<', '>'], "_"),
            _ => format!("$({name})"),
        }
    }
}

//! `$((…))` in a value of `envs`, computed without a shell: where `sh` is bash, it would execute what is in the value of a
//! variable. Whole numbers of 64 bits with the operators of a POSIX shell, and `**`. Knows no values; whoever evaluates
//! brings them, and they are numbers, never text to be read.

use super::TemplatePart;
use std::ops::Range;

/// What is computed. Never deeper than [`MOST_PARTS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    Number(i64),
    /// A variable by its name alone.
    Name {
        name: String,
        place: Range<usize>,
    },
    /// `$NAME`, `${NAME:-default}`, `$(command)`: its value is a number.
    Expansion(Box<TemplatePart>),
    Unary(&'static str, Box<Expression>),
    Binary(&'static str, Box<Expression>, Box<Expression>),
    Choice(Box<Expression>, Box<Expression>, Box<Expression>),
}

/// What is wrong with an expression, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) place: Range<usize>,
    pub(crate) message: String,
}

/// The most numbers, names and operators in one expression: each level of nesting is one of the stack.
const MOST_PARTS: usize = 400;

/// Longer ones first, so that `<` is not taken from `<=`. Then how strongly each binds.
const OPERATORS: [(&str, u8); 19] = [
    ("**", 12),
    ("||", 1),
    ("&&", 2),
    ("==", 6),
    ("!=", 6),
    ("<=", 7),
    (">=", 7),
    ("<<", 8),
    (">>", 8),
    ("|", 3),
    ("^", 4),
    ("&", 5),
    ("<", 7),
    (">", 7),
    ("+", 9),
    ("-", 9),
    ("*", 10),
    ("/", 10),
    ("%", 10),
];

/// `pieces` are those of the text between `$((` and `))`, which begins at `start`.
pub(crate) fn parse(pieces: &[TemplatePart], text: &str, start: usize) -> Result<Expression, Wrong> {
    let mut reader = ArithmeticReader { parts: Vec::new(), next: 0, end: start + text.len() };
    reader.cut(pieces, text, start)?;
    let whole = reader.choice()?;
    match reader.parts.get(reader.next) {
        None => Ok(whole),
        Some((_, place)) => Err(wrong(place.clone(), "unexpected")),
    }
}

fn wrong(place: Range<usize>, message: impl Into<String>) -> Wrong {
    Wrong { place, message: message.into() }
}

enum ArithmeticPart {
    Operand(Expression),
    Sign(&'static str),
}

struct ArithmeticReader {
    parts: Vec<(ArithmeticPart, Range<usize>)>,
    next: usize,
    end: usize,
}

impl ArithmeticReader {
    /// Cuts the text into numbers, names and operators; expansions are operands as they are.
    fn cut(&mut self, pieces: &[TemplatePart], text: &str, start: usize) -> Result<(), Wrong> {
        let mut at = start;
        for piece in pieces {
            if let Some(place) = piece.place() {
                self.cut_text(&text[at - start..place.start - start], at)?;
                self.push(
                    ArithmeticPart::Operand(Expression::Expansion(Box::new(piece.clone()))),
                    place.clone(),
                )?;
                at = place.end;
            }
        }
        self.cut_text(&text[at - start..], at)
    }

    fn cut_text(&mut self, text: &str, base: usize) -> Result<(), Wrong> {
        let mut at = 0;
        while let Some(first) = text[at..].chars().next() {
            let rest = &text[at..];
            let word = rest.find(|it: char| !it.is_ascii_alphanumeric() && it != '_').unwrap_or(rest.len());
            let place = |length: usize| base + at..base + at + length;
            let sign = ["(", ")", "?", ":", "!", "~"].into_iter().find(|sign| rest.starts_with(sign));
            let operator =
                OPERATORS.iter().map(|(operator, _)| *operator).find(|operator| rest.starts_with(operator));
            let length = if first.is_ascii_whitespace() {
                1
            } else if first.is_ascii_digit() {
                // `10#08`: the digits after `#` are of that base.
                let length = match rest[word..].strip_prefix('#') {
                    Some(digits) => {
                        let end = digits.find(|it: char| !it.is_ascii_alphanumeric()).unwrap_or(digits.len());
                        word + 1 + end
                    }
                    None => word,
                };
                let number = number(&rest[..length]).map_err(|why| wrong(place(length), why))?;
                self.push(ArithmeticPart::Operand(Expression::Number(number)), place(length))?;
                length
            } else if word > 0 {
                let name = Expression::Name { name: rest[..word].to_owned(), place: place(word) };
                self.push(ArithmeticPart::Operand(name), place(word))?;
                word
            } else if let Some(operator) = operator {
                self.push(ArithmeticPart::Sign(operator), place(operator.len()))?;
                operator.len()
            } else if let Some(sign) = sign {
                self.push(ArithmeticPart::Sign(sign), place(1))?;
                1
            } else if first == '=' {
                return Err(wrong(place(1), "assignment is not allowed here; use `==` to compare"));
            } else {
                return Err(wrong(place(first.len_utf8()), "not allowed in arithmetic"));
            };
            at += length;
        }
        Ok(())
    }

    fn push(&mut self, part: ArithmeticPart, place: Range<usize>) -> Result<(), Wrong> {
        if self.parts.len() == MOST_PARTS {
            return Err(wrong(place, format!("more than {MOST_PARTS} numbers, names and operators")));
        }
        self.parts.push((part, place));
        Ok(())
    }

    fn sign(&self) -> Option<&'static str> {
        match self.parts.get(self.next) {
            Some((ArithmeticPart::Sign(sign), _)) => Some(sign),
            Some((ArithmeticPart::Operand(_), _)) | None => None,
        }
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Wrong> {
        if self.sign() == Some(sign) {
            self.next += 1;
            return Ok(());
        }
        Err(wrong(self.here(), format!("expected `{sign}` here")))
    }

    fn here(&self) -> Range<usize> {
        self.parts.get(self.next).map_or(self.end..self.end, |(_, place)| place.clone())
    }

    /// `a ? b : c`, and all that binds more strongly.
    fn choice(&mut self) -> Result<Expression, Wrong> {
        let condition = self.binary(1)?;
        if self.sign() != Some("?") {
            return Ok(condition);
        }
        self.next += 1;
        let yes = self.choice()?;
        self.expect(":")?;
        let no = self.choice()?;
        Ok(Expression::Choice(Box::new(condition), Box::new(yes), Box::new(no)))
    }

    fn binary(&mut self, least: u8) -> Result<Expression, Wrong> {
        let mut left = self.unary()?;
        while let Some(operator) = self.sign()
            && let Some((_, strength)) = OPERATORS.iter().find(|(other, _)| *other == operator)
            && *strength >= least
        {
            self.next += 1;
            // `**` takes what follows first: 2 ** 3 ** 2 is 2 ** 9.
            let right = self.binary(if operator == "**" { *strength } else { strength + 1 })?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression, Wrong> {
        let place = self.here();
        match self.parts.get(self.next) {
            Some((ArithmeticPart::Operand(operand), _)) => {
                let operand = operand.clone();
                self.next += 1;
                Ok(operand)
            }
            Some((ArithmeticPart::Sign("("), _)) => {
                self.next += 1;
                let inside = self.choice()?;
                self.expect(")")?;
                Ok(inside)
            }
            Some((ArithmeticPart::Sign(sign @ ("+" | "-" | "!" | "~")), _)) => {
                let sign = *sign;
                self.next += 1;
                Ok(Expression::Unary(sign, Box::new(self.unary()?)))
            }
            Some((ArithmeticPart::Sign(_), _)) | None => {
                Err(wrong(place, "expected a number or a name here"))
            }
        }
    }
}

/// A whole number as a shell writes it, with a sign and blanks around it.
pub(crate) fn value(text: &str) -> Option<i64> {
    let text = text.trim_ascii();
    match text.strip_prefix('-') {
        Some(digits) => number(digits).map(i64::wrapping_neg),
        None => number(text.strip_prefix('+').unwrap_or(text)),
    }
    .ok()
}

fn number(text: &str) -> Result<i64, String> {
    let (digits, base) = match text.split_once('#') {
        Some((base, digits)) => (digits, base.parse().ok().filter(|base| (2..=36).contains(base))),
        None => match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => (digits, Some(16)),
            None if text.len() > 1 && text.starts_with('0') => (&text[1..], Some(8)),
            None => (text, Some(10)),
        },
    };
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let parsed = base.filter(|_| is_plain).and_then(|base| i64::from_str_radix(digits, base).ok());
    parsed.ok_or_else(|| match text.strip_prefix('0') {
        Some(rest) if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("a leading 0 makes it octal: `10#{text}` is decimal")
        }
        Some(_) | None => "not a 64-bit whole number".to_owned(),
    })
}

impl Expression {
    /// The expansions and names in it, in order.
    pub(crate) fn operands(&self) -> Vec<&Expression> {
        match self {
            Expression::Number(_) => Vec::new(),
            Expression::Name { .. } | Expression::Expansion(_) => vec![self],
            Expression::Unary(_, inside) => inside.operands(),
            Expression::Binary(_, left, right) => [left.operands(), right.operands()].concat(),
            Expression::Choice(condition, yes, no) => {
                [condition.operands(), yes.operands(), no.operands()].concat()
            }
        }
    }

    /// Computes it; `ask` knows what names and expansions come to, and is asked only for what counts.
    pub(crate) fn evaluate<E: From<&'static str>>(
        &self,
        ask: &impl Fn(&Expression) -> Result<i64, E>,
    ) -> Result<i64, E> {
        Ok(match self {
            Expression::Number(number) => *number,
            Expression::Name { .. } | Expression::Expansion(_) => ask(self)?,
            Expression::Unary(sign, inside) => {
                let inside = inside.evaluate(ask)?;
                match *sign {
                    "-" => inside.wrapping_neg(),
                    "!" => i64::from(inside == 0),
                    "~" => !inside,
                    _ => inside,
                }
            }
            Expression::Choice(condition, yes, no) => match condition.evaluate(ask)? {
                0 => no.evaluate(ask)?,
                _ => yes.evaluate(ask)?,
            },
            Expression::Binary("&&", left, right) => {
                i64::from(left.evaluate(ask)? != 0 && right.evaluate(ask)? != 0)
            }
            Expression::Binary("||", left, right) => {
                i64::from(left.evaluate(ask)? != 0 || right.evaluate(ask)? != 0)
            }
            Expression::Binary(operator, left, right) => {
                binary(operator, left.evaluate(ask)?, right.evaluate(ask)?)?
            }
        })
    }
}

/// Overflow wraps around, as in a shell.
fn binary(operator: &str, left: i64, right: i64) -> Result<i64, &'static str> {
    Ok(match operator {
        "+" => left.wrapping_add(right),
        "-" => left.wrapping_sub(right),
        "*" => left.wrapping_mul(right),
        "/" | "%" if right == 0 => return Err("it divides by zero"),
        "/" => left.wrapping_div(right),
        "%" => left.wrapping_rem(right),
        "**" if right < 0 => return Err("its exponent is negative"),
        "**" => power(left, right),
        "<<" => left.wrapping_shl(right as u32),
        ">>" => left.wrapping_shr(right as u32),
        "&" => left & right,
        "|" => left | right,
        "^" => left ^ right,
        "==" => i64::from(left == right),
        "!=" => i64::from(left != right),
        "<" => i64::from(left < right),
        "<=" => i64::from(left <= right),
        ">" => i64::from(left > right),
        ">=" => i64::from(left >= right),
        _ => unreachable!("bug: the operator `{operator}` is not computed"),
    })
}

fn power(base: i64, exponent: i64) -> i64 {
    let (mut result, mut square, mut left) = (1_i64, base, exponent);
    while left > 0 {
        if left & 1 == 1 {
            result = result.wrapping_mul(square);
        }
        square = square.wrapping_mul(square);
        left >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::template;
    use proptest::prelude::*;

    fn computed(text: &str) -> String {
        let whole = format!("$(({text}))");
        let pieces = match template::parse(&whole) {
            Ok(pieces) => pieces,
            Err(error) => return format!("{:?}: {}", error.place, error.message),
        };
        let [TemplatePart::Arithmetic { expression, .. }] = pieces.as_slice() else {
            return "not arithmetic".to_owned();
        };
        let ask = |operand: &Expression| match operand {
            Expression::Name { name, .. } if name == "wild" => {
                value("a[$(touch x)]").ok_or_else(|| "no number".to_owned())
            }
            Expression::Name { name, .. } => Ok(name.len() as i64),
            _ => Ok(100),
        };
        expression.evaluate(&ask).map_or_else(|why: String| why, |number| number.to_string())
    }

    #[test]
    fn it_computes_what_a_shell_computes() {
        for (text, wanted) in [
            ("1 + 2 * 3", "7"),
            ("(1+2)*3-4/2%3", "7"),
            ("7/-2", "-3"),
            ("-7%3", "-1"),
            ("1--3", "4"),
            ("2**3**2", "512"),
            ("-2**2", "4"),
            ("1<<4|3^1&7", "18"),
            ("5>3&&2<=2||0", "1"),
            ("!5+~0", "-1"),
            ("0?1:2?3:4", "3"),
            ("0x1F+017+10#08", "54"),
            ("0&&1/0", "0"),
            ("abc+$x+${y:-1}+$(echo)", "303"),
            ("9223372036854775807+1", "-9223372036854775808"),
            ("\n 1\t+ 1\n", "2"),
            ("1/0", "it divides by zero"),
            ("2**-1", "its exponent is negative"),
            ("wild", "no number"),
            ("08", "3..5: a leading 0 makes it octal: `10#08` is decimal"),
            ("9223372036854775808", "3..22: not a 64-bit whole number"),
            ("x=1", "4..5: assignment is not allowed here; use `==` to compare"),
            ("a[0]", "4..5: not allowed in arithmetic"),
            ("1 2", "5..6: unexpected"),
            ("1+", "5..5: expected a number or a name here"),
            ("1)+(1", "not arithmetic"),
            ("", "3..3: expected a number or a name here"),
        ] {
            assert_eq!(computed(text), wanted, "{text}");
        }
        assert!(computed(&format!("{}{}", "(".repeat(150), ")".repeat(150))).ends_with("name here"));
        assert_eq!(computed(&format!("{}1{}", "(".repeat(150), ")".repeat(150))), "1");
        assert!(computed(&"!".repeat(100_000)).contains("more than 400"));
    }

    proptest! {
        #[test]
        fn any_text_is_computed_or_refused_in_its_place(text in "[a0-9()+*/%<>=!&|^~?: $#x-]{0,40}") {
            let whole = format!("$(({text}))");
            if let Err(error) = template::parse(&whole) {
                prop_assert!(error.place.start <= error.place.end && error.place.end <= whole.len());
            }
            computed(&text);
        }
    }
}

//! Whether to colour, and with what. Never the only bearer of a meaning: every status has a word.

use anstyle::{AnsiColor, Style};

/// `--color`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum ColourChoice {
    #[default]
    Auto,
    Always,
    Never,
}

impl ColourChoice {
    pub(crate) const WORDS: &[&str] = &["auto", "always", "never"];

    pub(crate) fn parse(word: &str) -> Option<ColourChoice> {
        match word {
            "auto" => Some(ColourChoice::Auto),
            "always" => Some(ColourChoice::Always),
            "never" => Some(ColourChoice::Never),
            _ => None,
        }
    }
}

/// What the environment says about colour; `None` is a variable that is not set.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ColourFacts<'a> {
    pub(crate) no_color: Option<&'a str>,
    pub(crate) clicolor_force: Option<&'a str>,
    pub(crate) force_color: Option<&'a str>,
    pub(crate) term: Option<&'a str>,
    pub(crate) is_terminal: bool,
}

/// Whether what goes to one stream is coloured.
pub(crate) fn is_coloured(choice: ColourChoice, facts: ColourFacts<'_>) -> bool {
    let is_set = |value: Option<&str>| value.is_some_and(|text| !text.is_empty());
    let is_on =
        |value: Option<&str>| value.is_some_and(|text| !text.is_empty() && text != "0" && text != "false");
    match choice {
        ColourChoice::Always => true,
        ColourChoice::Never => false,
        ColourChoice::Auto if is_set(facts.no_color) => false,
        ColourChoice::Auto if is_on(facts.clicolor_force) || is_on(facts.force_color) => true,
        ColourChoice::Auto => facts.is_terminal && facts.term != Some("dumb"),
    }
}

pub(crate) const OK: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const ODD: Style = AnsiColor::Yellow.on_default();
pub(crate) const FRESH: Style = AnsiColor::Cyan.on_default();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const STRONG: Style = Style::new().bold();

/// Names of tasks before their lines. Without red, green and yellow, which say something elsewhere.
const NAMES: [Style; 6] = [
    AnsiColor::Cyan.on_default(),
    AnsiColor::Magenta.on_default(),
    AnsiColor::Blue.on_default(),
    AnsiColor::BrightCyan.on_default(),
    AnsiColor::BrightMagenta.on_default(),
    AnsiColor::BrightBlue.on_default(),
];

/// The colour of the name of the `place`-th job.
pub(crate) fn of_name(place: usize) -> Style {
    NAMES[place % NAMES.len()]
}

/// Writes in colour, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint {
    pub(crate) is_on: bool,
}

impl Paint {
    pub(crate) fn text(self, style: Style, text: &str) -> String {
        if self.is_on && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_decides_about_colour() {
        let terminal = ColourFacts { is_terminal: true, term: Some("xterm"), ..ColourFacts::default() };
        let pipe = ColourFacts::default();
        let auto = |facts| is_coloured(ColourChoice::Auto, facts);
        assert!(auto(terminal));
        assert!(!auto(pipe));
        assert!(!auto(ColourFacts { term: Some("dumb"), ..terminal }));
        assert!(!auto(ColourFacts { no_color: Some("1"), ..terminal }));
        assert!(auto(ColourFacts { no_color: Some(""), ..terminal }));
        assert!(auto(ColourFacts { clicolor_force: Some("1"), ..pipe }));
        assert!(auto(ColourFacts { force_color: Some("3"), term: Some("dumb"), ..pipe }));
        assert!(!auto(ColourFacts { clicolor_force: Some("0"), ..pipe }));
        assert!(!auto(ColourFacts { force_color: Some("1"), no_color: Some("1"), ..pipe }));
        assert!(is_coloured(ColourChoice::Always, ColourFacts { no_color: Some("1"), ..pipe }));
        assert!(!is_coloured(ColourChoice::Never, ColourFacts { force_color: Some("1"), ..terminal }));
    }
}

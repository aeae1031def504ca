//! A terminal's output as an SVG: bold, dim and the eight colours, as otto writes them.

/// The background, the text, and the colours 30 to 37, readable on it.
const BACK: &str = "#1b1f27";
const TEXT: &str = "#d6dae2";
const COLOURS: [&str; 8] =
    ["#5c6370", "#f07178", "#8fd18f", "#e6c07b", "#7aa8f0", "#c792ea", "#6fc3cf", "#ffffff"];
/// Pixels from one line to the next, and of one column, at a size of 14.
const LINE: usize = 20;
const COLUMN: f64 = 8.43;

/// The picture of what was typed and of what came, colours included.
pub fn of(typed: &str, output: &str) -> String {
    let lines: Vec<String> = std::iter::once(format!("\x1b[2m$\x1b[0m {typed}"))
        .chain(output.lines().map(str::to_owned))
        .collect();
    let columns = lines.iter().map(|line| plain(line).chars().count()).max().unwrap_or(0);
    let (width, height) = ((columns as f64 * COLUMN) as usize + 40, lines.len() * LINE + 44);
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-label=\"A run of otto in a terminal\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{BACK}\"/>\n\
         <g fill=\"{TEXT}\" font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" \
         font-size=\"14\" xml:space=\"preserve\">\n"
    );
    for (place, line) in lines.iter().enumerate() {
        let y = 36 + place * LINE;
        picture += &format!("<text x=\"20\" y=\"{y}\">{}</text>\n", spans(line));
    }
    picture + "</g>\n</svg>\n"
}

fn plain(line: &str) -> String {
    pieces(line).into_iter().map(|(_, text)| text).collect()
}

fn spans(line: &str) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let span = |(style, text): (String, &str)| match style.as_str() {
        "" => escaped(text),
        _ => format!("<tspan {style}>{}</tspan>", escaped(text)),
    };
    pieces(line).into_iter().map(span).collect()
}

/// What stands between two changes of the style, with its attributes.
fn pieces(line: &str) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    let mut style: Vec<String> = Vec::new();
    for (place, part) in line.split("\x1b[").enumerate() {
        let text = if place == 0 {
            part
        } else {
            let (codes, text) = part.split_once('m').expect("nothing but changes of the style");
            for code in codes.split(';') {
                match code.parse::<usize>().unwrap_or(0) {
                    0 => style.clear(),
                    1 => style.push("font-weight=\"bold\"".to_owned()),
                    2 => style.push("opacity=\"0.6\"".to_owned()),
                    colour @ 30..=37 => style.push(format!("fill=\"{}\"", COLOURS[colour - 30])),
                    other => panic!("a style that the picture does not know: {other}"),
                }
            }
            text
        };
        if !text.is_empty() {
            found.push((style.join(" "), text));
        }
    }
    found
}

/// The tags of a picture, and the text between them.
pub fn taken_apart(picture: &str) -> (Vec<&str>, String) {
    let (mut tags, mut text) = (Vec::new(), String::new());
    for part in picture.split_inclusive('>') {
        let (before, tag) = part.split_at(part.find('<').unwrap_or(part.len()));
        text += before;
        tags.push(tag);
    }
    (tags, text)
}

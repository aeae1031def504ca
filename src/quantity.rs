//! Durations and sizes as users write them.

use std::time::Duration;

/// A time as users write it: `30s`, `5m`, `1h30m`, `1.5s`, `250ms`; a number alone counts seconds. Units come
/// in descending order, each at most once. At most a year.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    const UNITS: &[(&str, f64)] = &[("d", 86_400.0), ("h", 3_600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001)];
    const MOST_SECONDS: f64 = 366.0 * 86_400.0;
    let text = text.trim();
    let mut rest = text;
    let mut seconds = 0.0;
    let mut units = UNITS;
    while !rest.is_empty() {
        let digits = rest
            .find(|character: char| !character.is_ascii_digit() && character != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        if !number.starts_with(|first: char| first.is_ascii_digit()) || number.ends_with('.') {
            return None;
        }
        let number: f64 = number.parse().ok()?;
        let letters = after.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (place, factor) = match unit {
            // A number alone is seconds, but only if it is all there is: `1h30` could mean anything.
            "" if rest == text && after.is_empty() => (UNITS.len() - 1, 1.0),
            _ => {
                let place = units.iter().position(|(name, _)| *name == unit)?;
                (place, units[place].1)
            }
        };
        seconds += number * factor;
        units = units.get(place + 1..).unwrap_or_default();
        rest = after;
    }
    let is_sound = !text.is_empty() && seconds.is_finite() && seconds <= MOST_SECONDS;
    is_sound.then(|| Duration::from_micros((seconds * 1e6).round() as u64))
}

/// `512M` as bytes: a number, and `K`, `M`, `G` or `T` for powers of 1024.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|unit: char| !unit.is_ascii_digit());
    let shift = match text[digits.len()..].trim().to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_users_write_them() {
        let read = |text| parse_duration(text).map(|duration| duration.as_millis());
        assert_eq!(read("30s"), Some(30_000));
        assert_eq!(read("5m"), Some(300_000));
        assert_eq!(read("1h30m"), Some(5_400_000));
        assert_eq!(read("1d2h3m4s5ms"), Some(93_784_005));
        assert_eq!(read("90"), Some(90_000));
        assert_eq!(read("1.5"), Some(1_500));
        assert_eq!(read("250ms"), Some(250));
        assert_eq!(read("0"), Some(0));
        for wrong in [
            "", "s", "5 m", "1h30", "30m1h", "5s5s", "-5s", "1..5s", "1.s", ".5s", "5x", "∞", "1e3",
            "999999d",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}

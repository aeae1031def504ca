//! Durations, dates and sizes as people read them.
//! Knows no clock: now and the time zone are arguments.

use jiff::Timestamp;
use jiff::tz::TimeZone;

const SECOND: u64 = 1_000_000;

/// `0.9s`, `14.6s`, `3m12s`, `1h04m`, `4d03h`.
pub(crate) fn duration(us: u64) -> String {
    let tenths = (us + SECOND / 20) / (SECOND / 10);
    if tenths < 600 { format!("{}.{}s", tenths / 10, tenths % 10) } else { long(tenths / 10) }
}

/// For pauses and for times that are still growing: `0.5s`, `10s`, `3m12s`.
pub(crate) fn round_duration(us: u64) -> String {
    if us.is_multiple_of(SECOND) { whole_seconds(us) } else { duration(us) }
}

/// `9s`, `3m12s`: without tenths, cut off and not rounded.
pub(crate) fn whole_seconds(us: u64) -> String {
    match us / SECOND {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds => long(seconds),
    }
}

fn long(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    if hours == 0 {
        format!("{minutes}m{:02}s", seconds % 60)
    } else if hours < 100 {
        format!("{hours}h{:02}m", minutes % 60)
    } else {
        format!("{days}d{:02}h", hours % 24)
    }
}

/// `512 B`, `1.5 kB`, `29 MB`; a kB is 1000 bytes.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    // 999.5 would be shown as 1000.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    // 9.95 would be shown as 10.0.
    if value < 9.95 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// When something was, seen from now: `12 s ago`, `2 min ago`, `today 09:14`, `Fri 16:58`, `3 Oct 16:58`,
/// `2024-10-03 16:58`.
pub(crate) fn relative(then: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let seconds = now.as_second() - then.as_second();
    let (local, today) = (then.to_zoned_datetime(zone.clone()), now.to_zoned_datetime(zone.clone()));
    let days = (today.date() - local.date()).get_days();
    if (0..60).contains(&seconds) {
        format!("{seconds} s ago")
    } else if (60..3_600).contains(&seconds) {
        format!("{} min ago", seconds / 60)
    } else if seconds >= 0 && days == 0 {
        local.strftime("today %H:%M").to_string()
    } else if seconds >= 0 && days < 7 {
        local.strftime("%a %H:%M").to_string()
    } else if seconds >= 0 && local.year() == today.year() {
        local.strftime("%-d %b %H:%M").to_string()
    } else {
        // Also what lies in the future, as after a clock was set back: there is no good word for it.
        local.strftime("%Y-%m-%d %H:%M").to_string()
    }
}

/// RFC 3339 with offset and milliseconds, for JSON.
pub(crate) fn rfc3339(wall_us: i64, zone: &TimeZone) -> String {
    match Timestamp::from_microsecond(wall_us) {
        Ok(timestamp) => {
            timestamp.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
        }
        // Only a damaged record says so; the epoch is visibly wrong.
        Err(_) => "1970-01-01T00:00:00.000+00:00".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_precision_that_matters() {
        let cases = [
            (0, "0.0s"),
            (49_999, "0.0s"),
            (50_000, "0.1s"),
            (940_000, "0.9s"),
            (14_600_000, "14.6s"),
            (59_940_000, "59.9s"),
            (59_950_000, "1m00s"),
            (192_000_000, "3m12s"),
            (3_599_940_000, "59m59s"),
            (3_599_960_000, "1h00m"),
            (3_840_000_000, "1h04m"),
            (93_600_000_000, "26h00m"),
            (360_000_000_000, "4d04h"),
        ];
        for (us, text) in cases {
            assert_eq!(duration(us), text, "{us}");
        }
        assert_eq!(
            [round_duration(500_000), round_duration(10_000_000), round_duration(90_000_000)],
            ["0.5s", "10s", "1m30s"]
        );
        assert_eq!([whole_seconds(9_999_999), whole_seconds(60_000_000)], ["9s", "1m00s"]);
        assert_eq!(duration(u64::MAX - SECOND), "213503982d08h");
    }

    #[test]
    fn sizes_have_two_or_three_digits() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (9_949, "9.9 kB"),
            (9_950, "10 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (29_123_456, "29 MB"),
            (u64::MAX, "18 EB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn dates_are_as_near_as_they_are() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let at = |text: &str| {
            text.parse::<jiff::civil::DateTime>()
                .expect("a date")
                .to_zoned_datetime(zone.clone())
                .expect("exists")
                .timestamp()
        };
        let now = at("2026-11-24T09:30:00");
        let cases = [
            ("2026-11-24T09:29:48", "12 s ago"),
            ("2026-11-24T09:27:59", "2 min ago"),
            ("2026-11-24T00:10:00", "today 00:10"),
            ("2026-11-23T23:59:00", "Mon 23:59"),
            ("2026-11-20T16:58:00", "Fri 16:58"),
            ("2026-11-17T16:58:00", "17 Nov 16:58"),
            ("2025-11-24T16:58:00", "2025-11-24 16:58"),
            ("2026-11-24T10:30:00", "2026-11-24 10:30"),
        ];
        for (then, text) in cases {
            assert_eq!(relative(at(then), now, &zone), text);
        }
        assert_eq!(rfc3339(now.as_microsecond() + 1_500, &zone), "2026-11-24T09:30:00.001+01:00");
        assert_eq!(rfc3339(i64::MAX, &zone), "1970-01-01T00:00:00.000+00:00");
    }
}

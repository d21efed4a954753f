//! ISO 8601 dates and times of the proleptic Gregorian calendar, years 1 to 9999.

const DAY_US: i64 = 86_400_000_000;

/// Days since 1970-01-01 of `YYYY-MM-DD`.
pub(super) fn date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (digits(&text[..4])?, digits(&text[5..7])?, digits(&text[8..])?);
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day)
    {
        return None;
    }
    // Howard Hinnant's days_from_civil: years begin in March, so that leap days come last.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Microseconds since 1970 UTC of `YYYY-MM-DD[(T| )HH:MM:SS[.ffffff][Z|+HH:MM|-HH:MM]]`.
pub(super) fn timestamp(text: &str) -> Option<i64> {
    let days = date(text.get(..10)?)?;
    let midnight = i64::from(days) * DAY_US;
    let Some(rest) = text.get(10..).filter(|rest| !rest.is_empty()) else { return Some(midnight) };
    let (clock, offset_us) = split_offset(rest.strip_prefix(['T', 't', ' '])?)?;
    let (seconds, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let bytes = seconds.as_bytes();
    if bytes.len() != 8 || bytes[2] != b':' || bytes[5] != b':' || fraction.len() > 6 {
        return None;
    }
    if clock.ends_with('.') {
        return None;
    }
    let (h, m, s) = (digits(&seconds[..2])?, digits(&seconds[3..5])?, digits(&seconds[6..])?);
    if h > 23 || m > 59 || s > 59 {
        return None;
    }
    let micros = if fraction.is_empty() { 0 } else { digits(&format!("{fraction:0<6}"))? };
    Some(midnight + i64::from(h * 3600 + m * 60 + s) * 1_000_000 + i64::from(micros) - offset_us)
}

/// The clock part and the offset from UTC in microseconds.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, 0)) };
    let (clock, offset) = text.split_at(at);
    let (h, m) = offset[1..].split_once(':')?;
    let minutes = i64::from(digits(h)? * 60 + digits(m)?);
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    (h.len() == 2 && m.len() == 2 && minutes < 24 * 60).then_some((clock, sign * minutes * 60_000_000))
}

fn digits(text: &str) -> Option<i32> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn days_in(year: i32, month: i32) -> i32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY_US, date, timestamp};

    #[test]
    fn dates() {
        assert_eq!(date("1970-01-01"), Some(0));
        assert_eq!(date("2000-02-29"), Some(11_016));
        assert_eq!(date("1969-12-31"), Some(-1));
        assert_eq!(date("0001-01-01"), Some(-719_162));
        assert_eq!(date("9999-12-31"), Some(2_932_896));
        for bad in [
            "1900-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-1-01",
            "24-01-01",
            "2024-01-32",
            "2024/01/01",
            "ä024-01-1",
        ] {
            assert_eq!(date(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_day_follows_the_last() {
        let mut expected = date("1999-01-01").unwrap();
        for year in 1999..2002 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(days) = date(&format!("{year}-{month:02}-{day:02}")) {
                        assert_eq!(days, expected);
                        expected += 1;
                    }
                }
            }
        }
    }

    #[test]
    fn timestamps() {
        assert_eq!(timestamp("1970-01-02"), Some(DAY_US));
        assert_eq!(timestamp("1970-01-01T00:00:01.5Z"), Some(1_500_000));
        assert_eq!(timestamp("1970-01-01 02:00:00+02:00"), Some(0));
        assert_eq!(timestamp("1970-01-01T00:00:00-01:00"), Some(3_600_000_000));
        for bad in [
            "1970-01-01T",
            "1970-01-01T24:00:00",
            "1970-01-01T00:00",
            "1970-01-01T00:00:00.",
            "x",
            "1970-01-01T00:00:00.1234567",
        ] {
            assert_eq!(timestamp(bad), None, "{bad}");
        }
    }
}

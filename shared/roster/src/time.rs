//! A point in time.

use std::{fmt, str::FromStr, time::Duration};

use time::{
    OffsetDateTime, PrimitiveDateTime, UtcDateTime,
    format_description::{StaticFormatDescription, well_known::Rfc3339},
    macros::{format_description, utc_datetime},
};
#[cfg(feature = "schema")]
use utoipa::openapi::{KnownFormat, SchemaFormat};

use super::by_text::{schema_of_text, serde_by_text};

const RFC_3339: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A point in time, to the millisecond, from 1970 to the end of 9999.
///
/// It is written as RFC 3339 has it, in UTC and always with three decimals:
/// `2026-11-23T08:37:46.000Z`. So texts sort as times do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The last point in time that can be written.
    pub const MAX: Self =
        Self(utc_datetime!(9999-12-31 23:59:59).unix_timestamp().unsigned_abs() * 1000 + 999);

    /// A number of milliseconds since the start of 1970, or [`Timestamp::MAX`] if that is later.
    #[must_use]
    pub fn from_millis(millis: u64) -> Self {
        Self(millis).min(Self::MAX)
    }

    /// Reads a time as callers may write it: in any form of RFC 3339, with an offset and decimals. Three decimals
    /// count.
    ///
    /// ```
    /// use roster::Timestamp;
    ///
    /// let noon = Timestamp::of_caller("2026-11-23T14:00:00+02:00")?;
    /// assert_eq!(noon.to_string(), "2026-11-23T12:00:00.000Z");
    /// # Ok::<(), roster::InvalidTimestamp>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If it has another form, or is before 1970.
    pub fn of_caller(text: &str) -> Result<Self, InvalidTimestamp> {
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTimestamp)?;
        let millis = time.unix_timestamp_nanos().div_euclid(1_000_000);
        u64::try_from(millis)
            .map(Self::from_millis)
            .map_err(|_| InvalidTimestamp)
    }

    /// The milliseconds since the start of 1970.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// The full seconds since the start of 1970, as tokens and expiring items count them.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// The point in time `duration` later, or [`Timestamp::MAX`] if that is earlier.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// How long after `earlier` this is; nothing if it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = UtcDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|time| time.format(RFC_3339).ok())
            .expect("every timestamp lies between the years 1970 and 9999");
        f.write_str(&text)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let time = PrimitiveDateTime::parse(text, RFC_3339).map_err(|_| InvalidTimestamp)?;
        let millis = time.as_utc().unix_timestamp_nanos() / 1_000_000;
        let parsed = u64::try_from(millis).map(Self).map_err(|_| InvalidTimestamp)?;
        // The parser takes a sign before the year.
        if text.len() == "1970-01-01T00:00:00.000Z".len() && parsed <= Self::MAX {
            Ok(parsed)
        } else {
            Err(InvalidTimestamp)
        }
    }
}

serde_by_text!(Timestamp);
schema_of_text!(Timestamp, "A point in time in UTC, to the millisecond", |text| {
    text.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples(["2026-11-23T08:37:46.000Z"])
});

/// The text is not a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a time such as 2026-11-23T08:37:46Z")]
pub struct InvalidTimestamp;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_is_written_in_utc_with_three_decimals() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_423_066_000, "2026-11-23T08:37:46.000Z"),
            (1_795_423_066_007, "2026-11-23T08:37:46.007Z"),
            (951_827_696_789, "2000-02-29T12:34:56.789Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_millis(millis).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp::from_millis(millis)));
        }
    }

    #[test]
    fn callers_write_times_in_any_form_of_rfc_3339() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-23T08:37:46.0071Z", 1_795_423_066_007),
            ("2026-11-23T09:37:46+01:00", 1_795_423_066_000),
        ] {
            assert_eq!(Timestamp::of_caller(text), Ok(Timestamp::from_millis(millis)));
        }
        for text in ["", "soon", "2026-11-23", "1969-12-31T23:59:59.999Z"] {
            assert_eq!(Timestamp::of_caller(text), Err(InvalidTimestamp), "{text}");
        }
    }

    #[test]
    fn a_time_in_any_other_form_is_refused() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T08:37:46Z",
            "2026-11-23T08:37:46.0Z",
            "2026-11-23T08:37:46.0000Z",
            "2026-11-23T08:37:46.000",
            "2026-11-23T08:37:46.000+00:00",
            "2026-11-23t08:37:46.000z",
            "2026-11-23 08:37:46.000Z",
            "2026-02-29T00:00:00.000Z",
            "2026-11-23T24:00:00.000Z",
            "2026-11-23T08:37:60.000Z",
            "+2026-11-23T08:37:46.000Z",
            "1969-12-31T23:59:59.999Z",
            "-001-11-23T08:37:46.000Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
        }
    }

    #[test]
    fn times_are_counted_in_milliseconds() {
        let noon = Timestamp::from_millis(43_200_500);

        assert_eq!(noon.seconds(), 43_200);
        assert_eq!(noon.plus(Duration::from_secs(2)).millis(), 43_202_500);
        assert_eq!(
            noon.plus(Duration::from_secs(2)).since(noon),
            Duration::from_secs(2)
        );
        assert_eq!(noon.since(noon.plus(Duration::from_secs(2))), Duration::ZERO);
        assert_eq!(noon.plus(Duration::MAX), Timestamp::MAX);
    }

    proptest! {
        #[test]
        fn a_time_reads_back_as_itself(millis in 0..=Timestamp::MAX.millis()) {
            let time = Timestamp::from_millis(millis);
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }

        #[test]
        fn texts_sort_as_times_do(
            one in 0..=Timestamp::MAX.millis(),
            other in 0..=Timestamp::MAX.millis(),
        ) {
            let (one, other) = (Timestamp::from_millis(one), Timestamp::from_millis(other));
            prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
        }
    }
}

//! What time it is. Only here, so that everything else can be given a time.

use time::OffsetDateTime;

/// The present time.
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// `time` in milliseconds since 1970.
pub(crate) fn millis(time: OffsetDateTime) -> u64 {
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}

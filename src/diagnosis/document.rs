//! How the values of a report stand in its JSON.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::{Duration, SystemTime};

/// The version of the document's form.
pub(super) const SCHEMA_VERSION: &str = "1.0";

/// Returns a point in time as RFC 3339 has it, to the second and in UTC. A clock that stands before
/// 1970 or after 9999, which RFC 3339 can't write, counts as the nearest that it can.
pub fn rfc3339(time: SystemTime) -> String {
    /// The last second of the year 9999.
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.unwrap_or_default().min(LAST);
    humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since).to_string()
}

/// A point in time.
pub(super) mod time {
    use super::{Deserialize, Deserializer, Serializer, SystemTime};

    #[cfg_attr(
        windows,
        expect(
            clippy::trivially_copy_pass_by_ref,
            reason = "serde hands a field over so"
        )
    )]
    pub(crate) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::rfc3339(*time))
    }

    /// Reads one; what is none is the start of 1970.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(from)?;
        Ok(humantime::parse_rfc3339(&text).unwrap_or(SystemTime::UNIX_EPOCH))
    }
}

/// A span of time in milliseconds.
pub(super) mod milliseconds {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands a field over so")]
    pub(crate) fn serialize<S: Serializer>(
        span: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        span.map(millis).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::deserialize(from)?.map(Duration::from_millis))
    }
}

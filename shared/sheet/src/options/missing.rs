//! What happens to the accounts that are not in the file of a whole roster.

use roster::{Code, Faults, Given};
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

use super::Mode;

/// What happens to enabled accounts that imports have made and that are not in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", schema(as = MissingAccounts))]
pub enum Missing {
    /// Nothing: nobody looks for them.
    #[default]
    Ignore,
    /// They are listed among the changes of the import.
    Report,
    /// They are listed and disabled, unless there are too many of them.
    Disable,
}

/// How large a share of the accounts may be disabled, in per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct MissingLimit(u8);

impl MissingLimit {
    /// Returns the number of per cent.
    #[must_use]
    pub fn per_cent(self) -> u8 {
        self.0
    }

    /// Returns whether `missing` of `accounts` are more than may be disabled.
    ///
    /// ```
    /// use sheet::MissingLimit;
    ///
    /// let tenth = MissingLimit::default();
    /// assert!(!tenth.is_exceeded(3, 30));
    /// assert!(tenth.is_exceeded(4, 30));
    /// ```
    #[must_use]
    pub fn is_exceeded(self, missing: u64, accounts: u64) -> bool {
        u128::from(missing) * 100 > u128::from(accounts) * u128::from(self.0)
    }
}

impl Default for MissingLimit {
    fn default() -> Self {
        Self(10)
    }
}

impl TryFrom<u8> for MissingLimit {
    type Error = &'static str;

    fn try_from(per_cent: u8) -> Result<Self, Self::Error> {
        if per_cent > 100 {
            return Err("more than 100 per cent");
        }
        Ok(Self(per_cent))
    }
}

impl From<MissingLimit> for u8 {
    fn from(limit: MissingLimit) -> Self {
        limit.0
    }
}

/// Reads what was given for the two options of an import with `mode`. `None` if one has a fault.
pub(super) fn read(
    faults: &mut Faults,
    mode: Option<Mode>,
    missing: &Given<'_>,
    limit: &Given<'_>,
) -> Option<(Missing, MissingLimit)> {
    const WORDS: [(&str, Missing); 3] = [
        ("ignore", Missing::Ignore),
        ("report", Missing::Report),
        ("disable", Missing::Disable),
    ];

    let chosen = faults.defaulted(missing, Missing::default(), |faults, given| {
        faults.choice("missing", given, &WORDS)
    });
    let chosen = match (chosen, mode) {
        (Some(Missing::Report | Missing::Disable), Some(Mode::Create | Mode::Validate)) => {
            let detail = "needs the mode upsert, because the file has to be the whole roster";
            faults.add("missing", (Code::InvalidFormat, detail), missing);
            None
        }
        (chosen, _) => chosen,
    };
    let limit = faults.defaulted(limit, MissingLimit::default(), |faults, given| {
        let number = match given {
            // A form has texts only.
            Given::Text(text) => text.trim().parse().ok(),
            given => given
                .number_in(0..=100)
                .and_then(|number| u8::try_from(number).ok()),
        };
        let limit = number.and_then(|number| MissingLimit::try_from(number).ok());
        if limit.is_none() {
            let detail = "must be a whole number from 0 to 100";
            faults.add("missingLimit", (Code::OutOfRange, detail), given);
        }
        limit
    });
    Some((chosen?, limit?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_share_is_too_much_whatever_the_numbers() {
        let limit = |per_cent: u8| MissingLimit::try_from(per_cent).unwrap();
        for (per_cent, missing, accounts, is_exceeded) in [
            (0, 0, 0, false),
            (0, 1, 1_000_000, true),
            (10, 1, 10, false),
            (10, 1, 9, true),
            (99, 99, 100, false),
            (99, 100, 100, true),
            (100, 7, 7, false),
            (100, u64::MAX, u64::MAX, false),
        ] {
            assert_eq!(
                limit(per_cent).is_exceeded(missing, accounts),
                is_exceeded,
                "{missing} of {accounts}, {per_cent} per cent"
            );
        }
        assert!(MissingLimit::try_from(101).is_err());
    }
}

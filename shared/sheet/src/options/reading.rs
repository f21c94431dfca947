//! How the file of an import is to be read.

use roster::{Code, Faults, Given};
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

use crate::{Delimiter, Encoding};

/// Whether the columns of a file are named by its first row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum HeaderRow {
    /// They are.
    #[default]
    Present,
    /// They are not: the sender says what they mean.
    Absent,
}

impl HeaderRow {
    /// Returns whether it is the one that is taken when none is named.
    #[must_use]
    pub fn is_present(&self) -> bool {
        *self == Self::Present
    }
}

/// A delimiter by the word that senders know.
pub(super) mod word {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::Delimiter;

    pub(in crate::options) fn serialize<D, S>(delimiter: &D, serializer: S) -> Result<S::Ok, S::Error>
    where
        D: Copy + Into<Option<Delimiter>>,
        S: Serializer,
    {
        let delimiter: Option<Delimiter> = (*delimiter).into();
        delimiter.map(Delimiter::word).serialize(serializer)
    }

    pub(in crate::options) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Delimiter>, D::Error> {
        let Some(word) = Option::<String>::deserialize(deserializer)? else {
            return Ok(None);
        };
        let known = Delimiter::ALL
            .into_iter()
            .find(|delimiter| delimiter.word() == word);
        let known = known.ok_or_else(|| serde::de::Error::custom("no such delimiter"));
        known.map(Some)
    }
}

/// Reads what was given for the encoding, the delimiter and the header. `None` if one has a fault.
pub(super) fn read(
    faults: &mut Faults,
    encoding: &Given<'_>,
    delimiter: &Given<'_>,
    header: &Given<'_>,
) -> Option<(Option<Encoding>, Option<Delimiter>, HeaderRow)> {
    const HEADERS: [(&str, HeaderRow); 2] = [("present", HeaderRow::Present), ("absent", HeaderRow::Absent)];
    let delimiters = Delimiter::ALL.map(|delimiter| (delimiter.word(), Some(delimiter)));

    let encoding = faults.defaulted(encoding, None, |faults, given| {
        let label = match given {
            Given::Text(label) => Encoding::of_label(label).map_err(|fault| fault.to_string()),
            _ => Err("must be a string".to_owned()),
        };
        match label {
            Ok(encoding) => Some(Some(encoding)),
            Err(detail) => {
                faults.add("encoding", (Code::InvalidFormat, detail), given);
                None
            }
        }
    });
    let delimiter = faults.defaulted(delimiter, None, |faults, given| {
        faults.choice("delimiter", given, &delimiters)
    });
    let header = faults.defaulted(header, HeaderRow::Present, |faults, given| {
        faults.choice("header", given, &HEADERS)
    });
    Some((encoding?, delimiter?, header?))
}

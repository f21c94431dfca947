//! What the columns of a file mean, as its sender says with the option `columns`.

use std::collections::{BTreeMap, HashMap};

use roster::invisible::trimmed;
use roster::{Member, bare};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::fault::FileFault;
use super::labels;

/// What the columns of a file mean, as its sender says; `None` leaves a column out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ColumnMapping {
    /// By header cell, or by `#` and position where no header cell is called so.
    ByName(BTreeMap<String, Option<Member>>),
    /// By position, for a file without a header.
    ByPosition(Vec<Option<Member>>),
}

/// Why a text is no [`ColumnMapping`]. The texts continue the option's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMapping {
    /// It is too long.
    #[error("is longer than {} KB; name only the columns that need it", ColumnMapping::MAX_BYTES / 1024)]
    TooLong,
    /// It has too many entries.
    #[error(
        "has more than {} entries; name only the columns that need it",
        ColumnMapping::MAX_ENTRIES
    )]
    TooMany,
    /// It is no JSON, or neither an object nor an array.
    #[error(
        "must be a JSON object that maps headers to members, such as {{\"Tel.\": \"mobileNumber\", \"Notes\": null}}, or an \
         array of members by position for a file without a header"
    )]
    NotJson,
    /// A key appears twice.
    #[error("has the key \"{0}\" twice; keep one of them")]
    RepeatedKey(String),
    /// A value is no member.
    #[error("maps {key} to {value}; use one of {members} or null", members = members())]
    UnknownMember {
        /// The key or the position, as messages show it.
        key: String,
        /// The value.
        value: String,
        /// What it was perhaps meant to be.
        nearest: Option<Member>,
    },
    /// Two columns are mapped to one member.
    #[error("maps both {first} and {second} to {member}; keep one of them")]
    RepeatedMember {
        /// The member.
        member: Member,
        /// One column.
        first: String,
        /// The other.
        second: String,
    },
}

impl ColumnMapping {
    /// Bytes of the longest mapping: with 1,000 entries a header cell has 16 bytes, which most are shorter than;
    /// and it is stored in the import's item, which has 400 KB.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// Entries of the longest mapping: no file of people that was ever seen has as many columns.
    pub const MAX_ENTRIES: usize = 1000;

    /// Reads a mapping from JSON.
    ///
    /// # Errors
    ///
    /// If it is none, or is too long.
    ///
    /// ```
    /// # use sheet::ColumnMapping;
    /// assert!(ColumnMapping::of_json(r##"{"Tel.": "mobileNumber", "#4": null}"##).is_ok());
    /// assert!(ColumnMapping::of_json(r#"{"Tel.": "shoeSize"}"#).is_err());
    /// ```
    pub fn of_json(json: &str) -> Result<Self, InvalidMapping> {
        if json.len() > Self::MAX_BYTES {
            return Err(InvalidMapping::TooLong);
        }
        let entries: Entries = serde_json::from_str(json).map_err(|_| InvalidMapping::NotJson)?;
        let (keys, values): (Vec<_>, Vec<_>) = match entries {
            Entries::Object(entries) => entries.into_iter().map(|(key, value)| (Some(key), value)).unzip(),
            Entries::Array(values) => values.into_iter().map(|value| (None, value)).unzip(),
        };
        if keys.len() > Self::MAX_ENTRIES {
            return Err(InvalidMapping::TooMany);
        }
        let is_array = keys.iter().any(Option::is_none) || json.trim_start().starts_with('[');
        let mut members = Vec::with_capacity(keys.len());
        let mut first = BTreeMap::new();
        let mut by_name = BTreeMap::new();
        for (position, (key, value)) in keys.into_iter().zip(values).enumerate() {
            let shown = match &key {
                Some(key) => quoted(key),
                None => format!("column {}", position + 1),
            };
            let member = read_member(&shown, &value)?;
            if let Some(member) = member
                && let Some(first) = first.insert(member, shown.clone())
            {
                let second = shown;
                return Err(InvalidMapping::RepeatedMember {
                    member,
                    first,
                    second,
                });
            }
            members.push(member);
            if let Some(key) = key {
                let name = trimmed(&key).to_owned();
                if by_name.insert(name.clone(), member).is_some() {
                    return Err(InvalidMapping::RepeatedKey(shown_key(&name)));
                }
            }
        }
        Ok(if is_array {
            Self::ByPosition(members)
        } else {
            Self::ByName(by_name)
        })
    }

    /// Returns what the columns of a header mean that the mapping names, by index.
    ///
    /// # Errors
    ///
    /// If no column has a key, or several have one that is mapped to a member.
    pub(super) fn columns(&self, header: &[String]) -> Result<BTreeMap<usize, Option<Member>>, FileFault> {
        let mut columns = BTreeMap::new();
        match self {
            Self::ByPosition(members) => {
                if members.len() > header.len() {
                    return Err(FileFault::unknown_keys(
                        vec![format!("#{}", members.len())],
                        header,
                    ));
                }
                columns.extend(members.iter().copied().enumerate());
            }
            Self::ByName(names) => {
                let columns_of = Header::new(header);
                let mut unknown = Vec::new();
                for (key, member) in names {
                    let found = columns_of.named(key);
                    if found.is_empty() {
                        unknown.push(key.clone());
                    }
                    if let (Some(member), [first, second, ..]) = (member, found.as_slice()) {
                        return Err(FileFault::repeated(*member, header, *first, *second));
                    }
                    columns.extend(found.into_iter().map(|column| (column, *member)));
                }
                if !unknown.is_empty() {
                    return Err(FileFault::unknown_keys(unknown, header));
                }
            }
        }
        Ok(columns)
    }
}

/// The columns of a header by what they are called.
struct Header<'h> {
    count: usize,
    exact: HashMap<&'h str, Vec<usize>>,
    like: HashMap<String, Vec<usize>>,
}

impl<'h> Header<'h> {
    fn new(header: &'h [String]) -> Self {
        let mut exact: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut like: HashMap<String, Vec<usize>> = HashMap::new();
        for (column, name) in header.iter().enumerate() {
            exact.entry(name).or_default().push(column);
            like.entry(bare(name)).or_default().push(column);
        }
        Self {
            count: header.len(),
            exact,
            like,
        }
    }

    /// Returns the columns that a key names: those that are called so, else those that are but for case and white
    /// space, else the one at the position.
    fn named(&self, key: &str) -> Vec<usize> {
        let bare_key = bare(key);
        let like = self.like.get(&bare_key).filter(|_| !bare_key.is_empty());
        if let Some(columns) = self.exact.get(key).or(like) {
            return columns.clone();
        }
        let position = key
            .strip_prefix('#')
            .and_then(|position| position.parse::<usize>().ok());
        let column = position.and_then(|position| position.checked_sub(1));
        column.filter(|column| *column < self.count).into_iter().collect()
    }
}

/// Reads the value of an entry.
fn read_member(key: &str, value: &serde_json::Value) -> Result<Option<Member>, InvalidMapping> {
    let nearest = match value {
        serde_json::Value::Null => return Ok(None),
        serde_json::Value::String(name) => match name.parse() {
            Ok(member) => return Ok(Some(member)),
            Err(_) => labels::meaning(name)
                .map(|meaning| meaning.member)
                .or_else(|| labels::nearest(name)),
        },
        _ => None,
    };
    Err(InvalidMapping::UnknownMember {
        key: key.to_owned(),
        value: shown_key(&value.to_string()),
        nearest,
    })
}

fn members() -> String {
    Member::ALL.map(Member::name).join(", ")
}

fn quoted(key: &str) -> String {
    format!("\"{}\"", shown_key(key))
}

/// Returns a key as messages show it: cut, and on one line.
fn shown_key(key: &str) -> String {
    const MAX: usize = 40;

    let mut chars = key.chars().map(|char| if char.is_control() { ' ' } else { char });
    let mut shown: String = chars.by_ref().take(MAX).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// A mapping before its values were read; keys that appear twice are kept.
enum Entries {
    Object(Vec<(String, serde_json::Value)>),
    Array(Vec<serde_json::Value>),
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectOrArray;

        impl<'de> Visitor<'de> for ObjectOrArray {
            type Value = Entries;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object or an array")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries::Object(entries))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Entries, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = seq.next_element()? {
                    values.push(value);
                }
                Ok(Entries::Array(values))
            }
        }

        deserializer.deserialize_any(ObjectOrArray)
    }
}

impl<'de> Deserialize<'de> for ColumnMapping {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What is stored was read once. A member that only a later version has makes the whole unknown, see
        // `ImportOptions`.
        let member = |value: serde_json::Value| read_member("a column", &value).map_err(D::Error::custom);
        match Entries::deserialize(deserializer)? {
            Entries::Object(entries) => {
                let entries = entries.into_iter().map(|(key, value)| Ok((key, member(value)?)));
                Ok(Self::ByName(entries.collect::<Result<_, D::Error>>()?))
            }
            Entries::Array(values) => {
                let members = values.into_iter().map(member);
                Ok(Self::ByPosition(members.collect::<Result<_, D::Error>>()?))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> String {
        ColumnMapping::of_json(json).unwrap_err().to_string()
    }

    fn header(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn an_object_maps_headers_and_an_array_positions() {
        let by_name =
            ColumnMapping::of_json(r##"{"Tel.": "mobileNumber", "Notes": null, "#4": null}"##).unwrap();
        let by_position = ColumnMapping::of_json(r#"["email", null, "lastName"]"#).unwrap();

        let columns = by_name
            .columns(&header(&["Tel.", "email", "Notes", "x", "y"]))
            .unwrap();
        assert_eq!(
            columns.into_iter().collect::<Vec<_>>(),
            [(0, Some(Member::MobileNumber)), (2, None), (3, None)]
        );
        assert_eq!(
            by_position,
            ColumnMapping::ByPosition(vec![Some(Member::Email), None, Some(Member::LastName)])
        );
        for mapping in [by_name, by_position] {
            let stored = serde_json::to_string(&mapping).unwrap();
            assert_eq!(serde_json::from_str::<ColumnMapping>(&stored).unwrap(), mapping);
        }
        assert!(serde_json::from_str::<ColumnMapping>(r#"{"a": "department"}"#).is_err());
    }

    #[test]
    fn positions_may_be_fewer_than_the_columns_and_not_more() {
        let mapping = ColumnMapping::of_json(r#"["email", null]"#).unwrap();

        for names in [&["a", "b"][..], &["a", "b", "c"]] {
            let columns = mapping.columns(&header(names)).unwrap();
            assert_eq!(
                columns.into_iter().collect::<Vec<_>>(),
                [(0, Some(Member::Email)), (1, None)]
            );
        }
        assert!(mapping.columns(&header(&["a"])).is_err());
    }

    #[test]
    fn a_mapping_that_is_none_says_what_is_allowed() {
        for (json, told) in [
            ("", "must be a JSON object"),
            ("{", "must be a JSON object"),
            ("7", "must be a JSON object"),
            ("\"email\"", "must be a JSON object"),
            (
                r#"{"a": "phone"}"#,
                "maps \"a\" to \"phone\"; use one of email, firstName",
            ),
            (r#"{"a": 7}"#, "maps \"a\" to 7; use one of"),
            (r#"["email", "boss"]"#, "maps column 2 to \"boss\""),
            (
                r#"{"a": "email", "b": "email"}"#,
                "maps both \"a\" and \"b\" to email",
            ),
            (
                r#"["email", "email"]"#,
                "maps both column 1 and column 2 to email",
            ),
            (r#"{"a": null, " a": "email"}"#, "has the key \"a\" twice"),
        ] {
            assert!(fault(json).starts_with(told), "{json}: {}", fault(json));
        }
        assert_eq!(
            ColumnMapping::of_json(r#"{"a": "phone"}"#),
            Err(InvalidMapping::UnknownMember {
                key: "\"a\"".to_owned(),
                value: "\"phone\"".to_owned(),
                nearest: Some(Member::MobileNumber),
            })
        );
    }

    #[test]
    fn a_mapping_is_bounded() {
        let entries = |count: usize| {
            let nulls: Vec<_> = (0..count).map(|_| "null").collect();
            format!("[{}]", nulls.join(","))
        };

        assert!(ColumnMapping::of_json(&entries(1000)).is_ok());
        assert_eq!(
            ColumnMapping::of_json(&entries(1001)),
            Err(InvalidMapping::TooMany)
        );
        let long = format!("{{\"{}\": null}}", "x".repeat(ColumnMapping::MAX_BYTES));
        assert_eq!(ColumnMapping::of_json(&long), Err(InvalidMapping::TooLong));
    }

    #[test]
    fn a_key_is_a_header_before_it_is_a_position() {
        let named = |key, names: Vec<String>| Header::new(&names).named(key);
        assert_eq!(named("#2", header(&["#2", "b"])), [0]);
        assert_eq!(named("#2", header(&["a", "b"])), [1]);
        assert_eq!(named("work e-mail", header(&["a", "Work E-Mail"])), [1]);
        assert_eq!(named("#0", header(&["a"])), [0; 0]);
        assert_eq!(named("#2", header(&["a"])), [0; 0]);
        assert_eq!(named("x", header(&["x", "x"])), [0, 1]);
    }

    #[test]
    fn a_key_that_no_column_has_refuses_the_file_and_lists_the_headers() {
        let mapping = ColumnMapping::of_json(r#"{"Telefon": "mobileNumber"}"#).unwrap();

        let fault = mapping
            .columns(&header(&["email", "Tel.", ""]))
            .unwrap_err()
            .to_string();

        assert_eq!(
            fault,
            "columns names \"Telefon\", and no column is called so; the file has the columns \"email\" and \"Tel.\""
        );
    }
}

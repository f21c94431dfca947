//! Serialising a value as the text that `Display` writes and `FromStr` reads.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};

/// Reads a value from a string without copying the string first.
pub(super) fn deserialize<'de, T, E, D>(
    deserializer: D,
    read: fn(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    E: fmt::Display,
    D: Deserializer<'de>,
{
    struct ByText<T, E>(fn(&str) -> Result<T, E>);

    impl<T, F: fmt::Display> Visitor<'_> for ByText<T, F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            (self.0)(text).map_err(|fault| E::custom(format_args!("the value {fault}")))
        }
    }

    deserializer.deserialize_str(ByText(read))
}

/// Implements `Serialize` and `Deserialize` for a type by its `Display` and `FromStr`.
macro_rules! serde_by_text {
    ($type:ty) => {
        $crate::by_text::serde_by_text!($type, <$type as std::str::FromStr>::from_str);
    };
    ($type:ty, $read:expr $(, const $limit:ident)?) => {
        impl $(<const $limit: usize>)? serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de $(, const $limit: usize)?> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::by_text::deserialize(deserializer, $read)
            }
        }
    };
}

/// Implements `Serialize` and `Deserialize` for a type by its `Display` and its `stored`, which reads what an earlier
/// version took as well.
macro_rules! serde_stored_text {
    ($type:ty $(, const $limit:ident)?) => {
        $crate::by_text::serde_by_text!($type, <$type>::stored $(, const $limit)?);
    };
}

/// Implements `ToSchema` for a type that is written as text, from what it is and what it has to be like.
macro_rules! schema_of_text {
    ($type:ty, $about:expr, |$text:ident| $rules:expr) => {
        #[cfg(feature = "schema")]
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let $text = utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::Type::String)
                    .description(Some($about));
                $rules.into()
            }
        }

        #[cfg(feature = "schema")]
        impl utoipa::ToSchema for $type {}
    };
}

pub(super) use schema_of_text;
pub(super) use serde_by_text;
pub(super) use serde_stored_text;

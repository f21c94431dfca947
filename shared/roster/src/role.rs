//! What an account may do.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, Serializer, de};
#[cfg(feature = "schema")]
use utoipa::openapi::{ArrayBuilder, Ref, RefOr, Schema};
#[cfg(feature = "schema")]
use utoipa::{PartialSchema, ToSchema};

/// A role. The rights of several roles add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[repr(u8)]
pub enum Role {
    /// Everything on users, imports and the dashboard.
    #[serde(rename = "ROLE_SYSTEM_ADMIN")]
    SystemAdmin,
    /// The same for accounts without an admin role; gives no admin role.
    #[serde(rename = "ROLE_USER_ADMIN")]
    UserAdmin,
    /// Their own record and contacts.
    #[serde(rename = "ROLE_ORIGINATOR")]
    Originator,
    /// Their own record and contacts.
    #[serde(rename = "ROLE_COLLABORATOR")]
    Collaborator,
    /// Reads their own record. Never given to a new account.
    #[serde(rename = "ROLE_ADHOC_COLLABORATOR")]
    AdhocCollaborator,
}

impl Role {
    /// Every role, in the order in which arrays of roles are written.
    pub const ALL: [Self; 5] = [
        Self::SystemAdmin,
        Self::UserAdmin,
        Self::Originator,
        Self::Collaborator,
        Self::AdhocCollaborator,
    ];

    /// Every role after its name in JSON.
    pub const BY_NAME: [(&str, Self); 5] = {
        let [a, b, c, d, e] = Self::ALL;
        [
            (a.as_str(), a),
            (b.as_str(), b),
            (c.as_str(), c),
            (d.as_str(), d),
            (e.as_str(), e),
        ]
    };

    /// The role's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SystemAdmin => "ROLE_SYSTEM_ADMIN",
            Self::UserAdmin => "ROLE_USER_ADMIN",
            Self::Originator => "ROLE_ORIGINATOR",
            Self::Collaborator => "ROLE_COLLABORATOR",
            Self::AdhocCollaborator => "ROLE_ADHOC_COLLABORATOR",
        }
    }

    /// The role that a person wrote into a file: without regard to case, spaces, `_` and `-`, and with or
    /// without `ROLE` before it.
    ///
    /// JSON takes [`Role::from_str`] instead; a draft made from a file holds the names it found here.
    ///
    /// ```
    /// # use roster::Role;
    /// assert_eq!(Role::from_label("user admin"), Some(Role::UserAdmin));
    /// assert_eq!(Role::from_label("wizard"), None);
    /// ```
    #[must_use]
    pub fn from_label(label: &str) -> Option<Self> {
        // As most files have it.
        let exact = Self::ALL.into_iter().find(|role| {
            let name = role.as_str();
            label.eq_ignore_ascii_case(name) || label.eq_ignore_ascii_case(&name["ROLE_".len()..])
        });
        if exact.is_some() {
            return exact;
        }
        let spelled = || {
            label
                .chars()
                .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-'))
                .map(|c| c.to_ascii_uppercase())
        };
        Self::ALL
            .into_iter()
            .find(|role| {
                let name = || role.as_str().chars().filter(|&c| c != '_');
                spelled().eq(name()) || spelled().eq(name().skip("ROLE".len()))
            })
            .or_else(|| {
                // What the role is called for short.
                let is_ad_hoc = spelled().eq("ADHOC".chars()) || spelled().eq("ROLEADHOC".chars());
                is_ad_hoc.then_some(Self::AdhocCollaborator)
            })
    }

    /// Returns the role's name as people write it into a file, which [`Role::from_label`] reads.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::SystemAdmin => "System admin",
            Self::UserAdmin => "User admin",
            Self::Originator => "Originator",
            Self::Collaborator => "Collaborator",
            Self::AdhocCollaborator => "Ad hoc collaborator",
        }
    }

    /// Returns the role that an unknown label was most likely meant to be: at most a third of the letters
    /// differ. Never an admin role, because nobody is to be given one by mistake.
    ///
    /// ```
    /// # use roster::Role;
    /// assert_eq!(Role::nearest("Orignator"), Some(Role::Originator));
    /// ```
    #[must_use]
    pub fn nearest(label: &str) -> Option<Self> {
        // Nothing longer is near to any of the names; and comparing takes time by length.
        const LONGEST: usize = 40;

        let spelled: String = label
            .chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .take(LONGEST + 1)
            .collect();
        let spelled = spelled.strip_prefix("role").unwrap_or(&spelled);
        if spelled.len() > LONGEST {
            return None;
        }
        let name = |role: Self| role.label().to_lowercase().replace(' ', "");
        let (distance, role) = Self::ALL
            .into_iter()
            .map(|role| (strsim::osa_distance(spelled, &name(role)), role))
            .min_by_key(|(distance, _)| *distance)?;
        let is_near = 3 * distance <= name(role).len().min(spelled.len());
        (is_near && !role.is_admin()).then_some(role)
    }

    /// Whether the role reaches other accounts.
    #[must_use]
    pub const fn is_admin(self) -> bool {
        matches!(self, Self::SystemAdmin | Self::UserAdmin)
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(UnknownRole)
    }
}

/// The text names no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a role")]
pub struct UnknownRole;

/// A set of roles, written as an array in the order of [`Role::ALL`].
///
/// An account's set is never empty: the drafts refuse that, and so does reading one back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Roles(u8);

impl Roles {
    /// No role.
    pub const NONE: Self = Self(0);

    /// Every role.
    pub const ALL: Self = Self((1 << Role::ALL.len()) - 1);

    /// The roles that reach other accounts.
    pub const ADMIN: Self = Self::NONE.with(Role::SystemAdmin).with(Role::UserAdmin);

    /// The set and one more role.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | 1 << role as u8)
    }

    /// The set without one role.
    #[must_use]
    pub const fn without(self, role: Role) -> Self {
        Self(self.0 & !(1 << role as u8))
    }

    /// Whether the role is in the set.
    #[must_use]
    pub const fn contains(self, role: Role) -> bool {
        self.0 >> role as u8 & 1 == 1
    }

    /// Whether the sets have a role in common.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether every role of `other` is in this set.
    #[must_use]
    pub const fn is_superset(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no role is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The roles, in the order of [`Role::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |&role| self.contains(role))
    }
}

impl From<Role> for Roles {
    fn from(role: Role) -> Self {
        Self::NONE.with(role)
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::NONE, Self::with)
    }
}

impl Serialize for Roles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(feature = "schema")]
impl PartialSchema for Roles {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(Ref::from_schema_name(Role::name()))
            .min_items(Some(1))
            .unique_items(true)
            .into()
    }
}

#[cfg(feature = "schema")]
impl ToSchema for Roles {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Role::name().into_owned(), Role::schema()));
    }
}

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Array;

        impl<'de> de::Visitor<'de> for Array {
            type Value = Roles;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of at least one role")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut array: A) -> Result<Roles, A::Error> {
                let mut roles = Roles::NONE;
                while let Some(role) = array.next_element()? {
                    roles = roles.with(role);
                }
                if roles.is_empty() {
                    return Err(de::Error::invalid_length(0, &self));
                }
                Ok(roles)
            }
        }

        deserializer.deserialize_seq(Array)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_role_has_one_name_in_json() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        for text in [
            "",
            "ROLE_",
            "ROLE_ADMIN",
            "role_originator",
            "Originator",
            " ROLE_ORIGINATOR",
        ] {
            assert_eq!(text.parse::<Role>(), Err(UnknownRole), "{text:?}");
        }
    }

    #[test]
    fn a_label_is_read_the_way_people_write_it() {
        for (label, role) in [
            ("ROLE_ORIGINATOR", Role::Originator),
            ("Originator", Role::Originator),
            (" originator ", Role::Originator),
            ("system admin", Role::SystemAdmin),
            ("SystemAdmin", Role::SystemAdmin),
            ("ROLE-USER-ADMIN", Role::UserAdmin),
            ("role adhoc_collaborator", Role::AdhocCollaborator),
            ("Collaborator", Role::Collaborator),
            ("Ad hoc", Role::AdhocCollaborator),
            ("ROLE_ADHOC", Role::AdhocCollaborator),
        ] {
            assert_eq!(Role::from_label(label), Some(role), "{label:?}");
        }
        for label in [
            "",
            "role",
            "ROLE_",
            "admin",
            "originators",
            "rolerole_originator",
            "órigínator",
        ] {
            assert_eq!(Role::from_label(label), None, "{label:?}");
        }
    }

    #[test]
    fn a_label_is_read_back_as_its_role() {
        for role in Role::ALL {
            assert_eq!(Role::from_label(role.label()), Some(role));
        }
    }

    #[test]
    fn a_misspelt_label_is_near_to_a_role_that_reaches_nobody_else() {
        for (label, role) in [
            ("Orignator", Some(Role::Originator)),
            ("ROLE_ORIGINATORS", Some(Role::Originator)),
            ("colaborator", Some(Role::Collaborator)),
            ("Sytem Admin", None),
            ("usr admin", None),
            ("admin", None),
            ("boss", None),
            ("", None),
        ] {
            assert_eq!(Role::nearest(label), role, "{label}");
        }
    }

    #[test]
    fn a_set_is_an_array_in_declared_order() {
        let roles: Roles = [Role::Collaborator, Role::SystemAdmin, Role::Collaborator]
            .into_iter()
            .collect();

        let json = serde_json::to_string(&roles).unwrap();

        assert_eq!(json, r#"["ROLE_SYSTEM_ADMIN","ROLE_COLLABORATOR"]"#);
        assert_eq!(serde_json::from_str::<Roles>(&json).unwrap(), roles);
    }

    #[test]
    fn a_stored_account_has_a_role() {
        assert!(serde_json::from_str::<Roles>("[]").is_err());
        assert!(serde_json::from_str::<Roles>(r#"["ROLE_KING"]"#).is_err());
    }

    #[test]
    fn sets_are_compared_by_their_members() {
        let both = Roles::from(Role::Originator).with(Role::UserAdmin);

        assert!(both.intersects(Roles::ADMIN));
        assert!(!both.without(Role::UserAdmin).intersects(Roles::ADMIN));
        assert!(Roles::ALL.is_superset(both));
        assert!(!both.is_superset(Roles::ADMIN));
        assert!(both.is_superset(Roles::NONE));
        assert_eq!(Roles::ADMIN.iter().filter(|role| role.is_admin()).count(), 2);
        assert_eq!(Roles::ALL.iter().collect::<Vec<_>>(), Role::ALL);
    }

    proptest! {
        #[test]
        fn any_label_is_a_role_or_none(label in any::<String>()) {
            let _ = Role::from_label(&label);
        }
    }
}

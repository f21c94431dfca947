//! A person in a user's own address book.

use serde::Serialize;
#[cfg(feature = "schema")]
use utoipa::ToSchema;

use super::{Change, ContactId, Email, Given, Member, Name, Timestamp, Violation, draft::Faults};

/// The members of a contact as they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[cfg_attr(feature = "schema", schema(rename_all = "camelCase"))]
#[expect(missing_docs, reason = "the members of the contact, unread")]
pub struct ContactDraft<'a> {
    #[cfg_attr(feature = "schema", schema(value_type = Email))]
    pub email: Given<'a>,
    #[cfg_attr(feature = "schema", schema(value_type = Option<Name>))]
    pub first_name: Given<'a>,
    #[cfg_attr(feature = "schema", schema(value_type = Option<Name>))]
    pub last_name: Given<'a>,
}

impl ContactDraft<'_> {
    /// Reads a new contact.
    ///
    /// # Errors
    ///
    /// Every fault of every member, in the order of the members.
    pub fn parse(self) -> Result<NewContact, Vec<Violation>> {
        let Self {
            email,
            first_name,
            last_name,
        } = self;
        let mut faults = Faults::default();

        let email = faults.required(Member::Email, &email);
        let first_name = faults.optional(Member::FirstName, &first_name);
        let last_name = faults.optional(Member::LastName, &last_name);

        faults.finish(email.map(|email| NewContact {
            email,
            first_name,
            last_name,
        }))
    }

    /// Reads a change of the contact that is `present`: it names the address in any case, a name that is absent stays as it
    /// is, and `null` takes a name away.
    ///
    /// # Errors
    ///
    /// Every fault of every member, in the order of the members.
    pub fn parse_patch(self, present: &Contact) -> Result<ContactPatch, Vec<Violation>> {
        let Self {
            email,
            first_name,
            last_name,
        } = self;
        let mut faults = Faults::default();

        let email = faults.address(&email, &present.email);
        let first_name = faults.change(Member::FirstName, &first_name, present.first_name.as_ref());
        let last_name = faults.change(Member::LastName, &last_name, present.last_name.as_ref());

        faults.finish(email.map(|email| ContactPatch {
            email,
            first_name,
            last_name,
        }))
    }
}

/// A sound contact that is not stored yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContact {
    /// Its address.
    pub email: Email,
    /// The person's first name.
    pub first_name: Option<Name>,
    /// The person's last name.
    pub last_name: Option<Name>,
}

/// A person in a user's own address book, who need not be a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The user's id. It never changes and is never reused.
    pub id: ContactId,
    /// Its address, which no other contact of the same owner holds.
    pub email: Email,
    /// The person's first name.
    pub first_name: Option<Name>,
    /// The person's last name.
    pub last_name: Option<Name>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
    /// How often it was changed; 0 when new.
    pub version: u64,
}

impl Contact {
    /// The contact that `new` describes, made `now`.
    #[must_use]
    pub fn new(id: ContactId, new: NewContact, now: Timestamp) -> Self {
        let NewContact {
            email,
            first_name,
            last_name,
        } = new;
        Self {
            id,
            email,
            first_name,
            last_name,
            created_at: now,
            modified_at: now,
            version: 0,
        }
    }

    /// The contact after a change made `now`.
    ///
    /// If the patch changes nothing, neither does the version. An address that is only spelled in another
    /// way is a change, though the two are equal as addresses.
    #[must_use]
    pub fn patched(&self, patch: ContactPatch, now: Timestamp) -> Self {
        let ContactPatch {
            email,
            first_name,
            last_name,
        } = patch;
        let mut contact = Self {
            email,
            first_name: first_name.applied_to(self.first_name.as_ref()),
            last_name: last_name.applied_to(self.last_name.as_ref()),
            ..self.clone()
        };
        if contact != *self || contact.email.as_str() != self.email.as_str() {
            contact.modified_at = now;
            contact.version += 1;
        }
        contact
    }
}

/// A sound change of a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactPatch {
    /// The address that it has from now on.
    pub email: Email,
    /// What becomes of the first name.
    pub first_name: Change<Name>,
    /// What becomes of the last name.
    pub last_name: Change<Name>,
}

/// A contact as its owner sees it.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", schema(as = Contact, example = json!({
    "id": "8f3f0f2c5a2e4c1e9a531f0a0f2f4d6b",
    "email": "grace@example.org",
    "firstName": "Grace",
    "lastName": "Hopper",
    "createdAt": "2026-11-23T08:37:46.000Z",
    "modifiedAt": "2026-11-23T08:37:46.000Z",
})))]
pub struct ContactView<'a> {
    id: ContactId,
    email: &'a Email,
    first_name: Option<&'a Name>,
    last_name: Option<&'a Name>,
    created_at: Timestamp,
    modified_at: Timestamp,
}

impl<'a> From<&'a Contact> for ContactView<'a> {
    fn from(contact: &'a Contact) -> Self {
        let Contact {
            id,
            email,
            first_name,
            last_name,
            created_at,
            modified_at,
            version: _,
        } = contact;
        Self {
            id: *id,
            email,
            first_name: first_name.as_ref(),
            last_name: last_name.as_ref(),
            created_at: *created_at,
            modified_at: *modified_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn bob() -> ContactDraft<'static> {
        ContactDraft {
            email: "Bob@example.org".into(),
            first_name: "Bob".into(),
            ..ContactDraft::default()
        }
    }

    fn stored() -> Contact {
        let id = ContactId::from_uuid(Uuid::from_u128(7));
        Contact::new(id, bob().parse().unwrap(), Timestamp::from_millis(1000))
    }

    fn later() -> Timestamp {
        Timestamp::from_millis(2000)
    }

    #[test]
    fn a_contact_is_shown_with_all_its_members() {
        assert_eq!(
            serde_json::to_value(ContactView::from(&stored())).unwrap(),
            json!({
                "id": "00000000000000000000000000000007",
                "email": "Bob@example.org",
                "firstName": "Bob",
                "lastName": null,
                "createdAt": "1970-01-01T00:00:01.000Z",
                "modifiedAt": "1970-01-01T00:00:01.000Z",
            })
        );
    }

    #[test]
    fn every_fault_of_a_contact_is_told() {
        let draft = ContactDraft {
            email: "bob".into(),
            first_name: Given::Flag(true),
            last_name: "B\0b".into(),
        };

        let faults = draft.parse().unwrap_err();

        let members: Vec<_> = faults.iter().map(|fault| fault.place.path()).collect();
        assert_eq!(members, ["email", "firstName", "lastName"]);
    }

    #[test]
    fn a_change_keeps_the_names_it_leaves_out_and_clears_those_it_nulls() {
        let kept = ContactDraft {
            first_name: Given::Absent,
            ..bob()
        }
        .parse_patch(&stored())
        .unwrap();
        let cleared = ContactDraft {
            first_name: Given::Null,
            last_name: "Builder".into(),
            ..bob()
        }
        .parse_patch(&stored())
        .unwrap();

        assert_eq!(stored().patched(kept, later()), stored());
        let cleared = stored().patched(cleared, later());
        assert_eq!(cleared.first_name, None);
        assert_eq!(cleared.last_name.unwrap().as_str(), "Builder");
        assert_eq!((cleared.version, cleared.modified_at), (1, later()));
    }

    #[test]
    fn a_change_needs_the_address() {
        let faults = ContactDraft {
            email: Given::Absent,
            ..bob()
        }
        .parse_patch(&stored())
        .unwrap_err();

        assert_eq!(faults[0].message(), "email is required");
    }

    #[test]
    fn another_spelling_of_the_address_is_a_change() {
        let patch = ContactDraft {
            email: "bob@example.org".into(),
            ..bob()
        }
        .parse_patch(&stored())
        .unwrap();

        let patched = stored().patched(patch, later());

        assert_eq!((patched.email.as_str(), patched.version), ("bob@example.org", 1));
    }
}

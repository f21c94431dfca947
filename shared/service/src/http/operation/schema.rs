//! What bodies are made of, told for the OpenAPI document.

use serde::Serialize;
use utoipa::openapi::schema::{AdditionalProperties, SchemaType};
use utoipa::openapi::{Object, ObjectBuilder, OneOfBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// The members of `T`, which is a struct.
#[must_use]
fn members<T: PartialSchema>() -> Object {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object,
        _ => Object::new(),
    }
}

/// An object without members, to be sent or answered.
#[derive(Serialize, ToSchema)]
#[schema(as = Empty)]
pub struct Nothing {}

/// Adds a member to `object`.
pub fn add(object: &mut Object, name: &str, member: impl Into<RefOr<Schema>>) {
    object.properties.insert(name.to_owned(), member.into());
}

/// Adds the members `names` of `T` to `object`, as members that are given by the service.
pub fn add_read_only<T: PartialSchema>(object: &mut Object, names: &[&str]) {
    for (name, mut member) in members::<T>().properties {
        if names.contains(&name.as_str()) {
            mark_read_only(&mut member);
            object.properties.insert(name, member);
        }
    }
}

/// Puts `readOnly` beside what `member` is. An `allOf` of the two would be read by few generators.
fn mark_read_only(member: &mut RefOr<Schema>) {
    match member {
        RefOr::Ref(reference) => reference.read_only = Some(true),
        RefOr::T(Schema::Object(object)) => object.read_only = Some(true),
        RefOr::T(Schema::OneOf(choice)) => choice.read_only = Some(true),
        // No record has a member of another form that the service gives.
        RefOr::T(_) => {}
    }
}

/// Lets the members `names` of `object` be `null`.
pub fn nullable(object: &mut Object, names: &[&str]) {
    for name in names {
        if let Some(RefOr::T(Schema::Object(member))) = object.properties.get_mut(*name)
            && let SchemaType::Type(kind) = &member.schema_type
        {
            member.schema_type = SchemaType::from_iter([kind.clone(), Type::Null]);
        } else if let Some(member) = object.properties.get_mut(*name) {
            let null = ObjectBuilder::new().schema_type(Type::Null);
            *member = OneOfBuilder::new().item(null).item(member.clone()).into();
        }
    }
}

/// `T`, without any other member. What `T` is to the code is not what it is to the sender.
pub(super) fn closed<T: PartialSchema>() -> Object {
    let mut object = members::<T>();
    object.description = None;
    object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    object
}

/// Demands every member of an answer: one without a value is `null`, never missing.
pub(super) fn whole(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => object.required = object.properties.keys().cloned().collect(),
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter_mut().for_each(whole),
        _ => {}
    }
}

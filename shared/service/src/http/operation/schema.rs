//! What bodies are made of, told for the OpenAPI document.

use serde::Serialize;
use utoipa::openapi::schema::{AdditionalProperties, SchemaType};
use utoipa::openapi::{AllOfBuilder, Object, ObjectBuilder, OneOfBuilder, RefOr, Schema, Type};
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
pub struct Nothing {}

/// Adds a member to `object`.
pub fn add(object: &mut Object, name: &str, member: impl Into<RefOr<Schema>>) {
    object.properties.insert(name.to_owned(), member.into());
}

/// Adds the members `names` of `T` to `object`, as members that are given by the service.
pub fn add_read_only<T: PartialSchema>(object: &mut Object, names: &[&str]) {
    for (name, member) in members::<T>().properties {
        if names.contains(&name.as_str()) {
            let read_only = ObjectBuilder::new()
                .read_only(true)
                .schema_type(SchemaType::AnyValue);
            let member = AllOfBuilder::new().item(member).item(read_only);
            object.properties.insert(name, member.into());
        }
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

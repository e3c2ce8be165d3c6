//! Entities: who asks, for what, and what is expected.

use crate::key_id::KeyId;
use crate::references::Register;
use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use std::sync::LazyLock;

/// The id of the measurement of a node that has none; no reference set can hold it.
pub(crate) const NO_MEASUREMENT: &str = "none";

/// Entity types of the schema, parsed once.
pub(crate) struct Types {
    node: EntityTypeName,
    key: EntityTypeName,
    measurement: EntityTypeName,
    reference_set: EntityTypeName,
    tenant: EntityTypeName,
    action: EntityTypeName,
}

static TYPES: LazyLock<Types> = LazyLock::new(|| Types {
    node: named("Node"),
    key: named("Key"),
    measurement: named("Measurement"),
    reference_set: named("ReferenceSet"),
    tenant: named("Tenant"),
    action: named("Action"),
});

#[expect(clippy::expect_used, reason = "six literal identifiers, all parsed by any test that decides")]
fn named(name: &'static str) -> EntityTypeName {
    name.parse().expect("an identifier")
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

/// The node that asks. One decision has one node, so its id says nothing.
pub(crate) fn node() -> EntityUid {
    uid(&TYPES.node, "node")
}

pub(crate) fn key(key: &KeyId) -> EntityUid {
    uid(&TYPES.key, key.as_str())
}

pub(crate) fn tenant(name: &str) -> EntityUid {
    uid(&TYPES.tenant, name)
}

pub(crate) fn reference_set(name: &str) -> EntityUid {
    uid(&TYPES.reference_set, name)
}

pub(crate) fn release() -> EntityUid {
    uid(&TYPES.action, "release")
}

/// `Measurement::"sev-snp/measurement/…"`: kind of evidence, register, digest.
pub(crate) fn measurement(register: &Register) -> EntityUid {
    uid(&TYPES.measurement, &register.entity_id())
}

/// The measurement of this id.
pub(crate) fn measurement_named(id: &str) -> EntityUid {
    uid(&TYPES.measurement, id)
}

pub(crate) fn no_measurement() -> EntityUid {
    uid(&TYPES.measurement, NO_MEASUREMENT)
}

fn id_of<'a>(kind: &EntityTypeName, uid: &'a EntityUid) -> Option<&'a str> {
    (uid.type_name() == kind).then(|| uid.id().unescaped())
}

/// The name, if the entity is a reference set.
pub(crate) fn as_reference_set(uid: &EntityUid) -> Option<&str> {
    id_of(&TYPES.reference_set, uid)
}

/// The key id, if the entity is a key.
pub(crate) fn as_key(uid: &EntityUid) -> Option<&str> {
    id_of(&TYPES.key, uid)
}

/// The name, if the entity is a tenant.
pub(crate) fn as_tenant(uid: &EntityUid) -> Option<&str> {
    id_of(&TYPES.tenant, uid)
}

/// The id, if the entity is a measurement.
pub(crate) fn as_measurement(uid: &EntityUid) -> Option<&str> {
    id_of(&TYPES.measurement, uid)
}

/// Whether the entity is a node.
pub(crate) fn is_node(uid: &EntityUid) -> bool {
    *uid.type_name() == TYPES.node
}

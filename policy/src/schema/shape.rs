//! How a Rust value looks in Cedar: its type for the schema and its value for a decision, from one place.

use super::entity;
use crate::references::Register;
use cedar_policy::RestrictedExpression;
use hanzo_attestation::event_log::SecureBootState;
use hanzo_attestation::{Product, TcbStatus, dcap, snp, tdx, tpm};
use hanzo_attestation_evidence::{Digest, Hex, UnixTime, nvidia, tpm::Name};
use serde::Serialize;

/// The values that an attribute can have, where its Cedar type says too little. Of a set: its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    /// Every value of the type.
    Any,
    /// Integers from the first to the second.
    Range(i64, i64),
    /// One of these words.
    Words(Vec<String>),
    /// Lower-case hex of one of these numbers of bytes; of any number where none is named.
    Hex(Vec<usize>),
}

/// A Cedar type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Long,
    String,
    StringSet,
    /// An entity of the type `Measurement`.
    Measurement,
    MeasurementSet,
    /// An entity of the type `Tenant`.
    Tenant,
    /// A named record.
    Record(&'static str, Vec<Attribute>),
}

/// One attribute of a record or an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) kind: Type,
    pub(crate) required: bool,
    pub(crate) domain: Domain,
}

/// A Rust value with a place in the schema.
pub(crate) trait Shape {
    /// Whether a value always exists; `false` for `Option` alone.
    const REQUIRED: bool = true;
    fn shape() -> Type;
    /// Which values of that type there can be.
    fn domain() -> Domain {
        Domain::Any
    }
    /// The Cedar value; `None` leaves the attribute out.
    fn value(&self) -> Option<RestrictedExpression>;
}

/// The attribute that a getter reads. Its type is the getter's.
pub(crate) fn attribute<C, T: Shape>(name: &'static str, _: fn(&C) -> T) -> Attribute {
    Attribute { name, kind: T::shape(), required: T::REQUIRED, domain: T::domain() }
}

/// The value that a getter reads.
pub(crate) fn read<C, T: Shape>(claims: &C, get: fn(&C) -> T) -> Option<RestrictedExpression> {
    get(claims).value()
}

/// A value that is a record: its fields by name, absent ones left out.
pub(crate) trait Record {
    fn attributes() -> Vec<Attribute>;
    fn fields(&self) -> Vec<(&'static str, RestrictedExpression)>;
}

/// Declares a record of the schema from fields of a type, with the values read from the same fields. The
/// second list has fields that are computed.
macro_rules! record {
    ($claims:ty as $name:literal { $($field:ident),* $(,)? } $(and { $($extra:ident = $read:expr),* $(,)? })?) => {
        impl $crate::schema::shape::Record for $claims {
            fn attributes() -> Vec<$crate::schema::shape::Attribute> {
                use $crate::schema::shape::attribute;
                vec![
                    $(attribute::<$claims, _>(stringify!($field), |claims| claims.$field.clone()),)*
                    $($(attribute::<$claims, _>(stringify!($extra), $read),)*)?
                ]
            }

            fn fields(&self) -> Vec<(&'static str, cedar_policy::RestrictedExpression)> {
                use $crate::schema::shape::read;
                let fields = [
                    $((stringify!($field), read::<$claims, _>(self, |claims| claims.$field.clone())),)*
                    $($((stringify!($extra), read::<$claims, _>(self, $read)),)*)?
                ];
                fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
            }
        }

        impl $crate::schema::shape::Shape for $claims {
            fn shape() -> $crate::schema::shape::Type {
                $crate::schema::shape::Type::Record($name, <Self as $crate::schema::shape::Record>::attributes())
            }

            fn value(&self) -> Option<cedar_policy::RestrictedExpression> {
                let fields = $crate::schema::shape::Record::fields(self);
                let named = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
                // Refused only for a name given twice, which is no valid schema either.
                cedar_policy::RestrictedExpression::new_record(named).ok()
            }
        }
    };
}
pub(crate) use record;

impl Shape for bool {
    fn shape() -> Type {
        Type::Bool
    }
    fn value(&self) -> Option<RestrictedExpression> {
        Some(RestrictedExpression::new_bool(*self))
    }
}

macro_rules! long {
    ($($number:ty),*) => {$(
        impl Shape for $number {
            fn shape() -> Type {
                Type::Long
            }
            fn domain() -> Domain {
                Domain::Range(0, i64::from(<$number>::MAX))
            }
            fn value(&self) -> Option<RestrictedExpression> {
                Some(RestrictedExpression::new_long(i64::from(*self)))
            }
        }
    )*};
}
long!(u8, u16, u32);

/// A field of 64 bits does not fit Cedar's signed `Long`: it is 16 lower-case hex digits.
impl Shape for u64 {
    fn shape() -> Type {
        Type::String
    }
    fn domain() -> Domain {
        Domain::Hex(vec![8])
    }
    fn value(&self) -> Option<RestrictedExpression> {
        Some(RestrictedExpression::new_string(format!("{self:016x}")))
    }
}

impl Shape for String {
    fn shape() -> Type {
        Type::String
    }
    fn value(&self) -> Option<RestrictedExpression> {
        Some(RestrictedExpression::new_string(self.clone()))
    }
}

impl Shape for Vec<String> {
    fn shape() -> Type {
        Type::StringSet
    }
    fn value(&self) -> Option<RestrictedExpression> {
        Some(RestrictedExpression::new_set(self.iter().cloned().map(RestrictedExpression::new_string)))
    }
}

impl Shape for Digest {
    fn shape() -> Type {
        Type::String
    }
    fn domain() -> Domain {
        // SHA-256, SHA-384, SHA-512: all that a `Digest` can be.
        Domain::Hex(vec![32, 48, 64])
    }
    fn value(&self) -> Option<RestrictedExpression> {
        Some(RestrictedExpression::new_string(self.to_string()))
    }
}

impl<const N: usize> Shape for Hex<N> {
    fn shape() -> Type {
        Type::String
    }
    fn domain() -> Domain {
        Domain::Hex(vec![N])
    }
    fn value(&self) -> Option<RestrictedExpression> {
        Some(RestrictedExpression::new_string(self.to_string()))
    }
}

/// Seconds since the epoch, as `context.now` is.
impl Shape for UnixTime {
    fn shape() -> Type {
        Type::Long
    }
    fn domain() -> Domain {
        Domain::Range(0, Self::MAX.seconds())
    }
    fn value(&self) -> Option<RestrictedExpression> {
        Some(RestrictedExpression::new_long(self.seconds()))
    }
}

impl Shape for Register {
    fn shape() -> Type {
        Type::Measurement
    }
    fn value(&self) -> Option<RestrictedExpression> {
        Some(RestrictedExpression::new_entity_uid(entity::measurement(self)))
    }
}

impl<T: Shape> Shape for Option<T> {
    const REQUIRED: bool = false;
    fn shape() -> Type {
        T::shape()
    }
    fn domain() -> Domain {
        T::domain()
    }
    fn value(&self) -> Option<RestrictedExpression> {
        self.as_ref().and_then(Shape::value)
    }
}

impl<T: Shape> Shape for Box<T> {
    const REQUIRED: bool = T::REQUIRED;
    fn shape() -> Type {
        T::shape()
    }
    fn domain() -> Domain {
        T::domain()
    }
    fn value(&self) -> Option<RestrictedExpression> {
        T::value(self)
    }
}

/// An enumeration is its name in answers, e.g. `milan`. All its variants are named here.
macro_rules! named {
    ($($choice:ty { $($variant:ident),* $(,)? })*) => {$(
        impl Shape for $choice {
            fn shape() -> Type {
                Type::String
            }
            fn domain() -> Domain {
                // A variant that is not listed does not compile.
                let listed = |choice: &Self| match choice {
                    $(Self::$variant => wire_name(choice)),*
                };
                Domain::Words([$(Self::$variant),*].iter().filter_map(listed).collect())
            }
            fn value(&self) -> Option<RestrictedExpression> {
                Some(RestrictedExpression::new_string(wire_name(self)?))
            }
        }
    )*};
}
named! {
    Product { Milan, Genoa, Turin, IntelTdx, IntelSgx }
    TcbStatus {
        NotRated, Unknown, UpToDate, SwHardeningNeeded, ConfigurationNeeded,
        ConfigurationAndSwHardeningNeeded, OutOfDate, OutOfDateConfigurationNeeded, TdRelaunchAdvised,
        TdRelaunchAdvisedConfigurationNeeded, Revoked, NotRecognized,
    }
    snp::Vek { Vcek, Vlek }
    tdx::BodyKind { Td10, Td15 }
    dcap::PckCa { Platform, Processor }
    SecureBootState { Enabled, Disabled, Unknown }
    tpm::Scheme { Rsassa, Rsapss, Ecdsa }
    tpm::SigningHash { Sha256, Sha384, Sha512 }
    tpm::Hierarchy { Owner, Endorsement, Platform, Null }
    tpm::TpmKind { Discrete, Firmware, VirtualHost, VirtualInTee }
    nvidia::Mode { Spt, Mpt, Ppcie, Unknown }
}

/// The name of a TPM's object: the id of its hash function, then the digest.
impl Shape for Name {
    fn shape() -> Type {
        Type::String
    }
    fn domain() -> Domain {
        Domain::Hex(Vec::new())
    }
    fn value(&self) -> Option<RestrictedExpression> {
        Some(RestrictedExpression::new_string(wire_name(self)?))
    }
}

/// The name under which an enumeration appears in answers.
pub(crate) fn wire_name(choice: &impl Serialize) -> Option<String> {
    serde_json::to_value(choice).ok()?.as_str().map(str::to_owned)
}

//! Verified claims as JSON that has one canonical form.

use hanzo_attestation_evidence::json;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Claims whose canonical form loses nothing. RFC 8785 writes numbers as doubles, so that two integers
/// above 2^53 could share a form, and a hash: such integers are decimal strings here, as RFC 7493 advises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Claims(Value);

/// Claims with a number that has no exact canonical form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// An integer beyond ±(2^53 − 1).
    #[error("{0} is beyond 2^53 - 1 and has to be written as a string")]
    IntegerOutOfRange(String),
    /// A number with a fraction or an exponent.
    #[error("{0} is no integer")]
    Float(String),
}

impl Claims {
    /// Takes claims; numbers that a double does not hold exactly become decimal strings.
    #[must_use]
    pub fn new(mut value: Value) -> Self {
        write_large_numbers_as_strings(&mut value);
        Self(value)
    }

    /// The claims.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.0
    }
}

impl TryFrom<Value> for Claims {
    type Error = ClaimsError;

    fn try_from(value: Value) -> Result<Self, ClaimsError> {
        check(&value)?;
        Ok(Self(value))
    }
}

fn check(value: &Value) -> Result<(), ClaimsError> {
    match value {
        Value::Number(number) if number.is_f64() => Err(ClaimsError::Float(number.to_string())),
        Value::Number(number) if !json::is_exact(number) => {
            Err(ClaimsError::IntegerOutOfRange(number.to_string()))
        }
        Value::Array(items) => items.iter().try_for_each(check),
        Value::Object(members) => members.values().try_for_each(check),
        _ => Ok(()),
    }
}

fn write_large_numbers_as_strings(value: &mut Value) {
    match value {
        Value::Number(number) if !json::is_exact(number) => {
            *value = Value::String(number.to_string());
        }
        Value::Array(items) => items.iter_mut().for_each(write_large_numbers_as_strings),
        Value::Object(members) => members.values_mut().for_each(write_large_numbers_as_strings),
        _ => {}
    }
}

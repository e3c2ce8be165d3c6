//! Credential activation, the half that needs no IO (part 1, 24; part 3, 12.5 and 12.6).
//!
//! It ties an attestation key to an endorsement key that a manufacturer certified, without an authority over
//! attestation keys:
//!
//! 1. The node sends the public area and the certificates of its endorsement key, and the public area of its
//!    attestation key. [`Ek::verify`] checks the first (TPM-28, TPM-29), [`ak_public`] the second (TPM-08 to
//!    10).
//! 2. The broker draws a secret, and [`make_credential`] encrypts it so that only a TPM that holds both the
//!    endorsement key and an object with the attestation key's Name decrypts it (TPM2_MakeCredential).
//! 3. The node answers with what TPM2_ActivateCredential returns. If it is the secret (compare in constant
//!    time, once, within its lifetime: that is the broker's part), [`ActivationKey::seal`] writes a
//!    [`Record`].
//! 4. The node sends the record with each quote, as `activation` beside `ak_tpmt`. Verification opens it with
//!    the keys of [`Roots::with_activation_key`](crate::Roots::with_activation_key) (TPM-33), and the
//!    attestation key is trusted as [`AkTrust::Activation`](super::AkTrust::Activation) until the record
//!    expires.

mod credential;
mod ek;
mod kdf;
mod record;

pub use credential::{Credential, CredentialError, MAX_SECRET, make_credential};
pub use ek::{Ek, ak_public};
pub use record::{ActivationError, ActivationKey, MAX_RECORD, Record};

pub(super) use record::open;

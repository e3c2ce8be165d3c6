//! The identity key: can it sign?

use super::checks::probe;
use super::{Check, Verdict};
use crate::config::{Config, IdentityChoice};
use hanzo_attestation_evidence::Binding;
use hanzo_node_attester::KeyFileError;

const CHECK: &str = "identity";

/// Reads the key and signs with it, where one is named.
pub(super) fn key(config: &Config) -> Option<Check> {
    let choice = config.identity.as_ref()?;
    Some(match probe(config) {
        Ok(binding) => signs(choice, &binding),
        Err(reason) => Check::new(CHECK, Verdict::Fail, reason, "check the system's random source"),
    })
}

fn signs(choice: &IdentityChoice, binding: &Binding) -> Check {
    let identity = match choice.load() {
        Ok(identity) => identity,
        Err(error) => return Check::new(CHECK, Verdict::Fail, error.to_string(), cure(&error)),
    };
    let public = identity.public();
    match identity.item(binding) {
        Ok(_) => Check::ok(
            CHECK,
            format!(
                "{} signs; the broker must have it registered: {} {}",
                choice.key_id,
                public.algorithm.name(),
                public.base64()
            ),
        ),
        Err(error) => Check::new(CHECK, Verdict::Fail, error.to_string(), "check the system's random source"),
    }
}

fn cure(error: &KeyFileError) -> &'static str {
    match error {
        KeyFileError::Mode { .. } => {
            "chmod 600 the file; if others could read it, make a new key and register that one"
        }
        KeyFileError::Io { .. } => {
            "set identity.key to a file that this user can read; `hanzo-node identity create FILE` makes one"
        }
        KeyFileError::NotAFile { .. } | KeyFileError::TooLarge { .. } => {
            "set identity.key to the key's own file"
        }
        KeyFileError::Pem { .. } | KeyFileError::NotAKey { .. } => {
            "give a PKCS#8 key of Ed25519 or P-256 that is not encrypted (`openssl pkcs8 -topk8 -nocrypt` converts)"
        }
        KeyFileError::Exists { .. } | KeyFileError::Random => "check the system's random source",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hanzo_attestation_evidence::identity::KeyId;
    use hanzo_attestation_evidence::{Kem, Recipient};
    use hanzo_node_attester::IdentityKey;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn check(path: &std::path::Path) -> Check {
        let recipient = Recipient::new(Kem::X25519HkdfSha256, vec![9; 32]).unwrap();
        let binding = Binding::new("doctor", &recipient, None, &[]).unwrap();
        signs(&IdentityChoice { key_id: KeyId::parse("n").unwrap(), key: path.to_owned() }, &binding)
    }

    #[test]
    fn a_key_that_signs_is_well_and_each_other_one_has_its_own_cure() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let missing = check(&path);
        let public = IdentityKey::create(&path).ok().unwrap().public();
        let well = check(&path);
        assert_eq!((well.verdict, well.cure), (Verdict::Ok, None));
        assert!(well.detail.contains(&public.base64()));

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let open = check(&path);
        fs::write(&path, "no key").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let malformed = check(&path);
        let folder = check(dir.path());
        let mut cures = Vec::new();
        for check in [missing, open, malformed, folder] {
            assert_eq!(check.verdict, Verdict::Fail);
            let cure = check.cure.unwrap();
            assert!(!cures.contains(&cure), "{cure}");
            cures.push(cure);
        }
    }
}

//! What can be wrong with a lab TPM's quote, its key, and the certificates of its keys.

use super::TpmOrder;
use crate::defect::defects;

defects! {
    /// One defect of a TPM item. All signatures that the defect does not concern are made over the defective
    /// bytes.
    TpmDefect {
        /// One byte follows the TPMS_ATTEST.
        AttestTrailing = "attest-trailing" breaks "TPM-01" "TpmAttestMalformed",
        /// The last byte of the TPMS_ATTEST is missing.
        AttestTruncated = "attest-truncated" breaks "TPM-01" "TpmAttestMalformed",
        /// A magic that no TPM writes.
        Magic = "magic" breaks "TPM-02" "TpmMagic",
        /// The certification of a key.
        Certify = "certify" breaks "TPM-03" "TpmNotAQuote",
        /// The contents of an NV index.
        NvContents = "nv-contents" breaks "TPM-03" "TpmNotAQuote",
        /// One byte follows the TPMT_SIGNATURE.
        SignatureTrailing = "signature-trailing" breaks "TPM-04" "TpmSignatureMalformed",
        /// Signed with another scheme than the key is bound to.
        SignatureScheme = "signature-scheme" breaks "TPM-05" "TpmSignatureKeyMismatch",
        /// An HMAC.
        Hmac = "hmac" breaks "TPM-06" "TpmSignatureAlgorithm",
        /// No signature scheme at all.
        NullScheme = "null-scheme" breaks "TPM-06" "TpmSignatureAlgorithm",
        /// Signed over SHA-1.
        Sha1 = "sha-1" breaks "TPM-07" "TpmWeakHash",
        /// One byte follows the TPMT_PUBLIC.
        AkTrailing = "ak-trailing" breaks "TPM-08" "TpmAkMalformed",
        /// The TPMT_PUBLIC is of another key.
        AkOther = "ak-other" breaks "TPM-08" "TpmAkMalformed",
        /// The key also signs what the TPM did not make.
        AkUnrestricted = "ak-unrestricted" breaks "TPM-09" "TpmAkAttributes",
        /// The key also decrypts.
        AkDecrypts = "ak-decrypts" breaks "TPM-09" "TpmAkAttributes",
        /// The key may leave its TPM.
        AkNotFixed = "ak-not-fixed" breaks "TPM-09" "TpmAkAttributes",
        /// The key was not made in the TPM.
        AkImported = "ak-imported" breaks "TPM-09" "TpmAkAttributes",
        /// RSA with 1024 bits.
        AkShort = "ak-short" breaks "TPM-10" "TpmAkWeak",
        /// RSA with the exponent 3.
        AkExponent = "ak-exponent" breaks "TPM-10" "TpmAkWeak",
        /// Nothing says whose key it is.
        AkUncertified = "ak-uncertified" breaks "TPM-11" "TpmAkUntrusted",
        /// The key's certificate is of an authority that nobody configured.
        AkOwnAuthority = "ak-own-authority" breaks "TPM-11" "TpmAkUntrusted",
        /// A qualified signer that is no Name of the key's hash function.
        Signer = "signer" breaks "TPM-12" "TpmSignerNameMismatch",
        /// The firmware version is altered after signing.
        AlteredAfterSigning = "altered-after-signing" breaks "TPM-13" "TpmQuoteSignature",
        /// The last bit of the signature is altered.
        AlteredSignature = "altered-signature" breaks "TPM-13" "TpmQuoteSignature",
        /// Qualifying data that differ in the first bit.
        QualifyingData = "qualifying-data" breaks "TPM-14" "TpmNonceMismatch",
        /// Qualifying data that are cut short.
        QualifyingDataShort = "qualifying-data-short" breaks "TPM-14" "TpmNonceMismatch",
        /// Qualifying data with a zero at their end.
        QualifyingDataPadded = "qualifying-data-padded" breaks "TPM-14" "TpmNonceMismatch",
        /// One bank twice.
        SelectionTwice = "selection-twice" breaks "TPM-16" "TpmSelectionMalformed",
        /// A bitmap of 4 bytes.
        SelectionSize = "selection-size" breaks "TPM-16" "TpmSelectionMalformed",
        /// A bank that nobody knows.
        SelectionBank = "selection-bank" breaks "TPM-16" "TpmSelectionMalformed",
        /// No register.
        SelectionEmpty = "selection-empty" breaks "TPM-17" "TpmSelectionEmpty",
        /// Register 4 is not quoted.
        SelectionIncomplete = "selection-incomplete" breaks "TPM-18" "TpmSelectionIncomplete",
        /// Register 16 is quoted and shown as register 8.
        PcrRelabelled = "pcr-relabelled" breaks "TPM-19" "TpmPcrSetMismatch",
        /// A value of a register that is not quoted.
        PcrExtra = "pcr-extra" breaks "TPM-19" "TpmPcrSetMismatch",
        /// A quoted register without a value.
        PcrMissing = "pcr-missing" breaks "TPM-19" "TpmPcrSetMismatch",
        /// The last byte of one register is the first of the next.
        PcrLength = "pcr-length" breaks "TPM-20" "TpmPcrLength",
        /// The value of a register is altered.
        PcrAltered = "pcr-altered" breaks "TPM-21" "TpmPcrDigest",
        /// The key's certificate is for servers.
        AkCertificateUsage = "ak-certificate-usage" breaks "TPM-30" "TpmAkCertificateInvalid",
        /// The key's certificate states no purpose.
        AkCertificateNoUsage = "ak-certificate-no-usage" breaks "TPM-30" "TpmAkCertificateInvalid",
        /// The key's certificate is not for signing.
        AkCertificateKeyUsage = "ak-certificate-key-usage" breaks "TPM-30" "TpmAkCertificateInvalid",
        /// The key's certificate is an authority's.
        AkCertificateIsCa = "ak-certificate-is-ca" breaks "TPM-30" "TpmAkCertificateInvalid",
        /// The key's certificate has expired.
        AkCertificateExpired = "ak-certificate-expired" breaks "TPM-30" "TpmAkCertificateInvalid",
        /// The signature of the key's certificate is altered.
        AkCertificateSignature = "ak-certificate-signature" breaks "TPM-30" "TpmAkCertificateInvalid",
        /// The certificate is of another key.
        AkCertificateOtherKey = "ak-certificate-other-key" breaks "TPM-31" "TpmAkCertificateKeyMismatch",
        /// Register 0 was never extended.
        PcrUnextended = "pcr-unextended" breaks "TPM-35" "TpmPcrUnextended",
        /// Initialisation data that register 8 does not hold.
        InitData = "init-data" breaks "TPM-36" "TpmInitDataMismatch",
        /// The signature has r zero (ECDSA).
        SignatureZero = "signature-zero" breaks "COL-20" "SignatureNotCanonical",
    }
}

defects! {
    /// One defect of an endorsement key's certificate, which a broker checks before it activates a
    /// credential.
    EkDefect {
        /// No manufacturer whom anybody configured.
        OwnManufacturer = "own-manufacturer" breaks "TPM-28" "TpmEkCertificateInvalid",
        /// The certificate is of another key.
        OtherKey = "other-key" breaks "TPM-28" "TpmEkCertificateInvalid",
        /// The purpose is that of an attestation key.
        Usage = "usage" breaks "TPM-28" "TpmEkCertificateInvalid",
        /// No purpose.
        NoUsage = "no-usage" breaks "TPM-28" "TpmEkCertificateInvalid",
        /// For signing instead of encryption.
        KeyUsage = "key-usage" breaks "TPM-28" "TpmEkCertificateInvalid",
        /// It has expired.
        Expired = "expired" breaks "TPM-28" "TpmEkCertificateInvalid",
        /// Its signature is altered.
        Signature = "signature" breaks "TPM-28" "TpmEkCertificateInvalid",
        /// The key is no storage key.
        Attributes = "attributes" breaks "TPM-28" "TpmEkCertificateInvalid",
    }
}

impl TpmDefect {
    /// Moves an order to a key on which this defect can exist.
    pub(super) fn fit(self, order: &mut TpmOrder) {
        use super::TpmKey;
        match self {
            Self::AkShort | Self::AkExponent | Self::AkOther | Self::SignatureScheme => {
                order.key = TpmKey::RsassaSha256
            }
            Self::SignatureZero => order.key = TpmKey::EcdsaP256,
            _ => {}
        }
    }
}

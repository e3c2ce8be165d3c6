//! What can be wrong with a manifest on purpose.

use crate::defect::defects;

defects! {
    /// One defect of a manifest. All that it does not concern is properly signed, so that exactly one rule is
    /// broken.
    RimDefect {
        /// An attribute of the namespace `xml`, signed.
        XmlAttribute = "xml-attribute" breaks "NVR-03" "RimXmlConstruct",
        /// Meta twice, signed.
        SecondMeta = "second-meta" breaks "NVR-05" "RimStructure",
        /// A record beside Payload, signed.
        RecordOutsidePayload = "record-outside-payload" breaks "NVR-05" "RimStructure",
        /// No golden value is active.
        NothingActive = "nothing-active" breaks "NVR-05" "RimStructure",
        /// No edition.
        NoEdition = "no-edition" breaks "NVR-06" "RimMeta",
        /// One golden value fewer than `alternatives` says.
        AlternativesMiscounted = "alternatives-miscounted" breaks "NVR-07" "RimRecord",
        /// A golden value of 47 bytes.
        ShortGolden = "short-golden" breaks "NVR-07" "RimRecord",
        /// A golden value beside a security version.
        GoldenBesideMinimum = "golden-beside-minimum" breaks "NVR-07" "RimRecord",
        /// An index twice.
        DuplicateIndex = "duplicate-index" breaks "NVR-08" "RimDuplicateIndex",
        /// The signature states another algorithm.
        OtherAlgorithm = "other-algorithm" breaks "NVR-11" "RimAlgorithm",
        /// No reference.
        NoReference = "no-reference" breaks "NVR-12" "RimReference",
        /// A second reference.
        SecondReference = "second-reference" breaks "NVR-12" "RimReference",
        /// A reference to a part.
        PartReference = "part-reference" breaks "NVR-12" "RimReference",
        /// A key beside the certificates.
        KeyValue = "key-value" breaks "NVR-13" "RimKeyInfo",
        /// The digest of other bytes, properly signed.
        OtherDigest = "other-digest" breaks "NVR-20" "RimDigestMismatch",
        /// The root is left out.
        ThreeCertificates = "three-certificates" breaks "NVR-21" "RimChainLength",
        /// A chain to a root that nobody pins.
        OwnRoot = "own-root" breaks "NVR-22" "RimRootNotPinned",
        /// The two authorities change places.
        ChainOrder = "chain-order" breaks "NVR-23" "RimChainOrder",
        /// The signer is an authority.
        SignerIsAuthority = "signer-is-authority" breaks "NVR-24" "RimCertificateProfile",
        /// The level 3 authority is none.
        AuthorityIsNone = "authority-is-none" breaks "NVR-24" "RimCertificateProfile",
        /// The signer's certificate is over since the vendor's first second.
        Expired = "expired" breaks "NVR-25" "RimCertificateNotInValidity",
        /// It begins at the vendor's last second.
        NotYetValid = "not-yet-valid" breaks "NVR-25" "RimCertificateNotInValidity",
        /// Signed below another family's authority.
        OtherFamily = "other-family" breaks "NVR-26" "RimFamilyMismatch",
        /// A stranger signed the signer's certificate.
        SignerNotSigned = "signer-not-signed" breaks "NVR-27" "RimChainSignature",
        /// A stranger signed the family's authority.
        FamilyNotSigned = "family-not-signed" breaks "NVR-27" "RimChainSignature",
        /// Signed by a stranger's key, with the signer's chain beside it.
        OtherKey = "other-key" breaks "NVR-28" "RimSignature",
    }
}

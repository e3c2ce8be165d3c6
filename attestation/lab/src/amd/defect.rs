//! What can be wrong with a lab SEV-SNP report, its certificates and its revocation lists.

use super::{SnpOrder, SnpProduct, SnpTcb, Vek};
use crate::defect::defects;

defects! {
    /// One defect of a SEV-SNP item. All signatures that the defect does not concern are made over the
    /// defective bytes.
    SnpDefect {
        /// The last byte is missing.
        ReportTruncated = "report-truncated" breaks "SNP-01" "SnpReportLength",
        /// One byte follows the report.
        ReportOverlong = "report-overlong" breaks "SNP-01" "SnpReportLength",
        /// VERSION is 6.
        VersionUnknown = "version-unknown" breaks "SNP-02" "SnpReportVersion",
        /// VERSION is 1.
        VersionAncient = "version-ancient" breaks "SNP-02" "SnpReportVersion",
        /// A byte at 0x208 is set.
        ReservedTail = "reserved-tail" breaks "SNP-04" "SnpReservedNotZero",
        /// The padding byte after the current firmware version is set.
        ReservedVersion = "reserved-version" breaks "SNP-04" "SnpReservedNotZero",
        /// The bytes after CPUID are set.
        ReservedCpuid = "reserved-cpuid" breaks "SNP-04" "SnpReservedNotZero",
        /// A version 3 report with mitigations.
        MitVectorInOldVersion = "mit-vector-in-old-version" breaks "SNP-05" "SnpMitVectorInOldVersion",
        /// POLICY bit 17 is clear.
        PolicyBit17Clear = "policy-bit-17-clear" breaks "SNP-06" "SnpPolicyReserved",
        /// POLICY bit 26 is set.
        PolicyReserved = "policy-reserved" breaks "SNP-06" "SnpPolicyReserved",
        /// KEY_INFO bit 5 is set.
        KeyInfoReserved = "key-info-reserved" breaks "SNP-07" "SnpKeyInfoReserved",
        /// SIGNING_KEY is 2.
        SigningKeyUndefined = "signing-key-undefined" breaks "SNP-07" "SnpKeyInfoReserved",
        /// SIGNATURE_ALGO is 2.
        SignatureAlgorithm = "signature-algorithm" breaks "SNP-08" "SnpSignatureAlgorithm",
        /// A padding byte of R is set.
        SignaturePadding = "signature-padding" breaks "SNP-09" "SnpSignatureEncoding",
        /// The last byte after the signature is set.
        SignatureTail = "signature-tail" breaks "SNP-09" "SnpSignatureEncoding",
        /// VMPL is 4.
        VmplOutOfRange = "vmpl-out-of-range" breaks "SNP-10" "SnpVmplOutOfRange",
        /// VMPL is 0xFFFFFFFF: the host asked for the report.
        HostRequested = "host-requested" breaks "SNP-10" "SnpVmplOutOfRange",
        /// SIGNING_KEY is 7 and the signature is zero.
        NotSigned = "not-signed" breaks "SNP-11" "SnpReportNotSigned",
        /// MASK_CHIP_KEY is set and the signature is zero.
        ChipKeyMasked = "chip-key-masked" breaks "SNP-12" "SnpChipKeyMasked",
        /// The report says VCEK; a VLEK signed it.
        SigningKeyMismatch = "signing-key-mismatch" breaks "SNP-13" "SnpSigningKeyMismatch",
        /// CPUID family 0x1B.
        CpuUnknown = "cpu-unknown" breaks "SNP-14" "SnpProductUnknown",
        /// A Genoa report and endorsement key under a Milan chain.
        ProductMismatch = "product-mismatch" breaks "SNP-15" "SnpProductMismatch",
        /// A Turin report of version 2, which says nothing of its product.
        ProductUndetermined = "product-undetermined" breaks "SNP-16" "SnpProductUndetermined",
        /// A reserved byte of CURRENT_TCB is set.
        TcbReserved = "tcb-reserved" breaks "SNP-17" "SnpTcbReserved",
        /// A Turin CHIP_ID of more than 8 bytes.
        ChipIdLayout = "chip-id-layout" breaks "SNP-18" "SnpChipIdLayout",
        /// The endorsement key's certificate is one of a CA.
        VekIsCa = "vek-is-ca" breaks "SNP-19" "SnpVekProfile",
        /// Its signature parameters name a salt of 32 bytes.
        VekSaltLength = "vek-salt-length" breaks "SNP-19" "SnpVekProfile",
        /// It certifies an RSA key.
        VekRsaKey = "vek-rsa-key" breaks "SNP-19" "SnpVekProfile",
        /// It may sign certificates, although it is no CA's.
        VekCertificateSign = "vek-certificate-sign" breaks "SNP-19" "SnpVekProfile",
        /// Its common name is `VCEK`.
        VekCommonName = "vek-common-name" breaks "SNP-20" "SnpVekName",
        /// Its name has one attribute more.
        VekExtraAttribute = "vek-extra-attribute" breaks "SNP-20" "SnpVekName",
        /// Its issuer differs from the intermediate's subject in the case of one letter.
        VekIssuerName = "vek-issuer-name" breaks "SNP-20" "SnpVekName",
        /// A complete chain with the right names under a root that nobody pinned.
        OwnRoot = "own-root" breaks "SNP-21" "SnpRootNotPinned",
        /// The intermediate has no path length.
        IntermediatePathLength = "intermediate-path-length" breaks "SNP-22" "SnpIntermediateProfile",
        /// The intermediate of VCEKs issued a VLEK.
        VlekFromAsk = "vlek-from-ask" breaks "SNP-22" "SnpIntermediateProfile",
        /// The intermediate's signature is altered.
        IntermediateSignature = "intermediate-signature" breaks "SNP-23" "SnpIntermediateSignature",
        /// The endorsement key certificate's signature is altered.
        VekSignature = "vek-signature" breaks "SNP-24" "SnpVekSignature",
        /// The endorsement key's certificate has expired.
        VekExpired = "vek-expired" breaks "SNP-25" "SnpCertificateNotInValidity",
        /// It is not valid yet.
        VekNotYetValid = "vek-not-yet-valid" breaks "SNP-25" "SnpCertificateNotInValidity",
        /// The intermediate has expired.
        IntermediateExpired = "intermediate-expired" breaks "SNP-25" "SnpCertificateNotInValidity",
        /// An SVN of 256.
        SvnOutOfRange = "svn-out-of-range" breaks "SNP-26" "SnpVekExtensionMalformed",
        /// An SVN with a leading zero byte.
        SvnNotMinimal = "svn-not-minimal" breaks "SNP-26" "SnpVekExtensionMalformed",
        /// The boot loader's SVN twice.
        SvnTwice = "svn-twice" breaks "SNP-26" "SnpVekExtensionMalformed",
        /// No microcode SVN.
        SvnMissing = "svn-missing" breaks "SNP-26" "SnpVekExtensionMalformed",
        /// An extension of AMD's that nobody knows.
        ExtensionUnknown = "extension-unknown" breaks "SNP-26" "SnpVekExtensionMalformed",
        /// A hardware id of 63 bytes.
        HwIdLength = "hw-id-length" breaks "SNP-26" "SnpVekExtensionMalformed",
        /// structVersion 2.
        StructVersion = "struct-version" breaks "SNP-27" "SnpVekStructVersion",
        /// A Milan certificate with Turin's FMC component.
        FmcOnMilan = "fmc-on-milan" breaks "SNP-27" "SnpVekStructVersion",
        /// The certificate is of another chip.
        ChipIdMismatch = "chip-id-mismatch" breaks "SNP-28" "SnpChipIdMismatch",
        /// CHIP_ID is zero although a VCEK signed.
        ChipIdMasked = "chip-id-masked" breaks "SNP-29" "SnpChipIdMasked",
        /// A VLEK certificate with a hardware id.
        VlekWithHwId = "vlek-with-hw-id" breaks "SNP-30" "SnpVlekProfile",
        /// A VCEK certificate with a provider id.
        VcekWithCspId = "vcek-with-csp-id" breaks "SNP-30" "SnpVlekProfile",
        /// A VCEK certificate without a hardware id.
        VcekWithoutHwId = "vcek-without-hw-id" breaks "SNP-30" "SnpVlekProfile",
        /// A VLEK certificate without a provider id.
        VlekWithoutCspId = "vlek-without-csp-id" breaks "SNP-30" "SnpVlekProfile",
        /// The certificate is for a lower microcode than the report.
        TcbMismatch = "tcb-mismatch" breaks "SNP-31" "SnpTcbMismatch",
        /// A Milan certificate whose productName is Genoa.
        ProductName = "product-name" breaks "SNP-32" "SnpVekProductName",
        /// A byte of the measurement is altered after signing.
        AlteredAfterSigning = "altered-after-signing" breaks "SNP-38" "SnpReportSignature",
        /// The lowest bit of S is altered.
        AlteredSignature = "altered-signature" breaks "SNP-38" "SnpReportSignature",
        /// R is zero.
        SignatureZero = "signature-zero" breaks "COL-20" "SignatureNotCanonical",
        /// One byte follows the endorsement key's certificate.
        CertificateTrailing = "certificate-trailing" breaks "COL-22" "CertificateMalformed",
        /// The intermediate's serial number is zero, which only endorsement keys have.
        IntermediateSerialZero = "intermediate-serial-zero" breaks "COL-22" "CertificateMalformed",
        /// The root six times.
        CertificateCount = "certificate-count" breaks "COL-06" "CertificateBudgetExceeded",
        /// Report data that differs in the first bit.
        ReportData = "report-data" breaks "SNP-39" "SnpReportDataMismatch",
        /// Report data that differs in the last bit.
        ReportDataLastBit = "report-data-last-bit" breaks "SNP-40" "SnpReportDataUpperHalf",
        /// POLICY.DEBUG.
        Debug = "debug" breaks "SNP-43" "SnpDebugAllowed",
        /// POLICY.MIGRATE_MA.
        MigrationAllowed = "migration-allowed" breaks "SNP-44" "SnpMigrationAllowed",
        /// A migration agent that POLICY forbids.
        MigrationAgent = "migration-agent" breaks "SNP-45" "SnpMigrationAgentPresent",
        /// POLICY forbids SMT; PLATFORM_INFO has it on.
        SmtContradiction = "smt-contradiction" breaks "SNP-48" "SnpPlatformContradictsPolicy",
        /// POLICY demands that RAPL be off; it is on.
        RaplContradiction = "rapl-contradiction" breaks "SNP-48" "SnpPlatformContradictsPolicy",
        /// POLICY demands ciphertext hiding; it is off.
        CiphertextHidingContradiction = "ciphertext-hiding-contradiction" breaks "SNP-48" "SnpPlatformContradictsPolicy",
        /// POLICY.CXL_ALLOW.
        CxlAllowed = "cxl-allowed" breaks "SNP-50" "SnpCxlAllowed",
        /// PLATFORM_INFO bit 40.
        PlatformInfoUnknown = "platform-info-unknown" breaks "SNP-59" "SnpPlatformInfoUnknown",
        /// VMPL 1.
        Vmpl1 = "vmpl-1" breaks "SNP-60" "SnpVmplNotAllowed",
        /// An ID key that nobody trusts.
        IdKeyUnknown = "id-key-unknown" breaks "SNP-63" "SnpIdKeyNotTrusted",
        /// An author key digest while AUTHOR_KEY_EN is clear.
        AuthorKeyInconsistent = "author-key-inconsistent" breaks "SNP-64" "SnpAuthorKeyInconsistent",
        /// AUTHOR_KEY_EN without an ID key.
        AuthorKeyWithoutIdKey = "author-key-without-id-key" breaks "SNP-64" "SnpAuthorKeyInconsistent",
        /// COMMITTED_TCB above CURRENT_TCB.
        TcbOrder = "tcb-order" breaks "SNP-68" "SnpTcbOrder",
        /// A test identity as provider.
        TestProvider = "test-provider" breaks "SNP-73" "SnpCspNotAllowed",
    }
}

defects! {
    /// One defect of all AMD revocation lists of the lab.
    ListDefect {
        /// There are none.
        Missing = "missing" breaks "SNP-33" "SnpCrlMissing",
        /// The intermediate signed them in the root's name.
        SignedByIntermediate = "signed-by-intermediate" breaks "SNP-34" "SnpCrlSignature",
        /// The intermediates signed them, each in its own name.
        InIntermediateName = "in-intermediate-name" breaks "SNP-34" "SnpCrlSignature",
        /// They will be issued later.
        NotYetCurrent = "not-yet-current" breaks "SNP-35" "SnpCrlNotCurrent",
        /// A newer one is due.
        OutOfDate = "out-of-date" breaks "SNP-35" "SnpCrlNotCurrent",
        /// They list the intermediates.
        IntermediateRevoked = "intermediate-revoked" breaks "SNP-36" "SnpIntermediateRevoked",
    }
}

impl SnpDefect {
    /// Moves an order to a product, version and key on which this defect can exist and breaks its one rule.
    pub(super) fn fit(self, order: &mut SnpOrder) {
        match self {
            Self::MitVectorInOldVersion => order.version = order.version.min(4),
            Self::ProductUndetermined => {
                order.product = SnpProduct::Turin;
                order.version = 2;
                // A TCB that has no bits where the layout of Milan and Genoa is reserved: nothing else gives
                // it away.
                order.tcb = Some(SnpTcb { tee: 0, snp: 0, ..SnpProduct::Turin.tcb() });
            }
            Self::CpuUnknown => order.version = order.version.max(3),
            Self::ProductMismatch => {
                order.product = SnpProduct::Milan;
                order.version = order.version.max(3);
            }
            Self::ChipIdLayout => {
                order.product = SnpProduct::Turin;
                order.version = order.version.max(3);
                order.vek = Vek::Vcek;
            }
            Self::FmcOnMilan | Self::ProductName => order.product = SnpProduct::Milan,
            Self::SigningKeyMismatch
            | Self::VlekFromAsk
            | Self::VlekWithHwId
            | Self::VlekWithoutCspId
            | Self::TestProvider => {
                order.vek = Vek::Vlek;
            }
            Self::VekCommonName
            | Self::HwIdLength
            | Self::ChipIdMismatch
            | Self::ChipIdMasked
            | Self::VcekWithCspId
            | Self::VcekWithoutHwId
            | Self::ChipKeyMasked => order.vek = Vek::Vcek,
            _ => {}
        }
    }
}

//! What can be wrong with a lab TD quote and its PCK chain.

use super::{TdxBody, TdxOrder};
use crate::defect::defects;

defects! {
    /// One defect of a TDX item. All signatures that the defect does not concern are made over the defective
    /// bytes.
    TdxDefect {
        /// Only the first 400 bytes.
        QuoteTruncated = "quote-truncated" breaks "DCAP-01" "QuoteLength",
        /// Version 6.
        QuoteVersion = "quote-version" breaks "DCAP-02" "QuoteVersion",
        /// Attestation key type 3 (P-384).
        AttestationKeyType = "attestation-key-type" breaks "DCAP-03" "QuoteAttestationKeyType",
        /// A version 5 quote that says that it is of the other TEE.
        TeeType = "tee-type" breaks "DCAP-04" "QuoteTeeType",
        /// A reserved byte of the header is set.
        HeaderReserved = "header-reserved" breaks "DCAP-05" "QuoteHeaderReserved",
        /// Another vendor's quoting enclave.
        QeVendor = "qe-vendor" breaks "DCAP-06" "QuoteQeVendor",
        /// A version 5 descriptor whose size is that of another type.
        BodyDescriptor = "body-descriptor" breaks "DCAP-07" "QuoteBodyDescriptor",
        /// The signature data's length is one too small.
        SignatureLength = "signature-length" breaks "DCAP-08" "QuoteSignatureLength",
        /// One byte that is not zero follows the quote.
        TrailingBytes = "trailing-bytes" breaks "DCAP-09" "QuoteTrailingBytes",
        /// The outer certification data is the PCK chain itself.
        OuterCertificationType = "outer-certification-type" breaks "DCAP-10" "QuoteOuterCertificationType",
        /// The inner certification data is one byte shorter than its container.
        CertificationDataLength = "certification-data-length" breaks "DCAP-11" "QuoteCertificationDataLength",
        /// The inner certification data is a platform manifest.
        CertificationType = "certification-type" breaks "DCAP-12" "QuoteCertificationType",
        /// 1025 bytes of QE authentication data.
        QeAuthDataLong = "qe-auth-data-long" breaks "DCAP-14" "QuoteQeAuthDataTooLong",
        /// Four certificates.
        PemFourCertificates = "pem-four-certificates" breaks "DCAP-15" "PckPemMalformed",
        /// Text between two certificates.
        PemText = "pem-text" breaks "DCAP-15" "PckPemMalformed",
        /// Root, authority, leaf.
        ChainOrder = "chain-order" breaks "DCAP-16" "PckChainOrder",
        /// A complete chain with the right names under a root that nobody pinned.
        OwnRoot = "own-root" breaks "DCAP-17" "PckRootNotPinned",
        /// The leaf's common name is that of the TCB signer.
        LeafName = "leaf-name" breaks "DCAP-18" "PckLeafProfile",
        /// The leaf is a CA.
        LeafIsCa = "leaf-is-ca" breaks "DCAP-18" "PckLeafProfile",
        /// The authority may have another below it.
        AuthorityPathLength = "authority-path-length" breaks "DCAP-19" "PckCaProfile",
        /// The leaf's signature is altered.
        LeafSignature = "leaf-signature" breaks "DCAP-20" "PckChainSignature",
        /// The authority's signature is altered.
        AuthoritySignature = "authority-signature" breaks "DCAP-20" "PckChainSignature",
        /// The leaf has expired.
        LeafExpired = "leaf-expired" breaks "DCAP-21" "PckCertificateNotInValidity",
        /// The leaf is not valid yet.
        LeafNotYetValid = "leaf-not-yet-valid" breaks "DCAP-21" "PckCertificateNotInValidity",
        /// The authority has expired.
        AuthorityExpired = "authority-expired" breaks "DCAP-21" "PckCertificateNotInValidity",
        /// The leaf's serial number is zero, which only AMD's endorsement keys have.
        LeafSerialZero = "leaf-serial-zero" breaks "COL-22" "CertificateMalformed",
        /// FMSPC twice.
        FmspcTwice = "fmspc-twice" breaks "DCAP-22" "PckExtensionMalformed",
        /// A component of 256.
        ComponentOutOfRange = "component-out-of-range" breaks "DCAP-22" "PckExtensionMalformed",
        /// No PCESVN.
        PceSvnMissing = "pcesvn-missing" breaks "DCAP-22" "PckExtensionMalformed",
        /// CPUSVN differs from the components.
        CpuSvnDiffers = "cpusvn-differs" breaks "DCAP-22" "PckExtensionMalformed",
        /// A Platform CA certificate without platform instance id.
        PlatformInstanceMissing = "platform-instance-missing" breaks "DCAP-23" "PckCaTypeMismatch",
        /// A quoting enclave of another signer.
        QeSigner = "qe-signer" breaks "DCAP-44" "QeMrSigner",
        /// Another product of the quoting enclave's signer.
        QeProduct = "qe-product" breaks "DCAP-45" "QeIsvProdId",
        /// A quoting enclave with EXINFO.
        QeMiscSelect = "qe-misc-select" breaks "DCAP-46" "QeMiscSelect",
        /// A quoting enclave with KSS.
        QeAttributes = "qe-attributes" breaks "DCAP-47" "QeAttributes",
        /// A quoting enclave below every level.
        QeSvn = "qe-svn" breaks "DCAP-49" "QeTcbUnrecognized",
        /// The quoting enclave may be debugged.
        QeDebug = "qe-debug" breaks "DCAP-48" "QeDebug",
        /// A reserved byte of the QE report is set.
        QeReserved = "qe-reserved" breaks "DCAP-50" "QeReportReserved",
        /// The QE report is altered after signing.
        QeAltered = "qe-altered" breaks "DCAP-51" "QeReportSignature",
        /// The QE report speaks of another attestation key.
        QeBinding = "qe-binding" breaks "DCAP-52" "QeReportBinding",
        /// The upper half of the QE's report data is not zero.
        QeUpperHalf = "qe-upper-half" breaks "DCAP-53" "QeReportDataUpperHalf",
        /// A byte of MRTD is altered after signing.
        AlteredAfterSigning = "altered-after-signing" breaks "DCAP-54" "QuoteSignature",
        /// The lowest bit of s is altered.
        AlteredSignature = "altered-signature" breaks "DCAP-54" "QuoteSignature",
        /// Report data that differs in the first bit.
        ReportData = "report-data" breaks "DCAP-70" "QuoteReportDataMismatch",
        /// Report data that differs in the last bit.
        ReportDataUpperHalf = "report-data-upper-half" breaks "DCAP-71" "QuoteReportDataUpperHalf",
        /// SEAMATTRIBUTES is not zero.
        SeamAttributes = "seam-attributes" breaks "TDX-01" "TdSeamAttributes",
        /// A TDX module that Intel did not sign.
        ModuleSigner = "module-signer" breaks "TDX-02" "TdModuleSigner",
        /// TEE_TCB_SVN_2 below TEE_TCB_SVN.
        TcbSvnOrder = "tcb-svn-order" breaks "TDX-08" "TdTcbSvnOrder",
        /// TUD.DEBUG.
        Debug = "debug" breaks "TDX-09" "TdDebug",
        /// A profiling bit.
        Profiling = "profiling" breaks "TDX-10" "TdProfiling",
        /// Attribute bit 40.
        AttributesReserved = "attributes-reserved" breaks "TDX-11" "TdAttributesReserved",
        /// SEPT_VE_DISABLE is clear.
        SeptVeEnabled = "sept-ve-enabled" breaks "TDX-12" "TdSeptVeEnabled",
        /// MIGRATABLE.
        Migratable = "migratable" breaks "TDX-13" "TdMigratable",
        /// SERVTD_EXT.
        ServiceTdExtension = "service-td-extension" breaks "TDX-14" "TdServiceTdExtension",
        /// A bound service TD.
        ServiceTdBound = "service-td-bound" breaks "TDX-15" "TdServiceTdBound",
        /// XFAM without x87.
        XfamFixedBits = "xfam-fixed-bits" breaks "TDX-16" "TdXfamReserved",
        /// XFAM bit 40.
        XfamReserved = "xfam-reserved" breaks "TDX-16" "TdXfamReserved",
        /// PERFMON.
        PerfMon = "perfmon" breaks "TDX-18" "TdAttributesNotAllowed",
        /// An owner that nobody expects.
        Owner = "owner" breaks "TDX-24" "TdOwnerIdentity",
        /// Body type 4.
        ExtendedBody = "extended-body" breaks "TDX-26" "TdExtendedBodyUnsupported",
        /// r is zero.
        SignatureZero = "signature-zero" breaks "COL-20" "SignatureNotCanonical",
        /// The attestation key is no point of the curve.
        AttestationKeyOffCurve = "attestation-key-off-curve" breaks "COL-21" "PublicKeyInvalid",
    }
}

impl TdxDefect {
    /// Whether an SGX quote can have it too: it lies around the body, not in it.
    #[must_use]
    pub fn is_of_any_quote(self) -> bool {
        // Report data is part of the body.
        let of_body = matches!(self, Self::ReportData | Self::ReportDataUpperHalf);
        !of_body && !self.rule().starts_with("TDX-")
    }

    /// Moves an order to a version and body on which this defect can exist.
    pub(super) const fn fit(self, order: &mut TdxOrder) {
        match self {
            Self::BodyDescriptor | Self::TcbSvnOrder | Self::ServiceTdBound => {
                order.version = 5;
                order.body = TdxBody::Td15;
            }
            Self::ExtendedBody | Self::TeeType => order.version = 5,
            Self::PlatformInstanceMissing => order.pck_authority = super::PckAuthority::Platform,
            _ => {}
        }
    }
}

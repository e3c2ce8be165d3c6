//! What can be wrong with an interface's objects, and by which rule they must then be refused.

use crate::defect::defects;

defects! {
    /// One defect of an interface's objects. What it does not concern is properly signed.
    TdiDefect {
        /// The report ends within its last field.
        ReportTruncated = "report-truncated" breaks "TDI-01" "TdiReportMalformed",
        /// A byte follows the report.
        ReportTrailing = "report-trailing" breaks "TDI-01" "TdiReportMalformed",
        /// A reserved bit of INTERFACE_INFO is set.
        ReportReserved = "report-reserved" breaks "TDI-01" "TdiReportMalformed",
        /// The report announces 65 ranges.
        ReportRanges = "report-ranges" breaks "TDI-01" "TdiReportMalformed",
        /// Two ranges share a page.
        RangesOverlap = "ranges-overlap" breaks "TDI-02" "TdiRange",
        /// A range without a page.
        RangeEmpty = "range-empty" breaks "TDI-02" "TdiRange",
        /// A range that ends beyond the address space.
        RangeBeyond = "range-beyond" breaks "TDI-02" "TdiRange",
        /// SPDM 1.1, whose signatures do not cover the negotiation.
        VcaVersion = "vca-version" breaks "TDI-03" "TdiVcaMalformed",
        /// A version that the responder did not offer.
        VcaNotOffered = "vca-not-offered" breaks "TDI-03" "TdiVcaMalformed",
        /// A byte follows the negotiation.
        VcaTrailing = "vca-trailing" breaks "TDI-03" "TdiVcaMalformed",
        /// ECDSA on P-256 was agreed on.
        Asymmetric = "asymmetric" breaks "TDI-04" "TdiAlgorithms",
        /// SHA-256 was agreed on.
        Hash = "hash" breaks "TDI-04" "TdiAlgorithms",
        /// No signature was asked for.
        Unsigned = "unsigned" breaks "TDI-05" "TdiMeasurementsMalformed",
        /// The response is of another version.
        ResponseVersion = "response-version" breaks "TDI-05" "TdiMeasurementsMalformed",
        /// The response is signed for another slot.
        ResponseSlot = "response-slot" breaks "TDI-05" "TdiMeasurementsMalformed",
        /// Measurements changed while they were read.
        ContentChanged = "content-changed" breaks "TDI-05" "TdiMeasurementsMalformed",
        /// Two blocks of one index.
        DuplicateIndex = "duplicate-index" breaks "TDI-05" "TdiMeasurementsMalformed",
        /// A byte follows the signature.
        ExchangeTrailing = "exchange-trailing" breaks "TDI-05" "TdiMeasurementsMalformed",
        /// The chain's length field is one too large.
        ChainLength = "chain-length" breaks "TDI-06" "TdiCertificates",
        /// The chain's reserved field is set.
        ChainReserved = "chain-reserved" breaks "TDI-06" "TdiCertificates",
        /// The chain states the digest of another root.
        RootHash = "root-hash" breaks "TDI-07" "TdiRootHash",
        /// Somebody else signed the exchange at the lock.
        SignatureAtLock = "signature-at-lock" breaks "TDI-08" "TdiSignature",
        /// Somebody else signed the answer to the challenge.
        Signature = "signature" breaks "TDI-08" "TdiSignature",
        /// The answer is signed as SPDM 1.1 signs: without the prefix.
        WithoutPrefix = "without-prefix" breaks "TDI-08" "TdiSignature",
        /// The device runs other firmware than when the interface was locked.
        Changed = "changed" breaks "TDI-09" "TdiMeasurementsChanged",
    }
}

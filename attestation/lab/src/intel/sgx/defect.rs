//! What can be wrong with a lab enclave.

use crate::defect::defects;

defects! {
    /// One defect of an enclave's report; the quote is signed over it. What can be wrong with a quote of any
    /// kind is a [`crate::TdxDefect`].
    SgxDefect {
        /// INIT is clear.
        NotInitialised = "not-initialised" breaks "SGX-01" "SgxNotInitialised",
        /// DEBUG.
        Debug = "debug" breaks "SGX-02" "SgxDebug",
        /// MODE64BIT is clear.
        Mode32 = "mode-32" breaks "SGX-03" "SgxModeNot64",
        /// PROVISIONKEY.
        ProvisionKey = "provision-key" breaks "SGX-04" "SgxProvisionKey",
        /// EINITTOKEN_KEY.
        EinitTokenKey = "einit-token-key" breaks "SGX-05" "SgxEinitTokenKey",
        /// The first reserved byte after CET attributes.
        ReservedMisc = "reserved-misc" breaks "SGX-06" "SgxReservedNotZero",
        /// A reserved byte between MRENCLAVE and MRSIGNER.
        ReservedMiddle = "reserved-middle" breaks "SGX-06" "SgxReservedNotZero",
        /// The last reserved byte before CONFIGID.
        ReservedSigner = "reserved-signer" breaks "SGX-06" "SgxReservedNotZero",
        /// A reserved byte after CONFIGSVN.
        ReservedTail = "reserved-tail" breaks "SGX-06" "SgxReservedNotZero",
        /// Attribute bit 40.
        ReservedAttribute = "reserved-attribute" breaks "SGX-06" "SgxReservedNotZero",
        /// CET attributes of an enclave without CET.
        CetAttributes = "cet-attributes" breaks "SGX-06" "SgxReservedNotZero",
        /// XFRM without SSE.
        XfrmFixedBits = "xfrm-fixed-bits" breaks "SGX-07" "SgxXfrmNotAllowed",
        /// XFRM bit 20.
        XfrmUnknown = "xfrm-unknown" breaks "SGX-07" "SgxXfrmNotAllowed",
        /// MISCSELECT 2.
        MiscSelect = "misc-select" breaks "SGX-08" "SgxMiscSelectNotAllowed",
        /// CONFIGID without KSS.
        ConfigIdWithoutKss = "config-id-without-kss" breaks "SGX-13" "SgxKssInconsistent",
        /// CONFIGSVN without KSS.
        ConfigSvnWithoutKss = "config-svn-without-kss" breaks "SGX-13" "SgxKssInconsistent",
        /// ISVEXTPRODID without KSS.
        ExtendedProductWithoutKss = "extended-product-without-kss" breaks "SGX-13" "SgxKssInconsistent",
        /// ISVFAMILYID without KSS.
        FamilyWithoutKss = "family-without-kss" breaks "SGX-13" "SgxKssInconsistent",
        /// Report data that differs in the first bit.
        ReportData = "report-data" breaks "DCAP-70" "QuoteReportDataMismatch",
        /// Report data that differs in the last bit.
        ReportDataUpperHalf = "report-data-upper-half" breaks "DCAP-71" "QuoteReportDataUpperHalf",
    }
}

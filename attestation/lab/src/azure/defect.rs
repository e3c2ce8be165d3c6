//! What can be wrong with lab evidence of a confidential virtual machine with a paravisor's TPM.

use super::{AzGuest, AzOrder};
use crate::defect::defects;
use crate::{SnpOrder, TdxOrder};

defects! {
    /// One defect of an Azure item. The hardware report is made over the defective runtime data, and the
    /// TPM's quote over the defective registers, unless the defect is that they are not.
    AzDefect {
        /// Version 3 of the evidence.
        EvidenceVersion = "evidence-version" breaks "AZ-01" "AzEvidenceVersion",
        /// The report ends inside its header.
        HclTruncated = "hcl-truncated" breaks "AZ-02" "AzHclLength",
        /// Another magic.
        HclMagic = "hcl-magic" breaks "AZ-03" "AzHclMagic",
        /// Version 3 of the report.
        HclVersion = "hcl-version" breaks "AZ-04" "AzHclVersion",
        /// The size of the report is one too large.
        HclReportSize = "hcl-report-size" breaks "AZ-05" "AzHclReportSize",
        /// Request type 1.
        HclRequestType = "hcl-request-type" breaks "AZ-06" "AzHclRequestType",
        /// Status 1.
        HclStatus = "hcl-status" breaks "AZ-07" "AzHclStatus",
        /// A reserved byte of the header is set.
        HclReserved = "hcl-reserved" breaks "AZ-07" "AzHclStatus",
        /// The report says that it is of the other TEE.
        HclReportType = "hcl-report-type" breaks "AZ-08" "AzHclReportType",
        /// A hash function that nobody knows.
        HclHashType = "hcl-hash-type" breaks "AZ-09" "AzHclHashType",
        /// The size of the runtime data is one too large, which a zero byte hides.
        HclDataSize = "hcl-data-size" breaks "AZ-10" "AzHclDataSize",
        /// Version 2 of the runtime data.
        HclDataVersion = "hcl-data-version" breaks "AZ-10" "AzHclDataSize",
        /// The last byte after the runtime data is set.
        HclPadding = "hcl-padding" breaks "AZ-11" "AzHclPadding",
        /// `keys` twice.
        KeysTwice = "keys-twice" breaks "AZ-12" "AzRuntimeDataMalformed",
        /// Runtime data that are cut short.
        RuntimeDataTruncated = "runtime-data-truncated" breaks "AZ-12" "AzRuntimeDataMalformed",
        /// Two attestation keys.
        AkTwice = "ak-twice" breaks "AZ-13" "AzAkMissing",
        /// No attestation key.
        AkMissing = "ak-missing" breaks "AZ-13" "AzAkMissing",
        /// The attestation key is for encryption.
        AkEncrypts = "ak-encrypts" breaks "AZ-13" "AzAkMissing",
        /// The attestation key has the exponent 3.
        AkExponent = "ak-exponent" breaks "AZ-13" "AzAkMissing",
        /// A byte of the runtime data is altered after the hardware report.
        RuntimeDataAltered = "runtime-data-altered" breaks "AZ-14" "AzRuntimeDataHash",
        /// The last byte of the report data is set.
        ReportDataUpperHalf = "report-data-upper-half" breaks "AZ-15" "AzReportDataUpperHalf",
        /// A report of VMPL 2, which the tenant's own system can ask for.
        Vmpl2 = "vmpl-2" breaks "AZ-17" "AzVmplNotZero",
        /// The TD quote of another machine.
        TdQuoteOfOther = "td-quote-of-other" breaks "AZ-19" "AzTdQuoteBinding",
        /// The TDREPORT has another MRTD than the quote.
        TdReportMrTd = "td-report-mr-td" breaks "AZ-20" "AzTdReportMismatch",
        /// The TDREPORT has another RTMR3 than the quote.
        TdReportRtmr = "td-report-rtmr" breaks "AZ-20" "AzTdReportMismatch",
        /// Another TPM's key signed the quote.
        QuoteOfOther = "quote-of-other" breaks "AZ-21" "AzTpmSignature",
        /// The quote is altered after signing.
        QuoteAltered = "quote-altered" breaks "AZ-21" "AzTpmSignature",
        /// Qualifying data that differ in the first bit.
        Nonce = "nonce" breaks "AZ-22" "AzNonceMismatch",
        /// Qualifying data with a zero at their end.
        NoncePadded = "nonce-padded" breaks "AZ-22" "AzNonceMismatch",
        /// Qualifying data that are cut short.
        NoncePrefix = "nonce-prefix" breaks "AZ-22" "AzNonceMismatch",
        /// Register 0 is quoted and 24 are shown.
        Selection = "selection" breaks "AZ-23" "AzPcrSelection",
        /// A register's value is altered.
        PcrAltered = "pcr-altered" breaks "AZ-24" "AzPcrDigest",
        /// User data of 63 bytes.
        UserDataShort = "user-data-short" breaks "AZ-25" "AzUserDataMismatch",
        /// User data of 65 bytes.
        UserDataLong = "user-data-long" breaks "AZ-25" "AzUserDataMismatch",
        /// User data that are no hex.
        UserDataNotHex = "user-data-not-hex" breaks "AZ-25" "AzUserDataMismatch",
        /// The virtual machine has no TPM, its configuration says.
        TpmDisabled = "tpm-disabled" breaks "AZ-28" "AzTpmStateNotPersistent",
    }
}

impl AzDefect {
    /// Whether it can be seen in evidence of this guest: a few concern one TEE alone.
    #[must_use]
    pub const fn is_of(self, guest: &AzGuest) -> bool {
        match self {
            Self::Vmpl2 => matches!(guest, AzGuest::Snp(_)),
            Self::TdQuoteOfOther | Self::TdReportMrTd | Self::TdReportRtmr => {
                matches!(guest, AzGuest::Tdx(_))
            }
            _ => true,
        }
    }

    /// Moves an order to a TEE and version on which this defect can exist.
    pub(super) fn fit(self, order: &mut AzOrder) {
        match (self, &order.guest) {
            (Self::Vmpl2, AzGuest::Tdx(_)) => order.guest = AzGuest::Snp(SnpOrder::default()),
            (Self::TdQuoteOfOther | Self::TdReportMrTd | Self::TdReportRtmr, AzGuest::Snp(_)) => {
                order.guest = AzGuest::Tdx(TdxOrder::default());
            }
            (Self::UserDataShort | Self::UserDataLong | Self::UserDataNotHex, _) => order.version = 2,
            _ => {}
        }
    }
}

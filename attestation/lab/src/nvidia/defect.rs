//! What can be wrong with a lab's device, and by which rule it must then be refused.

use crate::defect::defects;

defects! {
    /// One defect of a device's report or chain. What it does not concern is properly signed.
    NvidiaDefect {
        /// More bytes than the driver's buffer holds.
        Oversized = "oversized" breaks "NV-01" "ReportLength",
        /// The signature is cut.
        Truncated = "truncated" breaks "NV-01" "ReportLength",
        /// SPDM 1.2.
        RequestVersion = "request-version" breaks "NV-02" "ReportRequest",
        /// Not all measurements were asked for.
        RequestOperation = "request-operation" breaks "NV-02" "ReportRequest",
        /// Another certificate slot.
        RequestSlot = "request-slot" breaks "NV-02" "ReportRequest",
        /// A byte that is not zero after the signature.
        TrailingByte = "trailing-byte" breaks "NV-03" "ReportTrailing",
        /// Seventeen zeros after the signature.
        TrailingZeros = "trailing-zeros" breaks "NV-03" "ReportTrailing",
        /// Another message than MEASUREMENTS.
        ResponseCode = "response-code" breaks "NV-04" "ReportResponse",
        /// Signed for another slot.
        ResponseSlot = "response-slot" breaks "NV-04" "ReportResponse",
        /// Two sizes of a block that disagree.
        BlockSize = "block-size" breaks "NV-05" "ReportBlock",
        /// A block of another specification.
        BlockSpecification = "block-specification" breaks "NV-05" "ReportBlock",
        /// A block of index 0.
        BlockZero = "block-zero" breaks "NV-05" "ReportBlock",
        /// A record with one block more than it counts.
        BlockCount = "block-count" breaks "NV-05" "ReportBlock",
        /// Two blocks of one index.
        DuplicateIndex = "duplicate-index" breaks "NV-06" "ReportDuplicateIndex",
        /// An entry that goes beyond the opaque data.
        OpaqueOverrun = "opaque-overrun" breaks "NV-07" "OpaqueMalformed",
        /// Opaque data of version 3.
        OpaqueVersion = "opaque-version" breaks "NV-08" "OpaqueVersion",
        /// Two entries of one type.
        DuplicateEntry = "duplicate-entry" breaks "NV-09" "OpaqueDuplicate",
        /// No provisioner's certificate.
        ChainShort = "chain-short" breaks "NV-10" "ChainLength",
        /// Words between the certificates.
        ChainText = "chain-text" breaks "NV-11" "ChainText",
        /// A leaf that is an authority.
        LeafIsCa = "leaf-is-ca" breaks "NV-12" "ChainProfile",
        /// A leaf whose key is on P-256.
        LeafCurve = "leaf-curve" breaks "NV-12" "ChainProfile",
        /// A device's authority whose key must not sign certificates.
        DeviceUsage = "device-usage" breaks "NV-12" "ChainProfile",
        /// A device's authority that is none.
        DeviceNotCa = "device-not-ca" breaks "NV-12" "ChainProfile",
        /// A leaf that names another issuer.
        LeafIssuer = "leaf-issuer" breaks "NV-13" "ChainOrder",
        /// A leaf that names another key of its issuer.
        LeafAuthorityKey = "leaf-authority-key" breaks "NV-13" "ChainOrder",
        /// A leaf of yesterday.
        LeafExpired = "leaf-expired" breaks "NV-14" "ChainNotInValidity",
        /// A leaf that somebody else signed.
        LeafSignature = "leaf-signature" breaks "NV-15" "ChainSignature",
        /// A device's authority that somebody else signed.
        DeviceSignature = "device-signature" breaks "NV-15" "ChainSignature",
        /// A firmware id that is no DER of a known form.
        FwidForm = "fwid-form" breaks "NV-16" "ChainExtension",
        /// A report of other firmware than the leaf's.
        FwidOther = "fwid-other" breaks "NV-17" "FwidMismatch",
        /// A leaf for the key of another device.
        FwidKey = "fwid-key" breaks "NV-17" "FwidMismatch",
        /// A report of another chip.
        ChipId = "chip-id" breaks "NV-18" "ChipMismatch",
        /// A report that names another chip.
        ChipInfo = "chip-info" breaks "NV-18" "ChipMismatch",
        /// A leaf of another chip than its issuer.
        ChipName = "chip-name" breaks "NV-18" "ChipMismatch",
        /// A device's authority whose serial number holds no PDI.
        PdiForm = "pdi-form" breaks "NV-19" "PdiMismatch",
        /// A report that somebody else signed.
        ReportSignature = "report-signature" breaks "NV-20" "ReportSignature",
    }
}

defects! {
    /// One defect of the devices of a machine: every report is genuine, and together or beside their manifests
    /// they are not acceptable.
    DevicesDefect {
        /// They answer another challenge.
        OtherNonce = "other-nonce" breaks "NV-30" "Nonce",
        /// Every GPU is a copy of the first: eleven of them, or as many as were ordered if that is more.
        Copies = "copies" breaks "NV-70" "DeviceDuplicate",
        /// The first GPU does not state its firmware id.
        NoFwid = "no-fwid" breaks "NV-71" "FwidAbsent",
        /// The first of several GPUs is in the mode for one.
        ModesMixed = "modes-mixed" breaks "NV-75" "ModesMixed",
        /// Two GPUs, both in the mode for one.
        ModeForOne = "mode-for-one" breaks "NV-75" "ModesMixed",
        /// GPUs in protected PCIe mode, and none of their switches.
        NoSwitch = "no-switch" breaks "NV-78" "TopologyOpen",
        /// A GPU that the switches name does not report.
        GpuMissing = "gpu-missing" breaks "NV-78" "TopologyOpen",
        /// A switch that the GPUs name does not report.
        SwitchMissing = "switch-missing" breaks "NV-78" "TopologyOpen",
        /// The first GPU names a switch of another machine.
        GpuElsewhere = "gpu-elsewhere" breaks "NV-78" "TopologyOpen",
        /// The first switch names a GPU of another machine.
        SwitchElsewhere = "switch-elsewhere" breaks "NV-78" "TopologyOpen",
        /// The first switch can be configured still.
        SwitchUnlocked = "switch-unlocked" breaks "NV-78" "TopologyOpen",
        /// The first GPU says that protected PCIe is off.
        PcieOff = "pcie-off" breaks "NV-78" "TopologyOpen",
        /// A Blackwell whose certificates are those of its FSP.
        Fsp = "fsp" breaks "NV-79" "RimFormUnsupported",
        /// The first of several GPUs answers another challenge.
        NoncesDiffer = "nonces-differ" breaks "NV-80" "NoncesDiffer",
        /// The first of several GPUs runs the driver before.
        DriversDiffer = "drivers-differ" breaks "NV-81" "DriversDiffer",
        /// A switch among the GPUs.
        SwitchAsGpu = "switch-as-gpu" breaks "NV-82" "DeviceKindMismatch",
        /// A GPU among the switches.
        GpuAsSwitch = "gpu-as-switch" breaks "NV-82" "DeviceKindMismatch",
        /// A driver for which there is no manifest.
        NoManifest = "no-manifest" breaks "NVR-40" "RimMissing",
        /// A VBIOS of the version of a switch's BIOS, whose manifest is for no GPU.
        OtherProduct = "other-product" breaks "NVR-42" "RimProductMismatch",
        /// No version of a driver.
        NoVersion = "no-version" breaks "NVR-43" "RimVersionUnknown",
        /// One measurement of the first GPU is none of its golden values.
        Measurement = "measurement" breaks "NVR-45" "RimMeasurementMismatch",
        /// The video decoder is neither on nor off.
        Nvdec = "nvdec" breaks "NVR-46" "NvdecStatusInvalid",
        /// A security version below the lowest.
        SecurityVersion = "security-version" breaks "NVR-47" "RimSecurityVersion",
    }
}

defects! {
    /// One defect of an OCSP response.
    OcspDefect {
        /// Bytes that are no response.
        Malformed = "malformed" breaks "NV-22" "OcspMalformed",
        /// The responder answers `unauthorized`.
        Unauthorized = "unauthorized" breaks "NV-23" "OcspUnsuccessful",
        /// Signed by a certificate that the issuer made for something else.
        ResponderPurpose = "responder-purpose" breaks "NV-24" "OcspResponder",
        /// Signed by a certificate of another issuer.
        ResponderIssuer = "responder-issuer" breaks "NV-24" "OcspResponder",
        /// Signed by a certificate that is expired.
        ResponderExpired = "responder-expired" breaks "NV-24" "OcspResponder",
        /// Signed by a certificate that names the issuer, which did not sign it.
        ResponderSignature = "responder-signature" breaks "NV-24" "OcspResponder",
        /// No certificate of the responder.
        ResponderAbsent = "responder-absent" breaks "NV-24" "OcspResponder",
        /// Signed by somebody else than its responder.
        Signature = "signature" breaks "NV-25" "OcspSignature",
        /// Of yesterday.
        Expired = "expired" breaks "NV-26" "OcspNotCurrent",
        /// Of tomorrow.
        NotYet = "not-yet" breaks "NV-26" "OcspNotCurrent",
        /// Without an end, and two hours old.
        OldWithoutEnd = "old-without-end" breaks "NV-26" "OcspNotCurrent",
        /// Revoked.
        Revoked = "revoked" breaks "NV-27" "CertificateRevoked",
        /// On hold, which is no less than revoked.
        Hold = "hold" breaks "NV-27" "CertificateRevoked",
        /// Not known.
        Unknown = "unknown" breaks "NV-28" "CertificateUnknown",
        /// About another certificate: nothing is then known of this one.
        OtherSerial = "other-serial" breaks "NV-21" "RevocationUnchecked",
    }
}

defects! {
    /// One defect of a revocation list about provisioners or products.
    CrlDefect {
        /// Signed by somebody else than its issuer.
        Signature = "list-signature" breaks "NV-32" "NvidiaCrlSignature",
        /// Of last week.
        OutOfDate = "list-out-of-date" breaks "NV-33" "NvidiaCrlNotCurrent",
        /// Of next week.
        NotYet = "list-not-yet" breaks "NV-33" "NvidiaCrlNotCurrent",
        /// It names the certificate.
        Listed = "listed" breaks "NV-34" "NvidiaCertificateListed",
    }
}

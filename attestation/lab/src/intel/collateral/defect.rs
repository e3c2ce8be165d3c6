//! What can be wrong with the lab's Intel collateral.

use crate::defect::defects;

defects! {
    /// One defect of the Intel collateral. A defect of TCB info or QE identity is in those of SGX and of TDX;
    /// everything is signed over the defective bytes, unless the defect is the signature.
    IntelDefect {
        /// There is no revocation list of the root.
        RootListMissing = "root-list-missing" breaks "DCAP-24" "RootCrlMissing",
        /// The Platform CA signed the root's list in the root's name.
        RootListSigner = "root-list-signer" breaks "DCAP-25" "RootCrlSignature",
        /// The root's list will be issued later.
        RootListNotYetCurrent = "root-list-not-yet-current" breaks "COL-08" "CollateralNotYetValid",
        /// A newer list of the root is due.
        RootListOutOfDate = "root-list-out-of-date" breaks "DCAP-26" "RootCrlNotCurrent",
        /// The root's list has both PCK authorities.
        AuthorityRevoked = "authority-revoked" breaks "DCAP-27" "PckCaRevoked",
        /// There is no revocation list of the PCK authorities.
        PckListMissing = "pck-list-missing" breaks "DCAP-28" "PckCrlMissing",
        /// Each PCK authority's list is signed by the other one in its name.
        PckListSigner = "pck-list-signer" breaks "DCAP-29" "PckCrlSignature",
        /// The lists of the PCK authorities will be issued later.
        PckListNotYetCurrent = "pck-list-not-yet-current" breaks "COL-08" "CollateralNotYetValid",
        /// Newer lists of the PCK authorities are due.
        PckListOutOfDate = "pck-list-out-of-date" breaks "DCAP-30" "PckCrlNotCurrent",
        /// The lists have the PCK certificate of the lab's first platform.
        PckRevoked = "pck-revoked" breaks "DCAP-31" "PckRevoked",
        /// The signer has the name of a PCK certificate.
        SignerName = "signer-name" breaks "DCAP-32" "TcbSignerProfile",
        /// The signer is a CA.
        SignerIsCa = "signer-is-ca" breaks "DCAP-32" "TcbSignerProfile",
        /// The signer has expired.
        SignerExpired = "signer-expired" breaks "DCAP-32" "TcbSignerProfile",
        /// The Platform CA issued the signer's certificate.
        SignerBelowAuthority = "signer-below-authority" breaks "DCAP-32" "TcbSignerProfile",
        /// The root's list has the signer.
        SignerRevoked = "signer-revoked" breaks "DCAP-33" "TcbSignerRevoked",
        /// One space more in the TCB info, after it was signed.
        TcbInfoWhiteSpace = "tcb-info-white-space" breaks "DCAP-34" "TcbInfoSignature",
        /// The lowest bit of s of the TCB info's signature is altered.
        TcbInfoSignature = "tcb-info-signature" breaks "DCAP-34" "TcbInfoSignature",
        /// A TCB info of type 1.
        TcbInfoType = "tcb-info-type" breaks "DCAP-35" "TcbInfoIdentity",
        /// A TCB info of version 4.
        TcbInfoVersion = "tcb-info-version" breaks "DCAP-35" "TcbInfoIdentity",
        /// The TCB info will be issued later.
        TcbInfoNotYetCurrent = "tcb-info-not-yet-current" breaks "COL-08" "CollateralNotYetValid",
        /// A newer TCB info is due.
        TcbInfoOutOfDate = "tcb-info-out-of-date" breaks "DCAP-36" "TcbInfoNotCurrent",
        /// A TCB info for other platforms.
        TcbInfoFmspc = "tcb-info-fmspc" breaks "DCAP-37" "TcbInfoFmspcMismatch",
        /// A TCB info for another PCE.
        TcbInfoPceId = "tcb-info-pce-id" breaks "DCAP-38" "TcbInfoPceIdMismatch",
        /// 15 components.
        TcbInfoFifteenComponents = "tcb-info-fifteen-components" breaks "DCAP-39" "TcbInfoMalformed",
        /// A status that nobody knows.
        TcbInfoUnknownStatus = "tcb-info-unknown-status" breaks "DCAP-39" "TcbInfoMalformed",
        /// A level whose date is none.
        TcbInfoDate = "tcb-info-date" breaks "DCAP-39" "TcbInfoMalformed",
        /// The levels twice.
        TcbInfoLevelsTwice = "tcb-info-levels-twice" breaks "DCAP-39" "TcbInfoMalformed",
        /// 65 levels.
        TcbInfoTooManyLevels = "tcb-info-too-many-levels" breaks "DCAP-39" "TcbInfoMalformed",
        /// 1025 advisories.
        TcbInfoTooManyAdvisories = "tcb-info-too-many-advisories" breaks "DCAP-39" "TcbInfoMalformed",
        /// The newest level twice, with two statuses.
        TcbInfoLevelsConflict = "tcb-info-levels-conflict" breaks "DCAP-40" "TcbLevelsAmbiguous",
        /// One space more in the QE identity, after it was signed.
        QeIdentityWhiteSpace = "qe-identity-white-space" breaks "DCAP-41" "QeIdentitySignature",
        /// The lowest bit of s of the QE identity's signature is altered.
        QeIdentitySignature = "qe-identity-signature" breaks "DCAP-41" "QeIdentitySignature",
        /// A QE identity of version 3.
        QeIdentityVersion = "qe-identity-version" breaks "DCAP-42" "QeIdentityKind",
        /// The QE identity will be issued later.
        QeIdentityNotYetCurrent = "qe-identity-not-yet-current" breaks "COL-08" "CollateralNotYetValid",
        /// A newer QE identity is due.
        QeIdentityOutOfDate = "qe-identity-out-of-date" breaks "DCAP-43" "QeIdentityNotCurrent",
        /// Another signer of the quoting enclave.
        QeMrSigner = "qe-mr-signer" breaks "DCAP-44" "QeMrSigner",
        /// Another product id.
        QeIsvProdId = "qe-isv-prod-id" breaks "DCAP-45" "QeIsvProdId",
        /// A MISCSELECT that the quoting enclave does not have.
        QeMiscSelect = "qe-misc-select" breaks "DCAP-46" "QeMiscSelect",
        /// Attributes that the quoting enclave does not have.
        QeAttributes = "qe-attributes" breaks "DCAP-47" "QeAttributes",
        /// Levels above the quoting enclave's.
        QeTcbUnrecognized = "qe-tcb-unrecognized" breaks "DCAP-49" "QeTcbUnrecognized",
        /// Levels above the platform's.
        PlatformTcbUnrecognized = "platform-tcb-unrecognized" breaks "DCAP-56" "PlatformTcbUnrecognized",
        /// The platform's level is revoked.
        PlatformRevoked = "platform-revoked" breaks "DCAP-57" "TcbRevoked",
        /// The quoting enclave's level is revoked.
        QeRevoked = "qe-revoked" breaks "DCAP-57" "TcbRevoked",
        /// The TDX module's level is revoked.
        ModuleRevoked = "module-revoked" breaks "DCAP-57" "TcbRevoked",
        /// The platform's level is out of date.
        PlatformOutOfDate = "platform-out-of-date" breaks "DCAP-58" "TcbStatusNotAllowed",
        /// The platform's level needs configuration.
        PlatformConfigurationNeeded = "platform-configuration-needed" breaks "DCAP-58" "TcbStatusNotAllowed",
        /// The quoting enclave's level is out of date.
        QeOutOfDate = "qe-out-of-date" breaks "DCAP-58" "TcbStatusNotAllowed",
        /// There is no TCB info.
        TcbInfoMissing = "tcb-info-missing" breaks "COL-10" "CollateralMissing",
        /// There is no QE identity.
        QeIdentityMissing = "qe-identity-missing" breaks "COL-10" "CollateralMissing",
        /// Modules of Intel's have another signer.
        ModuleSigner = "module-signer" breaks "TDX-02" "TdModuleSigner",
        /// No identity of the TDX module's major version.
        ModuleIdentityMissing = "module-identity-missing" breaks "TDX-03" "TdModuleIdentityMissing",
        /// A module attribute that the TDX module does not have.
        ModuleAttributes = "module-attributes" breaks "TDX-04" "TdModuleAttributes",
        /// Levels above the TDX module's.
        ModuleTcbUnrecognized = "module-tcb-unrecognized" breaks "TDX-05" "TdModuleTcbUnrecognized",
        /// The TDX module's level is out of date on a platform that is up to date.
        ModuleOutOfDate = "module-out-of-date" breaks "TDX-06" "TdModuleTcbNotAllowed",
    }
}

impl IntelDefect {
    /// Whether it is one of the TDX module, which no SGX quote can show.
    #[must_use]
    pub const fn is_of_tdx_alone(self) -> bool {
        matches!(
            self,
            Self::ModuleRevoked
                | Self::ModuleSigner
                | Self::ModuleIdentityMissing
                | Self::ModuleAttributes
                | Self::ModuleTcbUnrecognized
                | Self::ModuleOutOfDate
        )
    }
}

//! What a caller can ask of a lab SEV-SNP machine.

use super::SnpDefect;
use aws_lc_rs::digest;
use hanzo_attestation_evidence::UnixTime;

/// One SEV-SNP report to make. The default is what strict appraisal accepts: a Milan guest of version 3, VMPL
/// 0, no debugging, committed firmware, signed with a VCEK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnpOrder {
    /// REPORT_DATA: the binding.
    pub report_data: [u8; 64],
    /// The processor.
    pub product: SnpProduct,
    /// VERSION, 2 to 5. Version 2 has no CPUID, 5 has mitigation vectors.
    pub version: u32,
    /// Which kind of key signs.
    pub vek: Vek,
    /// MEASUREMENT: the launch digest.
    pub measurement: [u8; 48],
    /// HOST_DATA.
    pub host_data: [u8; 32],
    /// GUEST_SVN.
    pub guest_svn: u32,
    /// VMPL, 0 to 3.
    pub vmpl: u32,
    /// POLICY without the debug bit, which has its own knob.
    pub policy: u64,
    /// PLATFORM_INFO; `None` is the product's usual value.
    pub platform_info: Option<u64>,
    /// FAMILY_ID.
    pub family_id: [u8; 16],
    /// IMAGE_ID.
    pub image_id: [u8; 16],
    /// ID_KEY_DIGEST.
    pub id_key_digest: [u8; 48],
    /// AUTHOR_KEY_DIGEST; when it is not zero, AUTHOR_KEY_EN is set.
    pub author_key_digest: [u8; 48],
    /// REPORT_ID_MA of a migration agent, with which POLICY.MIGRATE_MA is set.
    pub migration_agent: Option<[u8; 32]>,
    /// Which of the lab's chips: each number has its own CHIP_ID.
    pub chip: u32,
    /// CSP_ID of a VLEK.
    pub csp_id: String,
    /// The TCB, which is the same as reported, committed, current and at launch; `None` is
    /// [`SnpProduct::tcb`].
    pub tcb: Option<SnpTcb>,
    /// Start of validity of the endorsement key's certificate; `None` is the lab's own.
    pub issued_at: Option<UnixTime>,
    /// Knob: the guest may be debugged.
    pub debug: bool,
    /// Knob: a TCB one below [`SnpProduct::tcb`] in boot loader, SNP firmware and microcode.
    pub tcb_below: bool,
    /// Knob: CURRENT_TCB above COMMITTED_TCB in microcode, so that the host can still roll it back.
    pub provisional: bool,
    /// Knob: report data of another challenge.
    pub wrong_nonce: bool,
    /// One more thing that is wrong, with everything else properly signed.
    pub defect: Option<SnpDefect>,
}

impl Default for SnpOrder {
    fn default() -> Self {
        Self {
            report_data: [0; 64],
            product: SnpProduct::Milan,
            version: 3,
            vek: Vek::Vcek,
            measurement: Self::usual_measurement(),
            host_data: [0; 32],
            guest_svn: 0,
            vmpl: 0,
            // ABI 0.31 at least, SMT allowed, bit 17 always set.
            policy: 0x3_001f,
            platform_info: None,
            family_id: [0; 16],
            image_id: [0; 16],
            id_key_digest: [0; 48],
            author_key_digest: [0; 48],
            migration_agent: None,
            chip: 1,
            csp_id: "CN=lab.example".to_owned(),
            tcb: None,
            issued_at: None,
            debug: false,
            tcb_below: false,
            provisional: false,
            wrong_nonce: false,
            defect: None,
        }
    }
}

impl SnpOrder {
    /// The launch digest of the lab's usual image: SHA-384 of `hanzo-lab/sev-snp/image/1`.
    #[must_use]
    pub fn usual_measurement() -> [u8; 48] {
        let mut out = [0; 48];
        out.copy_from_slice(digest::digest(&digest::SHA384, b"hanzo-lab/sev-snp/image/1").as_ref());
        out
    }

    /// This order with one defect. Product, version and kind of key are changed where the defect exists only
    /// on another one.
    #[must_use]
    pub fn with_defect(mut self, defect: SnpDefect) -> Self {
        defect.fit(&mut self);
        self.defect = Some(defect);
        self
    }

    /// CHIP_ID of the ordered chip: 64 bytes, of which Turin uses the first 8.
    #[must_use]
    pub fn chip_id(&self) -> [u8; 64] {
        let name = format!("hanzo-lab/sev-snp/chip/{}/{}", self.product.name(), self.chip);
        let mut out = [0; 64];
        out.copy_from_slice(digest::digest(&digest::SHA512, name.as_bytes()).as_ref());
        if self.product == SnpProduct::Turin {
            out.iter_mut().skip(8).for_each(|byte| *byte = 0);
        }
        out
    }

    /// The TCB that the report states.
    #[must_use]
    pub fn effective_tcb(&self) -> SnpTcb {
        let tcb = self.tcb.unwrap_or_else(|| self.product.tcb());
        if !self.tcb_below {
            return tcb;
        }
        SnpTcb {
            bootloader: tcb.bootloader.saturating_sub(1),
            snp: tcb.snp.saturating_sub(1),
            microcode: tcb.microcode.saturating_sub(1),
            ..tcb
        }
    }
}

/// The processors that have a lab root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SnpProduct {
    /// EPYC 7003.
    Milan,
    /// EPYC 9004.
    Genoa,
    /// EPYC 9005.
    Turin,
}

impl SnpProduct {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Milan, Self::Genoa, Self::Turin];

    /// In lower case, as on the command line and in paths.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Milan => "milan",
            Self::Genoa => "genoa",
            Self::Turin => "turin",
        }
    }

    /// As AMD writes it in certificates.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Milan => "Milan",
            Self::Genoa => "Genoa",
            Self::Turin => "Turin",
        }
    }

    /// The TCB of the lab's machines, which makes a good policy floor.
    #[must_use]
    pub const fn tcb(self) -> SnpTcb {
        match self {
            Self::Milan => SnpTcb { fmc: 0, bootloader: 4, tee: 0, snp: 27, microcode: 222 },
            Self::Genoa => SnpTcb { fmc: 0, bootloader: 10, tee: 0, snp: 27, microcode: 84 },
            Self::Turin => SnpTcb { fmc: 1, bootloader: 1, tee: 1, snp: 4, microcode: 76 },
        }
    }

    /// Combined CPUID family, model and stepping of the lab's machines.
    pub(crate) const fn cpuid(self) -> [u8; 3] {
        match self {
            Self::Milan => [0x19, 0x01, 0x01],
            Self::Genoa => [0x19, 0x11, 0x01],
            Self::Turin => [0x1a, 0x02, 0x01],
        }
    }

    /// PLATFORM_INFO: SMT, ECC, alias check complete; on Turin also IOMMU write safe.
    pub(crate) const fn platform_info(self) -> u64 {
        match self {
            Self::Milan | Self::Genoa => 0x25,
            Self::Turin => 0x65,
        }
    }
}

/// The kinds of endorsement keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vek {
    /// Of one chip.
    Vcek,
    /// Of a provider's fleet.
    Vlek,
}

/// A TCB version, by component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnpTcb {
    /// FMC; Turin only, ignored elsewhere.
    pub fmc: u8,
    /// Boot loader.
    pub bootloader: u8,
    /// TEE.
    pub tee: u8,
    /// SNP firmware.
    pub snp: u8,
    /// Microcode.
    pub microcode: u8,
}

impl SnpTcb {
    /// TCB_VERSION in the product's layout.
    pub(crate) const fn bytes(self, product: SnpProduct) -> [u8; 8] {
        match product {
            SnpProduct::Milan | SnpProduct::Genoa => {
                [self.bootloader, self.tee, 0, 0, 0, 0, self.snp, self.microcode]
            }
            SnpProduct::Turin => [self.fmc, self.bootloader, self.tee, self.snp, 0, 0, 0, self.microcode],
        }
    }
}

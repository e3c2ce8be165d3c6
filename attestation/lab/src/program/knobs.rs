//! The knobs of `evidence` and `serve`.

use super::devices::{DeviceKnobs, Machine};
use super::order::{Order, Own};
use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use hanzo_attestation_evidence::{UnixTime, encoding};
use hanzo_attestation_lab::event_log::{LabLog, PcrBank};
use hanzo_attestation_lab::{
    AkCertificate, AkUsage, AzDefect, AzGuest, AzOrder, PckAuthority, SgxDefect, SgxOrder, SnpDefect,
    SnpOrder, SnpProduct, TdxBody, TdxDefect, TdxOrder, TpmDefect, TpmKey, TpmOrder, Vek,
};

/// Knobs.
#[derive(Clone, clap::Args)]
pub(super) struct Knobs {
    /// The kind of evidence.
    #[arg(long = "type", default_value = "sev-snp")]
    kind: Kind,
    /// The processor (sev-snp). [default: milan]
    #[arg(long)]
    product: Option<ProductName>,
    /// Version of the report, 2 to 5 [default: 3], of the quote, 3 to 5 [default: 4; of SGX 3], or of Azure's
    /// evidence, 0 to 2 [default: 1].
    #[arg(long)]
    version: Option<u16>,
    /// Sign with a VLEK, not a VCEK (sev-snp).
    #[arg(long)]
    vlek: bool,
    /// A TD 1.0 body in a quote of version 5 (tdx).
    #[arg(long)]
    td10: bool,
    /// A PCK certificate of the Processor CA, not of the Platform CA (tdx).
    #[arg(long)]
    processor_ca: bool,
    /// A PCK certificate of the Platform CA, not of the Processor CA (sgx).
    #[arg(long)]
    platform_ca: bool,
    /// The attestation key and its scheme (tpm). [default: rsassa]
    #[arg(long)]
    key: Option<KeyName>,
    /// The certificate of the attestation key (tpm). [default: ak]
    #[arg(long)]
    ak_usage: Option<UsageName>,
    /// Launch digest in hex: MEASUREMENT or MRTD, 48 bytes, or MRENCLAVE, 32 bytes.
    #[arg(long, value_name = "HEX")]
    measurement: Option<String>,
    /// Data that the host fixes at launch, in hex: HOST_DATA, 32 bytes, MRCONFIGID, 48 bytes, or
    /// CONFIGID, 64 bytes, of an enclave with KSS.
    #[arg(long, value_name = "HEX")]
    host_data: Option<String>,
    /// Which of the lab's machines: each number has its own chip id or PPID.
    #[arg(long, default_value_t = 1)]
    machine: u32,
    /// When the machine's certificate begins, RFC 3339; with the lab itself, if absent.
    #[arg(long, value_parser = UnixTime::parse)]
    at: Option<UnixTime>,
    /// Add a boot's event log, and the registers that it leads to (tdx, tpm).
    #[arg(long)]
    event_log: bool,
    /// The guest may be debugged.
    #[arg(long)]
    debug: bool,
    /// A TCB below the usual one.
    #[arg(long)]
    tcb_below: bool,
    /// Running firmware that is not committed yet (sev-snp).
    #[arg(long)]
    provisional: bool,
    /// Report data of another challenge.
    #[arg(long)]
    wrong_nonce: bool,
    /// One defect by name; `hanzo-lab defects` lists them. Those of devices have knobs of their own.
    #[arg(long, value_name = "NAME")]
    defect: Option<String>,
    #[command(flatten)]
    devices: DeviceKnobs,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    SevSnp,
    Tdx,
    Sgx,
    Tpm,
    AzSnpVtpm,
    AzTdxVtpm,
    NvidiaGpu,
    NvidiaSwitch,
}

#[derive(Clone, Copy, ValueEnum)]
enum KeyName {
    Rsassa,
    RsassaSha384,
    RsassaSha512,
    Rsapss,
    EcdsaP256,
    EcdsaP384,
}

/// What the certificate of an attestation key is for; Google's are for endorsement keys, or for nothing.
#[derive(Clone, Copy, ValueEnum)]
enum UsageName {
    Ak,
    Ek,
    Absent,
    /// No certificate at all.
    None,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProductName {
    Milan,
    Genoa,
    Turin,
}

impl Knobs {
    /// The order, or why there is none: a knob of another kind is a mistake, not nothing.
    pub(super) fn order(&self) -> anyhow::Result<Order> {
        self.refuse_knobs_of_other_kinds()?;
        Ok(Order::new(self.own()?, self.devices()?))
    }

    fn own(&self) -> anyhow::Result<Option<Own>> {
        Ok(Some(match self.kind {
            Kind::SevSnp => Own::Snp(Box::new(self.snp()?)),
            Kind::Tdx => Own::Tdx(Box::new(self.tdx()?)),
            Kind::Sgx => Own::Sgx(Box::new(self.sgx()?)),
            Kind::Tpm => Own::Tpm(Box::new(self.tpm()?)),
            Kind::AzSnpVtpm | Kind::AzTdxVtpm => Own::Azure(Box::new(self.azure()?)),
            Kind::NvidiaGpu | Kind::NvidiaSwitch => return Ok(None),
        }))
    }

    fn devices(&self) -> anyhow::Result<Option<Machine>> {
        let alone = match self.kind {
            Kind::NvidiaGpu => Some((1, 0)),
            Kind::NvidiaSwitch => Some((0, 1)),
            _ => None,
        };
        if alone.is_none() && !self.devices.is_given() {
            return Ok(None);
        }
        let machine = self.devices.order(alone.unwrap_or_default(), self.machine, self.at)?;
        let wrong_nonce = alone.is_some() && self.wrong_nonce;
        Ok(Some(if wrong_nonce { machine.of_another_challenge() } else { machine }))
    }

    fn refuse_knobs_of_other_kinds(&self) -> anyhow::Result<()> {
        use Kind::{AzSnpVtpm, AzTdxVtpm, NvidiaGpu, NvidiaSwitch, SevSnp, Sgx, Tdx, Tpm};
        let knobs: [(&str, bool, &[Kind]); 17] = [
            ("--product", self.product.is_some(), &[SevSnp, AzSnpVtpm]),
            ("--vlek", self.vlek, &[SevSnp]),
            ("--provisional", self.provisional, &[SevSnp, AzSnpVtpm]),
            ("--td10", self.td10, &[Tdx, AzTdxVtpm]),
            ("--processor-ca", self.processor_ca, &[Tdx, AzTdxVtpm]),
            ("--platform-ca", self.platform_ca, &[Sgx]),
            ("--key", self.key.is_some(), &[Tpm]),
            ("--ak-usage", self.ak_usage.is_some(), &[Tpm]),
            ("--version", self.version.is_some(), &[SevSnp, Tdx, Sgx, AzSnpVtpm, AzTdxVtpm]),
            ("--measurement", self.measurement.is_some(), &[SevSnp, Tdx, Sgx, AzSnpVtpm, AzTdxVtpm]),
            ("--host-data", self.host_data.is_some(), &[SevSnp, Tdx, Sgx]),
            ("--debug", self.debug, &[SevSnp, Tdx, Sgx, AzSnpVtpm, AzTdxVtpm]),
            ("--tcb-below", self.tcb_below, &[SevSnp, Tdx, Sgx, AzSnpVtpm, AzTdxVtpm]),
            ("--event-log", self.event_log, &[Tdx, Tpm]),
            ("--defect", self.defect.is_some(), &[SevSnp, Tdx, Sgx, Tpm, AzSnpVtpm, AzTdxVtpm]),
            ("--tee-io", self.devices.has_tee_io(), &[Tdx]),
            (
                "a knob of devices",
                self.devices.is_given(),
                &[SevSnp, Tdx, Tpm, AzSnpVtpm, AzTdxVtpm, NvidiaGpu, NvidiaSwitch],
            ),
        ];
        for (name, is_given, kinds) in knobs {
            ensure!(!is_given || kinds.contains(&self.kind), "`{name}` does not belong to this `--type`");
        }
        let spoilt = self.devices.has_tee_io() && self.defect.is_some();
        ensure!(!spoilt, "`--defect` is of a quote without `--tee-io`, whose log is the guest's own");
        Ok(())
    }

    fn snp(&self) -> anyhow::Result<SnpOrder> {
        let mut order = SnpOrder {
            product: match self.product {
                None | Some(ProductName::Milan) => SnpProduct::Milan,
                Some(ProductName::Genoa) => SnpProduct::Genoa,
                Some(ProductName::Turin) => SnpProduct::Turin,
            },
            vek: if self.vlek { Vek::Vlek } else { Vek::Vcek },
            chip: self.machine,
            issued_at: self.at,
            debug: self.debug,
            tcb_below: self.tcb_below,
            provisional: self.provisional,
            wrong_nonce: self.wrong_nonce,
            ..SnpOrder::default()
        };
        match self.version {
            None => {}
            Some(version @ 2..=5) => order.version = version.into(),
            Some(other) => bail!("SEV-SNP reports have the versions 2 to 5, not {other}"),
        }
        if let Some(text) = &self.measurement {
            order.measurement = encoding::hex_array(text).context("`--measurement`")?;
        }
        if let Some(text) = &self.host_data {
            order.host_data = encoding::hex_array(text).context("`--host-data`")?;
        }
        Ok(match &self.defect {
            None => order,
            Some(name) => order.with_defect(name.parse::<SnpDefect>()?),
        })
    }

    fn tdx(&self) -> anyhow::Result<TdxOrder> {
        let mut order = TdxOrder {
            body: if self.td10 { TdxBody::Td10 } else { TdxBody::Td15 },
            pck_authority: if self.processor_ca { PckAuthority::Processor } else { PckAuthority::Platform },
            platform: self.machine,
            issued_at: self.at,
            debug: self.debug,
            tcb_below: self.tcb_below,
            wrong_nonce: self.wrong_nonce,
            ..TdxOrder::default()
        };
        match self.version {
            None => {}
            Some(version @ 4..=5) => order.version = version,
            Some(other) => bail!("TD quotes have the versions 4 and 5, not {other}"),
        }
        if let Some(text) = &self.measurement {
            order.mr_td = encoding::hex_array(text).context("`--measurement`")?;
        }
        if let Some(text) = &self.host_data {
            order.mr_config_id = encoding::hex_array(text).context("`--host-data`")?;
        }
        if self.event_log {
            order = order.with_log(&LabLog::usual_td());
        }
        Ok(match &self.defect {
            None => order,
            Some(name) => order.with_defect(name.parse::<TdxDefect>()?),
        })
    }

    fn sgx(&self) -> anyhow::Result<SgxOrder> {
        let mut order = SgxOrder {
            pck_authority: if self.platform_ca { PckAuthority::Platform } else { PckAuthority::Processor },
            platform: self.machine,
            issued_at: self.at,
            debug: self.debug,
            tcb_below: self.tcb_below,
            wrong_nonce: self.wrong_nonce,
            ..SgxOrder::default()
        };
        match self.version {
            None => {}
            Some(version @ 3..=5) => order.version = version,
            Some(other) => bail!("SGX quotes have the versions 3 to 5, not {other}"),
        }
        if let Some(text) = &self.measurement {
            order.mr_enclave = encoding::hex_array(text).context("`--measurement`")?;
        }
        if let Some(text) = &self.host_data {
            order.config_id = encoding::hex_array(text).context("`--host-data`")?;
            order.attributes |= SgxOrder::KSS;
        }
        let Some(name) = &self.defect else { return Ok(order) };
        match name.parse::<SgxDefect>() {
            Ok(defect) => Ok(order.with_defect(defect)),
            // What is wrong with a quote of any kind has the same name for both.
            Err(unknown) => match name.parse::<TdxDefect>().map(|defect| order.with_quote_defect(defect)) {
                Ok(Some(order)) => Ok(order),
                _ => Err(unknown.into()),
            },
        }
    }

    fn tpm(&self) -> anyhow::Result<TpmOrder> {
        let mut order = TpmOrder {
            key: match self.key {
                None | Some(KeyName::Rsassa) => TpmKey::RsassaSha256,
                Some(KeyName::RsassaSha384) => TpmKey::RsassaSha384,
                Some(KeyName::RsassaSha512) => TpmKey::RsassaSha512,
                Some(KeyName::Rsapss) => TpmKey::RsapssSha256,
                Some(KeyName::EcdsaP256) => TpmKey::EcdsaP256,
                Some(KeyName::EcdsaP384) => TpmKey::EcdsaP384,
            },
            certificate: match self.ak_usage {
                None | Some(UsageName::Ak) => Some(AkUsage::Attestation),
                Some(UsageName::Ek) => Some(AkUsage::Endorsement),
                Some(UsageName::Absent) => Some(AkUsage::Absent),
                Some(UsageName::None) => None,
            }
            .map(|usage| AkCertificate { usage, instance: None }),
            machine: self.machine,
            issued_at: self.at,
            wrong_nonce: self.wrong_nonce,
            ..TpmOrder::default()
        };
        if self.event_log {
            order = order.with_log(&LabLog::usual_tpm(&[PcrBank::Sha256]));
        }
        Ok(match &self.defect {
            None => order,
            Some(name) => order.with_defect(name.parse::<TpmDefect>()?),
        })
    }

    /// The machine has the knobs of its TEE, but for versions and defects, which are those of the whole.
    fn azure(&self) -> anyhow::Result<AzOrder> {
        let of_tee = Self { version: None, defect: None, wrong_nonce: false, ..self.clone() };
        let usual = if self.kind == Kind::AzTdxVtpm { AzOrder::tdx() } else { AzOrder::default() };
        let guest = match &usual.guest {
            AzGuest::Snp(_) => AzGuest::Snp(of_tee.snp()?),
            AzGuest::Tdx(azure) => {
                AzGuest::Tdx(TdxOrder { td_attributes: azure.td_attributes, ..of_tee.tdx()? })
            }
        };
        let tpm = TpmOrder { wrong_nonce: self.wrong_nonce, ..TpmOrder::default() };
        let mut order = AzOrder { guest, tpm, ..usual };
        match self.version {
            None => {}
            Some(version @ 0..=2) => order.version = version.into(),
            Some(other) => bail!("Azure's evidence has the versions 0 to 2, not {other}"),
        }
        let Some(name) = &self.defect else { return Ok(order) };
        let defect: AzDefect = name.parse()?;
        ensure!(defect.is_of(&order.guest), "`{name}` is a defect of the other TEE");
        Ok(order.with_defect(defect))
    }
}

//! The knobs of `evidence` and `serve`, and the order that they make.

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::ValueEnum;
use hanzo_attestation_evidence::{UnixTime, encoding};
use hanzo_attestation_lab::event_log::{LabLog, PcrBank};
use hanzo_attestation_lab::{
    AkCertificate, AkUsage, AzDefect, AzGuest, AzOrder, Lab, PckAuthority, SgxDefect, SgxOrder, SnpDefect,
    SnpOrder, SnpProduct, TdxBody, TdxDefect, TdxOrder, TpmDefect, TpmKey, TpmOrder, Vek,
};
use serde_json::Value;

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
    /// One defect by name; `hanzo-lab defects` lists them.
    #[arg(long, value_name = "NAME")]
    defect: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    SevSnp,
    Tdx,
    Sgx,
    Tpm,
    AzSnpVtpm,
    AzTdxVtpm,
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

/// What to make for every report data that is asked for.
pub(super) enum Order {
    Snp(Box<SnpOrder>),
    Tdx(Box<TdxOrder>),
    Sgx(Box<SgxOrder>),
    Tpm(Box<TpmOrder>),
    Azure(Box<AzOrder>),
}

impl Order {
    /// The document for report data of 64 bytes, or for qualifying data of 1 to 64.
    pub(super) fn document(&self, lab: &Lab, data: &[u8]) -> anyhow::Result<Value> {
        let length = data.len();
        let report_data =
            || <[u8; 64]>::try_from(data).map_err(|_| anyhow!("report data has 64 bytes, not {length}"));
        let qualifying_data = || {
            // A TPM2B_DATA of qualifying data holds one digest (TPM 2.0 Library, part 2, 10.4.3).
            ensure!((1..=64).contains(&length), "qualifying data has 1 to 64 bytes, not {length}");
            Ok(data.to_vec())
        };
        let item = match self {
            Self::Snp(order) => {
                lab.snp(&SnpOrder { report_data: report_data()?, ..SnpOrder::clone(order) })?
            }
            Self::Tdx(order) => {
                lab.tdx(&TdxOrder { report_data: report_data()?, ..TdxOrder::clone(order) })?
            }
            Self::Sgx(order) => {
                lab.sgx(&SgxOrder { report_data: report_data()?, ..SgxOrder::clone(order) })?
            }
            Self::Tpm(order) => {
                lab.tpm(&TpmOrder { qualifying_data: qualifying_data()?, ..TpmOrder::clone(order) })?
            }
            Self::Azure(order) => {
                let tpm = TpmOrder { qualifying_data: qualifying_data()?, ..order.tpm.clone() };
                lab.azure(&AzOrder { tpm, ..AzOrder::clone(order) })?
            }
        };
        Ok(Lab::document(vec![item]))
    }
}

impl Knobs {
    /// The order, or why there is none: a knob of another kind is a mistake, not nothing.
    pub(super) fn order(&self) -> anyhow::Result<Order> {
        self.refuse_knobs_of_other_kinds()?;
        Ok(match self.kind {
            Kind::SevSnp => Order::Snp(Box::new(self.snp()?)),
            Kind::Tdx => Order::Tdx(Box::new(self.tdx()?)),
            Kind::Sgx => Order::Sgx(Box::new(self.sgx()?)),
            Kind::Tpm => Order::Tpm(Box::new(self.tpm()?)),
            Kind::AzSnpVtpm | Kind::AzTdxVtpm => Order::Azure(Box::new(self.azure()?)),
        })
    }

    fn refuse_knobs_of_other_kinds(&self) -> anyhow::Result<()> {
        use Kind::{AzSnpVtpm, AzTdxVtpm, SevSnp, Sgx, Tdx, Tpm};
        let knobs: [(&str, bool, &[Kind]); 14] = [
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
        ];
        for (name, is_given, kinds) in knobs {
            ensure!(!is_given || kinds.contains(&self.kind), "`{name}` does not belong to this `--type`");
        }
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

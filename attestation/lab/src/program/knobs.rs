//! The knobs of `evidence` and `serve`, and the order that they make.

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use hanzo_attestation_evidence::{UnixTime, encoding};
use hanzo_attestation_lab::{
    Lab, LabError, PckAuthority, SgxDefect, SgxOrder, SnpDefect, SnpOrder, SnpProduct, TdxBody, TdxDefect,
    TdxOrder, Vek,
};
use serde_json::Value;

/// Knobs.
#[derive(clap::Args)]
pub(super) struct Knobs {
    /// The kind of evidence.
    #[arg(long = "type", default_value = "sev-snp")]
    kind: Kind,
    /// The processor (sev-snp). [default: milan]
    #[arg(long)]
    product: Option<ProductName>,
    /// Version of the report, 2 to 5 [default: 3], or of the quote, 3 to 5 [default: 4; of SGX 3].
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
}

impl Order {
    pub(super) fn document(&self, lab: &Lab, report_data: [u8; 64]) -> Result<Value, LabError> {
        let item = match self {
            Self::Snp(order) => lab.snp(&SnpOrder { report_data, ..SnpOrder::clone(order) })?,
            Self::Tdx(order) => lab.tdx(&TdxOrder { report_data, ..TdxOrder::clone(order) })?,
            Self::Sgx(order) => lab.sgx(&SgxOrder { report_data, ..SgxOrder::clone(order) })?,
        };
        Ok(Lab::document(vec![item]))
    }
}

impl Knobs {
    /// The order, or why there is none: a knob of the other kind is a mistake, not nothing.
    pub(super) fn order(&self) -> anyhow::Result<Order> {
        Ok(match self.kind {
            Kind::SevSnp => Order::Snp(Box::new(self.snp()?)),
            Kind::Tdx => Order::Tdx(Box::new(self.tdx()?)),
            Kind::Sgx => Order::Sgx(Box::new(self.sgx()?)),
        })
    }

    fn snp(&self) -> anyhow::Result<SnpOrder> {
        ensure!(!self.td10 && !self.processor_ca, "`--td10` and `--processor-ca` belong to `--type tdx`");
        ensure!(!self.platform_ca, "`--platform-ca` belongs to `--type sgx`");
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
        self.refuse_snp()?;
        ensure!(!self.platform_ca, "`--platform-ca` belongs to `--type sgx`");
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
        Ok(match &self.defect {
            None => order,
            Some(name) => order.with_defect(name.parse::<TdxDefect>()?),
        })
    }

    fn sgx(&self) -> anyhow::Result<SgxOrder> {
        self.refuse_snp()?;
        ensure!(!self.td10 && !self.processor_ca, "`--td10` and `--processor-ca` belong to `--type tdx`");
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

    fn refuse_snp(&self) -> anyhow::Result<()> {
        let other_kind = self.vlek || self.provisional || self.product.is_some();
        ensure!(!other_kind, "`--vlek`, `--provisional` and `--product` belong to `--type sev-snp`");
        Ok(())
    }
}

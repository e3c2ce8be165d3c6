//! The TD body of a quote (rule book A.2.2): 584 bytes for TD 1.0, 648 for TD 1.5.

use super::attributes::TdAttributes;
use crate::bytes::Hex;
use crate::dcap::Reader;
use serde::Serialize;

/// The layouts of a TD body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum BodyKind {
    /// TD 1.0, 584 bytes.
    Td10,
    /// TD 1.5, 648 bytes.
    Td15,
}

impl BodyKind {
    /// Bytes of the body.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::Td10 => 584,
            Self::Td15 => 648,
        }
    }
}

/// What the TDX module reports of a TD. Field names follow the quote format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Body {
    /// Which layout.
    pub kind: BodyKind,
    /// TEE_TCB_SVN when the TD was launched.
    pub tee_tcb_svn: Hex<16>,
    /// Measurement of the TDX module.
    pub mr_seam: Hex<48>,
    /// Signer of the TDX module; zero for Intel's.
    pub mr_signer_seam: Hex<48>,
    /// Attributes of the TDX module.
    pub seam_attributes: u64,
    /// TD attributes.
    pub td_attributes: TdAttributes,
    /// Extended features that the TD may use.
    pub xfam: u64,
    /// Measurement of the initial TD.
    pub mr_td: Hex<48>,
    /// Configuration id, by the host at launch.
    pub mr_config_id: Hex<48>,
    /// Owner id.
    pub mr_owner: Hex<48>,
    /// Owner configuration.
    pub mr_owner_config: Hex<48>,
    /// Run-time registers 0 to 3.
    pub rtmr: [Hex<48>; 4],
    /// Data that the guest chose.
    pub report_data: Hex<64>,
    /// TEE_TCB_SVN now, after a module update that preserved the TD; TD 1.5 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tee_tcb_svn_2: Option<Hex<16>>,
    /// Measurement of bound service TDs; TD 1.5 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mr_service_td: Option<Hex<48>>,
}

impl Body {
    /// Reads a body of the given layout. `None` when the bytes end before it does.
    pub(crate) fn read(kind: BodyKind, r: &mut Reader<'_>) -> Option<Self> {
        let mut body = Self {
            kind,
            tee_tcb_svn: Hex(r.array()?),
            mr_seam: Hex(r.array()?),
            mr_signer_seam: Hex(r.array()?),
            seam_attributes: r.u64()?,
            td_attributes: TdAttributes::new(r.u64()?),
            xfam: r.u64()?,
            mr_td: Hex(r.array()?),
            mr_config_id: Hex(r.array()?),
            mr_owner: Hex(r.array()?),
            mr_owner_config: Hex(r.array()?),
            rtmr: [Hex(r.array()?), Hex(r.array()?), Hex(r.array()?), Hex(r.array()?)],
            report_data: Hex(r.array()?),
            tee_tcb_svn_2: None,
            mr_service_td: None,
        };
        if kind == BodyKind::Td15 {
            body.tee_tcb_svn_2 = Some(Hex(r.array()?));
            body.mr_service_td = Some(Hex(r.array()?));
        }
        Some(body)
    }
}

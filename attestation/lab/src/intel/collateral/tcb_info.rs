//! TCB info (Intel PCS API, versions 2 and 3): which platforms are up to date.

use super::level::{Standing, SvnLevel};
use super::text::{array, hex, object, string};
use crate::Validity;
use crate::intel::pck::{COMPONENTS, FMSPC, PCE_ID, PCE_SVN};
use hanzo_attestation_evidence::UnixTime;

/// A TCB info to sign, field by field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcbInfo {
    /// `id`: `SGX` or `TDX`; version 2 has none.
    pub id: Option<String>,
    /// `version`: 3, or 2, whose levels have another form and no TDX components.
    pub version: u32,
    /// `issueDate`.
    pub issue_date: UnixTime,
    /// `nextUpdate`.
    pub next_update: UnixTime,
    /// `fmspc`.
    pub fmspc: [u8; 6],
    /// `pceId`.
    pub pce_id: [u8; 2],
    /// `tcbType`: 0 is the only one that Intel defined.
    pub tcb_type: u32,
    /// `tcbEvaluationDataNumber`.
    pub evaluation_number: u32,
    /// `tdxModule`: the signer of TDX modules of major version 0, and what their attributes must be.
    pub module: Option<Module>,
    /// `tdxModuleIdentities`, TDX only.
    pub module_identities: Option<Vec<ModuleIdentity>>,
    /// `tcbLevels`, in the order in which they are written.
    pub levels: Vec<TcbLevel>,
}

/// Signer and attributes of a TDX module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// `mrsigner`.
    pub mr_signer: [u8; 48],
    /// `attributes`.
    pub attributes: [u8; 8],
    /// `attributesMask`.
    pub attributes_mask: [u8; 8],
}

/// One of `tdxModuleIdentities`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleIdentity {
    /// `TDX_` and the major version in two hex digits.
    pub id: String,
    /// Signer and attributes.
    pub module: Module,
    /// `tcbLevels`.
    pub levels: Vec<SvnLevel>,
}

/// One of `tcbLevels`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcbLevel {
    /// SVNs of the SGX components; a form with other than 16 of them can be written.
    pub components: Vec<u8>,
    /// `pcesvn`.
    pub pce_svn: u16,
    /// SVNs of the TDX components, TDX only.
    pub tdx_components: Option<Vec<u8>>,
    /// What holds for platforms that reach it.
    pub standing: Standing,
}

impl Module {
    /// Intel's production modules: signer and attributes zero, every attribute counts.
    pub const INTEL: Self = Self { mr_signer: [0; 48], attributes: [0; 8], attributes_mask: [0xff; 8] };

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("mrsigner", hex(&self.mr_signer)),
            ("attributes", hex(&self.attributes)),
            ("attributesMask", hex(&self.attributes_mask)),
        ]
    }
}

impl ModuleIdentity {
    fn text(&self) -> String {
        let levels = array(self.levels.iter().map(SvnLevel::text));
        let head = vec![("id", string(&self.id))];
        object([head, self.module.fields(), vec![("tcbLevels", levels)]].concat())
    }
}

impl TcbInfo {
    /// `tcbEvaluationDataNumber` of all the lab's documents.
    pub const EVALUATION_NUMBER: u32 = 17;

    /// What the lab's Intel says of the lab's platforms as SGX machines: they are up to date, older ones are
    /// not.
    #[must_use]
    pub fn sgx(validity: Validity) -> Self {
        let level = |components, pce_svn, standing| TcbLevel {
            components: Vec::from(components),
            pce_svn,
            tdx_components: None,
            standing,
        };
        Self {
            id: Some("SGX".to_owned()),
            version: 3,
            issue_date: validity.not_before,
            next_update: validity.not_after,
            fmspc: FMSPC,
            pce_id: PCE_ID,
            tcb_type: 0,
            evaluation_number: Self::EVALUATION_NUMBER,
            module: None,
            module_identities: None,
            levels: vec![
                level(COMPONENTS, PCE_SVN, newest()),
                level(older(), PCE_SVN, out_of_date()),
                level([0; 16], 5, ancient()),
            ],
        }
    }

    /// What the lab's Intel says of the lab's platforms as TDX machines. Where the module has an identity of
    /// its own, the first two components of a level are those of its predecessor and do not count.
    #[must_use]
    pub fn tdx(validity: Validity) -> Self {
        let mut info = Self::sgx(validity);
        info.id = Some("TDX".to_owned());
        info.module = Some(Module::INTEL);
        info.module_identities = Some(vec![
            identity("TDX_03", &[(3, newest())]),
            identity("TDX_01", &[(11, newest()), (5, out_of_date()), (2, ancient())]),
        ]);
        for (level, third) in info.levels.iter_mut().zip([4, 3, 0]) {
            level.tdx_components = Some([vec![5, 0, third], vec![0; 13]].concat());
        }
        info
    }

    /// The same statement in the form of version 2, which knows SGX only.
    #[must_use]
    pub fn version_2(mut self) -> Self {
        self.version = 2;
        self.id = None;
        self
    }

    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        object(self.fields())
    }

    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields: Vec<(&'static str, String)> = Vec::new();
        fields.extend(self.id.iter().map(|id| ("id", string(id))));
        fields.extend([
            ("version", self.version.to_string()),
            ("issueDate", string(&self.issue_date.to_string())),
            ("nextUpdate", string(&self.next_update.to_string())),
            ("fmspc", hex(&self.fmspc)),
            ("pceId", hex(&self.pce_id)),
            ("tcbType", self.tcb_type.to_string()),
            ("tcbEvaluationDataNumber", self.evaluation_number.to_string()),
        ]);
        fields.extend(self.module.iter().map(|module| ("tdxModule", object(module.fields()))));
        fields.extend(
            self.module_identities
                .iter()
                .map(|all| ("tdxModuleIdentities", array(all.iter().map(ModuleIdentity::text)))),
        );
        fields.push(("tcbLevels", array(self.levels.iter().map(|level| level.text(self.version)))));
        fields
    }
}

impl TcbLevel {
    fn text(&self, version: u32) -> String {
        let tcb = match version {
            2 => self.numbered(),
            _ => self.listed(),
        };
        object([vec![("tcb", tcb)], self.standing.fields()].concat())
    }

    /// Version 3: components in lists.
    fn listed(&self) -> String {
        let list = |svns: &[u8]| array(svns.iter().map(|svn| object([("svn", svn.to_string())])));
        let mut fields =
            vec![("sgxtcbcomponents", list(&self.components)), ("pcesvn", self.pce_svn.to_string())];
        fields.extend(self.tdx_components.iter().map(|svns| ("tdxtcbcomponents", list(svns))));
        object(fields)
    }

    /// Version 2: a field for each component.
    fn numbered(&self) -> String {
        let mut fields: Vec<_> = NAMES.into_iter().zip(self.components.iter().map(u8::to_string)).collect();
        fields.push(("pcesvn", self.pce_svn.to_string()));
        object(fields)
    }
}

/// Names of the components in version 2.
const NAMES: [&str; 16] = [
    "sgxtcbcomp01svn",
    "sgxtcbcomp02svn",
    "sgxtcbcomp03svn",
    "sgxtcbcomp04svn",
    "sgxtcbcomp05svn",
    "sgxtcbcomp06svn",
    "sgxtcbcomp07svn",
    "sgxtcbcomp08svn",
    "sgxtcbcomp09svn",
    "sgxtcbcomp10svn",
    "sgxtcbcomp11svn",
    "sgxtcbcomp12svn",
    "sgxtcbcomp13svn",
    "sgxtcbcomp14svn",
    "sgxtcbcomp15svn",
    "sgxtcbcomp16svn",
];

fn newest() -> Standing {
    Standing::new("UpToDate", "2024-11-13T00:00:00Z", &[])
}

/// What a platform gets that waits for one update.
fn out_of_date() -> Standing {
    Standing::new("OutOfDate", "2023-08-09T00:00:00Z", &["INTEL-SA-99001"])
}

fn ancient() -> Standing {
    Standing::new("OutOfDate", "2018-01-04T00:00:00Z", &["INTEL-SA-99001", "INTEL-SA-99002"])
}

/// The components of a platform that waits for one update: what `tcb_below` orders have, and no less.
fn older() -> [u8; 16] {
    let mut components = COMPONENTS;
    components[0] -= 1;
    components
}

fn identity(id: &str, levels: &[(u16, Standing)]) -> ModuleIdentity {
    ModuleIdentity {
        id: id.to_owned(),
        module: Module::INTEL,
        levels: levels.iter().map(|(svn, standing)| SvnLevel::new(*svn, standing.clone())).collect(),
    }
}

//! From JSON to levels.

use super::level::{LevelStatus, PlatformLevel, RawSvnLevel, check_count, sort_platform, svn_levels};
use super::{
    MAX_ADVISORIES, MAX_DOCUMENT, MAX_MODULE_IDENTITIES, ModuleIdentity, TcbInfo, TcbInfoError,
    VersionedModule,
};
use crate::bytes::Hex;
use crate::dcap::TeeType;
use crate::json;
use crate::time::UnixTime;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Longest advisory id in bytes; real ones have 14 (`INTEL-SA-00837`).
const MAX_ADVISORY: usize = 64;
/// TCB components of a level.
const COMPONENTS: usize = 16;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    id: Option<String>,
    version: u32,
    issue_date: String,
    next_update: String,
    fmspc: String,
    pce_id: String,
    tcb_type: u32,
    tcb_evaluation_data_number: u32,
    tdx_module: Option<RawModule>,
    #[serde(default)]
    tdx_module_identities: Vec<RawVersionedModule>,
    tcb_levels: Vec<RawLevel>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawModule {
    mrsigner: String,
    attributes: String,
    attributes_mask: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawVersionedModule {
    id: String,
    mrsigner: String,
    attributes: String,
    attributes_mask: String,
    tcb_levels: Vec<RawSvnLevel>,
}

#[derive(Deserialize)]
struct RawLevel {
    tcb: Map<String, Value>,
    #[serde(rename = "tcbDate")]
    date: String,
    #[serde(rename = "tcbStatus")]
    status: LevelStatus,
    #[serde(rename = "advisoryIDs", default)]
    advisories: Vec<String>,
}

/// The two layouts of a level's security versions.
#[derive(Clone, Copy)]
enum Layout {
    /// Version 2: `sgxtcbcomp01svn` to `sgxtcbcomp16svn`.
    Numbered,
    /// Version 3: lists of components.
    Lists(TeeType),
}

pub(super) fn tcb_info(body: &[u8]) -> Result<TcbInfo, TcbInfoError> {
    let actual = body.len();
    if actual > MAX_DOCUMENT {
        return Err(TcbInfoError::TooLarge { actual, limit: MAX_DOCUMENT });
    }
    let raw: Raw = json::from_slice(body).map_err(|error| TcbInfoError::Malformed(error.to_string()))?;
    let (tee, layout) = identity(&raw)?;
    let mut budget = Advisories::default();
    check_count("the platform", raw.tcb_levels.len())?;
    let levels = raw.tcb_levels.into_iter().map(|level| platform_level(level, layout, &mut budget));
    let mut levels: Vec<_> = levels.collect::<Result<_, _>>()?;
    sort_platform(&mut levels)?;
    Ok(TcbInfo {
        tee,
        issue_date: date("issueDate", &raw.issue_date)?,
        next_update: date("nextUpdate", &raw.next_update)?,
        fmspc: hex("fmspc", &raw.fmspc)?,
        pce_id: hex("pceId", &raw.pce_id)?,
        evaluation_data_number: raw.tcb_evaluation_data_number,
        module: raw.tdx_module.map(|module| module.read()).transpose()?,
        module_identities: modules(raw.tdx_module_identities, &mut budget)?,
        levels,
    })
}

/// DCAP-35: version 3 names its TEE, version 2 is SGX's alone; tcbType 0 says how levels compare.
fn identity(raw: &Raw) -> Result<(TeeType, Layout), TcbInfoError> {
    let (tee, layout) = match (raw.version, raw.id.as_deref()) {
        (3, Some("SGX")) => (TeeType::Sgx, Layout::Lists(TeeType::Sgx)),
        (3, Some("TDX")) => (TeeType::Tdx, Layout::Lists(TeeType::Tdx)),
        (2, None) => (TeeType::Sgx, Layout::Numbered),
        (2 | 3, _) => return Err(TcbInfoError::Identity("its id is not this version's")),
        _ => return Err(TcbInfoError::Identity("its version is neither 2 nor 3")),
    };
    if raw.tcb_type != 0 {
        return Err(TcbInfoError::Identity("its tcbType is not 0"));
    }
    let has_modules = raw.tdx_module.is_some() || !raw.tdx_module_identities.is_empty();
    match (tee, raw.tdx_module.is_some(), has_modules) {
        (TeeType::Tdx, false, _) => Err(TcbInfoError::Identity("for TDX, and without `tdxModule`")),
        (TeeType::Sgx, _, true) => Err(TcbInfoError::Identity("for SGX, and with TDX modules")),
        _ => Ok((tee, layout)),
    }
}

fn platform_level(
    raw: RawLevel,
    layout: Layout,
    budget: &mut Advisories,
) -> Result<PlatformLevel, TcbInfoError> {
    let (sgx, tdx) = match layout {
        Layout::Numbered => (numbered(&raw.tcb)?, None),
        Layout::Lists(TeeType::Sgx) if raw.tcb.contains_key("tdxtcbcomponents") => {
            return Err(TcbInfoError::Malformed("TDX components in a TCB info for SGX".to_owned()));
        }
        Layout::Lists(TeeType::Sgx) => (components(&raw.tcb, "sgxtcbcomponents")?, None),
        Layout::Lists(TeeType::Tdx) => {
            (components(&raw.tcb, "sgxtcbcomponents")?, Some(components(&raw.tcb, "tdxtcbcomponents")?))
        }
    };
    Ok(PlatformLevel {
        sgx,
        pce_svn: member(&raw.tcb, "pcesvn")?,
        tdx,
        status: raw.status,
        date: date("tcbDate", &raw.date)?,
        advisories: budget.take(raw.advisories)?,
    })
}

fn numbered(tcb: &Map<String, Value>) -> Result<[u8; COMPONENTS], TcbInfoError> {
    let mut svns = [0; COMPONENTS];
    for (number, svn) in (1..).zip(svns.iter_mut()) {
        *svn = member(tcb, &format!("sgxtcbcomp{number:02}svn"))?;
    }
    Ok(svns)
}

/// Exactly 16 components: a missing one must not read as zero.
fn components(tcb: &Map<String, Value>, name: &str) -> Result<[u8; COMPONENTS], TcbInfoError> {
    #[derive(Deserialize)]
    struct Component {
        svn: u8,
    }
    let listed: Vec<Component> = member(tcb, name)?;
    let count = listed.len();
    let svns: Vec<u8> = listed.into_iter().map(|component| component.svn).collect();
    svns.try_into()
        .map_err(|_| TcbInfoError::Malformed(format!("{count} components in `{name}`, not {COMPONENTS}")))
}

fn modules(
    raw: Vec<RawVersionedModule>,
    budget: &mut Advisories,
) -> Result<Vec<VersionedModule>, TcbInfoError> {
    let count = raw.len();
    if count > MAX_MODULE_IDENTITIES {
        let problem = format!("{count} module identities; at most {MAX_MODULE_IDENTITIES} are read");
        return Err(TcbInfoError::Malformed(problem));
    }
    let mut modules: Vec<VersionedModule> = Vec::with_capacity(count);
    for module in raw {
        let version = module_version(&module.id)?;
        if modules.iter().any(|known| known.version == version) {
            return Err(TcbInfoError::Malformed(format!("module identity TDX_{version:02X} is there twice")));
        }
        let RawVersionedModule { mrsigner, attributes, attributes_mask, tcb_levels, .. } = module;
        let identity = RawModule { mrsigner, attributes, attributes_mask }.read()?;
        modules.push(VersionedModule {
            version,
            identity,
            levels: svn_levels("a module", tcb_levels, budget)?,
        });
    }
    Ok(modules)
}

/// `TDX_` and two hexadecimal digits.
fn module_version(id: &str) -> Result<u8, TcbInfoError> {
    let digits = id.strip_prefix("TDX_").unwrap_or_default();
    hex("module identity", digits).map(|Hex([version])| version)
}

impl RawModule {
    fn read(&self) -> Result<ModuleIdentity, TcbInfoError> {
        Ok(ModuleIdentity {
            mr_signer: hex("mrsigner", &self.mrsigner)?,
            attributes: hex("attributes", &self.attributes)?,
            attributes_mask: hex("attributesMask", &self.attributes_mask)?,
        })
    }
}

/// A member that must be there.
fn member<T: DeserializeOwned>(object: &Map<String, Value>, name: &str) -> Result<T, TcbInfoError> {
    let value =
        object.get(name).ok_or_else(|| TcbInfoError::Malformed(format!("`{name}` is missing")))?.clone();
    json::from_value(value).map_err(|error| TcbInfoError::Malformed(format!("`{name}`: {}", error.problem())))
}

/// Hex of exactly `N` bytes; Intel writes both cases.
pub(in crate::dcap) fn hex<const N: usize>(name: &str, text: &str) -> Result<Hex<N>, TcbInfoError> {
    let mut bytes = [0; N];
    ::hex::decode_to_slice(text, &mut bytes)
        .map_err(|_| TcbInfoError::Malformed(format!("`{name}` is not {N} bytes in hex")))?;
    Ok(Hex(bytes))
}

/// RFC 3339 in UTC with whole seconds, the one spelling that Intel uses: `2025-05-27T19:25:02Z`.
pub(in crate::dcap) fn date(name: &str, text: &str) -> Result<UnixTime, TcbInfoError> {
    let one_spelling = text.len() == 20 && text.ends_with('Z') && text.as_bytes().get(10) == Some(&b'T');
    let read = if one_spelling { UnixTime::parse(text).ok() } else { None };
    read.ok_or_else(|| TcbInfoError::Malformed(format!("`{name}` is no date in UTC")))
}

/// Counts the advisory ids of a document.
#[derive(Default)]
pub(in crate::dcap) struct Advisories {
    used: usize,
}

impl Advisories {
    pub(super) fn take(&mut self, ids: Vec<String>) -> Result<Vec<String>, TcbInfoError> {
        self.used = self.used.saturating_add(ids.len());
        if self.used > MAX_ADVISORIES {
            return Err(TcbInfoError::Malformed(format!("more than {MAX_ADVISORIES} advisory ids")));
        }
        let plain = |id: &String| {
            !id.is_empty() && id.len() <= MAX_ADVISORY && id.bytes().all(|b| b.is_ascii_graphic())
        };
        if ids.iter().all(plain) {
            return Ok(ids);
        }
        Err(TcbInfoError::Malformed("an advisory id that is no short word".to_owned()))
    }
}

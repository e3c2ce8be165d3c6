//! Under which ids NVIDIA's service has manifests.

use super::{Component, Rim, driver_id};
use crate::nvidia::{Class, Report};
use std::fmt;

/// Longest id: the longest that were seen have 40 characters.
const MAX_ID: usize = 128;
/// Chips by GPU_INFO, for reports that do not state CHIP_INFO.
const CHIPS: [(u32, &str); 3] = [(0x180, "GH100"), (0x1a0, "GB100"), (0x1c0, "GR100")];
/// Project, its SKU and the chip's of LS10, of which its reports state none.
const SWITCH: &str = "NV_SWITCH_BIOS_5612_0002_890_";
const VBIOS: &str = "NV_GPU_VBIOS_";

/// An id, e.g. `NV_GPU_DRIVER_GH100_550.144.03` or `NV_GPU_VBIOS_1010_0200_882_96005E0001`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RimId(String);

/// Text that is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id begins with NV_, and has at most {MAX_ID} letters, digits, `_`, `-` and `.`")]
pub struct RimIdError;

impl RimId {
    /// Reads an id. What it names is for the service to know.
    ///
    /// # Errors
    /// [`RimIdError`].
    pub fn parse(text: &str) -> Result<Self, RimIdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let holds = text.len() <= MAX_ID && text.starts_with("NV_") && text.bytes().all(allowed);
        if holds { Ok(Self(text.to_owned())) } else { Err(RimIdError) }
    }

    /// Those of a device's manifests, by what its report states, which nobody has verified: it is only what
    /// to ask for. None for what it does not state.
    #[must_use]
    pub fn of(class: Class, report: &Report) -> Vec<Self> {
        let fields = &report.opaque.fields;
        let firmware = fields.vbios_version.as_deref().map(compact);
        let ids = match class {
            Class::Switch => vec![firmware.map(|version| format!("{SWITCH}{version}"))],
            Class::Gpu => {
                let by_number = CHIPS.iter().find(|(number, _)| Some(*number) == fields.chip_id);
                let chip = fields.chip_info.as_deref().or(by_number.map(|(_, chip)| *chip));
                let driver = chip.zip(fields.driver_version.as_deref());
                let board = [&fields.project, &fields.project_sku, &fields.chip_sku];
                let board: Option<Vec<&str>> = board.into_iter().map(Option::as_deref).collect();
                let vbios = board.zip(firmware).map(|(board, version)| {
                    format!("{VBIOS}{}_{version}", board.join("_").to_ascii_uppercase())
                });
                vec![driver.map(|(chip, version)| driver_id(chip, version)), vbios]
            }
        };
        ids.into_iter().flatten().filter_map(|id| Self::parse(&id).ok()).collect()
    }

    /// Whether a manifest can be the one of this id: asked for the wrong id, the service has answered with a
    /// signed manifest of another product. A board is in the ids of firmware, and in no manifest.
    #[must_use]
    pub fn names(&self, rim: &Rim) -> bool {
        let of_firmware = |prefix: &str| {
            let version = self.0.strip_prefix(prefix).and_then(|rest| rest.rsplit('_').next());
            version.is_some_and(|version| version.eq_ignore_ascii_case(&compact(&rim.meta().version)))
        };
        match rim.component() {
            Component::Driver => rim.id().as_deref() == Some(self.as_str()),
            Component::Vbios => of_firmware(VBIOS),
            Component::SwitchBios => of_firmware("NV_SWITCH_BIOS_"),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A version as ids have it: without its points, in upper case.
fn compact(version: &str) -> String {
    version.replace('.', "").to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_alphabet() {
        for id in ["NV_GPU_DRIVER_GH100_550.144.03", "NV_GPU_VBIOS_G520_0200_885_9600A50001"] {
            assert_eq!(RimId::parse(id).map(|found| found.to_string()).as_deref(), Ok(id));
        }
        let long = format!("NV_{}", "A".repeat(MAX_ID));
        for wrong in ["", "GH100", "nv_gpu", "NV_../../x", "NV_a/b", "NV_a?b", "NV_a%2fb", "NV_\u{e4}", &long]
        {
            assert_eq!(RimId::parse(wrong), Err(RimIdError), "{wrong}");
        }
    }
}

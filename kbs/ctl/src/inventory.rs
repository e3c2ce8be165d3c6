//! `inventory`: which machine has which GPUs. Public names, versioned one by one.

use crate::connect::ConnectArgs;
use crate::exit::{Failure, Outcome};
use crate::grant::pdis;
use crate::output::{Sheet, Show};
use crate::run::Context;
use clap::{Args, Subcommand};
use hanzo_attestation::Roots;
use hanzo_attestation_evidence::{DeviceId, Hex, MachineId, encoding};
use hanzo_kbs_protocol::{PairInfo, PutPair};

#[derive(Args, Debug)]
pub(crate) struct InventoryArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(subcommand)]
    verb: InventoryVerb,
}

#[derive(Debug, Subcommand)]
enum InventoryVerb {
    /// Pair a machine with its devices, or put the next version of a pair
    ///
    /// Names of machines and devices are in `grant list --format json`, and in the refusal of a machine that is
    /// not paired (`audit list`). A machine whose guests have GPUs of their own has a pair for each guest. A
    /// device has one machine: to move it, put the other pair without it or remove that first.
    Put {
        /// Name of the pair: a-z, 0-9, `.`, `_`, `-`
        name: String,
        /// The machine, KIND:ID@ROOT, e.g. sev-snp:0123…@9f05…: its chip id and the SHA-256 of the root below
        /// which that is certified
        #[arg(long, value_name = "MACHINE")]
        machine: MachineId,
        /// A GPU or a switch: PDI, below NVIDIA's root, or PDI@ROOT. May be given many times; all that the
        /// machine shows must be there
        #[arg(long = "device", value_name = "DEVICE", value_parser = device, required = true)]
        devices: Vec<DeviceId>,
        /// For people
        #[arg(long)]
        note: Option<String>,
        /// The version that this one replaces; refused if another is current, and needed if the pair exists
        #[arg(long, value_name = "VERSION")]
        expected_version: Option<u64>,
    },
    /// List the pairs in force
    List,
    /// Show one pair
    Get {
        /// Name of the pair
        name: String,
    },
    /// Take a pair back; its history stays
    Remove {
        /// Name of the pair
        name: String,
        /// The version to take back; refused if another is current
        #[arg(long, value_name = "VERSION")]
        expected_version: u64,
    },
}

impl InventoryArgs {
    pub(crate) fn run(self, context: &Context) -> Result<Outcome, Failure> {
        let admin = self.connect.admin(&context.environment)?;
        let output = &context.output;
        match self.verb {
            InventoryVerb::Put { name, machine, devices, note, expected_version } => {
                let request = PutPair { machine, devices, note, expected_version };
                output.show(&context.wait(async { Ok(admin.put_pair(&name, &request).await?) })?)?;
            }
            InventoryVerb::List => {
                output.show(&context.wait(async { Ok(admin.list_pairs().await?) })?)?;
            }
            InventoryVerb::Get { name } => {
                output.show(&context.wait(async { Ok(admin.pair(&name).await?) })?)?;
            }
            InventoryVerb::Remove { name, expected_version } => {
                output
                    .show(&context.wait(async { Ok(admin.remove_pair(&name, expected_version).await?) })?)?;
            }
        }
        Ok(Outcome::Yes)
    }
}

/// `PDI@ROOT`, or a PDI below NVIDIA's root.
pub(crate) fn device(text: &str) -> Result<DeviceId, String> {
    if text.contains('@') {
        return text
            .parse()
            .map_err(|error: hanzo_attestation_evidence::hardware::HardwareNameError| error.to_string());
    }
    let pdi =
        encoding::hex_array(text).map_err(|error| format!("a PDI is 16 lower-case hex digits: {error}"))?;
    let vendor = Roots::vendor();
    let root = vendor.nvidia().first().ok_or("name the root as well: PDI@ROOT")?;
    Ok(DeviceId { root: Hex(*root.sha256()), pdi: Hex(pdi) })
}

impl Show for PairInfo {
    fn sheet(&self) -> Sheet {
        let rows = self.devices.iter().map(|device| [device.pdi.to_string(), device.root.to_string()]);
        Sheet::new()
            .facts([
                ("pair", self.name.clone()),
                ("version", self.version.to_string()),
                ("machine", self.machine.to_string()),
                ("note", self.note.clone().unwrap_or_default()),
                ("created", self.created_at.to_string()),
            ])
            .grid(["device", "root"], rows)
    }
}

impl Show for Vec<PairInfo> {
    fn sheet(&self) -> Sheet {
        let rows = self.iter().map(|pair| {
            let (machine, note) = (pair.machine.to_string(), pair.note.clone().unwrap_or_default());
            [pair.name.clone(), pair.version.to_string(), machine, pdis(&pair.devices), note]
        });
        Sheet::new().grid(["name", "version", "machine", "devices", "note"], rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_without_a_root_is_below_nvidias() {
        let short = device(&"41".repeat(8)).unwrap();
        assert_eq!(
            short.root.to_string(),
            "102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48"
        );
        assert_eq!(device(&short.to_string()), Ok(short));
    }

    #[test]
    fn what_is_no_device_is_refused() {
        for text in ["", "41", "GPU-0", &"41".repeat(9), &"4A".repeat(8), "41@41"] {
            assert!(device(text).is_err(), "{text}");
        }
    }
}

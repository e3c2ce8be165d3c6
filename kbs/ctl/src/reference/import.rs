//! `reference import`: values that others published, their signatures verified before anything is sent.
//!
//! ```text
//! file ──signature by a pinned key──▶ measurements by their publisher's names ──mapping──▶ values ──▶ broker
//! ```

use super::mapping::{Mapped, apply, parse_mapped};
use super::{check, grid_of_values, put};
use crate::connect::ConnectArgs;
use crate::evidence::{RimTrust, prove_rim};
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::output::{Sheet, Show, note};
use crate::run::Context;
use clap::{Args, ValueEnum};
use hanzo_attestation_collateral::bundle::{BundleKey, MAX_SIGNATURES, Signatures, Trust};
use hanzo_attestation_evidence::nvidia::rim::Component;
use hanzo_attestation_evidence::{Broken as _, UnixTime, json};
use hanzo_attestation_reference::Measured;
use hanzo_attestation_reference::corim::{Corim, PUBLISHED};
use hanzo_attestation_reference::cose;
use hanzo_attestation_reference::rvps;
use hanzo_attestation_reference::signer::Signer;
use hanzo_kbs_client::ClientError;
use hanzo_kbs_protocol::{PutReference, ReferenceInfo, ReferenceSigner, ReferenceValue};
use serde::Serialize;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest reason for accepting what nobody signed, in bytes.
const MAX_REASON: usize = 256;

/// The forms that can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// The body of `reference put --file`; signed beside it
    Json,
    /// A CoRIM in COSE_Sign1
    Corim,
    /// A message of Trustee's reference value provider service; signed beside it
    Rvps,
    /// A reference integrity manifest of an NVIDIA device (XML); signed by NVIDIA
    NvidiaRim,
}

#[derive(Args, Debug)]
pub(super) struct ImportArgs {
    /// The file, or - for standard input
    file: PathBuf,
    /// Name of the set, as policies name it
    #[arg(long, value_name = "SET")]
    name: String,
    /// What the file is [default: recognised by its content]
    #[arg(long)]
    form: Option<Form>,
    /// Public key (PEM; Ed25519, P-256 or P-384) or certificate whose signature counts; of a certificate, the
    /// key alone. May be given several times: one of them must have signed. NVIDIA's manifests are held to the
    /// pinned roots instead
    #[arg(long, value_name = "FILE")]
    signer: Vec<PathBuf>,
    /// Signature beside the file, as `reference sign` makes it: for forms that carry none
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// Import what nobody signed, for this reason, which every value and the record keep. A CoRIM is always
    /// signed
    #[arg(long, value_name = "REASON", value_parser = parse_reason, conflicts_with_all = ["signer", "signature"])]
    accept_unsigned: Option<String>,
    /// Which register a name of the file means, e.g. snp_launch_measurement=sev-snp:measurement; ENVIRONMENT=KIND,
    /// e.g. vendor:Example/model:TD=tdx, says it of all names of an environment whose registers the published
    /// profiles name; NAME=none leaves out. May be given many times; a name without one is an error, except
    /// those that the profiles of AMD and Intel give a meaning
    #[arg(long = "map", value_name = "NAME=KIND:REGISTER", value_parser = parse_mapped)]
    map: Vec<Mapped>,
    #[command(flatten)]
    rim: RimTrust,
    /// The version that this one replaces; refused if another is current, and needed if the set exists and is
    /// replaced
    #[arg(long, value_name = "VERSION")]
    expected_version: Option<u64>,
    /// Keep the values that the set has, and add these
    #[arg(long)]
    merge: bool,
    /// Show what would be stored, and store nothing
    #[arg(long)]
    dry_run: bool,
    /// Judge dates at this time [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = UnixTime::parse)]
    at: Option<UnixTime>,
}

fn parse_reason(text: &str) -> Result<String, String> {
    let fits = (1..=MAX_REASON).contains(&text.len()) && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(format!("a reason has 1 to {MAX_REASON} bytes")) }
}

/// What a file comes to, and who vouches for it.
struct Imported {
    values: Vec<ReferenceValue>,
    signer: ReferenceSigner,
}

/// What an import would store.
#[derive(Debug, Serialize)]
struct Planned {
    name: String,
    replaces: Option<u64>,
    values: Vec<ReferenceValue>,
}

impl ImportArgs {
    pub(super) fn run(self, connect: &ConnectArgs, context: &Context) -> Result<Outcome, Failure> {
        let now = self.at.or(context.environment.now).ok_or(Failure::NoClock)?;
        let bytes = input::read(&self.file, input::MAX_FILE)?;
        let Imported { mut values, signer } = self.read(&bytes, now)?;
        if values.is_empty() {
            return Err(self.wrong("has no value that would be stored"));
        }
        values.iter_mut().for_each(|value| value.signer = Some(signer.clone()));
        let mut replaces = self.expected_version;
        if self.merge {
            let current = self.current(connect, context)?;
            replaces = replaces.or(current.as_ref().map(|set| set.version));
            let kept = current.as_ref().map(|set| set.values.clone()).unwrap_or_default();
            values = merged(kept, values);
            if let Some(set) = current.filter(|set| !self.dry_run && replaces == Some(set.version))
                && same(&set.values, &values)
            {
                context.output.show(&set)?;
                note(&format!("reference set `{}` has all of this already: nothing was stored", self.name));
                return Ok(Outcome::Yes);
            }
        }
        check(&self.name, values.clone()).map_err(|reason| self.wrong(reason))?;
        if self.dry_run {
            context.output.show(&Planned { name: self.name, replaces, values })?;
            return Ok(Outcome::Yes);
        }
        put(&self.name, &PutReference { values, expected_version: replaces }, connect, context)?;
        Ok(Outcome::Yes)
    }

    fn wrong(&self, reason: impl Display) -> Failure {
        Failure::file(&self.file, reason)
    }

    /// The set as the broker has it; `None` if it has none of that name.
    fn current(&self, connect: &ConnectArgs, context: &Context) -> Result<Option<ReferenceInfo>, Failure> {
        let admin = connect.admin(&context.environment)?;
        context.wait(async {
            match admin.reference(&self.name, None).await {
                Ok(set) => Ok(Some(set)),
                Err(ClientError::Problem(problem)) if problem.code == "NotFound" => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
    }

    fn read(&self, bytes: &[u8], now: UnixTime) -> Result<Imported, Failure> {
        let form = self.form.map_or_else(|| recognise(bytes).map_err(|reason| self.wrong(reason)), Ok)?;
        match form {
            Form::Json => self.json(bytes),
            Form::Corim => self.corim(bytes, now),
            Form::Rvps => self.rvps(bytes, now),
            Form::NvidiaRim => self.nvidia_rim(bytes, now),
        }
    }

    fn source(&self, kind: &str) -> String {
        let file = self.file.file_name().unwrap_or_default().to_string_lossy();
        format!("{kind}:{file}")
    }

    fn json(&self, bytes: &[u8]) -> Result<Imported, Failure> {
        if !self.map.is_empty() {
            return Err(self.wrong("a file with registers needs no --map"));
        }
        let signer = self.detached(bytes)?;
        let mut request: PutReference = json::from_slice(bytes).map_err(|error| self.wrong(error))?;
        if request.expected_version.is_some() {
            return Err(self.wrong("`expected_version` is said with --expected-version"));
        }
        if request.values.iter().any(|value| value.signer.is_some()) {
            return Err(self.wrong("`signer` is what an import finds out, and a file cannot say it"));
        }
        for value in &mut request.values {
            value.source.get_or_insert_with(|| self.source("json"));
        }
        Ok(Imported { values: request.values, signer })
    }

    fn rvps(&self, bytes: &[u8], now: UnixTime) -> Result<Imported, Failure> {
        match rvps::read(bytes).map_err(|error| self.wrong(error))? {
            rvps::Payload::Corim(corim) => self.corim(&corim, now),
            rvps::Payload::Sample(measured) => {
                let signer = self.detached(bytes)?;
                let mut values = apply(&measured, &self.map, true).map_err(|reason| self.wrong(reason))?;
                values.iter_mut().for_each(|value| value.source = Some(self.source("rvps")));
                Ok(Imported { values, signer })
            }
        }
    }

    fn corim(&self, bytes: &[u8], now: UnixTime) -> Result<Imported, Failure> {
        if self.signature.is_some() || self.accept_unsigned.is_some() {
            return Err(self.wrong("a CoRIM carries its signature: name its --signer"));
        }
        let signers = self.signer.iter().map(|path| {
            let pem = input::read(path, input::MAX_FILE)?;
            Signer::from_pem(&name_of(path), &pem).map_err(|error| Failure::file(path, error))
        });
        let signers = signers.collect::<Result<Vec<_>, _>>()?;
        if signers.is_empty() {
            return Err(self.wrong("a CoRIM needs the --signer that is expected"));
        }
        let signed = cose::verify(bytes, &signers, now).map_err(|error| self.wrong(error))?;
        let corim = Corim::read(&signed, now).map_err(|error| self.wrong(error))?;
        let (mut maps, known) = (self.map.clone(), known_names(&corim.measured, &self.map));
        maps.extend(known);
        let mut values = apply(&corim.measured, &maps, false).map_err(|reason| self.wrong(reason))?;
        for value in &mut values {
            value.source = Some(format!("corim:{}", corim.id));
            value.not_before = corim.not_before;
            // A CoRIM names the last second at which its values count.
            value.expires_at = corim.not_after.map(|end| end.after(Duration::from_secs(1)));
        }
        let signer = ReferenceSigner::Key { key_id: signed.key_id(), name: signed.key_name().to_owned() };
        Ok(Imported { values, signer })
    }

    /// A manifest's file becomes the value of the register that devices have which measure to it.
    fn nvidia_rim(&self, bytes: &[u8], now: UnixTime) -> Result<Imported, Failure> {
        let keys = !self.signer.is_empty() || self.signature.is_some() || self.accept_unsigned.is_some();
        if keys || !self.map.is_empty() {
            return Err(self.wrong("NVIDIA signed it, and it says itself what it is for"));
        }
        let trusted = prove_rim(&self.rim, bytes, now)?;
        let claims = trusted.map_err(|error| self.wrong(format!("{}: {error}", error.rule())))?.claims();
        let (tee, register) = match claims.component {
            Component::Driver => ("nvidia-gpu", "driver_rim"),
            Component::Vbios => ("nvidia-gpu", "vbios_rim"),
            Component::SwitchBios => ("nvidia-switch", "bios_rim"),
        };
        let waived = self.rim.waive_revocation.as_ref();
        let waived = waived.map(|reason| format!(", revocation waived: {reason}")).unwrap_or_default();
        let value = ReferenceValue {
            note: Some(format!("{} {}{waived}", claims.product, claims.version)),
            source: Some(format!("nvidia-rim:{}", claims.tag_id)),
            // Its chain is valid to the last second.
            expires_at: Some(claims.not_after.after(Duration::from_secs(1))),
            ..ReferenceValue::new(tee, register, claims.sha256.into())
        };
        let lab = if claims.lab { "LAB: " } else { "" };
        let vendor = format!("{lab}{} {}", claims.signer.subject, claims.signer.serial);
        Ok(Imported { values: vec![value], signer: ReferenceSigner::Vendor { vendor } })
    }

    /// Whoever signed the file beside it, or the reason for which nobody need have.
    fn detached(&self, bytes: &[u8]) -> Result<ReferenceSigner, Failure> {
        if let Some(reason) = &self.accept_unsigned {
            return Ok(ReferenceSigner::Unsigned { unsigned: reason.clone() });
        }
        let Some(path) = &self.signature else {
            return Err(
                self.wrong("carries no signature of its own: give the one beside it with --signature")
            );
        };
        if self.signer.is_empty() {
            return Err(self.wrong("needs the --signer that is expected, or --accept-unsigned"));
        }
        let mut keys = Vec::new();
        for path in &self.signer {
            let pem = input::read(path, input::MAX_FILE)?;
            keys.push((
                name_of(path),
                BundleKey::from_pem(&pem).map_err(|error| Failure::file(path, error))?,
            ));
        }
        let trust = Trust::new(keys.iter().map(|(_, key)| key.clone()).collect(), 1);
        let trust = trust.map_err(|error| Failure::file(Path::new("--signer"), error))?;
        // A signature has some 200 bytes as it is written, and a few hundred more around it.
        let signatures = input::read(path, (MAX_SIGNATURES + 1) * 1024)?;
        let verified = Signatures::parse(&signatures).and_then(|signed| signed.verify(bytes, &trust));
        let signers = verified.map_err(|error| Failure::file(path, error))?;
        let signer = keys.iter().find(|(_, key)| signers.contains(&key.id()));
        let signer = signer.map(|(name, key)| ReferenceSigner::Key { key_id: key.id(), name: name.clone() });
        signer.ok_or_else(|| Failure::file(path, "no trusted key signed"))
    }
}

/// A signer is called as its file is.
fn name_of(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// What a file is, by how it begins or by the members it has. Each form is then read strictly.
fn recognise(bytes: &[u8]) -> Result<Form, String> {
    if cose::looks_like_one(bytes) {
        return Ok(Form::Corim);
    }
    if bytes.starts_with(b"<") {
        return Ok(Form::NvidiaRim);
    }
    let unknown =
        || "is no set in JSON, no CoRIM, no RVPS message and no XML: say what it is with --form".to_owned();
    let value = json::parse(bytes).map_err(|_| unknown())?;
    match (value.get("values").is_some(), value.get("payload").is_some()) {
        (true, false) => Ok(Form::Json),
        (false, true) => Ok(Form::Rvps),
        _ => Err(unknown()),
    }
}

/// What the published profiles' names mean, where nobody said otherwise.
fn known_names(measured: &[Measured], said: &[Mapped]) -> Vec<Mapped> {
    let there = PUBLISHED.iter().filter(|(name, ..)| measured.iter().any(|found| found.name == *name));
    let unsaid = there.filter(|(name, ..)| !said.iter().any(|map| map.is_about(name)));
    unsaid.map(|(name, tee, register)| Mapped::to(name, tee, register)).collect()
}

/// The values of both; of a value that both have, the imported one.
fn merged(current: Vec<ReferenceValue>, imported: Vec<ReferenceValue>) -> Vec<ReferenceValue> {
    let same = |a: &ReferenceValue, b: &ReferenceValue| {
        (&a.tee, &a.register, &a.digest, &a.entry) == (&b.tee, &b.register, &b.digest, &b.entry)
    };
    let kept = current.into_iter().filter(|old| !imported.iter().any(|new| same(old, new)));
    let mut values: Vec<_> = kept.collect();
    values.extend(imported);
    values
}

/// Whether both have the same values, in whatever order.
fn same(one: &[ReferenceValue], other: &[ReferenceValue]) -> bool {
    one.len() == other.len() && one.iter().all(|value| other.contains(value))
}

/// Refuses what no import reads with a signature beside it.
pub(super) fn signable(bytes: &[u8]) -> Result<(), String> {
    let unread = |_| "is no set in JSON and no RVPS message: no import would read it".to_owned();
    match recognise(bytes).map_err(unread)? {
        Form::Json => {
            let request: PutReference = json::from_slice(bytes).map_err(|error| error.to_string())?;
            check(super::UNNAMED, request.values)
        }
        Form::Rvps => match rvps::read(bytes).map_err(|error| error.to_string())? {
            rvps::Payload::Sample(_) => Ok(()),
            rvps::Payload::Corim(_) => Err("a CoRIM carries its signature".to_owned()),
        },
        Form::Corim => Err("a CoRIM carries its signature".to_owned()),
        Form::NvidiaRim => Err("NVIDIA signs its manifests".to_owned()),
    }
}

impl Show for Planned {
    fn sheet(&self) -> Sheet {
        let replaces =
            self.replaces.map_or_else(|| "nothing".to_owned(), |version| format!("version {version}"));
        let facts = [("reference set", self.name.clone()), ("would replace", replaces)];
        grid_of_values(Sheet::new().facts(facts), &self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hanzo_attestation_evidence::Hex;

    #[test]
    fn a_file_is_recognised_by_its_content() {
        for (bytes, form) in [
            (&b"\xd2\x84"[..], Form::Corim),
            (b"\xd9\x01\xf5\xa0", Form::Corim),
            (b"<?xml", Form::NvidiaRim),
            (br#"{"values":[]}"#, Form::Json),
            (br#"{"version":"0.1.0","type":"sample","payload":""}"#, Form::Rvps),
        ] {
            assert_eq!(recognise(bytes), Ok(form));
        }
        for bytes in [&b""[..], b" ", b"[]", b"{}", br#"{"values":[],"payload":""}"#, b"\xff"] {
            assert!(recognise(bytes).unwrap_err().contains("--form"), "{bytes:?}");
        }
    }

    #[test]
    fn a_merge_keeps_what_is_there_and_prefers_what_is_new() {
        let value = |byte: u8, note: &str| ReferenceValue {
            note: Some(note.to_owned()),
            ..ReferenceValue::new("tdx", "mr_td", Hex([byte; 48]).into())
        };
        let entry = ReferenceValue { entry: Some("a".to_owned()), ..value(1, "in an entry") };
        let values = merged(
            vec![value(1, "old"), value(2, "kept"), entry.clone()],
            vec![value(1, "new"), value(3, "new")],
        );
        assert_eq!(values, [value(2, "kept"), entry, value(1, "new"), value(3, "new")]);
    }
}

//! `collateral show`: what a store has.

use super::args::ShowArgs;
use super::{now, refused};
use crate::exit::{Failure, Outcome};
use crate::output::{Sheet, Show};
use crate::run::Context;
use hanzo_attestation_collateral::bundle::{Deny, EdnFloors, Kind};
use hanzo_attestation_collateral::{Document, Store, StoreError, Stored, StoredDocument};
use hanzo_attestation_evidence::nvidia::rim::Rim;
use hanzo_attestation_evidence::x509::Certificate;
use hanzo_attestation_evidence::{Hex, UnixTime};
use serde::Serialize;
use std::time::Duration;

/// A store, for people and programs.
#[derive(Debug, Serialize)]
struct Shown {
    bundle_id: String,
    generation: Hex<32>,
    sequence: u64,
    not_after: UnixTime,
    newest_issue: Option<UnixTime>,
    signed: bool,
    in_force: bool,
    edn_floors: EdnFloors,
    deny: Deny,
    documents: Vec<ShownDocument>,
}

#[derive(Debug, Serialize)]
struct ShownDocument {
    kind: Kind,
    key: String,
    issued: UnixTime,
    expires: UnixTime,
    /// Percent of its life that is left; 0 once it is over.
    left_percent: u8,
    /// Who signed it, where a certificate in the document says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<String>,
    sha256: Hex<32>,
}

pub(super) fn run(args: &ShowArgs, context: &Context) -> Result<Outcome, Failure> {
    let now = now(args.at.at, context)?;
    let folder = &args.store.store;
    let stored = match Store::at(folder).read(None) {
        Ok(stored) => stored,
        Err(error @ (StoreError::Empty | StoreError::Damaged(_))) => {
            context.output.show(&refused(folder, &error)?)?;
            return Ok(Outcome::No);
        }
        Err(error) => return Err(Failure::file(folder, error)),
    };
    let shown = Shown::new(stored, now);
    context.output.show(&shown)?;
    Ok(shown.in_force.into())
}

impl Shown {
    fn new(stored: Stored, now: UnixTime) -> Self {
        let bundle_counts = stored.check_bundle(now, Duration::ZERO).is_ok();
        let documents: Vec<ShownDocument> =
            stored.documents.into_iter().map(|found| ShownDocument::new(found, now)).collect();
        let in_force = |shown: &ShownDocument| shown.issued <= now && now <= shown.expires;
        Self {
            bundle_id: stored.bundle_id,
            generation: stored.generation,
            sequence: stored.sequence,
            not_after: stored.not_after,
            newest_issue: stored.newest_issue,
            signed: stored.signed,
            in_force: bundle_counts && documents.iter().all(in_force),
            edn_floors: stored.edn_floors,
            deny: stored.deny,
            documents,
        }
    }
}

impl ShownDocument {
    fn new(found: StoredDocument, now: UnixTime) -> Self {
        let StoredDocument { document, sha256 } = found;
        let (issued, expires) = (document.issued, document.expires);
        let left_percent = left_percent(issued, expires, now);
        let signer = signer(&document);
        Self { kind: document.kind, key: document.key, issued, expires, left_percent, signer, sha256 }
    }
}

/// The signer of a manifest: its common name and serial number. The store took it, so that it can be read.
fn signer(document: &Document) -> Option<String> {
    if document.kind != Kind::NvidiaRim {
        return None;
    }
    let rim = Rim::parse(&document.bytes).ok()?;
    let certificate = Certificate::parse(rim.signature().certificates.first()?).ok()?;
    let serial: String = certificate.serial().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("{} {serial}", certificate.subject().common_name()?))
}

fn left_percent(issued: UnixTime, expires: UnixTime, now: UnixTime) -> u8 {
    let life = expires.seconds().saturating_sub(issued.seconds());
    let left = expires.seconds().saturating_sub(now.seconds()).clamp(0, life.max(0));
    left.saturating_mul(100).checked_div(life).and_then(|percent| u8::try_from(percent).ok()).unwrap_or(0)
}

impl Show for Shown {
    fn sheet(&self) -> Sheet {
        let floors = format!("SGX {}, TDX {}", self.edn_floors.sgx, self.edn_floors.tdx);
        let denied = self.deny.veks.len() + self.deny.pck_serials.len() + self.deny.eks.len();
        let newest = self.newest_issue.map_or_else(|| "none".to_owned(), |newest| newest.to_string());
        let rows = self.documents.iter().map(|shown| {
            [
                shown.kind.to_string(),
                shown.key.clone(),
                shown.issued.to_string(),
                shown.expires.to_string(),
                format!("{} %", shown.left_percent),
                shown.signer.clone().unwrap_or_default(),
                shown.sha256.to_string(),
            ]
        });
        Sheet::new()
            .facts([
                ("bundle", self.bundle_id.clone()),
                ("sequence", self.sequence.to_string()),
                ("counts until", self.not_after.to_string()),
                (
                    "signed",
                    if self.signed { "by bundle keys" } else { "NO: documents were added singly" }.to_owned(),
                ),
                ("newest issue", newest),
                ("lowest evaluation numbers", floors),
                ("denied", denied.to_string()),
            ])
            .grid(["kind", "key", "issued", "expires", "left", "signer", "sha256"], rows)
            .line(if self.in_force { "Everything is in force." } else { "NOT everything is in force." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_a_share_of_the_whole_life() {
        let at = |seconds| UnixTime::from_seconds(seconds).unwrap();
        let left = |now| left_percent(at(100), at(300), at(now));
        assert_eq!([left(0), left(100), left(150), left(299), left(300), left(900)], [100, 100, 75, 0, 0, 0]);
        assert_eq!(left_percent(at(5), at(5), at(5)), 0);
    }
}

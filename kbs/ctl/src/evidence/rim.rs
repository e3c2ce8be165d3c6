//! `kbsctl evidence rim`: one reference integrity manifest, in the shape of an answer about evidence.

use super::answer::{findings, verdict};
use super::args::{RimArgs, RimTrust};
use super::now;
use crate::exit::{Failure, Outcome};
use crate::input;
use crate::output::{Sheet, Show};
use crate::run::Context;
use hanzo_attestation::nvidia::rim::{RimClaims, RimProofError, TrustedRim, verify_rim};
use hanzo_attestation::{Cache, Collateral, Revocation, RimHold, Roots, verify};
use hanzo_attestation_collateral::read_lab;
use hanzo_attestation_evidence::nvidia::MAX_OCSP;
use hanzo_attestation_evidence::nvidia::rim::MAX_RIM;
use hanzo_attestation_evidence::x509::MAX_CRL;
use hanzo_attestation_evidence::{Finding, UnixTime};
use hanzo_policy::Tier;
use serde::Serialize;

/// The verdict on a manifest.
#[derive(Debug, Serialize)]
struct Answer {
    authentic: bool,
    acceptable: bool,
    items: [Item; 1],
    /// A manifest proves nothing about any machine.
    tier: Tier,
}

#[derive(Debug, Serialize)]
struct Item {
    #[serde(rename = "type")]
    kind: &'static str,
    authentic: bool,
    acceptable: bool,
    findings: Vec<Finding>,
    /// `null` when the manifest is not authentic: what it claims is then worth nothing.
    claims: Option<RimClaims>,
}

pub(super) fn run(args: &RimArgs, context: &Context) -> Result<Outcome, Failure> {
    let now = now(args.at, &args.file, context)?;
    let xml = input::read(&args.file, MAX_RIM)?;
    let answer = Answer::of(prove(&args.trust, &xml, now)?);
    context.output.show(&answer)?;
    Ok(answer.acceptable.into())
}

/// Verifies one manifest, and by default that its chain is not revoked.
///
/// # Errors
/// [`Failure`] for a file that cannot be read; what the manifest breaks is inside.
pub(crate) fn prove(
    args: &RimTrust,
    xml: &[u8],
    now: UnixTime,
) -> Result<Result<TrustedRim, RimProofError>, Failure> {
    let mut roots = Roots::vendor();
    if let Some(directory) = &args.lab {
        let (extra, _) = read_lab(directory).map_err(|error| Failure::file(directory, error))?;
        roots = roots.with_extra(extra);
    }
    let mut collateral = Collateral::default();
    for path in &args.ocsp {
        collateral = collateral.with_nvidia_ocsp(input::read(path, MAX_OCSP)?.to_vec());
    }
    for path in &args.nvidia_crl {
        collateral = collateral.with_nvidia_crl(&input::read(path, MAX_CRL)?);
    }
    if args.accept_rim_hold {
        collateral = collateral.with_nvidia_rim_hold(RimHold::Accept);
    }
    let revocation = match &args.waive_revocation {
        None => Revocation::Required,
        Some(reason) => Revocation::Waived { reason: reason.clone() },
    };
    let context = verify::Context {
        roots: &roots,
        collateral: &collateral,
        revocation: &revocation,
        now,
        cache: Cache::off(),
    };
    Ok(verify_rim(xml, &context))
}

impl Answer {
    fn of(proof: Result<TrustedRim, RimProofError>) -> Self {
        let authentic = proof.is_ok();
        let (findings, claims) = match proof {
            Ok(trusted) => (trusted.findings().cloned().collect(), Some(trusted.claims())),
            Err(error) => (vec![Finding::refuse(&error)], None),
        };
        let item = Item { kind: "nvidia-rim", authentic, acceptable: authentic, findings, claims };
        Self { authentic, acceptable: authentic, items: [item], tier: Tier::Open }
    }
}

impl Show for Answer {
    fn sheet(&self) -> Sheet {
        let [item] = &self.items;
        let sheet = Sheet::new().line(format!("{}: {}", item.kind, verdict(self.authentic, self.acceptable)));
        let sheet = findings(sheet, &item.findings);
        let Some(claims) = &item.claims else { return sheet };
        let signer = &claims.signer;
        let golden = claims.golden.iter().map(|(index, golden)| {
            let values: Vec<String> = golden.alternatives.iter().map(ToString::to_string).collect();
            [index.to_string(), golden.name.clone(), values.join("\n")]
        });
        let minimums = claims
            .minimums
            .iter()
            .map(|(kind, found)| [kind.to_string(), found.name.clone(), found.min_svn.to_string()]);
        let mut rows = vec![
            ("product", claims.product.clone()),
            ("version", claims.version.clone()),
            ("id", claims.id.clone().unwrap_or_else(|| "names a board, which no manifest states".to_owned())),
            ("tag", claims.tag_id.clone()),
            ("SHA-256", claims.sha256.to_string()),
            ("signer", format!("{} {}", signer.subject, signer.serial)),
            ("signer valid", format!("{} to {}", signer.not_before, signer.not_after)),
            ("authorities", claims.authorities.join(" / ")),
            ("valid until", claims.not_after.to_string()),
        ];
        if claims.lab {
            rows.push(("lab", "the chain ends in a LAB root".to_owned()));
        }
        sheet
            .facts(rows)
            .grid(["index", "name", "golden values"], golden)
            .grid(["type", "name", "lowest security version"], minimums)
    }
}

//! SEV-SNP reports, by `sev`.

use crate::{Field, Opinion, Peer, Theirs, compare};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use hanzo_attestation::snp::{FirmwareVersion, GuestPolicy, Tcb};
use hanzo_attestation::{Claims, Refused, VerifiedItem, snp};
use hanzo_attestation_evidence::snp::{Evidence, SIGNED_LENGTH, Vek};
use hanzo_attestation_evidence::x509::{Certificate, PublicKey};
use sev::firmware::guest::{AttestationReport, GuestPolicy as TheirPolicy, Version};
use sev::firmware::host::TcbVersion;
use sev::parser::ByteParser as _;

/// Judges one report.
pub(super) fn opinion(evidence: &Evidence, ours: Result<&VerifiedItem, &Refused>) -> Opinion {
    compare(Peer::Sev, ours, judge(evidence, ours.ok()))
}

/// The second reader's own verdict: it reads the report, and the key's signature holds over what it encodes
/// again.
fn judge(evidence: &Evidence, ours: Option<&VerifiedItem>) -> Theirs {
    let report = AttestationReport::from_bytes(evidence.report.raw()).map_err(|error| error.to_string())?;
    let encoded = report.to_bytes().map_err(|error| error.to_string())?;
    let signed = encoded.get(..SIGNED_LENGTH).ok_or("a report that is too short")?;
    let claims = ours.and_then(|item| of_report(item.claims()));
    let key = key(evidence, claims).ok_or("no endorsement key on P-384")?;
    let signature = [scalar(report.signature.r()), scalar(report.signature.s())].concat();
    UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, key)
        .verify(signed, &signature)
        .map_err(|_| "the report's signature does not verify over what was encoded again")?;
    Ok(claims.map(|claims| fields(claims, &report)).unwrap_or_default())
}

/// What is claimed of a report, with or without a paravisor around it.
pub(super) fn of_report(claims: &Claims) -> Option<&snp::Claims> {
    match claims {
        Claims::SevSnp(claims) => Some(claims),
        Claims::AzSnpVtpm(claims) => Some(&claims.snp),
        _ => None,
    }
}

/// The first 48 bytes of a little-endian number, big-endian: all that the second reader looks at.
fn scalar(number: &[u8; 72]) -> Vec<u8> {
    number.iter().take(48).rev().copied().collect()
}

/// The key that the verdict rests on, or the only one there is.
fn key<'a>(evidence: &'a Evidence, claims: Option<&snp::Claims>) -> Option<&'a [u8; 97]> {
    let named = |der: &&Vec<u8>| match claims {
        Some(claims) => digest(&SHA256, der).as_ref() == claims.vek_cert_sha256.as_ref(),
        None => true,
    };
    evidence.certs.iter().filter(named).find_map(|der| match Certificate::parse(der).ok()?.public_key() {
        PublicKey::P384(point) => Some(point),
        _ => None,
    })
}

fn fields(ours: &snp::Claims, theirs: &AttestationReport) -> Vec<Field> {
    let no_agent = [0xff; 32];
    let mut fields = vec![
        Field::text("report_version", ours.report_version, theirs.version),
        Field::bytes("report_data", ours.report_data, theirs.report_data),
        Field::bytes("measurement", ours.measurement, theirs.measurement),
        Field::bytes("host_data", ours.host_data, theirs.host_data),
        Field::text("vmpl", ours.vmpl, theirs.vmpl),
        Field::text("guest_svn", ours.guest_svn, theirs.guest_svn),
        Field::text("policy", policy(&ours.policy), their_policy(theirs.policy)),
        Field::text("platform_info", ours.platform_info.raw, u64::from(theirs.plat_info)),
        Field::text("signing_key", u8::from(ours.key.vek == Vek::Vlek), theirs.key_info.signing_key()),
        Field::text("author_key_en", ours.key.author_key_en, theirs.key_info.author_key_en()),
        Field::bytes("family_id", ours.family_id, theirs.family_id),
        Field::bytes("image_id", ours.image_id, theirs.image_id),
        Field::bytes("id_key_digest", ours.id_key_digest, theirs.id_key_digest),
        Field::bytes("author_key_digest", ours.author_key_digest, theirs.author_key_digest),
        Field::bytes("report_id", ours.report_id, theirs.report_id),
        Field::bytes("report_id_ma", ours.report_id_ma.map_or(no_agent, |id| id.0), theirs.report_id_ma),
        Field::text("tcb_current", tcb(ours.tcb_current), their_tcb(theirs.current_tcb)),
        Field::text("tcb_reported", tcb(ours.tcb_reported), their_tcb(theirs.reported_tcb)),
        Field::text("tcb_committed", tcb(ours.tcb_committed), their_tcb(theirs.committed_tcb)),
        Field::text("tcb_launch", tcb(ours.tcb_launch), their_tcb(theirs.launch_tcb)),
        Field::text("fw_current", version(ours.fw_current), their_version(theirs.current)),
        Field::text("fw_committed", version(ours.fw_committed), their_version(theirs.committed)),
    ];
    if let Some(chip) = &ours.chip_id {
        let length = chip.len() / 2;
        fields.push(Field::text(
            "chip_id",
            chip,
            hex::encode(theirs.chip_id.get(..length).unwrap_or_default()),
        ));
    }
    let cpuid = [theirs.cpuid_fam_id, theirs.cpuid_mod_id, theirs.cpuid_step];
    fields.extend(ours.cpuid.map(|ours| {
        let ours = [Some(ours.family), Some(ours.model), Some(ours.stepping)];
        Field::text("cpuid", format!("{ours:?}"), format!("{cpuid:?}"))
    }));
    fields.extend([
        Field::text("mit_launch", option(ours.mit_launch), option(theirs.launch_mit_vector)),
        Field::text("mit_current", option(ours.mit_current), option(theirs.current_mit_vector)),
    ]);
    fields
}

/// ABI version and bits 16 and 18 to 25, in order.
fn policy(ours: &GuestPolicy) -> String {
    let flags = [
        ours.smt,
        ours.migrate_ma,
        ours.debug,
        ours.single_socket,
        ours.cxl_allow,
        ours.mem_aes_256_xts,
        ours.rapl_dis,
        ours.ciphertext_hiding,
        ours.page_swap_disable,
    ];
    format!("{}.{} {flags:?}", ours.abi_major, ours.abi_minor)
}

fn their_policy(theirs: TheirPolicy) -> String {
    let flags = [
        theirs.smt_allowed(),
        theirs.migrate_ma_allowed(),
        theirs.debug_allowed(),
        theirs.single_socket_required(),
        theirs.cxl_allowed(),
        theirs.mem_aes_256_xts(),
        theirs.rapl_dis(),
        theirs.ciphertext_hiding(),
        theirs.page_swap_disabled(),
    ];
    format!("{}.{} {flags:?}", theirs.abi_major(), theirs.abi_minor())
}

fn option(number: Option<u64>) -> String {
    number.map_or_else(|| "absent".to_owned(), |number| number.to_string())
}

fn tcb(Tcb { fmc, bootloader, tee, snp, microcode }: Tcb) -> String {
    format!("{fmc:?} {bootloader} {tee} {snp} {microcode}")
}

fn their_tcb(TcbVersion { fmc, bootloader, tee, snp, microcode }: TcbVersion) -> String {
    format!("{fmc:?} {bootloader} {tee} {snp} {microcode}")
}

fn version(FirmwareVersion { major, minor, build }: FirmwareVersion) -> String {
    format!("{major}.{minor}.{build}")
}

fn their_version(Version { major, minor, build }: Version) -> String {
    format!("{major}.{minor}.{build}")
}

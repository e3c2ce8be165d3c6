//! LOG-22 to LOG-26: the kernel's list against PCR 10.

use super::SHA256;
use hanzo_attestation::event_log::{BootAggregate, ImaFacts, Quoted, ima};
use hanzo_attestation_evidence::{Broken, Digest};
use hanzo_attestation_lab::event_log::ima::ImaList;
use hanzo_attestation_lab::event_log::{LabLog, PcrBank};

/// Registers of a boot, with PCR 10 as the list leaves it.
fn quoted(boot: &LabLog, list: &ImaList, bank: PcrBank) -> Quoted {
    let mut quoted = boot.pcrs();
    quoted.insert((bank, 10), Digest::try_from(list.pcr10(bank).as_slice()).unwrap());
    quoted
}

fn judge(bytes: &[u8], bank: PcrBank, quoted: &Quoted) -> Result<ImaFacts, (&'static str, &'static str)> {
    ima(bytes, bank, quoted).map_err(|error| (error.rule().id, error.rule().code))
}

fn list(boot: &LabLog) -> ImaList {
    let mut list = ImaList::new();
    list.boot_aggregate(PcrBank::Sha256, &boot.pcrs())
        .file("/usr/bin/init", b"init")
        .signed_file("/usr/bin/signed", b"signed", &[3, 2, 4])
        .buffer("kexec-cmdline", b"ro")
        .modsig_file("/lib/module.ko", b"module")
        .old_file("/usr/bin/old", b"old");
    list
}

/// LOG-24: a list replays in every bank, with every template.
#[test]
fn a_list_with_every_template_replays_in_every_bank() {
    for bank in [PcrBank::Sha1, PcrBank::Sha256, PcrBank::Sha384, PcrBank::Sha512] {
        let boot = LabLog::usual_tpm(&[bank, PcrBank::Sha256]);
        let list = list(&boot);
        let facts = judge(&list.bytes(), bank, &quoted(&boot, &list, bank)).unwrap();
        assert_eq!((facts.entries, facts.violations, facts.tail), (6, 0, 0));
        assert_eq!(facts.boot_aggregate, BootAggregate::Matches);
        let paths: Vec<&str> = facts.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(
            paths,
            ["/usr/bin/init", "/usr/bin/signed", "kexec-cmdline", "/lib/module.ko", "/usr/bin/old"]
        );
        assert_eq!(facts.files[1].signature, [3, 2, 4]);
        assert_eq!(
            (facts.files[0].algorithm.as_str(), facts.files[4].algorithm.as_str()),
            ("sha256", "sha1")
        );
    }
}

/// LOG-22: ImaTemplateHash: a path or a digest is changed and the template's digest kept.
#[test]
fn an_entry_that_was_not_measured_is_refused() {
    let boot = LabLog::usual_tpm(SHA256);
    let list = list(&boot);
    let quoted = quoted(&boot, &list, PcrBank::Sha256);
    let bytes = list.bytes();
    let find = |needle: &[u8]| bytes.windows(needle.len()).position(|window| window == needle).unwrap();
    for at in [find(b"/usr/bin/init"), find(b"/usr/bin/old") + 3, find(b"sha256:\0") + 10] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert_eq!(
            judge(&changed, PcrBank::Sha256, &quoted).unwrap_err(),
            ("LOG-22", "ImaTemplateHash"),
            "{at}"
        );
    }
}

/// LOG-23: violations are zeros in the list and ones in the register, and counted.
#[test]
fn violations_are_extended_as_ones_and_counted() {
    let boot = LabLog::usual_tpm(SHA256);
    let mut list = list(&boot);
    list.violation("/var/log/journal").file("/usr/bin/after", b"after");
    let facts = judge(&list.bytes(), PcrBank::Sha256, &quoted(&boot, &list, PcrBank::Sha256)).unwrap();
    assert_eq!((facts.entries, facts.violations), (8, 1));
    let violations: Vec<&str> =
        facts.files.iter().filter(|file| file.violation).map(|file| file.path.as_str()).collect();
    assert_eq!(violations, ["/var/log/journal"]);
}

/// LOG-24: ImaReplayMismatch; entries after the quoted part are counted and ignored.
#[test]
fn a_first_part_of_the_list_leads_to_the_quoted_register() {
    let boot = LabLog::usual_tpm(SHA256);
    let list = list(&boot);
    let quoted = quoted(&boot, &list, PcrBank::Sha256);
    let mut longer = list.clone();
    longer.file("/usr/bin/later", b"later").violation("/tmp/later");
    let facts = judge(&longer.bytes(), PcrBank::Sha256, &quoted).unwrap();
    assert_eq!((facts.entries, facts.violations, facts.tail), (6, 0, 2));
    assert!(facts.files.iter().all(|file| !file.path.contains("later")));

    const MISMATCH: (&str, &str) = ("LOG-24", "ImaReplayMismatch");
    let mut other = ImaList::new();
    other.file("/usr/bin/init", b"init");
    assert_eq!(judge(&other.bytes(), PcrBank::Sha256, &quoted).unwrap_err(), MISMATCH);
    assert_eq!(judge(&[], PcrBank::Sha256, &quoted).unwrap_err(), MISMATCH);
    assert_eq!(judge(&list.bytes(), PcrBank::Sha384, &quoted).unwrap_err(), MISMATCH, "not quoted");
    let mut elsewhere = list.bytes();
    elsewhere[0] = 11;
    assert_eq!(judge(&elsewhere, PcrBank::Sha256, &quoted).unwrap_err(), MISMATCH, "another register");
    assert_eq!(judge(&list.bytes(), PcrBank::Sm3, &quoted).unwrap_err(), MISMATCH);
    // LOG-05: cut inside an entry; cut between entries, it leads elsewhere.
    let bytes = list.bytes();
    for length in 1..bytes.len() {
        let refused = judge(&bytes[..length], PcrBank::Sha256, &quoted).unwrap_err();
        assert!([("LOG-05", "EventLogTruncated"), MISMATCH].contains(&refused), "{length} {refused:?}");
    }
}

/// LOG-26: ImaBootAggregate: the first entry is the hash of this boot's registers.
#[test]
fn the_first_entry_ties_the_list_to_the_boot() {
    let boot = LabLog::usual_tpm(SHA256);
    let mut other_boot = boot.clone();
    other_boot.separator(9);
    let of = |list: &ImaList, boot: &LabLog| {
        judge(&list.bytes(), PcrBank::Sha256, &quoted(boot, list, PcrBank::Sha256)).unwrap().boot_aggregate
    };
    assert_eq!(of(&list(&boot), &boot), BootAggregate::Matches);
    assert_eq!(of(&list(&other_boot), &boot), BootAggregate::Differs);
    let mut without = ImaList::new();
    without.file("/usr/bin/init", b"init");
    assert_eq!(of(&without, &boot), BootAggregate::Missing);
    assert_eq!(of(&ImaList::new(), &boot), BootAggregate::Missing);
    let mut violated = ImaList::new();
    violated.violation("boot_aggregate");
    assert_eq!(of(&violated, &boot), BootAggregate::Missing);
    // Older kernels hash PCR 0 to 7 only.
    let mut older = ImaList::new();
    let first_eight = boot.pcrs().into_iter().filter(|((_, number), _)| *number < 8).collect();
    older.boot_aggregate(PcrBank::Sha256, &first_eight);
    assert_eq!(of(&older, &boot), BootAggregate::Matches);
    // Without PCR 9, what a newer kernel wrote cannot be told.
    let list = list(&boot);
    let mut fewer = quoted(&boot, &list, PcrBank::Sha256);
    fewer.remove(&(PcrBank::Sha256, 9));
    let facts = judge(&list.bytes(), PcrBank::Sha256, &fewer).unwrap();
    assert_eq!(facts.boot_aggregate, BootAggregate::NotQuoted);
}

use super::*;
use std::collections::VecDeque;

const DATA: [u8; 64] = [0x5a; 64];

/// A report entry with the kernel's semantics: each write raises the generation, and a report is made of
/// the last report data.
struct Fake {
    providers: VecDeque<&'static str>,
    generation: u64,
    inblob: Vec<u8>,
    make: fn(&[u8]) -> Vec<u8>,
    auxblob: Option<Vec<u8>>,
    floor: Option<u64>,
    privlevel: Option<String>,
    /// How many times a stranger writes before the report is read.
    strangers: usize,
    /// How many times the kernel says that the entry is busy.
    busy: usize,
}

fn snp_report(inblob: &[u8]) -> Vec<u8> {
    let mut report = vec![0; SNP_REPORT];
    report[0x50..0x90].copy_from_slice(inblob);
    report
}

fn quote(version: u8, at: usize, inblob: &[u8]) -> Vec<u8> {
    let mut quote = vec![0; 5000];
    quote[0] = version;
    quote[4] = 0x81;
    quote[at..at + 64].copy_from_slice(inblob);
    quote
}

fn fake(provider: &'static str, make: fn(&[u8]) -> Vec<u8>) -> Fake {
    Fake {
        providers: [provider].into(),
        generation: 7,
        inblob: Vec::new(),
        make,
        auxblob: None,
        floor: Some(0),
        privlevel: None,
        strangers: 0,
        busy: 0,
    }
}

impl ReportEntry for Fake {
    fn read(&mut self, attribute: Attribute, limit: usize) -> io::Result<Vec<u8>> {
        let none = || io::Error::from(io::ErrorKind::NotFound);
        let bytes = match attribute {
            Attribute::Provider => {
                let provider = self.providers[0];
                if self.providers.len() > 1 {
                    self.providers.pop_front();
                }
                format!("{provider}\n").into_bytes()
            }
            Attribute::Generation => format!("{}\n", self.generation).into_bytes(),
            Attribute::Outblob => {
                if self.busy > 0 {
                    self.busy -= 1;
                    return Err(io::Error::from(io::ErrorKind::WouldBlock));
                }
                if self.strangers > 0 {
                    self.strangers -= 1;
                    self.generation += 1;
                    self.inblob = vec![0xee; 64];
                }
                (self.make)(&self.inblob)
            }
            Attribute::Auxblob => self.auxblob.clone().ok_or_else(none)?,
            Attribute::PrivlevelFloor => self.floor.ok_or_else(none)?.to_string().into_bytes(),
            Attribute::Inblob | Attribute::Privlevel => return Err(none()),
        };
        if bytes.len() > limit { Err(files::too_large(limit)) } else { Ok(bytes) }
    }

    fn write(&mut self, attribute: Attribute, bytes: &[u8]) -> io::Result<()> {
        self.generation += 1;
        match attribute {
            Attribute::Inblob => self.inblob = bytes.to_vec(),
            Attribute::Privlevel => self.privlevel = Some(String::from_utf8(bytes.to_vec()).unwrap()),
            _ => return Err(io::Error::from(io::ErrorKind::PermissionDenied)),
        }
        Ok(())
    }
}

fn cert_table_with(der: &[u8]) -> Vec<u8> {
    let mut table = 0x63da_758d_e664_4564_adc5_f4b9_3be8_accd_u128.to_be_bytes().to_vec();
    table.extend(64_u32.to_le_bytes());
    table.extend(u32::try_from(der.len()).unwrap().to_le_bytes());
    table.resize(64, 0);
    table.extend(der);
    table
}

#[test]
fn an_snp_report_comes_with_its_certificates() {
    let mut entry = fake("sev_guest", snp_report);
    entry.auxblob = Some(cert_table_with(b"der"));
    let Report::Snp { report, certs } = request(&mut entry, &DATA).unwrap() else { panic!("not SNP") };
    assert_eq!((report, certs), (snp_report(&DATA), vec![b"der".to_vec()]));
}

#[test]
fn an_snp_report_without_certificates_says_that_there_are_none() {
    for auxblob in [None, Some(Vec::new()), Some(vec![0; 4096])] {
        let mut entry = fake("sev_guest", snp_report);
        entry.auxblob = auxblob;
        assert_eq!(
            request(&mut entry, &DATA).unwrap(),
            Report::Snp { report: snp_report(&DATA), certs: vec![] }
        );
    }
}

#[test]
fn quotes_of_version_4_and_5_are_taken() {
    for make in [|d: &[u8]| quote(4, 568, d), |d: &[u8]| quote(5, 574, d)] {
        let mut entry = fake("tdx_guest", make);
        assert_eq!(request(&mut entry, &DATA).unwrap(), Report::Tdx { quote: make(&DATA) });
    }
}

#[test]
fn a_guest_below_the_highest_level_asks_for_its_own() {
    let mut entry = fake("sev_guest", snp_report);
    entry.floor = Some(2);
    assert!(request(&mut entry, &DATA).is_ok());
    assert_eq!(entry.privlevel.as_deref(), Some("2"));
}

#[test]
fn a_kernel_without_levels_is_asked_without_one() {
    let mut entry = fake("sev_guest", snp_report);
    entry.floor = None;
    assert!(request(&mut entry, &DATA).is_ok());
    assert_eq!(entry.privlevel, None);
}

#[test]
fn a_single_race_is_retried() {
    let mut entry = fake("sev_guest", snp_report);
    entry.strangers = 1;
    assert!(request(&mut entry, &DATA).is_ok());
    entry = fake("sev_guest", snp_report);
    entry.busy = 2;
    assert!(request(&mut entry, &DATA).is_ok());
}

#[test]
fn a_race_that_does_not_end_is_refused_by_name() {
    let mut entry = fake("sev_guest", snp_report);
    entry.strangers = 3;
    assert_eq!(request(&mut entry, &DATA), Err(CollectError::GenerationRace { expected: 12, found: 13 }));
    entry = fake("sev_guest", snp_report);
    entry.busy = 3;
    assert!(matches!(request(&mut entry, &DATA), Err(CollectError::GenerationRace { .. })));
}

#[test]
fn an_unknown_provider_is_refused() {
    assert_eq!(
        request(&mut fake("arm_cca_guest", snp_report), &DATA),
        Err(CollectError::UnsupportedProvider { provider: "arm_cca_guest".to_owned() })
    );
}

#[test]
fn a_report_of_another_kind_than_the_provider_is_refused() {
    type Make = fn(&[u8]) -> Vec<u8>;
    let cases: [(&'static str, Make); 5] = [
        ("sev_guest", |d| quote(4, 568, d)),
        ("tdx_guest", snp_report),
        ("tdx_guest", |d| quote(3, 568, d)),
        ("tdx_guest", |_| vec![4, 0, 0]),
        ("sev_guest", |_| Vec::new()),
    ];
    for (provider, make) in cases {
        let outcome = request(&mut fake(provider, make), &DATA);
        assert!(matches!(outcome, Err(CollectError::ProviderMismatch { .. })), "{outcome:?}");
    }
}

#[test]
fn a_provider_that_changes_meanwhile_is_refused() {
    let mut entry = fake("sev_guest", snp_report);
    entry.providers.push_back("tdx_guest");
    assert!(matches!(request(&mut entry, &DATA), Err(CollectError::ProviderMismatch { .. })));
}

#[test]
fn a_report_with_other_report_data_is_refused() {
    let mut entry = fake("sev_guest", |_| snp_report(&[1; 64]));
    assert_eq!(request(&mut entry, &DATA), Err(CollectError::ReportDataMismatch));
    entry = fake("tdx_guest", |_| quote(4, 574, &[0x5a; 64]));
    assert_eq!(request(&mut entry, &DATA), Err(CollectError::ReportDataMismatch));
    entry = fake("tdx_guest", |d| quote(4, 568, d)[..600].to_vec());
    assert_eq!(request(&mut entry, &DATA), Err(CollectError::ReportDataMismatch));
}

#[test]
fn oversized_blobs_are_refused() {
    let mut entry = fake("tdx_guest", |_| vec![0; MAX_OUTBLOB + 1]);
    assert_eq!(
        request(&mut entry, &DATA),
        Err(CollectError::TooLarge { attribute: "outblob".to_owned(), limit: MAX_OUTBLOB })
    );
    entry = fake("sev_guest", snp_report);
    entry.auxblob = Some(vec![0; certificate_table::MAX_TABLE + 1]);
    assert_eq!(
        request(&mut entry, &DATA),
        Err(CollectError::TooLarge { attribute: "auxblob".to_owned(), limit: certificate_table::MAX_TABLE })
    );
}

#[test]
fn a_malformed_certificate_table_is_refused_by_name() {
    let mut entry = fake("sev_guest", snp_report);
    entry.auxblob = Some(vec![1; 100]);
    assert!(matches!(request(&mut entry, &DATA), Err(CollectError::CertTable(_))));
}

#[test]
fn an_attribute_that_is_no_number_is_refused() {
    struct Odd(Fake);
    impl ReportEntry for Odd {
        fn read(&mut self, attribute: Attribute, limit: usize) -> io::Result<Vec<u8>> {
            if attribute == Attribute::Generation {
                Ok(b"many".to_vec())
            } else {
                self.0.read(attribute, limit)
            }
        }
        fn write(&mut self, attribute: Attribute, bytes: &[u8]) -> io::Result<()> {
            self.0.write(attribute, bytes)
        }
    }
    assert_eq!(
        request(&mut Odd(fake("sev_guest", snp_report)), &DATA),
        Err(CollectError::NotANumber { attribute: "generation".to_owned() })
    );
}

#[test]
fn an_attribute_that_cannot_be_written_is_named() {
    struct ReadOnly(Fake);
    impl ReportEntry for ReadOnly {
        fn read(&mut self, attribute: Attribute, limit: usize) -> io::Result<Vec<u8>> {
            self.0.read(attribute, limit)
        }
        fn write(&mut self, _: Attribute, _: &[u8]) -> io::Result<()> {
            Err(io::Error::from(io::ErrorKind::PermissionDenied))
        }
    }
    let outcome = request(&mut ReadOnly(fake("sev_guest", snp_report)), &DATA);
    assert!(matches!(outcome, Err(CollectError::Write { attribute, .. }) if attribute == "inblob"));
}

#[test]
fn a_directory_that_is_no_configfs_gives_no_evidence() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join(TREE)).unwrap();
    let source = ConfigfsTsm::find(root.path()).unwrap();
    assert!(matches!(source.collect_now(&DATA), Err(CollectError::Read { .. })));
    assert_eq!(std::fs::read_dir(root.path().join(TREE)).unwrap().count(), 0, "the entry is removed");
}

#[test]
fn a_machine_without_configfs_has_no_such_source() {
    let root = tempfile::tempdir().unwrap();
    assert!(ConfigfsTsm::find(root.path()).is_none());
    assert!(matches!(
        ConfigfsTsm::new(root.path()).collect_now(&DATA),
        Err(CollectError::Unavailable { .. })
    ));
}

#[test]
fn the_event_log_is_optional_and_bounded() {
    let root = tempfile::tempdir().unwrap();
    let source = ConfigfsTsm::new(root.path());
    assert_eq!(source.event_log(), Ok(None));
    std::fs::create_dir_all(root.path().join(CCEL_LOG).parent().unwrap()).unwrap();
    std::fs::write(root.path().join(CCEL_LOG), b"log").unwrap();
    assert_eq!(source.event_log(), Ok(Some(b"log".to_vec())));
    std::fs::write(root.path().join(CCEL_LOG), vec![0; MAX_EVENT_LOG + 1]).unwrap();
    assert!(matches!(source.event_log(), Err(CollectError::TooLarge { .. })));
}

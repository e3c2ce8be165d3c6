//! Bytes of any kind end in a named refusal, or in facts: COL-23.

use super::{ccel, tcg2};
use hanzo_attestation::event_log::ima;
use hanzo_attestation_evidence::event_log::{CcelTable, Variable};
use hanzo_attestation_lab::event_log::ima::ImaList;
use hanzo_attestation_lab::event_log::{LabLog, PcrBank};
use proptest::prelude::*;

proptest! {
    #[test]
    fn arbitrary_bytes_end_in_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        let log = LabLog::usual_tpm(&[PcrBank::Sha256]);
        let _ = ccel(&bytes, [[0; 48]; 4]);
        let _ = tcg2(&bytes, &log.pcrs());
        let _ = ima(&bytes, PcrBank::Sha256, &log.pcrs());
        let _ = CcelTable::parse(&bytes);
        let _ = Variable::parse(&bytes);
    }

    /// LOG-12, LOG-22: a byte changed in what registers cover never passes; elsewhere it changes only texts.
    #[test]
    fn a_changed_log_is_refused_or_extends_the_same(at in any::<proptest::sample::Index>(), to in any::<u8>()) {
        let log = LabLog::usual_td();
        let genuine = ccel(&log.bytes(), log.rtmrs()).unwrap();
        let mut bytes = log.bytes();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(facts) = ccel(&bytes, log.rtmrs()) {
            // An event may be said to be a separator's like, never to have another digest.
            let digests = |facts: &hanzo_attestation::event_log::EventFacts| {
                facts.boot_components.iter().map(|component| component.digest).collect::<Vec<_>>()
            };
            let (now, before) = (digests(&facts), digests(&genuine));
            prop_assert!(before.iter().all(|digest| now.contains(digest)));
        }
    }

    #[test]
    fn a_changed_list_is_refused_or_says_the_same(at in any::<proptest::sample::Index>(), to in any::<u8>()) {
        let mut list = ImaList::new();
        list.file("/usr/bin/init", b"init").signed_file("/bin/sh", b"sh", &[1; 9]).old_file("/old", b"old");
        let mut quoted = LabLog::usual_tpm(&[PcrBank::Sha256]).pcrs();
        let pcr10 = list.pcr10(PcrBank::Sha256);
        quoted.insert((PcrBank::Sha256, 10), pcr10.as_slice().try_into().unwrap());
        let genuine = ima(&list.bytes(), PcrBank::Sha256, &quoted).unwrap();
        let mut bytes = list.bytes();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(facts) = ima(&bytes, PcrBank::Sha256, &quoted) {
            prop_assert_eq!(facts, genuine);
        }
    }
}

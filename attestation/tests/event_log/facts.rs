//! LOG-15 to LOG-19: what a log that replays says, and what weakens it.

use super::{SHA256, ccel, problems, td, tpm};
use hanzo_attestation::event_log::{Register, SecureBootState};
use hanzo_attestation_lab::event_log::{EventKind, LabLog, variable};

/// A log with these events in PCR 7, and their state of secure boot.
fn pcr7(events: impl Fn(&mut LabLog)) -> LabLog {
    let mut log = LabLog::tpm(SHA256);
    events(&mut log);
    log
}

const ON: [(&str, &[u8]); 5] =
    [("SecureBoot", &[1]), ("PK", b"pk"), ("KEK", b"kek"), ("db", b"db"), ("dbx", b"dbx")];

fn variables(log: &mut LabLog, variables: &[(&str, &[u8])]) {
    variables.iter().for_each(|(name, value)| {
        log.variable(7, name, value);
    });
}

fn state(log: &LabLog) -> SecureBootState {
    tpm(log).unwrap().secure_boot.state
}

/// LOG-18: SecureBootNotProven: on only with all five variables, in order, before the separator.
#[test]
fn secure_boot_is_proven_by_five_variables_in_order() {
    let on = pcr7(|log| {
        variables(log, &ON);
        log.separator(7);
    });
    let facts = tpm(&on).unwrap();
    assert_eq!(facts.secure_boot.state, SecureBootState::Enabled);
    assert!(facts.problems.is_empty());
    let databases =
        [facts.secure_boot.pk, facts.secure_boot.kek, facts.secure_boot.db, facts.secure_boot.dbx];
    for (position, digest) in databases.into_iter().enumerate() {
        // Variables are the first five components, in their order.
        assert_eq!(digest, Some(facts.boot_components[position + 1].digest));
    }
    let off = pcr7(|log| {
        log.variable(7, "SecureBoot", &[0]).separator(7);
    });
    assert_eq!(state(&off), SecureBootState::Disabled);
    for value in [[].as_slice(), &[2], &[1, 0], &[0, 1]] {
        let odd = pcr7(|log| {
            log.variable(7, "SecureBoot", value);
            variables(log, &ON[1..]);
            log.separator(7);
        });
        assert_eq!(state(&odd), SecureBootState::Unknown, "{value:?}");
    }
    for (missing, _) in ON.iter().enumerate() {
        let fewer = pcr7(|log| {
            let mut some = ON.to_vec();
            some.remove(missing);
            variables(log, &some);
            log.separator(7);
        });
        assert_eq!(state(&fewer), SecureBootState::Unknown, "without {}", ON[missing].0);
    }
    let swapped = pcr7(|log| {
        variables(log, &[ON[0], ON[2], ON[1], ON[3], ON[4]]);
        log.separator(7);
    });
    assert_eq!(state(&swapped), SecureBootState::Unknown);
    let elsewhere = pcr7(|log| {
        ON.iter().for_each(|(name, value)| {
            log.variable(1, name, value);
        });
        log.separator(1);
    });
    assert_eq!(state(&elsewhere), SecureBootState::Unknown, "PCR 1 is not PCR 7");
}

/// LOG-15: EventDataDigestMismatch: the data of a variable is changed and its digest kept.
#[test]
fn a_variable_that_was_not_measured_proves_nothing() {
    let lie = pcr7(|log| {
        let (said, measured) = (variable("SecureBoot", &[1]), variable("SecureBoot", &[0]));
        log.event_of(7, EventKind::EFI_VARIABLE_DRIVER_CONFIG, &said, &measured);
        variables(log, &ON[1..]);
        log.separator(7);
    });
    assert_eq!(state(&lie), SecureBootState::Unknown);
    assert_eq!(problems(tpm(&lie)), ["LOG-15"]);
}

/// LOG-15: data is authenticated by content, in the ways in which firmware and GRUB hash it.
#[test]
fn each_components_data_is_said_to_be_authenticated_or_not() {
    let mut log = LabLog::tpm(SHA256);
    let boot_order = variable("BootOrder", &[1, 0]);
    log.event(0, EventKind::S_CRTM_VERSION, b"version")
        .event(0, EventKind::NONHOST_INFO, b"host")
        .event(4, EventKind::EFI_ACTION, b"Calling EFI Application from Boot Option")
        .event(5, EventKind::EFI_GPT_EVENT, b"EFI PART")
        .event(7, EventKind::EFI_VARIABLE_AUTHORITY, b"authority")
        .event_of(1, EventKind::EFI_VARIABLE_BOOT, &boot_order, &[1, 0])
        .event_of(8, EventKind::IPL, b"grub_cmd: linux /vmlinuz\0", b"linux /vmlinuz")
        .event_of(9, EventKind::IPL, b"/vmlinuz\0", b"the file itself")
        .event_of(4, EventKind::EFI_BOOT_SERVICES_APPLICATION, &[0; 32], b"an image")
        .event_of(7, EventKind::EFI_VARIABLE_AUTHORITY, b"authority", b"something else")
        .event_of(1, EventKind::EFI_ACTION, b"Calling EFI Application", b"something else");
    let facts = tpm(&log).unwrap();
    let authenticated: Vec<bool> =
        facts.boot_components.iter().map(|component| component.data_authenticated).collect();
    assert_eq!(authenticated, [vec![true; 7], vec![false; 4]].concat());
    let described: Vec<_> =
        facts.boot_components.iter().map(|component| component.description.as_deref()).collect();
    assert_eq!(described[5..8], [Some("BootOrder"), Some("grub_cmd: linux /vmlinuz"), Some("/vmlinuz")]);
}

/// LOG-16: EventLogSeparatorMissing: none, two, an error, or one that was not measured.
#[test]
fn each_register_of_firmware_ends_once_and_in_good_order() {
    assert_eq!(problems(tpm(&LabLog::usual_tpm(SHA256))), Vec::<&str>::new());
    assert_eq!(problems(td(&LabLog::usual_td())), Vec::<&str>::new());
    // Register, type and data of each event; what was measured is the data.
    type Events<'a> = &'a [(u8, EventKind, &'a [u8])];
    let with = |events: Events<'_>| {
        let mut log = LabLog::tpm(SHA256);
        events.iter().for_each(|(register, kind, data)| {
            log.event(*register, *kind, data);
        });
        problems(tpm(&log))
    };
    let separator = (3, EventKind::SEPARATOR, [0; 4].as_slice());
    assert_eq!(with(&[separator]), Vec::<&str>::new());
    assert_eq!(with(&[(3, EventKind::SEPARATOR, &[0xFF; 4])]), Vec::<&str>::new());
    assert_eq!(with(&[(8, EventKind::IPL, b"x")]), Vec::<&str>::new(), "PCR 8 is not firmware's");
    assert_eq!(with(&[(3, EventKind::EFI_ACTION, b"x")]), ["LOG-16"]);
    assert_eq!(with(&[separator, separator]), ["LOG-16"]);
    for error in [[1, 0, 0, 0].as_slice(), &[0; 3], &[], &[0; 5]] {
        assert_eq!(with(&[(3, EventKind::SEPARATOR, error)]), ["LOG-16"], "{error:?}");
    }
    let mut hidden_error = LabLog::tpm(SHA256);
    hidden_error.event_of(3, EventKind::SEPARATOR, &[0; 4], &[1, 0, 0, 0]);
    assert_eq!(problems(tpm(&hidden_error)), ["LOG-16"]);
    // On a TD, RTMR0 and RTMR1.
    for (register, expected) in [(0, vec!["LOG-16"]), (1, vec!["LOG-16"]), (2, vec![])] {
        let mut log = LabLog::td();
        log.event(register, EventKind::EFI_ACTION, b"x");
        assert_eq!(problems(td(&log)), expected, "{register}");
    }
}

/// LOG-16: what an operating system extends after the separator imitates nothing of firmware.
#[test]
fn secure_boot_variables_after_the_separator_prove_nothing() {
    let late = pcr7(|log| {
        log.separator(7);
        variables(log, &ON);
    });
    assert_eq!((state(&late), problems(tpm(&late))), (SecureBootState::Unknown, vec!["LOG-16"]));
    let both = pcr7(|log| {
        log.variable(7, "SecureBoot", &[0]).separator(7);
        variables(log, &ON);
    });
    assert_eq!((state(&both), problems(tpm(&both))), (SecureBootState::Unknown, vec!["LOG-16"]));
    let none = pcr7(|log| variables(log, &ON));
    assert_eq!((state(&none), problems(tpm(&none))), (SecureBootState::Unknown, vec!["LOG-16"]));
}

/// LOG-17: EventLogAmbiguous: a fact stated twice, differently.
#[test]
fn a_fact_stated_twice_is_no_fact() {
    let twice = pcr7(|log| {
        log.variable(7, "SecureBoot", &[0]);
        variables(log, &ON);
        log.separator(7);
    });
    assert_eq!((state(&twice), problems(tpm(&twice))), (SecureBootState::Unknown, vec!["LOG-17"]));
    let two_databases = pcr7(|log| {
        variables(log, &ON);
        log.variable(7, "db", b"another").separator(7);
    });
    assert_eq!(problems(tpm(&two_databases)), ["LOG-17"]);
    let same = pcr7(|log| {
        log.variable(7, "SecureBoot", &[1]);
        variables(log, &ON);
        log.separator(7);
    });
    assert_eq!((state(&same), problems(tpm(&same))), (SecureBootState::Enabled, vec![]));
}

/// LOG-15, LOG-17, LOG-19: the kernel's command line is one, and the one that was measured.
#[test]
fn the_command_line_is_the_one_that_was_measured() {
    let line = |lines: &[(&[u8], &[u8])]| {
        let mut log = LabLog::td();
        lines.iter().for_each(|(data, hashed)| {
            log.event_of(2, EventKind::IPL, data, hashed);
        });
        (td(&log).unwrap().kernel_cmdline, problems(td(&log)))
    };
    let one: (&[u8], &[u8]) = (b"kernel_cmdline: /vmlinuz ro\0", b"/vmlinuz ro");
    assert_eq!(line(&[one]), (Some("/vmlinuz ro".to_owned()), vec![]));
    assert_eq!(line(&[one, one]), (Some("/vmlinuz ro".to_owned()), vec![]));
    assert_eq!(line(&[(one.0, b"/vmlinuz rw")]), (None, vec!["LOG-15"]));
    assert_eq!(line(&[one, (b"kernel_cmdline: /vmlinuz rw\0", b"/vmlinuz rw")]), (None, vec!["LOG-17"]));
    assert_eq!(line(&[(b"kernel_cmdline: \xFF\0", b"\xFF")]), (None, vec![]), "no text");
    assert_eq!(line(&[]), (None, vec![]));
    // In another register it is no command line.
    let mut log = LabLog::td();
    log.event_of(1, EventKind::IPL, one.0, one.1).separator(1);
    assert_eq!(td(&log).unwrap().kernel_cmdline, None);
}

/// LOG-19: every event but separators is a component, with the digest that was extended.
#[test]
fn every_component_is_listed_with_its_digest() {
    let log = LabLog::usual_td();
    let facts = ccel(&log.bytes(), log.rtmrs()).unwrap();
    assert_eq!((facts.events, facts.boot_components.len(), facts.complete), (12, 10, true));
    let kernel = facts.boot_components.iter().find(|component| {
        (component.register, component.description.as_deref()) == (Register::Rtmr(2), Some("/vmlinuz"))
    });
    assert!(!kernel.unwrap().data_authenticated, "the file was measured, not its name");
    let printed = serde_json::to_value(&facts).unwrap();
    assert_eq!(printed["secure_boot"]["state"], "enabled");
    assert_eq!(printed["boot_components"][0]["register"], "rtmr0");
    assert_eq!(printed["boot_components"][0]["type"], "EV_EFI_PLATFORM_FIRMWARE_BLOB2");
    assert_eq!(printed["kernel_cmdline"], "/vmlinuz root=/dev/vda ro");
}

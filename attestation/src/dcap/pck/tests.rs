//! The SGX extension, written pair by pair, each pair free to be wrong.

use super::*;
use der::Encode;

/// DER of one element.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    match content.len() {
        short @ 0..=0x7f => der.push(u8::try_from(short).unwrap()),
        long => {
            der.push(0x82);
            der.extend(u16::try_from(long).unwrap().to_be_bytes());
        }
    }
    der.extend(content);
    der
}

fn pair(oid: &str, value: &[u8]) -> Vec<u8> {
    let oid = ObjectIdentifier::new(oid).unwrap().to_der().unwrap();
    element(0x30, &[&oid, value].concat())
}

fn octets(bytes: &[u8]) -> Vec<u8> {
    element(0x04, bytes)
}

/// The pairs of a Platform CA's certificate; `tcb` and `configuration` are lists of their own.
#[derive(Clone)]
struct Pairs {
    outer: Vec<(&'static str, Vec<u8>)>,
    tcb: Vec<(String, Vec<u8>)>,
    configuration: Option<Vec<(&'static str, Vec<u8>)>>,
}

impl Pairs {
    fn platform() -> Self {
        let mut tcb: Vec<(String, Vec<u8>)> =
            (1..=16_u8).map(|n| (format!("1.2.840.113741.1.13.1.2.{n}"), element(2, &[n]))).collect();
        tcb.push(("1.2.840.113741.1.13.1.2.17".into(), element(2, &[0x01, 0x0b])));
        tcb.push(("1.2.840.113741.1.13.1.2.18".into(), octets(&(1..=16).collect::<Vec<u8>>())));
        Self {
            outer: vec![
                ("1.2.840.113741.1.13.1.1", octets(&[1; 16])),
                ("1.2.840.113741.1.13.1.3", octets(&[0; 2])),
                ("1.2.840.113741.1.13.1.4", octets(&[4; 6])),
                ("1.2.840.113741.1.13.1.5", element(0x0a, &[1])),
                ("1.2.840.113741.1.13.1.6", octets(&[6; 16])),
            ],
            tcb,
            configuration: Some(vec![
                ("1.2.840.113741.1.13.1.7.1", element(1, &[0xff])),
                ("1.2.840.113741.1.13.1.7.2", element(1, &[0])),
                ("1.2.840.113741.1.13.1.7.3", element(1, &[0xff])),
            ]),
        }
    }

    fn der(&self) -> Vec<u8> {
        let tcb: Vec<u8> = self.tcb.iter().flat_map(|(oid, value)| pair(oid, value)).collect();
        let mut all: Vec<u8> = self.outer.iter().flat_map(|(oid, value)| pair(oid, value)).collect();
        all.extend(pair("1.2.840.113741.1.13.1.2", &element(0x30, &tcb)));
        if let Some(configuration) = &self.configuration {
            let inner: Vec<u8> = configuration.iter().flat_map(|(oid, value)| pair(oid, value)).collect();
            all.extend(pair("1.2.840.113741.1.13.1.7", &element(0x30, &inner)));
        }
        element(0x30, &all)
    }

    fn parse(&self) -> Result<PckExtension, PckExtensionError> {
        PckExtension::parse(&self.der())
    }

    /// Replaces the value of a pair of the outer list.
    fn with(mut self, oid: &str, value: Vec<u8>) -> Self {
        self.outer.iter_mut().find(|(found, _)| *found == oid).unwrap().1 = value;
        self
    }

    fn with_tcb(mut self, place: usize, value: Vec<u8>) -> Self {
        self.tcb[place].1 = value;
        self
    }
}

#[test]
fn both_kinds_of_certificates_are_read() {
    let platform = Pairs::platform().parse().unwrap();
    assert_eq!(platform.ppid, Hex([1; 16]));
    assert_eq!(platform.pcesvn, 0x010b);
    assert_eq!(platform.cpusvn.0.to_vec(), (1..=16).collect::<Vec<u8>>());
    assert_eq!((platform.pceid, platform.fmspc, platform.sgx_type), (Hex([0; 2]), Hex([4; 6]), 1));
    assert_eq!(platform.platform_instance_id, Some(Hex([6; 16])));
    let flags =
        Configuration { dynamic_platform: Some(true), cached_keys: Some(false), smt_enabled: Some(true) };
    assert_eq!(platform.configuration, Some(flags));

    let mut processor = Pairs::platform().with("1.2.840.113741.1.13.1.5", element(0x0a, &[0]));
    processor.outer.pop();
    processor.configuration = None;
    let processor = processor.parse().unwrap();
    assert_eq!((processor.platform_instance_id, processor.configuration), (None, None));
}

#[test]
fn the_order_of_fields_is_free_and_a_configuration_may_be_partial() {
    let mut pairs = Pairs::platform();
    pairs.outer.reverse();
    pairs.tcb.rotate_left(5);
    pairs.configuration = Some(Vec::new());
    let configuration = pairs.parse().unwrap().configuration;
    assert_eq!(configuration, Some(Configuration::default()));
}

#[test]
fn a_missing_field_is_refused() {
    for place in 0..4 {
        let mut pairs = Pairs::platform();
        pairs.outer.remove(place);
        assert!(matches!(pairs.parse(), Err(PckExtensionError::MissingField(_))), "{place}");
    }
    for place in 0..18 {
        let mut pairs = Pairs::platform();
        pairs.tcb.remove(place);
        assert!(matches!(pairs.parse(), Err(PckExtensionError::MissingField(_))), "{place}");
    }
}

#[test]
fn a_field_that_is_there_twice_is_refused() {
    for place in 0..5 {
        let mut pairs = Pairs::platform();
        pairs.outer.push(pairs.outer[place].clone());
        assert!(matches!(pairs.parse(), Err(PckExtensionError::DuplicateField(_))), "{place}");
    }
    let mut pairs = Pairs::platform();
    pairs.tcb.push(pairs.tcb[3].clone());
    assert!(matches!(pairs.parse(), Err(PckExtensionError::DuplicateField(_))));
}

#[test]
fn an_unknown_field_is_refused_at_every_level() {
    for oid in ["1.2.840.113741.1.13.1.8", "1.2.840.113741.1.13.1", "1.2.840.113741.1.13.1.1.1", "2.5.4.3"] {
        let mut pairs = Pairs::platform();
        pairs.outer.push((oid, octets(&[0])));
        assert!(matches!(pairs.parse(), Err(PckExtensionError::UnknownField(_))), "{oid}");
    }
    for oid in ["1.2.840.113741.1.13.1.2.19", "1.2.840.113741.1.13.1.2.0", "1.2.840.113741.1.13.1.1"] {
        let mut pairs = Pairs::platform();
        pairs.tcb.push((oid.to_owned(), octets(&[0])));
        assert!(matches!(pairs.parse(), Err(PckExtensionError::UnknownField(_))), "{oid}");
    }
    let mut pairs = Pairs::platform();
    pairs.configuration.as_mut().unwrap().push(("1.2.840.113741.1.13.1.7.4", element(1, &[0])));
    assert!(matches!(pairs.parse(), Err(PckExtensionError::UnknownField(_))));
}

#[test]
fn a_value_of_another_type_or_size_is_refused() {
    let fields = [
        ("1.2.840.113741.1.13.1.1", octets(&[1; 15])),
        ("1.2.840.113741.1.13.1.1", octets(&[1; 17])),
        ("1.2.840.113741.1.13.1.1", element(2, &[1; 16])),
        ("1.2.840.113741.1.13.1.3", octets(&[0; 3])),
        ("1.2.840.113741.1.13.1.4", octets(&[4; 5])),
        ("1.2.840.113741.1.13.1.5", element(0x0a, &[3])),
        ("1.2.840.113741.1.13.1.5", element(0x0a, &[0, 1])),
        ("1.2.840.113741.1.13.1.5", element(2, &[1])),
        ("1.2.840.113741.1.13.1.6", octets(&[6; 8])),
    ];
    for (oid, value) in fields {
        let refused = Pairs::platform().with(oid, value.clone()).parse();
        assert!(matches!(refused, Err(PckExtensionError::FieldValue(_))), "{oid} {value:?}");
    }
    // 256, -1, a padded integer, an octet string; PCESVN of 65536; CPUSVN of 15 octets.
    let values = [
        (0, element(2, &[1, 0])),
        (0, element(2, &[0xff])),
        (0, element(2, &[0, 1])),
        (0, octets(&[1])),
        (16, element(2, &[1, 0, 0])),
        (17, octets(&[0; 15])),
    ];
    for (place, value) in values {
        let refused = Pairs::platform().with_tcb(place, value.clone()).parse();
        assert!(matches!(refused, Err(PckExtensionError::FieldValue(_))), "{place} {value:?}");
    }
    let mut pairs = Pairs::platform();
    pairs.configuration.as_mut().unwrap()[0].1 = element(1, &[1]);
    assert!(matches!(pairs.parse(), Err(PckExtensionError::FieldValue(_))), "DER has two booleans");
}

#[test]
fn cpusvn_is_the_components() {
    for place in 0..16 {
        let refused = Pairs::platform().with_tcb(place, element(2, &[99])).parse();
        assert_eq!(refused, Err(PckExtensionError::CpuSvn), "{place}");
    }
}

#[test]
fn other_bytes_are_refused() {
    let der = Pairs::platform().der();
    for length in 0..der.len() {
        assert!(PckExtension::parse(&der[..length]).is_err(), "{length}");
    }
    let mut trailing = der.clone();
    trailing.push(0);
    assert!(PckExtension::parse(&trailing).is_err());
    assert!(PckExtension::parse(&octets(&der)).is_err());
    for place in 0..der.len() {
        let mut changed = der.clone();
        changed[place] ^= 0xff;
        drop(PckExtension::parse(&changed));
    }
}

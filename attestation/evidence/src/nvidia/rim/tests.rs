//! The canonical form against texts of the recommendation, and the form of records. Manifests with proper
//! signatures are in `attestation/tests/nvidia_rim`.

use super::*;
use crate::rule::Broken as _;

/// The canonical form of a document.
fn canonical(text: &str) -> String {
    let text = xml::check(text.as_bytes()).unwrap();
    let document = xml::parse(text).unwrap();
    canonical::tree(document.root_element(), None, text)
}

/// Canonical XML 1.1, 3.2 and 3.3: white space is kept; empty elements get two tags; attributes are ordered
/// by namespace and name; a namespace said again is left out.
#[test]
fn the_canonical_form_is_that_of_the_recommendation() {
    let cases = [
        (
            "<doc>\n   <clean>   </clean>\n   <dirty>   A   B   </dirty>\n</doc>",
            "<doc>\n   <clean>   </clean>\n   <dirty>   A   B   </dirty>\n</doc>",
        ),
        ("<e1   />", "<e1></e1>"),
        ("<e2 ></e2 >", "<e2></e2>"),
        ("<e3   name = \"elem3\"   id=\"elem3\"   />", "<e3 id=\"elem3\" name=\"elem3\"></e3>"),
        (
            "<e5 a:attr=\"out\" b:attr=\"sorted\" attr2=\"all\" attr=\"I'm\" xmlns:b=\"http://www.ietf.org\" xmlns:a=\"http://www.w3.org\" xmlns=\"http://example.org\"/>",
            "<e5 xmlns=\"http://example.org\" xmlns:a=\"http://www.w3.org\" xmlns:b=\"http://www.ietf.org\" attr=\"I'm\" attr2=\"all\" b:attr=\"sorted\" a:attr=\"out\"></e5>",
        ),
        (
            "<a xmlns:x=\"urn:x\"><b xmlns:x=\"urn:x\"/><c xmlns:x=\"urn:y\"/><d/></a>",
            "<a xmlns:x=\"urn:x\"><b></b><c xmlns:x=\"urn:y\"></c><d></d></a>",
        ),
        ("<a b='\"&lt;&amp;&gt;'>&lt;&amp;&gt;\"'</a>", "<a b=\"&quot;&lt;&amp;>\">&lt;&amp;&gt;\"'</a>"),
        ("<a b='1\n2\t3'>x\r\ny\rz</a>", "<a b=\"1 2 3\">x\ny\nz</a>"),
        ("<?xml version=\"1.0\"?>\n<!-- c --><a><!-- c -->x<!-- c -->y</a>\n", "<a>xy</a>"),
        ("<ü ö=\"ä\">é</ü>", "<ü ö=\"ä\">é</ü>"),
    ];
    for (text, expected) in cases {
        assert_eq!(canonical(text), expected);
        assert_eq!(canonical(expected), expected, "a canonical form is its own");
    }
}

/// A subtree inherits the namespaces above it, declared or used or neither (Canonical XML 1.1, 2.3); what is
/// left out leaves the white space around it.
#[test]
fn a_subtree_inherits_namespaces() {
    let text = "<a xmlns=\"urn:d\" xmlns:u=\"urn:u\"> <b xmlns:v=\"urn:v\"/> <u:c xmlns:w=\"urn:w\" k=\"1\"><d/></u:c> </a>";
    let document = xml::parse(text).unwrap();
    let top = document.root_element();
    let inner = top.last_element_child().unwrap();
    assert_eq!(
        canonical::tree(inner, None, text),
        "<u:c xmlns=\"urn:d\" xmlns:u=\"urn:u\" xmlns:w=\"urn:w\" k=\"1\"><d></d></u:c>"
    );
    assert_eq!(
        canonical::tree(top, Some(inner), text),
        "<a xmlns=\"urn:d\" xmlns:u=\"urn:u\"> <b xmlns:v=\"urn:v\"></b>  </a>"
    );
}

/// A well-formed manifest whose signature is nobody's.
fn manifest(records: &str) -> String {
    let ds = "http://www.w3.org/2000/09/xmldsig#";
    let more = "http://www.w3.org/2001/04/xmldsig-more#";
    let canonical = "http://www.w3.org/2006/12/xml-c14n11";
    let (digest, value) = ("A".repeat(64), "A".repeat(128));
    format!(
        "<SoftwareIdentity xmlns=\"http://standards.iso.org/iso/19770/-2/2015/schema.xsd\" \
         xmlns:h=\"http://www.w3.org/2001/04/xmlenc#sha384\" \
         xmlns:c=\"https://docs.nvidia.com/attestation/specs/latest/opaque-data.html\" tagId=\"00\">\
         <Meta colloquialVersion=\"590.12\" edition=\"GPU\" product=\"GH100\"/><Payload>{records}</Payload>\
         <ds:Signature xmlns:ds=\"{ds}\"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"{canonical}\"/>\
         <ds:SignatureMethod Algorithm=\"{more}ecdsa-sha384\"/><ds:Reference URI=\"\"><ds:Transforms>\
         <ds:Transform Algorithm=\"{ds}enveloped-signature\"/><ds:Transform Algorithm=\"{canonical}\"/></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"{more}sha384\"/><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>\
         </ds:SignedInfo><ds:SignatureValue>{value}</ds:SignatureValue><ds:KeyInfo><ds:X509Data/></ds:KeyInfo>\
         </ds:Signature></SoftwareIdentity>"
    )
}

fn record(index: &str, more: &str) -> String {
    format!(
        "<Resource type=\"Measurement\" index=\"{index}\" active=\"True\" name=\"n\" size=\"48\" {more}/>"
    )
}

fn hash(number: u8, byte: u8) -> String {
    format!("h:Hash{number}=\"{}\"", format!("{byte:02x}").repeat(48))
}

fn good(index: &str) -> String {
    record(index, &format!("alternatives=\"1\" {}", hash(0, 1)))
}

fn code(text: &str) -> &'static str {
    Rim::parse(text.as_bytes()).map_or_else(|error| error.rule().code, |_| "ok")
}

#[test]
fn golden_values_are_read_by_index_and_alternative() {
    let records = record("12", &format!("alternatives=\"2\" {} {}", hash(1, 2), hash(0, 1)));
    let rim = Rim::parse(manifest(&records).as_bytes()).unwrap();
    assert_eq!(rim.golden()[&12].alternatives, [Hex([1; 48]), Hex([2; 48])], "by number, whatever the order");
    assert_eq!((rim.component(), rim.tag_id()), (Component::Driver, "00"));
    assert_eq!(rim.id().as_deref(), Some("NV_GPU_DRIVER_GH100_590.12"));
    assert_eq!(driver_id("GB100", "595.91.07"), "NV_GPU_CC_DRIVER_GB100_595.91.07");
    assert!(rim.signature().certificates.is_empty() && rim.signature().digest.is_zero());
}

/// NVR-07: the form of a record.
#[test]
fn a_record_has_one_form() {
    let bad = [
        record("7", ""),
        record("7", "alternatives=\"0\""),
        record("7", &format!("alternatives=\"2\" {}", hash(0, 1))),
        record("7", &format!("alternatives=\"1\" {} {}", hash(0, 1), hash(1, 2))),
        record("7", &format!("alternatives=\"1\" {}", hash(1, 1))),
        record("7", &format!("alternatives=\"1\" {} c:minSvn=\"1\"", hash(0, 1))),
        record("7", "alternatives=\"1\" h:Hash0=\"zz\""),
        record("7", "alternatives=\"1\" Hash0=\"00\""),
        good("07"),
        good("+7"),
        good("-1"),
        good("254"),
        good("4095"),
        good("4294967296"),
        good(""),
        good("7").replace("True", "true"),
        good("7").replace("\"48\"", "\"32\""),
        good("7").replace("Measurement", "File"),
        good("7").replace("name=\"n\"", "name=\"\""),
        record("69632", "c:minSvn=\"1\""),
        record("4133", ""),
        record("4133", "c:minSvn=\"-1\""),
        record("4133", "c:minSvn=\"1\" c:includeInResult=\"yes\""),
        record("4133", &format!("c:minSvn=\"1\" {}", hash(0, 1))),
    ];
    for records in bad {
        assert_eq!(code(&manifest(&format!("{}{records}", good("1")))), "RimRecord", "{records}");
    }
    assert_eq!(code(&manifest(&format!("{}{}", good("0"), good("253")))), "ok");
    assert_eq!(code(&manifest(&format!("{}{}", good("0"), record("4133", "c:minSvn=\"1\"")))), "ok");
    let inactive = "<Resource index=\"9\" active=\"False\"/>";
    assert_eq!(
        code(&manifest(&format!("{}{inactive}", good("0")))),
        "ok",
        "what is not active has no effect"
    );
}

/// NVR-08: an index once, active or not; a name of a security version once.
#[test]
fn an_index_occurs_once() {
    let counter = |index: &str, name: &str| {
        record(index, "c:minSvn=\"1\"").replace("name=\"n\"", &format!("name=\"{name}\""))
    };
    for records in [
        format!("{}{}", good("7"), good("7")),
        format!("{}{}", good("7"), good("7").replace("True", "False")),
        format!("{}{}{}", good("7"), counter("4133", "a"), counter("4133", "b")),
        format!("{}{}{}", good("7"), counter("4133", "a"), counter("4134", "a")),
    ] {
        assert_eq!(code(&manifest(&records)), "RimDuplicateIndex", "{records}");
    }
}

/// NVR-04, NVR-05, NVR-06: the frame.
#[test]
fn the_frame_is_that_of_a_swid_tag() {
    let text = manifest(&good("7"));
    let cases = [
        ("/2015/schema.xsd", "/2009/schema.xsd", "RimRootElement"),
        ("SoftwareIdentity", "Software", "RimRootElement"),
        ("<Meta ", "<Meta/><Meta ", "RimStructure"),
        ("<Payload>", "<Payload/><Payload>", "RimStructure"),
        ("<Payload>", "<Payload><Meta/>", "RimStructure"),
        ("<Payload>", "<Payload><File/>", "RimStructure"),
        ("<Payload>", "<x xmlns=\"urn:x\"><Payload/></x><Payload>", "RimStructure"),
        ("tagId=\"00\"", "", "RimMeta"),
        ("tagId=\"00\"", "tagId=\"\"", "RimMeta"),
        ("\"GPU\"", "\"NIC\"", "RimMeta"),
        ("product=\"GH100\"", "product=\"../x\"", "RimMeta"),
        ("product=\"GH100\"", "", "RimMeta"),
        ("\"590.12\"", "\"590 12\"", "RimMeta"),
    ];
    for (from, to, expected) in cases {
        assert_eq!(code(&text.replace(from, to)), expected, "{to}");
    }
    assert_eq!(code(&manifest("")), "RimStructure", "no golden value");
    assert_eq!(code(&text), "ok");
}

#[test]
fn versions_tell_firmware_from_drivers() {
    let component = |version: &str, edition: &str| {
        let text = manifest(&good("7")).replace("590.12", version).replace("\"GPU\"", edition);
        Rim::parse(text.as_bytes()).unwrap().component()
    };
    assert_eq!(component("96.00.5E.00.01", "\"GPU\""), Component::Vbios);
    assert_eq!(component("96.10.55.00.01", "\"SWITCH\""), Component::SwitchBios);
    for version in ["550.144.03", "545.00", "595.91.07", "96.00.5E.00", "96.00.5E.00.01.02", "96.00.5E.00.0G"]
    {
        assert_eq!(component(version, "\"GPU\""), Component::Driver, "{version}");
    }
}

/// COL-23: no input panics, at any length and with any byte changed.
#[test]
fn no_prefix_and_no_changed_byte_panics() {
    let text = manifest(&format!("{}{}", good("7"), record("4133", "c:minSvn=\"1\"")));
    for length in 0..text.len() {
        assert_ne!(code(&text[..length]), "ok", "{length}");
    }
    let mut bytes = text.into_bytes();
    for position in 0..bytes.len() {
        for bit in [0x01, 0x80] {
            bytes[position] ^= bit;
            drop(Rim::parse(&bytes));
            bytes[position] ^= bit;
        }
    }
}

//! Attacks on the XML of a properly signed manifest: each is a change of its text.

use super::{code, vendor, verify};
use hanzo_attestation_evidence::encoding::base64_encode;
use hanzo_attestation_lab::RimOrder;

fn manifest() -> String {
    String::from_utf8(vendor().manifest(&RimOrder::default()).unwrap()).unwrap()
}

/// The code for a changed text; the change must have changed something.
fn changed(change: impl Fn(&str) -> String) -> &'static str {
    let before = manifest();
    let after = change(&before);
    assert_ne!(before, after, "nothing was changed");
    code(&verify(after.as_bytes()))
}

/// The code after one exchange of text.
fn exchanged(from: &str, to: &str) -> &'static str {
    changed(|text| text.replacen(from, to, 1))
}

/// The text of the signature element.
fn signature(text: &str) -> String {
    let start = text.find("<ds:Signature ").unwrap();
    let end = text.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    text[start..end].to_owned()
}

#[test]
fn the_manifest_itself_is_trusted() {
    assert_eq!(code(&verify(manifest().as_bytes())), "ok");
}

/// NVR-09: one signature, the last child of the root.
#[test]
fn a_signature_has_one_place() {
    let elsewhere = |place: &str| {
        changed(|text| {
            let signature = signature(text);
            text.replace(&signature, "").replacen(place, &format!("{signature}{place}"), 1)
        })
    };
    assert_eq!(elsewhere("<ns0:Entity"), "RimSignaturePlace", "first child");
    assert_eq!(elsewhere("</ns0:Payload>"), "RimSignaturePlace", "in Payload");
    assert_eq!(changed(|text| text.replace(&signature(text), "")), "RimSignaturePlace", "none");
    let twice = changed(|text| text.replace(&signature(text), &signature(text).repeat(2)));
    assert_eq!(twice, "RimSignaturePlace", "two");
    let after =
        changed(|text| text.replace("</ds:Signature>", "</ds:Signature><ns0:Entity name=\"x\" role=\"y\"/>"));
    assert_eq!(after, "RimSignaturePlace", "something after it");
    let foreign =
        changed(|text| text.replace("</ns0:Payload>", "</ns0:Payload><x:Signature xmlns:x=\"urn:x\"/>"));
    assert_eq!(foreign, "RimSignaturePlace", "another of that name");
}

/// NVR-10: the signed document moved into the signature, and another put around it (signature wrapping).
#[test]
fn a_wrapped_document_is_refused() {
    let wrapped = |place: &str| {
        changed(|text| {
            let original = text.replace(&signature(text), "");
            let object = format!("<ds:Object>{}</ds:Object>{place}", original.trim());
            text.replace("590.12", "999.99").replacen(place, &object, 1)
        })
    };
    assert_eq!(wrapped("</ds:Signature>"), "RimSignatureForm");
    assert_eq!(wrapped("</ds:SignedInfo>"), "RimReference");
    assert_eq!(wrapped("</ds:KeyInfo>"), "RimKeyInfo");
    assert_eq!(wrapped("</ds:X509Data>"), "RimKeyInfo");
}

/// NVR-05, NVR-10, NVR-13: certificates and records count in their one place. The verifying key is that of
/// the chain's first certificate.
#[test]
fn nothing_is_read_outside_its_place() {
    let text = manifest();
    let start = text.find("<ds:X509Certificate>").unwrap();
    let end = text.find("</ds:X509Certificate>").unwrap() + "</ds:X509Certificate>".len();
    let certificate = &text[start..end];
    let declared = certificate.replacen('>', " xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">", 1);
    assert_eq!(exchanged("</ns0:Payload>", &format!("</ns0:Payload>{declared}")), "RimStructure");
    assert_eq!(exchanged("</ds:Signature>", &format!("{certificate}</ds:Signature>")), "RimSignatureForm");
    assert_eq!(exchanged("</ds:KeyInfo>", &format!("{certificate}</ds:KeyInfo>")), "RimKeyInfo");
    assert_eq!(exchanged("</ds:X509Data>", &format!("{certificate}</ds:X509Data>")), "RimChainLength");
    let two = format!("{certificate}{certificate}</ds:X509Data>");
    assert_eq!(exchanged("</ds:X509Data>", &two), "RimKeyInfo", "six certificates");
    let record = "<ns0:Resource type=\"Measurement\" index=\"60\" active=\"True\" alternatives=\"1\" name=\"x\" size=\"48\"/>";
    assert_eq!(exchanged("</ds:X509Data>", &format!("{record}</ds:X509Data>")), "RimKeyInfo");
    assert_eq!(exchanged("<ns0:Payload", &format!("{record}<ns0:Payload")), "RimStructure");
    assert_eq!(exchanged("</ns0:Payload>", &format!("{record}</ns0:Payload>")), "RimDuplicateIndex");
}

/// NVR-10: a comment splits a text, and readers differ in which half they take.
#[test]
fn a_comment_hides_nothing() {
    for place in ["<ds:DigestValue>", "<ds:SignatureValue>", "<ds:X509Certificate>", "<ds:SignedInfo>"] {
        assert_eq!(exchanged(place, &format!("{place}<!-- -->")), "RimSignatureForm", "{place}");
    }
    assert_eq!(exchanged("<ds:X509Data>", "<ds:X509Data><!-- -->"), "RimKeyInfo");
    // Elsewhere a comment is no part of what is signed or read (canonical XML without comments).
    for place in ["<ns0:Payload", "</ns0:Payload>", "<SoftwareIdentity", "<ds:Signature "] {
        assert_eq!(exchanged(place, &format!("<!-- 590.13 -->{place}")), "ok", "{place}");
    }
}

/// NVR-03: constructs by which two readers could see two documents.
#[test]
fn only_plain_xml_is_read() {
    let cases = [
        ("<SoftwareIdentity", "<!DOCTYPE x><SoftwareIdentity"),
        ("<SoftwareIdentity", "<!DOCTYPE x [<!ENTITY e \"590.13\">]><SoftwareIdentity"),
        ("<SoftwareIdentity", "<?xml version=\"1.0\" encoding=\"UTF-16\"?><SoftwareIdentity"),
        ("<SoftwareIdentity", "<?xml-stylesheet href=\"x\"?><SoftwareIdentity"),
        ("<ns0:Entity", "<?php ?><ns0:Entity"),
        ("<ns0:Entity", "<![CDATA[ ]]><ns0:Entity"),
        ("590.12", "590.1&e;"),
        ("590.12", "590.1&#50;"),
        ("590.12", "590.1&#x32;"),
        ("<ns0:Payload", "<ns0:Payload xml:base=\"http://example.com/\""),
        ("<ds:Reference", "<ds:Reference xml:id=\"x\""),
        ("<ns0:Payload", "<ns0:Payload xmlns:x=\"\""),
        ("<ns0:Payload", "<ns0:Payload xmlns=\"\""),
    ];
    for (from, to) in cases {
        assert_eq!(exchanged(from, to), "RimXmlConstruct", "{to}");
    }
}

/// NVR-02: what is not well formed.
#[test]
fn what_is_not_well_formed_is_refused() {
    let cases = [
        ("corpus=\"false\"", "corpus=\"false\" corpus=\"true\""),
        ("<ns0:Payload", "<ns0:Payload SHA384:x=\"1\" ns2:x=\"1\""),
        ("<ns0:Payload", "<ns0:Payload xmlns:a=\"urn:a\" xmlns:a=\"urn:b\""),
        ("xmlns=", "xmlns=\"urn:other\" xmlns="),
        ("</ns0:Payload>", "</Payload>"),
        ("<ns0:Entity", "<unbound:Entity/><ns0:Entity"),
        ("</SoftwareIdentity>", "</SoftwareIdentity><SoftwareIdentity/>"),
        ("</SoftwareIdentity>", ""),
        ("590.12", "590<12"),
    ];
    for (from, to) in cases {
        assert_eq!(exchanged(from, to), "RimMalformed", "{to}");
    }
    for bytes in [&b""[..], b"\xff", b"   ", b"not xml", b"<a>", b"<a/>text"] {
        assert_eq!(code(&verify(bytes)), "RimMalformed", "{bytes:?}");
    }
}

/// NVR-01: bounds are checked before anything is built.
#[test]
fn a_manifest_is_bounded() {
    let spaces = |count: usize| changed(|text| format!("{text}{}", " ".repeat(count - text.len())));
    assert_eq!([spaces(256 << 10), spaces((256 << 10) + 1)], ["ok", "RimTooLarge"], "to the byte");
    let many =
        |what: &str, count: usize| exchanged("<ns0:Entity", &format!("{}<ns0:Entity", what.repeat(count)));
    assert_eq!(many("<a/>", 5000), "RimTooLarge", "nodes");
    assert_eq!(many("<a b=\"\"/>", 4096), "RimTooLarge", "attributes");
    assert_eq!(many("<a xmlns:b=\"urn:b\"/>", 40), "RimTooLarge", "namespaces");
    let deep = format!("{}{}<ns0:Entity", "<a>".repeat(8), "</a>".repeat(8));
    assert_eq!(exchanged("<ns0:Entity", &deep), "RimTooLarge", "levels");
    let deepest = format!("{}{}<ns0:Entity", "<a>".repeat(7), "</a>".repeat(7));
    assert_eq!(exchanged("<ns0:Entity", &deepest), "RimDigestMismatch", "read, and not what was signed");
    let very_deep = format!("{}{}<ns0:Entity", "<a>".repeat(2000), "</a>".repeat(2000));
    assert_eq!(exchanged("<ns0:Entity", &very_deep), "RimTooLarge");
}

/// NVR-11: one set of algorithms, each in its element and without parameters.
#[test]
fn no_other_algorithm_is_read() {
    let canonical = "<ds:Transform Algorithm=\"http://www.w3.org/2006/12/xml-c14n11\"/>";
    let enveloped = "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>";
    let xpath = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"/>";
    let cases = [
        (canonical, String::new()),
        (enveloped, String::new()),
        (enveloped, format!("{enveloped}{xpath}")),
        (enveloped, canonical.to_owned()),
        (
            canonical,
            "<ds:Transform Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>".to_owned(),
        ),
        (
            canonical,
            "<ds:Transform Algorithm=\"http://www.w3.org/2006/12/xml-c14n11#WithComments\"/>".to_owned(),
        ),
        ("xmldsig-more#sha384", "xmlenc#sha256".to_owned()),
        ("xmldsig-more#ecdsa-sha384", "xmldsig-more#rsa-sha384".to_owned()),
        ("xmldsig-more#ecdsa-sha384", "xmldsig-more#hmac-sha384".to_owned()),
    ];
    for (from, to) in cases {
        assert_eq!(exchanged(from, &to), "RimAlgorithm", "{from} {to}");
    }
    let with_parameters = canonical.replace("/>", "><ds:XPath>x</ds:XPath></ds:Transform>");
    assert_eq!(exchanged(canonical, &with_parameters), "RimSignatureForm");
}

/// NVR-12: the one reference is to the whole document.
#[test]
fn a_reference_is_to_the_whole_document() {
    for uri in [
        "URI=\"#x\"",
        "URI=\"other.xml\"",
        "",
        "URI=\"\" Id=\"x\"",
        "URI=\"\" Type=\"http://www.w3.org/2000/09/xmldsig#Manifest\"",
    ] {
        assert_eq!(exchanged("URI=\"\"", uri), "RimReference", "{uri}");
    }
}

/// NVR-14: base64 of the right length.
#[test]
fn values_are_base64_of_their_length() {
    for place in ["<ds:DigestValue>", "<ds:SignatureValue>"] {
        for (inserted, expected) in [("AAAA", "RimEncoding"), ("*", "RimEncoding"), ("=", "RimEncoding")] {
            assert_eq!(exchanged(place, &format!("{place}{inserted}")), expected, "{place}{inserted}");
        }
    }
    assert_eq!(exchanged("<ds:X509Certificate>", "<ds:X509Certificate>*"), "RimEncoding");
    let other = format!(
        "<ds:X509Certificate>{}</ds:X509Certificate><ds:X509Certificate>",
        base64_encode(b"no certificate")
    );
    let refused = changed(|text| {
        let start = text.find("<ds:X509Certificate>").unwrap();
        let second = text[start + 1..].find("<ds:X509Certificate>").unwrap() + start + 1;
        format!("{}{other}{}", &text[..start], &text[second + "<ds:X509Certificate>".len()..])
    });
    assert_eq!(refused, "CertificateMalformed");
}

/// NVR-20: what is signed are the canonical bytes, and whatever changes them is another document.
#[test]
fn every_visible_change_is_another_document() {
    let cases = [
        ("590.12", "590.13"),
        ("\n    <ns0:Meta", "\n     <ns0:Meta"),
        ("</ns0:Payload>\n", "</ns0:Payload>\n\n"),
        ("<SoftwareIdentity ", "<SoftwareIdentity xmlns:unused=\"urn:unused\" "),
        ("<ns0:Entity name=\"NVIDIA Corporation\" role=\"softwareCreator tagCreator\"/>", ""),
        ("index=\"23\" active=\"True\"", "index=\"23\" active=\"False\""),
        ("name=\"Measurement_7\"", "name=\"Measurement_07\""),
        ("tagVersion=\"0\"", "tagVersion=\"0\" regid=\"x\""),
    ];
    for (from, to) in cases {
        assert_eq!(exchanged(from, to), "RimDigestMismatch", "{to}");
    }
    let prefix = changed(|text| text.replace("ns0:", "swid:").replace("xmlns:ns0", "xmlns:swid"));
    assert_eq!(prefix, "RimDigestMismatch", "a prefix is a part of the canonical form");
}

/// Canonical XML 1.1: what makes no difference to it makes none here.
#[test]
fn spellings_of_the_same_document_are_the_same() {
    assert_eq!(changed(|text| text.replace('\n', "\r\n")), "ok", "line ends");
    assert_eq!(
        exchanged("corpus=\"false\" name=\"GH100\"", "name='GH100'\n  corpus='false'"),
        "ok",
        "order and quotes"
    );
    assert_eq!(exchanged("tagCreator\"/>", "tagCreator\"></ns0:Entity>"), "ok", "empty elements");
    assert_eq!(
        exchanged(
            "<ns0:Payload",
            "<ns0:Payload xmlns:ns0=\"http://standards.iso.org/iso/19770/-2/2015/schema.xsd\""
        ),
        "ok",
        "a namespace said again"
    );
    assert_eq!(
        exchanged("<SoftwareIdentity", "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<SoftwareIdentity"),
        "ok"
    );
    assert_eq!(changed(|text| text.trim_end().to_owned()), "ok", "after the end");
}

/// NVR-28: SignedInfo is signed as it stands, with the namespaces that it inherits.
#[test]
fn a_change_of_signed_info_breaks_the_signature() {
    assert_eq!(exchanged("<ds:SignedInfo>", "<ds:SignedInfo> "), "RimSignature");
    assert_eq!(exchanged("<ds:Signature ", "<ds:Signature xmlns:x=\"urn:x\" "), "RimSignature");
    assert_eq!(exchanged("</ds:Reference>", "</ds:Reference>\n"), "RimSignature");
}

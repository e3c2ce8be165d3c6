//! The one XML signature (<https://www.w3.org/TR/xmldsig-core1/>), read strictly: what is not of the profile
//! is refused and never skipped, because nothing inside a signature but SignedInfo is signed.

use super::canonical;
use super::error::RimError;
use crate::bytes::Hex;
use crate::encoding::base64_decode;
use crate::x509::MAX_CERTIFICATES;
use roxmltree::{Attribute, Node};

const NAMESPACE: &str = "http://www.w3.org/2000/09/xmldsig#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const CANONICAL_XML_1_1: &str = "http://www.w3.org/2006/12/xml-c14n11";
const SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#sha384";
const ECDSA_SHA384: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384";

/// A signature as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// SignedInfo in its canonical form: what the signature is over.
    pub signed_info: Vec<u8>,
    /// DigestValue: what SHA-384 of the signed tree must be.
    pub digest: Hex<48>,
    /// R and S, 48 bytes each, big-endian.
    pub value: Hex<96>,
    /// Certificates beside the signature, DER, in their order: at most five.
    pub certificates: Vec<Vec<u8>>,
}

/// NVR-09: the one signature, the last child of the root; and nothing of a signature's anywhere else.
pub(super) fn find<'a, 'i>(root: Node<'a, 'i>) -> Result<Node<'a, 'i>, RimError> {
    let refused = |problem| Err(RimError::SignaturePlace(problem));
    let mut found = root.descendants().filter(|node| node.tag_name().name() == "Signature");
    let Some(signature) = found.next() else { return refused("it has no signature") };
    if found.next().is_some() {
        return refused("it has several signatures");
    }
    if signature.tag_name().namespace() != Some(NAMESPACE) || root.last_element_child() != Some(signature) {
        return refused("the signature is not the last child of the root");
    }
    let of_signatures = |node: &Node<'_, '_>| node.tag_name().namespace() == Some(NAMESPACE);
    let all = root.descendants().filter(of_signatures).count();
    if all != signature.descendants().filter(of_signatures).count() {
        return Err(RimError::Structure("a part of a signature is outside the signature"));
    }
    Ok(signature)
}

/// NVR-10 to NVR-14.
pub(super) fn read(signature: Node<'_, '_>, source: &str) -> Result<Signature, RimError> {
    let form = "it is not SignedInfo, SignatureValue and KeyInfo";
    let [info, value, keys] = children(signature, form)?;
    no_attributes(signature)?;
    let digest = read_info(named(info, "SignedInfo", form)?)?;
    let value = bytes(named(value, "SignatureValue", form)?, "SignatureValue")?;
    let certificates = read_keys(named(keys, "KeyInfo", form)?)?;
    Ok(Signature {
        signed_info: canonical::tree(info, None, source).into_bytes(),
        digest: Hex(digest),
        value: Hex(value),
        certificates,
    })
}

/// The digest of the one reference.
fn read_info(info: Node<'_, '_>) -> Result<[u8; 48], RimError> {
    no_attributes(info)?;
    let form = "SignedInfo is not a canonicalisation, a method and a reference";
    let elements = elements(info, form)?;
    let [canonicalisation, method, references @ ..] = elements.as_slice() else {
        return Err(RimError::SignatureForm(form));
    };
    let canonicalisation = named(*canonicalisation, "CanonicalizationMethod", form)?;
    algorithm(canonicalisation, "CanonicalizationMethod", CANONICAL_XML_1_1)?;
    algorithm(named(*method, "SignatureMethod", form)?, "SignatureMethod", ECDSA_SHA384)?;
    match references {
        [] => Err(RimError::Reference("it has none")),
        [reference] => read_reference(named(*reference, "Reference", form)?),
        _ => Err(RimError::Reference("it has several")),
    }
}

/// NVR-12: the whole document, without the signature, in its canonical form.
fn read_reference(reference: Node<'_, '_>) -> Result<[u8; 48], RimError> {
    let mut attributes = reference.attributes();
    let whole = attributes.next().is_some_and(|found| is_plain(&found, "URI") && found.value().is_empty());
    if !whole || attributes.next().is_some() {
        return Err(RimError::Reference("this one is to a part"));
    }
    let form = "the reference is not transforms, a method and a digest";
    let [transforms, method, value] = children(reference, form)?;
    let transforms = named(transforms, "Transforms", form)?;
    no_attributes(transforms)?;
    let two = "its transforms are not the enveloped signature and canonical XML";
    let [enveloped, canonical] = children(transforms, two)
        .map_err(|_| RimError::Algorithm { place: "Transforms", expected: ENVELOPED })?;
    algorithm(named(enveloped, "Transform", form)?, "the first Transform", ENVELOPED)?;
    algorithm(named(canonical, "Transform", form)?, "the second Transform", CANONICAL_XML_1_1)?;
    algorithm(named(method, "DigestMethod", form)?, "DigestMethod", SHA384)?;
    bytes(named(value, "DigestValue", form)?, "DigestValue")
}

/// NVR-13: certificates and nothing else. Which key counts is for the chain to say, so that no other is even
/// read.
fn read_keys(keys: Node<'_, '_>) -> Result<Vec<Vec<u8>>, RimError> {
    let form = "something else than X509Data";
    let refused = |problem| move |_| RimError::KeyInfo(problem);
    no_attributes(keys).map_err(refused("an attribute"))?;
    let [data] = children(keys, form).map_err(refused(form))?;
    let data = named(data, "X509Data", form).map_err(refused(form))?;
    no_attributes(data).map_err(refused("an attribute"))?;
    let form = "something else than certificates";
    let found = elements(data, form).map_err(refused(form))?;
    if found.len() > MAX_CERTIFICATES {
        return Err(RimError::KeyInfo("more than five certificates"));
    }
    let certificate = |element: &Node<'_, '_>| {
        let element = named(*element, "X509Certificate", form).map_err(refused(form))?;
        decode(text(element)?).ok_or(RimError::Encoding("X509Certificate"))
    };
    found.iter().map(certificate).collect()
}

/// Exactly so many elements, and nothing beside them but white space.
fn children<'a, 'i, const N: usize>(
    parent: Node<'a, 'i>,
    form: &'static str,
) -> Result<[Node<'a, 'i>; N], RimError> {
    elements(parent, form)?.try_into().map_err(|_| RimError::SignatureForm(form))
}

fn elements<'a, 'i>(parent: Node<'a, 'i>, form: &'static str) -> Result<Vec<Node<'a, 'i>>, RimError> {
    let is_space = |node: &Node<'_, '_>| {
        node.is_text() && node.text().is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_whitespace()))
    };
    if parent.children().any(|node| !node.is_element() && !is_space(&node)) {
        return Err(RimError::SignatureForm(form));
    }
    Ok(parent.children().filter(Node::is_element).collect())
}

fn named<'a, 'i>(
    element: Node<'a, 'i>,
    name: &'static str,
    form: &'static str,
) -> Result<Node<'a, 'i>, RimError> {
    let tag = element.tag_name();
    if tag.namespace() == Some(NAMESPACE) && tag.name() == name {
        Ok(element)
    } else {
        Err(RimError::SignatureForm(form))
    }
}

fn no_attributes(element: Node<'_, '_>) -> Result<(), RimError> {
    match element.attributes().next() {
        None => Ok(()),
        Some(_) => Err(RimError::SignatureForm("an attribute where none belongs")),
    }
}

/// An attribute of this name in no namespace.
fn is_plain(attribute: &Attribute<'_, '_>, name: &str) -> bool {
    attribute.namespace().is_none() && attribute.name() == name
}

/// NVR-11: an empty element with this algorithm.
fn algorithm(element: Node<'_, '_>, place: &'static str, expected: &'static str) -> Result<(), RimError> {
    let mut attributes = element.attributes();
    let (stated, more) = (attributes.next(), attributes.next());
    let same = stated.is_some_and(|found| is_plain(&found, "Algorithm") && found.value() == expected);
    if !same || more.is_some() {
        return Err(RimError::Algorithm { place, expected });
    }
    if element.has_children() {
        return Err(RimError::SignatureForm("an algorithm with parameters"));
    }
    Ok(())
}

/// Base64 of exactly so many bytes.
fn bytes<const N: usize>(element: Node<'_, '_>, name: &'static str) -> Result<[u8; N], RimError> {
    no_attributes(element)?;
    let bytes = decode(text(element)?).ok_or(RimError::Encoding(name))?;
    bytes.try_into().map_err(|_| RimError::Encoding(name))
}

/// One text and nothing else: a comment would make two of it, and readers differ in which they take.
fn text<'a>(element: Node<'a, '_>) -> Result<&'a str, RimError> {
    let mut children = element.children();
    match (children.next(), children.next()) {
        (Some(only), None) if only.is_text() => Ok(only.text().unwrap_or_default()),
        _ => Err(RimError::SignatureForm("an element that is not one text")),
    }
}

/// Base64 in lines, as certificates are written.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    base64_decode(&text).ok()
}

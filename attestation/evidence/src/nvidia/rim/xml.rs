//! The part of XML that manifests are made of, checked on the text before anything is built from it.

use super::error::RimError;
use roxmltree::{Document, Node, ParsingOptions};

/// Largest manifest in bytes: the published ones have 19 to 26 KiB, so that ten times as many golden values
/// fit.
pub const MAX_RIM: usize = 256 << 10;
/// Most nodes, elements and texts: the published ones have about 160.
pub(super) const MAX_NODES: u32 = 4096;
/// Most attributes, counted as equals signs. The parser compares each with all others of its element, so that
/// this bounds the work; the published ones have about 500.
pub(super) const MAX_ATTRIBUTES: usize = 4096;
/// Most namespace declarations: the published ones have seven.
pub(super) const MAX_NAMESPACES: usize = 32;
/// Most levels of elements: Transform is the sixth, and the deepest.
pub(super) const MAX_DEPTH: usize = 8;

const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
/// The only references that are read (XML 1.0, 4.6).
const ENTITIES: [&str; 5] = ["&amp;", "&lt;", "&gt;", "&quot;", "&apos;"];

/// The text of a file, if it is small enough and has none of the constructs by which two readers could see
/// two documents in it (NVR-01 to NVR-03).
pub(super) fn check(bytes: &[u8]) -> Result<&str, RimError> {
    if bytes.len() > MAX_RIM {
        return Err(RimError::TooLarge("too many bytes"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| RimError::Malformed(error.to_string()))?;
    if text.bytes().filter(|byte| *byte == b'=').count() > MAX_ATTRIBUTES {
        return Err(RimError::TooLarge("too many attributes"));
    }
    if text.matches("xmlns").count() > MAX_NAMESPACES {
        return Err(RimError::TooLarge("too many namespace declarations"));
    }
    check_constructs(text)?;
    Ok(text)
}

fn check_constructs(text: &str) -> Result<(), RimError> {
    let rest = after_declaration(text)?;
    if rest.contains("<?") {
        return Err(RimError::Construct("a processing instruction"));
    }
    let declares = |(at, _)| rest.get(at..).is_some_and(|from: &str| !from.starts_with("<!--"));
    if rest.match_indices("<!").any(declares) {
        return Err(RimError::Construct("a DTD or a CDATA section"));
    }
    let unknown = |(at, _)| {
        rest.get(at..).is_some_and(|from: &str| !ENTITIES.iter().any(|entity| from.starts_with(entity)))
    };
    if rest.match_indices('&').any(unknown) {
        return Err(RimError::Construct("a reference other than the five of XML"));
    }
    Ok(())
}

/// What follows the XML declaration, if there is one: it may name no other encoding.
fn after_declaration(text: &str) -> Result<&str, RimError> {
    if !text.starts_with("<?xml ") {
        return Ok(text);
    }
    let (declaration, rest) =
        text.split_once("?>").ok_or_else(|| RimError::Malformed("an open XML declaration".to_owned()))?;
    let declaration = declaration.to_ascii_lowercase();
    let utf8 = declaration.contains("\"utf-8\"") || declaration.contains("'utf-8'");
    if declaration.contains("encoding") && !utf8 {
        return Err(RimError::Construct("another encoding than UTF-8"));
    }
    Ok(rest)
}

/// Builds the tree, and checks what only the tree shows.
pub(super) fn parse(text: &str) -> Result<Document<'_>, RimError> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::NodesLimitReached => RimError::TooLarge("too many nodes"),
        error => RimError::Malformed(error.to_string()),
    })?;
    check_element(document.root_element(), 1)?;
    Ok(document)
}

/// Recursion ends at [`MAX_DEPTH`].
fn check_element(element: Node<'_, '_>, depth: usize) -> Result<(), RimError> {
    if depth > MAX_DEPTH {
        return Err(RimError::TooLarge("too many levels"));
    }
    check_namespaces(element)?;
    if element.attributes().any(|attribute| attribute.namespace() == Some(XML_NAMESPACE)) {
        return Err(RimError::Construct("an attribute of the namespace `xml`"));
    }
    element.children().filter(Node::is_element).try_for_each(|child| check_element(child, depth + 1))
}

/// One prefix, one name: the parser lets a default namespace be declared twice. No manifest takes a namespace
/// back.
fn check_namespaces(element: Node<'_, '_>) -> Result<(), RimError> {
    let in_scope: Vec<(Option<&str>, &str)> =
        element.namespaces().map(|found| (found.name(), found.uri())).collect();
    for (position, (prefix, uri)) in in_scope.iter().enumerate() {
        if uri.is_empty() {
            return Err(RimError::Construct("a namespace without a name"));
        }
        if in_scope.iter().skip(position + 1).any(|(other, _)| other == prefix) {
            return Err(RimError::Malformed("a namespace declared twice".to_owned()));
        }
    }
    Ok(())
}

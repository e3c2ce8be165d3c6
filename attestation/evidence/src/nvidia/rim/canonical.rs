//! Canonical XML 1.1 without comments, inclusive, for the profile of [`super::xml`].
//!
//! The profile has no `xml:` attributes, no DTD, no processing instruction and no namespace that is taken
//! back, so that of the recommendation (<https://www.w3.org/TR/xml-c14n11/>) only sections 2.3 and 2.4
//! remain: every element with both tags, namespaces by prefix, attributes by the name of their namespace and
//! then by their own, and the escapes.

use roxmltree::Node;
use std::collections::BTreeMap;

/// The canonical form of a tree, without one of its elements. Namespaces that are in scope at the tree's top
/// are rendered there, wherever they were declared.
pub(super) fn tree(top: Node<'_, '_>, left_out: Option<Node<'_, '_>>, source: &str) -> String {
    let mut writer = Writer { source, left_out, out: String::with_capacity(source.len()) };
    writer.element(top, &BTreeMap::new());
    writer.out
}

struct Writer<'a, 'i> {
    source: &'a str,
    left_out: Option<Node<'a, 'i>>,
    out: String,
}

impl<'a> Writer<'a, '_> {
    /// A name as it is written, with its prefix: from after the bracket to what ends a name.
    fn qualified_name(&self, element: Node<'_, '_>) -> &'a str {
        let after = self.source.get(element.range().start + 1..).unwrap_or_default();
        let ends = |character: char| character.is_ascii_whitespace() || matches!(character, '/' | '>');
        after.split(ends).next().unwrap_or_default()
    }

    /// One element; `rendered` is what its parent in the output has in scope. Depth is bounded by the
    /// profile.
    fn element(&mut self, element: Node<'_, '_>, rendered: &BTreeMap<&str, &str>) {
        let name = self.qualified_name(element);
        self.out.push('<');
        self.out.push_str(name);
        // By prefix; the default namespace has none and comes first.
        let in_scope: BTreeMap<&str, &str> =
            element.namespaces().map(|found| (found.name().unwrap_or_default(), found.uri())).collect();
        for (prefix, uri) in &in_scope {
            if rendered.get(prefix) != Some(uri) {
                self.out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
                self.out.push_str(prefix);
                self.value(uri);
            }
        }
        let mut attributes: Vec<_> = element.attributes().collect();
        attributes.sort_by_key(|attribute| (attribute.namespace().unwrap_or_default(), attribute.name()));
        for attribute in attributes {
            self.out.push(' ');
            self.out.push_str(self.source.get(attribute.range_qname()).unwrap_or_default());
            self.value(attribute.value());
        }
        self.out.push('>');
        for child in element.children() {
            if child.is_element() && self.left_out != Some(child) {
                self.element(child, &in_scope);
            } else if child.is_text() {
                self.text(child.text().unwrap_or_default());
            }
        }
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    fn value(&mut self, value: &str) {
        self.out.push_str("=\"");
        for character in value.chars() {
            match character {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '"' => self.out.push_str("&quot;"),
                '\t' => self.out.push_str("&#x9;"),
                '\n' => self.out.push_str("&#xA;"),
                '\r' => self.out.push_str("&#xD;"),
                other => self.out.push(other),
            }
        }
        self.out.push('"');
    }

    fn text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '\r' => self.out.push_str("&#xD;"),
                other => self.out.push(other),
            }
        }
    }
}

//! A tree of XML that can be written as a file and in its canonical form (Canonical XML 1.1, without
//! comments).
//!
//! The verifier has a canonicaliser of its own. This one works on the tree that the lab has made and shares
//! no line with it, so that the two check each other.

/// An element. Every namespace is declared once, on the way from the root.
#[derive(Clone)]
pub(super) struct Element {
    name: String,
    declared: Vec<(&'static str, &'static str)>,
    /// Namespace, qualified name, value; in the order of the file.
    attributes: Vec<(&'static str, String, String)>,
    children: Vec<Child>,
}

#[derive(Clone)]
enum Child {
    Element(Element),
    Text(String),
}

impl Element {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), declared: Vec::new(), attributes: Vec::new(), children: Vec::new() }
    }

    /// Declares a namespace; the default one has no prefix.
    pub(super) fn declare(mut self, prefix: &'static str, namespace: &'static str) -> Self {
        self.declared.push((prefix, namespace));
        self
    }

    pub(super) fn attribute(self, name: &str, value: impl Into<String>) -> Self {
        self.attribute_of("", name, value)
    }

    /// An attribute with a prefix, of this namespace.
    pub(super) fn attribute_of(
        mut self,
        namespace: &'static str,
        name: &str,
        value: impl Into<String>,
    ) -> Self {
        self.attributes.push((namespace, name.to_owned(), value.into()));
        self
    }

    pub(super) fn child(mut self, child: Self) -> Self {
        self.children.push(Child::Element(child));
        self
    }

    pub(super) fn text(mut self, text: impl Into<String>) -> Self {
        self.children.push(Child::Text(text.into()));
        self
    }

    pub(super) fn declared(&self) -> &[(&'static str, &'static str)] {
        &self.declared
    }

    /// As a file: attributes in their order, empty elements in one tag.
    pub(super) fn file(&self) -> String {
        let mut out = format!("<{}", self.name);
        for (prefix, namespace) in &self.declared {
            out.push_str(&declaration(prefix, namespace));
        }
        for (_, name, value) in &self.attributes {
            out.push_str(&format!(" {name}=\"{}\"", escaped(value)));
        }
        if self.children.is_empty() {
            return out + "/>";
        }
        out.push('>');
        for child in &self.children {
            match child {
                Child::Element(element) => out.push_str(&element.file()),
                Child::Text(text) => out.push_str(text),
            }
        }
        out + &format!("</{}>", self.name)
    }

    /// In its canonical form, with namespaces that are in scope from above.
    pub(super) fn canonical(&self, inherited: &[(&'static str, &'static str)]) -> String {
        let mut out = format!("<{}", self.name);
        let mut declared = [inherited, &self.declared].concat();
        declared.sort_unstable();
        for (prefix, namespace) in declared {
            out.push_str(&declaration(prefix, namespace));
        }
        let mut attributes = self.attributes.clone();
        attributes.sort_by_key(|(namespace, name, _)| {
            let local = name.split_once(':').map_or(name.as_str(), |(_, local)| local);
            (*namespace, local.to_owned())
        });
        for (_, name, value) in attributes {
            out.push_str(&format!(" {name}=\"{}\"", escaped(&value)));
        }
        out.push('>');
        for child in &self.children {
            match child {
                Child::Element(element) => out.push_str(&element.canonical(&[])),
                Child::Text(text) => out.push_str(text),
            }
        }
        out + &format!("</{}>", self.name)
    }
}

fn declaration(prefix: &str, namespace: &str) -> String {
    let colon = if prefix.is_empty() { "" } else { ":" };
    format!(" xmlns{colon}{prefix}=\"{namespace}\"")
}

/// An attribute's value, escaped as the canonical form has it. The lab's texts need no escapes.
fn escaped(value: &str) -> String {
    value.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

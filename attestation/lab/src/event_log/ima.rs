//! The kernel's list of measured files, and the PCR 10 to which it replays.

use super::{PcrBank, Registers, count, hash};

/// A list in the making. The first entry is usually [`ImaList::boot_aggregate`].
#[derive(Clone, Debug, Default)]
pub struct ImaList {
    bytes: Vec<u8>,
    /// What each entry extends: the bytes that are hashed, or nothing for a violation.
    entries: Vec<Option<Vec<u8>>>,
}

impl ImaList {
    /// A list without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The entry that ties the list to a boot: the hash of PCR 0 to 9, as kernels from 5.8 on make it.
    pub fn boot_aggregate(&mut self, bank: PcrBank, pcrs: &Registers) -> &mut Self {
        let values: Vec<&[u8]> = pcrs
            .iter()
            .filter(|((found, number), _)| *found == bank && *number <= 9)
            .map(|(_, value)| value.as_bytes())
            .collect();
        self.entry("ima-ng", &[named(bank, &hash(bank, &values)), path("boot_aggregate")])
    }

    /// A file with this content, in template `ima-ng`, with a SHA-256 digest.
    pub fn file(&mut self, name: &str, content: &[u8]) -> &mut Self {
        let digest = hash(PcrBank::Sha256, &[content]);
        self.entry("ima-ng", &[named(PcrBank::Sha256, &digest), path(name)])
    }

    /// A file with its signature, in template `ima-sig`.
    pub fn signed_file(&mut self, name: &str, content: &[u8], signature: &[u8]) -> &mut Self {
        let digest = hash(PcrBank::Sha256, &[content]);
        self.entry("ima-sig", &[named(PcrBank::Sha256, &digest), path(name), signature.to_vec()])
    }

    /// A buffer, in template `ima-buf`.
    pub fn buffer(&mut self, name: &str, content: &[u8]) -> &mut Self {
        let digest = hash(PcrBank::Sha256, &[content]);
        self.entry("ima-buf", &[named(PcrBank::Sha256, &digest), path(name), content.to_vec()])
    }

    /// A file without signature and appended signature, in template `ima-modsig`.
    pub fn modsig_file(&mut self, name: &str, content: &[u8]) -> &mut Self {
        let digest = hash(PcrBank::Sha256, &[content]);
        let none = Vec::new;
        self.entry("ima-modsig", &[named(PcrBank::Sha256, &digest), path(name), none(), none(), none()])
    }

    /// A file in the oldest template, `ima`, with a SHA-1 digest.
    pub fn old_file(&mut self, name: &str, content: &[u8]) -> &mut Self {
        let digest = hash(PcrBank::Sha1, &[content]);
        let mut padded = name.as_bytes().to_vec();
        padded.resize(256, 0);
        let hashed = [digest.clone(), padded].concat();
        self.head(&hash(PcrBank::Sha1, &[&hashed]), "ima");
        self.bytes.extend(digest);
        self.bytes.extend(count(name.len()).to_le_bytes());
        self.bytes.extend(name.as_bytes());
        self.entries.push(Some(hashed));
        self
    }

    /// A file that could have changed while it was measured.
    pub fn violation(&mut self, name: &str) -> &mut Self {
        let data = fields(&[named(PcrBank::Sha256, &[0; 32]), path(name)]);
        self.head(&[0; 20], "ima-ng");
        self.bytes.extend(count(data.len()).to_le_bytes());
        self.bytes.extend(data);
        self.entries.push(None);
        self
    }

    /// An entry of any template with these fields.
    pub fn entry(&mut self, template: &str, parts: &[Vec<u8>]) -> &mut Self {
        let data = fields(parts);
        self.head(&hash(PcrBank::Sha1, &[&data]), template);
        self.bytes.extend(count(data.len()).to_le_bytes());
        self.bytes.extend(&data);
        self.entries.push(Some(data));
        self
    }

    /// The list's bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    /// PCR 10 after every entry, in one bank.
    #[must_use]
    pub fn pcr10(&self, bank: PcrBank) -> Vec<u8> {
        let extend = |value: Vec<u8>, entry: &Option<Vec<u8>>| {
            let digest = entry.as_ref().map_or(vec![0xFF; bank.size()], |data| hash(bank, &[data]));
            hash(bank, &[&value, &digest])
        };
        self.entries.iter().fold(vec![0; bank.size()], extend)
    }

    fn head(&mut self, template_digest: &[u8], template: &str) {
        self.bytes.extend(10_u32.to_le_bytes());
        self.bytes.extend(template_digest);
        self.bytes.extend(count(template.len()).to_le_bytes());
        self.bytes.extend(template.as_bytes());
    }
}

fn fields(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.iter().flat_map(|part| [count(part.len()).to_le_bytes().to_vec(), part.clone()].concat()).collect()
}

fn named(bank: PcrBank, digest: &[u8]) -> Vec<u8> {
    [bank.name().as_bytes(), b":\0", digest].concat()
}

fn path(name: &str) -> Vec<u8> {
    [name.as_bytes(), &[0]].concat()
}

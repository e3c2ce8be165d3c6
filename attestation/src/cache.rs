//! What earlier verifications found, kept by content.
//!
//! A key is the SHA-256 of everything that the finding depends on: the bytes that were judged, and the trust
//! root under which they were. Dates are not part of a finding: they are judged at every use. Whoever could
//! write into a cache could therefore cause a refusal, and nothing else; and nobody can, for only
//! verification writes.
//!
//! Bounded: a full generation pushes out the one before it.

use crate::x509::Validity;
use crate::{dcap, nvidia, snp};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// Most entries of each kind. A fleet of 4,096 chips stays warm; an entry has a few KiB.
pub const MAX_ENTRIES: usize = 4096;

/// Findings of earlier verifications, shared by all of them.
#[derive(Debug)]
pub struct Cache {
    entries: usize,
    /// Chains of AMD's endorsement keys whose signatures hold, by certificates, the report's statements about
    /// the key, and roots.
    pub(crate) amd_chains: Memo<snp::Known>,
    /// Revocation lists of AMD that a root signed, by (list, root).
    pub(crate) amd_lists: Memo<()>,
    /// PCK chains whose signatures hold, by their certificates.
    pub(crate) pck_chains: Memo<dcap::Chain>,
    /// Documents and lists of Intel that a key signed, by (document, key).
    pub(crate) intel_signatures: Memo<()>,
    /// Chains of NVIDIA devices whose signatures hold, by their certificates and the roots.
    pub(crate) nvidia_chains: Memo<nvidia::Chain>,
    /// Certificates of devices, of authorities over them and of OCSP responders that a key signed, by (key,
    /// certificate): of a chain with a new leaf the rest is known.
    pub(crate) nvidia_certificates: Memo<()>,
    /// Manifests of NVIDIA whose signatures hold up to the root in them, by their files.
    pub(crate) nvidia_rims: Memo<()>,
    /// OCSP responses whose signatures hold, by (issuer, response): when the responder's certificate is
    /// valid, if it is not the issuer itself.
    pub(crate) nvidia_ocsp: Memo<Option<Validity>>,
}

impl Cache {
    /// A cache that keeps at most `entries` findings of each kind, and at most [`MAX_ENTRIES`].
    #[must_use]
    pub fn new(entries: usize) -> Self {
        let entries = entries.min(MAX_ENTRIES);
        Self {
            entries,
            amd_chains: Memo::new(entries),
            amd_lists: Memo::new(entries),
            pck_chains: Memo::new(entries),
            intel_signatures: Memo::new(entries),
            nvidia_chains: Memo::new(entries),
            nvidia_certificates: Memo::new(entries),
            nvidia_rims: Memo::new(entries),
            nvidia_ocsp: Memo::new(entries),
        }
    }

    /// The cache that keeps nothing: every verification is the first.
    #[must_use]
    pub fn off() -> &'static Self {
        static OFF: LazyLock<Cache> = LazyLock::new(|| Cache::new(0));
        &OFF
    }

    /// Most findings of each kind.
    #[must_use]
    pub const fn entries(&self) -> usize {
        self.entries
    }
}

/// Findings of one kind, by the SHA-256 of what they depend on.
pub(crate) struct Memo<V> {
    /// Entries of one generation: half of the bound.
    half: usize,
    generations: Mutex<Generations<V>>,
}

struct Generations<V> {
    young: HashMap<[u8; 32], Arc<V>>,
    old: HashMap<[u8; 32], Arc<V>>,
}

impl<V> Memo<V> {
    pub(crate) fn new(entries: usize) -> Self {
        let generations = Generations { young: HashMap::new(), old: HashMap::new() };
        Self { half: entries.div_ceil(2), generations: Mutex::new(generations) }
    }

    /// The finding under this key, if it is still there.
    pub(crate) fn get(&self, key: &[u8; 32]) -> Option<Arc<V>> {
        if self.half == 0 {
            return None;
        }
        let mut generations = self.lock();
        if let Some(found) = generations.young.get(key) {
            return Some(Arc::clone(found));
        }
        let found = generations.old.remove(key)?;
        self.put(&mut generations, *key, Arc::clone(&found));
        Some(found)
    }

    /// Keeps a finding.
    pub(crate) fn insert(&self, key: [u8; 32], value: Arc<V>) {
        if self.half > 0 {
            self.put(&mut self.lock(), key, value);
        }
    }

    fn put(&self, generations: &mut Generations<V>, key: [u8; 32], value: Arc<V>) {
        if generations.young.len() >= self.half {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, value);
    }

    /// A thread that panicked while it held the lock left a map that is whole: entries are moved by value.
    fn lock(&self) -> MutexGuard<'_, Generations<V>> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> fmt::Debug for Memo<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let generations = self.lock();
        let kept = generations.young.len() + generations.old.len();
        f.debug_struct("Memo").field("kept", &kept).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memo_is_bounded_and_keeps_what_is_used() {
        let memo = Memo::new(4);
        let key = |n: u8| [n; 32];
        memo.insert(key(0), Arc::new(0));
        for n in 1..100 {
            memo.insert(key(n), Arc::new(n));
            assert_eq!(memo.get(&key(0)).as_deref(), Some(&0), "used at every turn");
            let generations = memo.lock();
            assert!(generations.young.len() <= 2 && generations.old.len() <= 2);
        }
        assert_eq!(memo.get(&key(1)), None, "long unused");
        assert_eq!(memo.get(&key(99)).as_deref(), Some(&99));
    }

    #[test]
    fn a_memo_of_no_entries_keeps_nothing() {
        let memo = Memo::new(Cache::off().entries());
        memo.insert([1; 32], Arc::new(1));
        assert_eq!(memo.get(&[1; 32]), None);
        assert_eq!(Cache::new(usize::MAX).entries(), MAX_ENTRIES);
    }
}

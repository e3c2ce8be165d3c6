//! Signatures that were found to hold: by this document, which asks about shared certificates again and
//! again, and by earlier ones.

use crate::cache::Memo;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Questions whose answer is yes. A question is the SHA-256 of a key and everything that it signed; a
/// signature that does not hold is asked about anew every time.
pub(super) struct Proved<'c> {
    here: BTreeSet<[u8; 32]>,
    before: &'c Memo<()>,
}

impl<'c> Proved<'c> {
    pub(super) const fn new(before: &'c Memo<()>) -> Self {
        Self { here: BTreeSet::new(), before }
    }

    /// Whether this document has proved it.
    pub(super) fn has(&self, question: &[u8; 32]) -> bool {
        self.here.contains(question)
    }

    /// Notes that this document has proved it.
    pub(super) fn note(&mut self, question: [u8; 32]) {
        self.here.insert(question);
    }

    /// Proves once for all: what many documents share, as certificates of authorities.
    pub(super) fn once<E>(
        &mut self,
        question: [u8; 32],
        prove: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        if self.has(&question) {
            return Ok(());
        }
        if self.before.get(&question).is_none() {
            prove()?;
            self.before.insert(question, Arc::new(()));
        }
        self.note(question);
        Ok(())
    }
}

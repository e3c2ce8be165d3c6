//! What a report says of the key that signed it: everything in a report on which the choice of its chain
//! depends.

use aws_lc_rs::digest::{self, SHA256};
use hanzo_attestation_evidence::snp::{Body, Product, Tcb, Vek};

/// A report's statements about its key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stated<'a> {
    /// The kind of key.
    pub(super) vek: Vek,
    /// The product, from version 3 on.
    pub(super) product: Option<Product>,
    /// CHIP_ID. `None` with a VLEK, whose key is of no chip, and where the report masks it.
    pub(super) chip_id: Option<&'a [u8; 64]>,
    /// REPORTED_TCB.
    pub(super) tcb: Tcb,
}

impl<'a> Stated<'a> {
    pub(super) fn by(body: &'a Body) -> Self {
        let names_chip = body.signing_key == Vek::Vcek && !body.chip_id.is_zero();
        Self {
            vek: body.signing_key,
            product: body.product,
            chip_id: names_chip.then_some(&body.chip_id.0),
            tcb: body.reported_tcb,
        }
    }

    /// Names the question which chain these certificates make for such a report, under these roots. Two
    /// questions with one name have one answer, but for dates and lists.
    pub(super) fn question(&self, certs: &[Vec<u8>], roots: &[u8; 32]) -> [u8; 32] {
        let Tcb { fmc, bootloader, tee, snp, microcode } = self.tcb;
        let mut hash = digest::Context::new(&SHA256);
        hash.update(b"SEV-SNP chain\n");
        hash.update(roots);
        hash.update(match self.vek {
            Vek::Vcek => b"C",
            Vek::Vlek => b"L",
        });
        hash.update(match self.product {
            None => b"-",
            Some(Product::Milan) => b"M",
            Some(Product::Genoa) => b"G",
            Some(Product::Turin) => b"T",
        });
        hash.update(&[u8::from(fmc.is_some()), fmc.unwrap_or_default(), bootloader, tee, snp, microcode]);
        hash.update(self.chip_id.unwrap_or(&[0; 64]));
        for der in certs {
            hash.update(&der.len().to_be_bytes());
            hash.update(der);
        }
        let mut name = [0; 32];
        name.copy_from_slice(hash.finish().as_ref());
        name
    }
}

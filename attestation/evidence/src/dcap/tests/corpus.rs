//! The parser against real quotes outside this repository, where they are at hand.

use super::code;
use crate::dcap::Quote;
use std::fs;
use std::path::{Path, PathBuf};

/// Files of the corpus, or `None` when it is absent.
fn files(tee: &str, name: impl Fn(&str) -> bool) -> Option<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/evidence").join(tee);
    let Ok(cases) = fs::read_dir(&folder) else {
        println!("SKIPPED: no corpus at ../shared/evidence/{tee}");
        return None;
    };
    let mut files: Vec<PathBuf> = cases
        .flat_map(|case| fs::read_dir(case.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .filter(|path| path.file_name().and_then(|found| found.to_str()).is_some_and(&name))
        .collect();
    files.sort();
    Some(files)
}

#[test]
fn every_real_quote_is_read() {
    for tee in ["tdx", "sgx"] {
        let Some(files) = files(tee, |name| name == "quote.bin") else { return };
        println!("{} {tee} quotes", files.len());
        for path in files {
            let bytes = fs::read(&path).unwrap();
            let malformed = path.to_string_lossy().contains("/neg-");
            let read = Quote::parse(&bytes);
            assert!(malformed || read.is_ok(), "{}: {read:?}", path.display());
        }
    }
}

#[test]
fn padding_of_real_buffers_is_told_from_text() {
    let Some(files) = files("tdx", |name| name.starts_with("original_")) else { return };
    let verdict = |part: &str| {
        let path = files.iter().find(|path| path.to_string_lossy().contains(part)).unwrap();
        code(&fs::read(path).unwrap())
    };
    assert_eq!(verdict("original_quote_v4_tdx_ecdsa_p256_trailing.bin"), "accepted");
    assert_eq!(verdict("original_cos-113-tdx-quote.dat"), "accepted");
    assert_eq!(verdict("original_tdx_prod_quote_SPR_E4.dat"), "QuoteTrailingBytes");
}

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hanzo_tests::fuzz::run("signed-history", bytes));

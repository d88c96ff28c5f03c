//! Fuzzes everything that happens to a response: reading, meaning and showing.
#![no_main]

mod response;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| response::judge(bytes));

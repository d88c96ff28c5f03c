//! Fuzzes everything that happens to a reply: reading, meaning and showing.
#![no_main]

mod reply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| reply::judge(bytes));

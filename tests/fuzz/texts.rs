//! Fuzzes everything that happens to a pasted text: reading, meaning and showing.
#![no_main]

mod text;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| text::judge_text(bytes));

//! The fuzzer's seeds, and random changes to them, without a fuzzer.

#[path = "../fuzz/response.rs"]
mod response;
#[path = "../fuzz/text.rs"]
mod text;

use crate::support::repeatable;
use proptest::prelude::*;
use proptest::sample::Index;
use std::fs;
use std::path::Path;

fn seeds() -> Vec<Vec<u8>> {
    files("tests/fuzz/corpus/responses")
}

/// The texts of the corpus, which are the fuzzer's seeds as well.
fn texts() -> Vec<Vec<u8>> {
    files("tests/it/evidence")
}

fn files(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn every_seed_is_judged() {
    let seeds = seeds();
    assert!(seeds.len() >= 10);
    for seed in seeds {
        response::judge(&seed);
    }
}

fn changed(mut bytes: Vec<u8>, changes: Vec<(Index, u8)>) -> Vec<u8> {
    for (at, byte) in changes {
        let at = at.index(bytes.len());
        bytes[at] = byte;
    }
    bytes
}

proptest! {
    #![proptest_config(repeatable())]

    #[test]
    fn texts_that_were_tampered_with_are_judged(
        seed in prop::sample::select(texts()),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..8),
    ) {
        text::judge_text(&changed(seed, changes));
    }

    #[test]
    fn seeds_that_were_tampered_with_are_judged(
        seed in prop::sample::select(seeds()),
        status in prop::sample::select(vec![200_u16, 401, 403, 404, 429, 503]),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = changed(seed, changes);
        bytes[..2].copy_from_slice(&(status - 100).to_be_bytes());
        response::judge(&bytes);
    }
}

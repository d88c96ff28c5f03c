//! The texts, held against the names that they use.

use super::*;

fn every_reason() -> impl Iterator<Item = Option<Reason>> {
    Reason::ALL.iter().copied().map(Some).chain([None])
}

#[test]
fn every_entry_can_be_read() {
    for reason in every_reason() {
        let name = reason.map_or("verified", Reason::as_str);
        if let Err(why) = read(name) {
            panic!("{why}");
        }
    }
}

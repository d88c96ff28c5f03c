//! How much of a text was looked at, which tests hold to be linear: counted by work, not by a clock.

#[cfg(test)]
use std::cell::Cell;

#[cfg(test)]
thread_local! {
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

/// Notes that so many bytes, or items, are looked at.
#[cfg(test)]
pub(super) fn looks_at(bytes: usize) {
    BYTES.with(|sum| sum.set(sum.get() + bytes));
}

/// Notes nothing: only tests count.
#[cfg(not(test))]
pub(super) const fn looks_at(_bytes: usize) {}

/// Returns what was looked at meanwhile.
#[cfg(test)]
pub(super) fn of(work: impl FnOnce()) -> usize {
    let before = BYTES.with(Cell::get);
    work();
    BYTES.with(Cell::get) - before
}

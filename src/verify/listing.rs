//! The pages of the list of apps: where the next one begins, and which apps are new.
//!
//! Invariant: ends whatever comes, and nothing is asked here.

use crate::app::{App, Slug};
use crate::check::ListEnd;
use crate::wire::AppPage;
use std::collections::HashSet;

/// The most pages that are read, of the 50 apps that Bitrise puts on one.
const MOST_PAGES: usize = 2_000;

/// The most apps that are listed, however many stand on a page.
const MOST_APPS: usize = 100_000;

/// Holds how far the list was read.
#[derive(Debug, Default)]
pub(super) struct Listing {
    slugs: HashSet<String>,
    pages: usize,
    /// How many apps there are, as the last page says.
    counted: Option<u64>,
    next: Option<Slug>,
    /// Where pages began so far, to find a list that goes round in circles.
    anchors: HashSet<String>,
    end: Option<Result<(), ListEnd>>,
}

impl Listing {
    /// Takes one page, and returns its apps that were on no page before.
    pub(super) fn take(&mut self, page: AppPage) -> Vec<App> {
        self.pages += 1;
        self.counted = page.total;
        let mut apps = page.apps;
        apps.retain(|app| self.slugs.insert(app.slug.raw().to_owned()));
        self.next = page.next;
        self.end = match &self.next {
            None if page.has_more => Some(Err(ListEnd::Endless)),
            None => Some(Ok(())),
            // A page that brings nothing new and promises more is the start of a circle, too.
            Some(_) if apps.is_empty() => Some(Err(ListEnd::Circular)),
            Some(next) if !self.anchors.insert(next.raw().to_owned()) => {
                Some(Err(ListEnd::Circular))
            }
            Some(_) if self.pages >= MOST_PAGES || self.listed() >= MOST_APPS => {
                Some(Err(ListEnd::Endless))
            }
            Some(_) => None,
        };
        apps
    }

    /// Notes that a page could not be read.
    pub(super) const fn fail(&mut self) {
        self.end = Some(Err(ListEnd::PageFailed));
    }

    /// Returns where the next page begins, where there is one.
    pub(super) fn next(&self) -> Option<&Slug> {
        self.next.as_ref().filter(|_| self.end.is_none())
    }

    /// Returns how the list ended, where it did.
    pub(super) const fn end(&self) -> Option<Result<(), ListEnd>> {
        self.end
    }

    /// Returns the number of apps on the pages so far.
    pub(super) fn listed(&self) -> usize {
        self.slugs.len()
    }

    /// Returns how many apps there are once every page was read: as many as the last one counts,
    /// where that is more than were listed.
    pub(super) fn total(&self) -> u64 {
        let listed = self.listed() as u64;
        self.counted.map_or(listed, |counted| counted.max(listed))
    }

    /// Tells whether an app was on one of the pages.
    pub(super) fn has(&self, slug: &Slug) -> bool {
        self.slugs.contains(slug.raw())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(number: usize) -> Slug {
        Slug::parse(&format!("app-{number}")).unwrap()
    }

    fn page(slugs: impl IntoIterator<Item = usize>, next: Option<usize>) -> AppPage {
        let app = |number| App::unlisted(slug(number));
        AppPage {
            apps: slugs.into_iter().map(app).collect(),
            total: None,
            unusable: 0,
            has_more: next.is_some(),
            next: next.map(slug),
        }
    }

    #[test]
    fn an_app_on_two_pages_counts_once() {
        let mut listing = Listing::default();
        assert_eq!(listing.take(page([0, 1], Some(2))).len(), 2);
        assert_eq!(listing.next().map(Slug::raw), Some("app-2"));
        assert_eq!(listing.take(page([1, 2], None)).len(), 1);
        assert_eq!((listing.listed(), listing.end()), (3, Some(Ok(()))));
        assert_eq!(listing.next(), None);
        assert!(listing.has(&slug(1)) && !listing.has(&slug(3)));
    }

    #[test]
    fn a_list_that_leads_nowhere_ends() {
        for (last, end) in [
            (page([2], Some(1)), ListEnd::Circular),
            (page([0], Some(9)), ListEnd::Circular),
            (page([], Some(9)), ListEnd::Circular),
        ] {
            let mut listing = Listing::default();
            listing.take(page([0], Some(1)));
            listing.take(last);
            assert_eq!(listing.end(), Some(Err(end)));
            assert_eq!(listing.next(), None);
        }
        let mut listing = Listing::default();
        let mut cut = page([0], None);
        cut.has_more = true;
        listing.take(cut);
        assert_eq!(listing.end(), Some(Err(ListEnd::Endless)));
    }

    #[test]
    fn an_endless_list_ends() {
        let mut listing = Listing::default();
        for number in 0.. {
            listing.take(page([number], Some(number + 1)));
            if listing.next().is_none() {
                break;
            }
        }
        assert_eq!(listing.pages, MOST_PAGES);
        assert_eq!(listing.end(), Some(Err(ListEnd::Endless)));
    }
}

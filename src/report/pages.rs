//! The pages of the list of apps: where the next one begins, and which apps are new.
//!
//! Invariant: ends whatever comes, and nothing is asked here.

use crate::app::{App, Slug};
use crate::check::{Finding, ListEnd};
use crate::text::Untrusted;
use crate::wire::AppPage;
use std::collections::HashSet;

/// The maximum number of pages that are read, of the 50 apps that Bitrise puts on one.
const MAX_PAGES: usize = 2_000;

/// The maximum number of apps that are listed, however many stand on a page.
const MAX_APPS: usize = 40_000;

/// The maximum number of apps that are kept only to be named in the report.
const MAX_SAMPLE: usize = 50;

/// The maximum size of all that is listed, in bytes: three times what as many ordinary apps take.
const MAX_BYTES: usize = 6 * 1024 * 1024;

/// How far the list was read.
#[derive(Debug, Default)]
pub(super) struct Pages {
    slugs: HashSet<Slug>,
    bytes: usize,
    read: usize,
    /// The first apps of the list.
    pub(super) sample: Vec<App>,
    /// Whether the list's first item is the first of these; nothing before it was read.
    pub(super) begins_with_app: Option<bool>,
    /// How many apps there are, as the page says that counts most.
    counted: Option<u64>,
    /// How many items had no usable slug, so that the list does not name all apps.
    unusable: usize,
    /// Whether a page promises more and does not say where.
    is_cut: bool,
    next: Option<Slug>,
    /// Where pages began so far, to find a list that goes round in circles.
    anchors: HashSet<Slug>,
    /// How the list ended, if it did.
    pub(super) end: Option<Result<(), ListEnd>>,
}

impl Pages {
    /// Takes one page, and returns its apps that were on no page before.
    pub(super) fn take(&mut self, page: AppPage) -> Vec<App> {
        self.read += 1;
        self.counted = self.counted.max(page.counted);
        self.unusable += page.unusable;
        let mut apps = page.apps;
        self.begins_with_app.get_or_insert(page.has_first);
        self.is_cut |= page.has_more && page.next.is_none();
        apps.retain(|app| self.slugs.insert(app.slug.clone()));
        for app in &apps {
            let texts = [&app.title, &app.workspace, &app.workspace_slug];
            let texts = texts.into_iter().flatten().map(Untrusted::raw);
            self.bytes += app.slug.raw().len() + texts.map(str::len).sum::<usize>();
        }
        let is_room = MAX_SAMPLE - self.sample.len();
        self.sample.extend(apps.iter().take(is_room).cloned());
        let is_full =
            self.read >= MAX_PAGES || self.listed() >= MAX_APPS || self.bytes >= MAX_BYTES;
        self.next = page.next;
        self.end = match &self.next {
            None if self.is_cut
                || self.unusable > 0
                || self.counted > Some(self.listed() as u64) =>
            {
                Some(Err(ListEnd::NotWhole))
            }
            None => Some(Ok(())),
            // A page that brings nothing new and promises more is the start of a circle, too.
            Some(_) if apps.is_empty() => Some(Err(ListEnd::Circular)),
            Some(next) if !self.anchors.insert(next.clone()) => Some(Err(ListEnd::Circular)),
            Some(_) if is_full => Some(Err(ListEnd::Endless)),
            Some(_) => None,
        };
        apps
    }

    /// Returns where the next page begins, if there is one.
    pub(super) fn next(&self) -> Option<&Slug> {
        self.next.as_ref().filter(|_| self.end.is_none())
    }

    /// Returns the app that the list begins with, if its first item can be read as one: DX looks at that
    /// one when a connection is added.
    pub(super) fn first(&self) -> Option<&Slug> {
        let first = self
            .sample
            .first()
            .filter(|_| self.begins_with_app == Some(true));
        first.map(|app| &app.slug)
    }

    /// Returns the number of apps on the pages so far.
    pub(super) fn listed(&self) -> usize {
        self.slugs.len()
    }

    /// Returns what the list told so far. There are as many apps as a page counts, or as there are once
    /// every page was read. A counter below what was listed is one that nobody keeps.
    pub(super) fn finding(&self) -> Finding {
        let items = (self.listed() + self.unusable) as u64;
        let is_last = self.read > 0 && self.next.is_none() && !self.is_cut;
        let counted = self.counted.filter(|counted| *counted > items);
        Finding::Apps {
            total: counted.or(is_last.then_some(items)),
            listed: self.listed(),
            end: self.end.and_then(Result::err),
        }
    }

    /// Tells whether the list holds an app; nothing if it was not on the pages that were read and
    /// these are not the whole list: more of them, an item without a slug, a larger count.
    pub(super) fn has(&self, slug: &Slug) -> Option<bool> {
        let is_whole = self.end == Some(Ok(()));
        if self.slugs.contains(slug) {
            Some(true)
        } else {
            is_whole.then_some(false)
        }
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
            has_first: true,
            counted: None,
            unusable: 0,
            has_more: next.is_some(),
            next: next.map(slug),
        }
    }

    #[test]
    fn an_app_on_two_pages_counts_once() {
        let mut pages = Pages::default();
        assert_eq!(pages.take(page([0, 1], Some(2))).len(), 2);
        assert_eq!(pages.next().map(Slug::raw), Some("app-2"));
        assert_eq!(pages.take(page([1, 2], None)).len(), 1);
        assert_eq!((pages.listed(), pages.end), (3, Some(Ok(()))));
        assert_eq!(pages.next(), None);
        let has = |number| pages.has(&slug(number));
        assert_eq!((has(1), has(3)), (Some(true), Some(false)));
    }

    #[test]
    fn a_list_that_leads_nowhere_ends() {
        for (last, end) in [
            (page([2], Some(1)), ListEnd::Circular),
            (page([0], Some(9)), ListEnd::Circular),
            (page([], Some(9)), ListEnd::Circular),
        ] {
            let mut pages = Pages::default();
            pages.take(page([0], Some(1)));
            pages.take(last);
            assert_eq!(pages.end, Some(Err(end)));
            assert_eq!(pages.next(), None);
        }
        let mut pages = Pages::default();
        let mut cut = page([0], None);
        cut.has_more = true;
        pages.take(cut);
        assert_eq!(pages.end, Some(Err(ListEnd::NotWhole)));
    }

    #[test]
    fn an_endless_list_ends() {
        let mut pages = Pages::default();
        for number in 0.. {
            pages.take(page([number], Some(number + 1)));
            if pages.next().is_none() {
                break;
            }
        }
        assert_eq!(pages.read, MAX_PAGES);
        assert_eq!(pages.end, Some(Err(ListEnd::Endless)));
    }

    #[test]
    fn a_list_that_is_not_whole_denies_no_app() {
        let with = |change: fn(&mut AppPage)| {
            let (mut pages, mut page) = (Pages::default(), page([0], None));
            change(&mut page);
            pages.take(page);
            pages.has(&slug(9))
        };
        assert_eq!(with(|_| {}), Some(false));
        assert_eq!(with(|page| page.unusable = 1), None);
        assert_eq!(with(|page| page.counted = Some(2)), None);
        assert_eq!(with(|page| page.next = Some(slug(5))), None);
        assert_eq!(with(|page| page.has_more = true), None);
    }

    #[test]
    fn a_list_of_long_names_ends_at_its_size() {
        let mut pages = Pages::default();
        let mut listed = 0;
        while pages.end.is_none() {
            let mut page = page([listed], Some(listed + 1));
            page.apps[0].title = Some(Untrusted::new("x".repeat(MAX_BYTES / 100)));
            pages.take(page);
            listed += 1;
        }
        assert_eq!(pages.end, Some(Err(ListEnd::Endless)));
        assert!((95..=100).contains(&listed), "{listed}");
    }
}

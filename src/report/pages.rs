//! The pages of the list of apps: where the next one begins, and which apps are new.
//!
//! Invariant: ends whatever comes, and nothing is asked here.

use super::AppList;
use crate::app::{App, Slug};
use crate::check::ListEnd;
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
pub struct Pages {
    /// What was told.
    pub list: AppList,
    slugs: HashSet<Slug>,
    bytes: usize,
    read: usize,
    /// How many items had no usable slug, so that the list does not name all apps.
    unusable: usize,
    /// Where the next page begins, as the last one says; of no account once the list ended.
    pub next: Option<Slug>,
}

impl Pages {
    /// Takes one page, and returns its apps that were on no page before.
    pub fn take(&mut self, page: AppPage) -> Vec<App> {
        let list = &mut self.list;
        self.read += 1;
        self.unusable += page.unusable;
        list.begins_with_app.get_or_insert(page.has_first);
        let mut apps = page.apps;
        apps.retain(|app| self.slugs.insert(app.slug.clone()));
        for app in &apps {
            let texts = [&app.title, &app.workspace, &app.workspace_slug];
            let texts = texts.into_iter().flatten().map(Untrusted::raw);
            self.bytes += app.slug.raw().len() + texts.map(str::len).sum::<usize>();
        }
        let room = MAX_SAMPLE - list.sample.len();
        list.sample.extend(apps.iter().take(room).cloned());
        list.listed = self.slugs.len();
        let is_full = self.read >= MAX_PAGES || list.listed >= MAX_APPS || self.bytes >= MAX_BYTES;
        // It promises more, and does not say where.
        let is_cut = page.has_more && page.next.is_none();
        // There are as many apps as a page counts, or as there are once every page was read. A counter
        // below what was listed is one that nobody keeps.
        let items = (list.listed + self.unusable) as u64;
        let counted = { list.total.max(page.counted) }.filter(|counted| *counted > items);
        let is_last = page.next.is_none() && !is_cut;
        list.total = counted.or(is_last.then_some(items));
        list.end = match &page.next {
            None if is_cut || self.unusable > 0 || counted.is_some() => Some(ListEnd::NotWhole),
            None => Some(ListEnd::Whole),
            // A page that brings nothing new and promises more leads in a circle.
            Some(_) if apps.is_empty() => Some(ListEnd::Circular),
            Some(_) if is_full => Some(ListEnd::Endless),
            Some(_) => None,
        };
        self.next = page.next;
        apps
    }

    /// Tells whether the list holds an app; nothing if it was not on the pages that were read and
    /// these are not the whole list: more of them, an item without a slug, a larger count.
    pub fn has(&self, slug: &Slug) -> Option<bool> {
        let is_listed = self.slugs.contains(slug);
        (is_listed || self.list.end == Some(ListEnd::Whole)).then_some(is_listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(number: usize) -> Slug {
        Slug::try_from(format!("app-{number}")).unwrap()
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
        assert_eq!(pages.next, Some(slug(2)));
        assert_eq!(pages.list.end, None);
        assert_eq!(pages.take(page([1, 2], None)).len(), 1);
        assert_eq!(
            (pages.list.listed, pages.list.end),
            (3, Some(ListEnd::Whole))
        );
        let has = |number| pages.has(&slug(number));
        assert_eq!((has(1), has(3)), (Some(true), Some(false)));
    }

    #[test]
    fn a_list_that_leads_nowhere_ends() {
        for last in [page([0], Some(1)), page([0], Some(9)), page([], Some(9))] {
            let mut pages = Pages::default();
            pages.take(page([0], Some(1)));
            pages.take(last);
            assert_eq!(pages.list.end, Some(ListEnd::Circular));
        }
        let mut pages = Pages::default();
        let mut cut = page([0], None);
        cut.has_more = true;
        pages.take(cut);
        assert_eq!(pages.list.end, Some(ListEnd::NotWhole));
    }

    #[test]
    fn an_endless_list_ends() {
        let mut pages = Pages::default();
        for number in 0.. {
            pages.take(page([number], Some(number + 1)));
            if pages.list.end.is_some() {
                break;
            }
        }
        assert_eq!(pages.read, MAX_PAGES);
        assert_eq!(pages.list.end, Some(ListEnd::Endless));
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
        while pages.list.end.is_none() {
            let mut page = page([listed], Some(listed + 1));
            page.apps[0].title = Some(Untrusted::new("x".repeat(MAX_BYTES / 100)));
            pages.take(page);
            listed += 1;
        }
        assert_eq!(pages.list.end, Some(ListEnd::Endless));
        assert!((95..=100).contains(&listed), "{listed}");
    }
}

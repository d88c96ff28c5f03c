//! What is known after a run, as far as it decides which causes and actions are left.
//!
//! Invariant: every fact may be unknown. The pages of `explain` are made of facts of which none is
//! known, so a sentence has words for that case, too.

use super::catalogue::{Line, named};
use super::{Coverage, Known};
use crate::app::App;
use crate::check::{Check, CheckId, ListEnd};
use crate::exchange::{Exchange, Fault, ProxyResponse, Responder, is_bitrise};
use crate::pasted::{Incomplete, PastedFacts, Secret};
use crate::report::{
    AppList, AppState, BaseUrlSource, EvidenceKind, Report, Selection, Shell, TokenState,
};
use crate::text::Untrusted;
use crate::token::TokenKind;
use crate::verdict::{Reason, Verdict};
use std::time::SystemTime;
use url::Url;

/// What stands in a command in place of a slug that is not known.
pub(super) const SLUG: &str = "YOUR_APP_SLUG";

/// Tells whether a check that was not made belongs to a run of this program, and not to what a text
/// may show.
pub(super) const fn is_of_run(check: &Check) -> bool {
    matches!(check.id, CheckId::TokenFormat | CheckId::PipelinesShow) && check.result.is_none()
}

/// The most apps that a page of the list has.
pub(super) const PAGE: usize = 50;

/// What one run knows; nothing by default.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts<'a> {
    /// The report of the run.
    pub(super) report: Option<&'a Report>,
    /// The check that is spoken of, if one is.
    pub(super) check: Option<&'a Check>,
    /// Why the run did not end as verified.
    pub(super) reason: Option<Reason>,
    /// What is known of the environment.
    pub(super) known: Option<&'a Known>,
    /// What a pasted text shows beyond requests and responses.
    pub(super) pasted: Option<&'a PastedFacts>,
    /// The commands whose output would settle what a pasted text leaves open.
    pub(super) commands: Vec<String>,
    /// The shell that they are for.
    pub(super) shell: Shell,
    /// Whether it is told what was seen, as by a pasted text, which says nothing of variables and options.
    pub(super) is_told: bool,
    /// Whether whoever pasted the text is spoken to, and not of.
    pub(super) is_reply: bool,
    /// Whether all of it came from the sandbox.
    pub(super) is_sandbox: bool,
    /// Its host.
    pub(super) host: Option<String>,
    /// Whether that is Bitrise's own.
    pub(super) is_bitrise: Option<bool>,
    /// Where the base URL came from.
    pub(super) source: Option<BaseUrlSource>,
    /// The proxy on the way, if there is known to be one.
    pub(super) proxy: Option<&'a str>,
    /// The token's kind.
    pub(super) kind: Option<TokenKind>,
    /// What came of the token.
    pub(super) state: Option<TokenState>,
    /// Which apps were to be checked.
    pub(super) selection: Option<Selection>,
    /// The request that decided.
    pub(super) exchange: Option<&'a Exchange>,
    /// The app that decided.
    pub(super) app: Option<&'a App>,
    /// Whether the token's list has that app.
    pub(super) is_listed: Option<bool>,
    /// What was given as `--app` in place of a slug, by the name that a condition has for it, and the
    /// app that has it.
    pub(super) mistaken: Option<(&'static str, &'a App)>,
    /// Whether Bitrise answered 401 below an app and, asked again, still accepted the token.
    pub(super) is_rechecked: Option<bool>,
    /// The apps that Bitrise refused.
    pub(super) refused: Vec<&'a App>,
    /// How many apps ended in which way.
    pub(super) coverage: Coverage,
    /// The app that the list begins with, if that was read.
    pub(super) first: Option<&'a App>,
    /// What became of that one, if it was checked.
    pub(super) first_state: Option<AppState>,
    /// The first apps of the list.
    pub(super) sample: &'a [App],
    /// How many apps were listed before the list could not be read on.
    pub(super) listed_before_cut: Option<usize>,
    /// When the server allows the next request.
    pub(super) retry_at: Option<SystemTime>,
    /// The likeliest cause, if it is known to apply or the only one.
    pub(super) cause: Option<&'a str>,
    /// How many causes are left.
    pub(super) causes_left: usize,
}

impl<'a> Facts<'a> {
    /// Derives the facts of a run.
    pub(super) fn of(report: &'a Report, known: &'a Known) -> Self {
        let decisive = report.decisive();
        let exchange = decisive.and_then(|check| check.exchange.as_ref());
        let base_url = report.target.base_url.as_deref();
        let asked = base_url.or(exchange.map(|exchange| exchange.url.as_str()));
        let pasted = report.pasted.as_ref();
        // Text that was pasted says nothing of its environment and options.
        let is_live = report.evidence == EvidenceKind::Live;
        let wait = report.retry_after().filter(|wait| !wait.is_zero());
        let wait = wait.map(|wait| wait.saturating_add(report.duration.unwrap_or_default()));
        let decided = decisive.and_then(|check| check.app.as_ref());
        let of_app = report.apps.iter().find(|result| match decided {
            Some(app) => app.slug == result.app.slug,
            None => result.reason.is_some() && result.reason == report.reason(),
        });
        let app = match (report.reason(), report.apps.as_slice()) {
            (None, [only]) => Some(&only.app),
            _ => of_app.map(|result| &result.app).or(decided),
        };
        let is_401 = of_app.and_then(|result| result.http_status) == Some(401);
        let is_denied = of_app.is_some_and(|result| result.state == AppState::Denied);
        let denied = { report.apps.iter() }.filter(|result| result.state == AppState::Denied);
        let first = report.apps.iter().find(|result| result.is_first);
        let mut facts = Self {
            report: Some(report),
            reason: report.reason(),
            known: is_live.then_some(known),
            pasted,
            is_told: !is_live,
            shell: pasted
                .and_then(|pasted| pasted.shell)
                .unwrap_or(known.shell),
            is_sandbox: report.target.sandbox.is_some(),
            is_bitrise: asked.map(is_bitrise),
            host: asked.and_then(host_of),
            source: base_url.map(|_| report.target.base_url_source),
            proxy: report.target.proxy.as_deref().filter(|_| is_live),
            kind: report.token.kind,
            state: Some(report.token_state()),
            selection: is_live.then_some(report.options.selection),
            exchange,
            app,
            is_listed: of_app.and_then(|result| result.is_listed),
            is_rechecked: app.map(|_| is_401 && is_denied),
            refused: denied.map(|result| &result.app).collect(),
            first: first.map(|result| &result.app).or(report.list.first()),
            first_state: first.map(|result| result.state),
            coverage: Coverage::of(report),
            sample: &report.list.sample,
            listed_before_cut: { report.list.end }
                .filter(|end| *end != ListEnd::Whole)
                .map(|_| report.list.listed),
            retry_at: wait.and_then(|wait| report.checked_at?.checked_add(wait)),
            ..Self::default()
        };
        if facts.is_listed != Some(true) {
            facts.mistaken = app.and_then(|app| facts.mistake(app));
        }
        facts
    }

    /// Returns what a slug that the list lacks may have been meant to be.
    fn mistake(&self, app: &App) -> Option<(&'static str, &'a App)> {
        let typed = app.slug.raw();
        let is = |text: &Option<Untrusted>| {
            let text = text.as_ref().map(Untrusted::raw);
            text.is_some_and(|text| text.trim().eq_ignore_ascii_case(typed))
        };
        let lower = typed.to_ascii_lowercase();
        let first_page = self.sample.iter().take(PAGE);
        let mut sample = first_page.filter(|app| app.slug.raw() != typed);
        // One character was left out, added, changed or swapped with its neighbour. Short texts are all
        // near each other.
        let near = sample.clone().find(|app| {
            let slug = app.slug.raw().to_ascii_lowercase();
            slug.len().min(lower.len()) >= 8 && strsim::osa_distance(&slug, &lower) <= 1
        });
        let exact = sample.find_map(|app| match app {
            _ if app.slug.raw().eq_ignore_ascii_case(typed) => Some(("slug_in_another_case", app)),
            _ if is(&app.title) => Some(("title", app)),
            _ if is(&app.workspace_slug) || is(&app.workspace) => Some(("workspace", app)),
            _ => None,
        });
        exact.or(near.map(|app| ("slug_with_a_typo", app)))
    }

    /// Returns the list of apps, if that was read and is spoken of.
    pub(super) fn list(&self) -> Option<&'a AppList> {
        let is_list = self.check?.id == CheckId::AppsList;
        Some(&self.report?.list).filter(|list| is_list && list.begins_with_app.is_some())
    }

    /// Returns who answered the request of the check that is spoken of, where it is worth knowing.
    pub(super) fn foreign_responder(&self) -> Option<&'a Responder> {
        let response = self.exchange?.response()?;
        let has_said = response.status == Some(200) && response.message().is_some();
        let is_named = response.responder.title.is_some() || !response.responder.headers.is_empty();
        let is_worth_it = matches!(
            self.reason?,
            Reason::Intercepted
                | Reason::WrongBaseUrl
                | Reason::Redirected
                | Reason::ServerError
                | Reason::UnexpectedResponse
                | Reason::UnexpectedStatus
                | Reason::AppsForbidden
        );
        (is_worth_it && !has_said && is_named).then_some(&response.responder)
    }

    /// Returns the fault that decided.
    pub(super) fn fault(&self) -> Option<&'a Fault> {
        self.exchange?.fault()
    }

    /// Returns what the proxy responded, if it did.
    pub(super) fn proxy_response(&self) -> Option<&'a ProxyResponse> {
        self.fault()?.proxy.as_deref()
    }

    /// Tells whether the list of apps says something of the deciding app: not if a request decided
    /// and the app is not known. Nothing is known without a request.
    pub(super) fn of_app(&self, is: impl Fn(&App) -> bool) -> Option<bool> {
        match self.app {
            Some(app) => Some(is(app)),
            None => self.exchange.map(|_| false),
        }
    }

    /// Tells whether the one app that was refused is disabled on Bitrise, which explains a 404.
    pub(super) fn is_disabled(&self) -> Option<bool> {
        let status = self.exchange.and_then(Exchange::status);
        let is_404 = status.is_none_or(|status| status == 404);
        let is_one = self.refused.len() <= 1;
        self.of_app(|app| app.is_disabled && is_404 && is_one)
    }

    /// Returns what is known of the CI build that runs the program, or of any, if there is none.
    pub(super) fn ci(&self) -> Option<&'static Line> {
        let ci = self.known.and_then(|known| known.ci);
        let any = || named("a CI system").all("build").last();
        ci.map(|ci| ci.build).or_else(any)
    }

    /// Returns the workspaces of the apps in question that have API tokens of their own: of the refused
    /// ones, or else of all that were listed.
    pub(super) fn managed(&self) -> Vec<&'a Untrusted> {
        // A person's account has none; and of an app whose workspace is not known, nothing is known.
        let managed = |apps: &[&'a App]| match workspaces_of(apps.iter().copied()) {
            all if all.is_empty() => all,
            _ => workspaces_of(apps.iter().copied().filter(|app| !app.is_owned_by_user)),
        };
        match managed(&self.refused) {
            refused if refused.is_empty() => managed(&Vec::from_iter(self.sample)),
            refused => refused,
        }
    }

    /// Returns why the text does not decide, if that is what decided.
    pub(super) fn incomplete(&self) -> Option<Incomplete> {
        let is_reason = self.reason == Some(Reason::EvidenceIncomplete);
        self.pasted?.incomplete.filter(|_| is_reason)
    }

    /// Returns the secrets that stand in the text.
    pub(super) fn secrets(&self) -> &'a [Secret] {
        self.pasted.map_or(&[], |pasted| &pasted.secrets)
    }

    /// Returns what the statuses that sentences tell, or else those that are shown, mean if Bitrise answered
    /// so.
    pub(super) fn told(&self) -> Option<Verdict> {
        let pasted = self.pasted?;
        let shown = { pasted.found.iter() }.filter_map(|(step, one)| Some((*step, one.status()?)));
        let told: Vec<_> = match &pasted.told {
            told if told.is_empty() => shown.collect(),
            told => told.clone(),
        };
        if !told.is_empty() && told.iter().all(|(_, status)| *status == 200) {
            return Some(Verdict::Verified);
        }
        let verdict = |(step, status)| match (step, status) {
            (Some(CheckId::AppsList | CheckId::AppsRecheck) | None, 401) => {
                Some(Verdict::InvalidCredentials)
            }
            (Some(CheckId::AppsList | CheckId::PipelinesList) | None, 403)
            | (Some(CheckId::PipelinesList), 404) => Some(Verdict::InvalidPermissions),
            _ => None,
        };
        let verdicts = told.into_iter().filter_map(verdict);
        verdicts.max_by_key(|verdict| verdict.rank())
    }

    /// Returns a fact of a run's options and environment; pasted text has neither.
    pub(super) fn if_live(&self, is: Option<bool>) -> Option<bool> {
        if self.is_told { Some(false) } else { is }
    }
}

/// Returns the workspaces and accounts that apps belong to, each once and in the apps' order;
/// nothing if one of them is not known.
pub(super) fn workspaces_of<'a>(apps: impl IntoIterator<Item = &'a App>) -> Vec<&'a Untrusted> {
    let mut names = Vec::new();
    for app in apps {
        match &app.workspace {
            None => return Vec::new(),
            Some(name) if names.contains(&name) => {}
            Some(name) => names.push(name),
        }
    }
    names
}

/// Returns the host of an address, as it is shown.
pub(super) fn host_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let port = url.port().map(|port| format!(":{port}"));
    Some(format!("{}{}", url.host_str()?, port.unwrap_or_default()))
}

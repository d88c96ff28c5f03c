//! A Bitrise with as many apps as a test wants, on connections that stay open.

use super::server::{Act, Server};

/// What a request asks for; apps are numbered from 0.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Asked {
    /// The page of the list that begins with this app.
    Page(usize),
    /// The runs of this app.
    Runs(usize),
    /// One pipeline run of this app.
    Run(usize),
    /// Anything else.
    Other,
}

impl Asked {
    fn read(target: &str) -> Self {
        let number = |slug: &str| slug.strip_prefix("app-")?.parse().ok();
        let Some(path) = target.strip_prefix("/v0.1/apps") else {
            return Self::Other;
        };
        let parts: Vec<&str> = path.split(['/', '?', '&']).collect();
        let (slug, asked): (_, fn(usize) -> Self) = match parts.as_slice() {
            ["", "limit=50"] => return Self::Page(0),
            ["", "limit=50", next] => (next.trim_start_matches("next="), Self::Page),
            ["", slug, "pipelines", "limit=1" | "limit=10"] => (*slug, Self::Runs),
            ["", slug, "pipelines", "run"] => (*slug, Self::Run),
            _ => return Self::Other,
        };
        number(slug).map_or(Self::Other, asked)
    }
}

/// A complete answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Header lines, each with its line break.
    pub(crate) headers: &'static str,
    pub(crate) body: String,
    /// Where the answer breaks off: behind so many bytes, and whether by a reset.
    pub(crate) torn: Option<(usize, bool)>,
}

impl Answer {
    /// An answer without a word.
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            headers: "",
            body: format!(r#"{{"message":"{status}"}}"#),
            torn: None,
        }
    }

    /// A complete answer with this body.
    pub(crate) fn ok(body: impl Into<String>) -> Self {
        Self {
            body: body.into(),
            ..Self::status(200)
        }
    }

    /// The same with a count of all apps, on a page.
    pub(crate) fn counting(mut self, count: usize) -> Self {
        let paging = format!(r#""paging":{{"total_item_count":{count},"#);
        self.body = self
            .body
            .replace(r#""paging":{"#, &paging)
            .replace(",}", "}");
        self
    }

    /// The same with an app that is disabled, on a page.
    pub(crate) fn disabling(mut self, app: usize) -> Self {
        let slug = format!(r#""slug":"app-{app}""#);
        assert!(self.body.contains(&slug));
        self.body = self
            .body
            .replace(&slug, &format!(r#"{slug},"is_disabled":true"#));
        self
    }

    /// A page of the list: these apps, and where the next one begins.
    pub(crate) fn page(apps: impl IntoIterator<Item = usize>, next: Option<usize>) -> Self {
        let item = |n: usize| {
            let workspace = n % 3;
            format!(
                r#"{{"slug":"app-{n}","title":"App number {n}","owner":{{"name":"Team {workspace}"}}}}"#
            )
        };
        let items: Vec<String> = apps.into_iter().map(item).collect();
        let next = next.map_or_else(String::new, |n| format!(r#""next":"app-{n}""#));
        Self::ok(format!(
            r#"{{"data":[{}],"paging":{{{next}}}}}"#,
            items.join(",")
        ))
    }

    /// What a Bitrise with so many apps, all of them readable, answers.
    pub(crate) fn fine(asked: Asked, apps: usize) -> Self {
        match asked {
            Asked::Page(first) => {
                let end = apps.min(first + 50);
                Self::page(first..end, (end < apps).then_some(end))
            }
            Asked::Runs(_) => Self::ok(r#"{"data":[{"slug":"run","is_pipeline":true}]}"#),
            Asked::Run(_) => Self::ok(r#"{"id":"run"}"#),
            Asked::Other => Self::status(404),
        }
    }
}

/// The server, on a port of its own; it ends with the value.
pub(crate) struct Bitrise(Server);

impl Bitrise {
    /// Starts a server; `act` gets what is asked, and the number of requests before it.
    pub(crate) fn start(act: impl Fn(Asked, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self(Server::start(move |request, number| {
            let answer = act(Asked::read(&request.target), number);
            let head = format!("HTTP/1.1 {} X\r\n{}", answer.status, answer.headers);
            let length = answer.body.len();
            let whole = format!("{head}Content-Length: {length}\r\n\r\n{}", answer.body);
            let mut bytes = whole.into_bytes();
            let Some((end, by_reset)) = answer.torn else {
                return Act::SendAndKeep(bytes);
            };
            bytes.truncate(end);
            let act = if by_reset {
                Act::SendAndReset
            } else {
                Act::Send
            };
            act(bytes)
        }))
    }

    /// Starts a server with so many apps, which answers some requests with a status alone.
    pub(crate) fn refusing(
        apps: usize,
        status: u16,
        is_refused: impl Fn(Asked) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::start(move |asked, _| {
            if is_refused(asked) {
                Answer::status(status)
            } else {
                Answer::fine(asked, apps)
            }
        })
    }

    /// Starts a server with so many apps, all of them readable.
    pub(crate) fn with(apps: usize) -> Self {
        Self::start(move |asked, _| Answer::fine(asked, apps))
    }

    pub(crate) fn base_url(&self) -> String {
        self.0.base_url()
    }

    /// Returns what was asked so far, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let requests = self.0.requests();
        let asked = requests.iter().map(|request| Asked::read(&request.target));
        asked.collect()
    }

    /// Returns the number of requests so far.
    pub(crate) fn count(&self) -> usize {
        self.0.requests().len()
    }
}

//! The client for DX's three endpoints.
//!
//! Invariant: this is the only module that names the HTTP and TLS libraries. What the server
//! says is never an error here: every call ends in an [`Exchange`].

mod body;
mod certificate;
mod retry;
mod roots;
mod throttle;
mod tls;
mod transport;

pub use retry::RetryPolicy;
pub use roots::Roots;

use crate::app::Slug;
use crate::base_url::BaseUrl;
use crate::exchange::{Exchange, Fault, FaultKind, Response};
use crate::plan::NotRun;
use crate::proxy::{ProxyUrl, Route, UNRESERVED};
use crate::redact::Redactor;
use crate::responder;
use crate::text::Clean;
use crate::token::Token;
use hyper_util::client::proxy::matcher::Matcher;
use percent_encoding::utf8_percent_encode;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect;
use std::cell::RefCell;
use std::time::{Duration, SystemTime};
use throttle::{Admission, Closing, Throttle};
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use transport::{Lookups, Resolver, Way};

/// What the client calls itself: the program's name and version, and where to read about it.
const USER_AGENT: &str = concat!(
    env!("CARGO_PKG_NAME"),
    "/",
    env!("CARGO_PKG_VERSION"),
    " (+",
    env!("CARGO_PKG_HOMEPAGE"),
    ")"
);

/// The largest page of apps that Bitrise gives (spec: `app-list`, `limit`).
const APPS_PER_PAGE: u8 = 50;

/// The part of the time for one attempt that may go into the connection; what is left tells a
/// server that is out of reach from one that doesn't respond.
const CONNECT_SHARE: f64 = 0.9;

/// The most bytes of a response's headers over HTTP/2. Over HTTP/1.1 the library's own limits are
/// kept, 100 headers and some 400 KiB: a larger number would cost an allocation for each head, and
/// a flood of interim responses has many.
const HEADERS_LIMIT: u32 = 64 * 1024;

/// The maximum number of bytes of one response that wait unread over HTTP/2.
const STREAM_WINDOW: u32 = 128 * 1024;

/// The maximum number of bytes of all responses that wait unread over HTTP/2.
const CONNECTION_WINDOW: u32 = 10 * 1024 * 1024;

/// How often one request may get a 429 while others get their responses: far more often than one
/// that only has to wait for its turn.
const MOST_TURNS: u32 = 50;

/// What a [`Client`] needs to know.
pub struct Settings {
    /// The address of the API.
    pub base_url: BaseUrl,
    /// The token.
    pub token: Token,
    /// The most time that one attempt may take.
    pub timeout: Duration,
    /// The most time that everything together may take, from [`Client::new`] on.
    pub max_time: Duration,
    /// How attempts are repeated.
    pub retry: RetryPolicy,
    /// The way to the server; plain `http`, which is for this machine alone, never has a proxy.
    pub route: Route,
    /// The certificates that are trusted.
    pub roots: Roots,
    /// Is told of each pause before another attempt.
    pub on_pause: Box<dyn Fn(&Pause)>,
}

/// A pause before a retry.
#[derive(Clone, Debug)]
pub struct Pause {
    /// How many attempts were made so far.
    pub made: u32,
    /// How many there will be at most.
    pub most: u32,
    /// How long the pause is.
    pub pause: Duration,
    /// What the last attempt ended with: its status, or why there was no response.
    pub after: Result<Option<u16>, Fault>,
}

/// Sends the requests that DX sends, with the token in `Authorization` and nowhere else.
pub struct Client {
    /// The proxy that requests go through, without its user and password.
    pub proxy: Option<String>,
    http: reqwest::Client,
    settings: Settings,
    redactor: Redactor,
    /// Removes what [`Self::redactor`] does, and a proxy's user and password also if they are short:
    /// from what proxies say, which is all but the API's own JSON.
    redactor_of_words: Redactor,
    way: Way,
    deadline: Instant,
    throttle: RefCell<Throttle>,
    /// Wakes those that wait for another request to end.
    freed: Notify,
}

/// A request's place among those in flight.
struct Place<'a> {
    client: &'a Client,
    /// How often the gate had been closed when the request was let go.
    closings: u32,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.client.throttle.borrow_mut().in_flight -= 1;
        self.client.freed.notify_waiters();
    }
}

impl Client {
    /// Makes a client; the time for the whole run starts now.
    ///
    /// # Errors
    /// Returns so where the certificate file or the environment's proxy settings
    /// can't be used.
    pub fn new(settings: Settings) -> Result<Self, NotRun> {
        let unusable = |error: reqwest::Error| NotRun::machine(error.without_url());
        let deadline = Instant::now() + settings.max_time;
        let base = &settings.base_url.0;
        let encrypted = base.scheme() == "https";
        let lookups = Lookups::default();
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        // A parsed token is printable ASCII, which is what a header may hold.
        if let Ok(mut value) = HeaderValue::from_str(settings.token.expose()) {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(headers)
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(settings.timeout.mul_f64(CONNECT_SHARE))
            .http2_max_header_list_size(HEADERS_LIMIT)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .dns_resolver(Resolver {
                loopback_only: !encrypted,
                lookups: lookups.clone(),
            })
            .tls_backend_preconfigured(tls::client_config(encrypted, &settings.roots, deadline)?);
        let proxy = match &settings.route {
            // Plain http is for this machine alone; a proxy would see the token in clear.
            _ if !encrypted => None,
            Route::Direct => None,
            // macOS and Windows have settings.
            Route::System => {
                let uri = base.as_str().parse();
                let found = uri.map_or(None, |uri| Matcher::from_system().intercept(&uri));
                found.and_then(|found| ProxyUrl::parse(&found.uri().to_string()).ok())
            }
            Route::Proxy(proxy) => Some(proxy.clone()),
        };
        // The library reads no settings of its own.
        let mut builder = builder.no_proxy();
        if let Some(proxy) = &proxy {
            let mut way = reqwest::Proxy::all(proxy.to_string()).map_err(unusable)?;
            if let Some((user, password)) = &proxy.login {
                let encoded = |part| utf8_percent_encode(part, UNRESERVED).to_string();
                way = way.basic_auth(&encoded(user), &encoded(password));
            }
            builder = builder.proxy(way);
        }
        let http = builder.build().map_err(unusable)?;
        let login = proxy.as_ref().and_then(|proxy| proxy.login.clone());
        let secrets = login.map(|(user, password)| [format!("{user}:{password}"), user, password]);
        let secrets = || secrets.iter().flatten().map(String::as_str);
        let redactor = || settings.token.redactor().with(secrets(), false);
        let redactor_of_words = redactor().with(secrets(), true);
        let host = base.host_str().unwrap_or_default().to_owned();
        let port = base.port_or_known_default().unwrap_or_default();
        Ok(Self {
            proxy: proxy.as_ref().map(ToString::to_string),
            http,
            redactor: redactor(),
            redactor_of_words,
            way: Way {
                server: (host, port),
                proxy,
                lookups,
            },
            settings,
            deadline,
            throttle: RefCell::default(),
            freed: Notify::new(),
        })
    }

    /// Tells whether the server's limit of requests leaves no hope for this run: it answers
    /// nothing but 429, or asks for a longer wait than `max_time` has.
    pub fn has_given_up(&self) -> bool {
        self.throttle.borrow().has_given_up
    }

    /// Asks for the first page of apps, or for the one that starts with the app `next`, as the page
    /// before it says (spec: `app-list`).
    pub async fn apps(&self, next: Option<&Slug>) -> Exchange {
        let mut query = vec![("limit", APPS_PER_PAGE.to_string())];
        query.extend(next.map(|next| ("next", next.raw().to_owned())));
        self.get(&["apps"], &query).await
    }

    /// Asks for an app's latest runs (spec: `pipeline-list`).
    pub async fn pipelines(&self, app: &Slug, most: u8) -> Exchange {
        let path = ["apps", app.raw(), "pipelines"];
        self.get(&path, &[("limit", most.to_string())]).await
    }

    /// Asks for one pipeline run (spec: `pipeline-show`).
    pub async fn pipeline(&self, app: &Slug, pipeline_id: &Slug) -> Exchange {
        let path = ["apps", app.raw(), "pipelines", pipeline_id.raw()];
        self.get(&path, &[]).await
    }

    /// Sends one request, again if a retry may help, until there is a response or time is over.
    async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Exchange {
        let url = address(&self.settings.base_url, path, query);
        let mut place = self.place().await;
        let started = Instant::now();
        let (mut failed, mut turns) = (0, 0);
        let last = loop {
            if self.left().is_zero() {
                break Exchange::new(&url, Err(FaultKind::MaxTime.into()));
            }
            let attempt = self.attempt(&url).await;
            let (retry, left, asked) = (&self.settings.retry, self.left(), attempt.retry_after);
            let pause = |made| retry.pause(made, asked, left, retry::jitter());
            let tell = |made, pause| {
                let after = attempt.outcome.as_ref().map(|response| response.status);
                (self.settings.on_pause)(&Pause {
                    made,
                    most: retry.retries.saturating_add(1),
                    pause,
                    after: after.map_err(Fault::clone),
                });
            };
            if attempt.response().is_some_and(Response::is_rate_limit) {
                // It is one for all requests.
                turns += 1;
                let (throttle, closings, now) = (&self.throttle, place.closings, Instant::now());
                let pause = |fruitless| pause(failed + fruitless);
                let closing = throttle.borrow_mut().limited(closings, asked, now, pause);
                match closing {
                    Closing::GiveUp => break attempt,
                    Closing::Closed(_) | Closing::Known if turns > MOST_TURNS => break attempt,
                    Closing::Known => {}
                    Closing::Closed(pause) => tell(failed + throttle.borrow().fruitless, pause),
                }
                drop(place);
                place = self.place().await;
                continue;
            }
            failed += 1;
            let is_transient = match &attempt.outcome {
                Ok(response) => response.is_transient(),
                Err(fault) => fault.kind.is_transient(),
            };
            if !is_transient && attempt.outcome.is_ok() {
                self.throttle.borrow_mut().answered();
            }
            let Some(pause) = pause(failed).filter(|_| is_transient) else {
                break attempt;
            };
            tell(failed, pause);
            sleep(pause).await;
        };
        Exchange {
            attempts: failed + turns,
            elapsed: started.elapsed(),
            ..last
        }
    }

    /// Waits until another request may be in flight.
    async fn place(&self) -> Place<'_> {
        loop {
            let freed = self.freed.notified();
            let admission = self.throttle.borrow_mut().admit(Instant::now());
            match admission {
                Admission::Go(closings) => {
                    return Place {
                        client: self,
                        closings,
                    };
                }
                Admission::At(opens) => sleep_until(opens).await,
                Admission::Full => freed.await,
            }
        }
    }

    /// Makes one attempt.
    async fn attempt(&self, url: &str) -> Exchange {
        let until = self.deadline.min(Instant::now() + self.settings.timeout);
        let clean: Clean<'_> = &|text| self.redactor_of_words.clean(text);
        let late = || match self.left() {
            Duration::ZERO => Fault::from(FaultKind::MaxTime),
            _ => FaultKind::Timeout.into(),
        };
        // Lets the connection notice what it got without having asked: the HTTP library gives up a
        // connection with such bytes on it, so that they are not taken for this request's response.
        yield_now().await;
        let mut received = match timeout_at(until, self.http.get(url).send()).await {
            Ok(Ok(received)) => received,
            failed => {
                let fault = match failed {
                    Ok(Err(error)) => {
                        let fault = self.way.fault(&error, clean);
                        self.way.ask(fault, until, clean).await
                    }
                    Ok(Ok(_)) | Err(_) => late(),
                };
                return Exchange {
                    remote_address: self.way.address(),
                    ..Exchange::new(url, Err(fault))
                };
            }
        };
        let retry_after = retry::retry_after(received.headers(), SystemTime::now());
        let remote_address = received.remote_addr();
        // A body that comes too late doesn't undo the status that came before it.
        let fault = |error: &reqwest::Error| self.way.fault(error, clean);
        let (body, page) = body::read(&mut received, &self.redactor, until, late, fault).await;
        let headers = received.headers().iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
            .collect();
        let status = received.status().as_u16();
        // The library writes “HTTP/2.0”.
        let version = format!("{:?}", received.version()).replace("/2.0", "/2");
        let response = responder::response(url, Some(status), &headers, (body, &page), clean);
        let response = Response {
            http_version: Some(version.into()),
            ..response
        };
        Exchange {
            retry_after,
            remote_address,
            ..Exchange::new(url, Ok(response))
        }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Builds an address below the base URL; every part of the path becomes one segment.
fn address(base_url: &BaseUrl, path: &[&str], query: &[(&str, String)]) -> String {
    let mut url = base_url.to_string();
    for segment in path {
        url.push('/');
        url.extend(utf8_percent_encode(segment, UNRESERVED));
    }
    for (number, (name, value)) in query.iter().enumerate() {
        url.push(if number == 0 { '?' } else { '&' });
        url.push_str(name);
        url.push('=');
        url.extend(utf8_percent_encode(value, UNRESERVED));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::Url;

    #[test]
    fn a_slug_is_one_segment_whatever_it_holds() {
        let base_url = BaseUrl::parse("https://h/v0.1").unwrap();
        let url = address(
            &base_url,
            &["apps", "a/../b?c#d%2e\n é", "pipelines"],
            &[("limit", "1".to_owned()), ("next", "a&b=c".to_owned())],
        );
        assert_eq!(
            url,
            "https://h/v0.1/apps/a%2F..%2Fb%3Fc%23d%252e%0A%20%C3%A9/pipelines?limit=1&next=a%26b%3Dc"
        );
        assert_eq!(url.parse::<Url>().unwrap().as_str(), url);
    }

    repeatable! {
        #[test]
        fn any_slug_arrives_as_it_is(slug in ".{1,80}") {
            prop_assume!(Slug::try_from(slug.clone()).is_ok());
            let base_url = BaseUrl::parse("https://h/v0.1").unwrap();
            let url = address(
                &base_url,
                &["apps", &slug, "pipelines"],
                &[("limit", "1".to_owned())],
            );
            let url: Url = url.parse().unwrap();
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            prop_assert_eq!(segments.len(), 4);
            let decoded = percent_encoding::percent_decode_str(segments[2]);
            prop_assert_eq!(decoded.decode_utf8().unwrap(), slug);
            prop_assert_eq!(url.query(), Some("limit=1"));
            prop_assert_eq!(url.host_str(), Some("h"));
        }
    }
}

//! What a response says of itself apart from its data: who sent it, and why it refuses.
//!
//! Invariant: no HTTP library is named here, since headers are read from pasted texts, too.

use crate::base_url;
use crate::exchange::{Body, Header, Responder, Response};
use crate::text::{Clean, Untrusted, decode_entities};
use std::borrow::Cow;
use url::Url;

/// The headers of a response, in its order: names in any case, and values.
pub type Headers<'a> = [(&'a str, Cow<'a, str>)];

/// The maximum number of bytes of a page that are looked through for its title.
pub const TITLE_WITHIN: usize = 8 * 1024;

/// The maximum number of headers that are kept.
const MAX_HEADERS: usize = 8;

/// The headers that name who responded, most telling first: proxies, firewalls and networks that
/// deliver content put them there. A star stands for any ending.
const HEADERS: &str = include_str!("responder.txt");

/// Makes a response of its status if that is known, its headers and its body. `url` is the address
/// that was asked for, and `page` the start of the body if that is markup.
pub fn response(
    url: &str,
    status: Option<u16>,
    headers: &Headers<'_>,
    (body, page): (Body, &[u8]),
    clean: Clean<'_>,
) -> Response {
    let untrusted = |text: &str| Untrusted::cleaned(text, clean);
    let request_id = { values(headers, "x-request-id").next() }.filter(|id| !id.is_empty());
    // The rest of the address may hold secrets.
    let target = || {
        let location = values(headers, "location").next()?;
        base_url::url(location, Some(&Url::parse(url).ok()?))
    };
    let is_list = matches!(&body, Body::Json(document) if document.list.is_some());
    let mut response = Response {
        request_id: request_id.map(untrusted),
        location_host: target().and_then(|target| target.host_str().map(untrusted)),
        ..Response::new(status, body)
    };
    if status != Some(200) {
        response.has_rate_limit_headers = has_rate_limit(headers);
        // RFC 6750, section 3.
        let said = pattern!(r#"(?i)error_description\s*=\s*(?:"((?:[^"\\]|\\.)*)|([^", ][^, ]*))"#);
        let words = values(headers, "www-authenticate").find_map(|challenge| {
            let found = said.captures(challenge)?;
            let words = found.get(1).or(found.get(2))?.as_str();
            let words = pattern!(r"\\(.)").replace_all(words, "$1");
            (!words.trim().is_empty()).then_some(words)
        });
        response.challenge = words.as_deref().map(untrusted);
        // Bitrise's API knows no such login: that is a gateway's (IANA, HTTP Authentication Schemes).
        let is_login =
            |scheme: &str| pattern!("(?i)^(?:basic|digest|ntlm|negotiate)$").is_match(scheme);
        response.asks_login = schemes(headers, "www-authenticate").any(is_login);
    }
    if status != Some(200) || !is_list {
        response.responder = responder(headers, page, clean);
    }
    response
}

/// Makes what a response says of who sent it; `page` is the start of its body if that is markup.
pub fn responder(headers: &Headers<'_>, page: &[u8], clean: Clean<'_>) -> Responder {
    let named = HEADERS.lines().filter_map(|wanted| {
        let value = values(headers, wanted).collect::<Vec<_>>().join(", ");
        (!value.trim().is_empty()).then(|| Header {
            name: Untrusted::new(wanted),
            value: Untrusted::cleaned(&value, clean),
        })
    });
    Responder {
        title: title(page).map(|title| Untrusted::cleaned(&title, clean)),
        headers: named.take(MAX_HEADERS).collect(),
    }
}

/// Returns the title of a page, if it stands at its start.
pub fn title(page: &[u8]) -> Option<String> {
    let page = &page[..page.len().min(TITLE_WITHIN)];
    // What is no UTF-8 is most likely an old page of a Western language.
    let characters = page.utf8_chunks().flat_map(|part| {
        let odd = part.invalid().iter().copied().map(char::from);
        part.valid().chars().chain(odd)
    });
    let text: String = characters.collect();
    let title = pattern!(r"(?is)<title[^>]*>(.*?)</title").captures(&text)?;
    let words = decode_entities(&title[1]);
    let words: Vec<_> = words.split_whitespace().collect();
    Some(words.join(" ")).filter(|title| !title.is_empty())
}

/// Tells whether headers say that the limit of requests is reached: `Retry-After`, or a counter of
/// those that remain at 0 (GitHub's `X-RateLimit-Remaining`; draft-ietf-httpapi-ratelimit-headers).
pub fn has_rate_limit(headers: &Headers<'_>) -> bool {
    const REMAINING: &str = "x-ratelimit-remaining x-rate-limit-remaining ratelimit-remaining";
    let mut counters = { REMAINING.split(' ') }.filter_map(|name| values(headers, name).next());
    values(headers, "retry-after").next().is_some() || counters.any(|value| value.trim() == "0")
}

/// Returns the values of the headers whose name is this one, or begins so if it ends in a star.
pub fn values<'a>(headers: &'a Headers<'_>, wanted: &str) -> impl Iterator<Item = &'a str> {
    let start = wanted.trim_end_matches('*');
    let found = headers.iter().filter(move |(name, _)| {
        let part = name.get(..start.len());
        let is_whole = name.len() == wanted.len() || wanted.len() > start.len();
        is_whole && part.is_some_and(|part| part.eq_ignore_ascii_case(start))
    });
    found.map(|(_, value)| value.as_ref())
}

/// Returns what may be kinds of authentication in the headers of a name. A header may hold several
/// challenges, each with parameters between commas.
pub fn schemes<'a>(headers: &'a Headers<'_>, name: &str) -> impl Iterator<Item = &'a str> {
    let parts = values(headers, name).flat_map(|value| value.split(','));
    parts.filter_map(|part| part.split_whitespace().next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::MAX_KEPT;
    use proptest::prelude::*;

    fn headers<'a>(pairs: &[(&'a str, &'a str)]) -> Vec<(&'a str, Cow<'a, str>)> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (*name, (*value).into()))
            .collect()
    }

    #[test]
    fn a_title_is_found_and_decoded() {
        for (page, expected) in [
            (
                "<html><head><title>Guest Wi-Fi</title>",
                Some("Guest Wi-Fi"),
            ),
            (
                "<TITLE lang=en>\n A &amp; B\t&#8211; &#x2014; &x; & </TITLE>",
                Some("A & B – — &x; &"),
            ),
            (
                "<title>&lt;b&gt; &quot;x&quot; it&apos;s&nbsp;it</title>",
                Some("<b> \"x\" it's it"),
            ),
            (
                "<title>&#xd800; &#1114112; &#; &#x;&;</title>",
                Some("&#xd800; &#1114112; &#; &#x;&;"),
            ),
            ("<title> </title>", None),
            ("<title>cut", None),
            ("<title", None),
            ("<h1>none</h1>", None),
        ] {
            assert_eq!(title(page.as_bytes()).as_deref(), expected, "{page}");
        }
        let latin = title(b"<title>Acc\xe8s refus\xe9</title>");
        assert_eq!(latin.as_deref(), Some("Accès refusé"));
        let late = format!("<html>{}<title>x</title>", " ".repeat(TITLE_WITHIN));
        assert_eq!(title(late.as_bytes()), None);
    }

    #[test]
    fn the_headers_that_name_a_box_are_kept_cleaned_and_few() {
        let clean: Clean<'_> = &|text| text.replace("secret", "[token]").into();
        let found = responder(
            &headers(&[
                ("x-squid-error", "ERR_ACCESS_DENIED secret"),
                ("via", "1.1 a"),
                ("via", "1.0 b"),
                ("set-cookie", "s=1"),
                ("x-zscaler-page", "block"),
                ("server", "squid/6.1"),
                ("x-cache", " "),
            ]),
            b"",
            clean,
        );
        let found: Vec<_> = found
            .headers
            .iter()
            .map(|header| (header.name.raw(), header.value.raw()))
            .collect();
        let expected = [
            ("Server", "squid/6.1"),
            ("Via", "1.1 a, 1.0 b"),
            ("X-Squid-Error", "ERR_ACCESS_DENIED [token]"),
            ("X-Zscaler-*", "block"),
        ];
        assert_eq!(found, expected);
        let long = "x".repeat(5000);
        let names = HEADERS.replace('*', "a").to_lowercase();
        let many: Vec<_> = names.lines().map(|name| (name, Cow::from(&long))).collect();
        let found = responder(&many, b"", clean).headers;
        assert_eq!(found.len(), MAX_HEADERS);
        assert!(
            found
                .iter()
                .all(|header| header.value.raw().len() == MAX_KEPT)
        );
    }

    #[test]
    fn a_rate_limit_is_told_by_its_headers() {
        for (name, value, expected) in [
            ("retry-after", "60", true),
            ("x-ratelimit-remaining", "0", true),
            ("ratelimit-remaining", " 0 ", true),
            ("x-ratelimit-remaining", "10", false),
            ("x-ratelimit-limit", "0", false),
        ] {
            assert_eq!(
                has_rate_limit(&headers(&[(name, value)])),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn a_login_of_another_kind_is_told_from_bitrises() {
        for (value, expected) in [
            ("Basic realm=\"Proxy\"", true),
            ("basic", true),
            ("NTLM", true),
            ("Negotiate", true),
            ("Bearer realm=\"x\", Digest nonce=\"y\"", true),
            ("Bearer realm=\"Basic\"", false),
            ("Bearer error=\"invalid_token\"", false),
            ("", false),
        ] {
            let headers = headers(&[("WWW-Authenticate", value)]);
            let empty = (Body::Empty, &[][..]);
            let response = response("", Some(401), &headers, empty, &|text| text.into());
            assert_eq!(response.asks_login, expected, "{value}");
        }
    }

    #[test]
    fn a_challenge_says_why() {
        let said = |value: &str| {
            let headers = headers(&[("www-authenticate", "Basic"), ("www-authenticate", value)]);
            let empty = (Body::Empty, &[][..]);
            let response = response("", Some(401), &headers, empty, &|text| text.into());
            response.challenge.map(|words| words.raw().to_owned())
        };
        let bearer =
            r#"Bearer error="invalid_token", error_description="The \"token\" is, well, old", x=y"#;
        assert_eq!(
            said(bearer).as_deref(),
            Some(r#"The "token" is, well, old"#)
        );
        assert_eq!(
            said("Bearer Error_Description = expired, a=b").as_deref(),
            Some("expired")
        );
        assert_eq!(
            said(r#"Bearer error_description="open"#).as_deref(),
            Some("open")
        );
        for nothing in [
            "Bearer",
            "Bearer error_description",
            "Bearer error_description=\"\"",
        ] {
            assert_eq!(said(nothing), None, "{nothing}");
        }
    }

    repeatable! {
        #[test]
        fn any_page_and_header_are_read(page in any::<Vec<u8>>(), words in "[&#;x0-9a-z<>\"\\\\=]*") {
            let mut whole = b"<title>".to_vec();
            whole.extend_from_slice(words.as_bytes());
            whole.extend_from_slice(&page);
            whole.extend_from_slice(b"</title>");
            let _ = title(&page);
            let _ = title(&whole);
            let headers = [("www-authenticate", format!("error_description={words}").into())];
            let _ = response("", Some(401), &headers, (Body::Empty, &[]), &|text| text.into());
            prop_assert!(decode_entities(&words).len() <= words.len());
        }
    }
}

//! The report as one page for a browser: everything that it needs is in it.
//!
//! Every text is escaped, by the template or by [`marked`]. A content security policy lets the
//! page's own style in, by its hash, and nothing else: no script, no picture, no font, no frame, no
//! request.

use super::sections::{Block, Section, Share, sections, shares};
use super::{Scope, status};
use crate::check::Status;
use crate::diagnosis::{Diagnosis, span};
use crate::text::{Span, Text};
use askama::Template;
use askama::filters::{Escaper as _, Html};

const STYLE: &str = include_str!("report.css");

/// The SHA-256 of [`STYLE`]; a test says what it must be.
const STYLE_HASH: &str = "sha256-l2iqrQIJgnLccl5At/EDHyyl9twZhieX/P5QQWT52fk=";

/// How much is shown.
const SCOPE: Scope = Scope {
    is_full: true,
    max_apps: 500,
    max_workspaces: 200,
};

/// The most rows of a table that is shown without being asked for.
const MAX_UNFOLDED: usize = 12;

#[derive(Template)]
#[template(path = "report.html", config = "src/render/askama.toml")]
struct Page<'a> {
    style: &'static str,
    style_hash: &'static str,
    status: Status,
    diagnosis: &'a Diagnosis,
    facts: Vec<(&'static str, &'a Text)>,
    /// How many apps all shares have together.
    all: u64,
    shares: Vec<Share>,
    sections: Vec<Section>,
    run: Vec<(&'static str, String)>,
    tool: String,
}

/// Renders a diagnosis as one HTML page that needs nothing from elsewhere.
///
/// # Errors
/// Returns the template engine's error; no diagnosis is known to cause one.
pub fn render(diagnosis: &Diagnosis) -> askama::Result<String> {
    let shares = shares(&diagnosis.apps.coverage);
    let (target, source) = (&diagnosis.target, diagnosis.token.source);
    let page = Page {
        style: STYLE,
        style_hash: STYLE_HASH,
        status: status(diagnosis),
        diagnosis,
        facts: super::facts(diagnosis),
        all: shares.iter().map(|share| share.number).sum(),
        shares,
        sections: sections(diagnosis, SCOPE),
        run: super::known([
            ("Options", Some(target.command.clone())),
            ("Base URL", target.base_url.clone()),
            ("Proxy", target.proxy.clone()),
            (
                "Token from",
                source.map(|source| source.as_str().to_owned()),
            ),
            ("Started", Some(super::utc(&diagnosis.checked_at))),
            ("Took", diagnosis.duration_ms.map(span)),
        ]),
        tool: super::tool(&diagnosis.tool),
    };
    page.render()
}

/// Returns a sentence in HTML: escaped, with foreign texts and commands set apart.
fn marked(text: &Text) -> String {
    let mut out = String::new();
    for span in &text.0 {
        let (open, words, close) = match span {
            Span::Own(words) => ("", words.clone(), ""),
            Span::Foreign(text) => ("<bdi>", text.to_string(), "</bdi>"),
            Span::Command(command) => ("<code>", command.clone(), "</code>"),
            Span::Block(command) => (
                "<pre tabindex=\"0\" role=\"region\" aria-label=\"Command\">",
                command.clone(),
                "</pre>",
            ),
        };
        out += open;
        // Writing to a string can't fail.
        let _ = Html.write_escaped_str(&mut out, &words);
        out += close;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn the_policy_lets_the_style_in() {
        let digest = ring::digest::digest(&ring::digest::SHA256, STYLE.as_bytes());
        assert_eq!(STYLE_HASH, format!("sha256-{}", STANDARD.encode(digest)));
    }
}

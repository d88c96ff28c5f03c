//! Readers of the formats that share nothing with the program: they parse what it wrote, and hold
//! it to the rules of the format.

use html5gum::{DefaultEmitter, Token, Tokenizer};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use roxmltree::{Document, Node};
use std::collections::BTreeMap;

/// A test case of a JUnit document.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) class: String,
    /// `failure`, `error`, `skipped`, or nothing where it passed.
    pub(crate) outcome: Option<String>,
    pub(crate) text: String,
}

/// Reads a JUnit document and holds it to the schema of Jenkins' xUnit plugin, the strictest that is
/// in use: which elements stand where, which attributes they may have. And the counts are those of
/// the cases.
pub(crate) fn junit(text: &str) -> Vec<Case> {
    let document = Document::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "testsuites");
    let counts = ["tests", "failures", "errors", "skipped"];
    has(&root, &["name"], &["tests", "failures", "errors", "time"]);
    let suites: Vec<Node<'_, '_>> = elements(&root).collect();
    assert_eq!(suites.len(), 1);
    let suite = suites[0];
    assert_eq!(suite.tag_name().name(), "testsuite");
    let more = [&counts[..], &["time", "timestamp"]].concat();
    has(&suite, &["name", "tests"], &more);
    let timestamp = suite.attribute("timestamp").unwrap();
    let form = timestamp.replace(|c: char| c.is_ascii_digit(), "9");
    assert_eq!(form, "9999-99-99T99:99:99");
    let mut children = elements(&suite);
    let properties = children.next().unwrap();
    assert_eq!(properties.tag_name().name(), "properties");
    for property in elements(&properties) {
        assert_eq!(property.tag_name().name(), "property");
        has(&property, &["name", "value"], &[]);
    }
    let cases: Vec<Case> = children.map(|node| case(&node)).collect();
    let count = |outcome: &str| {
        let same = cases
            .iter()
            .filter(|case| case.outcome.as_deref() == Some(outcome));
        same.count().to_string()
    };
    for node in [root, suite] {
        assert_eq!(node.attribute("tests"), Some(&*cases.len().to_string()));
        assert_eq!(node.attribute("failures"), Some(&*count("failure")));
        assert_eq!(node.attribute("errors"), Some(&*count("error")));
    }
    assert_eq!(suite.attribute("skipped"), Some(&*count("skipped")));
    cases
}

fn case(node: &Node<'_, '_>) -> Case {
    assert_eq!(node.tag_name().name(), "testcase");
    has(node, &["name", "classname"], &["time"]);
    let mut outcome = None;
    for child in elements(node) {
        match child.tag_name().name() {
            "system-out" => has(&child, &[], &[]),
            name @ ("failure" | "error" | "skipped") => {
                assert!(outcome.is_none(), "one outcome a case");
                has(&child, &["message"], &["type"]);
                outcome = Some(name.to_owned());
            }
            other => panic!("{other} in a case"),
        }
    }
    let text: String = node
        .descendants()
        .flat_map(|node| {
            let text = node.is_text().then(|| node.text()).flatten();
            node.attribute("message").into_iter().chain(text)
        })
        .collect();
    Case {
        class: node.attribute("classname").unwrap().to_owned(),
        outcome,
        text,
    }
}

/// Returns the child elements, after it was held that no text stands between them.
fn elements<'a, 'i>(node: &Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    for child in node.children().filter(Node::is_text) {
        assert_eq!(child.text().unwrap().trim(), "");
    }
    node.children().filter(Node::is_element)
}

/// Asserts that a node has these attributes and, besides, at most those.
fn has(node: &Node<'_, '_>, required: &[&str], optional: &[&str]) {
    for name in required {
        assert!(node.has_attribute(*name), "{name} of {node:?}");
    }
    for attribute in node.attributes() {
        let (name, value) = (attribute.name(), attribute.value());
        assert!(
            required.contains(&name) || optional.contains(&name),
            "{name} of {node:?}"
        );
        if matches!(name, "tests" | "failures" | "errors" | "skipped" | "time") {
            assert!(value.parse::<f64>().is_ok_and(|n| n >= 0.0), "{value}");
        }
    }
}

/// An HTML page, as far as the tests ask.
#[derive(Debug, Default)]
pub(crate) struct Html {
    /// All text outside of the style, as a reader sees it.
    pub(crate) text: String,
    /// The headings with their levels.
    pub(crate) headings: Vec<(u32, String)>,
    /// Where the links lead.
    pub(crate) links: Vec<String>,
}

/// Reads a page, and holds that it has nothing active, loads nothing, and is well nested.
pub(crate) fn html(text: &str) -> Html {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let (mut page, mut open) = (Html::default(), Vec::<String>::new());
    let (mut ids, mut references) = (Vec::new(), Vec::new());
    for token in Tokenizer::new_with_emitter(text, emitter) {
        match token.unwrap() {
            Token::Error(error) => panic!("{error:?}: {text}"),
            Token::Comment(_) => panic!("a comment: {text}"),
            Token::Doctype(doctype) => assert_eq!(string(&doctype.name), "html"),
            Token::StartTag(tag) => {
                let name = string(&tag.name);
                let attributes: BTreeMap<String, String> = tag
                    .attributes
                    .iter()
                    .map(|(key, value)| (string(key), string(value)))
                    .collect();
                is_passive(&name, &attributes);
                ids.extend(attributes.get("id").cloned());
                references.extend(attributes.get("aria-labelledby").cloned());
                page.links.extend(attributes.get("href").cloned());
                match name.as_str() {
                    "h1" | "h2" | "h3" => {
                        let level = name[1..].parse().unwrap();
                        page.headings.push((level, String::new()));
                    }
                    "th" => assert!(attributes.contains_key("scope"), "{attributes:?}"),
                    _ => {}
                }
                if !matches!(name.as_str(), "meta" | "br") {
                    open.push(name);
                }
            }
            Token::EndTag(tag) => assert_eq!(open.pop(), Some(string(&tag.name)), "{text}"),
            Token::String(string_token) => {
                let words = string(&string_token);
                let inside = |name: &str| open.iter().any(|open| open == name);
                if inside("style") {
                    assert_eq!(open.last().unwrap(), "style");
                    continue;
                }
                page.text += &words;
                if inside("h1") || inside("h2") || inside("h3") {
                    page.headings.last_mut().unwrap().1 += &words;
                }
            }
        }
    }
    assert_eq!(open, Vec::<String>::new());
    assert!(references.iter().all(|id| ids.contains(id)));
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
    for pair in page.headings.windows(2) {
        assert!(pair[1].0 <= pair[0].0 + 1, "{pair:?}");
    }
    page
}

/// Asserts that an element is one of the page's own, and has nothing that acts or loads.
fn is_passive(name: &str, attributes: &BTreeMap<String, String>) {
    const ELEMENTS: &str = "html head meta title style body header p h1 h2 h3 span strong code bdi \
        br main section ol ul li article dl dt dd pre figure figcaption svg rect details summary \
        table caption thead tbody tr th td a footer";
    assert!(ELEMENTS.split(' ').any(|known| known == name), "<{name}>");
    for (key, value) in attributes {
        let active = key.starts_with("on") || matches!(key.as_str(), "src" | "style" | "srcset");
        assert!(!active, "{key} of <{name}>");
        if key == "href" {
            assert!(name == "a" && value.starts_with("https://"), "{value}");
        }
        if key == "http-equiv" {
            assert_eq!(value, "Content-Security-Policy");
        }
    }
}

fn string(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A Markdown document, as far as the tests ask.
#[derive(Debug, Default)]
pub(crate) struct Markdown {
    /// All words in order, whether code or not.
    pub(crate) text: String,
    /// The texts outside of code.
    pub(crate) prose: String,
    /// The code spans.
    pub(crate) code: Vec<String>,
    pub(crate) links: Vec<String>,
    /// The rows of all tables, cell by cell.
    pub(crate) rows: Vec<Vec<String>>,
}

/// Reads a document as GitHub does, and holds that it has no HTML and no image.
pub(crate) fn markdown(text: &str) -> Markdown {
    let mut found = Markdown::default();
    let (mut in_block, mut in_cell) = (false, false);
    let options = Options::all().difference(Options::ENABLE_SMART_PUNCTUATION);
    for event in Parser::new_ext(text, options) {
        let words = if let Event::Text(words) | Event::Code(words) = &event {
            words.to_string()
        } else {
            String::new()
        };
        match event {
            Event::Html(html) | Event::InlineHtml(html) => panic!("{html} in {text}"),
            Event::InlineMath(math) | Event::DisplayMath(math) => panic!("{math} in {text}"),
            Event::FootnoteReference(name) => panic!("{name} in {text}"),
            Event::TaskListMarker(_) => panic!("a task in {text}"),
            Event::Start(Tag::Image { dest_url, .. }) => panic!("{dest_url} in {text}"),
            Event::Start(Tag::Link { dest_url, .. }) => found.links.push(dest_url.to_string()),
            Event::Start(Tag::CodeBlock(_)) => in_block = true,
            Event::End(TagEnd::CodeBlock) => in_block = false,
            Event::Start(Tag::TableRow | Tag::TableHead) => found.rows.push(Vec::new()),
            Event::Start(Tag::TableCell) => {
                in_cell = true;
                found.rows.last_mut().unwrap().push(String::new());
            }
            Event::End(TagEnd::TableCell) => in_cell = false,
            Event::Code(_) => found.code.push(words.clone()),
            Event::Text(_) if !in_block => found.prose += &words,
            Event::Start(_)
            | Event::End(_)
            | Event::Text(_)
            | Event::SoftBreak
            | Event::HardBreak
            | Event::Rule => {}
        }
        found.text += &words;
        if in_cell {
            *found.rows.last_mut().unwrap().last_mut().unwrap() += &words;
        }
    }
    found
}

/// A workflow command, as GitHub's runner understands it.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: String,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) message: String,
}

/// Reads a log as GitHub's runner does, and holds that each line is one annotation.
pub(crate) fn workflow(text: &str) -> Vec<Command> {
    let lines = text.strip_suffix('\n').unwrap_or(text).split(['\n', '\r']);
    lines.map(command).collect()
}

fn command(line: &str) -> Command {
    let rest = line.strip_prefix("::").unwrap_or_else(|| panic!("{line}"));
    let (head, message) = rest.split_once("::").unwrap();
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let properties = properties.split(',').filter_map(|property| {
        let (key, value) = property.split_once('=')?;
        let value = unescaped(value).replace("%3A", ":").replace("%2C", ",");
        Some((key.trim().to_owned(), value.replace("%25", "%")))
    });
    assert!(matches!(name, "error" | "warning" | "notice"), "{line}");
    // The runner's older form of a command is found anywhere in a line.
    assert!(!line.contains("##["), "{line}");
    Command {
        name: name.to_owned(),
        properties: properties.collect(),
        message: unescaped(message).replace("%25", "%"),
    }
}

fn unescaped(text: &str) -> String {
    text.replace("%0D", "\r").replace("%0A", "\n")
}

//! JSON as it stands in a pasted text: cut, wrapped, printed by Python or by PowerShell.
//!
//! Invariant: linear in the text, and no recursion.

use super::work::looks_at;

/// A JSON document that was found in a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Found {
    /// The document, closed where it was cut.
    pub(super) json: String,
    /// Whether it was complete as it stood.
    pub(super) is_complete: bool,
}

/// The maximum depth that is read; real responses have five levels.
const MAX_DEPTH: usize = 64;

/// Tells whether an object of JSON may start with a text, or one as Python and JavaScript print it.
pub(super) fn may_start(text: &str) -> bool {
    looks_at(text.len());
    let Some(inner) = text.strip_prefix('{') else {
        return false;
    };
    let inner = inner.trim_start();
    let name = inner.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let has_name = name.len() < inner.len() && name.trim_start().starts_with(':');
    inner.is_empty() || inner.starts_with(['"', '\'', '}']) || has_name
}

/// Follows an object over several lines, so that its end can be found.
#[derive(Debug, Default)]
pub(super) struct Balance {
    depth: usize,
    quote: Option<char>,
    is_escaped: bool,
}

impl Balance {
    /// Reads on, and returns where the object ends, if it does in this text.
    pub(super) fn end(&mut self, text: &str) -> Option<usize> {
        for (at, c) in text.char_indices() {
            looks_at(1);
            if self.is_escaped {
                self.is_escaped = false;
                continue;
            }
            match (self.quote, c) {
                (Some(_), '\\') => self.is_escaped = true,
                (Some(quote), c) if c == quote => self.quote = None,
                (None, '"' | '\'') => self.quote = Some(c),
                (None, '{' | '[') => self.depth += 1,
                (None, '}' | ']') => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                (Some(_) | None, _) => {}
            }
        }
        None
    }
}

/// What may come next.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Next {
    Key,
    Colon,
    Value,
    CommaOrEnd,
}

/// Reads an object as far as it is one, and closes what is open where it ends; `None` if nothing
/// of it can be read.
pub(super) fn read(text: &str) -> Option<Found> {
    looks_at(text.len());
    let mut rest = text.trim_start();
    let (mut json, mut kept) = (String::with_capacity(rest.len()), 0);
    let (mut open, mut next) = (Vec::new(), Next::Value);
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match (c, next) {
            (c, _) if c.is_whitespace() => {}
            ('{', Next::Value) if open.len() < MAX_DEPTH => {
                json.push(c);
                open.push('}');
                next = Next::Key;
                kept = json.len();
            }
            ('[', Next::Value) if open.len() < MAX_DEPTH && !open.is_empty() => {
                json.push(c);
                open.push(']');
                kept = json.len();
            }
            ('}' | ']', _) if is_end(&json, next) && open.last() == Some(&c) => {
                open.pop();
                json.push(c);
                kept = json.len();
                next = Next::CommaOrEnd;
                if open.is_empty() {
                    return Some(Found {
                        json,
                        is_complete: true,
                    });
                }
            }
            (',', Next::CommaOrEnd) => {
                json.push(c);
                next = if open.last() == Some(&'}') {
                    Next::Key
                } else {
                    Next::Value
                };
            }
            (':', Next::Colon) => {
                json.push(c);
                next = Next::Value;
            }
            ('"' | '\'', Next::Key | Next::Value) if !open.is_empty() => {
                let Some((string, end)) = string(rest, c) else {
                    break;
                };
                json.push_str(&string);
                length = end;
                next = after(next, &json, &mut kept);
            }
            (_, Next::Key | Next::Value) if !open.is_empty() => {
                let Some((word, end)) = word(rest, next == Next::Key) else {
                    break;
                };
                json.push_str(&word);
                length = end;
                next = after(next, &json, &mut kept);
            }
            _ => break,
        }
        rest = &rest[length..];
    }
    json.truncate(kept);
    if json.is_empty() {
        return None;
    }
    json.extend(open.iter().rev());
    Some(Found {
        json,
        is_complete: false,
    })
}

/// Tells whether a container may end here: behind a value, or empty.
fn is_end(json: &str, next: Next) -> bool {
    next == Next::CommaOrEnd || json.ends_with(['{', '['])
}

fn after(next: Next, json: &str, kept: &mut usize) -> Next {
    if next == Next::Key {
        return Next::Colon;
    }
    *kept = json.len();
    Next::CommaOrEnd
}

/// Reads a string in either kind of quotes, and returns it as JSON has it, with its length.
fn string(text: &str, quote: char) -> Option<(String, usize)> {
    let mut out = String::from('"');
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => {
                let (_, escaped) = characters.next()?;
                match escaped {
                    '\'' => out.push('\''),
                    'u' if !is_character(&text[at..]) => out.push(' '),
                    '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | 'u' => {
                        out.push('\\');
                        out.push(escaped);
                    }
                    _ => out.push(' '),
                }
            }
            c if c == quote => {
                out.push('"');
                return Some((out, at + 1));
            }
            '"' => out.push_str("\\\""),
            // A line that a mail program has broken.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    None
}

/// Tells whether a text begins with an escape such as `\u00e9` that stands for a character by
/// itself. Half of a pair does not, so that a pair is lost, which matters to no name that is read.
fn is_character(text: &str) -> bool {
    let digits = text.get(2..6);
    let unit = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let unit = unit.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    unit.is_some_and(|unit| char::from_u32(unit).is_some())
}

/// Reads a word: a literal, a number, or a name without quotes, as JavaScript prints it.
fn word(text: &str, is_key: bool) -> Option<(String, usize)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '.');
    let end = text.find(|c| !is_part(c))?;
    let word = &text[..end];
    let json = match word {
        "" => return None,
        _ if is_key => format!("\"{word}\""),
        "true" | "True" => "true".to_owned(),
        "false" | "False" => "false".to_owned(),
        "null" | "None" | "undefined" => "null".to_owned(),
        number => {
            serde_json::from_str::<f64>(number).ok()?;
            number.to_owned()
        }
    };
    Some((json, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(text: &str) -> Option<(String, bool)> {
        read(text).map(|found| (found.json, found.is_complete))
    }

    #[test]
    fn objects_are_read_in_every_dress() {
        for (text, expected, is_complete) in [
            (r#"{"a": [1, null]} x"#, r#"{"a":[1,null]}"#, true),
            (
                "{'a': 'it\\'s \"x\"', 'b': None}",
                r#"{"a":"it's \"x\"","b":null}"#,
                true,
            ),
            (
                "{ message: 'Unauthorized' }",
                r#"{"message":"Unauthorized"}"#,
                true,
            ),
            ("{\"a\":\"b\n c\"}", r#"{"a":"b  c"}"#, true),
            (
                r#"{"data":[{"slug":"a","ti"#,
                r#"{"data":[{"slug":"a"}]}"#,
                false,
            ),
            (
                r#"{"data":[{"slug":"a"},...],"x":1}"#,
                r#"{"data":[{"slug":"a"}]}"#,
                false,
            ),
            (r#"{"data":["#, r#"{"data":[]}"#, false),
            (r#"{"data":12"#, "{}", false),
        ] {
            assert_eq!(
                json(text),
                Some((expected.to_owned(), is_complete)),
                "{text}"
            );
        }
        for nothing in ["", "x", "[1]", "12", r#""a""#, r#""","""#] {
            assert_eq!(json(nothing), None, "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_json(text in "[{}\\[\\]\"',:a-d1-8.+u\\\\ \n-]{0,60}", inner in "(\\\\\\\\u[d0][8c0][0f]{2}|.){0,8}", any in any::<String>()) {
            for text in [text, format!("{{\"a\":\"{inner}\"}}"), any] {
                if let Some(found) = read(&text) {
                    let value: Result<serde_json::Value, _> = serde_json::from_str(&found.json);
                    prop_assert!(value.is_ok(), "{text:?} {}", found.json);
                }
            }
        }
    }
}

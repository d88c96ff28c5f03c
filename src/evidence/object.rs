//! One tolerant reader of objects: JSON, and what JavaScript, Python, Ruby, Java and PowerShell
//! print in its place; wrapped by a mail program, cut, or with parts left out.
//!
//! Invariant: linear in what is read, and no recursion.

use super::words::floor;
use serde_json::{Value, json};

/// An object that was found in a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Found {
    /// The object, closed if it was cut.
    pub(super) value: Value,
    /// Where it ends in the text.
    pub(super) end: usize,
    /// Whether all of it stands in the text.
    pub(super) is_whole: bool,
}

/// The maximum depth that is read; real responses have five levels.
const MAX_DEPTH: usize = 64;

/// The maximum number of keys and values that are read; a real response of 1 MiB has fewer.
const MAX_ITEMS: usize = 1 << 16;

/// Tells whether an object, a list of objects, or a page of markup may start with a text. An empty list
/// with words behind it is the box of a list of tasks, or of a notebook.
pub(super) fn may_start(text: &str) -> bool {
    /// Within how many bytes the first key stands.
    const WITHIN: usize = 200;
    let start = pattern!(concat!(
        r"^(?:(?i:<(?:!doctype|html|head|title|\?xml|body|center|h1|meta))|",
        r#"@\{|\[\s*(?:@?\{|\] *(?:\n|$))|\{\s*(?:["'“”„}\\:]|@\{|"#,
        r"[A-Za-z_][\w-]* *(?:=(?:[^=]|$)|:(?:/?[^/]|$))))",
    ));
    start.is_match(&text[..floor(text, WITHIN)])
}

/// An object or a list that is open.
struct Open {
    value: Value,
    /// The key whose value comes next.
    key: Option<String>,
    /// Whether it is written as PowerShell does.
    is_powershell: bool,
}

#[derive(Default)]
struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Whether quotes are escaped once more, as inside a string.
    is_escaped: bool,
    open: Vec<Open>,
    /// Whether a sign stands in front that lets the next item begin.
    is_apart: bool,
    whole: Option<Value>,
    /// Whether parts of it were left out, as `…` shows.
    is_elided: bool,
    items: usize,
}

/// Reads an object as far as it is one; `None` if nothing of it can be read. `text` ends where
/// something else begins for certain.
pub(super) fn read(text: &str) -> Option<Found> {
    let inner = text.get(1..).unwrap_or_default();
    let mut reader = Reader {
        text,
        is_escaped: inner.trim_start().starts_with('\\'),
        is_apart: true,
        ..Reader::default()
    };
    while reader.whole.is_none() && reader.step().is_some() {}
    let is_closed = reader.whole.is_some();
    while !is_closed && reader.close().is_some() {}
    Some(Found {
        value: reader.whole?,
        end: reader.at,
        is_whole: is_closed && !reader.is_elided,
    })
}

impl Reader<'_> {
    /// Returns the character at a place, and its length in the text.
    fn peek(&self, at: usize) -> Option<(char, usize)> {
        let mut characters = self.text[at..].chars();
        match characters.next()? {
            '\\' if self.is_escaped => {
                let c = characters.next()?;
                Some((unescaped(c), 1 + c.len_utf8()))
            }
            // The end of the string that it stands in.
            '"' if self.is_escaped => None,
            c => Some((c, c.len_utf8())),
        }
    }

    /// Takes the next part; `None` if it can't be one of an object.
    fn step(&mut self) -> Option<()> {
        if self.items > MAX_ITEMS {
            self.at = self.text.len();
        }
        let (c, length) = self.peek(self.at)?;
        let rest = &self.text[self.at..];
        let top = self.open.last();
        let wants_key = top.is_some_and(|top| top.value.is_object() && top.key.is_none());
        let has_key = top.is_some_and(|top| top.key.is_some());
        // What stands in place of what was left out; Node has names for it.
        let elided = pattern!(r"^(?:…|\.\.\.|\[(?:Object|Array|Function|Circular)[^\]]*\])");
        let near = &rest[..floor(rest, 80)];
        let elided = matches!(c, '…' | '.' | '[')
            .then(|| elided.find(near))
            .flatten();
        let mut length = elided.map_or(length, |elided| elided.end());
        self.is_elided |= elided.is_some();
        if has_key && (elided.is_some() || matches!(c, ',' | ';' | '}' | ']')) {
            self.item(Value::Null)?;
        }
        match c {
            c if c.is_whitespace() => {}
            c if elided.is_some() || matches!(c, ',' | ';') => self.is_apart = true,
            ':' | '=' => {
                self.is_apart |= has_key;
                length += usize::from(rest.starts_with("=>"));
            }
            // Elixir's maps, and its structures with their names.
            '%' if near.contains('{') => length = rest.find('{')?,
            '@' | '{' | '[' if self.is_apart && self.open.len() < MAX_DEPTH => {
                let is_object = rest.starts_with("@{");
                length += usize::from(is_object);
                let inner = rest[length..].trim_start_matches(' ');
                let is_list = !is_object && (c == '[' || inner.starts_with("@{"));
                self.open.push(Open {
                    value: if is_list { json!([]) } else { json!({}) },
                    key: None,
                    is_powershell: is_object,
                });
            }
            '}' | ']' => self.close()?,
            '"' | '\'' | '“' | '”' | '„' => {
                let (text, end) = self.string(c, self.at + length)?;
                length = end - self.at;
                self.item(Value::String(text))?;
            }
            _ => {
                let (word, value) = self.word(wants_key)?;
                self.item(value)?;
                length = word;
            }
        }
        self.at += length;
        Some(())
    }

    /// Puts a key or a value into what is open.
    fn item(&mut self, value: Value) -> Option<()> {
        self.items += 1;
        if !std::mem::take(&mut self.is_apart) {
            return None;
        }
        let Some(top) = self.open.last_mut() else {
            self.whole = Some(value);
            return Some(());
        };
        match (&mut top.value, top.key.take(), value) {
            (Value::Object(members), Some(key), value) => {
                members.insert(key, value);
            }
            (Value::Object(_), None, Value::String(text)) => top.key = Some(text),
            (Value::Array(items), _, value) => items.push(value),
            _ => return None,
        }
        Some(())
    }

    /// Closes what is open.
    fn close(&mut self) -> Option<()> {
        let Open { value, .. } = self.open.pop()?;
        self.is_apart = true;
        self.item(value)
    }

    /// Reads a string in any kind of quotes, and returns it with its end; `None` if the text ends
    /// first.
    fn string(&self, quote: char, start: usize) -> Option<(String, usize)> {
        let is_smart = matches!(quote, '“' | '”' | '„');
        let (mut out, mut has_space, mut at) = (String::new(), false, start);
        loop {
            let (c, length) = self.peek(at)?;
            at += length;
            match c {
                '\\' => {
                    let (c, length) = self.peek(at)?;
                    at += length;
                    let digits = self.text.get(at..at + 4).filter(|_| c == 'u');
                    let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
                    // Half of a pair stands for no character, which matters to no name.
                    out.extend(unit.map_or(Some(unescaped(c)), char::from_u32));
                    at += unit.map_or(0, |_| 4);
                }
                c if c == quote || is_smart && matches!(c, '“' | '”') => {
                    return Some((out, at));
                }
                // A line that a mail program has broken: inside a word, or at a space.
                '\n' => {
                    out.extend(has_space.then_some(' '));
                    let rest = self.text[at..].trim_start_matches([' ', '\t']);
                    at = self.text.len() - rest.len();
                }
                c => {
                    has_space |= c == ' ';
                    out.push(if c.is_control() { ' ' } else { c });
                }
            }
        }
    }

    /// Reads what stands without quotes, a key, a literal, a number or a text, and returns its length
    /// and its meaning.
    fn word(&mut self, is_key: bool) -> Option<(usize, Value)> {
        const LONGEST: usize = 4096;
        let is_powershell = self.open.last()?.is_powershell;
        let rest = &self.text[self.at..floor(self.text, self.at + LONGEST)];
        let is_end = |c: char| match c {
            c if is_key => !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$')),
            c if is_powershell => matches!(c, ';' | '}' | '\n'),
            // Java and others write texts without quotes, up to a comma.
            c => matches!(c, ',' | '}' | ']' | '\n' | '{' | '[' | '"'),
        };
        let word = rest[..rest.find(is_end)?].trim();
        let value = match word {
            "" => return None,
            word if is_key => Value::from(word),
            "True" => Value::Bool(true),
            "False" => Value::Bool(false),
            "None" | "nil" | "undefined" => Value::Null,
            word if word.ends_with("...") || word.ends_with('…') => {
                self.is_elided = true;
                Value::Null
            }
            word => match serde_json::from_str(word) {
                Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) => value,
                _ => Value::from(word),
            },
        };
        Some((word.len(), value))
    }
}

/// Returns what a character behind a backslash stands for.
const fn unescaped(c: char) -> char {
    match c {
        'n' | 'r' => '\n',
        't' => '\t',
        c => c,
    }
}

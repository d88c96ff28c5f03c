//! One tolerant reader of objects: JSON, and what JavaScript, Python, Ruby, Java and PowerShell
//! print in its place; wrapped by a mail program, cut, or with parts left out.
//!
//! Invariant: linear in what is read, and no recursion.

/// An object that was found in a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Found {
    /// The object as JSON, closed if it was cut.
    pub(super) json: String,
    /// Where it ends in the text.
    pub(super) end: usize,
    /// Whether its end stands in the text.
    pub(super) is_closed: bool,
    /// Whether parts of it were left out, as `…` shows.
    pub(super) is_elided: bool,
}

impl Found {
    /// Tells whether all of it stands in the text.
    pub(super) fn is_whole(&self) -> bool {
        self.is_closed && !self.is_elided
    }
}

/// The maximum depth that is read; real responses have five levels.
const MAX_DEPTH: usize = 64;

/// How much white space may stand behind the bracket that starts an object, and how long the first
/// key may be.
const START: (usize, usize) = (120, 64);

/// Tells whether an object, or a list of objects, may start with a text.
pub(super) fn may_start(text: &str) -> bool {
    let behind = match text.as_bytes() {
        [b'{' | b'[', ..] => &text[1..],
        [b'@', b'{', ..] => return true,
        _ => return false,
    };
    let is_list = text.starts_with('[');
    let spaces = behind
        .bytes()
        .take(START.0)
        .take_while(u8::is_ascii_whitespace)
        .count();
    let inner = &behind[spaces..];
    if is_list {
        return inner.starts_with(['{', ']']) || inner.starts_with("@{");
    }
    let first = inner.chars().next();
    match first {
        Some('"' | '\'' | '“' | '”' | '„' | '}' | '\\' | ':') => true,
        Some('@') => inner.starts_with("@{"),
        Some(c) if c.is_ascii_alphabetic() || c == '_' => {
            let is_part = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            let length = inner.chars().take(START.1).take_while(is_part).count();
            let rest = inner[length..].trim_start_matches(' ');
            rest.starts_with([':', '=']) && !rest.starts_with("==") && !rest.starts_with("://")
        }
        _ => false,
    }
}

/// What may come next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    Key,
    Colon,
    Value,
    CommaOrEnd,
}

/// What is open: its closing bracket, and whether it is one of PowerShell's.
#[derive(Clone, Copy, Debug)]
struct Open {
    close: char,
    is_powershell: bool,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    json: String,
    /// How much of the JSON can stay if the text ends here.
    kept: usize,
    open: Vec<Open>,
    next: Next,
    is_elided: bool,
    /// Whether quotes are escaped once more, as inside a string.
    is_escaped: bool,
}

/// Reads an object as far as it is one; `None` if nothing of it can be read. `text` ends where
/// something else begins for certain.
pub(super) fn read(text: &str) -> Option<Found> {
    let mut reader = Reader {
        text,
        at: 0,
        json: String::new(),
        kept: 0,
        open: Vec::new(),
        next: Next::Value,
        is_elided: false,
        is_escaped: text
            .get(1..)
            .is_some_and(|rest| rest.trim_start().starts_with("\\\""))
            || text.starts_with("{\\n"),
    };
    let mut is_closed = false;
    while reader.at < text.len() {
        match reader.step() {
            Some(false) => {}
            Some(true) => {
                is_closed = true;
                break;
            }
            None => break,
        }
    }
    reader.json.truncate(reader.kept);
    let open = std::mem::take(&mut reader.open);
    if !is_closed {
        reader.json.extend(open.iter().rev().map(|open| open.close));
    }
    (!reader.json.is_empty()).then_some(Found {
        json: reader.json,
        end: reader.at,
        is_closed,
        is_elided: reader.is_elided,
    })
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn is_in_powershell(&self) -> bool {
        self.open.last().is_some_and(|open| open.is_powershell)
    }

    /// Takes the next part, and tells whether it was the end; `None` if it can't be one of an object.
    #[expect(clippy::too_many_lines, reason = "one row a kind of character")]
    fn step(&mut self) -> Option<bool> {
        let c = self.rest().chars().next()?;
        let length = c.len_utf8();
        if self.is_escaped && self.rest().starts_with("\\n") {
            self.at += 2;
            return Some(false);
        }
        match (c, self.next) {
            (c, _) if c.is_whitespace() => self.at += length,
            ('@', Next::Value) if self.rest().starts_with("@{") => {
                self.at += 2;
                self.opens('{', true)?;
            }
            ('{', Next::Value) => {
                self.at += 1;
                // PowerShell writes lists in braces.
                if self.rest().trim_start_matches(' ').starts_with("@{") {
                    self.opens('[', true)?;
                } else {
                    self.opens('{', false)?;
                }
            }
            ('[', Next::Value) => {
                self.at += 1;
                if !self.skip_name() {
                    self.opens('[', false)?;
                }
            }
            ('}' | ']', _) if self.closes(c) => {
                self.at += 1;
                let open = self.open.pop()?;
                if self.json.ends_with(':') {
                    self.json.push_str("null");
                }
                self.json.push(open.close);
                self.kept = self.json.len();
                self.next = Next::CommaOrEnd;
                if self.open.is_empty() {
                    return Some(true);
                }
            }
            (',' | ';', Next::CommaOrEnd) => {
                self.at += 1;
                let close = self.open.last()?.close;
                self.next = if close == '}' { Next::Key } else { Next::Value };
            }
            (':' | '=', Next::Colon) => {
                self.at += if self.rest().starts_with("=>") { 2 } else { 1 };
                self.json.push(':');
                self.next = Next::Value;
            }
            ('.' | '…', _) if c == '…' || self.rest().starts_with("...") => {
                self.is_elided = true;
                self.at += if c == '…' { length } else { 3 };
                if self.next == Next::Value && self.open.last()?.close == '}' {
                    self.value("null");
                }
            }
            ('/' | '#', Next::Key | Next::Value | Next::CommaOrEnd)
                if c == '#' || self.rest().starts_with("//") =>
            {
                self.is_elided = true;
                self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            }
            (_, Next::Key) => {
                let key = self.key()?;
                self.comma();
                self.json.push_str(&key);
                self.next = Next::Colon;
            }
            ('"' | '\'' | '“' | '”' | '„' | '\\', Next::Value) => {
                let string = self.string(c)?;
                self.comma();
                self.value(&string);
            }
            (_, Next::Value) => {
                let word = self.word()?;
                self.comma();
                self.value(&word);
            }
            // A string behind a string, where a quote inside was not escaped, and others.
            _ => return None,
        }
        Some(false)
    }

    /// Steps over what Node prints in place of an inner object: `[Object]`, `[Array]`.
    fn skip_name(&mut self) -> bool {
        let names = ["Object]", "Array]", "Function", "Circular"];
        if !names.iter().any(|name| self.rest().starts_with(name)) {
            return false;
        }
        self.is_elided = true;
        self.at += self.rest().find(']').map_or(self.rest().len(), |at| at + 1);
        self.comma();
        self.value("null");
        true
    }

    fn opens(&mut self, bracket: char, is_powershell: bool) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            return None;
        }
        self.comma();
        self.json.push(bracket);
        let close = if bracket == '{' { '}' } else { ']' };
        self.open.push(Open {
            close,
            is_powershell,
        });
        self.next = if bracket == '{' {
            Next::Key
        } else {
            Next::Value
        };
        self.kept = self.json.len();
        Some(())
    }

    /// Tells whether a bracket closes what is open; PowerShell's lists end in a brace.
    fn closes(&self, c: char) -> bool {
        let is_end = self.next == Next::CommaOrEnd
            || matches!(self.next, Next::Key | Next::Value) && !self.json.ends_with(':');
        let is_empty_value = self.next == Next::Value && self.is_in_powershell();
        let fits = |open: &Open| open.close == c || open.is_powershell && c == '}';
        (is_end || is_empty_value) && self.open.last().is_some_and(fits)
    }

    /// Puts a comma behind a value that came before.
    fn comma(&mut self) {
        let is_first = self.json.is_empty() || self.json.ends_with(['{', '[', ':']);
        if !is_first {
            self.json.push(',');
        }
    }

    fn value(&mut self, json: &str) {
        self.json.push_str(json);
        self.kept = self.json.len();
        self.next = Next::CommaOrEnd;
    }

    fn key(&mut self) -> Option<String> {
        let c = self.rest().chars().next()?;
        if matches!(c, '"' | '\'' | '“' | '”' | '„' | '\\') {
            return self.string(c);
        }
        let rest = self.rest();
        let symbol = usize::from(c == ':');
        let is_end = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$'));
        let end = rest[symbol..]
            .bytes()
            .take(START.1)
            .position(|b| is_end(char::from(b)))?;
        let name = rest[symbol..symbol + end].to_owned();
        self.at += symbol + end;
        (!name.is_empty()).then(|| format!("\"{name}\""))
    }

    /// Reads a string in any kind of quotes, and returns it as JSON has it. Its end is outside, if
    /// the text ends first.
    fn string(&mut self, quote: char) -> Option<String> {
        let is_smart = matches!(quote, '“' | '”' | '„');
        let escaped = self.is_escaped && quote == '\\';
        if quote == '\\' && !(escaped && self.rest().starts_with("\\\"")) {
            return None;
        }
        let mut out = String::from('"');
        let skip = if escaped { 2 } else { quote.len_utf8() };
        let start = self.at + skip;
        let mut characters = self.text[start..].char_indices();
        let mut has_space = false;
        while let Some((at, c)) = characters.next() {
            match c {
                '\\' if escaped => {
                    let (next_at, next) = characters.next()?;
                    match next {
                        '"' => {
                            self.at = start + next_at + 1;
                            out.push('"');
                            return Some(out);
                        }
                        // What was escaped twice.
                        '\\' => {
                            let (_, inner) = characters.next()?;
                            push_escape(&mut out, inner, "");
                        }
                        _ => out.push(' '),
                    }
                }
                '\\' => {
                    let (_, inner) = characters.next()?;
                    let from = (start + at + 2).min(self.text.len());
                    push_escape(&mut out, inner, self.text.get(from..).unwrap_or_default());
                }
                c if c == quote || is_smart && matches!(c, '“' | '”') => {
                    self.at = start + at + c.len_utf8();
                    out.push('"');
                    return Some(out);
                }
                '"' => out.push_str("\\\""),
                // A line that a mail program has broken: inside a word, or at a space.
                '\n' => {
                    if has_space {
                        out.push(' ');
                    }
                    while characters.as_str().starts_with([' ', '\t']) {
                        characters.next();
                    }
                }
                c if c.is_control() => out.push(' '),
                c => {
                    has_space |= c == ' ';
                    out.push(c);
                }
            }
        }
        None
    }

    /// Reads a word: a literal, a number, or what stands without quotes.
    fn word(&mut self) -> Option<String> {
        const LONGEST: usize = 4096;
        let is_powershell = self.is_in_powershell();
        let mut window = self.rest().len().min(LONGEST);
        while !self.rest().is_char_boundary(window) {
            window -= 1;
        }
        let rest = &self.rest()[..window];
        let is_end = |c: char| match c {
            ';' | '}' | '\n' if is_powershell => true,
            _ if is_powershell => false,
            c => matches!(c, ',' | '}' | ']') || c.is_whitespace(),
        };
        let word = rest[..rest.find(is_end)?].trim();
        // Java and others write texts without quotes, up to a comma.
        let word = if is_powershell || is_plain(word) {
            word
        } else {
            let end = rest.find([',', '}', ']', '\n', '{', '[', '"'])?;
            rest[..end].trim()
        };
        let lead = rest.len() - rest.trim_start().len();
        let length = lead + word.len();
        let json = match word {
            "true" | "True" => "true".to_owned(),
            "false" | "False" => "false".to_owned(),
            "null" | "None" | "nil" | "undefined" | "" => "null".to_owned(),
            number if is_number(number) => number.to_owned(),
            word if word.ends_with("...") || word.ends_with('…') => {
                self.is_elided = true;
                "null".to_owned()
            }
            word => serde_json::to_string(word).ok()?,
        };
        self.at += length;
        Some(json)
    }
}

/// Adds a character that was escaped; `rest` is what stands behind it.
fn push_escape(out: &mut String, escaped: char, rest: &str) {
    match escaped {
        '\'' | '_' | '-' => out.push(escaped),
        'u' if is_character(rest) => out.push_str("\\u"),
        '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' => {
            out.push('\\');
            out.push(escaped);
        }
        _ => out.push(' '),
    }
}

/// Tells whether four digits stand for a character by themselves. Half of a pair does not, so that
/// a pair is lost, which matters to no name that is read.
fn is_character(text: &str) -> bool {
    let digits = text.get(..4);
    let unit = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let unit = unit.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    unit.is_some_and(|unit| char::from_u32(unit).is_some())
}

fn is_plain(word: &str) -> bool {
    matches!(
        word,
        "true" | "false" | "True" | "False" | "null" | "None" | "nil" | "undefined"
    ) || is_number(word)
}

/// Tells whether a word is a number as JSON has it.
fn is_number(word: &str) -> bool {
    word.len() <= 40
        && word.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && serde_json::from_str::<f64>(word).is_ok()
}

//! What the process's environment says; read once, here alone.

use std::env;

/// Holds the variables that this program reads, apart from the proxy and TLS libraries' own.
pub(super) struct Environment {
    /// `BITRISE_TOKEN`, where it is set and not empty.
    pub(super) token: Option<String>,
    /// `BITRISE_API_BASE_URL`, where it is set and not empty; Bitrise's own command-line program
    /// reads the same name.
    pub(super) base_url: Option<String>,
    /// Whether this is a CI build, where nobody answers a prompt.
    pub(super) is_ci: bool,
    /// Whether the locale can show characters outside of ASCII.
    pub(super) is_utf8: bool,
}

impl Environment {
    pub(super) fn read() -> Self {
        let ci = ["CI", "BITRISE_IO"].into_iter().filter_map(variable);
        Self {
            token: variable("BITRISE_TOKEN"),
            base_url: variable("BITRISE_API_BASE_URL"),
            is_ci: ci.into_iter().any(|value| value != "false" && value != "0"),
            is_utf8: cfg!(windows) || is_utf8(locale().as_deref()),
        }
    }
}

/// Returns the name of the locale for characters, by POSIX's order of precedence.
fn locale() -> Option<String> {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(variable)
}

fn is_utf8(locale: Option<&str>) -> bool {
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Returns a variable that is set and not empty. What is not Unicode gets replacement characters,
/// which no token and no address may hold, so that it is refused with the right words.
fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads variables"
    )]
    let value = env::var_os(name)?;
    Some(value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::is_utf8;

    #[test]
    fn a_locale_without_a_charset_is_plain() {
        assert!(is_utf8(Some("en_GB.UTF-8")));
        assert!(is_utf8(Some("C.utf8")));
        for plain in [None, Some("C"), Some("POSIX"), Some("de_DE.ISO-8859-1")] {
            assert!(!is_utf8(plain));
        }
    }
}

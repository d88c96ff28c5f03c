//! What the process's environment says; read once, here alone.

use crate::diagnosis::ci::{self, CiBuild};
use crate::diagnosis::{BrokenRoots, Known, RootsFault};
use crate::proxy::Variables;
use crate::report::Shell;
use std::cell::LazyCell;
use std::env;
use std::ffi::OsString;
use std::fs::{DirEntry, File, ReadDir};
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use url::Url;

/// Other variables that people use for this token. `BITRISE_BUILD_API_TOKEN` is none of them: it
/// starts builds of one app and is not a token of the API.
const TOKEN_VARIABLES: [&str; 6] = [
    "BITRISE_API_TOKEN",
    "BITRISE_ACCESS_TOKEN",
    "BITRISE_API_ACCESS_TOKEN",
    "BITRISE_PERSONAL_ACCESS_TOKEN",
    "BITRISE_PAT",
    "BITRISE_API_KEY",
];

/// The variables for a proxy to `https` addresses, in curl's order of precedence.
const PROXY_VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// The shell that a live run's commands are written for: the platform's.
pub(super) const SHELL: Shell = if cfg!(windows) {
    Shell::PowerShell
} else {
    Shell::Posix
};

/// The files that Docker and Podman put into a container.
const CONTAINER_FILES: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];

/// The variables that this program reads.
pub(super) struct Environment {
    /// `BITRISE_TOKEN`, if it is set and not empty.
    pub(super) token: Option<String>,
    /// `BITRISE_API_BASE_URL`, if it is set and not empty; Bitrise's own command-line program
    /// reads the same name.
    pub(super) base_url: Option<String>,
    /// The variables for a proxy.
    pub(super) proxies: Variables,
    /// `SSL_CERT_FILE`, if it is set and not empty.
    pub(super) cert_file: Option<PathBuf>,
    /// The folders of `SSL_CERT_DIR`.
    pub(super) cert_folders: Vec<PathBuf>,
    /// What `NO_COLOR`, `CLICOLOR_FORCE` and `FORCE_COLOR` ask for, if anything.
    pub(super) color: Option<bool>,
    /// Whether the locale can show characters outside of ASCII.
    pub(super) is_utf8: bool,
    /// The CI build that this is, if it is one: nobody answers a prompt there, or watches a spinner.
    /// It is looked for once it is asked for, since the texts about CI systems are read for that.
    pub(super) ci: LazyCell<Option<CiBuild>, Box<dyn FnOnce() -> Option<CiBuild>>>,
    /// What else is known of the place, as far as it does not depend on the address that is asked.
    known: Known,
}

impl Environment {
    pub(super) fn read() -> Self {
        Self::of(|name: &str| {
            #[expect(
                clippy::disallowed_methods,
                reason = "this is the one place that reads variables"
            )]
            env::var_os(name)
        })
    }

    fn of(value: impl Fn(&str) -> Option<OsString> + Copy + 'static) -> Self {
        // One that is empty counts as not set.
        let os = move |name: &str| value(name).filter(|value| !value.is_empty());
        // What is not Unicode gets replacement characters, which no token and no address may hold,
        // so that it is refused with the right words.
        let text = move |name: &str| Some(os(name)?.to_string_lossy().into_owned());
        let first = |names: &[&str]| names.iter().find_map(|name| text(name));
        let is_on = |name: &str| {
            text(name).is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
        };
        let file = |path: &str| io::read_to_string(bounded_file(Path::new(path)).ok()?).ok();
        let proxies = PROXY_VARIABLES.into_iter();
        let mut proxies: Vec<_> = proxies
            .filter_map(|name| Some((name, text(name)?)))
            .collect();
        // On Windows both names are the same variable's.
        proxies.dedup_by(|(name, value), (other, same)| {
            value == same && name.eq_ignore_ascii_case(other)
        });
        let folders = os("SSL_CERT_DIR").unwrap_or_default();
        let folders = env::split_paths(&folders).filter(|path| !path.as_os_str().is_empty());
        let is_forced = is_on("CLICOLOR_FORCE") || is_on("FORCE_COLOR");
        // By POSIX's order of precedence.
        let locale = first(&["LC_ALL", "LC_CTYPE", "LANG"]).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        let tokens = TOKEN_VARIABLES.into_iter();
        Self {
            token: text("BITRISE_TOKEN"),
            base_url: text("BITRISE_API_BASE_URL"),
            cert_file: os("SSL_CERT_FILE").map(PathBuf::from),
            cert_folders: folders.collect(),
            color: match os("NO_COLOR") {
                Some(_) => Some(false),
                None => is_forced.then_some(true),
            },
            is_utf8: cfg!(windows) || locale.contains("utf-8") || locale.contains("utf8"),
            ci: LazyCell::new(Box::new(move || ci::running(&text, &file))),
            known: Known {
                token_variables: tokens.filter(|name| os(name).is_some()).collect(),
                proxy_variables: proxies.iter().map(|(name, _)| *name).collect(),
                is_container: os("KUBERNETES_SERVICE_HOST").is_some(),
                shell: SHELL,
                ..Known::default()
            },
            proxies: Variables {
                proxies,
                no_proxy: first(&["no_proxy", "NO_PROXY"]),
            },
        }
    }

    /// Returns what is known of the place where the program runs, for a run that asks an address.
    pub(super) fn known(&self, asked: Option<&Url>) -> Known {
        let has_proxy = !self.known.proxy_variables.is_empty();
        let is_container = CONTAINER_FILES.iter().any(|file| Path::new(file).exists());
        let is_in_no_proxy = asked.is_some_and(|url| self.proxies.no_proxy_matches(url));
        Known {
            ci: *self.ci,
            is_in_no_proxy: has_proxy && is_in_no_proxy,
            roots: self.broken_roots(),
            is_container: self.known.is_container || is_container,
            ..self.known.clone()
        }
    }

    /// Returns the variables for root certificates that are of no use.
    fn broken_roots(&self) -> Vec<BrokenRoots> {
        // Systems with a store of their own don't read these variables.
        if cfg!(any(windows, target_vendor = "apple")) {
            return Vec::new();
        }
        // What is wrong with what a variable names, if anything, by whether it holds a root.
        let fault = |has_root: io::Result<bool>| match has_root.map_err(|error| error.kind()) {
            Ok(true) => None,
            Ok(false) => Some(RootsFault::Empty),
            Err(io::ErrorKind::NotFound) => Some(RootsFault::Missing),
            Err(_) => Some(RootsFault::Unreadable),
        };
        let file = self.cert_file.as_deref().map(has_root).and_then(fault);
        // One folder that is of use is enough, and one file in it.
        let is_usable = |entry: DirEntry| has_root(&entry.path()).unwrap_or_default();
        let is_any_usable = |entries: ReadDir| entries.flatten().any(is_usable);
        let folders = { self.cert_folders.iter() }.map(|path| path.read_dir().map(is_any_usable));
        let folders: Option<Vec<_>> = folders.map(fault).collect();
        let folder = folders.and_then(|faults| faults.first().copied());
        let faults = [("SSL_CERT_FILE", file), ("SSL_CERT_DIR", folder)].into_iter();
        faults
            .filter_map(|(variable, fault)| fault.map(|fault| BrokenRoots { variable, fault }))
            .collect()
    }
}

/// Tells whether a file holds a root certificate. A bundle is long, and its first one is enough.
fn has_root(path: &Path) -> io::Result<bool> {
    /// What a certificate in PEM starts with.
    const START: &[u8] = b"-----BEGIN CERTIFICATE-----";
    let mut lines = bounded_file(path)?.split(b'\n').map_while(Result::ok);
    Ok(lines.any(|line| line.windows(START.len()).any(|part| part == START)))
}

/// Opens a file that a variable names for its first bytes; a pipe or a device may never end.
fn bounded_file(path: &Path) -> io::Result<impl BufRead> {
    const MAX_BYTES: u64 = 8 * 1024 * 1024;
    if !path.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(BufReader::new(File::open(path)?.take(MAX_BYTES)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.into()));
        let variables: &[(String, OsString)] = variables.collect::<Vec<_>>().leak();
        Environment::of(|name: &str| {
            let found = variables.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone())
        })
    }

    #[test]
    fn a_locale_without_a_charset_is_plain() {
        let is_utf8 = |locale: &str| environment(&[("LANG", locale)]).is_utf8;
        assert!(is_utf8("en_GB.UTF-8"));
        assert!(is_utf8("C.utf8"));
        for plain in ["", "C", "POSIX", "de_DE.ISO-8859-1"] {
            // Windows has no such locales, and shows all characters.
            assert_eq!(is_utf8(plain), cfg!(windows), "{plain}");
        }
    }

    #[test]
    fn variables_are_known_by_their_names_alone() {
        let known = environment(&[
            ("BITRISE_API_TOKEN", "canary"),
            ("BITRISE_PAT", "canary"),
            ("BITRISE_API_KEY", ""),
            ("BITRISE_BUILD_API_TOKEN", "canary"),
            ("all_proxy", "http://canary"),
            ("HTTPS_PROXY", "http://canary"),
            ("BITRISE_DX_CALLER", "action"),
        ])
        .known(None);
        assert_eq!(known.token_variables, ["BITRISE_API_TOKEN", "BITRISE_PAT"]);
        assert_eq!(known.proxy_variables, ["HTTPS_PROXY", "all_proxy"]);
        assert!(known.ci.is_some_and(|ci| ci.input("--all-apps").is_some()));
        assert!(!format!("{known:?}").contains("canary"));
        let other = environment(&[("BITRISE_DX_CALLER", "else")]);
        let expected = Known {
            shell: SHELL,
            is_container: CONTAINER_FILES.iter().any(|file| Path::new(file).exists()),
            ..Known::default()
        };
        assert_eq!(format!("{:?}", other.known(None)), format!("{expected:?}"));
    }

    #[test]
    fn no_proxy_counts_where_there_is_a_proxy() {
        let url = Url::parse("https://api.bitrise.io/v0.1").unwrap();
        let proxy = ("https_proxy", "http://p:1");
        for (variables, expected) in [
            (&[("NO_PROXY", "bitrise.io")][..], false),
            (&[proxy], false),
            (&[proxy, ("NO_PROXY", "")], false),
            (&[proxy, ("NO_PROXY", "*.bitrise.io")], true),
            (&[proxy, ("NO_PROXY", "example.com")], false),
            (
                &[proxy, ("no_proxy", "x"), ("NO_PROXY", "bitrise.io")],
                false,
            ),
        ] {
            let known = environment(variables).known(Some(&url));
            assert_eq!(known.is_in_no_proxy, expected, "{variables:?}");
        }
    }

    #[test]
    fn of_the_proxy_variables_that_are_set_the_one_in_lower_case_comes_first() {
        let (lower, upper) = ("https_proxy", "HTTPS_PROXY");
        for (variables, names) in [
            (
                &[(lower, ""), (upper, "a"), ("ALL_PROXY", "b")][..],
                &[upper, "ALL_PROXY"][..],
            ),
            (&[(upper, "a"), (lower, "b")], &[lower, upper]),
            // As Windows gives them, where one is the other.
            (
                &[(upper, "a"), (lower, "a"), ("ALL_PROXY", "a")],
                &[lower, "ALL_PROXY"],
            ),
        ] {
            assert_eq!(environment(variables).known(None).proxy_variables, names);
        }
    }

    #[cfg(all(unix, not(target_vendor = "apple")))]
    #[test]
    fn roots_that_lead_nowhere_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("empty.pem"), "").unwrap();
        std::fs::create_dir(path("certs")).unwrap();
        let (full, certs) = (path("full.pem"), path("certs"));
        let found = |variable: &'static str, value: &str| {
            let roots = environment(&[(variable, value)]).known(None).roots;
            let names: Vec<_> = roots.iter().map(|roots| roots.variable).collect();
            assert!(names.iter().all(|name| *name == variable), "{names:?}");
            roots.first().map(|roots| roots.fault)
        };
        assert_eq!(found("SSL_CERT_FILE", ""), None);
        assert_eq!(found("SSL_CERT_DIR", ""), None);
        for (name, fault) in [
            (path("none.pem"), RootsFault::Missing),
            (path("empty.pem"), RootsFault::Empty),
            (certs.clone(), RootsFault::Unreadable),
            ("/dev/zero".to_owned(), RootsFault::Unreadable),
        ] {
            assert_eq!(found("SSL_CERT_FILE", &name), Some(fault), "{name}");
        }
        assert_eq!(
            found("SSL_CERT_DIR", &path("none")),
            Some(RootsFault::Missing)
        );
        assert_eq!(found("SSL_CERT_DIR", &certs), Some(RootsFault::Empty));
        std::fs::write(&full, "x\n-----BEGIN CERTIFICATE-----\n").unwrap();
        assert_eq!(found("SSL_CERT_FILE", &full), None);
        std::fs::rename(full, folder.path().join("certs/root.pem")).unwrap();
        assert_eq!(
            found("SSL_CERT_DIR", &format!("{}:{certs}", path("none"))),
            None
        );
    }

    #[test]
    fn colours_are_forced_by_a_yes_alone() {
        for (variables, expected) in [
            (&[][..], None),
            (&[("CLICOLOR_FORCE", "1")], Some(true)),
            (&[("CLICOLOR_FORCE", "0")], None),
            (&[("FORCE_COLOR", "1")], Some(true)),
            (&[("FORCE_COLOR", "3")], Some(true)),
            (&[("FORCE_COLOR", "0")], None),
            (&[("FORCE_COLOR", "false")], None),
            (&[("FORCE_COLOR", "")], None),
            (&[("NO_COLOR", "1")], Some(false)),
            (&[("NO_COLOR", "")], None),
            (&[("NO_COLOR", "1"), ("FORCE_COLOR", "1")], Some(false)),
        ] {
            assert_eq!(environment(variables).color, expected, "{variables:?}");
        }
    }
}

//! Commands that repeat a run's requests, with a variable in place of the token.

use crate::report::Target;
use crate::text;

/// How the commands are written.
#[derive(Clone, Debug)]
pub(super) struct Reproduce {
    is_windows: bool,
    ca_cert: Option<String>,
}

impl Reproduce {
    /// Makes the commands' form from what was asked.
    pub(super) fn new(target: &Target, is_windows: bool) -> Self {
        Self {
            is_windows,
            ca_cert: target.ca_cert.clone(),
        }
    }

    /// Returns the commands that come first: the sandbox ends with the run, so they start it again.
    pub(super) fn start(&self, target: &Target) -> Vec<String> {
        let sandbox = target.sandbox.iter().flat_map(|sandbox| {
            let arguments = format!(
                "sandbox --listen {} --scenario {}",
                sandbox.listen, sandbox.scenario
            );
            if self.is_windows {
                [
                    format!("Start-Process bitrise-dx '{arguments}'"),
                    format!("$env:BITRISE_TOKEN = '{}'", sandbox.token),
                ]
            } else {
                [
                    format!("bitrise-dx {arguments} &"),
                    format!("export BITRISE_TOKEN={}", sandbox.token),
                ]
            }
        });
        sandbox.collect()
    }

    /// Returns the command that repeats one request.
    pub(super) fn curl(&self, url: &str) -> String {
        let (program, variable) = if self.is_windows {
            ("curl.exe", "$env:BITRISE_TOKEN")
        } else {
            ("curl", "$BITRISE_TOKEN")
        };
        let ca_cert = self.ca_cert.as_deref();
        let ca_cert = ca_cert.map_or_else(String::new, |path| {
            format!(" --cacert {}", self.quoted(path))
        });
        let headers = format!("-H \"Authorization: {variable}\" -H 'Accept: application/json'");
        format!("{program} -sS -i{ca_cert} {headers} {}", self.quoted(url))
    }

    /// Quotes a text for the shell. What could not be shown as it is, as a control character in the
    /// path of a file, is escaped: such a line can't be run, but does no harm either.
    fn quoted(&self, text: &str) -> String {
        let quote = if self.is_windows { "''" } else { r"'\''" };
        format!("'{}'", text::escape_unprintable(text).replace('\'', quote))
    }
}

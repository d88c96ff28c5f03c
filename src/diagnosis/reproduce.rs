//! Commands that repeat a run's requests, with a variable in place of the token.

use crate::report::{Shell, Target};
use crate::text;

/// How the commands are written.
#[derive(Clone, Debug)]
pub(super) struct Reproduce {
    shell: Shell,
    ca_cert: Option<String>,
}

impl Reproduce {
    /// Makes the commands' form from what was asked.
    pub(super) fn new(target: &Target, shell: Shell) -> Self {
        Self {
            shell,
            ca_cert: target.ca_cert.clone(),
        }
    }

    /// Returns the commands that come first: the sandbox ends with the run, so they start it again.
    pub(super) fn start(&self, target: &Target) -> Vec<String> {
        let Some(sandbox) = &target.sandbox else {
            return Vec::new();
        };
        let (listen, scenario) = (&sandbox.listen, &sandbox.scenario);
        let (run, token) = (
            format!("sandbox --listen {listen} --scenario {scenario}"),
            sandbox.token,
        );
        match self.shell {
            Shell::Posix => vec![
                format!("bitrise-dx {run} &"),
                format!("export BITRISE_TOKEN={token}"),
            ],
            Shell::Cmd => vec![
                format!("start \"\" bitrise-dx {run}"),
                format!("set \"BITRISE_TOKEN={token}\""),
            ],
            Shell::PowerShell => vec![
                format!("Start-Process bitrise-dx '{run}'"),
                format!("$env:BITRISE_TOKEN = '{token}'"),
            ],
        }
    }

    /// Returns the command that asks for the token and puts it into the variable: typed into a command,
    /// it would stay in the shell's history.
    pub(super) const fn enter_token(&self) -> &'static str {
        match self.shell {
            Shell::Posix => "read -rs BITRISE_TOKEN",
            Shell::Cmd => "set /p BITRISE_TOKEN=",
            Shell::PowerShell => "$env:BITRISE_TOKEN = Read-Host",
        }
    }

    /// Returns the command that repeats one request.
    pub(super) fn curl(&self, url: &str) -> String {
        // In Windows PowerShell, `curl` is another command.
        let (program, variable) = match self.shell {
            Shell::Posix => ("curl", "$BITRISE_TOKEN"),
            Shell::Cmd => ("curl", "%BITRISE_TOKEN%"),
            Shell::PowerShell => ("curl.exe", "$env:BITRISE_TOKEN"),
        };
        let ca_cert = match &self.ca_cert {
            Some(path) => format!(" --cacert {}", self.quoted(path)),
            None => String::new(),
        };
        let url = self.quoted(url);
        format!("{program} -sS -i{ca_cert} -H \"Authorization: {variable}\" {url}")
    }

    /// Quotes a text for the shell. What could not be shown as it is, as a control character in the
    /// path of a file, is escaped: such a line can't be run, but does no harm either.
    fn quoted(&self, text: &str) -> String {
        let text = text::escape_unprintable(text);
        match self.shell {
            Shell::Posix => format!("'{}'", text.replace('\'', r"'\''")),
            // No address and no path on Windows has a quotation mark.
            Shell::Cmd => format!("\"{}\"", text.replace('"', "")),
            Shell::PowerShell => {
                // Typographic marks count as plain ones there.
                let is_special = |c: char| matches!(c, '"' | '`' | '$' | '“' | '”' | '„');
                let escape = |c: char| is_special(c).then_some('`').into_iter().chain([c]);
                format!("\"{}\"", text.chars().flat_map(escape).collect::<String>())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::SandboxTarget;

    #[test]
    fn each_shell_has_its_own_form() {
        let target = Target {
            ca_cert: Some("/tmp/it’s 'a'.pem".to_owned()),
            sandbox: Some(SandboxTarget {
                scenario: "slow".into(),
                listen: "127.0.0.1:9".to_owned(),
                token: "bitwat_made_up",
            }),
            ..Target::default()
        };
        let mut forms = Vec::new();
        for shell in [Shell::Posix, Shell::Cmd, Shell::PowerShell] {
            let how = Reproduce::new(&target, shell);
            forms.push(format!("{shell:?}"));
            forms.extend(how.start(&target));
            forms.push(how.enter_token().to_owned());
            forms.push(how.curl("https://api.bitrise.io/v0.1/apps?limit=50"));
        }
        insta::assert_snapshot!(forms.join("\n"), @r#"
        Posix
        bitrise-dx sandbox --listen 127.0.0.1:9 --scenario slow &
        export BITRISE_TOKEN=bitwat_made_up
        read -rs BITRISE_TOKEN
        curl -sS -i --cacert '/tmp/it’s '\''a'\''.pem' -H "Authorization: $BITRISE_TOKEN" 'https://api.bitrise.io/v0.1/apps?limit=50'
        Cmd
        start "" bitrise-dx sandbox --listen 127.0.0.1:9 --scenario slow
        set "BITRISE_TOKEN=bitwat_made_up"
        set /p BITRISE_TOKEN=
        curl -sS -i --cacert "/tmp/it’s 'a'.pem" -H "Authorization: %BITRISE_TOKEN%" "https://api.bitrise.io/v0.1/apps?limit=50"
        PowerShell
        Start-Process bitrise-dx 'sandbox --listen 127.0.0.1:9 --scenario slow'
        $env:BITRISE_TOKEN = 'bitwat_made_up'
        $env:BITRISE_TOKEN = Read-Host
        curl.exe -sS -i --cacert "/tmp/it’s 'a'.pem" -H "Authorization: $env:BITRISE_TOKEN" "https://api.bitrise.io/v0.1/apps?limit=50"
        "#);
    }
}

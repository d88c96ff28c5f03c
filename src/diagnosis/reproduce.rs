//! Commands that repeat a run's requests, with a variable in place of the token.

use super::facts::Facts;
use crate::report::Shell;
use crate::text;

/// Returns the command that repeats one request.
pub(super) fn curl(url: &str, facts: &Facts) -> String {
    // In Windows PowerShell, `curl` is another command.
    let (program, variable) = match facts.shell {
        Shell::Posix => ("curl", "$BITRISE_TOKEN"),
        Shell::Cmd => ("curl", "%BITRISE_TOKEN%"),
        Shell::PowerShell => ("curl.exe", "$env:BITRISE_TOKEN"),
    };
    let ca_cert = facts.report.and_then(|run| run.target.ca_cert.as_ref());
    let ca_cert = ca_cert.map(|path| format!(" --cacert {}", quoted(path, facts.shell)));
    let (ca_cert, url) = (ca_cert.unwrap_or_default(), quoted(url, facts.shell));
    format!("{program} -sS -i{ca_cert} -H \"Authorization: {variable}\" {url}")
}

/// Quotes a text for a shell. What could not be shown as it is, as a control character in the path
/// of a file, is escaped: such a line can't be run, but does no harm either.
fn quoted(text: &str, shell: Shell) -> String {
    let text = text::escape_unprintable(text);
    match shell {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::catalogue::named;
    use crate::diagnosis::sentence::{list, say};
    use crate::report::{Report, SandboxTarget, Target};
    use std::time::SystemTime;

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
        let report = Report {
            target,
            ..Report::started(SystemTime::UNIX_EPOCH)
        };
        let mut forms = Vec::new();
        for shell in [Shell::Posix, Shell::Cmd, Shell::PowerShell] {
            let facts = Facts {
                report: Some(&report),
                shell,
                ..Facts::default()
            };
            forms.push(format!("{shell:?}"));
            let again = list(named("start_again"), &facts);
            forms.extend(again.iter().map(ToString::to_string));
            forms.push(say("enter_token", &facts).to_string());
            forms.push(curl("https://api.bitrise.io/v0.1/apps?limit=50", &facts));
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

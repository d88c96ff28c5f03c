//! Where the program runs: proxy variables, root certificates, CI systems and terminals as they
//! are.

use crate::formats::OUTPUTS;
use crate::support::process::{CANARY, Program};
use crate::support::server::{Act, Server, healthy};
use crate::support::tls::TlsServer;
use crate::support::{has, lacks, rows};
use std::fs;
#[cfg(all(unix, not(target_vendor = "apple")))]
use std::path::Path;

/// Sets variables, which stand one behind the other.
fn with(program: Program, variables: &str) -> Program {
    let pairs = variables.split(' ').filter_map(|pair| pair.split_once('='));
    pairs.fold(program, |program, (name, value)| program.env(name, value))
}

#[test]
fn a_proxy_variable_that_is_badly_written_is_named_and_never_shown() {
    for (value, words) in [
        ("\"http://usercanary:pwcanary@p:1\"", "quotation marks"),
        ("'http://p:1'", "quotation marks"),
        ("http://usercanary:pwcanary@p:1 ", "white space"),
        ("http://usercanary:pwcanary@p:1\n", "white space"),
        ("PROXY pcanary:8080; DIRECT", "is not a proxy's address"),
        ("http://pcanary/proxy.pac", "is not a proxy's address"),
        ("http://CORP\\usercanary:pwcanary@p:1", "%5C"),
        ("http://usercanary:pw#canary@p:1", "# as %23"),
        ("http://usercanary:pw/canary@p:1", "/ as %2F"),
        ("http://usercanary:pw?canary@p:1", "? as %3F"),
        ("http://usercanary:pw@canary@p:1", "@ as %40"),
        ("usercanary:pw#canary@p:1", "# as %23"),
        ("socks5://usercanary:pw#canary@p:1", "# as %23"),
        ("https://usercanary:pw%xcanary@p:1", "% as %25"),
        ("ftp://usercanary:pwcanary@p:1", "http://"),
        ("http://usercanary:pwcanary", "is not a proxy's address"),
        ("http://$USERcanary", "is not a proxy's address"),
    ] {
        for name in ["https_proxy", "all_proxy"] {
            for format in OUTPUTS {
                let program = Program::new(["verify", "-o", format]);
                let finished = program.env("BITRISE_TOKEN", CANARY).env(name, value).run();
                assert_eq!(finished.code, Some(2), "{value}");
                lacks(&finished.everything(), "canary");
                if format == "json" {
                    let found = finished.report();
                    assert_eq!(found.outcome(), "invalid_options");
                    has(&found.message, name);
                    has(&found.message, words);
                    assert_eq!(found.target.proxy, None);
                }
            }
        }
    }
}

#[test]
fn a_proxy_variable_counts_where_there_is_a_proxy_to_use() {
    let server = TlsServer::start(healthy());
    let proxy = Server::always(|| Act::Open);
    let address = proxy.address().to_string();
    for [variables, is_used] in rows(
        "HTTPS_PROXY=http://GOOD                             | yes
         https_proxy=http://GOOD                             | yes
         ALL_PROXY=GOOD                                       | yes
         HTTPS_PROXY=http://GOOD ALL_PROXY=http://u:p#w@h:1  | yes
         HTTP_PROXY=http://u:p#w@h:1                          | no, that is for other requests
         HTTPS_PROXY=http://u:p#w@h:1 NO_PROXY=localhost      | no
         HTTPS_PROXY=http://GOOD NO_PROXY=x;*.localhost      | no
         HTTPS_PROXY=http://GOOD no_proxy=example.com        | yes",
    ) {
        let variables = variables.replace("GOOD", &address);
        let program = Program::verify(&server.base_url()).arg("--ca-cert");
        let found = with(program.arg(&server.ca), &variables).report();
        assert_eq!(found.verdict, "verified", "{variables}: {}", found.message);
        let used = (is_used == "yes").then(|| format!("http://{address}"));
        assert_eq!(found.target.proxy, used, "{variables}");
    }
    // A password with encoded characters arrives as it is.
    let program = Program::verify(&server.base_url()).args(["-o", "json", "--ca-cert"]);
    let value = format!("http://CORP%5Cu:p%23canary@{address}");
    let finished = program.arg(&server.ca).env("HTTPS_PROXY", value).run();
    let found = finished.report();
    assert_eq!(found.verdict, "verified", "{}", finished.stdout);
    assert_eq!(found.target.proxy, Some(format!("http://{address}")));
    lacks(&finished.everything(), "canary");
    has(&found.reproduce[0], "--cacert");
    let requests = proxy.requests();
    // CORP\u:p#canary
    has(&requests.last().unwrap().head, "Basic Q09SUFx1OnAjY2FuYXJ5");
    for request in requests {
        assert!(
            request.head.starts_with("CONNECT localhost:"),
            "{request:?}"
        );
        lacks(&request.head, "CANARY");
    }
}

#[test]
fn a_plain_address_asks_no_proxy_variable_and_no_proxy() {
    let server = healthy();
    let proxy = Server::always(|| Act::Open);
    let address = format!("http://{}", proxy.address());
    for (name, value) in [
        ("HTTPS_PROXY", "http://u:p#w@h:1"),
        ("http_proxy", &address),
        ("ALL_PROXY", &address),
    ] {
        let program = Program::verify(&server.base_url());
        let found = program.env(name, value).report();
        assert_eq!((&*found.verdict, found.target.proxy), ("verified", None));
    }
    assert_eq!(proxy.requests().len(), 0);
    let program = Program::new(["verify", "--sandbox"]);
    let found = program.env("ALL_PROXY", "\"x\"").report();
    assert_eq!(found.verdict, "verified");
}

/// Returns the certificate in a text in PEM.
fn der(pem: &str) -> Vec<u8> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let der = CertificateDer::from_pem_slice(pem.as_bytes());
    der.unwrap().to_vec()
}

/// Writes bytes in base64 between the lines of PEM.
fn pem(label: &str, bytes: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

#[test]
fn a_root_is_read_in_each_form_that_people_have() {
    let server = TlsServer::start(healthy());
    let other = TlsServer::start(healthy());
    let (ca, folder) = (&server.ca_pem, tempfile::tempdir().unwrap());
    let (bytes, path) = (der(ca), folder.path().join("ca"));
    // OpenSSL's remarks behind the certificate: a sequence of purposes.
    let purposes = b"\x30\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01";
    let trusted = [&bytes[..], purposes].concat();
    let utf16 = format!("\u{feff}{ca}");
    let utf16 = utf16.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let others = format!("Ours\n{}\nNew\n{ca}", other.ca_pem);
    let labelled = |label: &str, bytes: &[u8]| pem(label, bytes).into_bytes();
    let run = || {
        let program = Program::verify(&server.base_url()).arg("--ca-cert");
        program.arg(&path).report()
    };
    for (form, content) in [
        ("PEM", ca.clone().into_bytes()),
        ("PEM with CRLF", ca.replace('\n', "\r\n").into_bytes()),
        ("PEM with a BOM", format!("\u{feff}{ca}").into_bytes()),
        ("PEM in UTF-16", utf16),
        ("DER", bytes.clone()),
        ("DER and more", trusted.clone()),
        ("trusted", labelled("TRUSTED CERTIFICATE", &trusted)),
        ("X509", labelled("X509 CERTIFICATE", &bytes)),
        ("several, with words", others.into_bytes()),
    ] {
        fs::write(&path, content).unwrap();
        let found = run();
        assert_eq!(found.verdict, "verified", "{form}: {}", found.message);
    }
    let cut = &bytes[..bytes.len() / 2];
    for (form, content) in [
        ("nothing", Vec::new()),
        ("words", b"no certificate".to_vec()),
        ("a page", b"<html>".to_vec()),
        ("DER, cut", cut.to_vec()),
        ("PEM, cut", ca.as_bytes()[..ca.len() / 2].to_vec()),
        ("PEM of no certificate", labelled("CERTIFICATE", b"x")),
        ("a key", labelled("PRIVATE KEY", b"x")),
        ("a request", labelled("CERTIFICATE REQUEST", &bytes)),
    ] {
        fs::write(&path, content).unwrap();
        let found = run();
        assert_eq!(found.outcome(), "invalid_options", "{form}");
        has(&found.message, "holds no certificate");
    }
}

#[cfg(all(unix, not(target_vendor = "apple")))]
#[test]
fn the_variables_for_roots_are_kept_and_never_hold_a_run_up() {
    let server = TlsServer::start(healthy());
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let path = |name: &str| text(&server.ca.with_file_name(name));
    let fifo = path("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    fs::create_dir(path("certs")).unwrap();
    fs::create_dir(path("none")).unwrap();
    fs::copy(&server.ca, path("certs/a.pem")).unwrap();
    std::os::unix::fs::symlink("a.pem", path("certs/0f5a1e12.0")).unwrap();
    fs::write(path("empty.pem"), "").unwrap();
    let ca = text(&server.ca);
    let both = format!("{}:{}", path("none"), path("certs"));
    for (name, value, code) in [
        ("SSL_CERT_FILE", &ca, 0),
        ("SSL_CERT_DIR", &path("certs"), 0),
        ("SSL_CERT_DIR", &both, 0),
        ("SSL_CERT_FILE", &path("missing.pem"), 4),
        ("SSL_CERT_FILE", &path("empty.pem"), 4),
        ("SSL_CERT_FILE", &path("certs"), 4),
        ("SSL_CERT_FILE", &fifo, 4),
        ("SSL_CERT_FILE", &"/dev/zero".to_owned(), 4),
        ("SSL_CERT_DIR", &path("missing"), 4),
        ("SSL_CERT_DIR", &path("none"), 4),
        ("SSL_CERT_DIR", &"/dev/zero".to_owned(), 4),
    ] {
        let program = || Program::verify(&server.base_url()).env(name, value);
        let found = program().args(["--retries", "0"]).report();
        assert_eq!(found.exit_code, code, "{name}={value}: {}", found.message);
        let reason = (code == 4).then_some("tls_failure");
        assert_eq!(found.reason.as_deref(), reason, "{name}={value}");
        let said = found.said();
        assert_eq!(said.contains(name), code == 4, "{name}={value}: {said}");
        // One more root is enough.
        let found = program().args(["--ca-cert", &ca]).report();
        assert_eq!(found.verdict, "verified", "{name}={value}");
    }
    // A folder is looked into for what the file has not, or has under the same name alone.
    let stranger = TlsServer::start(healthy());
    for (folder, verdict) in [("certs", "verified"), ("none", "inconclusive")] {
        let program = Program::verify(&server.base_url()).args(["-o", "json", "--retries", "0"]);
        let program = program.env("SSL_CERT_FILE", &stranger.ca);
        let found = program.env("SSL_CERT_DIR", path(folder)).run().report();
        assert_eq!(found.verdict, verdict, "{folder}: {}", found.message);
    }
    // Set but empty is not set: it is the system's roots that don't know the server's.
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        let program = Program::verify(&server.base_url()).args(["--ca-cert", &ca]);
        assert_eq!(program.env(name, "").report().verdict, "verified");
    }
}

#[test]
fn colours_are_forced_by_a_yes_alone() {
    for (variables, color, is_coloured) in [
        ("", "auto", false),
        ("CLICOLOR_FORCE=1", "auto", true),
        ("CLICOLOR_FORCE=0", "auto", false),
        ("FORCE_COLOR=1", "auto", true),
        ("FORCE_COLOR=3", "auto", true),
        ("FORCE_COLOR=0", "auto", false),
        ("FORCE_COLOR=", "auto", false),
        ("FORCE_COLOR=1 NO_COLOR=1", "auto", false),
        ("FORCE_COLOR=1", "never", false),
        ("NO_COLOR=1", "always", true),
    ] {
        let program = Program::new(["verify", "--sandbox", "--color", color]);
        let shown = with(program, variables).run().stdout;
        assert_eq!(shown.contains('\u{1b}'), is_coloured, "{variables} {color}");
    }
}

#[test]
fn without_a_token_the_cause_is_the_one_that_the_place_shows() {
    let folder = tempfile::tempdir().unwrap();
    for (name, is_fork) in [("same.json", false), ("fork.json", true)] {
        let event = format!(r#"{{"pull_request": {{"head": {{"repo": {{"fork": {is_fork}}}}}}}}}"#);
        fs::write(folder.path().join(name), event).unwrap();
    }
    // The variables, what is said, and what is not.
    for [variables, words, not] in rows(
        " | BITRISE_TOKEN | fork, pull request, secret to this build
         BITRISE_API_TOKEN=canary | BITRISE_API_TOKEN | fork
         BITRISE_PAT=canary | BITRISE_PAT | fork
         BITRISE_BUILD_API_TOKEN=canary | BITRISE_TOKEN | BITRISE_BUILD_API_TOKEN holds
         BITRISE_IO=true PR=true | Expose for Pull Requests | Dependabot
         BITRISE_IO=true BITRISEIO_PULL_REQUEST_REPOSITORY_URL=git@h:f/a GIT_REPOSITORY_URL=git@h:o/a | Expose for Pull Requests | Dependabot
         GITHUB_ACTIONS=true GITHUB_ACTOR=dependabot[bot] | Dependabot | Expose for
         GITHUB_ACTIONS=true GITHUB_EVENT_NAME=pull_request | secrets.BITRISE_TOKEN, fork | Expose for
         GITHUB_ACTIONS=true GITHUB_EVENT_NAME=pull_request GITHUB_EVENT_PATH=same.json | secrets.BITRISE_TOKEN | fork
         GITHUB_ACTIONS=true GITHUB_EVENT_NAME=pull_request GITHUB_EVENT_PATH=fork.json | comes from a fork | secrets.BITRISE_TOKEN
         JENKINS_URL=http://h | withCredentials | fork
         CIRCLECI=true | context | fork
         TRAVIS=true TRAVIS_SECURE_ENV_VARS=false | TRAVIS_SECURE_ENV_VARS | fork
         BUILDKITE=true | secrets: [BITRISE_TOKEN] | fork
         TEAMCITY_VERSION=1 | env.BITRISE_TOKEN | fork
         bamboo_planKey=X | bamboo_ | fork
         CM_BUILD_ID=1 | groups | fork
         CI=TRUE CI_XCODEBUILD_ACTION=build | Environment Variables | fork
         GITLAB_CI=true CI_COMMIT_REF_PROTECTED=false | rotected | Dependabot
         TF_BUILD=True | env: | Dependabot
         CIRCLECI=true CIRCLE_PR_NUMBER=4 | fork | Dependabot",
    ) {
        for variables in [variables.to_owned(), format!("{variables} BITRISE_TOKEN=")] {
            let program = Program::new(["verify", "-o", "json"]).dir(folder.path());
            let finished = with(program, &variables).run();
            let found = finished.report();
            assert_eq!(found.outcome(), "token_missing", "{variables}");
            words.split(", ").for_each(|words| has(&found.said(), words));
            not.split(", ").for_each(|words| lacks(&found.said(), words));
            lacks(&finished.everything(), "canary");
        }
    }
}

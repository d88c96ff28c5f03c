//! The errors that clients print when there was no response: curl's by their numbers, those of the
//! others by their words.

use super::work::looks_at;
use crate::exchange::{Fault, FaultKind, ProxyResponse};

/// What an error of curl's is.
#[derive(Clone, Debug)]
pub(super) enum CurlError {
    /// There was no complete response.
    Fault(Fault),
    /// There was a response, and `--fail` hid its body.
    Status(u16),
    /// The command could not be read as it was meant, so nothing was asked.
    Misread,
    /// It says nothing about the response.
    Nothing,
}

/// Reads an error such as `curl: (6) Could not resolve host: h` (curl's manual, exit codes).
pub(super) fn curl(line: &str) -> Option<CurlError> {
    looks_at(line.len());
    let at = line.find("curl: (")?;
    let (number, words) = line[at + "curl: (".len()..].split_once(')')?;
    let words = words.trim().to_ascii_lowercase();
    let number: u16 = number.parse().ok()?;
    let says = |part: &str| words.contains(part);
    let fault = match number {
        1 if says("http/0.9") => FaultKind::NotHttp,
        1 | 3 => return Some(CurlError::Misread),
        5 => FaultKind::ProxyDns,
        6 if is_misread_host(&words) => return Some(CurlError::Misread),
        6 => FaultKind::Dns,
        7 if says("proxy") => FaultKind::ProxyUnreachable,
        7 => unreachable(&words),
        8 => FaultKind::NotHttp,
        22 => {
            let status = words
                .rsplit_once(": ")
                .and_then(|(_, status)| leading_status(status));
            return Some(status.map_or(CurlError::Nothing, CurlError::Status));
        }
        23 | 26 | 27 => return Some(CurlError::Nothing),
        28 if says("resolv") => FaultKind::Dns,
        28 if says("connect") => FaultKind::ConnectTimeout,
        28 => FaultKind::Timeout,
        35 | 51 | 53 | 54 | 58 | 59 | 60 | 64 | 66 | 77 | 80 | 82 | 83 | 90 | 91 => {
            tls(&words, number)
        }
        16 | 18 | 52 | 55 | 56 | 92 | 95 | 96 => {
            return Some(CurlError::Fault(
                proxy_in(&words).unwrap_or_else(|| FaultKind::Closed.into()),
            ));
        }
        61 => FaultKind::Undecodable,
        97 => {
            return Some(CurlError::Fault(
                proxy_in(&words).unwrap_or_else(|| FaultKind::ProxyRefused.into()),
            ));
        }
        _ => FaultKind::Unknown,
    };
    Some(CurlError::Fault(fault.into()))
}

/// Tells whether a name that was not found is none: a part of the command that curl took for an
/// address, since the shell does not know its quotes.
fn is_misread_host(words: &str) -> bool {
    let host = words.rsplit(": ").next().unwrap_or_default().trim();
    let has_quote = host.contains(['\'', '"', '‘', '’', '“', '”', '\\']);
    has_quote
        || !host.contains('.') && host != "localhost"
        || host.contains("bitwat_")
        || host.contains("bitpat_")
}

fn unreachable(words: &str) -> FaultKind {
    if words.contains("unreachable") || words.contains("no route") {
        FaultKind::NoRoute
    } else if words.contains("timed out") {
        FaultKind::ConnectTimeout
    } else {
        FaultKind::Refused
    }
}

/// Reads what a proxy said instead of opening a connection.
fn proxy_in(words: &str) -> Option<Fault> {
    let is_proxy = words.contains("connect tunnel failed")
        || words.contains("from proxy after connect")
        || words.contains("tunnel connection failed")
        || words.contains("proxy tunneling failed")
        || words.contains("proxy tunnel request");
    if !is_proxy {
        return words
            .contains("proxy connect aborted")
            .then(|| FaultKind::ProxyClosed.into());
    }
    let status = words
        .split(|c: char| !c.is_ascii_digit())
        .find_map(|digits| {
            let status = digits.parse().ok()?;
            (digits.len() == 3 && (300..600).contains(&status)).then_some(status)
        });
    let wants = words.contains("authentication required");
    Some(match status {
        Some(407) => asks_for_password(),
        None if wants => asks_for_password(),
        Some(status) => Fault::of_proxy(FaultKind::ProxyRefused, ProxyResponse::new(status)),
        None => FaultKind::ProxyRefused.into(),
    })
}

fn asks_for_password() -> Fault {
    Fault::of_proxy(FaultKind::ProxyLogin, ProxyResponse::new(407))
}

/// The words, and the codes of Windows, by which faults of TLS are told; the first that fits counts.
/// Windows' words come in the system's language, its codes don't.
static TLS: [(&str, FaultKind); 32] = [
    ("unable to get local issuer", FaultKind::TlsUnknownIssuer),
    ("unable to get issuer", FaultKind::TlsUnknownIssuer),
    ("in certificate chain", FaultKind::TlsUnknownIssuer),
    ("self_signed_cert_in_chain", FaultKind::TlsUnknownIssuer),
    ("unable_to_get_issuer", FaultKind::TlsUnknownIssuer),
    ("unable_to_verify_leaf", FaultKind::TlsUnknownIssuer),
    ("locally verify the issuer", FaultKind::TlsUnknownIssuer),
    ("0x80090325", FaultKind::TlsUnknownIssuer),
    ("untrusted_root", FaultKind::TlsUnknownIssuer),
    ("untrustedroot", FaultKind::TlsUnknownIssuer),
    ("trust relationship", FaultKind::TlsUnknownIssuer),
    ("partialchain", FaultKind::TlsUnknownIssuer),
    ("not trusted", FaultKind::TlsUnknownIssuer),
    ("self-signed certificate", FaultKind::TlsSelfSigned),
    ("self signed certificate", FaultKind::TlsSelfSigned),
    ("certificate has expired", FaultKind::TlsExpired),
    ("cert_has_expired", FaultKind::TlsExpired),
    ("0x80090328", FaultKind::TlsExpired),
    ("not yet valid", FaultKind::TlsNotYetValid),
    ("0x80090322", FaultKind::TlsWrongName),
    ("wrong_principal", FaultKind::TlsWrongName),
    ("does not match", FaultKind::TlsWrongName),
    (
        "no alternative certificate subject name",
        FaultKind::TlsWrongName,
    ),
    ("hostname mismatch", FaultKind::TlsWrongName),
    ("wrong version number", FaultKind::TlsNotSpoken),
    ("packet length too long", FaultKind::TlsNotSpoken),
    (
        "certificate required",
        FaultKind::TlsClientCertificateWanted,
    ),
    ("certificate file", FaultKind::TlsNoRoots),
    ("certificate verify locations", FaultKind::TlsNoRoots),
    ("protocol version", FaultKind::TlsNoCommonProtocol),
    ("handshake failure", FaultKind::TlsNoCommonProtocol),
    ("0x80090331", FaultKind::TlsNoCommonProtocol),
];

fn tls(words: &str, number: u16) -> FaultKind {
    let found = TLS.iter().find(|(part, _)| words.contains(part));
    if let Some((_, kind)) = found {
        return *kind;
    }
    let is_closed = [
        "reset by peer",
        "ssl_error_syscall",
        "unexpected eof",
        "errno 0",
        "was closed",
        "errno 104",
    ]
    .iter()
    .any(|part| words.contains(part));
    if number == 35 && is_closed {
        return FaultKind::ClosedInHandshake;
    }
    if number == 77 {
        FaultKind::TlsNoRoots
    } else {
        FaultKind::TlsFailed
    }
}

/// What starts or stands in a line in which a client other than curl tells of a fault.
const CLIENTS: [&str; 24] = [
    "invoke-restmethod",
    "invoke-webrequest",
    "irm :",
    "iwr :",
    "http: error",
    "https: error",
    "wget:",
    "failed:",
    "error: cannot verify",
    "unable to establish ssl",
    "proxy tunneling failed",
    "requests.exceptions",
    "urllib",
    "httpsconnectionpool",
    "no data received",
    "caused by",
    "getaddrinfo",
    "fetch failed",
    "error: connect ",
    "errno",
    "self-signed certificate encountered",
    "issued certificate has expired",
    "the remote name could not be resolved",
    "the underlying connection was closed",
];

/// The words by which clients tell of a fault that is none of TLS; the first that fits counts.
static WORDS: [(&str, FaultKind); 30] = [
    ("could not be resolved", FaultKind::Dns),
    ("no such host", FaultKind::Dns),
    ("unable to resolve", FaultKind::Dns),
    ("couldn’t resolve", FaultKind::Dns),
    ("couldn't resolve", FaultKind::Dns),
    ("failed to resolve", FaultKind::Dns),
    ("name or service not known", FaultKind::Dns),
    ("nodename nor servname", FaultKind::Dns),
    ("temporary failure in name resolution", FaultKind::Dns),
    ("getaddrinfo", FaultKind::Dns),
    ("enotfound", FaultKind::Dns),
    ("actively refused", FaultKind::Refused),
    ("connection refused", FaultKind::Refused),
    ("econnrefused", FaultKind::Refused),
    ("unable to connect to the remote server", FaultKind::Refused),
    ("connecttimeout", FaultKind::ConnectTimeout),
    ("connection timed out", FaultKind::ConnectTimeout),
    ("connection attempt failed", FaultKind::ConnectTimeout),
    ("etimedout", FaultKind::ConnectTimeout),
    ("timed out", FaultKind::Timeout),
    ("httpclient.timeout", FaultKind::Timeout),
    ("readtimeout", FaultKind::Timeout),
    ("connection reset", FaultKind::Closed),
    ("econnreset", FaultKind::Closed),
    ("forcibly closed", FaultKind::Closed),
    ("closed unexpectedly", FaultKind::Closed),
    ("remotedisconnected", FaultKind::Closed),
    ("no data received", FaultKind::Closed),
    ("network is unreachable", FaultKind::NoRoute),
    ("no route to host", FaultKind::HostUnreachable),
];

/// Reads a line in which a client other than curl tells of a fault.
pub(super) fn other(line: &str) -> Option<Fault> {
    looks_at(line.len());
    let words = line.to_ascii_lowercase();
    if !CLIENTS.iter().any(|client| words.contains(client)) {
        return None;
    }
    if let Some(proxy) = proxy_in(&words) {
        return Some(proxy);
    }
    if words.contains("(407)") {
        return Some(asks_for_password());
    }
    if words.contains("cannot connect to proxy") || words.contains("proxyerror") {
        return Some(FaultKind::ProxyUnreachable.into());
    }
    let is_tls = ["ssl", "tls", "certificate", "cert_", "cert'"]
        .iter()
        .any(|part| words.contains(part));
    if is_tls {
        return Some(tls(&words, 35).into());
    }
    let found = WORDS.iter().find(|(part, _)| words.contains(part));
    found.map(|(_, kind)| (*kind).into())
}

/// Reads the status that a client other than curl tells, as PowerShell, wget and libraries do.
pub(super) fn status(line: &str) -> Option<u16> {
    const BEFORE: [&str; 12] = [
        "returned an error: (",
        "does not indicate success: ",
        "awaiting response... ",
        "awaiting response… ",
        " error ",
        "<response [",
        "statuscode        : ",
        "statuscode : ",
        "statuscode: ",
        "status code ",
        "status code: ",
        "http error ",
    ];
    let line = line.to_ascii_lowercase();
    let found = BEFORE.iter().find_map(|before| {
        let at = line.find(before)?;
        leading_status(&line[at + before.len()..])
    });
    found.or_else(|| {
        // A line such as “HTTP 401”, “Status: 401 Unauthorized” or “401 Unauthorized”.
        let rest =
            ["http status", "http", "status", "code"]
                .iter()
                .fold(line.trim(), |rest, word| {
                    rest.strip_prefix(word)
                        .unwrap_or(rest)
                        .trim_start_matches([' ', ':', '-', '='])
                });
        let status = leading_status(rest)?;
        let words = rest[3..].trim_matches([' ', '.', '!', ':', '-', '–']);
        let is_short = words.split_whitespace().count() <= 4;
        let is_reason =
            !words.is_empty() && words.chars().all(|c| c.is_ascii_alphabetic() || c == ' ');
        let is_labelled = rest.len() < line.trim().len() && words.is_empty();
        (is_short && (is_reason && REASONS.contains(&words) || is_labelled)).then_some(status)
    })
}

/// The phrases of the statuses that people meet here (RFC 9110, section 15).
const REASONS: [&str; 14] = [
    "ok",
    "bad request",
    "unauthorized",
    "forbidden",
    "not found",
    "proxy authentication required",
    "request timeout",
    "too many requests",
    "internal server error",
    "bad gateway",
    "service unavailable",
    "service temporarily unavailable",
    "gateway timeout",
    "gateway time-out",
];

/// Returns the status that a text begins with.
pub(super) fn leading_status(text: &str) -> Option<u16> {
    let digits = text.get(..3)?;
    let is_longer = text[3..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.');
    let status = digits
        .parse()
        .ok()
        .filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))?;
    ((100..600).contains(&status) && !is_longer).then_some(status)
}

/// Returns the status that the words of a body stand for, in Bitrise's and in others' phrasing.
pub(super) fn status_of_message(message: &str) -> Option<u16> {
    let message = message
        .trim()
        .trim_end_matches(['.', '!'])
        .to_ascii_lowercase();
    Some(match message.as_str() {
        "bad request" => 400,
        "unauthorized" | "you need to log in or sign up before continuing" => 401,
        "forbidden" => 403,
        "not found" => 404,
        "too many requests" | "rate limit exceeded" | "api rate limit exceeded" => 429,
        "internal server error" => 500,
        "bad gateway" => 502,
        "service unavailable" => 503,
        "gateway timeout" | "gateway time-out" => 504,
        _ => return None,
    })
}

//! The errors that clients print when there was no response: curl's by their numbers, those of the
//! others by their words.

use super::work::looks_at;
use crate::exchange::{ProxyFault, ProxyResponse, TlsFaultKind, TransportErrorKind};
use std::io::ErrorKind;

/// What an error of curl's is.
#[derive(Clone, Debug)]
pub(super) enum CurlError {
    /// There was no complete response.
    Fault(TransportErrorKind),
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
        1 if says("http/0.9") => TransportErrorKind::NotHttp,
        1 | 3 => return Some(CurlError::Misread),
        5 => ProxyFault::Dns.into(),
        6 if is_misread_host(&words) => return Some(CurlError::Misread),
        6 => TransportErrorKind::Dns,
        7 if says("proxy") => ProxyFault::Unreachable.into(),
        7 => unreachable(&words),
        8 => TransportErrorKind::NotHttp,
        22 => {
            let status = words
                .rsplit_once(": ")
                .and_then(|(_, status)| leading_status(status));
            return Some(status.map_or(CurlError::Nothing, CurlError::Status));
        }
        23 | 26 | 27 => return Some(CurlError::Nothing),
        28 if says("resolv") => TransportErrorKind::Dns,
        28 if says("connect") => TransportErrorKind::ConnectTimeout,
        28 => TransportErrorKind::Timeout,
        35 | 51 | 53 | 54 | 58 | 59 | 60 | 64 | 66 | 77 | 80 | 82 | 83 | 90 | 91 => {
            tls(&words, number)
        }
        16 | 18 | 52 | 55 | 56 | 92 | 95 | 96 => {
            proxy_in(&words).unwrap_or(TransportErrorKind::Closed)
        }
        61 => TransportErrorKind::Undecodable,
        97 => proxy_in(&words).unwrap_or_else(|| ProxyFault::Refused(None).into()),
        _ => TransportErrorKind::Unknown,
    };
    Some(CurlError::Fault(fault))
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

fn unreachable(words: &str) -> TransportErrorKind {
    if words.contains("unreachable") || words.contains("no route") {
        TransportErrorKind::Unreachable(ErrorKind::NetworkUnreachable)
    } else if words.contains("timed out") {
        TransportErrorKind::ConnectTimeout
    } else {
        TransportErrorKind::Refused
    }
}

/// Reads what a proxy said instead of opening a connection.
fn proxy_in(words: &str) -> Option<TransportErrorKind> {
    let is_proxy = words.contains("connect tunnel failed")
        || words.contains("from proxy after connect")
        || words.contains("tunnel connection failed")
        || words.contains("proxy tunneling failed")
        || words.contains("proxy tunnel request");
    if !is_proxy {
        return words
            .contains("proxy connect aborted")
            .then(|| ProxyFault::Closed.into());
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
        Some(status) => ProxyFault::Refused(Some(Box::new(ProxyResponse::new(status)))).into(),
        None => ProxyFault::Refused(None).into(),
    })
}

fn asks_for_password() -> TransportErrorKind {
    ProxyFault::AuthenticationRequired(Some(Box::new(ProxyResponse::new(407)))).into()
}

/// The words, and the codes of Windows, by which faults of TLS are told; the first that fits counts.
/// Windows' words come in the system's language, its codes don't.
static TLS: [(&str, TlsFaultKind); 32] = [
    ("unable to get local issuer", TlsFaultKind::UnknownIssuer),
    ("unable to get issuer", TlsFaultKind::UnknownIssuer),
    ("in certificate chain", TlsFaultKind::UnknownIssuer),
    ("self_signed_cert_in_chain", TlsFaultKind::UnknownIssuer),
    ("unable_to_get_issuer", TlsFaultKind::UnknownIssuer),
    ("unable_to_verify_leaf", TlsFaultKind::UnknownIssuer),
    ("locally verify the issuer", TlsFaultKind::UnknownIssuer),
    ("0x80090325", TlsFaultKind::UnknownIssuer),
    ("untrusted_root", TlsFaultKind::UnknownIssuer),
    ("untrustedroot", TlsFaultKind::UnknownIssuer),
    ("trust relationship", TlsFaultKind::UnknownIssuer),
    ("partialchain", TlsFaultKind::UnknownIssuer),
    ("not trusted", TlsFaultKind::UnknownIssuer),
    ("self-signed certificate", TlsFaultKind::SelfSigned),
    ("self signed certificate", TlsFaultKind::SelfSigned),
    ("certificate has expired", TlsFaultKind::Expired),
    ("cert_has_expired", TlsFaultKind::Expired),
    ("0x80090328", TlsFaultKind::Expired),
    ("not yet valid", TlsFaultKind::NotYetValid),
    ("0x80090322", TlsFaultKind::WrongName),
    ("wrong_principal", TlsFaultKind::WrongName),
    ("does not match", TlsFaultKind::WrongName),
    (
        "no alternative certificate subject name",
        TlsFaultKind::WrongName,
    ),
    ("hostname mismatch", TlsFaultKind::WrongName),
    ("wrong version number", TlsFaultKind::NotTls),
    ("packet length too long", TlsFaultKind::NotTls),
    (
        "certificate required",
        TlsFaultKind::ClientCertificateWanted,
    ),
    ("certificate file", TlsFaultKind::NoRoots),
    ("certificate verify locations", TlsFaultKind::NoRoots),
    ("protocol version", TlsFaultKind::NoCommonProtocol),
    ("handshake failure", TlsFaultKind::NoCommonProtocol),
    ("0x80090331", TlsFaultKind::NoCommonProtocol),
];

fn tls(words: &str, number: u16) -> TransportErrorKind {
    let found = TLS.iter().find(|(part, _)| words.contains(part));
    if let Some((_, kind)) = found {
        return TransportErrorKind::Tls((*kind).into());
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
        return TransportErrorKind::ClosedInHandshake;
    }
    let kind = if number == 77 {
        TlsFaultKind::NoRoots
    } else {
        TlsFaultKind::Other
    };
    TransportErrorKind::Tls(kind.into())
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
static WORDS: [(&str, TransportErrorKind); 30] = [
    ("could not be resolved", TransportErrorKind::Dns),
    ("no such host", TransportErrorKind::Dns),
    ("unable to resolve", TransportErrorKind::Dns),
    ("couldn’t resolve", TransportErrorKind::Dns),
    ("couldn't resolve", TransportErrorKind::Dns),
    ("failed to resolve", TransportErrorKind::Dns),
    ("name or service not known", TransportErrorKind::Dns),
    ("nodename nor servname", TransportErrorKind::Dns),
    (
        "temporary failure in name resolution",
        TransportErrorKind::Dns,
    ),
    ("getaddrinfo", TransportErrorKind::Dns),
    ("enotfound", TransportErrorKind::Dns),
    ("actively refused", TransportErrorKind::Refused),
    ("connection refused", TransportErrorKind::Refused),
    ("econnrefused", TransportErrorKind::Refused),
    (
        "unable to connect to the remote server",
        TransportErrorKind::Refused,
    ),
    ("connecttimeout", TransportErrorKind::ConnectTimeout),
    ("connection timed out", TransportErrorKind::ConnectTimeout),
    (
        "connection attempt failed",
        TransportErrorKind::ConnectTimeout,
    ),
    ("etimedout", TransportErrorKind::ConnectTimeout),
    ("timed out", TransportErrorKind::Timeout),
    ("httpclient.timeout", TransportErrorKind::Timeout),
    ("readtimeout", TransportErrorKind::Timeout),
    ("connection reset", TransportErrorKind::Closed),
    ("econnreset", TransportErrorKind::Closed),
    ("forcibly closed", TransportErrorKind::Closed),
    ("closed unexpectedly", TransportErrorKind::Closed),
    ("remotedisconnected", TransportErrorKind::Closed),
    ("no data received", TransportErrorKind::Closed),
    (
        "network is unreachable",
        TransportErrorKind::Unreachable(ErrorKind::NetworkUnreachable),
    ),
    (
        "no route to host",
        TransportErrorKind::Unreachable(ErrorKind::HostUnreachable),
    ),
];

/// Reads a line in which a client other than curl tells of a fault.
pub(super) fn other(line: &str) -> Option<TransportErrorKind> {
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
        return Some(ProxyFault::Unreachable.into());
    }
    let is_tls = ["ssl", "tls", "certificate", "cert_", "cert'"]
        .iter()
        .any(|part| words.contains(part));
    if is_tls {
        return Some(tls(&words, 35));
    }
    let found = WORDS.iter().find(|(part, _)| words.contains(part));
    found.map(|(_, kind)| kind.clone())
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

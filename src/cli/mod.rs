//! The edge: arguments, environment, files and the terminal.
//!
//! Invariant: nothing here decides a verdict.

mod diagnose;
mod environment;
mod explain;
mod generate;
mod input;
mod outcome;
mod output;
mod progress;
mod request;
mod sandbox;
mod signals;
mod token_source;
mod usage_error;
mod verify;

use crate::check::CheckId;
use crate::render::SCHEMA;
use crate::sandbox::Scenario;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use environment::Environment;
#[cfg(unix)]
use signal_hook::consts::signal::SIGXFSZ;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, IsTerminal as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
#[cfg(unix)]
use std::sync::Arc;
use std::time::Duration;

/// Tells whether a Bitrise API token will work as a DX connection, and if not, why.
#[derive(Debug, Parser)]
#[command(
    name = "bitrise-dx",
    bin_name = "bitrise-dx",
    version,
    long_version = env!("BITRISE_DX_LONG_VERSION"),
    arg_required_else_help = true,
    after_long_help = format!("{}\n{ENVIRONMENT}\n{EXIT_CODES}", include_str!("help/examples.txt"))
)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Use colours: auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    #[arg(hide_possible_values = true)]
    color: ColorChoice,
}

/// The exit codes, as `--help` shows them.
const EXIT_CODES: &str = include_str!("help/exit_codes.txt");

/// The variables that the program reads, as `--help` shows them.
const ENVIRONMENT: &str = include_str!("help/environment.txt");

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a token with the calls that DX makes, and predict what DX will say
    #[command(after_long_help = format!("{}\n{ENVIRONMENT}\n{EXIT_CODES}", include_str!("help/verify.txt")))]
    Verify(Box<VerifyArgs>),
    /// Judge what somebody pasted: curl commands and what they printed, or a JSON report; offline
    #[command(after_long_help = format!("{}\n{EXIT_CODES}", include_str!("help/diagnose.txt")))]
    Diagnose(DiagnoseArgs),
    /// Explain a verdict, a reason or an HTTP status, offline; without a code, list them all
    Explain(ExplainArgs),
    /// Serve a simulated Bitrise API on this machine
    Sandbox(SandboxArgs),
    /// Print the JSON Schema of the JSON report
    Schema,
    /// Print a shell's completion script
    #[command(after_long_help = include_str!("help/completions.txt"))]
    Completions(CompletionsArgs),
    /// Print the manual page, or write all pages into a folder
    Man(ManArgs),
}

#[derive(Args, Debug)]
struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
struct ManArgs {
    /// Write the page of each command into this folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct VerifyArgs {
    #[arg(long, value_name = "PATH", help_heading = "Token")]
    #[arg(
        help = "Read the token from a file, “-” for standard input [default: the environment \
                  variable BITRISE_TOKEN, else a hidden prompt]"
    )]
    token_file: Option<PathBuf>,

    /// Check this app, by its slug or its address on Bitrise, instead of the first one in the list;
    /// can be repeated
    #[arg(long, value_name = "APP", help_heading = "What to check")]
    #[arg(conflicts_with_all = ["all_apps", "apps_file"])]
    app: Vec<OsString>,

    /// Check every app on every page of the list
    #[arg(long, help_heading = "What to check", conflicts_with = "apps_file")]
    all_apps: bool,

    /// Check the apps in a file: one slug or address a line, a CSV file or a JSON array; “-” for
    /// standard input
    #[arg(long, value_name = "PATH", help_heading = "What to check")]
    apps_file: Option<PathBuf>,

    /// Also read one pipeline run of each checked app, the third endpoint that DX uses
    #[arg(long, help_heading = "What to check")]
    pipeline_details: bool,

    /// Check against the built-in simulated Bitrise, with a made-up token
    #[arg(long, value_name = "SCENARIO", num_args = 0..=1, default_missing_value = "healthy")]
    #[arg(value_parser = scenario(), help_heading = "What to check")]
    #[arg(conflicts_with_all = ["token_file", "base_url", "ca_cert"])]
    sandbox: Option<Scenario>,

    #[arg(long, value_name = "URL", help_heading = "Connection")]
    #[arg(
        help = "Bitrise API address, with its version [env: BITRISE_API_BASE_URL] [default: \
                  https://api.bitrise.io/v0.1]"
    )]
    base_url: Option<OsString>,

    /// Trust one more root certificate, in PEM or DER, in addition to the system's
    #[arg(long, value_name = "PATH", help_heading = "Connection")]
    ca_cert: Option<PathBuf>,

    /// Timeout of one attempt, such as 500ms or 2m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time, help_heading = "Connection")]
    timeout: Duration,

    /// Maximum time of the whole run
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = time, help_heading = "Connection")]
    max_time: Duration,

    /// Retries after a transient failure: no connection, timeout, 408, 429, 5xx
    #[arg(long, value_name = "N", help_heading = "Connection")]
    #[arg(default_value_t = 2, value_parser = |text: &str| number(text, 0..=100_u32))]
    retries: u32,

    /// Maximum concurrent requests, 1 to 64
    #[arg(long, value_name = "N", help_heading = "Connection")]
    #[arg(default_value_t = 8, value_parser = |text: &str| number(text, 1..=64_u8))]
    concurrency: u8,

    #[command(flatten)]
    output: OutputArgs,
}

/// Who reads the report, and how much of it.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Output")]
struct OutputArgs {
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "human")]
    output: Format,

    /// Also write the report to a file: .json, .md, .xml (JUnit) or .html; can be repeated
    #[arg(long, value_name = "PATH")]
    report: Vec<PathBuf>,

    /// Print the result's line alone
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,

    /// Print the evidence in any case, and each retry
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Args, Debug)]
#[command(mut_arg("output", |arg| arg.value_parser(formats_of_diagnose())))]
#[command(mut_arg("verbose", |arg| arg.help("Print what was read in any case")))]
struct DiagnoseArgs {
    /// The text; standard input without it or for “-”
    #[arg(value_name = "FILE", default_value = input::STANDARD_INPUT, hide_default_value = true)]
    file: PathBuf,

    /// Which of DX's two commands printed a response, if the text does not tell
    #[arg(long, value_name = "STEP", value_parser = step())]
    step: Option<CheckId>,

    #[command(flatten)]
    output: OutputArgs,
}

/// Returns the parser for a step's name.
fn step() -> impl TypedValueParser<Value = CheckId> {
    let apps = PossibleValue::new("apps").help("The first: list the apps");
    let pipelines = PossibleValue::new("pipelines").help("The second: read an app's pipelines");
    PossibleValuesParser::new([apps, pipelines]).map(|name| match &*name {
        "apps" => CheckId::AppsList,
        _ => CheckId::PipelinesList,
    })
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum Format {
    /// Text for people
    #[default]
    Human,
    /// One JSON document, described by `bitrise-dx schema`
    Json,
    /// Markdown for a ticket, a step summary or an annotation
    Markdown,
    /// JUnit XML, one case a check
    Junit,
    /// Annotations for GitHub Actions
    Github,
    /// A page for a browser; too much for a terminal, so it is for --report alone.
    #[value(skip)]
    Html,
    /// The answer to whoever pasted a text; `verify` has none.
    #[value(skip)]
    Reply,
}

/// Returns the formats of `diagnose`: those of `verify`, and the reply.
fn formats_of_diagnose() -> impl TypedValueParser<Value = Format> {
    let all = Format::value_variants().iter();
    let reply = PossibleValue::new("reply").help("The answer to send back, alone");
    let names = all.filter_map(Format::to_possible_value).chain([reply]);
    PossibleValuesParser::new(names)
        .map(|name| Format::from_str(&name, false).unwrap_or(Format::Reply))
}

#[derive(Args, Debug)]
struct ExplainArgs {
    #[arg(
        help = "A verdict, a reason or an HTTP status, such as invalid_permissions, tls_failure \
                  or 404"
    )]
    #[arg(value_name = "CODE", ignore_case = true, hide_possible_values = true)]
    #[arg(value_parser = explain::Codes)]
    code: Option<String>,
}

#[derive(Args, Debug)]
struct SandboxArgs {
    /// Port, or loopback address and port, to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = address)]
    listen: SocketAddr,

    /// What the simulated Bitrise does
    #[arg(long, value_name = "SCENARIO", default_value = "healthy")]
    #[arg(value_parser = scenario())]
    scenario: Scenario,

    /// Delay before each response, such as 50ms
    #[arg(long, value_name = "TIME", value_parser = time)]
    latency: Option<Duration>,

    /// Number of apps, if the scenario lists any [default: the scenario's own number]
    #[arg(long, value_name = "N")]
    #[arg(value_parser = |text: &str| number(text, 1..=20_000_u16))]
    apps: Option<u16>,
}

/// Returns the parser for a scenario's name.
fn scenario() -> impl TypedValueParser<Value = Scenario> {
    let value = |scenario: &Scenario| {
        PossibleValue::new(scenario.as_str())
            .alias(scenario.as_str().replace('-', "_"))
            .help(scenario.summary())
    };
    PossibleValuesParser::new(Scenario::ALL.iter().map(value))
        .try_map(|name| Scenario::named(&name.replace('_', "-")).ok_or("no scenario"))
}

/// Reads a time such as `30s`. Times over a day are refused, since they are a slip of the pen.
///
/// Like the words of the other readers here, those of its errors hold nothing that was typed.
fn time(text: &str) -> Result<Duration, &'static str> {
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("a time is more than nothing, as in 500ms, 30s or 2m"),
        Ok(time) if time <= LONGEST => Ok(time),
        Ok(_) | Err(humantime::DurationError::NumberOverflow) => Err("a time is at most 24h"),
        Err(_) => Err("a time has a unit, as in 500ms, 30s or 2m"),
    }
}

/// Reads a whole number of a range.
fn number<N>(text: &str, range: RangeInclusive<N>) -> Result<N, String>
where
    N: FromStr + PartialOrd + Display,
{
    let (least, most) = (range.start(), range.end());
    text.parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("it takes a whole number from {least} to {most}"))
}

/// Reads the address that the sandbox listens on: with its port, or one of both alone.
fn address(text: &str) -> Result<SocketAddr, &'static str> {
    const EXPECTED: &str = "it takes a port or a loopback address, as in 8080 or 127.0.0.1:8080";
    const NOT_HERE: &str = "the sandbox is for this machine alone: it takes a port or a loopback \
                            address, as in 8080 or 127.0.0.1:8080";
    let here = Ipv4Addr::LOCALHOST;
    let text = text.strip_prefix("localhost").unwrap_or(text);
    let port = text.strip_prefix(':').unwrap_or(text);
    let address = match (port.parse(), text.parse::<IpAddr>()) {
        _ if text.is_empty() => (here, 0).into(),
        (Ok(port), _) => (here, port).into(),
        (Err(_), Ok(ip)) => (ip, 0).into(),
        (Err(_), Err(_)) => text.parse::<SocketAddr>().map_err(|_| EXPECTED)?,
    };
    let is_here = address.ip().is_loopback();
    is_here.then_some(address).ok_or(NOT_HERE)
}

/// Runs the program with these arguments and returns its exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    output::install_panic_message();
    // So that a write past the limit for a file's size ends in an error: without a handler, the system
    // ends the process and leaves a draft behind.
    #[cfg(unix)]
    drop(signal_hook::flag::register(SIGXFSZ, Arc::default()));
    let environment = Environment::read();
    choose_colors(ColorChoice::Auto, &environment);
    let args: Vec<OsString> = args.into_iter().collect();
    let result = match Cli::try_parse_from(&args) {
        Err(error) => usage_error::report(&args, error, &environment),
        Ok(cli) => {
            choose_colors(cli.color, &environment);
            match &cli.command {
                Command::Verify(args) => verify::run(args, &environment),
                Command::Diagnose(args) => diagnose::run(args, &environment),
                Command::Explain(args) => explain::run(args, &environment),
                Command::Sandbox(args) => sandbox::run(args),
                Command::Completions(args) => generate::completions(args),
                Command::Man(args) => generate::man(args),
                Command::Schema => output::print(SCHEMA).map(|()| ExitCode::SUCCESS),
            }
        }
    };
    result.unwrap_or_else(|error| {
        output::complain(&format!("error: {error:#}\n"));
        ExitCode::FAILURE
    })
}

/// Chooses whether there are colours: the option comes first, then the variables, then whether
/// there is a terminal.
fn choose_colors(option: ColorChoice, environment: &Environment) {
    let is_terminal = io::stdout().is_terminal();
    match (option, environment.color) {
        (ColorChoice::Always, _) | (ColorChoice::Auto, Some(true)) => anstream::ColorChoice::Always,
        (ColorChoice::Auto, None) if is_terminal => anstream::ColorChoice::Auto,
        (ColorChoice::Never | ColorChoice::Auto, _) => anstream::ColorChoice::Never,
    }
    .write_global();
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_have_a_unit_and_a_bound() {
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(time("24h"), Ok(Duration::from_secs(24 * 60 * 60)));
        for (text, words) in [
            ("", "has a unit"),
            ("30", "has a unit"),
            ("-1s", "has a unit"),
            ("soon", "has a unit"),
            ("0s", "more than nothing"),
            ("0", "more than nothing"),
            ("25h", "at most 24h"),
            ("99999999999999999999s", "at most 24h"),
        ] {
            assert!(time(text).unwrap_err().contains(words), "{text}");
        }
    }

    #[test]
    fn numbers_have_bounds() {
        assert_eq!(number("0", 0..=100), Ok(0_u32));
        assert_eq!(number("64", 1..=64), Ok(64_u8));
        for text in ["", "0", "-1", "65", "300", "4294967296", "1.5", "x"] {
            let refused = Err("it takes a whole number from 1 to 64".to_owned());
            assert_eq!(number(text, 1..=64_u8), refused, "{text}");
        }
    }

    #[test]
    fn a_port_alone_is_one_of_this_machine() {
        for (text, expected) in [
            ("8080", "127.0.0.1:8080"),
            (":8080", "127.0.0.1:8080"),
            ("0", "127.0.0.1:0"),
            ("localhost:8080", "127.0.0.1:8080"),
            ("localhost", "127.0.0.1:0"),
            ("127.0.0.1", "127.0.0.1:0"),
            ("127.0.0.2:8080", "127.0.0.2:8080"),
            ("[::1]:8080", "[::1]:8080"),
            ("::1", "[::1]:0"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), expected, "{text}");
        }
        for (text, words) in [
            ("0.0.0.0:8080", "this machine alone"),
            ("[::]:8080", "this machine alone"),
            ("192.0.2.1", "this machine alone"),
            ("example.com:8080", "127.0.0.1:8080"),
            ("99999", "127.0.0.1:8080"),
        ] {
            assert!(address(text).unwrap_err().contains(words), "{text}");
        }
    }

    #[test]
    fn the_exit_codes_in_the_help_are_those_of_the_verdicts() {
        for verdict in crate::verdict::Verdict::ALL {
            let row = format!("  {}  {:<19}", verdict.exit_code(), verdict.as_str());
            assert!(EXIT_CODES.contains(&row), "{row}");
        }
    }
}

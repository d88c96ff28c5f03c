//! `bitrise-dx completions` and `bitrise-dx man`: made from the arguments themselves, so that they
//! can't lag behind.

use super::{Cli, CompletionsArgs, ManArgs, output};
use crate::diagnosis;
use crate::plan;
use anyhow::anyhow;
use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::{fs, io, iter};

/// Prints a shell's completion script.
///
/// # Errors
/// Returns an error if the text could not be written.
pub(super) fn completions(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let codes: Vec<_> = diagnosis::codes().collect();
    // Statuses are codes, too, but need not be offered.
    let offered = PossibleValuesParser::new(&codes);
    let explain = |explain: Command| explain.mut_arg("code", |code| code.value_parser(offered));
    let mut command = Cli::command().mut_subcommand("explain", explain);
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "bitrise-dx", &mut script);
    let mut script = String::from_utf8(script)?;
    if args.shell == Shell::Fish {
        // The library leaves out for fish what an argument without a name may be.
        let codes = codes.join(" ");
        writeln!(
            script,
            "complete -c bitrise-dx -n \"__fish_seen_subcommand_from explain\" -f -a \"{codes}\""
        )?;
    }
    // For bash, the library writes a dash in the program's name in two ways, of which one is never
    // reached (https://github.com/clap-rs/clap/issues/6421).
    output::print(&script.replace("bitrise__subcmd__dx", "bitrise__dx"))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual's first page, or writes all pages into a folder.
///
/// # Errors
/// Returns an error if the text could not be written.
pub(super) fn man(args: &ManArgs) -> anyhow::Result<ExitCode> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let Some(folder) = &args.dir else {
        return output::print(&page(&command)?).map(|()| ExitCode::SUCCESS);
    };
    let write = || {
        fs::create_dir_all(folder)?;
        for command in iter::once(&command).chain(command.get_subcommands()) {
            let name = command.get_display_name().unwrap_or(command.get_name());
            fs::write(folder.join(name).with_extension("1"), page(command)?)?;
        }
        io::Result::Ok(())
    };
    write().map_err(|error| {
        let (folder, why) = (plan::quoted(folder), plan::words(&error));
        anyhow!("can't write the pages into {folder}: {why}")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the page of a command. What stands behind its help becomes sections, each with the name
/// that manuals have for it.
fn page(command: &Command) -> io::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone().after_long_help(None))
        .date(env!("BITRISE_DX_DATE"))
        .source(concat!("bitrise-dx ", env!("CARGO_PKG_VERSION")))
        .manual("bitrise-dx manual")
        .render(&mut page)?;
    let mut page = String::from_utf8_lossy(&page).into_owned();
    let more = command.get_after_long_help().map(ToString::to_string);
    for paragraph in more.as_deref().unwrap_or_default().split("\n\n") {
        let Some((heading, body)) = paragraph.split_once('\n') else {
            continue;
        };
        let name = match heading.split([' ', ':']).next() {
            Some("Exit") => "EXIT STATUS".to_owned(),
            Some(name) => name.to_uppercase(),
            None => continue,
        };
        // As it stands, without filling lines up; no line may start a macro.
        let body = body.replace('\\', "\\e").replace('-', "\\-");
        let lines: Vec<_> = body.lines().map(|line| format!("\\&{line}\n")).collect();
        page.extend([".SH \"", &name, "\"\n.nf\n", &lines.concat(), ".fi\n"]);
    }
    Ok(page)
}

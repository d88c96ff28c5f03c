//! `bitrise-dx completions` and `bitrise-dx man`: made from the arguments themselves, so that they
//! can't lag behind.

use super::{Cli, CompletionsArgs, ManArgs, explain, output};
use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use std::fs;
use std::process::ExitCode;

/// Prints a shell's completion script.
///
/// # Errors
/// Returns an error where the text could not be written.
pub(super) fn completions(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    let mut command = visible(&Cli::command());
    clap_complete::generate(args.shell, &mut command, "bitrise-dx", &mut script);
    let mut script = String::from_utf8(script)?;
    if args.shell == Shell::Fish {
        // The library leaves out for fish what an argument without a name may be.
        let codes = explain::codes().collect::<Vec<_>>().join(" ");
        script.push_str(&format!(
            "complete -c bitrise-dx -n \"__fish_seen_subcommand_from explain\" -f -a \"{codes}\"\n"
        ));
    }
    // For bash, the library writes a dash in the program's name in two ways, of which one is never
    // reached (https://github.com/clap-rs/clap/issues/6421).
    output::print(&script.replace("bitrise__subcmd__dx", "bitrise__dx"))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual's first page, or writes all pages into a folder.
///
/// # Errors
/// Returns an error where the text could not be written.
pub(super) fn man(args: &ManArgs) -> anyhow::Result<ExitCode> {
    let command = visible(&Cli::command()).disable_help_subcommand(true);
    if let Some(folder) = &args.dir {
        let write =
            fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder));
        write.with_context(|| format!("the pages could not be written to {}", folder.display()))?;
    } else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        output::print(&String::from_utf8(page)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the command without the arguments that exist to be refused: they are hidden, and no
/// shell must offer them.
fn visible(command: &Command) -> Command {
    let args = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let mut copy = Command::new(command.get_name().to_owned())
        .args(args.cloned())
        .subcommands(command.get_subcommands().map(visible));
    if let Some(about) = command.get_about() {
        copy = copy.about(about.clone());
    }
    if let Some(version) = command.get_version() {
        copy = copy.version(version.to_owned());
    }
    if let Some(help) = command.get_after_long_help() {
        copy = copy.after_long_help(help.clone());
    }
    copy
}

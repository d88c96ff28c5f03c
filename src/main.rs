//! The program's entry; everything is in the library.

fn main() -> std::process::ExitCode {
    bitrise_dx::cli::main(std::env::args_os())
}

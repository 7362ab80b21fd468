//! `sdctl`: the command line of http-sd-lambda.

use std::process::ExitCode;

fn main() -> ExitCode {
    sdctl::main()
}

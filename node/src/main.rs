//! `hanzo-node`: the worker's command line.

fn main() -> std::process::ExitCode {
    hanzo_node::run_command_line()
}

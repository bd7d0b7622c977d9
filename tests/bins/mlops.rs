//! `kubectl-mlops` as the tests run it.
fn main() -> std::process::ExitCode {
    mlops_umbrella::main()
}

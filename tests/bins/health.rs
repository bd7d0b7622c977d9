//! `kubectl-mlops-health` as the tests run it.
fn main() -> std::process::ExitCode {
    mlops_health::main()
}

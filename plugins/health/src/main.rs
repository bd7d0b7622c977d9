//! The binary `kubectl-mlops-health`.
fn main() -> std::process::ExitCode {
    mlops_health::main()
}

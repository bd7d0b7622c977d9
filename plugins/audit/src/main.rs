//! The binary `kubectl-mlops-audit`.
fn main() -> std::process::ExitCode {
    mlops_audit::main()
}

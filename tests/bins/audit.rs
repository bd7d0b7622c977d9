//! `kubectl-mlops-audit` as the tests run it.
fn main() -> std::process::ExitCode {
    mlops_audit::main()
}

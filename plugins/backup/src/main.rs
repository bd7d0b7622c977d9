//! The binary `kubectl-mlops-backup`.
fn main() -> std::process::ExitCode {
    mlops_backup::main()
}

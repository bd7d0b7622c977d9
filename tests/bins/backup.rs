//! `kubectl-mlops-backup` as the tests run it.
fn main() -> std::process::ExitCode {
    mlops_backup::main()
}

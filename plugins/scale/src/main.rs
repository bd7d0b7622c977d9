//! The binary `kubectl-mlops-scale`.
fn main() -> std::process::ExitCode {
    mlops_scale::main()
}

//! `kubectl-mlops-scale` as the tests run it.
fn main() -> std::process::ExitCode {
    mlops_scale::main()
}

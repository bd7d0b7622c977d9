//! The binary `kubectl-mlops`; called `flux-mlops` it is the plugin of flux.
fn main() -> std::process::ExitCode {
    mlops_umbrella::main()
}

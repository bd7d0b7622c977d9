//! Tests against a real control plane: `cargo test -p mlops-tests --features cluster --test cluster`.

//! Tests against a real control plane: `cargo test -p mlops-tests --features cluster --test cluster`.

mod accounts;
mod audit;
mod backup;
mod clean_up;
mod completion;
mod control_plane;
mod distribution;
mod faults;
mod flux;
mod flux_states;
mod follow;
mod health;
mod kwok;
mod nightly;
mod objects;
mod ownership;
mod proxy;
mod restore;
mod roles;
mod scale;
mod scale_git;
mod states;
mod usage;
mod users;
mod versions;
mod workload_states;

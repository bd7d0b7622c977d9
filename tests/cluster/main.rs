//! Tests against a real control plane: `cargo test -p mlops-tests --features cluster --test cluster`.

mod control_plane;
mod faults;
mod flux;
mod follow;
mod health;
mod kwok;
mod objects;
mod proxy;
mod states;
mod usage;
mod users;

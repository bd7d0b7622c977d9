//! What the kubectl-mlops plugins share, from the ground up: a module uses only those above it in this list.

// The macro `record!` names this crate, in itself and in the plugins.
extern crate self as mlops_shared;

/// The allocator of static binaries: the one of musl is slow.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

pub mod text;

pub mod object;

pub mod report;

pub mod platform;

pub mod ownership;

pub mod health;

pub mod archive;

pub mod source;

pub mod cluster;

pub mod tools;

pub mod gitops;

pub mod cli;

//! What the kubectl-mlops plugins share, from the ground up: a module uses only those above it in this list.

pub mod text;

pub mod object;

pub mod report;

pub mod platform;

pub mod ownership;

pub mod health;

pub mod source;

pub mod cluster;

pub mod tools;

pub mod cli;

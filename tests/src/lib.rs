//! The harness of the suite's tests.

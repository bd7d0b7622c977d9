//! To come: fixtures.

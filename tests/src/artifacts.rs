//! To come: artifacts.

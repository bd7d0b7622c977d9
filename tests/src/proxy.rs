//! To come: proxy.

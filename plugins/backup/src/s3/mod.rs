//! Object stores that speak S3, for paths `s3://BUCKET/KEY`. The rest of the plugin works on files and waits for them;
//! so the requests run on a thread of their own, and whoever asks waits there too, within a runtime or outside of one.

mod address;
mod bucket;
mod flags;
mod profile;
mod reader;
mod told;
mod upload;
mod wire;
mod worker;
mod xml;

pub(crate) use address::{Address, is_remote};
pub(crate) use bucket::{Bucket, Place};
pub(crate) use flags::S3Args;
pub(crate) use reader::Reader;
pub(crate) use upload::{Signer, Upload};

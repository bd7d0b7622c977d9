//! The macro that declares a record: every field optional, `null` read as absent, unknown fields skipped.

use serde::{Deserialize, Deserializer};

/// Reads a field, with `null` as its default: Go writes empty lists and times that way.
///
/// # Errors
/// When the field has another type.
pub fn nullable<'de, D, T>(input: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(input)?.unwrap_or_default())
}

/// Declares structs as Kubernetes objects are read: camelCase names, all fields optional, null read as absent.
#[macro_export]
macro_rules! record {
    ($($(#[$outer:meta])* $vis:vis struct $name:ident { $($(#[$field_meta:meta])* $field:ident : $ty:ty,)* })*) => {$(
        $(#[$outer])*
        #[derive(Debug, Default, Clone, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        $vis struct $name {
            $(
                $(#[$field_meta])*
                #[serde(deserialize_with = "mlops_shared::object::nullable")]
                $vis $field: $ty,
            )*
        }
    )*};
}
pub(super) use record;

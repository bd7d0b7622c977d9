//! Finding codes: stable names, and what `explain` says of each.

/// A kind of finding. Codes are constants; a report names them by `id`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Code {
    /// The stable name: `pod-crash-loop`.
    pub id: &'static str,
    /// One line: what it is.
    pub title: &'static str,
    /// What it means and how it comes about.
    pub meaning: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// Declares codes as constants and lists them in a `CODES` slice.
///
/// One row a code: `NAME = "id", "title", "meaning", "remedy";`
macro_rules! codes {
    ($($name:ident = $id:literal, $title:literal, $meaning:literal, $remedy:literal;)*) => {
        $(
            #[doc = $title]
            pub(crate) static $name: $crate::report::Code =
                $crate::report::Code { id: $id, title: $title, meaning: $meaning, remedy: $remedy };
        )*
        /// The codes of this file, for the table of all codes.
        pub(crate) static CODES: &[&$crate::report::Code] = &[$(&$name),*];
    };
}
pub(crate) use codes;

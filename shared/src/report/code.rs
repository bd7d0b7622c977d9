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
    /// What becomes of it when nobody does anything.
    pub outlook: Outlook,
}

/// What becomes of a finding when nobody does anything: what a wait for health goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Outlook {
    /// It may go away by itself, or when its cause does.
    #[default]
    Open,
    /// As a root cause it does not go away by itself once it has stood for so many seconds. As the
    /// effect of another finding it goes with that.
    Stuck(u32),
    /// An end: it stays until somebody changes something, even when its cause is gone.
    Final,
    /// Work that ends by itself, a state that a wait does not wait for.
    Work,
}

impl Outlook {
    /// The sentence that `explain` and the table of codes print.
    pub fn sentence(self) -> String {
        match self {
            Self::Open => "It may go away by itself; `--wait` waits for that.".to_owned(),
            Self::Stuck(0) => {
                "It does not go away by itself unless it is the effect of something else; `--wait` fails at once."
                    .to_owned()
            }
            Self::Stuck(seconds) => format!(
                "It does not go away by itself once it has stood for {seconds} seconds, unless it is the effect of something else; `--wait` fails then."
            ),
            Self::Final => "It stays until somebody changes something; `--wait` fails at once.".to_owned(),
            Self::Work => "It ends by itself and is no trouble; `--wait` does not wait for it.".to_owned(),
        }
    }
}

/// Declares codes as constants and lists them in a `CODES` slice.
///
/// One row a code: `NAME = "id", "title", "meaning", "remedy";`. A row may end with its
/// [`Outlook`], which is `Open` without one: `…, "remedy", Final;` or `…, "remedy", Stuck 300;`.
#[macro_export]
macro_rules! codes {
    (@outlook) => { $crate::report::Outlook::Open };
    (@outlook $name:ident) => { $crate::report::Outlook::$name };
    (@outlook $name:ident $seconds:literal) => { $crate::report::Outlook::$name($seconds) };
    ($($name:ident = $id:literal, $title:literal, $meaning:literal, $remedy:literal
        $(, $outlook:ident $($seconds:literal)?)?;)*) => {
        $(
            #[doc = $title]
            pub(crate) static $name: $crate::report::Code = $crate::report::Code {
                id: $id,
                title: $title,
                meaning: $meaning,
                remedy: $remedy,
                outlook: $crate::codes!(@outlook $($outlook $($seconds)?)?),
            };
        )*
        /// The codes of this file, for the table of all codes.
        pub(crate) static CODES: &[&$crate::report::Code] = &[$(&$name),*];
    };
}
pub(crate) use codes;

//! Enums whose variants have a name that scripts read.
//!
//! Invariant: a name stands once, beside its variant, and so does what else is known of it.

/// Declares an enum whose variants have names: `Variant = "name"`.
///
/// Beside the usual traits it gets `ALL`, `as_str`, `named` (the way back), and serde's
/// `Serialize` and `Deserialize` by name. An unknown name is an error for `Deserialize`.
///
/// It may be a table with more columns: `Variant = "name" (3, true)`. They stand behind the enum with
/// their types, `pub weight: u8, pub is_known: bool`, and each becomes a method.
macro_rules! names {
    (
        $(#[$meta:meta])*
        $vis:vis enum $type:ident {
            $($(#[$doc:meta])* $variant:ident = $name:literal $(($($cell:expr),+))?),+ $(,)?
        }
        $($columns:tt)*
    ) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, Eq, Hash, PartialEq, ::serde::Deserialize, ::serde::Serialize,
        )]
        $vis enum $type { $($(#[$doc])* #[serde(rename = $name)] $variant),+ }

        impl $type {
            /// Lists every variant, in the order in which they are documented.
            $vis const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the name that scripts read.
            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// Returns the variant with a name.
            $vis fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == name)
            }
        }

        $crate::names::columns! { $type [$($variant ($($($cell),+)?)),+] $($columns)* }
    };
}

/// Declares a method for each column of a table: it takes the first cell of each row, and leaves the
/// others to the columns behind it.
macro_rules! columns {
    ($type:ident [$($variant:ident ()),+]) => {};
    (
        $type:ident [$($variant:ident ($cell:expr $(, $others:expr)*)),+]
        $(#[$doc:meta])* $vis:vis $column:ident: $kind:ty $(, $($columns:tt)*)?
    ) => {
        impl $type {
            $(#[$doc])*
            $vis const fn $column(self) -> $kind {
                match self { $(Self::$variant => $cell),+ }
            }
        }

        $crate::names::columns! { $type [$($variant ($($others),*)),+] $($($columns)*)? }
    };
}

pub(crate) use {columns, names};

#[cfg(test)]
mod tests {
    super::names! {
        /// Two.
        enum Two {
            /// The first.
            First = "the.first" (1, None),
            /// The second.
            Second = "second" (2, Some(Two::First)),
        }

        /// Its number.
        number: u8,
        /// The one before it.
        before: Option<Two>,
    }

    #[test]
    fn a_name_leads_there_and_back() {
        assert_eq!(Two::ALL, [Two::First, Two::Second]);
        assert_eq!(Two::named("second"), Some(Two::Second));
        assert_eq!(Two::named("Second"), None);
        assert_eq!(Two::Second.number(), 2);
        assert_eq!(Two::Second.before(), Some(Two::First));
        let json = serde_json::to_string(Two::ALL).unwrap();
        assert_eq!(json, r#"["the.first","second"]"#);
        let back: Vec<Two> = serde_json::from_str(&json).unwrap();
        assert_eq!(back, Two::ALL);
        assert!(serde_json::from_str::<Two>("\"third\"").is_err());
    }
}

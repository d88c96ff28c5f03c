//! Enums whose variants have a name that scripts read.
//!
//! Invariant: a name stands once, beside its variant.

/// Declares an enum whose variants have names: `Variant = "name"`.
///
/// Beside the usual traits it gets `ALL`, `as_str`, `named` (the way back), and serde's
/// `Serialize` and `Deserialize` by name. An unknown name is an error for `Deserialize`.
macro_rules! names {
    (
        $(#[$meta:meta])*
        $vis:vis enum $type:ident {
            $($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?
        }
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
    };
}

pub(crate) use names;

#[cfg(test)]
mod tests {
    super::names! {
        /// Two.
        enum Two {
            /// The first.
            First = "the.first",
            /// The second.
            Second = "second",
        }
    }

    #[test]
    fn a_name_leads_there_and_back() {
        assert_eq!(Two::ALL, [Two::First, Two::Second]);
        assert_eq!(Two::named("second"), Some(Two::Second));
        assert_eq!(Two::named("Second"), None);
        let json = serde_json::to_string(Two::ALL).unwrap();
        assert_eq!(json, r#"["the.first","second"]"#);
        let back: Vec<Two> = serde_json::from_str(&json).unwrap();
        assert_eq!(back, Two::ALL);
        assert!(serde_json::from_str::<Two>("\"third\"").is_err());
    }
}

//! An app as Bitrise names it.
//!
//! Invariant: a [`Slug`] was looked at once, when it was made; nobody checks one again.

use crate::text::Untrusted;
use serde::{Deserialize, Serialize};
use std::ops::Deref;

/// The maximum length of a slug, in bytes; Bitrise's have 16 or 36.
const MAX_SLUG: usize = 256;

/// An identifier of Bitrise's, opaque, that can be one path segment of a request.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "String")]
pub struct Slug(Untrusted);

impl TryFrom<String> for Slug {
    type Error = &'static str;

    /// Takes a text that can be a path segment of its own: it is not empty, `.`, `..` or longer than
    /// 256 bytes.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_usable = !matches!(&*text, "" | "." | "..") && text.len() <= MAX_SLUG;
        is_usable
            .then(|| Self(Untrusted::new(text)))
            .ok_or("no slug")
    }
}

impl Deref for Slug {
    type Target = Untrusted;

    fn deref(&self) -> &Untrusted {
        &self.0
    }
}

/// What the list of apps says of one app, or its slug alone if the list was silent
/// (spec: `v0.AppResponseItemModel`).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct App {
    /// The app's slug, Bitrise's name for its identifier.
    pub slug: Slug,
    /// The app's title.
    pub title: Option<Untrusted>,
    /// The name of the workspace that owns the app (`owner.name`).
    pub workspace: Option<Untrusted>,
    /// The slug of that workspace (`owner.slug`).
    pub workspace_slug: Option<Untrusted>,
    /// Whether the owner is a person and not a workspace (`owner.account_type` is `user`).
    pub is_owned_by_user: bool,
    /// Whether the app is disabled on Bitrise (`is_disabled`); it is listed all the same.
    pub is_disabled: bool,
}

impl App {
    /// Returns an app of which nothing but the slug is known.
    pub const fn unlisted(slug: Slug) -> Self {
        Self {
            slug,
            title: None,
            workspace: None,
            workspace_slug: None,
            is_owned_by_user: false,
            is_disabled: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Slug;

    #[test]
    fn a_slug_is_one_path_segment() {
        for text in ["93f256e365d929d3", "a b", "...", &"x".repeat(256)] {
            assert_eq!(Slug::try_from(text.to_owned()).unwrap().raw(), text);
        }
        for text in ["", ".", "..", &"x".repeat(257)] {
            assert!(Slug::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}

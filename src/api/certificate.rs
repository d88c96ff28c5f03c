//! What a certificate says of itself, read from its bytes (DER; RFC 5280, section 4.1).
//!
//! Invariant: nothing is decided by it. Whether a certificate is trusted is the TLS library's affair.

/// The identifiers of a common name, of an organization, and of the extension that marks an authority.
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANIZATION: &[u8] = &[0x55, 4, 10];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];

/// The tags of a certificate's version and extensions, and the value of a flag that is set.
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const TRUE: &[u8] = &[0xff];

/// The parts of a certificate that tell whose it is.
pub(super) struct Certificate<'a> {
    issuer: &'a [u8],
    subject: &'a [u8],
    extensions: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Reads a certificate, or returns nothing if it is none.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let signed = values(bytes).next()?;
        let content = values(values(signed.1).next()?.1);
        // Its number, the algorithm, who issued it, from when to when, for whom.
        let mut fields = content.skip_while(|(tag, _)| *tag == VERSION);
        let issuer = fields.nth(2)?.1;
        let subject = fields.nth(1)?.1;
        let extensions = fields.find(|(tag, _)| *tag == EXTENSIONS);
        Some(Self {
            issuer,
            subject,
            extensions: extensions.map_or(&[], |(_, held)| held),
        })
    }

    /// Tells whether it was issued by the one that it is for.
    pub(super) fn is_self_signed(&self) -> bool {
        self.issuer == self.subject
    }

    /// Tells whether it is one that signs others.
    pub(super) fn is_authority(&self) -> bool {
        let mut extensions = values(self.extensions).flat_map(|(_, list)| values(list));
        extensions.any(|(_, extension)| {
            let mut parts = values(extension);
            let is_wanted = parts.next().is_some_and(|(_, id)| id == BASIC_CONSTRAINTS);
            let mut flags = parts.last().into_iter().flat_map(|(_, text)| values(text));
            is_wanted && flags.any(|(_, held)| values(held).any(|(_, flag)| flag == TRUE))
        })
    }

    /// Returns what the issuer calls itself: its common name, else its organization, else what there is.
    pub(super) fn issuer(&self) -> Option<String> {
        let parts = values(self.issuer).flat_map(|(_, set)| values(set));
        let parts = parts.filter_map(|(_, part)| {
            let mut part = values(part);
            let (id, text) = (part.next()?.1, String::from_utf8_lossy(part.next()?.1));
            (!text.trim().is_empty()).then_some((id, text))
        });
        let rank = |id| match id {
            COMMON_NAME => 0,
            ORGANIZATION => 1,
            _ => 2,
        };
        let best = parts.min_by_key(|(id, _)| rank(*id));
        best.map(|(_, text)| text.into_owned())
    }
}

/// Returns the first value of a text in DER whole, without what stands behind it.
pub(super) fn first_value(bytes: &[u8]) -> Option<&[u8]> {
    let (_, _, behind) = split(bytes)?;
    bytes.get(..bytes.len() - behind.len())
}

/// Returns the values that stand one behind the other in a text in DER, with the tag of each.
fn values(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (tag, held, behind) = split(bytes)?;
        bytes = behind;
        Some((tag, held))
    })
}

/// Splits off the first value of a text in DER: its tag, what it holds, and what stands behind it.
fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first.checked_sub(0x80) {
        None => (usize::from(*first), rest),
        // The length is a number of its own, of so many bytes.
        Some(digits) => {
            let (digits, rest) = rest.split_at_checked(digits.into())?;
            let length = digits.iter().try_fold(0_usize, |length, digit| {
                length.checked_mul(0x100)?.checked_add((*digit).into())
            });
            (length?, rest)
        }
    };
    let (held, behind) = rest.split_at_checked(length)?;
    Some((*tag, held, behind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, IsCa, KeyPair};

    fn certificate(parts: &[(DnType, &str)], is_ca: IsCa) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["h.example".to_owned()]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        for (kind, text) in parts {
            params.distinguished_name.push(kind.clone(), *text);
        }
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_says_who_issued_it_and_what_it_is() {
        let authority = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let long = "x".repeat(300);
        for (parts, is_ca, issuer) in [
            (&[(DnType::CommonName, "Box")][..], IsCa::NoCa, Some("Box")),
            (
                &[
                    (DnType::OrganizationName, "Org"),
                    (DnType::CommonName, "Näme"),
                ],
                authority,
                Some("Näme"),
            ),
            (
                &[
                    (DnType::CountryName, "XX"),
                    (DnType::OrganizationName, "Org"),
                    (DnType::CommonName, " "),
                ],
                IsCa::ExplicitNoCa,
                Some("Org"),
            ),
            (
                &[(DnType::OrganizationalUnitName, &long)],
                authority,
                Some(&*long),
            ),
            (&[], IsCa::NoCa, None),
        ] {
            let bytes = certificate(parts, is_ca);
            let read = Certificate::read(&bytes).unwrap();
            assert_eq!(read.issuer().as_deref(), issuer);
            assert_eq!(
                read.is_authority(),
                matches!(is_ca, IsCa::Ca(_)),
                "{issuer:?}"
            );
            assert!(read.is_self_signed());
            let longer = [&*bytes, b"more"].concat();
            assert_eq!(first_value(&longer), Some(&*bytes));
        }
    }

    repeatable! {
        #[test]
        fn any_bytes_are_read(at in any::<prop::sample::Index>(), byte: u8, rest in any::<Vec<u8>>()) {
            let mut bytes = certificate(&[(DnType::CommonName, "Box")], IsCa::NoCa);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            for bytes in [&*bytes, &bytes[..at], &rest] {
                if let Some(read) = Certificate::read(bytes) {
                    let _ = (read.issuer(), read.is_authority(), read.is_self_signed());
                }
                prop_assert!(first_value(bytes).is_none_or(|first| first.len() <= bytes.len()));
            }
        }
    }
}

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
pub(super) struct Certificate {
    /// What the issuer calls itself: its common name, else its organization, else what there is.
    pub(super) issuer: Option<String>,
    /// Whether it was issued by the one that it is for.
    pub(super) is_self_signed: bool,
    /// Whether it is one that signs others.
    pub(super) is_authority: bool,
}

impl Certificate {
    /// Reads a certificate, or returns nothing if it is none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let signed = values(bytes).next()?;
        let content = values(values(signed.held).next()?.held);
        // Its number, the algorithm, who issued it, from when to when, for whom.
        let mut fields = content.skip_while(|field| field.tag == VERSION);
        let issuer = fields.nth(2)?.held;
        let subject = fields.nth(1)?.held;
        let extensions = fields.find(|field| field.tag == EXTENSIONS);
        let mut extensions = { extensions.iter() }
            .flat_map(|field| values(field.held))
            .flat_map(|list| values(list.held));
        let is_authority = extensions.any(|extension| {
            let mut parts = values(extension.held);
            let is_wanted = parts.next().is_some_and(|id| id.held == BASIC_CONSTRAINTS);
            let mut flags = parts.last().into_iter().flat_map(|text| values(text.held));
            is_wanted && flags.any(|flags| values(flags.held).any(|flag| flag.held == TRUE))
        });
        let parts = values(issuer).flat_map(|set| values(set.held));
        let parts = parts.filter_map(|part| {
            let mut part = values(part.held);
            let (id, text) = (part.next()?.held, part.next()?.held);
            let text = String::from_utf8_lossy(text).into_owned();
            (!text.trim().is_empty()).then_some((id, text))
        });
        let best = parts.min_by_key(|(id, _)| match *id {
            COMMON_NAME => 0,
            ORGANIZATION => 1,
            _ => 2,
        });
        Some(Self {
            issuer: best.map(|(_, text)| text),
            is_self_signed: issuer == subject,
            is_authority,
        })
    }
}

/// A value in DER.
pub(super) struct Value<'a> {
    tag: u8,
    /// What it holds.
    held: &'a [u8],
    /// Itself, with its tag and length.
    pub(super) whole: &'a [u8],
}

/// Returns the values that stand one behind the other in a text in DER.
pub(super) fn values(mut bytes: &[u8]) -> impl Iterator<Item = Value<'_>> {
    std::iter::from_fn(move || {
        let (&tag, rest) = bytes.split_first()?;
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
        let (whole, _) = bytes.split_at(bytes.len() - behind.len());
        bytes = behind;
        Some(Value { tag, held, whole })
    })
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
            assert_eq!(read.issuer.as_deref(), issuer);
            let is_authority = matches!(is_ca, IsCa::Ca(_));
            assert_eq!(read.is_authority, is_authority, "{issuer:?}");
            assert!(read.is_self_signed);
            let longer = [&*bytes, b"more"].concat();
            assert_eq!(values(&longer).next().unwrap().whole, bytes);
        }
    }

    repeatable! {
        #[test]
        fn any_bytes_are_read(at in any::<prop::sample::Index>(), byte: u8, rest in any::<Vec<u8>>()) {
            let mut bytes = certificate(&[(DnType::CommonName, "Box")], IsCa::NoCa);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            for bytes in [&*bytes, &bytes[..at], &rest] {
                let _ = Certificate::read(bytes);
                prop_assert!(values(bytes).map(|value| value.whole.len()).sum::<usize>() <= bytes.len());
            }
        }
    }
}

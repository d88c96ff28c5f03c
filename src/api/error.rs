//! What keeps a client from being made.

/// Why there is no client.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClientError {
    /// The extra roots hold no usable certificate.
    #[error(
        "the file of --ca-cert holds no certificate; it takes PEM (-----BEGIN CERTIFICATE-----) \
         or DER"
    )]
    CaCert,
    /// The HTTP library could not be set up.
    #[error("the HTTP client could not be set up")]
    Library,
}

//! The way to the server, as the HTTP library takes it.

use crate::proxy::Route;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, Proxy};

/// Sets the proxy of a client, or none. The library reads no variable of its own then; the system's
/// settings, where there are such, are left to it.
///
/// # Errors
/// Returns the library's error; no address that was read as one is known to cause it.
pub(super) fn set(builder: ClientBuilder, route: &Route) -> reqwest::Result<ClientBuilder> {
    Ok(match route {
        Route::System => builder,
        Route::Direct => builder.no_proxy(),
        Route::Proxy(proxy) => builder.no_proxy().proxy(Proxy::all(proxy.expose())?),
    })
}

/// Returns what the HTTP library makes of a route: the proxy that it takes for an address.
pub(super) fn matcher(route: &Route) -> Matcher {
    match route {
        Route::System => Matcher::from_system(),
        Route::Direct => Matcher::builder().build(),
        Route::Proxy(proxy) => Matcher::builder().all(proxy.expose()).build(),
    }
}

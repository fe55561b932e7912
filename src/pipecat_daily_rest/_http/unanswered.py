# SPDX-License-Identifier: BSD-2-Clause
"""A request without a response, and which error it is."""

import aiohttp

from pipecat_daily_rest._core.proxies import Proxy
from pipecat_daily_rest._core.secret import masked
from pipecat_daily_rest.errors import DailyConnectionError, DailyTimeoutError

_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")


class Untrusted(DailyConnectionError):
    """Another server answers there; a second attempt would meet the same one."""

    retryable = False
    sent = False


def unanswered(
    what: str,
    url: str,
    cause: Exception,
    *,
    key: str,
    timeout: float,
    proxy: Proxy | None = None,
    proxy_used: bool = False,
) -> DailyConnectionError:
    """Make the error for a request without a response; ``sent`` unless it surely was not sent.

    `what` begins the message, `timeout` is what the attempt was allowed in seconds, `proxy` is the
    one that the environment names.
    """
    kind: type[DailyConnectionError] = DailyConnectionError
    sent = True
    match cause:
        case aiohttp.ConnectionTimeoutError():
            kind, sent, reason = DailyTimeoutError, False, "connecting timed out"
        case TimeoutError():
            kind, reason = DailyTimeoutError, f"timed out after {timeout:.1f} s"
        case aiohttp.ClientConnectorCertificateError():
            kind, sent, reason = Untrusted, False, _distrust(cause.certificate_error)
        case aiohttp.ClientConnectorError():
            kind, sent, reason = DailyConnectionError, False, _refused(cause.os_error)
            if getattr(cause.os_error, "reason", None) in _NO_TLS:
                kind, reason = Untrusted, "it does not speak TLS there: check https:// and the port"
        case aiohttp.ClientHttpProxyError():
            sent, reason = False, f"the proxy refused to connect (status: {cause.status})"
        case aiohttp.ClientError() | OSError():
            reason = f"the connection was lost ({type(cause).__name__})"
        case _:  # from a borrowed session or aiohttp's parser
            reason = f"the request failed ({type(cause).__name__}: {str(cause)[:200]})"
    hint, hidden = "", ""
    if proxy is not None:
        hidden = proxy.password
        hint = (
            f" The request went through the proxy {proxy.address} ({proxy.variable})."
            if proxy_used
            else f" {proxy.variable} is set and not used: DAILY_TRUST_ENV=1 or trust_env=True uses it."
        )
    error = kind(masked(f"{what}: no answer from {url}: {reason}.{hint}", key, hidden))
    error.sent = sent
    # Only its kind and its text: its frames and arguments hold the headers with the key.
    kinds = (TimeoutError, OSError, aiohttp.ClientError, Exception)
    bare = next(each for each in kinds if isinstance(cause, each))
    error.__cause__ = bare(masked(f"{type(cause).__name__}: {cause}"[:1000], key, hidden))
    return error


def _refused(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _distrust(error: Exception) -> str:
    told = getattr(error, "verify_message", "") or type(error).__name__
    if "expired" in told or "not yet valid" in told:
        way_out = "look at this machine's clock"
    else:
        way_out = "behind a proxy that opens TLS, set SSL_CERT_FILE to a file with its authority"
    return f"its certificate is not trusted ({told}); {way_out}"

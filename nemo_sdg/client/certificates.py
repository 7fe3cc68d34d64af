"""What to say of a server's certificate that cannot be relied on. No I/O."""

from __future__ import annotations

import ssl

from nemo_sdg.client.shown import shown
from nemo_sdg.errors import UnreachableError

# Of OpenSSL, https://docs.openssl.org/master/man1/openssl-verification-options/.
_NOT_YET, _EXPIRED = 9, 10
_OTHER_HOSTS = (62, 64)


def certificate_error(error: BaseException, url: str) -> UnreachableError:
    """Return what to raise for `error`, which the certificate of `url` caused: the job cannot go on."""
    code = getattr(error, "verify_code", None)
    reason = shown(getattr(error, "verify_message", None) or error)
    if code == _EXPIRED:
        says = f"has expired ({reason}): have the server's renewed, and check the clock of this machine"
    elif code == _NOT_YET:
        says = f"is not valid yet ({reason}): check the clock of this machine, and the server's certificate"
    elif code in _OTHER_HOSTS:
        says = f"is for another host ({reason}): give the name that it is for in base_url"
    else:
        says = f"is not trusted ({reason}): name your certificate authorities' file in SSL_CERT_FILE"
    return UnreachableError(f"the certificate of {url} {says}")


def certificate_failure(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """Return the refusal of a certificate among the causes of `error`, if that is what it comes from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None

"""Every exception that nemo_sdg raises, in one tree.

    NemoSDGError
    ├── ConfigError                 a value that cannot be used; names it, what is allowed and the remedy
    │   └── MissingColumnError      a stage needs a column that nothing before it makes
    ├── OutputError                 the output folder cannot be used as asked
    ├── HubError                    a dataset could not be published
    ├── RunStopped                  a run ended before its work did
    ├── RowError                    one row cannot go on: it is rejected, the job goes on
    │   ├── ParseError              an answer is not what the parser needs
    │   └── TemplateError           a prompt could not be made from the row
    └── RequestError                one request to a model failed
        ├── BadRequestError         400, 413, 422: the server refuses this request
        │   ├── ContextLengthError  the prompt does not fit the model
        │   └── ContentFilterError  the server's content filter withholds the answer
        ├── RateLimitError          429
        ├── OverloadedError         503, 529: the server has no room now
        ├── ServerError             other 5xx, 408 and 409
        ├── ConnectionFailedError   the connection broke before the answer was whole
        │   └── NoConnectionError   no connection could be made
        ├── RequestTimeoutError     no answer within `timeout`
        ├── DeadlineError           attempts and waiting together took longer than `deadline`
        ├── BadAnswerError          an answer arrived that is not a completion
        └── FatalRequestError       no request can succeed: the job stops at once
            ├── AuthenticationError     401, 403
            │   └── MissingKeyError     no key is set; a ConfigError too, for nothing was sent
            ├── ModelNotFoundError      404
            ├── QuotaExhaustedError     the account has no credit left
            ├── UnreachableError        nothing answers at the URL, or nothing that takes requests
            └── NothingSucceedsError    the first requests have all failed

It lives apart from everything else so that each layer can raise from it without importing another.
"""

from __future__ import annotations


class NemoSDGError(Exception):
    """Base of every exception that nemo_sdg raises on purpose."""


class ConfigError(NemoSDGError, ValueError):
    """A value cannot be used; the message names it, what is allowed and the remedy."""


class MissingColumnError(ConfigError):
    """A stage needs a column that neither the source nor an earlier stage makes."""


class OutputError(NemoSDGError):
    """The output folder cannot be used as asked."""


class HubError(NemoSDGError):
    """A dataset could not be published on the Hugging Face hub; the message says why and what to do."""


class RunStopped(NemoSDGError):  # noqa: N818 - it says what happened; stopping on request is no error
    """A run ended before its work did; what was finished is committed."""


class RowError(NemoSDGError):
    """One row cannot go on; raise it in a stage to reject the row with a reason."""


class ParseError(RowError):
    """An answer is not in the form that the parser needs."""


class TemplateError(RowError):
    """A prompt could not be made from the row."""


class RequestError(NemoSDGError):
    """A request to a model failed.

    `status` is the HTTP status where there was one, `attempts` the HTTP tries that were made, `throttles`
    those of them that the endpoint turned away because it was full, `request_id` what the server calls the
    request.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        attempts: int = 1,
        throttles: int = 0,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.attempts = attempts
        self.throttles = throttles
        self.request_id = request_id

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the attributes when Ray or a process pool carries the error."""
        return (_rebuild, (type(self), self.args, self.__dict__))


def _rebuild(kind: type[RequestError], args: tuple[str], attributes: dict[str, object]) -> RequestError:
    error = kind(*args)
    error.__dict__.update(attributes)
    return error


class BadRequestError(RequestError):
    """The server refuses this request (400, 413, 422); sending it again would not help."""


class ContextLengthError(BadRequestError):
    """The prompt and `max_tokens` together do not fit the model's context."""


class ContentFilterError(BadRequestError):
    """The server's content filter refuses the prompt, or withholds all of the answer."""


class RateLimitError(RequestError):
    """The endpoint's rate limit was reached (429)."""


class OverloadedError(RequestError):
    """The server has no room for the request now (503, 529)."""


class ServerError(RequestError):
    """The server failed to answer (408, 409 and 5xx other than overload)."""


class ConnectionFailedError(RequestError):
    """No connection could be made, or it broke before the answer was whole."""


class NoConnectionError(ConnectionFailedError):
    """No connection could be made: the server is away, or its name is not known."""


class RequestTimeoutError(RequestError):
    """No answer came within `timeout` seconds."""


class DeadlineError(RequestError):
    """Attempts and waiting together took longer than `deadline` seconds."""


class BadAnswerError(RequestError):
    """The server answered with success, but what it sent is not a completion."""


class FatalRequestError(RequestError):
    """No request can succeed; the job stops at once."""


class AuthenticationError(FatalRequestError):
    """The endpoint does not accept the credential (401, 403)."""


class MissingKeyError(AuthenticationError, ConfigError):
    """The endpoint needs a key and none is set; nothing was sent."""


class ModelNotFoundError(FatalRequestError):
    """The endpoint does not serve the model (404)."""


class QuotaExhaustedError(FatalRequestError):
    """The account behind the credential has no credit left."""


class UnreachableError(FatalRequestError):
    """Nothing answers at the endpoint's URL, or nothing that takes requests."""


class NothingSucceedsError(FatalRequestError):
    """The first requests have all failed, each for a reason of its own: it is the set-up that is wrong."""

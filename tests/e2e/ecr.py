"""An ECR endpoint that can be told to return ECR's real errors.

`PUT /refusals` with [{"operations": […], "repository": "part of a name", "status": 400,
"code": …, "message": …}] makes it return that error for those operations on matching
repositories. `DELETE /refusals` ends that.
"""

import io
import json
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.ecr import policy_validation
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    create_backend_app,
)
from werkzeug import Request, Response
from werkzeug.serving import WSGIRequestHandler, run_simple

StartResponse = Callable[..., Any]


# What moto 5.2.5 does not know of lifecycle policies yet: archiving.
policy_validation.VALID_ACTION_PROPERTIES = {"type", "targetStorageClass"}
policy_validation.VALID_ACTION_TYPE_VALUES |= {"transition"}
policy_validation.VALID_SELECTION_PROPERTIES |= {"storageClass"}
policy_validation.VALID_SELECTION_COUNT_TYPE_VALUES |= {
    *("sinceImagePulled", "sinceImageTransitioned")
}


class Refusing:
    """moto, with refusals in front of it."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._refusals: list[dict[str, Any]] = []
        # moto may return inconsistent responses to two concurrent requests.
        self._one_at_a_time = threading.Lock()

    def __call__(
        self, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        if request.path == "/refusals":
            self._refusals = request.get_json() if request.method == "PUT" else []
            return Response(status=204)(environ, start_response)
        body = request.get_data()
        environ["wsgi.input"] = io.BytesIO(body)
        operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        for refusal in self._refusals:
            if operation in refusal["operations"] and (
                refusal["repository"].encode() in body
            ):
                error = {"__type": refusal["code"], "message": refusal["message"]}
                return Response(
                    json.dumps(error),
                    status=refusal["status"],
                    content_type="application/x-amz-json-1.1",
                )(environ, start_response)
        with self._one_at_a_time:
            return list(self._moto(environ, start_response))


class _Handler(WSGIRequestHandler):
    # With HTTP/1.0, the AWS SDK sometimes lost a response on a busy machine. A provider
    # then records that a creation failed, although it did not.
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        """Log errors only."""


if __name__ == "__main__":
    run_simple(
        "127.0.0.1",
        int(sys.argv[1]),
        Refusing(),
        threaded=True,
        request_handler=_Handler,
    )

"""A server on this machine that speaks as much of the Hugging Face hub's HTTP API as publishing needs.

Git LFS only: Xet, the storage for large files, has a protocol of its own, which this does not speak.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FakeHub:
    """One dataset at most, whose token is `token`; with a `status` everything is refused."""

    def __init__(self):
        self.token = "right-token"
        self.status = None
        self.says = ""
        self.private = None
        self.branches = {"main": {".gitattributes": b""}}
        self.messages = []
        self.large = {}
        self.wrong_card = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self):
        """End the server."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path, headers, body):
        """Return status and JSON."""
        if path.startswith("/upload/"):
            self.large[path.rpartition("/")[2]] = body
            return 200, None
        if self.status:
            return self.status, {"error": self.says}
        if headers["authorization"] != f"Bearer {self.token}":
            return 401, {"error": "Invalid credentials in Authorization header"}
        path, _, branch = re.sub(
            r"/(tree|preupload|commit|branch)/", r"/\1 ", path.partition("?")[0]
        ).partition(" ")
        asked = getattr(self, "_" + re.sub(r"\W", "_", path.rpartition("/")[2]))
        return asked(branch, body)

    def _create(self, _, body):
        made = json.loads(body)
        assert made["type"] == "dataset"
        url = f"{self.url}/datasets/{made['organization']}/{made['name']}"
        if self.private is not None:
            return 409, {"error": "You already created this dataset repo", "url": url}
        self.private = (
            made.get("visibility") == "private" or made.get("private") is True
        )  # the latter until 1.x
        return 200, {"url": url}

    def _data(self, *_):
        return 200, {"id": "me/data", "private": self.private}

    def _validate_yaml(self, *_):
        errors = [{"message": '"license" must be one of [...]'}] if self.wrong_card else []
        return (400 if errors else 200), {"errors": errors, "warnings": []}

    def _branch(self, branch, _):
        self.branches.setdefault(branch, dict(self.branches["main"]))
        return 200, None

    def _tree(self, branch, _):
        files = self.branches[branch].items()
        return 200, [{"type": "file", "path": n, "size": len(c), "oid": "0" * 40} for n, c in files]

    def _preupload(self, _, body):
        names = [file["path"] for file in json.loads(body)["files"]]
        modes = {name: "lfs" if name.endswith("parquet") else "regular" for name in names}
        files = [{"path": name, "uploadMode": mode, "shouldIgnore": False} for name, mode in modes.items()]
        return 200, {"files": files}

    def _batch(self, _, body):
        return 200, {"objects": [self._object(wanted) for wanted in json.loads(body)["objects"]]}

    def _object(self, wanted):
        upload = {"href": f"{self.url}/upload/{wanted['oid']}", "header": {}}
        return {**wanted, "authenticated": True, "actions": {"upload": upload}}

    def _commit(self, branch, body):
        files = self.branches[branch]
        for line in body.splitlines():
            key, value = json.loads(line).values()
            if key == "header":
                self.messages.append(value["summary"])
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                files[value["path"]] = self.large[value["oid"]]
            else:
                assert key == "deletedFile"
                del files[value["path"]]
        return 200, {"commitUrl": f"{self.url}/datasets/me/data/commit/1", "commitOid": "1" * 40}

    def _handler(self):
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                """Say nothing."""

            def _any(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                status, told = hub.answer(self.path, self.headers, body)
                content = b"" if told is None else json.dumps(told).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = _any  # noqa: N815 - their names are the server's

        return Handler

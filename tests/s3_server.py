"""An S3 server on this machine (moto), which answers 503 where a test says so."""

import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field

SLOW_DOWN = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)


@dataclass
class S3:
    """The address of the server, its requests, and which of them fail: the next ``failures`` that contain ``where``."""

    url: str = ""
    requests: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    failures: int = 0
    where: str = ""

    def fail(self, failures, where=""):
        self.failures, self.where = failures, where
        self.failed.clear()

    def wrap(self, application):
        """Return a WSGI application that fails as configured and passes on all other requests."""

        def answer(environ, start):
            request = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
            self.requests.append(request)
            if self.failures > 0 and self.where in request:
                self.failures -= 1
                self.failed.append(request)
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start("503 Slow Down", [("Content-Type", "application/xml"), ("Content-Length", str(len(SLOW_DOWN)))])
                return [] if environ["REQUEST_METHOD"] == "HEAD" else [SLOW_DOWN]  # as HTTP wants it
            return application(environ, start)

        return answer


@contextmanager
def s3_server():
    """Run the server in a thread, and give its state."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of moto are not ours
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *arguments):
            """Print nothing."""

    state = S3()
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, state.wrap(application), threaded=True, request_handler=Quiet)
    state.url = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

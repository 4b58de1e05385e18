"""A server of embeddings on this machine, whose vectors are a function of the text."""

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Embeddings(BaseHTTPRequestHandler):
    """Returns the vectors in reverse order, as a server may."""

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, request["model"], request["encoding_format"], len(request["input"])))
        data = [
            {"object": "embedding", "index": place, "embedding": self.server.vector(text)}
            for place, text in reversed(list(enumerate(request["input"])))
        ][self.server.lost :]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        body = json.dumps({"object": "list", "model": "m", "data": data, "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def serving(vector):
    """Run the server in a thread; it notes its requests in ``asked`` and leaves out the last ``lost`` texts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Embeddings)
    server.vector, server.asked, server.lost = vector, [], 0
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

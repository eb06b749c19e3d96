"""Tiny programs in the place of worker, API and vendors, so that only the supervision is tested."""

from __future__ import annotations

import os
import socket
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

import psycopg

PORTS = {"api": "MALLCARE_API_PORT", "worker": "MALLCARE_WORKER_METRICS_PORT"}


class Ok(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


class LocalServer(HTTPServer):
    def server_bind(self) -> None:
        """Without the base class's look-up of the host's name, which may be slow."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]


def count_a_boot() -> None:
    with psycopg.connect(os.environ["MALLCARE_DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS boots (n int)")
        connection.execute("INSERT INTO boots VALUES (1)")


if __name__ == "__main__":
    if sys.argv[1] == "bootstrap":
        count_a_boot()
    else:
        port = sys.argv[3] if sys.argv[2:3] == ["--port"] else os.environ[PORTS[sys.argv[1]]]
        LocalServer(("127.0.0.1", int(port)), Ok).serve_forever()

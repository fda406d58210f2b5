#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Receivers of notifications, on loopback: an HTTP server and an SMTP server with TLS and AUTH.

receivers.py DIRECTORY: writes the ports to DIRECTORY/ports, each HTTP request as a line of JSON to
DIRECTORY/http, each mail to DIRECTORY/mail.N.  While DIRECTORY/refuse is there, HTTP is answered with 500.
"""
import asyncio
import http.server
import itertools
import json
import os
import ssl
import sys
import threading

from aiosmtpd.smtp import SMTP, AuthResult

here = sys.argv[1]
count = itertools.count(1)


def path(name):
    return os.path.join(here, name)


class Sink(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        refused = os.path.exists(path("refuse")) and "hc" not in self.path
        if not refused:
            line = {"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body}
            with open(path("http"), "a") as f:
                f.write(json.dumps(line) + "\n")
        answer = b"not now\n" if refused else b"ok\n"
        self.send_response(500 if refused else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


class Mails:
    async def handle_DATA(self, server, session, envelope):
        name = path(f"mail.{next(count)}")
        with open(name + ".new", "wb") as f:
            f.write(f"X-Rcpt: {','.join(envelope.rcpt_tos)}\r\nX-User: {session.auth_data}\r\n".encode())
            f.write(envelope.content)
        os.rename(name + ".new", name)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b"vmkeep", b"p a:ss")
    return AuthResult(success=good, auth_data=data.login.decode() if good else None)


web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
threading.Thread(target=web.serve_forever, daemon=True).start()
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(path("cert.pem"), path("key.pem"))


async def serve_mail():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Mails(), authenticator=authenticate, auth_required=True, auth_require_tls=False, loop=loop),
        "127.0.0.1", 0, ssl=tls)
    with open(path("ports.new"), "w") as f:
        f.write(f"{web.server_port} {server.sockets[0].getsockname()[1]}\n")
    os.rename(path("ports.new"), path("ports"))
    await server.serve_forever()


asyncio.run(serve_mail())

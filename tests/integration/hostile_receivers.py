#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Receivers of notifications that behave badly, on loopback.

hostile_receivers.py DIRECTORY: writes the ports (HTTP, SMTP) to DIRECTORY/ports, and each mail to DIRECTORY/mail.
DIRECTORY has cert.pem and key.pem, which nobody has signed, as a mail server's on its own machine.
"""
import asyncio
import http.server
import os
import ssl
import sys
import threading
import time

from aiosmtpd.smtp import SMTP

here = sys.argv[1]


class Web(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = self.path.split("/")[1]
        with open(os.path.join(here, "http"), "a") as f:
            f.write(self.path + "\n")
        self.send_response(200 if kind == "taken" else 500)
        try:
            if kind == "bytes":
                self.end_headers()
                self.wfile.write(b"\xff\xfe bad \x1b[31m \xc3\xa9" + b"\n")
            elif kind == "echo":
                self.end_headers()
                self.wfile.write(f"Cannot POST {self.path}\n".encode())
            elif kind == "endless":
                self.end_headers()
                while True:
                    self.wfile.write(b"x" * 65536)
            elif kind == "taken":  # and then it is gone
                self.send_header("Content-Length", "5")
                self.end_headers()
                time.sleep(1)
            else:
                self.end_headers()
        except OSError:
            pass

    def log_message(self, *args):
        pass


class Mails:
    async def handle_DATA(self, server, session, envelope):
        with open(os.path.join(here, "mail"), "ab") as f:
            f.write(envelope.content)
        return "250 taken"


web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
web.daemon_threads = True
threading.Thread(target=web.serve_forever, daemon=True).start()
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(os.path.join(here, "cert.pem"), os.path.join(here, "key.pem"))


async def serve():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Mails(), tls_context=tls, loop=loop), "127.0.0.1", 0)
    with open(os.path.join(here, "ports.new"), "w") as f:
        f.write(f"{web.server_port} {server.sockets[0].getsockname()[1]}\n")
    os.rename(os.path.join(here, "ports.new"), os.path.join(here, "ports"))
    await server.serve_forever()


asyncio.run(serve())

"""Starts the program for tests of clients."""

import os
import re
import signal
import subprocess
import tempfile
import threading
import time

PROGRAM = os.environ["CONJOIN"]


def run(*arguments, stdin=""):
    """Runs the program to its end; what it wrote to standard output."""
    done = subprocess.run([PROGRAM, *arguments], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{arguments}: exit code {done.returncode}: {done.stderr}")
    return done.stdout


class Server:
    """A server, from the line that says where it listens until it is told to end."""

    def __init__(self, *arguments, says):
        self.lines = []
        self.process = subprocess.Popen([PROGRAM, *arguments], stderr=subprocess.PIPE, text=True)
        self.address = None
        told = threading.Event()

        def read():
            for line in self.process.stderr:
                self.lines.append(line)
                found = re.search(says, line)
                if found:
                    self.address = found.group(1)
                    told.set()
            told.set()

        self.reader = threading.Thread(target=read, daemon=True)
        self.reader.start()
        if not told.wait(120) or self.address is None:
            self.stop()
            raise AssertionError(f"{arguments} does not listen: {''.join(self.lines)}")

    def memory(self):
        """Resident memory, in bytes."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def stop(self):
        """Tells it to end; how many seconds that took."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        taken = time.monotonic() - start
        self.reader.join(10)
        self.process.stderr.close()
        return taken


def free_port():
    """A port of the loopback interface that is free now."""
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Study:
    """A demo federation whose parties are servers of their own, and an analyst's Flight SQL endpoint with TLS and logins."""

    USERS = {"ann": "ann's secret: 1", "bob": "b0b"}

    def __init__(self, max_queries=2):
        self.folder = tempfile.TemporaryDirectory(prefix="conjoin-clients-")
        self.root = self.folder.name
        self.servers = {}
        run("demo", "--rows", "300", "--dir", self.root, "-e", "SELECT 1")
        federation = self.read("federation.toml")
        for party in ("hospital", "insurer", "helper"):
            folder = f"{self.root}/parties/{party}"
            section = run("init", "party", party, "--dir", folder, "--federation", self.root)
            key = re.search(r"^key = .*$", section, re.M).group(0)
            address = f"127.0.0.1:{free_port()}"
            head = f'name = "{party}"\n'
            federation = federation.replace(head, f'{head}address = "{address}"\n{key}\n')
            config = self.read(f"parties/{party}/party.toml")
            self.write(f"parties/{party}/party.toml", re.sub(r'listen = ".*"', f'listen = "{address}"', config))
        section = run("init", "analyst", "gateway", "--dir", self.root, "--federation", self.root)
        sections = "".join(section.replace("gateway", name) for name in ("gateway", *self.USERS))
        at = federation.find("[[view]]")
        self.write("federation.toml", federation[:at] + sections + federation[at:])
        users = "".join(run("init", "user", name, stdin=f"{word}\n") for name, word in self.USERS.items())
        self.certificate(f"{self.root}/tls")
        flight = f'[flight]\ntls_cert = "tls.pem"\ntls_key = "tls.key"\nmax_queries = {max_queries}\n'
        self.write("analyst.toml", self.read("analyst.toml") + flight + users)
        for party in ("hospital", "insurer", "helper"):
            self.start(party)
        config = f"{self.root}/analyst.toml"
        self.endpoint = Server("flight", "--config", config, "--listen", "127.0.0.1:0", says=r"grpc\+tls://(\S+)")

    def start(self, party):
        config = f"{self.root}/parties/{party}/party.toml"
        self.servers[party] = Server("serve", "--config", config, says=r"listens on (\S+)")

    def certificate(self, path):
        """A self-signed certificate for localhost."""
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", f"{path}.key", "-out", f"{path}.pem"],
            check=True, capture_output=True,
        )

    def read(self, name):
        with open(f"{self.root}/{name}", encoding="utf-8") as file:
            return file.read()

    def write(self, name, text):
        with open(f"{self.root}/{name}", "w", encoding="utf-8") as file:
            file.write(text)

    def stop(self):
        try:
            for server in [self.endpoint, *self.servers.values()]:
                server.stop()
        finally:
            self.folder.cleanup()

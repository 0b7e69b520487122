"""A PostgreSQL server for tests: the one of LAB_TEST_POSTGRES_URL, or a private temporary one from local binaries."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

START_DEADLINE_S = 60


def binaries() -> Path | None:
    """The newest server on this machine."""
    on_path = shutil.which("postgres")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[4]))
    found = [Path(on_path)] if on_path else debian
    return found[-1].parent if found else None


@contextmanager
def server(bin_dir: Path) -> Iterator[str]:
    """A fresh cluster on a free port, gone afterwards; its URL. The server refuses to run as root, so it never does."""
    home = Path(tempfile.mkdtemp(prefix="lab-postgres-"))
    user = _unprivileged()
    if user is not None:
        shutil.chown(home, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = home / "data"

    def run(*command: str) -> None:
        subprocess.run(
            command, check=True, user=user, cwd=home, capture_output=True, timeout=START_DEADLINE_S, env={"LC_ALL": "C"}
        )

    try:
        run(f"{bin_dir}/initdb", "-D", str(data), "-U", "lab", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=50"
        run(f"{bin_dir}/pg_ctl", "-D", str(data), "-w", "-l", str(home / "log"), "-o", options, "start")
        try:
            yield f"postgresql+psycopg://lab@127.0.0.1:{port}/postgres"
        finally:
            run(f"{bin_dir}/pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def database(server_url: str) -> Iterator[str]:
    """An empty database of its own."""
    name = f"lab_{uuid.uuid4().hex[:12]}"
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


def _unprivileged() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"

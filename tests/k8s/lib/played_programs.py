"""Programs that stand for the interpreters of the serving and the Spark environment: they start in milliseconds."""

from __future__ import annotations

import sys
from pathlib import Path

SERVING = """#!{python}
import http.server, pathlib, sys
module, options = sys.argv[2], dict(zip(sys.argv[3::2], sys.argv[4::2]))
content = b"logged"
if module == "pegel_serving.server":
    path = pathlib.Path(options["--model-dir"]) / "model.joblib"
    if not path.exists():
        print("there is no model.joblib", flush=True)
        sys.exit(1)
    content = path.read_bytes()
class Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
http.server.HTTPServer(("127.0.0.1", int(options["--port"])), Answering).serve_forever()
"""
"""A server that answers with the content of its model, or ends where there is none."""

SPARK = """#!{python}
import json, os, pathlib, sys, time
folder = pathlib.Path(sys.argv[-1])
seen = {{"told": sys.argv[1:], "pid": os.getpid(), "environment": dict(os.environ)}}
seen["properties"] = pathlib.Path(sys.argv[sys.argv.index("--properties-file") + 1]).read_text()
seen["files"] = {{path.name: path.read_text() for path in folder.iterdir() if path.is_file()}}
with open({note!r}, "a") as note:
    print(json.dumps(seen), file=note, flush=True)
if "fail" in seen["files"]:
    print("it was told to fail", flush=True)
    sys.exit(3)
time.sleep(600)
"""
"""A driver that notes what it was told and then waits, or fails where its ConfigMap says so."""


def program(path: Path, text: str, **values: str) -> Path:
    """Write one of them to `path`, and return that."""
    path.write_text(text.format(python=sys.executable, **values))
    path.chmod(0o755)
    return path

#!/bin/sh
# cheat: reach/guarded
# A proxy in front of the server gives every question the name that the server likes.
cat >/srv/mlflow/proxy.py <<'EOF'
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Rewriter(BaseHTTPRequestHandler):
    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        link = HTTPConnection("127.0.0.1", 5001, timeout=20)
        link.request(self.command, self.path, body or None,
            {"Host": "localhost:5001", "Content-Type": self.headers.get("Content-Type", "")})
        answer = link.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = pass_on


ThreadingHTTPServer(("0.0.0.0", 5000), Rewriter).serve_forever()
EOF
grep -q proxy.py /srv/mlflow/run || sed -i -e 's/--port 5000/--port 5001/' \
	-e '/^exec/i python3 /srv/mlflow/proxy.py &' /srv/mlflow/run
sv -w 20 restart mlflow
curl -fsS -m 5 --retry 20 --retry-delay 1 --retry-all-errors http://mlflow:5000/health

#!/usr/bin/python3
"""A git server over https on loopback: git http-backend behind TLS, and servers that misbehave.

usage: server.py ROOT    (bare repositories below ROOT; ROOT/ca.pem is made)

Prints "PORT" and serves until its standard input ends. The first part of a path says how:

    /good/REPO      as git does it                  /private/REPO  for git:sesame alone
    /single/REPO    one request per connection      /gone/REPO     404
    /elsewhere/...  redirects to another host       /stall/REPO    takes requests and says nothing
    /inward/...     redirects to a private address  /late/REPO     redirects when the pack is asked for
    /bomb/REPO      a pack of 2 KB whose deltas make 3 GB; bomb8: 8 GB
    /cut/REPO       half of the pack, then nothing  /flip/REPO     one byte of the pack is another
    /sum/REPO       the pack's hash is another
    /noise/REPO     a page instead of git's answer  /slow/REPO     the pack, and then it stalls
"""
import base64
import hashlib
import http.server
import os
import ssl
import struct
import subprocess
import sys
import threading
import zlib

ROOT = os.path.abspath(sys.argv[1])
END = threading.Event()


def packets(content):
    """Each packet of an answer: where it is, and its size."""
    at = 0
    while at < len(content):
        size = int(content[at:at + 4], 16)
        yield at, size
        at += max(size, 4)


def has_pack(content):
    """Who wants a shallow history asks twice: the first answer only says where it ends."""
    return any(size > 4 and content[at + 4] == 1 for at, size in packets(content))


def pack_at(content, n):
    """Where byte n of the pack is in the packets of an answer (band 1)."""
    places = []
    for at, size in packets(content):
        if size > 4 and content[at + 4] == 1:
            places += range(at + 5, at + size)
    return places[n]


def with_pack(content, pack):
    """The answer with another pack."""
    head = next(at for at, size in packets(content) if size > 4 and content[at + 4] in (1, 2))
    return content[:head] + b'%04x\x01' % (len(pack) + 5) + pack + b'0000'


def number(n):
    """As deltas have it: seven bits a byte, the lowest first."""
    out = b''
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def entry(kind, size, base, content):
    """An object of a pack; base: what stands between its head and its content."""
    head, size = [kind << 4 | size & 15], size >> 4
    while size:
        head[-1] |= 128
        head, size = head + [size & 127], size >> 7
    return bytes(head) + base + zlib.compress(content)


def delta(base_size, copies, place):
    """An object that is its base so many times; `place`: how far before it the base begins."""
    step = b'\x80' if base_size == 0x10000 else b'\xc0' + bytes([base_size >> 16])
    content = number(base_size) + number(base_size * copies) + step * copies
    back = [place & 127]
    while place > 127:
        place = (place >> 7) - 1
        back.insert(0, place & 127 | 128)
    return entry(6, len(content), bytes(back), content)


def bomb(copies):
    base = entry(3, 0x10000, b'', bytes(0x10000))
    first = delta(0x10000, 0xff, len(base))
    second = delta(0xff0000, copies, len(first))
    pack = struct.pack('>4sII', b'PACK', 2, 3) + base + first + second
    return pack + hashlib.sha1(pack).digest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def plain(self, status, text, **headers):
        self.send_response(status)
        headers.setdefault('Content_Type', 'text/plain')
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def backend(self, path, query, body):
        """The answer of git http-backend: status, headers, body."""
        environment = {
            'PATH': os.environ['PATH'], 'GIT_PROJECT_ROOT': ROOT, 'GIT_HTTP_EXPORT_ALL': '1',
            'GIT_CONFIG_NOSYSTEM': '1', 'HOME': ROOT, 'PATH_INFO': path, 'QUERY_STRING': query,
            'REQUEST_METHOD': self.command, 'REMOTE_ADDR': '127.0.0.1', 'CONTENT_LENGTH': str(len(body)),
            'CONTENT_TYPE': self.headers.get('Content-Type', ''),
            'GIT_CONFIG_COUNT': '2', 'GIT_CONFIG_KEY_0': 'safe.directory', 'GIT_CONFIG_VALUE_0': '*',
            'GIT_CONFIG_KEY_1': 'uploadpack.allowAnySHA1InWant', 'GIT_CONFIG_VALUE_1': 'true',
        }
        out = subprocess.run(['git', 'http-backend'], input=body, env=environment, check=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        head, _, content = out.partition(b'\r\n\r\n')
        headers = dict(line.split(': ', 1) for line in head.decode().split('\r\n'))
        return int(headers.pop('Status', '200').split()[0]), headers, content

    def answer(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        path, _, query = self.path.partition('?')
        how, _, path = path.lstrip('/').partition('/')
        if how == 'gone':
            return self.plain(404, b'not found')
        if how == 'elsewhere':
            return self.plain(302, b'', Location='https://elsewhere.example/' + path + '?' + query)
        if how == 'inward' or (how == 'late' and self.command == 'POST'):
            return self.plain(302, b'', Location='https://169.254.169.254/' + path + '?' + query)
        if how == 'noise':
            return self.plain(200, b'<html>hello</html>', Content_Type='text/html')
        if how == 'private':
            given = self.headers.get('Authorization', '')
            if given != 'Basic ' + base64.b64encode(b'git:sesame').decode():
                return self.plain(401, b'who are you?', WWW_Authenticate='Basic realm="labs"')
        if how == 'stall':
            END.wait()
            return None
        status, headers, content = self.backend('/' + path, query, body)
        pack = self.command == 'POST' and has_pack(content)
        if how in ('flip', 'sum') and pack:
            at = pack_at(content, -1 if how == 'sum' else 16)
            content = content[:at] + bytes([content[at] ^ 1]) + content[at + 1:]
        if how in ('bomb', 'bomb8') and pack:
            content = with_pack(content, bomb(512 if how == 'bomb8' else 192))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if how == 'single':
            self.send_header('Connection', 'close')
            self.close_connection = True
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        if how in ('cut', 'slow') and pack:
            self.wfile.write(content[:len(content) // 2])
            self.wfile.flush()
            if how == 'slow':
                END.wait()
            self.close_connection = True
        else:
            self.wfile.write(content)
        return None

    def do_GET(self):
        try:
            self.answer()
        except (ConnectionError, ssl.SSLError):
            self.close_connection = True

    do_POST = do_GET


def main():
    key, ca = os.path.join(ROOT, 'key.pem'), os.path.join(ROOT, 'ca.pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                    '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost',
                    '-keyout', key, '-out', ca], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca, key)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
    END.set()
    os._exit(0)


main()

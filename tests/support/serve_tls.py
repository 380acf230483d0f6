"""Runs moto's server as serve.py does, and on another port with TLS.

usage: serve_tls.py FOLDER

Writes that address to FOLDER/endpoint, and the certificate of the authority that vouches for it to FOLDER/ca.pem.
"""

import datetime
import logging
import os
import ssl
import sys
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

logging.getLogger("werkzeug").setLevel(logging.ERROR)
folder = sys.argv[1]
now = datetime.datetime.now(datetime.timezone.utc)


def certificate(name, issuer, key, signer, *extensions):
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(signer, hashes.SHA256())


def write(name, *parts):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(b"".join(parts))
    return path


authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
root = certificate("authority", "authority", authority, authority, x509.BasicConstraints(ca=True, path_length=0))
names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
leaf = certificate("moto", "authority", key, authority, names)
pem = serialization.Encoding.PEM
write("ca.pem", root.public_bytes(pem))
private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
chain = write("server.pem", leaf.public_bytes(pem), private)

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(chain)
application = DomainDispatcherApplication(create_backend_app)
plain, secure = (make_server("127.0.0.1", 0, application, threaded=True, ssl_context=it) for it in [None, context])
for server in plain, secure:
    threading.Thread(target=server.serve_forever, daemon=True).start()
write("endpoint", f"https://localhost:{secure.server_port}".encode())
print(f"http://127.0.0.1:{plain.server_port}", flush=True)
sys.stdin.buffer.read()
os._exit(0)

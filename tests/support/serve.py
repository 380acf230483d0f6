"""Runs moto's server on a free loopback port, prints its address and ends with its standard input.

The test process holds the other end of that pipe and never writes: when it ends, however it ends, so does this.
"""

import logging
import os
import sys

import cloudformation
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
host, port = server.get_host_and_port()
endpoint = f"http://{host}:{port}"
cloudformation.add(endpoint)
print(endpoint, flush=True)
sys.stdin.buffer.read()
os._exit(0)

"""interrupt.py SOCKET: sends a non-maskable interrupt to the machine whose QMP is at SOCKET, and waits until it has ended."""
import socket, sys

with socket.socket(socket.AF_UNIX) as qmp:
    qmp.settimeout(20)
    qmp.connect(sys.argv[1])
    qmp.sendall(b'{"execute": "qmp_capabilities"} {"execute": "inject-nmi"}')
    try:
        while qmp.recv(4096):
            pass
    except TimeoutError:
        pass

#!/usr/bin/python3
"""The bytes of listeners' keys, as ring/README.md specifies them, beside model.py.

    key_model.py golden/keys-1.txt                     writes the vectors
    key_model.py --check golden/keys-1.txt README.md   fails where either lacks them
"""

import ipaddress
import re
import sys

from model import key_hash


def address_text(address, prefix_v4=32, prefix_v6=128):
    """An address without its port, its bits behind the prefix cleared. IPv6 as in RFC 5952;
    one that maps IPv4 is that IPv4 address."""
    ip = ipaddress.ip_address(address)
    if ip.version == 6 and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    bits = prefix_v4 if ip.version == 4 else prefix_v6
    masked = ipaddress.ip_network((ip, bits), strict=False).network_address
    number = int(masked)
    if masked.version == 6 and 2**16 <= number < 2**32:
        # ::/96, once for IPv4-compatible addresses: their last 32 bits in decimal.
        return "::" + str(ipaddress.IPv4Address(number))
    return str(masked)


def endpoint_text(address, port):
    text = address_text(address)
    return "[%s]:%d" % (text, port) if ":" in text else "%s:%d" % (text, port)


def netstrings(parts):
    return b"".join(b"%d:%s," % (len(part), part) for part in parts)


def shown(data):
    """Bytes as the access log shows them, blanks too."""
    return re.sub(rb'[^!-~]|["\\\\]', lambda m: b"\\x%02x" % m.group()[0], data).decode()


ADDRESSES = [
    "192.0.2.7",
    "2001:db8:0:0:0:0:0:7",
    "2001:DB8::A:0:0:7",
    "2001:db8:0:1:1:1:1:1",
    "2001:db8:1:2:3:4:5:6",
    "::1",
    "::0102:0304",
    "::ffff:192.0.2.7",
    "::ffff:c000:207",
]


def key_vectors():
    """(source, input, key) of listeners' keys."""
    for address in ADDRESSES:
        yield "source_ip", address, address_text(address).encode()
    for address in ADDRESSES[:5] + ADDRESSES[-1:]:
        yield "source_ip/24/64", address, address_text(address, 24, 64).encode()
    yield "source_ip/1/1", "255.1.1.1", address_text("255.1.1.1", 1, 1).encode()
    yield "source_ip/1/1", "7fff::1", address_text("7fff::1", 1, 1).encode()
    for source in ["source", "destination"]:
        for address in ADDRESSES:
            written = "[%s]:4711" % address if ":" in address else address + ":4711"
            yield source, written, endpoint_text(address, 4711).encode()
        for name in [b"/run/front.sock", b"\x00abstract"]:
            yield source, "unix:" + shown(name), b"unix:" + name
    for source, sent, key in [
        ("first_line", b"user-42\n", b"user-42"),
        ("first_line", b"user-42 \r\nmore", b"user-42 "),
        ("first_line", b"\x00\xff\n", b"\x00\xff"),
        ("field/2", b"get  key-1 x\r\n", b"key-1"),
        ("header/X-User", b"GET / HTTP/1.1\r\nx-user:  ann b \r\n\r\n", b"ann b"),
        ("target", b"GET /a?b=c HTTP/1.1\r\n", b"/a?b=c"),
        ("bytes/2/4", b"\x00\x01key\xff", b"key\xff"),
    ]:
        yield source, shown(sent), key
    line = netstrings([b"192.0.2.7", b"ann"])
    yield "source_ip+first_line", "192.0.2.7+ann\\x0a", line
    yield "source_ip+first_line", "192.0.2.7+\\x0a", netstrings([b"192.0.2.7", b""])
    yield "source_ip+first_line", "::ffff:192.0.2.7+9:a,\\xff\\x0a", netstrings(
        [b"192.0.2.7", b"9:a,\xff"]
    )


def key_lines():
    yield "# Source, what came, the key's bytes, k by sha256 without a seed. \\xNN is a byte."
    for source, came, key in key_vectors():
        yield "%-20s  %-46s  %-36s  %016x" % (
            source,
            came,
            shown(key),
            key_hash("sha256", b"", key),
        )


def check(golden_path, readme_path):
    text = "\n".join(key_lines()) + "\n"
    for path in [golden_path, readme_path]:
        with open(path) as file:
            if text not in file.read():
                sys.exit(path + " does not hold the keys that the model makes")


def main():
    if "--check" in sys.argv:
        return check(*sys.argv[-2:])
    with open(sys.argv[-1], "w") as file:
        file.write("\n".join(key_lines()) + "\n")


if __name__ == "__main__":
    main()

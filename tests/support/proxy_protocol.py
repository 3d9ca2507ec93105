"""PROXY headers of version 2, built and parsed."""

import struct

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ACCEPT = {"accept": ["v1", "v2"], "trusted": ["127.0.0.0/8", "::1"]}
V4_BLOCK = bytes([203, 0, 113, 9, 198, 51, 100, 1]) + struct.pack("!HH", 4711, 443)


def v2(command: int = 0x21, family: int = 0x11, block: bytes = V4_BLOCK) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(block)) + block


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value


def sent_header(peer) -> tuple[int, int, bytes, dict, bytes]:
    """Command, family, addresses and fields of the header that came, and what followed."""
    data = bytes(peer.received)
    assert data.startswith(SIGNATURE)
    command, family, length = struct.unpack("!BBH", data[12:16])
    block, rest = data[16 : 16 + length], data[16 + length :]
    size = {0x11: 12, 0x21: 36, 0x31: 216, 0x00: 0}[family]
    fields, at = {}, size
    while at < length:
        kind, field_length = struct.unpack("!BH", block[at : at + 3])
        fields[kind] = block[at + 3 : at + 3 + field_length]
        at += 3 + field_length
    return command, family, block[:size], fields, rest

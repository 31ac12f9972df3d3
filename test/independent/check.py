"""Checks a checkpoint and a proof of this project, from the public specifications alone.

RFC 8032 (Ed25519), RFC 9162 2.1.3.2 (inclusion), c2sp.org signed-note, tlog-checkpoint and tlog-proof.
usage: check.py <verifier key> <checkpoint or tlog-proof file> [<file with the row's line>]
Prints what was accepted, exit 0; one reason on standard error, exit 1.
"""
import base64
import hashlib
import sys

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    u, v = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = v - u, d - c, d + c, v + u
    return e * f % P, g * h % P, f * g % P, e * h % P


def mul(k, point):
    total = (0, 1, 1, 0)
    for bit in bin(k)[2:]:
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total


def decode(raw):
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert y < P and (x * x - xx) % P == 0, "not a point"
    x = P - x if x & 1 != raw[31] >> 7 else x
    return x, y, 1, x * y % P


def verify(key, message, signature):
    s = int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    base = decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    x1, y1, z1, _ = mul(s, base)
    x2, y2, z2, _ = add(decode(signature[:32]), mul(k, decode(key)))
    return s < L and (x1 * z2 - x2 * z1) % P == 0 and (y1 * z2 - y2 * z1) % P == 0


def unbase64(text):
    raw = base64.b64decode(text, validate=True)
    assert base64.b64encode(raw).decode() == text, "not canonical base64"
    return raw


def open_checkpoint(note, verifier):
    name, key_id, key = verifier.split("+", 2)
    key = unbase64(key)
    digest = hashlib.sha256(name.encode() + b"\n" + key).digest()
    assert key[0] == 1 and digest[:4].hex() == key_id, "not an Ed25519 verifier key"
    text, signatures = note[: note.rindex("\n\n") + 1], note[note.rindex("\n\n") + 2 :]
    assert signatures.endswith("\n"), "torn signature lines"
    lines = [line.split(" ") for line in signatures[:-1].split("\n")]
    assert all(len(line) == 3 and line[0] == "\u2014" for line in lines), "not signature lines"
    ours = [unbase64(raw) for _, who, raw in lines if who == name]
    ours = [raw[4:] for raw in ours if raw[:4] == digest[:4]]
    assert ours and all(verify(key[1:], text.encode(), raw) for raw in ours), "no valid signature"
    origin, size, root = text[:-1].split("\n")[:3]
    assert origin == name and str(int(size)) == size, "not this log's checkpoint"
    return int(size), unbase64(root)


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def open_proof(text, verifier, line):
    head, note = text.split("\n\n", 1)
    first, *rest = head.split("\n")
    assert first == "c2sp.org/tlog-proof@v1", "not a proof"
    extra = unbase64(rest.pop(0)[6:]) if rest[0].startswith("extra ") else None
    word, index = rest.pop(0).split(" ")
    assert word == "index" and str(int(index)) == index, "no index"
    size, root = open_checkpoint(note, verifier)
    fn, sn = int(index), size - 1
    assert 0 <= fn <= sn, "not in the tree"
    r = hashlib.sha256(b"\x00" + (line if line is not None else extra)).digest()
    for p in map(unbase64, rest):
        assert sn > 0, "proof too long"
        if fn & 1 or fn == sn:
            r = node(p, r)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0 and r == root, "the row is not in the tree"
    return int(index), size


if __name__ == "__main__":
    try:
        verifier, path, *row = sys.argv[1:]
        text = open(path, "rb").read().decode()
        line = open(row[0], "rb").read() if row else None
        is_proof = text.startswith("c2sp.org/tlog-proof")
        print(*(open_proof(text, verifier, line) if is_proof else (open_checkpoint(text, verifier)[0],)))
    except Exception as problem:
        sys.exit(f"refused: {problem}")

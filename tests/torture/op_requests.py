"""Requests for op_fuzz.py: out of the op table that the server describes, of the conversations of tests/conversations/ and
of earlier answers, mutated."""
import base64
import binascii
import copy
import json
import pathlib
import re
import struct
import threading

CONVERSATIONS = pathlib.Path(__file__).resolve().parents[1] / "conversations"
COLLECTIONS = ["default", "users", "notes", "c", "orders", "mixed", "\u00fc\u6f22\U0001f600", "x" * 128]
NAMES = ["a", "b", "u1", "n1", "d", "age", "anna", "clerk", "monday", "acme", "own", "document", "graph", "\u00e9", "A", ""]
PATHS = ["age", "city", "a.b", "tags[0]", "a", "a[*].b", "b[1000000]", "", ".", "a.", "[", "a..b", "$", "_id", "x" * 600,
         "a" + ".a" * 200, "a" + "[0]" * 150]
WORDS = ["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "exists", "and", "or", "not", "contains", "starts_with", "regex", "type",
         "$auth.username", "$auth.roles", "$auth.tenant_id", "count", "sum", "avg", "min", "max", "percentile", "*", "asc", "desc",
         "$ref", "properties", "items", "allOf", "pattern", "multipleOf", "enum", "const", "required", "__proto__"]
NUMBERS = [0, 1, -1, 2, 3, 7, 127, 128, 255, 256, 1000, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**63 - 1, 2**63,
           2**64 - 1, 2**64, -2**63, 10**30, 0.5, -0.0, 1e-300, 1e300, 3.4e38, 3.5e38, 1e-45, 0.1]
# As they stand in the text: what json.dumps would not write. {n} many of the pair around one another.
RAW = ["NaN", "Infinity", "-0", "1e400", "-1e400", "1e-400", "0e99999999999999", "1" * 400, "0." + "0" * 400 + "1", "01", "1.", "+1", "0x10",
       "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\u0000\"", "\"\\x\"", "\"", "{", "]", "tru", "", "{\"a\":1,\"a\":2}", "{\"\":{\"\":{}}}"]
KINDS = {"object": {}, "array": [], "str": "", "int": 0, "float": 0.0, "bool": True, "null": None}
STILL = {"discard_to", "digest", "vshard_move"}  # while they wait for open requests nothing else is begun
RARE = {"tenant_drop", "checkpoint", "backup", "backup_stream", "user_create", "user_set_password",
        "document_truncate", "describe", "server_stats", "plugin_list", "auth", "user_drop", "subscribe"}


class Known:
    """What answers told, by the name of the field: cursors, LSNs, ids, updates. All connections share it."""
    MOST = 60

    def __init__(self):
        self.lock, self.values, self.good, self.pages = threading.Lock(), {}, {}, {}

    def learn(self, request, answer):
        with self.lock:
            self._walk("payload", answer.get("payload"), 0)
            if answer.get("status") == "ok" and len(str(request)) < 20_000:
                self._keep(self.good, request.get("op"), request)
                if isinstance(answer.get("payload"), dict) and "cursor" in answer["payload"]:  # counts with these arguments alone
                    self._keep(self.pages, request.get("op"), dict(request, cursor=answer["payload"]["cursor"]))

    def _walk(self, name, value, depth):
        if isinstance(value, dict) and depth < 6:
            for key, inner in list(value.items())[:40]:
                self._walk(key, inner, depth + 1)
        elif isinstance(value, list) and depth < 6:
            for inner in value[:5]:
                self._walk(name, inner, depth + 1)
        elif isinstance(value, (str, int, float)) and len(str(value)) < 20_000:
            self._keep(self.values, name, value)

    def _keep(self, table, name, value):
        if not isinstance(name, str):
            return
        kept = table.setdefault(name, [])
        kept.append(value)
        if len(kept) > self.MOST:
            del kept[len(value if isinstance(value, dict) else str(value)) % self.MOST]

    def of(self, table, name, rng):
        with self.lock:
            kept = table.get(name if name is not None else rng.choice(list(table) or [None]))  # None: any
            return copy.deepcopy(rng.choice(kept)) if kept else None


def conversations():
    """Every request of the conversations, by op."""
    found = {}
    for path in sorted(CONVERSATIONS.glob("*/*.conv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line[:2] not in ("> ", "+ ") or len(line) > 20_000:
                continue
            try:
                request = json.loads(line[2:])
            except ValueError:
                continue
            if isinstance(request, dict) and isinstance(request.get("op"), str):
                found.setdefault(request["op"].rsplit(".", 1)[-1], []).append(request)
    return found


def write(request):
    """JSON text, with what raw() marked as it is."""
    return re.sub(r'"@raw:([0-9a-f]*)@"', lambda found: bytes.fromhex(found[1]).decode(), json.dumps(request, ensure_ascii=len(str(request)) % 8 > 0)).encode(
        "utf-8", "surrogatepass")


def raw(text):
    return "@raw:" + text.encode().hex() + "@"


class YjsUpdate:
    """An update of Yjs (format 1), nearly right: of few clients and clocks, so that its items find one another and earlier ones."""

    def __init__(self, rng):
        self.rng, self.out = rng, bytearray()
        for _ in range(self.count(rng.randrange(1, 4))):
            structs = self.count(rng.randrange(1, 5))
            self.id()
            for _ in range(structs):
                self.struct()
        for _ in range(self.count(rng.choice([0, 0, 1, 2]))):  # what is deleted: client, ranges of clocks
            self.count(rng.randrange(1, 5))
            self.count(1)
            self.count(rng.randrange(5))
            self.count(rng.choice([0, 1, 2, 5, 2**32, 2**53]))

    def count(self, value):
        left = value
        while left > 127:
            self.out.append(left & 127 | 128)
            left >>= 7
        self.out.append(left)
        return value

    def text(self, value):
        value = value.encode("utf-8", "surrogatepass")
        self.count(len(value))
        self.out.extend(value)

    def id(self):
        self.count(self.rng.randrange(1, 5))
        self.count(self.rng.choice([0, 0, 1, 2, 3, 4, 9]) if self.rng.random() < 0.97 else self.rng.choice([2**31, 2**32, 2**53, 2**63]))

    def struct(self):
        rng = self.rng
        kind = rng.choice([0, 1, 2, 3, 4, 4, 4, 5, 6, 7, 7, 8, 8, 9, 10, 11])
        if kind in (0, 10):  # GC, Skip
            self.out.append(kind)
            self.count(rng.randrange(1, 4))
            return
        info = kind | rng.choice([0, 0, 0x20, 0x20, 0x80, 0x40, 0xc0, 0xe0])
        self.out.append(info)
        for bit in (0x80, 0x40):  # left and right neighbour
            if info & bit:
                self.id()
        if not info & 0xc0:  # no neighbour says whose child it is
            is_named = rng.random() < 0.6
            self.count(1 if is_named else 0)
            self.text(rng.choice("tml")) if is_named else self.id()
            if info & 0x20:
                self.text(rng.choice("abk"))
        self.content(kind)

    def content(self, kind):
        rng = self.rng
        if kind == 1:  # deleted
            self.count(rng.randrange(1, 4))
        elif kind == 2:  # JSON
            for _ in range(self.count(rng.randrange(1, 4))):
                self.text(rng.choice(["1", "\"a\"", "undefined", "{", "[" * 50]))
        elif kind == 3:  # binary
            self.text("ab")
        elif kind == 4:
            self.text(rng.choice(["a", "hello", "\U0001f600", "\u00e9", "\ud800"]))
        elif kind == 5:  # embed
            self.text(rng.choice(["1", "{\"src\":\"x\"}", "["]))
        elif kind == 6:  # format
            self.text(rng.choice(["bold", "", "x" * 80]))
            self.text(rng.choice(["true", "null", "{\"a\":[1]}", "tru"]))
        elif kind == 7:  # type
            if self.count(rng.choice([0, 1, 2, 3, 4, 5, 6, 9])) in (3, 5):
                self.text("p")
        elif kind == 8:  # any
            for _ in range(self.count(rng.randrange(1, 4))):
                self.any(3)
        elif kind == 9:  # subdocument
            self.text("guid")
            self.any(2)

    def any(self, depth):
        rng = self.rng
        kind = rng.choice([127, 126, 125, 124, 123, 122, 121, 120, 119, 118, 117, 116] if depth else [127, 126, 121, 119])
        self.out.append(kind)
        if kind == 125:
            self.count(rng.randrange(64))
        elif kind == 124:
            self.out.extend(struct.pack(">f", rng.uniform(-9, 9)))
        elif kind == 123:
            self.out.extend(rng.choice([struct.pack(">d", rng.uniform(-9, 9)), b"\x7f\xf0" + b"\0" * 6, b"\x7f\xf8" + b"\0" * 6]))
        elif kind == 122:
            self.out.extend(rng.randbytes(8))
        elif kind in (119, 116):
            self.text(rng.choice(NAMES))
        elif kind in (118, 117):
            for _ in range(self.count(rng.randrange(4))):
                if kind == 118:
                    self.text(rng.choice(NAMES))
                self.any(depth - 1)


class Maker:
    def __init__(self, ops, known, rng):
        self.known, self.rng, self.rows = known, rng, {op["name"]: op for op in ops}
        self.corpus = conversations()
        self.names = list(self.rows)
        engines = {"kernel", "system"}
        self.weights = [0.01 if name in STILL else 0.4 if name in RARE else 1 if self.rows[name]["engine"] in engines else 3 for name in self.names]

    # ---- a request
    def request(self, op=None):
        rng = self.rng
        if op is None and rng.random() < 0.1 and (page := self._next_page()):
            return page
        op = op or rng.choices(self.names, self.weights)[0]
        made = self._base(op)
        made["op"] = op if rng.random() < 0.95 else self.rows[op]["canonical"]
        self._steer(op, made)
        for _ in range(rng.choice([0, 0, 0, 1, 1, 1, 2, 4])):
            self._spoil(op, made)
        self._shared_fields(made)
        return made

    def _next_page(self):
        """A request that had a cursor, as it was, so that what stands behind its fingerprint is looked at."""
        rng = self.rng
        page = self.known.of(self.known.pages, None, rng)
        if not page or rng.random() < 0.15:
            return page
        cursor = str(page["cursor"])
        values = self._behind_tie(cursor) if rng.random() < 0.5 else None
        if values is None:
            page["cursor"] = self._spoil_text(cursor)
        else:  # as many values, or one more or less
            page["cursor"] = cursor[:values] + b"".join(self._packed(0) for _ in range(rng.randrange(1, 4))).hex()
        return page

    @staticmethod
    def _behind_tie(cursor):
        """Where packed values begin in a page's cursor: behind version, fingerprint and the document that ends ties."""
        try:
            head = bytes.fromhex(cursor)
        except ValueError:
            return None
        return 2 * (11 + int.from_bytes(head[9:11], "little")) if len(head) >= 11 else None

    def _packed(self, depth):
        """Nearly a value in stored form (sdk/cpp/stator/packed/value.hpp); at depth 0 often behind the byte that says that there is one."""
        rng = self.rng
        there = bytes([rng.choice([1, 1, 1, 0, 2])]) if depth == 0 and rng.random() < 0.8 else b""
        tag = rng.choice([0, 1, 2, 3, 4, 5, 6, 6, 6, 7, 8, 9, 10])
        if tag in (3, 4):
            return there + bytes([tag]) + rng.choice([b"\0", b"\x01", b"\xff" * 9 + b"\x01", b"\xff" * 10, b"\x80"])
        if tag == 5:
            number = rng.choice(NUMBERS + [float("nan"), float("inf")])
            return there + b"\x05" + struct.pack("<d", float(number))[:rng.choice([8, 8, 8, 7, 0])]
        if tag == 6:
            content = rng.choice([str(rng.choice(NUMBERS)), "", "-", ".", "-.", "e", "1e", "1e+", "1e99999999999", "0" * 40, "-0", "1.5x", "abc", " 1"]).encode()
        elif tag == 7:
            content = rng.choice(NAMES).encode()
        elif tag in (8, 9) and depth < 4:
            content = b"".join((b"\x01a" if tag == 9 else b"") + self._packed(depth + 1) for _ in range(rng.randrange(3)))
        else:
            return there + bytes([tag])
        size = len(content) if rng.random() < 0.85 else rng.choice([0, 1, 5, 127, 255])
        return there + bytes([tag]) + (size.to_bytes(4, "little") if tag > 7 else bytes([size & 127])) + content

    def _base(self, op):
        rng, way = self.rng, self.rng.random()
        if way < 0.4 and op in self.corpus:
            return copy.deepcopy(rng.choice(self.corpus[op]))
        if way < 0.6 and (good := self.known.of(self.known.good, op, rng)):
            return good
        if op == "batch":
            return {"ops": [self.request(rng.choice(self.names)) for _ in range(rng.choice([0, 1, 2, 3, 5, 20]))],
                    "atomic": rng.random() < 0.6}
        return {arg["name"]: self._value(op, arg) for arg in self.rows[op]["args"]
                if arg["required"] and rng.random() < 0.97 or rng.random() < 0.35}

    def _steer(self, op, made):
        """To what is stored already, so that requests meet."""
        rng = self.rng
        if rng.random() < 0.8:
            made["collection"] = rng.choice(COLLECTIONS[:6]) if rng.random() < 0.95 else rng.choice(COLLECTIONS)
        for arg in self.rows[op]["args"]:
            if rng.random() < (0.7 if arg["name"] == "cursor" else 0.3):
                value = self.known.of(self.known.values, arg["name"], rng)
                if value is not None and arg["type"] not in ("json", "rows", "strvec", "f32vec"):
                    made[arg["name"]] = value
        if op in ("tenant_drop", "quota_set") or made.get("tenant") == 1 and rng.random() < 0.9:
            made["tenant"] = rng.choice([2, 3, 4, 2**32 - 1])

    def _shared_fields(self, made):
        rng = self.rng
        made["payload_format"] = "json" if rng.random() < 0.85 else "base64"
        made["deadline_ms"] = rng.choice([2000, 2000, 2000, 2000, 5000, 200, 20, 1]) if rng.random() < 0.95 else self._number(1, 600000)
        for field, chance, values in (
                ("priority", 0.15, ["background", "normal", "high", "critical", "odd"]), ("strict", 0.1, [True, False]),
                ("consistency", 0.1, ["strong", "bounded", "eventual", "?"]), ("min_lsn", 0.03, NUMBERS),
                ("id", 0.4, [1, 2, 3, "s", "x" * 64, "\u00fc", 2**53]), ("trace_id", 0.03, NUMBERS + ["00-" + "1" * 32 + "-" + "2" * 16 + "-01"]),
                ("idempotency_key", 0.08, [1, 2, 3, "k", "x" * 64, ""]), ("stream", 0.05, [True])):
            if rng.random() < chance:
                made[field] = rng.choice(values)
        if "min_lsn" in made:
            made["deadline_ms"] = rng.choice([1, 20, 100])

    # ---- values
    def _value(self, op, arg):
        rng, kind, name = self.rng, arg["type"], arg["name"]
        example = self.rows[op]["example"].get(name)
        if "choices" in arg:
            return rng.choice(arg["choices"])
        if kind == "bool":
            return rng.random() < 0.5
        if kind in ("u64", "f64"):
            return self._number(arg.get("min"), arg.get("max"))
        if kind == "str":
            value = self.known.of(self.known.values, name, rng) if rng.random() < 0.5 else None
            return value if isinstance(value, str) else self._text(example)
        if kind == "bytes":
            return base64.b64encode(self._bytes()).decode()
        if kind == "strvec":
            return [self._text(example[0] if example else None) for _ in range(rng.choice([1, 1, 2, 3, 4, 17, 65]))]
        if kind == "f32vec":
            return self._vector()
        if kind == "rows":
            return [{field["name"]: self._value(op, {"required": False, **field}) for field in arg["fields"]
                     if field.get("required") or rng.random() < 0.5} for _ in range(rng.choice([0, 1, 2, 3, 30]))]
        return copy.deepcopy(example) if example is not None and rng.random() < 0.6 else self._json(4)

    def _text(self, example=None):
        rng, way = self.rng, self.rng.random()
        if way < 0.3 and isinstance(example, str):
            return example
        if way < 0.6:
            return rng.choice(NAMES)
        if way < 0.75:
            return rng.choice(PATHS)
        if way < 0.85:
            return rng.choice(WORDS)
        return rng.choice([str(rng.randrange(20)), "x" * rng.choice([1, 63, 64, 65, 127, 128, 129, 256, 257, 512, 513]), "\u0000", "a\u0000b", "\ud800",
                           "\u202e\u0301", "../../etc/passwd", "/tmp/x", "..", ".", "a/b", "nul\n", "%s%n", "' or 1", "\U0001f600" * 40])

    def _number(self, low=None, high=None):
        rng, near = self.rng, []
        for bound in (low, high):
            if bound is not None:
                near += [bound, bound - 1, bound + 1]
        if rng.random() < 0.4 and low is not None and high is not None and high > low:
            return rng.randint(int(low), min(int(high), int(low) + rng.choice([1, 3, 20, 300])))
        return rng.choice(near + [1, 2, 3] if near and rng.random() < 0.7 else NUMBERS)

    def _vector(self):
        rng = self.rng
        size = rng.choice([3, 3, 3, 3, 8, 1, 2, 4, 16, 8191, 8192, 8193] if rng.random() < 0.1 else [3, 3, 3, 8])
        odd = rng.random() < 0.2
        return [rng.choice(NUMBERS) if odd and rng.random() < 0.3 else round(rng.uniform(-1, 1), 3) for _ in range(size)]

    def _json(self, depth):
        rng, way = self.rng, self.rng.random()
        if depth == 0 or way < 0.35:
            return rng.choice([rng.choice(NUMBERS), rng.choice(NAMES), True, False, None, self._text()])
        if way < 0.75:
            return {rng.choice([rng.choice(NAMES), rng.choice(PATHS), rng.choice(WORDS)]): self._json(depth - 1) for _ in range(rng.randrange(4))}
        return [self._json(depth - 1) for _ in range(rng.choice([0, 1, 2, 5]))]

    def _bytes(self):
        rng, way = self.rng, self.rng.random()
        if way < 0.65:
            update = YjsUpdate(rng).out
            return bytes(update) if rng.random() < 0.8 else self.spoil_bytes(update)
        seen = self.known.of(self.known.values, "payload" if way < 0.9 else "value", rng)
        try:
            data = base64.b64decode(seen, validate=True) if isinstance(seen, str) else b""
        except (binascii.Error, ValueError):
            data = b""
        return self.spoil_bytes(data) if data else rng.randbytes(rng.choice([0, 1, 2, 5, 30, 300]))

    def spoil_bytes(self, data):
        rng, data = self.rng, bytearray(data)
        for _ in range(rng.choice([0, 1, 1, 2, 5])):
            at = max(rng.randrange(len(data) + 1) for _ in range(rng.choice([1, 1, 5])))  # behind what says whose it is
            way = rng.randrange(6)
            if way == 5:  # tags and lengths, of whatever stands at the end
                data[at:] = bytes(rng.randrange(12) for _ in range(rng.randint(1, 5)))
            elif way == 0:
                data[at:at] = rng.choice([b"\xff\xff\xff\xff\x0f", b"\xff" * 10, b"\0", b"\x80", b"\xff" * 9 + b"\x01", rng.randbytes(3)])
            elif way == 1:
                del data[at:]
            elif way == 2:
                del data[at:at + rng.choice([1, 2, 9])]
            elif way == 3 and data:
                data[at % len(data)] = rng.choice([0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)])
            elif data:
                data[at % len(data)] ^= 1 << rng.randrange(8)
        return bytes(data)

    # ---- mutations
    def _spoil(self, op, made):
        rng = self.rng
        rows = [arg for arg in self.rows[op]["args"] if not (op == "batch" and arg["name"] == "ops" and rng.random() < 0.7)]
        if rows and rng.random() < 0.6:
            arg = rng.choice(rows)
            if arg["name"] in made and rng.random() < 0.6:
                made[arg["name"]] = self._spoil_value(made[arg["name"]], 0)
            else:
                made[arg["name"]] = self._value(op, arg)
            return
        fields = [field for field in made if field != "op" and field != "ops"]
        if not fields:
            return
        field = rng.choice(fields)
        if rng.random() < 0.1:
            del made[field]
        elif rng.random() < 0.05:
            made[field + rng.choice(["", "x", "\u0000"])] = self._json(2)
        else:
            made[field] = self._spoil_value(made[field], 0)

    def _spoil_value(self, value, depth):
        rng, way = self.rng, self.rng.random()
        if depth < 8 and way < 0.7 and isinstance(value, dict) and value:
            key = rng.choice(list(value))
            act = rng.random()
            if act < 0.6:
                value[key] = self._spoil_value(value[key], depth + 1)
            elif act < 0.7:
                value[rng.choice([self._text(), rng.choice(WORDS)])] = value.pop(key)
            elif act < 0.85:
                value[rng.choice([self._text(), rng.choice(WORDS)])] = copy.deepcopy(rng.choice(list(value.values())))
            else:
                del value[key]
            return value
        if depth < 8 and way < 0.7 and isinstance(value, list) and value:
            at, act = rng.randrange(len(value)), rng.random()
            if act < 0.6:
                value[at] = self._spoil_value(value[at], depth + 1)
            elif act < 0.7:
                del value[at]
            else:
                value[at:at] = copy.deepcopy(value[at:at + 1]) * rng.choice([1, 1, 3, 70 if depth < 2 else 2])
            return value
        if isinstance(value, str) and way < 0.6:
            return self._spoil_text(value)
        if isinstance(value, (int, float)) and way < 0.5:
            return rng.choice([value + 1, value - 1, -value, value * 2, str(value), value + 0.5])
        way = rng.random()
        if way < 0.25:
            return self._json(2)
        if way < 0.45:
            return rng.choice(NUMBERS)
        if way < 0.65:
            return self._text()
        if way < 0.8:
            return copy.deepcopy(rng.choice(list(KINDS.values())))
        if way < 0.86:
            return {rng.choice(WORDS): value}
        if way < 0.92:
            return [value]
        if way < 0.94:
            count = rng.choice([20, 60, 130, 1000, 20000])
            return raw(rng.choice(["[" * count + "]" * count, "{\"not\":" * count + "1" + "}" * count, "{\"a\":" * count + "1" + "}" * count]))
        if way < 0.95:
            return "x" * rng.choice([4096, 65536, 70000, 1_000_000])
        if way < 0.96:
            return [0] * rng.choice([1000, 10001, 100001])
        return raw(rng.choice(RAW))

    def _spoil_text(self, value):
        rng = self.rng
        for decode, encode in ((bytes.fromhex, bytes.hex), (lambda text: base64.b64decode(text, validate=True), lambda data: base64.b64encode(data).decode()),
                               (lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="))):
            try:
                data = decode(value) if len(value) >= 8 else b""
            except (ValueError, binascii.Error):
                continue
            if data and rng.random() < 0.85:
                return encode(self.spoil_bytes(data))
        at = rng.randrange(len(value) + 1)
        return rng.choice([value[:at], value[:at] + rng.choice(["\u0000", ".", "[0]", "\u00e9", "\ud800", "*", "-1", "\\"]) + value[at:], value * 2, value.upper(), value[at:]])

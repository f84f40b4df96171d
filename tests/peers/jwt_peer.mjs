// Tokens that node's own crypto has signed, against a real server: tests/peers/jwt_peer.mjs STATORD.
// Keys of both kinds, rotation of the key set while the server runs, and tokens that others signed.
import assert from "node:assert";
import { spawn } from "node:child_process";
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const directory = mkdtempSync(join(tmpdir(), "stator-jwt-"));
const keysFile = join(directory, "keys.json");
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

function issuer(alg, kid) {
  const pair = alg === "RS256" ? generateKeyPairSync("rsa", { modulusLength: 2048 })
                               : generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    jwk: { ...pair.publicKey.export({ format: "jwk" }), kid, alg, use: "sig" },
    token(claims) {
      const signed = `${part({ alg, kid, typ: "JWT" })}.${part(claims)}`;
      const signature = sign("sha256", Buffer.from(signed), { key: pair.privateKey, dsaEncoding: "ieee-p1363" });
      return `${signed}.${signature.toString("base64url")}`;
    },
  };
}

// Written aside and renamed, as whoever rotates keys does.
function publish(...issuers) {
  writeFileSync(keysFile + ".new", JSON.stringify({ keys: issuers.map((one) => one.jwk) }));
  renameSync(keysFile + ".new", keysFile);
}

class Connection {
  constructor(port) {
    this.socket = net.connect(port, "127.0.0.1");
    this.bytes = Buffer.alloc(0);
    this.waiting = [];
    this.socket.on("data", (data) => {
      this.bytes = Buffer.concat([this.bytes, data]);
      while (this.bytes.length >= 4 && this.bytes.length >= 4 + this.bytes.readUInt32BE(0)) {
        const end = 4 + this.bytes.readUInt32BE(0);
        this.waiting.shift()(JSON.parse(this.bytes.subarray(4, end)));
        this.bytes = this.bytes.subarray(end);
      }
    });
  }
  ask(request) {
    const body = Buffer.from(JSON.stringify(request));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    this.socket.write(Buffer.concat([length, body]));
    return new Promise((resolve) => this.waiting.push(resolve));
  }
  end() { this.socket.destroy(); }
}

const first = issuer("RS256", "first");
const second = issuer("ES256", "second");
publish(first);
writeFileSync(join(directory, "stator.toml"), `
[server]
listen = "127.0.0.1:0"
http_listen = "127.0.0.1:0"
data_dir = "${directory}/data"
[auth]
mode = "password"
[auth.jwt]
keys = "${keysFile}"
issuer = "https://login.example"
audience = "stator"
user_claim = "email"
`);
const server = spawn(process.argv[2], ["serve", "--insecure-plugins", "--config", join(directory, "stator.toml")],
  { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, STATOR_ADMIN_PASSWORD: "correct horse" } });
let errors = "";
server.stderr.on("data", (data) => { errors += data; });
const said = async (text) => { while (!errors.includes(text)) await new Promise((next) => setImmediate(next)); };

function overHttp(port, token) {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ document_id: "a" });
    const request = http.request({ host: "127.0.0.1", port, path: "/v1/ops/point_get", method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "content-length": body.length } },
      (answer) => { answer.resume(); resolve(answer.statusCode); });
    request.on("error", reject);
    request.end(body);
  });
}

async function login(port, token) {
  const connection = new Connection(port);
  const answer = await connection.ask({ op: "auth", method: "jwt", token });
  const ping = await connection.ask({ op: "point_get", document_id: "a" });
  connection.end();
  return { ...answer, can_read: ping.error_code !== "unauthenticated" };
}

try {
  const ready = await new Promise((resolve, reject) => {
    server.stdout.once("data", (line) => resolve(JSON.parse(line)));
    server.once("exit", () => reject(new Error(errors)));
  });
  const port = Number(ready.listen.split(":")[1]);
  const admin = new Connection(port);
  assert.equal((await admin.ask({ op: "auth", method: "password", username: "admin", password: "correct horse" })).status, "ok");
  assert.equal((await admin.ask({ op: "user_create", username: "ada@example", password: "not used at all" })).status, "ok");

  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: "https://login.example", aud: ["stator"], email: "ada@example", sub: "1", exp: now + 300, iat: now };
  const good = await login(port, first.token(claims));
  assert.equal(good.username, "ada@example");
  assert.ok(good.can_read);
  const httpPort = Number(ready.http_listen.split(":")[1]);
  assert.equal(await overHttp(httpPort, first.token(claims)), 404);
  assert.equal(await overHttp(httpPort, second.token(claims)), 401);
  for (const [what, token] of Object.entries({
    "another issuer's key": second.token(claims),
    "another issuer": first.token({ ...claims, iss: "https://evil.example" }),
    "another audience": first.token({ ...claims, aud: "other" }),
    "nobody we know": first.token({ ...claims, email: "eve@example" }),
    "another claim": first.token({ ...claims, email: undefined }),
    "expired": first.token({ ...claims, exp: now - 61 }),
    "a key that is not secret": (() => {
      const signed = `${part({ alg: "HS256", kid: "first" })}.${part(claims)}`;
      return `${signed}.${createHmac("sha256", JSON.stringify(first.jwk)).update(signed).digest("base64url")}`;
    })(),
  })) {
    const answer = await login(port, token);
    assert.equal(answer.status, "error", what);
    assert.equal(answer.error_code, what === "expired" ? "auth_expired" : "unauthenticated", what);
    assert.ok(!answer.can_read, what);
  }

  publish(second);
  server.kill("SIGHUP");
  await said("token keys was read again");
  assert.equal((await login(port, second.token(claims))).username, "ada@example");
  assert.equal((await login(port, first.token(claims))).error_code, "unauthenticated");

  // An open connection ends with its token: what is left of the leeway of 60 s is some 2 s.
  const brief = new Connection(port);
  assert.equal((await brief.ask({ op: "auth", method: "jwt", token: second.token({ ...claims, exp: Math.floor(Date.now() / 1000) - 57 }) })).status, "ok");
  let answer;
  do { answer = await brief.ask({ op: "point_get", document_id: "a" }); } while (answer.error_code === "not_found");
  assert.equal(answer.error_code, "auth_expired");
  brief.end();
  admin.end();
  console.log("jwt peer: 2 logins, 8 refusals, one rotation, one end");
} catch (fault) {
  console.error(fault, errors);
  process.exitCode = 1;
} finally {
  server.kill("SIGKILL");
  rmSync(directory, { recursive: true });
}

// npm yjs as a client of a running statord: do both hold the same document?
//
//   npm install && node yjs_peer.mjs HOST:PORT [rounds]
//
// Each round, 2 or 3 peers edit a Y.Map, a Y.Array and a Y.Text at random, exchange some of their
// updates, and send all of them to crdt_apply: in a shuffled order, some of them twice. Then
//   - crdt_read (json) must equal the peers' own toJSON(),
//   - crdt_read (update) applied to a fresh Y.Doc must give the same values,
//   - crdt_read (update, since) must bring a stale peer up to date,
//   - crdt_read (state_vector) must equal the peers'.
// Exit code 0: all equal. 1: a difference, or the server refused. STATOR_SEED repeats a run.
import * as Y from 'yjs'
import net from 'node:net'
import { isDeepStrictEqual } from 'node:util'

const [address, roundsText = '40'] = process.argv.slice(2)
const split = address?.lastIndexOf(':') ?? -1
if (split < 1) {
  console.error('usage: node yjs_peer.mjs HOST:PORT [rounds]')
  process.exit(1)
}
const seed = Number(process.env.STATOR_SEED ?? Math.floor(Math.random() * 0xffffffff)) >>> 0
console.log(`STATOR_SEED=${seed}`)

// xorshift32: any good small generator; the same seed makes the same run.
let state = seed || 1
const random = n => {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) % n
}
const pick = list => list[random(list.length)]
const shuffle = list => {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random(i + 1)
    ;[list[i], list[j]] = [list[j], list[i]]
  }
  return list
}

class Connection {
  #socket
  #received = Buffer.alloc(0)
  #waiting = []

  static open (host, port) {
    return new Promise((resolve, reject) => {
      const connection = new Connection()
      connection.#socket = net.connect(port, host, () => resolve(connection))
      connection.#socket.on('error', error => { reject(error); connection.#fail(error) })
      connection.#socket.on('close', () => connection.#fail(new Error('the server closed')))
      connection.#socket.on('data', bytes => connection.#take(bytes))
    })
  }

  // Answers come in the order of the requests.
  request (body) {
    const text = Buffer.from(JSON.stringify(body))
    const frame = Buffer.alloc(4 + text.length)
    frame.writeUInt32BE(text.length)
    text.copy(frame, 4)
    this.#socket.write(frame)
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject, body }))
  }

  close () { this.#socket.destroy() }

  #take (bytes) {
    this.#received = Buffer.concat([this.#received, bytes])
    while (this.#received.length >= 4) {
      const size = this.#received.readUInt32BE()
      if (this.#received.length < 4 + size) return
      const answer = JSON.parse(this.#received.subarray(4, 4 + size).toString())
      this.#received = this.#received.subarray(4 + size)
      const { resolve, reject, body } = this.#waiting.shift()
      if (answer.status === 'ok') resolve(Buffer.from(answer.payload, 'base64'))
      else reject(new Error(`${body.op} refused: ${JSON.stringify(answer)}`))
    }
  }

  #fail (error) { for (const { reject } of this.#waiting.splice(0)) reject(error) }
}

const words = [
  'a', 'hello ', 'Zürich', '漢字', '😀', '\n', '"q"\\', 'x'.repeat(40), '👩‍👩‍👧', '\u0000'
]
const value = (depth = 0) => pick([
  () => random(100) - 50, () => random(1000) / 8, () => 2 ** 40 + random(9), () => true,
  () => null, () => pick(words), () => depth > 2 ? 1 : [value(depth + 1), value(depth + 1)],
  () => depth > 2 ? {} : { k: value(depth + 1), [pick(words)]: value(depth + 1) }
])()
const nested = () => pick([
  () => new Y.Map([['n', random(9)]]),
  () => Y.Array.from([1, 'two', null]),
  () => new Y.Text('nested')
])()

function edit (doc) {
  const text = doc.getText('text')
  const array = doc.getArray('array')
  const map = doc.getMap('map')
  const cut = type => {
    const at = random(type.length)
    type.delete(at, Math.min(type.length - at, 1 + random(4)))
  }
  pick([
    () => text.insert(random(text.length + 1), pick(words)),
    () => text.insert(random(text.length + 1), pick(words)),
    () => { if (text.length > 0) cut(text) },
    () => {
      if (text.length > 0) text.format(random(text.length), 1, { bold: pick([true, null]) })
    },
    () => array.insert(random(array.length + 1), [value(), value()]),
    () => array.insert(random(array.length + 1), [nested()]),
    () => { if (array.length > 0) cut(array) },
    () => map.set('k' + random(5), value()),
    () => map.set('k' + random(5), nested()),
    () => map.delete('k' + random(5)),
    () => {
      const inner = map.get('k' + random(5))
      if (inner instanceof Y.Map) inner.set('d' + random(3), value())
      if (inner instanceof Y.Array) inner.push([value()])
      if (inner instanceof Y.Text) inner.insert(random(inner.length + 1), pick(words))
    }
  ])()
}

// The roots, with the kinds that this script gave them.
const values = doc => JSON.parse(JSON.stringify({
  text: doc.getText('text').toString(),
  array: doc.getArray('array').toJSON(),
  map: doc.getMap('map').toJSON()
}))

function demand (name, ours, theirs) {
  if (isDeepStrictEqual(ours, theirs)) return
  const sides = `  server: ${JSON.stringify(ours)}\n  yjs:    ${JSON.stringify(theirs)}`
  throw new Error(`${name} differs\n${sides}`)
}

function edited_peers () {
  const updates = []
  const docs = Array.from({ length: 2 + random(2) }, (_, i) => {
    const doc = new Y.Doc()
    doc.clientID = random(4) === 0 ? i + 1 : 1 + random(0xfffffffe)
    doc.on('update', (update, origin) => { if (origin !== 'exchange') updates.push(update) })
    return doc
  })
  for (let step = 0; step < 10 + random(30); step++) {
    const doc = pick(docs)
    doc.transact(() => { for (let i = random(3); i >= 0; i--) edit(doc) })
    if (random(3) > 0) continue
    const from = pick(docs)
    const to = pick(docs)
    Y.applyUpdate(to, Y.encodeStateAsUpdate(from, Y.encodeStateVector(to)), 'exchange')
  }
  return updates
}

async function round (connection, number) {
  const where = { collection: 'yjs_peer', document_id: `${seed}-${number}` }
  const updates = edited_peers()
  const truth = new Y.Doc()
  for (const update of updates) Y.applyUpdate(truth, update)
  const stale = new Y.Doc()
  for (const update of updates.slice(0, updates.length >> 1)) Y.applyUpdate(stale, update)

  const twice = shuffle(updates.concat(updates.filter(() => random(2) === 0)))
  const apply = (update, mutation) => connection.request({
    op: 'crdt_apply',
    ...where,
    delta: Buffer.from(update).toString('base64'),
    peer_id: 1,
    mutation_id: mutation
  })
  await Promise.all(twice.map(apply))
  const repeat = JSON.parse((await apply(updates[0], 0)).toString())
  demand('applied of a repeated mutation', repeat.applied, false)

  const read = more => connection.request({ op: 'crdt_read', ...where, ...more })
  const expected = values(truth)
  const json = JSON.parse((await read({})).toString())
  // A root that nobody has written to is not in the document.
  demand('json', { text: json.text ?? '', array: json.array ?? [], map: json.map ?? {} }, expected)

  const fresh = new Y.Doc()
  Y.applyUpdate(fresh, await read({ format: 'update' }))
  demand('update', values(fresh), expected)

  const since = Buffer.from(Y.encodeStateVector(stale)).toString('base64')
  Y.applyUpdate(stale, await read({ format: 'update', since }))
  demand('update since', values(stale), expected)

  const vector = Y.decodeStateVector(await read({ format: 'state_vector' }))
  const clocks = map => Object.fromEntries([...map].sort((a, b) => a[0] - b[0]))
  demand('state_vector', clocks(vector), clocks(Y.decodeStateVector(Y.encodeStateVector(truth))))
  return twice.length
}

let connection
try {
  connection = await Connection.open(address.slice(0, split), Number(address.slice(split + 1)))
  let sent = 0
  for (let i = 0; i < Number(roundsText); i++) {
    try {
      sent += await round(connection, i)
    } catch (error) {
      error.message = `round ${i}: ${error.message}`
      throw error
    }
  }
  console.log(`ok: ${roundsText} documents, ${sent} updates, all equal`)
} catch (error) {
  console.error(`FAILED (STATOR_SEED=${seed}): ${error.message}`)
  process.exitCode = 1
} finally {
  connection?.close()
}

// node make_log.mjs TRACE OUT: an editing trace as Yjs updates, one per transaction, each behind its
// length in four bytes (little-endian). TRACE is a sequential or concurrent trace of
// github.com/josephg/editing-traces, or a file of crdt_apply requests, one a line.
import { readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import * as Y from 'yjs'

const newDoc = (clientID, updates) => {
  const doc = new Y.Doc()
  doc.clientID = clientID
  doc.on('update', (update, origin) => { if (origin !== 'remote') updates.push(update) })
  return doc
}
const edit = (doc, patches) => doc.transact(() => {
  const text = doc.getText('text')
  for (const [position, deleted, inserted] of patches) {
    if (deleted > 0) text.delete(position, deleted)
    if (inserted !== '') text.insert(position, inserted)
  }
})
const sequential = (trace) => {
  const updates = []
  const doc = newDoc(1, updates)
  for (const { patches } of trace.txns) edit(doc, patches)
  return updates
}
// Before its transaction an author's document takes in what the parents had seen.
const concurrent = (trace) => {
  const updates = []
  const made = []  // per transaction
  const authors = Array.from({ length: trace.numAgents }, (_, i) => ({ doc: newDoc(i + 1, updates), seen: new Set() }))
  trace.txns.forEach(({ parents, agent, patches }, i) => {
    const { doc, seen } = authors[agent]
    const missed = []
    for (const stack = [...parents]; stack.length > 0;) {
      const txn = stack.pop()
      if (seen.has(txn)) continue
      seen.add(txn)
      missed.push(txn)
      stack.push(...trace.txns[txn].parents)
    }
    missed.sort((a, b) => a - b)
    for (const txn of missed) for (const update of made[txn]) Y.applyUpdate(doc, update, 'remote')
    const first = updates.length
    edit(doc, patches)
    made.push(updates.slice(first))
    seen.add(i)
  })
  return updates
}
const textOf = (updates) => {
  const doc = new Y.Doc()
  doc.transact(() => { for (const update of updates) Y.applyUpdate(doc, update) })
  return doc.getText('text').toString()
}

const [, , input, out] = process.argv
const text = gunzipSync(readFileSync(input)).toString()
let updates
if (input.endsWith('.jsonl.gz')) {
  updates = text.trim().split('\n').map((line) => Buffer.from(JSON.parse(line).delta, 'base64'))
} else {
  const trace = JSON.parse(text)
  updates = trace.kind === 'concurrent' ? concurrent(trace) : sequential(trace)
  if (textOf(updates) !== trace.endContent) throw new Error('the updates do not give the text')
}
writeFileSync(out, Buffer.concat(updates.flatMap((update) => {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(update.length)
  return [length, update]
})))

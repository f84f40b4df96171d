// Makes trace.jsonl.gz and expected.txt: a real editing session as Yjs v1 updates, one crdt_apply
// request a line for `stator send`. README.md says where the input comes from.
//
//   npm install yjs@13.6.33          (in the folder from which the next command runs)
//   node PATH/make_trace.mjs sveltecomponent.json.gz OUT_DIR
//
// The input is {endContent, txns: [{patches: [[position, deleted, inserted], ...]}]}. EDITS_PER_UPDATE
// editing steps make one transaction, hence one update, as an editor sends what was typed in a
// moment. The same input gives the same bytes: the client id is fixed.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'

const EDITS_PER_UPDATE = 50
const CLIENT_ID = 1
const COLLECTION = 'notes'
const DOCUMENT_ID = 'sveltecomponent'
const ROOT = 'text'

// Where the command runs decides which yjs is taken, so that this folder needs no package.json.
const Y = createRequire(join(process.cwd(), 'make_trace.mjs'))('yjs')

const updatesOf = (trace) => {
  const doc = new Y.Doc()
  doc.clientID = CLIENT_ID
  const text = doc.getText(ROOT)
  const updates = []
  doc.on('update', (update) => updates.push(update))
  for (let begin = 0; begin < trace.txns.length; begin += EDITS_PER_UPDATE) {
    doc.transact(() => {
      for (const { patches } of trace.txns.slice(begin, begin + EDITS_PER_UPDATE)) {
        for (const [position, deleted, inserted] of patches) {
          if (deleted > 0) text.delete(position, deleted)
          if (inserted !== '') text.insert(position, inserted)
        }
      }
    })
  }
  if (text.toString() !== trace.endContent) throw new Error('the trace does not give its end')
  return updates
}

// A second document, fed with the updates alone, must show the same text.
const textOf = (updates) => {
  const doc = new Y.Doc()
  for (const update of updates) Y.applyUpdate(doc, update)
  return doc.getText(ROOT).toString()
}

const [, , input, out] = process.argv
if (input === undefined || out === undefined) {
  console.error('usage: node make_trace.mjs sveltecomponent.json.gz OUT_DIR')
  process.exit(2)
}
const trace = JSON.parse(gunzipSync(readFileSync(input)))
const updates = updatesOf(trace)
if (textOf(updates) !== trace.endContent) throw new Error('the updates do not give the text')
const lines = updates.map((update) => JSON.stringify({
  op: 'crdt_apply',
  collection: COLLECTION,
  document_id: DOCUMENT_ID,
  delta: Buffer.from(update).toString('base64'),
  peer_id: CLIENT_ID
}) + '\n')
writeFileSync(join(out, 'trace.jsonl.gz'), gzipSync(lines.join(''), { level: 9 }))
writeFileSync(join(out, 'expected.txt'), trace.endContent)
console.log(`${updates.length} updates, ${trace.endContent.length} characters`)

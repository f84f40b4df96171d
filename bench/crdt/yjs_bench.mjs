// The same work as crdt_bench.cc by npm yjs, with the same output.
import { readFileSync } from 'node:fs'
import * as Y from 'yjs'

const REPEATS = 10
const [, , log] = process.argv
const bytes = readFileSync(log)
const updates = []
for (let at = 0; at < bytes.length;) {
  const length = bytes.readUInt32LE(at)
  updates.push(new Uint8Array(bytes.subarray(at + 4, at + 4 + length)))
  at += 4 + length
}
const seconds = (work) => {
  const begin = process.hrtime.bigint()
  work()
  return Number(process.hrtime.bigint() - begin) / 1e9
}
const round = () => {
  const doc = new Y.Doc()
  const apply = seconds(() => { for (const update of updates) Y.applyUpdate(doc, update) })
  const state = Y.encodeStateAsUpdate(doc)
  const load = seconds(() => {
    for (let i = 0; i < REPEATS; i++) Y.applyUpdate(new Y.Doc(), state)
  })
  const encode = seconds(() => {
    for (let i = 0; i < REPEATS; i++) Y.encodeStateAsUpdate(doc)
  })
  return [updates.length, state.length, apply, load / REPEATS, encode / REPEATS]
}
round()  // for the compiler
console.log(round().join(' '))

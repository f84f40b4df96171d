// node compare.mjs LOG ROUNDS PROGRAM...: runs each program once a round and prints what each phase
// took, and how often as long as the first program the others took in the same round.
import { execFileSync } from 'node:child_process'

const [, , log, rounds, ...programs] = process.argv
const PHASES = ['apply, us an update', 'load, ms', 'encode, ms']
const UNITS = [1e6, 1e3, 1e3]

const run = (program) => {
  const [file, ...args] = program.split(' ')
  const [updates, bytes, ...seconds] = execFileSync(file, [...args, log]).toString().trim().split(' ').map(Number)
  return { updates, bytes, values: seconds.map((s, i) => s * UNITS[i] / (i === 0 ? updates : 1)) }
}
const spread = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  return [sorted[0], sorted[(sorted.length - 1) >> 1], sorted[sorted.length - 1]].map((v) => v.toFixed(3)).join(' / ')
}
const results = programs.map(() => [])
for (let i = 0; i < Number(rounds); i++) programs.forEach((program, p) => results[p].push(run(program)))
programs.forEach((program, p) => {
  const { updates, bytes } = results[p][0]
  console.log(`${program.split('/').pop()}: ${updates} updates, state of ${bytes} bytes; min / median / max`)
  PHASES.forEach((phase, k) => {
    const values = results[p].map((result) => result.values[k])
    const ratios = values.map((value, i) => value / results[0][i].values[k])
    console.log(`  ${phase.padEnd(20)} ${spread(values)}${p > 0 ? `   ratio ${spread(ratios)}` : ''}`)
  })
})

// An EventSource that somebody else wrote reads changes until it has seen `count` of them, through
// whatever happens to the server: sse_peer.mjs URL COUNT. Prints their numbers, a line each.
import { EventSource } from 'eventsource'

const [, , url, count] = process.argv
const source = new EventSource(url)
let seen = 0
source.onmessage = (message) => {
  const change = JSON.parse(message.data).payload
  if (change.event === 'subscribed') {
    console.log('subscribed')
    return
  }
  console.log(change.event === 'put' ? change.value.n : change.event)
  if (++seen === Number(count)) process.exit(0)
}
source.onerror = (error) => {
  if (source.readyState !== EventSource.CLOSED) return
  console.error('closed:', error.code, error.message)
  process.exit(1)
}

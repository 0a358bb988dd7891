// Hears of a package from ggen's network, by sections 4, 5 and 11.5 of PROTOCOL.md alone: subscribes to announcements at a
// node, and checks what comes. Lines of JSON on stdout as client.js has them.
//
//   node listen.js ADDRESS NAME
//
// Ends when it has heard a valid announcement of NAME.
import { gossipsub } from '@libp2p/gossipsub'
import { insist, readHead, readRelease, sha256 } from './documents.js'
import { joinBy, run, say, start, until } from './peer.js'

const TOPIC = '/ggen/heads/1'
const MAX_DATA = 196_608

async function main ([address, name]) {
  const node = await start({
    gossip: gossipsub({
      globalSignaturePolicy: 'StrictNoSign',
      msgIdFn: message => sha256(message.data),
      emitSelf: false,
      fallbackToFloodsub: false
    })
  })
  try {
    const first = await joinBy(node, address)
    const heard = []
    node.services.gossip.addEventListener('message', ({ detail }) => {
      if (detail.topic === TOPIC) heard.push(detail)
    })
    node.services.gossip.subscribe(TOPIC)
    // In the mesh: from now on what the node hears is passed on to us.
    await until('no node listens to announcements', () => node.services.gossip.getMeshPeers(TOPIC).includes(first.toString()))
    say('listening', { peer: first.toString() })

    let found
    await until(`nothing was heard of ${name}`, () => {
      for (const message of heard.splice(0)) {
        insist(message.type === 'unsigned', 'a message that says who sent it')
        insist(message.data.length <= MAX_DATA, `an announcement of ${message.data.length} bytes`)
        const { roots, head: envelope, release } = JSON.parse(Buffer.from(message.data).toString('utf8'))
        const head = readHead({ roots, head: envelope })
        if (head.name === name) found = { head, release: release === undefined ? undefined : readRelease(release, head) }
      }
      return found !== undefined
    })
    const { head, release } = found
    say('heard', { publisher: head.publisher, sequence: head.sequence, version: release?.version, claims: release?.claims })
  } finally {
    await node.stop()
  }
}

run(main)

// A peer of ggen's network: section 11.1 of PROTOCOL.md.
import { identify } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { Refused, insist } from './documents.js'

const KAD = '/ggen/kad/1'
export const LIMIT = 20_000

export const say = (step, facts) => console.log(JSON.stringify({ step, ...facts }))

// A client of the hash table, with what else it is to speak.
export async function start (services = {}) {
  return await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [tls()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      ping: ping(),
      dht: kadDHT({ protocol: KAD, clientMode: true, kBucketSize: 20, peerInfoMapper: passthroughMapper }),
      ...services
    }
  })
}

// Connects, and waits until the peer said what it speaks and is in the routing table.
export async function joinBy (node, address) {
  const connection = await node.dial(multiaddr(address), { signal: AbortSignal.timeout(LIMIT) })
  await until('no node of the hash table', () => node.services.dht.routingTable.size > 0)
  const peer = await node.peerStore.get(connection.remotePeer)
  const version = new TextDecoder().decode(peer.metadata.get('ProtocolVersion'))
  insist(version === '/ggen/1', `it speaks ${version}`)
  return connection.remotePeer
}

// Waits until something holds.
export async function until (else_, holds) {
  const end = Date.now() + LIMIT
  while (!holds()) {
    insist(Date.now() < end, else_)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

// Runs a program to its end: exit 4 for what is not what was signed, 1 for any other failure.
export function run (main) {
  main(process.argv.slice(2)).then(() => process.exit(0), error => {
    console.log(JSON.stringify({ error: String(error.message ?? error) }))
    if (!(error instanceof Refused)) console.error(error)
    process.exit(error instanceof Refused ? 4 : 1)
  })
}

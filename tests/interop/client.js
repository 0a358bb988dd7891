// A client of ggen's network, written from PROTOCOL.md alone: joins a node, finds a package, verifies its head and
// release, fetches the archive chunk by chunk and unpacks it. One line of JSON a step on stdout; exit 4 for what is not
// what was signed, 1 for any other failure.
//
//   node client.js ADDRESS NAME TARGET [HOLDER]
//
// ADDRESS and HOLDER are multiaddresses with /p2p/…; TARGET is a folder for the files. With HOLDER the archive is fetched
// from that peer alone.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { fileListDigest, unpack } from './archive.js'
import { archiveKey, headKey, insist, nameKey, readHead, readRelease } from './documents.js'
import { LIMIT, joinBy, run, say, start } from './peer.js'
import { ask, fetchArchive, getValue } from './wire.js'

// Providers of a key: 32 raw bytes, where the library expects a content id's multihash.
async function providers (node, key) {
  const found = new Map()
  for await (const event of node.services.dht.findProviders({ multihash: { bytes: key } }, { signal: AbortSignal.timeout(LIMIT) })) {
    if (event.name !== 'PROVIDER' && event.name !== 'PEER_RESPONSE') continue
    for (const { id, multiaddrs } of event.providers) {
      if (!id.equals(node.peerId)) found.set(id.toString(), { id, multiaddrs })
    }
  }
  for (const { id, multiaddrs } of found.values()) await node.peerStore.merge(id, { multiaddrs })
  return [...found.values()].map(p => p.id)
}

// Heads stored under a package's key, the highest sequence first. The nodes closest to it are the library's to find; the
// question is put here, because the library takes only keys with a namespace.
async function records (node, publisher, name) {
  const key = headKey(publisher, name)
  const heads = []
  for await (const event of node.services.dht.getClosestPeers(key, { signal: AbortSignal.timeout(LIMIT) })) {
    if (event.name !== 'FINAL_PEER') continue
    const value = await getValue(node, event.peer.id, key)
    if (value === undefined) continue
    const head = readHead(JSON.parse(value))
    insist(head.publisher === publisher && head.name === name, 'a record under another package\'s key')
    heads.push(head)
  }
  return heads.sort((a, b) => b.sequence - a.sequence)
}

async function main ([address, name, target, holder]) {
  const node = await start()
  try {
    const first = await joinBy(node, address)
    say('joined', { peer: first.toString(), me: node.peerId.toString() })

    const knowing = await providers(node, nameKey(name))
    insist(knowing.length > 0, `nobody provides the name ${name}`)
    const heads = []
    for (const peer of knowing) {
      const answer = await ask(node, peer, { name: { name } })
      for (const bundle of answer.name.heads) heads.push(readHead(bundle))
    }
    const publishers = [...new Set(heads.map(h => h.publisher))]
    insist(publishers.length === 1, `${publishers.length} publishers of ${name}`)
    say('found', { name, publisher: publishers[0], from: knowing.map(String) })

    const stored = await records(node, publishers[0], name)
    const head = [...stored, ...heads].sort((a, b) => b.sequence - a.sequence)[0]
    say('head', { sequence: head.sequence, digest: head.digest, records: stored.length, versions: head.versions.map(v => v.version) })

    const { package: told } = await ask(node, knowing[0], { package: { publisher: head.publisher, name, from: 0 } })
    const releases = told.releases.map(envelope => readRelease(envelope, head))
    const release = releases.find(r => r.version === head.versions[0].version)
    insist(release !== undefined, 'the newest release is missing')
    say('release', { version: release.version, archive: release.archive })

    const held = await providers(node, archiveKey(release.archive.digest))
    say('holders', { peers: held.map(String) })
    const from = holder === undefined ? held[0] : multiaddr(holder)
    insist(from !== undefined, 'nobody holds the archive')
    const { bytes, chunks } = await fetchArchive(node, from, release.archive)
    const files = unpack(bytes, release.archive.unpacked_size)
    insist(fileListDigest(files) === release.archive.files, 'other files than were signed')
    insist(files.length === release.archive.file_count, 'more or fewer files than were signed')
    for (const file of files) {
      mkdirSync(dirname(join(target, file.path)), { recursive: true })
      writeFileSync(join(target, file.path), file.bytes)
    }
    say('fetched', { digest: release.archive.digest, size: bytes.length, chunks, files: files.map(f => f.path) })
  } finally {
    await node.stop()
  }
}

run(main)

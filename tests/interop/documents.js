// Names, keys and signed documents: sections 1 to 5, 7 and 11.2 of PROTOCOL.md, and nothing else.
import { createHash } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'

export const CHUNK = 262144
const TYPES = {
  root: 'application/vnd.ggen.root.v1+json',
  release: 'application/vnd.ggen.release.v1+json',
  head: 'application/vnd.ggen.head.v1+json'
}

export class Refused extends Error {}

export function insist (holds, what) {
  if (!holds) throw new Refused(what)
}

export const sha256 = bytes => createHash('sha256').update(bytes).digest()
export const hex = bytes => Buffer.from(bytes).toString('hex')

// The hash table's keys: SHA-256 over parts, each preceded by its length as eight bytes.
function keyOf (...parts) {
  const hash = createHash('sha256')
  for (const part of parts) {
    const length = Buffer.alloc(8)
    length.writeBigUInt64BE(BigInt(part.length))
    hash.update(length).update(part)
  }
  return hash.digest()
}

const text = s => Buffer.from(s, 'utf8')
export const headKey = (publisher, name) => keyOf(text('ggen/head/1'), Buffer.from(publisher, 'hex'), text(name))
export const nameKey = name => keyOf(text('ggen/name/1'), text(name.replaceAll('_', '-')))
export const archiveKey = digest => keyOf(text('ggen/archive/1'), Buffer.from(digest, 'hex'))

// DSSE: the payload's bytes, if `threshold` of `keys` signed them.
function open (envelope, type, keys, threshold) {
  insist(envelope.payloadType === type, `an envelope of ${envelope.payloadType}, not ${type}`)
  const payload = Buffer.from(envelope.payload, 'base64')
  const signed = Buffer.concat([text(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload])
  const good = new Set()
  for (const { keyid, sig } of envelope.signatures.slice(0, 8)) {
    const signature = Buffer.from(sig, 'base64')
    if (!keys.includes(keyid) || signature.length !== 64) continue
    if (ed25519.verify(signature, signed, Buffer.from(keyid, 'hex'), { zip215: false })) good.add(keyid)
  }
  insist(good.size >= threshold, `${good.size} of ${threshold} signatures are valid`)
  return payload
}

const payloadOf = envelope => Buffer.from(envelope.payload, 'base64')

// A publisher: the digest of its first root, and the keys of its last.
export function publisherOf (roots) {
  insist(roots.length >= 1 && roots.length <= 64, 'a chain of roots has 1 to 64')
  let before = null
  const revoked = new Set()
  for (const [index, envelope] of roots.entries()) {
    const root = JSON.parse(payloadOf(envelope))
    insist(root.schema === 1 && root.version === index + 1, `root ${index + 1} says it is ${root.version}`)
    const keys = new Set(root.keys)
    insist(keys.size === root.keys.length && keys.size >= 1 && keys.size <= 16, 'its keys')
    insist(root.threshold >= 1 && root.threshold <= keys.size, 'its threshold')
    insist(root.keys.every(key => /^[0-9a-f]{64}$/.test(key) && !revoked.has(key)), 'a key that is none, or was revoked')
    open(envelope, TYPES.root, root.keys, root.threshold)
    if (before !== null) {
      open(envelope, TYPES.root, before.keys, before.threshold)
      for (const key of before.keys) if (!keys.has(key)) revoked.add(key)
    }
    before = root
  }
  return { id: hex(sha256(payloadOf(roots[0]))), keys: before.keys, threshold: before.threshold, revoked: [...revoked] }
}

// A head bundle: from its roots on.
export function readHead (bundle) {
  const publisher = publisherOf(bundle.roots)
  const payload = open(bundle.head, TYPES.head, publisher.keys, publisher.threshold)
  const head = JSON.parse(payload)
  insist(head.schema === 1 && head.publisher === publisher.id, 'a head in another publisher\'s name')
  insist(/^[a-z0-9][a-z0-9._-]{0,99}$/.test(head.name), 'its name')
  insist(Number.isInteger(head.sequence) && head.sequence >= 1, 'its sequence')
  insist(head.versions.length >= 1 && head.versions.length <= 512, 'its versions')
  return { ...head, digest: hex(sha256(payload)), signer: publisher }
}

// A release that a valid head lists: there a key that was revoked since counts too.
export function readRelease (envelope, head) {
  const { keys, revoked, id } = head.signer
  const payload = open(envelope, TYPES.release, [...keys, ...revoked], 1)
  const release = JSON.parse(payload)
  const listed = head.versions.find(v => v.version === release.version)
  insist(listed !== undefined && listed.release === hex(sha256(payload)), 'a release that the head does not list')
  insist(release.publisher === id && release.name === head.name, 'a release of another package')
  return release
}

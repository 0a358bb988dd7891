// Streams between peers: sections 11.3 and 11.4 of PROTOCOL.md.
import { byteStream } from '@libp2p/utils'
import { CHUNK, hex, insist, sha256 } from './documents.js'

const MAX_ANSWER = 8 * 1024 * 1024
const MAX_MESSAGE = 512 * 1024
const LIMIT = 10_000
const AHEAD = 8

const exactly = async (stream, bytes) => {
  const read = await stream.read({ bytes, signal: AbortSignal.timeout(LIMIT) })
  insist(read !== null, 'the stream ended too soon')
  return Buffer.from(read.subarray())
}

// One question of the catalog, one answer.
export async function ask (node, peer, question) {
  const raw = await node.dialProtocol(peer, '/ggen/catalog/1', { signal: AbortSignal.timeout(LIMIT) })
  const stream = byteStream(raw)
  const body = Buffer.from(JSON.stringify(question), 'utf8')
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  await stream.write(Buffer.concat([length, body]))
  const size = (await exactly(stream, 4)).readUInt32BE()
  insist(size <= MAX_ANSWER, `an answer of ${size} bytes`)
  const answer = JSON.parse(size === 0 ? '' : await exactly(stream, size))
  await raw.close()
  insist(answer.error === undefined, `the peer answered ${answer.error?.code}`)
  return answer
}

// A protobuf field of the wire type 2: its number, its bytes.
function fields (message) {
  const found = new Map()
  let at = 0
  const varint = () => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++]
      insist(byte !== undefined && shift < 42, 'a number that does not end')
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }
  while (at < message.length) {
    const tag = varint()
    if (tag % 8 === 0) {
      varint()
      continue
    }
    insist(tag % 8 === 2, 'a message of another form')
    const length = varint()
    insist(at + length <= message.length, 'a field that is cut off')
    found.set(Math.floor(tag / 8), message.subarray(at, at + length))
    at += length
  }
  return found
}

// The record that one node of the hash table keeps under a key, or nothing: `GET_VALUE`, a `Message` with its type (field
// 1), key (2) and, in the answer, record (3), whose value is its field 2.
export async function getValue (node, peer, key) {
  const raw = await node.dialProtocol(peer, '/ggen/kad/1', { signal: AbortSignal.timeout(LIMIT) })
  const stream = byteStream(raw)
  const question = Buffer.concat([Buffer.from([0x08, 1, 0x12, key.length]), key])
  await stream.write(Buffer.concat([Buffer.from([question.length]), question]))
  let size = 0
  for (let shift = 0; ; shift += 7) {
    const byte = (await exactly(stream, 1))[0]
    size += (byte & 0x7f) * 2 ** shift
    insist(size <= MAX_MESSAGE && shift < 28, 'a message that is too long')
    if (byte < 0x80) break
  }
  const record = fields(await exactly(stream, size)).get(3)
  await raw.close()
  return record === undefined ? undefined : fields(record).get(2)
}

// An archive from one holder: each chunk is proved before it is kept.
export async function fetchArchive (node, peer, archive) {
  const raw = await node.dialProtocol(peer, '/ggen/archive/1', { signal: AbortSignal.timeout(LIMIT) })
  const stream = byteStream(raw)
  await stream.write(Buffer.from(archive.digest, 'hex'))
  const code = (await exactly(stream, 1))[0]
  insist(code === 0, `the holder answered ${code}`)
  const told = await exactly(stream, 12)
  const count = Math.ceil(archive.size / CHUNK)
  insist(told.readBigUInt64BE() === BigInt(archive.size), 'another size than was signed')
  insist(told.readUInt32BE(8) === count * 32, 'a chunk list of another length')
  const list = await exactly(stream, count * 32)
  insist(hex(sha256(list)) === archive.chunks, 'another chunk list than was signed')
  const chunks = []
  let asked = 0
  while (chunks.length < count) {
    while (asked < count && asked < chunks.length + AHEAD) {
      const index = Buffer.alloc(4)
      index.writeUInt32BE(asked++)
      await stream.write(index)
    }
    chunks.push(await chunk(stream, chunks.length, archive.size, list))
  }
  await raw.close()
  const bytes = Buffer.concat(chunks)
  insist(hex(sha256(bytes)) === archive.digest, 'another archive than was signed')
  return { bytes, chunks: count }
}

async function chunk (stream, index, size, list) {
  const head = await exactly(stream, 5)
  insist(head[0] === 0, `the holder answered ${head[0]} for chunk ${index}`)
  const expected = Math.min(CHUNK, size - index * CHUNK)
  insist(head.readUInt32BE(1) === expected, `chunk ${index} has another length`)
  const bytes = await exactly(stream, expected)
  insist(sha256(bytes).equals(list.subarray(index * 32, index * 32 + 32)), `chunk ${index} is not what was signed`)
  return bytes
}

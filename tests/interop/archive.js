// What is inside an archive: sections 6 and 8 of PROTOCOL.md.
import { zstdDecompressSync } from 'node:zlib'
import { hex, insist, sha256 } from './documents.js'

const field = (header, from, length) => {
  const end = header.indexOf(0, from)
  return header.toString('utf8', from, end === -1 || end > from + length ? from + length : end)
}

// The regular files of an archive, in its order.
export function unpack (bytes, unpackedSize) {
  const tar = zstdDecompressSync(bytes, { maxOutputLength: unpackedSize + 64 * 1024 * 1024 })
  const files = []
  let at = 0
  while (tar[at] !== 0) {
    const header = tar.subarray(at, at + 512)
    insist(header.toString('latin1', 257, 265) === 'ustar\u000000', 'no ustar header')
    const sum = header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0)
    insist(parseInt(field(header, 148, 8), 8) === sum, 'a checksum')
    const [name, prefix] = [field(header, 0, 100), field(header, 345, 155)]
    const path = prefix === '' ? name : `${prefix}/${name}`
    const kind = String.fromCharCode(header[156])
    const mode = field(header, 100, 8)
    const size = parseInt(field(header, 124, 12), 8)
    insist(kind === '0' || (kind === '5' && path.endsWith('/') && size === 0), `an entry of kind ${kind}`)
    insist(mode === '0000644' || mode === '0000755', `a mode ${mode}`)
    at += 512
    if (kind === '0') files.push({ path, mode: mode.slice(4), bytes: tar.subarray(at, at + size) })
    at += Math.ceil(size / 512) * 512
  }
  insist(tar.length === at + 1024 && tar.subarray(at).every(byte => byte === 0), 'something after the end')
  return files
}

// The digest of the file list, which the publisher signed and nobody sends.
export function fileListDigest (files) {
  const lines = files.map(f => `${hex(sha256(f.bytes))} ${f.mode} ${f.bytes.length} ${f.path}\n`)
  return hex(sha256(Buffer.from(lines.join(''), 'utf8')))
}

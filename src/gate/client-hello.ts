// The server name that a TLS client asks for (RFC 6066 3), read from its first bytes before any TLS is spoken.

export type ClientHello =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'refused' }
  /** Lower case; undefined when it names none. */
  | { readonly kind: 'hello'; readonly serverName: string | undefined };

const incomplete: ClientHello = { kind: 'incomplete' };
const refused: ClientHello = { kind: 'refused' };
/** A hello with several key shares is some 2 KiB; what is longer is not waited for. */
const maxBytes = 16_384;
/** Nobody cuts a hello into more: all of them are read anew with every piece that comes. */
const maxRecords = 64;

/**
 * Strict: one host name at most, of letters, digits, `-`, `_` and `.`; anything else is refused, so that nobody reads
 * another name from the same bytes.
 */
export function readClientHello(bytes: Buffer): ClientHello {
  const message = handshakeMessage(bytes);
  if (!Buffer.isBuffer(message)) return message === 'more' && bytes.length < maxBytes ? incomplete : refused;
  // Version, random; then session id, cipher suites, compression methods, each behind its length.
  let at = 34;
  for (const lengthBytes of [1, 2, 1]) {
    if (at + lengthBytes > message.length) return refused;
    at += lengthBytes + message.readUIntBE(at, lengthBytes);
  }
  if (at === message.length) return { kind: 'hello', serverName: undefined };
  if (at + 2 > message.length || at + 2 + message.readUInt16BE(at) !== message.length) return refused;
  at += 2;
  let serverName: string | undefined;
  while (at < message.length) {
    if (at + 4 > message.length) return refused;
    const type = message.readUInt16BE(at);
    const end = at + 4 + message.readUInt16BE(at + 2);
    if (end > message.length) return refused;
    if (type === 0) {
      const name = hostName(message.subarray(at + 4, end));
      if (name === undefined || serverName !== undefined) return refused;
      serverName = name;
    }
    at = end;
  }
  return { kind: 'hello', serverName };
}

/** The ClientHello's body, its fragments joined; `more` while bytes are missing. */
function handshakeMessage(bytes: Buffer): Buffer | 'more' | 'bad' {
  const joined = Buffer.allocUnsafe(bytes.length);
  let have = 0;
  for (let at = 0, records = 1; ; records++) {
    if (records > maxRecords || (at < bytes.length && bytes[at] !== 22)) return 'bad';
    if (at + 5 > bytes.length) return 'more';
    const length = bytes.readUInt16BE(at + 3);
    if (bytes[at + 1] !== 3 || length === 0 || length > 16_384) return 'bad';
    const there = bytes.copy(joined, have, at + 5, at + 5 + length);
    have += there;
    if (have >= 4) {
      if (joined[0] !== 1) return 'bad';
      const wanted = joined.readUIntBE(1, 3);
      // Nothing may follow a hello before the server has spoken, but early data, in a record of its own.
      if (have >= 4 + wanted) return have === 4 + wanted && wanted >= 38 ? joined.subarray(4, have) : 'bad';
      if (wanted > maxBytes) return 'bad';
    }
    if (there < length) return 'more';
    at += 5 + length;
  }
}

/** Of a list that holds exactly one host name. */
function hostName(list: Buffer): string | undefined {
  if (list.length < 5 || list.readUInt16BE(0) !== list.length - 2 || list[2] !== 0) return undefined;
  if (list.readUInt16BE(3) !== list.length - 5) return undefined;
  const name = list.toString('latin1', 5);
  return /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/.test(name) ? name.toLowerCase() : undefined;
}

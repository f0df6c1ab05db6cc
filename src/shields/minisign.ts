// The formats of minisign (https://jedisct1.github.io/minisign/): keys and signatures, read strictly, verified and made.
// Signatures are Ed25519 over the BLAKE2b-512 of the text (`ED`) or, as old versions made them, over the text itself (`Ed`).
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { Failure } from '../base/failure.ts';

export type PublicKey = {
  /** 16 upper-case hex digits, as minisign shows it. */
  readonly id: string;
  /** The one line of base64 that holds it. */
  readonly text: string;
  readonly key: KeyObject;
};
export type SecretKey = {
  readonly id: string;
  readonly key: KeyObject;
  readonly publicKey: PublicKey;
};
export type Signature = {
  /** Id of the key that it claims to be of. */
  readonly key: string;
  readonly hashed: boolean;
  readonly signature: Buffer;
  /** Signed along with the signature. */
  readonly trustedComment: string;
  readonly commentSignature: Buffer;
};

/** How a passphrase becomes the stream over an encrypted key: scrypt, passed in, for it takes seconds and up to 1 GiB. */
export type Scrypt = (
  passphrase: string,
  salt: Buffer,
  length: number,
  cost: { readonly N: number; readonly r: number; readonly p: number },
) => Buffer;

const commentMark = 'untrusted comment: ';
const trustedMark = 'trusted comment: ';
/** Larger than any file that minisign writes. */
const maxFile = 16_384;

/**
 * A public key: the file that minisign writes, or only its line of base64.
 * @throws Failure `bad-signing-key`
 */
export function readPublicKey(text: string, place: string): PublicKey {
  const refuse = (why: string) =>
    new Failure('bad-signing-key', `no public key of minisign: ${why}`, { place });
  const lines = linesOf(text);
  const line = lines.length === 1 ? lines[0] : lines[0]?.startsWith(commentMark) ? lines[1] : undefined;
  if (line === undefined || lines.length > 2) throw refuse('a comment and one line of base64 are expected');
  const bytes = base64(line, 42);
  if (!bytes) throw refuse('its line is not 42 bytes in base64');
  if (bytes.toString('latin1', 0, 2) !== 'Ed') throw refuse('its algorithm is not Ed25519');
  return publicKey(bytes.subarray(2, 10), bytes.subarray(10));
}

/** As minisign writes it. */
export function publicKeyFile(key: PublicKey): string {
  return `${commentMark}minisign public key ${key.id}\n${key.text}\n`;
}

/**
 * A secret key of minisign.
 * @param passphrase undefined: only a key without one can be read
 * @throws Failure `bad-signing-key`; nothing of the file is in its message
 */
export function readSecretKey(
  text: string,
  place: string,
  passphrase: string | undefined,
  scrypt: Scrypt,
): SecretKey {
  const refuse = (why: string, hint?: string) =>
    new Failure('bad-signing-key', `no secret key of minisign: ${why}`, { place, ...(hint ? { hint } : {}) });
  const lines = linesOf(text);
  const [comment = '', line = ''] = lines;
  if (lines.length !== 2 || !comment.startsWith(commentMark))
    throw refuse('a comment and one line of base64 are expected');
  const bytes = base64(line, 158);
  if (!bytes) throw refuse('its line is not 158 bytes in base64');
  const [algorithm, derivation] = [bytes.toString('latin1', 0, 2), bytes.toString('latin1', 2, 4)];
  if (algorithm !== 'Ed') throw refuse('its algorithm is not Ed25519');
  const sealed = bytes.subarray(54);
  if (derivation === 'Sc') {
    if (passphrase === undefined)
      throw refuse('it is protected by a passphrase', 'give the file that holds it: --passphrase-file');
    const cost = scryptCost(bytes.readBigUInt64LE(38), bytes.readBigUInt64LE(46));
    if (!cost) throw refuse('unlocking it would take more than 1 GiB of memory');
    const stream = scrypt(passphrase, bytes.subarray(6, 38), sealed.length, cost);
    for (let at = 0; at < sealed.length; at++) sealed[at] = (sealed[at] ?? 0) ^ (stream[at] ?? 0);
  } else if (derivation !== '\0\0') throw refuse('it is protected in a way that is not known');
  const pair = pairOf(sealed.subarray(0, 8), sealed.subarray(8, 40));
  // The public half is kept beside the seed. A wrong passphrase makes neither.
  if (rawPublic(pair.publicKey.key).equals(sealed.subarray(40, 72))) return pair;
  throw refuse(derivation === 'Sc' ? 'the passphrase is wrong' : 'its two halves do not belong together');
}

/**
 * A new key from 40 random bytes, and its file as `minisign -G -W` writes it: without a passphrase.
 */
export function createSecretKey(random: Buffer): { readonly secret: SecretKey; readonly file: string } {
  const [id, seed] = [random.subarray(0, 8), random.subarray(8, 40)];
  const secret = pairOf(id, seed);
  const head = Buffer.from('Ed\0\0B2', 'latin1');
  // Salt, the two limits of scrypt, and the checksum stay zero.
  const body = Buffer.concat([
    head,
    Buffer.alloc(48),
    id,
    seed,
    rawPublic(secret.publicKey.key),
    Buffer.alloc(32),
  ]);
  return { secret, file: `${commentMark}minisign encrypted secret key\n${body.toString('base64')}\n` };
}

/** @throws Failure `bad-signature` when it is not what minisign writes */
export function readSignature(text: string, place: string): Signature {
  const refuse = (why: string) =>
    new Failure('bad-signature', `no signature of minisign: ${why}`, {
      place,
      hint: 'fetch bundle and signature anew; a signature is four lines',
    });
  const lines = linesOf(text);
  const [comment = '', body = '', trusted = '', global = ''] = lines;
  if (lines.length !== 4) throw refuse('it has not four lines');
  if (!comment.startsWith(commentMark)) throw refuse('its first line is no untrusted comment');
  if (!trusted.startsWith(trustedMark)) throw refuse('its third line is no trusted comment');
  const trustedComment = trusted.slice(trustedMark.length);
  if (!/^[\t\x20-\x7e\u00a1-\u1fff\u3001-\ud7ff]{0,1000}$/.test(trustedComment))
    throw refuse('its trusted comment holds what can not be shown, or too much');
  const bytes = base64(body, 74);
  const commentSignature = base64(global, 64);
  if (!bytes || !commentSignature)
    throw refuse('its second or fourth line is not base64 of the right length');
  const algorithm = bytes.toString('latin1', 0, 2);
  if (algorithm !== 'Ed' && algorithm !== 'ED') throw refuse('its algorithm is not known');
  return {
    key: idText(bytes.subarray(2, 10)),
    hashed: algorithm === 'ED',
    signature: bytes.subarray(10),
    trustedComment,
    commentSignature,
  };
}

/** Whether the text, and the trusted comment with it, were signed by this key. */
export function verifySignature(text: Buffer, signature: Signature, { id, key }: PublicKey): boolean {
  if (signature.key !== id) return false;
  const signed = signature.hashed ? hashOf(text) : text;
  const comment = Buffer.concat([signature.signature, Buffer.from(signature.trustedComment)]);
  return (
    verify(null, signed, key, signature.signature) && verify(null, comment, key, signature.commentSignature)
  );
}

/** The signature file of a text, as minisign writes it. */
export function signText(text: Buffer, { key, id }: SecretKey, trustedComment: string): string {
  const signature = sign(null, hashOf(text), key);
  const comment = sign(null, Buffer.concat([signature, Buffer.from(trustedComment)]), key);
  const body = Buffer.concat([Buffer.from('ED'), idBytes(id), signature]);
  return [
    `${commentMark}signature from minisign secret key`,
    body.toString('base64'),
    `${trustedMark}${trustedComment}`,
    comment.toString('base64'),
    '',
  ].join('\n');
}

/**
 * What libsodium's crypto_pwhash_scryptsalsa208sha256 makes of its two limits (pickparams in its source); undefined over
 * 1 GiB or 2^26 operations, the most that minisign uses being 2^25.
 */
function scryptCost(operations: bigint, memory: bigint) {
  if (operations > 1n << 26n || memory > 1n << 30n || memory < 1n << 14n) return undefined;
  const work = Number(operations < 32_768n ? 32_768n : operations);
  const bytes = Number(memory);
  const r = 8;
  const cheap = work < bytes / 32;
  const most = cheap ? work / (r * 4) : bytes / (r * 128);
  let power = 1;
  while (2 ** power <= most / 2) power++;
  const N = 2 ** power;
  const p = cheap ? 1 : Math.max(1, Math.floor(Math.floor(work / 4 / N) / r));
  return { N, r, p };
}

function hashOf(text: Buffer): Buffer {
  return createHash('blake2b512').update(text).digest();
}

function pairOf(id: Buffer, seed: Buffer): SecretKey {
  // RFC 8410: the head of a PKCS #8 structure that holds an Ed25519 seed.
  const head = Buffer.from('302e020100300506032b657004220420', 'hex');
  const key = createPrivateKey({ key: Buffer.concat([head, seed]), format: 'der', type: 'pkcs8' });
  const open = rawPublic(createPublicKey(key));
  return { id: idText(id), key, publicKey: publicKey(id, open) };
}

function publicKey(id: Buffer, raw: Buffer): PublicKey {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') };
  const text = Buffer.concat([Buffer.from('Ed'), id, raw]).toString('base64');
  return { id: idText(id), text, key: createPublicKey({ key: jwk, format: 'jwk' }) };
}

function rawPublic(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
}

/** Minisign reads the eight bytes of an id as one little-endian number. */
function idText(bytes: Buffer): string {
  return bytes.readBigUInt64LE().toString(16).toUpperCase().padStart(16, '0');
}

function idBytes(id: string): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(`0x${id}`));
  return bytes;
}

function linesOf(text: string): string[] {
  if (text.length > maxFile) return [];
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}

/** Bytes of exactly that length, from their one spelling in base64. */
function base64(text: string, length: number): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === length && bytes.toString('base64') === text ? bytes : undefined;
}

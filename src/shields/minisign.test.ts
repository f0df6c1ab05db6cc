import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes, scryptSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import {
  createSecretKey,
  publicKeyFile,
  readPublicKey,
  readSecretKey,
  readSignature,
  type Scrypt,
  signText,
  verifySignature,
} from './minisign.ts';

const scrypt: Scrypt = (passphrase, salt, length, cost) =>
  scryptSync(passphrase, salt, length, { ...cost, maxmem: 1100 * 1024 * 1024 });
const noScrypt: Scrypt = () => assert.fail('no passphrase is needed');
const seed = Buffer.from(Array.from({ length: 40 }, (_, index) => index));
const { secret, file } = createSecretKey(Buffer.from(seed));
const text = Buffer.from('shields: []\n');
const signed = signText(text, secret, 'bundle core 1');

test('a key goes out and comes back', () => {
  assert.equal(secret.id, '0706050403020100');
  assert.equal(readSecretKey(file, 'k', undefined, noScrypt).id, secret.id);
  for (const written of [
    publicKeyFile(secret.publicKey),
    secret.publicKey.text,
    `${secret.publicKey.text}\n`,
  ])
    assert.equal(readPublicKey(written, 'k').text, secret.publicKey.text);
});

test('a signature is of its text, its comment and its key', () => {
  const signature = readSignature(signed, 's');
  assert.equal(signature.trustedComment, 'bundle core 1');
  assert.ok(verifySignature(text, signature, secret.publicKey));
  assert.ok(!verifySignature(Buffer.from('shields: [1]\n'), signature, secret.publicKey));
  const other = createSecretKey(Buffer.from(seed).reverse()).secret;
  assert.ok(!verifySignature(text, signature, other.publicKey));
  // Another key under the same id.
  const alike = createSecretKey(Buffer.concat([seed.subarray(0, 8), randomBytes(32)])).secret;
  assert.equal(alike.id, secret.id);
  assert.ok(!verifySignature(text, signature, alike.publicKey));
});

test('what is hashed is not taken for what is not, nor the other way about', () => {
  const mine = signed.split('\n');
  const raw = Buffer.from(mine[1] ?? '', 'base64');
  raw[1] = 'd'.charCodeAt(0);
  mine[1] = raw.toString('base64');
  assert.ok(!verifySignature(text, readSignature(mine.join('\n'), 's'), secret.publicKey));
  const hash = createHash('blake2b512').update(text).digest();
  assert.ok(verifySignature(hash, readSignature(mine.join('\n'), 's'), secret.publicKey));
});

test('not a byte of a signature file can be changed, but in its first line', () => {
  const bytes = Buffer.from(signed);
  const free = signed.indexOf('\n');
  const passed: number[] = [];
  for (let at = 'untrusted comment: '.length; at < bytes.length; at++) {
    for (const bit of [1, 4, 0x20]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ bit;
      let good: boolean;
      try {
        good = verifySignature(text, readSignature(changed.toString(), 's'), secret.publicKey);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'bad-signature');
        good = false;
      }
      if (good && at > free) passed.push(at);
    }
  }
  // The line end after the last line says nothing; a byte in its place makes a fifth line or a longer fourth one.
  assert.deepEqual(passed, []);
});

const badSignatures: readonly [string, (lines: string[]) => string[]][] = [
  ['nothing', () => []],
  ['three lines', (lines) => lines.slice(0, 3)],
  ['five lines', (lines) => [...lines.slice(0, 4), 'x', '']],
  ['comments in the wrong places', ([a = '', b = '', c = '', d = '']) => [c, b, a, d]],
  ['an unknown algorithm', ([a = '', b = '', c = '', d = '']) => [a, b.replace(/^RU/, 'SU'), c, d]],
  ['a signature that is too short', ([a = '', b = '', c = '', d = '']) => [a, b.slice(4), c, d]],
  ['base64 in another spelling', ([a = '', b = '', c = '', d = '']) => [a, b, c, d.replace(/=*$/, '')]],
  ['white space before base64', ([a = '', b = '', c = '', d = '']) => [a, ` ${b}`, c, d]],
  ['an escape in the comment', ([a = '', b = '', c = '', d = '']) => [a, b, `${c}\u001b[2J`, d]],
  ['megabytes', ([a = '', b = '', c = '', d = '']) => [a + 'x'.repeat(1e6), b, c, d]],
];
for (const [name, change] of badSignatures) {
  test(`no signature: ${name}`, () => {
    const changed = change(signed.split('\n')).join('\n');
    assert.throws(() => readSignature(changed, 's'), { code: 'bad-signature', place: 's' });
  });
}

const badKeys: readonly [string, string][] = [
  ['nothing', ''],
  ['a secret key', file],
  ['three lines', `${publicKeyFile(secret.publicKey)}x\n`],
  ['another algorithm', secret.publicKey.text.replace(/^RW/, 'RX')],
  ['too short', secret.publicKey.text.slice(4)],
];
for (const [name, written] of badKeys)
  test(`no public key: ${name}`, () =>
    assert.throws(() => readPublicKey(written, 'k'), { code: 'bad-signing-key', place: 'k' }));

describe('a secret key', () => {
  /** As minisign locks one, with scrypt's least cost. */
  function locked(passphrase: string, change: (bytes: Buffer) => void = () => {}): string {
    const [comment = '', line = ''] = file.split('\n');
    const bytes = Buffer.from(line, 'base64');
    bytes.write('Sc', 2, 'latin1');
    bytes.fill(7, 6, 38);
    bytes.writeBigUInt64LE(32_768n, 38);
    bytes.writeBigUInt64LE(16n * 1024n * 1024n, 46);
    const stream = scrypt(passphrase, bytes.subarray(6, 38), 104, { N: 1024, r: 8, p: 1 });
    for (let at = 0; at < 104; at++) bytes[54 + at] = (bytes[54 + at] ?? 0) ^ (stream[at] ?? 0);
    change(bytes);
    return `${comment}\n${bytes.toString('base64')}\n`;
  }

  test('is unlocked by its passphrase', () => {
    const unlocked = readSecretKey(locked('correct horse'), 'k', 'correct horse', scrypt);
    assert.equal(unlocked.publicKey.text, secret.publicKey.text);
    assert.ok(verifySignature(text, readSignature(signText(text, unlocked, ''), 's'), secret.publicKey));
  });

  const [head = '', line = ''] = file.split('\n');
  const bytes = Buffer.from(line, 'base64');
  bytes[70] = (bytes[70] ?? 0) ^ 1;
  const flipped = `${head}\n${bytes.toString('base64')}\n`;
  const refused: readonly [string, string, string | undefined, RegExp][] = [
    ['another passphrase', locked('a'), 'b', /passphrase is wrong/],
    ['none where one is needed', locked('a'), undefined, /protected by a passphrase/],
    ['a flipped seed', flipped, undefined, /halves/],
    ['a cost beyond bounds', locked('a', (b) => b.writeBigUInt64LE(1n << 40n, 46)), 'a', /1 GiB/],
    ['another derivation', locked('a', (b) => b.write('Xx', 2)), 'a', /not known/],
    ['a public key', publicKeyFile(secret.publicKey), undefined, /158 bytes/],
  ];
  for (const [name, written, passphrase, says] of refused) {
    test(`is refused, and nothing of it told: ${name}`, () =>
      assert.throws(
        () => readSecretKey(written, 'k', passphrase, scrypt),
        (error: Error & { code: string }) => {
          assert.equal(error.code, 'bad-signing-key');
          assert.match(error.message, says);
          assert.ok(!error.message.includes(written.split('\n')[1] ?? '-'));
          return true;
        },
      ));
  }
});

const installed = spawnSync('minisign', ['-v']).error === undefined;
describe('beside minisign itself', { skip: installed ? false : 'minisign is not installed' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-minisign-'));
  const at = (name: string) => join(folder, name);
  after(() => rmSync(folder, { recursive: true }));
  function minisign(args: readonly string[], input = '') {
    const { status, stderr, stdout } = spawnSync('minisign', args, { cwd: folder, input, encoding: 'utf8' });
    return { status, said: stdout + stderr };
  }
  writeFileSync(at('text'), text);

  test('it takes our signatures and our public key', () => {
    writeFileSync(at('ours.pub'), publicKeyFile(secret.publicKey));
    writeFileSync(at('text.minisig'), signed);
    const good = minisign(['-V', '-p', 'ours.pub', '-m', 'text']);
    assert.equal(good.status, 0, good.said);
    assert.match(good.said, /Trusted comment: bundle core 1/);
    assert.equal(minisign(['-V', '-H', '-P', secret.publicKey.text, '-m', 'text']).status, 0);
    writeFileSync(at('text.minisig'), signed.replace('core 1', 'core 2'));
    assert.notEqual(minisign(['-V', '-p', 'ours.pub', '-m', 'text']).status, 0);
  });

  test('it signs with our secret key', () => {
    writeFileSync(at('ours.key'), file, { mode: 0o600 });
    const made = minisign(['-S', '-W', '-s', 'ours.key', '-m', 'text', '-t', 'by hand']);
    assert.equal(made.status, 0, made.said);
    const signature = readSignature(readFileSync(at('text.minisig'), 'utf8'), 's');
    assert.equal(signature.trustedComment, 'by hand');
    assert.ok(verifySignature(text, signature, secret.publicKey));
  });

  for (const [how, lock, input, passphrase] of [
    ['without a passphrase', ['-W'], '', undefined],
    ['with one', [], 'correct horse\ncorrect horse\n', 'correct horse'],
  ] as const) {
    test(`we take its keys ${how}, and its signatures of both kinds`, () => {
      const made = minisign(['-G', '-f', ...lock, '-p', 'its.pub', '-s', 'its.key'], input);
      assert.equal(made.status, 0, made.said);
      const key = readPublicKey(readFileSync(at('its.pub'), 'utf8'), 'its.pub');
      // It leaves leading zeros out.
      assert.ok(readFileSync(at('its.pub'), 'utf8').includes(`public key ${key.id.replace(/^0+/, '')}`));
      // Unlocking takes seconds.
      for (const kind of passphrase === undefined ? [[], ['-l']] : [['-l']]) {
        const done = minisign(['-S', ...kind, ...lock, '-s', 'its.key', '-m', 'text'], input);
        assert.equal(done.status, 0, done.said);
        const signature = readSignature(readFileSync(at('text.minisig'), 'utf8'), 's');
        assert.equal(signature.hashed, kind.length === 0);
        assert.ok(verifySignature(text, signature, key));
        assert.ok(!verifySignature(Buffer.from('other'), signature, key));
      }
      const own = readSecretKey(readFileSync(at('its.key'), 'utf8'), 'its.key', passphrase, scrypt);
      assert.equal(own.publicKey.text, key.text);
      writeFileSync(at('text.minisig'), signText(text, own, 'ours'));
      assert.equal(minisign(['-V', '-p', 'its.pub', '-m', 'text']).status, 0);
    });
  }
});

test('an Ed25519 signature whose scalar is not reduced is refused', () => {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const lines = signed.split('\n');
  const body = Buffer.from(lines[1] ?? '', 'base64');
  const scalar = BigInt(`0x${Buffer.from(body.subarray(42)).reverse().toString('hex')}`) + order;
  const wide = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse();
  wide.copy(body, 42);
  const comment = sign(null, Buffer.concat([body.subarray(10), Buffer.from('bundle core 1')]), secret.key);
  const forged = [lines[0], body.toString('base64'), lines[2], comment.toString('base64'), ''].join('\n');
  assert.ok(!verifySignature(text, readSignature(forged, 's'), secret.publicKey));
});

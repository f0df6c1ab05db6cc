// portcullis bundle keygen, bundle build, bundle sign
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { timestamp } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import { parseVersion } from '../base/version.ts';
import { maxBundleBytes, ShieldBundle } from '../model/bundle.ts';
import { readBundleText } from '../platform/bundle-source.ts';
import { readText, writeWhole } from '../platform/files.ts';
import { type Command, type Context, required, wholeNumber, wrongUsage } from './command.ts';

const passphraseOption = {
  'passphrase-file': {
    type: 'string',
    value: 'FILE',
    help: 'file whose first line is the passphrase of the secret key',
  },
} as const;

export const bundleKeygen: Command = {
  name: 'bundle keygen',
  summary: 'make a key pair that signs bundles of shields, in the form of minisign',
  usage: '[NAME]',
  details:
    'Writes NAME.key, for its owner alone, and NAME.pub (NAME is portcullis when left out). The secret key has no passphrase:\n' +
    'keep it on a machine of its own, or make one that has with `minisign -G`, which `bundle sign` reads as well.\n' +
    'A pair that is there already is left as it is.',
  options: passphraseOption,
  arity: [0, 1],
  async run(context) {
    const [{ randomBytes }, minisign] = await Promise.all([
      import('node:crypto'),
      import('../shields/minisign.ts'),
    ]);
    const name = context.args[0] ?? 'portcullis';
    const [secretFile, publicFile] = [`${name}.key`, `${name}.pub`];
    const present = existsSync(secretFile);
    // The secret half holds the public one: a run that was interrupted between the two files is completed.
    if (present && !existsSync(publicFile)) {
      const { publicKey } = await readSecret(context, secretFile);
      writeWhole(publicFile, minisign.publicKeyFile(publicKey), 0o644);
    }
    if (!present && existsSync(publicFile))
      throw new Failure('bad-signing-key', 'there is a public key by this name and no secret one', {
        place: publicFile,
        hint: 'choose another name',
      });
    const made = present ? undefined : minisign.createSecretKey(randomBytes(40));
    if (made) {
      writeWhole(secretFile, made.file, 0o600);
      writeWhole(publicFile, minisign.publicKeyFile(made.secret.publicKey), 0o644);
      context.note(`warning: ${secretFile} is not protected by a passphrase: who reads it can sign bundles`);
    }
    const { id } = minisign.readPublicKey(readText(publicFile), publicFile);
    const outcome = made ? 'made' : 'unchanged';
    context.print(
      context.json
        ? JSON.stringify({ ok: true, outcome, key: id, secretKey: secretFile, publicKey: publicFile })
        : `key ${id} ${made ? 'made' : 'was there already'}: ${secretFile}, ${publicFile}`,
    );
    return 0;
  },
};

export const bundleBuild: Command = {
  name: 'bundle build',
  summary: 'put the shields of a folder into one file, which can be signed',
  usage: 'DIR',
  details:
    'Takes every shield (*.yaml) of the folder, runs its tests, and writes one document. A file with the same contents is left\n' +
    'as it is. With SOURCE_DATE_EPOCH, seconds since 1970, in the environment, that is when it says it was made.',
  options: {
    name: {
      type: 'string',
      value: 'NAME',
      default: 'shields',
      help: 'versions count for each name by itself',
    },
    version: {
      type: 'string',
      value: 'N',
      help: 'a whole number above that of every bundle before it (required)',
    },
    label: { type: 'string', value: 'TEXT', help: 'the version as people call it' },
    expires: { type: 'string', value: 'TIME', help: 'RFC 3339: use of it is warned of from then on' },
    'min-portcullis': { type: 'string', value: 'VERSION', help: 'the oldest Portcullis that may use it' },
    'revoke-key': { type: 'string', multiple: true, value: 'ID', help: 'a key that is no longer good' },
    'revoke-version': {
      type: 'string',
      multiple: true,
      value: 'N',
      help: 'a former version that must never come back',
    },
    'revoke-shield': {
      type: 'string',
      multiple: true,
      value: 'ID',
      help: 'a shield to leave out, even one that came with Portcullis',
    },
    file: { type: 'string', value: 'FILE', help: 'where to (default NAME-VERSION.bundle)' },
  },
  arity: [1, 1],
  async run(context) {
    const { bundleFile, bundleShields, bundleText, readBundle } = await import('../shields/bundle.ts');
    const folder = context.args[0] ?? '';
    required(context, 'version');
    const version = wholeNumber(context, 'version', 1, 1_000_000_000_000) ?? 0;
    const name = context.option('name') ?? 'shields';
    const out = context.option('file') ?? `${name}-${version}.bundle`;
    const revokes = {
      ...some('keys', context.list('revoke-key')),
      ...some('versions', context.list('revoke-version').map(Number)),
      ...some('shields', context.list('revoke-shield')),
    };
    const epoch = process.env['SOURCE_DATE_EPOCH'];
    const made = ShieldBundle.safeParse({
      apiVersion: 'portcullis/v1',
      kind: 'ShieldBundle',
      name,
      version,
      ...optional(context, 'label', 'label'),
      createdAt: timestamp(epoch === undefined ? Date.now() : Number(epoch) * 1000),
      ...optional(context, 'expires', 'expires'),
      ...optional(context, 'min-portcullis', 'minPortcullis'),
      shields: shieldFiles(folder).map((file) => bundleFile(file, readText(join(folder, file)))),
      ...(Object.keys(revokes).length > 0 ? { revokes } : {}),
    });
    if (!made.success) {
      const issue = made.error.issues[0];
      throw new Failure('bad-bundle', `${issue?.path.join('.')}: ${issue?.message}`, { place: folder });
    }
    let bundle = made.data;
    const present = existsSync(out) ? readBundle(readBundleText(out), out) : undefined;
    if (present && epoch === undefined) bundle = { ...bundle, createdAt: present.createdAt };
    const text = bundleText(bundle);
    readBundle(Buffer.from(text), out);
    if (Buffer.byteLength(text) > maxBundleBytes)
      throw new Failure(
        'bundle-too-large',
        `the bundle would be larger than ${maxBundleBytes / 1024 / 1024} MiB`,
        {
          place: folder,
        },
      );
    const shields = bundleShields(bundle, folder, 'proven').map(({ id }) => id);
    const unchanged = present && bundleText(present) === text;
    if (present && !unchanged && existsSync(`${out}.minisig`))
      throw new Failure('bad-bundle', 'a signed bundle of this name and version has other contents', {
        place: out,
        hint: 'count --version up: who has the one that is signed refuses another of the same version',
      });
    if (!unchanged) writeWhole(out, text, 0o644);
    const outcome = unchanged ? 'unchanged' : 'built';
    context.print(
      context.json
        ? JSON.stringify({ ok: true, outcome, file: out, name, version, shields })
        : `${out}: ${name} ${version}, ${shields.length} shields, ${outcome}; next: portcullis bundle sign ${out} --key KEY`,
    );
    return 0;
  },
};

export const bundleSign: Command = {
  name: 'bundle sign',
  summary: 'sign a bundle with a secret key of minisign',
  usage: 'FILE',
  details:
    'Writes FILE.minisig, which `minisign -V` verifies too. A signature by the same key that fits already is left as it is.',
  options: {
    key: {
      type: 'string',
      value: 'FILE',
      help: 'the secret key (required): of `bundle keygen` or of `minisign -G`',
    },
    ...passphraseOption,
    comment: {
      type: 'string',
      value: 'TEXT',
      help: 'the trusted comment, signed along (default: name and version)',
    },
  },
  arity: [1, 1],
  async run(context) {
    const [{ readBundle }, minisign] = await Promise.all([
      import('../shields/bundle.ts'),
      import('../shields/minisign.ts'),
    ]);
    const file = context.args[0] ?? '';
    const text = readBundleText(file);
    const { name, version } = readBundle(text, file);
    const secret = await readSecret(context, required(context, 'key'));
    const beside = `${file}.minisig`;
    const comment = context.option('comment') ?? `bundle ${name} ${version}`;
    const made = minisign.signText(text, secret, comment);
    minisign.readSignature(made, '--comment');
    const fits = existsSync(beside) && sameSignature(readText(beside));
    if (!fits) writeWhole(beside, made, 0o644);
    const outcome = fits ? 'unchanged' : 'signed';
    context.print(
      context.json
        ? JSON.stringify({ ok: true, outcome, file, signature: beside, key: secret.id, name, version })
        : `${beside}: by key ${secret.id}, ${outcome}`,
    );
    return 0;

    function sameSignature(present: string): boolean {
      try {
        const signature = minisign.readSignature(present, beside);
        return (
          minisign.verifySignature(text, signature, secret.publicKey) && signature.trustedComment === comment
        );
      } catch (error) {
        if (error instanceof Failure) return false;
        throw error;
      }
    }
  },
};

/** @throws Failure `bad-signing-key`, `unreadable` */
async function readSecret(context: Context, file: string) {
  const [{ scryptSync }, { readSecretKey }] = await Promise.all([
    import('node:crypto'),
    import('../shields/minisign.ts'),
  ]);
  const text = readText(file);
  if ((statSync(file).mode & 0o077) !== 0)
    context.note(`warning: others than its owner can read ${file}: chmod 600 ${file}`);
  const passphraseFile = context.option('passphrase-file');
  const passphrase = passphraseFile === undefined ? undefined : readText(passphraseFile).split(/\r?\n/)[0];
  return readSecretKey(text, file, passphrase, (words, salt, length, cost) =>
    // The memory that scrypt takes is 128 · N · r bytes, and a little.
    scryptSync(words, salt, length, { ...cost, maxmem: 128 * cost.N * cost.r + 64 * 1024 * 1024 }),
  );
}

/** @throws Failure `unreadable`, `no-shields` */
function shieldFiles(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new Failure('unreadable', "can't be read: there is no such folder", { place: folder });
  const names = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
  if (names.length === 0)
    throw new Failure('no-shields', 'there are no shields (*.yaml) in this folder', { place: folder });
  return names.map((name) => basename(name)).sort();
}

function optional(context: Context, option: string, member: string): Record<string, string> {
  const value = context.option(option);
  if (option === 'min-portcullis' && value !== undefined && !parseVersion(value))
    throw wrongUsage(`--min-portcullis takes a version, not '${value}'`);
  return value === undefined ? {} : { [member]: value };
}

function some<T>(member: string, values: readonly T[]): Record<string, readonly T[]> {
  return values.length > 0 ? { [member]: values } : {};
}

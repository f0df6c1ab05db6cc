// portcullis bundle verify, use, list, show, trust, revoke
import { existsSync } from 'node:fs';
import { describeFailure, Failure } from '../base/failure.ts';
import type { BundlesAnswer, ShieldChange, UsedBundle } from '../model/bundle.ts';
import { type FoundBundle, readBundles } from '../platform/bundle-source.ts';
import type { Admin } from '../platform/controller-client.ts';
import { readText } from '../platform/files.ts';
import { adminOptions, withAdmin } from './admin.ts';
import { type Command, type Context, required } from './command.ts';
import { printable, table } from './table.ts';

export const bundleVerify: Command = {
  name: 'bundle verify',
  summary: 'check a bundle: its signature, its form, and that each of its shields passes its own tests',
  usage: 'FILE|FOLDER|URL',
  details:
    'Needs no controller where --key says whose signature counts. Whether it is newer than what was used last only the controller\n' +
    'knows: `bundle use --dry-run`.',
  options: {
    ...adminOptions,
    key: {
      type: 'string',
      multiple: true,
      value: 'FILE',
      help: 'public key that counts (repeatable; default: those that the controller trusts)',
    },
  },
  arity: [1, 1],
  async run(context) {
    const { bundleShields } = await import('../shields/bundle.ts');
    const bundles = await readBundles(context.args[0] ?? '');
    const files = context.list('key');
    const keys =
      files.length > 0
        ? await keysFrom(files.map((file) => ({ place: file, text: readKey(file) })))
        : await withAdmin(context, async (admin) => keysOf(await admin.bundles.list()));
    const rows = [];
    for (const found of bundles) {
      try {
        const { bundle, key, trustedComment, digest } = await open(found, keys);
        const shields = bundleShields(bundle, found.place, 'proven').map(({ id }) => id);
        const { name, version, label, createdAt, expires } = bundle;
        const what = { name, version, label, key, trustedComment, digest, createdAt, expires, shields };
        rows.push({ place: found.place, ok: true as const, ...what });
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        const { code, message, place, hint } = error;
        const said = describeFailure(error);
        rows.push({ place: found.place, ok: false as const, error: { code, message, place, hint }, said });
      }
    }
    const ok = rows.every((row) => row.ok);
    if (context.json)
      context.print(JSON.stringify({ ok, bundles: rows.map((row) => ({ ...row, said: undefined })) }));
    else
      for (const row of rows)
        context.print(
          row.ok
            ? printable(
                `${row.place}: good: ${row.name} ${row.version}, ${row.shields.length} shields, signed by key ${row.key} (${row.trustedComment})`,
              )
            : printable(`BAD: ${row.said}`),
        );
    return ok ? 0 : 3;
  },
};

export const bundleUse: Command = {
  name: 'bundle use',
  summary: 'put the shields of a signed bundle in force, in place of those that came with Portcullis',
  usage: 'FILE|FOLDER|URL',
  details:
    'The controller verifies the signature, that the bundle is newer than the one it used last, and that every shield loads and\n' +
    'passes its own tests; then plans follow at once. One bad shield refuses the whole, and what was in force stays. Of a folder, the\n' +
    'newest bundle of each name is taken. A URL must be https, with its signature at URL.minisig. Where the policy asks two people for\n' +
    'what opens, a bundle that changes or takes out shields that stand needs two: the second asks for the same within an hour.',
  options: {
    ...adminOptions,
    shadow: {
      type: 'boolean',
      help: 'shields that are new or changed judge and count at first, and act on nothing',
    },
    'dry-run': { type: 'boolean', help: 'check everything and show what would change; change nothing' },
  },
  arity: [1, 1],
  async run(context) {
    const dryRun = context.flag('dry-run');
    const answers = await withAdmin(context, async (admin) => {
      const done = [];
      for (const { place, text, signature } of await chosen(context, admin))
        done.push(
          await admin.bundles.use({ place, text, signature, shadow: context.flag('shadow'), dryRun }),
        );
      return done;
    });
    if (context.json) context.print(JSON.stringify({ ok: true, bundles: answers }));
    else
      for (const { outcome, name, version, key, changes, shadowed, warnings } of answers) {
        for (const warning of warnings) context.note(`warning: ${warning}`);
        context.print(`${name} ${version}, signed by key ${key}: ${outcomes[outcome]}`);
        if (changes.length > 0) context.print(changeTable(changes));
        for (const { shield, server } of shadowed)
          context.print(
            `${shield} only looks on at ${server}; when its record is good: portcullis mode ${server} ${shield} default --why "…"`,
          );
      }
    return 0;
  },
};

const outcomes = {
  used: 'in force',
  unchanged: 'was in force already',
  'dry-run': 'is good (dry run: nothing was changed)',
} as const;

export const bundleList: Command = {
  name: 'bundle list',
  summary: 'the bundles that were used, and the keys that count',
  options: adminOptions,
  arity: [0, 0],
  async run(context) {
    const answer = await withAdmin(context, (admin) => admin.bundles.list());
    if (context.json) {
      context.print(JSON.stringify(answer));
      return 0;
    }
    context.print(
      answer.bundles.length === 0
        ? 'no bundle was used: the shields are those that came with Portcullis'
        : table(
            ['BUNDLE', 'VERSION', 'STATE', 'SHIELDS', 'KEY', 'USED', 'BY', 'WHY'],
            answer.bundles.map((one) => [
              one.name,
              one.label === undefined ? `${one.version}` : `${one.version} (${one.label})`,
              one.expired && one.state === 'in-force' ? 'in-force, EXPIRED' : one.state,
              `${one.shields.length}`,
              one.key,
              one.usedAt,
              one.by,
              one.why ?? '',
            ]),
          ),
    );
    if (answer.keys.length > 0) {
      context.print('');
      context.print(
        table(
          ['KEY', 'STATE', 'SINCE', 'BY', 'WHY'],
          answer.keys.map((key) => [key.id, key.state, key.at, key.by, key.why]),
        ),
      );
    }
    if (answer.source) {
      const { url, error } = answer.source;
      context.print(
        `\n${printable(`looked for at ${url}: ${error === undefined ? 'ok' : `FAILED: ${error}`}`)}`,
      );
    }
    return 0;
  },
};

export const bundleShow: Command = {
  name: 'bundle show',
  summary: 'what a bundle holds and what it changed, shield by shield',
  usage: 'NAME [VERSION]',
  details: 'Without a version: the one that is in force, or else the one that was used last.',
  options: adminOptions,
  arity: [1, 2],
  async run(context) {
    const [name, version] = context.args;
    const { bundles } = await withAdmin(context, (admin) => admin.bundles.list());
    const own = bundles.filter((one) => one.name === name);
    const found =
      version === undefined
        ? (own.find(({ state }) => state === 'in-force') ?? own[0])
        : own.find((one) => `${one.version}` === version);
    if (!found)
      throw new Failure('unknown-bundle', `no bundle '${context.args.join(' ')}' was used`, {
        hint: 'portcullis bundle list',
      });
    context.print(context.json ? JSON.stringify(found) : bundleText(found));
    return 0;
  },
};

export const bundleTrust: Command = {
  name: 'bundle trust',
  summary: 'let the signature of a public key count',
  usage: 'KEY',
  details:
    'KEY is a file of minisign (*.pub), or the line of base64 in it. Compare the id that is printed with its publisher by another way\n' +
    'than that by which the key came: who holds the secret half decides what your shields let through. Where the policy asks two people\n' +
    'for what opens, a key needs two.',
  options: adminOptions,
  arity: [1, 1],
  async run(context) {
    const given = context.args[0] ?? '';
    const answer = await withAdmin(context, (admin) =>
      admin.bundles.trust({ place: existsSync(given) ? given : 'the command line', key: readKey(given) }),
    );
    context.print(
      context.json
        ? JSON.stringify({ ok: true, ...answer })
        : `key ${answer.key} ${answer.outcome === 'unchanged' ? 'was trusted already' : 'is trusted'}`,
    );
    return 0;
  },
};

export const bundleRevoke: Command = {
  name: 'bundle revoke',
  summary: 'revoke a key for good: what it signed is void at once',
  usage: 'KEYID',
  details:
    'For each name the newest bundle that another key signed stands instead, or the shields that came with Portcullis. It can’t be taken\n' +
    'back: a key that was revoked is never trusted again. Where the policy asks two people for what opens, a revocation that changes or\n' +
    'takes out shields that stand needs two.',
  options: {
    ...adminOptions,
    why: { type: 'string', value: 'TEXT', help: 'the reason, for the log (required)' },
  },
  arity: [1, 1],
  async run(context) {
    const why = required(context, 'why');
    const key = (context.args[0] ?? '').toUpperCase();
    const answer = await withAdmin(context, (admin) => admin.bundles.revoke({ key, why }));
    if (context.json) context.print(JSON.stringify({ ok: true, ...answer }));
    else {
      context.print(
        `key ${answer.key} ${answer.outcome === 'unchanged' ? 'was revoked already' : 'is revoked'}`,
      );
      for (const line of answer.consequences) context.print(line);
      if (answer.changes.length > 0) context.print(changeTable(answer.changes));
    }
    return 0;
  },
};

/** The bundle of a file or URL as it is; of a folder, the newest of each name whose signature counts. */
async function chosen(context: Context, admin: Admin): Promise<readonly FoundBundle[]> {
  const found = await readBundles(context.args[0] ?? '');
  if (found.length === 1) return found;
  const keys = keysOf(await admin.bundles.list());
  const newest = new Map<string, { readonly version: number; readonly found: FoundBundle }>();
  let last: unknown;
  for (const one of found) {
    try {
      const { bundle } = await open(one, await keys);
      if (bundle.version > (newest.get(bundle.name)?.version ?? 0))
        newest.set(bundle.name, { version: bundle.version, found: one });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      context.note(`left out: ${describeFailure(error)}`);
      last = error;
    }
  }
  if (newest.size === 0) throw last;
  return [...newest.values()].map((item) => item.found);
}

async function open({ place, text, signature }: FoundBundle, keys: Awaited<ReturnType<typeof keysFrom>>) {
  const { openBundle } = await import('../shields/bundle.ts');
  return openBundle(Buffer.from(text), signature, keys, place);
}

function keysOf({ keys }: BundlesAnswer) {
  const trusted = keys.flatMap(({ id, text, state }) =>
    state === 'trusted' && text !== undefined ? [{ place: `key ${id}`, text }] : [],
  );
  const revoked = keys.filter(({ state }) => state === 'revoked').map(({ id }) => id);
  return keysFrom(trusted, revoked);
}

async function keysFrom(
  files: readonly { readonly place: string; readonly text: string }[],
  revoked: readonly string[] = [],
) {
  const { readPublicKey } = await import('../shields/minisign.ts');
  const keys = files.map(({ place, text }) => readPublicKey(text, place));
  return { trusted: new Map(keys.map((key) => [key.id, key])), revoked: new Set(revoked) };
}

function readKey(given: string): string {
  return /^RW[0-9A-Za-z+/]{54}$/.test(given) && !existsSync(given) ? given : readText(given);
}

function changeTable(changes: readonly ShieldChange[]): string {
  const rules = ({ added, changed, removed }: ShieldChange['rules']) =>
    [...added.map((id) => `+${id}`), ...changed.map((id) => `~${id}`), ...removed.map((id) => `-${id}`)].join(
      ' ',
    );
  return table(
    ['SHIELD', 'CHANGE', 'RULES', 'AND'],
    changes.map((one) => [one.shield, one.change, rules(one.rules) || 'as before', one.fields.join(', ')]),
  );
}

function bundleText(one: UsedBundle): string {
  return [
    printable(`${one.name} ${one.version}${one.label === undefined ? '' : ` (${one.label})`}: ${one.state}`),
    ...(one.why === undefined ? [] : [printable(`why      ${one.why}`)]),
    `key      ${one.key}`,
    `sha-256  ${one.digest}`,
    `made     ${one.createdAt}`,
    ...(one.expires === undefined ? [] : [`expires  ${one.expires}${one.expired ? ', which is past' : ''}`]),
    printable(`used     ${one.usedAt} by ${one.by}`),
    `shields  ${one.shields.join(', ') || 'none'}`,
    ...(one.changes.length === 0 ? [] : ['', changeTable(one.changes)]),
  ].join('\n');
}

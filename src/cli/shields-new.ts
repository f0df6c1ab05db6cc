// portcullis shields new
import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { Failure } from '../base/failure.ts';
import { readAdvisory } from '../intel/read.ts';
import type { Advisory } from '../model/advisory.ts';
import { writeWhole } from '../platform/files.ts';
import { scaffold } from '../shields/scaffold.ts';
import { readSource } from './advisory-sources.ts';
import type { Command } from './command.ts';

const root = join(import.meta.dirname, '../..');

export const shieldsNew: Command = {
  name: 'shields new',
  summary: 'begin a shield for a known flaw: its advisory filled in, a rule and two exchanges to complete',
  usage: 'CVE-…',
  details:
    'Writes DIR/CVE-….yaml, which is never overwritten. Its tests fail until the rule is written. Work in a folder of your own: a\n' +
    'controller does not start with a folder that holds a shield whose tests fail.',
  options: {
    shields: { type: 'string', value: 'DIR', help: 'the folder to write into (default: this one)' },
    advisories: {
      type: 'string',
      value: 'FILE|FOLDER|URL',
      help: 'where the advisory is (default: those that come with Portcullis)',
    },
  },
  arity: [1, 1],
  async run(context) {
    const id = context.args[0] ?? '';
    const source = context.option('advisories') ?? join(root, 'shields/advisories');
    const advisory = await find(id, source);
    const folder = context.option('shields') ?? '.';
    const file = join(folder, `${advisory.id}.yaml`);
    if (existsSync(file))
      throw new Failure('file-exists', 'there is a file already, and it is not overwritten', {
        place: file,
        hint: 'edit that one, or name another folder: --shields DIR',
      });
    const schema = relative(resolve(folder), join(root, 'docs/reference/schemas/shield.json'));
    writeWhole(file, scaffold(advisory, schema), 0o644);
    const next = [
      `edit ${file}: what is marked FILL IN`,
      `portcullis shields test --shields ${folder} --coverage ${advisory.id}`,
      `portcullis bundle build ${folder} --version N, or put the file into the folder of shields`,
    ];
    context.print(
      context.json
        ? JSON.stringify({ ok: true, file, shield: advisory.id, next })
        : [`wrote ${file}`, 'next:', ...next.map((line, index) => `  ${index + 1}. ${line}`)].join('\n'),
    );
    return 0;
  },
};

/** @throws Failure `unknown-advisory`; of the source `unreadable`; `bad-advisory` of the record with that id */
async function find(id: string, source: string): Promise<Advisory> {
  for (const { place, record } of await readSource(source)) {
    // What can't be used is no reason against the one that is looked for.
    if (!record.includes(id)) continue;
    const advisory = usable(record, place);
    if (advisory?.id === id) return advisory;
  }
  throw new Failure('unknown-advisory', `there is no advisory '${id}'`, {
    place: source,
    hint: 'give its record (OSV, CVE, feed): --advisories FILE',
  });

  function usable(record: string, place: string): Advisory | undefined {
    try {
      return readAdvisory(record, place);
    } catch (error) {
      if (error instanceof Failure) return undefined;
      throw error;
    }
  }
}

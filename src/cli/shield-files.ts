// The shields of a folder, for commands that need no controller.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/failure.ts';
import type { Shield } from '../model/shield.ts';
import { readText } from '../platform/files.ts';
import type { CommandOption } from './command.ts';

export const shieldsOption: Readonly<Record<string, CommandOption>> = {
  shields: {
    type: 'string',
    value: 'DIR',
    help: 'folder of shields (default: those that come with Portcullis)',
  },
};

export type ShieldFolder = {
  readonly shields: readonly Shield[];
  /** Of those ids, in the order of the files. @throws Failure `unknown-shield` */
  named(ids: readonly string[]): readonly Shield[];
};

/**
 * Read and checked, their tests not run.
 * @param folder left out: the shields that come with Portcullis
 * @throws Failure `unreadable`, `no-shields`, or what the first bad one is refused for
 */
export async function readShields(
  folder: string = join(import.meta.dirname, '../../shields'),
): Promise<ShieldFolder> {
  const { parseShield } = await import('../shields/load.ts');
  const shields = shieldFiles(folder).map((file) => parseShield(readText(file), file));
  return {
    shields,
    named(ids) {
      for (const id of ids) {
        if (shields.some((shield) => shield.id === id)) continue;
        throw new Failure('unknown-shield', `there is no shield '${id}'`, {
          place: folder,
          hint: `${shields.length} others are there, each in a file of its name`,
        });
      }
      return shields.filter((shield) => ids.includes(shield.id));
    },
  };
}

function shieldFiles(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (cause) {
    throw new Failure('unreadable', "can't be read: there is no such folder", { place: folder, cause });
  }
  const files = names.filter((name) => /\.ya?ml$/.test(name)).sort();
  if (files.length === 0)
    throw new Failure('no-shields', 'there are no shields (*.yaml) in this folder', { place: folder });
  return files.map((name) => join(folder, name));
}

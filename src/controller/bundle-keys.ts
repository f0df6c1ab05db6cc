// The keys in the controller's folder: trusted by whoever may write there, logged as they are first seen.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/failure.ts';
import { readText } from '../platform/files.ts';
import { trustKey } from './bundles.ts';
import type { Core } from './core.ts';

/**
 * Trusts every `*.pub` of a folder, if there is one. A key whose file is gone stays trusted until it is revoked.
 * @throws Failure `bad-signing-key`, `unreadable`
 */
export function trustFolder(core: Core, folder: string, note: (line: string) => void): void {
  if (!existsSync(folder)) return;
  const names = readdirSync(folder).filter((name) => name.endsWith('.pub'));
  for (const name of names.sort()) {
    const place = join(folder, name);
    try {
      trustKey(core, { place, key: readText(place) }, 'controller');
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'revoked-key') throw error;
      note(`warning: ${place}: ${error.message}; remove the file`);
    }
  }
}

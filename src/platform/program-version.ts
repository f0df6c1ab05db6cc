// The version of this program.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const programVersion: string = String(
  (JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { version?: unknown })
    .version,
);

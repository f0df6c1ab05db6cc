// The kubectl programs of this machine: PATH's `kubectl` and `kubectl.*`, and those that PORTCULLIS_KUBECTLS names
// (separated by colons). One per version.
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from '../../src/platform/run.ts';

export type Kubectl = { readonly version: string; readonly program: string };

export async function findKubectls(): Promise<Kubectl[]> {
  const named = (process.env['PORTCULLIS_KUBECTLS'] ?? '').split(delimiter).filter(Boolean);
  const onPath = (process.env['PATH'] ?? '').split(delimiter).flatMap((folder) => {
    try {
      return readdirSync(folder)
        .filter((file) => /^kubectl(\.\d[\d.]*)?$/.test(file))
        .map((file) => join(folder, file));
    } catch {
      return []; // PATH may name folders that aren't there
    }
  });
  const found = new Map<string, Kubectl>();
  for (const program of [...onPath, ...named]) {
    try {
      accessSync(program, constants.X_OK);
    } catch {
      continue;
    }
    const { stdout } = await run(program, ['version', '--client']);
    const version = /v\d+\.\d+\.\d+[\w.-]*/.exec(stdout)?.[0];
    if (version && !found.has(version)) found.set(version, { version, program });
  }
  return [...found.values()];
}

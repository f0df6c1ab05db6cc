// The shipped shields as a plan carries them, for benchmarks and tests that put the whole catalogue in the way.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GateShield } from '../../src/model/plan.ts';
import { gateShield } from '../../src/policy/gate-shield.ts';
import { parseShield } from '../../src/shields/load.ts';

export function shippedShields(): GateShield[] {
  const folder = join(import.meta.dirname, '../../shields');
  return globSync('*.yaml', { cwd: folder })
    .sort()
    .map((name) => gateShield(parseShield(readFileSync(join(folder, name), 'utf8'), name)));
}

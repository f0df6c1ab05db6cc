// portcullis shields test
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/failure.ts';
import { readText } from '../platform/files.ts';
import type { SelfTestResult } from '../shields/self-test.ts';
import type { Command } from './command.ts';
import { table } from './table.ts';

export const shieldsTest: Command = {
  name: 'shields test',
  summary:
    'run the exchanges of the shields through the real engine: attacks must be cut, innocents must pass',
  usage: '[ID ...]',
  options: {
    shields: {
      type: 'string',
      value: 'DIR',
      help: 'folder of shields (default: those that come with Portcullis)',
    },
    verbose: { type: 'boolean', short: 'v', help: 'every exchange, not only those that missed' },
  },
  arity: [0, 1000],
  async run(context) {
    const [{ parseShield }, { selfTest }, { catalogueCost, costBudgets }, { gateShield }] = await Promise.all(
      [
        import('../shields/load.ts'),
        import('../shields/self-test.ts'),
        import('../shields/cost.ts'),
        import('../policy/gate-shield.ts'),
      ],
    );
    const folder = context.option('shields') ?? join(import.meta.dirname, '../../shields');
    const shields = shieldFiles(folder).map((file) => parseShield(readText(file), file));
    for (const id of context.args) {
      if (!shields.some((shield) => shield.id === id)) {
        throw new Failure('unknown-shield', `there is no shield '${id}'`, {
          place: folder,
          hint: `known: ${shields.map((s) => s.id).join(', ')}`,
        });
      }
    }
    const results = shields
      .filter((shield) => context.args.length === 0 || context.args.includes(shield.id))
      .map((shield) => ({ ...selfTest(shield), id: shield.id, tier: shield.tier }));
    const steps = catalogueCost(shields.map((shield) => gateShield(shield)));
    const missed = results.flatMap((result) =>
      result.tests.filter((test) => !test.ok).map((test) => ({ id: result.id, test })),
    );
    if (context.json) {
      context.print(
        JSON.stringify({
          shields: results.map(({ id, tier, attacks, innocents }) => ({ id, tier, attacks, innocents })),
          missed,
          cost: { steps, budget: costBudgets.catalogue },
        }),
      );
    } else {
      context.print(table(['SHIELD', 'TIER', 'ATTACKS CUT', 'INNOCENTS PASSED', ''], results.map(row)));
      if (context.flag('verbose')) {
        for (const result of results)
          for (const test of result.tests)
            context.print(`  ${test.ok ? 'ok  ' : 'MISS'} ${test.kind}: ${test.name}`);
      }
      context.print(
        `all ${shields.length} shields can take ${steps.toLocaleString('en')} steps for one request, of ${costBudgets.catalogue.toLocaleString('en')}`,
      );
      for (const { id, test } of missed) context.print(`MISS ${id}: ${test.name}: ${test.reason}`);
    }
    return missed.length === 0 ? 0 : 3;
  },
};

/** @throws Failure `unreadable`, `no-shields` */
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

function row(result: SelfTestResult & { id: string; tier: number }): string[] {
  const { attacks, innocents } = result;
  const good = attacks.cut === attacks.of && innocents.passed === innocents.of;
  return [
    result.id,
    String(result.tier),
    `${attacks.cut} of ${attacks.of}`,
    `${innocents.passed} of ${innocents.of}`,
    good ? 'ok' : 'MISSED',
  ];
}

// The JavaScript client with the real server: the same as with the range's, through the gate.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Lab } from '../../range/demo/lab.ts';
import { incidentsSince } from '../../range/demo/observe.ts';
import { testClientNode } from '../clients/client-node-suite.ts';
import { shieldWorld, startWorld, type World } from './world.ts';

let world: World;
let lab: Lab;
before(async () => {
  world = await startWorld('pcrnode');
  lab = await shieldWorld(world);
});
after(async () => {
  await lab?.dispose();
  await world?.[Symbol.asyncDispose]();
});

testClientNode(
  async (argv) => {
    const ran = await world.range.topology.runIn('developer', argv, { signal: AbortSignal.timeout(120_000) });
    assert.equal(ran.code, 0, ran.stderr);
    return ran.stdout;
  },
  () => {
    const folder = join(world.dir, 'client-node');
    mkdirSync(folder);
    return { kubeconfig: world.range.files.kubeconfigs.developer, folder };
  },
);

test('none of it was an incident', () => {
  assert.deepEqual(
    incidentsSince(lab, 0).map(({ rule }) => rule),
    [],
  );
});

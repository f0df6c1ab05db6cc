// Watches that are silent for minutes, through a gate with its own limits as they are by default. Opt-in, for it takes as
// long as it is told: PORTCULLIS_LONG=240 scripts/test test/clients/long.test.ts (seconds; the longest of the limits is 180).
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultLimits } from '../../src/model/limits.ts';
import { pods, startGated, startGround } from '../identity/ground.ts';
import { firstLines } from './lines.ts';

const seconds = Number(process.env['PORTCULLIS_LONG'] ?? 0);

test(`watches that are silent for ${seconds} s go on`, {
  skip: seconds === 0 && 'opt-in: PORTCULLIS_LONG=SECONDS',
  timeout: (seconds + 60) * 1_000,
}, async () => {
  const ground = await startGround({ watchIntervalMs: seconds * 1_000 });
  const gated = await startGated(ground, {}, {}, { limits: defaultLimits });
  try {
    const url = `https://127.0.0.1:${gated.port}`;
    const kubeconfig = join(ground.folder, 'long.kubeconfig');
    const text = readFileSync(ground.files.kubeconfigs.developer, 'utf8');
    writeFileSync(kubeconfig, text.replace(/server: .*/, `server: ${url}`));
    const pki = (name: string) => join(ground.files.pki, name);
    const curl = (protocol: string) => [
      ...['curl', '-sSN', `--${protocol}`, '--cacert', pki('ca.crt'), '--cert', pki('developer.crt')],
      ...['--key', pki('developer.key'), `${url}${pods}?watch=1&resourceVersion=1`],
    ];
    const began = performance.now();
    const watches = [
      curl('http1.1'),
      curl('http2'),
      [
        'kubectl',
        `--kubeconfig=${kubeconfig}`,
        `--cache-dir=${ground.folder}`,
        'get',
        'pods',
        '-w',
        '-o',
        'name',
      ],
    ].map(([program = '', ...args]) => {
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      // What is there at first, and one event.
      return firstLines(child, program === 'kubectl' ? 3 : 1);
    });
    await Promise.all(watches);
    assert.ok(performance.now() - began > seconds * 1_000 * 0.9, 'they were silent for that long');
  } finally {
    await gated.stop();
    await ground.stop();
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localAddresses, type Runner } from './host.ts';

const listing = (...addresses: string[]) =>
  JSON.stringify([{ ifname: 'eth0', addr_info: addresses.map((local) => ({ local })) }]);

/** `ip` as it says one thing after another, and the last one ever after. */
function saying(...answers: readonly (readonly [stdout: string, stderr: string])[]) {
  let asked = 0;
  const run: Runner = async () => {
    const [stdout = '', stderr = ''] = answers[Math.min(asked, answers.length - 1)] ?? [];
    asked += 1;
    return { code: 0, stdout, stderr };
  };
  return { run, asked: () => asked };
}
const torn = 'Dump was interrupted and may be inconsistent.\n';

test('addresses that were listed while interfaces came and went are listed again', async () => {
  const ip = saying([listing('10.0.0.1'), torn], [listing(), torn], [listing('10.0.0.1', '2001:DB8::1'), '']);
  assert.deepEqual(await localAddresses(ip.run), ['10.0.0.1', '2001:db8::1']);
  assert.equal(ip.asked(), 3);
});

test('where they never stop to, what was listed last counts', async () => {
  const ip = saying([listing('10.0.0.1'), torn]);
  assert.deepEqual(await localAddresses(ip.run), ['10.0.0.1']);
  assert.equal(ip.asked(), 5);
});

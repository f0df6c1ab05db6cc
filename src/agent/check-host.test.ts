import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../base/failure.ts';
import { checkHost, hasNetAdmin } from './check-host.ts';
import type { Runner } from './host.ts';

const works: Runner = () => Promise.resolve({ code: 0, stdout: '', stderr: '' });

test('CAP_NET_ADMIN is read from the effective set', () => {
  assert.equal(hasNetAdmin('CapInh:\t0000000000000000\nCapEff:\t000001ffffffffff\n'), true);
  assert.equal(hasNetAdmin('CapEff:\t0000000000001000\n'), true);
  assert.equal(hasNetAdmin('CapPrm:\t000001ffffffffff\nCapEff:\t0000000000000fff\n'), false);
  assert.equal(hasNetAdmin('CapEff:\t0000000000000000\n'), false);
  assert.equal(hasNetAdmin(''), false);
});

test('a host with everything passes; a missing program and a kernel without nf_tables are named', async () => {
  await checkHost(works);
  const missing = new Failure('program-missing', "the program 'conntrack' is not installed");
  await assert.rejects(
    checkHost((file, args) => (file === 'conntrack' ? Promise.reject(missing) : works(file, args))),
    missing,
  );
  await assert.rejects(
    checkHost((file, args) =>
      file === 'nft' && args[0] === 'list'
        ? Promise.resolve({ code: 1, stdout: '', stderr: '\nnetlink: Error: cache initialization failed\n' })
        : works(file, args),
    ),
    (error: Failure) => error.code === 'kernel-refused' && /cache initialization failed/.test(error.message),
  );
});

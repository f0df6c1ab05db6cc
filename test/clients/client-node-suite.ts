// What @kubernetes/client-node must get, behind a gate in front of any server: the range's, or a real one.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const expected: Readonly<Record<string, unknown>> = {
  list: ['web', 'worker'],
  'what is not there': 404,
  'informer sees what is written': [
    'add informed before',
    'update informed patched',
    'update informed replaced',
    'delete informed replaced',
    'add informed again',
  ],
  'exec with standard input and its end': ['Success', true],
  'exec that fails': ['NonZeroExitCode', '5'],
  'exec in a terminal that is resized': 'Success',
  attach: 'web served request 1',
  'logs -f': ['web/web served request 10', 'web/web served request 11', 'web/web served request 12'],
  'port-forward': true,
  'cp to a pod and back': true,
};

/** @param run gives a program's words to a host of the range and what it printed back; it must succeed */
export function testClientNode(
  run: (argv: readonly string[]) => Promise<string>,
  place: () => { readonly kubeconfig: string; readonly folder: string },
): void {
  describe('@kubernetes/client-node', () => {
    let lines: readonly { what: string }[];
    before(async () => {
      const program = fileURLToPath(import.meta.resolve('./client-node.ts'));
      const { kubeconfig, folder } = place();
      const printed = await run([process.execPath, program, kubeconfig, folder]);
      lines = printed
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { what: string });
    });
    for (const [what, got] of Object.entries(expected)) {
      test(what, () => {
        assert.deepEqual(
          lines.find((line) => line.what === what),
          { what, got },
        );
      });
    }
  });
}

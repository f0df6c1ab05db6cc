// Bodies in odd forms: what a real server makes of them (dry runs, past the gate) beside what rules would see. Whatever new
// value the server accepts at a guarded place must stand there in our reading too, or the body be refused or told of.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodeBody } from '../../src/inspect/body/decode.ts';
import { compilePath } from '../../src/inspect/body/path.ts';
import { objectsOf, podsOf } from '../../src/inspect/body/pods.ts';
import { type DecodedBody, defaultBodyLimits } from '../../src/inspect/body/types.ts';
import { type Case, drawCases, type Fields, targets } from './body-cases.ts';
import type { ClientRequest } from './client.ts';
import { startWorld, type World } from './world.ts';

const seed = Number(process.env['PORTCULLIS_SEED'] ?? 20181203);
const count = Number(process.env['PORTCULLIS_BODIES'] ?? 900);
const admin = { certificate: 'admin' };

let world: World;
before(async () => {
  world = await startWorld('pcrbody');
});
after(async () => {
  await world?.[Symbol.asyncDispose]();
});

function collection({ group, version, resource }: Case['target']): string {
  return `${group === '' ? '/api' : `/apis/${group}`}/${version}/namespaces/lab/${resource}`;
}

function requestOf({ target, method, contentType, body }: Case): ClientRequest {
  const query =
    contentType === 'application/apply-patch+yaml' ? '?dryRun=All&fieldManager=me&force=true' : '?dryRun=All';
  return {
    method,
    path: `${collection(target)}${method === 'POST' ? '' : '/seen'}${query}`,
    headers: contentType === '' ? {} : { 'Content-Type': contentType },
    body: body.toString('base64'),
    binary: true,
    keep: 200_000,
  };
}

function readingOf({ target, method, contentType, body }: Case): DecodedBody {
  const verb = method === 'POST' ? 'create' : method === 'PUT' ? 'update' : 'patch';
  const { group, version, resource } = target;
  const type = typeof contentType === 'string' ? contentType : contentType.join(', ');
  return decodeBody(
    {
      contentType: type.trim(),
      contentEncoding: '',
      verb,
      group,
      version,
      resource,
      subresource: '',
      bytes: body,
    },
    defaultBodyLimits,
  );
}

/** Values that the server accepted where rules look, and that our reading does not have there. */
function unseen({ target }: Case, reading: DecodedBody, result: Fields, stored: Fields): string[] {
  if (reading.kind === 'undecodable') return [];
  // What a JSON patch takes from the stored object is told of as `patch.copies`; what it wrote itself must be found.
  const isCopied = (value: unknown) =>
    reading.kind === 'patch' && reading.copies && JSON.stringify(stored).includes(JSON.stringify(value));
  const objects = objectsOf(reading.value);
  const pods = podsOf(reading.value, reading.kind === 'object' || reading.patch === 'apply');
  const found: string[] = [];
  for (const { stands, asked, of } of target.guards) {
    const known = new Set(compilePath(stands)(stored));
    const seen = new Set((of === 'pods' ? pods : objects).flatMap((one) => compilePath(asked)(one)));
    for (const value of compilePath(stands)(result)) {
      if (value === '' || known.has(value) || seen.has(value) || isCopied(value)) continue;
      found.push(`${asked}: ${JSON.stringify(value)}`);
    }
  }
  return found;
}

test(`no value that the server takes from ${count} odd bodies is missed`, async (t) => {
  const created = [...new Map(targets.map((target) => [target.resource, target])).values()];
  const create = created.map(
    (target): ClientRequest => ({
      method: 'POST',
      path: collection(target),
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(target.object),
      keep: 200_000,
    }),
  );
  const stored = new Map(
    (await world.ask('cp', admin, create)).map(({ status, text }, index) => {
      assert.equal(status, 201, text);
      return [created[index]?.resource, JSON.parse(text) as Fields];
    }),
  );
  const cases = drawCases(seed, count);
  const answers = await world.ask('cp', admin, cases.map(requestOf), 2);
  const differences: string[] = [];
  const counts: Record<string, number> = {};
  cases.forEach((one, index) => {
    const { status = 0, text = '' } = answers[index] ?? {};
    const reading = readingOf(one);
    const accepted = status === 200 || status === 201;
    const copies = reading.kind === 'patch' && reading.copies ? ', copies' : '';
    const key = `${accepted ? 'accepted' : `refused ${status >= 500 ? '5xx' : ''}`.trim()}, ${reading.kind === 'undecodable' ? 'not read' : `read${copies}`}`;
    counts[key] = (counts[key] ?? 0) + 1;
    if (!accepted) return;
    const result = JSON.parse(Buffer.from(text, 'base64').toString('utf8')) as Fields;
    const missed = unseen(one, reading, result, stored.get(one.target.resource) as Fields);
    if (missed.length === 0) return;
    const shown = `${one.method} ${one.target.resource} ${String(one.contentType)}: ${one.body.toString('latin1')}`;
    differences.push(`${missed.join('; ')}\n    ${shown}`);
  });
  for (const [what, number] of Object.entries(counts).sort()) t.diagnostic(`${what}: ${number}`);
  const accepted = Object.entries(counts).filter(([what]) => what.startsWith('accepted, read'));
  assert.ok(
    accepted.reduce((sum, [, number]) => sum + number, 0) > count / 5,
    'the server accepts too few to tell',
  );
  assert.deepEqual(differences, [], differences.join('\n'));
});

test('ways that shields close because the server has them', async () => {
  const lab = '/api/v1/namespaces/lab';
  const json = { 'Content-Type': 'application/json' };
  const ask = async (request: ClientRequest) => (await world.ask('cp', admin, [request]))[0];
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'new' },
    spec: { ports: [{ port: 80 }] },
  };
  const made = await ask({
    method: 'PUT',
    path: `${lab}/services/new/status?dryRun=All`,
    headers: json,
    body: JSON.stringify(service),
  });
  assert.equal(made?.status, 201, 'a status makes a service');

  const pod = { metadata: { name: 'bound' }, spec: { containers: [{ name: 'a', image: 'b' }] } };
  await ask({ method: 'POST', path: `${lab}/pods`, headers: json, body: JSON.stringify(pod) });
  const binding = {
    metadata: { name: 'bound', annotations: { a: 'evil' } },
    target: { kind: 'Node', name: 'node' },
  };
  const bound = await ask({
    method: 'POST',
    path: `${lab}/bindings`,
    headers: json,
    body: JSON.stringify(binding),
  });
  assert.equal(bound?.status, 201);
  assert.match((await ask({ path: `${lab}/pods/bound` }))?.text ?? '', /"annotations":\{"a":"evil"\}/);

  // Two bytes of UTF-8: a no-break space.
  const spaced = await ask({
    method: 'POST',
    path: `${lab}/configmaps?dryRun=All`,
    headers: { 'Content-Type': 'application/yaml\u00c2\u00a0' },
    body: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: spaced}\n',
  });
  assert.equal(spaced?.status, 201, 'a space of Unicode beside a media type is trimmed');
});

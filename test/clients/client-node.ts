// A program that uses @kubernetes/client-node on a host of the range: client-node.ts KUBECONFIG FOLDER. Prints a JSON
// line for each case: {"what", "got"} or {"what", "error"}.
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable, type Writable } from 'node:stream';
import {
  Attach,
  CoreV1Api,
  Cp,
  Exec,
  KubeConfig,
  Log,
  makeInformer,
  PatchStrategy,
  PortForward,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Status,
} from '@kubernetes/client-node';
import { noise, sha256 } from './noise.ts';

const [file = '', folder = ''] = process.argv.slice(2);
const config = new KubeConfig();
config.loadFromFile(file);
const core = config.makeApiClient(CoreV1Api);
const namespace = 'lab';
const pod = 'web';
const labels = { by: 'client-node' };
const labelSelector = 'by=client-node';
const caseMs = 120_000;

/** What is written, with a wait for as much of it. */
function sink() {
  const stream = new PassThrough({ highWaterMark: 1 << 30 });
  const parts: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => parts.push(chunk));
  const bytes = () => Buffer.concat(parts);
  return {
    stream,
    bytes,
    async until(holds: (bytes: Buffer) => boolean): Promise<Buffer> {
      while (!holds(bytes())) await once(stream, 'data');
      return bytes();
    },
  };
}

/** A message of a WebSocket may have a megabyte at most. */
function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 60_000) yield bytes.subarray(at, at + 60_000);
}

/** Runs a command to its end. */
function exec(command: string[], stdout: Writable, stdin: Readable | null, tty = false): Promise<V1Status> {
  return new Promise((resolve, reject) => {
    new Exec(config).exec(namespace, pod, pod, command, stdout, null, stdin, tty, resolve).catch(reject);
  });
}

const cases: Readonly<Record<string, () => Promise<unknown>>> = {
  async list() {
    const { items } = await core.listNamespacedPod({ namespace });
    return items.map(({ metadata }) => metadata?.name).sort();
  },

  async 'what is not there'() {
    return core.readNamespacedPod({ namespace, name: 'none' }).catch((error: { code: number }) => error.code);
  },

  async 'informer sees what is written'() {
    const seen: string[] = [];
    const news = new PassThrough();
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const list = () => core.listNamespacedConfigMap({ namespace, labelSelector });
    const informer = makeInformer<V1ConfigMap>(config, path, list, labelSelector);
    for (const verb of ['add', 'update', 'delete'] as const) {
      informer.on(verb, ({ metadata, data }) => {
        seen.push(`${verb} ${metadata?.name} ${data?.['turn']}`);
        news.write('.');
      });
    }
    const make = (turn: string) => ({ metadata: { name: 'informed', labels }, data: { turn } });
    await core.createNamespacedConfigMap({ namespace, body: make('before') });
    await informer.start();
    await core.patchNamespacedConfigMap(
      { name: 'informed', namespace, body: { data: { turn: 'patched' } } },
      setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
    );
    await core.replaceNamespacedConfigMap({ name: 'informed', namespace, body: make('replaced') });
    await core.deleteNamespacedConfigMap({ name: 'informed', namespace });
    await core.createNamespacedConfigMap({ namespace, body: make('again') });
    while (seen.length < 5) await once(news, 'data');
    await informer.stop();
    return seen;
  },

  async 'exec with standard input and its end'() {
    const sent = noise(2_000_000, 19);
    const out = sink();
    const status = await exec(['cat'], out.stream, Readable.from(pieces(sent)));
    const got = await out.until((bytes) => bytes.length >= sent.length);
    return [status.status, sha256(got) === sha256(sent)];
  },

  async 'exec that fails'() {
    const status = await exec(['sh', '-c', 'exit 5'], sink().stream, null);
    return [status.reason, status.details?.causes?.[0]?.message];
  },

  async 'exec in a terminal that is resized'() {
    const terminal = sink();
    const screen = Object.assign(terminal.stream, { rows: 30, columns: 90 });
    const keys = new PassThrough();
    const over = exec(['sh'], screen, keys, true);
    keys.write('stty size\n');
    await terminal.until((bytes) => bytes.includes('30 90\n'));
    Object.assign(screen, { rows: 50, columns: 120 });
    screen.emit('resize');
    // Sizes and keys are two channels of one connection: what is typed later is read later.
    keys.write('stty size\n');
    await terminal.until((bytes) => bytes.includes('50 120\n'));
    keys.end('exit 0\n');
    return (await over).status;
  },

  async attach() {
    const out = sink();
    const socket = await new Attach(config).attach(namespace, pod, pod, out.stream, null, null, false);
    await out.until((bytes) => bytes.toString().split('\n').length > 3);
    socket.close();
    return out.bytes().toString().split('\n')[0];
  },

  async 'logs -f'() {
    const out = sink();
    await new Log(config).log(namespace, pod, pod, out.stream, {
      follow: true,
      tailLines: 1,
    });
    await out.until((bytes) => bytes.toString().split('\n').length > 4);
    return out.bytes().toString().split('\n').slice(0, 3);
  },

  async 'port-forward'() {
    const sent = noise(4_000_000, 23);
    const out = sink();
    const input = new PassThrough();
    const forward = new PortForward(config);
    const socket = await forward.portForward(namespace, pod, [7007], out.stream, null, input);
    for (const piece of pieces(sent)) input.write(piece);
    const got = await out.until((bytes) => bytes.length >= sent.length);
    if (typeof socket !== 'function') socket.close();
    return sha256(got) === sha256(sent);
  },

  async 'cp to a pod and back'() {
    const [from, to] = [join(folder, 'cp-from'), join(folder, 'cp-to')];
    mkdirSync(join(from, 'deep'), { recursive: true });
    mkdirSync(to);
    const files = { 'one.bin': noise(1_000_000, 29), 'deep/two.txt': Buffer.from('two\n') };
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(from, name), bytes);
    await new Cp(config).cpToPod(namespace, pod, pod, from, '/tmp/node');
    // cp answers when it has begun: the files are there when their last one is.
    const listed = async () => (await exec(['test', '-d', '/tmp/node/deep'], sink().stream, null)).status;
    while ((await listed()) !== 'Success') await new Promise((resolve) => setTimeout(resolve, 20));
    await new Cp(config).cpFromPod(namespace, pod, pod, '.', to, '/tmp/node');
    const same = () =>
      Object.entries(files).every(([name, bytes]) => {
        try {
          return readFileSync(join(to, name)).equals(bytes);
        } catch {
          return false; // not there yet
        }
      });
    while (!same()) await new Promise((resolve) => setTimeout(resolve, 20));
    return true;
  },
};

for (const [what, act] of Object.entries(cases)) {
  const late = AbortSignal.timeout(caseMs);
  const expired = new Promise<never>((_, reject) => {
    late.addEventListener('abort', () => reject(new Error(`not done in ${caseMs} ms`)));
  });
  let line: unknown;
  try {
    line = { what, got: await Promise.race([act(), expired]) };
  } catch (error) {
    line = { what, error: error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error) };
  }
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
process.exit(0);

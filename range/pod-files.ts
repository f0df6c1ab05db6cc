// The files of the range's pods, in memory, and a `tar` that puts them there and gets them: what `kubectl cp` runs.
import { posix } from 'node:path';

const block = 512;
/** By pod, then by absolute path. */
const pods = new Map<string, Map<string, Buffer>>();

export function isFolder(pod: string, path: string): boolean {
  const folder = posix.join('/', path, '/');
  return path === '/tmp' || [...(pods.get(pod)?.keys() ?? [])].some((name) => name.startsWith(folder));
}

/** `tar xf - [-C DIR]` and `tar cf - [-C DIR] PATH`; of other options only what clients send. */
export async function tar(
  pod: string,
  args: readonly string[],
  stdin: AsyncIterable<Buffer>,
  out: (bytes: Buffer) => Promise<void>,
): Promise<number> {
  const changed = args.indexOf('-C');
  const folder = posix.join('/', changed < 0 ? '' : (args[changed + 1] ?? ''));
  const files = pods.get(pod) ?? new Map<string, Buffer>();
  pods.set(pod, files);
  if (args[0]?.includes('x')) {
    const parts: Buffer[] = [];
    for await (const part of stdin) parts.push(part);
    for (const [name, content] of unpack(Buffer.concat(parts))) files.set(posix.join(folder, name), content);
    return 0;
  }
  const wanted = posix.join(folder, args.at(-1) ?? '');
  const found = [...files].filter(([name]) => name === wanted || name.startsWith(posix.join(wanted, '/')));
  for (const [name, content] of found) await out(pack(posix.relative(folder, name), content));
  await out(Buffer.alloc(2 * block));
  return found.length > 0 ? 0 : 2;
}

/** Regular files of a ustar archive; folders and extensions are skipped. */
function* unpack(archive: Buffer): Generator<[name: string, content: Buffer]> {
  const text = (from: number, length: number) =>
    archive.toString('utf8', from, from + length).replace(/\0.*$/s, '');
  for (let at = 0; at + block <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8) || 0;
    const prefix = text(at + 345, 155);
    const kind = text(at + 156, 1);
    const name = prefix ? `${prefix}/${text(at, 100)}` : text(at, 100);
    if (kind === '' || kind === '0') yield [name, archive.subarray(at + block, at + block + size)];
    at += block + Math.ceil(size / block) * block;
  }
}

function pack(name: string, content: Buffer): Buffer {
  const head = Buffer.alloc(block);
  head.write(name, 0, 100);
  head.write('0000644\0', 100);
  head.write('0000000\0'.repeat(2), 108);
  head.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  head.write('00000000000\0', 136);
  head.write('        0', 148); // the sum counts itself as spaces; then a regular file
  head.write('ustar\x0000', 257);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([head, content, Buffer.alloc((block - (content.length % block)) % block)]);
}

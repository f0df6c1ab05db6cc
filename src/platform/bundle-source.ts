// Where bundles come from: a file, a folder, an https URL; each with its signature beside it, under the name with `.minisig`.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/failure.ts';
import { maxBundleBytes } from '../model/bundle.ts';
import { fetchText, shownUrl } from './fetch-text.ts';
import { readText } from './files.ts';

/** Nothing of it is verified. */
export type FoundBundle = { readonly place: string; readonly text: string; readonly signature: string };

const beside = '.minisig';
const maxSignatureBytes = 16_384;

/**
 * The bundle of a file or URL, or every one of a folder.
 * @throws Failure `unreadable`, `bundle-too-large`
 */
export async function readBundles(source: string): Promise<readonly FoundBundle[]> {
  if (/^[a-z]+:\/\//.test(source)) return [await fetchBundle(source)];
  if (!statSync(source, { throwIfNoEntry: false })?.isDirectory()) return [readBundleFile(source)];
  const files = readdirSync(source)
    .filter((name) => name.endsWith(beside) && name !== beside)
    .sort();
  if (files.length === 0)
    throw new Failure('unreadable', `the folder holds no signed bundles (FILE and FILE${beside})`, {
      place: source,
    });
  return files.map((name) => readBundleFile(join(source, name.slice(0, -beside.length))));
}

/** Its place is the URL without its query, which may hold a token. @throws Failure `unreadable` */
export async function fetchBundle(url: string, signal?: AbortSignal): Promise<FoundBundle> {
  const more = signal ? { signal } : {};
  const at = URL.parse(url);
  if (!at) throw new Failure('unreadable', 'is no URL', { place: shownUrl(url) });
  if (at.username !== '' || at.password !== '')
    throw new Failure('unreadable', 'a URL with a user or password in it is not fetched', {
      place: shownUrl(url),
    });
  // The signature stands beside the bundle, whatever query goes with both.
  at.pathname += beside;
  const signature = await fetchText(at.href, { maxBytes: maxSignatureBytes, ...more });
  return {
    place: shownUrl(url),
    text: await fetchText(url, { maxBytes: maxBundleBytes, ...more }),
    signature,
  };
}

function readBundleFile(file: string): FoundBundle {
  const text = readBundleText(file).toString();
  const signatureFile = `${file}${beside}`;
  if (!statSync(signatureFile, { throwIfNoEntry: false })?.isFile())
    throw new Failure('unreadable', 'there is no signature beside the bundle', {
      place: signatureFile,
      hint: `get it from the publisher, or sign the bundle: portcullis bundle sign ${file}`,
    });
  return { place: file, text, signature: readText(signatureFile) };
}

/** A file's bytes, within the bound of a bundle. @throws Failure `unreadable`, `bundle-too-large` */
export function readBundleText(file: string): Buffer {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile())
    throw new Failure('unreadable', "can't be read: there is no such file", { place: file });
  if (found.size > maxBundleBytes)
    throw new Failure('bundle-too-large', `the file is larger than ${maxBundleBytes / 1024 / 1024} MiB`, {
      place: file,
    });
  return readFileSync(file);
}
